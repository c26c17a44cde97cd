/**
 * Prices made up for the sandbox: a geometric walk around the price each instrument had, in whole
 * millionths, so that the same seed and the same anchors always walk the same way. It never strays further
 * than a band from its anchor, within which the demo firm's market maker quotes.
 */
import { type Amount, amountOf, formatAmount, maxAmount } from '../../../kernel/amount.ts';
import { divideRounded, roundToStep } from '../../../kernel/rounding.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { Feed, FeedInstrument, FeedSink } from './feed.ts';

export type SimulatorParts = {
  readonly seed: bigint;
  readonly now: () => Instant;
  /** Between two steps of all instruments. */
  readonly intervalMs?: number;
};

const INTERVAL_MS = 500;
const MILLION = 1_000_000n;
/** @units millionths of the price, either way */
const STEP = 60n;
const BAND = 1_000n;
const HALF_SPREAD = 50n;
const LARGEST_SIZE_LOTS = 500n;

type Walk = {
  readonly instrument: FeedInstrument;
  readonly anchor: Amount;
  readonly random: () => bigint;
  /** @units millionths of the smallest amount, so that small prices walk too */
  level: bigint;
  sequence: bigint;
};

/** The feed `simulator`, which walks as long as it is started. */
export function simulatorFeed(parts: SimulatorParts): Feed {
  let timer: Timer | undefined;
  return {
    name: 'simulator',
    start: (instruments, sink) => {
      const walks = instruments.flatMap((instrument) => walkOf(parts.seed, instrument));
      timer = setInterval(() => {
        for (const walk of walks) {
          step(walk, parts.now(), sink);
        }
      }, parts.intervalMs ?? INTERVAL_MS);
    },
    stop: async () => clearInterval(timer),
  };
}

/** Without a price there is nothing to walk from. */
function walkOf(seed: bigint, instrument: FeedInstrument): Walk[] {
  const { symbol, last, lastSequence } = instrument;
  if (last === null) {
    return [];
  }
  const own = [...symbol].reduce((sum, letter) => sum * 31n + BigInt(letter.codePointAt(0) ?? 0), seed);
  const sequence = lastSequence ?? 0n;
  return [{ instrument, anchor: last, random: randomOf(own + sequence), level: last * MILLION, sequence }];
}

function step(walk: Walk, occurredAt: Instant, sink: FeedSink): void {
  const { instrument, anchor, random } = walk;
  const { symbol, tick, lot } = instrument;
  const moved = divideRounded(
    walk.level * (MILLION - STEP + (random() % (2n * STEP + 1n))),
    MILLION,
    'half_even',
  );
  const [lowest, highest] = [anchor * (MILLION - BAND), anchor * (MILLION + BAND)];
  walk.level = moved < lowest ? lowest : moved > highest ? highest : moved;
  walk.sequence += 1n;
  const exact = amountOf(divideRounded(walk.level, MILLION, 'half_even'));
  const price = maxAmount(roundToStep(exact, tick, 'half_even'), tick);
  const half = maxAmount(roundToStep(amountOf((price * HALF_SPREAD) / MILLION), tick, 'up'), tick);
  sink.tick({
    symbol,
    price: formatAmount(price),
    size: formatAmount(lot * (1n + (random() % LARGEST_SIZE_LOTS))),
    sequence: walk.sequence,
    occurredAt,
  });
  const bid = maxAmount(amountOf(price - half), tick);
  sink.quote({ symbol, bid: formatAmount(bid), ask: formatAmount(price + half), occurredAt });
}

const WORD = (1n << 64n) - 1n;

/** @source splitmix64 (Steele, Lea and Flood, 2014) */
function randomOf(seed: bigint): () => bigint {
  let state = seed & WORD;
  return () => {
    state = (state + 0x9e3779b97f4a7c15n) & WORD;
    let mixed = state;
    mixed = ((mixed ^ (mixed >> 30n)) * 0xbf58476d1ce4e5b9n) & WORD;
    mixed = ((mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn) & WORD;
    return mixed ^ (mixed >> 31n);
  };
}
