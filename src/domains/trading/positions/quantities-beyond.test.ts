import { describe, expect, test } from 'bun:test';
import { parseAmount } from '../../../kernel/amount.ts';
import { listContract } from '../../../testing/list-contract.ts';
import type { Trader, TradingDesk } from '../../../testing/trading-desk.ts';
import { member, startContractDesk } from './testing/contract-desk.ts';

/** Worth a hundred-millionth: as many units as an amount can say cost less than a car. */
const DUST = 'DUST/USD';
const MOST = '999999999999.99999999';

let desk: TradingDesk;

startContractDesk(import.meta.file, (started) => {
  desk = started;
});

async function listDust(): Promise<void> {
  const known = await desk.request(await member(), 'GET', `/v1/instruments/${encodeURIComponent(DUST)}`);
  if (known.status === 404) {
    const sizes = { lot: parseAmount('1'), minQuantity: parseAmount('1') };
    const maxQuantity = parseAmount('700000000000');
    const terms = { symbol: DUST, tick: parseAmount('0.00000001'), ...sizes, maxQuantity, collarBps: 10_000 };
    await listContract(desk.system, terms, { last: '0.00000002' });
  }
}

async function sell(trader: Trader, quantity: string, more: object = {}) {
  const words = `sell ${quantity} at 0.00000003`;
  return (await desk.place(trader, words, { symbol: DUST, leverage: '1', ...more })).body;
}

describe('more units than an amount can say', () => {
  test('are never asked for in a contract, and leave what is less, and what reduces, to be ordered', async () => {
    await listDust();
    const [seller, buyer] = [await member('1000000'), await member('1000000')];
    expect(await sell(seller, '600000000000')).toMatchObject({ rejectionReason: null });
    expect(await sell(seller, '600000000000')).toMatchObject({ rejectionReason: 'quantity_above_maximum' });
    expect(await sell(seller, '300000000000')).toMatchObject({ rejectionReason: null });
    const bought = { symbol: DUST, leverage: '1' };
    await desk.place(buyer, 'buy 600000000000 at 0.00000003', bought);
    await desk.place(buyer, 'buy 300000000000 at 0.00000003', bought);
    await desk.engine.settled();
    const byNotional = { symbol: DUST, leverage: '1', quantity: undefined, notional: '6000' };
    expect((await desk.place(seller, 'sell 1', byNotional)).body).toMatchObject({
      rejectionReason: 'quantity_above_maximum',
    });
    // What is held counts as what rests does.
    expect(await sell(seller, '600000000000')).toMatchObject({ rejectionReason: 'quantity_above_maximum' });
    const reducing = { ...bought, reduceOnly: true };
    const { body } = await desk.place(seller, 'buy 700000000000 at 0.00000003', reducing);
    expect(body).toMatchObject({ rejectionReason: null });
    expect(await sell(seller, '1')).toMatchObject({ rejectionReason: null });
  });

  test('at one price of a book are told as the most there is to say, by it and to who follows it', async () => {
    await listDust();
    const [first, second] = [await member('1000000'), await member('1000000')];
    expect(await sell(first, '600000000000')).toMatchObject({ rejectionReason: null });
    expect(await sell(second, '600000000000')).toMatchObject({ rejectionReason: null });
    await desk.engine.settled();
    const path = `/v1/instruments/${encodeURIComponent(DUST)}/book`;
    const asks = [{ price: '0.00000003', quantity: MOST, orderCount: 2 }];
    expect((await desk.request(first, 'GET', path)).body).toMatchObject({ asks });
    // A node that does not match the instrument adds the orders up.
    await desk.engine.stop();
    expect((await desk.request(first, 'GET', path)).body).toMatchObject({ asks });
    await desk.engine.start();
  });
});
