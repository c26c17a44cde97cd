import { personOf } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import type { Ctx } from '../../platform/context.ts';
import { refuseTrading } from './errors.ts';
import { type BoundOrder, boundHashOf, exitsOf } from './order-groups.ts';
import type { Placed } from './pipeline/ticket.ts';
import { tradingEngine } from './pipeline/trading-engine.ts';

/**
 * Places an order, and with it the exits it asks for: all of them, or none. The answer comes when it is durable,
 * before it is matched: an accepted order answers `open` (or `pending` where another process matches), a refused one
 * `rejected` with its reason; both are stored. A retried key, or client order id, answers what it first did.
 * @effects one row of `orders` and `order_events` for each, `wallets.reserved`; audit `order.placed` or
 *   `order.rejected`
 * @errors busy, order_group_invalid (half a pair), not_found, idempotency_key_reused, client_order_id_reused,
 *   unknown_symbol
 */
export async function placeOrder(ctx: Ctx, bound: BoundOrder): Promise<Placed> {
  if (bound.bonds.ocoGroup !== undefined) {
    const detail = 'names a pair of orders, which is placed as a batch';
    throw refuseTrading('order_group_invalid', {
      errors: [{ pointer: '/ocoGroup', code: 'custom', detail }],
    });
  }
  return tradingEngine(ctx.deps).submit({
    ctx,
    userId: present(personOf(ctx.actor), 'an order is placed by a person'),
    order: bound.order,
    requestHash: boundHashOf(bound),
    idempotencyKey: present(ctx.idempotencyKey, 'the operation requires a key'),
    idempotencyIndex: 0,
    batchHash: null,
    replaces: null,
    companions: exitsOf(bound),
  });
}
