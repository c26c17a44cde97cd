import { personOf } from '../../kernel/actor.ts';
import { formatAmount, ONE } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import type { Ctx } from '../../platform/context.ts';
import { requestHash } from '../../platform/http/idempotency.ts';
import type { NewOrder, Placed } from './pipeline/ticket.ts';
import { tradingEngine } from './pipeline/trading-engine.ts';

/**
 * Places an order. The answer comes when it is durable, before it is matched: an accepted order
 * answers `open` (or `pending` where another process matches), a refused one `rejected` with its
 * reason; both are stored. A retried key, or client order id, answers what it first did.
 * @effects one row of `orders` and `order_events`, `wallets.reserved`; audit `order.placed` or
 *   `order.rejected`
 * @errors busy, not_found, idempotency_key_reused, client_order_id_reused, unknown_symbol
 */
export async function placeOrder(ctx: Ctx, order: NewOrder): Promise<Placed> {
  return tradingEngine(ctx.deps).submit({
    ctx,
    userId: present(personOf(ctx.actor), 'an order is placed by a person'),
    order,
    requestHash: hashOf(order),
    idempotencyKey: present(ctx.idempotencyKey, 'the operation requires a key'),
    idempotencyIndex: 0,
    batchHash: null,
    replaces: null,
  });
}

/** What was asked, in one spelling: `1.50` and `1.5` are the same request. */
export function hashOf({ leverage, reduceOnly, expiresAt, ...order }: NewOrder): Uint8Array {
  const text = (amount: bigint | null) => (amount === null ? null : formatAmount(amount));
  return requestHash({
    ...order,
    ...(leverage === ONE ? {} : { leverage: text(leverage) }),
    // What an order before did not know is left out where it says nothing: its hash is what it was.
    ...(reduceOnly ? { reduceOnly } : {}),
    ...(expiresAt === null ? {} : { expiresAt }),
    stopPrice: text(order.stopPrice) ?? undefined,
    trailAmount: text(order.trailAmount) ?? undefined,
    trailPercent: text(order.trailPercent) ?? undefined,
    quantity: text(order.quantity),
    notional: text(order.notional),
    limitPrice: text(order.limitPrice),
  });
}
