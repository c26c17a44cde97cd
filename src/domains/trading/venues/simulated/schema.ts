/**
 * The simulated venue's own books: what a venue elsewhere would keep for itself. Nothing here is the firm's record;
 * that is in `venue_orders`, `venue_reports`, `trades` and the ledger.
 */
import { sql } from 'drizzle-orm';
import { boolean, check, index, integer, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { amount, instant } from '../../../../platform/db/columns.ts';
import { internalRows } from '../../../../platform/db/policies.ts';
import { orderSide, timeInForce } from '../../schema.ts';
import { venueReportType } from '../schema.ts';

export const simulatedOrders = pgTable(
  'simulated_orders',
  {
    /** The reference its sender gave it. */
    id: uuid('id').primaryKey(),
    /** Whose depth it takes from; null of orders from before that was counted. */
    client: uuid('client'),
    instrumentId: uuid('instrument_id').notNull(),
    symbol: text('symbol').notNull(),
    side: orderSide('side').notNull(),
    timeInForce: timeInForce('time_in_force').notNull(),
    /** The worst price; null accepts any. */
    limitPrice: amount('limit_price'),
    isMarket: boolean('is_market').notNull(),
    quantity: amount('quantity'),
    notional: amount('notional'),
    postOnly: boolean('post_only').notNull(),
    executed: amount('executed').notNull(),
    executedAmount: amount('executed_amount').notNull(),
    /** Whether it has met a quote and rests. */
    resting: boolean('resting').notNull(),
    /** The quote whose depth it has taken from. */
    quoteKey: text('quote_key'),
    reportCount: integer('report_count').notNull(),
    closed: boolean('closed').notNull(),
    receivedAt: instant('received_at').notNull(),
    /** From when on it meets quotes. */
    dueAt: instant('due_at').notNull(),
  },
  (table) => [
    index('simulated_orders_open_idx').on(table.instrumentId).where(sql`not ${table.closed}`),
    check('simulated_orders_size_check', sql`num_nonnulls(${table.quantity}, ${table.notional}) > 0`),
    ...internalRows('simulated_orders'),
  ],
);

export const simulatedReports = pgTable(
  'simulated_reports',
  {
    reference: uuid('reference')
      .notNull()
      .references(() => simulatedOrders.id),
    /** Its place among the reports of the order, from 1. */
    place: integer('place').notNull(),
    type: venueReportType('type').notNull(),
    price: amount('price'),
    quantity: amount('quantity'),
    liquidity: text('liquidity'),
    fee: amount('fee'),
    feeAsset: text('fee_asset'),
    reason: text('reason'),
    executed: amount('executed'),
    /** Whose depth of which quote an execution took from. */
    depthKey: text('depth_key'),
    madeAt: instant('made_at').notNull(),
  },
  (table) => [
    primaryKey({ name: 'simulated_reports_pkey', columns: [table.reference, table.place] }),
    index('simulated_reports_depth_idx').on(table.depthKey).where(sql`${table.depthKey} is not null`),
    ...internalRows('simulated_reports'),
  ],
);
