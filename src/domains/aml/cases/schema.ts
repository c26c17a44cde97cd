/**
 * What is looked into: a case holds alerts, people, what was said and what was handed in about them. What was
 * said is append-only (I4). Its files are of a kind of their own: those of `files` are in a person's own export.
 * Internal: no customer's login may see any of it.
 */
import { sql } from 'drizzle-orm';
import { check, index, integer, jsonb, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { ciphertext, digest, instant } from '../../../platform/db/columns.ts';
import { internalRows } from '../../../platform/db/policies.ts';
import { users } from '../../identity/schema.ts';

export const amlCases = pgTable(
  'aml_cases',
  {
    id: uuid('id').primaryKey(),
    /** Numbers the firm's cases; the reference is made of it and the year. */
    number: integer('number').generatedAlwaysAsIdentity(),
    /** The person it began with; null where it is about nobody the firm serves. */
    userId: uuid('user_id').references(() => users.id),
    kind: text('kind').notNull(),
    status: text('status').notNull(),
    severity: text('severity').notNull(),
    assigneeId: uuid('assignee_id'),
    openedBy: text('opened_by').notNull(),
    openedAt: instant('opened_at').notNull(),
    dueAt: instant('due_at').notNull(),
    /** When suspicion was formed: the clock of the report starts here, once. */
    suspicionAt: instant('suspicion_at'),
    disposition: text('disposition'),
    closeApprovalId: uuid('close_approval_id'),
    closedAt: instant('closed_at'),
    closedBy: uuid('closed_by'),
    version: integer('version').notNull().default(1),
  },
  (table) => [
    index('aml_cases_status_idx').on(table.status, table.dueAt),
    index('aml_cases_user_id_idx').on(table.userId),
    check('aml_cases_kind_check', sql`${table.kind} in ('sanctions', 'aml', 'fraud', 'market_abuse', 'edd')`),
    check(
      'aml_cases_status_check',
      sql`${table.status} in ('open', 'investigating', 'awaiting_information', 'escalated', 'closing', 'closed')`,
    ),
    check('aml_cases_severity_check', sql`${table.severity} in ('low', 'medium', 'high', 'critical')`),
    check(
      'aml_cases_closed_check',
      sql`(${table.status} = 'closed') = (${table.closedAt} is not null)
        and (${table.status} <> 'closed' or ${table.disposition} in
          ('true_match', 'suspicious', 'unfounded', 'inconclusive'))`,
    ),
    check(
      'aml_cases_closed_by_check',
      sql`${table.closedBy} is null or ${table.closedBy} <> ${table.userId}`,
    ),
    ...internalRows('aml_cases'),
  ],
);

/** The people a case is about; the one it began with among them. */
export const amlCaseSubjects = pgTable(
  'aml_case_subjects',
  {
    caseId: uuid('case_id')
      .notNull()
      .references(() => amlCases.id),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    addedBy: text('added_by').notNull(),
    addedAt: instant('added_at').notNull(),
  },
  (table) => [
    primaryKey({ name: 'aml_case_subjects_pkey', columns: [table.caseId, table.userId] }),
    index('aml_case_subjects_user_id_idx').on(table.userId),
    ...internalRows('aml_case_subjects'),
  ],
);

/** What happened in a case, in order (append-only). */
export const amlCaseEvents = pgTable(
  'aml_case_events',
  {
    id: uuid('id').primaryKey(),
    caseId: uuid('case_id')
      .notNull()
      .references(() => amlCases.id),
    type: text('type').notNull(),
    actor: text('actor').notNull(),
    at: instant('at').notNull(),
    /** Codes and ids only. */
    data: jsonb('data').notNull().default({}),
    /** Sealed text, under the key of the person the case began with, else the house's. */
    body: ciphertext('body'),
  },
  (table) => [
    index('aml_case_events_case_id_idx').on(table.caseId, table.at),
    check(
      'aml_case_events_type_check',
      sql`${table.type} in ('opened', 'assigned', 'commented', 'status', 'alert_linked', 'subject_added',
        'file_added', 'escalated', 'frozen', 'lifted', 'restricted', 'released', 'money_in_flight', 'closing_requested',
        'closing_refused', 'closed', 'reported')`,
    ),
    ...internalRows('aml_case_events'),
  ],
);

/** What was handed in with a case (append-only); the content rests sealed. */
export const amlCaseFiles = pgTable(
  'aml_case_files',
  {
    id: uuid('id').primaryKey(),
    caseId: uuid('case_id')
      .notNull()
      .references(() => amlCases.id),
    /** Sealed text. */
    name: ciphertext('name').notNull(),
    contentType: text('content_type').notNull(),
    sizeBytes: integer('size_bytes').notNull(),
    sha256: digest('sha256').notNull(),
    uploadedBy: uuid('uploaded_by').notNull(),
    uploadedAt: instant('uploaded_at').notNull(),
  },
  (table) => [
    index('aml_case_files_case_id_idx').on(table.caseId),
    check('aml_case_files_size_bytes_check', sql`${table.sizeBytes} > 0`),
    ...internalRows('aml_case_files'),
  ],
);
