import { and, eq, sql } from 'drizzle-orm';
import { type Amount, parseAmount, storedAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs, type Instant } from '../../../kernel/time.ts';
import { raiseAlarm } from '../../../platform/alarms/raise-alarm.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayLiteral, insertRows } from '../../../platform/db/insert-rows.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { MARKETS_EVENTS } from '../audit.ts';
import { instruments, quotes } from '../schema.ts';
import { addLate, keepGaps, type NewGap } from './feed-gaps.ts';
import type { Tick } from './fold-ticks.ts';
import { tellPrices } from './price-changes.ts';
import { SPANS_KEPT, wayOf } from './price-spans.ts';
import {
  AHEAD_MS,
  type FeedBeat,
  type FeedQuote,
  type FeedTick,
  judgeTick,
  type Limits,
  oldestOf,
  type Position,
  type QuarantineReason,
  quoteRefusal,
} from './rules.ts';
import { feedPositions, priceSettings, quarantinedTicks } from './schema.ts';
import type { FeedName } from './settings.ts';
import { storeTicks } from './store-ticks.ts';

/** What a feed said since it was last listened to, in its order. */
export type FeedBatch = {
  readonly ticks: readonly FeedTick[];
  readonly quotes: readonly FeedQuote[];
  /** Whose last price the feed says still stands. */
  readonly alive: readonly FeedBeat[];
  /** Where the feed knows that ticks did not reach us. */
  readonly gaps: readonly Gap[];
};

/** @shape through: the sequence of the last tick that is known to be missing */
export type Gap = { readonly symbol: string; readonly missing: bigint; readonly through: bigint };

export type Taken = { readonly accepted: number; readonly quarantined: number };

/** One alarm for each feed, symbol and reason within this time; every tick is kept. */
const ALARM_EVERY_MS = 60_000;
/** A symbol or figure that nobody believes is kept this long. */
const KEPT_CHARACTERS = 40;

/**
 * Believes or holds back what a feed said, in one transaction. Feeds take turns with whoever else writes in
 * their name, so that two processes that both think they run one repeat each other and price nothing twice.
 * @effects rows of `price_ticks`, `candles`, `quotes`, `price_spans`, `feed_positions`, `quarantined_ticks`, `feed_gaps`;
 *   alarms `ticks.quarantined`, `feed.gap_found`
 */
export async function takeTicks(ctx: Ctx, feed: FeedName, batch: FeedBatch): Promise<Taken> {
  return transact(ctx, 'engine', async (tx) => {
    await lockFeed(tx, feed);
    const priced = await pricedBy(tx, ctx, feed, symbolsIn(batch));
    const judged = judge(ctx, feed, batch, priced);
    const now = ctx.deps.clock.now();
    const fresh = await withoutKnown(tx, feed, judged.ticks);
    await storeTicks(tx, fresh, now);
    await keepQuotes(tx, feed, judged.moves, now);
    await keepPositions(tx, feed, priced, judged.moved, now);
    await insertRows(tx, quarantinedTicks, judged.held);
    await keepGaps(tx, [...gapsIn(batch, feed, priced), ...judged.late], now);
    await alarm(tx, ctx, feed, batch, judged.held, priced);
    // A price that is only confirmed is nothing new; that it is stale no more is found by whoever looks by itself.
    const moved = judged.moves.filter(({ last, bid, ask }) => last !== null || bid !== null || ask !== null);
    if (moved.length > 0) {
      tellPrices(
        tx,
        ctx,
        moved.map((move) => move.instrumentId),
      );
    }
    return { accepted: fresh.length, quarantined: judged.held.length };
  });
}

/** Keeps others from writing in the name of a feed until the transaction ends. */
export function lockFeed(tx: Tx, feed: FeedName): Promise<void> {
  return lockExclusive(tx, [`feed:${feed}`]);
}

/** An instrument that a feed prices, and how far the feed has come with it. */
type Priced = {
  readonly instrumentId: Id;
  readonly symbol: string;
  readonly venue: boolean;
  readonly limits: Limits;
  /** By when the feed's first tick since its settings had happened. */
  readonly begunBy: Instant;
  /** What the quote says; null where there never was a price. */
  last: Amount | null;
  position: Position;
};

type QuoteMove = {
  readonly instrumentId: Id;
  last: Amount | null;
  /** All that were believed, the last one last. */
  readonly prices: Amount[];
  bid: Amount | null;
  ask: Amount | null;
  /** Whether the price is made or confirmed: a bid and an ask alone do not where something was not believed. */
  priced: boolean;
};

/** @shape mayBeKnown: whether it is looked whether it is here already */
type NewTick = Tick & { readonly mayBeKnown: boolean };

type HeldTick = typeof quarantinedTicks.$inferInsert;

type Judged = {
  readonly ticks: readonly NewTick[];
  readonly moves: readonly QuoteMove[];
  readonly moved: ReadonlySet<string>;
  readonly held: HeldTick[];
  readonly late: readonly NewGap[];
};

/** Each symbol that a batch speaks of, once. */
function symbolsIn({ ticks, quotes: tops, alive, gaps }: FeedBatch): readonly string[] {
  return [...new Set([...ticks, ...tops, ...gaps, ...alive].map(({ symbol }) => symbol))];
}

/** @shape by the symbol of the feed; one that prices nothing is missing */
async function pricedBy(
  tx: Tx,
  { deps }: Ctx,
  feed: FeedName,
  symbols: readonly string[],
): Promise<Map<string, Priced>> {
  const { now, realNow } = deps.clock;
  const rows = await tx
    .select({
      settings: priceSettings,
      instrumentId: instruments.id,
      symbol: instruments.symbol,
      execution: instruments.execution,
      position: feedPositions,
      last: quotes.last,
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
    .where(
      and(
        eq(priceSettings.feed, feed),
        sql`${priceSettings.feedSymbol} = any (${sql.param(symbols)}::text[])`,
      ),
    );
  return new Map(
    rows.map(({ settings, instrumentId, symbol, execution, position, last }) => [
      present(settings.feedSymbol, 'an instrument with a feed has its symbol there'),
      {
        instrumentId,
        symbol,
        venue: execution === 'venue',
        limits: {
          maxJumpBps: present(settings.maxJumpBps, 'an instrument with a feed has a limit on jumps'),
          staleAfterSeconds: ageOf(settings),
          oldest: oldestOf(now(), realNow(), ageOf(settings)),
        },
        begunBy: addMs(settings.changedAt, AHEAD_MS),
        last,
        // The first tick of a feed is measured from the price there was before.
        position: position ?? {
          sequence: null,
          occurredAt: null,
          price: last,
          levelPrice: null,
          levelCount: 0,
          unsettled: false,
        },
      },
    ]),
  );
}

function ageOf({ staleAfterSeconds }: typeof priceSettings.$inferSelect): number {
  return present(staleAfterSeconds, 'an instrument with a feed has an age');
}

/** What is made of a batch while it is judged. */
type Sheet = {
  readonly priced: ReadonlyMap<string, Priced>;
  readonly ticks: NewTick[];
  readonly held: HeldTick[];
  /** What came too late to be believed: missing, as what never came. */
  readonly late: NewGap[];
  readonly moved: Set<string>;
  readonly moves: Map<Id, QuoteMove>;
  readonly hold: (tick: FeedTick, reason: QuarantineReason) => void;
};

function judge(ctx: Ctx, feed: FeedName, batch: FeedBatch, priced: ReadonlyMap<string, Priced>): Judged {
  const held: HeldTick[] = [];
  const hold = (tick: FeedTick, reason: QuarantineReason): void => {
    held.push(heldRow(ctx, feed, tick, priced.get(tick.symbol)?.instrumentId ?? null, reason));
  };
  const sheet: Sheet = { priced, ticks: [], held, late: [], moved: new Set(), moves: new Map(), hold };
  judgeTicks(sheet, feed, batch.ticks, ctx.deps.clock.now());
  for (const symbol of missingFrom(batch.gaps, priced)) {
    unsettle(symbol, priced, sheet.moved);
  }
  judgeQuotes(sheet, batch.quotes, ctx.deps.clock.now());
  for (const { symbol, occurredAt } of batch.alive) {
    const known = priced.get(symbol);
    // A feed that is alive after something that was not believed, or did not come, says nothing for the price; nor
    // does one that was alive then.
    if (known !== undefined && !known.position.unsettled && occurredAt >= known.limits.oldest) {
      const move = moveOf(sheet, known);
      move.priced = true;
      // What was retold and old is the price once its feed stands by it.
      makePrice(known, move, known.position.price);
    }
  }
  return { ...sheet, moves: [...sheet.moves.values()] };
}

function judgeTicks(sheet: Sheet, feed: FeedName, given: readonly FeedTick[], now: Instant): void {
  for (const tick of given) {
    const known = sheet.priced.get(tick.symbol);
    if (known === undefined) {
      sheet.hold(tick, 'unknown_symbol');
      continue;
    }
    const mayBeKnown = tick.retold === true || known.position.unsettled || tick.occurredAt <= known.begunBy;
    const verdict = judgeTick(tick, known.position, known.limits, now);
    known.position = verdict.position;
    sheet.moved.add(tick.symbol);
    if (!verdict.accepted) {
      sheet.hold(tick, verdict.reason);
      if (verdict.reason === 'too_old') {
        addLate(sheet.late, { instrumentId: known.instrumentId, feed, sequence: tick.sequence });
      }
      continue;
    }
    const { price, size } = verdict;
    const { sequence, occurredAt } = tick;
    const { instrumentId } = known;
    sheet.ticks.push({ instrumentId, source: feed, sequence, price, size, occurredAt, mayBeKnown });
    if (verdict.fresh) {
      const move = moveOf(sheet, known);
      move.prices.push(price);
      move.last = price;
      move.priced = true;
      known.last = price;
    }
  }
}

function judgeQuotes(sheet: Sheet, given: readonly FeedQuote[], now: Instant): void {
  for (const quote of given) {
    const known = sheet.priced.get(quote.symbol);
    const reason = known === undefined ? 'unknown_symbol' : quoteRefusal(quote, known.position, known.limits);
    if (reason !== null) {
      const price = `${quote.bid} ${quote.ask}`;
      sheet.hold({ symbol: quote.symbol, price, size: '', sequence: 0n, occurredAt: now }, reason);
      unsettle(quote.symbol, sheet.priced, sheet.moved);
    } else if (known?.venue === true) {
      const move = moveOf(sheet, known);
      move.bid = parseAmount(quote.bid);
      move.ask = parseAmount(quote.ask);
      const says = !known.position.unsettled && quote.occurredAt >= known.limits.oldest;
      if (says) {
        move.priced = true;
        makePrice(known, move, known.position.price);
      }
    }
  }
}

function moveOf({ moves }: Sheet, { instrumentId }: Priced): QuoteMove {
  const unmoved = { instrumentId, last: null, prices: [], bid: null, ask: null, priced: false };
  const move = moves.get(instrumentId) ?? unmoved;
  moves.set(instrumentId, move);
  return move;
}

/** What is confirmed is the price that the feed told last, whether or not the quote has it yet. */
function makePrice(known: Priced, move: QuoteMove, price: Amount | null): void {
  if (price !== null && price !== known.last) {
    move.prices.push(price);
    move.last = price;
    known.last = price;
  }
}

/** Ticks that are not kept yet: a feed that begins anew, or returns, may tell of what was here before. */
async function withoutKnown(tx: Tx, feed: FeedName, ticks: readonly NewTick[]): Promise<readonly Tick[]> {
  const asked = ticks.filter(({ mayBeKnown }) => mayBeKnown);
  if (asked.length === 0) {
    return ticks;
  }
  const column = (pick: (tick: Tick) => string) => sql`${sql.param(asked.map(pick))}::text[]`;
  const rows = await tx.execute<{ instrument_id: Id; sequence: string }>(sql`
    select p.instrument_id, p.sequence::text as sequence
    from unnest(${column((tick) => tick.instrumentId)}, ${column(({ sequence }) => sequence.toString())},
      ${column(({ price }) => storedAmount(price))}, ${column(({ size }) => storedAmount(size))},
      ${column(({ occurredAt }) => occurredAt)}) as told (id, sequence, price, size, at)
    join price_ticks p on p.instrument_id = told.id::uuid and p.source = ${feed}
      and p.sequence = told.sequence::bigint and p.price = told.price::numeric and p.size = told.size::numeric
      and date_trunc('milliseconds', p.occurred_at) = date_trunc('milliseconds', told.at::timestamptz)`);
  const known = new Set(rows.map((row) => `${row.instrument_id} ${row.sequence}`));
  return ticks.filter(({ instrumentId, sequence }) => !known.has(`${instrumentId} ${sequence}`));
}

/** What of known symbols did not arrive. */
function gapsIn({ gaps }: FeedBatch, feed: FeedName, priced: ReadonlyMap<string, Priced>) {
  return gaps.flatMap(({ symbol, missing, through }) => {
    const known = priced.get(symbol);
    const range = { fromSequence: through - missing + 1n, throughSequence: through };
    return known === undefined ? [] : [{ instrumentId: known.instrumentId, feed, ...range }];
  });
}

/** The symbols with a gap that no tick has come after. */
function missingFrom(gaps: readonly Gap[], priced: ReadonlyMap<string, Priced>): readonly string[] {
  return gaps
    .filter(({ symbol, through }) => (priced.get(symbol)?.position.sequence ?? 0n) <= through)
    .map(({ symbol }) => symbol);
}

/** From here on nothing confirms a symbol's price but a tick that is believed. */
function unsettle(symbol: string, priced: ReadonlyMap<string, Priced>, moved: Set<string>): void {
  const known = priced.get(symbol);
  if (known !== undefined) {
    known.position = { ...known.position, unsettled: true };
    moved.add(symbol);
  }
}

function heldRow(
  ctx: Ctx,
  feed: FeedName,
  tick: FeedTick,
  instrumentId: Id | null,
  reason: QuarantineReason,
): HeldTick {
  return {
    id: newId(),
    feed,
    symbol: tick.symbol.slice(0, KEPT_CHARACTERS),
    instrumentId,
    reason,
    price: tick.price.slice(0, KEPT_CHARACTERS),
    size: tick.size.slice(0, KEPT_CHARACTERS),
    sequence: tick.sequence.toString().slice(0, KEPT_CHARACTERS),
    occurredAt: tick.occurredAt,
    receivedAt: ctx.deps.clock.realNow(),
  };
}

/**
 * The order of instruments is everybody's order of these rows' locks. What a batch made of a price is numbered by the row
 * of its quote, and kept until as many newer ones are there that nobody can be so late.
 */
async function keepQuotes(tx: Tx, feed: FeedName, moves: readonly QuoteMove[], now: Instant): Promise<void> {
  const sorted = [...moves].sort((left, right) => (left.instrumentId < right.instrumentId ? -1 : 1));
  const column = (pick: (move: QuoteMove) => Amount | null) =>
    sql`${sql.param(sorted.map(pick).map((value) => (value === null ? null : storedAmount(value))))}::text[]`;
  const ids = sql`${sql.param(sorted.map((move) => move.instrumentId))}::text[]`;
  const priced = sql`${sql.param(sorted.map((move) => String(move.priced)))}::text[]`;
  const ways = sql`${sql.param(sorted.map(({ prices }) => arrayLiteral(wayOf(prices).map(storedAmount))))}::text[]`;
  if (sorted.length > 0) {
    // A row that is only confirmed is conflicted with as well: what it gives is nothing new.
    await tx.execute(sql`
      with move as materialized (
        select * from unnest(${ids}, ${column(({ last }) => last)}, ${column(({ bid }) => bid)},
          ${column(({ ask }) => ask)}, ${priced}, ${ways}) as given (id, last, bid, ask, priced, way)
      ), kept as (
      insert into quotes (instrument_id, last, bid, ask, source, quoted_at, priced_at, spans)
      select move.id::uuid, coalesce(move.last::numeric, q.last), move.bid::numeric, move.ask::numeric,
        case when move.last is null then '' else ${feed} end, ${now}::timestamptz,
        case when move.priced::boolean then clock_timestamp() end, case when move.last is null then 0 else 1 end
      from move left join quotes q on q.instrument_id = move.id::uuid
      where coalesce(move.last::numeric, q.last) is not null
      order by move.id
      on conflict (instrument_id) do update set
        last = case when excluded.source = '' then quotes.last else excluded.last end,
        source = coalesce(nullif(excluded.source, ''), quotes.source),
        bid = coalesce(excluded.bid, quotes.bid), ask = coalesce(excluded.ask, quotes.ask),
        quoted_at = case when excluded.source = '' and excluded.bid is null then quotes.quoted_at
          else excluded.quoted_at end,
        priced_at = coalesce(excluded.priced_at, quotes.priced_at, quotes.quoted_at),
        stale_told_at = case when excluded.priced_at is null then quotes.stale_told_at end,
        spans = quotes.spans + excluded.spans
      returning instrument_id, spans
      ), gone as (
        delete from price_spans s using kept
        where s.instrument_id = kept.instrument_id and s.number = kept.spans - ${SPANS_KEPT}::int
      )
      insert into price_spans (instrument_id, number, low, high, way)
      select kept.instrument_id, kept.spans, ends.low, ends.high, move.way::numeric[]
      from kept join move on move.id::uuid = kept.instrument_id
      cross join lateral (select min(price) as low, max(price) as high from unnest(move.way::numeric[]) as price) ends
      where move.last is not null`);
  }
}

async function keepPositions(
  tx: Tx,
  feed: FeedName,
  priced: ReadonlyMap<string, Priced>,
  moved: ReadonlySet<string>,
  updatedAt: Instant,
): Promise<void> {
  const rows = [...moved].map((symbol) => {
    const { instrumentId, position } = present(priced.get(symbol), 'a judged symbol is priced');
    return { instrumentId, feed, ...position, updatedAt };
  });
  if (rows.length > 0) {
    await tx
      .insert(feedPositions)
      .values(rows)
      .onConflictDoUpdate({
        target: [feedPositions.instrumentId, feedPositions.feed],
        set: {
          sequence: sql`excluded.sequence`,
          occurredAt: sql`excluded.occurred_at`,
          price: sql`excluded.price`,
          levelPrice: sql`excluded.level_price`,
          levelCount: sql`excluded.level_count`,
          unsettled: sql`excluded.unsettled`,
          updatedAt,
        },
      });
  }
}

/** Calls somebody for what was held back, and for what never came. */
async function alarm(
  tx: Tx,
  ctx: Ctx,
  feed: FeedName,
  batch: FeedBatch,
  held: readonly HeldTick[],
  priced: ReadonlyMap<string, Priced>,
): Promise<void> {
  const groups = Map.groupBy(held, ({ symbol, reason }) => `${reason} ${symbol}`);
  for (const rows of groups.values()) {
    const first = present(rows[0], 'a group has a row');
    if (!(await wasToldOf(tx, ctx, first, rows.length))) {
      await raiseAlarm(tx, ctx, {
        event: MARKETS_EVENTS['ticks.quarantined'],
        resource: { type: 'instrument', id: first.instrumentId ?? first.symbol },
        subjectUserId: null,
        after: {
          feed,
          symbol: first.symbol,
          reason: first.reason,
          price: first.price,
          sequence: first.sequence,
          count: rows.length,
        },
      });
    }
  }
  for (const { symbol, missing } of batch.gaps) {
    const known = priced.get(symbol);
    await raiseAlarm(tx, ctx, {
      event: MARKETS_EVENTS['feed.gap_found'],
      resource: { type: 'instrument', id: known?.instrumentId ?? symbol },
      subjectUserId: null,
      after: { feed, symbol, missing: missing.toString() },
    });
  }
}

async function wasToldOf(tx: Tx, ctx: Ctx, row: HeldTick, inBatch: number): Promise<boolean> {
  const since = addMs(ctx.deps.clock.realNow(), -ALARM_EVERY_MS);
  const [known] = await tx.execute<{ count: number }>(sql`
    select count(*)::int as count from (
      select from quarantined_ticks where feed = ${row.feed} and symbol = ${row.symbol}
        and reason = ${row.reason} and received_at > ${since}::timestamptz limit ${inBatch + 1}) recent`);
  return (known?.count ?? 0) > inBatch;
}
