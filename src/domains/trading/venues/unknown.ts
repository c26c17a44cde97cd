import { and, eq, exists, inArray, isNull, notExists, sql } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { record, recordMany } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow, lockRows } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { type NewRiskAlert, raiseAlerts } from '../../risk/index.ts';
import { TRADING_EVENTS } from '../audit.ts';
import type { Book } from '../pipeline/desk.ts';
import { holdBooks } from '../pipeline/fence.ts';
import type { OrderRow } from '../pipeline/ticket.ts';
import { orderEvents, orders } from '../schema.ts';
import { venueOrders, venueReports } from './schema.ts';

/** An execution that the order does not cover; the others are about answers that did not come. */
export const CONTESTED = 'contested_execution';

/** Its venue has said that it has it, whether or not it reported anything, and does not say so any more. */
export const KNOWN_BEFORE = 'known_before';

/** Neither contested, nor agreed on by two people and about to be carried out. */
const UNSETTLED = and(
  isNull(venueOrders.resolutionId),
  sql`${venueOrders.unknownReason} is distinct from ${CONTESTED}`,
);

/** Why nobody knows what became of an order. */
export type UnknownReason = 'send_unanswered' | 'look_up_unanswered' | typeof KNOWN_BEFORE | typeof CONTESTED;

/**
 * Keeps that nobody knows what became of orders at their venue: they stay open and reserved until the venue's own
 * report or two people say what happened.
 * @effects `venue_orders`, `risk_alerts`; audit `venue_order.unknown`
 * @errors BookLost
 */
export async function keepUnknown(
  ctx: Ctx,
  book: Book,
  unknown: readonly { readonly orderId: Id; readonly reason: UnknownReason }[],
): Promise<void> {
  if (unknown.length > 0) {
    await transact(ctx, 'engine', async (tx) => {
      await holdBooks(tx, [book]);
      // All of them first: no settlement changes what is known of them, and each locks them in one order.
      const ids = unknown.map(({ orderId }) => orderId);
      const rowOf = new Map((await lockRows(tx, orders, ids)).map((row) => [row.id, row]));
      for (const { orderId, reason } of unknown) {
        await keepOne(tx, ctx, present(rowOf.get(orderId), 'what is at a venue is an order'), reason);
      }
    });
  }
}

/** Keeps it of one order that the caller has locked. */
async function keepOne(tx: Tx, ctx: Ctx, known: OrderRow, given: UnknownReason): Promise<void> {
  const orderId = known.id;
  const [sent] = await tx
    .select({ state: venueOrders.state })
    .from(venueOrders)
    .where(and(eq(venueOrders.orderId, orderId), inArray(venueOrders.state, ['sending', 'working'])));
  if (sent === undefined) {
    return;
  }
  const reason = sent.state === 'working' ? KNOWN_BEFORE : given;
  const [row] = await tx
    .update(venueOrders)
    .set({ state: 'unknown', unknownReason: reason, unknownSince: ctx.deps.clock.now() })
    .where(eq(venueOrders.orderId, orderId))
    .returning();
  const marked = present(row, 'whose order is locked stays there');
  await record(tx, ctx, {
    event: TRADING_EVENTS['venue_order.unknown'],
    resource: { type: 'venue_order', id: orderId },
    subjectUserId: known.userId,
    after: { symbol: known.symbol, venue: marked.venue, unknownReason: reason },
  });
  await raiseAlerts(tx, ctx, [unknownAlert(known, marked.venue, reason)]);
}

/**
 * Keeps that orders whose sending was cut off are at their venue: it says so when they are looked up. What it reports of
 * them goes its own way.
 * @effects `venue_orders.state`; audit `venue_order.found`
 * @errors BookLost
 */
export async function keepFound(ctx: Ctx, book: Book, orderIds: readonly Id[]): Promise<void> {
  if (orderIds.length === 0) {
    return;
  }
  await transact(ctx, 'engine', async (tx) => {
    await holdBooks(tx, [book]);
    const locked = await lockRows(tx, orders, orderIds);
    const found = await tx
      .update(venueOrders)
      .set({ state: 'working', unknownReason: null, unknownSince: null })
      .where(
        and(
          inArray(venueOrders.orderId, [...orderIds]),
          inArray(venueOrders.state, ['sending', 'unknown']),
          UNSETTLED,
        ),
      )
      .returning();
    const venueOf = new Map(found.map(({ orderId, venue }) => [orderId, venue]));
    await recordMany(
      tx,
      ctx,
      locked.flatMap(({ id, symbol, userId }) => {
        const venue = venueOf.get(id);
        return venue === undefined
          ? []
          : [
              {
                event: TRADING_EVENTS['venue_order.found'],
                resource: { type: 'venue_order', id },
                subjectUserId: userId,
                after: { symbol, venue },
              },
            ];
      }),
    );
  });
}

/**
 * Which of some orders nobody has spoken of since they were to be sent, neither their venue nor two people, and whose every
 * `send` bore until when it may be taken. Those of a version that sent without are never of them: what it sent may come
 * however late.
 */
export async function neverHeardOf(tx: Tx, orderIds: readonly Id[]): Promise<ReadonlySet<Id>> {
  const rows = await tx
    .select({ orderId: venueOrders.orderId })
    .from(venueOrders)
    .where(
      and(
        inArray(venueOrders.orderId, [...orderIds]),
        inArray(venueOrders.state, ['sending', 'unknown']),
        UNSETTLED,
        sql`${venueOrders.unknownReason} is distinct from ${KNOWN_BEFORE}`,
        exists(
          tx
            .select()
            .from(orderEvents)
            .where(
              and(
                eq(orderEvents.orderId, venueOrders.orderId),
                eq(orderEvents.type, 'order.routed'),
                sql`${orderEvents.data} ? 'takenWithinMs'`,
              ),
            ),
        ),
        notExists(tx.select().from(venueReports).where(eq(venueReports.orderId, venueOrders.orderId))),
      ),
    );
  return new Set(rows.map(({ orderId }) => orderId));
}

/**
 * Takes back what two people said of an order, where it cannot be carried out: they are asked again.
 * @effects `venue_orders.resolution`, `risk_alerts`; audit `venue_order.resolution_failed`
 */
export async function dropResolution(
  tx: Tx,
  ctx: Ctx,
  { orderId, resolutionId }: { readonly orderId: Id; readonly resolutionId: Id },
): Promise<void> {
  const order = present(await lockRow(tx, orders, orderId), 'what is at a venue is an order');
  const [dropped] = await tx
    .update(venueOrders)
    .set({ resolution: null, resolutionId: null })
    .where(and(eq(venueOrders.orderId, orderId), eq(venueOrders.resolutionId, resolutionId)))
    .returning();
  if (dropped === undefined) {
    return;
  }
  const { symbol, userId } = order;
  await record(tx, ctx, {
    event: TRADING_EVENTS['venue_order.resolution_failed'],
    resource: { type: 'venue_order', id: orderId },
    subjectUserId: userId,
    after: { symbol, venue: dropped.venue, resolutionId },
  });
  const alert = unknownAlert(order, dropped.venue, 'resolution_failed');
  // Of each resolution, also where the order was told of today.
  await raiseAlerts(tx, ctx, [{ ...alert, condition: `${alert.condition} ${resolutionId}` }]);
}

/** What the firm is told of an order nobody knows the fate of. */
export function unknownAlert(
  order: OrderRow,
  venue: string,
  reason: UnknownReason | 'resolution_failed',
): NewRiskAlert {
  return {
    kind: 'venue_unknown',
    severity: order.book === 'live' ? 'critical' : 'low',
    condition: `venue_unknown ${order.id} ${reason}`,
    userId: order.userId,
    accountId: order.accountId,
    instrumentId: order.instrumentId,
    details: { orderId: order.id, symbol: order.symbol, venue, reason },
  };
}
