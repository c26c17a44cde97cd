import type { z } from '@hono/zod-openapi';
import { inArray } from 'drizzle-orm';
import { personOf } from '../../kernel/actor.ts';
import { canonicalJson, type Json } from '../../kernel/canonical-json.ts';
import type { Id } from '../../kernel/id.ts';
import type { Page } from '../../kernel/page.ts';
import { record } from '../../platform/audit/record.ts';
import type { AuditRow, PersonalPart } from '../../platform/audit/row.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { auditLeaves } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { readCursor, signCursor } from '../../platform/http/cursor.ts';
import type { auditLogQuery } from './api.ts';
import { AUDIT_EVENTS } from './audit.ts';
import { concealedRows } from './concealed-rows.ts';
import { personalOpener } from './personal-part.ts';
import { sightOf } from './rules.ts';
import { type LogSearch, type Looked, preferFewRows, searchWays } from './search-ways.ts';

/** A row as its reader may see it. */
export type SeenRow = Omit<AuditRow, 'personal'> & {
  readonly personal: PersonalPart | null;
  readonly leafIndex: number | null;
};

/** Rows, newest first, and how far the search came; null where it came to the end. */
export type Found = { readonly rows: readonly AuditRow[]; readonly reached: readonly string[] | null };

/**
 * Searches the log, newest first. Restricted rows and personal parts only for examiners.
 * @shape a page may hold fewer rows than asked for, even none, and still be followed by another
 * @effects audit `audit_log.person_read` where the search is about a person
 * @errors invalid_cursor
 */
export async function searchLogs(ctx: Ctx, query: z.output<typeof auditLogQuery>): Promise<Page<SeenRow>> {
  const { limit, cursor, ...filters } = query;
  const sight = sightOf(ctx.actor);
  const listing = `audit-logs ${sight.restricted} ${canonicalJson(filters as Json)}`;
  const key = ctx.deps.keyring.cursorKey;
  const after = cursor === undefined ? undefined : readCursor(key, listing, cursor);
  return transact(ctx, ctx.login, async (tx) => {
    const reader = personOf(ctx.actor);
    const concealed = await concealedRows(tx, ctx, reader);
    const search = { filters, restricted: sight.restricted, reader, concealed, after, limit };
    const { rows, reached } = await findRows(tx, search);
    if (filters.userId !== undefined) {
      await record(tx, ctx, {
        event: AUDIT_EVENTS['audit_log.person_read'],
        resource: { type: 'user', id: filters.userId },
        subjectUserId: filters.userId,
        after: { filters, rows: rows.length },
      });
    }
    return {
      nextCursor: reached === null ? null : signCursor(key, listing, reached),
      data: await shownRows(tx, ctx, rows, sight.personal),
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
 * The newest rows of a search. It goes one way after the other until one fills the page or comes to the end;
 * where none does, the page is what the one found that came furthest.
 * @shape `limit` rows at most
 * @effects settings of the transaction
 */
export async function findRows(tx: Tx, search: LogSearch): Promise<Found> {
  const { limit } = search;
  await preferFewRows(tx);
  let best: Found | undefined;
  for (const way of searchWays(tx, { ...search, limit: limit + 1 })) {
    const found = mergeStreams(await Promise.all(way), limit + 1);
    if (found.rows.length > limit) {
      const rows = found.rows.slice(0, limit);
      return { rows, reached: positionOf(rows.at(-1)) };
    }
    if (found.reached === null) {
      return found;
    }
    best = best === undefined || isOlder(found.reached, best.reached) ? found : best;
  }
  return best ?? { rows: [], reached: null };
}

/** The rows of all streams, each once, in the order of the indexes. */
export function newestOf(streams: readonly (readonly AuditRow[])[]): readonly AuditRow[] {
  const found = new Map(streams.flat().map((row) => [row.id, row]));
  return [...found.values()].sort((left, right) => (isOlder(positionOf(left), positionOf(right)) ? 1 : -1));
}

/** What all streams of a way have looked at: down to where the first of them gave up. */
function mergeStreams(streams: readonly (readonly Looked[])[], limit: number): Found {
  let reached: readonly string[] | null = null;
  for (const looked of streams) {
    const stop = looked.find(({ last }) => last) ?? (looked.length === limit ? looked.at(-1) : undefined);
    const position = positionOf(stop?.row);
    reached = position !== null && (reached === null || isOlder(reached, position)) ? position : reached;
  }
  const rows = streams.map((looked) =>
    looked
      .filter(({ row, fits }) => fits && (reached === null || !isOlder(positionOf(row), reached)))
      .map(({ row }) => row),
  );
  return { rows: newestOf(rows), reached };
}

function positionOf(row: AuditRow): readonly string[];
function positionOf(row: AuditRow | undefined): readonly string[] | null;
function positionOf(row: AuditRow | undefined): readonly string[] | null {
  return row === undefined ? null : [row.recordedAt, row.id];
}

/** Instants and ids have one length each, so that their texts compare as they do. */
function isOlder(one: readonly string[], other: readonly string[] | null): boolean {
  return other !== null && one.join(' ') < other.join(' ');
}

async function placesOf(tx: Tx, rows: readonly AuditRow[]): Promise<ReadonlyMap<Id, number>> {
  const ids = rows.map((row) => row.id);
  const leaves =
    ids.length === 0 ? [] : await tx.select().from(auditLeaves).where(inArray(auditLeaves.logId, ids));
  return new Map(leaves.map((leaf) => [leaf.logId as Id, Number.parseInt(String(leaf.leafIndex), 10)]));
}
