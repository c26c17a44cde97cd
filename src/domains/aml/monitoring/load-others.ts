import { sql } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { readTogether } from '../../../platform/db/read-columns.ts';
import { ACTIVITY_COLUMNS } from './load-past.ts';
import { PAST_ROWS } from './past-window.ts';
import { monitoredActivity } from './schema.ts';
import { inOrder, type Watched } from './watched.ts';

export const OTHERS_MS = 10 * 60_000;

/** How many more rows are read for orders of several people than one of them looks at. */
const BETWEEN_ALL = 800;

/**
 * Of each order the fills of other people in its instrument in the minutes before, newest first. They are read once
 * for all orders of an instrument, and by themselves for whoever's own fills were most of that.
 */
export async function loadOthers(
  tx: Tx,
  orders: readonly Watched[],
): Promise<ReadonlyMap<Id, readonly Watched[]>> {
  const others = new Map<Id, readonly Watched[]>();
  await loadWhole(tx, others, orders, ({ instrument }) => instrument ?? '');
  for (;;) {
    const left = orders.filter(({ id }) => !others.has(id));
    if (left.length === 0) {
      return others;
    }
    await loadWhole(tx, others, left, ({ instrument, userId }) => `${userId} ${instrument ?? ''}`);
  }
}

/** Takes what a read was enough for. */
async function loadWhole(
  tx: Tx,
  others: Map<Id, readonly Watched[]>,
  orders: readonly Watched[],
  keyOf: (order: Watched) => string,
): Promise<void> {
  const groups = [...Map.groupBy(orders, keyOf).values()].map((group) => group.toSorted(inOrder));
  const limits = groups.map((group) => PAST_ROWS + (group.length > 1 ? BETWEEN_ALL : 0));
  const read = await readTogether(
    tx,
    monitoredActivity,
    ACTIVITY_COLUMNS,
    groups.map((group, place) => fromOf(group, present(limits[place], 'each has a limit'))),
  );
  groups.forEach((group, place) => {
    const rows = present(read[place], 'each was read');
    const isWhole = rows.length < present(limits[place], 'each has a limit');
    const oldest = rows.at(-1)?.occurredAt;
    for (const order of group) {
      const found = othersIn(rows, order);
      // The last of a group always has all it looks at: each turn leaves fewer.
      const goesBehind = oldest !== undefined && oldest < addMs(order.occurredAt, -OTHERS_MS);
      if (isWhole || goesBehind || found.length === PAST_ROWS) {
        others.set(order.id, found);
      }
    }
  });
}

function fromOf(group: readonly Watched[], limit: number) {
  const [first, last] = [present(group[0], 'a group has one'), present(group.at(-1), 'a group has one')];
  const apart = group.every(({ userId }) => userId === first.userId)
    ? sql`and user_id <> ${first.userId}::uuid`
    : sql``;
  return sql`${monitoredActivity} where instrument = ${first.instrument ?? ''} and kind = 'fill' ${apart}
    and occurred_at <= ${last.occurredAt}::timestamptz
    and occurred_at >= ${addMs(first.occurredAt, -OTHERS_MS)}::timestamptz
    order by occurred_at desc, id desc limit ${sql.raw(String(limit))}`;
}

function othersIn(rows: readonly Watched[], { userId, occurredAt }: Watched): readonly Watched[] {
  const since = addMs(occurredAt, -OTHERS_MS);
  const found: Watched[] = [];
  for (const row of rows) {
    if (row.occurredAt < since || found.length === PAST_ROWS) {
      break;
    }
    if (row.userId !== userId && row.occurredAt <= occurredAt) {
      found.push(row);
    }
  }
  return found;
}
