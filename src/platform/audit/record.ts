/**
 * The writer for changes: inside the change's transaction, so that neither exists without the other
 * (I5). It guarantees the row, its MAC and the sealed personal part; it does not guarantee that the
 * caller listed the right members: the event's allow-list does.
 */
import { actorIdOf, personOf } from '../../kernel/actor.ts';
import type { Json } from '../../kernel/canonical-json.ts';
import { type Id, newId } from '../../kernel/id.ts';
import type { Ctx } from '../context.ts';
import type { DataKey } from '../crypto/seal.ts';
import type { Tx } from '../db/client.ts';
import { auditLogs } from '../db/schema.ts';
import { toWire } from '../http/wire.ts';
import type { AuditEvent } from './events.ts';
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
 * @effects rows of `audit_logs`, in one statement
 */
export async function recordMany(tx: Tx, ctx: Ctx, changes: readonly Change[]): Promise<void> {
  if (changes.length === 0) {
    return;
  }
  const rows: NewAuditRow[] = [];
  for (const change of changes) {
    const author = change.ctx ?? ctx;
    rows.push(
      completeRow(draftOf(author, change), author.client, await keyOf(tx, author), author.deps.keyring),
    );
  }
  await tx.insert(auditLogs).values(rows);
}

/** The key of the person acting, since the personal part is theirs; the house's for machines. */
export async function keyOf(tx: Tx, ctx: Ctx): Promise<DataKey> {
  const person = personOf(ctx.actor);
  return person === null ? ctx.deps.keyring.house : ctx.deps.personKeys.of(tx, person);
}

function draftOf(ctx: Ctx, change: Change): AuditRowDraft {
  const { event } = change;
  return {
    id: newId(),
    recordedAt: ctx.deps.clock.realNow(),
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
  const members = toWire(state) as Record<string, Json>;
  return Object.fromEntries(
    event.shows.filter((name) => members[name] !== undefined).map((name) => [name, members[name] as Json]),
  );
}
