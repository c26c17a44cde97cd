import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { parseAmount } from '../../../kernel/amount.ts';
import { startTradingDesk, type TradingDesk } from '../../../testing/trading-desk.ts';
import { setQuote } from '../../markets/index.ts';
import { trades } from '../schema.ts';
import { venueReports } from './schema.ts';
import { SIMULATED } from './simulated/simulated-venue.ts';

let desk: TradingDesk;

beforeAll(async () => {
  desk = await startTradingDesk(import.meta.file);
  await desk.engine.start();
});

afterEach(async () => {
  await desk.engine.settled();
  const report = await desk.reconcile();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

afterAll(async () => {
  await desk.close();
});

describe('a paper account', () => {
  test('buys and sells at the quote without anybody on the other side', async () => {
    const paper = await desk.newTrader({ USD: '100000' }, { book: 'paper', gate: {} });
    const { body } = await desk.place(paper, 'buy 1');
    const bought = await desk.later(paper, body.id);
    expect(bought).toMatchObject({ status: 'filled', filledQuantity: '1', book: 'paper' });
    // Half the spread of five basis points above the last price.
    expect(bought.averageFillPrice).toBe('60030');
    const sold = await desk.place(paper, 'sell 0.5 at 59000');
    expect(await desk.later(paper, sold.body.id)).toMatchObject({
      status: 'filled',
      averageFillPrice: '59970',
    });
    const [trade] = await desk.deps.db.engine
      .select({ venue: trades.venue })
      .from(trades)
      .where(eq(trades.book, 'paper'));
    expect(trade).toEqual({ venue: SIMULATED });
  });

  test('rests a limit order at the venue until the market comes to it, at its own price', async () => {
    const paper = await desk.newTrader({ USD: '100000' }, { book: 'paper', gate: {} });
    const { body } = await desk.place(paper, 'buy 1 at 59000');
    expect(await desk.later(paper, body.id)).toMatchObject({ status: 'open' });
    await setQuote(desk.system, { symbol: 'BTC/USD', last: parseAmount('58900'), source: 'test' });
    const filled = await desk.later(paper, body.id);
    expect(filled).toMatchObject({ status: 'filled', averageFillPrice: '59000', fees: '59' });
    await setQuote(desk.system, { symbol: 'BTC/USD', last: parseAmount('60000'), source: 'test' });
  });

  test('has its stop held by our own book and sent when it is triggered', async () => {
    const paper = await desk.newTrader({ BTC: '1' }, { book: 'paper', gate: {} });
    const { body } = await desk.place(paper, 'sell 1', { type: 'stop', stopPrice: '59500' });
    expect(await desk.later(paper, body.id)).toMatchObject({ status: 'held' });
    const sent = () =>
      desk.deps.db.engine.select().from(venueReports).where(eq(venueReports.orderId, body.id));
    expect(await sent()).toEqual([]);
    await setQuote(desk.system, { symbol: 'BTC/USD', last: parseAmount('59400'), source: 'test' });
    expect(await desk.later(paper, body.id)).toMatchObject({ status: 'filled', triggerPrice: '59400' });
    await setQuote(desk.system, { symbol: 'BTC/USD', last: parseAmount('60000'), source: 'test' });
  });

  test('leaves with the exit that the market reaches first, and the other one ends', async () => {
    const paper = await desk.newTrader({ USD: '100000' }, { book: 'paper', gate: {} });
    const { body } = await desk.place(paper, 'buy 1', {
      takeProfit: { limitPrice: '61000' },
      stopLoss: { stopPrice: '59000' },
    });
    expect(await desk.later(paper, body.id)).toMatchObject({ status: 'filled' });
    await setQuote(desk.system, { symbol: 'BTC/USD', last: parseAmount('61100'), source: 'test' });
    await desk.engine.settled();
    const { data } = (await desk.request(paper, 'GET', `/v1/orders?accountId=${paper.accountId}`)).body;
    const ends = data.map((order: { groupRole: string; status: string; cancelReason: string | null }) => [
      order.groupRole,
      order.status,
      order.cancelReason,
    ]);
    expect(ends.sort()).toEqual([
      ['parent', 'filled', null],
      ['stop_loss', 'cancelled', 'group'],
      ['take_profit', 'filled', null],
    ]);
    expect(await desk.balance(paper, 'BTC')).toBe('0 (0)');
    await setQuote(desk.system, { symbol: 'BTC/USD', last: parseAmount('60000'), source: 'test' });
  });
});
