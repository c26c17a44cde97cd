/**
 * Money in and out. Ownership of each row is proven by the composite key of the account (I12).
 * Payer and destination are ciphertext under the person's key (I10); a withdrawal keeps its own
 * sealed copy of the destination with a keyed hash, so that nothing can be swapped in between.
 */
import { sql } from 'drizzle-orm';
import {
  type AnyPgColumn,
  check,
  foreignKey,
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
import { amount, ciphertext, digest, instant } from '../../platform/db/columns.ts';
import { internalRows, ownedBy, publishedRows } from '../../platform/db/policies.ts';
import { approvals } from '../../platform/db/schema.ts';
import { accounts } from '../accounts/schema.ts';
import { screenings } from '../aml/schema.ts';
import { users } from '../identity/schema.ts';
import { assets, holds, wallets } from '../ledger/schema.ts';
import { bankStatementLines, inboundEvents } from './evidence/schema.ts';

export const fundingMethod = pgEnum('funding_method', [
  'bank_transfer',
  'card',
  'mcb_juice',
  'mips',
  'crypto',
  'mobile_money',
  'other',
  'my_t_money',
  'blink',
]);
export const depositStatus = pgEnum('deposit_status', [
  'pending',
  'processing',
  'cleared',
  'failed',
  'refunded',
  'charged_back',
]);

export const deposits = pgTable(
  'deposits',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id').notNull(),
    accountId: uuid('account_id').notNull(),
    walletId: uuid('wallet_id')
      .notNull()
      .references(() => wallets.id),
    asset: text('asset')
      .notNull()
      .references(() => assets.code),
    amount: amount('amount').notNull(),
    /** What the credit costs: shown when it is announced, and taken from it. @units of the asset */
    fee: amount('fee').notNull().default(sql`0`),
    method: fundingMethod('method').notNull(),
    provider: text('provider').notNull(),
    providerReference: text('provider_reference'),
    /** What the payer writes on the transfer, unique for good. */
    paymentReference: text('payment_reference').notNull(),
    status: depositStatus('status').notNull(),
    /** Sealed JSON: payer name and account, once known. */
    payer: ciphertext('payer'),
    settlementDate: text('settlement_date'),
    /** The evidence it was credited on: a statement line, a provider's event or an approval. */
    statementLineId: uuid('statement_line_id').references(() => bankStatementLines.id),
    providerEventId: uuid('provider_event_id').references(() => inboundEvents.id),
    approvalId: uuid('approval_id').references(() => approvals.id),
    journalId: uuid('journal_id'),
    feeJournalId: uuid('fee_journal_id'),
    /** The part of the wallet's `unsettled` that is this deposit's, until its settlement date. */
    unsettled: amount('unsettled').notNull().default(sql`0`),
    /** How much of it was taken back, the last evidence of that, and what the person owed for it. */
    takenBack: amount('taken_back').notNull().default(sql`0`),
    reversalEventId: uuid('reversal_event_id').references(() => inboundEvents.id),
    reversalApprovalId: uuid('reversal_approval_id').references(() => approvals.id),
    reversalJournalId: uuid('reversal_journal_id'),
    debt: amount('debt').notNull().default(sql`0`),
    failureReason: text('failure_reason'),
    metadata: jsonb('metadata').notNull(),
    version: integer('version').notNull().default(1),
    createdAt: instant('created_at').notNull(),
    clearedAt: instant('cleared_at'),
  },
  (table) => [
    foreignKey({
      name: 'deposits_account_id_user_id_fkey',
      columns: [table.accountId, table.userId],
      foreignColumns: [accounts.id, accounts.userId],
    }),
    uniqueIndex('deposits_payment_reference_key').on(table.paymentReference),
    uniqueIndex('deposits_provider_reference_key').on(table.provider, table.providerReference),
    index('deposits_user_id_idx').on(table.userId, table.id),
    index('deposits_status_idx').on(table.status, table.id),
    index('deposits_cleared_at_idx').on(table.clearedAt, table.id),
    index('deposits_account_id_idx').on(table.accountId),
    index('deposits_wallet_id_idx').on(table.walletId),
    index('deposits_asset_idx').on(table.asset),
    index('deposits_approval_id_idx').on(table.approvalId),
    uniqueIndex('deposits_statement_line_id_key').on(table.statementLineId),
    index('deposits_provider_event_id_idx').on(table.providerEventId),
    index('deposits_reversal_event_id_idx').on(table.reversalEventId),
    index('deposits_reversal_approval_id_idx').on(table.reversalApprovalId),
    index('deposits_settlement_date_idx').on(table.settlementDate).where(sql`${table.unsettled} > 0`),
    check('deposits_amount_check', sql`${table.amount} > 0`),
    check(
      'deposits_parts_check',
      sql`${table.takenBack} between 0 and ${table.amount} and ${table.debt} between 0 and ${table.takenBack}
        and ${table.unsettled} between 0 and ${table.amount}`,
    ),
    // A fee is never more than the money it is taken from, and was taken if the money was credited.
    check('deposits_fee_check', sql`${table.fee} between 0 and ${table.amount}`),
    check(
      'deposits_fee_journal_check',
      sql`(${table.journalId} is not null and ${table.fee} > 0) = (${table.feeJournalId} is not null)`,
    ),
    check(
      'deposits_reversal_check',
      sql`(${table.status} in ('refunded', 'charged_back')) = (${table.takenBack} = ${table.amount})
        and (${table.takenBack} > 0) = (${table.reversalJournalId} is not null)`,
    ),
    check(
      'deposits_cleared_check',
      sql`${table.status} not in ('cleared', 'refunded', 'charged_back') or ${table.journalId} is not null`,
    ),
    ...ownedBy('deposits', table.userId),
  ],
);

/**
 * How long money that came in one way can still be called back. A method without a row is refused:
 * nothing is final because nobody wrote it down.
 */
export const clearingPeriods = pgTable(
  'clearing_periods',
  {
    method: fundingMethod('method').primaryKey(),
    /** @units bank days from the value date (of coins days of the calendar), until which the credit cannot be withdrawn */
    days: integer('days').notNull(),
    /** The approval that set it; null for the first ones. */
    approvalId: uuid('approval_id').references(() => approvals.id),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [
    index('clearing_periods_approval_id_idx').on(table.approvalId),
    check('clearing_periods_days_check', sql`${table.days} between 0 and 365`),
    ...internalRows('clearing_periods'),
  ],
);

export const beneficiaryKind = pgEnum('beneficiary_kind', ['bank', 'crypto_wallet', 'mobile_money']);
export const beneficiaryStatus = pgEnum('beneficiary_status', ['active', 'removed', 'pending']);

export const beneficiaries = pgTable(
  'beneficiaries',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    kind: beneficiaryKind('kind').notNull(),
    /** Sealed text: what the customer calls it, which may be a person's name. */
    label: ciphertext('label').notNull(),
    /** Sealed JSON: holder name and IBAN/BIC, address and chain, or phone. */
    destination: ciphertext('destination').notNull(),
    destinationIndex: digest('destination_index').notNull(),
    /** The last characters, for people to recognise it. */
    hint: text('hint').notNull(),
    /** The screening of the holder's name; its evidence is AML's. */
    screeningId: uuid('screening_id').references(() => screenings.id),
    status: beneficiaryStatus('status').notNull(),
    /** From when it can be paid, as the customer was told once. */
    usableFrom: instant('usable_from').notNull(),
    /** From when it is paid once a review ended well; null where it was never held. Nobody but staff learns it. */
    payableFrom: instant('payable_from'),
    createdAt: instant('created_at').notNull(),
    removedAt: instant('removed_at'),
  },
  (table) => [
    uniqueIndex('beneficiaries_destination_key')
      .on(table.userId, table.destinationIndex)
      .where(sql`${table.status} <> 'removed'`),
    index('beneficiaries_user_id_idx').on(table.userId, table.id),
    index('beneficiaries_screening_id_idx').on(table.screeningId),
    ...ownedBy('beneficiaries', table.userId),
  ],
);

export const withdrawalStatus = pgEnum('withdrawal_status', [
  'pending',
  'under_review',
  'approved',
  'processing',
  'completed',
  'rejected',
  'cancelled',
  'failed',
  'unknown',
]);

export const withdrawals = pgTable(
  'withdrawals',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id').notNull(),
    accountId: uuid('account_id').notNull(),
    walletId: uuid('wallet_id')
      .notNull()
      .references(() => wallets.id),
    asset: text('asset')
      .notNull()
      .references(() => assets.code),
    amount: amount('amount').notNull(),
    fee: amount('fee').notNull(),
    /** The row of the fee schedule it was asked by; null where none named it. */
    feeId: uuid('fee_id').references((): AnyPgColumn => fundingFees.id),
    /** Which limits and fees it counts for; follows from the destination. */
    method: fundingMethod('method').notNull().default('other'),
    beneficiaryId: uuid('beneficiary_id')
      .notNull()
      .references(() => beneficiaries.id),
    destination: ciphertext('destination').notNull(),
    destinationHash: digest('destination_hash').notNull(),
    status: withdrawalStatus('status').notNull(),
    holdId: uuid('hold_id').references(() => holds.id),
    approvalId: uuid('approval_id').references(() => approvals.id),
    journalId: uuid('journal_id'),
    transactionReference: text('transaction_reference'),
    /** What the bank knows the payment by (end-to-end id): one for good, so that none is paid twice. */
    payoutReference: text('payout_reference'),
    /** The approval by which an unknown outcome was settled. */
    resolutionId: uuid('resolution_id').references(() => approvals.id),
    /** The bank's report by which the payout was settled. */
    payoutReportId: uuid('payout_report_id').references((): AnyPgColumn => payoutReports.id),
    /** The debit by which the payout was settled; a line settles one, or a payout file as a whole. */
    statementLineId: uuid('statement_line_id').references(() => bankStatementLines.id),
    /** What the bank really paid, where two people said that it was another amount; the books have the difference apart. */
    paidAmount: amount('paid_amount'),
    /** Sealed JSON: originator and beneficiary as IVMS101, for what the Travel Rule covers. */
    travelRule: ciphertext('travel_rule'),
    rejectionReason: text('rejection_reason'),
    estimatedCompletionAt: instant('estimated_completion_at'),
    version: integer('version').notNull().default(1),
    createdAt: instant('created_at').notNull(),
    decidedAt: instant('decided_at'),
    completedAt: instant('completed_at'),
  },
  (table) => [
    foreignKey({
      name: 'withdrawals_account_id_user_id_fkey',
      columns: [table.accountId, table.userId],
      foreignColumns: [accounts.id, accounts.userId],
    }),
    index('withdrawals_user_id_idx').on(table.userId, table.id),
    index('withdrawals_status_idx').on(table.status, table.id),
    index('withdrawals_account_id_idx').on(table.accountId),
    index('withdrawals_beneficiary_id_idx').on(table.beneficiaryId),
    index('withdrawals_wallet_id_idx').on(table.walletId),
    index('withdrawals_asset_idx').on(table.asset),
    index('withdrawals_hold_id_idx').on(table.holdId),
    index('withdrawals_approval_id_idx').on(table.approvalId),
    index('withdrawals_resolution_id_idx').on(table.resolutionId),
    index('withdrawals_payout_report_id_idx').on(table.payoutReportId),
    index('withdrawals_fee_id_idx').on(table.feeId),
    index('withdrawals_statement_line_id_idx').on(table.statementLineId),
    uniqueIndex('withdrawals_payout_reference_key').on(table.payoutReference),
    index('withdrawals_ended_at_idx')
      .on(sql`coalesce(${table.completedAt}, ${table.decidedAt})`, table.id)
      .where(sql`${table.status} in ('completed', 'cancelled', 'rejected')`),
    check('withdrawals_amount_check', sql`${table.amount} > 0 and ${table.fee} >= 0`),
    check(
      'withdrawals_paid_amount_check',
      sql`${table.paidAmount} is null or (${table.status} = 'completed' and ${table.paidAmount} > 0
        and ${table.paidAmount} <> ${table.amount})`,
    ),
    check(
      'withdrawals_completed_check',
      sql`(${table.status} = 'completed') = (${table.journalId} is not null)`,
    ),
    ...ownedBy('withdrawals', table.userId),
  ],
);

/** Limits per KYC level and method; a missing row refuses (I9). Seeded rows, not code. */
export const fundingLimits = pgTable(
  'funding_limits',
  {
    id: uuid('id').primaryKey(),
    kycLevel: text('kyc_level').notNull(),
    asset: text('asset')
      .notNull()
      .references(() => assets.code),
    direction: text('direction').notNull(),
    method: fundingMethod('method').notNull().default('other'),
    windowHours: integer('window_hours').notNull(),
    maximum: amount('maximum').notNull(),
    /** The approval that set it; null for a seeded row. */
    approvalId: uuid('approval_id').references(() => approvals.id),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [
    uniqueIndex('funding_limits_key').on(
      table.asset,
      table.kycLevel,
      table.direction,
      table.method,
      table.windowHours,
    ),
    index('funding_limits_approval_id_idx').on(table.approvalId),
    check('funding_limits_direction_check', sql`${table.direction} in ('deposit', 'withdrawal')`),
    ...publishedRows('funding_limits'),
  ],
);

/**
 * One version of a tier's fees: all of them, from an instant on and until the tier's next version begins.
 * Never changed (I4), so that the fee a withdrawal cites says for good what was asked for it.
 */
export const feeSchedules = pgTable(
  'fee_schedules',
  {
    id: uuid('id').primaryKey(),
    /** Who it is for: the customers of the KYC level it is named after. */
    tier: text('tier').notNull(),
    effectiveFrom: instant('effective_from').notNull(),
    /** The approval that set it; null for a seeded one. */
    approvalId: uuid('approval_id').references(() => approvals.id),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [
    index('fee_schedules_tier_idx').on(table.tier, table.effectiveFrom, table.id),
    index('fee_schedules_approval_id_idx').on(table.approvalId),
    check('fee_schedules_tier_check', sql`${table.tier} in ('basic', 'standard', 'enhanced')`),
    ...publishedRows('fee_schedules'),
  ],
);

/** What moving money costs one way, by method and asset; what a schedule does not name costs nothing. */
export const fundingFees = pgTable(
  'funding_fees',
  {
    id: uuid('id').primaryKey(),
    scheduleId: uuid('schedule_id')
      .notNull()
      .references(() => feeSchedules.id),
    direction: text('direction').notNull(),
    method: fundingMethod('method').notNull(),
    asset: text('asset')
      .notNull()
      .references(() => assets.code),
    fixed: amount('fixed').notNull(),
    /** Of the amount, rounded up to the asset's smallest part. */
    rateBps: integer('rate_bps').notNull(),
    /** What the fixed part and the share make together is held between these two. */
    minimum: amount('minimum').notNull().default(sql`0`),
    maximum: amount('maximum'),
  },
  (table) => [
    uniqueIndex('funding_fees_key').on(table.scheduleId, table.direction, table.method, table.asset),
    index('funding_fees_asset_idx').on(table.asset),
    check('funding_fees_direction_check', sql`${table.direction} in ('deposit', 'withdrawal')`),
    check(
      'funding_fees_amount_check',
      sql`${table.fixed} >= 0 and ${table.rateBps} between 0 and 10000 and ${table.minimum} >= 0
        and (${table.maximum} is null or ${table.maximum} >= ${table.minimum})`,
    ),
    ...publishedRows('funding_fees'),
  ],
);

/**
 * The firm's own account that a currency is paid from: the newest row of the currency, set by approval;
 * without one a payout file is refused. Rows never change, so that a file can be made again as it was.
 */
export const payoutAccounts = pgTable(
  'payout_accounts',
  {
    id: uuid('id').primaryKey(),
    asset: text('asset')
      .notNull()
      .references(() => assets.code),
    holderName: text('holder_name').notNull(),
    iban: text('iban').notNull(),
    bic: text('bic').notNull(),
    /** The approval that set it; null for a seeded one. */
    approvalId: uuid('approval_id').references(() => approvals.id),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [
    index('payout_accounts_asset_idx').on(table.asset, table.id),
    index('payout_accounts_approval_id_idx').on(table.approvalId),
    ...internalRows('payout_accounts'),
  ],
);

/** One instruction to the bank. Its bytes are made from the rows; the hash says they are still the same. */
export const payoutFiles = pgTable(
  'payout_files',
  {
    id: uuid('id').primaryKey(),
    /** The bank's name for the file, unique for good. */
    messageId: text('message_id').notNull(),
    provider: text('provider').notNull(),
    asset: text('asset')
      .notNull()
      .references(() => assets.code),
    payoutAccountId: uuid('payout_account_id')
      .notNull()
      .references(() => payoutAccounts.id),
    executionDate: text('execution_date').notNull(),
    transactionCount: integer('transaction_count').notNull(),
    controlSum: amount('control_sum').notNull(),
    fileHash: digest('file_hash').notNull(),
    /** How its bytes are written: a file is made again as it was made first. */
    format: integer('format').notNull().default(1),
    createdBy: uuid('created_by').notNull(),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [
    uniqueIndex('payout_files_message_id_key').on(table.messageId),
    index('payout_files_asset_idx').on(table.asset),
    index('payout_files_payout_account_id_idx').on(table.payoutAccountId),
    check('payout_files_totals_check', sql`${table.transactionCount} > 0 and ${table.controlSum} > 0`),
    check('payout_files_format_check', sql`${table.format} in (1, 2)`),
    ...internalRows('payout_files'),
  ],
);

/** Which withdrawals a file pays: each in one file at most, those that were given up aside. */
export const payoutFileItems = pgTable(
  'payout_file_items',
  {
    withdrawalId: uuid('withdrawal_id')
      .notNull()
      .references(() => withdrawals.id),
    fileId: uuid('file_id')
      .notNull()
      .references(() => payoutFiles.id),
    position: integer('position').notNull(),
  },
  (table) => [
    primaryKey({ name: 'payout_file_items_pkey', columns: [table.withdrawalId, table.fileId] }),
    uniqueIndex('payout_file_items_file_id_position_key').on(table.fileId, table.position),
    ...internalRows('payout_file_items'),
  ],
);

/** What the bank said about a file; kept so that the same report is known again. */
export const payoutReports = pgTable(
  'payout_reports',
  {
    id: uuid('id').primaryKey(),
    fileId: uuid('file_id')
      .notNull()
      .references(() => payoutFiles.id),
    messageId: text('message_id').notNull(),
    reportHash: digest('report_hash').notNull(),
    completedCount: integer('completed_count').notNull(),
    failedCount: integer('failed_count').notNull(),
    /** Payments the bank has and goes on with. */
    pendingCount: integer('pending_count').notNull().default(0),
    unknownCount: integer('unknown_count').notNull(),
    /** Payments of which it says what cannot be, each a piece of work. */
    conflictCount: integer('conflict_count').notNull().default(0),
    importedBy: uuid('imported_by').notNull(),
    importedAt: instant('imported_at').notNull(),
  },
  (table) => [
    uniqueIndex('payout_reports_file_id_message_id_key').on(table.fileId, table.messageId),
    uniqueIndex('payout_reports_report_hash_key').on(table.reportHash),
    ...internalRows('payout_reports'),
  ],
);
