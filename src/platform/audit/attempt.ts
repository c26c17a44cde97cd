/**
 * The writer for what did not happen: refused and failed requests, in a transaction of their own
 * (I5). Refusals before authentication are counted per network, route and minute, those above a rate limit
 * per credential, route and minute: the first is written at once, the rest as one row when the minute is
 * over, so that a flood cannot flood the log.
 */
import { and, desc, eq, gte, isNotNull, isNull } from 'drizzle-orm';
import { actorIdOf, personOf } from '../../kernel/actor.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { addMs } from '../../kernel/time.ts';
import { type Ctx, type Deps, perDeps } from '../context.ts';
import type { Tx } from '../db/client.ts';
import { auditLogs } from '../db/schema.ts';
import { networkOf } from '../http/rate-limiter.ts';
import { ATTEMPT_EVENTS } from './attempt-events.ts';
import type { AuditCategory } from './events.ts';
import { keyOf } from './record.ts';
import { completeRow } from './row.ts';

export type Attempt = {
  readonly operation: string;
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly code: string;
  readonly category: AuditCategory;
  readonly restricted: boolean;
  /** The ids that the path named: what it was tried on. */
  readonly on?: { readonly [parameter: string]: Id };
};

const WINDOW_MS = 60_000;
const MAX_WINDOWS = 10_000;
const LONGEST_REQUEST_MS = 600_000;

type Window = {
  readonly startedMs: number;
  readonly ctx: Ctx;
  readonly attempt: Attempt;
  suppressed: number;
};

const openWindows = perDeps((_deps: Deps) => new Map<string, Window>());

/**
 * Writes a refused or failed attempt.
 * @effects one row of `audit_logs`, committed apart from the request
 */
export async function attempt(ctx: Ctx, refused: Attempt): Promise<void> {
  const mayFlood = ctx.actor.kind === 'anonymous' || refused.status === 429;
  if (mayFlood && (await countedInWindow(ctx, refused))) {
    return;
  }
  await writeAttempt(ctx, refused);
}

/** Writes the counts of minutes that are over; the server calls it every few seconds and at stop. */
export async function flushAttempts(deps: Deps, everything = false): Promise<void> {
  const windows = openWindows(deps);
  for (const [key, window] of windows) {
    if (everything || deps.clock.realMs() - window.startedMs >= WINDOW_MS) {
      windows.delete(key);
      if (window.suppressed > 0) {
        await writeAttempt(window.ctx, window.attempt, window.suppressed);
      }
    }
  }
}

async function countedInWindow(ctx: Ctx, refused: Attempt): Promise<boolean> {
  const windows = openWindows(ctx.deps);
  // A network has more addresses than the log has room: those of one are counted together, as limits are.
  const source = ctx.actor.kind === 'anonymous' ? networkOf(ctx.client.ip) : actorIdOf(ctx.actor);
  const key = `${source} ${refused.method} ${refused.route} ${refused.code}`;
  const window = windows.get(key);
  if (window !== undefined && ctx.deps.clock.realMs() - window.startedMs < WINDOW_MS) {
    window.suppressed += 1;
    return true;
  }
  windows.delete(key);
  if (windows.size >= MAX_WINDOWS) {
    await flushAttempts(ctx.deps, true);
  }
  windows.set(key, { startedMs: ctx.deps.clock.realMs(), ctx, attempt: refused, suppressed: 0 });
  if (window !== undefined && window.suppressed > 0) {
    await writeAttempt(window.ctx, window.attempt, window.suppressed);
  }
  return false;
}

/** Of those that were counted together each was another request, tried on something else. */
async function writeAttempt(ctx: Ctx, refused: Attempt, counted?: number): Promise<void> {
  const failed = refused.status >= 500;
  const on = counted === undefined && ctx.actor.kind !== 'anonymous' ? refused.on : undefined;
  const count = counted ?? 1;
  const event = ATTEMPT_EVENTS[failed ? 'request.failed' : 'request.refused'];
  await ctx.deps.db.engine.transaction(async (tx) => {
    const draft = {
      id: newId(),
      recordedAt: ctx.deps.clock.realNow(),
      actorKind: ctx.actor.kind,
      actorId: actorIdOf(ctx.actor),
      actorUserId: personOf(ctx.actor),
      subjectUserId: personOf(ctx.actor) ?? (counted === undefined ? await concerned(tx, ctx) : null),
      eventType: event.type,
      category: refused.category,
      severity: event.severity,
      class: refused.restricted ? ('restricted' as const) : ('normal' as const),
      resourceType: 'operation',
      resourceId: refused.operation,
      description: `${refused.method} ${refused.route} answered ${refused.status} ${refused.code}`,
      before: null,
      after: { status: refused.status, code: refused.code, count, ...(on === undefined ? {} : { on }) },
      outcome: failed ? ('failed' as const) : ('refused' as const),
      requestId: counted === undefined ? ctx.requestId : newId(),
    };
    const key = await keyOf(tx, ctx, draft);
    await tx.insert(auditLogs).values(completeRow(draft, ctx.client, key, ctx.deps.keyring));
  });
}

/** Whom a stranger's request turned out to be about, such as a sign-in that failed: what it wrote says so. */
async function concerned(tx: Tx, ctx: Ctx): Promise<Id | null> {
  const [row] = await tx
    .select({ userId: auditLogs.subjectUserId })
    .from(auditLogs)
    .where(
      and(
        eq(auditLogs.requestId, ctx.requestId),
        gte(auditLogs.recordedAt, addMs(ctx.deps.clock.realNow(), -LONGEST_REQUEST_MS)),
        isNull(auditLogs.actorUserId),
        isNotNull(auditLogs.subjectUserId),
      ),
    )
    .orderBy(desc(auditLogs.recordedAt))
    .limit(1);
  return (row?.userId ?? null) as Id | null;
}
