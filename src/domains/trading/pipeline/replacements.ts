/**
 * What a replacement finds of the order whose place it takes. Pure. That order is locked and its book
 * stands still, so what the row says is all that has happened to it.
 */
import { DomainError } from '../../../kernel/error.ts';
import type { Id } from '../../../kernel/id.ts';
import { refuseTrading } from '../errors.ts';
import type { Terms } from '../rules.ts';
import { type Groups, type Leg, legOf, legRefusal, releasedBy } from './replace-leg.ts';
import type { OrderRow, Ticket } from './ticket.ts';

/**
 * The order a ticket replaces, or why it cannot; null where it replaces none.
 * @errors order_not_open, order_not_replaceable where it is with a venue, which may be executing it, order_changed
 */
function replacedBy(
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

type Place = { readonly replaced: OrderRow | null; readonly leg: Leg | null };

/** Whose place a ticket's order takes, and what that one is to its group. @errors (as value) as `replacedBy`, `legOf`, `legRefusal` */
export function placeOf(
  ticket: Ticket,
  standing: {
    readonly replaced: ReadonlyMap<Id, OrderRow>;
    readonly away: ReadonlySet<Id>;
    readonly groups: Groups;
  },
  gone: ReadonlySet<Id>,
): Place | DomainError {
  const replaced = replacedBy(ticket, standing, gone);
  if (replaced === null || replaced instanceof DomainError) {
    return replaced ?? { replaced, leg: null };
  }
  const leg = legOf(replaced, standing.groups);
  if (leg === null || leg instanceof DomainError) {
    return leg ?? { replaced, leg };
  }
  return legRefusal(ticket.order, leg) ?? { replaced, leg };
}

/**
 * What the wallets have left once the replaced order has gone.
 * @units availableNow: what its wallet has before
 * @shape by wallet, where it differs from what the wallet says
 */
export function freed(
  available: ReadonlyMap<Id, bigint>,
  { replaced, leg }: Place,
  terms: Pick<Terms, 'kind'>,
  availableNow: bigint,
): ReadonlyMap<Id, bigint> {
  if (replaced === null || replaced.walletId === null) {
    return available;
  }
  const back = leg === null ? replaced.reservation : releasedBy(leg, terms);
  return new Map(available).set(replaced.walletId, availableNow + back);
}
