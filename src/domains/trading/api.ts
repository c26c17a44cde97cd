import { z } from '@hono/zod-openapi';
import { pageQuery } from '../../platform/http/cursor.ts';
import { amountInput, idInput, wireDecimal, wireId, wireInstant, wireOf } from '../../platform/http/wire.ts';
import { symbolInput } from '../markets/index.ts';
import { REJECTION_REASONS } from './rules.ts';
import {
  fills,
  liquidity,
  orderSide,
  orderStatus,
  orders,
  orderType,
  timeInForce,
  trades,
} from './schema.ts';

/** Why an order was stored as rejected, highest precedence first. */
const RejectionReason = z.enum(REJECTION_REASONS).openapi('RejectionReason');

export const Order = wireOf(orders)
  .pick({
    symbol: true,
    postOnly: true,
    clientOrderId: true,
    reservationAsset: true,
    cancelReason: true,
    expiresAt: true,
    cancelRequestedAt: true,
    placedAt: true,
    closedAt: true,
  })
  .extend({
    id: wireId,
    accountId: wireId,
    book: z.enum(['live', 'paper']),
    side: z.enum(orderSide.enumValues),
    type: z.enum(orderType.enumValues),
    timeInForce: z.enum(timeInForce.enumValues),
    status: z.enum(orderStatus.enumValues),
    rejectionReason: z.union([RejectionReason, z.null()]),
    quantity: z.union([wireDecimal, z.null()]),
    notional: z.union([wireDecimal, z.null()]),
    limitPrice: z.union([wireDecimal, z.null()]),
    priceCap: z.union([wireDecimal, z.null()]),
    reservation: wireDecimal,
    filledQuantity: wireDecimal,
    filledAmount: wireDecimal,
    fees: wireDecimal,
    remainingQuantity: z.union([wireDecimal, z.null()]),
    averageFillPrice: z.union([wireDecimal, z.null()]),
    version: z.number().int(),
  })
  .openapi('Order');

export const OrderList = z.object({ data: z.array(Order) }).openapi('OrderList');

export const OrderEvent = z
  .object({
    id: wireId,
    type: z.string().openapi({ example: 'order.accepted' }),
    data: z.record(z.string(), z.unknown()),
    occurredAt: wireInstant,
  })
  .openapi('OrderEvent');

export const OrderEventList = z.object({ data: z.array(OrderEvent) }).openapi('OrderEventList');

export const Fill = wireOf(fills)
  .pick({ symbol: true, feeAsset: true, executedAt: true })
  .extend({
    id: wireId,
    tradeId: wireId,
    orderId: wireId,
    accountId: wireId,
    side: z.enum(orderSide.enumValues),
    liquidity: z.enum(liquidity.enumValues),
    price: wireDecimal,
    quantity: wireDecimal,
    amount: wireDecimal,
    fee: wireDecimal,
    feeBps: z.number().int(),
    realisedPnl: z.union([wireDecimal, z.null()]),
  })
  .openapi('Fill');

export const Trade = wireOf(trades)
  .pick({ symbol: true, executedAt: true })
  .extend({
    id: wireId,
    price: wireDecimal,
    quantity: wireDecimal,
    takerSide: z.enum(orderSide.enumValues),
  })
  .openapi('Trade');

const BookLevel = z
  .object({ price: wireDecimal, quantity: wireDecimal, orderCount: z.number().int() })
  .openapi('BookLevel');

export const OrderBook = z
  .object({
    symbol: z.string(),
    asOf: wireInstant,
    bids: z.array(BookLevel),
    asks: z.array(BookLevel),
  })
  .openapi('OrderBook');

/** The client's own name of an order: unique in its account for good. */
export const clientOrderIdInput = z
  .string()
  .regex(/^[\x21-\x7e]{1,64}$/, 'must be 1 to 64 printable characters');

export const NewOrder = z
  .strictObject({
    accountId: idInput,
    symbol: symbolInput,
    side: z.enum(['buy', 'sell']),
    type: z.enum(['market', 'limit']),
    timeInForce: z
      .enum(['day', 'gtc', 'ioc', 'fok'])
      .optional()
      .openapi({ description: 'A limit order is gtc and a market order ioc unless said otherwise' }),
    quantity: amountInput.optional().openapi({ description: 'Units of the base asset' }),
    notional: amountInput
      .optional()
      .openapi({ description: 'What a market buy may turn over in the quote asset, before fees' }),
    limitPrice: amountInput.optional(),
    postOnly: z.boolean().default(false),
    leverage: z.literal('1').optional().openapi({ description: 'Spot instruments have no leverage' }),
    clientOrderId: clientOrderIdInput.optional(),
  })
  .superRefine((order, context) => {
    for (const [member, message] of contradictions(order)) {
      context.addIssue({ code: 'custom', path: [member], message });
    }
  })
  .openapi('NewOrder');

type Asked = {
  readonly side: 'buy' | 'sell';
  readonly type: 'market' | 'limit';
  readonly timeInForce?: 'day' | 'gtc' | 'ioc' | 'fok' | undefined;
  readonly quantity?: bigint | undefined;
  readonly notional?: bigint | undefined;
  readonly limitPrice?: bigint | undefined;
  readonly postOnly: boolean;
};

/** Instructions no market condition could make sense of. */
function contradictions(order: Asked): (readonly [string, string])[] {
  const faults: (readonly [string, string])[] = [];
  if ((order.quantity === undefined) === (order.notional === undefined)) {
    faults.push(['quantity', 'either quantity or notional must be given, not both']);
  }
  if (order.notional !== undefined && (order.type !== 'market' || order.side !== 'buy')) {
    faults.push(['notional', 'sizes market buys only']);
  }
  if (order.type === 'limit' && order.limitPrice === undefined) {
    faults.push(['limitPrice', 'is required for a limit order']);
  }
  if (order.type === 'market' && order.limitPrice !== undefined) {
    faults.push(['limitPrice', 'has no meaning for a market order']);
  }
  const takes = order.type === 'market' || order.timeInForce === 'ioc' || order.timeInForce === 'fok';
  if (order.postOnly && takes) {
    faults.push(['postOnly', 'contradicts an order that must trade at once']);
  }
  return faults;
}

export const OrderQuery = z.strictObject({
  ...pageQuery,
  accountId: idInput.optional(),
  status: z.enum(orderStatus.enumValues).optional(),
  symbol: symbolInput.optional(),
});

export const FillQuery = z.strictObject({
  ...pageQuery,
  accountId: idInput.optional(),
  orderId: idInput.optional(),
  symbol: symbolInput.optional(),
});

export const BookQuery = z.strictObject({
  levels: z.coerce
    .number()
    .int()
    .min(1)
    .max(200)
    .default(20)
    .openapi({ type: 'integer', minimum: 1, maximum: 200, default: 20 }),
});
