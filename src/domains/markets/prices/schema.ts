/**
 * What prices came in and what was made of them. Ticks are market data and no evidence: a trade keeps its
 * own price. They are cut by month of their arrival, so that a late tick never needs a month that is gone.
 * A candle remembers its first and last tick, so that ticks may arrive in any order and it comes out the
 * same. All are readable by every login but what is held back, which is the firm's.
 */
import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  index,
  integer,
  pgEnum,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { amount, instant } from '../../../platform/db/columns.ts';
import { internalRows, publishedRows } from '../../../platform/db/policies.ts';
import { instruments } from '../schema.ts';

export const feedName = pgEnum('feed_name', ['simulator', 'coinbase', 'replay']);

export const candleInterval = pgEnum('candle_interval', ['1m', '5m', '15m', '1h', '4h', '1d', '1w']);

/** Why a tick was held back, in the order of precedence. */
export const quarantineReason = pgEnum('quarantine_reason', [
  'unknown_symbol',
  'off_scale',
  'not_positive',
  'in_future',
  'repeated',
  'sequence_backwards',
  'time_backwards',
  'too_old',
  'quote_crossed',
  'jump',
]);

/** Partitioned by month of `received_at`. Its candles, written with it, hold the instrument to exist. */
export const priceTicks = pgTable(
  'price_ticks',
  {
    instrumentId: uuid('instrument_id').notNull(),
    /** A feed, or `trades` for the instrument's own book. */
    source: text('source').notNull(),
    /** Of the source's own count; only its order means something. */
    sequence: bigint('sequence', { mode: 'bigint' }).notNull(),
    price: amount('price').notNull(),
    size: amount('size').notNull(),
    /** @units as the source says it happened */
    occurredAt: instant('occurred_at').notNull(),
    receivedAt: instant('received_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.instrumentId, table.source, table.sequence, table.receivedAt] }),
    index('price_ticks_occurred_at_idx').on(table.instrumentId, table.occurredAt),
    check('price_ticks_price_check', sql`${table.price} > 0 and ${table.size} >= 0`),
    ...publishedRows('price_ticks'),
  ],
);

/**
 * Which way the price of an instrument went in each of the newest batches that its feed said, quarantined ticks apart:
 * what waits for a price is told of them, whoever looks late. Written with the quote, which counts them without a gap.
 */
export const priceSpans = pgTable(
  'price_spans',
  {
    instrumentId: uuid('instrument_id').notNull(),
    /** Which of the instrument's batches it was; the newest is `quotes.spans`. */
    number: bigint('number', { mode: 'bigint' }).notNull(),
    low: amount('low').notNull(),
    high: amount('high').notNull(),
    /** The prices that decide what a batch reached, in the order in which they came; the last one is its last. */
    way: amount('way').array().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.instrumentId, table.number] }),
    check(
      'price_spans_way_check',
      sql`${table.low} > 0 and cardinality(${table.way}) between 1 and 5 and ${table.low} = any (${table.way}) and ${table.high} = any (${table.way})`,
    ),
    ...internalRows('price_spans'),
  ],
);

export const candles = pgTable(
  'candles',
  {
    instrumentId: uuid('instrument_id')
      .notNull()
      .references(() => instruments.id),
    interval: candleInterval('interval').notNull(),
    /** Days begin at midnight UTC, weeks on Monday. */
    openedAt: instant('opened_at').notNull(),
    open: amount('open').notNull(),
    high: amount('high').notNull(),
    low: amount('low').notNull(),
    close: amount('close').notNull(),
    /** @units base asset; stays at the largest amount once it would be more */
    volume: amount('volume').notNull(),
    ticks: bigint('ticks', { mode: 'bigint' }).notNull(),
    firstAt: instant('first_at').notNull(),
    firstSequence: bigint('first_sequence', { mode: 'bigint' }).notNull(),
    firstSource: text('first_source').notNull(),
    lastAt: instant('last_at').notNull(),
    lastSequence: bigint('last_sequence', { mode: 'bigint' }).notNull(),
    lastSource: text('last_source').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.instrumentId, table.interval, table.openedAt] }),
    check(
      'candles_prices_check',
      sql`${table.low} > 0 and ${table.low} <= least(${table.open}, ${table.close}) and ${table.high} >= greatest(${table.open}, ${table.close})`,
    ),
    ...publishedRows('candles'),
  ],
);

/** Where an instrument's price comes from and what is believed of it; without a row its own trades price it. */
export const priceSettings = pgTable(
  'price_settings',
  {
    instrumentId: uuid('instrument_id')
      .primaryKey()
      .references(() => instruments.id),
    feed: feedName('feed'),
    /** What the feed calls it. */
    feedSymbol: text('feed_symbol'),
    /** @units bps; how far one tick may lie from the one before */
    maxJumpBps: integer('max_jump_bps'),
    /** @units seconds of real time without a word, after which the price is stale; null for never */
    staleAfterSeconds: integer('stale_after_seconds'),
    /** How many ticks must agree on a level beyond a jump before people may accept it. */
    levelTicks: integer('level_ticks').notNull(),
    version: integer('version').notNull().default(1),
    changedAt: instant('changed_at').notNull(),
  },
  (table) => [
    uniqueIndex('price_settings_feed_symbol_key').on(table.feed, table.feedSymbol),
    check(
      'price_settings_feed_check',
      sql`${table.feed} is null or (${table.feedSymbol} is not null and ${table.maxJumpBps} is not null and ${table.staleAfterSeconds} is not null)`,
    ),
    check(
      'price_settings_limits_check',
      sql`${table.maxJumpBps} between 1 and 10000 and ${table.staleAfterSeconds} between 1 and 604800 and ${table.levelTicks} between 2 and 1000`,
    ),
    ...publishedRows('price_settings'),
  ],
);

/** How far each feed has come with each instrument, and the level it waits at beyond a jump. */
export const feedPositions = pgTable(
  'feed_positions',
  {
    instrumentId: uuid('instrument_id')
      .notNull()
      .references(() => instruments.id),
    feed: feedName('feed').notNull(),
    /** Null before the first tick, and where people let the feed begin anew. */
    sequence: bigint('sequence', { mode: 'bigint' }),
    occurredAt: instant('occurred_at'),
    /** The last one believed; null before the first. */
    price: amount('price'),
    /** The last one beyond the jump, and how many agreed on it. */
    levelPrice: amount('level_price'),
    levelCount: integer('level_count').notNull(),
    /** Whether what came since the last tick that was believed speaks against its price, or did not come. */
    unsettled: boolean('unsettled').notNull().default(false),
    updatedAt: instant('updated_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.instrumentId, table.feed] }),
    check('feed_positions_level_check', sql`(${table.levelPrice} is null) = (${table.levelCount} = 0)`),
    ...publishedRows('feed_positions'),
  ],
);

/** What a feed said and nobody believed, as it said it. */
export const quarantinedTicks = pgTable(
  'quarantined_ticks',
  {
    id: uuid('id').primaryKey(),
    feed: feedName('feed').notNull(),
    symbol: text('symbol').notNull(),
    /** Null where nobody knows the symbol. */
    instrumentId: uuid('instrument_id').references(() => instruments.id),
    reason: quarantineReason('reason').notNull(),
    price: text('price').notNull(),
    size: text('size').notNull(),
    sequence: text('sequence').notNull(),
    occurredAt: text('occurred_at').notNull(),
    receivedAt: instant('received_at').notNull(),
  },
  (table) => [
    index('quarantined_ticks_instrument_id_idx').on(table.instrumentId, table.id),
    index('quarantined_ticks_feed_idx').on(table.feed, table.symbol, table.reason, table.receivedAt),
    ...internalRows('quarantined_ticks'),
  ],
);

/** Why what is missing could not be fetched from its source. */
export const gapFailure = pgEnum('gap_failure', [
  'unreachable',
  'busy',
  'refused',
  'unknown_product',
  'unreadable',
  'unproved',
  'contradicts',
  'jump',
  'incomplete',
  'too_wide',
]);

/** Ticks of a feed that did not arrive, by its own count; filled once every one of them is here. */
export const feedGaps = pgTable(
  'feed_gaps',
  {
    id: uuid('id').primaryKey(),
    instrumentId: uuid('instrument_id')
      .notNull()
      .references(() => instruments.id),
    feed: feedName('feed').notNull(),
    /** The first that is missing, and the last. */
    fromSequence: bigint('from_sequence', { mode: 'bigint' }).notNull(),
    throughSequence: bigint('through_sequence', { mode: 'bigint' }).notNull(),
    foundAt: instant('found_at').notNull(),
    filledAt: instant('filled_at'),
    /** How often the source was asked for what is missing, when it may be asked again, and why that did not fill it. */
    fetches: integer('fetches').notNull().default(0),
    fetchAt: instant('fetch_at'),
    fetchFailure: gapFailure('fetch_failure'),
  },
  (table) => [
    uniqueIndex('feed_gaps_sequences_key').on(
      table.instrumentId,
      table.feed,
      table.fromSequence,
      table.throughSequence,
    ),
    check('feed_gaps_sequences_check', sql`${table.fromSequence} <= ${table.throughSequence}`),
    ...internalRows('feed_gaps'),
  ],
);
