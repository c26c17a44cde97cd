/**
 * The writer for what did not happen: refused and failed requests, in a transaction of their own
 * (I5). Refusals before authentication are counted per IP, route and minute, those above a rate limit
 * per credential, route and minute: the first is written at once, the rest as one row when the minute is
 * over, so that a flood cannot flood the log.
 */
import { actorIdOf, personOf } from '../../kernel/actor.ts';
import { newId } from '../../kernel/id.ts';
import { type Ctx, type Deps, perDeps } from '../context.ts';
import { auditLogs } from '../db/schema.ts';
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
};

const WINDOW_MS = 60_000;
const MAX_WINDOWS = 10_000;

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
  await writeAttempt(ctx, refused, 1);
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
  const source = ctx.actor.kind === 'anonymous' ? ctx.client.ip : actorIdOf(ctx.actor);
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

async function writeAttempt(ctx: Ctx, refused: Attempt, count: number): Promise<void> {
  const failed = refused.status >= 500;
  const event = ATTEMPT_EVENTS[failed ? 'request.failed' : 'request.refused'];
  await ctx.deps.db.engine.transaction(async (tx) => {
    const draft = {
      id: newId(),
      recordedAt: ctx.deps.clock.realNow(),
      actorKind: ctx.actor.kind,
      actorId: actorIdOf(ctx.actor),
      actorUserId: personOf(ctx.actor),
      subjectUserId: personOf(ctx.actor),
      eventType: event.type,
      category: refused.category,
      severity: event.severity,
      class: refused.restricted ? ('restricted' as const) : ('normal' as const),
      resourceType: 'operation',
      resourceId: refused.operation,
      description: `${refused.method} ${refused.route} answered ${refused.status} ${refused.code}`,
      before: null,
      after: { status: refused.status, code: refused.code, count },
      outcome: failed ? ('failed' as const) : ('refused' as const),
      requestId: ctx.requestId,
    };
    await tx.insert(auditLogs).values(completeRow(draft, ctx.client, await keyOf(tx, ctx), ctx.deps.keyring));
  });
}
