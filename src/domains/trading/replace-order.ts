import { and, eq } from 'drizzle-orm';
import { personOf } from '../../kernel/actor.ts';
import type { Amount } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import type { DomainError } from '../../kernel/error.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { requestHash } from '../../platform/http/idempotency.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { toWire } from '../../platform/http/wire.ts';
import { contradictions } from './contradictions.ts';
import { refuseTrading } from './errors.ts';
import { instructionAgain } from './instruction-of.ts';
import { legFault } from './order-groups.ts';
import { earlierAnswer } from './pipeline/accept-decisions.ts';
import { earlierOrders } from './pipeline/accept-reads.ts';
import type { NewOrder, OrderRow, Placed, Ticket } from './pipeline/ticket.ts';
import { tradingEngine } from './pipeline/trading-engine.ts';
import { mayRest } from './rules.ts';
import { orders } from './schema.ts';

/** What of an instruction another one says anew; the rest is taken over. */
export type Replacement = {
  readonly [Name in Changeable]?: NewOrder[Name] | undefined;
} & {
  /** What the caller knows to have traded of the order. */
  readonly filledQuantity?: Amount | undefined;
};

/** However many orders a group has had: whoever reads it reads them all. */
const GROUP_MAX = 1_000;

type Changeable =
  | 'quantity'
  | 'notional'
  | 'limitPrice'
  | 'stopPrice'
  | 'trailAmount'
  | 'trailPercent'
  | 'timeInForce'
  | 'expiresAt'
  | 'postOnly'
  | 'clientOrderId'
  | 'lots';

/**
 * Puts a new order in the place of an open one (I14), in one transaction: what the old one reserved is there
 * for the new one, and only where the new one is accepted does the old one end. The quantity is that of the new order
 * alone, so of what has not traded yet; unless it is given, all that is left. Time priority is lost. What the
 * engine matched before is settled first, so the two never trade beyond what was asked for. One of a pair, or an exit of
 * an entry, is replaced within its group: the others and the bond stay.
 * @effects as `placeOrder`; the old order becomes `replaced`; event `trading.order_replaced`; audit `order.closed`,
 *   of the other one of the group `order.reserved`
 * @errors busy, not_found, validation_failed, order_not_replaceable, order_in_group, order_group_invalid,
 *   idempotency_key_reused, client_order_id_reused, order_not_open, order_changed
 */
export async function replaceOrder(ctx: Ctx, orderId: Id, change: Replacement): Promise<Placed> {
  const userId = present(personOf(ctx.actor), 'an order is replaced by a person');
  const [old, together] = await ownOrder(ctx, orderId, userId);
  if (!mayRest(old)) {
    throw refuseTrading('order_not_replaceable');
  }
  const { filledQuantity: known, ...changes } = change;
  // Where the quantity is what was found to be left, nothing may have traded since.
  const isSized = change.quantity !== undefined || change.notional !== undefined;
  const isOwn = !isSized || old.groupId !== null;
  const filledQuantity = isOwn ? old.filledQuantity : (known ?? null);
  const ticket: Ticket = {
    ctx,
    userId,
    order: changed(instructionAgain(old), changes),
    requestHash: requestHash(toWire({ replaces: orderId, ...change })),
    idempotencyKey: present(ctx.idempotencyKey, 'the operation requires a key'),
    idempotencyIndex: 0,
    batchHash: null,
    replaces: {
      orderId,
      instrumentId: old.instrumentId,
      book: old.book,
      groupId: old.groupId,
      filledQuantity,
      isTriggered: old.triggeredAt !== null,
      reducedQuantity: old.reducedQuantity,
    },
    companions: [],
  };
  const isStale = isOwn && old.closedAt === null && known !== undefined && known !== old.filledQuantity;
  const refusal = isStale ? refuseTrading('order_changed') : refusalOf(old, together, ticket.order);
  return refusal === null ? tradingEngine(ctx.deps).submit(ticket) : answeredBefore(ticket, refusal);
}

/** Why what is asked for can take no order's place, or not that of this one; null where it may. */
function refusalOf(old: OrderRow, together: number, order: NewOrder): DomainError | null {
  const { groupRole, triggeredAt } = old;
  if (groupRole !== null && (groupRole === 'parent' || triggeredAt !== null || together >= GROUP_MAX)) {
    return refuseTrading('order_in_group');
  }
  const faults = contradictions(order);
  if (faults.length > 0) {
    return refuse('validation_failed', {
      detail: 'The order would contradict itself.',
      errors: faults.map(([member, detail]) => ({ pointer: `/${member}`, code: 'custom', detail })),
    });
  }
  const { quantity } = instructionAgain(old);
  const fault = groupRole === null || quantity === null ? null : legFault(groupRole, quantity, order);
  return fault === null
    ? null
    : refuseTrading('order_group_invalid', {
        errors: [{ pointer: `/${fault[0]}`, code: 'custom', detail: fault[1] }],
      });
}

/**
 * A key that has its answer keeps it (I11), also where the order has since become one that the change contradicts.
 * @errors idempotency_key_reused, client_order_id_reused; the refusal for a request that is new
 */
async function answeredBefore(ticket: Ticket, refusal: DomainError): Promise<Placed> {
  const { ctx } = ticket;
  const known = await transact(ctx, ctx.login, async (tx) =>
    earlierAnswer(ticket, await earlierOrders(tx, [ticket])),
  );
  if (known !== undefined && 'placed' in known) {
    return known.placed;
  }
  throw known?.error ?? refusal;
}

/** What is not said anew stays; another time in force than until a date takes that date away. */
function changed(order: NewOrder, changes: Replacement): NewOrder {
  const said = Object.entries(changes).filter(([, value]) => value !== undefined);
  const unsized = changes.notional === undefined ? order : { ...order, quantity: null };
  const merged: NewOrder = { ...unsized, ...Object.fromEntries(said) };
  return changes.timeInForce !== undefined && changes.timeInForce !== 'gtd' && changes.expiresAt === undefined
    ? { ...merged, expiresAt: null }
    : merged;
}

/**
 * @errors not_found, also for an order of somebody else
 * @shape the order, and how many its group has ever had
 */
async function ownOrder(ctx: Ctx, orderId: Id, userId: Id) {
  return transact(ctx, ctx.login, async (tx) => {
    const [old] = await tx
      .select()
      .from(orders)
      .where(and(eq(orders.id, orderId), eq(orders.userId, userId)));
    if (old === undefined) {
      throw refuse('not_found');
    }
    const together = old.groupId === null ? 0 : await tx.$count(orders, eq(orders.groupId, old.groupId));
    return [old, together] as const;
  });
}
