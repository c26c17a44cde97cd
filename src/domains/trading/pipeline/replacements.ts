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
 * @errors order_not_open, order_changed
 */
export function replacedBy(
  { replaces }: Ticket,
  locked: ReadonlyMap<Id, OrderRow>,
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
  const known = replaces.filledQuantity;
  return known === null || known === order.filledQuantity ? order : refuseTrading('order_changed');
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
