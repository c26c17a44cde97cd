/**
 * What others told of money: bank statements with their lines, and events of payment providers.
 * Statements and lines are evidence and never change (no login may update them); whose money a line
 * was lies with the deposit or the unallocated receipt that cites it. Payers are sealed under the
 * house's key: when a file is read, nobody knows yet whom a line is about (I10).
 */
import { sql } from 'drizzle-orm';
import {
  boolean,
  check,
  index,
  integer,
  pgEnum,
  pgTable,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { amount, ciphertext, digest, instant } from '../../../platform/db/columns.ts';
import { internalRows } from '../../../platform/db/policies.ts';
import { approvals } from '../../../platform/db/schema.ts';
import { assets, houseRole } from '../../ledger/schema.ts';

/** Whose money lies on a bank account: the role of its house wallet. An account is of one for good. */
export const BANK_ACCOUNT_ROLES = ['client_money_bank', 'firm_account'] as const;

/** The bank accounts a statement may be of; each names the house wallet its money lies in. */
export const bankAccounts = pgTable(
  'bank_accounts',
  {
    id: uuid('id').primaryKey(),
    iban: text('iban').notNull(),
    currency: text('currency')
      .notNull()
      .references(() => assets.code),
    /**
     * Clients' money, of which each line is booked; or the firm's own, of which no line ever is: its statements are
     * evidence that reconciliation compares.
     */
    houseRole: houseRole('house_role')
      .$type<(typeof BANK_ACCOUNT_ROLES)[number]>()
      .notNull()
      .default('client_money_bank'),
    /** Tells the house's bank wallets apart; deposits cleared by hand are booked to `main`. */
    houseReference: text('house_reference').notNull(),
    name: text('name').notNull(),
    approvalId: uuid('approval_id').references(() => approvals.id),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [
    uniqueIndex('bank_accounts_iban_currency_key').on(table.iban, table.currency),
    // Two accounts in one house wallet could not be told apart by any reconciliation.
    uniqueIndex('bank_accounts_house_reference_key').on(
      table.currency,
      table.houseRole,
      table.houseReference,
    ),
    index('bank_accounts_approval_id_idx').on(table.approvalId),
    check('bank_accounts_house_reference_check', sql`${table.houseReference} ~ '^[a-z0-9-]{1,32}$'`),
    check('bank_accounts_house_role_check', sql`${table.houseRole} in ('client_money_bank', 'firm_account')`),
    ...internalRows('bank_accounts'),
  ],
);

export const bankStatementStatus = pgEnum('bank_statement_status', ['imported', 'refused']);
export const statementStanding = pgEnum('statement_standing', ['waiting', 'confirmed', 'void']);

/** A file as it came, refused ones included: the reason and the file itself are kept. */
export const bankStatements = pgTable(
  'bank_statements',
  {
    id: uuid('id').primaryKey(),
    status: bankStatementStatus('status').notNull(),
    /**
     * Whether it counts: it waits until a second person confirms that the bank sent it, and is void where it was
     * refused, where nobody confirmed it, and where two people gave it up. Nothing else of the row ever changes.
     */
    standing: statementStanding('standing').notNull().default('waiting'),
    /** The approval it waits for or was confirmed by; null for those of before it was asked for. */
    confirmationId: uuid('confirmation_id').references(() => approvals.id),
    /** The approval by which two people gave it up. */
    voidId: uuid('void_id').references(() => approvals.id),
    /** SHA-256 of the file. */
    fileHash: digest('file_hash').notNull(),
    /** Sealed bytes of the file; null where the same file is kept already. */
    content: ciphertext('content'),
    bankAccountId: uuid('bank_account_id').references(() => bankAccounts.id),
    /** What the bank calls the statement. */
    statementReference: text('statement_reference'),
    currency: text('currency'),
    /** @units signed: an overdrawn account is below zero */
    openingBalance: amount('opening_balance'),
    closingBalance: amount('closing_balance'),
    /** The day the closing balance is of. @units YYYY-MM-DD */
    closingDate: text('closing_date'),
    entryCount: integer('entry_count').notNull(),
    refusalCode: text('refusal_code'),
    refusal: text('refusal'),
    importedBy: text('imported_by').notNull(),
    importedAt: instant('imported_at').notNull(),
  },
  (table) => [
    uniqueIndex('bank_statements_file_hash_key')
      .on(table.fileHash)
      .where(sql`${table.status} = 'imported' and ${table.standing} <> 'void'`),
    uniqueIndex('bank_statements_statement_reference_key')
      .on(table.bankAccountId, table.statementReference)
      .where(sql`${table.status} = 'imported' and ${table.standing} <> 'void'`),
    index('bank_statements_bank_account_id_idx').on(table.bankAccountId),
    index('bank_statements_confirmation_id_idx').on(table.confirmationId),
    index('bank_statements_void_id_idx').on(table.voidId),
    check(
      'bank_statements_void_check',
      sql`${table.voidId} is null or (${table.standing} = 'void' and ${table.status} = 'imported')`,
    ),
    check(
      'bank_statements_refused_check',
      sql`(${table.status} = 'refused') = (${table.refusalCode} is not null)`,
    ),
    check(
      'bank_statements_imported_check',
      sql`${table.status} = 'refused' or (${table.bankAccountId} is not null
        and ${table.statementReference} is not null and ${table.currency} is not null
        and ${table.openingBalance} is not null and ${table.closingBalance} is not null
        and ${table.closingDate} is not null)`,
    ),
    ...internalRows('bank_statements'),
  ],
);

/**
 * When the last line of an imported statement was booked. Lines are booked one by one after the statement is kept: one
 * without a row here is being booked, or was interrupted and goes on.
 */
export const bankStatementBookings = pgTable(
  'bank_statement_bookings',
  {
    statementId: uuid('statement_id')
      .primaryKey()
      .references(() => bankStatements.id),
    bookedAt: instant('booked_at').notNull(),
  },
  () => internalRows('bank_statement_bookings'),
);

export const lineDirection = pgEnum('line_direction', ['credit', 'debit']);

/** One transaction of a statement, in the order of the file. */
export const bankStatementLines = pgTable(
  'bank_statement_lines',
  {
    id: uuid('id').primaryKey(),
    statementId: uuid('statement_id')
      .notNull()
      .references(() => bankStatements.id),
    position: integer('position').notNull(),
    direction: lineDirection('direction').notNull(),
    amount: amount('amount').notNull(),
    /** The bank took an earlier transaction back. */
    reversal: boolean('reversal').notNull(),
    bookingDate: text('booking_date').notNull(),
    valueDate: text('value_date').notNull(),
    bankReference: text('bank_reference'),
    /** The end-to-end id of the payment: what a payout bears. */
    endToEndId: text('end_to_end_id'),
    /** The deposit's payment reference, where the remittance information holds one. */
    paymentReference: text('payment_reference'),
    /** Sealed JSON: name and account of the other side, and the remittance information. */
    counterparty: ciphertext('counterparty').notNull(),
  },
  (table) => [
    index('bank_statement_lines_end_to_end_id_idx').on(table.endToEndId),
    uniqueIndex('bank_statement_lines_position_key').on(table.statementId, table.position),
    check('bank_statement_lines_amount_check', sql`${table.amount} > 0`),
    check(
      'bank_statement_lines_dates_check',
      sql`${table.bookingDate} ~ '^\\d{4}-\\d{2}-\\d{2}$' and ${table.valueDate} ~ '^\\d{4}-\\d{2}-\\d{2}$'`,
    ),
    ...internalRows('bank_statement_lines'),
  ],
);

export const inboundEventState = pgEnum('inbound_event_state', ['processed', 'kept', 'ignored']);

/** What payment providers sent, each event once; `kept` waits for an earlier event or for a person. */
export const inboundEvents = pgTable(
  'inbound_events',
  {
    id: uuid('id').primaryKey(),
    provider: text('provider').notNull(),
    eventId: text('event_id').notNull(),
    type: text('type').notNull(),
    /** Sealed bytes of the body, as they were signed. */
    payload: ciphertext('payload').notNull(),
    state: inboundEventState('state').notNull(),
    reason: text('reason'),
    /** The deposit it is about, where one is known. */
    depositId: uuid('deposit_id'),
    /** The payout it is about, where one is known. */
    withdrawalId: uuid('withdrawal_id'),
    occurredAt: instant('occurred_at').notNull(),
    receivedAt: instant('received_at').notNull(),
    settledAt: instant('settled_at'),
  },
  (table) => [
    uniqueIndex('inbound_events_event_id_key').on(table.provider, table.eventId),
    index('inbound_events_state_idx').on(table.state, table.id),
    index('inbound_events_deposit_id_idx').on(table.depositId),
    index('inbound_events_withdrawal_id_idx').on(table.withdrawalId),
    check('inbound_events_kept_check', sql`${table.state} = 'processed' or ${table.reason} is not null`),
    ...internalRows('inbound_events'),
  ],
);
