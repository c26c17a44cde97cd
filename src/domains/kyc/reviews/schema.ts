/**
 * Customers who have to be looked at again, and by when. A review ends once and says how; what it restricted is
 * lifted by its end alone, and its end without new evidence needs two people. Internal.
 */
import { sql } from 'drizzle-orm';
import { check, index, integer, pgTable, smallint, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { instant } from '../../../platform/db/columns.ts';
import { internalRows } from '../../../platform/db/policies.ts';
import { approvals } from '../../../platform/db/schema.ts';
import { users } from '../../identity/schema.ts';

export const kycReviews = pgTable(
  'kyc_reviews',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    kind: text('kind').notNull(),
    /** What it is about: a document, a session, a rating; the person where it is about all of them. */
    referenceId: uuid('reference_id').notNull(),
    status: text('status').notNull(),
    openedAt: instant('opened_at').notNull(),
    dueAt: instant('due_at').notNull(),
    /** How many of the reminders were given. */
    reminded: smallint('reminded').notNull().default(0),
    /** How strictly it restricts meanwhile; null before it is overdue. */
    escalatedTo: text('escalated_to'),
    escalatedAt: instant('escalated_at'),
    assigneeId: uuid('assignee_id').references(() => users.id),
    outcome: text('outcome'),
    /** The document or application that ended it. */
    evidenceId: uuid('evidence_id'),
    approvalId: uuid('approval_id').references(() => approvals.id),
    closedBy: text('closed_by'),
    closedAt: instant('closed_at'),
    version: integer('version').notNull().default(1),
  },
  (table) => [
    uniqueIndex('kyc_reviews_open_key')
      .on(table.userId, table.kind, table.referenceId)
      .where(sql`${table.status} = 'open'`),
    index('kyc_reviews_user_id_idx').on(table.userId, table.id),
    index('kyc_reviews_due_at_idx').on(table.status, table.dueAt, table.id),
    index('kyc_reviews_assignee_id_idx').on(table.assigneeId),
    index('kyc_reviews_approval_id_idx').on(table.approvalId),
    check(
      'kyc_reviews_kind_check',
      sql`${table.kind} in ('periodic', 'document_expiry', 'edd', 'provider_contradicts', 'dormant')`,
    ),
    check('kyc_reviews_status_check', sql`${table.status} in ('open', 'done')`),
    check(
      'kyc_reviews_outcome_check',
      sql`${table.outcome} in ('confirmed', 'renewed', 'waived', 'obsolete')`,
    ),
    check('kyc_reviews_reminded_check', sql`${table.reminded} between 0 and 3`),
    check('kyc_reviews_escalated_to_check', sql`${table.escalatedTo} in ('no_out', 'reduce_only')`),
    check('kyc_reviews_assignee_id_check', sql`${table.assigneeId} <> ${table.userId}`),
    check(
      'kyc_reviews_closed_check',
      sql`(${table.status} = 'done') = (${table.closedAt} is not null)
        and (${table.status} = 'done') = (${table.outcome} is not null)`,
    ),
    ...internalRows('kyc_reviews'),
  ],
);
