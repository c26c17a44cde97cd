import { and, eq, sql } from 'drizzle-orm';
import { parseAmount, readStoredAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { addMs, type Instant, readStoredInstant } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { MARKETS_EVENTS } from '../audit.ts';
import { instruments } from '../schema.ts';
import { instrumentOf } from '../store.ts';
import { closeGaps } from './feed-gaps.ts';
import { type CandlePart, candleOpening, foldTicks, joinParts, type Tick } from './fold-ticks.ts';
import { tellPrices } from './price-changes.ts';
import { AHEAD_MS, type FeedTick, formRefusal } from './rules.ts';
import { priceSettings } from './schema.ts';
import type { FeedName } from './settings.ts';
import { lockCandles, rewriteCandles, storeTicks } from './store-ticks.ts';
import { lockFeed } from './take-ticks.ts';

export type Repair = { readonly kept: number; readonly known: number; readonly refused: number };

const DAY_MS = 86_400_000;

/**
 * Brings in ticks that a feed's gap left out: candles take them where they belong, and no price moves. What
 * is known already is passed over, so that the same file may be given twice; what is of months whose ticks are emptied
 * is refused.
 * @effects rows of `price_ticks`, `candles`, `feed_gaps.filled_at`; audit `ticks.repaired`, one for each symbol,
 *   `feed.gap_filled`
 */
export async function repairTicks(ctx: Ctx, feed: FeedName, given: readonly FeedTick[]): Promise<Repair> {
  return transact(ctx, 'engine', async (tx) => {
    await lockFeed(tx, feed);
    const total = { kept: 0, known: 0, refused: 0 };
    for (const [symbol, ticks] of Map.groupBy(given, (tick) => tick.symbol)) {
      const repair = await repairSymbol(tx, ctx, feed, symbol, ticks);
      total.kept += repair.kept;
      total.known += repair.known;
      total.refused += repair.refused;
    }
    await closeGaps(tx, ctx);
    return total;
  });
}

async function repairSymbol(
  tx: Tx,
  ctx: Ctx,
  feed: FeedName,
  symbol: string,
  given: readonly FeedTick[],
): Promise<Repair> {
  const [priced] = await tx
    .select({ id: instruments.id, symbol: instruments.symbol })
    .from(priceSettings)
    .innerJoin(instruments, eq(instruments.id, priceSettings.instrumentId))
    .where(and(eq(priceSettings.feed, feed), eq(priceSettings.feedSymbol, symbol)));
  if (priced === undefined) {
    return { kept: 0, known: 0, refused: given.length };
  }
  const now = ctx.deps.clock.now();
  const kept = await keptBySetting(tx, ctx);
  // Of what is older nobody knows any more whether its candles have it.
  const sound = given.filter((tick) => tick.occurredAt >= kept && formRefusal(tick, now) === null);
  const once = new Map(sound.map((tick) => [tick.sequence, tick]));
  const known = await knownSequences(tx, feed, priced.id, [...once.keys()]);
  const fresh = [...once.values()].filter((tick) => !known.has(tick.sequence));
  const ticks = fresh.map(({ sequence, price, size, occurredAt }) => ({
    instrumentId: priced.id,
    source: feed,
    sequence,
    price: parseAmount(price),
    size: parseAmount(size),
    occurredAt,
  }));
  await storeTicks(tx, ticks, now);
  const repair = {
    kept: ticks.length,
    known: sound.length - ticks.length,
    refused: given.length - sound.length,
  };
  const times = ticks.map((tick) => tick.occurredAt).sort();
  await record(tx, ctx, {
    event: MARKETS_EVENTS['ticks.repaired'],
    resource: { type: 'instrument', id: priced.id },
    subjectUserId: null,
    after: { feed, symbol: priced.symbol, ...repair, from: times[0] ?? null, to: times.at(-1) ?? null },
  });
  tellPrices(tx, ctx, [priced.id]);
  return repair;
}

async function knownSequences(
  tx: Tx,
  feed: FeedName,
  instrumentId: Id,
  sequences: readonly bigint[],
): Promise<ReadonlySet<bigint>> {
  const wanted = sql`${sql.param(sequences.map(String))}::bigint[]`;
  const rows = await tx.execute<{ sequence: string }>(sql`
    select sequence::text as sequence from price_ticks
    where instrument_id = ${instrumentId} and source = ${feed} and sequence = any (${wanted})`);
  return new Set(rows.map((row) => BigInt(row.sequence)));
}

/**
 * Makes the candles of the weeks that a time touches again from the ticks there are, whatever stands there
 * now: one without ticks goes, in a week that has any. Weeks are read whole, so that every candle has all its ticks, and
 * each in a transaction of its own: ticks of the instrument wait for it, and with them the settlement of what trades.
 * @shape how many candles were written; null, and nothing more done, from a week on whose ticks are gone or may be
 * @effects rows of `candles`; audit `candles.rebuilt`, one for each week
 * @errors not_found
 */
export async function rebuildCandles(
  ctx: Ctx,
  symbol: string,
  from: Instant,
  to: Instant,
): Promise<number | null> {
  let written = 0;
  for (let week = candleOpening('1w', from); week < to; week = addMs(week, 7 * DAY_MS)) {
    const ofWeek = await rebuildWeek(ctx, symbol, week);
    if (ofWeek === null) {
      return null;
    }
    written += ofWeek;
  }
  return written;
}

async function rebuildWeek(ctx: Ctx, symbol: string, week: Instant): Promise<number | null> {
  return transact(ctx, 'engine', async (tx) => {
    const instrument = await instrumentOf(tx, symbol);
    // A setting says what this process would empty; what another has emptied only the ticks say.
    if (week < (await keptBySetting(tx, ctx)) || week < (await keptByTicks(tx))) {
      return null;
    }
    await lockCandles(tx, instrument.id);
    let parts: readonly CandlePart[] = [];
    for (let day = 0; day < 7; day += 1) {
      const begins = addMs(week, day * DAY_MS);
      parts = joinParts([...parts, ...(await foldStored(tx, instrument.id, begins, addMs(begins, DAY_MS)))]);
    }
    const through = addMs(week, 7 * DAY_MS);
    if (parts.length === 0 && (await hasCandles(tx, instrument.id, week, through))) {
      return null;
    }
    const removed = await rewriteCandles(tx, { instrumentId: instrument.id, from: week, to: through }, parts);
    await record(tx, ctx, {
      event: MARKETS_EVENTS['candles.rebuilt'],
      resource: { type: 'instrument', id: instrument.id },
      subjectUserId: null,
      after: { symbol, from: week, to: through, candles: parts.length, removed },
    });
    tellPrices(tx, ctx, [instrument.id]);
    return parts.length;
  });
}

/** Since when a process of these settings keeps all ticks: whole months of arrival go, and a tick may arrive a little before it happened. */
async function keptBySetting(tx: Tx, { deps }: Ctx): Promise<Instant> {
  const [row] = await tx.execute<{ kept: string }>(sql`
    select (date_trunc('month', now(), 'UTC') - make_interval(months => ${deps.tickMonths}))::text as kept`);
  return addMs(readStoredInstant(present(row, 'the database answers').kept), AHEAD_MS);
}

/**
 * Since when every month of arrival still holds ticks of some instrument: one that holds none may have been emptied. This month
 * and the one before are never emptied, whatever the setting.
 */
async function keptByTicks(tx: Tx): Promise<Instant> {
  const [row] = await tx.execute<{ kept: string }>(sql`
    select coalesce(max(part.begins + interval '1 month'), timestamp '2000-01-01')::text || '+00' as kept
    from (select month::timestamp as begins from partition_months('price_ticks')) part
    where part.begins < date_trunc('month', now() at time zone 'UTC') - interval '1 month'
      and not exists (select from price_ticks t where t.received_at >= part.begins at time zone 'UTC'
        and t.received_at < (part.begins + interval '1 month') at time zone 'UTC')`);
  return addMs(readStoredInstant(present(row, 'the database answers').kept), AHEAD_MS);
}

async function hasCandles(tx: Tx, instrumentId: Id, from: Instant, to: Instant): Promise<boolean> {
  const found = await tx.execute(sql`
    select from candles where instrument_id = ${instrumentId}
      and opened_at >= ${from}::timestamptz and opened_at < ${to}::timestamptz limit 1`);
  return found.length > 0;
}

/** What the stored ticks of a time say. @shape from inclusive, to exclusive */
async function foldStored(
  tx: Tx,
  instrumentId: Id,
  from: Instant,
  to: Instant,
): Promise<readonly CandlePart[]> {
  const rows = await tx.execute<StoredTick>(sql`
    select source, sequence::text as sequence, price, size, occurred_at::text as occurred_at from price_ticks
    where instrument_id = ${instrumentId} and occurred_at >= ${from}::timestamptz and occurred_at < ${to}::timestamptz`);
  return foldTicks(rows.map((row) => tickOf(instrumentId, row)));
}

type StoredTick = {
  readonly source: string;
  readonly sequence: string;
  readonly price: string;
  readonly size: string;
  readonly occurred_at: string;
};

function tickOf(instrumentId: Id, row: StoredTick): Tick {
  return {
    instrumentId,
    source: row.source,
    sequence: BigInt(row.sequence),
    price: readStoredAmount(row.price),
    size: readStoredAmount(row.size),
    occurredAt: readStoredInstant(row.occurred_at),
  };
}
