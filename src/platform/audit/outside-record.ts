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
import type { AnchorStore } from './anchor.ts';
import { NoteError, openCheckpoint } from './checkpoint.ts';
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

/** Starts telling, where a sealer runs. @effects rows of `audit_cosignatures` and `audit_anchors` */
export function startOutsideRecord(deps: Deps, sealer: Sealer, outside: Outside): OutsideRecord {
  const told = new Set<string>();
  const tell = async (): Promise<void> => {
    const head = await transact(machine(deps), 'engine', latestCheckpoint);
    if (head === undefined) {
      return;
    }
    const faults = await Promise.all([
      ...outside.witnesses.map((endpoint) => tellWitness(deps, endpoint, head)),
      outside.anchor === null ? null : tellAnchor(deps, sealer, outside.anchor, head),
    ]);
    for (const fault of faults.filter((found) => found !== null)) {
      sealer.contradict(fault);
      if (!told.has(fault)) {
        told.add(fault);
        await alarm(deps, sealer, fault, head.size);
      }
    }
  };
  const safely = () =>
    tell().catch((failure: unknown) => {
      const name = failure instanceof Error ? failure.name : 'unknown';
      deps.log.warn({ failure: name }, 'a checkpoint could not be taken outside');
    });
  let running = safely();
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

/** @shape why the log is contradicted; null when it is not */
async function tellWitness(
  deps: Deps,
  endpoint: WitnessEndpoint,
  head: StoredCheckpoint,
): Promise<string | null> {
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
      return answer.fault;
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
  head: StoredCheckpoint,
): Promise<string | null> {
  const note = await anchor.latest();
  const fault = note === null ? null : await anchoredFault(deps, sealer, note, head);
  if (fault === null) {
    await anchor.put(head.size, head.note);
    await deps.db.engine
      .insert(auditAnchors)
      .values({ treeSize: BigInt(head.size), target: anchor.name, anchoredAt: deps.clock.realNow() })
      .onConflictDoNothing();
  }
  return fault;
}

/** A note that is none of the log's own, as under a name it gave up, says nothing of it. */
async function anchoredFault(
  deps: Deps,
  sealer: Sealer,
  note: string,
  head: StoredCheckpoint,
): Promise<string | null> {
  try {
    const kept = openCheckpoint(note, verifiersOf(sealer.identity));
    if (kept.origin !== sealer.identity.origin) {
      return null;
    }
    if (kept.size > head.size) {
      return `the log is behind its anchor, which holds ${kept.size} rows`;
    }
    const proof = await proofOf(deps, kept.size, head.size);
    return verifyConsistency(kept.size, head.size, kept.root, head.root, proof)
      ? null
      : `the anchor holds another log of ${kept.size} rows`;
  } catch (error) {
    if (error instanceof NoteError) {
      deps.log.warn({ failure: error.code }, 'what lies in the anchor is no checkpoint of this log');
      return null;
    }
    throw error;
  }
}

function proofOf(deps: Deps, from: number, size: number) {
  return transact(machine(deps), 'engine', async (tx) =>
    consistencyProof(from, size, await loadNodes(tx, consistencyNodes(from, size))),
  );
}

function alarm(deps: Deps, sealer: Sealer, fault: string, treeSize: number): Promise<void> {
  const ctx = machine(deps);
  return transact(ctx, 'engine', (tx) =>
    raiseAlarm(tx, ctx, {
      event: LOG_EVENTS['audit_log.contradicted'],
      resource: { type: 'audit_log', id: sealer.identity.origin },
      subjectUserId: null,
      after: { fault, treeSize },
    }),
  );
}

function machine(deps: Deps) {
  return machineCtx(deps, { kind: 'system', name: 'sealer' }, newId());
}
