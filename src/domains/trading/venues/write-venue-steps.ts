import { and, inArray, isNull, sql } from 'drizzle-orm';
import { formatAmount } from '../../../kernel/amount.ts';
import { assert } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import { recordMany } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { insertRows } from '../../../platform/db/insert-rows.ts';
import { raiseAlerts } from '../../risk/index.ts';
import { TRADING_EVENTS } from '../audit.ts';
import { tellOrders } from '../order-news.ts';
import type { Plan } from '../pipeline/settle-plan.ts';
import { TAKEN_WITHIN_MS } from './cut-off.ts';
import { venueOrders, venueReports } from './schema.ts';
import { CONTESTED, neverHeardOf, unknownAlert } from './unknown.ts';
import { figuresOf, hasVenueSteps, type VenuePlan } from './venue-plan.ts';

/**
 * Writes what a settlement says of orders at venues: what is to be sent, what is asked back, what venues reported and
 * what of it became a trade, and what never reached one. The caller holds the books and has locked the orders.
 * @effects `venue_orders`, `venue_reports`, `order_events`, `risk_alerts`; audit `venue_order.*`
 */
export async function writeVenueSteps(tx: Tx, ctx: Ctx, plan: Plan, now: Instant): Promise<void> {
  const { venues } = plan;
  if (!hasVenueSteps(venues)) {
    return;
  }
  await writeRoutes(tx, ctx, venues, now);
  if (venues.recalled.length > 0) {
    const ids = venues.recalled.map(({ id }) => id);
    // What is asked back again is the same question: it is told once.
    const rows = await tx
      .update(venueOrders)
      .set({ recalledAt: now })
      .where(and(inArray(venueOrders.orderId, ids), isNull(venueOrders.recalledAt)))
      .returning({ orderId: venueOrders.orderId });
    const asked = new Set(rows.map(({ orderId }) => orderId));
    const recalled = new Map(venues.recalled.map((order) => [order.id, order]));
    await tellOrders(
      tx,
      ctx,
      [...recalled.values()]
        .filter(({ id }) => asked.has(id))
        .map((order) => ({ order, what: 'recalled' as const, data: {} })),
    );
  }
  await proveNeverReceived(tx, ctx, venues);
  await writeReports(tx, ctx, plan, now);
  await writeStates(tx, plan, now);
  await recordMany(
    tx,
    ctx,
    venues.resolved.map(({ order, resolutionId }) => ({
      event: TRADING_EVENTS['venue_order.resolved'],
      resource: { type: 'venue_order', id: order.id },
      subjectUserId: order.userId,
      after: { orderId: order.id, symbol: order.symbol, resolutionId },
    })),
  );
}

/** Fails where a venue has said something of one of them meanwhile, or people have: nothing is let go then. */
async function proveNeverReceived(tx: Tx, ctx: Ctx, { neverReceived }: VenuePlan): Promise<void> {
  if (neverReceived.length === 0) {
    return;
  }
  const ids = neverReceived.map(({ order }) => order.id);
  const silent = await neverHeardOf(tx, ids);
  assert(
    ids.every((id) => silent.has(id)),
    'an order that its venue or people have spoken of is not taken for one that was never sent',
  );
  await recordMany(
    tx,
    ctx,
    neverReceived.map(({ order, venue }) => ({
      event: TRADING_EVENTS['venue_order.never_received'],
      resource: { type: 'venue_order', id: order.id },
      subjectUserId: order.userId,
      after: { orderId: order.id, symbol: order.symbol, venue },
    })),
  );
}

async function writeRoutes(tx: Tx, ctx: Ctx, { routed }: VenuePlan, now: Instant): Promise<void> {
  await insertRows(
    tx,
    venueOrders,
    routed.map(({ order, venue }) => ({
      orderId: order.id,
      instrumentId: order.instrumentId,
      book: order.book,
      venue,
      state: 'sending' as const,
      routedAt: now,
    })),
  );
  await tellOrders(
    tx,
    ctx,
    routed.map(({ order, venue }) => ({
      order,
      what: 'routed' as const,
      data: { venue },
      // Says that no `send` of it is without its `takeUntil` (`neverHeardOf`).
      kept: { takenWithinMs: TAKEN_WITHIN_MS },
    })),
  );
  await recordMany(
    tx,
    ctx,
    routed.map(({ order, venue }) => ({
      event: TRADING_EVENTS['order.routed'],
      resource: { type: 'order', id: order.id },
      subjectUserId: order.userId,
      after: { accountId: order.accountId, symbol: order.symbol, venue },
    })),
  );
}

async function writeReports(tx: Tx, ctx: Ctx, plan: Plan, now: Instant): Promise<void> {
  const { reports } = plan.venues;
  const tradeOf = new Map<Id, Id>(
    plan.trades.flatMap((trade) => (trade.venue === null ? [] : [[trade.venue.reportId, trade.id] as const])),
  );
  await insertRows(
    tx,
    venueReports,
    reports.map(({ id, order, venue, report, standing, resolutionId }) => ({
      id,
      orderId: order.id,
      venue,
      reportKey: report.reportId,
      type: report.type,
      standing,
      ...figuresOf(report),
      tradeId: tradeOf.get(id) ?? null,
      resolutionId,
      receivedAt: now,
    })),
  );
  const taken = reports.filter(
    ({ standing, report }) => standing !== 'contested' && report.type === 'accepted',
  );
  await tellOrders(
    tx,
    ctx,
    taken.map(({ order, venue }) => ({ order, what: 'acknowledged' as const, data: { venue } })),
  );
  const contested = reports.filter(({ standing }) => standing === 'contested');
  await recordMany(
    tx,
    ctx,
    contested.map(({ order, venue, report }) => ({
      event: TRADING_EVENTS['venue_order.contested'],
      resource: { type: 'venue_order', id: order.id },
      subjectUserId: order.userId,
      after: {
        symbol: order.symbol,
        venue,
        reportKey: report.reportId,
        price: report.type === 'fill' ? formatAmount(report.price) : null,
        quantity: report.type === 'fill' ? formatAmount(report.quantity) : null,
      },
    })),
  );
  await raiseAlerts(
    tx,
    ctx,
    contested.map(({ order, venue }) => unknownAlert(order, venue, CONTESTED)),
  );
}

/** In this order: what a venue reports is evidence, an end is the end, and what is contested waits for people. */
async function writeStates(tx: Tx, plan: Plan, now: Instant): Promise<void> {
  const { reports, resolved } = plan.venues;
  const heard = reports.filter(
    ({ standing, resolutionId }) => standing !== 'contested' && resolutionId === null,
  );
  await setState(
    tx,
    heard,
    sql`state = 'working', unknown_reason = null, unknown_since = null
    where state in ('sending', 'unknown') and unknown_reason is distinct from ${CONTESTED} and resolution_id is null`,
  );
  for (const { order, report } of reports) {
    if ('executed' in report) {
      const reason = report.type === 'done' ? 'filled' : report.reason;
      await tx
        .update(venueOrders)
        .set({ endReason: reason, endExecuted: report.executed })
        .where(sql`${venueOrders.orderId} = ${order.id} and ${venueOrders.endReason} is null`);
    }
  }
  const ended = [...plan.orders.values()].filter(({ row, status }) => row.closedAt === null && isEnd(status));
  await setState(
    tx,
    ended.map(({ row }) => ({ orderId: row.id })),
    sql`state = 'done', done_at = ${now}::timestamptz, unknown_reason = null, unknown_since = null
      where state <> 'done' and unknown_reason is distinct from ${CONTESTED}`,
  );
  await setState(
    tx,
    resolved.map(({ order }) => ({ orderId: order.id })),
    sql`state = 'done', done_at = ${now}::timestamptz, unknown_reason = null, unknown_since = null where state <> 'done'`,
  );
  await setState(
    tx,
    reports.filter(({ standing }) => standing === 'contested'),
    sql`state = 'unknown', done_at = null, unknown_reason = ${CONTESTED}, resolution = null, resolution_id = null,
      unknown_since = coalesce(unknown_since, ${now}::timestamptz) where true`,
  );
}

async function setState(
  tx: Tx,
  rows: readonly { readonly orderId: Id }[],
  change: ReturnType<typeof sql>,
): Promise<void> {
  if (rows.length > 0) {
    const ids = sql.param(rows.map(({ orderId }) => orderId));
    await tx.execute(sql`update venue_orders set ${change} and order_id = any (${ids}::uuid[])`);
  }
}

function isEnd(status: string): boolean {
  return status === 'filled' || status === 'cancelled' || status === 'expired';
}
