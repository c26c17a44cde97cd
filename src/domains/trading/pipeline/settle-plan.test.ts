import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { type Amount, amountOf, formatAmount, parseAmount, ZERO } from '../../../kernel/amount.ts';
import { parseInstant } from '../../../kernel/time.ts';
import type { OrderTraded } from '../engine/event.ts';
import { reservedFor } from '../reservation.ts';
import { emptyPlan, planEvents, type SettleTerms } from './settle-plan.ts';
import type { OrderRow } from './ticket.ts';

const TERMS: SettleTerms = {
  instrumentId: 'ins',
  book: 'live',
  symbol: 'BTC/USD',
  baseAsset: 'BTC',
  quoteAsset: 'USD',
  makerFeeBps: 10,
  takerFeeBps: 20,
  tierOf: () => null,
  venue: null,
  isContract: false,
  collarBps: 1_000,
  tick: amountOf(10_000n),
  nextSeq: () => 100n,
};
// scale(tick) + scale(lot) is 8, so that a price of one tick times one lot is one unit.
const TICK = 10_000n;
const LOT = 10_000n;
const NOW = parseInstant('2026-01-01T00:00:00Z');

function orderRow(id: string, side: 'buy' | 'sell', changes: Partial<OrderRow> = {}): OrderRow {
  const quantity = changes.quantity === undefined ? parseAmount('1') : changes.quantity;
  const notional = changes.notional ?? null;
  const limitPrice = changes.limitPrice === undefined ? parseAmount('100') : changes.limitPrice;
  const worst = limitPrice ?? changes.priceCap ?? ZERO;
  return {
    id,
    userId: `user of ${id}`,
    accountId: `account of ${id}`,
    book: 'live',
    instrumentId: 'ins',
    symbol: 'BTC/USD',
    side,
    type: limitPrice === null ? 'market' : 'limit',
    timeInForce: 'gtc',
    stopPrice: null,
    trailAmount: null,
    trailPercent: null,
    leverage: '1',
    postOnly: false,
    reduceOnly: false,
    origin: 'customer',
    lots: null,
    clientOrderId: null,
    groupId: null,
    groupRole: null,
    parentId: null,
    replacesId: null,
    expiresAt: null,
    idempotencyKey: null,
    idempotencyIndex: null,
    requestHash: new Uint8Array(32),
    status: 'open',
    rejectionReason: null,
    exceededLimit: null,
    priceCap: null,
    reservationAsset: side === 'buy' ? 'USD' : 'BTC',
    walletId: `wallet of ${id}`,
    filledQuantity: ZERO,
    filledAmount: ZERO,
    fees: ZERO,
    reducedQuantity: ZERO,
    bookSeq: 1n,
    heldSeq: null,
    triggeredCap: null,
    highWaterMark: null,
    triggerPrice: null,
    triggeredAt: null,
    cancelRequestedAt: null,
    cancelReason: null,
    version: 1,
    placedAt: NOW,
    closedAt: null,
    ...changes,
    quantity,
    notional,
    limitPrice,
    reservation: amountOf(reservedFor(side, { quantity, notional }, worst, 20)),
  };
}

function trade(price: Amount, quantity: Amount, taker: 'buy' | 'sell'): OrderTraded {
  const [makerOrderId, takerOrderId] = taker === 'buy' ? ['sell', 'buy'] : ['buy', 'sell'];
  return {
    type: 'trade',
    price,
    quantity,
    takerSide: taker,
    makerOrderId,
    makerAccountId: '',
    makerPersonId: '',
    makerRemaining: 0n,
    takerOrderId,
    takerAccountId: '',
    takerPersonId: '',
    takerRemaining: 0n,
  };
}

function planOf(rows: readonly OrderRow[], events: Parameters<typeof planEvents>[1]) {
  const plan = emptyPlan();
  planEvents(plan, events, TERMS, new Map(rows.map((row) => [row.id, row])));
  return plan;
}

describe('a trade below the limit of a buy', () => {
  test('sets the difference free at once and keeps what the rest needs', () => {
    const event = trade(parseAmount('90'), parseAmount('0.4'), 'buy');
    const buy = planOf([orderRow('buy', 'buy'), orderRow('sell', 'sell')], [event]).orders.get('buy')!;
    expect(formatAmount(buy.filledAmount)).toBe('36');
    expect(formatAmount(buy.fees)).toBe('0.072');
    expect(formatAmount(buy.reservation)).toBe('60.12');
    expect(buy.status).toBe('partially_filled');
  });
});

describe('an end', () => {
  const table = [
    [{ type: 'done', orderId: 'buy' }, 'filled', null],
    [{ type: 'cancelled', orderId: 'buy', reason: 'requested', remaining: 1n }, 'cancelled', 'requested'],
    [{ type: 'cancelled', orderId: 'buy', reason: 'expired', remaining: 1n }, 'expired', 'expired'],
    [{ type: 'cancelled', orderId: 'buy', reason: 'self_match', remaining: 1n }, 'cancelled', 'self_match'],
    [{ type: 'rejected', orderId: 'buy', reason: 'halted' }, 'cancelled', 'halted'],
    [{ type: 'ended', orderId: 'buy', reason: 'settlement_failed' }, 'cancelled', 'settlement_failed'],
  ] as const;
  for (const [event, status, reason] of table) {
    test(`by ${event.type} ${'reason' in event ? event.reason : ''} makes the order ${status} and frees it all`, () => {
      const order = planOf([orderRow('buy', 'buy')], [event]).orders.get('buy');
      expect(order).toMatchObject({ status, cancelReason: reason, reservation: 0n });
    });
  }
});

describe('however an order is filled', () => {
  const units = (max: number) => fc.bigInt({ min: 1n, max: BigInt(max) });

  test('a buy never pays more than it reserved, and keeps enough for the rest', () => {
    fc.assert(
      fc.property(
        units(1_000_000),
        fc.array(fc.tuple(units(20_000), units(1_000_000), fc.boolean()), { minLength: 1, maxLength: 60 }),
        (limit, parts) => {
          const price = amountOf(limit * TICK);
          const quantity = amountOf(parts.reduce((sum, [part]) => sum + part, 0n) * LOT);
          const buy = orderRow('buy', 'buy', { quantity, limitPrice: price });
          const sell = orderRow('sell', 'sell', { quantity, limitPrice: amountOf(TICK) });
          const events = parts.map(([part, better, takes]) => {
            const at = amountOf(((better % limit) + 1n) * TICK);
            return trade(at, amountOf(part * LOT), takes ? 'buy' : 'sell');
          });
          const plan = planOf([buy, sell], events);
          const after = plan.orders.get('buy')!;
          expect(after.filledAmount + after.fees + after.reservation).toBeLessThanOrEqual(buy.reservation);
          expect(after.filledQuantity).toBe(quantity);
          expect(plan.orders.get('sell')?.reservation).toBe(0n);
          for (const { amount, sell: side } of plan.trades) {
            expect(side?.fee).toBeLessThanOrEqual(amount);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test('a market buy by notional never pays more than it reserved', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(units(500), units(500)), { minLength: 1, maxLength: 40 }), (parts) => {
        const events = parts.map(([price, quantity]) =>
          trade(amountOf(price * TICK), amountOf(quantity * LOT), 'buy'),
        );
        const spent = parts.reduce((sum, [price, quantity]) => sum + price * quantity, 0n);
        const buy = orderRow('buy', 'buy', {
          quantity: null,
          notional: amountOf(spent),
          limitPrice: null,
          priceCap: amountOf(500n * TICK),
        });
        const sell = orderRow('sell', 'sell', { quantity: parseAmount('1000000') });
        const after = planOf([buy, sell], events).orders.get('buy')!;
        expect(after.filledAmount + after.fees + after.reservation).toBeLessThanOrEqual(buy.reservation);
        expect(after.filledAmount).toBe(amountOf(spent));
      }),
      { numRuns: 300 },
    );
  });
});

test('a sale by notional sells of the units it reserves, and frees the others when it is done', () => {
  const buy = orderRow('buy', 'buy', { quantity: parseAmount('2') });
  const sell = orderRow('sell', 'sell', {
    quantity: parseAmount('2'),
    notional: parseAmount('150'),
    limitPrice: null,
    priceCap: parseAmount('75'),
  });
  const events = [trade(parseAmount('100'), parseAmount('1.5'), 'sell')];
  const partly = planOf([buy, sell], events).orders.get('sell');
  expect(partly).toMatchObject({ reservation: parseAmount('0.5'), filledAmount: parseAmount('150') });
  const ended = planOf([buy, sell], [...events, { type: 'done', orderId: 'sell' }]);
  expect(ended.orders.get('sell')).toMatchObject({ status: 'filled', reservation: 0n });
});

describe('an order of which less stays open', () => {
  test('reserves only what its rest needs, and is filled when that has traded', () => {
    const [buy, sell] = [orderRow('buy', 'buy'), orderRow('sell', 'sell')];
    const plan = emptyPlan();
    const rows = new Map([buy, sell].map((row) => [row.id, row]));
    const left = parseAmount('0.4');
    planEvents(
      plan,
      [
        { type: 'reduced', orderId: 'buy', remaining: left },
        { type: 'reduced', orderId: 'sell', remaining: left },
        trade(parseAmount('100'), left, 'buy'),
        { type: 'done', orderId: 'buy' },
        { type: 'done', orderId: 'sell' },
      ],
      TERMS,
      rows,
    );
    expect([...plan.orders.values()]).toMatchObject([
      { status: 'filled', reservation: 0n, reducedQuantity: parseAmount('0.6'), filledQuantity: left },
      { status: 'filled', reservation: 0n, reducedQuantity: parseAmount('0.6'), filledQuantity: left },
    ]);
  });

  test('and set free comes back with a new place in time, held where it waits for a price', () => {
    const child = orderRow('child', 'sell', {
      status: 'held',
      type: 'stop_limit',
      stopPrice: parseAmount('90'),
    });
    const plan = emptyPlan();
    const left = parseAmount('0.4');
    planEvents(
      plan,
      [
        { type: 'reduced', orderId: 'child', remaining: left },
        { type: 'released', orderId: 'child', quantity: left },
      ],
      TERMS,
      new Map([['child', child]]),
    );
    expect(plan.orders.get('child')).toMatchObject({ status: 'held', comesBackAt: 100n, reservation: left });
  });
});
