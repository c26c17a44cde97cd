import type { z } from '@hono/zod-openapi';
import { personOf } from '../../kernel/actor.ts';
import type { Id } from '../../kernel/id.ts';
import type { Page } from '../../kernel/page.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import type { auditLogQuery } from './api.ts';
import { requireKnownType } from './event-type.ts';
import { type SeenRow, searchLogs } from './search-logs.ts';
import { peopleNamed, tellReads } from './tell-reads.ts';

type Query = z.output<typeof auditLogQuery>;

/**
 * Searches the log for a reader. A search that names a person some other way than by `userId`, such as by what
 * is theirs, is as much a look at their file; nobody finds what is restricted about themselves (no tipping off).
 * @effects those of `searchLogs`; audit `audit_log.person_read` for each person whom the filters name, or the
 * rows of the one key, thing or request that was asked for
 * @errors validation_failed (an event that there is not), invalid_cursor
 */
export async function readLog(ctx: Ctx, query: Query): Promise<Page<SeenRow>> {
  const self = personOf(ctx.actor);
  const ownAffairs = query.userId !== undefined && query.userId === self;
  if (ownAffairs && query.class === 'restricted') {
    return { data: [], nextCursor: null };
  }
  await transact(ctx, ctx.login, (tx) => requireKnownType(tx, ctx, query.eventType, 'query/eventType'));
  const found = await searchLogs(ctx, ownAffairs ? { ...query, class: 'normal' } : query);
  const page = { ...found, data: found.data.filter((row) => row.class === 'normal' || !isAbout(row, self)) };
  const { limit: _limit, cursor: _cursor, ...filters } = query;
  const { userId, actorId, resourceId, requestId } = filters;
  const named = actorId ?? resourceId ?? requestId;
  if (named !== undefined) {
    await transact(ctx, ctx.login, async (tx) => {
      const people = [
        ...(await peopleNamed(tx, ctx, [actorId, resourceId])),
        ...page.data.flatMap((row) => [row.subjectUserId, row.actorUserId]),
      ];
      await tellReads(
        tx,
        ctx,
        // The search itself has told of this one.
        people.filter((person) => person !== userId),
        { resource: { type: 'audit_log', id: named }, after: { filters, rows: page.data.length } },
      );
    });
  }
  return page;
}

function isAbout(row: SeenRow, person: Id | null): boolean {
  return row.subjectUserId !== null && row.subjectUserId === person;
}
