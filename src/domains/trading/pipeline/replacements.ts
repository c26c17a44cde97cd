/**
 * What a replacement finds of the order whose place it takes. Pure. That order is locked and its book
 * stands still, so what the row says is all that has happened to it.
 */
import type { DomainError } from '../../../kernel/error.ts';
import type { Id } from '../../../kernel/id.ts';
import { refuseTrading } from '../errors.ts';
import type { OrderRow, Ticket } from './ticket.ts';

/**
 * The order a ticket replaces, or why it cannot; null where it replaces none.
 * @errors order_not_open, order_not_replaceable where it is with a venue, which may be executing it, order_changed
 */
export function replacedBy(
  { replaces }: Ticket,
  {
    replaced: locked,
    away,
  }: { readonly replaced: ReadonlyMap<Id, OrderRow>; readonly away: ReadonlySet<Id> },
  gone: ReadonlySet<Id>,
): OrderRow | DomainError | null {
  if (replaces === null) {
    return null;
  }
  const order = locked.get(replaces.orderId);
  const open = order !== undefined && order.closedAt === null && order.cancelRequestedAt === null;
  if (!open || gone.has(order.id)) {
    return refuseTrading('order_not_open');
  }
  if (away.has(order.id)) {
    return refuseTrading('order_not_replaceable');
  }
  const { filledQuantity: known, isTriggered, reducedQuantity } = replaces;
  const isAsKnown =
    (known === null || known === order.filledQuantity) &&
    isTriggered === (order.triggeredAt !== null) &&
    reducedQuantity === order.reducedQuantity;
  return isAsKnown ? order : refuseTrading('order_changed');
}

/**
 * What the wallets have left once the replaced order has gone.
 * @shape by wallet, where it differs from what the wallet says
 */
export function freed(
  available: ReadonlyMap<Id, bigint>,
  replaced: OrderRow,
  availableNow: bigint,
): ReadonlyMap<Id, bigint> {
  const left = new Map(available);
  if (replaced.walletId !== null) {
    left.set(replaced.walletId, availableNow + replaced.reservation);
  }
  return left;
}
