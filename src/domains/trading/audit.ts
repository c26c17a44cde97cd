import { auditEvents } from '../../platform/audit/events.ts';

const INSTRUCTION = [
  'accountId',
  'symbol',
  'side',
  'type',
  'timeInForce',
  'quantity',
  'notional',
  'limitPrice',
  'stopPrice',
  'trailAmount',
  'trailPercent',
  'expiresAt',
  'postOnly',
  'reduceOnly',
  'clientOrderId',
  'status',
] as const;

/** What trading records. */
export const TRADING_EVENTS = auditEvents({
  'order.placed': {
    category: 'trading',
    severity: 'info',
    description: 'An order was accepted',
    shows: [...INSTRUCTION, 'replacesId', 'priceCap', 'reservation', 'reservationAsset', 'bookSeq'],
  },
  'order.rejected': {
    category: 'trading',
    severity: 'warning',
    description: 'An order was rejected by a rule',
    shows: [...INSTRUCTION, 'replacesId', 'rejectionReason', 'limitId'],
  },
  'order.cancel_requested': {
    category: 'trading',
    severity: 'info',
    description: 'The cancellation of an order was requested',
    shows: ['accountId', 'symbol', 'status', 'cancelReason', 'cancelRequestedAt'],
  },
  'account.orders_cancelled': {
    category: 'admin_action',
    severity: 'warning',
    description: 'The firm took the open orders of an account out of the books',
    shows: ['accountId', 'symbol', 'side', 'reason'],
  },
  'order.traded': {
    category: 'trading',
    severity: 'info',
    description: 'An order traded',
    shows: [
      'tradeId',
      'accountId',
      'symbol',
      'side',
      'price',
      'quantity',
      'amount',
      'fee',
      'feeAsset',
      'liquidity',
      'realisedPnl',
    ],
  },
  'order.triggered': {
    category: 'trading',
    severity: 'info',
    description: 'The price reached the trigger of an order that was held',
    shows: ['accountId', 'symbol', 'side', 'type', 'status', 'triggerPrice', 'highWaterMark', 'triggeredAt'],
  },
  'order.closed': {
    category: 'trading',
    severity: 'info',
    description: 'An order came to its end',
    shows: ['accountId', 'symbol', 'status', 'cancelReason', 'filledQuantity', 'filledAmount', 'fees'],
  },
  'book.claimed': {
    category: 'system',
    severity: 'info',
    description: 'An engine took over the matching of an instrument',
    shows: ['symbol', 'book', 'epoch'],
  },
  'book.admitted': {
    category: 'system',
    severity: 'info',
    description: 'An engine numbered orders that another process had accepted',
    shows: ['symbol', 'book', 'count', 'firstSeq', 'lastSeq'],
  },
});
