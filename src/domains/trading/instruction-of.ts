import type { z } from '@hono/zod-openapi';
import { amountOf, ONE, parseAmount } from '../../kernel/amount.ts';
import type { NewOrder as WireOrder } from './api.ts';
import type { NewOrder, OrderRow } from './pipeline/ticket.ts';

/** The instruction a request means: what it leaves out is said. */
export function instructionOf(body: z.output<typeof WireOrder>): NewOrder {
  return {
    accountId: body.accountId,
    symbol: body.symbol,
    side: body.side,
    type: body.type,
    timeInForce: body.timeInForce ?? (body.type === 'market' ? 'ioc' : 'gtc'),
    quantity: body.quantity ?? null,
    notional: body.notional ?? null,
    limitPrice: body.limitPrice ?? null,
    stopPrice: body.stopPrice ?? null,
    trailAmount: body.trailAmount ?? null,
    trailPercent: body.trailPercent ?? null,
    leverage: ONE,
    postOnly: body.postOnly,
    reduceOnly: body.reduceOnly,
    expiresAt: body.expiresAt ?? null,
    clientOrderId: body.clientOrderId ?? null,
  };
}

/** What an order asks for, of what has not traded yet, as a new instruction that bears no name. */
export function instructionAgain(order: OrderRow): NewOrder {
  const isTriggered = order.triggeredAt !== null;
  return {
    accountId: order.accountId,
    symbol: order.symbol,
    side: order.side,
    // What was triggered is a limit order by now.
    type: isTriggered ? 'limit' : order.type,
    timeInForce: order.timeInForce,
    quantity:
      order.quantity === null
        ? null
        : amountOf(order.quantity - order.filledQuantity - order.reducedQuantity),
    notional: order.notional,
    limitPrice: order.limitPrice,
    stopPrice: isTriggered ? null : order.stopPrice,
    trailAmount: order.trailAmount,
    trailPercent: order.trailPercent === null ? null : parseAmount(order.trailPercent),
    leverage: parseAmount(order.leverage),
    postOnly: order.postOnly,
    reduceOnly: order.reduceOnly,
    expiresAt: order.timeInForce === 'gtd' ? order.expiresAt : null,
    clientOrderId: null,
  };
}
