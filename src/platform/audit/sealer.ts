/**
 * Seals the audit log: sequences its rows and signs a checkpoint of the tree, at most every second,
 * when there is something new. One works, however many nodes run it. It refuses to sign a tree that
 * does not continue the last checkpoint, and says so in the log, to the operator and to /readyz.
 * The work itself is done by its rounds (sealing-rounds.ts), in a thread of their own where the server runs.
 */
import { sql } from 'drizzle-orm';
import { assert, present } from '../../kernel/assert.ts';
import { newId } from '../../kernel/id.ts';
import { type Deps, machineCtx, perDeps } from '../context.ts';
import { registerProbe } from '../health.ts';
import { formatVerifierKey, type NoteSigner, noteSigner, verifierOf } from './checkpoint.ts';
import { claimIdentity, type LogIdentity } from './log-identity.ts';
import { startRoundsApart } from './sealer-thread.ts';
import { type RoundParts, type RoundState, type Rounds, startRounds } from './sealing-rounds.ts';

const SEAL_TIMEOUT_MS = 30_000;
const RECHECK_MS = 15;
const MAX_LAG_SECONDS = 60;

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
  readonly rounds: Rounds;
  state: RoundState;
  /** What somebody outside holds against the log; it stays until the sealer starts anew. */
  contradiction: string | null;
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

export type SealerChoice = {
  readonly origin: string;
  readonly seed: Uint8Array;
  /** Signs nothing until `release`. */
  readonly askFirst?: boolean;
  /** Whether the rounds have a thread of their own, which takes them off the one that answers requests. */
  readonly apart?: boolean;
};

/**
 * Starts sealing.
 * @effects `system_marks.audit_log`
 * @errors LogIdentityError when the database's log has another name
 */
export async function startSealer(deps: Deps, choice: SealerChoice): Promise<Sealer> {
  const { origin, seed, askFirst = false, apart = false } = choice;
  const signer = noteSigner(origin, seed);
  const ctx = machineCtx(deps, { kind: 'system', name: 'sealer' }, newId());
  const identity = await claimIdentity(ctx, origin, formatVerifierKey(verifierOf(signer)));
  const parts: RoundParts = {
    connection: deps.db.connections.engine,
    clock: deps.clock,
    keyring: deps.keyring,
    signer,
    identity,
    askFirst,
    tell: (state) => {
      worker.state = { ...state, fault: worker.contradiction ?? state.fault };
    },
    complain: (message, fields) => deps.log.error(fields, message),
  };
  const worker: Worker = {
    deps,
    rounds: apart ? startRoundsApart(parts, seed) : startRounds(parts),
    state: { identity, fault: null },
    contradiction: null,
    stopped: false,
  };
  registerProbe(deps, { name: 'sealer', run: () => lagOf(worker) });
  const sealer: Sealer = {
    signer,
    get identity() {
      return worker.state.identity;
    },
    sealNow: () => sealNow(worker),
    contradict: (fault) => {
      worker.contradiction = fault;
      worker.state = { ...worker.state, fault };
      worker.rounds.contradict(fault);
    },
    release: () => worker.rounds.release(),
    stop: async () => {
      sealers(deps).current = undefined;
      worker.stopped = true;
      await worker.rounds.stop();
    },
  };
  sealers(deps).current = sealer;
  return sealer;
}

/**
 * Asks the database, so that it also holds where another node seals. What was found on the way is covered too.
 * @errors SealerStopped; AssertionError where nothing is signed in time
 */
async function sealNow(worker: Worker): Promise<number> {
  const { deps, rounds } = worker;
  const { engine } = deps.db;
  const low = await lastSequencedTxid(deps);
  const [barrier] = await engine.execute<{ next: string }>(
    sql`select pg_snapshot_xmax(pg_current_snapshot())::text as next`,
  );
  const { next } = present(barrier, 'a snapshot has bounds');
  const deadlineMs = deps.clock.realMs() + SEAL_TIMEOUT_MS;
  for (;;) {
    rounds.poke();
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
    assert(worker.state.fault === null, 'the log is consistent, so that it can be signed');
    assert(deps.clock.realMs() < deadlineMs, 'the log is sealed within its time');
    await Bun.sleep(RECHECK_MS);
  }
}

async function lagOf(worker: Worker): Promise<string | null> {
  if (worker.state.fault !== null) {
    return worker.state.fault;
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
