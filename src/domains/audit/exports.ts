/** What is stored of exports, and how it is shown. */
import { desc, eq, isNotNull } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import { readIdentity } from '../../platform/audit/log-identity.ts';
import type { Tx } from '../../platform/db/client.ts';
import { auditExports } from '../../platform/db/schema.ts';
import { refuse } from '../../platform/http/refuse.ts';

const EARLIER_SIZES = 100;

export type ExportPeriod = { readonly from: Instant; readonly to: Instant };

export type StoredExport = typeof auditExports.$inferSelect & { readonly period: ExportPeriod };

/** @errors not_found */
export async function findExport(tx: Tx, exportId: Id): Promise<StoredExport> {
  const [row] = await tx.select().from(auditExports).where(eq(auditExports.id, exportId));
  if (row === undefined) {
    throw refuse('not_found');
  }
  return { ...row, period: row.filters as ExportPeriod };
}

/** An export with its period and the key that verifies it. */
export async function viewOf(tx: Tx, stored: StoredExport) {
  const identity = await readIdentity(tx);
  return { ...stored, ...stored.period, verifierKey: identity?.verifierKeys[0] ?? null };
}

/** Tree sizes that readers of earlier exports hold checkpoints of. */
export async function earlierSizes(tx: Tx, below: number): Promise<readonly number[]> {
  const rows = await tx
    .selectDistinct({ size: auditExports.treeSize })
    .from(auditExports)
    .where(isNotNull(auditExports.treeSize))
    .orderBy(desc(auditExports.treeSize))
    .limit(EARLIER_SIZES);
  return rows
    .flatMap((row) => row.size ?? [])
    .filter((size) => size < below)
    .sort((left, right) => left - right);
}

/** Where an export's file lies, encrypted. */
export function fileOf(exportId: Id) {
  return {
    name: `audit-exports/${exportId}.ndjson.sealed`,
    place: { table: 'audit_exports', column: 'file', rowId: exportId },
  };
}
