/** How what the firm decided to close for an owner becomes orders. */
import { and, eq, inArray, isNotNull, isNull, or } from 'drizzle-orm';
import { type Amount, ONE } from '../../../kernel/amount.ts';
import { DomainError } from '../../../kernel/error.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { type Ctx, type Deps, machineCtx } from '../../../platform/context.ts';
import { sqlStateOf } from '../../../platform/db/errors.ts';
import { inHalves } from '../../../platform/in-halves.ts';
import { hashOf } from '../instruction-hash.ts';
import type { NewOrder, OrderRow, Ticket } from '../pipeline/ticket.ts';
import { tradingEngine } from '../pipeline/trading-engine.ts';
import { positionExitOrders, positionExits } from '../positions/schema.ts';

/** By trigger no order is stored that no exit plans, or not any more. */
const UNPLANNED = 'PL053';

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
  const failures = new Map<Id, unknown>();
  const failed = (failure: unknown, one: PlannedClosing | undefined): void => {
    if (one !== undefined) {
      failures.set(one.id, failure);
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
  await sayFailed(ctx, origin, failures);
  return reasons;
}

/** What its owner changed meanwhile, or what is closed, is not to be placed: that is no failure. */
async function sayFailed(
  { deps }: Ctx,
  origin: ClosingOrigin,
  failures: ReadonlyMap<Id, unknown>,
): Promise<void> {
  if (failures.size === 0) {
    return;
  }
  const gone = origin === 'position_exit' ? await goneOf(deps, [...failures.keys()]) : new Set<Id>();
  for (const [id, failure] of failures) {
    const reason = failure instanceof DomainError ? failure.code : sqlStateOf(failure);
    if (reason === UNPLANNED && gone.has(id)) {
      deps.log.info({ origin, planned: id }, 'an order that closes was given up before it was placed');
    } else {
      const kind = failure instanceof Error ? failure.name : 'unknown';
      deps.log.error({ failure: kind, reason, origin, planned: id }, 'an order that closes was not placed');
    }
  }
}

/** Of what exits planned, that which was given up since, or whose exit is armed anew or over. */
async function goneOf({ db }: Deps, ids: readonly Id[]): Promise<ReadonlySet<Id>> {
  const rows = await db.engine
    .select({ id: positionExitOrders.id })
    .from(positionExitOrders)
    .innerJoin(positionExits, eq(positionExits.positionId, positionExitOrders.positionId))
    .where(
      and(
        inArray(positionExitOrders.id, [...ids]),
        isNull(positionExitOrders.orderId),
        or(
          isNotNull(positionExitOrders.abandonedAt),
          isNull(positionExits.triggeredAt),
          isNotNull(positionExits.endedAt),
        ),
      ),
    );
  return new Set(rows.map(({ id }) => id));
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
