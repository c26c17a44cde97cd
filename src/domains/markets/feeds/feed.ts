/**
 * The port of price feeds. A feed only says what it hears, in its order: what of it is believed is decided
 * by `takeTicks`, and where it runs by `startFeeds`.
 */
import type { Amount } from '../../../kernel/amount.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { FeedQuote, FeedTick } from '../prices/rules.ts';
import type { FeedName } from '../prices/settings.ts';

/** An instrument that the feed prices, and how far it had come with it. */
export type FeedInstrument = {
  /** As the feed names it. */
  readonly symbol: string;
  readonly tick: Amount;
  readonly lot: Amount;
  /** Null where it never had a price. */
  readonly last: Amount | null;
  /** The last tick that was taken; null where the feed begins anew. */
  readonly lastSequence: bigint | null;
};

/** What a feed tells. None of these throws or waits. */
export type FeedSink = {
  readonly tick: (tick: FeedTick) => void;
  readonly quote: (quote: FeedQuote) => void;
  /** The source stands by the last price of a symbol, as of a moment. */
  readonly alive: (symbol: string, occurredAt: Instant) => void;
  /** So many ticks of a symbol did not arrive, the last of them with a sequence. */
  readonly gap: (symbol: string, missing: bigint, through: bigint) => void;
};

export type Feed = {
  readonly name: FeedName;
  readonly start: (instruments: readonly FeedInstrument[], sink: FeedSink) => void;
  /** After it nothing is told any more. */
  readonly stop: () => Promise<void>;
};

/** Whether people let a feed begin anew while we listen: its count only ever grows by itself. */
export function wasSetBack(before: readonly FeedInstrument[], now: readonly FeedInstrument[]): boolean {
  const reached = new Map(before.map(({ symbol, lastSequence }) => [symbol, lastSequence]));
  return now.some(({ symbol, lastSequence }) => {
    const known = reached.get(symbol) ?? null;
    return known !== null && (lastSequence === null || lastSequence < known);
  });
}
