/**
 * Trips breakers by themselves. Prices are kept by the second for as long as the longest window, so that
 * looking costs the same however much is traded; the price that stood when a window began counts with it.
 * A breaker that was lifted begins anew: what moved before is not held against what comes after.
 */
import { sql } from 'drizzle-orm';
import { type Amount, formatAmount, readStoredAmount, storedAmount } from '../../../kernel/amount.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs, type Instant } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayParameter } from '../../../platform/db/insert-rows.ts';
import { lockShared } from '../../../platform/db/locks.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { transact } from '../../../platform/db/transact.ts';
import { raiseAlerts } from '../alerts/raise-alerts.ts';
import { largestMove, type PriceMove, type PriceRange, reaches } from './price-move.ts';
import { makeRoom, writeBreaker } from './trip-breaker.ts';
import { BREAKER_LOCKS } from './tripped.ts';

/** Between which prices an instrument traded just now. */
export type PriceSpan = PriceRange & {
  readonly instrumentId: Id;
  readonly last: Amount;
  /** How many batches of its feed that takes in; null where its own trades made it. */
  readonly spans: bigint | null;
};

type Rule = {
  readonly id: Id;
  readonly instrumentId: Id;
  readonly moveBps: number;
  readonly windowSeconds: number;
  readonly pauseSeconds: number;
  readonly alertBps: number;
  readonly platformMoveBps: number | null;
};

const SECOND_MS = 1_000;

/**
 * Looks at prices that were just made, in the transaction that made them.
 * @effects rows of `breaker_prices`; perhaps those of a trip or of an alert
 */
export async function watchPrices(tx: Tx, ctx: Ctx, spans: readonly PriceSpan[]): Promise<void> {
  const rules =
    spans.length === 0
      ? []
      : await rulesOf(
          tx,
          spans.map(({ instrumentId }) => instrumentId),
        );
  for (const rule of rules) {
    for (const span of spans) {
      if (span.instrumentId === rule.instrumentId) {
        await judge(tx, ctx, rule, span);
      }
    }
  }
}

/**
 * Looks at the latest price of each instrument with a rule, wherever it comes from, and at what its feed said since
 * somebody looked last. Where nobody did since a breaker was lifted, or within the window, it begins with the price of now:
 * hours of prices are not those of one second.
 * @effects as `watchPrices`
 */
export async function watchQuotes(ctx: Ctx): Promise<void> {
  const now = sql.param(ctx.deps.clock.now());
  await transact(ctx, 'engine', async (tx) => {
    // Whoever trips one by hand meanwhile finds what stands, as settlements have it.
    await lockShared(tx, BREAKER_LOCKS.names);
    const rows = await executePrepared<
      Readonly<Record<'instrument_id' | 'last' | 'spans' | 'low' | 'high', string>>
    >(
      tx,
      sql`select q.instrument_id, q.last, q.spans, least(q.last, went.low) as low, greatest(q.last, went.high) as high
        from quotes q
        cross join lateral (
          select max(p.spans) as through from breaker_prices p
          where p.instrument_id = q.instrument_id and p.second_at > ${now}::text::timestamptz - make_interval(secs => (
            select r.window_seconds from breaker_rules r where r.instrument_id = q.instrument_id
            order by r.id desc limit 1))) looked
        cross join lateral (
          select min(s.low) as low, max(s.high) as high from price_spans s
          where s.instrument_id = q.instrument_id and s.number > looked.through and s.number <= q.spans) went
        where q.instrument_id in (select instrument_id from breaker_rules) order by q.instrument_id`,
    );
    await watchPrices(
      tx,
      ctx,
      rows.map((row) => ({
        instrumentId: row.instrument_id as Id,
        low: readStoredAmount(row.low),
        high: readStoredAmount(row.high),
        last: readStoredAmount(row.last),
        spans: BigInt(row.spans),
      })),
    );
  });
}

async function rulesOf(tx: Tx, instrumentIds: readonly Id[]): Promise<readonly Rule[]> {
  const wanted = sql.param(arrayParameter('uuid', instrumentIds));
  const rows = await executePrepared<{
    id: Id;
    instrument_id: Id;
    active: boolean;
    move_bps: number;
    window_seconds: number;
    pause_seconds: number;
    alert_bps: number;
    platform_move_bps: number | null;
  }>(
    tx,
    sql`select distinct on (instrument_id) id, instrument_id, active, move_bps, window_seconds, pause_seconds, alert_bps,
        platform_move_bps
      from breaker_rules where instrument_id = any (${wanted}::uuid[]) order by instrument_id, id desc`,
  );
  return rows
    .filter(({ active }) => active)
    .map((row) => ({
      id: row.id,
      instrumentId: row.instrument_id,
      moveBps: row.move_bps,
      windowSeconds: row.window_seconds,
      pauseSeconds: row.pause_seconds,
      alertBps: row.alert_bps,
      platformMoveBps: row.platform_move_bps,
    }));
}

async function judge(tx: Tx, ctx: Ctx, rule: Rule, span: PriceSpan): Promise<void> {
  const now = ctx.deps.clock.now();
  const before = await rangeBefore(tx, rule, addMs(now, -rule.windowSeconds * SECOND_MS));
  await keepSpan(tx, rule, span, now);
  const move = largestMove(before ?? span, span);
  // An instrument that stands still may move on elsewhere, by as much as stops everything.
  if (rule.platformMoveBps !== null && reaches(move, rule.platformMoveBps)) {
    await trip(tx, ctx, rule, { instrumentId: null, bps: rule.platformMoveBps, move });
  }
  if (reaches(move, rule.moveBps)) {
    await trip(tx, ctx, rule, { instrumentId: rule.instrumentId, bps: rule.moveBps, move });
  }
  if (!before?.tripped && reaches(move, rule.alertBps)) {
    await raiseAlerts(tx, ctx, [deviation(rule, move)]);
  }
}

/** Nothing where one that lasts as long stands for the target already; a shorter one gives way. */
async function trip(
  tx: Tx,
  ctx: Ctx,
  rule: Rule,
  { instrumentId, bps, move }: { instrumentId: Id | null; bps: number; move: PriceMove },
): Promise<void> {
  const whose = instrumentId === null ? `The price of instrument ${rule.instrumentId}` : 'The price';
  const [id, pauseMs] = [newId(), rule.pauseSeconds * SECOND_MS];
  if (!(await makeRoom(tx, ctx, { id, instrumentId, pauseMs }))) {
    return;
  }
  await writeBreaker(tx, ctx, {
    id,
    instrumentId,
    trigger: 'automatic',
    reason: `${whose} moved by ${bps} bps or more within ${rule.windowSeconds} seconds`,
    endsAt: addMs(ctx.deps.clock.now(), pauseMs),
    prices: move,
  });
}

function deviation(rule: Rule, { from, to }: PriceMove) {
  return {
    kind: 'price_deviation',
    severity: reaches({ from, to }, rule.moveBps) ? 'high' : 'medium',
    condition: `price_deviation ${rule.id}`,
    userId: null,
    accountId: null,
    instrumentId: rule.instrumentId,
    details: { ruleId: rule.id, from: formatAmount(from), to: formatAmount(to) },
  } as const;
}

/** What the price was since the window began; null where nothing is known of it. */
async function rangeBefore(
  tx: Tx,
  rule: Rule,
  start: Instant,
): Promise<(PriceRange & { readonly tripped: boolean }) | null> {
  const id = rule.instrumentId;
  const [row] = await executePrepared<{ tripped: string; low: string | null; high: string | null }>(
    tx,
    sql`with stood as (
        select last from breaker_prices where instrument_id = ${id}::uuid and second_at <= ${start}::timestamptz
        order by second_at desc limit 1
      )
      select exists (select from circuit_breakers
          where instrument_id = ${id}::uuid and lifted_at is null)::text as tripped,
        least(min(low), (select last from stood)) as low, greatest(max(high), (select last from stood)) as high
      from breaker_prices where instrument_id = ${id}::uuid and second_at > ${start}::timestamptz`,
  );
  return row === undefined || row.low === null || row.high === null
    ? null
    : {
        low: readStoredAmount(row.low),
        high: readStoredAmount(row.high),
        tripped: row.tripped === 'true',
      };
}

async function keepSpan(
  tx: Tx,
  rule: Rule,
  { low, high, last, spans }: PriceSpan,
  now: Instant,
): Promise<void> {
  const [lowest, highest, latest] = [storedAmount(low), storedAmount(high), storedAmount(last)];
  await executePrepared(
    tx,
    sql`insert into breaker_prices as p (instrument_id, second_at, low, high, last, spans)
      values (${rule.instrumentId}::uuid, date_trunc('second', ${now}::timestamptz), ${lowest}::numeric,
        ${highest}::numeric, ${latest}::numeric, ${spans === null ? null : spans.toString()}::bigint)
      on conflict (instrument_id, second_at) do update
        set low = least(p.low, excluded.low), high = greatest(p.high, excluded.high), last = excluded.last,
          spans = greatest(p.spans, excluded.spans)`,
  );
  const start = addMs(now, -rule.windowSeconds * SECOND_MS);
  await executePrepared(
    tx,
    sql`delete from breaker_prices where instrument_id = ${rule.instrumentId}::uuid and second_at < (
      select max(second_at) from breaker_prices
      where instrument_id = ${rule.instrumentId}::uuid and second_at <= ${start}::timestamptz)`,
  );
}

/** The lowest and highest of prices, by instrument. */
export function spansOf(
  prices: Iterable<{ readonly instrumentId: Id; readonly price: Amount }>,
): PriceSpan[] {
  const spans = new Map<Id, PriceSpan>();
  for (const { instrumentId, price } of prices) {
    const { low, high } = spans.get(instrumentId) ?? { low: price, high: price };
    spans.set(instrumentId, {
      instrumentId,
      low: price < low ? price : low,
      high: price > high ? price : high,
      last: price,
      spans: null,
    });
  }
  return [...spans.values()].sort((left, right) => (left.instrumentId < right.instrumentId ? -1 : 1));
}
