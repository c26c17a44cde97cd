/**
 * What one round asks a venue, and what its answers mean. A venue that fails or says nothing fails none of the others.
 * What was sent without an answer is never sent again blindly: it is looked up, at once and by itself for a while
 * (cut-off.ts).
 */
import { amountOf } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import { createTurns } from '../../../kernel/turns.ts';
import type { AwayOrder } from '../engine/away.ts';
import type { Book } from '../pipeline/desk.ts';
import { findingOf, pursue, trades } from './cut-off.ts';
import type { UnknownReason } from './unknown.ts';
import type { ExecutionReport, LookUp, Venue, VenueAnswer, VenueOrder } from './venue.ts';

/** `look_up` is how a restart begins: an order that certainly never left is sent then. */
export type Call = { readonly kind: 'send' | 'cancel' | 'look_up'; readonly orderId: Id };

/** How many calls of a round are under way together. */
const CALLS_AT_ONCE = 4;

export type Round = {
  readonly reports: ExecutionReport[];
  readonly unknown: { readonly orderId: Id; readonly reason: UnknownReason }[];
  /** What nobody knew the fate of and the venue says it has. */
  readonly found: Id[];
  /** What the venue says for good never reached it. */
  readonly neverReceived: Id[];
  /** What its time did not suffice for, in its order. */
  readonly left: Call[];
  /** Whether the same is true of collecting. */
  uncollected: boolean;
  againInMs: number | null;
  readonly answerMs: number;
  /** When it begins no further call, and no further one that sends. @units ms on the steady clock */
  endsAtMs: number;
  sendsUntilMs: number;
  /** Until when what it sends may be taken, on that clock and in real time. */
  takenUntilMs: number;
  takeUntil: Instant;
  /** Begun once the book is held, and never twice. */
  calling: Promise<void> | null;
};

/** What is called together, for the book as it was read then. */
export type Taken = {
  readonly calls: readonly Call[];
  readonly collect: boolean;
  readonly generation: number;
};

/** Every call of a batch. */
export async function callAll(venue: Venue, book: Book, taken: Taken, done: Round): Promise<void> {
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
      // In their order: what was left is not asked back before it is sent.
      if (isOver(done) || done.left.some(({ orderId }) => orderId === call.orderId)) {
        done.left.push(call);
      } else {
        await CALLS[call.kind](venue, book, away, done);
      }
    }
  }
}

const CALLS = { send, cancel, look_up: lookUpAgain } as const;

async function send(venue: Venue, book: Book, away: AwayOrder, done: Round): Promise<void> {
  const { orderId } = away.order;
  if (performance.now() >= done.sendsUntilMs) {
    done.left.push({ kind: 'send', orderId });
    return;
  }
  book.takenUntilMs.set(orderId, done.takenUntilMs);
  await ask(
    () => venue.send(instructionOf(book, away, done)),
    done,
    () => lookUp(venue, book, away, 'send_unanswered', done),
  );
}

async function cancel(venue: Venue, book: Book, away: AwayOrder, done: Round): Promise<void> {
  const { orderId } = away.order;
  await ask(
    () => venue.cancel(orderId),
    done,
    async () => {
      book.unrecalled.add(orderId);
      await lookUp(venue, book, away, 'look_up_unanswered', done);
    },
  );
}

/** How an order goes on after a restart, and once its turn comes again: what was being sent may or may not have been. */
async function lookUpAgain(venue: Venue, book: Book, away: AwayOrder, done: Round): Promise<void> {
  await lookUp(venue, book, away, 'look_up_unanswered', done);
}

async function lookUp(
  venue: Venue,
  book: Book,
  away: AwayOrder,
  otherwise: UnknownReason,
  done: Round,
): Promise<void> {
  const { orderId } = away.order;
  if (isOver(done)) {
    done.left.push({ kind: 'look_up', orderId });
    return;
  }
  const begunMs = performance.now();
  const answer: LookUp | null = await answered(() => venue.lookUp(orderId), done);
  switch (findingOf(book, venue, orderId, answer, begunMs)) {
    case 'known':
      done.reports.push(...(answer?.known === true ? answer.reports : []));
      done.againInMs = 0;
      if (book.cutOff.delete(orderId)) {
        done.found.push(orderId);
        askBackAgain(book, orderId);
      }
      break;
    case 'unclear':
      done.unknown.push({ orderId, reason: otherwise });
      pursue(book, orderId, { sendAgain: false });
      break;
    case 'send_again':
      if (performance.now() < done.sendsUntilMs) {
        book.cutOff.delete(orderId);
        await send(venue, book, away, done);
      } else {
        done.left.push({ kind: 'look_up', orderId });
      }
      break;
    case 'never_received':
      done.neverReceived.push(orderId);
      break;
    case 'early':
    case 'held':
    case 'said':
      break;
  }
}

/**
 * Has an order that was cut off, and that its venue turns out to have, asked back once more where it was to be: what the
 * venue answered before it had it, it has done nothing about.
 */
export function askBackAgain(book: Book, orderId: Id): void {
  const away = book.matching.away.get(orderId);
  if (away !== undefined && away.recalled !== null) {
    book.unrecalled.add(orderId);
  }
}

async function collectFrom(venue: Venue, book: Book, done: Round): Promise<void> {
  const routed = [...book.matching.away.values()].filter((away) => away.routed);
  if (routed.length > 0) {
    const trading = trades(book);
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

function instructionOf(
  book: Book,
  { order, remaining, notional }: AwayOrder,
  { takeUntil }: Round,
): VenueOrder {
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
    takeUntil,
  };
}
