/**
 * Whether this installation is in recovery, as each process knows it: read at start and every second, so that
 * a second node obeys within that time. In recovery nothing leaves: no engine, no jobs, no consumers, and of
 * the operations only reads and those that lead out of it. What it does not do: undo what left before.
 */
import { sql } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import { newId } from '../../kernel/id.ts';
import { record } from '../audit/record.ts';
import { type Ctx, type Deps, perDeps } from '../context.ts';
import type { Tx } from '../db/client.ts';
import { lockExclusive } from '../db/locks.ts';
import { transact } from '../db/transact.ts';
import { registerProbe } from '../health.ts';
import { RECOVERY_EVENTS } from './audit.ts';
import { recoveries } from './schema.ts';

const LOOK_EVERY_MS = 1_000;

/** Seconds a client may wait before it asks again. */
export const RECOVERY_RETRY_SECONDS = 60;

export type Recovery = typeof recoveries.$inferSelect;

export type RecoveryWatch = { readonly stop: () => Promise<void> };

const known = perDeps(() => ({ open: null as Recovery | null }));

/** The recovery this process knows to be open; null where there is none. */
export function recoveryOf(deps: Deps): Recovery | null {
  return known(deps).open;
}

/** Asks the database. */
export async function lookForRecovery(deps: Deps): Promise<Recovery | null> {
  const open = (await findOpen(deps.db.engine)) ?? null;
  known(deps).open = open;
  return open;
}

/**
 * Looks now and every second; `changed` is called after a look that found something else than the one before.
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
      seen = keyOf(now);
      await changed(now);
    }
  };
  const timer = setInterval(() => {
    looking = looking
      .then(look)
      .catch(() => deps.log.error({}, 'it cannot be seen whether the installation is in recovery'));
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
        // Unless it is known to be behind, the log goes on as it is: its witnesses and anchors still watch.
        logSettledAt: why.cause === 'log_behind' ? null : now,
      })
      .returning();
    const started = present(begun, 'the row was inserted');
    await record(tx, ctx, {
      event: RECOVERY_EVENTS['recovery.started'],
      resource: { type: 'recovery', id: started.id },
      subjectUserId: null,
      after: started,
    });
    return started;
  });
  known(ctx.deps).open = begun;
  return begun;
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
