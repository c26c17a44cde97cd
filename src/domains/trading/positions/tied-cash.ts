/**
 * Money of somebody who lost more than they have free, in orders that could be cancelled: it pays before the firm
 * bears anything. Those orders end first, durably, and the loss is settled then.
 */
import { sql } from 'drizzle-orm';
import { readStoredAmount } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayParameter } from '../../../platform/db/insert-rows.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import type { OrderRow } from '../pipeline/ticket.ts';
import { ORDERS_CHANNEL, recordCancelRequests } from '../record-cancel-requests.ts';

/** Thrown where a loss is more than is free while open orders reserve in its wallet; nothing was written. */
export class CashTied extends Error {
  override readonly name = 'CashTied';
  /** The order that would lose. */
  readonly orderId: Id;
  readonly orderIds: readonly Id[];

  constructor(orderId: Id, tied: readonly TiedOrder[]) {
    super('a loss comes before what open orders reserve');
    this.orderId = orderId;
    this.orderIds = tied.map(({ id }) => id);
  }
}

/** An open order that reserves in a wallet and could be cancelled, or was `asked` to end and has not yet. */
export type TiedOrder = Pick<OrderRow, 'id' | 'reservation'> & { readonly asked: boolean };

/** A cancel that takes longer holds up nobody else's trades: a venue may not answer. */
const CANCEL_WAIT_MS = 5_000;

/**
 * The open orders that reserve in wallets, but for those that only close positions: their fee is all they reserve.
 * Those that were asked to end longer ago count only for who names `any`, and bounds by itself how long that goes on.
 * @shape by wallet
 */
export async function readTiedCash(
  tx: Tx,
  ctx: Ctx,
  walletIds: readonly Id[],
  askedToEnd: 'lately' | 'any' = 'lately',
): Promise<ReadonlyMap<Id, readonly TiedOrder[]>> {
  if (walletIds.length === 0) {
    return new Map();
  }
  const since = askedToEnd === 'any' ? '-infinity' : addMs(ctx.deps.clock.now(), -CANCEL_WAIT_MS);
  const wanted = sql.param(arrayParameter('uuid', [...walletIds]));
  const rows = await executePrepared<{
    readonly id: Id;
    readonly wallet_id: Id;
    readonly reserved: string;
    readonly asked: boolean;
  }>(
    tx,
    sql`select o.id, o.wallet_id, o.reservation::text as reserved, o.cancel_requested_at is not null as asked from wallets w join orders o on o.account_id = w.account_id and o.wallet_id = w.id
      where w.id = any (${wanted}::uuid[]) and o.closed_at is null and o.reservation > 0
        and (o.cancel_requested_at is null or o.cancel_requested_at > ${since}::text::timestamptz)
        and not (o.reduce_only and exists (
          select from instruments i where i.id = o.instrument_id and i.kind = 'contract'))
      order by o.id`,
  );
  const tied = new Map<Id, TiedOrder[]>();
  for (const { id, wallet_id, reserved, asked } of rows) {
    const order = { id, reservation: readStoredAmount(reserved), asked };
    tied.set(wallet_id, [...(tied.get(wallet_id) ?? []), order]);
  }
  return tied;
}

/**
 * Asks for the end of what ties the cash, and wakes whoever owns the books of it.
 * @effects those of a cancel request
 * @shape the orders that were not asked to end before
 */
export async function freeCash(tx: Tx, ctx: Ctx, { orderIds }: CashTied): Promise<readonly OrderRow[]> {
  const now = ctx.deps.clock.now();
  const asked = await recordCancelRequests(tx, ctx, orderIds, 'insufficient_margin');
  const anew = asked.filter(
    ({ cancelRequestedAt }) => cancelRequestedAt !== null && cancelRequestedAt >= now,
  );
  if (anew.length > 0) {
    await tx.execute(sql`select pg_notify(${ORDERS_CHANNEL}, '')`);
  }
  return anew;
}
