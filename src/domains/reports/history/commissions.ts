/**
 * What trades in units cost an account. The lots keep it in cost and proceeds, as tax does; history tells it as a fee on
 * the day it was charged, and takes it out of what the lots say was realised.
 */
import { type SQL, sql } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { Tx } from '../../../platform/db/client.ts';

type Commission = {
  readonly account_id: Id;
  readonly asset: string;
  readonly is_charged: boolean;
  readonly amount: string;
};

/**
 * The commissions of fills booked in a day, and those that its disposals count in cost and proceeds.
 * @units from inclusive, to exclusive; since: what earlier purchases paid stays in their cost
 */
export function commissionsIn(
  tx: Tx,
  ids: SQL,
  { from, to }: { readonly from: Instant; readonly to: Instant },
  since: Instant,
): Promise<readonly Commission[]> {
  return tx.execute<Commission>(sql`
    ${chargedIn(ids, from, to)}
    union all select account_id, asset, false, sum(amount)::text
      from (${soldIn(ids, from, to)} union all ${boughtOf(ids, from, to, since)}) counted
      group by account_id, asset`);
}

/** By the journals that moved units: the fee of a contract has a journal of its own. */
function chargedIn(ids: SQL, from: Instant, to: Instant): SQL {
  return sql`
    select f.account_id, f.fee_asset as asset, true as is_charged, sum(f.fee)::text as amount
    from (
      select distinct w.account_id, e.journal_id
      from wallets w join ledger_entries e on e.wallet_id = w.id and e.kind = 'trade'
        and e.booked_at >= ${from}::timestamptz and e.booked_at < ${to}::timestamptz
      where w.account_id = any (${ids})
    ) traded
      join journals j on j.id = traded.journal_id and j.reference_type = 'trade'
      join fills f on f.trade_id = j.reference_id and f.account_id = traded.account_id
    group by f.account_id, f.fee_asset`;
}

/** What a sale paid is in the proceeds of its parts, by their quantity; the shares of all of them are the whole. */
function soldIn(ids: SQL, from: Instant, to: Instant): SQL {
  return sql`
    select part.account_id, part.asset, ${shareOf('part.fee', 'part.upto', 'part.quantity', 'part.whole')} as amount
    from (
      select d.account_id, d.currency as asset, d.quantity, f.fee, f.quantity as whole,
        d.cost is not null and l.cost_currency = d.currency as is_realised,
        sum(d.quantity) over (partition by f.id order by d.id) as upto
      from lot_disposals d join lots l on l.id = d.lot_id
        join fills f on f.id = d.reference_id and f.side = 'sell'
      where d.account_id = any (${ids}) and d.reference_type = 'fill' and d.proceeds is not null
        and d.disposed_at >= ${from}::timestamptz and d.disposed_at < ${to}::timestamptz
    ) part where part.is_realised`;
}

/** What a purchase paid is in the cost of its lot, and leaves it with its units, evenly, whatever the method. */
function boughtOf(ids: SQL, from: Instant, to: Instant, since: Instant): SQL {
  return sql`
    select part.account_id, part.asset, ${shareOf('part.fee', 'part.upto', 'part.quantity', 'part.whole')} as amount
    from (
      select d.account_id, d.currency as asset, d.quantity, d.disposed_at, f.fee, l.quantity as whole,
        d.cost is not null and d.proceeds is not null and l.cost_currency = d.currency as is_realised,
        sum(d.quantity) over (partition by l.id order by d.disposed_at, d.id) as upto
      from lots l
        join fills f on f.id = l.reference_id and f.side = 'buy' and f.executed_at >= ${since}::timestamptz
        join lot_disposals d on d.lot_id = l.id and d.disposed_at < ${to}::timestamptz
      where l.source = 'trade' and l.id in (
        select lot_id from lot_disposals where account_id = any (${ids})
          and disposed_at >= ${from}::timestamptz and disposed_at < ${to}::timestamptz)
    ) part where part.is_realised and part.disposed_at >= ${from}::timestamptz`;
}

/** @units rounded half up by what went before, so that shares add up to the whole */
function shareOf(fee: string, upto: string, quantity: string, whole: string): SQL {
  return sql.raw(
    `round(${fee} * ${upto} / ${whole}, 8) - round(${fee} * (${upto} - ${quantity}) / ${whole}, 8)`,
  );
}
