/**
 * What happens to orders besides trades and their end: they are held, triggered, set free, or less of
 * them stays open. Written only where it happened, so that the common settlement pays nothing for it.
 */
import { sql } from 'drizzle-orm';
import { amountOf, formatAmount } from '../../../kernel/amount.ts';
import { newId } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import { recordMany } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { insertRows } from '../../../platform/db/insert-rows.ts';
import { TRADING_EVENTS } from '../audit.ts';
import { bookOwners, orderEvents, orders } from '../schema.ts';
import type { Plan, PlannedOrder } from './settle-plan.ts';
import type { OrderRow } from './ticket.ts';
import { keepMarks } from './trail-marks.ts';

/**
 * Writes those steps, before the orders themselves: what is triggered was held.
 * @effects `orders`, `order_events`, `trail_marks`, `book_owners.phase`, audit `order.triggered`
 */
export async function writeSteps(tx: Tx, ctx: Ctx, plan: Plan, now: Instant): Promise<void> {
  await keepMarks(tx, plan.marks);
  for (const { instrumentId, book, phase } of plan.phases.values()) {
    await tx
      .update(bookOwners)
      .set({ phase })
      .where(sql`${bookOwners.instrumentId} = ${instrumentId} and ${bookOwners.book} = ${book}`);
  }
  const moved = [...plan.orders.values()].filter(hasStep);
  if (moved.length === 0) {
    return;
  }
  await updateSteps(tx, moved, now);
  await insertRows(
    tx,
    orderEvents,
    moved.flatMap((order) =>
      stepsOf(order).map(({ type, data }) => ({
        id: newId(),
        orderId: order.row.id,
        userId: order.row.userId,
        accountId: order.row.accountId,
        type,
        data,
        requestId: ctx.requestId,
        occurredAt: now,
      })),
    ),
  );
  await recordMany(
    tx,
    ctx,
    moved.flatMap((order) =>
      order.triggered === null
        ? []
        : [
            {
              event: TRADING_EVENTS['order.triggered'],
              resource: { type: 'order', id: order.row.id },
              subjectUserId: order.row.userId,
              after: { ...order.row, ...stateOf(order, now), status: order.status },
            },
          ],
    ),
  );
}

/** What an outbox event says happened, where it was neither a trade nor an end. */
export function stepName({ triggered, comesBackAt }: PlannedOrder): 'triggered' | 'released' | 'reduced' {
  return triggered !== null ? 'triggered' : comesBackAt !== null ? 'released' : 'reduced';
}

/** True for an order whose only news is where its trail begins: it was told when it was accepted. */
export function isOnlyTrailing({
  row,
  trail,
  triggered,
  comesBackAt,
  status,
  reducedQuantity,
}: PlannedOrder): boolean {
  return (
    trail !== null &&
    triggered === null &&
    comesBackAt === null &&
    status === row.status &&
    reducedQuantity === row.reducedQuantity
  );
}

/** The order as it comes back into its book; null for one that does not. */
export function returning(order: PlannedOrder, now: Instant): OrderRow | null {
  if (order.comesBackAt === null || (order.status !== 'open' && order.status !== 'held')) {
    return null;
  }
  return {
    ...order.row,
    ...stateOf(order, now),
    status: order.status,
    filledQuantity: amountOf(order.filledQuantity),
    reservation: amountOf(order.reservation),
  };
}

function hasStep(order: PlannedOrder): boolean {
  return (
    order.trail !== null || order.comesBackAt !== null || order.reducedQuantity !== order.row.reducedQuantity
  );
}

function stateOf(order: PlannedOrder, now: Instant) {
  const { row, trail, triggered } = order;
  const mark = triggered?.mark ?? trail?.mark ?? null;
  return {
    reducedQuantity: amountOf(order.reducedQuantity),
    bookSeq: order.comesBackAt ?? row.bookSeq,
    heldSeq: trail?.heldSeq ?? row.heldSeq,
    highWaterMark: mark === null ? row.highWaterMark : amountOf(mark),
    triggerPrice: triggered === null ? row.triggerPrice : amountOf(triggered.price),
    triggeredAt: triggered === null ? row.triggeredAt : now,
  };
}

async function updateSteps(tx: Tx, moved: readonly PlannedOrder[], now: Instant): Promise<void> {
  const states = moved.map((order) => ({ id: order.row.id, ...stateOf(order, now) }));
  const column = (pick: (state: (typeof states)[number]) => string | null) =>
    sql`${sql.param(states.map(pick))}::text[]`;
  const amount = (value: bigint | null) => (value === null ? null : formatAmount(value));
  await tx.execute(sql`
    update ${orders} o set reduced_quantity = step.reduced::numeric, book_seq = step.book_seq::bigint,
      held_seq = step.held_seq::bigint, high_water_mark = step.mark::numeric,
      trigger_price = step.price::numeric, triggered_at = step.triggered_at::timestamptz
    from unnest(${column(({ id }) => id)}, ${column((state) => amount(state.reducedQuantity))},
      ${column(({ bookSeq }) => bookSeq?.toString() ?? null)}, ${column(({ heldSeq }) => heldSeq?.toString() ?? null)},
      ${column((state) => amount(state.highWaterMark))}, ${column((state) => amount(state.triggerPrice))},
      ${column(({ triggeredAt }) => triggeredAt)})
      as step (id, reduced, book_seq, held_seq, mark, price, triggered_at)
    where o.id = step.id::uuid`);
}

function stepsOf(
  order: PlannedOrder,
): { readonly type: string; readonly data: Readonly<Record<string, string>> }[] {
  const { row, trail, triggered, comesBackAt, reducedQuantity } = order;
  const reduced = reducedQuantity - row.reducedQuantity;
  return [
    ...(trail === null ? [] : [{ type: 'order.held', data: { highWaterMark: formatAmount(trail.mark) } }]),
    ...(reduced === 0n ? [] : [{ type: 'order.reduced', data: { quantity: formatAmount(reduced) } }]),
    ...(triggered === null
      ? []
      : [
          {
            type: 'order.triggered',
            data: {
              price: formatAmount(triggered.price),
              ...(triggered.mark === null ? {} : { highWaterMark: formatAmount(triggered.mark) }),
            },
          },
        ]),
    ...(comesBackAt !== null && triggered === null ? [{ type: 'order.released', data: {} }] : []),
  ];
}
