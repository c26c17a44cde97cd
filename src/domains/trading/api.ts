import { z } from '@hono/zod-openapi';
import { type Amount, DECIMAL_PATTERN, ONE, parseAmount } from '../../kernel/amount.ts';
import { pageQuery } from '../../platform/http/cursor.ts';
import {
  amountInput,
  idInput,
  instantInput,
  wireDecimal,
  wireId,
  wireInstant,
  wireOf,
} from '../../platform/http/wire.ts';
import { symbolInput } from '../markets/index.ts';
import { contradictions } from './contradictions.ts';
import { NAMED_LOTS_MAX } from './named-lots.ts';
import { CANCEL_WORDS, REJECTION_WORDS } from './order-words.ts';
import { REJECTION_REASONS } from './rules.ts';
import {
  fills,
  liquidity,
  orderGroupRole,
  orderOrigin,
  orderSide,
  orderStatus,
  orders,
  orderType,
  timeInForce,
  trades,
} from './schema.ts';

/** Why an order was stored as rejected, highest precedence first. */
const RejectionReason = z.enum(REJECTION_REASONS).openapi('RejectionReason', {
  description: `Why an order was refused, highest precedence first:\n\n${REJECTION_WORDS}`,
});

const GroupRefusal = z
  .object({
    orderId: wireId,
    groupRole: z.union([z.enum(orderGroupRole.enumValues), z.null()]),
    rejectionReason: z.union([RejectionReason, z.null()]),
  })
  .openapi('GroupRefusal');

export const Order = wireOf(orders)
  .pick({
    symbol: true,
    postOnly: true,
    reduceOnly: true,
    clientOrderId: true,
    reservationAsset: true,
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
    origin: z.enum(orderOrigin.enumValues).openapi({
      description:
        '`liquidation` where the firm placed it because the margin no longer carries a position, `position_exit` because the mark reached an exit that its owner set on one',
    }),
    status: z.enum(orderStatus.enumValues),
    rejectionReason: z.union([RejectionReason, z.null()]),
    exceededLimit: z.union([z.enum(orders.exceededLimit.enumValues), z.null()]).openapi({
      description:
        'Where rejectionReason is limit_exceeded, which kind of limit the order would pass; null where it is worth more than any could allow',
    }),
    cancelReason: z.union([z.string(), z.null()]).openapi({
      description: `Why it ended before it was filled, or is about to:\n\n${CANCEL_WORDS}`,
      example: 'requested',
    }),
    leverage: wireDecimal.openapi({ description: 'Times its margin', example: '1' }),
    quantity: z.union([wireDecimal, z.null()]).openapi({
      description:
        'Units of the base asset. Where it was asked for by `notional` what that is: at the limitPrice the units of the order, of a market sale the most it may sell, which it reserves, and null where nothing but the notional says',
    }),
    notional: z.union([wireDecimal, z.null()]).openapi({
      description: 'What it was asked to turn over in the quote asset; null where it was sized by quantity',
    }),
    lots: z
      .union([z.array(z.object({ lotId: wireId, quantity: wireDecimal })), z.null()])
      .openapi({ description: 'The lots a sale named, in the order they go' }),
    replacesId: z.union([wireId, z.null()]).openapi({ description: 'The order whose place this one took' }),
    replacedById: z.union([wireId, z.null()]).openapi({
      description:
        'Of an order that was replaced the one that took its place; null in the answer to placing it',
    }),
    groupId: z
      .union([wireId, z.null()])
      .openapi({ description: 'Shared by orders that depend on each other' }),
    groupRole: z.union([z.enum(orderGroupRole.enumValues), z.null()]),
    parentId: z.union([wireId, z.null()]).openapi({ description: 'The entry that an exit waits for' }),
    exitIds: z.array(wireId).openapi({ description: 'The exits of an entry, its take-profit first' }),
    groupRefusals: z.array(GroupRefusal).openapi({
      description:
        'Where rejectionReason is group_refused, the orders of its group that a rule refused, each with its own reason; empty otherwise',
    }),
    limitPrice: z.union([wireDecimal, z.null()]),
    stopPrice: z.union([wireDecimal, z.null()]),
    trailAmount: z.union([wireDecimal, z.null()]),
    trailPercent: z.union([wireDecimal, z.null()]),
    highWaterMark: z.union([wireDecimal, z.null()]).openapi({
      description:
        'The best price a trailing order has seen: while it is held as of now, in the end as of its trigger',
    }),
    triggerPrice: z.union([wireDecimal, z.null()]).openapi({
      description:
        'While an order is held where it would be triggered now; later the last price that triggered it',
    }),
    triggeredAt: z.union([wireInstant, z.null()]),
    priceCap: z
      .union([wireDecimal, z.null()])
      .openapi({ description: 'The worst price an order without a limitPrice may trade at' }),
    reservation: wireDecimal.openapi({ description: 'What it holds of the wallet in reservationAsset' }),
    filledQuantity: wireDecimal,
    reducedQuantity: wireDecimal.openapi({
      description: 'What will not trade because another order of its group has, or its entry has not',
    }),
    filledAmount: wireDecimal.openapi({ description: 'What that turned over, in the quote asset' }),
    fees: wireDecimal,
    remainingQuantity: z.union([wireDecimal, z.null()]).openapi({
      description: 'Units it may still trade; null of a market order by notional',
    }),
    averageFillPrice: z.union([wireDecimal, z.null()]),
    version: z.number().int(),
  })
  .openapi('Order');

export const CancelledOrders = z
  .object({
    requested: z.number().int().openapi({ description: 'How many orders are being cancelled' }),
    more: z.boolean().openapi({ description: 'Whether others fit as well: ask again' }),
    data: z.array(Order),
  })
  .openapi('CancelledOrders');

export const OrderEvent = z
  .object({
    id: wireId,
    type: z.string().openapi({ example: 'order.accepted' }),
    data: z.record(z.string(), z.unknown()),
    occurredAt: wireInstant,
  })
  .openapi('OrderEvent');

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
    settlesOn: z.union([z.string(), z.null()]).openapi({
      description: 'The day from which what it brought may be withdrawn; null where that was at once',
      format: 'date',
    }),
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
  .object({
    price: wireDecimal,
    quantity: wireDecimal.openapi({
      description: 'What rests at the price; 999999999999.99999999 where that is more',
    }),
    orderCount: z.number().int(),
  })
  .openapi('BookLevel');

export const OrderBook = z
  .object({
    symbol: z.string(),
    asOf: wireInstant,
    bids: z.array(BookLevel),
    asks: z.array(BookLevel),
  })
  .openapi('OrderBook');

/**
 * The client's own name of an order: unique in its account for good. An address never names what is `.` or `..`; said
 * without looking ahead, which not every reader of the contract can.
 */
export const clientOrderIdInput = z
  .string()
  .regex(
    /^(?:[\x21-\x2d\x2f-\x7e][\x21-\x7e]{0,63}|\.[\x21-\x2d\x2f-\x7e][\x21-\x7e]{0,62}|\.\.[\x21-\x7e]{1,62})$/,
    'must be 1 to 64 printable characters, and not . or ..',
  );

/** @units per cent, at most six decimals, below 100 */
const trailPercentInput = amountInput
  .refine(
    (percent) => percent < 100n * ONE && percent % 100n === 0n,
    'must be below 100, with at most 6 decimals',
  )
  .openapi({ example: '2.5', description: 'The same in per cent of that best price' });

/** @units times the margin, kept with six decimals */
const leverageInput = amountInput
  .refine(
    (times) => times >= ONE && times % 100n === 0n && times <= 1000n * ONE,
    'must be 1 to 1000, with at most 6 decimals',
  )
  .openapi({
    example: '1',
    description:
      'How many times its margin what the order opens of a contract is worth; 1 unless said otherwise. Spot instruments have no leverage',
  });

const namedLots = z
  .array(z.strictObject({ lotId: idInput, quantity: amountInput }))
  .min(1)
  .max(NAMED_LOTS_MAX)
  .openapi({
    description:
      'The lots a sale sells, in the order they go; they add up to the quantity. Without it the account’s `lotMethod` chooses. Naming reserves no lot: what another sale has used up when this one trades goes by that method. Lots that are not the account’s or hold less now are rejected with lot_not_available',
  });

const takeProfitInput = z.strictObject({ limitPrice: amountInput }).openapi({
  description:
    'Places a limit order on the other side with the order. It waits until the order ends, then asks for as much as that traded, good till cancelled. It reserves what it needs then; where that is not there, it ends with insufficient_funds',
});

const stopLossInput = z
  .strictObject({
    stopPrice: amountInput.optional(),
    limitPrice: amountInput.optional(),
    trailAmount: amountInput.optional(),
    trailPercent: trailPercentInput.optional(),
  })
  .openapi({
    description:
      'The same with a stop order (`stopPrice`), a stop-limit order (with a `limitPrice`), or one that trails the best price since the order ended (`trailAmount` or `trailPercent` instead). With a take-profit it is a bracket: one cancels the other. Both must lie on their side of the order’s limit or stop price, of a market order’s last price; else all are rejected, the one at fault with exit_on_wrong_side',
  });

const ocoGroupInput = z
  .string()
  .regex(/^[\x21-\x7e]{1,64}$/, 'must be 1 to 64 printable characters')
  .openapi({
    description:
      'Names a pair: two members of a batch with the same name, of one symbol, side and quantity, at most one of them a limit order. A trade of one takes as much off the other; when one is filled or triggered, or is cancelled or expires, the other is cancelled. A pair reserves once, and is accepted whole or not at all',
  });

export const NewOrder = z
  .strictObject({
    accountId: idInput,
    symbol: symbolInput,
    side: z.enum(['buy', 'sell']),
    type: z.enum(orderType.enumValues).openapi({
      description:
        'A stop, stop_limit, take_profit or trailing_stop order is held until the last price reaches its trigger; then it is a limit order where it has a limitPrice, else a market order. The last price is that of the instrument’s feed where it follows one, else of its own trades',
    }),
    timeInForce: z.enum(timeInForce.enumValues).optional().openapi({
      description:
        'Any order is gtc unless said otherwise, but for a market order: that is ioc, and never rests whatever is said; fok fills all of it or nothing, and it cannot be gtd. What is held waits through day, gtc and gtd as it would rest; ioc and fok say how it trades once it is triggered',
    }),
    quantity: amountInput.optional().openapi({ description: 'Units of the base asset' }),
    notional: amountInput.optional().openapi({
      example: '250',
      description:
        'Instead of a quantity what the order may turn over in the quote asset at most, before fees; in whole lots, rounded down, of which what is left is not traded. Of an order with a limitPrice it is turned into units at that price when the order is accepted: at a better one those cost less, or bring more. A market sale reserves the units it may take at the worst price it accepts, or all that are there; where those are sold for less it ends with reserved_units_sold, and where not even what it takes at the last price is there it is rejected with insufficient_funds. Orders that trade at the market once they are triggered take a quantity',
    }),
    limitPrice: amountInput.optional().openapi({
      description:
        'The worst price it may trade at. Limit and stop_limit orders require it, a take_profit order may have one',
    }),
    stopPrice: amountInput.optional().openapi({
      description:
        'Of stop, stop_limit and take_profit orders. What the last price has to reach: for a stop from the near side (a buy above it, a sale below), for a take-profit from the far side. On the wrong side it is rejected with stop_on_wrong_side',
    }),
    trailAmount: amountInput.optional().openapi({
      description: 'How far the price falls back from its best since the order was held; quote asset',
    }),
    trailPercent: trailPercentInput.optional(),
    postOnly: z.boolean().default(false).openapi({
      description:
        'Only ever rests: where it would trade at once it is cancelled with post_only_would_cross. For orders with a limitPrice that are neither ioc nor fok',
    }),
    reduceOnly: z.boolean().default(false).openapi({
      description:
        'Never opens or adds to a position: in a contract it closes what stands the other way, together with others like it no more than that. A sale in a spot instrument never sells more than is held anyway; a purchase reduces nothing and is rejected with nothing_to_reduce',
    }),
    expiresAt: instantInput.optional().openapi({ description: 'When a gtd order ends' }),
    leverage: leverageInput.optional(),
    clientOrderId: clientOrderIdInput.optional().openapi({
      description:
        'Your own name of the order, for good: the same request under it answers that order again, another one 409. Not . or .., which no address can look up',
    }),
    lots: namedLots.optional(),
    takeProfit: takeProfitInput.optional(),
    stopLoss: stopLossInput.optional(),
    ocoGroup: ocoGroupInput.optional(),
  })
  .superRefine((order, context) => {
    for (const [member, message] of contradictions(order)) {
      context.addIssue({ code: 'custom', path: [member], message });
    }
  })
  .openapi('NewOrder');

/** Each member is read by itself, so that a bad one is answered in its place. */
const BatchMember = z.unknown().openapi({ $ref: '#/components/schemas/NewOrder' } as never);

export const NewOrderBatch = z
  .strictObject({ orders: z.array(BatchMember).min(1).max(100) })
  .openapi('NewOrderBatch');

const MemberProblem = z
  .object({
    code: z.string().openapi({ example: 'unknown_symbol' }),
    title: z.string(),
    detail: z.string(),
    errors: z.array(z.object({ pointer: z.string(), code: z.string(), detail: z.string() })).optional(),
  })
  .openapi('OrderBatchProblem');

export const OrderBatch = z
  .object({
    data: z.array(
      z
        .object({
          index: z.number().int(),
          status: z
            .number()
            .int()
            .openapi({ description: 'What the order alone would have been answered with', example: 201 }),
          order: z.union([Order, z.null()]),
          problem: z.union([MemberProblem, z.null()]),
        })
        .openapi('OrderBatchResult'),
    ),
  })
  .openapi('OrderBatch');

const knownAmount = z
  .string()
  .regex(DECIMAL_PATTERN, 'must be a decimal string with at most 12 digits and 8 decimals')
  .refine((text) => !text.startsWith('-'), 'must not be negative')
  .transform((text): Amount => parseAmount(text))
  .openapi({ type: 'string', pattern: DECIMAL_PATTERN.source, example: '0.4' });

/** Members of a replacement that make the new order no different from the old. */
const CHANGES_NOTHING = new Set(['clientOrderId', 'filledQuantity']);

export const OrderReplacement = z
  .strictObject({
    quantity: amountInput.optional().openapi({
      description:
        'How much the new order is to trade, besides what has traded: unless given, all that is left',
    }),
    notional: amountInput.optional().openapi({
      example: '250',
      description: 'The same as what it is to turn over at its limitPrice, in whole lots rounded down',
    }),
    limitPrice: amountInput.optional(),
    stopPrice: amountInput.optional(),
    trailAmount: amountInput.optional(),
    trailPercent: trailPercentInput.optional(),
    timeInForce: z.enum(timeInForce.enumValues).optional(),
    expiresAt: instantInput.optional(),
    postOnly: z.boolean().optional(),
    clientOrderId: clientOrderIdInput.optional(),
    lots: namedLots.optional(),
    filledQuantity: knownAmount.optional().openapi({
      description:
        'What you know to have traded. Where it is not exactly that, nothing is replaced: 409 order_changed',
    }),
  })
  .superRefine((replacement, context) => {
    const changes = Object.entries(replacement).filter(
      ([name, value]) => value !== undefined && !CHANGES_NOTHING.has(name),
    );
    if (changes.length === 0) {
      context.addIssue({ code: 'custom', path: [], message: 'must change something' });
    }
    if (replacement.quantity !== undefined && replacement.notional !== undefined) {
      context.addIssue({ code: 'custom', path: ['quantity'], message: 'must not be given beside notional' });
    }
  })
  .openapi('OrderReplacement');

export const CancelQuery = z.strictObject({
  accountId: idInput,
  symbol: symbolInput.optional(),
  side: z.enum(orderSide.enumValues).optional(),
});

export const FirmCancel = z
  .strictObject({
    reason: z
      .string()
      .trim()
      .min(3)
      .max(500)
      .regex(/^\P{Cc}*$/u, 'must be one line of text'),
    symbol: symbolInput.optional(),
    side: z.enum(orderSide.enumValues).optional(),
  })
  .openapi('FirmCancel');

export const OrderQuery = z.strictObject({
  ...pageQuery,
  accountId: idInput.optional(),
  status: z.enum(orderStatus.enumValues).optional(),
  state: z
    .enum(['live', 'closed'])
    .optional()
    .openapi({ description: 'Those that may still trade, whatever their status, or those that are over' }),
  symbol: symbolInput.optional(),
  side: z.enum(orderSide.enumValues).optional(),
  origin: z.enum(orderOrigin.enumValues).optional().openapi({ description: 'What placed them' }),
  groupId: idInput.optional(),
  from: instantInput.optional().openapi({ description: 'Placed then or later' }),
  to: instantInput.optional().openapi({ description: 'Placed before then' }),
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
