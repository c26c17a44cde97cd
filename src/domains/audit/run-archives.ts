/**
 * Takes approved months out of the log, step by step: write the file, read it back and verify it against
 * the log's own keys, detach the month. Each step is kept before the next begins, so that a crash repeats
 * one step and loses none; a file that does not hold is written again and the month stays where it is.
 */
import { and, asc, eq, isNotNull, max, min, ne, notExists, sql } from 'drizzle-orm';
import { assert, present } from '../../kernel/assert.ts';
import { DomainError } from '../../kernel/error.ts';
import { newId } from '../../kernel/id.ts';
import { auditArchives } from '../../platform/audit/archives/schema.ts';
import type { ExportRow } from '../../platform/audit/export-format.ts';
import { earlierOrigins } from '../../platform/audit/log-identity.ts';
import { latestCheckpoint, loadNodes } from '../../platform/audit/log-store.ts';
import { record } from '../../platform/audit/record.ts';
import { publicPart } from '../../platform/audit/row.ts';
import { sealerOf } from '../../platform/audit/sealer.ts';
import { verifyExport } from '../../platform/audit/verify-export.ts';
import { type LeafWithRow, readLeaves } from '../../platform/audit/verify-log.ts';
import { writeExport } from '../../platform/audit/write-export.ts';
import type { Ctx } from '../../platform/context.ts';
import { sqlStateOf } from '../../platform/db/errors.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { auditLeaves, auditLogs } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { readSealedFile, writeSealedFile } from '../../platform/files/sealed-file.ts';
import { archivePlace, linesOf } from './archive-file.ts';
import { type MonthPeriod, periodOf, refuseKept, type StoredArchive } from './archive-month.ts';
import { AUDIT_EVENTS } from './audit.ts';

const BATCH = 2_000;
/** What `detach_audit_partition` raises. */
const DETACH_REFUSED = 'PL025';

type Step = 'exported' | 'verified' | 'detached';

/** A reason not to go on that an operator should read; the month stays. */
class ArchiveFault extends Error {
  override readonly name = 'ArchiveFault';
}

/** Another process did the step meanwhile; it goes on. */
class Overtaken extends Error {
  override readonly name = 'Overtaken';
}

/**
 * Goes on with every month that was approved and is not out yet. Where this process does not seal, another does it.
 * @effects files; rows of `audit_archives`; DDL by a function of the migrator's; audit
 *   `audit_archive.exported`, `.verified`, `.detached`, `.failed`, `.dropped`
 */
export async function runArchives(ctx: Ctx): Promise<void> {
  await tellDropped(ctx);
  if (sealerOf(ctx.deps) === undefined) {
    return;
  }
  const waiting = await transact(ctx, 'engine', (tx) =>
    tx
      .select()
      .from(auditArchives)
      .where(ne(auditArchives.status, 'detached'))
      .orderBy(asc(auditArchives.month)),
  );
  const faults: unknown[] = [];
  for (const archive of waiting) {
    await goOn(ctx, archive as StoredArchive).catch((thrown: unknown) => faults.push(thrown));
  }
  // One that waits for a lock keeps no other month from its steps.
  if (faults.length > 0) {
    throw faults[0];
  }
}

/** The owner of the database dropped what was detached, and cannot write into the log: it is told here, once. */
async function tellDropped(ctx: Ctx): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    await lockExclusive(tx, ['audit_archive:dropped']);
    const dropped = await tx
      .select()
      .from(auditArchives)
      .where(
        and(
          isNotNull(auditArchives.droppedAt),
          notExists(
            tx
              .select({ id: auditLogs.id })
              .from(auditLogs)
              .where(
                and(
                  eq(auditLogs.resourceId, sql`${auditArchives.id}::text`),
                  eq(auditLogs.eventType, AUDIT_EVENTS['audit_archive.dropped'].type),
                ),
              ),
          ),
        ),
      );
    for (const archive of dropped) {
      await tell(ctx, tx, archive as StoredArchive, 'dropped', archive);
    }
  });
}

async function goOn(ctx: Ctx, archive: StoredArchive): Promise<void> {
  let at = archive;
  try {
    // Before a file is written for a month that may not go: it would be written again at each try.
    await transact(ctx, 'engine', (tx) => refuseKept(tx, ctx, at.month));
    at = at.status === 'approved' ? await exportMonth(ctx, at) : at;
    at = at.status === 'exported' ? await verifyFile(ctx, at) : at;
    await detachMonth(ctx, at);
  } catch (thrown) {
    if (thrown instanceof Overtaken) {
      return;
    }
    await failed(ctx, at, faultOf(thrown), archive);
  }
}

/** What an operator reads; anything else is the job's failure, and the step is tried again. */
function faultOf(thrown: unknown): string {
  if (sqlStateOf(thrown) === DETACH_REFUSED) {
    return 'the database does not let the month go: it is too young, or holds other rows than the file';
  }
  if (thrown instanceof DomainError) {
    return thrown.code;
  }
  if (thrown instanceof ArchiveFault) {
    return thrown.message;
  }
  throw thrown;
}

async function exportMonth(ctx: Ctx, archive: StoredArchive): Promise<StoredArchive> {
  const { deps } = ctx;
  const sealer = present(sealerOf(deps), 'archives are written where the log is sealed');
  await sealer.sealNow();
  const period = periodOf(archive.month);
  const checkpoint = present(
    await transact(ctx, 'engine', latestCheckpoint),
    'a log that was sealed has a checkpoint',
  );
  const range = await rangeOf(ctx, period, checkpoint.size);
  const lines = writeExport(
    {
      checkpoint: checkpoint.note,
      verifierKey: present(sealer.identity.verifierKeys[0], 'a log has a key'),
      createdAt: deps.clock.realNow(),
      ...period,
      filters: {},
      origins: earlierOrigins(sealer.identity),
      range,
      sealer: sealer.signer,
    },
    rowsIn(ctx, period, range),
    (nodes) => transact(ctx, 'engine', (tx) => loadNodes(tx, nodes)),
  );
  const fileName = `audit-archives/${archive.month}.${newId()}.sealed`;
  const path = await deps.files.pathOf(fileName);
  const { sha256, sizeBytes } = await writeSealedFile(
    path,
    deps.keyring.house,
    archivePlace(archive.id),
    lines,
  );
  const file = { fileName, sha256, sizeBytes, treeSize: checkpoint.size, checkpoint: checkpoint.note };
  return advance(ctx, archive, 'exported', { ...file, exportedAt: deps.clock.realNow() });
}

async function rangeOf(ctx: Ctx, { from, to }: MonthPeriod, size: number) {
  const [ends] = await transact(ctx, 'engine', (tx) =>
    tx
      .select({ first: min(auditLeaves.leafIndex), last: max(auditLeaves.leafIndex) })
      .from(auditLeaves)
      .where(
        sql`${auditLeaves.recordedAt} >= ${from} and ${auditLeaves.recordedAt} < ${to} and ${auditLeaves.leafIndex} < ${size}`,
      ),
  );
  const { first, last } = present(ends, 'an aggregate gives one row');
  if (first === null || last === null) {
    throw new ArchiveFault('no row of the month is under a checkpoint yet');
  }
  return { begin: Number.parseInt(String(first), 10), end: Number.parseInt(String(last), 10) + 1 };
}

/** What lies under a checkpoint does not change, so each batch may be a transaction of its own. */
async function* rowsIn(
  ctx: Ctx,
  period: MonthPeriod,
  range: { readonly begin: number; readonly end: number },
): AsyncGenerator<ExportRow> {
  for (let begin = range.begin; begin < range.end; begin += BATCH) {
    const end = Math.min(begin + BATCH, range.end);
    const leaves = await transact(ctx, 'engine', (tx) => readLeaves(tx, begin, end));
    assert(leaves.length === end - begin, 'the leaves of the log have no gap');
    yield* leaves.map((leaf) => shown(leaf, period));
  }
}

/** The personal part stays with the month, under its person's key: of it the file has the hash alone. */
function shown({ index, row, archived }: LeafWithRow, { from, to }: MonthPeriod): ExportRow {
  const outside = row === null ? archived : row.recordedAt < from || row.recordedAt >= to;
  if (outside || row === null) {
    return { sequence: index, content: { withheld: outside ? 'outside' : 'missing' } };
  }
  const personal = { hash: row.personalHash };
  return { sequence: index, content: { publicSalt: row.salt, publicPart: publicPart(row), personal } };
}

/** Reads the finished file back, as anybody would who only has the file and the log's keys. */
async function verifyFile(ctx: Ctx, archive: StoredArchive): Promise<StoredArchive> {
  const { deps } = ctx;
  const sealer = present(sealerOf(deps), 'archives are verified where the log is sealed');
  const path = await deps.files.pathOf(present(archive.fileName, 'what was exported has a file'));
  const bytes = readSealedFile(path, deps.keyring.house, archivePlace(archive.id));
  const { lines, sha256 } = linesOf(bytes);
  let fault: string | null;
  try {
    const report = await verifyExport(lines, { verifierKeys: sealer.identity.verifierKeys });
    const shownRows = report.rows - report.withheld;
    fault = !report.holds
      ? `the file does not hold: ${report.findings[0]?.code ?? 'unknown'}`
      : shownRows === archive.rowCount
        ? null
        : `the file shows ${shownRows} of ${archive.rowCount} rows`;
    fault ??= sha256() === archive.sha256 ? null : 'the file is not the one that was written';
  } catch (thrown) {
    fault = `the file cannot be read: ${thrown instanceof Error ? thrown.name : 'unknown'}`;
  }
  if (fault !== null) {
    throw new ArchiveFault(fault);
  }
  return advance(ctx, archive, 'verified', { verifiedAt: deps.clock.realNow() });
}

/** @errors month_not_due, legal_hold */
async function detachMonth(ctx: Ctx, archive: StoredArchive): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    await refuseKept(tx, ctx, archive.month);
    await lockExclusive(tx, [`audit_archive:${archive.id}`]);
    const [known] = await tx.select().from(auditArchives).where(eq(auditArchives.id, archive.id));
    if (known?.status !== 'verified') {
      return;
    }
    await tx.execute(sql`select detach_audit_partition(${archive.id}::uuid)`);
    await tell(ctx, tx, archive, 'detached', { ...known, status: 'detached' });
  });
}

async function advance(
  ctx: Ctx,
  archive: StoredArchive,
  status: Exclude<Step, 'detached'>,
  values: Partial<typeof auditArchives.$inferInsert>,
): Promise<StoredArchive> {
  return transact(ctx, 'engine', async (tx) => {
    const [after] = await tx
      .update(auditArchives)
      .set({ ...values, status, failure: null })
      .where(and(eq(auditArchives.id, archive.id), eq(auditArchives.status, archive.status)))
      .returning();
    if (after === undefined) {
      throw new Overtaken();
    }
    await tell(ctx, tx, archive, status, after);
    return after as StoredArchive;
  });
}

/**
 * Starts again from the first step: a new file is written. The first that failed so stays for whoever looks
 * into it; those of later tries do not, or a month that never goes would fill the store.
 */
async function failed(
  ctx: Ctx,
  archive: StoredArchive,
  failure: string,
  earlier: StoredArchive,
): Promise<void> {
  ctx.deps.log.error({ object: archive.month }, 'a month of the log was not archived');
  const repeated = failure === earlier.failure;
  const own = await transact(ctx, 'engine', async (tx) => {
    const [after] = await tx
      .update(auditArchives)
      .set({ status: 'approved', failure, ...(repeated ? fileOf(earlier) : {}) })
      .where(and(eq(auditArchives.id, archive.id), eq(auditArchives.status, archive.status)))
      .returning();
    // Said once per reason, not at each try.
    if (after !== undefined && !repeated) {
      await tell(ctx, tx, archive, 'failed', after);
    }
    return after !== undefined;
  });
  const { fileName } = archive;
  if (own && repeated && fileName !== null && fileName !== earlier.fileName) {
    await ctx.deps.files.remove(fileName);
  }
}

function fileOf({ fileName, sha256, sizeBytes, treeSize, checkpoint }: StoredArchive) {
  return { fileName, sha256, sizeBytes, treeSize, checkpoint };
}

function tell(
  ctx: Ctx,
  tx: Parameters<typeof record>[0],
  archive: StoredArchive,
  step: Step | 'failed' | 'dropped',
  after: object,
): Promise<void> {
  return record(tx, ctx, {
    event: AUDIT_EVENTS[`audit_archive.${step}`],
    resource: { type: 'audit_archive', id: archive.id },
    subjectUserId: null,
    after,
  });
}
