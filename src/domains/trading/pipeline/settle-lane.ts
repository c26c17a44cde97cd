/**
 * Takes what waits in the books, lets the engines match it, and settles what they did. One lane for
 * all books of the process: one transaction is under way while the next batch forms. On any failure
 * the books involved are dropped and read again, so memory is never ahead of the database for long.
 */

import { and, eq, inArray, isNull, or } from 'drizzle-orm';
import { DomainError } from '../../../kernel/error.ts';
import type { Id } from '../../../kernel/id.ts';
import { newId } from '../../../kernel/id.ts';
import { type Ctx, type Deps, machineCtx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { translateDatabaseError } from '../../../platform/db/errors.ts';
import { transact, transactInLane } from '../../../platform/db/transact.ts';
import { endOutside } from '../engine/consequences.ts';
import type { EngineEvent } from '../engine/event.ts';
import { applyCommand } from '../engine/order-book.ts';
import { fitOrder } from '../positions/fit-order.ts';
import { OrderUnfit } from '../positions/plan-contracts.ts';
import { CashTied, freeCash } from '../positions/tied-cash.ts';
import { recordCancelRequests } from '../record-cancel-requests.ts';
import { bookOwners, orders } from '../schema.ts';
import { awaitsVenue, callVenue } from '../venues/call-venue.ts';
import { takeReport, takeResolution } from '../venues/take-report.ts';
import { dropResolution } from '../venues/unknown.ts';
import type { VenueLane } from '../venues/venue-lane.ts';
import { enqueue, worksOf } from './bound-orders.ts';
import { type Book, bookKey, type Desk, type Work } from './desk.ts';
import { engineReason } from './engine-commands.ts';
import { OrdersExpired } from './expired-orders.ts';
import { BookLost } from './fence.ts';
import { forget, giveUpBooks } from './rebuild-book.ts';
import { type BookEvents, OrdersReplaced, PartiesRestricted, recordSettlement } from './record-settlement.ts';
import { type BookEvent, isMoving } from './settle-plan.ts';
import { BreakerTripped, enteringIn, takeLeaving, withdrawWaiting } from './tripped-books.ts';

const BATCH_MAX = 256;

/** A command that fails this often by itself takes its order out. */
const FAILURES_MAX = 4;

const PAUSE_AFTER_FAILURE_MS = 100;

type Taken = BookEvents & { readonly works: readonly Work[] };

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
  const batch = [...desk.books.values()].flatMap(take);
  if (batch.length === 0) {
    return false;
  }
  const moving = batch.filter(({ events }) => events.some(isMoving));
  if (moving.length > 0) {
    const ctx = machineCtx(deps, { kind: 'system', name: 'trading.engine' }, newId());
    try {
      const returning = await transactInLane(ctx, 'settle', (tx) => recordSettlement(tx, ctx, moving));
      for (const order of returning) {
        const book = desk.find(order);
        if (book !== undefined) {
          enqueue(book, worksOf([order], returning), returning);
        }
      }
      for (const { book } of moving) {
        book.failures = 0;
      }
    } catch (error) {
      await recover(ctx, desk, moving, error);
    }
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
  for (const work of works) {
    if (isDropped(book, work)) {
      continue;
    }
    if (work.type === 'report') {
      events.push(...takeReport(book, work.report, { contest: book.contested.has(work.report.reportId) }));
    } else if (work.type === 'resolve') {
      events.push(...takeResolution(book, work.orderId, work.resolution, work.resolutionId));
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
  return [{ book, works, events }];
}

function takeWaiting(book: Book): Work[] {
  const works = book.queue.splice(0, book.failures > 0 ? 1 : BATCH_MAX);
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
  for (const { book } of batch) {
    forget(book);
  }
  if (error instanceof BookLost) {
    giveUpBooks(desk, error);
    return;
  }
  if (error instanceof OrdersReplaced || error instanceof BreakerTripped) {
    return;
  }
  if (error instanceof OrdersExpired) {
    await transact(ctx, 'engine', (tx) => recordCancelRequests(tx, ctx, error.orderIds, 'expired'));
    return;
  }
  if (error instanceof OrderUnfit) {
    await transact(ctx, 'engine', (tx) => fitOrder(tx, ctx, error));
    return;
  }
  if (error instanceof CashTied) {
    await endTying(ctx, desk, error);
    return;
  }
  if (error instanceof PartiesRestricted) {
    await transact(ctx, 'engine', (tx) => cancelRestricted(tx, ctx, error));
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

/** The loss is settled once the orders that stand before it have ended; nothing spins while they do. */
async function endTying(ctx: Ctx, desk: Desk, error: CashTied): Promise<void> {
  const asked = await transact(ctx, 'engine', (tx) => freeCash(tx, ctx, error));
  if (asked.length === 0) {
    await Bun.sleep(PAUSE_AFTER_FAILURE_MS);
  }
  for (const order of asked) {
    const book = desk.find(order);
    if (book?.ready && (order.bookSeq !== null || order.parentId !== null)) {
      book.queue.push({ type: 'cancel', orderId: order.id, reason: engineReason(order.cancelReason) });
    }
  }
}

/** Every open order of those who may not trade any more is taken out, not only the one that met. */
async function cancelRestricted(tx: Tx, ctx: Ctx, restricted: PartiesRestricted): Promise<void> {
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
  await recordCancelRequests(
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
