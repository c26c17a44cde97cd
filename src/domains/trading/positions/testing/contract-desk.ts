import { afterAll, beforeAll, beforeEach, expect } from 'bun:test';
import { parseAmount } from '../../../../kernel/amount.ts';
import { listContract } from '../../../../testing/list-contract.ts';
import { startTradingDesk, type Trader, type TradingDesk } from '../../../../testing/trading-desk.ts';
import { setQuote } from '../../../markets/index.ts';

export const SYMBOL = 'US500/USD';
/** Its price goes far. */
export const WILD = 'US100/USD';

let desk: TradingDesk;

/** Sets up a desk with two contracts at 5000 for a file, and leaves books that add up. */
export function startContractDesk(file: string, started: (desk: TradingDesk) => void): void {
  beforeAll(async () => {
    desk = await startTradingDesk(file);
    started(desk);
    await listContract(desk.system, { symbol: SYMBOL });
    await listContract(desk.system, { symbol: WILD });
    await desk.engine.start();
  });

  beforeEach(async () => {
    await desk.emptyTheBooks();
    await priceIs(SYMBOL, '5000');
    await priceIs(WILD, '5000');
  });

  afterAll(async () => {
    await desk.engine.settled();
    const report = await desk.reconcile();
    await desk.close();
    expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
  });
}

/** What the feed says. */
export async function priceIs(symbol: string, last: string): Promise<void> {
  await setQuote(desk.system, { symbol, last: parseAmount(last), source: 'simulator' });
}

export function member(funds = '100000', leverage = '20'): Promise<Trader> {
  return desk.newTrader({ USD: funds }, { leverage });
}

/** `'buy 2 at 5000'`; at leverage 10 unless it says otherwise. */
export function order(trader: Trader, words: string, more: object = {}) {
  return desk.place(trader, words, { symbol: SYMBOL, leverage: '10', ...more });
}

/** Both sides of a trade, and what is told of the taker's order. */
export async function trade(maker: Trader, words: string, taker: Trader, more: object = {}) {
  const [side, quantity, , price] = words.split(' ');
  await order(maker, words, more);
  const { body } = await order(taker, `${side === 'buy' ? 'sell' : 'buy'} ${quantity} at ${price}`, more);
  return desk.later(taker, body.id);
}

export async function openOf(trader: Trader) {
  const { body } = await desk.request(
    trader,
    'GET',
    `/v1/accounts/${trader.accountId}/positions?status=open`,
  );
  return body.data;
}
