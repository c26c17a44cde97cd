/**
 * Whether a feed's tick is believed. Pure. Refusals have one order of precedence, that of
 * `quarantine_reason`; the first that applies is kept with the tick. What is refused moves no price.
 */
import { type Amount, DECIMAL_PATTERN, parseAmount, ZERO } from '../../../kernel/amount.ts';
import { BPS_PER_ONE } from '../../../kernel/rounding.ts';
import { addMs, type Instant } from '../../../kernel/time.ts';
import type { quarantineReason } from './schema.ts';

export type QuarantineReason = (typeof quarantineReason.enumValues)[number];

/** A tick as a feed gives it: nothing of it is believed yet. */
export type FeedTick = {
  /** As the feed names it. */
  readonly symbol: string;
  readonly price: string;
  readonly size: string;
  readonly sequence: bigint;
  readonly occurredAt: Instant;
  /** Told once more at the beginning of a connection: true of its time, and no news. */
  readonly retold?: true;
  /** When we heard it, by the earlier clock: what waits here afterwards is our delay and not its feed's. */
  readonly heardAt?: Instant;
};

/** The best bid and ask as a feed gives them. */
export type FeedQuote = {
  readonly symbol: string;
  readonly bid: string;
  readonly ask: string;
  readonly occurredAt: Instant;
  /** The first of a connection: it bears the time of a trade, however long ago that was. */
  readonly retold?: true;
  readonly heardAt?: Instant;
};

/** A word of a feed that the last price of a symbol still stands. */
export type FeedBeat = { readonly symbol: string; readonly occurredAt: Instant };

/** How far a feed has come with an instrument. */
export type Position = {
  /** Null before its first tick. */
  readonly sequence: bigint | null;
  readonly occurredAt: Instant | null;
  /** The last price that was believed; null where there never was one. */
  readonly price: Amount | null;
  /** The last one beyond the jump, and how many agreed on it since the last that was believed. */
  readonly levelPrice: Amount | null;
  readonly levelCount: number;
  /** Whether something was refused or missed since the last that was believed: nothing confirms its price. */
  readonly unsettled: boolean;
};

export type Verdict =
  | {
      readonly accepted: true;
      readonly price: Amount;
      readonly size: Amount;
      /** Whether it says what the price is now; what is retold and old only says what it was. */
      readonly fresh: boolean;
      readonly position: Position;
    }
  | { readonly accepted: false; readonly reason: QuarantineReason; readonly position: Position };

/** A feed's clock may run ahead of ours by so much. */
export const AHEAD_MS = 5_000;

/**
 * What is believed of a symbol.
 * @units maxJumpBps: bps of the price before
 * @shape oldest: what happened before it is too old to be a price of now
 */
export type Limits = {
  readonly maxJumpBps: number;
  readonly staleAfterSeconds: number;
  readonly oldest: Instant;
};

/**
 * Since when a price is one of now. Where business time was moved a feed may go by either clock.
 * @units seconds
 */
export function oldestOf(now: Instant, realNow: Instant, staleAfterSeconds: number): Instant {
  return addMs(earlierOf(now, realNow), -staleAfterSeconds * 1_000);
}

/** The earlier of two instants. */
export function earlierOf(now: Instant, realNow: Instant): Instant {
  return now < realNow ? now : realNow;
}

/** Whether what a feed said may be believed for its time, if not for now: it was young when we heard it, or is told again. */
function mayBeHistory(said: FeedTick | FeedQuote, staleAfterSeconds: number): boolean {
  const { heardAt, occurredAt, retold } = said;
  return (
    retold === true || (heardAt !== undefined && occurredAt >= addMs(heardAt, -staleAfterSeconds * 1_000))
  );
}

/** Judges the next tick of a known symbol. */
export function judgeTick(
  tick: FeedTick,
  position: Position,
  { maxJumpBps, staleAfterSeconds, oldest }: Limits,
  now: Instant,
): Verdict {
  const fresh = tick.occurredAt >= oldest;
  const reason =
    formRefusal(tick, now) ??
    orderRefusal(tick, position) ??
    (fresh || mayBeHistory(tick, staleAfterSeconds) ? null : ('too_old' as const));
  if (reason !== null) {
    const known = reason === 'repeated' && repeats(tick, position);
    return { accepted: false, reason, position: known ? position : { ...position, unsettled: true } };
  }
  const price = parseAmount(tick.price);
  const { sequence, occurredAt } = tick;
  if (position.price !== null && jumps(position.price, price, maxJumpBps)) {
    const agrees = position.levelPrice !== null && !jumps(position.levelPrice, price, maxJumpBps);
    const levelCount = agrees ? position.levelCount + 1 : 1;
    const { price: before } = position;
    const beyond = { sequence, occurredAt, price: before, levelPrice: price, levelCount, unsettled: true };
    return { accepted: false, reason: 'jump', position: beyond };
  }
  const next = { sequence, occurredAt, price, levelPrice: null, levelCount: 0, unsettled: false };
  return { accepted: true, price, size: parseAmount(tick.size), fresh, position: next };
}

/** Judges the best bid and ask of a known symbol; null where they are believed. */
export function quoteRefusal(
  quote: FeedQuote,
  position: Position,
  { maxJumpBps, staleAfterSeconds, oldest }: Limits,
): QuarantineReason | null {
  if (!DECIMAL_PATTERN.test(quote.bid) || !DECIMAL_PATTERN.test(quote.ask)) {
    return 'off_scale';
  }
  const [bid, ask] = [parseAmount(quote.bid), parseAmount(quote.ask)];
  if (bid <= ZERO || ask <= ZERO) {
    return 'not_positive';
  }
  if (quote.occurredAt < oldest && !mayBeHistory(quote, staleAfterSeconds)) {
    return 'too_old';
  }
  if (bid > ask) {
    return 'quote_crossed';
  }
  const { price } = position;
  return price !== null && (jumps(price, bid, maxJumpBps) || jumps(price, ask, maxJumpBps)) ? 'jump' : null;
}

/** Judges a tick of the past by itself, before it fills a gap; null where it is believed. */
export function formRefusal(tick: FeedTick, now: Instant): QuarantineReason | null {
  if (!DECIMAL_PATTERN.test(tick.price) || !DECIMAL_PATTERN.test(tick.size)) {
    return 'off_scale';
  }
  if (parseAmount(tick.price) <= ZERO || parseAmount(tick.size) < ZERO) {
    return 'not_positive';
  }
  return tick.occurredAt > addMs(now, AHEAD_MS) ? 'in_future' : null;
}

/** Whether two prices lie further apart than a limit. @units bps of the first */
export function jumps(from: Amount, to: Amount, maxJumpBps: number): boolean {
  const distance = to > from ? to - from : from - to;
  return distance * BPS_PER_ONE > from * BigInt(maxJumpBps);
}

/** What an instrument's price settings say of a price that people set; undefined where nobody made any. */
type HandSettings = { readonly feed: string | null; readonly staleAfterSeconds: number | null } | undefined;

/** Whether people may set this price at all; the first that applies. A feed that prices an instrument speaks alone. */
export function referencePriceRefusal(price: Amount, tick: Amount, settings: HandSettings) {
  if (settings !== undefined && settings.feed !== null) {
    return 'price_from_feed' as const;
  }
  // A price of which nobody says when it is too old would stand for ever.
  if (settings === undefined || settings.staleAfterSeconds === null) {
    return 'price_age_missing' as const;
  }
  return price % tick === 0n ? null : ('reference_price_off_tick' as const);
}

/** What one other person may agree to, whatever the instrument allows. @units bps */
const HAND_MOVE_MAX_BPS = 2_000;

/**
 * How many others must agree to a price that a person sets: one where it lies within the limit of every price that is
 * known, of which there must be one, and marks nobody's position.
 * @units limitBps: bps of each price that is known
 */
export function votesForPrice(
  price: Amount,
  known: readonly Amount[],
  limitBps: number,
  isHeld: boolean,
): 1 | 2 {
  const limit = Math.min(limitBps, HAND_MOVE_MAX_BPS);
  const isNear = known.length > 0 && known.every((other) => !jumps(other, price, limit));
  return isNear && !isHeld ? 1 : 2;
}

/** Whether a tick says again what the last one said; otherwise it contradicts it. */
function repeats(tick: FeedTick, position: Position): boolean {
  const last = position.levelPrice ?? position.price;
  return parseAmount(tick.price) === last && tick.occurredAt === position.occurredAt;
}

function orderRefusal(tick: FeedTick, position: Position): QuarantineReason | null {
  if (position.sequence === null || position.occurredAt === null) {
    return null;
  }
  if (tick.sequence <= position.sequence) {
    return tick.sequence === position.sequence ? 'repeated' : 'sequence_backwards';
  }
  return tick.occurredAt < position.occurredAt ? 'time_backwards' : null;
}
