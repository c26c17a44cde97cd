/**
 * What a payout file pays back, and what became of it before the bank had it: each time its bytes were handed out, and
 * that it was given up. All are append-only; a file that was handed out once is never given up.
 */
import { index, integer, pgTable, primaryKey, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { instant } from '../../../platform/db/columns.ts';
import { internalRows } from '../../../platform/db/policies.ts';
import { approvals } from '../../../platform/db/schema.ts';
import { payoutFiles } from '../schema.ts';
import { repayments } from '../work/schema.ts';

/**
 * Which repayments a file holds beside its withdrawals, behind them in its order. One that the bank refused may be in a
 * later file too.
 */
export const payoutFileRepayments = pgTable(
  'payout_file_repayments',
  {
    repaymentId: uuid('repayment_id')
      .notNull()
      .references(() => repayments.id),
    fileId: uuid('file_id')
      .notNull()
      .references(() => payoutFiles.id),
    position: integer('position').notNull(),
  },
  (table) => [
    primaryKey({ name: 'payout_file_repayments_pkey', columns: [table.repaymentId, table.fileId] }),
    uniqueIndex('payout_file_repayments_file_id_position_key').on(table.fileId, table.position),
    ...internalRows('payout_file_repayments'),
  ],
);

/** From the first of these on the file may be at the bank. */
export const payoutFileDownloads = pgTable(
  'payout_file_downloads',
  {
    id: uuid('id').primaryKey(),
    fileId: uuid('file_id')
      .notNull()
      .references(() => payoutFiles.id),
    /** Null for files made before downloads were kept: they count as handed out when they were made. */
    downloadedBy: text('downloaded_by'),
    downloadedAt: instant('downloaded_at').notNull(),
  },
  (table) => [
    index('payout_file_downloads_file_id_idx').on(table.fileId, table.downloadedAt),
    ...internalRows('payout_file_downloads'),
  ],
);

/** Two people gave the file up: it is never handed out, and its withdrawals may be put into another. */
export const payoutFileVoids = pgTable(
  'payout_file_voids',
  {
    fileId: uuid('file_id')
      .primaryKey()
      .references(() => payoutFiles.id),
    approvalId: uuid('approval_id')
      .notNull()
      .references(() => approvals.id),
    voidedAt: instant('voided_at').notNull(),
  },
  (table) => [
    index('payout_file_voids_approval_id_idx').on(table.approvalId),
    ...internalRows('payout_file_voids'),
  ],
);
