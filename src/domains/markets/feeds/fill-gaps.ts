/**
 * Fetches what a feed's gaps left out, for those who let it: one gap after another, each tried again later and later. What
 * is fetched is believed only where it goes on from what is here already: the trade beside the gap has to be the one that
 * came by the feed, no price may lie beyond the jump from the one before, and time goes on from each to the next. Else the gap stays open, and says why.
 */
import { and, eq, inArray, isNull, lt, or, sql } from 'drizzle-orm';
import { type Amount, parseAmount } from '../../../kernel/amount.ts';
import { addMs, type Instant, msOfInstant } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { readerOf } from '../../../platform/db/transact-at-once.ts';
import { MARKETS_EVENTS } from '../audit.ts';
import type { GapFailure } from '../prices/feed-gaps.ts';
import { repairTicks } from '../prices/repair-ticks.ts';
import { type FeedTick, formRefusal, jumps } from '../prices/rules.ts';
import { feedGaps, priceSettings, priceTicks } from '../prices/schema.ts';
import { fetchTrades } from './coinbase-trades.ts';

export type Filling = {
  readonly url: string;
  readonly isStopped: () => boolean;
  readonly pauseMs?: number;
};

const FEED = 'coinbase';
/** The exchange may not tell of a trade at once, and whoever looks at new prints has looked by then. */
const FIRST_AFTER_MS = 10_000;
/** After each try; then it is for people. */
const PAUSES_MS = [60_000, 300_000, 1_800_000, 7_200_000, 43_200_000] as const;
const TRIES_MAX = PAUSES_MS.length + 1;
/** Of a gap of which only the end is known. */
const OLDEST_MS = 86_400_000;
/** A wider one is a count that jumped, or hours for people to look at. */
const WIDEST = 10_000n;
/** Ticks wait for a repair: it takes them in parts. */
const PART = 1_000;

/** Tries the gaps whose time has come, until the exchange does not answer. @effects as `repairTicks`; `feed_gaps` */
export async function fillGaps(ctx: Ctx, filling: Filling): Promise<void> {
  for (;;) {
    const gap = filling.isStopped() ? undefined : await nextGap(ctx);
    if (gap === undefined) {
      return;
    }
    const failure = await fillGap(ctx, filling, gap);
    if (failure !== null && filling.isStopped()) {
      return;
    }
    if (failure !== null) {
      await keepFailure(ctx, gap, failure);
      const { symbol } = gap;
      ctx.deps.log.warn({ feed: FEED, symbol, failure }, 'what a price feed left out could not be fetched');
    }
    if (failure === 'busy' || failure === 'unreachable') {
      return;
    }
  }
}

type Gap = NonNullable<Awaited<ReturnType<typeof nextGap>>>;

async function nextGap(ctx: Ctx) {
  const now = ctx.deps.clock.now();
  const [gap] = await readerOf(ctx, 'engine')
    .select({
      id: feedGaps.id,
      instrumentId: feedGaps.instrumentId,
      from: feedGaps.fromSequence,
      through: feedGaps.throughSequence,
      fetches: feedGaps.fetches,
      symbol: sql<string>`${priceSettings.feedSymbol}`,
      maxJumpBps: sql<number>`${priceSettings.maxJumpBps}`,
    })
    .from(feedGaps)
    .innerJoin(
      priceSettings,
      and(eq(priceSettings.instrumentId, feedGaps.instrumentId), eq(priceSettings.feed, feedGaps.feed)),
    )
    .where(
      and(
        eq(feedGaps.feed, FEED),
        isNull(feedGaps.filledAt),
        lt(feedGaps.fetches, TRIES_MAX),
        or(
          sql`${feedGaps.fetchAt} <= ${now}::timestamptz`,
          and(
            isNull(feedGaps.fetchAt),
            sql`${feedGaps.foundAt} <= ${addMs(now, -FIRST_AFTER_MS)}::timestamptz`,
          ),
        ),
      ),
    )
    .orderBy(feedGaps.foundAt, feedGaps.id)
    .limit(1);
  return gap;
}

/** @shape why it stays open; null where all of it is here */
async function fillGap(
  ctx: Ctx,
  { url, isStopped, pauseMs = 250 }: Filling,
  gap: Gap,
): Promise<GapFailure | null> {
  const { symbol, from, through } = gap;
  if (through - from >= WIDEST) {
    return 'too_wide';
  }
  const wanted = { url, symbol, from: from - 1n, through: through + 1n, isStopped, pauseMs };
  const found = await fetchTrades(ctx.deps, wanted);
  if (!found.ok) {
    return found.failure;
  }
  const doubt = await doubtOf(ctx, gap, found.ticks);
  if (doubt !== null) {
    return doubt;
  }
  const missing = found.ticks.filter(({ sequence }) => sequence >= from && sequence <= through);
  for (let at = 0; at < missing.length; at += PART) {
    await repairTicks(ctx, FEED, missing.slice(at, at + PART));
  }
  return (await isFilled(ctx, gap)) ? null : 'incomplete';
}

/** Why what was found is not believed; it is in order, with what lies beside the gap. */
async function doubtOf(
  ctx: Ctx,
  { instrumentId, from, through, maxJumpBps }: Gap,
  found: readonly FeedTick[],
): Promise<GapFailure | null> {
  const now = ctx.deps.clock.now();
  if (found.some((tick) => formRefusal(tick, now) !== null)) {
    return 'unreadable';
  }
  const beside = await readerOf(ctx, 'engine')
    .select({
      sequence: priceTicks.sequence,
      price: priceTicks.price,
      size: priceTicks.size,
      occurredAt: priceTicks.occurredAt,
    })
    .from(priceTicks)
    .where(
      and(
        eq(priceTicks.instrumentId, instrumentId),
        eq(priceTicks.source, FEED),
        inArray(priceTicks.sequence, [from - 1n, through + 1n]),
      ),
    )
    .orderBy(priceTicks.sequence);
  const bySequence = new Map(found.map((tick) => [tick.sequence, tick]));
  const told = beside.flatMap((known) => {
    const tick = bySequence.get(known.sequence);
    return tick === undefined
      ? []
      : [
          parseAmount(tick.price) === known.price &&
            parseAmount(tick.size) === known.size &&
            msOfInstant(tick.occurredAt) === msOfInstant(known.occurredAt),
        ];
  });
  if (told.length === 0 || told.includes(false)) {
    return told.length === 0 ? 'unproved' : 'contradicts';
  }
  if (!goesOn(found, beside)) {
    return 'contradicts';
  }
  const before = beside.find(({ sequence }) => sequence < from)?.price ?? null;
  const prices = found.map((tick) => parseAmount(tick.price));
  const steps: readonly (Amount | null)[] = [before, ...prices];
  const isWild = prices.some((price, at) => {
    const last = steps[at] ?? null;
    return last !== null && jumps(last, price, maxJumpBps);
  });
  return isWild ? 'jump' : null;
}

/**
 * Whether time goes on from each trade to the next, between those beside the gap: one that says another day would change
 * the candles of that day. Where nothing is known before the gap it is no older than a day.
 */
function goesOn(found: readonly FeedTick[], beside: readonly { readonly occurredAt: Instant }[]): boolean {
  const times = found.map(({ occurredAt }) => msOfInstant(occurredAt));
  const known = beside.map(({ occurredAt }) => msOfInstant(occurredAt));
  const [first, last] = [Math.min(...known), Math.max(...known)];
  const earliest = known.length > 1 || times[0] === first ? first : first - OLDEST_MS;
  const latest = known.length > 1 || times.at(-1) === last ? last : Number.POSITIVE_INFINITY;
  return times.every((time, at) => time >= Math.max(earliest, times[at - 1] ?? earliest) && time <= latest);
}

async function isFilled(ctx: Ctx, { id }: Gap): Promise<boolean> {
  const [row] = await readerOf(ctx, 'engine')
    .select({ filledAt: feedGaps.filledAt })
    .from(feedGaps)
    .where(eq(feedGaps.id, id));
  return row?.filledAt != null;
}

/** Keeps why a gap stays open, and when it is tried again. @effects one row of `feed_gaps`; audit `feed.gap_not_fetched` */
async function keepFailure(ctx: Ctx, gap: Gap, failure: GapFailure): Promise<void> {
  const { id, instrumentId, from, through, fetches } = gap;
  const pauseMs = PAUSES_MS[Math.min(fetches, PAUSES_MS.length - 1)] ?? 0;
  // What no later answer changes is not asked for again.
  const tries = failure === 'too_wide' ? TRIES_MAX : fetches + 1;
  await transact(ctx, 'engine', async (tx) => {
    await tx
      .update(feedGaps)
      .set({ fetches: tries, fetchAt: addMs(ctx.deps.clock.now(), pauseMs), fetchFailure: failure })
      .where(eq(feedGaps.id, id));
    await record(tx, ctx, {
      event: MARKETS_EVENTS['feed.gap_not_fetched'],
      resource: { type: 'instrument', id: instrumentId },
      subjectUserId: null,
      after: {
        feed: FEED,
        fromSequence: from.toString(),
        throughSequence: through.toString(),
        missing: (through - from + 1n).toString(),
        failure,
        tries,
      },
    });
  });
}
