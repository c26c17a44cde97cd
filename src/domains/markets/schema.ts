/**
 * What can be traded and what it costs now. Reference data: readable by every login, written by
 * staff paths and the engine. scale(tick) + scale(lot) <= 8, so price times quantity is exact (I15).
 * Terms of a listed instrument change by two people: by trigger, in migrations/0016_markets_trading_guards.sql.
 * The foreign keys to `assets` stand in the hand-written migrations: markets does not import the ledger.
 */
import { sql } from 'drizzle-orm';
import {
  bigint,
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
import { publishedRows } from '../../platform/db/policies.ts';

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
export const dayCount = pgEnum('day_count', ['actual_360', 'actual_365']);

/** What a listing may say of an instrument besides its terms; figures as their source gives them. */
export type InstrumentMetadata = {
  readonly marketCap?: string | undefined;
  readonly country?: string | undefined;
  readonly website?: string | undefined;
  readonly logo?: string | undefined;
  readonly dividendYield?: string | undefined;
  readonly priceEarnings?: string | undefined;
  readonly beta?: string | undefined;
};

export const instruments = pgTable(
  'instruments',
  {
    id: uuid('id').primaryKey(),
    symbol: text('symbol').notNull(),
    name: text('name').notNull(),
    type: instrumentType('type').notNull(),
    kind: instrumentKind('kind').notNull(),
    exchange: exchange('exchange').notNull(),
    /** The asset that a spot instrument trades; what a contract follows, which need be no asset, such as an index. */
    baseAsset: text('base_asset').notNull(),
    /** Holds the base of a spot instrument to the assets there are. */
    spotBase: text('spot_base').generatedAlwaysAs(sql`case when kind = 'spot' then base_asset end`),
    quoteAsset: text('quote_asset').notNull(),
    isin: text('isin'),
    cusip: text('cusip'),
    tick: amount('tick').notNull(),
    lot: amount('lot').notNull(),
    minQuantity: amount('min_quantity').notNull(),
    maxQuantity: amount('max_quantity').notNull(),
    /** What an order must be worth at least. @units quote asset */
    minNotional: amount('min_notional').notNull().default(sql`0`),
    /** @units bps; how far from the last price an order may reach */
    collarBps: integer('collar_bps').notNull(),
    makerFeeBps: integer('maker_fee_bps').notNull(),
    takerFeeBps: integer('taker_fee_bps').notNull(),
    status: instrumentStatus('status').notNull(),
    fractional: boolean('fractional').notNull(),
    execution: execution('execution').notNull(),
    settlementCycle: text('settlement_cycle').notNull(),
    /** Of a contract: what its profit, loss and margin are paid in. */
    settlementAsset: text('settlement_asset'),
    /** Of a contract. @units times the margin */
    maxLeverage: amount('max_leverage'),
    /** @units bps of what the position is worth */
    initialMarginBps: integer('initial_margin_bps'),
    maintenanceMarginBps: integer('maintenance_margin_bps'),
    /** What a long position pays for being held; negative where it receives. @units bps a year, by `dayCount` */
    longRateBps: integer('long_rate_bps'),
    shortRateBps: integer('short_rate_bps'),
    dayCount: dayCount('day_count'),
    /** How often the rates are charged: 24 is overnight. @units hours */
    fundingHours: integer('funding_hours'),
    sector: text('sector'),
    industry: text('industry'),
    description: text('description').notNull(),
    metadata: jsonb('metadata').$type<InstrumentMetadata>().notNull(),
    version: integer('version').notNull().default(1),
    createdAt: instant('created_at').notNull(),
    /** When another person approved its terms; unset while they are a proposal. */
    listedAt: instant('listed_at'),
    /** When a halt ends by itself; unset where a person has to end it. */
    haltedUntil: instant('halted_until'),
    /** The approval behind the terms and the state it has. */
    changeApprovalId: uuid('change_approval_id'),
  },
  (table) => [
    uniqueIndex('instruments_symbol_key').on(table.symbol),
    index('instruments_base_asset_idx').on(table.baseAsset),
    index('instruments_quote_asset_idx').on(table.quoteAsset),
    index('instruments_spot_base_idx').on(table.spotBase),
    index('instruments_settlement_asset_idx').on(table.settlementAsset),
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
    check('instruments_min_notional_check', sql`${table.minNotional} >= 0`),
    check('instruments_collar_check', sql`${table.collarBps} between 1 and 10000`),
    check(
      'instruments_contract_check',
      sql`num_nonnulls(${table.settlementAsset}, ${table.maxLeverage}, ${table.initialMarginBps},
        ${table.maintenanceMarginBps}, ${table.longRateBps}, ${table.shortRateBps}, ${table.dayCount},
        ${table.fundingHours}) = case ${table.kind} when 'contract' then 8 else 0 end`,
    ),
    // The initial margin covers what the leverage allows, and a position is called before it is closed out.
    check(
      'instruments_margin_check',
      sql`${table.maxLeverage} >= 1 and ${table.maintenanceMarginBps} > 0
        and ${table.initialMarginBps} > ${table.maintenanceMarginBps} and ${table.initialMarginBps} <= 10000
        and ${table.maxLeverage} * ${table.initialMarginBps} <= 10000`,
    ),
    check(
      'instruments_funding_check',
      sql`${table.fundingHours} in (1, 2, 4, 8, 12, 24) and abs(${table.longRateBps}) <= 10000
        and abs(${table.shortRateBps}) <= 10000`,
    ),
    check(
      'instruments_halted_check',
      sql`${table.haltedUntil} is null or (${table.status} = 'halted' and ${table.listedAt} is not null)`,
    ),
    index('instruments_halted_until_idx').on(table.haltedUntil).where(sql`${table.haltedUntil} is not null`),
  ],
);

export const haltAction = pgEnum('halt_action', ['halted', 'resumed']);

/** Halts and their ends, append-only; `instruments.status` is what stands now. */
export const tradingHalts = pgTable(
  'trading_halts',
  {
    id: uuid('id').primaryKey(),
    instrumentId: uuid('instrument_id')
      .notNull()
      .references(() => instruments.id),
    action: haltAction('action').notNull(),
    /** Published with the halt. */
    reason: text('reason').notNull(),
    haltedUntil: instant('halted_until'),
    /** Who asked for it; nobody where a timed halt ended by itself. */
    actedBy: uuid('acted_by'),
    /** The approval of a resumption; a timed halt ends without. */
    approvalId: uuid('approval_id'),
    occurredAt: instant('occurred_at').notNull(),
  },
  (table) => [
    index('trading_halts_instrument_id_idx').on(table.instrumentId, table.id),
    check(
      'trading_halts_approval_check',
      sql`${table.approvalId} is null or (${table.action} = 'resumed' and ${table.actedBy} is not null)`,
    ),
    ...publishedRows('trading_halts'),
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
    /** When what prices the instrument last made or confirmed `last`; null where it was before this was kept. @units real time */
    pricedAt: instant('priced_at'),
    /** When somebody was told that the price is stale; null again with the next price. @units real time */
    staleToldAt: instant('stale_told_at'),
    /** How many batches of its feed have moved the price; the newest are rows of `price_spans`. */
    spans: bigint('spans', { mode: 'bigint' }).notNull().default(sql`0`),
  },
  (table) => [check('quotes_last_check', sql`${table.last} > 0`)],
);
