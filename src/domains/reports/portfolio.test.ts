import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { parseAmount, sumAmounts } from '../../kernel/amount.ts';
import { startTradingDesk, type Trader, type TradingDesk } from '../../testing/trading-desk.ts';

let desk: TradingDesk;

beforeAll(async () => {
  desk = await startTradingDesk(import.meta.file);
  await desk.engine.start();
});

afterAll(async () => {
  await desk.engine.settled();
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

async function read(trader: Trader, what: string, as = trader) {
  return await desk.request(as, 'GET', `/v1/accounts/${trader.accountId}/${what}`);
}

async function trade(seller: Trader, buyer: Trader, quantity: string, price: string): Promise<void> {
  await desk.place(seller, `sell ${quantity} at ${price}`);
  const { body } = await desk.place(buyer, `buy ${quantity} at ${price}`);
  expect(await desk.later(buyer, body.id)).toMatchObject({ status: 'filled' });
}

describe('what an account holds', () => {
  test('is told with its cost after fees, and at the last price', async () => {
    await desk.emptyTheBooks();
    const seller = await desk.newTrader({ BTC: '3' });
    const buyer = await desk.newTrader({ USD: '200000' });
    await trade(seller, buyer, '1', '60000');
    await trade(seller, buyer, '0.5', '60600');
    const { body } = await read(buyer, 'holdings');
    // 60000 + 30300, and 20 bps of each.
    expect(body.data).toMatchObject([
      {
        asset: 'BTC',
        quantity: '1.5',
        cost: '90480.6',
        costCurrency: 'USD',
        averageCost: '60320.4',
        symbol: 'BTC/USD',
        lastPrice: '60600',
        value: '90900',
        currency: 'USD',
        unrealisedPnl: '419.4',
      },
    ]);
    const portfolio = (await read(buyer, 'portfolio')).body;
    expect(portfolio).toMatchObject({
      currency: 'USD',
      cash: [{ asset: 'USD', total: '109519.4', value: '109519.4' }],
      cashValue: '109519.4',
      holdingsValue: '90900',
      equity: '200419.4',
      unrealisedPnl: '419.4',
      realisedPnl: [],
      unpriced: [],
    });
  });

  test('costs what its lots cost, to the last decimal, however it was sold in parts', async () => {
    await desk.emptyTheBooks();
    const [seller, holder] = [await desk.newTrader({ BTC: '1' }), await desk.newTrader({ USD: '100000' })];
    const buyer = await desk.newTrader({ USD: '100000' });
    await trade(seller, holder, '0.7', '60001');
    const bought = (await read(holder, 'holdings')).body.data[0].cost;
    for (const part of ['0.1', '0.03', '0.2701']) {
      await trade(holder, buyer, part, '60100');
    }
    const [holding] = (await read(holder, 'holdings')).body.data;
    const closed = (await read(holder, 'closed-positions')).body.data;
    expect(closed.map(({ quantity }: { quantity: string }) => quantity)).toEqual(['0.2701', '0.03', '0.1']);
    const gone = sumAmounts(closed.map(({ cost }: { cost: string }) => parseAmount(cost)));
    expect(parseAmount(holding.cost) + gone).toBe(parseAmount(bought));
    const fills = (await desk.request(holder, 'GET', '/v1/fills?limit=10')).body.data;
    const realised = (rows: { realisedPnl: string | null }[]) =>
      rows.flatMap((row) => (row.realisedPnl === null ? [] : [row.realisedPnl]));
    expect(realised(closed)).toEqual(realised(fills));
    const { realisedPnl } = (await read(holder, 'portfolio')).body;
    expect(realisedPnl).toMatchObject([{ currency: 'USD' }]);
    expect(parseAmount(realisedPnl[0].amount)).toBe(sumAmounts(realised(closed).map(parseAmount)));
  });

  test('shows nobody what others hold', async () => {
    const [one, other] = [await desk.newTrader({ BTC: '1' }), await desk.newTrader()];
    for (const what of ['holdings', 'portfolio', 'closed-positions']) {
      expect((await read(one, what, other)).status).toBe(404);
      expect((await read(one, what)).status).toBe(200);
      expect((await read(one, what, await desk.newStaff('auditor'))).status).toBe(200);
    }
  });

  test('of a new account is nothing, worth nothing', async () => {
    const trader = await desk.newTrader();
    expect((await read(trader, 'holdings')).body).toEqual({ data: [] });
    expect((await read(trader, 'portfolio')).body).toMatchObject({ equity: '0', cash: [], unpriced: [] });
  });
});
