/**
 * Writes an export: seals the log first, so that the file holds every row of its period that was
 * committed before, then streams rows and proofs into an encrypted file.
 */
import { eq, max, min, sql } from 'drizzle-orm';
import { assert, present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { ExportRow } from '../../platform/audit/export-format.ts';
import { latestCheckpoint, loadNodes } from '../../platform/audit/log-store.ts';
import { record } from '../../platform/audit/record.ts';
import { publicPart } from '../../platform/audit/row.ts';
import { sealerOf } from '../../platform/audit/sealer.ts';
import { type LeafWithRow, readLeaves } from '../../platform/audit/verify-log.ts';
import { writeExport } from '../../platform/audit/write-export.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { auditExports, auditLeaves } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { writeSealedFile } from '../../platform/files/sealed-file.ts';
import { AUDIT_EVENTS } from './audit.ts';
import { type ExportPeriod, earlierSizes, fileOf, findExport, type StoredExport } from './exports.ts';
import { type PersonalOpener, personalOpener } from './personal-part.ts';

const BATCH = 2_000;
const OUTSIDE = 'outside the period of this export';
const GONE = 'the row is missing from the database';

type Counted = { shown: number };

/**
 * Writes the file of a requested export, once.
 * @effects a file; the row of `audit_exports`; audit `audit_export.completed` or `audit_export.failed`
 */
export async function writeExportFile(ctx: Ctx, exportId: Id): Promise<void> {
  const stored = await transact(ctx, 'engine', (tx) => findExport(tx, exportId));
  if (stored.status === 'completed' || stored.status === 'failed') {
    return;
  }
  try {
    await finish(ctx, stored, { status: 'completed', ...(await writeFile(ctx, stored)) });
  } catch (thrown) {
    const failure = thrown instanceof Error ? thrown.name : 'unknown';
    ctx.deps.log.error({ object: exportId, failure }, 'an export failed');
    await finish(ctx, stored, { status: 'failed', failure });
  }
}

async function writeFile(ctx: Ctx, stored: StoredExport) {
  const { deps } = ctx;
  const sealer = present(sealerOf(deps), 'exports are written where the log is sealed');
  await sealer.sealNow();
  const { checkpoint, range, sizes } = await read(ctx, async (tx) => {
    const latest = present(await latestCheckpoint(tx), 'a log that was sealed has a checkpoint');
    return {
      checkpoint: latest,
      range: await rangeOf(tx, stored.period, latest.size),
      sizes: await earlierSizes(tx, latest.size),
    };
  });
  const counted: Counted = { shown: 0 };
  const lines = writeExport(
    {
      checkpoint: checkpoint.note,
      verifierKey: present(sealer.identity.verifierKeys[0], 'a log has a key'),
      createdAt: deps.clock.realNow(),
      from: stored.period.from,
      to: stored.period.to,
      filters: {},
      range,
      earlierSizes: sizes,
      sealer: sealer.signer,
    },
    rowsOf(ctx, stored.period, range, counted),
    (nodes) => read(ctx, (tx) => loadNodes(tx, nodes)),
  );
  const { name, place } = fileOf(stored.id as Id);
  const path = await deps.files.pathOf(name);
  const { sha256 } = await writeSealedFile(path, deps.keyring.house, place, lines);
  return { fileName: name, sha256, treeSize: checkpoint.size, rowCount: counted.shown };
}

/** The shortest range of leaves that holds every row of the period. */
async function rangeOf(tx: Tx, { from, to }: ExportPeriod, size: number) {
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

/** What lies under a checkpoint does not change, so each batch may be a transaction of its own. */
async function* rowsOf(
  ctx: Ctx,
  period: ExportPeriod,
  range: { readonly begin: number; readonly end: number },
  counted: Counted,
): AsyncGenerator<ExportRow> {
  for (let begin = range.begin; begin < range.end; begin += BATCH) {
    const end = Math.min(begin + BATCH, range.end);
    const rows = await read(ctx, async (tx) => {
      const leaves = await readLeaves(tx, begin, end);
      const open = await personalOpener(
        tx,
        ctx.deps,
        leaves.flatMap((leaf) => leaf.row ?? []),
      );
      return leaves.map((leaf) => rowOf(leaf, period, open));
    });
    assert(rows.length === end - begin, 'the leaves of the log have no gap');
    for (const row of rows) {
      counted.shown += 'withheld' in row.content ? 0 : 1;
      yield row;
    }
  }
}

function rowOf({ index, row }: LeafWithRow, period: ExportPeriod, open: PersonalOpener): ExportRow {
  if (row === null) {
    return { sequence: index, content: { withheld: GONE } };
  }
  if (row.recordedAt < period.from || row.recordedAt >= period.to) {
    return { sequence: index, content: { withheld: OUTSIDE } };
  }
  return {
    sequence: index,
    content: {
      publicSalt: row.salt,
      publicPart: publicPart(row),
      personal: open(row) ?? { hash: row.personalHash },
    },
  };
}

function read<Result>(ctx: Ctx, work: (tx: Tx) => Promise<Result>): Promise<Result> {
  return transact(ctx, 'engine', work);
}

async function finish(
  ctx: Ctx,
  stored: StoredExport,
  outcome:
    | {
        readonly status: 'completed';
        readonly fileName: string;
        readonly sha256: string;
        readonly treeSize: number;
        readonly rowCount: number;
      }
    | { readonly status: 'failed'; readonly failure: string },
): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    await tx
      .update(auditExports)
      .set({ ...outcome, completedAt: ctx.deps.clock.realNow() })
      .where(eq(auditExports.id, stored.id));
    await record(tx, ctx, {
      event: AUDIT_EVENTS[`audit_export.${outcome.status}`],
      resource: { type: 'audit_export', id: stored.id },
      subjectUserId: null,
      after: { ...outcome, ...stored.period, format: stored.format },
    });
  });
}
