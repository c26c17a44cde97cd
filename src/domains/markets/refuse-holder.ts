import { sql } from 'drizzle-orm';
import { personOf } from '../../kernel/actor.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { refuseSelfAction } from '../identity/index.ts';

const DETAIL =
  'Whoever holds the instrument as a customer, or has an order on it, decides nothing about its price.';

/**
 * Whether any of these people has something to win or lose by the price of an instrument, as a customer and with live
 * money: a position, an open order, or units of what it trades, unless that is money.
 */
async function holds(tx: Tx, instrumentId: Id, people: readonly Id[]): Promise<boolean> {
  const ids = sql`any (${sql.param([...people])}::uuid[])`;
  const held = await tx.execute(sql`
    select 1 from positions
      where user_id = ${ids} and instrument_id = ${instrumentId} and book = 'live' and closed_at is null
    union all
    select 1 from orders o join accounts a on a.id = o.account_id and a.type = 'live'
      where a.user_id = ${ids} and o.instrument_id = ${instrumentId} and o.closed_at is null
    union all
    select 1 from instruments i join assets b on b.code = i.base_asset and b.kind <> 'fiat'
        join wallets w on w.asset = b.code and w.user_id = ${ids} and w.book = 'live' and w.total <> 0
      where i.id = ${instrumentId} and i.kind = 'spot'
    limit 1`);
  return held.length > 0;
}

/** Nobody asks as staff for what prices something they hold (I7). @errors self_action */
export async function refuseHolder(tx: Tx, ctx: Ctx, instrumentId: Id): Promise<void> {
  const person = personOf(ctx.actor);
  if (person !== null && (await holds(tx, instrumentId, [person]))) {
    refuseSelfAction(ctx, person, DETAIL);
  }
}

/** Nor decides on it; of those who did before, none may have come to hold it since. @errors self_approval */
export async function refuseHolders(tx: Tx, instrumentId: Id, people: readonly Id[]): Promise<void> {
  if (await holds(tx, instrumentId, people)) {
    throw refuse('self_approval', { detail: DETAIL });
  }
}
