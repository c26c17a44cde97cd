/** What reconcile holds the evidence to. MACs need a key and belong to `verify`; these need none. */
import { sql } from 'drizzle-orm';
import { NoteError, parseCheckpoint, parseNote } from '../../platform/audit/checkpoint.ts';
import { latestCheckpoint, loadFrontier, treeSize } from '../../platform/audit/log-store.ts';
import { appendLeaf, frontierOf, frontierRoot, sameHash } from '../../platform/audit/merkle.ts';
import { leafHashOfRow } from '../../platform/audit/row.ts';
import { type LeafWithRow, readLeaves } from '../../platform/audit/verify-log.ts';
import type { Tx } from '../../platform/db/client.ts';
import type { Break, Check, CheckResult } from '../../platform/domain.ts';

const BATCH = 4_000;

export const auditChecks: readonly Check[] = [
  { name: 'audit.leaves_are_gap_free', invariant: 'I6', run: leavesAreGapFree },
  { name: 'audit.rows_recompute', invariant: 'I6', run: rowsRecompute },
  { name: 'audit.checkpoint_covers_the_tree', invariant: 'I6', run: checkpointCoversTheTree },
  { name: 'audit.rows_are_sequenced', invariant: 'I6', run: rowsAreSequenced },
];

async function leavesAreGapFree(tx: Tx): Promise<CheckResult> {
  const [row] = await tx.execute<{ seen: number; last: string | null }>(
    sql`select count(*)::int as seen, max(leaf_index)::text as last from audit_leaves`,
  );
  const seen = row?.seen ?? 0;
  const expected = row?.last == null ? 0 : Number.parseInt(row.last, 10) + 1;
  const breaks =
    seen === expected
      ? []
      : [{ object: 'audit log', detail: `${seen} leaves, the last is leaf ${expected - 1}` }];
  return { seen, breaks };
}

async function rowsRecompute(tx: Tx): Promise<CheckResult> {
  const size = await treeSize(tx);
  const breaks: Break[] = [];
  let seen = 0;
  for (let begin = 0; begin < size; begin += BATCH) {
    const leaves = await readLeaves(tx, begin, begin + BATCH);
    seen += leaves.length;
    breaks.push(...leaves.flatMap(breakOf));
  }
  return { seen, breaks };
}

function breakOf(leaf: LeafWithRow): readonly Break[] {
  const object = `audit row ${leaf.logId}`;
  if (leaf.row === null && leaf.archived) {
    return [];
  }
  if (leaf.row === null) {
    return [{ object, detail: `leaf ${leaf.index} has no row` }];
  }
  try {
    return sameHash(leafHashOfRow(leaf.row), leaf.hash)
      ? []
      : [{ object, detail: `is not what leaf ${leaf.index} commits to` }];
  } catch {
    return [{ object, detail: `leaf ${leaf.index}: the row has no form a row can have` }];
  }
}

/** The root over all leaves up to the checkpoint, and the stored right edge, both lead to it. */
async function checkpointCoversTheTree(tx: Tx): Promise<CheckResult> {
  const checkpoint = await latestCheckpoint(tx);
  if (checkpoint === undefined) {
    return { seen: 0, breaks: [] };
  }
  const object = `checkpoint ${checkpoint.size}`;
  const frontier = frontierOf(0);
  for (let begin = 0; begin < checkpoint.size; begin += BATCH) {
    for (const leaf of await readLeaves(tx, begin, Math.min(begin + BATCH, checkpoint.size))) {
      appendLeaf(frontier, leaf.hash);
    }
  }
  const breaks: Break[] = [];
  if (frontier.size !== checkpoint.size || !sameHash(frontierRoot(frontier), checkpoint.root)) {
    breaks.push({ object, detail: `the ${frontier.size} leaves there are do not lead to its root` });
  }
  const stored = await loadFrontier(tx, checkpoint.size).catch(() => null);
  if (stored === null || !sameHash(frontierRoot(stored), checkpoint.root)) {
    breaks.push({ object, detail: 'the stored nodes do not lead to its root' });
  }
  return {
    seen: 1,
    breaks: [...breaks, ...noteBreaks(checkpoint.note, checkpoint.size, checkpoint.root, object)],
  };
}

function noteBreaks(note: string, size: number, root: Uint8Array, object: string): readonly Break[] {
  try {
    const signed = parseCheckpoint(parseNote(note).text);
    return signed.size === size && sameHash(signed.root, root)
      ? []
      : [{ object, detail: 'its note says something else' }];
  } catch (error) {
    if (error instanceof NoteError) {
      return [{ object, detail: error.message }];
    }
    throw error;
  }
}

async function rowsAreSequenced(tx: Tx): Promise<CheckResult> {
  const [counted] = await tx.execute<{ seen: number }>(sql`select count(*)::int as seen from audit_logs`);
  const late = await tx.execute<{ id: string; at: string }>(sql`
    select a.id::text as id, a.recorded_at::text as at from audit_logs a
    where a.recorded_at < clock_timestamp() - interval '1 minute'
      and not exists (select 1 from audit_leaves l where l.log_id = a.id)
    order by a.recorded_at limit 100`);
  return {
    seen: counted?.seen ?? 0,
    breaks: late.map((row) => ({
      object: `audit row ${row.id}`,
      detail: `waits for its place since ${row.at}`,
    })),
  };
}
