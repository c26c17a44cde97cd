import { and, desc, eq, inArray, type SQL, sql } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Page } from '../../kernel/page.ts';
import { recordMany } from '../../platform/audit/record.ts';
import type { AuditRow } from '../../platform/audit/row.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { auditLogs } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { cutPage, readCursor } from '../../platform/http/cursor.ts';
import { AUDIT_EVENTS } from './audit.ts';
import { beforeRow, newestOf, type SeenRow, searchStatements, shownRows } from './search-logs.ts';
import type { TIMELINE_KINDS } from './timeline-api.ts';

/** More requests than this never concern one order or payment; the newest are looked at. */
const MAX_REQUESTS = 5_000;

/**
 * What the log holds about one thing across all domains, newest first: its own rows and, but for a user, what
 * the same requests did to anything else. Examiners only, so rows of class restricted are among them.
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
  return transact(ctx, ctx.login, async (tx) => {
    const rows =
      kind === 'user'
        ? await newestOf(searchStatements(tx, { userId: id }, true, after, limit + 1), limit + 1)
        : await aroundResource(tx, kind, id, beforeRow(after), limit + 1);
    const page = cutPage(key, listing, rows, limit, (row) => [row.recordedAt, row.id]);
    await tellRead(tx, ctx, { kind, id }, page.data);
    return { nextCursor: page.nextCursor, data: await shownRows(tx, ctx, page.data, true) };
  });
}

async function aroundResource(
  tx: Tx,
  type: string,
  id: Id,
  before: SQL | undefined,
  limit: number,
): Promise<readonly AuditRow[]> {
  const own = await tx
    .select({ requestId: auditLogs.requestId })
    .from(auditLogs)
    .where(and(eq(auditLogs.resourceId, id), eq(auditLogs.resourceType, type)))
    .orderBy(desc(auditLogs.recordedAt), desc(auditLogs.id))
    .limit(MAX_REQUESTS);
  const requests = [...new Set(own.map(({ requestId }) => requestId))];
  if (requests.length === 0) {
    return [];
  }
  // A batch carries the work of many under one request: of it, only what names this thing or its own people.
  return tx
    .select()
    .from(auditLogs)
    .where(
      and(
        inArray(auditLogs.requestId, requests),
        before,
        sql`(${auditLogs.actorKind} not in ('job', 'system') or ${auditLogs.resourceId} = ${id})`,
      ),
    )
    .orderBy(desc(auditLogs.recordedAt), desc(auditLogs.id))
    .limit(limit);
}

async function tellRead(
  tx: Tx,
  ctx: Ctx,
  of: { readonly kind: string; readonly id: Id },
  rows: readonly AuditRow[],
): Promise<void> {
  const people = new Set(rows.flatMap((row) => row.subjectUserId ?? []));
  if (of.kind === 'user') {
    people.add(of.id);
  }
  await recordMany(
    tx,
    ctx,
    [...people].map((userId) => ({
      event: AUDIT_EVENTS['audit_log.person_read'],
      resource: { type: of.kind, id: of.id },
      subjectUserId: userId as Id,
      after: { filters: { timeline: of.kind }, rows: rows.length },
    })),
  );
}
