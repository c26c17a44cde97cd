import { eq } from 'drizzle-orm';
import { addMs, type Instant } from '../../../kernel/time.ts';
import type { ActivitySource, PlacedActivity } from '../../../platform/activity.ts';
import { raiseAlarm } from '../../../platform/alarms/raise-alarm.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import type { Job } from '../../../platform/domain.ts';
import { AML_EVENTS } from '../audit.ts';
import { activeRules } from './rule-store.ts';
import { activityCursors } from './schema.ts';
import { keepActivities, watchActivity } from './watch-activity.ts';

const PAGE_ROWS = 200;

/** Pages of one source in one run; the next run goes on. */
const PAGES_MOST = 50;

/** Rows of a page that are passed by at most, each with an alarm. */
const FAILED_MOST = 5;

/** Rows take their place when they are made and are seen when they are committed: how far apart that can be. */
const OVERLAP_MS = 90_000;

/** Reads what people did since the last time and holds it against the rules. */
export const collectActivityJob: Job = {
  name: 'aml.collect-activity',
  cron: '* * * * *',
  run: collectActivity,
};

/**
 * Reads every source on; what fails in one keeps none of the others from being read, and a row that fails keeps none
 * of the rows behind it.
 * @effects `activity_cursors`, `monitored_activity`, `rule_hits`; events `aml.activity_hit`; a transaction for
 *   each page; perhaps the alarm `monitoring.activity_unwatched`
 * @errors the first failure, once every source was read
 */
export async function collectActivity(ctx: Ctx): Promise<void> {
  const failures: unknown[] = [];
  for (const source of ctx.deps.activitySources) {
    await collectSource(ctx, source).catch((failure: unknown) => failures.push(failure));
  }
  if (failures.length > 0) {
    throw failures[0];
  }
}

async function collectSource(ctx: Ctx, source: ActivitySource): Promise<void> {
  let after = await beginAt(ctx, source);
  for (let page = 0; page < PAGES_MOST; page += 1) {
    const reached = await transact(ctx, 'engine', (tx) => collectPage(tx, ctx, source, after)).catch(() =>
      collectEach(ctx, source, after),
    );
    if (reached === null) {
      return;
    }
    after = reached;
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
  await watchRows(tx, ctx, source, rows);
  await moveBehind(tx, ctx, source, rows);
  return behind(rows);
}

/** Where reading goes on behind a page; null where nothing is. */
function behind(rows: readonly PlacedActivity[]): string | null {
  return rows.length < PAGE_ROWS ? null : (rows.at(-1)?.position ?? null);
}

/**
 * The same page, a transaction for each row: those that fail are passed by with an alarm each once all others went
 * through. Where many fail, or none goes through, it is not the rows: nothing is passed by, and the page is read
 * again.
 */
async function collectEach(ctx: Ctx, source: ActivitySource, after: string): Promise<string | null> {
  const rows = await transact(ctx, 'engine', (tx) => source.read(tx, after, PAGE_ROWS));
  const failed: PlacedActivity[] = [];
  let failure: unknown;
  let watched = 0;
  for (const row of rows) {
    try {
      watched += await transact(ctx, 'engine', (tx) => watchRows(tx, ctx, source, [row]));
    } catch (thrown) {
      failure ??= thrown;
      failed.push(row);
      if (failed.length > FAILED_MOST) {
        throw failure;
      }
    }
  }
  // What was kept before says nothing of now, unless it is nearly all of a full page, which new rows never join.
  if (failed.length > 0 && watched === 0 && rows.length < PAGE_ROWS) {
    throw failure;
  }
  await transact(ctx, 'engine', (tx) => passBy(tx, ctx, source, rows, failed));
  return behind(rows);
}

async function passBy(
  tx: Tx,
  ctx: Ctx,
  source: ActivitySource,
  rows: readonly PlacedActivity[],
  failed: readonly PlacedActivity[],
): Promise<void> {
  await lockExclusive(tx, [`activity:${source.name}`]);
  await moveBehind(tx, ctx, source, rows);
  for (const { activity } of failed) {
    const { sourceId, userId, kind } = activity;
    await raiseAlarm(tx, ctx, {
      event: AML_EVENTS['monitoring.activity_unwatched'],
      resource: { type: 'monitored_activity', id: sourceId },
      subjectUserId: userId,
      after: { source: source.name, kind },
    });
  }
}

/** @effects `monitored_activity`, `rule_hits` @shape how many were not kept before */
async function watchRows(
  tx: Tx,
  ctx: Ctx,
  source: ActivitySource,
  rows: readonly PlacedActivity[],
): Promise<number> {
  await lockExclusive(tx, [`activity:${source.name}`]);
  if (rows.length === 0) {
    return 0;
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
  return kept.length;
}

async function moveBehind(
  tx: Tx,
  ctx: Ctx,
  source: ActivitySource,
  rows: readonly PlacedActivity[],
): Promise<void> {
  const last = rows.at(-1);
  if (last !== undefined) {
    await move(tx, ctx, source, last.position);
  }
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
