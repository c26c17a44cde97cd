import { sql } from 'drizzle-orm';
import { readStoredAmount } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayParameter } from '../../../platform/db/insert-rows.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { together } from '../../../platform/db/transact.ts';
import { moveOf } from '../rules.ts';
import { closableBy, type PositionSide, sideOpenedBy } from './rules.ts';

/** One side of a trade, or of what is sent to a venue. */
export type Side = {
  readonly orderId: Id;
  readonly accountId: Id;
  readonly side: 'buy' | 'sell';
  readonly instrumentId: Id;
  /** Null where no units move hands in this step: what is sent may take all that is left of its order. */
  readonly quantity: bigint | null;
  readonly isContract: boolean;
};

type Open = { readonly side: PositionSide; readonly quantity: bigint };

/**
 * What each side is to a gate, in the order they happen: of a contract, whether it lessens the position that then
 * stands; of what is sent to a venue, whether all that is left of it does, beside what its account has there already.
 * What may only reduce is held to the position where it leaves (leaving.ts). Only the owner of an instrument's book trades
 * its positions, so no lock is needed but the book's.
 */
export async function movesOf(tx: Tx, sides: readonly Side[]): Promise<readonly ('trade' | 'reduce')[]> {
  const contracts = sides.filter(({ isContract }) => isContract);
  const sent = contracts.filter(({ quantity }) => quantity === null).map(({ orderId }) => orderId);
  const [open, leaving] = await together(
    contracts.length === 0 ? Promise.resolve(new Map<string, Open>()) : openOf(tx, contracts),
    sent.length === 0 ? Promise.resolve(new Map<Id, Leaving>()) : leavingOf(tx, sent),
  );
  return sides.map((side) => {
    if (!side.isContract) {
      return moveOf(side.side);
    }
    const key = keyOf(side.accountId, side.instrumentId);
    const standing = open.get(key);
    const closable = closableBy(side.side, standing);
    const order = side.quantity === null ? leaving.get(side.orderId) : undefined;
    const quantity = side.quantity ?? order?.open ?? null;
    // What only a notional bounds may be any number of units.
    if (quantity === null) {
      return 'trade';
    }
    open.set(key, after(standing, side.side, quantity));
    const room = closable - (order?.away ?? 0n);
    return order?.reduceOnly === true || (room > 0n && quantity <= room) ? 'reduce' : 'trade';
  });
}

function after(standing: Open | undefined, side: 'buy' | 'sell', quantity: bigint): Open {
  const closable = closableBy(side, standing);
  if (standing === undefined || closable === 0n) {
    return { side: sideOpenedBy(side), quantity: (standing?.quantity ?? 0n) + quantity };
  }
  return quantity <= closable
    ? { side: standing.side, quantity: closable - quantity }
    : { side: sideOpenedBy(side), quantity: quantity - closable };
}

/** The open positions that sides meet. @shape by `keyOf` */
export async function openOf(
  tx: Tx,
  sides: readonly Pick<Side, 'accountId' | 'instrumentId'>[],
): Promise<Map<string, Open>> {
  const accounts = sql.param(arrayParameter('uuid', [...new Set(sides.map(({ accountId }) => accountId))]));
  const listed = sql.param(
    arrayParameter('uuid', [...new Set(sides.map(({ instrumentId }) => instrumentId))]),
  );
  const rows = await executePrepared<{
    readonly account_id: Id;
    readonly instrument_id: Id;
    readonly side: PositionSide;
    readonly quantity: string;
  }>(
    tx,
    sql`select account_id, instrument_id, side, quantity from positions
      where account_id = any (${accounts}::uuid[]) and instrument_id = any (${listed}::uuid[]) and closed_at is null`,
  );
  return new Map(
    rows.map((row) => [
      keyOf(row.account_id, row.instrument_id),
      { side: row.side, quantity: readStoredAmount(row.quantity) },
    ]),
  );
}

type Leaving = {
  readonly reduceOnly: boolean;
  readonly open: bigint | null;
  /** What its account has at the venue on its side. */
  readonly away: bigint;
};

async function leavingOf(tx: Tx, orderIds: readonly Id[]): Promise<Map<Id, Leaving>> {
  const ids = sql.param(arrayParameter('uuid', [...orderIds]));
  const rows = await executePrepared<{
    readonly id: Id;
    readonly reduce_only: boolean;
    readonly open: string | null;
    readonly away: string;
  }>(
    tx,
    sql`with leaving as (
        select id, account_id, instrument_id, side, reduce_only, quantity - filled_quantity - reduced_quantity as open
        from orders where id = any (${ids}::uuid[])
      ), away as (
        select b.account_id, b.instrument_id, b.side,
          sum(coalesce(b.quantity - b.filled_quantity - b.reduced_quantity, p.quantity)) as quantity
        from (select distinct account_id, instrument_id, side from leaving) one
        join orders b on b.account_id = one.account_id and b.instrument_id = one.instrument_id and b.side = one.side
          and b.closed_at is null
        join venue_orders v on v.order_id = b.id and v.state <> 'done'
        left join positions p on p.account_id = b.account_id and p.instrument_id = b.instrument_id and p.closed_at is null
        group by b.account_id, b.instrument_id, b.side
      )
      select id, reduce_only, open, coalesce(away.quantity, 0)::text as away
      from leaving left join away using (account_id, instrument_id, side)`,
  );
  return new Map(
    rows.map(({ id, reduce_only: reduceOnly, open, away }) => [
      id,
      { reduceOnly, open: open === null ? null : readStoredAmount(open), away: readStoredAmount(away) },
    ]),
  );
}

/** Names a position, for maps. */
export function keyOf(accountId: Id, instrumentId: Id): string {
  return `${accountId} ${instrumentId}`;
}
