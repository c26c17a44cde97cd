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
 * @effects `orders`, `order_events`, `trail_marks`, `book_owners.phase`, audit `order.triggered`, `order.released`,
 *   `order.reduced` and `order.reserved`
 */
export async function writeSteps(tx: Tx, ctx: Ctx, plan: Plan, now: Instant): Promise<void> {
  await keepMarks(tx, plan.marks);
  for (const { instrumentId, book, phase } of plan.phases.values()) {
    await tx
      .update(bookOwners)
      .set({ phase })
      .where(sql`${bookOwners.instrumentId} = ${instrumentId} and ${bookOwners.book} = ${book}`);
  }
  const changed = [...plan.orders.values()];
  const moved = changed.filter(hasStep);
  if (moved.length > 0) {
    await updateSteps(tx, moved, now);
  }
  await insertRows(
    tx,
    orderEvents,
    changed.flatMap((order) =>
      stepsOf(order).map(({ type, data }) => ({
        id: newId(),
        orderId: order.row.id,
        userId: order.row.userId,
        accountId: order.row.accountId,
        type,
        data: { ...data, version: order.row.version + 1 },
        requestId: ctx.requestId,
        occurredAt: now,
      })),
    ),
  );
  const evidence = changed.flatMap((order) => evidenceOf(order, now));
  if (evidence.length > 0) {
    await recordMany(tx, ctx, evidence);
  }
}

/** What the audit log says of an order's steps: also where only what it reserves moved. */
function evidenceOf(order: PlannedOrder, now: Instant) {
  const { row, triggered, reducedQuantity } = order;
  const isReduced = reducedQuantity !== row.reducedQuantity;
  const isReleased = comesFree(order);
  const happened = [
    ...(triggered === null ? [] : (['order.triggered'] as const)),
    ...(isReleased ? (['order.released'] as const) : []),
    ...(isReduced ? (['order.reduced'] as const) : []),
    ...(!(isReleased || isReduced) && isSharedAnew(order) ? (['order.reserved'] as const) : []),
  ];
  if (happened.length === 0) {
    return [];
  }
  const state = stateOf(order, now);
  const after = {
    ...row,
    ...state,
    status: order.status,
    filledQuantity: amountOf(order.filledQuantity),
    reservation: amountOf(order.reservation),
    bookSeq: state.bookSeq?.toString() ?? null,
  };
  return happened.map((name) => ({
    event: TRADING_EVENTS[name],
    resource: { type: 'order', id: row.id },
    subjectUserId: row.userId,
    ...(name === 'order.triggered' ? {} : { before: { ...row, bookSeq: row.bookSeq?.toString() ?? null } }),
    after: name === 'order.reduced' ? { ...after, reason: 'group' } : after,
  }));
}

/** What an order that lives on reserves moved without a trade of its own, or rose beside one. */
function isSharedAnew(order: PlannedOrder): boolean {
  const { row, reservation } = order;
  return lives(order) && reservation !== row.reservation && (!trades(order) || reservation > row.reservation);
}

function lives({ status }: PlannedOrder): boolean {
  return status === 'open' || status === 'partially_filled' || status === 'held';
}

function trades({ row, filledQuantity }: PlannedOrder): boolean {
  return filledQuantity !== row.filledQuantity;
}

/** True for an exit that is set free and has not been triggered. */
function comesFree({ comesBackAt, triggered }: PlannedOrder): boolean {
  return comesBackAt !== null && triggered === null;
}

/** What an outbox event says happened, where it was neither a trade nor an end. */
export function stepName(order: PlannedOrder): 'triggered' | 'released' | 'reduced' | 'held' | 'reserved' {
  const { triggered, comesBackAt, trail } = order;
  if (isQuiet(order)) {
    return trail === null ? 'reserved' : 'held';
  }
  return triggered !== null ? 'triggered' : comesBackAt !== null ? 'released' : 'reduced';
}

/** True for an order that a plan looked at and left as it was: it gets no version. */
export function isUntouched(order: PlannedOrder): boolean {
  return (
    isQuiet(order) &&
    order.trail === null &&
    order.reservation === order.row.reservation &&
    order.cancelReason === order.row.cancelReason
  );
}

/** True for an order of which only where its trail begins, or what it reserves, changed. */
export function isQuiet(order: PlannedOrder): boolean {
  const { row, triggered, comesBackAt, status, filledQuantity, reducedQuantity } = order;
  return (
    triggered === null &&
    comesBackAt === null &&
    status === row.status &&
    filledQuantity === row.filledQuantity &&
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
    triggerPrice: triggered?.price ?? row.triggerPrice,
    triggeredCap: triggered?.cap ?? row.triggeredCap,
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
      trigger_price = step.price::numeric, triggered_at = step.triggered_at::timestamptz,
      triggered_cap = step.cap::numeric
    from unnest(${column(({ id }) => id)}, ${column((state) => amount(state.reducedQuantity))},
      ${column(({ bookSeq }) => bookSeq?.toString() ?? null)}, ${column(({ heldSeq }) => heldSeq?.toString() ?? null)},
      ${column((state) => amount(state.highWaterMark))}, ${column((state) => amount(state.triggerPrice))},
      ${column(({ triggeredAt }) => triggeredAt)}, ${column((state) => amount(state.triggeredCap))})
      as step (id, reduced, book_seq, held_seq, mark, price, triggered_at, cap)
    where o.id = step.id::uuid`);
}

function stepsOf(
  order: PlannedOrder,
): { readonly type: string; readonly data: Readonly<Record<string, string>> }[] {
  const { row, trail, triggered, reducedQuantity } = order;
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
    ...(comesFree(order) ? [{ type: 'order.released', data: {} }] : []),
    ...((isQuiet(order) && trail === null && !isUntouched(order)) || (trades(order) && isSharedAnew(order))
      ? [{ type: 'order.reserved', data: { reservation: formatAmount(order.reservation) } }]
      : []),
  ];
}
