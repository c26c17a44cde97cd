/**
 * What each batch of a feed did to a price: the way it went to the last one, quarantined ticks apart. What waits for a
 * price is told of it in the order in which it happened, by number, so that a notice nobody heard loses nothing.
 */
import { sql } from 'drizzle-orm';
import { type Amount, readStoredAmount } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayLiteral, arrayParameter } from '../../../platform/db/insert-rows.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';

export type PriceSpan = {
  /** Counts up without a gap, for each instrument. */
  readonly number: bigint;
  readonly low: Amount;
  readonly high: Amount;
  /** As `wayOf` makes it. */
  readonly way: readonly Amount[];
};

/** The newest of an instrument: at the pace at which feeds are listened to, those of half a minute. */
export const SPANS_KEPT = 512;

/**
 * Of prices in their order those that decide what all of them reach: the lowest and the highest, the deepest fall and the
 * steepest rise, and the last one. One fall or rise is from the highest to the lowest or back, so they are five at most;
 * a fixed trigger, and a trail by an amount, are reached by them exactly where all would have.
 * @shape in their order, each once in a row
 */
export function wayOf(prices: readonly Amount[]): Amount[] {
  const at = (index: number): bigint => prices[index] ?? 0n;
  let [low, high] = [0, 0];
  let fall = { from: 0, to: 0 };
  let rise = { from: 0, to: 0 };
  for (const [index, price] of prices.entries()) {
    low = price < at(low) ? index : low;
    high = price > at(high) ? index : high;
    fall = at(high) - price > at(fall.from) - at(fall.to) ? { from: high, to: index } : fall;
    rise = price - at(low) > at(rise.to) - at(rise.from) ? { from: low, to: index } : rise;
  }
  const turns = new Set([low, high, fall.from, fall.to, rise.from, rise.to, prices.length - 1]);
  return prices
    .filter((_price, index) => turns.has(index))
    .filter((price, index, way) => price !== way[index - 1]);
}

/**
 * The spans of instruments after those that are known.
 * @shape by instrument, in their order; one without any is missing. Of more than `SPANS_KEPT` the newest are left
 */
export async function spansSince(
  tx: Tx,
  known: ReadonlyMap<Id, bigint>,
): Promise<ReadonlyMap<Id, readonly PriceSpan[]>> {
  if (known.size === 0) {
    return new Map();
  }
  const ids = sql.param(arrayParameter('uuid', [...known.keys()]));
  const numbers = sql.param(arrayLiteral([...known.values()].map(String)));
  const rows = await executePrepared<StoredSpan>(
    tx,
    sql`select s.instrument_id, s.number::text as number, s.low::text as low, s.high::text as high,
        array_to_string(s.way, ' ') as way
      from unnest(${ids}::uuid[], ${numbers}::bigint[]) as known (id, number)
      cross join lateral (
        select * from price_spans p where p.instrument_id = known.id and p.number > known.number
        order by p.number limit ${sql.raw(String(SPANS_KEPT))}) s
      order by s.instrument_id, s.number`,
  );
  return Map.groupBy(rows.map(readSpan), ({ instrumentId }) => instrumentId);
}

type StoredSpan = Readonly<Record<'instrument_id' | 'number' | 'low' | 'high' | 'way', string>>;

function readSpan(row: StoredSpan): PriceSpan & { readonly instrumentId: Id } {
  return {
    instrumentId: row.instrument_id as Id,
    number: BigInt(row.number),
    low: readStoredAmount(row.low),
    high: readStoredAmount(row.high),
    way: row.way.split(' ').map(readStoredAmount),
  };
}
