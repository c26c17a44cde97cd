import { parseAmount } from '../../../../kernel/amount.ts';
import type { Ctx } from '../../../../platform/context.ts';
import { createInstrument, setQuote } from '../../../markets/index.ts';

/** Makes ETH/USD, which is executed at the venue, with a price of 2,000. */
export async function quoteEtherAway(ctx: Ctx): Promise<void> {
  await createInstrument(ctx, {
    symbol: 'ETH/USD',
    name: 'ETH/USD',
    type: 'crypto',
    exchange: 'CRYPTO',
    baseAsset: 'ETH',
    quoteAsset: 'USD',
    tick: parseAmount('0.01'),
    lot: parseAmount('0.001'),
    minQuantity: parseAmount('0.001'),
    maxQuantity: parseAmount('1000'),
    collarBps: 1000,
    makerFeeBps: 10,
    takerFeeBps: 20,
    fractional: true,
    execution: 'venue',
    settlementCycle: 'T+0',
    description: '',
  });
  await setQuote(ctx, { symbol: 'ETH/USD', last: parseAmount('2000'), source: 'test' });
}
