/**
 * Gives audit rows their place in the tree: gap-free, each row once, only rows older than every
 * running transaction, in the order of their transactions. Each leaf is recomputed from the stored
 * columns and held against the row's MAC; an altered row is sequenced as it is and named.
 *
 * Rows are found by transaction id. At each election the whole log is compared with the leaves once,
 * because after a logical restore the ids start anew: rows carried over may bear ids of the future,
 * new rows ids that lie below those already sequenced.
 */
import { type SQL, sql } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Keyring } from '../crypto/keyring.ts';
import type { Tx } from '../db/client.ts';
import { auditLogs } from '../db/schema.ts';
import { appendToTree, loadFrontier, type NewLeaf, type NewNode, treeSize } from './log-store.ts';
import { appendLeaf, type Frontier, frontierOf, type Hash, leafHash } from './merkle.ts';
import { type AuditRow, leafHashOfRow } from './row.ts';
import { verifyRowMac } from './row-mac.ts';

const BATCH = 4_000;

/** Where the sequencer stands within one term of leadership. */
export type Sequence = {
  readonly frontier: Frontier;
  readonly phase: 'recent' | 'everything' | 'steady';
  /** Rows of transactions before this one are sequenced, as far as the phase has looked. @units xid8 */
  readonly low: string;
  /** Where `steady` will begin. @units xid8 */
  readonly steadyFrom: string;
};

export type SequenceStep = {
  readonly sequence: Sequence;
  readonly added: number;
  /** Rows whose MAC did not fit. */
  readonly altered: readonly AuditRow[];
  /** Whether there may be more to do at once. */
  readonly more: boolean;
};

type Horizon = { readonly oldest: string; readonly next: string };

/** Begins a term: the tree as it is stored, and the transaction of its last leaf. */
export async function beginSequence(tx: Tx): Promise<Sequence> {
  const size = await treeSize(tx);
  const [last] = await tx.execute<{ txid: string }>(sql`
    select a.txid::text as txid from audit_leaves l
    join audit_logs a on a.recorded_at = l.recorded_at and a.id = l.log_id
    where l.leaf_index = ${size - 1}`);
  return {
    frontier: await loadFrontier(tx, size),
    phase: 'recent',
    low: last?.txid ?? '0',
    steadyFrom: '0',
  };
}

/**
 * Sequences the next batch. On a rollback the caller drops the sequence and begins again.
 * @effects rows of `audit_leaves` and `audit_nodes`
 */
export async function sequenceNext(tx: Tx, keyring: Keyring, sequence: Sequence): Promise<SequenceStep> {
  const [horizon] = await tx.execute<Horizon>(sql`
    select pg_snapshot_xmin(s)::text as oldest, pg_snapshot_xmax(s)::text as next from pg_current_snapshot() s`);
  const { oldest, next } = present(horizon, 'a snapshot has bounds');
  const rows = await readUnsequenced(tx, sequence, { oldest, next });
  const frontier = frontierOf(sequence.frontier.size, sequence.frontier.hashes);
  const leaves: NewLeaf[] = [];
  const nodes: NewNode[] = [];
  const altered: AuditRow[] = [];
  for (const row of rows) {
    const { hash, sound } = leafOf(keyring, row);
    leaves.push({ index: frontier.size, logId: row.id, recordedAt: row.recordedAt, hash });
    appendLeaf(frontier, hash, (level, index, node) => nodes.push({ level, index, hash: node }));
    if (!sound) {
      altered.push(row);
    }
  }
  if (leaves.length > 0) {
    await appendToTree(tx, leaves, nodes);
  }
  const advanced = advance(sequence, rows, oldest);
  return {
    sequence: { ...advanced, frontier },
    added: leaves.length,
    altered,
    more: rows.length === BATCH || advanced.phase !== 'steady',
  };
}

/** The leaf of a stored row and whether its MAC fits; a row that cannot even be hashed gets a leaf of its id. */
export function leafOf(keyring: Keyring, row: AuditRow): { readonly hash: Hash; readonly sound: boolean } {
  try {
    const hash = leafHashOfRow(row);
    return { hash, sound: verifyRowMac(keyring.rowMacKey, { rowId: row.id, leafHash: hash }, row.rowMac) };
  } catch {
    // An altered column may be of no form a row can have; that must not stop the sequence.
    return { hash: leafHash(Buffer.from(`unreadable row ${row.id}`, 'utf8')), sound: false };
  }
}

async function readUnsequenced(tx: Tx, sequence: Sequence, horizon: Horizon): Promise<readonly AuditRow[]> {
  if (sequence.phase === 'everything') {
    await tx.execute(sql`set local statement_timeout = 0`);
  }
  return tx
    .select()
    .from(auditLogs)
    .where(
      sql`${within(sequence, horizon)} and not exists (
        select 1 from audit_leaves l where l.log_id = ${auditLogs.id})`,
    )
    .orderBy(auditLogs.txid, auditLogs.id)
    .limit(BATCH);
}

/** A visible row whose transaction id lies in the future was carried over by a logical restore. */
function within(sequence: Sequence, { oldest, next }: Horizon): SQL {
  const old = sql`${auditLogs.txid} < ${oldest}::xid8`;
  const restored = sql`${auditLogs.txid} >= ${next}::xid8`;
  switch (sequence.phase) {
    case 'recent':
      return sql`${auditLogs.txid} >= ${sequence.low}::xid8 and (${old} or ${restored})`;
    case 'everything':
      return sql`(${old} or ${restored})`;
    case 'steady':
      return sql`${auditLogs.txid} >= ${sequence.low}::xid8 and ${old}`;
  }
}

function advance(sequence: Sequence, rows: readonly AuditRow[], oldest: string): Omit<Sequence, 'frontier'> {
  const last = rows.length === BATCH ? rows.at(-1) : undefined;
  const { phase, low, steadyFrom } = sequence;
  switch (phase) {
    case 'recent':
      return last === undefined
        ? { phase: 'everything', low, steadyFrom: oldest }
        : { phase, low: last.txid, steadyFrom };
    case 'everything':
      return rows.length > 0 ? { phase, low, steadyFrom } : { phase: 'steady', low: steadyFrom, steadyFrom };
    case 'steady':
      return { phase, low: last?.txid ?? oldest, steadyFrom };
  }
}
