/**
 * The books this process matches: what it owns, under which epoch, the number the next order gets,
 * and what waits to be carried out. The desk is memory only; the database is what it is rebuilt from.
 */
import type { Id } from '../../../kernel/id.ts';
import { createOrderBook, type OpenOrder, type OrderBook } from '../engine/book-state.ts';
import type { CancelOrder, CancelRequestReason, EngineCommand } from '../engine/command.ts';
import type { CutOff } from '../venues/cut-off.ts';
import type { StoredResolution } from '../venues/schema.ts';
import type { ExecutionReport } from '../venues/venue.ts';

export type BookName = { readonly instrumentId: Id; readonly book: 'live' | 'paper' };

/** What is done to a book, in order. */
export type Work =
  | Exclude<EngineCommand, CancelOrder>
  | {
      readonly type: 'cancel';
      readonly orderId: Id;
      readonly reason: CancelRequestReason;
      /** Told once the cancel is settled, or found to be in vain. */
      readonly settled?: () => void;
    }
  /** What a venue says of an order. */
  | { readonly type: 'report'; readonly orderId: Id; readonly report: ExecutionReport }
  /** What two people say a venue did with an order, and that it has no more of it. */
  | {
      readonly type: 'resolve';
      readonly orderId: Id;
      readonly resolution: StoredResolution;
      readonly resolutionId: Id;
    }
  /** A venue has said for good that an order never reached it. */
  | { readonly type: 'never_received'; readonly orderId: Id }
  /** Ends an order that never entered the book, because it was cancelled before. */
  | {
      readonly type: 'end';
      readonly orderId: Id;
      readonly reason: CancelRequestReason | 'settlement_failed';
    };

export type Book = BookName & {
  readonly symbol: string;
  /** It changes only while nothing rests and the instrument is halted. */
  lot: bigint;
  readonly epoch: bigint;
  /** Who executes its orders; null where it matches them itself. */
  venue: string | null;
  /** Counts how often its memory was dropped, so that what was begun for an older one is known. */
  generation: number;
  /** Reports and resolutions that wait in the queue. */
  readonly reporting: Set<string>;
  /** Reports that could not be settled, time after time. */
  readonly contested: Set<string>;
  /** What is looked up at its venue again and again: its sending was cut off, or its fate is unknown. */
  readonly cutOff: Map<Id, CutOff>;
  /** Until when what this process sent may be taken; kept when the book is read again. @units ms on the steady clock */
  readonly takenUntilMs: Map<Id, number>;
  /** Since when this process owns it, on the same clock: whoever owned it before has begun no call since. */
  readonly ownedSinceMs: number;
  /** What its venue was asked to give back without an answer; it is asked again. */
  readonly unrecalled: Set<Id>;
  /** Who waits for a venue to give an order back. */
  readonly awaiting: Map<Id, (() => void)[]>;
  matching: OrderBook;
  /** Accepts number orders themselves only while the book is ready. */
  ready: boolean;
  nextSeq: bigint;
  readonly queue: Work[];
  /** Orders that wait to be put back after a rebuild are all before this many of the queue. */
  replaying: number;
  failures: number;
  /** How many commands are taken at once: fewer after a settlement that its rules refused. */
  takes: number;
  /** Orders of the book that are kept out of it until money is free. */
  parked: Parked;
  /** While above zero nothing is taken from the queue. */
  still: number;
  /** A circuit breaker stands: orders leave the book, none is matched. */
  tripped: boolean;
  /** Orders of the queue that were closed before they were matched. */
  readonly dropped: Set<Id>;
  /** Of two orders that cancel each other, which is the other one. */
  readonly siblings: Map<Id, Id>;
  /** Whether the instrument's price is that of a feed: its own trades do not trigger then. */
  followsFeed: boolean;
  /** Whether its trades move positions instead of units. */
  isContract: boolean;
  /** The instrument's last price as the engine was last told. */
  marked: bigint | null;
  /** Up to which batch of its feed the book was told where the price went. */
  spans: bigint;
  /** What the engine was last told to be: it matches, or collects for its next auction. */
  phase: OrderBook['phase'];
  /** The top of the book as last told to markets. */
  told: string;
};

/** Orders that come back once those that tie their money have ended, at the latest in a moment. */
type Parked = {
  readonly orderIds: Set<Id>;
  /** Where those of them stand that rest at a price. */
  readonly limits: Map<Id, Pick<OpenOrder, 'side' | 'price' | 'bookSeq'>>;
  readonly tying: Set<Id>;
  isDue: boolean;
};

/** Nothing is kept out. */
export function nobodyParked(): Parked {
  return { orderIds: new Set(), limits: new Map(), tying: new Set(), isDue: false };
}

/** The most commands of a book that are settled at once. */
export const TAKES_MAX = 256;

export type Desk = {
  readonly books: Map<string, Book>;
  readonly find: (name: BookName) => Book | undefined;
  /** The settlement under way; it never fails. */
  settling: Promise<unknown>;
  /** Wakes whoever carries out what waits. */
  wake: () => void;
};

/** A desk without books. */
export function createDesk(): Desk {
  const books = new Map<string, Book>();
  return { books, find: (name) => books.get(bookKey(name)), settling: Promise.resolve(), wake: () => {} };
}

/** The name of a book in maps and locks. */
export function bookKey(name: BookName): string {
  return `book:${name.instrumentId}:${name.book}`;
}

/** A book that is owned but holds nothing yet. */
export function emptyBook(
  name: BookName,
  instrument: { readonly symbol: string; readonly lot: bigint; readonly venue: string | null },
  epoch: bigint,
): Book {
  return {
    instrumentId: name.instrumentId,
    book: name.book,
    symbol: instrument.symbol,
    lot: instrument.lot,
    epoch,
    venue: instrument.venue,
    generation: 0,
    reporting: new Set(),
    contested: new Set(),
    cutOff: new Map(),
    takenUntilMs: new Map(),
    ownedSinceMs: performance.now(),
    unrecalled: new Set(),
    awaiting: new Map(),
    matching: createOrderBook(instrument.lot, true, instrument.venue !== null),
    ready: false,
    nextSeq: 1n,
    queue: [],
    replaying: 0,
    failures: 0,
    takes: TAKES_MAX,
    parked: nobodyParked(),
    still: 0,
    tripped: false,
    dropped: new Set(),
    siblings: new Map(),
    followsFeed: false,
    isContract: false,
    marked: null,
    spans: 0n,
    phase: 'continuous',
    told: '',
  };
}
