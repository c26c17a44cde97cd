/**
 * Orders at venues and what venues said of them. A row of `venue_orders` is durable before anything is sent, and its id
 * is the order's, which is also the reference the venue is given: one order is sent once, for good. Reports are
 * append-only and unique by the venue's own id, so that one which comes twice has one effect.
 */
import { sql } from 'drizzle-orm';
import { check, index, jsonb, pgEnum, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { amount, instant } from '../../../platform/db/columns.ts';
import { internalRows } from '../../../platform/db/policies.ts';
import { book } from '../../ledger/schema.ts';

export const venueOrderState = pgEnum('venue_order_state', ['sending', 'working', 'unknown', 'done']);

/** What staff say a venue did, as it was agreed. @units decimal text */
export type StoredResolution = {
  readonly executions: readonly {
    readonly executionId: string;
    readonly price: string;
    readonly quantity: string;
  }[];
  readonly evidence: string;
};

export const venueOrders = pgTable(
  'venue_orders',
  {
    /** The order, and the reference the venue is given. */
    orderId: uuid('order_id').primaryKey(),
    instrumentId: uuid('instrument_id').notNull(),
    book: book('book').notNull(),
    venue: text('venue').notNull(),
    state: venueOrderState('state').notNull(),
    /** Why nobody knows what became of it; set with `unknown`. */
    unknownReason: text('unknown_reason'),
    unknownSince: instant('unknown_since'),
    /** When the venue was to be asked for it back. */
    recalledAt: instant('recalled_at'),
    /** How the venue says it ended, and what it executed of it in all. */
    endReason: text('end_reason'),
    endExecuted: amount('end_executed'),
    /** What two people say the venue did; it is carried out by whoever owns the book. */
    resolution: jsonb('resolution').$type<StoredResolution>(),
    resolutionId: uuid('resolution_id'),
    routedAt: instant('routed_at').notNull(),
    doneAt: instant('done_at'),
  },
  (table) => [
    index('venue_orders_open_idx').on(table.instrumentId, table.book).where(sql`${table.state} <> 'done'`),
    index('venue_orders_state_idx').on(table.state, table.orderId),
    check('venue_orders_done_check', sql`(${table.state} = 'done') = (${table.doneAt} is not null)`),
    check(
      'venue_orders_unknown_check',
      sql`(${table.state} = 'unknown') = (${table.unknownReason} is not null) and (${table.unknownReason} is null) = (${table.unknownSince} is null)`,
    ),
    check('venue_orders_end_check', sql`(${table.endReason} is null) = (${table.endExecuted} is null)`),
    check(
      'venue_orders_resolution_check',
      sql`(${table.resolution} is null) = (${table.resolutionId} is null)`,
    ),
    ...internalRows('venue_orders'),
  ],
);

export const venueReportType = pgEnum('venue_report_type', [
  'accepted',
  'fill',
  'rejected',
  'cancelled',
  'done',
]);

/**
 * `noted`: it moves no money. `booked`: an execution that became a trade. `contested`: an execution that the order
 * does not cover, which people have to settle with the venue.
 */
export const venueReportStanding = pgEnum('venue_report_standing', ['noted', 'booked', 'contested']);

export const venueReports = pgTable(
  'venue_reports',
  {
    id: uuid('id').primaryKey(),
    orderId: uuid('order_id').notNull(),
    venue: text('venue').notNull(),
    /** The venue's own id of the report. */
    reportKey: text('report_key').notNull(),
    type: venueReportType('type').notNull(),
    standing: venueReportStanding('standing').notNull(),
    price: amount('price'),
    quantity: amount('quantity'),
    /** What the venue charges the firm; no customer pays it. */
    fee: amount('fee'),
    feeAsset: text('fee_asset'),
    reason: text('reason'),
    /** What the venue counts as executed of the order in all. */
    executed: amount('executed'),
    /** What the venue itself calls the order, of a report that it accepted it. */
    venueOrderId: text('venue_order_id'),
    /** The trade it became. */
    tradeId: uuid('trade_id'),
    /** The approval it came from, where people said it. */
    resolutionId: uuid('resolution_id'),
    receivedAt: instant('received_at').notNull(),
  },
  (table) => [
    uniqueIndex('venue_reports_key').on(table.venue, table.reportKey),
    uniqueIndex('venue_reports_trade_id_key').on(table.tradeId),
    index('venue_reports_order_id_idx').on(table.orderId, table.id),
    check('venue_reports_booked_check', sql`(${table.standing} = 'booked') = (${table.tradeId} is not null)`),
    check(
      'venue_reports_fill_check',
      sql`(${table.type} = 'fill') = (${table.price} is not null and ${table.quantity} is not null) and (${table.standing} = 'noted') = (${table.type} <> 'fill')`,
    ),
    check('venue_reports_order_check', sql`${table.venueOrderId} is null or ${table.type} = 'accepted'`),
    ...internalRows('venue_reports'),
  ],
);
