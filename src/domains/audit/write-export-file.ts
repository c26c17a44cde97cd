/**
 * Writes an export: seals the log first, so that the file holds every row of its period that was
 * committed before, then streams rows and proofs into an encrypted file. Progress is also the sign of life:
 * an export whose writer fell silent is begun anew by another.
 */
import { createHash } from 'node:crypto';
import { and, eq, lt, max, min, or, sql } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { instantOfMs } from '../../kernel/time.ts';
import type { ExportRow, JsonObject } from '../../platform/audit/export-format.ts';
import { signManifest } from '../../platform/audit/export-manifest.ts';
import { type LogSlice, openLogReader } from '../../platform/audit/export-slices.ts';
import { earlierOrigins } from '../../platform/audit/log-identity.ts';
import { latestCheckpoint, loadNodes, type StoredCheckpoint } from '../../platform/audit/log-store.ts';
import { record } from '../../platform/audit/record.ts';
import { type Sealer, SealerStopped, sealerOf } from '../../platform/audit/sealer.ts';
import { writeBlocks, writeExport } from '../../platform/audit/write-export.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { auditExports, auditLeaves } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { writeSealedFile } from '../../platform/files/sealed-file.ts';
import { AUDIT_EVENTS } from './audit.ts';
import { ageEncrypted } from './export-age.ts';
import { type ExportFailure, failureOf } from './export-failure.ts';
import { blocksOf, chosenRows, shownRows } from './export-lines.ts';
import { type Cells, cellsOf, csvOf, parquetOf } from './export-tables.ts';
import { type ExportPeriod, earlierSizes, placeOf, type StoredExport, storedExport } from './exports.ts';

/** After so long without a sign of life another writer takes over. */
const SILENCE_MS = 60_000;
const HEARTBEAT_MS = 500;
const DAY_MS = 24 * 60 * 60 * 1000;

type Range = { readonly begin: number; readonly end: number };
type Slices = AsyncIterable<LogSlice>;
type Parts = AsyncIterable<string | Uint8Array>;

type Plan = {
  readonly ctx: Ctx;
  readonly stored: StoredExport;
  readonly sealer: Sealer;
  readonly checkpoint: StoredCheckpoint;
  readonly range: Range;
  readonly sizes: readonly number[];
  /** How many rows the file shows, counted while it is written. */
  readonly counted: { shown: number };
};

/** The export was cancelled, taken over, or its process is stopping: nothing of it is kept. */
class ExportStopped extends Error {
  override readonly name = 'ExportStopped';
}

/**
 * Writes the file of a requested export, once; one that somebody else is writing is left alone, and so is every one
 * where nobody seals: it waits for whoever does.
 * @effects a file; the row of `audit_exports`; audit `audit_export.completed` or `audit_export.failed`
 */
export async function writeExportFile(ctx: Ctx, exportId: Id, stopping?: AbortSignal): Promise<void> {
  const stored = sealerOf(ctx.deps) === undefined ? null : await claim(ctx, exportId);
  if (stored === null) {
    return;
  }
  try {
    const written = await writeFile(ctx, stored, stopping);
    if (!(await finish(ctx, stored, { status: 'completed', ...written }))) {
      await ctx.deps.files.remove(written.fileName);
    }
  } catch (thrown) {
    if (thrown instanceof ExportStopped || thrown instanceof SealerStopped) {
      return;
    }
    const failure = failureOf(thrown);
    const name = thrown instanceof Error ? thrown.name : 'unknown';
    ctx.deps.log.error({ object: exportId, code: failure, failure: name }, 'an export failed');
    await finish(ctx, stored, { status: 'failed', failure });
  }
}

/** Exports that wait for a writer, or whose writer fell silent, the oldest first. */
export async function waitingExports(ctx: Ctx): Promise<readonly Id[]> {
  const rows = await transact(ctx, 'engine', (tx) =>
    tx
      .select({ id: auditExports.id })
      .from(auditExports)
      .where(isWaiting(ctx))
      .orderBy(auditExports.createdAt)
      .limit(100),
  );
  return rows.map(({ id }) => id as Id);
}

function isWaiting({ deps }: Ctx) {
  const silentSince = instantOfMs(deps.clock.realMs() - SILENCE_MS);
  return or(
    eq(auditExports.status, 'pending'),
    and(eq(auditExports.status, 'running'), lt(auditExports.heartbeatAt, silentSince)),
  );
}

async function claim(ctx: Ctx, exportId: Id): Promise<StoredExport | null> {
  const now = ctx.deps.clock.realNow();
  const [row] = await transact(ctx, 'engine', (tx) =>
    tx
      .update(auditExports)
      .set({ status: 'running', startedAt: now, heartbeatAt: now, rowsDone: 0, rowsTotal: null })
      .where(and(eq(auditExports.id, exportId), isWaiting(ctx)))
      .returning(),
  );
  return row === undefined ? null : storedExport(row);
}

async function writeFile(ctx: Ctx, stored: StoredExport, stopping: AbortSignal | undefined) {
  const { deps } = ctx;
  const plan = await planOf(ctx, stored);
  const reader = openLogReader(deps.db.connections.engine);
  try {
    const { from, to } = stored.period;
    const choice = { ...stored.filters, from, to };
    const slices = watched(plan, reader.slices(plan.range, plan.checkpoint.size, choice), stopping);
    const plain = partsOf(plan, slices);
    const parts = stored.recipient === null ? plain.parts : ageEncrypted(stored.recipient, plain.parts);
    const fileName = `audit-exports/${stored.id}.${newId()}.sealed`;
    const path = await deps.files.pathOf(fileName);
    const { house } = deps.keyring;
    const own = stored.recipient === null ? plain.sha256 : undefined;
    const { sha256, sizeBytes } = await writeSealedFile(path, house, placeOf(stored.id), parts, own);
    const plainSha256 = stored.recipient === null ? sha256 : plain.sha256();
    const rowCount = plan.counted.shown;
    const file = { fileName, sha256, sizeBytes, plainSha256, rowCount, treeSize: plan.checkpoint.size };
    return { ...file, rowsDone: plan.range.end - plan.range.begin, manifest: manifestOf(plan, file) };
  } finally {
    await reader.close();
  }
}

async function planOf(ctx: Ctx, stored: StoredExport): Promise<Plan> {
  const sealer = sealerOf(ctx.deps);
  if (sealer === undefined) {
    throw new SealerStopped('exports are written where the log is sealed');
  }
  await sealer.sealNow();
  return read(ctx, async (tx) => {
    const checkpoint = present(await latestCheckpoint(tx), 'a log that was sealed has a checkpoint');
    const range = await rangeOf(tx, stored.period, checkpoint.size);
    await tx
      .update(auditExports)
      .set({ rowsTotal: range.end - range.begin })
      .where(eq(auditExports.id, stored.id));
    const sizes = await earlierSizes(tx, checkpoint.size);
    return { ctx, stored, sealer, checkpoint, range, sizes, counted: { shown: 0 } };
  });
}

/** The shortest range of leaves that holds every row of the period. */
async function rangeOf(tx: Tx, { from, to }: ExportPeriod, size: number): Promise<Range> {
  const [ends] = await tx
    .select({ first: min(auditLeaves.leafIndex), last: max(auditLeaves.leafIndex) })
    .from(auditLeaves)
    .where(
      sql`${auditLeaves.recordedAt} >= ${from} and ${auditLeaves.recordedAt} < ${to} and ${auditLeaves.leafIndex} < ${size}`,
    );
  const { first, last } = present(ends, 'an aggregate gives one row');
  return first === null || last === null
    ? { begin: 0, end: 0 }
    : { begin: Number.parseInt(String(first), 10), end: Number.parseInt(String(last), 10) + 1 };
}

/** Passes slices on, telling how far the export is, and stops where it was stopped. */
async function* watched(plan: Plan, slices: Slices, stopping: AbortSignal | undefined): Slices {
  const { clock } = plan.ctx.deps;
  let toldMs = clock.realMs();
  for await (const slice of slices) {
    yield slice;
    if (stopping?.aborted) {
      throw new ExportStopped();
    }
    const nowMs = clock.realMs();
    if (nowMs - toldMs >= HEARTBEAT_MS) {
      toldMs = nowMs;
      await tellProgress(plan, slice.end - plan.range.begin);
    }
  }
}

async function tellProgress({ ctx, stored, range }: Plan, done: number): Promise<void> {
  const rowsDone = Math.min(done, range.end - range.begin);
  const told = await transact(ctx, 'engine', (tx) =>
    tx
      .update(auditExports)
      .set({ rowsDone, heartbeatAt: ctx.deps.clock.realNow() })
      .where(isMine(stored))
      .returning({ id: auditExports.id }),
  );
  if (told.length === 0) {
    throw new ExportStopped();
  }
}

function isMine({ id, startedAt }: StoredExport) {
  const mine = present(startedAt, 'an export that is written was claimed');
  return and(eq(auditExports.id, id), eq(auditExports.status, 'running'), eq(auditExports.startedAt, mine));
}

/** What goes into the file, and its digest, once all of it was read. */
type Plain = { readonly parts: Parts; readonly sha256: () => string };

function partsOf(plan: Plan, slices: Slices): Plain {
  const { format, filters } = plan.stored;
  if (format !== 'ndjson') {
    return digested(format === 'csv' ? csvOf(cellRows(plan, slices)) : parquetOf(cellRows(plan, slices)));
  }
  const { ctx, range, counted } = plan;
  const header = headerOf(plan);
  const nodes = (wanted: Parameters<typeof loadNodes>[1]) => read(ctx, (tx) => loadNodes(tx, wanted));
  if (Object.keys(filters).length > 0) {
    return digested(writeExport(header, proven(plan, slices), nodes));
  }
  // The file's trailer has the digest of all before it: one pass over the bytes serves both.
  const digest = createHash('sha256');
  const blocks = blocksOf(ctx, slices, range, counted);
  const parts = writeBlocks({ ...header, range }, blocks, nodes, digest);
  return { parts, sha256: () => digest.digest('hex') };
}

function headerOf({ ctx, stored, sealer, checkpoint, sizes }: Plan) {
  return {
    checkpoint: checkpoint.note,
    verifierKey: present(sealer.identity.verifierKeys[0], 'a log has a key'),
    createdAt: ctx.deps.clock.realNow(),
    from: stored.period.from,
    to: stored.period.to,
    filters: stored.filters as JsonObject,
    origins: earlierOrigins(sealer.identity),
    earlierSizes: sizes,
    sealer: sealer.signer,
  };
}

async function* proven({ ctx, counted }: Plan, slices: Slices): AsyncGenerator<ExportRow> {
  for await (const slice of slices) {
    for (const row of await chosenRows(ctx, slice)) {
      counted.shown += 1;
      yield row;
    }
  }
}

async function* cellRows({ ctx, counted }: Plan, slices: Slices): AsyncGenerator<readonly Cells[]> {
  for await (const slice of slices) {
    const shown = await shownRows(ctx, slice);
    counted.shown += shown.length;
    yield shown.map(cellsOf);
  }
}

function digested(parts: Parts): Plain {
  const digest = createHash('sha256');
  const passed = (async function* () {
    for await (const part of parts) {
      digest.update(part);
      yield part;
    }
  })();
  return { parts: passed, sha256: () => digest.digest('hex') };
}

function manifestOf(
  { stored, sealer, checkpoint }: Plan,
  file: {
    readonly sha256: string;
    readonly plainSha256: string;
    readonly sizeBytes: number;
    readonly rowCount: number;
  },
): string {
  const { format, filters, recipient, period } = stored;
  return signManifest(
    {
      origin: sealer.identity.origin,
      exportId: stored.id,
      format,
      ...period,
      filters: filters as JsonObject,
      rows: file.rowCount,
      checkpoint,
      recipient,
      sizeBytes: file.sizeBytes,
      sha256: file.sha256,
      plainSha256: file.plainSha256,
    },
    sealer.signer,
  );
}

function read<Result>(ctx: Ctx, work: (tx: Tx) => Promise<Result>): Promise<Result> {
  return transact(ctx, 'engine', work);
}

type Outcome =
  | ({ readonly status: 'completed' } & Omit<Awaited<ReturnType<typeof writeFile>>, 'status'>)
  | { readonly status: 'failed'; readonly failure: ExportFailure };

/** False where the export was cancelled or taken over meanwhile. */
async function finish(ctx: Ctx, stored: StoredExport, outcome: Outcome): Promise<boolean> {
  const { clock, exportDays } = ctx.deps;
  const expiresAt = outcome.status === 'completed' ? instantOfMs(clock.realMs() + exportDays * DAY_MS) : null;
  return transact(ctx, 'engine', async (tx) => {
    const [row] = await tx
      .update(auditExports)
      .set({ ...outcome, completedAt: clock.realNow(), expiresAt })
      .where(isMine(stored))
      .returning({ id: auditExports.id });
    if (row === undefined) {
      return false;
    }
    const { recipient, format } = stored;
    await record(tx, ctx, {
      event: AUDIT_EVENTS[`audit_export.${outcome.status}`],
      resource: { type: 'audit_export', id: stored.id },
      subjectUserId: null,
      after: { ...outcome, ...stored.period, format, recipient },
    });
    return true;
  });
}
