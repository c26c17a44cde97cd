/**
 * What has to be told to the authorities, and by when: notices of sanctions, reports of suspicion, and the days on
 * which nobody works, which the time to report passes over. A report stays as it was decided on. Internal: no
 * customer's login may see any of it.
 */
import { sql } from 'drizzle-orm';
import {
  type AnyPgColumn,
  boolean,
  check,
  date,
  index,
  integer,
  jsonb,
  pgTable,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import type { Json } from '../../../kernel/canonical-json.ts';
import { ciphertext, digest, instant } from '../../../platform/db/columns.ts';
import { internalRows } from '../../../platform/db/policies.ts';
import { users } from '../../identity/schema.ts';
import { amlCases } from '../cases/schema.ts';
import { rescreeningRuns } from '../rescreening/schema.ts';

/** A day that is no working day though it is neither Saturday nor Sunday; one that is not observed is one after all. */
export const businessHolidays = pgTable(
  'business_holidays',
  {
    day: date('day').primaryKey(),
    name: text('name').notNull(),
    observed: boolean('observed').notNull(),
    /** `release` came with the program, `staff` was decided by two people. */
    source: text('source').$type<'release' | 'staff'>().notNull(),
    approvalId: uuid('approval_id'),
    changedAt: instant('changed_at').notNull(),
  },
  (table) => [
    check('business_holidays_source_check', sql`${table.source} in ('release', 'staff')`),
    check(
      'business_holidays_approval_check',
      sql`(${table.source} = 'staff') = (${table.approvalId} is not null)`,
    ),
    ...internalRows('business_holidays'),
  ],
);

/** A sanctions notice: of a match, due within hours of its confirmation, or that there is none. */
export const sanctionsNotices = pgTable(
  'sanctions_notices',
  {
    id: uuid('id').primaryKey(),
    kind: text('kind').$type<'match' | 'nil'>().notNull(),
    caseId: uuid('case_id').references(() => amlCases.id),
    confirmedAt: instant('confirmed_at'),
    dueAt: instant('due_at').notNull(),
    status: text('status').$type<'due' | 'drafted' | 'sent'>().notNull(),
    /** Sealed JSON under the house key: what is told, and about whom. */
    content: ciphertext('content'),
    /** Of a nil report: the run that found nobody, and what it looked at. */
    runId: uuid('run_id').references(() => rescreeningRuns.id),
    figures: jsonb('figures').$type<{ readonly [key: string]: Json }>(),
    createdAt: instant('created_at').notNull(),
    draftedAt: instant('drafted_at'),
    draftedBy: uuid('drafted_by'),
    sentAt: instant('sent_at'),
    sentBy: uuid('sent_by'),
    reference: text('reference'),
    /** When the alarms were raised that it is due soon, and that it is late. */
    dueSoonAt: instant('due_soon_at'),
    overdueAt: instant('overdue_at'),
    version: integer('version').notNull().default(1),
  },
  (table) => [
    index('sanctions_notices_status_idx').on(table.status, table.dueAt),
    uniqueIndex('sanctions_notices_case_id_key').on(table.caseId, table.confirmedAt),
    uniqueIndex('sanctions_notices_run_id_key').on(table.runId),
    uniqueIndex('sanctions_notices_reference_key').on(table.reference),
    check('sanctions_notices_kind_check', sql`${table.kind} in ('match', 'nil')`),
    check('sanctions_notices_status_check', sql`${table.status} in ('due', 'drafted', 'sent')`),
    check(
      'sanctions_notices_match_check',
      sql`(${table.kind} <> 'match' or ${table.caseId} is not null)
        and ((${table.kind} = 'nil') = (${table.runId} is not null and ${table.figures} is not null))`,
    ),
    check(
      'sanctions_notices_sent_check',
      sql`(${table.status} = 'sent') = (${table.sentAt} is not null)
        and (${table.status} <> 'sent' or (${table.sentBy} is not null and ${table.reference} is not null))`,
    ),
    ...internalRows('sanctions_notices'),
  ],
);

/** A report of a suspicion to the FIU, from its draft to its filing, or to the decision not to file it. */
export const suspiciousReports = pgTable(
  'suspicious_reports',
  {
    id: uuid('id').primaryKey(),
    /** Numbers the firm's reports; the reference is made of it and the year. */
    number: integer('number').generatedAlwaysAsIdentity(),
    caseId: uuid('case_id')
      .notNull()
      .references(() => amlCases.id),
    /** The person the case began with; null where it is about nobody the firm serves. */
    userId: uuid('user_id').references(() => users.id),
    reportCode: text('report_code').$type<'STR' | 'SAR'>().notNull(),
    /** The filed report that this one corrects or adds to. */
    amendsId: uuid('amends_id').references((): AnyPgColumn => suspiciousReports.id),
    status: text('status')
      .$type<'draft' | 'ready' | 'approved' | 'filed' | 'declined' | 'withdrawn'>()
      .notNull(),
    /** When the suspicion was formed, as its case says. */
    suspicionAt: instant('suspicion_at').notNull(),
    dueAt: instant('due_at').notNull(),
    /** Why it is suspicious: codes of a closed list. */
    reasons: jsonb('reasons').$type<readonly string[]>().notNull(),
    /** Codes of the FIU's own list. */
    indicators: jsonb('indicators').$type<readonly string[]>().notNull(),
    /** Which of the watched activities it tells of. */
    selection: jsonb('selection').$type<{ readonly [key: string]: Json }>().notNull(),
    /** Sealed JSON, under the key of the person the case began with, else the house's: what is told in words. */
    content: ciphertext('content').notNull(),
    /** Who formed the suspicion, or began to correct what was filed. */
    createdBy: uuid('created_by').notNull(),
    createdAt: instant('created_at').notNull(),
    /** Who wrote it last; null while nobody has. */
    editedBy: uuid('edited_by'),
    editedAt: instant('edited_at'),
    validatedAt: instant('validated_at'),
    /** Of the document that was decided on, byte by byte. */
    xmlSha256: digest('xml_sha256'),
    xmlBytes: integer('xml_bytes'),
    transactionCount: integer('transaction_count'),
    decidedBy: uuid('decided_by'),
    decidedAt: instant('decided_at'),
    /** Sealed text, under the same key. */
    decisionReason: ciphertext('decision_reason'),
    filedBy: uuid('filed_by'),
    /** When the FIU received it, as who filed it says. */
    filedAt: instant('filed_at'),
    fiuReference: text('fiu_reference'),
    /** When the alarms were raised that it is due soon, and that it is late. */
    dueSoonAt: instant('due_soon_at'),
    overdueAt: instant('overdue_at'),
    version: integer('version').notNull().default(1),
  },
  (table) => [
    index('suspicious_reports_case_id_idx').on(table.caseId),
    index('suspicious_reports_user_id_idx').on(table.userId),
    index('suspicious_reports_status_idx').on(table.status, table.dueAt),
    index('suspicious_reports_amends_id_idx').on(table.amendsId),
    uniqueIndex('suspicious_reports_fiu_reference_key').on(table.fiuReference),
    /** One report of a case is worked on at a time. */
    uniqueIndex('suspicious_reports_open_key')
      .on(table.caseId)
      .where(sql`${table.status} in ('draft', 'ready', 'approved')`),
    check('suspicious_reports_code_check', sql`${table.reportCode} in ('STR', 'SAR')`),
    check(
      'suspicious_reports_status_check',
      sql`${table.status} in ('draft', 'ready', 'approved', 'filed', 'declined', 'withdrawn')`,
    ),
    check(
      'suspicious_reports_decided_check',
      sql`(${table.decidedBy} is not null or ${table.status} not in ('approved', 'filed', 'declined'))
        and (${table.decidedBy} is null or ${table.status} in ('approved', 'filed', 'declined', 'withdrawn'))
        and (${table.decidedBy} is null or (${table.decidedAt} is not null
          and ${table.decisionReason} is not null
          and ${table.decidedBy} is distinct from ${table.editedBy}
          and ${table.decidedBy} is distinct from ${table.userId}
          and (${table.status} <> 'declined' or ${table.decidedBy} <> ${table.createdBy})))`,
    ),
    check(
      'suspicious_reports_written_check',
      sql`${table.status} not in ('ready', 'approved', 'filed') or ${table.editedBy} is not null`,
    ),
    check(
      'suspicious_reports_xml_check',
      sql`(${table.xmlSha256} is not null or ${table.status} not in ('approved', 'filed'))
        and (${table.xmlSha256} is null) = (${table.xmlBytes} is null)`,
    ),
    check(
      'suspicious_reports_filed_check',
      sql`(${table.status} = 'filed') = (${table.fiuReference} is not null)
        and (${table.status} = 'filed') = (${table.filedAt} is not null)
        and (${table.status} = 'filed') = (${table.filedBy} is not null)`,
    ),
    ...internalRows('suspicious_reports'),
  ],
);

/** What happened to a report, in order (append-only). */
export const suspiciousReportEvents = pgTable(
  'suspicious_report_events',
  {
    id: uuid('id').primaryKey(),
    reportId: uuid('report_id')
      .notNull()
      .references(() => suspiciousReports.id),
    type: text('type').notNull(),
    actor: text('actor').notNull(),
    at: instant('at').notNull(),
    /** Codes and ids only. */
    data: jsonb('data').$type<{ readonly [key: string]: Json }>().notNull(),
  },
  (table) => [
    index('suspicious_report_events_report_id_idx').on(table.reportId, table.at),
    check(
      'suspicious_report_events_type_check',
      sql`${table.type} in ('drafted', 'edited', 'validated', 'approved', 'declined', 'withdrawn', 'filed')`,
    ),
    ...internalRows('suspicious_report_events'),
  ],
);
