/** How what a liquidation decided becomes orders, and what became of those. */
import { sql } from 'drizzle-orm';
import { type Amount, ONE } from '../../../kernel/amount.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { type Instant, readStoredInstant } from '../../../kernel/time.ts';
import { type Ctx, machineCtx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { hashOf } from '../instruction-hash.ts';
import type { NewOrder, OrderRow, Ticket } from '../pipeline/ticket.ts';
import { tradingEngine } from '../pipeline/trading-engine.ts';
import type { liquidationOrders } from './schema.ts';

export type PlannedOrder = typeof liquidationOrders.$inferSelect;

/**
 * Places what was just decided. What fails, also because the intake is too busy, is decided anew with the next step.
 * @effects as `placeOrder`
 * @shape why the first that was refused was; null where none was
 */
export async function placeClosings(ctx: Ctx, planned: readonly PlannedOrder[]): Promise<string | null> {
  const reasons: string[] = [];
  for (const one of planned) {
    try {
      reasons.push(...(await placeOne(ctx, one)));
    } catch (failure) {
      const kind = failure instanceof Error ? failure.name : 'unknown';
      ctx.deps.log.error({ failure: kind, planned: one.id }, 'an order of a liquidation was not placed');
    }
  }
  return reasons[0] ?? null;
}

async function placeOne(ctx: Ctx, planned: PlannedOrder): Promise<string[]> {
  const { id, userId, accountId, symbol, side, quantity } = planned;
  const system = machineCtx(ctx.deps, { kind: 'system', name: 'trading.liquidation' }, newId());
  const order = closingOrder(accountId, symbol, side, quantity);
  const placed = await tradingEngine(ctx.deps).submit(ticketOf(system, userId, order, id));
  return placed.order.status === 'rejected' ? [placed.order.rejectionReason ?? 'rejected'] : [];
}

type Placed = {
  readonly step: number;
  readonly position_id: Id;
  readonly status: OrderRow['status'];
  readonly open: boolean;
  readonly placed_at: string;
};

/**
 * What a liquidation has placed, also where nobody came to say so.
 * @effects `liquidation_orders.order_id` of orders that are found by their key
 * @shape how many steps ordered something that was not refused, and the positions an order is under way for, since when
 */
export async function placedOf(
  tx: Tx,
  liquidationId: Id,
): Promise<{ readonly taken: number; readonly underway: ReadonlyMap<Id, Instant> }> {
  await executePrepared(
    tx,
    sql`update liquidation_orders l set order_id = o.id from orders o
      where l.liquidation_id = ${liquidationId}::uuid and l.order_id is null and o.account_id = l.account_id
        and o.idempotency_key = 'liquidation-' || l.id`,
  );
  const rows = await executePrepared<Placed>(
    tx,
    sql`select l.step, l.position_id, o.status, o.closed_at is null as open, o.placed_at::text as placed_at
      from liquidation_orders l join orders o on o.id = l.order_id where l.liquidation_id = ${liquidationId}::uuid
      order by l.id`,
  );
  return {
    taken: new Set(rows.filter(({ status }) => status !== 'rejected').map(({ step }) => step)).size,
    underway: new Map(
      rows
        .filter(({ open }) => open)
        .map(({ position_id, placed_at }) => [position_id, readStoredInstant(placed_at)]),
    ),
  };
}

/** How an order of a liquidation is handed in: the row that planned it is its key. */
function ticketOf(ctx: Ctx, userId: Id, order: NewOrder, plannedId: Id): Ticket {
  return {
    ctx,
    userId,
    order,
    requestHash: hashOf(order),
    idempotencyKey: `liquidation-${plannedId}`,
    idempotencyIndex: 0,
    batchHash: null,
    replaces: null,
    companions: [],
    origin: 'liquidation',
  };
}

/** What closes so much of a position: at the market, within the collar, and never beyond what is open. */
function closingOrder(accountId: Id, symbol: string, side: OrderRow['side'], quantity: Amount) {
  return {
    accountId,
    symbol,
    side,
    type: 'market',
    timeInForce: 'ioc',
    quantity,
    notional: null,
    limitPrice: null,
    stopPrice: null,
    trailAmount: null,
    trailPercent: null,
    leverage: ONE,
    postOnly: false,
    reduceOnly: true,
    lots: null,
    expiresAt: null,
    clientOrderId: null,
  } as const;
}
