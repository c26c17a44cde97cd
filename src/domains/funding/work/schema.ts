/**
 * The work that bank statements leave: money received that is nobody's yet, and money that left which no
 * payout explains. Each is a statement line, and ends once: in a deposit, an account, a journal or a payout.
 */
import { sql } from 'drizzle-orm';
import { check, index, integer, pgEnum, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { amount, instant } from '../../../platform/db/columns.ts';
import { internalRows } from '../../../platform/db/policies.ts';
import { approvals } from '../../../platform/db/schema.ts';
import { accounts } from '../../accounts/schema.ts';
import { users } from '../../identity/schema.ts';
import { assets, wallets } from '../../ledger/schema.ts';
import { bankStatementLines } from '../evidence/schema.ts';
import { deposits, withdrawals } from '../schema.ts';

export const receiptStatus = pgEnum('receipt_status', ['open', 'allocated', 'returned']);

/**
 * Money on the firm's bank account that is no customer's yet. Each is a statement line and a piece of
 * work: somebody finds whose it is, or sends it back.
 */
export const unallocatedReceipts = pgTable(
  'unallocated_receipts',
  {
    id: uuid('id').primaryKey(),
    statementLineId: uuid('statement_line_id')
      .notNull()
      .references(() => bankStatementLines.id),
    walletId: uuid('wallet_id')
      .notNull()
      .references(() => wallets.id),
    asset: text('asset')
      .notNull()
      .references(() => assets.code),
    amount: amount('amount').notNull(),
    /** Why it found no deposit by itself. */
    reason: text('reason').notNull(),
    /** The deposit its reference names, or the one it was allocated to. */
    depositId: uuid('deposit_id').references(() => deposits.id),
    /** The account it was allocated to, where no deposit announced it. */
    accountId: uuid('account_id').references(() => accounts.id),
    status: receiptStatus('status').notNull(),
    /** Who finds out whose it is. */
    assigneeId: uuid('assignee_id').references(() => users.id),
    /** The journal that booked it, and the one that moved it on. */
    journalId: uuid('journal_id').notNull(),
    closingJournalId: uuid('closing_journal_id'),
    approvalId: uuid('approval_id').references(() => approvals.id),
    version: integer('version').notNull().default(1),
    createdAt: instant('created_at').notNull(),
    closedAt: instant('closed_at'),
  },
  (table) => [
    uniqueIndex('unallocated_receipts_statement_line_id_key').on(table.statementLineId),
    index('unallocated_receipts_status_idx').on(table.status, table.id),
    index('unallocated_receipts_deposit_id_idx').on(table.depositId),
    index('unallocated_receipts_account_id_idx').on(table.accountId),
    index('unallocated_receipts_wallet_id_idx').on(table.walletId),
    index('unallocated_receipts_asset_idx').on(table.asset),
    index('unallocated_receipts_approval_id_idx').on(table.approvalId),
    index('unallocated_receipts_assignee_id_idx').on(table.assigneeId),
    check('unallocated_receipts_amount_check', sql`${table.amount} > 0`),
    check(
      'unallocated_receipts_closed_check',
      sql`(${table.status} = 'open') = (${table.closingJournalId} is null)`,
    ),
    ...internalRows('unallocated_receipts'),
  ],
);

export const debitStatus = pgEnum('debit_status', ['open', 'explained']);
export const debitExplanation = pgEnum('debit_explanation', ['payout', 'bank_charge', 'booked']);

/**
 * Money that left the firm's bank account, each a statement line. One that no payout explains is a piece
 * of work: it is never booked to customers.
 */
export const statementDebits = pgTable(
  'statement_debits',
  {
    id: uuid('id').primaryKey(),
    statementLineId: uuid('statement_line_id')
      .notNull()
      .references(() => bankStatementLines.id),
    walletId: uuid('wallet_id')
      .notNull()
      .references(() => wallets.id),
    asset: text('asset')
      .notNull()
      .references(() => assets.code),
    amount: amount('amount').notNull(),
    /** Why it explained itself, or did not. */
    reason: text('reason').notNull(),
    status: debitStatus('status').notNull(),
    explanation: debitExplanation('explanation'),
    /** The payout it was. */
    withdrawalId: uuid('withdrawal_id').references(() => withdrawals.id),
    /** The journal that books it, where it is no payout. */
    journalId: uuid('journal_id'),
    approvalId: uuid('approval_id').references(() => approvals.id),
    assigneeId: uuid('assignee_id').references(() => users.id),
    version: integer('version').notNull().default(1),
    createdAt: instant('created_at').notNull(),
    closedAt: instant('closed_at'),
  },
  (table) => [
    uniqueIndex('statement_debits_statement_line_id_key').on(table.statementLineId),
    uniqueIndex('statement_debits_withdrawal_id_key').on(table.withdrawalId),
    uniqueIndex('statement_debits_journal_id_key').on(table.journalId),
    index('statement_debits_status_idx').on(table.status, table.id),
    index('statement_debits_wallet_id_idx').on(table.walletId),
    index('statement_debits_asset_idx').on(table.asset),
    index('statement_debits_approval_id_idx').on(table.approvalId),
    index('statement_debits_assignee_id_idx').on(table.assigneeId),
    check('statement_debits_amount_check', sql`${table.amount} > 0`),
    check(
      'statement_debits_explained_check',
      sql`case when ${table.status} = 'open'
        then ${table.explanation} is null and ${table.withdrawalId} is null and ${table.journalId} is null
        else (${table.explanation} = 'payout') = (${table.withdrawalId} is not null)
          and (${table.explanation} <> 'payout') = (${table.journalId} is not null) end`,
    ),
    ...internalRows('statement_debits'),
  ],
);
