/**
 * What goes to venues and comes back, beside the engine's loop: nothing that matches or settles waits for a venue. Each
 * book's calls go one batch behind the other, each batch while the ownership of the book is held still by a transaction
 * of its own that writes nothing: whoever would take the book over waits until the call has its answer, so
 * that two processes never both send.
 *
 * A call without an answer is never made again blindly. The order is looked up; where that says nothing either, it
 * becomes `unknown` and waits for a person. After a restart every order that is not done is looked up first. A batch
 * begins no call once its time is up, so that its transaction outlives a venue that does not answer at all; the rest
 * goes into the next one. What was answered counts whatever became of the transaction.
 */
import { and, eq, inArray } from 'drizzle-orm';
import { amountOf } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import { newId } from '../../../kernel/id.ts';
import { createTurns } from '../../../kernel/turns.ts';
import { type Ctx, type Deps, machineCtx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import type { AwayOrder } from '../engine/away.ts';
import { type Book, bookKey } from '../pipeline/desk.ts';
import { BookLost, holdBooks } from '../pipeline/fence.ts';
import { venueReports } from './schema.ts';
import { keepUnknown, type UnknownReason } from './unknown.ts';
import {
  type ExecutionReport,
  VENUE_TIMEOUT_MS,
  type Venue,
  type VenueAnswer,
  type VenueOrder,
} from './venue.ts';
import { venueNamed } from './venues.ts';

/** `look_up` is how a restart begins: an order the venue never received is sent then. */
export type Call = { readonly kind: 'send' | 'cancel' | 'look_up'; readonly orderId: Id };

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

/** How many calls make up a round, and how many of them are under way together. */
const CALLS_MAX = 32;
const CALLS_AT_ONCE = 4;

/** How many books call together. Each holds a connection meanwhile, and a venue of ours needs others. */
const ROUNDS_MAX = 2;

/**
 * How long a venue may take to answer, and how long a round begins calls: with the last of them it stays well below
 * what the database lets a transaction be idle.
 */
const PATIENCE: Patience = { answerMs: VENUE_TIMEOUT_MS, roundMs: 8_000 };

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

type Round = {
  readonly reports: ExecutionReport[];
  readonly unknown: { readonly orderId: Id; readonly reason: UnknownReason }[];
  /** What its time did not suffice for, in its order. */
  readonly left: Call[];
  /** Whether the same is true of collecting. */
  uncollected: boolean;
  againInMs: number | null;
  readonly answerMs: number;
  /** When it begins no further call. */
  endsAtMs: number;
  /** Begun once the book is held, and never twice. */
  calling: Promise<void> | null;
};

/** What is called together, for the book as it was read then. */
type Taken = { readonly calls: readonly Call[]; readonly collect: boolean; readonly generation: number };

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
    left: [],
    uncollected: false,
    againInMs: null,
    answerMs,
    endsAtMs: 0,
    calling: null,
  };
  try {
    const venue = venueNamed(deps, book.venue ?? '');
    try {
      await transact(ctx, 'engine', async (tx) => {
        await holdBooks(tx, [book]);
        done.endsAtMs = performance.now() + roundMs;
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
    await deliver(ctx, book, taken.generation, done.reports);
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

/** Every call of a batch; a venue that fails or says nothing fails none of it. */
async function callAll(venue: Venue, book: Book, taken: Taken, done: Round): Promise<void> {
  const turns = createTurns(CALLS_AT_ONCE);
  await Promise.all(
    [...Map.groupBy(taken.calls, ({ orderId }) => orderId).values()].map((calls) =>
      turns(() => callInOrder(venue, book, { ...taken, calls }, done)),
    ),
  );
  if (taken.collect && book.generation === taken.generation) {
    done.uncollected = isOver(done);
    if (!done.uncollected) {
      await collectFrom(venue, book, done);
    }
  }
}

function isOver({ endsAtMs }: Round): boolean {
  return performance.now() >= endsAtMs;
}

async function callInOrder(
  venue: Venue,
  book: Book,
  { calls, generation }: Taken,
  done: Round,
): Promise<void> {
  for (const call of calls) {
    const away = book.matching.away.get(call.orderId);
    // A book that was read again meanwhile looks its orders up first.
    if (away !== undefined && book.generation === generation) {
      if (isOver(done)) {
        done.left.push(call);
      } else {
        await CALLS[call.kind](venue, book, away, done);
      }
    }
  }
}

const CALLS = { send, cancel, look_up: lookUpAgain } as const;

async function send(venue: Venue, book: Book, away: AwayOrder, done: Round): Promise<void> {
  await ask(
    () => venue.send(instructionOf(book, away)),
    done,
    () =>
      lookUp(venue, away, done, () => {
        done.unknown.push({ orderId: away.order.orderId, reason: 'send_unanswered' });
      }),
  );
}

async function cancel(venue: Venue, book: Book, away: AwayOrder, done: Round): Promise<void> {
  const { orderId } = away.order;
  await ask(
    () => venue.cancel(orderId),
    done,
    async () => {
      book.unrecalled.add(orderId);
      await lookUp(venue, away, done, () => {
        done.unknown.push({ orderId, reason: 'look_up_unanswered' });
      });
    },
  );
}

/** How an order goes on after a restart: what was being sent may or may not have been. */
async function lookUpAgain(venue: Venue, book: Book, away: AwayOrder, done: Round): Promise<void> {
  const { orderId } = away.order;
  await lookUp(venue, away, done, async (neverReceived) => {
    if (!neverReceived || !book.unsent.has(orderId)) {
      done.unknown.push({ orderId, reason: 'look_up_unanswered' });
    } else if (isOver(done)) {
      done.left.push({ kind: 'look_up', orderId });
    } else {
      book.unsent.delete(orderId);
      await send(venue, book, away, done);
    }
  });
  if (!done.left.some((left) => left.orderId === orderId)) {
    book.unsent.delete(orderId);
  }
}

async function lookUp(
  venue: Venue,
  away: AwayOrder,
  done: Round,
  otherwise: (neverReceived: boolean) => void | Promise<void>,
): Promise<void> {
  const { orderId } = away.order;
  if (isOver(done)) {
    done.left.push({ kind: 'look_up', orderId });
    return;
  }
  const answer = await answered(() => venue.lookUp(orderId), done);
  if (answer?.known === true) {
    done.reports.push(...answer.reports);
    done.againInMs = 0;
  } else {
    await otherwise(answer?.why === 'never_received');
  }
}

async function collectFrom(venue: Venue, book: Book, done: Round): Promise<void> {
  const routed = [...book.matching.away.values()].filter((away) => away.routed);
  if (routed.length > 0) {
    const trading = !book.tripped && book.phase === 'continuous';
    const references = routed.map(({ order }) => order.orderId);
    await ask(
      () => venue.collect(references, { trading }),
      done,
      async () => {},
    );
  }
}

async function ask(
  call: () => Promise<VenueAnswer>,
  done: Round,
  unanswered: () => Promise<void>,
): Promise<void> {
  const answer = await answered(call, done);
  if (answer === null) {
    await unanswered();
    return;
  }
  done.reports.push(...answer.reports);
  if (answer.againInMs !== null) {
    done.againInMs = Math.min(answer.againInMs, done.againInMs ?? answer.againInMs);
  }
}

/** The answer of a venue; null where it failed or took too long, which says nothing about what happened. */
async function answered<Answer>(call: () => Promise<Answer>, { answerMs }: Round): Promise<Answer | null> {
  const late = Promise.withResolvers<null>();
  const timer = setTimeout(() => late.resolve(null), answerMs);
  const asked = async (): Promise<Answer> => call();
  try {
    return await Promise.race([asked().catch(() => null), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function instructionOf(book: Book, { order, remaining, notional }: AwayOrder): VenueOrder {
  const { orderId, accountId, side, timeInForce, orderType, price, priceCap, postOnly } = order;
  const limit = price ?? priceCap;
  return {
    reference: orderId,
    client: accountId,
    instrumentId: book.instrumentId,
    symbol: book.symbol,
    side,
    timeInForce,
    limit: limit === null ? null : amountOf(limit),
    isMarket: orderType === 'market',
    quantity: remaining === null ? null : amountOf(remaining),
    notional: notional === null ? null : amountOf(notional),
    postOnly,
  };
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
      book.queue.push({ type: 'report', orderId: report.reference, report });
    }
  }
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
