import type { z } from '@hono/zod-openapi';
import { and, desc, eq, gte, inArray, lt, type SQL, sql } from 'drizzle-orm';
import { canonicalJson, type Json } from '../../kernel/canonical-json.ts';
import { type Id, isId } from '../../kernel/id.ts';
import type { Page } from '../../kernel/page.ts';
import type { Instant } from '../../kernel/time.ts';
import { record } from '../../platform/audit/record.ts';
import type { AuditRow, PersonalPart } from '../../platform/audit/row.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { auditLeaves, auditLogs } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { cutPage, readCursor } from '../../platform/http/cursor.ts';
import type { auditLogQuery } from './api.ts';
import { AUDIT_EVENTS } from './audit.ts';
import { personalOpener } from './personal-part.ts';
import { sightOf } from './rules.ts';

type Query = z.output<typeof auditLogQuery>;

type Filters = Omit<Query, 'limit' | 'cursor'>;

/** A row as its reader may see it. */
export type SeenRow = Omit<AuditRow, 'personal'> & {
  readonly personal: PersonalPart | null;
  readonly leafIndex: number | null;
};

/**
 * Searches the log, newest first. Restricted rows and personal parts only for examiners.
 * @effects audit `audit_log.person_read` where the search is about a person
 * @errors invalid_cursor
 */
export async function searchLogs(ctx: Ctx, query: Query): Promise<Page<SeenRow>> {
  const { limit, cursor, ...filters } = query;
  const sight = sightOf(ctx.actor);
  const listing = `audit-logs ${sight.restricted} ${canonicalJson(filters as Json)}`;
  const key = ctx.deps.keyring.cursorKey;
  const after = cursor === undefined ? undefined : readCursor(key, listing, cursor);
  return transact(ctx, ctx.login, async (tx) => {
    const rows = await newestOf(searchStatements(tx, filters, sight.restricted, after, limit + 1), limit + 1);
    const page = cutPage(key, listing, rows, limit, (row) => [row.recordedAt, row.id]);
    if (filters.userId !== undefined) {
      await record(tx, ctx, {
        event: AUDIT_EVENTS['audit_log.person_read'],
        resource: { type: 'user', id: filters.userId },
        subjectUserId: filters.userId,
        after: { filters, rows: page.data.length },
      });
    }
    return {
      nextCursor: page.nextCursor,
      data: await shownRows(tx, ctx, page.data, sight.personal),
    };
  });
}

/** Rows as their reader may see them, with their places in the log. */
export async function shownRows(
  tx: Tx,
  ctx: Ctx,
  rows: readonly AuditRow[],
  personal: boolean,
): Promise<readonly SeenRow[]> {
  const open = personal ? await personalOpener(tx, ctx.deps, rows) : () => null;
  const places = await placesOf(tx, rows);
  return rows.map((row) => ({
    ...row,
    personal: open(row)?.part ?? null,
    leafIndex: places.get(row.id as Id) ?? null,
  }));
}

/**
 * What a search asks the database: one statement for each index that can answer it, each with the newest rows
 * it finds. Asked as one with `or`, PostgreSQL would sort all rows of a person.
 */
export function searchStatements(
  tx: Tx,
  filters: Filters,
  restricted: boolean,
  after: readonly string[] | undefined,
  limit: number,
) {
  return waysTo(filters).map((way) =>
    tx
      .select()
      .from(auditLogs)
      .where(
        and(restricted ? undefined : eq(auditLogs.class, 'normal'), way, matching(filters), beforeRow(after)),
      )
      .orderBy(desc(auditLogs.recordedAt), desc(auditLogs.id))
      .limit(limit),
  );
}

/** The conditions of which a row meets at least one. */
function waysTo({ userId, actorId }: Filters): readonly (SQL | undefined)[] {
  if (userId !== undefined) {
    const actor = actorId === undefined ? undefined : eq(auditLogs.actorId, actorId);
    return [and(eq(auditLogs.actorUserId, userId), actor), and(eq(auditLogs.subjectUserId, userId), actor)];
  }
  if (actorId === undefined) {
    return [undefined];
  }
  // Literals, so that the planner sees that the partial index answers.
  const machine = sql`${auditLogs.actorId} = ${actorId} and ${auditLogs.actorKind} not in ('customer', 'staff')`;
  const person = sql`${auditLogs.actorUserId} = ${actorId}::uuid and ${auditLogs.actorId} = ${actorId} and ${auditLogs.actorKind} in ('customer', 'staff')`;
  return isId(actorId) ? [person, machine] : [machine];
}

/** The newest rows of all statements, each once. */
export async function newestOf(
  statements: ReturnType<typeof searchStatements>,
  limit: number,
): Promise<readonly AuditRow[]> {
  const found = new Map<string, AuditRow>();
  for (const statement of statements) {
    for (const row of await statement) {
      found.set(row.id, row);
    }
  }
  const key = (row: AuditRow): string => `${row.recordedAt} ${row.id}`;
  return [...found.values()].sort((left, right) => (key(left) < key(right) ? 1 : -1)).slice(0, limit);
}

function matching(filters: Filters): SQL | undefined {
  const { from, to, category, severity, eventType, requestId, resourceType, resourceId, outcome } = filters;
  return and(
    from === undefined ? undefined : gte(auditLogs.recordedAt, from),
    to === undefined ? undefined : lt(auditLogs.recordedAt, to),
    category === undefined ? undefined : categoryIs(category),
    severity === undefined ? undefined : severityIs(severity),
    eventType === undefined ? undefined : eq(auditLogs.eventType, eventType),
    requestId === undefined ? undefined : eq(auditLogs.requestId, requestId),
    resourceType === undefined ? undefined : eq(auditLogs.resourceType, resourceType),
    resourceId === undefined ? undefined : eq(auditLogs.resourceId, resourceId),
    outcome === undefined ? undefined : eq(auditLogs.outcome, outcome),
    filters.class === undefined ? undefined : eq(auditLogs.class, filters.class),
  );
}

/** The rare categories have an index; said again, so that the planner sees that it answers. */
function categoryIs(category: NonNullable<Filters['category']>): SQL {
  const common = category === 'trading' || category === 'financial';
  return common
    ? eq(auditLogs.category, category)
    : sql`${auditLogs.category} = ${category} and ${auditLogs.category} not in ('trading', 'financial')`;
}

function severityIs(severity: NonNullable<Filters['severity']>): SQL {
  return severity === 'info'
    ? eq(auditLogs.severity, severity)
    : sql`${auditLogs.severity} = ${severity} and ${auditLogs.severity} <> 'info'`;
}

/** Rows older than the last one of the page before. */
export function beforeRow(after: readonly string[] | undefined): SQL | undefined {
  const [recordedAt, id] = after ?? [];
  return recordedAt === undefined || id === undefined
    ? undefined
    : sql`(${auditLogs.recordedAt}, ${auditLogs.id}) < (${recordedAt as Instant}::timestamptz, ${id}::uuid)`;
}

async function placesOf(tx: Tx, rows: readonly AuditRow[]): Promise<ReadonlyMap<Id, number>> {
  const ids = rows.map((row) => row.id);
  const leaves =
    ids.length === 0 ? [] : await tx.select().from(auditLeaves).where(inArray(auditLeaves.logId, ids));
  return new Map(leaves.map((leaf) => [leaf.logId as Id, Number.parseInt(String(leaf.leafIndex), 10)]));
}
