/**
 * The stored tree: leaves, complete nodes and checkpoints. Reads only, but for what the sequencer and
 * the sealer append. Nothing here decides whether the tree is right.
 */
import { desc, gt, sql } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Instant } from '../../kernel/time.ts';
import type { Tx } from '../db/client.ts';
import { auditCheckpoints, auditLeaves } from '../db/schema.ts';
import { type Frontier, frontierOf, type Hash, type HashReader, type NodeId, rangeNodes } from './merkle.ts';

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
 * Fetches complete nodes in one query.
 * @errors the reader throws AssertionError for a node that is not stored
 */
export async function loadNodes(tx: Tx, nodes: readonly NodeId[]): Promise<HashReader> {
  const found = new Map<string, Hash>();
  if (nodes.length > 0) {
    const wanted = JSON.stringify(nodes.map(({ level, index }) => ({ level, node: index })));
    const rows = await tx.execute<{ level: number; node: string; hash: string }>(sql`
      with wanted as materialized (
        select * from json_to_recordset(${wanted}::json) as w (level smallint, node bigint)
      )
      select 0 as level, l.leaf_index::text as node, encode(l.leaf_hash, 'hex') as hash
        from wanted w join audit_leaves l on w.level = 0 and l.leaf_index = w.node
      union all
      select n.level, n.node_index::text, encode(n.hash, 'hex')
        from wanted w join audit_nodes n on n.level = w.level and n.node_index = w.node`);
    for (const row of rows) {
      found.set(`${row.level}/${row.node}`, fromHex(row.hash));
    }
  }
  return (level, index) => present(found.get(`${level}/${index}`), `node ${level}/${index} is stored`);
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

/** @effects rows of `audit_leaves` and, above level 0, of `audit_nodes` */
export async function appendToTree(
  tx: Tx,
  leaves: readonly NewLeaf[],
  nodes: readonly NewNode[],
): Promise<void> {
  const leafRows = leaves.map(({ index, logId, recordedAt, hash }) => ({
    index,
    id: logId,
    at: recordedAt,
    hash: toHex(hash),
  }));
  await tx.execute(sql`
    insert into audit_leaves (leaf_index, log_id, recorded_at, leaf_hash)
    select l.index, l.id, l.at, decode(l.hash, 'hex')
    from json_to_recordset(${JSON.stringify(leafRows)}::json) as l (index bigint, id uuid, at timestamptz, hash text)`);
  const nodeRows = nodes
    .filter((node) => node.level > 0)
    .map(({ level, index, hash }) => ({ level, index, hash: toHex(hash) }));
  if (nodeRows.length > 0) {
    await tx.execute(sql`
      insert into audit_nodes (level, node_index, hash)
      select n.level, n.index, decode(n.hash, 'hex')
      from json_to_recordset(${JSON.stringify(nodeRows)}::json) as n (level smallint, index bigint, hash text)`);
  }
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

function toHex(hash: Hash): string {
  return Buffer.from(hash).toString('hex');
}

function fromHex(text: string): Hash {
  return new Uint8Array(Buffer.from(text, 'hex'));
}
