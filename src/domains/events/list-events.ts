import { and, asc, eq, gt, isNotNull } from 'drizzle-orm';
import { assert } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { outbox } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuseEvents } from './errors.ts';

export type EventPage = { readonly after?: Id | undefined; readonly limit: number };

/**
 * The caller's own events in commit order. Only placed events are shown, so that a reader who
 * continues from the last one misses none.
 * @errors event_unknown for an `after` that is not an event of theirs
 */
export async function listEvents(ctx: Ctx, { after, limit }: EventPage) {
  const { actor } = ctx;
  assert('userId' in actor, 'the feed belongs to a person');
  return transact(ctx, ctx.login, async (tx) => {
    const own = and(eq(outbox.userId, actor.userId), eq(outbox.customerVisible, true));
    const from = after === undefined ? 0n : await positionOf(tx, actor.userId, after);
    const rows = await tx
      .select()
      .from(outbox)
      .where(and(own, isNotNull(outbox.position), gt(outbox.position, from)))
      .orderBy(asc(outbox.position))
      .limit(limit);
    return rows.map((row) => ({
      id: row.id,
      type: row.type,
      occurredAt: row.occurredAt,
      ...(row.accountId === null ? {} : { accountId: row.accountId }),
      ...(row.userId === null ? {} : { userId: row.userId }),
      data: row.data,
    }));
  });
}

async function positionOf(tx: Tx, userId: Id, eventId: Id): Promise<bigint> {
  const [row] = await tx
    .select({ position: outbox.position })
    .from(outbox)
    .where(and(eq(outbox.id, eventId), eq(outbox.userId, userId), eq(outbox.customerVisible, true)));
  if (row?.position == null) {
    throw refuseEvents('event_unknown');
  }
  return row.position;
}
