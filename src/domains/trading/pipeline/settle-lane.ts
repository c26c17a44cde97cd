/**
 * Takes what waits in the books, lets the engines match it, and settles what they did. One lane for
 * all books of the process: one transaction is under way while the next batch forms. Where the rules of settlement
 * refuse what a customer's order did, that book takes back its batch (take-back.ts) and the others are settled; on any
 * other failure the books involved are dropped and read again. So memory is never ahead of the database for long.
 */

import { and, eq, inArray, isNull, or } from 'drizzle-orm';
import { DomainError } from '../../../kernel/error.ts';
import type { Id } from '../../../kernel/id.ts';
import { newId } from '../../../kernel/id.ts';
import { type Ctx, type Deps, machineCtx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { translateDatabaseError } from '../../../platform/db/errors.ts';
import { transact, transactInLane } from '../../../platform/db/transact.ts';
import { isKnown } from '../engine/book-state.ts';
import { endOutside } from '../engine/consequences.ts';
import type { EngineEvent } from '../engine/event.ts';
import { applyCommand } from '../engine/order-book.ts';
import { fitOrders } from '../positions/fit-order.ts';
import { OrderUnfit } from '../positions/order-unfit.ts';
import { CashTied, freeCash } from '../positions/tied-cash.ts';
import { recordCancelRequests } from '../record-cancel-requests.ts';
import { bookOwners, orders } from '../schema.ts';
import { awaitsVenue, callVenue } from '../venues/call-venue.ts';
import { takeNeverReceived, takeReport, takeResolution } from '../venues/take-report.ts';
import { dropResolution } from '../venues/unknown.ts';
import type { VenueLane } from '../venues/venue-lane.ts';
import { enqueue, part, siblingsOf, worksOf } from './bound-orders.ts';
import { type Book, bookKey, type Desk, TAKES_MAX, type Work } from './desk.ts';
import { engineReason } from './engine-commands.ts';
import { OrdersExpired } from './expired-orders.ts';
import { isHeldIn, spansFor, tellSpans } from './feed-prices.ts';
import { BookLost } from './fence.ts';
import { forget, giveUpBooks } from './rebuild-book.ts';
import { OrdersReplaced, PartiesRestricted, recordSettlement, sidesIn } from './record-settlement.ts';
import { type BookEvent, isMoving, ordersIn } from './settle-plan.ts';
import {
  canBeTakenBack,
  putInFront,
  type Taken,
  tellEnded,
  undoBatch,
  wakeForCancel,
  wakeParked,
} from './take-back.ts';
import type { OrderRow } from './ticket.ts';
import { BreakerTripped, enteringIn, takeLeaving, withdrawWaiting } from './tripped-books.ts';

/** A command that fails this often by itself takes its order out. */
const FAILURES_MAX = 4;

const PAUSE_AFTER_FAILURE_MS = 100;

/**
 * Carries out one batch.
 * @shape false when nothing waited
 */
export function settleStep(deps: Deps, desk: Desk, venues: VenueLane): Promise<boolean> {
  const step = carryOut(deps, desk, venues);
  desk.settling = step.catch(() => undefined);
  return step;
}

async function carryOut(deps: Deps, desk: Desk, venues: VenueLane): Promise<boolean> {
  const ctx = machineCtx(deps, { kind: 'system', name: 'trading.engine' }, newId());
  const woken = await wakeParked(ctx, desk);
  const batch = [...desk.books.values()].flatMap(take);
  if (batch.length === 0) {
    return woken;
  }
  let moving: readonly Taken[] = batch.filter(({ events }) => events.some(isMoving));
  while (moving.length > 0) {
    moving = await settle(ctx, desk, moving);
  }
  for (const { book, works, events } of batch) {
    if (book.venue !== null) {
      callVenue(venues, book, works, events);
    }
  }
  for (const { book, works } of batch) {
    for (const work of works) {
      if (work.type === 'cancel' && !awaitsVenue(book, work)) {
        work.settled?.();
      }
    }
  }
  return true;
}

/**
 * Settles what books did, all of it or nothing.
 * @shape what is still to be settled: the books that had no part in a failure
 */
async function settle(ctx: Ctx, desk: Desk, moving: readonly Taken[]): Promise<readonly Taken[]> {
  try {
    const { returning, spans } = await transactInLane(ctx, 'settle', async (tx) => {
      const back = await recordSettlement(tx, ctx, moving);
      return { returning: back, spans: await spansFor(tx, holdingBooks(desk, back)) };
    });
    for (const order of returning) {
      const book = desk.find(order);
      if (book !== undefined) {
        tellSpans(book, spans);
        enqueue(book, worksOf([order], returning), returning);
      }
    }
    for (const { book, events } of moving) {
      part(book, endedIn(events));
      book.failures = 0;
      book.takes = Math.min(book.takes * 2, TAKES_MAX);
    }
    tellEnded(desk, moving);
    return [];
  } catch (error) {
    const failed = moving.filter((taken) => isAtFault(taken, error));
    const culprits = failed.length === 0 ? moving : failed;
    try {
      await recover(ctx, desk, culprits, error);
    } catch (failure) {
      for (const { book } of moving) {
        forget(book);
      }
      throw failure;
    }
    return moving.filter((taken) => !culprits.includes(taken));
  }
}

/** The books that are about to hold some of these orders for a price. */
function holdingBooks(desk: Desk, rows: readonly OrderRow[]): Book[] {
  return rows.flatMap((order) => {
    const book = desk.find(order);
    return book !== undefined && isHeldIn(book, order) ? [book] : [];
  });
}

/** The orders that are closed once what a book did is settled. */
function endedIn(events: readonly BookEvent[]): Id[] {
  return events.flatMap((event) =>
    event.type === 'done' || event.type === 'cancelled' || event.type === 'ended' || event.type === 'rejected'
      ? [event.orderId]
      : [],
  );
}

/** Whether what a book did is what the rules of settlement refuse; of any other failure nobody knows. */
function isAtFault({ book, events }: Taken, error: unknown): boolean {
  if (error instanceof PartiesRestricted) {
    const { userIds, accountIds } = error;
    return sidesIn([{ book, events }]).some(
      ({ userId, accountId }) => userIds.includes(userId) || accountIds.includes(accountId),
    );
  }
  const touched = ordersIn(events);
  return refusedIn(error).some(
    (orderId) => touched.has(orderId) || siblingsOf(book, touched).includes(orderId),
  );
}

/** The orders for which the rules of settlement refused a batch. */
function refusedIn(error: unknown): readonly Id[] {
  if (error instanceof OrderUnfit) {
    return unfitIn(error).map(({ orderId }) => orderId);
  }
  if (error instanceof CashTied) {
    return [error.orderId];
  }
  return error instanceof OrdersExpired || error instanceof OrdersReplaced ? error.orderIds : [];
}

/** After a failure commands go one at a time, so that a bad one is found and stops only itself. */
function take(book: Book): Taken[] {
  if (!book.ready || book.still > 0 || book.queue.length === 0) {
    return [];
  }
  const works = book.tripped ? takeLeaving(book) : takeWaiting(book);
  if (works.length === 0) {
    return [];
  }
  const events: BookEvent[] = [];
  const before = { phase: book.matching.phase, reference: book.matching.reference };
  for (const work of works) {
    if (work.type === 'cancel') {
      wakeForCancel(book, work.orderId);
    }
    if (isDropped(book, work)) {
      continue;
    }
    if (work.type === 'report') {
      events.push(...takeReport(book, work.report, { contest: book.contested.has(work.report.reportId) }));
    } else if (work.type === 'resolve') {
      events.push(...takeResolution(book, work.orderId, work.resolution, work.resolutionId));
    } else if (work.type === 'never_received') {
      events.push(...takeNeverReceived(book, work.orderId));
    } else if (work.type === 'end' || withdrawsWaiting(book, work)) {
      const followed: EngineEvent[] = [];
      endOutside(book.matching, work.orderId, followed);
      events.push({ type: 'ended', orderId: work.orderId, reason: work.reason }, ...followed);
    } else {
      const answered: EngineEvent[] = [];
      applyCommand(book.matching, work, answered);
      events.push(...answered);
    }
  }
  return [{ book, works, events, before }];
}

function takeWaiting(book: Book): Work[] {
  const works = book.queue.splice(0, book.failures > 0 ? 1 : book.takes);
  book.replaying = Math.max(0, book.replaying - works.length);
  return works;
}

/** While nothing enters the book, an order is cancelled where it waits. */
function withdrawsWaiting(book: Book, work: Work): work is Extract<Work, { type: 'cancel' }> {
  return book.tripped && work.type === 'cancel' && withdrawWaiting(book, work.orderId);
}

/** The order that a command puts into the book; null for any other command. */
function orderOf(work: Work): Id | null {
  return work.type === 'new' || work.type === 'hold' ? (enteringIn(work)[0] ?? null) : null;
}

function resumeWithoutAuction(tx: Tx, book: Book) {
  return tx
    .update(bookOwners)
    .set({ phase: 'continuous' })
    .where(and(eq(bookOwners.instrumentId, book.instrumentId), eq(bookOwners.book, book.book)));
}

function isDropped({ dropped }: Book, work: Work): boolean {
  const orderId = orderOf(work);
  return orderId !== null && dropped.delete(orderId);
}

async function recover(ctx: Ctx, desk: Desk, batch: readonly Taken[], error: unknown): Promise<void> {
  const isRefused = refusedIn(error).length > 0 || error instanceof PartiesRestricted;
  for (const { book } of isRefused ? batch.filter((taken) => !canBeTakenBack(taken)) : batch) {
    forget(book);
  }
  if (error instanceof BookLost) {
    giveUpBooks(desk, error);
    return;
  }
  if (error instanceof BreakerTripped) {
    return;
  }
  if (isRefused) {
    const asked = await yieldTo(ctx, error);
    const parking =
      error instanceof CashTied && !leaveAtOnce(desk, error, asked)
        ? { orderId: error.orderId, tying: error.orderIds }
        : null;
    for (const taken of batch.filter(canBeTakenBack)) {
      taken.book.takes = Math.max(1, taken.book.takes >> 2);
      await undoBatch(ctx, desk, taken, parking);
    }
    askOut(desk, asked);
    return;
  }
  ctx.deps.log.error(
    { failure: nameOf(error), books: batch.map(({ book }) => bookKey(book)) },
    'a settlement failed; its books are rebuilt',
  );
  await Bun.sleep(PAUSE_AFTER_FAILURE_MS);
  if (isPassing(error)) {
    return;
  }
  for (const { book, works } of batch) {
    book.failures += 1;
    const [work] = works;
    if (book.failures < FAILURES_MAX || works.length !== 1 || work === undefined) {
      continue;
    }
    const orderIds = enteringIn(work);
    if (work.type === 'resolve') {
      await transact(ctx, 'engine', (tx) => dropResolution(tx, ctx, work));
      book.failures = 0;
    } else if (work.type === 'report') {
      // What cannot be booked is left to people, and stops only itself.
      book.contested.add(work.report.reportId);
      book.failures = 0;
    } else if (orderIds.length > 0) {
      await transact(ctx, 'engine', (tx) => recordCancelRequests(tx, ctx, orderIds, 'settlement_failed'));
      book.failures = 0;
    } else if (work.type === 'resume') {
      // No auction can be settled: the orders match one by one instead, which finds the one at fault.
      await transact(ctx, 'engine', (tx) => resumeWithoutAuction(tx, book));
      book.failures = 0;
    }
  }
}

function unfitIn(error: OrderUnfit): readonly OrderUnfit[] {
  return [error, ...error.others];
}

/** Makes durable what follows from a refusal. @shape the orders that are to leave their books for it */
async function yieldTo(ctx: Ctx, error: unknown): Promise<readonly OrderRow[]> {
  if (error instanceof OrdersExpired) {
    return transact(ctx, 'engine', (tx) => recordCancelRequests(tx, ctx, error.orderIds, 'expired'));
  }
  if (error instanceof OrderUnfit) {
    await transact(ctx, 'engine', (tx) => fitOrders(tx, ctx, unfitIn(error)));
  }
  if (error instanceof CashTied) {
    return transact(ctx, 'engine', (tx) => freeCash(tx, ctx, error));
  }
  if (error instanceof PartiesRestricted) {
    return transact(ctx, 'engine', (tx) => cancelRestricted(tx, ctx, error));
  }
  return [];
}

/** Whether all that ties the money of a loss ends with the next batch, in which the loss is tried again. */
function leaveAtOnce(desk: Desk, { orderIds }: CashTied, asked: readonly OrderRow[]): boolean {
  const leaving = asked.filter((order) => {
    const book = desk.find(order);
    return book?.ready === true && book.venue === null && isKnown(book.matching, order.id);
  });
  return orderIds.every((orderId) => leaving.some(({ id }) => id === orderId));
}

/** Before anything else is matched; what still waits to enter leaves once it has. Venues and other processes hear by themselves. */
function askOut(desk: Desk, asked: readonly OrderRow[]): void {
  for (const order of asked) {
    const book = desk.find(order);
    if (!book?.ready || (order.bookSeq === null && order.parentId === null)) {
      continue;
    }
    const cancel = { type: 'cancel', orderId: order.id, reason: engineReason(order.cancelReason) } as const;
    if (isKnown(book.matching, order.id)) {
      putInFront(book, [cancel]);
    } else {
      book.queue.push(cancel);
    }
  }
}

/** Every open order of those who may not trade any more is taken out, not only the one that met. */
async function cancelRestricted(
  tx: Tx,
  ctx: Ctx,
  restricted: PartiesRestricted,
): Promise<readonly OrderRow[]> {
  const rows = await tx
    .select({ id: orders.id })
    .from(orders)
    .where(
      and(
        isNull(orders.closedAt),
        or(
          inArray(orders.userId, [...restricted.userIds]),
          inArray(orders.accountId, [...restricted.accountIds]),
        ),
      ),
    );
  return recordCancelRequests(
    tx,
    ctx,
    rows.map((row): Id => row.id),
    'restricted',
  );
}

/** The database was away or busy: the same work may succeed, and nobody's order is at fault. */
function isPassing(error: unknown): boolean {
  const meaning = translateDatabaseError(error);
  return meaning instanceof DomainError && meaning.definition.status === 503;
}

/** A driver's message may hold data; ours do not. */
export function nameOf(error: unknown): string {
  if (!(error instanceof Error)) {
    return 'unknown';
  }
  return error.name === 'AssertionError' || error.name === 'DomainError'
    ? `${error.name}: ${error.message}`
    : error.name;
}
