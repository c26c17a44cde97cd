import { eq } from 'drizzle-orm';
import { addMs, type Instant } from '../../../kernel/time.ts';
import type { ActivitySource } from '../../../platform/activity.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import type { Job } from '../../../platform/domain.ts';
import { activeRules } from './rule-store.ts';
import { activityCursors } from './schema.ts';
import { keepActivities, watchActivity } from './watch-activity.ts';

const PAGE_ROWS = 200;

/** Pages of one source in one run; the next run goes on. */
const PAGES_MOST = 50;

/** Rows take their place when they are made and are seen when they are committed: how far apart that can be. */
const OVERLAP_MS = 90_000;

/** Reads what people did since the last time and holds it against the rules. */
export const collectActivityJob: Job = {
  name: 'aml.collect-activity',
  cron: '* * * * *',
  run: collectActivity,
};

/**
 * @effects `activity_cursors`, `monitored_activity`, `rule_hits`; events `aml.activity_hit`; a transaction for
 *   each page
 */
export async function collectActivity(ctx: Ctx): Promise<void> {
  for (const source of ctx.deps.activitySources) {
    let after = await beginAt(ctx, source);
    for (let page = 0; page < PAGES_MOST; page += 1) {
      const reached = await transact(ctx, 'engine', (tx) => collectPage(tx, ctx, source, after));
      if (reached === null) {
        break;
      }
      after = reached;
    }
  }
}

async function beginAt(ctx: Ctx, source: ActivitySource): Promise<string> {
  return transact(ctx, 'engine', async (tx) => {
    const at = ctx.deps.clock.now();
    await tx
      .insert(activityCursors)
      .values({ source: source.name, position: '', beganAt: at, movedAt: at })
      .onConflictDoNothing();
    const [cursor] = await tx.select().from(activityCursors).where(eq(activityCursors.source, source.name));
    return cursor?.position ?? '';
  });
}

/** @shape where the page ended; null where nothing is behind it */
async function collectPage(tx: Tx, ctx: Ctx, source: ActivitySource, after: string): Promise<string | null> {
  await lockExclusive(tx, [`activity:${source.name}`]);
  const rows = await source.read(tx, after, PAGE_ROWS);
  const last = rows.at(-1);
  if (last === undefined) {
    return null;
  }
  const [cursor] = await tx.select().from(activityCursors).where(eq(activityCursors.source, source.name));
  const kept = await keepActivities(
    tx,
    ctx,
    rows.map(({ activity }) => activity),
  );
  const set = await activeRules(tx);
  for (const stored of kept) {
    if (cursor !== undefined && stored.occurredAt >= cursor.beganAt) {
      await watchActivity(tx, ctx, stored, set);
    }
  }
  await move(tx, ctx, source, last.position);
  return rows.length < PAGE_ROWS ? null : last.position;
}

/** Never so far that what commits late would be behind. */
async function move(tx: Tx, ctx: Ctx, source: ActivitySource, reached: string): Promise<void> {
  const { clock } = ctx.deps;
  const movedAt: Instant = clock.now();
  const safe = source.positionAt({
    business: addMs(movedAt, -OVERLAP_MS),
    realMs: clock.realMs() - OVERLAP_MS,
  });
  await tx
    .update(activityCursors)
    .set({ position: reached < safe ? reached : safe, movedAt })
    .where(eq(activityCursors.source, source.name));
}
