/** What is stored of exports, and how it is shown. */
import { desc, eq, isNotNull } from 'drizzle-orm';
import { personOf } from '../../kernel/actor.ts';
import { assert } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import { readIdentity } from '../../platform/audit/log-identity.ts';
import type { RowChoice } from '../../platform/audit/log-reading.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { auditExports } from '../../platform/db/schema.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { EXPORT_FORMATS } from './export-api.ts';
import { type ExportFailure, storedFailure } from './export-failure.ts';

const EARLIER_SIZES = 100;

export type ExportPeriod = { readonly from: Instant; readonly to: Instant };
export type ExportFilters = Omit<RowChoice, 'from' | 'to'>;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export type StoredExport = Omit<typeof auditExports.$inferSelect, 'filters' | 'format' | 'failure'> & {
  readonly format: ExportFormat;
  readonly failure: ExportFailure | null;
  readonly period: ExportPeriod;
  readonly filters: ExportFilters;
};

/** @errors not_found */
export async function findExport(tx: Tx, exportId: Id): Promise<StoredExport> {
  const [row] = await tx.select().from(auditExports).where(eq(auditExports.id, exportId));
  if (row === undefined) {
    throw refuse('not_found');
  }
  return storedExport(row);
}

/** An export as one may read of it who is not the one it is about (no tipping off). @errors not_found */
export async function findReadableExport(tx: Tx, ctx: Ctx, exportId: Id): Promise<StoredExport> {
  const found = await findExport(tx, exportId);
  if (found.filters.userId !== undefined && found.filters.userId === personOf(ctx.actor)) {
    throw refuse('not_found');
  }
  return found;
}

/** An export as it is stored: the period and the filters share a column. */
export function storedExport(row: typeof auditExports.$inferSelect): StoredExport {
  const { from, to, ...filters } = row.filters as RowChoice;
  const format = EXPORT_FORMATS.find((known) => known === row.format);
  assert(format !== undefined, 'an export has a known format');
  return { ...row, format, failure: storedFailure(row.failure), period: { from, to }, filters };
}

/** Exports with their periods and the key that verifies them. */
export async function viewsOf(tx: Tx, stored: readonly StoredExport[]) {
  const identity = await readIdentity(tx);
  return stored.map((one) => ({
    ...one,
    ...one.period,
    progress: { rowsDone: one.rowsDone, rowsTotal: one.rowsTotal },
    verifierKey: identity?.verifierKeys[0] ?? null,
  }));
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

/** What an export's file is bound to; where it lies is in its row. */
export function placeOf(exportId: string) {
  return { table: 'audit_exports', column: 'file', rowId: exportId };
}
