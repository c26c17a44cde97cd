/**
 * Takes the log's checkpoints to those outside: witnesses that cosign them, an anchor on another host. Nobody
 * who is away stops the log. Whoever saw a longer or another log does: nothing more is signed, an alarm is
 * raised and the node is not ready, until two people decide (a new name for the log after a restore).
 */
import { and, desc, eq } from 'drizzle-orm';
import { newId } from '../../kernel/id.ts';
import { instantOfMs } from '../../kernel/time.ts';
import { raiseAlarm } from '../alarms/raise-alarm.ts';
import { type Deps, machineCtx } from '../context.ts';
import { transact } from '../db/transact.ts';
import { beginRecovery } from '../recovery/mode.ts';
import type { AnchorStore } from './anchor.ts';
import { type Checkpoint, NoteError, openCheckpoint, parseCheckpoint, parseNote } from './checkpoint.ts';
import { LOG_EVENTS } from './log-events.ts';
import { verifiersOf } from './log-identity.ts';
import { latestCheckpoint, loadNodes, type StoredCheckpoint } from './log-store.ts';
import { consistencyNodes, consistencyProof, verifyConsistency } from './merkle.ts';
import { auditAnchors, auditCosignatures } from './schema.ts';
import type { Sealer } from './sealer.ts';
import { askWitness, type WitnessEndpoint } from './witness.ts';

const EVERY_MS = 60_000;

export type Outside = { readonly witnesses: readonly WitnessEndpoint[]; readonly anchor: AnchorStore | null };

export type OutsideRecord = {
  /** Takes the latest checkpoint outside once, now. */
  readonly tell: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

/** What somebody outside holds against the log. */
type Fault = {
  readonly text: string;
  /** Of the larger tree that is proven to have been signed; nobody's word for it will do. */
  readonly provenSize?: number;
};

/**
 * Starts telling, where a sealer runs, and lets it sign once everybody was asked. A checkpoint of ours that is
 * larger than what the database has proves that it went back: then nothing moves until people decided.
 * @effects rows of `audit_cosignatures` and `audit_anchors`; perhaps an open recovery
 */
export function startOutsideRecord(deps: Deps, sealer: Sealer, outside: Outside): OutsideRecord {
  const told = new Set<string>();
  const tell = async (): Promise<void> => {
    const faults = await askEverybody(deps, sealer, outside);
    for (const { text } of faults) {
      sealer.contradict(text);
    }
    for (const { text, provenSize } of faults) {
      if (provenSize !== undefined) {
        await beginRecovery(machine(deps), { cause: 'log_behind', foreignSize: provenSize });
      }
      if (!told.has(text)) {
        await alarm(deps, sealer, text);
        told.add(text);
      }
    }
  };
  const safely = () =>
    tell().catch((failure: unknown) =>
      deps.log.warn({ failure: nameOf(failure) }, 'a checkpoint could not be taken outside'),
    );
  let running = safely().then(sealer.release);
  const timer = setInterval(() => {
    running = running.then(safely);
  }, EVERY_MS);
  return {
    tell: async () => {
      await running;
      await tell();
    },
    stop: async () => {
      clearInterval(timer);
      await running;
    },
  };
}

/** One that fails keeps nothing from being heard that another says. */
async function askEverybody(deps: Deps, sealer: Sealer, outside: Outside): Promise<readonly Fault[]> {
  const { witnesses, anchor } = outside;
  const head = await transact(machine(deps), 'engine', latestCheckpoint);
  const heard = (name: string, asked: Promise<Fault | null>): Promise<Fault | null> =>
    asked.catch((failure: unknown) => {
      deps.log.warn({ object: name, failure: nameOf(failure) }, 'a checkpoint could not be taken outside');
      return null;
    });
  const faults = await Promise.all([
    ...(head === undefined
      ? []
      : witnesses.map((endpoint) => heard(endpoint.witness.name, tellWitness(deps, endpoint, head)))),
    ...(anchor === null ? [] : [heard(anchor.name, tellAnchor(deps, sealer, anchor, head))]),
  ]);
  return faults.filter((found) => found !== null);
}

/** @shape why the log is contradicted; null when it is not */
async function tellWitness(
  deps: Deps,
  endpoint: WitnessEndpoint,
  head: StoredCheckpoint,
): Promise<Fault | null> {
  const { name, keyId } = endpoint.witness;
  const [last] = await deps.db.engine
    .select({ size: auditCosignatures.treeSize })
    .from(auditCosignatures)
    .where(and(eq(auditCosignatures.witness, name), eq(auditCosignatures.keyId, keyId)))
    .orderBy(desc(auditCosignatures.treeSize))
    .limit(1);
  const oldSize = Number.parseInt(String(last?.size ?? 0), 10);
  const answer = await askWitness(endpoint, {
    note: head.note,
    oldSize: Math.min(oldSize, head.size),
    prove: (from) => proofOf(deps, from, head.size),
  });
  switch (answer.kind) {
    case 'contradicted':
      return answer.heldSize !== undefined && (await hasSigned(deps, answer.heldSize))
        ? null
        : { text: answer.fault };
    case 'away':
      deps.log.warn({ object: name, failure: answer.reason }, 'a witness did not cosign');
      return null;
    case 'cosigned':
      await deps.db.engine
        .insert(auditCosignatures)
        .values({
          treeSize: BigInt(head.size),
          witness: name,
          keyId,
          line: answer.line,
          cosignedAt: instantOfMs(answer.seconds * 1_000),
        })
        .onConflictDoNothing();
      return null;
  }
}

async function tellAnchor(
  deps: Deps,
  sealer: Sealer,
  anchor: AnchorStore,
  head: StoredCheckpoint | undefined,
): Promise<Fault | null> {
  const note = await anchor.latest();
  const kept = note === null ? null : keptOf(deps, sealer, note);
  if (kept !== null && 'text' in kept) {
    return kept;
  }
  if (kept !== null && kept.size > (head?.size ?? 0)) {
    const text = `the log is behind its anchor, which holds ${kept.size} rows`;
    return (await hasSigned(deps, kept.size)) ? null : { text, provenSize: kept.size };
  }
  if (head === undefined) {
    return null;
  }
  if (kept !== null) {
    const proof = await proofOf(deps, kept.size, head.size);
    if (!verifyConsistency(kept.size, head.size, kept.root, head.root, proof)) {
      return { text: `the anchor holds another log of ${kept.size} rows` };
    }
  }
  await anchor.put(head.size, head.note);
  await deps.db.engine
    .insert(auditAnchors)
    .values({ treeSize: BigInt(head.size), target: anchor.name, anchoredAt: deps.clock.realNow() })
    .onConflictDoNothing();
  return null;
}

/** What the anchor holds of the log under its name; what is of a name it gave up, or no checkpoint, is nothing. */
function keptOf(deps: Deps, sealer: Sealer, note: string): Checkpoint | Fault | null {
  const { identity } = sealer;
  try {
    const claimed = parseCheckpoint(parseNote(note).text);
    if (claimed.origin !== identity.origin) {
      return null;
    }
    return openCheckpoint(note, verifiersOf(identity));
  } catch (error) {
    if (error instanceof NoteError && error.code.startsWith('signature')) {
      return { text: 'the anchor holds a log of this name that another key signed' };
    }
    if (error instanceof NoteError) {
      deps.log.warn({ failure: error.code }, 'what lies in the anchor is no checkpoint of this log');
      return null;
    }
    throw error;
  }
}

/** Another node may have signed and told more since the head was read: then nothing is contradicted. */
async function hasSigned(deps: Deps, size: number): Promise<boolean> {
  const head = await transact(machine(deps), 'engine', latestCheckpoint);
  return head !== undefined && head.size >= size;
}

function proofOf(deps: Deps, from: number, size: number) {
  return transact(machine(deps), 'engine', async (tx) =>
    consistencyProof(from, size, await loadNodes(tx, consistencyNodes(from, size))),
  );
}

function alarm(deps: Deps, sealer: Sealer, fault: string): Promise<void> {
  const ctx = machine(deps);
  return transact(ctx, 'engine', async (tx) => {
    const treeSize = (await latestCheckpoint(tx))?.size ?? 0;
    await raiseAlarm(tx, ctx, {
      event: LOG_EVENTS['audit_log.contradicted'],
      resource: { type: 'audit_log', id: sealer.identity.origin },
      subjectUserId: null,
      after: { fault, treeSize },
    });
  });
}

function nameOf(failure: unknown): string {
  return failure instanceof Error ? failure.name : 'unknown';
}

function machine(deps: Deps) {
  return machineCtx(deps, { kind: 'system', name: 'sealer' }, newId());
}
