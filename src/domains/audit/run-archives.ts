/**
 * Takes approved months out of the log, step by step: write the file, read it back and verify it against
 * the log's own keys, detach the month. Each step is kept before the next begins, so that a crash repeats
 * one step and loses none; a file that does not hold is written again and the month stays where it is.
 */
import { and, asc, eq, max, min, ne, sql } from 'drizzle-orm';
import { assert, present } from '../../kernel/assert.ts';
import { DomainError } from '../../kernel/error.ts';
import { newId } from '../../kernel/id.ts';
import { auditArchives } from '../../platform/audit/archives/schema.ts';
import type { ExportRow } from '../../platform/audit/export-format.ts';
import { latestCheckpoint, loadNodes } from '../../platform/audit/log-store.ts';
import { record } from '../../platform/audit/record.ts';
import { publicPart } from '../../platform/audit/row.ts';
import { sealerOf } from '../../platform/audit/sealer.ts';
import { verifyExport } from '../../platform/audit/verify-export.ts';
import { type LeafWithRow, readLeaves } from '../../platform/audit/verify-log.ts';
import { writeExport } from '../../platform/audit/write-export.ts';
import type { Ctx } from '../../platform/context.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { auditLeaves } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { readSealedFile, writeSealedFile } from '../../platform/files/sealed-file.ts';
import { refuseHeld } from '../../platform/privacy/legal-holds.ts';
import { archivePlace, linesOf } from './archive-file.ts';
import { type MonthPeriod, periodOf, type StoredArchive } from './archive-month.ts';
import { AUDIT_EVENTS } from './audit.ts';

const BATCH = 2_000;

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
 *   `audit_archive.exported`, `.verified`, `.detached`, `.failed`
 */
export async function runArchives(ctx: Ctx): Promise<void> {
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
  for (const archive of waiting) {
    await goOn(ctx, archive as StoredArchive);
  }
}

async function goOn(ctx: Ctx, archive: StoredArchive): Promise<void> {
  let at = archive;
  try {
    at = at.status === 'approved' ? await exportMonth(ctx, at) : at;
    at = at.status === 'exported' ? await verifyFile(ctx, at) : at;
    await detachMonth(ctx, at);
  } catch (thrown) {
    if (thrown instanceof Overtaken) {
      return;
    }
    if (!(thrown instanceof ArchiveFault || thrown instanceof DomainError)) {
      throw thrown;
    }
    await failed(ctx, at, thrown instanceof DomainError ? thrown.code : thrown.message);
  }
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

/** @errors legal_hold */
async function detachMonth(ctx: Ctx, archive: StoredArchive): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    await refuseHeld(tx, periodOf(archive.month));
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

/** Starts again from the first step: a new file is written, the old one stays for whoever looks into it. */
async function failed(ctx: Ctx, archive: StoredArchive, failure: string): Promise<void> {
  ctx.deps.log.error({ object: archive.month }, 'a month of the log was not archived');
  await transact(ctx, 'engine', async (tx) => {
    const [after] = await tx
      .update(auditArchives)
      .set({ status: 'approved', failure })
      .where(and(eq(auditArchives.id, archive.id), eq(auditArchives.status, archive.status)))
      .returning();
    // Said once per reason, not at each try.
    if (after !== undefined && failure !== archive.failure) {
      await tell(ctx, tx, archive, 'failed', after);
    }
  });
}

function tell(
  ctx: Ctx,
  tx: Parameters<typeof record>[0],
  archive: StoredArchive,
  step: Step | 'failed',
  after: object,
): Promise<void> {
  return record(tx, ctx, {
    event: AUDIT_EVENTS[`audit_archive.${step}`],
    resource: { type: 'audit_archive', id: archive.id },
    subjectUserId: null,
    after,
  });
}
