/**
 * Retention: how long each class of record is kept, what a legal hold keeps beyond that, what was found to
 * be due, and what became of it. None of it is a customer's to read (no tipping off). What a run found and
 * what was done about it never changes; a hold is released once, by an executed approval.
 */
import { sql } from 'drizzle-orm';
import {
  boolean,
  check,
  foreignKey,
  index,
  integer,
  pgEnum,
  pgTable,
  smallint,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { ciphertext, digest, instant } from '../db/columns.ts';
import { internalRows } from '../db/policies.ts';
import { RECORD_CLASSES } from './record-classes.ts';

export const recordClass = pgEnum('record_class', RECORD_CLASSES);
export const legalHoldScope = pgEnum('legal_hold_scope', ['user', 'period', 'all']);
export const retentionRunStatus = pgEnum('retention_run_status', ['reported', 'approved', 'done']);
export const retentionAction = pgEnum('retention_action', ['destroy', 'archive']);
export const retentionOutcome = pgEnum('retention_outcome', ['destroyed', 'kept']);

/** How long each class is kept; a class without a row is never due (I9). */
export const retentionPolicies = pgTable(
  'retention_policies',
  {
    id: uuid('id').primaryKey(),
    recordClass: recordClass('record_class').notNull(),
    /** As long as the installation's setting says, where null. */
    months: smallint('months'),
    basis: text('basis').notNull(),
    approvalId: uuid('approval_id'),
    version: integer('version').notNull(),
    changedAt: instant('changed_at').notNull(),
  },
  (table) => [
    uniqueIndex('retention_policies_record_class_key').on(table.recordClass),
    check('retention_policies_months_check', sql`${table.months} between 1 and 1200`),
    ...internalRows('retention_policies'),
  ],
);

/** What must not be destroyed, whatever the policies say; the reason may name people and is sealed. */
export const legalHolds = pgTable(
  'legal_holds',
  {
    id: uuid('id').primaryKey(),
    scope: legalHoldScope('scope').notNull(),
    userId: uuid('user_id'),
    /** The records of the time from here, inclusive, to there, exclusive. */
    periodFrom: instant('period_from'),
    periodTo: instant('period_to'),
    reference: ciphertext('reference').notNull(),
    reason: ciphertext('reason').notNull(),
    placedBy: uuid('placed_by').notNull(),
    placedAt: instant('placed_at').notNull(),
    releasedAt: instant('released_at'),
    releaseApprovalId: uuid('release_approval_id'),
  },
  (table) => [
    check(
      'legal_holds_scope_check',
      sql`(${table.scope} = 'user') = (${table.userId} is not null)
        and (${table.scope} = 'period') = (${table.periodFrom} is not null and ${table.periodTo} is not null)
        and (${table.periodFrom} is null) = (${table.periodTo} is null)
        and (${table.periodFrom} is null or ${table.periodFrom} < ${table.periodTo})`,
    ),
    check(
      'legal_holds_released_check',
      sql`(${table.releasedAt} is null) = (${table.releaseApprovalId} is null)`,
    ),
    index('legal_holds_user_id_idx').on(table.userId),
    index('legal_holds_active_idx').on(table.scope).where(sql`${table.releasedAt} is null`),
    ...internalRows('legal_holds'),
  ],
);

/** One look at what is due; `hash` commits to its items, so that people agree to what they saw. */
export const retentionRuns = pgTable(
  'retention_runs',
  {
    id: uuid('id').primaryKey(),
    asOf: instant('as_of').notNull(),
    /** Null where the monthly job looked. */
    requestedBy: uuid('requested_by'),
    status: retentionRunStatus('status').notNull(),
    itemCount: integer('item_count').notNull(),
    /** To be destroyed once two people agree. */
    dueCount: integer('due_count').notNull(),
    heldCount: integer('held_count').notNull(),
    hash: digest('hash').notNull(),
    approvalId: uuid('approval_id'),
    createdAt: instant('created_at').notNull(),
    finishedAt: instant('finished_at'),
  },
  () => internalRows('retention_runs'),
);

/** What a run found: a person, or a month of the log. */
export const retentionItems = pgTable(
  'retention_items',
  {
    id: uuid('id').primaryKey(),
    runId: uuid('run_id').notNull(),
    recordClass: recordClass('record_class').notNull(),
    action: retentionAction('action').notNull(),
    /** The person, or the month as `YYYY-MM`. */
    subject: text('subject').notNull(),
    userId: uuid('user_id'),
    dueSince: instant('due_since').notNull(),
    held: boolean('held').notNull(),
  },
  (table) => [
    foreignKey({
      name: 'retention_items_run_id_fkey',
      columns: [table.runId],
      foreignColumns: [retentionRuns.id],
    }),
    uniqueIndex('retention_items_subject_key').on(table.runId, table.recordClass, table.subject),
    index('retention_items_user_id_idx').on(table.userId),
    ...internalRows('retention_items'),
  ],
);

/** What became of an item once its destruction was approved; kept is what may no longer be destroyed. */
export const retentionOutcomes = pgTable(
  'retention_outcomes',
  {
    itemId: uuid('item_id').primaryKey(),
    outcome: retentionOutcome('outcome').notNull(),
    /** The code of the refusal, where it was kept. */
    reason: text('reason'),
    decidedAt: instant('decided_at').notNull(),
  },
  (table) => [
    foreignKey({
      name: 'retention_outcomes_item_id_fkey',
      columns: [table.itemId],
      foreignColumns: [retentionItems.id],
    }),
    ...internalRows('retention_outcomes'),
  ],
);
