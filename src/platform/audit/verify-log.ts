/**
 * Verifies the audit log where it is stored: every row against its leaf and its MAC, the leaves
 * against the nodes, the tree against every checkpoint, the checkpoints against the keys. It names
 * what is wrong. It does not notice a database that was replaced as a whole by someone who also holds
 * the keys: for that a verifier keeps an earlier checkpoint and asks for a proof of consistency.
 */
import { sql } from 'drizzle-orm';
import type { Instant } from '../../kernel/time.ts';
import type { Ctx } from '../context.ts';
import type { Keyring } from '../crypto/keyring.ts';
import type { Tx } from '../db/client.ts';
import { auditLeaves, auditLogs } from '../db/schema.ts';
import { auditArchives } from './archives/schema.ts';
import { NoteError, openCheckpoint } from './checkpoint.ts';
import { bears, type LogIdentity, readIdentity, verifiersOf } from './log-identity.ts';
import { checkpointsAfter, loadNodes, type StoredCheckpoint, treeSize } from './log-store.ts';
import { appendLeaf, frontierOf, frontierRoot, type Hash, type NodeId, sameHash } from './merkle.ts';
import type { AuditRow } from './row.ts';
import { leafOf } from './sequencer.ts';
import { TILE_HEIGHT } from './tiles.ts';

const BATCH = 4_000;
const MAX_FINDINGS = 200;
const MAX_UNSEQUENCED_SECONDS = 60;
/** The event of the audit domain that tells how many rows of a month are in its file. */
const DETACHED = 'audit_archive.detached';

/** The closed list of what can be wrong with the log. */
export type LogFault =
  | 'row_altered'
  | 'row_missing'
  | 'row_unsequenced'
  | 'leaf_missing'
  | 'node_altered'
  | 'checkpoint_altered'
  | 'log_unclaimed';

/** `checkpoint` is the tree size of the first checkpoint that covers what is wrong; null where none does yet. */
export type LogFinding = {
  readonly code: LogFault;
  readonly object: string;
  readonly detail: string;
  readonly checkpoint: number | null;
};

export type LogReport = {
  readonly holds: boolean;
  readonly origin: string | null;
  readonly verifierKeys: readonly string[];
  readonly treeSize: number;
  readonly rowsChecked: number;
  readonly rowsUnsealed: number;
  readonly checkpointsChecked: number;
  /** The largest checkpoint, as a signed note to keep. */
  readonly checkpoint: string | null;
  /** The first findings of `findingCount`. */
  readonly findings: readonly LogFinding[];
  readonly findingCount: number;
};

/** A leaf with its row, which is null where the row is gone. */
export type LeafWithRow = {
  readonly index: number;
  readonly logId: string;
  readonly hash: Hash;
  readonly recordedAt: Instant;
  readonly row: AuditRow | null;
  /** The row is in the file of a month that two people had archived. */
  readonly archived: boolean;
};

type Found = Omit<LogFinding, 'checkpoint'> & { readonly leaf: number | null };

type Findings = {
  readonly list: Found[];
  count: number;
  /** `leaf` is the first leaf it concerns; null for a row that has none. */
  readonly add: (code: LogFault, object: string, detail: string, leaf?: number) => void;
};

/** Verifies the whole log on one snapshot. */
export async function verifyLog(ctx: Ctx): Promise<LogReport> {
  return ctx.deps.db.engine.transaction((tx) => verifyTree(tx, ctx.deps.keyring), {
    isolationLevel: 'repeatable read',
    accessMode: 'read only',
  });
}

/** Verifies what this transaction sees. */
export async function verifyTree(tx: Tx, keyring: Keyring): Promise<LogReport> {
  const findings = collect();
  const identity = await readIdentity(tx);
  const size = await treeSize(tx);
  if (identity === undefined && size > 0) {
    findings.add('log_unclaimed', 'audit log', 'no key of the log is known');
  }
  const checkpoints = walkCheckpoints(tx, identity, findings);
  const archived = countArchived();
  const frontier = frontierOf(0);
  let checked = 0;
  for await (const leaves of leavesInOrder(tx)) {
    const nodes: (NodeId & { readonly hash: Hash })[] = [];
    for (const leaf of leaves) {
      for (; frontier.size < leaf.index; ) {
        findings.add(
          'leaf_missing',
          `leaf ${frontier.size}`,
          'the order of the log has a gap',
          frontier.size,
        );
        appendLeaf(frontier, new Uint8Array(32));
      }
      checkRow(keyring, leaf, findings);
      archived.see(leaf);
      appendLeaf(frontier, leaf.hash, (level, index, hash) => nodes.push({ level, index, hash }));
      checked += 1;
      await checkpoints.reach(frontier.size, () => frontierRoot(frontier));
    }
    await checkNodes(tx, nodes, findings);
  }
  const { count, latest } = await checkpoints.finish();
  await archived.finish(tx, findings);
  const unsealed = await checkUnsequenced(tx, keyring, findings);
  return {
    holds: findings.count === 0,
    origin: identity?.origin ?? null,
    verifierKeys: identity?.verifierKeys ?? [],
    treeSize: size,
    rowsChecked: checked + unsealed,
    rowsUnsealed: unsealed,
    checkpointsChecked: count,
    checkpoint: latest,
    findings: await underCheckpoints(tx, findings.list),
    findingCount: findings.count,
  };
}

/** The leaves `[begin, end)` with their rows, in order. */
export async function readLeaves(tx: Tx, begin: number, end: number): Promise<readonly LeafWithRow[]> {
  const rows = await tx
    .select({ leaf: auditLeaves, row: auditLogs, archived: inArchivedMonth })
    .from(auditLeaves)
    .leftJoin(
      auditLogs,
      sql`${auditLogs.recordedAt} = ${auditLeaves.recordedAt} and ${auditLogs.id} = ${auditLeaves.logId}`,
    )
    .where(sql`${auditLeaves.leafIndex} >= ${begin} and ${auditLeaves.leafIndex} < ${end}`)
    .orderBy(auditLeaves.leafIndex);
  return rows.map(({ leaf, row, archived }) => ({
    index: Number.parseInt(String(leaf.leafIndex), 10),
    logId: leaf.logId,
    hash: leaf.leafHash,
    recordedAt: leaf.recordedAt,
    row,
    archived: row === null && archived,
  }));
}

async function* leavesInOrder(tx: Tx): AsyncGenerator<readonly LeafWithRow[]> {
  for (let next = 0; ; next += BATCH) {
    const leaves = await readLeaves(tx, next, next + BATCH);
    if (leaves.length > 0) {
      yield leaves;
    } else if (!(await anyLeafFrom(tx, next))) {
      return;
    }
  }
}

/** Only asked of leaves without a row. */
const inArchivedMonth = sql<boolean>`${auditLogs.id} is null and to_char(${auditLeaves.recordedAt} at time zone 'UTC', 'YYYY_MM') in (select month from archived_months())`;

function checkRow(keyring: Keyring, leaf: LeafWithRow, findings: Findings): void {
  const place = `row ${leaf.logId}`;
  if (leaf.row === null && leaf.archived) {
    return;
  }
  if (leaf.row === null) {
    findings.add('row_missing', place, `leaf ${leaf.index} has no row: it was deleted`, leaf.index);
    return;
  }
  const { hash, sound } = leafOf(keyring, leaf.row);
  if (!sameHash(hash, leaf.hash)) {
    findings.add('row_altered', place, `its content is not what leaf ${leaf.index} commits to`, leaf.index);
  } else if (!sound) {
    findings.add(
      'row_altered',
      place,
      `its code does not fit; it was altered before it became leaf ${leaf.index}`,
      leaf.index,
    );
  }
}

/**
 * A leaf may be without its row where its month was archived, and nowhere else: a row that was deleted must not
 * pass for one of those. How many there are is said by the log itself when the month is detached, else by the
 * archive's row.
 */
function countArchived() {
  const missing = new Map<string, { rows: number; first: number }>();
  const told = new Map<string, number>();
  return {
    see: ({ index, row, archived, recordedAt }: LeafWithRow): void => {
      if (archived) {
        const month = recordedAt.slice(0, 7);
        const { rows, first } = missing.get(month) ?? { rows: 0, first: index };
        missing.set(month, { rows: rows + 1, first });
      } else if (row?.eventType === DETACHED) {
        const { month, rowCount } = (row.after ?? {}) as { month?: string; rowCount?: number };
        told.set(month ?? '', rowCount ?? 0);
      }
    },
    finish: async (tx: Tx, findings: Findings): Promise<void> => {
      const archives = await tx
        .select({ month: auditArchives.month, rowCount: auditArchives.rowCount })
        .from(auditArchives);
      for (const { month, rowCount } of archives) {
        told.set(month, told.get(month) ?? rowCount);
      }
      for (const [month, { rows, first }] of missing) {
        const expected = told.get(month) ?? 0;
        if (rows !== expected) {
          const detail = `${rows} leaves of it have no row, ${expected} rows were archived: others were deleted`;
          findings.add('row_missing', `month ${month}`, detail, first);
        }
      }
    },
  };
}

async function checkNodes(
  tx: Tx,
  nodes: readonly (NodeId & { readonly hash: Hash })[],
  findings: Findings,
): Promise<void> {
  const inner = nodes.filter((node) => node.level >= TILE_HEIGHT);
  const read = await loadNodes(tx, inner);
  for (const { level, index, hash } of inner) {
    if (!isStored(read, level, index, hash)) {
      const first = index * 2 ** level;
      findings.add(
        'node_altered',
        `node ${level}/${index}`,
        `leaves ${first} to ${first + 2 ** level - 1} do not hash to it: one of them was replaced`,
        first,
      );
    }
  }
}

function isStored(
  read: (level: number, index: number) => Hash,
  level: number,
  index: number,
  hash: Hash,
): boolean {
  try {
    return sameHash(read(level, index), hash);
  } catch {
    return false;
  }
}

/** Holds each checkpoint against the tree as it grows past it. */
function walkCheckpoints(tx: Tx, identity: LogIdentity | undefined, findings: Findings) {
  let queue: StoredCheckpoint[] = [];
  let readUpTo = 0;
  let exhausted = false;
  let count = 0;
  let latest: string | null = null;
  const head = async (): Promise<StoredCheckpoint | undefined> => {
    if (queue.length === 0 && !exhausted) {
      queue = [...(await checkpointsAfter(tx, readUpTo, BATCH))];
      exhausted = queue.length < BATCH;
      readUpTo = queue.at(-1)?.size ?? readUpTo;
    }
    return queue[0];
  };
  const check = (checkpoint: StoredCheckpoint, root: Hash | null): void => {
    queue.shift();
    count += 1;
    latest = checkpoint.note;
    const fault = checkpointFault(checkpoint, identity, root);
    if (fault !== null) {
      findings.add('checkpoint_altered', `checkpoint ${checkpoint.size}`, fault, checkpoint.size - 1);
    }
  };
  return {
    reach: async (size: number, root: () => Hash): Promise<void> => {
      for (let next = await head(); next !== undefined && next.size <= size; next = await head()) {
        check(next, next.size === size ? root() : null);
      }
    },
    finish: async () => {
      for (let rest = await head(); rest !== undefined; rest = await head()) {
        check(rest, null);
      }
      return { count, latest };
    },
  };
}

function checkpointFault(
  stored: StoredCheckpoint,
  identity: LogIdentity | undefined,
  root: Hash | null,
): string | null {
  if (root === null) {
    return 'the leaves it covers are not all there: the log was cut';
  }
  try {
    const signed = openCheckpoint(stored.note, identity === undefined ? [] : verifiersOf(identity));
    if (
      identity === undefined ||
      !bears(identity, signed.origin, signed.size) ||
      signed.size !== stored.size ||
      !sameHash(signed.root, stored.root)
    ) {
      return 'the columns beside the note do not say what it says';
    }
    return sameHash(signed.root, root) ? null : 'the leaves do not lead to its root: the log was rewritten';
  } catch (error) {
    if (error instanceof NoteError) {
      return error.message;
    }
    throw error;
  }
}

/** Rows without a leaf: their MACs cover them, and they may not wait long. @shape how many there are */
async function checkUnsequenced(tx: Tx, keyring: Keyring, findings: Findings): Promise<number> {
  const waiting = await tx
    .select({ row: auditLogs, seconds: secondsWaiting })
    .from(auditLogs)
    .where(sql`not exists (select 1 from audit_leaves l where l.log_id = ${auditLogs.id})`)
    .orderBy(auditLogs.txid, auditLogs.id);
  for (const { row, seconds } of waiting) {
    if (!leafOf(keyring, row).sound) {
      findings.add(
        'row_altered',
        `row ${row.id}`,
        'its code does not fit; it was altered before it was sealed',
      );
    }
    if (seconds > MAX_UNSEQUENCED_SECONDS) {
      findings.add('row_unsequenced', `row ${row.id}`, `it waits for its place since ${row.recordedAt}`);
    }
  }
  return waiting.length;
}

const secondsWaiting = sql<number>`extract(epoch from clock_timestamp() - ${auditLogs.recordedAt})::int`;

/** Names, for each finding, the first checkpoint whose tree holds its leaf. */
async function underCheckpoints(tx: Tx, found: readonly Found[]): Promise<readonly LogFinding[]> {
  const wanted = JSON.stringify(found.map(({ leaf }) => leaf));
  const rows = await tx.execute<{ size: string | null }>(sql`
    select (select min(c.tree_size) from audit_checkpoints c where c.tree_size > w.leaf::bigint)::text as size
    from json_array_elements_text(${wanted}::json) with ordinality as w (leaf, place) order by w.place`);
  return found.map(({ code, object, detail }, at) => {
    const size = rows[at]?.size ?? null;
    return { code, object, detail, checkpoint: size === null ? null : Number.parseInt(size, 10) };
  });
}

async function anyLeafFrom(tx: Tx, index: number): Promise<boolean> {
  const [row] = await tx
    .select({ index: auditLeaves.leafIndex })
    .from(auditLeaves)
    .where(sql`${auditLeaves.leafIndex} >= ${index}`)
    .limit(1);
  return row !== undefined;
}

function collect(): Findings {
  const findings: Findings = {
    list: [],
    count: 0,
    add: (code, object, detail, leaf) => {
      findings.count += 1;
      if (findings.list.length < MAX_FINDINGS) {
        findings.list.push({ code, object, detail, leaf: leaf ?? null });
      }
    },
  };
  return findings;
}
