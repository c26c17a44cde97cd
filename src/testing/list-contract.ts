import { createInstrument, setQuote } from '../domains/markets/index.ts';
import { parseAmount } from '../kernel/amount.ts';
import type { Ctx } from '../platform/context.ts';
import { vouchForPrice } from './vouch-for-price.ts';

type Terms = Parameters<typeof createInstrument>[1];

/** Of the contract below: five per cent of what it is worth, half of that to keep it. */
export const CONTRACT_MARGIN = {
  settlementAsset: 'USD',
  maxLeverage: parseAmount('20'),
  initialMarginBps: 500,
  maintenanceMarginBps: 250,
  longRateBps: 500,
  shortRateBps: 100,
  dayCount: 'actual_365',
  fundingHours: 24,
} as const;

/** Lists a contract on an index at 5000, for whose price somebody stands; tests say only what is different. */
export async function listContract(
  ctx: Ctx,
  terms: Partial<Terms> = {},
  {
    last = '5000',
    vouchedBy = 'feed',
  }: { readonly last?: string; readonly vouchedBy?: 'feed' | 'hand' | null } = {},
): Promise<void> {
  const { symbol = 'US500/USD' } = terms;
  const [baseAsset = ''] = symbol.split('/');
  await createInstrument(ctx, {
    symbol,
    name: symbol,
    type: 'index',
    exchange: 'CRYPTO',
    kind: 'contract',
    baseAsset,
    quoteAsset: 'USD',
    tick: parseAmount('0.1'),
    lot: parseAmount('0.01'),
    minQuantity: parseAmount('0.01'),
    maxQuantity: parseAmount('1000'),
    collarBps: 1000,
    makerFeeBps: 5,
    takerFeeBps: 10,
    fractional: true,
    settlementCycle: 'T+0',
    margin: CONTRACT_MARGIN,
    description: '',
    ...terms,
  });
  await setQuote(ctx, { symbol, last: parseAmount(last), source: 'test' });
  if (vouchedBy !== null) {
    await vouchForPrice(ctx, symbol, vouchedBy);
  }
}
