/**
 * What reconciliation leaves behind. A run, its figures, the notes on breaks, the custodians' reports and
 * the signatures are append-only: no login may change what was found, said or signed. A break alone moves
 * on: it has an owner and a status, and keeps the day it was first seen; and of a report it changes whether it
 * counts. Every row names the legal entity whose books it is about.
 */
import { sql } from 'drizzle-orm';
import { check, index, integer, jsonb, pgEnum, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { amount, ciphertext, digest, instant } from '../../../platform/db/columns.ts';
import { internalRows } from '../../../platform/db/policies.ts';
import { approvals } from '../../../platform/db/schema.ts';
import { users } from '../../identity/schema.ts';
import { assets, houseRole, reconciliations } from '../../ledger/schema.ts';
import { statementStanding } from '../evidence/schema.ts';

/** The part of a reconciliation that looks beyond the books; the internal checks lie with its namesake. */
export const reconciliationRuns = pgTable(
  'reconciliation_runs',
  {
    id: uuid('id')
      .primaryKey()
      .references(() => reconciliations.id),
    legalEntity: text('legal_entity').notNull(),
    /** The day it is about, in the firm's time zone. @units YYYY-MM-DD */
    businessDate: text('business_date').notNull(),
    timeZone: text('time_zone').notNull(),
    requestedBy: text('requested_by').notNull(),
    /** Banks, custodians, position, quiet balances and breaks, as they were found. */
    results: jsonb('results').notNull(),
    /** SHA-256 of the run's canonical JSON, the internal checks included: what is signed. */
    resultHash: digest('result_hash').notNull(),
    /** The audit log's newest checkpoint when it ran. */
    logTreeSize: text('log_tree_size'),
    logRootHash: text('log_root_hash'),
    /** What is booked from then on it did not see. */
    completedAt: instant('completed_at').notNull(),
  },
  (table) => [
    index('reconciliation_runs_business_date_idx').on(table.legalEntity, table.businessDate),
    check('reconciliation_runs_business_date_check', sql`${table.businessDate} ~ '^\\d{4}-\\d{2}-\\d{2}$'`),
    ...internalRows('reconciliation_runs'),
  ],
);

/** What was owed to clients and what was held for them, per asset and legal entity. Append-only. */
export const clientMoneyPositions = pgTable(
  'client_money_positions',
  {
    id: uuid('id').primaryKey(),
    runId: uuid('run_id')
      .notNull()
      .references(() => reconciliationRuns.id),
    legalEntity: text('legal_entity').notNull(),
    asset: text('asset')
      .notNull()
      .references(() => assets.code),
    /** Customers' wallets of the live book. */
    owedToClients: amount('owed_to_clients').notNull(),
    /** To persons without a wallet for it: unallocated receipts, dividends payable, suspense, taxes. */
    owedToOthers: amount('owed_to_others').notNull(),
    held: amount('held').notNull(),
    /** With providers and venues, and not overdue. */
    inTransit: amount('in_transit').notNull(),
    /** What they should have paid over by now, and what no item explains: no resource, but missing. */
    inTransitOverdue: amount('in_transit_overdue').notNull().default(sql`0`),
    /** Fees that still lie in client money. */
    feesNotSwept: amount('fees_not_swept').notNull(),
    /** What else of the firm lies in client money. */
    firmStake: amount('firm_stake').notNull(),
    /** What single debtors owe; nobody else's money makes it smaller. */
    debts: amount('debts').notNull(),
    /** What the firm has to put in. */
    shortfall: amount('shortfall').notNull(),
    /** The firm's, to be taken out. */
    surplus: amount('surplus').notNull(),
    /** What no role of the chart explains. */
    unexplained: amount('unexplained').notNull(),
  },
  (table) => [
    uniqueIndex('client_money_positions_run_id_key').on(table.runId, table.legalEntity, table.asset),
    index('client_money_positions_asset_idx').on(table.asset),
    check('client_money_positions_sign_check', sql`${table.shortfall} >= 0 and ${table.surplus} >= 0`),
    ...internalRows('client_money_positions'),
  ],
);

export const breakKind = pgEnum('reconciliation_break_kind', [
  'internal_check',
  'bank_difference',
  'bank_account_missing',
  'bank_overdrawn',
  'statement_missing',
  'statement_line_unbooked',
  'booking_not_on_statement',
  'custody_difference',
  'custody_report_missing',
  'client_money_shortfall',
  'client_money_unexplained',
  'dormant_balance',
  'unclaimed_balance',
  'sign_off_overdue',
  'in_transit_overdue',
  'in_transit_unexplained',
  'work_overdue',
]);
export const breakSeverity = pgEnum('reconciliation_break_severity', ['warning', 'critical']);
export const breakStatus = pgEnum('reconciliation_break_status', ['open', 'explained', 'resolved']);
export const breakResolution = pgEnum('reconciliation_break_resolution', ['gone', 'by_hand']);

/** Something that does not agree, from the run that saw it first to the one that no longer does. */
export const reconciliationBreaks = pgTable(
  'reconciliation_breaks',
  {
    id: uuid('id').primaryKey(),
    legalEntity: text('legal_entity').notNull(),
    kind: breakKind('kind').notNull(),
    severity: breakSeverity('severity').notNull(),
    /** What it is about, the same words each time. */
    object: text('object').notNull(),
    amount: amount('amount'),
    currency: text('currency'),
    detail: text('detail').notNull(),
    status: breakStatus('status').notNull(),
    resolution: breakResolution('resolution'),
    /** The staff member who looks after it. */
    ownerId: uuid('owner_id').references(() => users.id),
    /** The second person's decision, where one was needed. */
    approvalId: uuid('approval_id').references(() => approvals.id),
    firstRunId: uuid('first_run_id')
      .notNull()
      .references(() => reconciliationRuns.id),
    lastRunId: uuid('last_run_id')
      .notNull()
      .references(() => reconciliationRuns.id),
    firstSeenAt: instant('first_seen_at').notNull(),
    lastSeenAt: instant('last_seen_at').notNull(),
    resolvedAt: instant('resolved_at'),
    version: integer('version').notNull().default(1),
  },
  (table) => [
    uniqueIndex('reconciliation_breaks_object_key')
      .on(table.legalEntity, table.kind, table.object)
      .where(sql`${table.status} <> 'resolved'`),
    index('reconciliation_breaks_status_idx').on(table.status, table.id),
    index('reconciliation_breaks_owner_id_idx').on(table.ownerId),
    index('reconciliation_breaks_approval_id_idx').on(table.approvalId),
    index('reconciliation_breaks_first_run_id_idx').on(table.firstRunId),
    index('reconciliation_breaks_last_run_id_idx').on(table.lastRunId),
    check(
      'reconciliation_breaks_resolved_check',
      sql`(${table.status} = 'resolved') = (${table.resolvedAt} is not null)
        and (${table.status} = 'resolved') = (${table.resolution} is not null)`,
    ),
    check('reconciliation_breaks_amount_check', sql`(${table.amount} is null) = (${table.currency} is null)`),
    ...internalRows('reconciliation_breaks'),
  ],
);

/** What people wrote about a break. Append-only. */
export const reconciliationBreakNotes = pgTable(
  'reconciliation_break_notes',
  {
    id: uuid('id').primaryKey(),
    breakId: uuid('break_id')
      .notNull()
      .references(() => reconciliationBreaks.id),
    authorId: uuid('author_id')
      .notNull()
      .references(() => users.id),
    note: text('note').notNull(),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [
    index('reconciliation_break_notes_break_id_idx').on(table.breakId, table.id),
    index('reconciliation_break_notes_author_id_idx').on(table.authorId),
    ...internalRows('reconciliation_break_notes'),
  ],
);

/** Two people signed what a run found. Append-only. */
export const reconciliationSignOffs = pgTable(
  'reconciliation_sign_offs',
  {
    runId: uuid('run_id')
      .primaryKey()
      .references(() => reconciliationRuns.id),
    approvalId: uuid('approval_id')
      .notNull()
      .references(() => approvals.id),
    preparerId: uuid('preparer_id')
      .notNull()
      .references(() => users.id),
    reviewerId: uuid('reviewer_id')
      .notNull()
      .references(() => users.id),
    resultHash: digest('result_hash').notNull(),
    /** The breaks of the run as they stood when the second person signed: status, owner and age. */
    breaks: jsonb('breaks').notNull(),
    signedAt: instant('signed_at').notNull(),
  },
  (table) => [
    index('reconciliation_sign_offs_approval_id_idx').on(table.approvalId),
    index('reconciliation_sign_offs_preparer_id_idx').on(table.preparerId),
    index('reconciliation_sign_offs_reviewer_id_idx').on(table.reviewerId),
    check('reconciliation_sign_offs_people_check', sql`${table.preparerId} <> ${table.reviewerId}`),
    ...internalRows('reconciliation_sign_offs'),
  ],
);

export const custodyReportStatus = pgEnum('custody_report_status', ['imported', 'refused']);

/** Whose units a report is about: the role of the house wallets it is compared with. */
export const CUSTODY_ROLES = ['custody', 'firm_account'] as const;

/** What a custodian says it holds, for clients or for the firm; refused files are kept with their reason. */
export const custodyReports = pgTable(
  'custody_reports',
  {
    id: uuid('id').primaryKey(),
    status: custodyReportStatus('status').notNull(),
    /**
     * Whether custody is held against it: it waits until a second person confirms that the custodian sent it, and is
     * void where it was refused, where nobody confirmed it, and where two people gave it up. Nothing else ever changes.
     */
    standing: statementStanding('standing').notNull().default('waiting'),
    /** The approval it waits for or was confirmed by; null for those of before it was asked for. */
    confirmationId: uuid('confirmation_id').references(() => approvals.id),
    /** The approval by which two people gave it up. */
    voidId: uuid('void_id').references(() => approvals.id),
    legalEntity: text('legal_entity').notNull(),
    /** SHA-256 of the file. */
    fileHash: digest('file_hash').notNull(),
    /** Sealed bytes of the file; null where the same file is kept already. */
    content: ciphertext('content'),
    /** Clients' units, or the firm's own; those of before it was asked were of clients. */
    houseRole: houseRole('house_role').$type<(typeof CUSTODY_ROLES)[number]>().notNull().default('custody'),
    /** Tells the house's custody wallets apart. */
    custodian: text('custodian'),
    /** @units YYYY-MM-DD, the end of that day */
    asOf: text('as_of'),
    lineCount: integer('line_count').notNull(),
    refusalCode: text('refusal_code'),
    refusal: text('refusal'),
    importedBy: text('imported_by').notNull(),
    importedAt: instant('imported_at').notNull(),
  },
  (table) => [
    uniqueIndex('custody_reports_file_hash_key')
      .on(table.fileHash)
      .where(sql`${table.status} = 'imported' and ${table.standing} <> 'void'`),
    uniqueIndex('custody_reports_as_of_key')
      .on(table.legalEntity, table.houseRole, table.custodian, table.asOf)
      .where(sql`${table.status} = 'imported' and ${table.standing} <> 'void'`),
    index('custody_reports_confirmation_id_idx').on(table.confirmationId),
    index('custody_reports_void_id_idx').on(table.voidId),
    check('custody_reports_house_role_check', sql`${table.houseRole} in ('custody', 'firm_account')`),
    check(
      'custody_reports_void_check',
      sql`${table.voidId} is null or (${table.standing} = 'void' and ${table.status} = 'imported')`,
    ),
    check(
      'custody_reports_refused_check',
      sql`(${table.status} = 'refused') = (${table.refusalCode} is not null)
        and (${table.status} = 'refused' or (${table.custodian} is not null and ${table.asOf} is not null))`,
    ),
    ...internalRows('custody_reports'),
  ],
);

/** One holding of a custodian's report. Append-only. */
export const custodyReportLines = pgTable(
  'custody_report_lines',
  {
    id: uuid('id').primaryKey(),
    reportId: uuid('report_id')
      .notNull()
      .references(() => custodyReports.id),
    asset: text('asset')
      .notNull()
      .references(() => assets.code),
    quantity: amount('quantity').notNull(),
  },
  (table) => [
    uniqueIndex('custody_report_lines_asset_key').on(table.reportId, table.asset),
    index('custody_report_lines_asset_idx').on(table.asset),
    check('custody_report_lines_quantity_check', sql`${table.quantity} >= 0`),
    ...internalRows('custody_report_lines'),
  ],
);
