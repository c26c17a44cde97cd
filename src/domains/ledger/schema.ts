/**
 * Double entry. What the database itself guarantees: entries of a journal sum to zero per asset
 * (I1) within one book (I13); only the entries trigger, owned by a role that cannot log in, changes
 * `wallets.total` (I3); a customer wallet never goes below zero or below what is reserved (I2);
 * journals and entries are append-only on every partition (I4).
 */
import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  date,
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
import { amount, digest, instant, rate } from '../../platform/db/columns.ts';
import { internalRows, ownedBy } from '../../platform/db/policies.ts';
import { accounts, lotMethod } from '../accounts/schema.ts';

export const book = pgEnum('book', ['live', 'paper']);
export const assetKind = pgEnum('asset_kind', ['fiat', 'crypto', 'stock', 'etf', 'bond', 'commodity']);

export const assets = pgTable(
  'assets',
  {
    code: text('code').primaryKey(),
    name: text('name').notNull(),
    kind: assetKind('kind').notNull(),
    scale: integer('scale').notNull(),
    isin: text('isin'),
    cusip: text('cusip'),
    chain: text('chain'),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [
    check('assets_scale_check', sql`${table.scale} between 0 and 8`),
    check('assets_code_check', sql`${table.code} ~ '^[A-Z0-9.]{2,12}$'`),
  ],
);

export const walletStatus = pgEnum('wallet_status', ['active', 'suspended', 'closed']);

/** The house chart; a customer wallet has none of these. */
export const houseRole = pgEnum('house_role', [
  'client_money_bank',
  'firm_money',
  'fees_earned',
  'suspense',
  'unallocated_receipts',
  'market_maker',
  'custody',
  'clearing',
  'fx_position',
  'receivable',
  'dividends_payable',
  'rounding',
  'taxes_withheld',
  'firm_account',
]);

/**
 * The balance of one asset in one account or of the house. Signs: a customer wallet is what the
 * firm owes and is positive; house bank and custody wallets are its negative.
 */
export const wallets = pgTable(
  'wallets',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id'),
    accountId: uuid('account_id'),
    houseRole: houseRole('house_role'),
    /** Tells house wallets of one role apart: the bank, the custodian, the debtor. */
    houseReference: text('house_reference'),
    book: book('book').notNull(),
    asset: text('asset')
      .notNull()
      .references(() => assets.code),
    total: amount('total').notNull().default(sql`0`),
    reserved: amount('reserved').notNull().default(sql`0`),
    available: amount('available').generatedAlwaysAs(sql`total - reserved`),
    unsettled: amount('unsettled').notNull().default(sql`0`),
    /** Positions need more than it holds as margin: what it gets is held. */
    marginShort: boolean('margin_short').notNull().default(false),
    /** Open positions settle in it: what of it is free depends on their prices. */
    hasPositions: boolean('has_positions').notNull().default(false),
    status: walletStatus('status').notNull(),
    /** References of the firm's own systems; never of a person. */
    metadata: jsonb('metadata').notNull().default({}),
    /** How many entries it has; each names the one it made. */
    version: bigint('version', { mode: 'number' }).notNull().default(0),
    /** Grows with every change, reservations and status too: what readers compare before they write. */
    revision: bigint('revision', { mode: 'number' }).notNull().default(0),
    lastEntryAt: instant('last_entry_at'),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [
    foreignKey({
      name: 'wallets_account_id_user_id_fkey',
      columns: [table.accountId, table.userId],
      foreignColumns: [accounts.id, accounts.userId],
    }),
    uniqueIndex('wallets_account_id_asset_key').on(table.accountId, table.asset),
    uniqueIndex('wallets_house_key')
      .on(table.book, table.houseRole, table.asset, table.houseReference)
      .where(sql`${table.houseRole} is not null`),
    index('wallets_user_id_idx').on(table.userId),
    index('wallets_asset_idx').on(table.asset),
    check(
      'wallets_owner_check',
      sql`(${table.accountId} is null) = (${table.houseRole} is not null)
        and (${table.accountId} is null) = (${table.userId} is null)
        and (${table.houseRole} is null) = (${table.houseReference} is null)`,
    ),
    check('wallets_reserved_check', sql`${table.reserved} >= 0`),
    check('wallets_total_check', sql`${table.houseRole} is not null or ${table.total} >= ${table.reserved}`),
    check('wallets_unsettled_check', sql`${table.unsettled} >= 0`),
    // A debtor's wallet says what that debtor owes: it never stands for money that anybody has.
    check(
      'wallets_receivable_check',
      sql`${table.houseRole} is distinct from 'receivable' or ${table.total} <= 0`,
    ),
    check('wallets_house_reserved_check', sql`${table.houseRole} is null or ${table.reserved} = 0`),
    ...ownedBy('wallets', table.userId),
  ],
);

export const journalKind = pgEnum('journal_kind', [
  'deposit',
  'withdrawal',
  'trade',
  'fee',
  'transfer',
  'conversion',
  'pnl',
  'funding',
  'margin',
  'dividend',
  'interest',
  'corporate_action',
  'adjustment',
  'reversal',
  'reset',
  'write_off',
]);

/** One balanced posting; partitioned by month of `booked_at`. */
export const journals = pgTable(
  'journals',
  {
    id: uuid('id').notNull(),
    bookedAt: instant('booked_at').notNull(),
    book: book('book').notNull(),
    kind: journalKind('kind').notNull(),
    referenceType: text('reference_type').notNull(),
    referenceId: uuid('reference_id').notNull(),
    description: text('description').notNull(),
    metadata: jsonb('metadata').notNull(),
    /** A date by itself: a CHECK of its form by a pattern would cost a posting more than its row does. */
    valueDate: date('value_date').notNull(),
    reversesId: uuid('reverses_id'),
    /** The decision of two people that a posting by hand rests on. */
    approvalId: uuid('approval_id'),
    rate: rate('rate'),
    rateSource: text('rate_source'),
    rateAt: instant('rate_at'),
    requestId: text('request_id').notNull(),
  },
  (table) => [
    // The id first: it finds a journal by itself, and ids follow time, so that a list needs no other index.
    primaryKey({ name: 'journals_pkey', columns: [table.id, table.bookedAt] }),
    // Only the trades' journals are looked up by what they are of; the others do not pay for it.
    index('journals_reference_id_idx').on(table.referenceId).where(sql`${table.kind} = 'trade'`),
    // Money is made from nothing only where it is worth nothing. Columns alone: each month is asked by its own name.
    check('journals_play_money_check', sql`kind <> 'reset' or book = 'paper'`),
    ...internalRows('journals'),
  ],
);

/** Which journal reverses which: a journal is reversed once at most. Append-only. */
export const journalReversals = pgTable(
  'journal_reversals',
  {
    journalId: uuid('journal_id').primaryKey(),
    reversalId: uuid('reversal_id').notNull(),
    reversedAt: instant('reversed_at').notNull(),
  },
  (table) => [
    uniqueIndex('journal_reversals_reversal_id_key').on(table.reversalId),
    ...internalRows('journal_reversals'),
  ],
);

/** One leg; `user_id` is copied so that a customer can read their own legs. Partitioned by month. */
export const ledgerEntries = pgTable(
  'ledger_entries',
  {
    id: uuid('id').notNull(),
    bookedAt: instant('booked_at').notNull(),
    journalId: uuid('journal_id').notNull(),
    walletId: uuid('wallet_id').notNull(),
    userId: uuid('user_id'),
    accountId: uuid('account_id'),
    book: book('book').notNull(),
    asset: text('asset').notNull(),
    amount: amount('amount').notNull(),
    balanceAfter: amount('balance_after').notNull(),
    walletVersion: bigint('wallet_version', { mode: 'number' }).notNull(),
    kind: journalKind('kind').notNull(),
    referenceType: text('reference_type').notNull(),
    referenceId: uuid('reference_id').notNull(),
  },
  (table) => [
    // A wallet's history in order: the balance at any instant is one step into this index.
    primaryKey({
      name: 'ledger_entries_pkey',
      columns: [table.walletId, table.bookedAt, table.walletVersion],
    }),
    index('ledger_entries_journal_id_idx').on(table.journalId),
    check('ledger_entries_amount_check', sql`${table.amount} <> 0`),
    ...ownedBy('ledger_entries', table.userId),
  ],
);

export const holdReason = pgEnum('hold_reason', [
  'payment',
  'authorization',
  'refund',
  'escrow',
  'withdrawal',
  'margin',
  // Reserved for verbs of the firm's own; none places one.
  'system',
  'other',
]);
export const holdStatus = pgEnum('hold_status', ['active', 'released', 'captured', 'expired']);

/** Reserved funds; `remaining` of active holds counts in `wallets.reserved` (I3). */
export const holds = pgTable(
  'holds',
  {
    id: uuid('id').primaryKey(),
    walletId: uuid('wallet_id')
      .notNull()
      .references(() => wallets.id),
    userId: uuid('user_id').notNull(),
    accountId: uuid('account_id').notNull(),
    asset: text('asset').notNull(),
    amount: amount('amount').notNull(),
    remaining: amount('remaining').notNull(),
    reason: holdReason('reason').notNull(),
    referenceType: text('reference_type').notNull(),
    referenceId: uuid('reference_id').notNull(),
    status: holdStatus('status').notNull(),
    /** Placed by staff or their system; the holds of other verbs are theirs to end. */
    byHand: boolean('by_hand').notNull().default(false),
    /** What the system of whoever placed it by hand calls it; never shown to the customer. */
    reference: text('reference'),
    placedBy: uuid('placed_by'),
    /** The service key it was placed with; null where a person did. */
    placedByKey: uuid('placed_by_key'),
    expiresAt: instant('expires_at'),
    /** References of the firm's own systems; never of a person, and never shown to the customer. */
    metadata: jsonb('metadata').notNull(),
    createdAt: instant('created_at').notNull(),
    closedAt: instant('closed_at'),
  },
  (table) => [
    foreignKey({
      name: 'holds_account_id_user_id_fkey',
      columns: [table.accountId, table.userId],
      foreignColumns: [accounts.id, accounts.userId],
    }),
    uniqueIndex('holds_reference_key').on(table.reason, table.referenceId),
    uniqueIndex('holds_given_reference_key')
      .on(table.reason, table.reference)
      .where(sql`${table.reference} is not null`),
    index('holds_account_id_idx').on(table.accountId, table.id),
    index('holds_wallet_id_idx').on(table.walletId).where(sql`${table.status} = 'active'`),
    index('holds_expires_at_idx').on(table.expiresAt).where(sql`${table.status} = 'active'`),
    // Every order, withdrawal and transfer asks it; holds without an end are not in its way.
    index('holds_expiring_idx')
      .on(table.walletId, table.expiresAt)
      .where(sql`${table.status} = 'active' and ${table.expiresAt} is not null`),
    check('holds_amount_check', sql`${table.amount} > 0`),
    check('holds_remaining_check', sql`${table.remaining} between 0 and ${table.amount}`),
    check('holds_closed_check', sql`(${table.status} = 'active') = (${table.closedAt} is null)`),
    check('holds_closed_remaining_check', sql`${table.status} = 'active' or ${table.remaining} = 0`),
    check(
      'holds_by_hand_check',
      sql`${table.byHand} = (${table.reference} is not null) and ${table.byHand} = (${table.placedBy} is not null)
        and (${table.byHand} or ${table.placedByKey} is null)`,
    ),
    check(
      'holds_by_hand_reason_check',
      sql`not ${table.byHand} or ${table.reason} not in ('withdrawal', 'margin', 'system')`,
    ),
    ...ownedBy('holds', table.userId),
  ],
);

/** What was taken of a hold by hand, where it went, and the decision of two people it rests on. Append-only. */
export const holdCaptures = pgTable(
  'hold_captures',
  {
    id: uuid('id').primaryKey(),
    holdId: uuid('hold_id')
      .notNull()
      .references(() => holds.id),
    userId: uuid('user_id').notNull(),
    journalId: uuid('journal_id').notNull(),
    amount: amount('amount').notNull(),
    destinationWalletId: uuid('destination_wallet_id')
      .notNull()
      .references(() => wallets.id),
    approvalId: uuid('approval_id').notNull(),
    capturedAt: instant('captured_at').notNull(),
  },
  (table) => [
    index('hold_captures_hold_id_idx').on(table.holdId),
    index('hold_captures_destination_wallet_id_idx').on(table.destinationWalletId),
    uniqueIndex('hold_captures_approval_id_key').on(table.approvalId),
    uniqueIndex('hold_captures_journal_id_key').on(table.journalId),
    index('hold_captures_user_id_idx').on(table.userId, table.id),
    check('hold_captures_amount_check', sql`${table.amount} > 0`),
    ...ownedBy('hold_captures', table.userId),
  ],
);

export const lotSource = pgEnum('lot_source', [
  'trade',
  'deposit',
  'transfer',
  'conversion',
  'corporate_action',
  'adjustment',
]);

/** Acquisitions of spot assets; the open quantities add up to the wallet (I16). */
export const lots = pgTable(
  'lots',
  {
    id: uuid('id').primaryKey(),
    walletId: uuid('wallet_id')
      .notNull()
      .references(() => wallets.id),
    userId: uuid('user_id').notNull(),
    accountId: uuid('account_id').notNull(),
    asset: text('asset').notNull(),
    quantity: amount('quantity').notNull(),
    quantityOpen: amount('quantity_open').notNull(),
    /** Cost of the whole lot in `cost_currency`; null where units arrived without a price. */
    cost: amount('cost'),
    costCurrency: text('cost_currency'),
    /** What of the cost the open part bears; averaging moves it between the lots of a wallet. */
    costOpen: amount('cost_open'),
    source: lotSource('source').notNull(),
    referenceId: uuid('reference_id').notNull(),
    acquiredAt: instant('acquired_at').notNull(),
  },
  (table) => [
    index('lots_open_idx')
      .on(table.walletId, table.acquiredAt, table.id)
      .where(sql`${table.quantityOpen} > 0`),
    index('lots_account_id_idx').on(table.accountId, table.id),
    check('lots_quantity_check', sql`${table.quantity} > 0`),
    check('lots_quantity_open_check', sql`${table.quantityOpen} between 0 and ${table.quantity}`),
    check('lots_cost_check', sql`(${table.cost} is null) = (${table.costCurrency} is null)`),
    // That a known cost has an open part is a constraint of migrations/0018_trading_depth_guards.sql, set once the
    // rows of before have theirs.
    check(
      'lots_cost_open_check',
      sql`${table.costOpen} >= 0 and (${table.cost} is not null or ${table.costOpen} is null)`,
    ),
    check('lots_cost_gone_check', sql`${table.quantityOpen} > 0 or coalesce(${table.costOpen}, 0) = 0`),
    ...ownedBy('lots', table.userId),
  ],
);

/** What left a lot, and what it fetched: append-only evidence of realised profit and loss. */
export const lotDisposals = pgTable(
  'lot_disposals',
  {
    id: uuid('id').primaryKey(),
    lotId: uuid('lot_id')
      .notNull()
      .references(() => lots.id),
    userId: uuid('user_id').notNull(),
    accountId: uuid('account_id').notNull(),
    quantity: amount('quantity').notNull(),
    cost: amount('cost'),
    proceeds: amount('proceeds'),
    currency: text('currency'),
    referenceType: text('reference_type').notNull(),
    referenceId: uuid('reference_id').notNull(),
    /** By which method this part was taken; `specific` where the sale named the lot. */
    method: lotMethod('method').notNull().default('fifo'),
    disposedAt: instant('disposed_at').notNull(),
  },
  (table) => [
    index('lot_disposals_lot_id_idx').on(table.lotId),
    index('lot_disposals_account_id_idx').on(table.accountId, table.id),
    // What was realised on a day: rows lie in the order of their time, so a range costs writers next to nothing.
    index('lot_disposals_disposed_at_idx').using('brin', table.disposedAt),
    check('lot_disposals_quantity_check', sql`${table.quantity} > 0`),
    ...ownedBy('lot_disposals', table.userId),
  ],
);

/**
 * Funds moved between two accounts of one person; the key makes a retry the same transfer. Append-only. Its
 * accounts, person and asset have no foreign keys, which cost more than all the rest of a transfer: they are
 * those of its journal's entries, which the entries' trigger holds to the wallets, and reconcile compares.
 */
export const transfers = pgTable(
  'transfers',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id').notNull(),
    fromAccountId: uuid('from_account_id').notNull(),
    toAccountId: uuid('to_account_id').notNull(),
    asset: text('asset').notNull(),
    amount: amount('amount').notNull(),
    journalId: uuid('journal_id').notNull(),
    idempotencyKey: text('idempotency_key').notNull(),
    requestHash: digest('request_hash').notNull(),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [
    uniqueIndex('transfers_idempotency_key').on(table.fromAccountId, table.idempotencyKey),
    index('transfers_user_id_idx').on(table.userId, table.id),
    check('transfers_amount_check', sql`${table.amount} > 0`),
    check('transfers_accounts_check', sql`${table.fromAccountId} <> ${table.toAccountId}`),
    ...ownedBy('transfers', table.userId),
  ],
);

export const reconciliationStatus = pgEnum('reconciliation_status', ['clean', 'breaks']);

/** Runs of reconcile and what they found. */
export const reconciliations = pgTable(
  'reconciliations',
  {
    id: uuid('id').primaryKey(),
    status: reconciliationStatus('status').notNull(),
    checks: jsonb('checks').notNull(),
    breakCount: integer('break_count').notNull(),
    startedAt: instant('started_at').notNull(),
    completedAt: instant('completed_at').notNull(),
  },
  () => internalRows('reconciliations'),
);
