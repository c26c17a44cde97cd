import { and, eq } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { earlierOf } from '../prices/rules.ts';
import { feedPositions, priceSettings } from '../prices/schema.ts';
import type { FeedName } from '../prices/settings.ts';
import { type FeedBatch, type Taken, takeTicks } from '../prices/take-ticks.ts';
import { instruments, quotes } from '../schema.ts';
import type { Feed, FeedInstrument, FeedSink } from './feed.ts';

/** A feed that is listened to. */
export type FeedPump = {
  /** Takes what was said since the last time. @shape false where what was said does not fit any more */
  readonly drain: () => Promise<Taken>;
  /** Whether more was said than can be kept: the feed has to begin anew. */
  readonly overrun: () => boolean;
  readonly stop: () => Promise<void>;
};

/** What waits while the database is away. */
const MAX_WAITING = 200_000;
/** A transaction of so many ticks takes a fraction of a second. */
const BATCH_TICKS = 5_000;

type Waiting = { ticks: FeedBatch['ticks'][number][]; quotes: Map<string, FeedBatch['quotes'][number]> } & {
  alive: Map<string, Instant>;
  gaps: FeedBatch['gaps'][number][];
};

/** Starts a feed for the instruments it prices, and keeps what it says until it is drained. */
export async function pumpFeed(ctx: Ctx, feed: Feed): Promise<FeedPump> {
  let waiting = nothing();
  let overrun = false;
  const { now, realNow } = ctx.deps.clock;
  // A heartbeat needs no such stamp: it says nothing but that of now.
  const heard = () => ({ heardAt: earlierOf(now(), realNow()) });
  const sink: FeedSink = {
    tick: (tick) => {
      if (waiting.ticks.length < MAX_WAITING) {
        waiting.ticks.push({ ...tick, ...heard() });
      } else {
        overrun = true;
      }
    },
    // Of bids and asks only the last one counts.
    quote: (quote) => waiting.quotes.set(quote.symbol, { ...quote, ...heard() }),
    alive: (symbol, occurredAt) => waiting.alive.set(symbol, occurredAt),
    gap: (symbol, missing, through) => {
      waiting.gaps.push({ symbol, missing, through });
    },
  };
  feed.start(await instrumentsOf(ctx, feed.name), sink);
  return {
    drain: async () => {
      const [taken, rest] = split(waiting);
      waiting = rest;
      const alive = [...taken.alive].map(([symbol, occurredAt]) => ({ symbol, occurredAt }));
      const batch = { ...taken, quotes: [...taken.quotes.values()], alive };
      if (batch.ticks.length + batch.quotes.length + batch.alive.length + batch.gaps.length === 0) {
        return { accepted: 0, quarantined: 0 };
      }
      try {
        return await takeTicks(ctx, feed.name, batch);
      } catch (failure) {
        waiting = join(taken, waiting);
        throw failure;
      }
    },
    overrun: () => overrun,
    stop: () => feed.stop(),
  };
}

/** The instruments that a feed prices, and how far it had come. */
export async function instrumentsOf(ctx: Ctx, feed: FeedName): Promise<FeedInstrument[]> {
  const rows = await transact(ctx, ctx.login, (tx) =>
    tx
      .select({
        symbol: priceSettings.feedSymbol,
        tick: instruments.tick,
        lot: instruments.lot,
        last: quotes.last,
        lastSequence: feedPositions.sequence,
      })
      .from(priceSettings)
      .innerJoin(instruments, eq(instruments.id, priceSettings.instrumentId))
      .leftJoin(quotes, eq(quotes.instrumentId, priceSettings.instrumentId))
      .leftJoin(
        feedPositions,
        and(
          eq(feedPositions.instrumentId, priceSettings.instrumentId),
          eq(feedPositions.feed, priceSettings.feed),
        ),
      )
      .where(eq(priceSettings.feed, feed))
      .orderBy(priceSettings.feedSymbol),
  );
  return rows.map((row) => ({
    ...row,
    symbol: present(row.symbol, 'an instrument with a feed has its symbol'),
  }));
}

function nothing(): Waiting {
  return { ticks: [], quotes: new Map(), alive: new Map(), gaps: [] };
}

/** The first ticks go; what belongs after them waits for the last of them. */
function split(waiting: Waiting): [Waiting, Waiting] {
  if (waiting.ticks.length <= BATCH_TICKS) {
    return [waiting, nothing()];
  }
  const rest = { ...waiting, ticks: waiting.ticks.slice(BATCH_TICKS) };
  return [{ ...nothing(), ticks: waiting.ticks.slice(0, BATCH_TICKS) }, rest];
}

function join(earlier: Waiting, later: Waiting): Waiting {
  return {
    ticks: [...earlier.ticks, ...later.ticks],
    quotes: new Map([...earlier.quotes, ...later.quotes]),
    alive: new Map([...earlier.alive, ...later.alive]),
    gaps: [...earlier.gaps, ...later.gaps],
  };
}
