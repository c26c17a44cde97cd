/** How what the firm decided to close for an owner becomes orders. */
import { type Amount, ONE } from '../../../kernel/amount.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { type Ctx, machineCtx } from '../../../platform/context.ts';
import { inHalves } from '../../../platform/in-halves.ts';
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
 * Places what was just decided, together: as few transactions accept it as there is room for, each order under its own key
 * and decided on its own. Where there is no room for all there may be for some. What fails, also because the intake is too
 * busy, is decided anew with the next step.
 * @effects as `placeOrder`, for each
 * @shape why those that were refused were, by what planned them, in its order
 */
export async function placeClosings(
  ctx: Ctx,
  origin: ClosingOrigin,
  planned: readonly PlannedClosing[],
): Promise<ReadonlyMap<Id, string>> {
  const reasons = new Map<Id, string>();
  const failed = (failure: unknown, one: PlannedClosing | undefined): void => {
    if (one !== undefined) {
      const kind = failure instanceof Error ? failure.name : 'unknown';
      ctx.deps.log.error({ failure: kind, origin, planned: one.id }, 'an order that closes was not placed');
    }
  };
  const place = async (some: readonly PlannedClosing[]): Promise<void> => {
    const tickets = some.map((one) => ticketOf(ctx, origin, one));
    const outcomes = await tradingEngine(ctx.deps).submitMany(tickets);
    for (const [index, one] of some.entries()) {
      const outcome = outcomes[index];
      if (outcome?.status === 'rejected') {
        failed(outcome.reason, one);
      } else if (outcome?.value.order.status === 'rejected') {
        reasons.set(one.id, outcome.value.order.rejectionReason ?? 'rejected');
      }
    }
  };
  // The intake takes all that it is given or nothing.
  await inHalves(planned, place, failed);
  return reasons;
}

/** How such an order is handed in: the row that planned it is its key. */
function ticketOf(
  ctx: Ctx,
  origin: ClosingOrigin,
  { id, userId, accountId, symbol, side, quantity }: PlannedClosing,
): Ticket {
  const order: NewOrder = closingOrder(accountId, symbol, side, quantity);
  return {
    ctx: machineCtx(ctx.deps, { kind: 'system', name: `trading.${origin}` }, newId()),
    userId,
    order,
    requestHash: hashOf(order),
    idempotencyKey: `${origin}-${id}`,
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
