/**
 * What books are told of orders that are bound to each other: exits wait for their entry, which comes behind them; two
 * that cancel each other enter as one. The same whether they were just accepted, set free, or are read again.
 */
import { and, eq, inArray, isNotNull, isNull } from 'drizzle-orm';
import type { Amount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { WaitOrder } from '../engine/command.ts';
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
    return [...exits.map((exit) => waitOf(exit, row)), workOf(row, markOf(row))];
  }
  const entering = group
    .filter((order) => order.groupRole !== 'parent' && order.bookSeq !== null && canEnter(order))
    .toSorted(bySeq);
  if (entering.length < 2 || !canEnter(row)) {
    return [workOf(row, markOf(row))];
  }
  if (entering[0]?.id !== row.id) {
    return [];
  }
  const members = entering.map((order) => commandOf(order, order.bookSeq ?? 0n, markOf(order)));
  return [{ type: 'group', groupId: present(row.groupId, 'a member has its group'), members }];
}

/** What was triggered, or is being cancelled, cancels no other any more. */
function canEnter({ cancelRequestedAt, triggeredAt }: OrderRow): boolean {
  return cancelRequestedAt === null && triggeredAt === null;
}

function bySeq(left: OrderRow, right: OrderRow): number {
  return (left.bookSeq ?? 0n) < (right.bookSeq ?? 0n) ? -1 : 1;
}

function waitOf(exit: OrderRow, parent: OrderRow): WaitOrder | Work {
  if (exit.cancelRequestedAt !== null) {
    return workOf(exit);
  }
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
