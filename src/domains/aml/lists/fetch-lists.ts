import { and, desc, eq, isNotNull, lte } from 'drizzle-orm';
import { DomainError } from '../../../kernel/error.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs, msOfInstant } from '../../../kernel/time.ts';
import { raiseAlarm } from '../../../platform/alarms/raise-alarm.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { outbound } from '../../../platform/http/outbound.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { AML_EVENTS } from '../audit.ts';
import { refuseAml } from '../errors.ts';
import { importListVersion, publicationHash } from '../import-list.ts';
import { screeningLists } from '../schema.ts';
import type { ListFiles } from './parse-list.ts';
import { listFetches } from './schema.ts';
import type { ScreeningList } from './store-version.ts';

export type ListFetch = typeof listFetches.$inferSelect;

const MAX_BYTES = 256 * 1024 * 1024;
const TIMEOUT_MS = 10 * 60_000;
const IDLE_MS = 30_000;
const MAX_REDIRECTS = 3;
const EVERY_MINUTES = 24 * 60;
const ALARM_AFTER_FAILURES = 3;
const DAY_MS = 24 * 3_600_000;
/** While a node fetches a list, no other begins. */
const CLAIM_MS = 45 * 60_000;

type Outcome = Pick<
  ListFetch,
  'outcome' | 'detail' | 'status' | 'bytes' | 'fileHash' | 'versionId' | 'etags'
>;

const NOTHING = { detail: null, status: null, bytes: null, fileHash: null, versionId: null, etags: null };

/**
 * Fetches every list that is due from its publisher, one after the other, and raises an alarm for each that has
 * not been confirmed for too long.
 * @effects those of `importListVersion`; `list_fetches`, `screening_lists`; audit
 */
export async function fetchLists(ctx: Ctx): Promise<void> {
  const due = await transact(ctx, 'engine', (tx) =>
    tx
      .select({ id: screeningLists.id })
      .from(screeningLists)
      .where(
        and(
          eq(screeningLists.status, 'active'),
          isNotNull(screeningLists.sourceUrls),
          lte(screeningLists.nextFetchAt, ctx.deps.clock.now()),
        ),
      )
      .orderBy(screeningLists.id),
  );
  const failures: unknown[] = [];
  for (const { id } of due) {
    // One list that fails must not keep the others from being fetched.
    await fetchList(ctx, id).catch((failure: unknown) => failures.push(failure));
  }
  await watchAge(ctx);
  if (failures.length > 0) {
    throw failures[0];
  }
}

/**
 * Has a list fetched at the next turn of the job, whenever it would be due.
 * @effects `screening_lists`; audit `screening_list.fetch_requested`
 * @errors not_found, list_retired, list_not_fetched
 */
export async function requestFetch(ctx: Ctx, listId: Id): Promise<ScreeningList> {
  return transact(ctx, 'engine', async (tx) => {
    const list = await lockRow(tx, screeningLists, listId);
    if (list === undefined) {
      throw refuse('not_found');
    }
    if (list.status === 'retired') {
      throw refuseAml('list_retired');
    }
    if (list.sourceUrls === null) {
      throw refuseAml('list_not_fetched');
    }
    const after = { ...list, nextFetchAt: ctx.deps.clock.now() };
    await tx
      .update(screeningLists)
      .set({ nextFetchAt: after.nextFetchAt })
      .where(eq(screeningLists.id, listId));
    await record(tx, ctx, {
      event: AML_EVENTS['screening_list.fetch_requested'],
      resource: { type: 'screening_list', id: listId },
      subjectUserId: null,
      after,
    });
    return after;
  });
}

/** Claimed first and fetched outside any transaction: a publisher may take minutes. */
async function fetchList(ctx: Ctx, listId: Id): Promise<void> {
  const list = await transact(ctx, 'engine', (tx) => claim(tx, ctx, listId));
  if (list === undefined || list.sourceUrls === null) {
    return;
  }
  const outcome = await attempt(ctx, list, list.sourceUrls);
  await transact(ctx, 'engine', (tx) => keepOutcome(tx, ctx, listId, outcome));
}

async function claim(tx: Tx, ctx: Ctx, listId: Id): Promise<ScreeningList | undefined> {
  const list = await lockRow(tx, screeningLists, listId);
  const now = ctx.deps.clock.now();
  if (list?.status !== 'active' || list.nextFetchAt === null || list.nextFetchAt > now) {
    return undefined;
  }
  await tx
    .update(screeningLists)
    .set({ nextFetchAt: addMs(now, CLAIM_MS) })
    .where(eq(screeningLists.id, listId));
  return list;
}

async function attempt(
  ctx: Ctx,
  list: ScreeningList,
  urls: Readonly<Record<string, string>>,
): Promise<Outcome> {
  const known = await transact(ctx, 'engine', (tx) => knownEtags(tx, list));
  const files: Record<string, Uint8Array> = {};
  const etags: Record<string, string> = {};
  let unchanged = 0;
  let bytes = 0;
  for (const [part, url] of Object.entries(urls)) {
    const answer = await outbound(ctx.deps, {
      url,
      // A publication of several parts is asked for whole: parts of two days do not fit together.
      headers: known !== undefined && Object.keys(urls).length === 1 ? { 'if-none-match': known } : {},
      timeoutMs: TIMEOUT_MS,
      idleMs: IDLE_MS,
      maxBytes: MAX_BYTES - bytes,
      allow: 'loopback_in_sandbox',
      // Publishers keep their files with somebody else; each step is checked like the first.
      maxRedirects: MAX_REDIRECTS,
    });
    if (!answer.ok) {
      return { ...NOTHING, outcome: 'failed', detail: answer.failure };
    }
    if (answer.status === 304 && known !== undefined) {
      unchanged += 1;
      continue;
    }
    if (answer.status !== 200) {
      return { ...NOTHING, outcome: 'failed', detail: 'status', status: answer.status };
    }
    bytes += answer.body.byteLength;
    files[part] = answer.body;
    etags[part] = answer.headers.get('etag') ?? '';
  }
  return unchanged > 0
    ? { ...NOTHING, outcome: 'unchanged', status: 304, etags: known ?? null }
    : importFetched(ctx, list, urls, files, Object.values(etags).join(' ').trim());
}

async function importFetched(
  ctx: Ctx,
  list: ScreeningList,
  urls: Readonly<Record<string, string>>,
  files: ListFiles,
  etags: string,
): Promise<Outcome> {
  const bytes = Object.values(files).reduce((total, file) => total + file.byteLength, 0);
  const fetched = {
    ...NOTHING,
    status: 200,
    bytes,
    fileHash: publicationHash(files),
    etags: etags === '' ? null : etags,
  };
  try {
    const { active } = await importListVersion(ctx, list.id, files, urls);
    return { ...fetched, outcome: 'activated', versionId: active?.id ?? null };
  } catch (error) {
    if (!(error instanceof DomainError)) {
      throw error;
    }
    return error.code === 'list_unchanged'
      ? { ...fetched, outcome: 'unchanged' }
      : { ...fetched, etags: null, outcome: 'refused', detail: error.code };
  }
}

/** What the publisher called the state that is active. */
async function knownEtags(tx: Tx, list: ScreeningList): Promise<string | undefined> {
  const [last] = await tx
    .select()
    .from(listFetches)
    .where(and(eq(listFetches.listId, list.id), isNotNull(listFetches.etags)))
    .orderBy(desc(listFetches.at), desc(listFetches.id))
    .limit(1);
  return list.activeVersionId === null ? undefined : (last?.etags ?? undefined);
}

async function keepOutcome(tx: Tx, ctx: Ctx, listId: Id, outcome: Outcome): Promise<void> {
  const list = await lockRow(tx, screeningLists, listId);
  if (list === undefined) {
    return;
  }
  const at = ctx.deps.clock.now();
  const failed = outcome.outcome === 'failed' ? list.failedFetches + 1 : 0;
  const everyMinutes = list.fetchMinutes ?? EVERY_MINUTES;
  await tx.insert(listFetches).values({ id: newId(), listId, at, ...outcome });
  const [after] = await tx
    .update(screeningLists)
    .set({
      lastFetchAt: at,
      lastFetchOutcome: outcome.outcome,
      failedFetches: failed,
      nextFetchAt: addMs(at, everyMinutes * 60_000),
      ...(outcome.outcome === 'unchanged' ? { confirmedAt: at } : {}),
    })
    .where(eq(screeningLists.id, listId))
    .returning();
  await record(tx, ctx, {
    event: AML_EVENTS['screening_list.fetched'],
    resource: { type: 'screening_list', id: listId },
    subjectUserId: null,
    after: { ...after, ...outcome },
  });
  if (failed === ALARM_AFTER_FAILURES) {
    await raiseAlarm(tx, ctx, {
      event: AML_EVENTS['screening_list.stale'],
      resource: { type: 'screening_list', id: listId },
      subjectUserId: null,
      after,
    });
  }
}

/** A list nobody confirmed for too long says nothing about who was listed since; once a day somebody is told. */
async function watchAge(ctx: Ctx): Promise<void> {
  const now = ctx.deps.clock.now();
  const lists = await transact(ctx, 'engine', (tx) =>
    tx
      .select()
      .from(screeningLists)
      .where(and(eq(screeningLists.status, 'active'), isNotNull(screeningLists.sourceUrls))),
  );
  const nowMs = msOfInstant(now);
  for (const list of lists) {
    const since = msOfInstant(list.confirmedAt ?? list.createdAt);
    const told = list.staleAlarmAt === null ? undefined : msOfInstant(list.staleAlarmAt);
    const late = nowMs - since > list.staleAfterHours * 3_600_000;
    if (late && (told === undefined || nowMs - told >= DAY_MS)) {
      await transact(ctx, 'engine', async (tx) => {
        await tx.update(screeningLists).set({ staleAlarmAt: now }).where(eq(screeningLists.id, list.id));
        await raiseAlarm(tx, ctx, {
          event: AML_EVENTS['screening_list.stale'],
          resource: { type: 'screening_list', id: list.id },
          subjectUserId: null,
          after: list,
        });
      });
    }
  }
}
