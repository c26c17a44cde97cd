/**
 * What can be traded and what it costs now. Reference data: readable by every login, written by
 * staff paths and the engine. scale(tick) + scale(lot) <= 8, so price times quantity is exact (I15).
 * The foreign keys to `assets` stand in migrations/0002_guards.sql: markets does not import the ledger.
 */
import { sql } from 'drizzle-orm';
import {
  boolean,
  check,
  index,
  integer,
  jsonb,
  pgEnum,
  pgTable,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { amount, instant } from '../../platform/db/columns.ts';

export const instrumentType = pgEnum('instrument_type', [
  'stock',
  'forex',
  'crypto',
  'commodity',
  'index',
  'etf',
  'bond',
]);
export const instrumentKind = pgEnum('instrument_kind', ['spot', 'contract']);
export const exchange = pgEnum('exchange', ['NYSE', 'NASDAQ', 'LSE', 'SEM', 'FOREX', 'CRYPTO', 'COMMODITY']);
export const instrumentStatus = pgEnum('instrument_status', ['active', 'halted', 'delisted']);
export const execution = pgEnum('execution', ['internal', 'venue']);

export const instruments = pgTable(
  'instruments',
  {
    id: uuid('id').primaryKey(),
    symbol: text('symbol').notNull(),
    name: text('name').notNull(),
    type: instrumentType('type').notNull(),
    kind: instrumentKind('kind').notNull(),
    exchange: exchange('exchange').notNull(),
    baseAsset: text('base_asset').notNull(),
    quoteAsset: text('quote_asset').notNull(),
    isin: text('isin'),
    cusip: text('cusip'),
    tick: amount('tick').notNull(),
    lot: amount('lot').notNull(),
    minQuantity: amount('min_quantity').notNull(),
    maxQuantity: amount('max_quantity').notNull(),
    /** @units bps; how far from the last price an order may reach */
    collarBps: integer('collar_bps').notNull(),
    makerFeeBps: integer('maker_fee_bps').notNull(),
    takerFeeBps: integer('taker_fee_bps').notNull(),
    status: instrumentStatus('status').notNull(),
    fractional: boolean('fractional').notNull(),
    execution: execution('execution').notNull(),
    settlementCycle: text('settlement_cycle').notNull(),
    sector: text('sector'),
    industry: text('industry'),
    description: text('description').notNull(),
    metadata: jsonb('metadata').notNull(),
    version: integer('version').notNull().default(1),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [
    uniqueIndex('instruments_symbol_key').on(table.symbol),
    index('instruments_base_asset_idx').on(table.baseAsset),
    index('instruments_quote_asset_idx').on(table.quoteAsset),
    check('instruments_steps_check', sql`${table.tick} > 0 and ${table.lot} > 0`),
    check(
      'instruments_exact_check',
      sql`scale(trim_scale(${table.tick})) + scale(trim_scale(${table.lot})) <= 8`,
    ),
    check(
      'instruments_quantity_check',
      sql`${table.minQuantity} > 0 and ${table.maxQuantity} >= ${table.minQuantity}`,
    ),
    check('instruments_assets_check', sql`${table.baseAsset} <> ${table.quoteAsset}`),
    check(
      'instruments_fees_check',
      sql`${table.makerFeeBps} between 0 and 1000 and ${table.takerFeeBps} between 0 and 1000`,
    ),
    check('instruments_settlement_cycle_check', sql`${table.settlementCycle} in ('T+0', 'T+1', 'T+2')`),
  ],
);

/** The latest price per instrument, from its feed or its own trades. */
export const quotes = pgTable(
  'quotes',
  {
    instrumentId: uuid('instrument_id')
      .primaryKey()
      .references(() => instruments.id),
    last: amount('last').notNull(),
    bid: amount('bid'),
    ask: amount('ask'),
    source: text('source').notNull(),
    quotedAt: instant('quoted_at').notNull(),
  },
  (table) => [check('quotes_last_check', sql`${table.last} > 0`)],
);
