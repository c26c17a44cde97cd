import { and, asc, desc, eq, getTableColumns, gte, type SQL, sql } from 'drizzle-orm';
import { personOf } from '../../kernel/actor.ts';
import type { Id } from '../../kernel/id.ts';
import type { Page } from '../../kernel/page.ts';
import type { Instant } from '../../kernel/time.ts';
import type { AuditRow } from '../../platform/audit/row.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { arrayLiteral } from '../../platform/db/insert-rows.ts';
import { approvals, auditLogs } from '../../platform/db/schema.ts';
import { together, transact } from '../../platform/db/transact.ts';
import { readCursor, signCursor } from '../../platform/http/cursor.ts';
import { concealedRows } from './concealed-rows.ts';
import { type Found, findRows, newestOf, type SeenRow, shownRows } from './search-logs.ts';
import { asLogs, beforeRow, notOn, preferFewRows } from './search-ways.ts';
import { tellReads } from './tell-reads.ts';
import type { TIMELINE_KINDS } from './timeline-api.ts';

/** So many more rows of a thing than a page has, on each side of its beginning, say which requests it is made of. */
const BEYOND = 100;

const NEWEST = [desc(auditLogs.recordedAt), desc(auditLogs.id)];

/**
 * What the log holds about one thing across all domains, newest first: its own rows and, but for a user, those of
 * the approvals about it, what was tried on either and refused, and what the same requests did to anything else. Examiners only, so rows of class restricted are among them, but for
 * those on the reader.
 * @effects audit `audit_log.person_read` for each person it tells of
 * @errors invalid_cursor
 */
export async function readTimeline(
  ctx: Ctx,
  kind: (typeof TIMELINE_KINDS)[number],
  id: Id,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<Page<SeenRow>> {
  const listing = `audit-timeline ${kind} ${id}`;
  const key = ctx.deps.keyring.cursorKey;
  const after = cursor === undefined ? undefined : readCursor(key, listing, cursor);
  const self = personOf(ctx.actor);
  return transact(ctx, ctx.login, async (tx) => {
    const concealed = await concealedRows(tx, ctx, self);
    const ofUser = { filters: { userId: id }, restricted: id !== self, reader: self, concealed };
    const { rows, reached } =
      kind === 'user'
        ? await findRows(tx, { ...ofUser, after, limit })
        : await aroundResource(tx, { type: kind, id }, { after, limit }, notOn(self, concealed));
    await tellReads(tx, ctx, [...rows.map((row) => row.subjectUserId), ...(kind === 'user' ? [id] : [])], {
      resource: { type: kind, id },
      after: { filters: { timeline: kind }, rows: rows.length },
    });
    return {
      nextCursor: reached === null ? null : signCursor(key, listing, reached),
      data: await shownRows(tx, ctx, rows, true),
    };
  });
}

type Thing = { readonly type: string; readonly id: Id };
type Place = { readonly after: readonly string[] | undefined; readonly limit: number };

async function aroundResource(
  tx: Tx,
  thing: Thing,
  { after, limit }: Place,
  seen: SQL | undefined,
): Promise<Found> {
  await preferFewRows(tx);
  await neverSort(tx);
  const own = and(eq(auditLogs.resourceId, thing.id), eq(auditLogs.resourceType, thing.type), seen);
  const older = and(seen, beforeRow(after));
  const things = [thing.id, ...(await approvalsOf(tx, thing))];
  const [about, tried, requests] = await together(
    newestOfEach(tx, things, isAbout(thing.type), older, limit + 1),
    newestOfEach(tx, things, IS_TRIED_ON, older, limit + 1, TRIED_ON),
    requestsAround(tx, own, after, limit + BEYOND),
  );
  const rows = newestOf([about, tried]).slice(0, limit + 1);
  // Its own rows fill the page, or it has no more: of the requests nothing older than those is shown.
  const floor = rows.length > limit ? rows.at(-1) : undefined;
  const within = and(older, floor && gte(auditLogs.recordedAt, floor.recordedAt));
  const found = newestOf([rows, await newestOfEach(tx, requests, IS_OF_REQUEST, within, limit + 1)]);
  const shown = found.slice(0, limit);
  const last = shown.at(-1);
  return { rows: shown, reached: found.length > limit && last ? [last.recordedAt, last.id] : null };
}

/**
 * Has the months of the log merged in the order of their indexes. PostgreSQL takes everything for a thing with few
 * rows, which it would rather read whole and sort: for a busy account, most of what it ever did.
 * @effects a setting of the transaction
 */
async function neverSort(tx: Tx): Promise<void> {
  await tx.execute(sql`select set_config('enable_sort', 'off', true)`);
}

/**
 * The requests that touched a thing about the time of a page. A batch carries the work of many under one
 * request: of it, only what names this thing.
 */
async function requestsAround(
  tx: Tx,
  own: SQL | undefined,
  after: readonly string[] | undefined,
  most: number,
): Promise<readonly string[]> {
  const byPeople = sql`${auditLogs.actorKind} not in ('job', 'system')`;
  const of = (where: SQL | undefined, order: readonly SQL[]) =>
    tx
      .select({ requestId: auditLogs.requestId })
      .from(auditLogs)
      .where(and(own, where, byPeople))
      .orderBy(...order)
      .limit(most);
  const [recordedAt] = after ?? [];
  const rows = await together(
    of(beforeRow(after), NEWEST),
    recordedAt === undefined
      ? Promise.resolve([])
      : of(gte(auditLogs.recordedAt, recordedAt as Instant), [asc(auditLogs.recordedAt), asc(auditLogs.id)]),
  );
  return [...new Set(rows.flat().map(({ requestId }) => requestId))];
}

/** What other people were asked to decide about a thing: their votes are on the approval, not on the thing. */
async function approvalsOf(tx: Tx, { type, id }: Thing): Promise<readonly string[]> {
  const rows = await tx
    .select({ id: approvals.id })
    .from(approvals)
    .where(and(eq(approvals.subjectId, id), eq(approvals.subjectType, type)));
  return rows.map((row) => row.id);
}

const IS_OF_REQUEST = sql`${auditLogs.requestId} = asked.key`;

/** As the index of attempts says it. */
const TRIED_ON = sql`(${auditLogs.after} -> 'on' ->> 'id')`;

const IS_TRIED_ON = sql`${TRIED_ON} = asked.key and ${auditLogs.resourceType} = 'operation'`;

/** Rows of a thing and of the approvals about it. */
function isAbout(type: string): SQL {
  return sql`${auditLogs.resourceId} = asked.key and ${auditLogs.resourceType} in (${type}, 'approval')`;
}

/**
 * Of each key the newest rows that match. Where the key is an expression its index has to be named as the first of the
 * order: under row-level security PostgreSQL does not see that one that is asked for has one value.
 */
async function newestOfEach(
  tx: Tx,
  keys: readonly string[],
  matches: SQL,
  within: SQL | undefined,
  limit: number,
  indexed?: SQL,
): Promise<readonly AuditRow[]> {
  const first = indexed && sql`${indexed} desc, `;
  const newest = sql`order by ${first} audit_logs.recorded_at desc, audit_logs.id desc limit ${limit}`;
  return keys.length === 0
    ? []
    : tx.select(getTableColumns(auditLogs)).from(
        asLogs(sql`select one.* from unnest(${sql.param(arrayLiteral(keys))}::text[]) as asked (key)
        cross join lateral (
          select audit_logs.* from audit_logs
          where ${and(matches, within)} ${newest}) as one
        ${sql.raw('order by one.recorded_at desc, one.id desc')} limit ${limit}`),
      );
}
