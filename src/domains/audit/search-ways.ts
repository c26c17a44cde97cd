/**
 * How a search is put to the database. Each condition that an index answers in the order of the answer is a way
 * to the rows: it looks at so many rows at most, whatever the other conditions leave of them. So a search costs
 * the same for what is common, rare or absent, and does not hang on what PostgreSQL knows of the table, which
 * under row-level security is little: it may not use statistics with comparisons of enums.
 */
import type { z } from '@hono/zod-openapi';
import { and, eq, getTableColumns, gte, lt, type SQL, Subquery, sql } from 'drizzle-orm';
import { type Id, isId } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import type { AuditRow } from '../../platform/audit/row.ts';
import type { Tx } from '../../platform/db/client.ts';
import { arrayLiteral } from '../../platform/db/insert-rows.ts';
import { auditLogs } from '../../platform/db/schema.ts';
import type { auditLogQuery } from './api.ts';

/** What all ways look at before they give up. @units rows */
export const LOOKED_AT = 1_000;
/** What is looked at of each combination of kinds, of which few hold many rows. @units rows */
const LOOKED_AT_KIND = 100;

/** What is searched by. */
export type LogFilters = Omit<z.output<typeof auditLogQuery>, 'limit' | 'cursor'>;

/** A row looked at: one that fits, or the last one before its stream gave up. */
export type Looked = { readonly row: AuditRow; readonly fits: boolean; readonly last: boolean };

export type LogSearch = {
  readonly filters: LogFilters;
  /** Whether rows of class restricted are seen. */
  readonly restricted: boolean;
  /** Who reads; null for a machine. Of restricted rows they see none about themselves. */
  readonly reader: Id | null;
  /** Things the reader is part of, of whose restricted rows they see none either. */
  readonly concealed: readonly Id[];
  /** The row the page before ended at. */
  readonly after: readonly string[] | undefined;
  readonly limit: number;
};

/**
 * The ways to a search's rows, the likely shortest first. A row is found by each way, by one of its statements.
 * @shape each statement gives its rows newest first
 */
export function searchWays(tx: Tx, search: LogSearch) {
  const ways = waysTo(search.filters);
  const most = Math.max(search.limit, Math.ceil(LOOKED_AT / ways.flat().length));
  return ways.map((way) =>
    way.map((stream) => (stream === 'kinds' ? byKinds(tx, search) : along(tx, search, stream, most))),
  );
}

/**
 * Has the planner count rows and not pages, so that it walks the index of the condition: by its own prices it
 * would rather go back in time, and go on for long where what is asked for is rare.
 * @effects settings of the transaction
 */
export async function preferFewRows(tx: Tx): Promise<void> {
  await tx.execute(
    sql`select set_config('random_page_cost', '0', true), set_config('seq_page_cost', '0', true)`,
  );
}

/** Nobody is told of what is restricted about themselves, or of what they are part of (no tipping off). */
export function notOn(reader: Id | null, concealed: readonly Id[]): SQL | undefined {
  if (reader === null) {
    return undefined;
  }
  const others =
    concealed.length === 0
      ? undefined
      : sql`${auditLogs.resourceId} <> all (${arrayLiteral(concealed)}::text[])`;
  const about = sql`${auditLogs.subjectUserId} is distinct from ${reader}::uuid`;
  return sql`(${auditLogs.class} = 'normal' or ${and(about, others)})`;
}

/** Rows older than the last one of the page before. */
export function beforeRow(after: readonly string[] | undefined): SQL | undefined {
  const [recordedAt, id] = after ?? [];
  return recordedAt === undefined || id === undefined
    ? undefined
    : // Said twice, so that the months after it are not looked at.
      sql`${auditLogs.recordedAt} <= ${recordedAt as Instant}::timestamptz
        and (${auditLogs.recordedAt}, ${auditLogs.id}) < (${recordedAt as Instant}::timestamptz, ${id}::uuid)`;
}

/** Rows of the log that a statement gives, to be selected from as from the log. */
export function asLogs(rows: SQL) {
  return new Subquery(rows, getTableColumns(auditLogs), 'audit_logs');
}

type Stream = SQL | 'kinds';

/** Of each way the streams; a row that fits is in one of them. */
function waysTo(filters: LogFilters): readonly (readonly Stream[])[] {
  const { requestId, resourceId, actorId, userId, eventType } = filters;
  const ways: (readonly Stream[])[] = [];
  if (requestId !== undefined) {
    ways.push([sql`${auditLogs.requestId} = ${requestId}`]);
  }
  if (resourceId !== undefined) {
    ways.push([sql`${auditLogs.resourceId} = ${resourceId}`]);
  }
  if (actorId !== undefined) {
    // Literals, so that the planner sees that the partial index answers.
    const machine = sql`${auditLogs.actorId} = ${actorId} and ${auditLogs.actorKind} not in ('customer', 'staff')`;
    ways.push(isId(actorId) ? [byActor(actorId), machine] : [machine]);
  }
  if (userId !== undefined) {
    const other = sql`${auditLogs.actorUserId} is distinct from ${auditLogs.subjectUserId}`;
    ways.push([byActor(userId), sql`${auditLogs.subjectUserId} = ${userId}::uuid and ${other}`]);
  }
  if (!mayBeOrdinary(filters)) {
    ways.push(['kinds']);
  }
  if (eventType !== undefined) {
    ways.push([sql`${auditLogs.eventType} = ${eventType}`]);
  }
  return ways.length === 0 ? [[sql`true`]] : ways;
}

function byActor(userId: string): SQL {
  return sql`${auditLogs.actorUserId} = ${userId}::uuid`;
}

/** A stream in the order of its index. */
function along(tx: Tx, search: LogSearch, stream: SQL, most: number) {
  return rowsOf(tx, search, most, looked(and(stream, within(search)), NEWEST, most));
}

/** All but the ordinary rows, each combination of kinds in the order of the index. */
function byKinds(tx: Tx, search: LogSearch) {
  const kinds = kindsOf(search);
  const most = onlyKinds(search.filters) ? search.limit : LOOKED_AT_KIND;
  const column = (at: number) => sql.param(`{${kinds.map((kind) => kind[at]).join(',')}}`);
  const one = and(
    sql`${auditLogs.category} = kind.category and ${auditLogs.severity} = kind.severity
      and ${auditLogs.outcome} = kind.outcome and ${auditLogs.class} = kind.class`,
    OUT_OF_THE_ORDINARY,
    within(search),
  );
  return rowsOf(
    tx,
    search,
    most,
    sql`select one.* from unnest(${column(0)}::audit_category[], ${column(1)}::audit_severity[],
        ${column(2)}::audit_outcome[], ${column(3)}::audit_class[]) as kind (category, severity, outcome, class)
      cross join lateral (${looked(one, KINDS_NEWEST, most)}) as one`,
  );
}

/** Of the rows looked at those that fit, and the last of a stream that gave up. */
function rowsOf(tx: Tx, { filters, limit }: LogSearch, most: number, rows: SQL) {
  const fits = sql<boolean>`coalesce(${fitting(filters)}, false)`;
  const last = sql<boolean>`place = ${most}`;
  return tx
    .select({ row: getTableColumns(auditLogs), fits, last })
    .from(asLogs(rows))
    .where(sql`${fits} or ${last}`)
    .orderBy(NEWEST)
    .limit(limit);
}

const NEWEST = sql.raw('audit_logs.recorded_at desc, audit_logs.id desc');

/**
 * The order of the index of kinds. Of one combination it is the same order; but under row-level security
 * PostgreSQL does not see that an enum that is asked for has one value.
 */
const KINDS_NEWEST = sql`${sql.raw(
  ['category', 'severity', 'outcome', 'class'].map((kind) => `audit_logs.${kind} desc`).join(', '),
)}, ${NEWEST}`;

/** Rows as they are looked at, with their places. */
function looked(where: SQL | undefined, order: SQL, most: number): SQL {
  return sql`select audit_logs.*, row_number() over (order by ${order}) as place from audit_logs
    where ${where} order by ${order} limit ${most}`;
}

/**
 * What holds for all that is looked at. A cursor may name the last row looked at, so whoever may not see
 * restricted rows does not look at them, nor anybody at those about themselves.
 */
function within({
  filters: { from, to, class: sort },
  restricted,
  reader,
  concealed,
  after,
}: LogSearch): SQL | undefined {
  return and(
    restricted && sort !== 'normal' ? notOn(reader, concealed) : eq(auditLogs.class, 'normal'),
    from === undefined ? undefined : gte(auditLogs.recordedAt, from),
    to === undefined ? undefined : lt(auditLogs.recordedAt, to),
    beforeRow(after),
  );
}

function fitting(filters: LogFilters): SQL {
  const { userId, actorId, category, severity, eventType, requestId, resourceType, resourceId, outcome } =
    filters;
  const user = sql`${userId}::uuid`;
  const conditions = and(
    userId === undefined
      ? undefined
      : sql`(${auditLogs.actorUserId} = ${user} or ${auditLogs.subjectUserId} = ${user})`,
    actorId === undefined ? undefined : eq(auditLogs.actorId, actorId),
    category === undefined ? undefined : eq(auditLogs.category, category),
    severity === undefined ? undefined : eq(auditLogs.severity, severity),
    eventType === undefined ? undefined : eq(auditLogs.eventType, eventType),
    requestId === undefined ? undefined : eq(auditLogs.requestId, requestId),
    resourceType === undefined ? undefined : eq(auditLogs.resourceType, resourceType),
    resourceId === undefined ? undefined : eq(auditLogs.resourceId, resourceId),
    outcome === undefined ? undefined : eq(auditLogs.outcome, outcome),
    filters.class === undefined ? undefined : eq(auditLogs.class, filters.class),
  );
  return conditions ?? sql`true`;
}

/** As the index of kinds says it. */
const OUT_OF_THE_ORDINARY = sql`(${auditLogs.category} not in ('trading', 'financial')
  or ${auditLogs.severity} <> 'info' or ${auditLogs.outcome} <> 'success' or ${auditLogs.class} <> 'normal')`;

const ORDINARY_CATEGORIES: readonly string[] = ['trading', 'financial'];

/** Whether ordinary rows, found soon by going back in time, are among those asked for. */
function mayBeOrdinary({ category, severity, outcome, class: sort }: LogFilters): boolean {
  return (
    (category === undefined || ORDINARY_CATEGORIES.includes(category)) &&
    (severity ?? 'info') === 'info' &&
    (outcome ?? 'success') === 'success' &&
    (sort ?? 'normal') === 'normal'
  );
}

/** The combinations of kinds that fit. */
function kindsOf({ filters, restricted }: LogSearch): readonly (readonly string[])[] {
  const { category, severity, outcome, class: sort } = filters;
  const kinds: string[][] = [];
  for (const one of category === undefined ? auditLogs.category.enumValues : [category]) {
    for (const two of severity === undefined ? auditLogs.severity.enumValues : [severity]) {
      for (const three of outcome === undefined ? auditLogs.outcome.enumValues : [outcome]) {
        for (const four of sort === undefined ? auditLogs.class.enumValues : [sort]) {
          if (restricted || four === 'normal') {
            kinds.push([one, two, three, four]);
          }
        }
      }
    }
  }
  return kinds;
}

function onlyKinds({ actorId, userId, eventType, requestId, resourceType, resourceId }: LogFilters): boolean {
  return [actorId, userId, eventType, requestId, resourceType, resourceId].every(
    (filter) => filter === undefined,
  );
}
