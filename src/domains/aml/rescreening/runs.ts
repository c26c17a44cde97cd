import { desc, eq, type InferSelectModel, lt, sql } from 'drizzle-orm';
import { actorIdOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../../platform/http/cursor.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { AML_EVENTS } from '../audit.ts';
import { refuseAml } from '../errors.ts';
import { activeVersions } from '../screener.ts';
import { activeConfig } from '../screening/config-store.ts';
import { listSetHash } from '../screening/standings.ts';
import { countBehind } from './behind.ts';
import { rescreeningRuns } from './schema.ts';

export type RescreeningRun = InferSelectModel<typeof rescreeningRuns>;

export type RunCause = 'list_change' | 'config_change' | 'catch_up' | 'manual';

const RUNS = 'aml.rescreening_runs';

/** Runs begin and end one after another: what became active meanwhile is seen by one of them. */
export async function lockRuns(tx: Tx): Promise<void> {
  await lockExclusive(tx, [RUNS]);
}

/** The run that goes on; there is one at most. */
export async function runningRun(tx: Tx): Promise<RescreeningRun | undefined> {
  const [run] = await tx.select().from(rescreeningRuns).where(eq(rescreeningRuns.status, 'running'));
  return run;
}

/**
 * Begins to bring everybody up to what is active, unless a run goes on that will do so anyway or nobody is
 * behind. One over everybody looks at all who were not looked at since it began.
 * @effects one row of `rescreening_runs`; audit `rescreening.started`
 * @shape the run; undefined where there is nothing to do
 */
export async function beginRun(
  tx: Tx,
  ctx: Ctx,
  cause: RunCause,
  isFull: boolean,
): Promise<RescreeningRun | undefined> {
  await lockRuns(tx);
  const going = await runningRun(tx);
  const versions = await activeVersions(tx);
  if (going !== undefined || Object.keys(versions).length === 0) {
    return going;
  }
  const { configHash } = await activeConfig(tx);
  const at = ctx.deps.clock.now();
  const total = await countBehind(tx, { versions, configHash, now: at, since: isFull ? at : null });
  if (total === 0 && cause === 'catch_up') {
    return undefined;
  }
  const [run] = await tx
    .insert(rescreeningRuns)
    .values({
      id: newId(),
      cause,
      status: 'running',
      isFull,
      listSet: listSetHash(versions),
      configHash,
      total,
      requestedBy: actorIdOf(ctx.actor),
      startedAt: at,
      movedAt: at,
    })
    .returning();
  const begun = present(run, 'the run was inserted');
  await recordRun(tx, ctx, 'rescreening.started', begun);
  return begun;
}

/**
 * Begins a run over everybody, for staff.
 * @effects as `beginRun`
 * @errors no_active_list, rescreening_running
 */
export async function startRescreening(ctx: Ctx): Promise<RescreeningRun> {
  return transact(ctx, 'staff', async (tx) => {
    await lockRuns(tx);
    if ((await runningRun(tx)) !== undefined) {
      throw refuseAml('rescreening_running');
    }
    const run = await beginRun(tx, ctx, 'manual', true);
    if (run === undefined) {
      throw refuseAml('no_active_list');
    }
    return run;
  });
}

/** Runs, newest first. @errors invalid_cursor */
export async function listRuns(ctx: Ctx, page: PageRequest) {
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, 'staff', async (tx) => {
    const [before] = page.cursor === undefined ? [] : readCursor(key, 'rescreenings', page.cursor);
    const rows = await tx
      .select()
      .from(rescreeningRuns)
      .where(before === undefined ? undefined : lt(rescreeningRuns.id, before))
      .orderBy(desc(rescreeningRuns.id))
      .limit(page.limit + 1);
    return cutPage(key, 'rescreenings', rows, page.limit, (row) => [row.id]);
  });
}

/** One run with how far it is. @errors not_found */
export async function getRun(ctx: Ctx, runId: Id): Promise<RescreeningRun> {
  return transact(ctx, 'staff', async (tx) => {
    const [run] = await tx.select().from(rescreeningRuns).where(eq(rescreeningRuns.id, runId));
    if (run === undefined) {
      throw refuse('not_found');
    }
    return run;
  });
}

/** Adds to what a run says of itself; whoever works on it is told by its version that nobody else did. */
export async function moveRun(
  tx: Tx,
  ctx: Ctx,
  runId: Id,
  by: { readonly done: number; readonly hits: number; readonly skipped: number },
): Promise<void> {
  await tx
    .update(rescreeningRuns)
    .set({
      done: sql`${rescreeningRuns.done} + ${by.done}`,
      hits: sql`${rescreeningRuns.hits} + ${by.hits}`,
      skipped: sql`${rescreeningRuns.skipped} + ${by.skipped}`,
      movedAt: ctx.deps.clock.now(),
      version: sql`${rescreeningRuns.version} + 1`,
    })
    .where(eq(rescreeningRuns.id, runId));
}

/** @effects audit `rescreening.started` or `rescreening.finished` */
export async function recordRun(
  tx: Tx,
  ctx: Ctx,
  event: 'rescreening.started' | 'rescreening.finished',
  run: RescreeningRun,
): Promise<void> {
  await record(tx, ctx, {
    event: AML_EVENTS[event],
    resource: { type: 'rescreening', id: run.id },
    subjectUserId: null,
    after: run,
  });
}
