/** How what the firm decided to close for an owner becomes orders. */
import { type Amount, ONE } from '../../../kernel/amount.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { type Ctx, machineCtx } from '../../../platform/context.ts';
import { hashOf } from '../instruction-hash.ts';
import type { NewOrder, OrderRow, Ticket } from '../pipeline/ticket.ts';
import { tradingEngine } from '../pipeline/trading-engine.ts';

/** Whose decision it was: the prefix of its keys, and the name it acts by. */
type ClosingOrigin = Exclude<OrderRow['origin'], 'customer'>;

/** What closes so much of a position, as the row says that was written before; its id is the order's key. */
type PlannedClosing = {
  readonly id: Id;
  readonly userId: Id;
  readonly accountId: Id;
  readonly symbol: string;
  readonly side: OrderRow['side'];
  readonly quantity: Amount;
};

/**
 * Places what was just decided. What fails, also because the intake is too busy, is decided anew with the next step.
 * @effects as `placeOrder`
 * @shape why the first that was refused was; null where none was
 */
export async function placeClosings(
  ctx: Ctx,
  origin: ClosingOrigin,
  planned: readonly PlannedClosing[],
): Promise<string | null> {
  const reasons: string[] = [];
  for (const one of planned) {
    try {
      reasons.push(...(await placeOne(ctx, origin, one)));
    } catch (failure) {
      const kind = failure instanceof Error ? failure.name : 'unknown';
      ctx.deps.log.error({ failure: kind, origin, planned: one.id }, 'an order that closes was not placed');
    }
  }
  return reasons[0] ?? null;
}

async function placeOne(ctx: Ctx, origin: ClosingOrigin, planned: PlannedClosing): Promise<string[]> {
  const { id, userId, accountId, symbol, side, quantity } = planned;
  const system = machineCtx(ctx.deps, { kind: 'system', name: `trading.${origin}` }, newId());
  const order = closingOrder(accountId, symbol, side, quantity);
  const placed = await tradingEngine(ctx.deps).submit(ticketOf(system, origin, userId, order, id));
  return placed.order.status === 'rejected' ? [placed.order.rejectionReason ?? 'rejected'] : [];
}

/** How such an order is handed in: the row that planned it is its key. */
function ticketOf(ctx: Ctx, origin: ClosingOrigin, userId: Id, order: NewOrder, plannedId: Id): Ticket {
  return {
    ctx,
    userId,
    order,
    requestHash: hashOf(order),
    idempotencyKey: `${origin}-${plannedId}`,
    idempotencyIndex: 0,
    batchHash: null,
    replaces: null,
    companions: [],
    origin,
  };
}

/** What closes so much of a position: at the market, within the collar, and never beyond what is open. */
export function closingOrder(accountId: Id, symbol: string, side: OrderRow['side'], quantity: Amount) {
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
