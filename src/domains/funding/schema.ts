/**
 * Money in and out. Ownership of each row is proven by the composite key of the account (I12).
 * Payer and destination are ciphertext under the person's key (I10); a withdrawal keeps its own
 * sealed copy of the destination with a keyed hash, so that nothing can be swapped in between.
 */
import { sql } from 'drizzle-orm';
import {
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  pgEnum,
  pgTable,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { amount, ciphertext, digest, instant } from '../../platform/db/columns.ts';
import { internalRows, ownedBy } from '../../platform/db/policies.ts';
import { approvals } from '../../platform/db/schema.ts';
import { accounts } from '../accounts/schema.ts';
import { users } from '../identity/schema.ts';
import { assets, holds, wallets } from '../ledger/schema.ts';

export const fundingMethod = pgEnum('funding_method', [
  'bank_transfer',
  'card',
  'mcb_juice',
  'mips',
  'crypto',
  'mobile_money',
  'other',
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
    method: fundingMethod('method').notNull(),
    provider: text('provider').notNull(),
    providerReference: text('provider_reference'),
    /** What the payer writes on the transfer, unique for good. */
    paymentReference: text('payment_reference').notNull(),
    status: depositStatus('status').notNull(),
    /** Sealed JSON: payer name and account, once known. */
    payer: ciphertext('payer'),
    settlementDate: text('settlement_date'),
    statementLineId: uuid('statement_line_id'),
    approvalId: uuid('approval_id').references(() => approvals.id),
    journalId: uuid('journal_id'),
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
    index('deposits_account_id_idx').on(table.accountId),
    index('deposits_wallet_id_idx').on(table.walletId),
    index('deposits_asset_idx').on(table.asset),
    index('deposits_approval_id_idx').on(table.approvalId),
    check('deposits_amount_check', sql`${table.amount} > 0`),
    check(
      'deposits_cleared_check',
      sql`${table.status} not in ('cleared', 'refunded', 'charged_back') or ${table.journalId} is not null`,
    ),
    ...ownedBy('deposits', table.userId),
  ],
);

export const beneficiaryKind = pgEnum('beneficiary_kind', ['bank', 'crypto_wallet', 'mobile_money']);
export const beneficiaryStatus = pgEnum('beneficiary_status', ['active', 'removed']);

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
    status: beneficiaryStatus('status').notNull(),
    usableFrom: instant('usable_from').notNull(),
    createdAt: instant('created_at').notNull(),
    removedAt: instant('removed_at'),
  },
  (table) => [
    uniqueIndex('beneficiaries_destination_key')
      .on(table.userId, table.destinationIndex)
      .where(sql`${table.status} = 'active'`),
    index('beneficiaries_user_id_idx').on(table.userId, table.id),
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
    check('withdrawals_amount_check', sql`${table.amount} > 0 and ${table.fee} >= 0`),
    check(
      'withdrawals_completed_check',
      sql`(${table.status} = 'completed') = (${table.journalId} is not null)`,
    ),
    ...ownedBy('withdrawals', table.userId),
  ],
);

/** Limits per KYC level; a missing row refuses (I9). Seeded rows, not code. */
export const fundingLimits = pgTable(
  'funding_limits',
  {
    id: uuid('id').primaryKey(),
    kycLevel: text('kyc_level').notNull(),
    asset: text('asset')
      .notNull()
      .references(() => assets.code),
    direction: text('direction').notNull(),
    windowHours: integer('window_hours').notNull(),
    maximum: amount('maximum').notNull(),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [
    uniqueIndex('funding_limits_key').on(table.asset, table.kycLevel, table.direction, table.windowHours),
    check('funding_limits_direction_check', sql`${table.direction} in ('deposit', 'withdrawal')`),
    ...internalRows('funding_limits'),
  ],
);
