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
import { type Instant, readStoredInstant } from '../../kernel/time.ts';
import type { Keyring } from '../crypto/keyring.ts';
import type { Tx } from '../db/client.ts';
import { executePrepared } from '../db/prepared.ts';
import { appendToTree, loadFrontier, type NewLeaf, type NewNode, treeSize } from './log-store.ts';
import { appendLeaf, type Frontier, frontierOf, type Hash, leafHash } from './merkle.ts';
import { type LeafSource, leafHashOfRow } from './row.ts';
import { verifyRowMac } from './row-mac.ts';

/** Large enough that a backlog is worked off by few commits and round trips. @units rows */
const BATCH = 2_000;
/** After so many the requests of the same process have their turn. @units rows */
const BREATH = 250;

/** Where the sequencer stands within one term of leadership. */
export type Sequence = {
  readonly frontier: Frontier;
  readonly phase: 'recent' | 'everything' | 'steady';
  /** Rows of transactions before this one are sequenced, as far as the phase has looked. @units xid8 */
  readonly low: string;
  /** Of the transaction `low`, rows up to this id have been looked at too; null for none. */
  readonly lowId: string | null;
  /** Where `steady` will begin. @units xid8 */
  readonly steadyFrom: string;
  /** From this transaction on no row can have its leaf yet; null where that is not known. @units xid8 */
  readonly freshFrom: string | null;
};

export type AlteredRow = { readonly id: string; readonly leaf: number };

export type SequenceStep = {
  readonly sequence: Sequence;
  readonly added: number;
  /** Rows whose MAC did not fit, with the leaf each became. */
  readonly altered: readonly AlteredRow[];
  /** Whether there may be more to do at once. */
  readonly more: boolean;
};

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
    lowId: null,
    steadyFrom: '0',
    freshFrom: null,
  };
}

/**
 * Sequences the next batch. On a rollback the caller drops the sequence and begins again.
 * @effects rows of `audit_leaves` and `audit_nodes`
 */
export async function sequenceNext(tx: Tx, keyring: Keyring, sequence: Sequence): Promise<SequenceStep> {
  // A plan is kept, and the tables were empty when it was made: steady rounds are look-ups, whatever it seemed then.
  // Kept for any values: planned anew over all months, each round would take longer to plan than to run.
  const scans = sequence.phase === 'everything' ? 'on' : 'off';
  const [horizon] = await executePrepared<{ oldest: string }>(
    tx,
    sql`select pg_snapshot_xmin(pg_current_snapshot())::text as oldest,
      set_config('enable_seqscan', ${scans}::text, true) as scans,
      set_config('plan_cache_mode', 'force_generic_plan', true) as plans`,
  );
  const { oldest } = present(horizon, 'a snapshot has bounds');
  const seen = await readNext(tx, sequence, oldest);
  const frontier = frontierOf(sequence.frontier.size, sequence.frontier.hashes);
  const leaves: NewLeaf[] = [];
  const nodes: NewNode[] = [];
  const altered: AlteredRow[] = [];
  for (const [place, { known, ...columns }] of seen.entries()) {
    if (known) {
      continue;
    }
    if (place % BREATH === BREATH - 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    const row = sourceOf(columns);
    const { hash, sound } = leafOf(keyring, row);
    if (!sound) {
      altered.push({ id: row.id, leaf: frontier.size });
    }
    leaves.push({ index: frontier.size, logId: row.id, recordedAt: row.recordedAt, hash });
    appendLeaf(frontier, hash, (level, index, node) => nodes.push({ level, index, hash: node }));
  }
  if (leaves.length > 0) {
    await appendToTree(tx, leaves, nodes);
  }
  const advanced = advance(sequence, seen, oldest);
  const settles = sequence.phase === 'everything' && advanced.phase === 'steady';
  const freshFrom = settles ? await firstFresh(tx, oldest) : sequence.freshFrom;
  return {
    sequence: { ...advanced, frontier, freshFrom },
    added: leaves.length,
    altered,
    more: seen.length === BATCH || advanced.phase !== 'steady',
  };
}

/** The leaf of a stored row and whether its MAC fits; a row that cannot even be hashed gets a leaf of its id. */
export function leafOf(keyring: Keyring, row: LeafSource): { readonly hash: Hash; readonly sound: boolean } {
  try {
    const hash = leafHashOfRow(row);
    return { hash, sound: verifyRowMac(keyring.rowMacKey, { rowId: row.id, leafHash: hash }, row.rowMac) };
  } catch {
    // An altered column may be of no form a row can have; that must not stop the sequence.
    return { hash: leafHash(Buffer.from(`unreadable row ${row.id}`, 'utf8')), sound: false };
  }
}

/** The columns a leaf is made of, as the driver gives them. */
type SeenRow = Omit<LeafSource, 'recordedAt'> & {
  readonly recordedAt: string;
  readonly txid: string;
  readonly known: boolean;
};

function sourceOf(row: Omit<SeenRow, 'known'>): LeafSource {
  try {
    return { ...row, recordedAt: readStoredInstant(row.recordedAt) };
  } catch {
    // An altered time may be no instant; such a row gets its place all the same, and its code does not fit.
    return { ...row, recordedAt: row.recordedAt as Instant };
  }
}

/**
 * The next rows in the order of their transactions. Steady rounds walk the index, and ask of a row whether it has its
 * leaf only while it may; only the look at everything compares the whole log.
 */
async function readNext(tx: Tx, sequence: Sequence, oldest: string): Promise<readonly SeenRow[]> {
  const rows = within(sequence, oldest);
  if (sequence.phase !== 'everything') {
    return executePrepared<SeenRow>(
      tx,
      // Inside, so that only the rows of this batch are looked up among the leaves.
      sql`select ${COLUMNS}, ${isFresh(sequence) ? UNKNOWN : KNOWN}
        from (select a.* from audit_logs a where ${rows} order by a.txid, a.id limit ${LIMIT}) a
        order by a.txid, a.id`,
    );
  }
  await tx.execute(sql`set local statement_timeout = 0`);
  // Of the whole log only the keys are compared and sorted.
  return executePrepared<SeenRow>(
    tx,
    sql`
    with next as materialized (
      select a.recorded_at, a.id, a.txid from audit_logs a
      where ${rows} and not exists (select 1 from audit_leaves l where l.log_id = a.id)
      order by a.txid, a.id limit ${LIMIT}
    )
    select ${COLUMNS}, ${KNOWN}
    from next n join audit_logs a on a.recorded_at = n.recorded_at and a.id = n.id
    order by n.txid, n.id`,
  );
}

const LIMIT = sql.raw(String(BATCH));

const COLUMNS = sql.raw(`a.id::text as id, a.txid::text as txid, a.recorded_at as "recordedAt",
  a.actor_id as "actorId", a.actor_kind as "actorKind", a.actor_user_id as "actorUserId",
  a.subject_user_id as "subjectUserId", a.event_type as "eventType", a.category, a.severity, a.class,
  a.resource_type as "resourceType", a.resource_id as "resourceId", a.description, a.before, a.after, a.outcome,
  a.request_id as "requestId", a.salt, a.personal_hash as "personalHash", a.row_mac as "rowMac"`);

const KNOWN = sql.raw('(select l.log_id from audit_leaves l where l.log_id = a.id) is not null as known');
const UNKNOWN = sql.raw('false as known');

/**
 * Whether no row from here on can have its leaf: a look-up a row that would find nothing is a fifth of reading it. Were
 * it wrong, the second leaf would be refused as a duplicate, and the next term begins with the look at everything.
 */
function isFresh({ freshFrom, low }: Sequence): boolean {
  return freshFrom !== null && BigInt(low) >= BigInt(freshFrom);
}

/**
 * Where the rows begin that nobody has looked at: `oldest` bounds what the look at everything saw, but rows that a logical
 * restore carried over have their leaves and may bear ids beyond.
 */
async function firstFresh(tx: Tx, oldest: string): Promise<string> {
  const [last] = await executePrepared<{ txid: string }>(
    tx,
    sql`select a.txid::text as txid from audit_logs a order by a.txid desc limit 1`,
  );
  const beyond = last === undefined ? 0n : BigInt(last.txid) + 1n;
  return beyond > BigInt(oldest) ? String(beyond) : oldest;
}

/**
 * A visible row whose transaction id lies in the future was carried over by a logical restore. The future begins
 * where the snapshot of this very statement ends: seen from an earlier one, what was committed since would be of it.
 */
function within(sequence: Sequence, oldest: string): SQL {
  const old = sql`a.txid < ${oldest}::xid8`;
  const restored = sql`a.txid >= pg_snapshot_xmax(pg_current_snapshot())`;
  const { low, lowId } = sequence;
  const begun = sql`a.txid >= ${low}::xid8 and (a.txid > ${low}::xid8 or ${lowId}::uuid is null or a.id > ${lowId}::uuid)`;
  switch (sequence.phase) {
    case 'recent':
      return sql`${begun} and (${old} or ${restored})`;
    case 'everything':
      return sql`(${old} or ${restored})`;
    case 'steady':
      return sql`${begun} and ${old}`;
  }
}

type Advanced = Omit<Sequence, 'frontier' | 'freshFrom'>;

function advance(sequence: Sequence, seen: readonly SeenRow[], oldest: string): Advanced {
  const last = seen.length === BATCH ? seen.at(-1) : undefined;
  const { phase, low, lowId, steadyFrom } = sequence;
  switch (phase) {
    case 'recent':
      return last === undefined
        ? { phase: 'everything', low, lowId, steadyFrom: oldest }
        : { phase, low: last.txid, lowId: last.id, steadyFrom };
    case 'everything':
      return seen.length > 0
        ? { phase, low, lowId, steadyFrom }
        : { phase: 'steady', low: steadyFrom, lowId: null, steadyFrom };
    case 'steady':
      return last === undefined
        ? { phase, low: oldest, lowId: null, steadyFrom }
        : { phase, low: last.txid, lowId: last.id, steadyFrom };
  }
}
