/**
 * The work that banks leave: money received that is nobody's yet, money that goes back to whoever had paid it, money
 * that left which no payout explains, and answers that contradict what is settled. What was received and what left are
 * statement lines and end once: in a deposit, an account, a journal or a payout.
 */
import { sql } from 'drizzle-orm';
import {
  type AnyPgColumn,
  check,
  index,
  integer,
  pgEnum,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { amount, digest, instant } from '../../../platform/db/columns.ts';
import { internalRows } from '../../../platform/db/policies.ts';
import { approvals } from '../../../platform/db/schema.ts';
import { accounts } from '../../accounts/schema.ts';
import { screenings } from '../../aml/schema.ts';
import { users } from '../../identity/schema.ts';
import { assets, wallets } from '../../ledger/schema.ts';
import { bankStatementLines } from '../evidence/schema.ts';
import { deposits, payoutFiles, payoutReports, withdrawals } from '../schema.ts';

export const receiptStatus = pgEnum('receipt_status', ['open', 'allocated', 'returned', 'explained', 'void']);
export const receiptExplanation = pgEnum('receipt_explanation', ['booked', 'provider_settlement', 'house']);

/**
 * Money on the firm's bank account that is no customer's yet. Each is a statement line, or what a provider's
 * settlement left of one, and a piece of work: somebody finds whose it is, or sends it back.
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
    /** What it was, where it is no customer's. */
    explanation: receiptExplanation('explanation'),
    /** The journal that had booked the money before the bank showed it. */
    explainedJournalId: uuid('explained_journal_id'),
    /** The receipt of the same line that a provider paid deposits with, of which this is what was left. */
    restOf: uuid('rest_of').references((): AnyPgColumn => unallocatedReceipts.id),
    approvalId: uuid('approval_id').references(() => approvals.id),
    version: integer('version').notNull().default(1),
    createdAt: instant('created_at').notNull(),
    closedAt: instant('closed_at'),
  },
  (table) => [
    uniqueIndex('unallocated_receipts_statement_line_id_key')
      .on(table.statementLineId)
      .where(sql`${table.restOf} is null`),
    uniqueIndex('unallocated_receipts_rest_of_key').on(table.restOf),
    uniqueIndex('unallocated_receipts_explained_journal_id_key').on(table.explainedJournalId),
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
    check(
      'unallocated_receipts_explained_check',
      sql`(${table.explanation} is null or ${table.status} not in ('open', 'allocated', 'returned'))
        and (${table.explanation} is not distinct from 'booked') = (${table.explainedJournalId} is not null)`,
    ),
    ...internalRows('unallocated_receipts'),
  ],
);

/**
 * Which deposits a provider paid over with one receipt, each with what was still to come of it; below zero where it
 * kept back what it had taken back. Append-only.
 */
export const providerSettlements = pgTable(
  'provider_settlements',
  {
    receiptId: uuid('receipt_id')
      .notNull()
      .references(() => unallocatedReceipts.id),
    depositId: uuid('deposit_id')
      .notNull()
      .references(() => deposits.id),
    amount: amount('amount').notNull(),
  },
  (table) => [
    primaryKey({ name: 'provider_settlements_pkey', columns: [table.receiptId, table.depositId] }),
    index('provider_settlements_deposit_id_idx').on(table.depositId),
    check('provider_settlements_amount_check', sql`${table.amount} <> 0`),
    ...internalRows('provider_settlements'),
  ],
);

export const repaymentStatus = pgEnum('repayment_status', [
  'payable',
  'in_file',
  'completed',
  'failed',
  'unknown',
  'by_hand',
  'given_up',
]);

/**
 * Money that two people sent back and the books gave away with their vote, until the bank paid it. Whom it is paid to is
 * the payer on the line that brought it, and nobody else: of them it keeps the keyed hash that the people agreed to.
 */
export const repayments = pgTable(
  'repayments',
  {
    id: uuid('id').primaryKey(),
    /** What goes back: a deposit that is refunded, or a receipt that is returned. */
    depositId: uuid('deposit_id').references(() => deposits.id),
    receiptId: uuid('receipt_id').references(() => unallocatedReceipts.id),
    /** The vote that sent it back, and what it booked: of a part of a deposit what was spent already by itself. */
    approvalId: uuid('approval_id')
      .notNull()
      .references(() => approvals.id),
    journalId: uuid('journal_id').notNull(),
    debtJournalId: uuid('debt_journal_id'),
    /** The house's bank wallet that the journal took it from. */
    walletId: uuid('wallet_id')
      .notNull()
      .references(() => wallets.id),
    asset: text('asset')
      .notNull()
      .references(() => assets.code),
    amount: amount('amount').notNull(),
    /** The line that brought it and names its payer; null where people alone vouched for the money. */
    statementLineId: uuid('statement_line_id').references(() => bankStatementLines.id),
    payerHash: digest('payer_hash'),
    /** What the bank knows the payment by (end-to-end id): one for good, however often it is tried. */
    payoutReference: text('payout_reference').notNull(),
    status: repaymentStatus('status').notNull(),
    /** The last file it was put into. */
    fileId: uuid('file_id').references(() => payoutFiles.id),
    /** The newest screening of its payer; its evidence is AML's. */
    screeningId: uuid('screening_id').references(() => screenings.id),
    /** How its end is known: the bank's report, the debit on a statement, or two people. */
    payoutReportId: uuid('payout_report_id').references(() => payoutReports.id),
    paidLineId: uuid('paid_line_id').references(() => bankStatementLines.id),
    resolutionId: uuid('resolution_id').references(() => approvals.id),
    transactionReference: text('transaction_reference'),
    version: integer('version').notNull().default(1),
    createdAt: instant('created_at').notNull(),
    completedAt: instant('completed_at'),
    /** When two people took it back: what it returned may be returned anew. */
    givenUpAt: instant('given_up_at'),
  },
  (table) => [
    uniqueIndex('repayments_approval_id_key').on(table.approvalId),
    uniqueIndex('repayments_journal_id_key').on(table.journalId),
    uniqueIndex('repayments_debt_journal_id_key').on(table.debtJournalId),
    uniqueIndex('repayments_payout_reference_key').on(table.payoutReference),
    index('repayments_paid_line_id_idx').on(table.paidLineId),
    uniqueIndex('repayments_receipt_id_key').on(table.receiptId).where(sql`${table.givenUpAt} is null`),
    index('repayments_deposit_id_idx').on(table.depositId),
    index('repayments_statement_line_id_idx').on(table.statementLineId),
    index('repayments_status_idx').on(table.status, table.id),
    index('repayments_wallet_id_idx').on(table.walletId),
    index('repayments_asset_idx').on(table.asset),
    index('repayments_file_id_idx').on(table.fileId),
    index('repayments_screening_id_idx').on(table.screeningId),
    index('repayments_payout_report_id_idx').on(table.payoutReportId),
    index('repayments_resolution_id_idx').on(table.resolutionId),
    check('repayments_amount_check', sql`${table.amount} > 0`),
    check('repayments_source_check', sql`num_nonnulls(${table.depositId}, ${table.receiptId}) = 1`),
    check(
      'repayments_payer_check',
      sql`(${table.statementLineId} is null) = (${table.payerHash} is null)
        and (${table.status} not in ('payable', 'in_file') or ${table.payerHash} is not null)`,
    ),
    check('repayments_file_check', sql`${table.status} <> 'in_file' or ${table.fileId} is not null`),
    check(
      'repayments_completed_check',
      sql`(${table.status} = 'completed') = (${table.completedAt} is not null)`,
    ),
    check(
      'repayments_given_up_check',
      // As text: what a migration adds to a type is not used before it is committed.
      sql`(${table.status}::text = 'given_up') = (${table.givenUpAt} is not null)`,
    ),
    ...internalRows('repayments'),
  ],
);

export const debitStatus = pgEnum('debit_status', ['open', 'explained', 'void']);
export const debitExplanation = pgEnum('debit_explanation', [
  'payout',
  'bank_charge',
  'booked',
  'settlement',
  'repayment',
  'payout_file',
]);

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
    /** The payout whose reference it bears, whether or not it is that: such money is set free by nobody. */
    namedWithdrawalId: uuid('named_withdrawal_id').references(() => withdrawals.id),
    /** The same of money that goes back to its payer. */
    repaymentId: uuid('repayment_id').references(() => repayments.id),
    namedRepaymentId: uuid('named_repayment_id').references(() => repayments.id),
    /** The payout file that the bank booked in one line, and the one whose name it bears. */
    payoutFileId: uuid('payout_file_id').references(() => payoutFiles.id),
    namedPayoutFileId: uuid('named_payout_file_id').references(() => payoutFiles.id),
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
    index('statement_debits_named_withdrawal_id_idx').on(table.namedWithdrawalId),
    uniqueIndex('statement_debits_repayment_id_key').on(table.repaymentId),
    index('statement_debits_named_repayment_id_idx').on(table.namedRepaymentId),
    uniqueIndex('statement_debits_payout_file_id_key').on(table.payoutFileId),
    index('statement_debits_named_payout_file_id_idx').on(table.namedPayoutFileId),
    index('statement_debits_status_idx').on(table.status, table.id),
    index('statement_debits_wallet_id_idx').on(table.walletId),
    index('statement_debits_asset_idx').on(table.asset),
    index('statement_debits_approval_id_idx').on(table.approvalId),
    index('statement_debits_assignee_id_idx').on(table.assigneeId),
    check('statement_debits_amount_check', sql`${table.amount} > 0`),
    check(
      'statement_debits_explained_check',
      // As text: what a migration adds to a type is not used before it is committed.
      sql`case when ${table.status} <> 'explained'
        then ${table.explanation} is null
          and num_nonnulls(${table.withdrawalId}, ${table.repaymentId}, ${table.payoutFileId}, ${table.journalId}) = 0
        else (${table.explanation}::text = 'payout') = (${table.withdrawalId} is not null)
          and (${table.explanation}::text = 'repayment') = (${table.repaymentId} is not null)
          and (${table.explanation}::text = 'payout_file') = (${table.payoutFileId} is not null)
          and (${table.explanation}::text not in ('payout', 'repayment', 'payout_file')) = (${table.journalId} is not null) end`,
    ),
    ...internalRows('statement_debits'),
  ],
);

export const payoutConflictStatus = pgEnum('payout_conflict_status', ['open', 'closed']);

/**
 * The bank says of a payment what cannot be true of a settled payout, or the other way round: money may have left
 * twice, or never. Nothing moves by it; a person finds out which of the two is wrong.
 */
export const payoutConflicts = pgTable(
  'payout_conflicts',
  {
    id: uuid('id').primaryKey(),
    reportId: uuid('report_id')
      .notNull()
      .references(() => payoutReports.id),
    withdrawalId: uuid('withdrawal_id').references(() => withdrawals.id),
    repaymentId: uuid('repayment_id').references(() => repayments.id),
    /** What the bank says: completed, failed, or on its way. */
    said: text('said').notNull(),
    /** What the payment was then. */
    stood: text('stood').notNull(),
    status: payoutConflictStatus('status').notNull(),
    closedBy: uuid('closed_by').references(() => users.id),
    version: integer('version').notNull().default(1),
    createdAt: instant('created_at').notNull(),
    closedAt: instant('closed_at'),
  },
  (table) => [
    index('payout_conflicts_report_id_idx').on(table.reportId),
    index('payout_conflicts_status_idx').on(table.status, table.id),
    index('payout_conflicts_closed_by_idx').on(table.closedBy),
    // The bank may say the same again while somebody looks.
    uniqueIndex('payout_conflicts_withdrawal_id_key')
      .on(table.withdrawalId, table.said)
      .where(sql`${table.status} = 'open'`),
    index('payout_conflicts_withdrawal_id_idx').on(table.withdrawalId),
    uniqueIndex('payout_conflicts_repayment_id_key')
      .on(table.repaymentId, table.said)
      .where(sql`${table.status} = 'open'`),
    index('payout_conflicts_repayment_id_idx').on(table.repaymentId),
    check(
      'payout_conflicts_payment_check',
      sql`num_nonnulls(${table.withdrawalId}, ${table.repaymentId}) = 1`,
    ),
    check(
      'payout_conflicts_closed_check',
      sql`(${table.status} = 'closed') = (${table.closedBy} is not null)
        and (${table.status} = 'closed') = (${table.closedAt} is not null)`,
    ),
    check('payout_conflicts_said_check', sql`${table.said} in ('completed', 'failed', 'pending', 'unknown')`),
    ...internalRows('payout_conflicts'),
  ],
);
