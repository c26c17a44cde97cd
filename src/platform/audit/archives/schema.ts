/**
 * Months of the audit log that were taken out of it: by the decision of two people, after their rows were
 * written to a file and that file was verified. Triggers hold the order of these steps; leaves, nodes and
 * checkpoints stay in the log, so that every proof of it holds on.
 */
import { sql } from 'drizzle-orm';
import { bigint, check, pgEnum, pgTable, text, unique, uuid } from 'drizzle-orm/pg-core';
import { instant } from '../../db/columns.ts';
import { internalRows } from '../../db/policies.ts';

export const auditArchiveStatus = pgEnum('audit_archive_status', [
  'approved',
  'exported',
  'verified',
  'detached',
]);

export const auditArchives = pgTable(
  'audit_archives',
  {
    id: uuid('id').primaryKey(),
    /** @units `2026-01` */
    month: text('month').notNull(),
    status: auditArchiveStatus('status').notNull(),
    approvalId: uuid('approval_id').notNull(),
    /** How many rows the month holds. */
    rowCount: bigint('row_count', { mode: 'number' }).notNull(),
    fileName: text('file_name'),
    /** Of the file's plaintext. @units hex */
    sha256: text('sha256'),
    sizeBytes: bigint('size_bytes', { mode: 'number' }),
    treeSize: bigint('tree_size', { mode: 'number' }),
    /** The signed note the file's proofs lead to. */
    checkpoint: text('checkpoint'),
    /** Why the last try did not go on; null where nothing is wrong. */
    failure: text('failure'),
    approvedAt: instant('approved_at').notNull(),
    exportedAt: instant('exported_at'),
    verifiedAt: instant('verified_at'),
    detachedAt: instant('detached_at'),
    droppedAt: instant('dropped_at'),
  },
  (table) => [
    unique('audit_archives_month_key').on(table.month),
    check('audit_archives_month_check', sql`${table.month} ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'`),
    check(
      'audit_archives_file_check',
      sql`${table.status} = 'approved' or (${table.fileName} is not null and ${table.sha256} is not null
        and ${table.treeSize} is not null and ${table.checkpoint} is not null)`,
    ),
    ...internalRows('audit_archives'),
  ],
);
