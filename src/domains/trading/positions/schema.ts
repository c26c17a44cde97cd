/**
 * Positions in contracts, and what wallets hold as margin for them. A position is what the fills of one account
 * in one instrument leave open: long or short, one at a time. Whoever changes a position holds its wallet's lock.
 * What is held as margin counts in `wallets.reserved` (I3): a trigger moves both in one statement, and at commit
 * positions must agree with the fills and with what is held for them (migrations/0018_trading_depth_guards.sql).
 */
import { sql } from 'drizzle-orm';
import {
  bigint,
  check,
  foreignKey,
  index,
  integer,
  pgEnum,
  pgTable,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { amount, instant } from '../../../platform/db/columns.ts';
import { internalRows, ownedBy } from '../../../platform/db/policies.ts';
import { accounts } from '../../accounts/schema.ts';
import { book, wallets } from '../../ledger/schema.ts';
import { instruments } from '../../markets/schema.ts';
import { orderSide } from '../schema.ts';

export const positionSide = pgEnum('position_side', ['long', 'short']);
export const positionStatus = pgEnum('position_status', ['open', 'closed', 'liquidated']);

export const positions = pgTable(
  'positions',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id').notNull(),
    accountId: uuid('account_id').notNull(),
    book: book('book').notNull(),
    instrumentId: uuid('instrument_id')
      .notNull()
      .references(() => instruments.id),
    symbol: text('symbol').notNull(),
    /** The wallet that pays and is paid, in the settlement asset. */
    walletId: uuid('wallet_id')
      .notNull()
      .references(() => wallets.id),
    settlementAsset: text('settlement_asset').notNull(),
    side: positionSide('side').notNull(),
    status: positionStatus('status').notNull(),
    /** What is open; never negative, the side says which way. */
    quantity: amount('quantity').notNull(),
    /** What the open part was entered at: price times quantity, exact; partial closes take a rounded share of it. */
    entryValue: amount('entry_value').notNull(),
    /** The initial margin of the open part, fixed at entry by the leverage of its orders. */
    initialMargin: amount('initial_margin').notNull(),
    openedQuantity: amount('opened_quantity').notNull(),
    openedValue: amount('opened_value').notNull(),
    closedQuantity: amount('closed_quantity').notNull(),
    closedValue: amount('closed_value').notNull(),
    fillCount: integer('fill_count').notNull(),
    fees: amount('fees').notNull(),
    /** Of what was closed, before fees and funding. */
    realisedPnl: amount('realised_pnl').notNull(),
    /** What holding it has cost; negative where it received. */
    fundingPaid: amount('funding_paid').notNull().default(sql`0`),
    /** The part of its losses that the wallet could not pay and the firm bore. */
    lossBorne: amount('loss_borne').notNull().default(sql`0`),
    markPrice: amount('mark_price').notNull(),
    markedAt: instant('marked_at').notNull(),
    unrealisedPnl: amount('unrealised_pnl').notNull(),
    maintenanceMargin: amount('maintenance_margin').notNull(),
    /** The mark at which it is closed out if nothing else changes; null where no price would do that. */
    liquidationPrice: amount('liquidation_price'),
    version: integer('version').notNull().default(1),
    openedAt: instant('opened_at').notNull(),
    updatedAt: instant('updated_at').notNull(),
    closedAt: instant('closed_at'),
  },
  (table) => [
    foreignKey({
      name: 'positions_account_id_user_id_fkey',
      columns: [table.accountId, table.userId],
      foreignColumns: [accounts.id, accounts.userId],
    }),
    uniqueIndex('positions_open_key')
      .on(table.accountId, table.instrumentId)
      .where(sql`${table.closedAt} is null`),
    index('positions_wallet_id_idx').on(table.walletId).where(sql`${table.closedAt} is null`),
    index('positions_instrument_id_idx').on(table.instrumentId).where(sql`${table.closedAt} is null`),
    index('positions_account_id_idx').on(table.accountId, table.id),
    index('positions_user_id_idx').on(table.userId, table.id),
    check(
      'positions_quantity_check',
      sql`${table.quantity} >= 0 and ${table.quantity} = ${table.openedQuantity} - ${table.closedQuantity}`,
    ),
    check('positions_closed_check', sql`(${table.status} = 'open') = (${table.closedAt} is null)`),
    check('positions_open_check', sql`(${table.status} = 'open') = (${table.quantity} > 0)`),
    check(
      'positions_margin_check',
      sql`case when ${table.quantity} > 0 then ${table.entryValue} > 0 and ${table.initialMargin} > 0
          and ${table.maintenanceMargin} >= 0
        else ${table.entryValue} = 0 and ${table.initialMargin} = 0 and ${table.unrealisedPnl} = 0
          and ${table.maintenanceMargin} = 0 end`,
    ),
    check('positions_loss_borne_check', sql`${table.lossBorne} >= 0 and ${table.markPrice} > 0`),
    ...ownedBy('positions', table.userId),
  ],
);

/** What one wallet holds as margin for all open positions it settles: cross margin per account and asset. */
export const marginHolds = pgTable(
  'margin_holds',
  {
    walletId: uuid('wallet_id')
      .primaryKey()
      .references(() => wallets.id),
    userId: uuid('user_id').notNull(),
    accountId: uuid('account_id').notNull(),
    book: book('book').notNull(),
    asset: text('asset').notNull(),
    /** Counts in `wallets.reserved`. */
    held: amount('held').notNull(),
    /** Sums over the open positions. */
    initialMargin: amount('initial_margin').notNull(),
    maintenanceMargin: amount('maintenance_margin').notNull(),
    unrealisedPnl: amount('unrealised_pnl').notNull(),
    /** Sum of the losses alone: the gain of one position does not pay for the loss of another. */
    unrealisedLoss: amount('unrealised_loss').notNull(),
    updatedAt: instant('updated_at').notNull(),
  },
  (table) => [
    index('margin_holds_account_id_idx').on(table.accountId),
    index('margin_holds_user_id_idx').on(table.userId),
    check(
      'margin_holds_held_check',
      sql`${table.held} between 0 and ${table.initialMargin} + ${table.unrealisedLoss}`,
    ),
    check('margin_holds_sums_check', sql`${table.initialMargin} >= 0 and ${table.unrealisedLoss} >= 0`),
    ...ownedBy('margin_holds', table.userId),
  ],
);

/** Where a position is left: at the price that loses, or at the one that gains. */
export const positionExit = pgEnum('position_exit', ['stop_loss', 'take_profit']);

/**
 * The exits of a position: the marks at which all of it is closed, whatever it has become by then. They end with the
 * position, by trigger. Whoever changes them holds the lock of the position's wallet.
 */
export const positionExits = pgTable(
  'position_exits',
  {
    positionId: uuid('position_id')
      .primaryKey()
      .references(() => positions.id),
    userId: uuid('user_id').notNull(),
    accountId: uuid('account_id').notNull(),
    /** Of the position, which keeps them: what a price has reached is found without it. */
    instrumentId: uuid('instrument_id')
      .notNull()
      .references(() => instruments.id),
    walletId: uuid('wallet_id')
      .notNull()
      .references(() => wallets.id),
    side: positionSide('side').notNull(),
    stopLoss: amount('stop_loss'),
    takeProfit: amount('take_profit'),
    version: integer('version').notNull().default(1),
    changedAt: instant('changed_at').notNull(),
    /** How many batches of its feed had moved the price by then: what was before reaches nothing. */
    spansBefore: bigint('spans_before', { mode: 'bigint' }).notNull().default(sql`0`),
    /** Which of them the mark reached; null while neither is. */
    triggered: positionExit('triggered'),
    triggeredAt: instant('triggered_at'),
    /** The mark that reached it. */
    triggerMark: amount('trigger_mark'),
    /** Why the position is not closed just now, although an exit was triggered. */
    heldBack: text('held_back'),
    /** Not before then is it tried (again). */
    nextTryAt: instant('next_try_at'),
    /** When the position was closed, by whatever. */
    endedAt: instant('ended_at'),
  },
  (table) => {
    const isArmed = sql`${table.triggeredAt} is null and ${table.endedAt} is null`;
    return [
      foreignKey({
        name: 'position_exits_account_id_user_id_fkey',
        columns: [table.accountId, table.userId],
        foreignColumns: [accounts.id, accounts.userId],
      }),
      index('position_exits_stop_loss_idx').on(table.instrumentId, table.side, table.stopLoss).where(isArmed),
      index('position_exits_take_profit_idx')
        .on(table.instrumentId, table.side, table.takeProfit)
        .where(isArmed),
      index('position_exits_triggered_idx')
        .on(table.nextTryAt)
        .where(sql`${table.triggeredAt} is not null and ${table.endedAt} is null`),
      index('position_exits_wallet_id_idx').on(table.walletId).where(sql`${table.endedAt} is null`),
      index('position_exits_account_id_idx').on(table.accountId),
      index('position_exits_user_id_idx').on(table.userId),
      check('position_exits_levels_check', sql`${table.stopLoss} > 0 and ${table.takeProfit} > 0`),
      check(
        'position_exits_triggered_check',
        sql`num_nulls(${table.triggered}, ${table.triggeredAt}, ${table.triggerMark}, ${table.nextTryAt}) in (0, 4)
          and (${table.triggered} is not null or ${table.heldBack} is null) and ${table.triggerMark} > 0`,
      ),
      ...ownedBy('position_exits', table.userId),
    ];
  },
);

/**
 * What a triggered exit orders. Written before the order is placed: its id is the order's key, and the order is
 * stored only while the row stands and names none yet (by trigger), so that it is placed once or not at all.
 */
export const positionExitOrders = pgTable(
  'position_exit_orders',
  {
    id: uuid('id').primaryKey(),
    positionId: uuid('position_id')
      .notNull()
      .references(() => positionExits.positionId),
    userId: uuid('user_id').notNull(),
    accountId: uuid('account_id').notNull(),
    symbol: text('symbol').notNull(),
    side: orderSide('side').notNull(),
    attempt: integer('attempt').notNull(),
    quantity: amount('quantity').notNull(),
    /** Set with the order, in its statement. */
    orderId: uuid('order_id'),
    /** When it was given up: no order is placed for it any more. */
    abandonedAt: instant('abandoned_at'),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [
    uniqueIndex('position_exit_orders_attempt_key').on(table.positionId, table.attempt),
    uniqueIndex('position_exit_orders_order_id_key').on(table.orderId),
    uniqueIndex('position_exit_orders_unplaced_key')
      .on(table.positionId)
      .where(sql`${table.orderId} is null and ${table.abandonedAt} is null`),
    index('position_exit_orders_user_id_idx').on(table.userId),
    check('position_exit_orders_quantity_check', sql`${table.quantity} > 0 and ${table.attempt} > 0`),
    check(
      'position_exit_orders_outcome_check',
      sql`${table.orderId} is null or ${table.abandonedAt} is null`,
    ),
    ...internalRows('position_exit_orders'),
  ],
);
