/**
 * What trades brought and is not settled yet. What the database itself guarantees: `wallets.unsettled` holds what
 * is open here, by trigger, as the entries' trigger keeps `wallets.total`; a row is of its owner's wallet; nothing
 * of it changes but how much was used, upwards, and that it settled, once.
 */
import { sql } from 'drizzle-orm';
import { check, date, index, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { amount, instant } from '../../../platform/db/columns.ts';
import { ownedBy } from '../../../platform/db/policies.ts';
import { book } from '../schema.ts';

/** What one fill brought to its account, until the day it settles. Named after the fill: each brings one asset. */
export const settlementObligations = pgTable(
  'settlement_obligations',
  {
    fillId: uuid('fill_id').primaryKey(),
    tradeId: uuid('trade_id').notNull(),
    userId: uuid('user_id').notNull(),
    accountId: uuid('account_id').notNull(),
    walletId: uuid('wallet_id').notNull(),
    book: book('book').notNull(),
    asset: text('asset').notNull(),
    amount: amount('amount').notNull(),
    /** What was traded on before it settled; the rest is in `wallets.unsettled`. */
    used: amount('used').notNull().default(sql`0`),
    /** The trading day of the exchange. @units YYYY-MM-DD */
    tradeDate: date('trade_date').notNull(),
    /** @units YYYY-MM-DD, a day of the firm */
    settlesOn: date('settles_on').notNull(),
    createdAt: instant('created_at').notNull(),
    settledAt: instant('settled_at'),
  },
  (table) => [
    // Few rows, whatever the history: what a wallet may use, and what is due.
    index('settlement_obligations_open_idx')
      .on(table.walletId, table.settlesOn, table.fillId)
      .where(sql`${table.settledAt} is null and ${table.used} < ${table.amount}`),
    index('settlement_obligations_due_idx').on(table.settlesOn).where(sql`${table.settledAt} is null`),
    index('settlement_obligations_account_id_idx').on(table.accountId, table.fillId),
    index('settlement_obligations_user_id_idx').on(table.userId, table.fillId),
    check('settlement_obligations_amount_check', sql`${table.amount} > 0`),
    check('settlement_obligations_used_check', sql`${table.used} between 0 and ${table.amount}`),
    ...ownedBy('settlement_obligations', table.userId),
  ],
);
