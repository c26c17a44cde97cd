/**
 * Orders whose sending was cut off, or that nobody knows the fate of: they are looked up again by themselves, ever more
 * slowly and for a bounded time. Here stands when a venue's "not there" is final. Pure but for the book's memory.
 *
 * A send that was given up may still be on its way, and no look-up sees what travels. So each bears until when it may be
 * taken (`VenueOrder.takeUntil`), and "not there" counts only from look-ups that were begun after that had passed for
 * every send there can have been, and the venue's `settleMs` on top. Time is counted on this process's own steady clock,
 * from when it took the book over: whoever had the book before began no round later than that.
 */
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { mayRest } from '../engine/order-book.ts';
import type { Book } from '../pipeline/desk.ts';
import type { LookUp, Venue } from './venue.ts';
import { VENUE_TIMEOUT_MS } from './venue.ts';

/** How long after it took hold of its book a round begins to send; until its call is given up it may be taken. */
export const SENDS_WITHIN_MS = 2_000;

/** Until when what a round sends may be taken, from when it took hold of its book. */
export const TAKEN_WITHIN_MS = SENDS_WITHIN_MS + VENUE_TIMEOUT_MS;

/** For how long an order that is `unknown` is looked up by itself; it waits for its venue's word or people's then. */
export const LOOKED_UP_FOR_MS = 30 * 60_000;

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/** How many look-ups of a book wait to be made: what is sent and cancelled meanwhile waits behind no more than these. */
export const LOOK_UPS_WAITING_MAX = 32;

/** How often in a row a venue has to say finally that it has no such order before its money is let go. */
const SAID_TIMES = 2;

export type CutOff = {
  /** Nobody was told that its fate is unknown: it is sent once it is certain that it never arrived. */
  sendAgain: boolean;
  dueMs: number;
  pauseMs: number;
  /** Whether a look-up of it waits to be made. */
  waits: boolean;
  /** From when on it is looked up no more; what may be sent again never waits for that. */
  readonly endsMs: number;
  /** How often in a row its venue has said finally that it is not there, and when it was answered so last. */
  said: number;
  saidMs: number;
};

/**
 * What a look-up means: `unclear` says nothing, `early` that it may still come, `held` that it is sent once its book
 * trades, `said` that it is to be said once more.
 */
export type Finding = 'known' | 'unclear' | 'early' | 'held' | 'send_again' | 'said' | 'never_received';

/** Looks an order up from now on; `forMs` is how much of its time is left. */
export function pursue(
  book: Book,
  orderId: Id,
  { sendAgain, forMs = LOOKED_UP_FOR_MS }: { readonly sendAgain: boolean; readonly forMs?: number },
): void {
  const known = book.cutOff.get(orderId);
  if (known !== undefined) {
    known.sendAgain &&= sendAgain;
    return;
  }
  const nowMs = performance.now();
  book.cutOff.set(orderId, {
    sendAgain,
    dueMs: nowMs + FIRST_PAUSE_MS,
    pauseMs: FIRST_PAUSE_MS,
    waits: false,
    endsMs: nowMs + forMs,
    said: 0,
    saidMs: nowMs,
  });
}

/** The orders that are to be looked up now, those first that have waited longest; not yet those beyond what may wait. */
export function dueLookUps(book: Book): Id[] {
  const nowMs = performance.now();
  const due: [Id, CutOff][] = [];
  let waiting = 0;
  for (const [orderId, cutOff] of book.cutOff) {
    if (cutOff.waits) {
      waiting += 1;
    } else if (nowMs >= cutOff.dueMs && book.matching.away.has(orderId)) {
      if (nowMs >= cutOff.endsMs && !cutOff.sendAgain) {
        book.cutOff.delete(orderId);
      } else {
        due.push([orderId, cutOff]);
      }
    }
  }
  due.sort(([, one], [, other]) => one.dueMs - other.dueMs);
  return due.slice(0, Math.max(0, LOOK_UPS_WAITING_MAX - waiting)).map(([orderId, cutOff]) => {
    cutOff.waits = true;
    cutOff.dueMs = nowMs + cutOff.pauseMs;
    cutOff.pauseMs = Math.min(cutOff.pauseMs * 2, LONGEST_PAUSE_MS);
    return orderId;
  });
}

/**
 * What a look-up says of an order that is with its venue; null for no answer.
 * @units `begunMs` on the steady clock, from before the venue was asked
 */
export function findingOf(
  book: Book,
  { settleMs }: Pick<Venue, 'settleMs'>,
  orderId: Id,
  answer: LookUp | null,
  begunMs: number,
): Finding {
  if (answer?.known === true) {
    return 'known';
  }
  const cutOff = book.cutOff.get(orderId);
  if (cutOff === undefined) {
    return 'unclear';
  }
  cutOff.waits = false;
  if (answer === null || answer.why !== 'not_there' || settleMs === null) {
    cutOff.said = 0;
    return 'unclear';
  }
  const finalMs = takenUntil(book, orderId) + settleMs;
  if (begunMs < finalMs) {
    cutOff.said = 0;
    cutOff.dueMs = Math.min(cutOff.dueMs, finalMs);
    return 'early';
  }
  const away = present(book.matching.away.get(orderId), 'what is looked up is away');
  if (cutOff.sendAgain && away.recalled === null) {
    if (trades(book)) {
      return 'send_again';
    }
    // As in the engine: what cannot rest ends while its book is halted, and waits while a breaker stands.
    if (book.tripped || mayRest(away.order)) {
      return 'held';
    }
  }
  // Look-ups that waited behind each other say it once.
  if (cutOff.said > 0 && begunMs < cutOff.saidMs + FIRST_PAUSE_MS) {
    return 'said';
  }
  cutOff.said += 1;
  cutOff.saidMs = performance.now();
  cutOff.dueMs = cutOff.saidMs + FIRST_PAUSE_MS;
  return cutOff.said < SAID_TIMES ? 'said' : 'never_received';
}

/** Whether the firm lets a book trade now: nothing is sent to a venue for one that it stopped. */
export function trades({ tripped, phase }: Book): boolean {
  return !tripped && phase === 'continuous';
}

/** Until when a send of an order may be taken, whoever began it. @units ms on the steady clock */
function takenUntil(book: Book, orderId: Id): number {
  return Math.max(book.ownedSinceMs + TAKEN_WITHIN_MS, book.takenUntilMs.get(orderId) ?? 0);
}
