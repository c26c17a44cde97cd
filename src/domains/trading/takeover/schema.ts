/**
 * What the firm took over from customers: the position of the firm itself. Append-only evidence (I4). A row is written in
 * the transaction of the vote, behind the trade that it names, and no trade with the firm stands without one
 * (migrations/0024_proofs_guards.sql).
 */
import { sql } from 'drizzle-orm';
import { check, foreignKey, index, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { amount, instant } from '../../../platform/db/columns.ts';
import { internalRows } from '../../../platform/db/policies.ts';
import { accounts } from '../../accounts/schema.ts';
import { book } from '../../ledger/schema.ts';
import { instruments } from '../../markets/schema.ts';
import { liquidations } from '../margin/schema.ts';
import { positionSide, positions } from '../positions/schema.ts';

export const liquidationTakeovers = pgTable(
  'liquidation_takeovers',
  {
    id: uuid('id').primaryKey(),
    /** What two people agreed to. */
    approvalId: uuid('approval_id').notNull(),
    liquidationId: uuid('liquidation_id')
      .notNull()
      .references(() => liquidations.id),
    positionId: uuid('position_id')
      .notNull()
      .references(() => positions.id),
    userId: uuid('user_id').notNull(),
    accountId: uuid('account_id').notNull(),
    instrumentId: uuid('instrument_id')
      .notNull()
      .references(() => instruments.id),
    symbol: text('symbol').notNull(),
    book: book('book').notNull(),
    /** Which way the firm holds it: as the customer did. */
    side: positionSide('side').notNull(),
    quantity: amount('quantity').notNull(),
    /** The mark, on a tick, rounded in the customer's favour. */
    price: amount('price').notNull(),
    /** Price times quantity, exact: what the firm entered at. @units settlement asset */
    amount: amount('amount').notNull(),
    settlementAsset: text('settlement_asset').notNull(),
    mark: amount('mark').notNull(),
    orderId: uuid('order_id').notNull(),
    tradeId: uuid('trade_id').notNull(),
    takenAt: instant('taken_at').notNull(),
  },
  (table) => [
    foreignKey({
      name: 'liquidation_takeovers_account_id_user_id_fkey',
      columns: [table.accountId, table.userId],
      foreignColumns: [accounts.id, accounts.userId],
    }),
    uniqueIndex('liquidation_takeovers_approval_id_key').on(table.approvalId),
    uniqueIndex('liquidation_takeovers_trade_id_key').on(table.tradeId),
    uniqueIndex('liquidation_takeovers_order_id_key').on(table.orderId),
    index('liquidation_takeovers_instrument_id_idx').on(table.instrumentId),
    index('liquidation_takeovers_position_id_idx').on(table.positionId),
    index('liquidation_takeovers_liquidation_id_idx').on(table.liquidationId),
    index('liquidation_takeovers_account_id_idx').on(table.accountId),
    index('liquidation_takeovers_user_id_idx').on(table.userId),
    check(
      'liquidation_takeovers_price_check',
      sql`${table.quantity} > 0 and ${table.mark} > 0 and ${table.amount} = ${table.price} * ${table.quantity}
        and (${table.side} <> 'long' or ${table.price} >= ${table.mark})`,
    ),
    ...internalRows('liquidation_takeovers'),
  ],
);
