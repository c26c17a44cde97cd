import { and, asc, eq, gt, isNull, lte } from 'drizzle-orm';
import { assert } from '../../kernel/assert.ts';
import { type Id, isId } from '../../kernel/id.ts';
import { type Instant, parseInstant } from '../../kernel/time.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import type { DueItem, RetentionPiece } from '../../platform/domain.ts';
import { heldBy } from '../../platform/privacy/legal-holds.ts';
import { readKeptMonths } from '../../platform/privacy/retention-policies.ts';
import { eraseUser } from './erase-user.ts';
import { personKeptUntil } from './kept-until.ts';
import { obstaclesOf } from './refuse-obstructed.ts';
import { users } from './schema.ts';

const PAGE = 200;

/** People whose relationship ended, with whom nothing is open and of whom nothing need be kept: erasing them destroys their key. */
export const duePeople: RetentionPiece = {
  recordClass: 'customer_file',
  due: readDuePeople,
  destroy: (tx, ctx, subject, reason) => {
    assert(isId(subject), 'a person is named by an id');
    return eraseUser(tx, ctx, subject, reason);
  },
};

async function readDuePeople(tx: Tx, ctx: Ctx, after: string | null) {
  const monthsOf = await readKeptMonths(tx, ctx.deps);
  const now = ctx.deps.clock.now();
  // Who left later is not due whatever else is held on them: only the others are looked at one by one.
  const endedBy = earliestEnd(now, monthsOf('customer_file'));
  const closed = await tx
    .select()
    .from(users)
    .where(
      and(
        eq(users.status, 'closed'),
        isNull(users.deletedAt),
        lte(users.closedAt, endedBy),
        after === null ? undefined : gt(users.id, after as Id),
      ),
    )
    .orderBy(asc(users.id))
    .limit(PAGE);
  const items: DueItem[] = [];
  for (const user of closed) {
    const { until, lastFact } = await personKeptUntil(tx, ctx, user, monthsOf);
    if (until <= now && (await obstaclesOf(tx, ctx, user.id)).length === 0) {
      const holds = await heldBy(tx, { userId: user.id, from: user.createdAt, to: lastFact });
      items.push({ subject: user.id, userId: user.id, dueSince: until, held: holds.length > 0 });
    }
  }
  return { items, next: closed.length < PAGE ? null : (closed.at(-1)?.id ?? null) };
}

/** An end later than that is kept still; a day more, since months have days of their own. */
function earliestEnd(now: Instant, months: number): Instant {
  const end = Temporal.Instant.from(now).toZonedDateTimeISO('UTC').subtract({ months }).add({ days: 1 });
  return parseInstant(end.toInstant().toString());
}
