import { type SQL, sql } from 'drizzle-orm';
import { storedAmount } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayLiteral } from '../../../platform/db/insert-rows.ts';
import { lockExclusive, sharedLocks } from '../../../platform/db/locks.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { type CandlePart, foldTicks, type Tick } from './fold-ticks.ts';

/**
 * Keeps ticks and brings their candles up to them, late ones as well, in one statement. Each tick may be
 * given once.
 * @effects rows of `price_ticks`, `candles`, the latter locked in the order of their key
 */
export async function storeTicks(tx: Tx, ticks: readonly Tick[], receivedAt: Instant): Promise<void> {
  if (ticks.length === 0) {
    return;
  }
  await executePrepared(
    tx,
    sql`with turn as materialized (${sharedLocks(ticks.map((tick) => candlesOf(tick.instrumentId)))}), kept as (
      insert into price_ticks (instrument_id, source, sequence, price, size, occurred_at, received_at)
      select tick.*, ${receivedAt}::timestamptz from unnest(
        ${column('uuid', ticks, (tick) => tick.instrumentId)}, ${column('text', ticks, (tick) => tick.source)},
        ${column('bigint', ticks, (tick) => tick.sequence.toString())},
        ${column('numeric', ticks, (tick) => storedAmount(tick.price))},
        ${column('numeric', ticks, (tick) => storedAmount(tick.size))},
        ${column('timestamptz', ticks, (tick) => tick.occurredAt)}) as tick
      where ${TURN_HAS_COME}
    ) ${candleInsertion(foldTicks(ticks))} where ${TURN_HAS_COME} on conflict (instrument_id, interval, opened_at) do update set
      open = case when ${before('first')} then excluded.open else candles.open end,
      high = greatest(candles.high, excluded.high), low = least(candles.low, excluded.low),
      close = case when ${before('last')} then candles.close else excluded.close end,
      volume = least(candles.volume + excluded.volume, 999999999999.99999999),
      ticks = candles.ticks + excluded.ticks, ${place('first', true)}, ${place('last', false)}`,
  );
}

/** Whoever adds ticks shares the candles of an instrument with others who do, and with nobody who rewrites them. */
const TURN_HAS_COME = sql.raw('(select held from turn) > 0');

/** Keeps ticks out of an instrument's candles until the transaction ends: what is read afterwards is all there is. */
export function lockCandles(tx: Tx, instrumentId: Id): Promise<void> {
  return lockExclusive(tx, [candlesOf(instrumentId)]);
}

function candlesOf(instrumentId: Id): string {
  return `candles:${instrumentId}`;
}

/**
 * Puts what all ticks of a time say, read since `lockCandles`, in the place of its candles; one that no tick made is
 * taken out.
 * @shape from inclusive, to exclusive; how many were taken out
 * @effects rows of `candles`
 */
export async function rewriteCandles(
  tx: Tx,
  { instrumentId, from, to }: { readonly instrumentId: Id; readonly from: Instant; readonly to: Instant },
  parts: readonly CandlePart[],
): Promise<number> {
  const gone = await tx.execute(sql`
    delete from candles c where c.instrument_id = ${instrumentId}
      and c.opened_at >= ${from}::timestamptz and c.opened_at < ${to}::timestamptz
      and not exists (select from unnest(
        ${column('candle_interval', parts, (part) => part.interval)},
        ${column('timestamptz', parts, (part) => part.openedAt)}) as made (interval, opened_at)
        where made.interval = c.interval and made.opened_at = c.opened_at)
    returning 1`);
  if (parts.length > 0) {
    await executePrepared(
      tx,
      sql`${candleInsertion(parts)} on conflict (instrument_id, interval, opened_at) do update set
        open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close,
        volume = excluded.volume, ticks = excluded.ticks, first_at = excluded.first_at,
        first_sequence = excluded.first_sequence, first_source = excluded.first_source,
        last_at = excluded.last_at, last_sequence = excluded.last_sequence, last_source = excluded.last_source`,
    );
  }
  return gone.length;
}

function candleInsertion(parts: readonly CandlePart[]): SQL {
  return sql`insert into candles (instrument_id, interval, opened_at, open, high, low, close, volume, ticks,
      first_at, first_sequence, first_source, last_at, last_sequence, last_source)
    select part.* from unnest(
      ${column('uuid', parts, (part) => part.instrumentId)},
      ${column('candle_interval', parts, (part) => part.interval)},
      ${column('timestamptz', parts, (part) => part.openedAt)},
      ${column('numeric', parts, (part) => storedAmount(part.open))},
      ${column('numeric', parts, (part) => storedAmount(part.high))},
      ${column('numeric', parts, (part) => storedAmount(part.low))},
      ${column('numeric', parts, (part) => storedAmount(part.close))},
      ${column('numeric', parts, (part) => storedAmount(part.volume))},
      ${column('bigint', parts, (part) => part.ticks.toString())},
      ${column('timestamptz', parts, (part) => part.first.occurredAt)},
      ${column('bigint', parts, (part) => part.first.sequence.toString())},
      ${column('text', parts, (part) => part.first.source)},
      ${column('timestamptz', parts, (part) => part.last.occurredAt)},
      ${column('bigint', parts, (part) => part.last.sequence.toString())},
      ${column('text', parts, (part) => part.last.source)}) as part`;
}

function column<Row>(type: string, rows: readonly Row[], pick: (row: Row) => string): SQL {
  return sql`${sql.param(arrayLiteral(rows.map(pick)))}::${sql.raw(type)}[]`;
}

/** Whether what is new lies before what is stored; names are compared byte by byte, as comparePlaces does. */
function before(end: 'first' | 'last'): SQL {
  return sql.raw(`(excluded.${end}_at, excluded.${end}_sequence, excluded.${end}_source collate "C")
    < (candles.${end}_at, candles.${end}_sequence, candles.${end}_source collate "C")`);
}

function place(end: 'first' | 'last', whenBefore: boolean): SQL {
  const [then, otherwise] = whenBefore ? ['excluded', 'candles'] : ['candles', 'excluded'];
  const members = ['at', 'sequence', 'source'].map(
    (member) =>
      sql`${sql.raw(`${end}_${member}`)} = case when ${before(end)} then ${sql.raw(`${then}.${end}_${member}`)}
        else ${sql.raw(`${otherwise}.${end}_${member}`)} end`,
  );
  return sql.join(members, sql`, `);
}
