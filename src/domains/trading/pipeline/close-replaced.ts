import { eq, inArray, sql } from 'drizzle-orm';
import { formatAmount, ZERO } from '../../../kernel/amount.ts';
import { newId } from '../../../kernel/id.ts';
import { recordMany } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { insertRows } from '../../../platform/db/insert-rows.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import { TRADING_EVENTS } from '../audit.ts';
import { newsData, tellOrders } from '../order-news.ts';
import { orderEvents, orders } from '../schema.ts';
import type { Decided } from './accept-decisions.ts';
import type { SharedAnew } from './replace-leg.ts';
import type { OrderRow } from './ticket.ts';

export type Replacement = Decided & { readonly replaced: OrderRow };

/** True for an accepted order that takes the place of another. */
export function replaces(decided: Decided): decided is Replacement {
  return decided.replaced !== null;
}

/**
 * Closes the orders whose place others take, in the transaction that accepts those (I14). What traded of
 * them has traded; they hold nothing any more.
 * @effects `orders`, `order_events`, outbox `trading.order_replaced`, audit `order.closed`
 */
export async function closeReplaced(tx: Tx, ctx: Ctx, replacements: readonly Replacement[]): Promise<void> {
  const rows = replacements.map(({ replaced }) => replaced);
  await tx
    .update(orders)
    .set({
      status: 'replaced',
      reservation: ZERO,
      closedAt: ctx.deps.clock.now(),
      version: sql`${orders.version} + 1`,
    })
    .where(
      inArray(
        orders.id,
        rows.map(({ id }) => id),
      ),
    );
  await insertRows(
    tx,
    orderEvents,
    replacements.map(({ candidate, replaced, order }) => ({
      id: newId(),
      orderId: replaced.id,
      userId: replaced.userId,
      accountId: replaced.accountId,
      type: 'order.replaced',
      data: { ...progressOf(replaced), replacedById: order.id, version: replaced.version + 1 },
      requestId: candidate.ticket.ctx.requestId,
      occurredAt: order.placedAt,
    })),
  );
  await recordMany(
    tx,
    ctx,
    replacements.map(({ candidate, replaced }) => ({
      event: TRADING_EVENTS['order.closed'],
      resource: { type: 'order', id: replaced.id },
      subjectUserId: replaced.userId,
      before: replaced,
      after: { ...replaced, ...progressOf(replaced) },
      ctx: candidate.ticket.ctx,
    })),
  );
  await publish(
    tx,
    ctx,
    replacements.map(({ replaced, order }) => ({
      type: 'trading.order_replaced',
      userId: replaced.userId,
      accountId: replaced.accountId,
      customerVisible: true,
      data: {
        ...newsData({ ...replaced, version: replaced.version + 1 }, order.placedAt),
        replacedById: order.id,
        ...progressOf(replaced),
      },
    })),
  );
}

/**
 * Writes what orders of a group reserve since another stands beside them; nothing else has happened to them.
 * @effects `orders`, `order_events`, outbox `trading.order_reserved`, audit `order.reserved`
 */
export async function shareAnew(tx: Tx, ctx: Ctx, shared: readonly SharedAnew[]): Promise<void> {
  for (const { after } of shared) {
    await tx
      .update(orders)
      .set({ reservation: after.reservation, version: sql`${orders.version} + 1` })
      .where(eq(orders.id, after.id));
  }
  await tellOrders(
    tx,
    ctx,
    shared.map(({ before, after }) => ({
      order: { ...after, version: before.version + 1 },
      what: 'reserved' as const,
      data: { reservation: formatAmount(after.reservation) },
    })),
  );
  const shown = (row: OrderRow) => ({ ...row, bookSeq: row.bookSeq?.toString() ?? null });
  await recordMany(
    tx,
    ctx,
    shared.map(({ before, after }) => ({
      event: TRADING_EVENTS['order.reserved'],
      resource: { type: 'order', id: after.id },
      subjectUserId: after.userId,
      before: shown(before),
      after: shown(after),
    })),
  );
}

function progressOf(replaced: OrderRow) {
  return {
    status: 'replaced' as const,
    filledQuantity: formatAmount(replaced.filledQuantity),
    filledAmount: formatAmount(replaced.filledAmount),
    fees: formatAmount(replaced.fees),
  };
}
