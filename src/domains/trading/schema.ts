/**
 * Orders and what became of them. An order's instruction is immutable (I14, by trigger); its events,
 * trades and fills are append-only (I4). An order is its own reservation (I3): `reservation` counts
 * in the wallet's `reserved` while the order is open. `order_events` keeps every version of an order; the same transaction
 * tells it to the feed (order-news.ts).
 * What orders, events, trades and fills name is proved by statement triggers instead of foreign keys
 * (docs/adr/0025-orders-without-foreign-keys.md).
 */
import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  date,
  index,
  integer,
  jsonb,
  pgEnum,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { amount, digest, instant, ratio } from '../../platform/db/columns.ts';
import { internalRows, ownedBy, publishedRows } from '../../platform/db/policies.ts';
import { book } from '../ledger/schema.ts';
import { instruments } from '../markets/schema.ts';
import { riskLimitType } from '../risk/schema.ts';

export const orderSide = pgEnum('order_side', ['buy', 'sell']);
export const orderType = pgEnum('order_type', [
  'market',
  'limit',
  'stop',
  'stop_limit',
  'trailing_stop',
  'take_profit',
]);
export const timeInForce = pgEnum('time_in_force', ['day', 'gtc', 'ioc', 'fok', 'gtd']);
export const orderStatus = pgEnum('order_status', [
  'held',
  'pending',
  'open',
  'partially_filled',
  'filled',
  'cancelled',
  'rejected',
  'expired',
  'replaced',
]);

/** How much of a lot a sale takes. @units decimal text */
export type StoredPick = { readonly lotId: string; readonly quantity: string };

/** What an order is to the others of its group. */
export const orderGroupRole = pgEnum('order_group_role', ['parent', 'take_profit', 'stop_loss', 'oco']);

/**
 * Who placed an order: its owner, or the firm because the owner's margin no longer carries a position, or because
 * the mark reached an exit that the owner set on one.
 */
export const orderOrigin = pgEnum('order_origin', ['customer', 'liquidation', 'position_exit']);

export const orders = pgTable(
  'orders',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id').notNull(),
    accountId: uuid('account_id').notNull(),
    book: book('book').notNull(),
    instrumentId: uuid('instrument_id').notNull(),
    symbol: text('symbol').notNull(),
    side: orderSide('side').notNull(),
    type: orderType('type').notNull(),
    timeInForce: timeInForce('time_in_force').notNull(),
    quantity: amount('quantity'),
    notional: amount('notional'),
    limitPrice: amount('limit_price'),
    stopPrice: amount('stop_price'),
    trailAmount: amount('trail_amount'),
    trailPercent: ratio('trail_percent'),
    leverage: ratio('leverage').notNull().default('1'),
    postOnly: boolean('post_only').notNull(),
    reduceOnly: boolean('reduce_only').notNull(),
    /** The lots a sale names, in the order they go; null where the account's method chooses. */
    lots: jsonb('lots').$type<readonly StoredPick[]>(),
    origin: orderOrigin('origin').notNull().default('customer'),
    clientOrderId: text('client_order_id'),
    groupId: uuid('group_id'),
    groupRole: orderGroupRole('group_role'),
    /** The entry that an exit waits for. */
    parentId: uuid('parent_id'),
    replacesId: uuid('replaces_id'),
    expiresAt: instant('expires_at'),
    idempotencyKey: text('idempotency_key'),
    idempotencyIndex: integer('idempotency_index'),
    requestHash: digest('request_hash').notNull(),
    status: orderStatus('status').notNull(),
    rejectionReason: text('rejection_reason'),
    /** Which kind of limit it would have passed; its owner is told no more of it. */
    exceededLimit: riskLimitType('exceeded_limit'),
    /** The worst price a market order may trade at. */
    priceCap: amount('price_cap'),
    /** What the order reserves: quote asset for a buy, base asset for a sell. */
    reservationAsset: text('reservation_asset').notNull(),
    reservation: amount('reservation').notNull(),
    walletId: uuid('wallet_id'),
    filledQuantity: amount('filled_quantity').notNull().default(sql`0`),
    /** What will not trade because another order of its group has. */
    reducedQuantity: amount('reduced_quantity').notNull().default(sql`0`),
    filledAmount: amount('filled_amount').notNull().default(sql`0`),
    fees: amount('fees').notNull().default(sql`0`),
    /** Its place in time; a new one when it is triggered or set free. */
    bookSeq: bigint('book_seq', { mode: 'bigint' }),
    /** A trailing order's place among those its book holds; which mark is its own follows from it. */
    heldSeq: bigint('held_seq', { mode: 'bigint' }),
    /** The best price a trailing order had seen when it was held, and in the end when it was triggered. */
    highWaterMark: amount('high_water_mark'),
    /** The price that triggered it. */
    triggerPrice: amount('trigger_price'),
    triggeredAt: instant('triggered_at'),
    /** The worst price a sale of units may trade at once it was triggered: the collar around the price that did it. */
    triggeredCap: amount('triggered_cap'),
    cancelRequestedAt: instant('cancel_requested_at'),
    cancelReason: text('cancel_reason'),
    version: integer('version').notNull().default(1),
    placedAt: instant('placed_at').notNull(),
    closedAt: instant('closed_at'),
  },
  (table) => [
    uniqueIndex('orders_client_order_id_key')
      .on(table.accountId, table.clientOrderId)
      .where(sql`${table.clientOrderId} is not null`),
    uniqueIndex('orders_idempotency_key').on(table.accountId, table.idempotencyKey, table.idempotencyIndex),
    uniqueIndex('orders_book_seq_key').on(table.instrumentId, table.book, table.bookSeq),
    index('orders_account_id_idx').on(table.accountId, table.id),
    index('orders_user_id_idx').on(table.userId, table.id),
    index('orders_open_idx')
      .on(table.instrumentId, table.book, table.bookSeq)
      .where(sql`${table.status} in ('held', 'pending', 'open', 'partially_filled')`),
    // What every accept batch counts, and what an engine looks for: few rows, whatever the history.
    index('orders_account_open_idx').on(table.accountId).where(sql`${table.closedAt} is null`),
    index('orders_pending_idx')
      .on(table.instrumentId, table.book, table.id)
      .where(sql`${table.status} = 'pending'`),
    index('orders_cancel_idx')
      .on(table.instrumentId, table.book)
      .where(sql`${table.cancelRequestedAt} is not null and ${table.closedAt} is null`),
    // The others of a group; and what a book that is read again must bind together.
    index('orders_group_idx').on(table.groupId).where(sql`${table.groupId} is not null`),
    index('orders_group_open_idx')
      .on(table.instrumentId, table.book)
      .where(sql`${table.groupId} is not null and ${table.closedAt} is null`),
    // Whose time is over: looked for each second among all that are open.
    index('orders_expires_idx')
      .on(table.expiresAt)
      .where(sql`${table.closedAt} is null and ${table.expiresAt} is not null`),
    // A notional beside a limit price was turned into units at it; beside none it bounds what the order turns over.
    check(
      'orders_size_check',
      sql`num_nonnulls(${table.quantity}, ${table.notional}) > 0
        and (${table.quantity} is null or ${table.notional} is null
          or (${table.limitPrice} is null and ${table.side} = 'sell')
          or coalesce(${table.quantity} * ${table.limitPrice} <= ${table.notional}, false))`,
    ),
    check(
      'orders_quantity_check',
      sql`${table.quantity} > 0 and ${table.reducedQuantity} >= 0 and ${table.filledQuantity} + ${table.reducedQuantity} <= ${table.quantity}`,
    ),
    check(
      'orders_group_check',
      sql`(${table.groupId} is null) = (${table.groupRole} is null) and (${table.groupRole} is null or ${table.quantity} is not null or ${table.status} = 'rejected')
        and (${table.parentId} is not null) = (${table.groupRole} is not null and ${table.groupRole} in ('take_profit', 'stop_loss'))`,
    ),
    check(
      'orders_notional_check',
      sql`${table.notional} > 0 and (${table.limitPrice} is not null or ${table.filledAmount} <= ${table.notional})`,
    ),
    check('orders_triggered_check', sql`(${table.triggeredAt} is null) = (${table.triggerPrice} is null)`),
    check(
      'orders_triggered_cap_check',
      sql`${table.triggeredCap} is null or (${table.triggeredAt} is not null and ${table.side} = 'sell' and ${table.triggeredCap} <= ${table.priceCap})`,
    ),
    check('orders_reservation_check', sql`${table.reservation} >= 0`),
    check(
      'orders_closed_check',
      sql`(${table.status} in ('filled', 'cancelled', 'rejected', 'expired', 'replaced')) = (${table.closedAt} is not null)`,
    ),
    check('orders_closed_reservation_check', sql`${table.closedAt} is null or ${table.reservation} = 0`),
    check(
      'orders_rejection_check',
      sql`(${table.status} = 'rejected') = (${table.rejectionReason} is not null)`,
    ),
    check(
      'orders_exceeded_limit_check',
      sql`${table.exceededLimit} is null or ${table.rejectionReason} = 'limit_exceeded'`,
    ),
    ...ownedBy('orders', table.userId),
  ],
);

/** What happened to an order, in order; rows carry their own actor and request. */
export const orderEvents = pgTable(
  'order_events',
  {
    id: uuid('id').primaryKey(),
    orderId: uuid('order_id').notNull(),
    userId: uuid('user_id').notNull(),
    accountId: uuid('account_id').notNull(),
    type: text('type').notNull(),
    data: jsonb('data').notNull(),
    requestId: text('request_id').notNull(),
    occurredAt: instant('occurred_at').notNull(),
  },
  (table) => [
    index('order_events_order_id_idx').on(table.orderId, table.id),
    ...ownedBy('order_events', table.userId),
  ],
);

/** The print of one execution, without accounts: every login may read it. */
export const trades = pgTable(
  'trades',
  {
    id: uuid('id').primaryKey(),
    instrumentId: uuid('instrument_id').notNull(),
    symbol: text('symbol').notNull(),
    book: book('book').notNull(),
    price: amount('price').notNull(),
    quantity: amount('quantity').notNull(),
    takerSide: orderSide('taker_side').notNull(),
    /** Who executed it; null for a trade of our own book. */
    venue: text('venue'),
    executedAt: instant('executed_at').notNull(),
  },
  (table) => [
    index('trades_instrument_id_idx').on(table.instrumentId, table.id),
    check('trades_positive_check', sql`${table.price} > 0 and ${table.quantity} > 0`),
  ],
);

export const liquidity = pgEnum('liquidity', ['maker', 'taker']);

/** One side of a trade, belonging to one order. */
export const fills = pgTable(
  'fills',
  {
    id: uuid('id').primaryKey(),
    tradeId: uuid('trade_id').notNull(),
    orderId: uuid('order_id').notNull(),
    userId: uuid('user_id').notNull(),
    accountId: uuid('account_id').notNull(),
    symbol: text('symbol').notNull(),
    side: orderSide('side').notNull(),
    price: amount('price').notNull(),
    quantity: amount('quantity').notNull(),
    amount: amount('amount').notNull(),
    fee: amount('fee').notNull(),
    feeAsset: text('fee_asset').notNull(),
    feeBps: integer('fee_bps').notNull(),
    liquidity: liquidity('liquidity').notNull(),
    realisedPnl: amount('realised_pnl'),
    /** When what it brought settles; null where it did at once. @units YYYY-MM-DD */
    settlesOn: date('settles_on'),
    /** The day of the firm; null for fills of before this was kept. @units YYYY-MM-DD */
    tradeDay: date('trade_day'),
    /** What it counted for its owner's fee tier; null where it did not. @units currency of the fee tiers */
    volume: amount('volume'),
    /** The instrument's own fee, of which `feeBps` is never more. */
    listedFeeBps: integer('listed_fee_bps'),
    feeTierId: uuid('fee_tier_id'),
    executedAt: instant('executed_at').notNull(),
  },
  (table) => [
    index('fills_order_id_idx').on(table.orderId),
    index('fills_account_id_idx').on(table.accountId, table.id),
    index('fills_user_id_idx').on(table.userId, table.id),
    uniqueIndex('fills_trade_id_liquidity_key').on(table.tradeId, table.liquidity),
    ...ownedBy('fills', table.userId),
  ],
);

export const bookPhase = pgEnum('book_phase', ['continuous', 'halted']);

/** Who matches a (book, instrument) now: the epoch fences an owner that was replaced. */
export const bookOwners = pgTable(
  'book_owners',
  {
    instrumentId: uuid('instrument_id')
      .notNull()
      .references(() => instruments.id),
    book: book('book').notNull(),
    epoch: bigint('epoch', { mode: 'bigint' }).notNull(),
    lastBookSeq: bigint('last_book_seq', { mode: 'bigint' }).notNull(),
    /** Whether the book matches or collects for its next auction. */
    phase: bookPhase('phase').notNull().default('continuous'),
    ownedSince: instant('owned_since').notNull(),
  },
  (table) => [
    primaryKey({ name: 'book_owners_pkey', columns: [table.instrumentId, table.book] }),
    ...internalRows('book_owners'),
  ],
);

/**
 * The best prices that held trailing orders have seen, without a row of each: those of a side held from
 * `from_held_seq` on, up to the next row, have seen `mark`. A new best price changes one row.
 */
export const trailMarks = pgTable(
  'trail_marks',
  {
    instrumentId: uuid('instrument_id')
      .notNull()
      .references(() => instruments.id),
    book: book('book').notNull(),
    side: orderSide('side').notNull(),
    fromHeldSeq: bigint('from_held_seq', { mode: 'bigint' }).notNull(),
    mark: amount('mark').notNull(),
  },
  (table) => [
    primaryKey({
      name: 'trail_marks_pkey',
      columns: [table.instrumentId, table.book, table.side, table.fromHeldSeq],
    }),
    check('trail_marks_mark_check', sql`${table.mark} > 0`),
    ...publishedRows('trail_marks'),
  ],
);
