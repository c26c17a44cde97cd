/** What the books say of a day of accounts: balances at its end, what was booked in it, and what sales realised. */
import { sql } from 'drizzle-orm';
import { readStoredAmount } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayParameter } from '../../../platform/db/insert-rows.ts';
import { openContractsAt } from '../../trading/index.ts';
import { commissionsIn } from './commissions.ts';
import { type AssetDay, type BookedKind, type Commissions, type DayFacts, FLOW_OF_KIND } from './rules.ts';

/** @units from inclusive, to exclusive */
export type DaySpan = { readonly from: Instant; readonly to: Instant };

/**
 * @units commissionsSince: commissions of trades from then on are told apart; null where all stay in cost and proceeds
 * @shape every account, with the assets it had or moved, sorted, and the contracts it had open
 */
export async function readDayFacts(
  tx: Tx,
  accountIds: readonly Id[],
  { from, to }: DaySpan,
  commissionsSince: Instant | null,
): Promise<ReadonlyMap<Id, DayFacts>> {
  const ids = sql`${sql.param(arrayParameter('uuid', [...accountIds].sort()))}::uuid[]`;
  const money = await tx.execute<{ readonly code: string }>(sql`select code from assets where kind = 'fiat'`);
  const currencies = new Set(money.map(({ code }) => code));
  const days = new Map<Id, Map<string, Writable<AssetDay>>>();
  const toldApart = () =>
    commissionsSince === null ? {} : { commissions: { charged: 0n, realised: 0n } satisfies Commissions };
  const dayOf = ({ account_id, asset }: AmountRow) => {
    const own = days.get(account_id) ?? new Map<string, Writable<AssetDay>>();
    days.set(account_id, own);
    const day = own.get(asset) ?? { asset, isMoney: currencies.has(asset), ...NOTHING, ...toldApart() };
    own.set(asset, day);
    return day;
  };
  for (const row of await tx.execute<AmountRow>(balancesAt(ids, to))) {
    dayOf(row).quantity = readStoredAmount(row.amount);
  }
  for (const row of await tx.execute<AmountRow & { readonly kind: BookedKind }>(bookedIn(ids, from, to))) {
    const flow = FLOW_OF_KIND[row.kind];
    if (flow !== null) {
      dayOf(row)[flow] += readStoredAmount(row.amount);
    }
  }
  for (const row of await tx.execute<AmountRow>(realisedIn(ids, from, to))) {
    dayOf(row).realised += readStoredAmount(row.amount);
  }
  for (const row of commissionsSince === null
    ? []
    : await commissionsIn(tx, ids, { from, to }, commissionsSince)) {
    const day = dayOf(row);
    const { charged, realised } = day.commissions ?? { charged: 0n, realised: 0n };
    const amount = readStoredAmount(row.amount);
    day.commissions = row.is_charged
      ? { charged: charged + amount, realised }
      : { charged, realised: realised + amount };
  }
  const contracts = await openContractsAt(tx, accountIds, to);
  return new Map(
    accountIds.map((accountId) => {
      const assets = [...(days.get(accountId)?.values() ?? [])];
      assets.sort((left, right) => (left.asset < right.asset ? -1 : 1));
      return [accountId, { assets, contracts: contracts.get(accountId) ?? [] }];
    }),
  );
}

type Writable<Row> = { -readonly [Name in keyof Row]: Row[Name] };
type AmountRow = { readonly account_id: Id; readonly asset: string; readonly amount: string };

const NOTHING = { quantity: 0n, transfers: 0n, fees: 0n, income: 0n, realised: 0n };

/** One step into each wallet's history. */
function balancesAt(ids: unknown, to: Instant) {
  return sql`
    select w.account_id, w.asset, e.balance_after::text as amount from wallets w cross join lateral (
      select balance_after from ledger_entries where wallet_id = w.id and booked_at < ${to}::timestamptz
      order by booked_at desc, wallet_version desc limit 1) e
    where w.account_id = any (${ids}) and e.balance_after <> 0`;
}

/**
 * By the kind of the journal, a reversal by the kind of what it undoes. What the house kept of a deposit or a payout is
 * a fee, and what moved is the whole of it.
 */
function bookedIn(ids: unknown, from: Instant, to: Instant) {
  return sql`
    with booked as (
      select w.account_id, w.asset, e.journal_id, e.amount, coalesce(undone.kind, e.kind)::text as kind
      from wallets w
        join ledger_entries e on e.wallet_id = w.id and e.booked_at >= ${from}::timestamptz and e.booked_at < ${to}::timestamptz
        left join journals j on e.kind = 'reversal' and j.id = e.journal_id
        left join journals undone on undone.id = j.reverses_id
      where w.account_id = any (${ids})
    ), kept as (
      select moved.account_id, fee.asset, sum(fee.amount) as amount
      from (select distinct account_id, journal_id from booked where kind in ('deposit', 'withdrawal')) moved
        join ledger_entries fee on fee.journal_id = moved.journal_id
        join wallets house on house.id = fee.wallet_id and house.house_role = 'fees_earned'
      group by moved.account_id, fee.asset
    )
    select account_id, asset, kind, sum(amount)::text as amount from booked group by account_id, asset, kind
    union all select account_id, asset, 'fee', (-amount)::text from kept
    union all select account_id, asset, 'transfer', amount::text from kept`;
}

/** Only where cost and proceeds are known in one currency, as closed positions tell it. */
function realisedIn(ids: unknown, from: Instant, to: Instant) {
  return sql`
    select d.account_id, d.currency as asset, sum(d.proceeds - d.cost)::text as amount
    from lot_disposals d join lots l on l.id = d.lot_id and l.cost_currency = d.currency
    where d.account_id = any (${ids}) and d.disposed_at >= ${from}::timestamptz and d.disposed_at < ${to}::timestamptz
      and d.cost is not null and d.proceeds is not null
    group by d.account_id, d.currency`;
}
