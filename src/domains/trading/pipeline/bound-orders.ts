/**
 * What books are told of orders that are bound to each other: exits wait for their entry, which comes behind them; of two
 * that cancel each other the first to enter brings the other's seat, which that one takes in its turn. The same whether they were just accepted, set free, or are read again.
 */
import { and, eq, inArray, isNotNull, isNull } from 'drizzle-orm';
import type { Amount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { GroupOrders, WaitOrder } from '../engine/command.ts';
import { orders } from '../schema.ts';
import type { Book, BookName, Work } from './desk.ts';
import { commandOf, engineReason } from './engine-commands.ts';
import { isWaiting } from './group-reservations.ts';
import type { OrderRow } from './ticket.ts';
import type { MarkOf } from './trail-marks.ts';

/** What a book is told of an order the database holds; a trailing one has seen `mark`. */
export function workOf(order: OrderRow, mark: Amount | null = null): Work {
  return order.cancelRequestedAt === null
    ? commandOf(order, order.bookSeq ?? 0n, mark)
    : { type: 'end', orderId: order.id, reason: engineReason(order.cancelReason) };
}

/**
 * The same of several orders, in their order.
 * @shape live: every open order of the groups that these belong to
 */
export function worksOf(
  rows: readonly OrderRow[],
  live: readonly OrderRow[],
  markOf: MarkOf = () => null,
): readonly Work[] {
  const groups = Map.groupBy(live, ({ groupId }) => groupId);
  return rows.flatMap((row) =>
    row.groupId === null
      ? [workOf(row, markOf(row))]
      : boundWorks(row, groups.get(row.groupId) ?? [], markOf),
  );
}

/**
 * Puts works into the queue of a book, and keeps which orders cancel each other: what one leaves, the other takes over,
 * whether or not both are still in the book.
 * @shape live: as for `worksOf`
 */
export function enqueue(book: Book, works: readonly Work[], live: readonly OrderRow[]): void {
  const members = live.filter(({ groupId, groupRole }) => groupId !== null && groupRole !== 'parent');
  for (const [one, other] of Map.groupBy(members, ({ groupId }) => groupId).values()) {
    if (one !== undefined && other !== undefined) {
      book.siblings.set(one.id, other.id).set(other.id, one.id);
    }
  }
  for (const work of works) {
    book.queue.push(work);
  }
}

/** Forgets which orders cancel these: they have closed, or are told again as the database has them now. */
export function part({ siblings }: Book, orderIds: Iterable<Id>): void {
  if (siblings.size === 0) {
    return;
  }
  for (const orderId of orderIds) {
    const other = siblings.get(orderId);
    siblings.delete(orderId);
    // It may be bound to another by now, that took this one's place.
    if (other !== undefined && siblings.get(other) === orderId) {
      siblings.delete(other);
    }
  }
}

/** Every open order of a book that is bound to others. */
export function boundIn(tx: Tx, { instrumentId, book }: BookName): Promise<OrderRow[]> {
  return tx
    .select()
    .from(orders)
    .where(
      and(
        eq(orders.instrumentId, instrumentId),
        eq(orders.book, book),
        isNotNull(orders.groupId),
        isNull(orders.closedAt),
      ),
    )
    .orderBy(orders.id);
}

/** Every open order of the groups that some orders belong to. */
export async function boundTo(tx: Tx, rows: readonly OrderRow[]): Promise<readonly OrderRow[]> {
  const groupIds = [...new Set(rows.flatMap(({ groupId }) => groupId ?? []))];
  return groupIds.length === 0
    ? []
    : tx
        .select()
        .from(orders)
        .where(and(inArray(orders.groupId, groupIds), isNull(orders.closedAt)))
        .orderBy(orders.id);
}

/** The orders whose fate is bound to that of others, as far as this process knows. */
export function siblingsOf({ siblings }: Book, orderIds: Iterable<Id>): Id[] {
  return siblings.size === 0 ? [] : [...orderIds].flatMap((orderId) => siblings.get(orderId) ?? []);
}

function boundWorks(row: OrderRow, group: readonly OrderRow[], markOf: MarkOf): readonly Work[] {
  if (row.groupRole === 'parent') {
    const exits = group.filter(isWaiting);
    return [
      ...exits.map((exit) => (exit.cancelRequestedAt === null ? waitFor(exit, row) : workOf(exit))),
      workOf(row, markOf(row)),
    ];
  }
  const legs = group.filter((order) => order.groupRole !== 'parent' && canEnter(order) && !isWaiting(order));
  const [first] = legs.filter(({ bookSeq }) => bookSeq !== null).toSorted(bySeq);
  if (legs.length < 2 || !canEnter(row) || first?.id !== row.id) {
    return [workOf(row, markOf(row))];
  }
  const members = [commandOf(row, row.bookSeq ?? 0n, markOf(row))];
  return [groupOf(row, members, legs)];
}

/** Binds orders to each other: those that enter now, and the others, which stand in the book or enter in their turn. */
export function groupOf(
  { groupId }: OrderRow,
  members: GroupOrders['members'],
  legs: readonly OrderRow[],
): GroupOrders {
  const entering = new Set(members.map((member) => (member.type === 'hold' ? member.order : member).orderId));
  const seats = legs
    .filter(({ id }) => !entering.has(id))
    .map((leg) => ({ orderId: leg.id, quantity: leftOf(leg) }));
  return { type: 'group', groupId: present(groupId, 'a member has its group'), members, seats };
}

/** What of an order that is sized by quantity has yet to trade. */
export function leftOf({ quantity, filledQuantity, reducedQuantity }: OrderRow): bigint {
  return present(quantity, 'an order of a group is sized by quantity') - filledQuantity - reducedQuantity;
}

/** What was triggered, or is being cancelled, cancels no other any more. */
function canEnter({ cancelRequestedAt, triggeredAt }: OrderRow): boolean {
  return cancelRequestedAt === null && triggeredAt === null;
}

function bySeq(left: OrderRow, right: OrderRow): number {
  return (left.bookSeq ?? 0n) < (right.bookSeq ?? 0n) ? -1 : 1;
}

/** What a book is told of an exit that waits for its entry. */
export function waitFor(exit: OrderRow, parent: OrderRow): WaitOrder {
  const { quantity } = parent;
  return {
    type: 'wait',
    orderId: exit.id,
    quantity: present(exit.quantity, 'an exit is sized by quantity') - exit.reducedQuantity,
    parentId: parent.id,
    parentQuantity: quantity === null ? null : quantity - parent.reducedQuantity,
    parentTraded: parent.filledQuantity,
  };
}
