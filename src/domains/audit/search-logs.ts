import type { z } from '@hono/zod-openapi';
import { and, desc, eq, gte, inArray, lt, or, type SQL, sql } from 'drizzle-orm';
import { canonicalJson, type Json } from '../../kernel/canonical-json.ts';
import type { Id } from '../../kernel/id.ts';
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
    const rows = await tx
      .select()
      .from(auditLogs)
      .where(
        and(sight.restricted ? undefined : eq(auditLogs.class, 'normal'), matching(filters), before(after)),
      )
      .orderBy(desc(auditLogs.recordedAt), desc(auditLogs.id))
      .limit(limit + 1);
    const page = cutPage(key, listing, rows, limit, (row) => [row.recordedAt, row.id]);
    const open = sight.personal ? await personalOpener(tx, ctx.deps, page.data) : () => null;
    const places = await placesOf(tx, page.data);
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
      data: page.data.map((row) => ({
        ...row,
        personal: open(row)?.part ?? null,
        leafIndex: places.get(row.id as Id) ?? null,
      })),
    };
  });
}

function matching(filters: Filters): SQL | undefined {
  const { from, to, actorId, userId, category, severity, eventType, requestId } = filters;
  return and(
    from === undefined ? undefined : gte(auditLogs.recordedAt, from),
    to === undefined ? undefined : lt(auditLogs.recordedAt, to),
    actorId === undefined ? undefined : eq(auditLogs.actorId, actorId),
    userId === undefined
      ? undefined
      : or(eq(auditLogs.actorUserId, userId), eq(auditLogs.subjectUserId, userId)),
    category === undefined ? undefined : eq(auditLogs.category, category),
    severity === undefined ? undefined : eq(auditLogs.severity, severity),
    eventType === undefined ? undefined : eq(auditLogs.eventType, eventType),
    requestId === undefined ? undefined : eq(auditLogs.requestId, requestId),
  );
}

function before(after: readonly string[] | undefined): SQL | undefined {
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
