/**
 * When this installation was in recovery: from a restore, or from finding that its history is not the one
 * others know, until two people signed that banks and custodians agree. One is open at most; a trigger lets
 * none end without the decision of two people.
 */
import { sql } from 'drizzle-orm';
import { bigint, check, pgEnum, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { instant } from '../db/columns.ts';
import { internalRows } from '../db/policies.ts';

export const recoveryCause = pgEnum('recovery_cause', [
  'restored',
  'other_cluster',
  'log_behind',
  'requested',
]);

export const recoveries = pgTable(
  'recoveries',
  {
    id: uuid('id').primaryKey(),
    cause: recoveryCause('cause').notNull(),
    startedAt: instant('started_at').notNull(),
    /** The backup it was restored from. */
    backupId: uuid('backup_id'),
    /** When that backup saw the database; what came later is lost. */
    backupTakenAt: instant('backup_taken_at'),
    /** Of the log when recovery began. */
    treeSize: bigint('tree_size', { mode: 'number' }).notNull(),
    /** Of the largest tree somebody else holds a checkpoint of, where that is known. */
    foreignSize: bigint('foreign_size', { mode: 'number' }),
    /** What the log goes on as. */
    logOrigin: text('log_origin'),
    /** When it was settled under which name the log goes on; nothing is signed before. */
    logSettledAt: instant('log_settled_at'),
    reconciliationId: uuid('reconciliation_id'),
    approvalId: uuid('approval_id'),
    endedAt: instant('ended_at'),
  },
  (table) => [
    uniqueIndex('recoveries_open_key')
      .on(sql`(${table.endedAt} is null)`)
      .where(sql`${table.endedAt} is null`),
    check(
      'recoveries_ended_check',
      sql`${table.endedAt} is null or (${table.reconciliationId} is not null and ${table.approvalId} is not null
        and ${table.logSettledAt} is not null)`,
    ),
    ...internalRows('recoveries'),
  ],
);
