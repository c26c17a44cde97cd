/**
 * The writer for changes: inside the change's transaction, so that neither exists without the other
 * (I5). It guarantees the row, its MAC and the sealed personal part; it does not guarantee that the
 * caller listed the right members: the event's allow-list does.
 */
import type { SQL } from 'drizzle-orm';
import { actorIdOf, personOf } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import type { Json } from '../../kernel/canonical-json.ts';
import { type Id, newId } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import { type Ctx, type Deps, NO_CLIENT } from '../context.ts';
import type { DataKey } from '../crypto/seal.ts';
import type { Tx } from '../db/client.ts';
import { insertionOf } from '../db/insert-rows.ts';
import { executePrepared } from '../db/prepared.ts';
import { auditLogs } from '../db/schema.ts';
import { together } from '../db/transact.ts';
import { toWire } from '../http/wire.ts';
import type { AuditEvent } from './events.ts';
import { ownerOf } from './personal-key.ts';
import { type AuditRowDraft, completeRow, type NewAuditRow } from './row.ts';

export type Change = {
  readonly event: AuditEvent;
  readonly resource: { readonly type: string; readonly id: string };
  /** Whose affairs it concerns; null where nobody's. */
  readonly subjectUserId: Id | null;
  readonly before?: object | undefined;
  readonly after?: object | undefined;
  /** Who did it, where a batch carries the work of many; the context's actor otherwise. */
  readonly ctx?: Ctx;
};

/**
 * Writes one row for one change.
 * @effects one row of `audit_logs`
 */
export async function record(tx: Tx, ctx: Ctx, change: Change): Promise<void> {
  await recordMany(tx, ctx, [change]);
}

/**
 * Writes rows for a batch of changes, each with its own context.
 * @effects rows of `audit_logs`, in one statement per event and kind of actor
 */
export async function recordMany(tx: Tx, ctx: Ctx, changes: readonly Change[]): Promise<void> {
  await recordPrepared(tx, await prepareRecords(tx, ctx, changes));
}

/** A row that waits for its transaction to take effect. */
export type PreparedRecord = NewAuditRow;

/**
 * The first half of `recordMany`: hashes and seals, writes nothing. A batch does it before it locks, so
 * that nobody waits for it.
 * @shape one row per change, in the order given
 */
export async function prepareRecords(
  tx: Tx,
  ctx: Ctx,
  changes: readonly Change[],
): Promise<readonly PreparedRecord[]> {
  const { clock, keyring } = ctx.deps;
  const recordedAt = clock.realNow();
  const keys = await keysOf(
    tx,
    ctx,
    changes.map((change) => ({
      actorUserId: personOf((change.ctx ?? ctx).actor),
      subjectUserId: change.subjectUserId,
    })),
  );
  // A row at a time, from its draft to its code: what one step makes is at hand for the next.
  return changes.map((change) => {
    const author = change.ctx ?? ctx;
    const draft = draftOf(author, change, recordedAt);
    return completeRow(draft, author.client, keys(draft), keyring);
  });
}

/**
 * The second half of `recordMany`, in the transaction of the changes.
 * @effects rows of `audit_logs`
 */
export async function recordPrepared(tx: Tx, rows: readonly PreparedRecord[]): Promise<void> {
  await together(...recordStatements(rows).map((statement) => executePrepared(tx, statement)));
}

/** What writes the rows: one statement per event. */
export function recordStatements(rows: readonly PreparedRecord[]): readonly SQL[] {
  const batches = new Map<string, { readonly shared: SharedColumns; readonly rows: NewAuditRow[] }>();
  for (const row of rows) {
    const key = `${row.eventType} ${row.recordedAt} ${row.actorKind} ${row.resourceType}`;
    const batch = batches.get(key);
    if (batch === undefined) {
      batches.set(key, { shared: sharedOf(row), rows: [row] });
    } else {
      batch.rows.push(row);
    }
  }
  return [...batches.values()].map((batch) => insertionOf(auditLogs, batch.rows, batch.shared));
}

type SharedName =
  | 'recordedAt'
  | 'actorKind'
  | 'eventType'
  | 'category'
  | 'severity'
  | 'class'
  | 'description'
  | 'resourceType'
  | 'outcome';
type SharedColumns = Pick<NewAuditRow, SharedName>;

/** What the rows of one event have in common is sent once. */
function sharedOf(row: NewAuditRow): SharedColumns {
  const {
    recordedAt,
    actorKind,
    eventType,
    category,
    severity,
    class: kind,
    description,
    resourceType,
    outcome,
  } = row;
  return {
    recordedAt,
    actorKind,
    eventType,
    category,
    severity,
    class: kind,
    description,
    resourceType,
    outcome,
  };
}

/** The key that the personal part of a row is sealed under. @errors AssertionError where who acts has none */
export async function keyOf(tx: Tx, ctx: Ctx, draft: AuditRowDraft): Promise<DataKey> {
  return (await keysOf(tx, ctx, [draft]))(draft);
}

/** Asks for the keys of all at once. */
async function keysOf(
  tx: Tx,
  ctx: Ctx,
  drafts: readonly Concerned[],
): Promise<(draft: Concerned) => DataKey> {
  const people = new Set<Id>();
  for (const draft of drafts) {
    const owner = ownerOfDraft(draft);
    if (owner !== null) {
      people.add(owner);
    }
  }
  const keys = await ctx.deps.personKeys.ofMany(tx, [...people]);
  const { house } = ctx.deps.keyring;
  return (draft) => {
    const owner = ownerOfDraft(draft);
    const key = owner === null ? undefined : keys.get(owner);
    // Machines write of the erased too; who acts has a key.
    return (draft.actorUserId ?? null) === null ? (key ?? house) : present(key, 'the person has a data key');
  };
}

/** Who acts and whose affairs it concerns: what decides whose key a row is sealed under. */
type Concerned = Pick<AuditRowDraft, 'actorUserId' | 'subjectUserId'>;

function ownerOfDraft({ actorUserId, subjectUserId }: Concerned): Id | null {
  return ownerOf((actorUserId ?? null) as Id | null, (subjectUserId ?? null) as Id | null);
}

/** What a machine found that has a connection and keys, and no context. */
export type Finding = Pick<Change, 'event' | 'resource' | 'after'>;

/**
 * Writes one row for what a machine of ours found, which concerns nobody in particular.
 * @effects one row of `audit_logs`
 */
export async function recordFinding(
  tx: Tx,
  by: Pick<Deps, 'clock' | 'keyring'> & { readonly machine: string },
  finding: Finding,
): Promise<void> {
  const author = { actor: { kind: 'system', name: by.machine }, requestId: newId() } as const;
  const draft = draftOf(author, { ...finding, subjectUserId: null }, by.clock.realNow());
  await recordPrepared(tx, [completeRow(draft, NO_CLIENT, by.keyring.house, by.keyring)]);
}

function draftOf(ctx: Pick<Ctx, 'actor' | 'requestId'>, change: Change, recordedAt: Instant): AuditRowDraft {
  const { event } = change;
  return {
    id: newId(),
    recordedAt,
    actorKind: ctx.actor.kind,
    actorId: actorIdOf(ctx.actor),
    actorUserId: personOf(ctx.actor),
    subjectUserId: change.subjectUserId,
    eventType: event.type,
    category: event.category,
    severity: event.severity,
    class: event.class ?? 'normal',
    resourceType: change.resource.type,
    resourceId: change.resource.id,
    description: event.description,
    before: shown(event, change.before),
    after: shown(event, change.after),
    outcome: 'success',
    requestId: ctx.requestId,
  };
}

function shown(event: AuditEvent, state: object | undefined): Json {
  if (state === undefined) {
    return null;
  }
  const members: Record<string, Json> = {};
  for (const name of event.shows) {
    const value = toWire((state as Record<string, unknown>)[name]);
    if (value !== undefined) {
      members[name] = value as Json;
    }
  }
  return members;
}
