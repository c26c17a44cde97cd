/**
 * Seals the audit log: sequences its rows and signs a checkpoint of the tree, at most every second,
 * when there is something new. One works, however many nodes run it. It refuses to sign a tree that
 * does not continue the last checkpoint, and says so in the log, to the operator and to /readyz.
 */
import { sql } from 'drizzle-orm';
import { assert, present } from '../../kernel/assert.ts';
import { newId } from '../../kernel/id.ts';
import { type Ctx, type Deps, machineCtx, perDeps } from '../context.ts';
import type { Tx } from '../db/client.ts';
import { type LeaderSession, standForLeader } from '../db/leader.ts';
import { registerProbe } from '../health.ts';
import {
  formatVerifierKey,
  NoteError,
  type NoteSigner,
  noteSigner,
  openCheckpoint,
  signCheckpoint,
  verifierOf,
} from './checkpoint.ts';
import { LOG_EVENTS } from './log-events.ts';
import { claimIdentity, type LogIdentity, readIdentity, verifiersOf } from './log-identity.ts';
import { appendCheckpoint, latestCheckpoint, loadNodes, type StoredCheckpoint } from './log-store.ts';
import { consistencyNodes, consistencyProof, frontierRoot, verifyConsistency } from './merkle.ts';
import { record } from './record.ts';
import { type AlteredRow, beginSequence, type Sequence, sequenceNext } from './sequencer.ts';

const TICK_MS = 200;
const SIGN_EVERY_MS = 1_000;
const SEAL_TIMEOUT_MS = 30_000;
const RECHECK_MS = 15;
const MAX_LAG_SECONDS = 60;
const MAX_NAMED_ROWS = 50;

export type Sealer = {
  /**
   * Covers every row committed before the call by a checkpoint.
   * @shape the tree size of that checkpoint
   * @errors AssertionError when the log is inconsistent or the time is over
   */
  readonly sealNow: () => Promise<number>;
  /** Signs nothing more: somebody outside holds what this log is not. */
  readonly contradict: (fault: string) => void;
  /** Lets one that asks first sign: those outside were asked. */
  readonly release: () => void;
  readonly stop: () => Promise<void>;
  readonly signer: NoteSigner;
  readonly identity: LogIdentity;
};

type Worker = {
  readonly deps: Deps;
  readonly ctx: Ctx;
  readonly session: LeaderSession;
  readonly signer: NoteSigner;
  identity: LogIdentity;
  term: number;
  sequence: Sequence | null;
  /** The largest checkpoint this process has signed or seen: the database cannot make it forget. */
  last: StoredCheckpoint | undefined;
  signedMs: number;
  fault: string | null;
  /** What somebody outside holds against the log; it stays until the sealer starts anew. */
  contradiction: string | null;
  /** Nothing is signed before those outside were asked what they hold. */
  waits: boolean;
  stopped: boolean;
};

/** The sealer was stopped while somebody waited for it: whoever seals next covers their rows. */
export class SealerStopped extends Error {
  override readonly name = 'SealerStopped';
}

const sealers = perDeps((_deps: Deps) => ({ current: undefined as Sealer | undefined }));

/** The sealer of this process; undefined where the worker role does not run. */
export function sealerOf(deps: Deps): Sealer | undefined {
  return sealers(deps).current;
}

/**
 * Starts sealing.
 * @effects `system_marks.audit_log`
 * @shape askFirst: signs nothing until `release`
 * @errors LogIdentityError when the database's log has another name
 */
export async function startSealer(
  deps: Deps,
  log: { readonly origin: string; readonly seed: Uint8Array; readonly askFirst?: boolean },
): Promise<Sealer> {
  const signer = noteSigner(log.origin, log.seed);
  const ctx = machineCtx(deps, { kind: 'system', name: 'sealer' }, newId());
  const identity = await claimIdentity(ctx, log.origin, formatVerifierKey(verifierOf(signer)));
  const worker: Worker = {
    deps,
    ctx,
    session: standForLeader(deps.db.connections.engine, 'sealer'),
    signer,
    identity,
    term: 0,
    sequence: null,
    last: undefined,
    signedMs: 0,
    fault: null,
    contradiction: null,
    waits: log.askFirst === true,
    stopped: false,
  };
  const loop = repeat(worker);
  registerProbe(deps, { name: 'sealer', run: () => lagOf(worker) });
  const sealer: Sealer = {
    signer,
    get identity() {
      return worker.identity;
    },
    sealNow: () => sealNow(worker, loop.poke),
    contradict: (fault) => {
      worker.contradiction = fault;
      worker.fault = fault;
    },
    release: () => {
      worker.waits = false;
    },
    stop: async () => {
      sealers(deps).current = undefined;
      worker.stopped = true;
      await loop.stop();
      await worker.session.close();
    },
  };
  sealers(deps).current = sealer;
  return sealer;
}

/** Runs rounds one after the other; a poke asks for a round, and a signature, at once. */
function repeat(worker: Worker): { readonly poke: () => void; readonly stop: () => Promise<void> } {
  let stopped = false;
  let urgent = false;
  let wake: () => void = () => {};
  const run = async (): Promise<void> => {
    while (!stopped) {
      const signNow = urgent;
      urgent = false;
      const more = await round(worker, signNow).catch((failure: unknown) => {
        worker.sequence = null;
        worker.deps.log.error(
          { failure: failure instanceof Error ? failure.name : 'unknown' },
          'sealing failed',
        );
        return false;
      });
      if (!more && !urgent && !stopped) {
        await Promise.race([Bun.sleep(TICK_MS), new Promise<void>((resolve) => (wake = resolve))]);
      }
    }
  };
  const running = run();
  return {
    poke: () => {
      urgent = true;
      wake();
    },
    stop: async () => {
      stopped = true;
      wake();
      await running;
    },
  };
}

/** One batch and perhaps one signature. @shape whether there may be more rows at once */
async function round(worker: Worker, signNow: boolean): Promise<boolean> {
  const { deps, session } = worker;
  const more = await session.run(async (tx, term) => {
    if (worker.term !== term || worker.sequence === null) {
      worker.term = term;
      worker.sequence = await beginSequence(tx);
      // Whoever led before may have signed with a key that was not there when this process started.
      worker.identity = (await readIdentity(tx)) ?? worker.identity;
    }
    const step = await sequenceNext(tx, deps.keyring, worker.sequence);
    if (step.altered.length > 0) {
      await tellAltered(tx, worker, step.altered);
    }
    return step;
  });
  if (more === undefined) {
    worker.sequence = null;
    return false;
  }
  worker.sequence = more.sequence;
  // A clock that was set back keeps nothing from being signed.
  if (signNow || Math.abs(deps.clock.realMs() - worker.signedMs) >= SIGN_EVERY_MS) {
    await session.run(async (tx, term) => {
      if (term === worker.term) {
        await signTree(tx, worker, more.sequence);
      }
    });
  }
  return more.more;
}

/** @effects perhaps one row of `audit_checkpoints`; audit `audit_log.inconsistent` */
async function signTree(tx: Tx, worker: Worker, { frontier }: Sequence): Promise<void> {
  const { deps, signer } = worker;
  if (worker.contradiction !== null || worker.waits || !(await maySign(tx, signer))) {
    return;
  }
  const stored = await latestCheckpoint(tx);
  const last = stored !== undefined && stored.size >= (worker.last?.size ?? 0) ? stored : worker.last;
  if (
    last !== undefined &&
    last.size === frontier.size &&
    last === stored &&
    worker.last?.note === last.note
  ) {
    return;
  }
  const root = frontierRoot(frontier);
  const fault = await faultOf(tx, worker, stored, last, frontier.size, root);
  if (fault !== null) {
    await refuseToSign(tx, worker, fault, frontier.size, last?.size ?? 0);
    return;
  }
  worker.fault = null;
  worker.last = last;
  if (frontier.size > (last?.size ?? 0)) {
    const note = signCheckpoint({ origin: signer.name, size: frontier.size, root }, signer);
    const checkpoint = { size: frontier.size, root, note, signedAt: deps.clock.realNow() };
    await appendCheckpoint(tx, checkpoint);
    worker.last = checkpoint;
    worker.signedMs = deps.clock.realMs();
  }
}

/** In a recovery nothing is signed until two people said under which name, and then under no other. */
async function maySign(tx: Tx, signer: NoteSigner): Promise<boolean> {
  const [row] = await tx.execute<{ may: boolean }>(sql`
    select coalesce((select value ->> 'origin' from system_marks where name = 'audit_log'), ${signer.name}) = ${signer.name}
      and not exists (select from recoveries where ended_at is null and log_settled_at is null) as may`);
  return row?.may === true;
}

/** Why the tree may not be signed as a continuation of the last checkpoint; null when it may. */
async function faultOf(
  tx: Tx,
  worker: Worker,
  stored: StoredCheckpoint | undefined,
  last: StoredCheckpoint | undefined,
  size: number,
  root: Uint8Array,
): Promise<string | null> {
  if (last === undefined) {
    return null;
  }
  if (last !== stored) {
    return 'a checkpoint that was signed is gone from the database';
  }
  const known = openOrNull(last.note, worker.identity);
  if (known === null || known.size !== last.size) {
    return 'the last checkpoint does not verify under the keys of the log';
  }
  if (size < known.size) {
    return 'the log is shorter than its last checkpoint';
  }
  const read = await loadNodes(tx, consistencyNodes(known.size, size));
  return verifyConsistency(known.size, size, known.root, root, consistencyProof(known.size, size, read))
    ? null
    : 'the tree does not begin with the tree of the last checkpoint';
}

function openOrNull(note: string, identity: LogIdentity) {
  try {
    return openCheckpoint(note, verifiersOf(identity));
  } catch (error) {
    if (error instanceof NoteError) {
      return null;
    }
    throw error;
  }
}

async function refuseToSign(
  tx: Tx,
  worker: Worker,
  fault: string,
  size: number,
  checkpointSize: number,
): Promise<void> {
  if (worker.fault === fault) {
    return;
  }
  worker.fault = fault;
  worker.deps.log.error({ failure: fault }, 'the audit log is inconsistent, nothing is signed');
  await record(tx, worker.ctx, {
    event: LOG_EVENTS['audit_log.inconsistent'],
    resource: { type: 'audit_log', id: worker.identity.origin },
    subjectUserId: null,
    after: { fault, treeSize: size, checkpointSize },
  });
}

async function tellAltered(tx: Tx, worker: Worker, altered: readonly AlteredRow[]): Promise<void> {
  worker.deps.log.error({ count: altered.length }, 'audit rows were altered before they were sealed');
  await record(tx, worker.ctx, {
    event: LOG_EVENTS['audit_row.altered'],
    resource: { type: 'audit_log', id: present(altered[0], 'a row was altered').id },
    subjectUserId: null,
    after: {
      rows: altered.slice(0, MAX_NAMED_ROWS).map((row) => row.id),
      leaves: altered.slice(0, MAX_NAMED_ROWS).map((row) => row.leaf),
      count: altered.length,
    },
  });
}

/**
 * Asks the database, so that it also holds where another node seals. What was found on the way is covered too.
 * @errors SealerStopped; AssertionError where nothing is signed in time
 */
async function sealNow(worker: Worker, poke: () => void): Promise<number> {
  const { deps } = worker;
  const { engine } = deps.db;
  const low = await lastSequencedTxid(deps);
  const [barrier] = await engine.execute<{ next: string }>(
    sql`select pg_snapshot_xmax(pg_current_snapshot())::text as next`,
  );
  const { next } = present(barrier, 'a snapshot has bounds');
  const deadlineMs = deps.clock.realMs() + SEAL_TIMEOUT_MS;
  for (;;) {
    poke();
    const [state] = await engine.execute<{ covered: boolean; size: string }>(sql`
      select pg_snapshot_xmin(pg_current_snapshot()) >= ${next}::xid8
        and not exists (
          select 1 from audit_logs a where a.txid >= ${low}::xid8
            and (a.txid < ${next}::xid8 or a.event_type = 'audit_row.altered')
            and not exists (select 1 from audit_leaves l where l.log_id = a.id))
        and coalesce((select max(tree_size) from audit_checkpoints), 0)
          = coalesce((select max(leaf_index) + 1 from audit_leaves), 0) as covered,
        coalesce((select max(tree_size) from audit_checkpoints), 0)::text as size`);
    if (state?.covered === true) {
      return Number.parseInt(state.size, 10);
    }
    if (worker.stopped) {
      throw new SealerStopped('the sealer was stopped');
    }
    assert(worker.fault === null, 'the log is consistent, so that it can be signed');
    assert(deps.clock.realMs() < deadlineMs, 'the log is sealed within its time');
    await Bun.sleep(RECHECK_MS);
  }
}

async function lagOf(worker: Worker): Promise<string | null> {
  if (worker.fault !== null) {
    return worker.fault;
  }
  const [row] = await worker.deps.db.engine.execute<{ seconds: number }>(sql`
    select coalesce(extract(epoch from clock_timestamp() - min(a.recorded_at)), 0)::int as seconds
    from audit_logs a
    where a.txid >= ${await lastSequencedTxid(worker.deps)}::xid8
      and not exists (select 1 from audit_leaves l where l.log_id = a.id)`);
  const seconds = row?.seconds ?? 0;
  return seconds > MAX_LAG_SECONDS ? `audit rows wait ${seconds} s to be sealed` : null;
}

/**
 * Rows not yet sequenced are of this transaction or later ones. Where a logical restore left a last
 * leaf with an id of the future, all rows are looked at.
 */
async function lastSequencedTxid(deps: Deps): Promise<string> {
  const [row] = await deps.db.engine.execute<{ txid: string }>(sql`
    select a.txid::text as txid from audit_leaves l
    join audit_logs a on a.recorded_at = l.recorded_at and a.id = l.log_id
    where l.leaf_index = (select max(leaf_index) from audit_leaves)
      and a.txid < pg_snapshot_xmax(pg_current_snapshot())`);
  return row?.txid ?? '0';
}
