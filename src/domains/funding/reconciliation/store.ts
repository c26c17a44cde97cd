import { and, desc, eq, inArray, lt, type SQL } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Page } from '../../../kernel/page.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../../platform/http/cursor.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { getReconciliation, listReconciliations } from '../../ledger/index.ts';
import { within } from '../newest-first.ts';
import { ageOf, type BreakView } from './break-view.ts';
import { holdingsOf } from './confirm-custody-report.ts';
import type { BreakKind, BreakSeverity } from './finding.ts';
import type { BreakRow } from './plan-breaks.ts';
import type { RunResults } from './run-reconciliation.ts';
import {
  custodyReports,
  reconciliationBreakNotes,
  reconciliationBreaks,
  reconciliationRuns,
  reconciliationSignOffs,
} from './schema.ts';

export type RunRow = typeof reconciliationRuns.$inferSelect;
export type SignOffRow = typeof reconciliationSignOffs.$inferSelect;

/** @units `to` exclusive */
export type PeriodPage = PageRequest & {
  readonly from?: Instant | undefined;
  readonly to?: Instant | undefined;
};

/** Reconciliations, newest first; those of the books alone have no business date. @errors invalid_cursor */
export async function listRuns(ctx: Ctx, page: PeriodPage) {
  return transact(ctx, 'staff', async (tx) => {
    const listed = await listReconciliations({ ...ctx, tx }, page);
    const ids = listed.data.map((row) => row.id);
    const runs =
      ids.length === 0
        ? []
        : await tx.select().from(reconciliationRuns).where(inArray(reconciliationRuns.id, ids));
    const signed =
      ids.length === 0
        ? []
        : await tx.select().from(reconciliationSignOffs).where(inArray(reconciliationSignOffs.runId, ids));
    const byId = new Map(runs.map((run) => [run.id, run]));
    const signedAt = new Map(signed.map((signOff) => [signOff.runId, signOff.signedAt]));
    return {
      ...listed,
      data: listed.data.map((row) => ({
        ...row,
        legalEntity: byId.get(row.id)?.legalEntity ?? null,
        businessDate: byId.get(row.id)?.businessDate ?? null,
        signedAt: signedAt.get(row.id) ?? null,
      })),
    };
  });
}

/** One reconciliation with everything it found; null where it looked at the books alone. @errors not_found */
export async function getRun(ctx: Ctx, runId: Id) {
  return transact(ctx, 'staff', async (tx) => {
    const report = await getReconciliation({ ...ctx, tx }, runId);
    const [run] = await tx.select().from(reconciliationRuns).where(eq(reconciliationRuns.id, runId));
    const signOff = await findSignOff(tx, runId);
    const results = run === undefined ? undefined : resultsOf(run);
    return {
      ...report,
      legalEntity: run?.legalEntity ?? null,
      businessDate: run?.businessDate ?? null,
      signedAt: signOff?.signedAt ?? null,
      run:
        run === undefined || results === undefined
          ? null
          : {
              timeZone: run.timeZone,
              requestedBy: run.requestedBy,
              resultHash: hex(run.resultHash),
              logTreeSize: run.logTreeSize,
              logRootHash: run.logRootHash,
              ...results,
            },
      signOff: signOff === undefined ? null : { ...signOff, resultHash: hex(signOff.resultHash) },
    };
  });
}

/** What a run keeps; the column holds what `runReconciliation` wrote and nothing else may write it. */
export function resultsOf(run: RunRow): RunResults {
  return run.results as RunResults;
}

/** The signature of a run, where two people gave it. */
export async function findSignOff(tx: Tx, runId: Id): Promise<SignOffRow | undefined> {
  const [row] = await tx.select().from(reconciliationSignOffs).where(eq(reconciliationSignOffs.runId, runId));
  return row;
}

/** The breaks as two people signed them. */
export function signedBreaksOf(signOff: SignOffRow): readonly BreakView[] {
  return signOff.breaks as readonly BreakView[];
}

/** @units lower-case hexadecimal */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

export type BreakQuery = PageRequest & {
  readonly status?: BreakRow['status'] | undefined;
  readonly kind?: BreakKind | undefined;
  readonly severity?: BreakSeverity | undefined;
  readonly ownerId?: Id | undefined;
};

/** Breaks, newest first. @errors invalid_cursor */
export async function listBreaks(ctx: Ctx, query: BreakQuery): Promise<Page<BreakRow & { ageDays: number }>> {
  const { limit, cursor, ...filters } = query;
  const conditions = [
    filters.status === undefined ? undefined : eq(reconciliationBreaks.status, filters.status),
    filters.kind === undefined ? undefined : eq(reconciliationBreaks.kind, filters.kind),
    filters.severity === undefined ? undefined : eq(reconciliationBreaks.severity, filters.severity),
    filters.ownerId === undefined ? undefined : eq(reconciliationBreaks.ownerId, filters.ownerId),
  ];
  const page = await newestFirst(
    ctx,
    `reconciliation breaks ${JSON.stringify(filters)}`,
    { limit, cursor },
    (tx, before) =>
      tx
        .select()
        .from(reconciliationBreaks)
        .where(and(...conditions, olderThan(reconciliationBreaks, before)))
        .orderBy(desc(reconciliationBreaks.id))
        .limit(limit + 1),
  );
  return { ...page, data: page.data.map((row) => aged(ctx, row)) };
}

/** One break with its notes, oldest first. @errors not_found */
export async function getBreak(ctx: Ctx, breakId: Id) {
  return transact(ctx, 'staff', async (tx) => {
    const [row] = await tx.select().from(reconciliationBreaks).where(eq(reconciliationBreaks.id, breakId));
    if (row === undefined) {
      throw refuse('not_found');
    }
    const notes = await tx
      .select()
      .from(reconciliationBreakNotes)
      .where(eq(reconciliationBreakNotes.breakId, breakId))
      .orderBy(reconciliationBreakNotes.id);
    return { ...aged(ctx, row), notes };
  });
}

/** Custody reports, newest first, refused ones included. @errors invalid_cursor */
export async function listCustodyReports(ctx: Ctx, { limit, cursor, ...period }: PeriodPage) {
  const listing = `custody reports ${JSON.stringify(period)}`;
  const page = { limit, cursor };
  return newestFirst(ctx, listing, page, (tx, before) =>
    tx
      .select()
      .from(custodyReports)
      .where(and(within(custodyReports.importedAt, period), olderThan(custodyReports, before)))
      .orderBy(desc(custodyReports.id))
      .limit(limit + 1),
  );
}

/** One custody report with its holdings. @errors not_found */
export async function getCustodyReport(ctx: Ctx, reportId: Id) {
  return transact(ctx, 'staff', async (tx) => {
    const [report] = await tx.select().from(custodyReports).where(eq(custodyReports.id, reportId));
    if (report === undefined) {
      throw refuse('not_found');
    }
    return { ...report, fileHash: hex(report.fileHash), holdings: await holdingsOf(tx, reportId) };
  });
}

function aged(ctx: Ctx, row: BreakRow) {
  const { clock, timeZone } = ctx.deps;
  return { ...row, ageDays: ageOf(row.firstSeenAt, row.resolvedAt ?? clock.now(), timeZone) };
}

function olderThan(
  table: typeof reconciliationBreaks | typeof custodyReports,
  before: Id | undefined,
): SQL | undefined {
  return before === undefined ? undefined : lt(table.id, before);
}

async function newestFirst<Row extends { readonly id: Id }>(
  ctx: Ctx,
  listing: string,
  page: PageRequest,
  select: (tx: Tx, before: Id | undefined) => Promise<Row[]>,
): Promise<Page<Row>> {
  const key = ctx.deps.keyring.cursorKey;
  const [before] = page.cursor === undefined ? [] : readCursor(key, listing, page.cursor);
  const rows = await transact(ctx, 'staff', (tx) => select(tx, before));
  return cutPage(key, listing, rows, page.limit, (row) => [row.id]);
}
