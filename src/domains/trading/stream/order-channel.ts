import { z } from '@hono/zod-openapi';
import { and, asc, desc, eq, inArray, isNull } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { changes } from '../../../platform/changes/changes.ts';
import type { Ctx } from '../../../platform/context.ts';
import { ownRows } from '../../../platform/db/own-rows.ts';
import { transact } from '../../../platform/db/transact.ts';
import { toWire } from '../../../platform/http/wire.ts';
import { type Feed, streamChannel } from '../../../platform/stream/channel.ts';
import { Order } from '../api.ts';
import { orderEvents, orders } from '../schema.ts';
import { type OrderView, viewsOf } from '../store.ts';
import { ORDERS_MOVED } from './moved.ts';
import { orderTail } from './order-tail.ts';

/** What a snapshot shows at most; who has more open orders lists them. */
const MAX_OPEN = 1_000;

/** Every event of the caller's own orders, on all their accounts; none is ever left out. */
export const orderChannel = streamChannel({
  name: 'orders',
  access: { customer: true, scope: 'orders:read' },
  params: z.strictObject({}),
  delivery: 'every',
  everyMs: 50,
  keyOf: (ctx) => present(personOf(ctx.actor), 'a customer is a person'),
  open: (ctx) => openOrderFeed(ctx),
});

type WireOrder = z.output<typeof Order>;

async function openOrderFeed(ctx: Ctx): Promise<Feed> {
  const userId = present(personOf(ctx.actor), 'a customer is a person');
  const tail = orderTail(ctx.deps);
  const inbox: Id[] = [];
  let unfollow = tail.follow(userId, (ids) => inbox.push(...ids));
  let open: Map<Id, WireOrder>;
  try {
    // What is told up to here is in the snapshot; what is committed in between comes again as an update.
    await tail.refresh();
    inbox.length = 0;
    open = await readOpen(ctx);
  } catch (failure) {
    unfollow();
    throw failure;
  }
  return {
    snapshot: () => {
      const rows = [...open.values()];
      return { orders: rows.slice(0, MAX_OPEN), complete: rows.length <= MAX_OPEN };
    },
    poll: async () => {
      await tail.refresh();
      const ids = [...inbox];
      const read = ids.length === 0 ? [] : await readEvents(ctx, ids);
      // Only now: had the reading failed, they would be read again.
      inbox.splice(0, ids.length);
      for (const { order } of read) {
        if (order.closedAt === null) {
          open.set(order.id, order);
        } else {
          open.delete(order.id);
        }
      }
      return read;
    },
    watch: (moved) => {
      const off = changes(ctx.deps).on(ORDERS_MOVED, moved);
      return () => {
        off();
        unfollow();
        unfollow = () => {};
      };
    },
  };
}

async function readOpen(ctx: Ctx): Promise<Map<Id, WireOrder>> {
  return transact(ctx, ctx.login, async (tx) => {
    const rows = await tx
      .select()
      .from(orders)
      .where(and(ownRows(ctx, orders.userId), isNull(orders.closedAt)))
      .orderBy(desc(orders.id))
      .limit(MAX_OPEN + 1);
    return new Map((await viewsOf(tx, rows)).map((view) => [view.id, wireOrder(view)]));
  });
}

/** What happened, with the order as it is by now. */
async function readEvents(ctx: Ctx, ids: readonly Id[]) {
  return transact(ctx, ctx.login, async (tx) => {
    const rows = await tx
      .select({ event: orderEvents, order: orders })
      .from(orderEvents)
      .innerJoin(orders, eq(orders.id, orderEvents.orderId))
      .where(and(ownRows(ctx, orderEvents.userId), inArray(orderEvents.id, [...ids])))
      .orderBy(asc(orderEvents.id));
    const views = await viewsOf(
      tx,
      rows.map(({ order }) => order),
    );
    return rows.map(({ event: { id, type, data, occurredAt } }, index) => ({
      event: { id, type, data, occurredAt },
      order: wireOrder(present(views[index], 'each order has its view')),
    }));
  });
}

/** The order as `GET /v1/orders/{id}` answers it. */
function wireOrder(order: OrderView): WireOrder {
  return Order.parse(toWire(order));
}
