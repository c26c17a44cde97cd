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
  'postOnly',
  'clientOrderId',
  'status',
] as const;

/** What trading records. */
export const TRADING_EVENTS = auditEvents({
  'order.placed': {
    category: 'trading',
    severity: 'info',
    description: 'An order was accepted',
    shows: [...INSTRUCTION, 'priceCap', 'reservation', 'reservationAsset', 'bookSeq'],
  },
  'order.rejected': {
    category: 'trading',
    severity: 'warning',
    description: 'An order was rejected by a rule',
    shows: [...INSTRUCTION, 'rejectionReason'],
  },
  'order.cancel_requested': {
    category: 'trading',
    severity: 'info',
    description: 'The cancellation of an order was requested',
    shows: ['accountId', 'symbol', 'status', 'cancelReason', 'cancelRequestedAt'],
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
