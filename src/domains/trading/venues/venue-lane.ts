/**
 * What goes to venues and comes back, beside the engine's loop: nothing that matches or settles waits for a venue. Each
 * book's calls go one batch behind the other, each batch while the ownership of the book is held still by a transaction
 * of its own that writes nothing: whoever would take the book over waits until the call has its answer, so
 * that two processes never both send.
 *
 * A call without an answer is never made again blindly. The order is looked up; where that says nothing either, it
 * becomes `unknown`, and is looked up by itself for a while (cut-off.ts) before it waits for people alone. After a restart
 * every order that is not done is looked up first. A batch begins no call once its time is up, so that its transaction
 * outlives a venue that does not answer at all; the rest goes into the next one. What was answered counts whatever became
 * of the transaction.
 */
import { and, eq, inArray } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import { newId } from '../../../kernel/id.ts';
import { instantOfMs } from '../../../kernel/time.ts';
import { createTurns } from '../../../kernel/turns.ts';
import { type Ctx, type Deps, machineCtx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { type Book, bookKey } from '../pipeline/desk.ts';
import { BookLost, holdBooks } from '../pipeline/fence.ts';
import { SENDS_WITHIN_MS, TAKEN_WITHIN_MS } from './cut-off.ts';
import { venueReports } from './schema.ts';
import { keepFound, keepUnknown, neverHeardOf } from './unknown.ts';
import { type ExecutionReport, VENUE_TIMEOUT_MS } from './venue.ts';
import { askBackAgain, type Call, callAll, type Round, type Taken } from './venue-calls.ts';
import { venueNamed } from './venues.ts';

export type VenueLane = {
  /** Calls the venue of a book, in this order. */
  readonly call: (book: Book, calls: readonly Call[]) => void;
  /** Asks what has happened to what is at the venue of a book. */
  readonly collect: (book: Book) => void;
  /** Whether something is under way, or comes by itself. */
  readonly busy: () => boolean;
  /** Whether a venue is being called. */
  readonly calling: () => boolean;
  /** Drops what is not under way: the next owner of the books looks everything up. */
  readonly forget: () => void;
};

/** How many calls make up a round. */
const CALLS_MAX = 32;

/** How many books call together. Each holds a connection meanwhile, and a venue of ours needs others. */
const ROUNDS_MAX = 2;

/**
 * How long a venue may take to answer, and how long a round begins calls: with the last of them it stays well below
 * what the database lets a transaction be idle.
 */
const PATIENCE: Patience = { answerMs: VENUE_TIMEOUT_MS, roundMs: 8_000 };

/** What it sends it begins to send within `SENDS_WITHIN_MS`, so that it is soon certain what no venue may take any more. */
type Patience = { readonly answerMs: number; readonly roundMs: number };

/** Between a round that failed and the next look at its book. */
const PAUSE_AFTER_FAILURE_MS = 250;

type Pending = { calls: Call[]; collect: boolean; running: boolean; generation: number; again: Timer | null };

/** `wake` is told whenever something came back; `lost` where the book belongs to another process by now. */
export function createVenueLane(
  deps: Deps,
  wake: () => void,
  lost: (error: BookLost) => void,
  patience: Patience = PATIENCE,
): VenueLane {
  const pending = new Map<Book, Pending>();
  const turns = createTurns(ROUNDS_MAX);
  const of = (book: Book): Pending => pendingOf(pending, book);
  const start = (book: Book, lane: Pending): void => {
    if (!lane.running) {
      lane.running = true;
      void run(book, lane).finally(() => {
        lane.running = false;
        if (lane.again === null && lane.calls.length === 0 && !lane.collect) {
          pending.delete(book);
        } else if (lane.calls.length > 0 || lane.collect) {
          start(book, lane);
        }
        wake();
      });
    }
  };
  const run = async (book: Book, lane: Pending): Promise<void> => {
    while (of(book) === lane && (lane.calls.length > 0 || lane.collect)) {
      const calls = lane.calls.splice(0, CALLS_MAX);
      const collect = lane.collect && lane.calls.length === 0;
      lane.collect &&= !collect;
      const taken: Taken = { calls, collect, generation: lane.generation };
      const { left, uncollected, againInMs } = await turns(() => round(deps, book, taken, patience, lost));
      if (lane.generation === taken.generation && book.generation === taken.generation) {
        lane.calls.unshift(...left);
        lane.collect ||= uncollected;
      }
      if (againInMs !== null && lane.again === null) {
        lane.again = setTimeout(() => {
          lane.again = null;
          lane.collect = true;
          start(book, lane);
        }, againInMs);
      }
      wake();
    }
  };
  return {
    call: (book, calls) => {
      const lane = of(book);
      lane.calls.push(...calls);
      start(book, lane);
    },
    collect: (book) => {
      const lane = of(book);
      lane.collect = true;
      start(book, lane);
    },
    busy: () => pending.size > 0,
    calling: () => [...pending.values()].some(({ running }) => running),
    forget: () => forgetAll(pending),
  };
}

/** What waits for a book, as it was read last. */
function pendingOf(pending: Map<Book, Pending>, book: Book): Pending {
  const known = pending.get(book);
  if (known !== undefined && known.generation !== book.generation) {
    // What waited was for a memory that is gone: what was read since is looked up anew.
    known.calls = [];
    known.collect = false;
    known.generation = book.generation;
    clearAgain(known);
  }
  const lane = known ?? {
    calls: [],
    collect: false,
    running: false,
    generation: book.generation,
    again: null,
  };
  pending.set(book, lane);
  return lane;
}

function forgetAll(pending: Map<Book, Pending>): void {
  for (const lane of pending.values()) {
    clearAgain(lane);
  }
  pending.clear();
}

function clearAgain(lane: Pending): void {
  if (lane.again !== null) {
    clearTimeout(lane.again);
    lane.again = null;
  }
}

/** One batch of calls; it never fails. @shape what it leaves to the next one */
async function round(
  deps: Deps,
  book: Book,
  taken: Taken,
  { answerMs, roundMs }: Patience,
  lost: (error: BookLost) => void,
): Promise<Round> {
  const ctx = machineCtx(deps, { kind: 'system', name: 'trading.venues' }, newId());
  const done: Round = {
    reports: [],
    unknown: [],
    found: [],
    neverReceived: [],
    left: [],
    uncollected: false,
    againInMs: null,
    answerMs,
    endsAtMs: 0,
    sendsUntilMs: 0,
    takenUntilMs: 0,
    takeUntil: deps.clock.realNow(),
    calling: null,
  };
  try {
    const venue = venueNamed(deps, book.venue ?? '');
    try {
      await transact(ctx, 'engine', async (tx) => {
        // Before the book is held, so that a process that was stood still cannot send for longer than it says.
        const [begunMs, begunAt] = [performance.now(), deps.clock.realMs()];
        await holdBooks(tx, [book]);
        done.endsAtMs = begunMs + roundMs;
        done.sendsUntilMs = begunMs + SENDS_WITHIN_MS;
        done.takenUntilMs = begunMs + TAKEN_WITHIN_MS;
        done.takeUntil = instantOfMs(begunAt + TAKEN_WITHIN_MS);
        done.calling ??= callAll(venue, book, taken, done);
        await done.calling;
      });
    } catch (error) {
      if (error instanceof BookLost || done.calling === null) {
        throw error;
      }
      // What was called was called, though the transaction that held the book has ended too early: no more begins.
      deps.log.error({ book: bookKey(book) }, 'a round of calls to a venue lost its hold of the book');
      done.endsAtMs = 0;
      await done.calling;
    }
    await keepUnknown(ctx, book, done.unknown);
    await keepFound(ctx, book, done.found);
    await deliver(ctx, book, taken.generation, done.reports);
    await giveBack(ctx, book, taken.generation, done.neverReceived);
  } catch (error) {
    if (error instanceof BookLost) {
      lost(error);
    } else {
      deps.log.error({ book: bookKey(book) }, 'a venue could not be called; its orders are looked up');
      // Read again, and so looked up: what was under way may have happened.
      book.ready &&= book.generation !== taken.generation;
      await Bun.sleep(PAUSE_AFTER_FAILURE_MS);
    }
  }
  return done;
}

/** Hands reports to the book, each once: what waits for settlement is remembered, what is settled is in the database. */
async function deliver(
  ctx: Ctx,
  book: Book,
  generation: number,
  reports: readonly ExecutionReport[],
): Promise<void> {
  const fresh = reports.filter(({ reportId }) => !book.reporting.has(reportId));
  if (fresh.length === 0) {
    return;
  }
  const known = await transact(ctx, 'engine', (tx) => knownAmong(tx, book, fresh));
  if (book.generation !== generation) {
    return;
  }
  for (const report of fresh) {
    if (!known.has(report.reportId) && !book.reporting.has(report.reportId)) {
      book.reporting.add(report.reportId);
      // Whatever its venue says of an order shows that it had it.
      if (book.cutOff.delete(report.reference)) {
        askBackAgain(book, report.reference);
      }
      book.queue.push({ type: 'report', orderId: report.reference, report });
    }
  }
}

/** Has orders end that their venue never received, unless somebody has spoken of them meanwhile: they wait for people. */
async function giveBack(
  ctx: Ctx,
  book: Book,
  generation: number,
  neverReceived: readonly Id[],
): Promise<void> {
  if (neverReceived.length === 0) {
    return;
  }
  const silent = await transact(ctx, 'engine', async (tx) => {
    await holdBooks(tx, [book]);
    return neverHeardOf(tx, neverReceived);
  });
  // What was reported meanwhile is looked up no more; what is left was sent by a version that promised nothing.
  const unsure = neverReceived.filter((orderId) => !silent.has(orderId) && book.cutOff.has(orderId));
  for (const orderId of neverReceived) {
    if (book.generation === generation && book.cutOff.delete(orderId) && silent.has(orderId)) {
      book.queue.push({ type: 'never_received', orderId });
    }
  }
  await keepUnknown(
    ctx,
    book,
    unsure.map((orderId) => ({ orderId, reason: 'send_unanswered' })),
  );
}

async function knownAmong(
  tx: Tx,
  book: Book,
  reports: readonly ExecutionReport[],
): Promise<ReadonlySet<string>> {
  const keys = reports.map(({ reportId }) => reportId);
  const rows = await tx
    .select({ key: venueReports.reportKey })
    .from(venueReports)
    .where(and(eq(venueReports.venue, book.venue ?? ''), inArray(venueReports.reportKey, keys)));
  return new Set(rows.map(({ key }) => key));
}
