import { createHmac } from 'node:crypto';
import { eq, sql } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import { type DataKey, SealError } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { screenName } from '../match.ts';
import { type FoundBefore, lockedGate, screenLocked } from '../screen.ts';
import { type ActiveLists, activeLists, refreshScreener, screenAgainst } from '../screener.ts';
import { inTurns } from '../screening/in-turns.ts';
import { riskCyclesOf } from '../screening/risk-cycle.ts';
import { heldBy, keepListSet, nextDueAt } from '../screening/standings.ts';
import { everySubject, type Subjects, subjectsOfMany } from '../screening/subjects.ts';
import { type Behind, behindAfter, countBehind } from './behind.ts';
import { type Compared, comparedFor, entityCountOf } from './compared-entities.ts';
import { keepClear, type Look } from './keep-clear.ts';
import { beginRun, lockRuns, moveRun, type RescreeningRun, recordRun, runningRun } from './runs.ts';
import { rescreeningResults, rescreeningRuns } from './schema.ts';

/** How many people are read, compared and kept at a time. */
const CHUNK = 500;

/**
 * Brings everybody up to the lists and the configuration that are active, and looks at those whose own time
 * has come. It goes on where an earlier call stopped, and ends when nobody is behind any more, whatever became
 * active meanwhile. A clear look is one short row; a hit is a screening in full, under the person's gate.
 * @effects `rescreening_runs`, `rescreening_results`, `screening_standings`; for a hit as `screenUser`; audit
 *   `rescreening.started`, `rescreening.finished`
 * @errors the first failure, once everybody else was looked at
 */
export async function rescreen(ctx: Ctx, chunkSize = CHUNK): Promise<void> {
  const run = await transact(ctx, 'engine', (tx) => beginRun(tx, ctx, 'catch_up', false));
  if (run === undefined) {
    return;
  }
  for (;;) {
    const { moved, failures } = await passOver(ctx, run.id, chunkSize);
    if (await finish(ctx, run.id)) {
      return;
    }
    if (moved === 0) {
      const [cause] = failures;
      throw cause instanceof Error
        ? cause
        : new Error('people stay behind the lists although they were looked at', { cause });
    }
  }
}

type Pass = { readonly moved: number; readonly failures: readonly unknown[] };

/** Once over everybody who is behind, in the order of their ids. */
async function passOver(ctx: Ctx, runId: Id, chunkSize: number): Promise<Pass> {
  const failures: unknown[] = [];
  let moved = 0;
  for (;;) {
    // Before the transaction that reads, so that building an index holds nothing up.
    await refreshScreener(ctx);
    const chunk = await transact(ctx, 'engine', (tx) => readChunk(tx, ctx, runId, chunkSize));
    if (chunk === undefined) {
      return { moved, failures };
    }
    const readable = chunk.people.filter(({ failure }) => failure === undefined);
    failures.push(...chunk.people.flatMap(({ failure }) => (failure === undefined ? [] : [failure])));
    const looks = await inTurns(readable, (person) => look(chunk, person));
    const compared = new Map(readable.map((person) => [person.userId, person.compared]));
    for (const { userId, outcome } of looks) {
      if (outcome === 'hit') {
        const index = compared.get(userId) ?? null;
        const before = index === null ? undefined : { index, versions: chunk.lists.versions };
        const failure = await screenHit(ctx, chunk.run, userId, before);
        moved += failure === undefined ? 1 : 0;
        failures.push(...(failure === undefined ? [] : [failure]));
      }
    }
    moved += await transact(ctx, 'engine', (tx) => settle(tx, ctx, chunk, looks));
  }
}

type Person = Behind & {
  readonly subjects: Subjects | undefined;
  /** Why what is known of them could not be read. */
  readonly failure: unknown;
  readonly key: DataKey | undefined;
  readonly compared: Compared;
  readonly nextDueAt: Instant;
};

type Chunk = {
  readonly run: RescreeningRun;
  readonly lists: ActiveLists;
  readonly readAt: Instant;
  readonly people: readonly Person[];
};

/** The next people of a pass with all that is compared; undefined at its end. */
async function readChunk(tx: Tx, ctx: Ctx, runId: Id, chunkSize: number): Promise<Chunk | undefined> {
  const run = await runningRun(tx);
  if (run?.id !== runId) {
    return undefined;
  }
  const lists = await activeLists(ctx.deps, tx);
  const readAt = ctx.deps.clock.now();
  const behind = await behindAfter(tx, targetOf(run, lists, readAt), run.afterUserId, chunkSize);
  if (behind.length === 0) {
    return undefined;
  }
  const ids = behind.map(({ userId }) => userId);
  const { subjects, failures } = await readSubjects(tx, ctx, ids);
  const keys = await ctx.deps.personKeys.ofMany(tx, ids);
  const cycles = await riskCyclesOf(tx, ids);
  const people: Person[] = [];
  for (const one of behind) {
    people.push({
      ...one,
      subjects: subjects.get(one.userId),
      failure: failures.get(one.userId),
      key: keys.get(one.userId),
      compared: one.isDue ? null : await comparedFor(tx, ctx, lists, one),
      nextDueAt: nextDueAt(readAt, cycles.get(one.userId) ?? 'medium'),
    });
  }
  return { run, lists, readAt, people };
}

/** One whose data cannot be opened must not keep the others from being looked at. */
async function readSubjects(tx: Tx, ctx: Ctx, ids: readonly Id[]) {
  const failures = new Map<Id, unknown>();
  try {
    return { subjects: await subjectsOfMany(tx, ctx, ids), failures };
  } catch (error) {
    if (!(error instanceof SealError)) {
      throw error;
    }
  }
  const subjects = new Map<Id, Subjects>();
  for (const userId of ids) {
    try {
      for (const [found, about] of await subjectsOfMany(tx, ctx, [userId])) {
        subjects.set(found, about);
      }
    } catch (error) {
      failures.set(userId, error);
    }
  }
  return { subjects, failures };
}

function targetOf(run: RescreeningRun, lists: Pick<ActiveLists, 'versions' | 'configHash'>, now: Instant) {
  const { versions, configHash } = lists;
  return { versions, configHash, now, since: run.isFull ? run.startedAt : null };
}

/** Whoever resembles somebody, or has a name that cannot be compared, is screened in full. */
function look({ lists }: Chunk, person: Person): Look {
  const { userId, version, compared, subjects, key } = person;
  const about = {
    userId,
    version,
    isDelta: compared !== null,
    entities: compared?.entityCount ?? entityCountOf(lists),
    nextDueAt: person.nextDueAt,
  };
  if (subjects === undefined || key === undefined) {
    return { ...about, outcome: 'erased', subjectDigest: null };
  }
  const isHit = everySubject(subjects).some((subject) => {
    const outcome =
      compared === null ? screenAgainst(lists, subject) : screenName(compared, subject, lists.config);
    return !outcome.ok || outcome.truncated || outcome.matches.length > 0;
  });
  return isHit
    ? { ...about, outcome: 'hit', subjectDigest: null }
    : { ...about, outcome: 'clear', subjectDigest: digestOf(key, subjects) };
}

/** Under the person's own key, so that nobody can tell it once that is destroyed. */
function digestOf({ key }: DataKey, subjects: Subjects): Uint8Array {
  const own = createHmac('sha256', key).update('plimsoll subject digest').digest();
  return new Uint8Array(createHmac('sha256', own).update(JSON.stringify(subjects)).digest());
}

/**
 * What the look found is held against them beside all the lists, so that it is not lost among others there.
 * @shape what failed, if anything did: nobody else waits for one who cannot be screened
 */
async function screenHit(
  ctx: Ctx,
  run: RescreeningRun,
  userId: Id,
  before: FoundBefore | undefined,
): Promise<unknown> {
  try {
    await transact(ctx, 'engine', async (tx) => {
      if ((await ctx.deps.personKeys.find(tx, userId)) === undefined) {
        return;
      }
      const screening = await screenLocked(
        tx,
        ctx,
        await lockedGate(tx, userId),
        run.cause,
        undefined,
        before,
      );
      const versions = screening.listVersions as ActiveLists['versions'];
      await tx
        .insert(rescreeningResults)
        .values({
          runId: run.id,
          userId,
          listSet: await keepListSet(tx, ctx, versions),
          outcome: 'screened',
          isDelta: false,
          entities: 0,
          screeningId: screening.id,
          at: screening.checkedAt,
        })
        .onConflictDoNothing();
      const hits = screening.result === 'clear' ? 0 : 1;
      await moveRun(tx, ctx, run.id, { done: 1, hits, skipped: 0 });
    });
    return undefined;
  } catch (error) {
    return error ?? new Error('a screening failed');
  }
}

/** Keeps what was found on a chunk, and where the pass stands. @shape how many people moved up */
async function settle(tx: Tx, ctx: Ctx, chunk: Chunk, looks: readonly Look[]): Promise<number> {
  const run = await lockRow(tx, rescreeningRuns, chunk.run.id);
  // Whoever went on with the run meanwhile has done the same people.
  if (run?.status !== 'running' || run.afterUserId !== chunk.run.afterUserId) {
    return 0;
  }
  const listSet = await keepListSet(tx, ctx, chunk.lists.versions);
  const settled = looks.filter(({ outcome }) => outcome !== 'hit');
  const configHash = heldBy(chunk.lists.configHash);
  const moved = await keepClear(tx, settled, { runId: run.id, listSet, configHash, at: chunk.readAt });
  const skipped = settled.filter(({ outcome, userId }) => outcome === 'erased' && moved.has(userId)).length;
  await moveRun(tx, ctx, run.id, { done: moved.size, hits: 0, skipped });
  await tx
    .update(rescreeningRuns)
    .set({ afterUserId: present(chunk.people.at(-1), 'a chunk has people').userId })
    .where(eq(rescreeningRuns.id, run.id));
  return moved.size;
}

/** Ends a run where nobody is behind; otherwise it starts over with those who are. @shape whether it ended */
async function finish(ctx: Ctx, runId: Id): Promise<boolean> {
  return transact(ctx, 'engine', async (tx) => {
    await lockRuns(tx);
    const run = await lockRow(tx, rescreeningRuns, runId);
    if (run?.status !== 'running') {
      return true;
    }
    const lists = await activeLists(ctx.deps, tx);
    const at = ctx.deps.clock.now();
    const behind = await countBehind(tx, targetOf(run, lists, at));
    const isDone = behind === 0;
    const [after] = await tx
      .update(rescreeningRuns)
      .set({
        afterUserId: sql`null`,
        movedAt: at,
        version: run.version + 1,
        ...(isDone ? { status: 'done', finishedAt: at } : {}),
      })
      .where(eq(rescreeningRuns.id, runId))
      .returning();
    if (isDone) {
      await recordRun(tx, ctx, 'rescreening.finished', present(after, 'the run was locked'));
    }
    return isDone;
  });
}
