/**
 * The rounds of the sealer: they sequence new rows and sign a checkpoint of the tree, at most every second, when there
 * is something new. They refuse to sign a tree that does not continue the last checkpoint. They need a connection and
 * keys and nothing else of their process, so that a thread of its own can run them (sealer-thread.ts).
 */
import { sql } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Clock } from '../../kernel/time.ts';
import type { Keyring } from '../crypto/keyring.ts';
import type { Connection, Tx } from '../db/client.ts';
import { type LeaderSession, standForLeader } from '../db/leader.ts';
import { NoteError, type NoteSigner, openCheckpoint, signCheckpoint } from './checkpoint.ts';
import { LOG_EVENTS } from './log-events.ts';
import { type LogIdentity, readIdentity, verifiersOf } from './log-identity.ts';
import { appendCheckpoint, latestCheckpoint, loadNodes, type StoredCheckpoint } from './log-store.ts';
import { consistencyNodes, consistencyProof, frontierRoot, verifyConsistency } from './merkle.ts';
import { recordFinding } from './record.ts';
import { type AlteredRow, beginSequence, type Sequence, sequenceNext } from './sequencer.ts';

/** Seldom enough that a busy server pays for few commits; what is asked for at once is sealed at once. */
const TICK_MS = 500;
const SIGN_EVERY_MS = 1_000;
const MAX_NAMED_ROWS = 50;

/** What the process they run in gives them. */
export type RoundParts = {
  readonly connection: Connection;
  readonly clock: Clock;
  readonly keyring: Keyring;
  readonly signer: NoteSigner;
  readonly identity: LogIdentity;
  /** Signs nothing until `release`. */
  readonly askFirst: boolean;
  /** Told at each change. */
  readonly tell: (state: RoundState) => void;
  readonly complain: (message: string, fields: Readonly<Record<string, string | number>>) => void;
};

export type RoundState = { readonly identity: LogIdentity; readonly fault: string | null };

export type Rounds = {
  /** Asks for a round, and a signature, at once. */
  readonly poke: () => void;
  /** Signs nothing more: somebody outside holds what this log is not. */
  readonly contradict: (fault: string) => void;
  /** Lets one that asks first sign: those outside were asked. */
  readonly release: () => void;
  readonly stop: () => Promise<void>;
};

type Worker = {
  readonly parts: RoundParts;
  readonly session: LeaderSession;
  identity: LogIdentity;
  term: number;
  sequence: Sequence | null;
  /** The largest checkpoint that these rounds have signed or seen: the database cannot make them forget. */
  last: StoredCheckpoint | undefined;
  signedMs: number;
  fault: string | null;
  /** What somebody outside holds against the log; it stays until the sealer starts anew. */
  contradiction: string | null;
  /** Nothing is signed before those outside were asked what they hold. */
  waits: boolean;
  told: RoundState;
};

/** Starts them; one works, however many nodes run it. */
export function startRounds(parts: RoundParts): Rounds {
  const worker: Worker = {
    parts,
    session: standForLeader(parts.connection, 'sealer'),
    identity: parts.identity,
    term: 0,
    sequence: null,
    last: undefined,
    signedMs: 0,
    fault: null,
    contradiction: null,
    waits: parts.askFirst,
    told: { identity: parts.identity, fault: null },
  };
  const loop = repeat(worker);
  return {
    poke: loop.poke,
    contradict: (fault) => {
      worker.contradiction = fault;
      tellChange(worker);
    },
    release: () => {
      worker.waits = false;
    },
    stop: async () => {
      await loop.stop();
      await worker.session.close();
    },
  };
}

function tellChange(worker: Worker): void {
  const { identity, told } = worker;
  // A round that was under way when somebody contradicted the log ends as if nobody had.
  const fault = worker.contradiction ?? worker.fault;
  if (identity !== told.identity || fault !== told.fault) {
    worker.told = { identity, fault };
    worker.parts.tell(worker.told);
  }
}

/** Runs rounds one after the other. */
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
        worker.parts.complain('sealing failed', {
          failure: failure instanceof Error ? failure.name : 'unknown',
        });
        return false;
      });
      tellChange(worker);
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
  const { parts, session } = worker;
  const more = await session.run(async (tx, term) => {
    if (worker.term !== term || worker.sequence === null) {
      worker.term = term;
      worker.sequence = await beginSequence(tx);
      // Whoever led before may have signed with a key that was not there when this process started.
      worker.identity = (await readIdentity(tx)) ?? worker.identity;
    }
    const step = await sequenceNext(tx, parts.keyring, worker.sequence);
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
  if (signNow || Math.abs(parts.clock.realMs() - worker.signedMs) >= SIGN_EVERY_MS) {
    const signed = await session.run((tx, term) =>
      term === worker.term ? signTree(tx, worker, more.sequence) : Promise.resolve(null),
    );
    // Only once it is durable: what was lost with its transaction nobody has seen, and it may be signed anew.
    if (signed !== undefined && signed !== null) {
      worker.last = signed;
      worker.signedMs = parts.clock.realMs();
    }
  }
  return more.more;
}

/**
 * @effects perhaps one row of `audit_checkpoints`; audit `audit_log.inconsistent`
 * @shape what was signed, if anything was
 */
async function signTree(tx: Tx, worker: Worker, { frontier }: Sequence): Promise<StoredCheckpoint | null> {
  const { clock, signer } = worker.parts;
  if (worker.contradiction !== null || worker.waits || !(await maySign(tx, signer))) {
    return null;
  }
  const stored = await latestCheckpoint(tx);
  const last = stored !== undefined && stored.size >= (worker.last?.size ?? 0) ? stored : worker.last;
  if (
    last !== undefined &&
    last.size === frontier.size &&
    last === stored &&
    worker.last?.note === last.note
  ) {
    return null;
  }
  const root = frontierRoot(frontier);
  const fault = await faultOf(tx, worker, stored, last, frontier.size, root);
  if (fault !== null) {
    await refuseToSign(tx, worker, fault, frontier.size, last?.size ?? 0);
    return null;
  }
  worker.fault = null;
  worker.last = last;
  if (frontier.size <= (last?.size ?? 0)) {
    return null;
  }
  const note = signCheckpoint({ origin: signer.name, size: frontier.size, root }, signer);
  const checkpoint = { size: frontier.size, root, note, signedAt: clock.realNow() };
  await appendCheckpoint(tx, checkpoint);
  return checkpoint;
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
  worker.parts.complain('the audit log is inconsistent, nothing is signed', { failure: fault });
  await recordFinding(
    tx,
    { ...worker.parts, machine: 'sealer' },
    {
      event: LOG_EVENTS['audit_log.inconsistent'],
      resource: { type: 'audit_log', id: worker.identity.origin },
      after: { fault, treeSize: size, checkpointSize },
    },
  );
}

async function tellAltered(tx: Tx, worker: Worker, altered: readonly AlteredRow[]): Promise<void> {
  worker.parts.complain('audit rows were altered before they were sealed', { count: altered.length });
  await recordFinding(
    tx,
    { ...worker.parts, machine: 'sealer' },
    {
      event: LOG_EVENTS['audit_row.altered'],
      resource: { type: 'audit_log', id: present(altered[0], 'a row was altered').id },
      after: {
        rows: altered.slice(0, MAX_NAMED_ROWS).map((row) => row.id),
        leaves: altered.slice(0, MAX_NAMED_ROWS).map((row) => row.leaf),
        count: altered.length,
      },
    },
  );
}
