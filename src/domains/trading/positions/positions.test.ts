import { describe, expect, spyOn, test } from 'bun:test';
import { and, asc, eq, like, sql } from 'drizzle-orm';
import { amountOf, formatAmount, parseAmount } from '../../../kernel/amount.ts';
import { newId } from '../../../kernel/id.ts';
import { auditLogs } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import type { DeliveredEvent } from '../../../platform/outbox/consumer.ts';
import { randomFrom } from '../../../testing/random.ts';
import type { Trader, TradingDesk } from '../../../testing/trading-desk.ts';
import { until } from '../../../testing/until.ts';
import { riskAlerts } from '../../risk/schema.ts';
import { recordCancelRequests } from '../record-cancel-requests.ts';
import { cancelReducing } from './cancel-reducing-orders.ts';
import {
  member,
  openOf,
  order,
  priceIs,
  SYMBOL,
  startContractDesk,
  trade,
  WILD,
} from './testing/contract-desk.ts';

let desk: TradingDesk;

startContractDesk(import.meta.file, (started) => {
  desk = started;
});

/** What the book of the contract holds, as it would trade. */
async function inMemory(symbol = SYMBOL) {
  const [row] = await desk.deps.db.engine.execute<{ id: string }>(
    sql`select id from instruments where symbol = ${symbol}`,
  );
  const name = { instrumentId: row?.id ?? '', book: 'live' } as const;
  return { resting: desk.engine.resting(name), held: desk.engine.held(name) };
}

describe('a position', () => {
  test('is opened by a fill, long and short, without units moving', async () => {
    const [long, short] = [await member(), await member()];
    expect(await trade(short, 'sell 2 at 5000', long)).toMatchObject({ status: 'filled', fees: '10' });
    expect(await openOf(long)).toMatchObject([
      {
        side: 'long',
        quantity: '2',
        entryValue: '10000',
        averageEntryPrice: '5000',
        leverage: '10',
        initialMargin: '1000',
      },
    ]);
    expect(await openOf(short)).toMatchObject([
      { side: 'short', quantity: '2', initialMargin: '1000', fees: '5' },
    ]);
    expect(await desk.balance(long, 'USD')).toBe('99990 (1000)');
    expect(await desk.balance(short, 'USD')).toBe('99995 (1000)');
    const { body } = await desk.request(long, 'GET', `/v1/accounts/${long.accountId}`);
    expect(body).toMatchObject({
      marginEnabled: true,
      maxLeverage: '20',
      margin: [
        {
          asset: 'USD',
          balance: '99990',
          equity: '99990',
          marginUsed: '1000',
          marginAvailable: '98990',
          marginLevel: '99.99',
          unrealisedPnl: '0',
          realisedPnl: '0',
        },
      ],
    });
  });

  test('grows, is reduced, and goes through zero to the other side', async () => {
    const [trader, other] = [await member(), await member()];
    await trade(other, 'sell 1 at 5000', trader);
    await trade(other, 'sell 2 at 5010', trader);
    expect(await openOf(trader)).toMatchObject([
      { quantity: '3', entryValue: '15020', averageEntryPrice: '5006.66666667', initialMargin: '1502' },
    ]);
    await trade(other, 'buy 1 at 5020', trader);
    const [reduced] = await openOf(trader);
    // A third of 15020, half even; the rest keeps what is left of it.
    expect(reduced).toMatchObject({
      quantity: '2',
      entryValue: '10013.33333333',
      realisedPnl: '13.33333333',
      initialMargin: '1001.33333334',
    });
    await priceIs(SYMBOL, '5020');
    const last = await trade(other, 'buy 5 at 5020', trader);
    expect(last).toMatchObject({ status: 'filled', filledQuantity: '5' });
    expect(await openOf(trader)).toMatchObject([
      { side: 'short', quantity: '3', entryValue: '15060', realisedPnl: '0', initialMargin: '1506' },
    ]);
    const { body } = await desk.request(trader, 'GET', `/v1/positions/${reduced.id}`);
    // 3 sold at 5020 for what cost 15020.
    expect(body).toMatchObject({
      status: 'closed',
      quantity: '0',
      entryValue: '0',
      realisedPnl: '40',
      unrealisedPnl: '0',
    });
    const fills = (await desk.request(trader, 'GET', '/v1/fills?limit=10')).body.data;
    expect(fills.map(({ realisedPnl }: { realisedPnl: string | null }) => realisedPnl)).toEqual([
      '26.66666667',
      '13.33333333',
      null,
      null,
    ]);
    const portfolio = (await desk.request(trader, 'GET', `/v1/accounts/${trader.accountId}/portfolio`)).body;
    expect(portfolio).toMatchObject({
      contractsPnl: '0',
      realisedPnl: [{ currency: 'USD', amount: '40' }],
      equity: portfolio.cash[0].total,
    });
    const stranger = await member();
    expect((await desk.request(stranger, 'GET', `/v1/positions/${reduced.id}`)).status).toBe(404);
    expect((await desk.request(stranger, 'GET', `/v1/accounts/${trader.accountId}/positions`)).status).toBe(
      404,
    );
  });

  test('is opened and closed by notional, at the market and at a limit', async () => {
    const [trader, other] = [await member(), await member()];
    const done = async (words: string, more: object) =>
      desk.later(trader, (await order(trader, words, more)).body.id);
    const asked = (notional: string) => ({ quantity: undefined, notional });
    await order(other, 'buy 3 at 4990');
    const short = await done('sell 0', asked('10000'));
    // No units are reserved, and none bound it but what 10000 is at 4990.
    expect(short).toMatchObject({
      quantity: null,
      status: 'filled',
      filledQuantity: '2',
      filledAmount: '9980',
    });
    expect(await openOf(trader)).toMatchObject([{ side: 'short', quantity: '2', initialMargin: '998' }]);
    await order(other, 'sell 3 at 5000');
    const limit = { ...asked('5000'), reduceOnly: true };
    expect(await done('buy 0 at 5010', limit)).toMatchObject({ quantity: '0.99', status: 'filled' });
    expect(await openOf(trader)).toMatchObject([{ side: 'short', quantity: '1.01' }]);
    expect(await done('buy 0', limit)).toMatchObject({ rejectionReason: 'nothing_to_reduce' });
  });

  test('that loses more than the wallet has costs the wallet all of it, and the firm the rest', async () => {
    const wild = { symbol: WILD };
    const [loser, winner] = [await member('1000', '20'), await member()];
    await trade(winner, 'buy 2 at 5000', loser, { leverage: '20', ...wild });
    expect(await desk.balance(loser, 'USD')).toBe('990 (500)');
    const [position] = await openOf(loser);
    await priceIs(WILD, '5600');
    const closing = await trade(winner, 'sell 2 at 5600', loser, wild);
    expect(closing).toMatchObject({ status: 'filled', fees: '0' });
    expect(await desk.balance(loser, 'USD')).toBe('0 (0)');
    const { body } = await desk.request(loser, 'GET', `/v1/positions/${position.id}`);
    expect(body).toMatchObject({ status: 'closed', realisedPnl: '-1200', lossBorne: '210' });
    const [borne] = await desk.deps.db.engine.execute<{ total: string }>(
      sql`select total from wallets where house_role = 'receivable' and house_reference = 'firm' and asset = 'USD'`,
    );
    expect(parseAmount(Number(borne?.total).toString())).toBe(parseAmount('-210'));
    const [fill] = (await desk.request(loser, 'GET', '/v1/fills?limit=1')).body.data;
    const [alert] = await desk.deps.db.engine
      .select()
      .from(riskAlerts)
      .where(eq(riskAlerts.accountId, loser.accountId));
    expect(alert).toMatchObject({
      kind: 'loss_borne',
      severity: 'critical',
      details: {
        positionId: position.id,
        tradeId: fill.tradeId,
        amount: '210',
        price: '5600',
        mark: '5600',
        quantity: '2',
        tradedWith: 'customer',
        closedBy: 'customer',
      },
    });
  });
});

describe('an order in a contract', () => {
  test('is refused beyond what was granted, what suits and what the instrument and the limits allow', async () => {
    const reasonFor = async (trader: Trader, leverage: string, symbol = SYMBOL) =>
      (await order(trader, 'buy 0.01 at 5000', { leverage, symbol })).body.rejectionReason;
    expect(await reasonFor(await desk.newTrader({ USD: '1000' }), '1')).toBe('margin_not_enabled');
    expect(await reasonFor(await desk.newTrader({ USD: '1000' }), '2')).toBe('suitability_refused');
    const modest = await member('1000', '5');
    expect(await reasonFor(modest, '5.5')).toBe('leverage_above_maximum');
    expect(await reasonFor(modest, '5')).toBeNull();
    // What each leveraged order was held against stays in the log, whatever the person says of themselves later.
    const measured = await desk.deps.db.engine
      .select({ event: auditLogs.eventType, after: auditLogs.after })
      .from(auditLogs)
      .where(and(eq(auditLogs.actorUserId, modest.userId), like(auditLogs.eventType, 'order.%')))
      .orderBy(asc(auditLogs.recordedAt));
    expect(measured.map(({ event, after }) => [event, after])).toEqual([
      ['order.rejected', expect.objectContaining({ leverage: '5.5', suitableLeverage: 'unbounded' })],
      ['order.placed', expect.objectContaining({ leverage: '5', suitableLeverage: 'unbounded' })],
    ]);
    const bold = await member('1000', '50');
    expect(await reasonFor(bold, '21')).toBe('limit_exceeded');
    expect(await reasonFor(bold, '2', 'BTC/USD')).toBe('leverage_above_maximum');
    expect((await order(bold, 'buy 0.01 at 5000', { leverage: '0.5' })).status).toBe(422);
    // Half of 5000 for the margin is not there.
    expect((await order(await member('20'), 'buy 0.1 at 5000')).body.rejectionReason).toBe(
      'insufficient_funds',
    );
  });

  test('reserves margin, the loss at once and the fee; what only reduces never lacks funds', async () => {
    const [trader, other] = [await member('1100'), await member()];
    const { body: sale } = await order(other, 'sell 2 at 4990');
    // Margin at the highest price it may trade at (5500), 10 below the market for each, 10 bps of 11000.
    expect(sale).toMatchObject({ status: 'open', reservation: '1131', reservationAsset: 'USD' });
    const { body: bought } = await order(trader, 'buy 2 at 5000');
    expect(bought).toMatchObject({ status: 'open', reservation: '1010' });
    await desk.later(trader, bought.id);
    expect(await desk.balance(trader, 'USD')).toBe('1090.02 (998)');
    await desk.place(trader, 'buy 0.0015 at 60000');
    const { body: closing } = await order(trader, 'sell 2 at 5100');
    expect(closing).toMatchObject({ status: 'open', reservation: '1.84' });
  });

  test('that may only reduce never reaches beyond the position, alone or with others', async () => {
    const [trader, other] = [await member(), await member()];
    const reducing = async (words: string) => (await order(trader, words, { reduceOnly: true })).body;
    expect(await reducing('sell 1 at 5100')).toMatchObject({ rejectionReason: 'nothing_to_reduce' });
    await trade(other, 'sell 10 at 5000', trader);
    expect(await reducing('buy 1 at 4900')).toMatchObject({ rejectionReason: 'nothing_to_reduce' });
    expect(await reducing('sell 10.01 at 5100')).toMatchObject({
      rejectionReason: 'reduce_exceeds_position',
    });
    const [first, second] = [await reducing('sell 6 at 5100'), await reducing('sell 4 at 5110')];
    expect([first.status, second.status]).toEqual(['open', 'open']);
    expect(await reducing('sell 0.01 at 5120')).toMatchObject({ rejectionReason: 'reduce_exceeds_position' });
    // Something else takes seven of the ten: of the six no more than three may trade, of the four none.
    await trade(other, 'buy 7 at 5000', trader);
    const { body: taker } = await order(other, 'buy 10 at 5110');
    expect(await desk.later(other, taker.id)).toMatchObject({
      status: 'partially_filled',
      filledQuantity: '3',
    });
    expect(await desk.later(trader, first.id)).toMatchObject({ status: 'filled', filledQuantity: '3' });
    expect(await desk.later(trader, second.id)).toMatchObject({
      status: 'cancelled',
      cancelReason: 'nothing_to_reduce',
      filledQuantity: '0',
    });
    expect(await openOf(trader)).toEqual([]);
  });

  test('that would open without margin ends, and the other side meets the next', async () => {
    const [trader, other] = [await member('2200'), await member()];
    await trade(other, 'sell 2 at 5000', trader);
    const { body: first } = await order(trader, 'sell 2 at 5100');
    // The second opens a short once the first has closed, so that it reserves margin; but it trades first.
    const { body: second } = await order(trader, 'sell 2 at 5050');
    const { body: taker } = await order(other, 'buy 2 at 5050');
    await desk.later(other, taker.id);
    expect(await desk.later(trader, second.id)).toMatchObject({ status: 'filled' });
    expect(await openOf(trader)).toEqual([]);
    await desk.place(trader, 'buy 0.038 at 59000');
    const { body: next } = await order(other, 'buy 2 at 5100');
    await desk.engine.settled();
    expect(await desk.later(trader, first.id)).toMatchObject({
      status: 'cancelled',
      cancelReason: 'insufficient_margin',
      filledQuantity: '0',
    });
    expect(await desk.later(other, next.id)).toMatchObject({ status: 'open', filledQuantity: '0' });
    expect(await openOf(trader)).toEqual([]);
  });

  test('that only reduces leaves the book once its position is closed, and an exit that waits stays', async () => {
    const [trader, other] = [await member(), await member()];
    await trade(other, 'sell 2 at 5000', trader);
    const { body: resting } = await order(trader, 'sell 2 at 5100', { reduceOnly: true });
    const { body: entry } = await order(trader, 'buy 1 at 4900', { stopLoss: { stopPrice: '4800' } });
    const [position] = await openOf(trader);
    await trade(other, 'buy 2 at 5000', trader);
    const event = { data: { positionId: position.id } } as unknown as DeliveredEvent;
    await cancelReducing.handle(desk.system, event);
    await cancelReducing.handle(desk.system, event);
    expect(await desk.later(trader, resting.id)).toMatchObject({
      status: 'cancelled',
      cancelReason: 'nothing_to_reduce',
    });
    expect(await desk.later(trader, entry.id)).toMatchObject({ status: 'open' });
    expect(await desk.later(trader, entry.exitIds[0])).toMatchObject({ status: 'held', reduceOnly: true });
  });

  test('that may not trade costs its book no new reading, and leaves everything else where it was', async () => {
    const [trader, other, third] = [await member(), await member(), await member()];
    await trade(other, 'sell 4 at 5000', trader);
    // What stands in the book besides: a pair, a trail, an entry with its exits, and plain orders on both sides.
    const pair = { accountId: third.accountId, symbol: SYMBOL, side: 'sell', quantity: '1', ocoGroup: 'a' };
    const members = [
      { ...pair, type: 'limit', limitPrice: '5200', leverage: '10' },
      { ...pair, type: 'stop', stopPrice: '4700', leverage: '10' },
    ];
    const { body: placed } = await desk.request(third, 'POST', '/v1/orders/batch', {
      body: { orders: members },
      key: newId(),
    });
    const trail = { symbol: SYMBOL, leverage: '10', type: 'trailing_stop', limitPrice: undefined };
    const { body: trailing } = await desk.place(third, 'sell 1', { ...trail, trailAmount: '200' });
    const { body: entry } = await order(third, 'buy 1 at 4900', { stopLoss: { stopPrice: '4800' } });
    expect(
      [...placed.data, { order: trailing }, { order: entry }].map((one) => one.order.rejectionReason),
    ).toEqual([null, null, null, null]);
    await order(third, 'sell 1 at 5300');
    const reducing = [];
    for (let count = 0; count < 4; count += 1) {
      reducing.push((await order(trader, 'sell 1 at 5010', { reduceOnly: true })).body);
    }
    await trade(other, 'buy 3 at 5000', trader);
    const log = spyOn(desk.deps.log, 'info');
    const { body: taker } = await order(other, 'buy 4 at 5010');
    const spot = await desk.place(await desk.newTrader({ USD: '100000' }), 'buy 0.01 at 59000');
    expect(spot.body.status).toBe('open');
    expect(await desk.later(other, taker.id)).toMatchObject({
      filledQuantity: '1',
      status: 'partially_filled',
    });
    const reasons = await Promise.all(
      reducing.map(async ({ id }) => (await desk.later(trader, id)).cancelReason),
    );
    expect(reasons.filter((reason) => reason === 'nothing_to_reduce')).toHaveLength(3);
    const reads = () =>
      log.mock.calls.filter(([, text]) => String(text) === 'a book was read from the database again').length;
    expect(reads()).toBe(0);
    const before = await inMemory();
    expect(before.held).toHaveLength(2);
    await desk.engine.rebuild();
    expect(await inMemory()).toEqual(before);
    expect(reads()).toBeGreaterThan(0);
    log.mockRestore();
    for (const one of [third, other]) {
      await desk.request(one, 'DELETE', `/v1/orders?accountId=${one.accountId}`);
    }
  });

  test('of a paper account is executed by the venue, with margin and positions of its own', async () => {
    const trader = await desk.newTrader({ USD: '100000' }, { book: 'paper', leverage: '20' });
    const { body } = await order(trader, 'buy 2 at 5000');
    expect(body).toMatchObject({ rejectionReason: null, reservation: '1010' });
    await desk.engine.settled();
    expect(await desk.balance(trader, 'USD')).toMatch(/ \(10/);
    await desk.request(trader, 'DELETE', `/v1/orders?accountId=${trader.accountId}`);
  });

  test('of a person who may only reduce closes on either side, and opens nothing', async () => {
    const [trader, other] = [await member(), await member()];
    await trade(other, 'buy 2 at 5000', trader);
    await desk.changeGate(trader, { restriction: 'reduce_only' });
    const refused = { rejectionReason: 'account_restricted' };
    expect((await order(trader, 'sell 1 at 5000')).body).toMatchObject(refused);
    expect((await order(trader, 'buy 2.01 at 5000')).body).toMatchObject(refused);
    await order(other, 'sell 2 at 5000');
    const { body } = await order(trader, 'buy 2 at 5000');
    expect(await desk.later(trader, body.id)).toMatchObject({ status: 'filled' });
    expect(await openOf(trader)).toEqual([]);
  });
});

/** Tightens what an account may do, as the firm does. */
async function tighten(trader: Trader, change: ReturnType<typeof sql>): Promise<void> {
  await desk.deps.db.engine.execute(sql`update accounts set ${change} where id = ${trader.accountId}`);
}

describe('what an account was granted', () => {
  test('is asked of every order that could open a position one day', async () => {
    const [trader, other] = [await member('100000', '5'), await member()];
    await trade(other, 'sell 2 at 5000', trader, { leverage: '5' });
    const { body } = await order(trader, 'sell 2 at 5100', { leverage: '1000' });
    expect(body).toMatchObject({ rejectionReason: 'limit_exceeded' });
    const bold = await order(trader, 'sell 2 at 5100', { leverage: '19' });
    expect(bold.body).toMatchObject({ rejectionReason: 'leverage_above_maximum' });
    const reducing = await order(trader, 'sell 2 at 5100', { leverage: '1000', reduceOnly: true });
    expect(reducing.body).toMatchObject({ status: 'open' });
  });

  test('is asked again when an order trades: it opens nothing without margin, and no more than is left', async () => {
    const [trader, other] = [await member('100000', '20'), await member()];
    await order(trader, 'buy 2 at 5000', { leverage: '20' });
    await tighten(trader, sql`max_leverage = 4`);
    await order(other, 'sell 2 at 5000');
    await desk.engine.settled();
    expect(await openOf(trader)).toMatchObject([{ quantity: '2', initialMargin: '2500', leverage: '4' }]);
    const { body: closing } = await order(trader, 'sell 3 at 5100', { leverage: '4' });
    const { body: opening } = await order(trader, 'buy 1 at 4900', { leverage: '4' });
    await tighten(trader, sql`margin_enabled = false`);
    const { body: taker } = await order(other, 'buy 3 at 5100');
    expect(await desk.later(other, taker.id)).toMatchObject({ filledQuantity: '2' });
    expect(await desk.later(trader, closing.id)).toMatchObject({ status: 'filled', filledQuantity: '2' });
    await desk.request(other, 'DELETE', `/v1/orders?accountId=${other.accountId}`);
    await order(other, 'sell 1 at 4900');
    expect(await desk.later(trader, opening.id)).toMatchObject({
      status: 'cancelled',
      cancelReason: 'margin_not_enabled',
      filledQuantity: '0',
    });
    expect(await openOf(trader)).toEqual([]);
  });
});

describe('money that has not settled', () => {
  test('opens no position, whenever it came, and closes one', async () => {
    const [trader, other] = [await member('2000'), await member()];
    const settle = (unsettled: string) =>
      transact(desk.system, 'engine', (tx) =>
        tx.execute(
          sql`update wallets set unsettled = ${unsettled}::numeric where account_id = ${trader.accountId} and asset = 'USD'`,
        ),
      );
    await trade(other, 'sell 1 at 5000', trader);
    const { body: resting } = await order(trader, 'buy 1 at 4900');
    await settle('1900');
    expect((await order(trader, 'buy 0.1 at 5000')).body.rejectionReason).toBe('insufficient_funds');
    await order(other, 'sell 1 at 4900');
    expect(await desk.later(trader, resting.id)).toMatchObject({ cancelReason: 'insufficient_margin' });
    await desk.request(other, 'DELETE', `/v1/orders?accountId=${other.accountId}`);
    await trade(other, 'buy 1 at 4900', trader);
    expect(await openOf(trader)).toEqual([]);
    await settle('0');
  });
});

describe('a loss', () => {
  test('is paid from what the customer’s own orders reserve before the firm bears any', async () => {
    const wild = { symbol: WILD, leverage: '20' };
    const [loser, winner] = [await member('10000', '20'), await member()];
    await trade(winner, 'sell 4 at 5000', loser, wild);
    const { body: far } = await desk.place(loser, 'buy 0.2 at 40000');
    expect(far).toMatchObject({ status: 'open' });
    await priceIs(WILD, '4200');
    const { body: group } = await order(loser, 'sell 4 at 4200', wild);
    await order(winner, 'buy 4 at 4200', wild);
    await desk.engine.settled();
    expect(await desk.later(loser, group.id)).toMatchObject({ status: 'filled' });
    expect(await desk.later(loser, far.id)).toMatchObject({
      status: 'cancelled',
      cancelReason: 'insufficient_margin',
    });
    // 4 × 800 lost, 20 and 8.4 of fees.
    expect(await desk.balance(loser, 'USD')).toBe('6771.6 (0)');
    const { body } = await desk.request(loser, 'GET', `/v1/accounts/${loser.accountId}/positions`);
    expect(body.data).toMatchObject([{ status: 'closed', realisedPnl: '-3200', lossBorne: '0' }]);
  });

  test('waits outside the book for what is about to end elsewhere, and nobody waits with it', async () => {
    const wild = { symbol: WILD, leverage: '20' };
    const [loser, winner, other, third] = [
      await member('10000', '20'),
      await member(),
      await member(),
      await member(),
    ];
    await trade(winner, 'sell 4 at 5000', loser, wild);
    const { body: far } = await desk.place(loser, 'buy 0.2 at 40000');
    await priceIs(WILD, '4200');
    const { body: closing } = await order(loser, 'sell 4 at 4200', wild);
    await desk.engine.settled();
    // Asked to end by another process, of which this one has not heard yet.
    await transact(desk.system, 'engine', (tx) =>
      recordCancelRequests(tx, desk.system, [far.id], 'requested'),
    );
    await order(winner, 'buy 4 at 4200', wild);
    expect(await trade(other, 'sell 1 at 4210', third, wild)).toMatchObject({ status: 'filled' });
    expect(await desk.later(loser, closing.id)).toMatchObject({ status: 'filled' });
    expect(await desk.later(loser, far.id)).toMatchObject({ status: 'cancelled' });
    const { body } = await desk.request(loser, 'GET', `/v1/accounts/${loser.accountId}/positions`);
    expect(body.data).toMatchObject([{ status: 'closed', realisedPnl: '-3200', lossBorne: '0' }]);
  });

  test('of an order that rested is made as its maker, once the money is free, whoever came meanwhile', async () => {
    const wild = { symbol: WILD, leverage: '20' };
    const [loser, winner, third] = [await member('10000', '20'), await member(), await member()];
    await trade(winner, 'sell 4 at 5000', loser, wild);
    const { body: far } = await desk.place(loser, 'buy 0.2 at 40000');
    await priceIs(WILD, '4200');
    const { body: closing } = await order(loser, 'sell 4 at 4200', { ...wild, postOnly: true });
    await desk.engine.settled();
    await transact(desk.system, 'engine', (tx) =>
      recordCancelRequests(tx, desk.system, [far.id], 'requested'),
    );
    const { body: taking } = await order(winner, 'buy 3 at 4250', wild);
    const whole = parseAmount('4');
    await until(async () => {
      const { resting } = await inMemory(WILD);
      return !resting?.some(({ orderId, remaining }) => orderId === closing.id && remaining === whole);
    });
    // Who comes meanwhile and rests through its price meets it as one who came later.
    const { body: newcomer } = await order(third, 'buy 1 at 4300', wild);
    expect(await desk.later(loser, closing.id)).toMatchObject({ status: 'filled', averageFillPrice: '4200' });
    expect(await desk.later(winner, taking.id)).toMatchObject({ status: 'filled', averageFillPrice: '4200' });
    expect(await desk.later(third, newcomer.id)).toMatchObject({
      status: 'filled',
      averageFillPrice: '4200',
    });
    expect(await desk.later(loser, far.id)).toMatchObject({ status: 'cancelled' });
  });

  test('is paid from what the order that closes reserves for what it would open', async () => {
    const wild = { symbol: WILD, leverage: '20' };
    const [loser, winner] = [await member('2400', '20'), await member()];
    await trade(winner, 'sell 4 at 5000', loser, wild);
    const { body: both } = await order(loser, 'sell 5.7 at 4500', wild);
    expect(both).toMatchObject({ status: 'open', reservation: '1348.85' });
    await order(winner, 'buy 4 at 4500', wild);
    expect(await desk.later(loser, both.id)).toMatchObject({ filledQuantity: '4', reservation: '0' });
    expect(await desk.balance(loser, 'USD')).toBe('371 (0)');
    const { body } = await desk.request(loser, 'GET', `/v1/accounts/${loser.accountId}/positions`);
    expect(body.data).toMatchObject([{ status: 'closed', realisedPnl: '-2000', lossBorne: '0' }]);
  });
});

describe('margin that is held', () => {
  test('is never spent, whatever races for it', async () => {
    const [trader, other] = [await member('2100'), await member()];
    await order(other, 'sell 4 at 5000');
    const answers = await Promise.all([
      order(trader, 'buy 2 at 5000'),
      ...Array.from({ length: 6 }, () => desk.place(trader, 'buy 0.008 at 60000')),
      order(trader, 'buy 2 at 5000'),
    ]);
    const accepted = answers.filter(({ body }) => body.status === 'open');
    expect(accepted.length).toBeGreaterThan(0);
    expect(accepted.length).toBeLessThan(answers.length);
    await desk.engine.settled();
    const held = (await openOf(trader)).reduce(
      (sum: bigint, { initialMargin }: { initialMargin: string }) => sum + parseAmount(initialMargin),
      0n,
    );
    const [kept] = await desk.deps.db.engine.execute<{ held: string; total: string; reserved: string }>(
      sql`select m.held, w.total, w.reserved from wallets w left join margin_holds m on m.wallet_id = w.id
        where w.account_id = ${trader.accountId} and w.asset = 'USD'`,
    );
    expect(parseAmount(Number(kept?.held ?? 0).toString())).toBe(amountOf(held));
    expect(Number(kept?.total)).toBeGreaterThanOrEqual(Number(kept?.reserved));
  });

  test('grows with what the wallet gets while it is short, in the transaction that brings it', async () => {
    const [trader, other] = [await member('2000'), await member()];
    await trade(other, 'sell 2 at 5000', trader);
    const { body: far } = await desk.place(trader, 'buy 0.02 at 40000');
    expect(await desk.balance(trader, 'USD')).toBe('1990 (1801.6)');
    const { body: near } = await desk.place(trader, 'buy 0.001 at 60000');
    const [position] = await openOf(trader);
    const mark = (price: number, pnl: number) =>
      transact(desk.system, 'engine', (tx) =>
        tx.execute(
          sql`update positions set mark_price = ${price}, unrealised_pnl = ${pnl} where id = ${position.id}`,
        ),
      );
    await mark(4700, -600);
    expect(await desk.balance(trader, 'USD')).toBe('1990 (1990)');
    // What a fill sets free pays for the fill; what an order sets free is held, nothing of it can be taken.
    const seller = await desk.newTrader({ BTC: '1' });
    await desk.place(seller, 'sell 0.001 at 60000');
    expect(await desk.later(trader, near.id)).toMatchObject({ status: 'filled' });
    await desk.request(trader, 'DELETE', `/v1/orders/${far.id}`);
    await desk.engine.settled();
    expect(await desk.balance(trader, 'USD')).toMatch(/ \(1600\)$/);
    await mark(4200, -1600);
    const [wallet] = await desk.deps.db.engine.execute<{ total: string; reserved: string; short: boolean }>(
      sql`select total, reserved, margin_short as short from wallets
        where account_id = ${trader.accountId} and asset = 'USD'`,
    );
    expect(wallet).toMatchObject({ reserved: wallet?.total, short: true });
    await mark(5000, 0);
    expect(await desk.balance(trader, 'USD')).toMatch(/ \(1000\)$/);
  });

  test('follows the positions, whoever writes, and those follow the fills', async () => {
    const [trader, other] = [await member(), await member()];
    await trade(other, 'sell 2 at 5000', trader);
    const [position] = await openOf(trader);
    const write = (statement: ReturnType<typeof sql>) =>
      transact(desk.system, 'engine', (tx) => tx.execute(statement)).then(
        () => 'written',
        () => 'refused',
      );
    const id = position.id;
    expect(await write(sql`update positions set quantity = 1, closed_quantity = 1 where id = ${id}`)).toBe(
      'refused',
    );
    expect(
      await write(
        sql`update positions set quantity = 1, closed_quantity = 1, fill_count = fill_count + 1 where id = ${id}`,
      ),
    ).toBe('refused');
    expect(await write(sql`update positions set initial_margin = 1 where id = ${id}`)).toBe('refused');
    expect(await write(sql`update positions set side = 'short' where id = ${id}`)).toBe('refused');
    expect(await write(sql`delete from positions where id = ${id}`)).toBe('refused');
    expect(await write(sql`update margin_holds set held = 0 where account_id = ${trader.accountId}`)).toBe(
      'refused',
    );
    const letGo = sql`select release_margin_holds(array_agg(wallet_id)) from positions where id = ${id}`;
    expect(await write(letGo)).toBe('refused');
    expect(await desk.balance(trader, 'USD')).toBe('99990 (1000)');
    // A mark moves the loss, and with it what is held.
    expect(
      await write(sql`update positions set mark_price = 4900, unrealised_pnl = -200 where id = ${id}`),
    ).toBe('written');
    expect(await desk.balance(trader, 'USD')).toBe('99990 (1200)');
    await write(sql`update positions set mark_price = 5000, unrealised_pnl = 0 where id = ${id}`);
    // What is open can be closed, in the money it was opened in.
    const staff = await desk.newStaff('admin');
    const delisting = await desk.request(
      staff,
      'POST',
      `/v1/instruments/${encodeURIComponent(SYMBOL)}/delist`,
      {
        body: { reason: 'It is not traded any more' },
      },
    );
    expect(delisting).toMatchObject({ status: 409, body: { code: 'instrument_has_positions' } });
    expect(await write(sql`update instruments set status = 'delisted' where symbol = ${SYMBOL}`)).toBe(
      'refused',
    );
  });

  test('is marked by a price that people set only where two others agree, even to the one that stands', async () => {
    const [trader, other, staff] = [await member(), await member(), await desk.newStaff('risk_manager')];
    await trade(other, 'sell 1 at 5000', trader);
    const feedIs = (feed: string | null) =>
      desk.deps.db.engine.execute(sql`update price_settings set feed = ${feed}::feed_name
        where instrument_id = (select id from instruments where symbol = ${SYMBOL})`);
    await feedIs(null);
    const path = `/v1/instruments/${encodeURIComponent(SYMBOL)}/reference-price`;
    const { body: asked } = await desk.request(staff, 'POST', path, {
      body: { price: '5000', reason: 'The index at its close' },
    });
    await feedIs('simulator');
    const { body } = await desk.request(staff, 'GET', `/v1/approvals/${asked.approvalId}`);
    expect(body).toMatchObject({ action: 'reference_price.set', quorum: 2 });
  });
});

/** A plain model: what each account bought and sold, with its cost as fractions cut the way the rules say. */
type Model = { net: bigint; cost: bigint; realised: bigint; fees: bigint };

function halfEven(dividend: bigint, divisor: bigint): bigint {
  const [quotient, rest] = [dividend / divisor, dividend % divisor];
  const twice = rest * 2n;
  return twice > divisor || (twice === divisor && quotient % 2n === 1n) ? quotient + 1n : quotient;
}

/** @units cost: what a long cost, or what a short fetched */
function follow(model: Model, side: string, quantity: bigint, price: bigint, fee: bigint): bigint | null {
  const signed = side === 'buy' ? quantity : -quantity;
  const size = model.net < 0n ? -model.net : model.net;
  const against = model.net !== 0n && model.net > 0n !== signed > 0n;
  const closing = against ? (size < quantity ? size : quantity) : 0n;
  const one = 100_000_000n;
  let realised: bigint | null = null;
  if (closing > 0n) {
    const value = (closing * price) / one;
    const cost = closing === size ? model.cost : halfEven(model.cost * closing, size);
    realised = model.net > 0n ? value - cost : cost - value;
    model.cost -= cost;
    model.realised += realised;
  }
  model.cost += ((quantity - closing) * price) / one;
  model.net += signed;
  model.fees += fee;
  return realised;
}

test('many accounts at once end where a slow model of their fills does, to the last decimal', async () => {
  const { below, pick } = randomFrom(20261122);
  const traders = await Promise.all(Array.from({ length: 6 }, () => member('1000000')));
  for (let round = 0; round < 12; round += 1) {
    await Promise.all(
      Array.from({ length: 12 }, () => {
        const quantity = (1 + below(400)) / 100;
        const price = 4998 + below(41) / 10;
        return order(pick(traders), `${pick(['buy', 'sell'])} ${quantity} at ${price}`, {
          leverage: String(1 + below(19)),
          ...(below(7) === 0 ? { reduceOnly: true } : {}),
        });
      }),
    );
    await desk.engine.settled();
  }
  await desk.emptyTheBooks();
  let [net, won] = [0n, 0n];
  for (const trader of traders) {
    const rows = await desk.deps.db.engine.execute<
      Record<'side' | 'quantity' | 'price' | 'fee' | 'pnl', string>
    >(
      sql`select f.side, f.quantity::text, f.price::text, f.fee::text, f.realised_pnl::text as pnl from fills f
        where f.account_id = ${trader.accountId} order by f.id`,
    );
    const model: Model = { net: 0n, cost: 0n, realised: 0n, fees: 0n };
    const stored = (text: string) => BigInt(text.replace('.', ''));
    for (const { side, quantity, price, fee, pnl } of rows) {
      const realised = follow(model, side, stored(quantity), stored(price), stored(fee));
      expect(realised).toBe(pnl === null ? null : stored(pnl));
    }
    const [open] = await openOf(trader);
    expect(open?.quantity ?? '0').toBe(formatAmount(model.net < 0n ? -model.net : model.net));
    expect(open?.entryValue ?? '0').toBe(formatAmount(model.cost));
    const [total] = (await desk.balance(trader, 'USD')).split(' ');
    expect(total).toBe(formatAmount(parseAmount('1000000') + model.realised - model.fees));
    net += model.net;
    won += model.realised;
    expect(rows.length).toBeGreaterThan(5);
  }
  expect(net).toBe(0n);
  expect(won).not.toBe(0n);
});

test('another process goes on with the orders and positions that stand', async () => {
  const [trader, other] = [await member(), await member()];
  await trade(other, 'sell 2 at 5000', trader);
  const { body: resting } = await order(trader, 'sell 3 at 5000');
  await desk.engine.settled();
  await desk.engine.stop();
  const { elsewhere } = desk;
  await elsewhere.engine.start();
  const more = { symbol: SYMBOL, leverage: '10' };
  await elsewhere.place(other, 'buy 3 at 5000', more);
  await elsewhere.engine.settled();
  expect(await openOf(trader)).toMatchObject([{ side: 'short', quantity: '1', initialMargin: '500' }]);
  expect((await desk.request(trader, 'GET', `/v1/orders/${resting.id}`)).body).toMatchObject({
    status: 'filled',
  });
  await elsewhere.engine.stop();
  await desk.engine.start();
});
