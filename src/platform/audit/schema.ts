/**
 * What others hold of the log: the cosignatures of witnesses, and where checkpoints were anchored. Both tables
 * only grow. They are a record for those who ask; the log is proven by the signatures themselves.
 */
import { bigint, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import { instant } from '../db/columns.ts';
import { internalRows } from '../db/policies.ts';

/** Cosignatures of checkpoints (C2SP tlog-cosignature); `line` is the signature line as it stands in a note. */
export const auditCosignatures = pgTable(
  'audit_cosignatures',
  {
    treeSize: bigint('tree_size', { mode: 'bigint' }).notNull(),
    witness: text('witness').notNull(),
    keyId: text('key_id').notNull(),
    line: text('line').notNull(),
    cosignedAt: instant('cosigned_at').notNull(),
  },
  (table) => [
    primaryKey({ name: 'audit_cosignatures_pkey', columns: [table.treeSize, table.witness, table.keyId] }),
    ...internalRows('audit_cosignatures'),
  ],
);

/** Checkpoints put on another host, newest last. */
export const auditAnchors = pgTable(
  'audit_anchors',
  {
    treeSize: bigint('tree_size', { mode: 'bigint' }).notNull(),
    target: text('target').notNull(),
    anchoredAt: instant('anchored_at').notNull(),
  },
  (table) => [
    primaryKey({ name: 'audit_anchors_pkey', columns: [table.treeSize, table.target] }),
    ...internalRows('audit_anchors'),
  ],
);
