/**
 * How ticks become candles. Pure, integers only. A candle keeps the place of its first and last tick, so
 * that two parts of one candle merge to the same whole whatever came first: merging is commutative and
 * associative, here and in the statement that stores it (store-ticks.ts).
 */
import { type Amount, amountOf, MAX_AMOUNT, maxAmount, minAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { type Instant, instantOfMs } from '../../../kernel/time.ts';

export const CANDLE_INTERVALS = ['1m', '5m', '15m', '1h', '4h', '1d', '1w'] as const;

export type CandleInterval = (typeof CANDLE_INTERVALS)[number];

export type Tick = {
  readonly instrumentId: Id;
  readonly source: string;
  readonly sequence: bigint;
  readonly price: Amount;
  /** @units base asset; zero where the source gives none */
  readonly size: Amount;
  readonly occurredAt: Instant;
};

/** Where a tick stands among the others of its instrument. */
export type TickPlace = Pick<Tick, 'occurredAt' | 'sequence' | 'source'>;

export type CandlePart = {
  readonly instrumentId: Id;
  readonly interval: CandleInterval;
  readonly openedAt: Instant;
  readonly open: Amount;
  readonly high: Amount;
  readonly low: Amount;
  readonly close: Amount;
  readonly volume: Amount;
  readonly ticks: bigint;
  readonly first: TickPlace;
  readonly last: TickPlace;
};

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const WIDTH_MS: Readonly<Record<CandleInterval, number>> = {
  '1m': MINUTE_MS,
  '5m': 5 * MINUTE_MS,
  '15m': 15 * MINUTE_MS,
  '1h': HOUR_MS,
  '4h': 4 * HOUR_MS,
  '1d': DAY_MS,
  '1w': 7 * DAY_MS,
};

/** The epoch was a Thursday; weeks begin on Monday. */
const WEEK_OFFSET_MS = 4 * DAY_MS;

/** When the candle opened that an instant falls into. @units UTC */
export function candleOpening(interval: CandleInterval, occurredAt: Instant): Instant {
  if (interval === '1m') {
    return `${occurredAt.slice(0, 16)}:00.000000Z` as Instant;
  }
  const offsetMs = interval === '1w' ? WEEK_OFFSET_MS : 0;
  const widthMs = WIDTH_MS[interval];
  // Decimals beyond the millisecond never move an instant into another candle.
  const sinceMs = Date.parse(`${occurredAt.slice(0, 23)}Z`) - offsetMs;
  return instantOfMs(Math.floor(sinceMs / widthMs) * widthMs + offsetMs);
}

/** Orders ticks of one instrument by time, then by the source's count, then by its name. */
export function comparePlaces(left: TickPlace, right: TickPlace): number {
  if (left.occurredAt !== right.occurredAt) {
    return left.occurredAt < right.occurredAt ? -1 : 1;
  }
  if (left.sequence !== right.sequence) {
    return left.sequence < right.sequence ? -1 : 1;
  }
  return left.source < right.source ? -1 : left.source > right.source ? 1 : 0;
}

/**
 * Folds ticks, each given once, into the parts of candles they make.
 * @shape one part per candle, by instrument, interval and opening: the order everybody locks them in
 */
export function foldTicks(ticks: readonly Tick[]): readonly CandlePart[] {
  // Every interval is made of whole minutes, of which there are far fewer than ticks.
  const minutes = joinParts(ticks.map((tick) => partOf(tick, '1m', candleOpening('1m', tick.occurredAt))));
  return joinParts(
    CANDLE_INTERVALS.flatMap((interval) =>
      minutes.map((part) => ({ ...part, interval, openedAt: candleOpening(interval, part.openedAt) })),
    ),
  );
}

/** Parts of the same candles as one each, in the same order. */
export function joinParts(parts: readonly CandlePart[]): readonly CandlePart[] {
  const joined = new Map<string, CandlePart>();
  for (const part of parts) {
    const key = `${part.instrumentId} ${CANDLE_INTERVALS.indexOf(part.interval)} ${part.openedAt}`;
    const known = joined.get(key);
    joined.set(key, known === undefined ? part : mergeParts(known, part));
  }
  return [...joined.keys()].sort().map((key) => present(joined.get(key), 'it was just listed'));
}

function partOf(tick: Tick, interval: CandleInterval, openedAt: Instant): CandlePart {
  const { instrumentId, price, size, occurredAt, sequence, source } = tick;
  const place = { occurredAt, sequence, source };
  const prices = { open: price, high: price, low: price, close: price };
  return { instrumentId, interval, openedAt, ...prices, volume: size, ticks: 1n, first: place, last: place };
}

/** Two parts of the same candle as one. */
function mergeParts(left: CandlePart, right: CandlePart): CandlePart {
  const earlier = comparePlaces(left.first, right.first) <= 0 ? left : right;
  const later = comparePlaces(left.last, right.last) >= 0 ? left : right;
  const volume = left.volume + right.volume;
  return {
    instrumentId: left.instrumentId,
    interval: left.interval,
    openedAt: left.openedAt,
    open: earlier.open,
    high: maxAmount(left.high, right.high),
    low: minAmount(left.low, right.low),
    close: later.close,
    // Trading never stops at a sum that a column cannot hold; `least` in the statement does the same.
    volume: volume > MAX_AMOUNT ? MAX_AMOUNT : amountOf(volume),
    ticks: left.ticks + right.ticks,
    first: earlier.first,
    last: later.last,
  };
}
