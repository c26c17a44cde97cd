import { eq, sql } from 'drizzle-orm';
import { addMs, type Instant } from '../../../kernel/time.ts';
import type { ActivitySource, PlacedActivity } from '../../../platform/activity.ts';
import { raiseAlarm } from '../../../platform/alarms/raise-alarm.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayParameter } from '../../../platform/db/insert-rows.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { alongIndexes, executePrepared } from '../../../platform/db/prepared.ts';
import { transact } from '../../../platform/db/transact.ts';
import type { Job } from '../../../platform/domain.ts';
import { AML_EVENTS } from '../audit.ts';
import { activeRules } from './rule-store.ts';
import { activityCursors } from './schema.ts';
import { tellWhetherBehind } from './source-behind.ts';
import { isKept, keepActivities, notKept, watchActivities } from './watch-activity.ts';

const PAGE_ROWS = 1_000;

/** How long a run reads on where there is more; the next minute's goes on. */
const RUN_MS = 50_000;

/** Rows of a page that are passed by at most, each with an alarm. */
const FAILED_MOST = 5;
/** So many are remembered: more than come about while places are read again. */
const PASSED_MOST = 1_000;

/** What is not late is read at half the pace: after each page a run rests for as long as it took, and orders go on. */
const REST_MOST_MS = 500;

/** Rows take their place when they are made and are seen when they are committed: how far apart that can be. */
const OVERLAP_MS = 90_000;

/** Reads what people did since the last time and holds it against the rules. */
export const collectActivityJob: Job = {
  name: 'aml.collect-activity',
  cron: '* * * * *',
  isApart: true,
  run: collectActivity,
};

/** A source, and how far it was read. */
type Reading = {
  readonly source: ActivitySource;
  readonly beganAt: Instant;
  readonly after: string;
  readonly passed: ReadonlySet<string>;
};

/** One run over all sources. */
type Run = {
  readonly untilMs: number;
  readonly ending: AbortSignal | undefined;
  /** Names of sources that were read up to what came about a moment before. */
  readonly caughtUp: Set<string>;
  readonly failures: unknown[];
};

/**
 * Reads every source on, for as long as there is something to read and the run has time; what fails in one keeps none
 * of the others from being read, and a row that fails keeps none of the rows behind it.
 * @effects `activity_cursors`, `monitored_activity`, `rule_hits`; events `aml.activity_hit`; a transaction for
 *   each page; perhaps the alarms `monitoring.activity_unwatched` and `monitoring.source_behind`
 * @errors the first failure, once every source was read
 */
export async function collectActivity(ctx: Ctx, ending?: AbortSignal): Promise<void> {
  const sources = ctx.deps.activitySources;
  const untilMs = ctx.deps.clock.realMs() + RUN_MS;
  const run: Run = { untilMs, ending, caughtUp: new Set(), failures: [] };
  let left = await eachOf(run, sources, (source) => beginReading(ctx, source));
  do {
    left = await readRound(ctx, run, left);
  } while (left.length > 0 && hasTime(ctx, run, run.untilMs));
  await eachOf(run, sources, ({ name }) => tellWhetherBehind(ctx, name, run.caughtUp.has(name)));
  if (run.failures.length > 0) {
    throw run.failures[0];
  }
}

/** None is left for whoever is told to end. */
function hasTime({ deps }: Ctx, { ending }: Run, untilMs: number): boolean {
  return deps.clock.realMs() < untilMs && ending?.aborted !== true;
}

/** One after the other; those that fail are left out. */
async function eachOf<One, Made>(
  run: Run,
  all: readonly One[],
  work: (one: One, place: number) => Promise<Made | null>,
): Promise<Made[]> {
  const made: Made[] = [];
  for (const [place, one] of all.entries()) {
    try {
      const result = await work(one, place);
      if (result !== null) {
        made.push(result);
      }
    } catch (failure) {
      run.failures.push(failure);
    }
  }
  return made;
}

/**
 * Reads each source on for its part of the time that is left, a page at least, so that one with much to read leaves
 * some to those behind it.
 * @shape those that have more
 */
async function readRound(ctx: Ctx, run: Run, readings: readonly Reading[]): Promise<Reading[]> {
  const { clock } = ctx.deps;
  return eachOf(run, readings, (reading, place) => {
    const nowMs = clock.realMs();
    return readOn(ctx, run, reading, nowMs + (run.untilMs - nowMs) / (readings.length - place));
  });
}

/** @shape null where nothing is behind what was read */
async function readOn(ctx: Ctx, run: Run, reading: Reading, untilMs: number): Promise<Reading | null> {
  const { source } = reading;
  let { after } = reading;
  do {
    const beganMs = performance.now();
    const at = { ...reading, after };
    const reached = await transact(ctx, 'engine', (tx) => collectPage(tx, ctx, at)).catch(() =>
      collectEach(ctx, at),
    );
    const isUpToDate = reached === null || reached >= newestOf(ctx, source);
    if (isUpToDate) {
      run.caughtUp.add(source.name);
    }
    if (reached === null) {
      return null;
    }
    after = reached;
    if (isUpToDate && hasTime(ctx, run, untilMs)) {
      await Bun.sleep(Math.min(performance.now() - beganMs, REST_MOST_MS));
    }
  } while (hasTime(ctx, run, untilMs));
  return { ...reading, after };
}

async function beginReading(ctx: Ctx, source: ActivitySource): Promise<Reading> {
  return transact(ctx, 'engine', async (tx) => {
    const { clock } = ctx.deps;
    const at = clock.now();
    const begun = { source: source.name, position: '', beganAt: at, movedAt: at };
    await tx
      .insert(activityCursors)
      .values({ ...begun, caughtUpAt: clock.realNow() })
      .onConflictDoNothing();
    const [cursor] = await tx.select().from(activityCursors).where(eq(activityCursors.source, source.name));
    const passed = new Set(cursor?.passedBy);
    return { source, beganAt: cursor?.beganAt ?? at, after: cursor?.position ?? '', passed };
  });
}

/** @shape where the page ended; null where nothing is behind it */
async function collectPage(tx: Tx, ctx: Ctx, reading: Reading): Promise<string | null> {
  const { source, after } = reading;
  await lockExclusive(tx, [`activity:${source.name}`]);
  const rows = await readPage(tx, source, after);
  await watchRows(tx, ctx, reading, notPassed(reading, rows));
  await moveBehind(tx, ctx, source, rows);
  return behind(rows);
}

async function readPage(tx: Tx, source: ActivitySource, after: string): Promise<readonly PlacedActivity[]> {
  await alongIndexes(tx);
  return source.read(tx, after, PAGE_ROWS, (sourceId) => isKept(source.name, sourceId));
}

/** What was passed by stays in the way for as long as its places are read again: it is no failure of this run. */
function notPassed({ passed }: Reading, rows: readonly PlacedActivity[]): readonly PlacedActivity[] {
  return passed.size === 0 ? rows : rows.filter(({ activity }) => !passed.has(activity.sourceId));
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
async function collectEach(ctx: Ctx, reading: Reading): Promise<string | null> {
  const { source, after } = reading;
  const rows = await transact(ctx, 'engine', (tx) => readPage(tx, source, after));
  const failed: PlacedActivity[] = [];
  let failure: unknown;
  let watched = 0;
  for (const row of notPassed(reading, rows)) {
    try {
      watched += await transact(ctx, 'engine', async (tx) => {
        await lockExclusive(tx, [`activity:${source.name}`]);
        return watchRows(tx, ctx, reading, [row]);
      });
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
  const ids = arrayParameter(
    'text',
    failed.map(({ activity }) => activity.sourceId),
  );
  const from = sql`greatest(1, cardinality(passed_by) + ${failed.length - PASSED_MOST + 1}::int)`;
  await executePrepared(
    tx,
    sql`update activity_cursors set passed_by = (passed_by || ${sql.param(ids)}::text[])[${from}:]
      where source = ${source.name}`,
  );
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
  { source, beganAt }: Reading,
  rows: readonly PlacedActivity[],
): Promise<number> {
  const told = await notKept(
    tx,
    source.name,
    rows.map(({ activity }) => activity),
  );
  const kept = await keepActivities(tx, ctx, told);
  // What came about before is history, which rules only look back at.
  const watched = kept.filter(({ occurredAt }) => occurredAt >= beganAt);
  if (watched.length > 0) {
    await watchActivities(tx, ctx, watched, await activeRules(tx));
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
  const newest = newestOf(ctx, source);
  await tx
    .update(activityCursors)
    .set({ position: reached < newest ? reached : newest, movedAt: ctx.deps.clock.now() })
    .where(eq(activityCursors.source, source.name));
}

/** The newest position behind which nothing commits any more. */
function newestOf({ deps: { clock } }: Ctx, source: ActivitySource): string {
  return source.positionAt({
    business: addMs(clock.now(), -OVERLAP_MS),
    realMs: clock.realMs() - OVERLAP_MS,
  });
}
