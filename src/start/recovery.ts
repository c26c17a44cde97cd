/**
 * Whether this process starts in recovery, and what it holds back while it lasts.
 */
import { eq, sql } from 'drizzle-orm';
import { z } from 'zod';
import type { Config } from '../config.ts';
import { countFilesAsFetched } from '../domains/funding/index.ts';
import { newId } from '../kernel/id.ts';
import { type Deps, machineCtx } from '../platform/context.ts';
import { systemMarks } from '../platform/db/schema.ts';
import {
  beginRecovery,
  lookForRecovery,
  type Recovery,
  recoveryOf,
  startRecoveryWatch,
} from '../platform/recovery/mode.ts';
import { finishRestore } from './restore.ts';

const MARK = 'cluster';

/** An object, because a text of digits alone would come back from JSON as a number, and a rounded one. */
const Mark = z.object({ id: z.string() });

/** A part of the process that runs when it may. */
export type HeldPart = {
  readonly may: (recovery: Recovery | null) => boolean;
  readonly start: () => Promise<() => Promise<void>>;
};

/**
 * Goes into recovery where it was asked for, or where the database lies in another cluster than when it was
 * last used: it was restored by tools that do not say so.
 * @effects perhaps a row of `recoveries`; the mark `cluster`; what a restore that was broken off left to do; in recovery
 *   those of `countFilesAsFetched`
 */
export async function enterRecovery(deps: Deps, config: Pick<Config, 'recovery'>): Promise<void> {
  const ctx = machineCtx(deps, { kind: 'system', name: 'start' }, newId());
  const cluster = await clusterOf(deps);
  const [mark] = await deps.db.engine.select().from(systemMarks).where(eq(systemMarks.name, MARK));
  if (config.recovery) {
    await beginRecovery(ctx, { cause: 'requested' });
  } else if (mark !== undefined && cluster !== null && Mark.parse(mark.value).id !== cluster) {
    await beginRecovery(ctx, { cause: 'other_cluster' });
  }
  if (cluster !== null && (mark === undefined || Mark.parse(mark.value).id !== cluster)) {
    const markedAt = deps.clock.realNow();
    const value = { id: cluster };
    await deps.db.engine
      .insert(systemMarks)
      .values({ name: MARK, value, markedAt })
      .onConflictDoUpdate({ target: systemMarks.name, set: { value, markedAt } });
  }
  await finishRestore(ctx);
  if ((await lookForRecovery(deps)) !== null) {
    await countFilesAsFetched(ctx);
  }
}

/**
 * Starts each part as soon as it may, and stops it where it no longer may.
 * @shape stops the watch and whatever it started, the last first
 */
export async function startHeldParts(deps: Deps, parts: readonly HeldPart[]): Promise<() => Promise<void>> {
  const running: { readonly part: HeldPart; readonly end: () => Promise<void> }[] = [];
  let stopped = false;
  const settle = async (): Promise<void> => {
    // Asked anew before each: what is known may change while a part starts.
    const may = (part: HeldPart): boolean => !stopped && part.may(recoveryOf(deps));
    for (const each of running.filter(({ part }) => !may(part)).reverse()) {
      await each.end();
      running.splice(running.indexOf(each), 1);
    }
    for (const part of parts) {
      if (may(part) && !running.some((each) => each.part === part)) {
        running.push({ part, end: await part.start() });
      }
    }
  };
  // One after the other: two at once would start a part twice, or start what the other has just stopped.
  let turn: Promise<void> = Promise.resolve();
  const obey = (): Promise<void> => {
    turn = turn.then(settle, settle);
    return turn;
  };
  const watch = await startRecoveryWatch(deps, async (now) => {
    deps.log.warn({}, now === null ? 'the recovery has ended' : 'the installation is in recovery');
    await obey();
  });
  const stop = async (): Promise<void> => {
    stopped = true;
    await watch.stop();
    for (let last = running.pop(); last !== undefined; last = running.pop()) {
      await last.end();
    }
  };
  try {
    await obey();
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
}

/** What PostgreSQL calls the cluster; null where the login may not ask. */
async function clusterOf(deps: Deps): Promise<string | null> {
  const [may] = await deps.db.engine.execute<{ may: boolean }>(
    sql`select has_function_privilege('pg_control_system()', 'execute') as may`,
  );
  if (may?.may !== true) {
    return null;
  }
  const [row] = await deps.db.engine.execute<{ id: string }>(
    sql`select system_identifier::text as id from pg_control_system()`,
  );
  return row?.id ?? null;
}
