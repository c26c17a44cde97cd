/**
 * Positions in contracts, and what wallets hold as margin for them. A position is what the fills of one account
 * in one instrument leave open: long or short, one at a time. Whoever changes a position holds its wallet's lock.
 * What is held as margin counts in `wallets.reserved` (I3): a trigger moves both in one statement, and at commit
 * positions must agree with the fills and with what is held for them (migrations/0018_trading_depth_guards.sql).
 */
import { sql } from 'drizzle-orm';
import {
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
import { ownedBy } from '../../../platform/db/policies.ts';
import { accounts } from '../../accounts/schema.ts';
import { book, wallets } from '../../ledger/schema.ts';
import { instruments } from '../../markets/schema.ts';

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
