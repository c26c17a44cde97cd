/**
 * The stored tree: leaves, complete nodes and checkpoints. Reads only, but for what the sequencer and
 * the sealer append. Nothing here decides whether the tree is right.
 */
import { desc, gt, sql } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Instant } from '../../kernel/time.ts';
import type { Tx } from '../db/client.ts';
import { arrayLiteral, insertRows } from '../db/insert-rows.ts';
import { executePrepared } from '../db/prepared.ts';
import { auditCheckpoints, auditLeaves, auditNodes } from '../db/schema.ts';
import { together } from '../db/transact.ts';
import {
  type Frontier,
  frontierOf,
  type Hash,
  type HashReader,
  type NodeId,
  nodeHash,
  rangeNodes,
} from './merkle.ts';
import { TILE_HEIGHT } from './tiles.ts';

export type StoredCheckpoint = {
  readonly size: number;
  readonly root: Hash;
  readonly note: string;
  readonly signedAt: Instant;
};

export type NewLeaf = {
  readonly index: number;
  readonly logId: string;
  readonly recordedAt: Instant;
  readonly hash: Hash;
};

export type NewNode = NodeId & { readonly hash: Hash };

/** How many leaves there are. */
export async function treeSize(tx: Tx): Promise<number> {
  const [last] = await tx
    .select({ index: auditLeaves.leafIndex })
    .from(auditLeaves)
    .orderBy(desc(auditLeaves.leafIndex))
    .limit(1);
  return last === undefined ? 0 : Number.parseInt(String(last.index), 10) + 1;
}

/**
 * Fetches complete nodes in one query. Nodes below the height of a tile are folded from their leaves, so that
 * the sequencer need not store one for every leaf.
 * @errors the reader throws AssertionError for a node that is not stored
 */
export async function loadNodes(tx: Tx, nodes: readonly NodeId[]): Promise<HashReader> {
  const found = new Map<string, Hash>();
  const high = nodes.filter(({ level }) => level >= TILE_HEIGHT);
  if (high.length > 0) {
    const rows = await executePrepared<{ level: number; node: string; hash: Uint8Array }>(
      tx,
      sql`
      select n.level, n.node_index::text as node, n.hash
      from unnest(${column(high.map(({ level }) => String(level)))}::smallint[],
        ${column(high.map(({ index }) => String(index)))}::bigint[]) as w (level, node)
      join audit_nodes n on n.level = w.level and n.node_index = w.node`,
    );
    for (const row of rows) {
      found.set(`${row.level}/${row.node}`, new Uint8Array(row.hash));
    }
  }
  const low = nodes.filter(({ level }) => level < TILE_HEIGHT);
  const leaves = await loadLeaves(tx, low);
  for (const { level, index } of low) {
    const node = folded(leaves, level, index);
    if (node !== undefined) {
      found.set(`${level}/${index}`, node);
    }
  }
  return (level, index) => present(found.get(`${level}/${index}`), `node ${level}/${index} is stored`);
}

async function loadLeaves(tx: Tx, nodes: readonly NodeId[]): Promise<ReadonlyMap<number, Hash>> {
  if (nodes.length === 0) {
    return new Map();
  }
  const begins = nodes.map(({ level, index }) => String(index * 2 ** level));
  const ends = nodes.map(({ level, index }) => String((index + 1) * 2 ** level));
  const rows = await executePrepared<{ leaf: string; hash: Uint8Array }>(
    tx,
    sql`
    select l.leaf_index::text as leaf, l.leaf_hash as hash
    from unnest(${column(begins)}::bigint[], ${column(ends)}::bigint[]) as w (begin_leaf, end_leaf)
    join audit_leaves l on l.leaf_index >= w.begin_leaf and l.leaf_index < w.end_leaf`,
  );
  return new Map(rows.map(({ leaf, hash }) => [Number.parseInt(leaf, 10), new Uint8Array(hash)]));
}

/** Undefined where a leaf is not there. */
function folded(leaves: ReadonlyMap<number, Hash>, level: number, index: number): Hash | undefined {
  if (level === 0) {
    return leaves.get(index);
  }
  const left = folded(leaves, level - 1, 2 * index);
  const right = folded(leaves, level - 1, 2 * index + 1);
  return left && right && nodeHash(left, right);
}

/** The right edge of the tree of `size` leaves. */
export async function loadFrontier(tx: Tx, size: number): Promise<Frontier> {
  const nodes = rangeNodes(0, size);
  const read = await loadNodes(tx, nodes);
  return frontierOf(
    size,
    nodes.map((node) => read(node.level, node.index)),
  );
}

/** The checkpoint of the largest tree; undefined before the first. */
export async function latestCheckpoint(tx: Tx): Promise<StoredCheckpoint | undefined> {
  const [row] = await tx.select().from(auditCheckpoints).orderBy(desc(auditCheckpoints.treeSize)).limit(1);
  return row === undefined ? undefined : storedCheckpoint(row);
}

/** The first checkpoints of trees larger than `size`, in order. */
export async function checkpointsAfter(
  tx: Tx,
  size: number,
  limit: number,
): Promise<readonly StoredCheckpoint[]> {
  const rows = await tx
    .select()
    .from(auditCheckpoints)
    .where(gt(auditCheckpoints.treeSize, BigInt(size)))
    .orderBy(auditCheckpoints.treeSize)
    .limit(limit);
  return rows.map(storedCheckpoint);
}

/** @effects rows of `audit_leaves` and, from the height of a tile, of `audit_nodes` */
export async function appendToTree(
  tx: Tx,
  leaves: readonly NewLeaf[],
  nodes: readonly NewNode[],
): Promise<void> {
  // Both on their way at once.
  await together(
    insertRows(
      tx,
      auditLeaves,
      leaves.map(({ index, logId, recordedAt, hash }) => ({
        leafIndex: BigInt(index),
        logId,
        recordedAt,
        leafHash: hash,
      })),
    ),
    insertRows(
      tx,
      auditNodes,
      nodes
        .filter(({ level }) => level >= TILE_HEIGHT)
        .map(({ level, index, hash }) => ({ level, nodeIndex: BigInt(index), hash })),
    ),
  );
}

/** @effects one row of `audit_checkpoints` */
export async function appendCheckpoint(tx: Tx, checkpoint: StoredCheckpoint): Promise<void> {
  await tx.insert(auditCheckpoints).values({
    treeSize: BigInt(checkpoint.size),
    rootHash: checkpoint.root,
    note: checkpoint.note,
    signedAt: checkpoint.signedAt,
  });
}

function storedCheckpoint(row: typeof auditCheckpoints.$inferSelect): StoredCheckpoint {
  const { rootHash, note, signedAt } = row;
  return { size: Number.parseInt(String(row.treeSize), 10), root: rootHash, note, signedAt };
}

function column(values: readonly string[]) {
  return sql.param(arrayLiteral(values));
}
