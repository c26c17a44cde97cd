import { and, eq, inArray, sql } from 'drizzle-orm';
import { type Amount, formatAmount, ONE } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { canonicalJson, type Json } from '../../../kernel/canonical-json.ts';
import type { Id } from '../../../kernel/id.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import { requestApproval } from '../../../platform/approvals/request-approval.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { refuseSelfAction } from '../../identity/index.ts';
import { instrumentsBySymbol } from '../../markets/index.ts';
import { TRADING_EVENTS } from '../audit.ts';
import { refuseTrading } from '../errors.ts';
import { openOn } from '../notional.ts';
import type { OrderRow } from '../pipeline/ticket.ts';
import { ORDERS_CHANNEL } from '../record-cancel-requests.ts';
import { orders } from '../schema.ts';
import { type StoredResolution, venueOrders, venueReports } from './schema.ts';
import { coversFill } from './take-report.ts';

const ACTION = 'venue_order.resolve';

export type Resolution = {
  readonly orderId: Id;
  readonly executions: readonly {
    readonly executionId: string;
    readonly price: Amount;
    readonly quantity: Amount;
  }[];
  readonly evidence: string;
  readonly reason: string;
};

type Unknown = { readonly order: OrderRow; readonly sent: typeof venueOrders.$inferSelect };

/**
 * Asks another person to agree on what a venue did with an order that nobody knows the fate of: the executions it made
 * and did not report, if any, and that it has no more of the order. Until they do, all stays reserved.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors not_found, self_action, venue_order_not_unknown, venue_execution_known, venue_execution_not_covered,
 *   approval_pending_exists
 */
export async function resolveVenueOrder(
  ctx: Ctx,
  input: Resolution,
): Promise<{ readonly orderId: Id; readonly approvalId: Id; readonly status: 'pending' }> {
  return transact(ctx, 'engine', async (tx) => {
    const unknown = await lockUnknown(tx, input.orderId);
    refuseSelfAction(ctx, unknown.order.userId);
    const resolution = {
      executions: input.executions.map(({ executionId, price, quantity }) => ({
        executionId,
        price: formatAmount(price),
        quantity: formatAmount(quantity),
      })),
      evidence: input.evidence,
    };
    await refuseUncovered(tx, unknown, input.executions);
    const approval = await requestApproval(tx, ctx, {
      action: ACTION,
      subjectType: 'venue_order',
      subjectId: unknown.order.id,
      subjectUserId: unknown.order.userId,
      payload: payloadOf(unknown, resolution),
      quorum: 1,
      checkerRoles: ['operations', 'risk_manager'],
      reason: input.reason,
    });
    return { orderId: unknown.order.id, approvalId: approval.id, status: 'pending' as const };
  });
}

/**
 * What the vote on a resolution does: it becomes durable, and whoever owns the book carries it out.
 * @effects `venue_orders.resolution`; audit `venue_order.resolution_agreed`
 */
export const venueOrderResolution: ApprovalAction = {
  action: ACTION,
  execute: (ctx, { approvalId, subjectId, payload }) =>
    transact(ctx, 'engine', async (tx) => {
      const unknown = await lockUnknown(tx, subjectId);
      const { resolution } = payload as unknown as { readonly resolution: StoredResolution };
      if (canonicalJson(payloadOf(unknown, resolution)) !== canonicalJson(payload as Json)) {
        throw refuseTrading('venue_order_changed');
      }
      await tx
        .update(venueOrders)
        .set({ resolution, resolutionId: approvalId })
        .where(eq(venueOrders.orderId, subjectId));
      const { order, sent } = unknown;
      await record(tx, ctx, {
        event: TRADING_EVENTS['venue_order.resolution_agreed'],
        resource: { type: 'venue_order', id: order.id },
        subjectUserId: order.userId,
        after: {
          symbol: order.symbol,
          venue: sent.venue,
          executions: resolution.executions,
          evidence: resolution.evidence,
          resolutionId: approvalId,
        },
      });
      await tx.execute(sql`select pg_notify(${ORDERS_CHANNEL}, '')`);
    }),
};

/** The order is locked, so no settlement changes what is known of it meanwhile. */
async function lockUnknown(tx: Tx, orderId: Id): Promise<Unknown> {
  const order = await lockRow(tx, orders, orderId);
  const [sent] = await tx.select().from(venueOrders).where(eq(venueOrders.orderId, orderId));
  if (order === undefined || sent === undefined) {
    throw refuse('not_found');
  }
  if (sent.state !== 'unknown' || sent.resolutionId !== null) {
    throw refuseTrading('venue_order_not_unknown');
  }
  return { order, sent };
}

/** What was agreed on is only carried out on the order as it was shown. */
function payloadOf({ order, sent }: Unknown, resolution: StoredResolution): { readonly [key: string]: Json } {
  return {
    symbol: order.symbol,
    side: order.side,
    venue: sent.venue,
    unknownReason: sent.unknownReason,
    filledQuantity: formatAmount(order.filledQuantity),
    filledAmount: formatAmount(order.filledAmount),
    resolution: resolution as unknown as Json,
  };
}

async function refuseUncovered(
  tx: Tx,
  { order, sent }: Unknown,
  executions: Resolution['executions'],
): Promise<void> {
  if (executions.length === 0) {
    return;
  }
  const ids = executions.map(({ executionId }) => executionId);
  const known = await tx
    .select({ id: venueReports.id })
    .from(venueReports)
    .where(and(eq(venueReports.venue, sent.venue), inArray(venueReports.reportKey, ids)));
  if (known.length > 0 || new Set(ids).size < ids.length) {
    throw refuseTrading('venue_execution_known');
  }
  const instrument = (await instrumentsBySymbol(tx, [order.symbol])).get(order.symbol);
  const { lot } = present(instrument, 'an order names an instrument');
  let { quantity: remaining, notional } = openOn(order);
  const limit = order.limitPrice ?? order.triggeredCap ?? order.priceCap;
  for (const execution of executions) {
    if (
      order.closedAt !== null ||
      !coversFill({ side: order.side, limit, remaining, notional, lot }, execution)
    ) {
      throw refuseTrading('venue_execution_not_covered');
    }
    remaining = remaining === null ? null : remaining - execution.quantity;
    notional = notional === null ? null : notional - (execution.price * execution.quantity) / ONE;
  }
}
