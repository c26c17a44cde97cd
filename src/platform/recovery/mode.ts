/**
 * Whether this installation is in recovery, as each process knows it: read at start and every second, so that
 * a second node obeys within that time. In recovery nothing leaves: no engine, no jobs, no consumers, and of
 * the operations only reads and those that lead out of it. What it does not do: undo what left before.
 */
import { and, eq, sql } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import { newId } from '../../kernel/id.ts';
import { record } from '../audit/record.ts';
import { type Ctx, type Deps, perDeps } from '../context.ts';
import type { Tx } from '../db/client.ts';
import { lockExclusive } from '../db/locks.ts';
import { auditLogs } from '../db/schema.ts';
import { transact } from '../db/transact.ts';
import { registerProbe } from '../health.ts';
import { refuse } from '../http/refuse.ts';
import { RECOVERY_EVENTS } from './audit.ts';
import { recoveries } from './schema.ts';

const LOOK_EVERY_MS = 1_000;

/** Seconds a client may wait before it asks again. */
const RECOVERY_RETRY_SECONDS = 60;

export type Recovery = typeof recoveries.$inferSelect;

export type RecoveryWatch = { readonly stop: () => Promise<void> };

const known = perDeps(() => ({ open: null as Recovery | null }));

/** The recovery this process knows to be open; null where there is none. */
export function recoveryOf(deps: Deps): Recovery | null {
  return known(deps).open;
}

/** For what would move something. @errors recovery_mode where this process knows of an open recovery */
export function refuseInRecovery(deps: Deps): void {
  if (recoveryOf(deps) !== null) {
    throw refuse('recovery_mode', { headers: { 'retry-after': String(RECOVERY_RETRY_SECONDS) } });
  }
}

/** Asks the database. */
export async function lookForRecovery(deps: Deps): Promise<Recovery | null> {
  const open = (await findOpen(deps.db.engine)) ?? null;
  known(deps).open = open;
  return open;
}

/**
 * Looks now and every second; `changed` is called after a look that found something else than the one before,
 * and again after the next where it failed: nobody stays stopped, or goes on, for one mishap.
 * @effects the probe `recovery`
 */
export async function startRecoveryWatch(
  deps: Deps,
  changed: (now: Recovery | null) => Promise<void>,
): Promise<RecoveryWatch> {
  let seen = keyOf(await lookForRecovery(deps));
  registerProbe(deps, {
    name: 'recovery',
    run: async () => (recoveryOf(deps) === null ? null : 'the installation is in recovery: nothing moves'),
  });
  let looking: Promise<void> = Promise.resolve();
  const look = async (): Promise<void> => {
    const now = await lookForRecovery(deps);
    if (keyOf(now) !== seen) {
      await changed(now);
      seen = keyOf(now);
    }
  };
  const timer = setInterval(() => {
    looking = looking
      .then(look)
      .catch(() => deps.log.error({}, 'the state of recovery cannot be seen or obeyed'));
  }, LOOK_EVERY_MS);
  return {
    stop: async () => {
      clearInterval(timer);
      await looking;
    },
  };
}

/**
 * Goes into recovery; one that is open already goes on.
 * @effects perhaps a row of `recoveries`; audit `recovery.started`
 */
export async function beginRecovery(
  ctx: Ctx,
  why: { readonly cause: Exclude<Recovery['cause'], 'restored'>; readonly foreignSize?: number },
): Promise<Recovery> {
  const begun = await transact(ctx, 'engine', async (tx) => {
    const open = await lockOpenRecovery(tx);
    if (open !== undefined) {
      return open;
    }
    const [size] = await tx.execute<{ size: number }>(
      sql`select coalesce(max(leaf_index) + 1, 0)::float8 as size from audit_leaves`,
    );
    const now = ctx.deps.clock.realNow();
    const [begun] = await tx
      .insert(recoveries)
      .values({
        id: newId(),
        cause: why.cause,
        startedAt: now,
        treeSize: size?.size ?? 0,
        foreignSize: why.foreignSize ?? null,
        // Whatever the cause, others may hold more of the log than is here: two people say how it goes on.
        logSettledAt: null,
      })
      .returning();
    const started = present(begun, 'the row was inserted');
    await tellOfRecovery(tx, ctx, started);
    return started;
  });
  known(ctx.deps).open = begun;
  return begun;
}

/** Says in the log that a recovery began, unless it says so already. @effects audit `recovery.started` */
export async function tellOfRecovery(tx: Tx, ctx: Ctx, recovery: Recovery): Promise<void> {
  await lockExclusive(tx, ['recovery']);
  const [told] = await tx
    .select({ id: auditLogs.id })
    .from(auditLogs)
    .where(
      and(
        eq(auditLogs.resourceId, recovery.id),
        eq(auditLogs.eventType, RECOVERY_EVENTS['recovery.started'].type),
      ),
    );
  if (told === undefined) {
    await record(tx, ctx, {
      event: RECOVERY_EVENTS['recovery.started'],
      resource: { type: 'recovery', id: recovery.id },
      subjectUserId: null,
      after: recovery,
    });
  }
}

/** The open recovery, if there is one; nobody else ends or settles it meanwhile. */
export async function lockOpenRecovery(tx: Tx): Promise<Recovery | undefined> {
  await lockExclusive(tx, ['recovery']);
  return findOpen(tx);
}

async function findOpen(from: Pick<Tx, 'select'>): Promise<Recovery | undefined> {
  const [open] = await from.select().from(recoveries).where(sql`${recoveries.endedAt} is null`);
  return open;
}

function keyOf(recovery: Recovery | null): string {
  return recovery === null ? '' : `${recovery.id} ${recovery.logSettledAt}`;
}
