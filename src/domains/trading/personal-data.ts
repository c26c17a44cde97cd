import { inArray, sql } from 'drizzle-orm';
import { type Instant, parseInstant } from '../../kernel/time.ts';
import type { Tx } from '../../platform/db/client.ts';
import type { PersonalData } from '../../platform/domain.ts';
import { personalRows } from '../../platform/privacy/personal-rows.ts';
import { fills, orderEvents, orders } from './schema.ts';

type Order = typeof orders.$inferSelect;

/** What trading holds on a person. */
export const personalOrders: PersonalData = {
  name: 'trading',
  recordClass: 'orders',
  tables: ['orders', 'order_events', 'fills'],
  sections: {
    orders: personalRows(orders, {
      keys: ['id'],
      more: async (rows, { tx }) => withEvents(rows, await eventsOf(tx, rows)),
    }),
    fills: personalRows(fills, { keys: ['id'] }),
  },
  keptSince: async (tx, userId): Promise<Instant | null> => {
    const [last] = await tx.execute<{ at: string | null }>(
      sql`select max(coalesce(closed_at, placed_at))::text as at from orders where user_id = ${userId}`,
    );
    return last?.at ? parseInstant(last.at) : null;
  },
};

async function eventsOf(tx: Tx, rows: readonly Order[]) {
  const ids = rows.map((order) => order.id);
  return ids.length === 0
    ? []
    : tx.select().from(orderEvents).where(inArray(orderEvents.orderId, ids)).orderBy(orderEvents.id);
}

/** A place in the book is a number, not an amount. */
function withEvents(rows: readonly Order[], events: readonly (typeof orderEvents.$inferSelect)[]) {
  const byOrder = Map.groupBy(events, (event) => event.orderId);
  return rows.map((order) => ({
    bookSeq: order.bookSeq?.toString() ?? null,
    events: byOrder.get(order.id) ?? [],
  }));
}
