/**
 * What the demo firm trades and allows: assets, instruments, limits, agreements. Rows a real firm
 * sets for itself.
 */

import {
  FEE_TIERS,
  seedBankAccounts,
  seedFundingFees,
  seedFundingLimits,
  seedPayoutAccounts,
} from '../domains/funding/index.ts';
import { publishAgreement } from '../domains/identity/index.ts';
import { createAsset, seedFxRates } from '../domains/ledger/index.ts';
import { createInstrument, type NewInstrument, setQuote } from '../domains/markets/index.ts';
import { setRiskLimit } from '../domains/risk/index.ts';
import { parseAmount } from '../kernel/amount.ts';
import { addMs } from '../kernel/time.ts';
import type { Ctx } from '../platform/context.ts';
import type { Tx } from '../platform/db/client.ts';

const ASSETS = [
  { code: 'USD', name: 'US dollar', kind: 'fiat', scale: 2 },
  { code: 'EUR', name: 'Euro', kind: 'fiat', scale: 2 },
  { code: 'MUR', name: 'Mauritian rupee', kind: 'fiat', scale: 2 },
  { code: 'BTC', name: 'Bitcoin', kind: 'crypto', scale: 8, chain: 'bitcoin' },
  { code: 'ETH', name: 'Ether', kind: 'crypto', scale: 8, chain: 'ethereum' },
  { code: 'AAPL', name: 'Apple Inc.', kind: 'stock', scale: 4, isin: 'US0378331005', cusip: '037833100' },
] as const;

type DemoInstrument = Omit<NewInstrument, 'tick' | 'lot' | 'minQuantity' | 'maxQuantity' | 'description'> & {
  readonly tick: string;
  readonly lot: string;
  readonly maxQuantity: string;
  readonly price: string;
};

/** What the demo's instruments have in common. */
const COMMON = {
  quoteAsset: 'USD',
  minNotional: parseAmount('1'),
  collarBps: 1_000,
  makerFeeBps: 10,
  takerFeeBps: 20,
} as const;

/** What contracts of the demo ask for. */
const MARGIN = { settlementAsset: 'USD', dayCount: 'actual_360', fundingHours: 24 } as const;

/** Prices are made up; the demo firm follows no market. */
const DEMO_INSTRUMENTS: readonly DemoInstrument[] = [
  {
    ...COMMON,
    symbol: 'BTC/USD',
    name: 'Bitcoin',
    type: 'crypto',
    exchange: 'CRYPTO',
    baseAsset: 'BTC',
    tick: '0.01',
    lot: '0.0001',
    maxQuantity: '100',
    fractional: true,
    settlementCycle: 'T+0',
    sector: 'Digital assets',
    metadata: { website: 'https://bitcoin.org' },
    price: '60000',
  },
  {
    ...COMMON,
    symbol: 'ETH/USD',
    name: 'Ether',
    type: 'crypto',
    exchange: 'CRYPTO',
    baseAsset: 'ETH',
    tick: '0.01',
    lot: '0.001',
    maxQuantity: '1000',
    fractional: true,
    settlementCycle: 'T+0',
    sector: 'Digital assets',
    metadata: { website: 'https://ethereum.org' },
    price: '3000',
  },
  {
    ...COMMON,
    symbol: 'AAPL/USD',
    name: 'Apple Inc.',
    type: 'stock',
    exchange: 'NASDAQ',
    baseAsset: 'AAPL',
    isin: 'US0378331005',
    cusip: '037833100',
    tick: '0.01',
    lot: '0.0001',
    maxQuantity: '10000',
    fractional: true,
    settlementCycle: 'T+1',
    sector: 'Technology',
    industry: 'Consumer electronics',
    metadata: { country: 'USA', website: 'https://www.apple.com' },
    price: '200',
  },
  {
    ...COMMON,
    symbol: 'EUR/USD',
    name: 'Euro',
    type: 'forex',
    exchange: 'FOREX',
    baseAsset: 'EUR',
    tick: '0.0001',
    lot: '1',
    maxQuantity: '1000000',
    fractional: false,
    settlementCycle: 'T+2',
    price: '1.1',
  },
  {
    ...COMMON,
    symbol: 'US500/USD',
    name: 'US 500 index contract',
    type: 'index',
    kind: 'contract',
    exchange: 'COMMODITY',
    baseAsset: 'US500',
    tick: '0.1',
    lot: '0.01',
    maxQuantity: '500',
    fractional: true,
    settlementCycle: 'T+0',
    margin: {
      ...MARGIN,
      maxLeverage: parseAmount('20'),
      initialMarginBps: 500,
      maintenanceMarginBps: 250,
      longRateBps: 650,
      shortRateBps: 100,
    },
    price: '6600',
  },
  {
    ...COMMON,
    symbol: 'EUR/USD.M',
    name: 'Euro, leveraged',
    type: 'forex',
    kind: 'contract',
    exchange: 'FOREX',
    baseAsset: 'EUR',
    tick: '0.0001',
    lot: '1',
    maxQuantity: '1000000',
    fractional: false,
    settlementCycle: 'T+0',
    margin: {
      ...MARGIN,
      maxLeverage: parseAmount('30'),
      initialMarginBps: 333,
      maintenanceMarginBps: 166,
      longRateBps: 320,
      shortRateBps: -80,
    },
    price: '1.1',
  },
  {
    ...COMMON,
    symbol: 'BTC/USD.M',
    name: 'Bitcoin, leveraged',
    type: 'crypto',
    kind: 'contract',
    exchange: 'CRYPTO',
    baseAsset: 'BTC',
    tick: '0.1',
    lot: '0.0001',
    maxQuantity: '100',
    fractional: true,
    settlementCycle: 'T+0',
    margin: {
      ...MARGIN,
      maxLeverage: parseAmount('5'),
      initialMarginBps: 2_000,
      maintenanceMarginBps: 1_000,
      longRateBps: 1_100,
      shortRateBps: 300,
    },
    price: '60000',
  },
];

/** A made-up account of the demo firm, one for each currency; its statements are made by whoever tries them. */
const CLIENT_MONEY_IBAN = 'MU64BOMM0101101030300200001MUR';
const CLIENT_MONEY_NAMES = {
  USD: 'Client money, US dollar',
  EUR: 'Client money, euro',
  MUR: 'Client money, Mauritian rupee',
} as const;

const WITHDRAWAL_LIMITS = { USD: '50000', EUR: '50000', MUR: '2000000', BTC: '1', ETH: '20' } as const;
const LEVEL_FACTORS = { basic: 1n, standard: 4n, enhanced: 20n } as const;

/** @effects rows of assets, instruments, quotes, agreements, funding_limits and risk_limits; audit */
export async function insertReferenceRows(tx: Tx, ctx: Ctx): Promise<void> {
  for (const asset of ASSETS) {
    await createAsset(ctx, asset);
  }
  for (const instrument of DEMO_INSTRUMENTS) {
    await listInstrument(ctx, instrument);
  }
  await publishAgreement(ctx, {
    kind: 'terms_of_business',
    title: 'Terms of business',
    body: 'The terms of business of the demo firm. A licensed firm publishes its own.',
  });
  await seedBankAccounts(tx, ctx, clientMoneyAccounts());
  await seedFxRates(tx, ctx, demoRates(ctx));
  await seedFundingLimits(tx, ctx, withdrawalLimits());
  await seedFundingFees(tx, ctx, withdrawalFees());
  // Paid from where the statements are of, or no debit could ever settle a payout by itself.
  await seedPayoutAccounts(
    tx,
    ctx,
    clientMoneyAccounts().map(({ iban, currency }) => ({
      asset: currency,
      holderName: 'Demo firm, clients',
      iban,
      bic: 'BOMMMUPL',
    })),
  );
  for (const limit of PLATFORM_LIMITS) {
    await setRiskLimit(ctx, {
      ...limit,
      scope: 'platform',
      scopeId: '',
      currency: null,
      effectiveFrom: ctx.deps.clock.now(),
      effectiveUntil: null,
      setBy: 'seed',
      approvalId: null,
      reason: 'Default of the demo firm',
      subjectUserId: null,
    });
  }
}

/** Made up, as the prices are, and long-lived: nobody at the demo firm reads rates every morning. */
const RATES = [
  { base: 'EUR', quote: 'USD', rate: '1.1' },
  { base: 'USD', quote: 'MUR', rate: '46' },
  { base: 'EUR', quote: 'MUR', rate: '50.6' },
] as const;

const DEMO_RATE_LIFE_MS = 3650 * 86_400_000;

function demoRates(ctx: Ctx) {
  const validUntil = addMs(ctx.deps.clock.now(), DEMO_RATE_LIFE_MS);
  return RATES.map(({ rate, ...pair }) => ({ ...pair, rate: parseAmount(rate), spreadBps: 50, validUntil }));
}

const PLATFORM_LIMITS = [
  { type: 'max_order_value', value: parseAmount('250000') },
  { type: 'max_open_orders', value: parseAmount('200') },
  { type: 'max_position', value: parseAmount('25000000') },
  { type: 'max_daily_volume', value: parseAmount('100000000') },
  { type: 'max_daily_loss', value: parseAmount('1000000') },
  { type: 'max_leverage', value: parseAmount('20') },
] as const;

function withdrawalLimits() {
  return Object.entries(LEVEL_FACTORS)
    .flatMap(([kycLevel, factor]) =>
      Object.entries(WITHDRAWAL_LIMITS).map(([asset, maximum]) => ({
        kycLevel: kycLevel as keyof typeof LEVEL_FACTORS,
        asset,
        maximum: BigInt(maximum) * factor,
      })),
    )
    .flatMap(({ kycLevel, asset, maximum }) =>
      methodsOf(asset).flatMap((method) =>
        WINDOWS.map(([windowHours, days]) => ({
          kycLevel,
          asset,
          method,
          direction: 'withdrawal' as const,
          windowHours,
          maximum: parseAmount((maximum * days).toString()),
        })),
      ),
    );
}

/** A week holds three full days, a month eight. */
const WINDOWS = [
  [24, 1n],
  [168, 3n],
  [720, 8n],
] as const;

const COINS: readonly string[] = ['BTC', 'ETH'];

function methodsOf(asset: string) {
  return COINS.includes(asset) ? (['crypto'] as const) : FIAT_METHODS;
}

const FIAT_METHODS = ['bank_transfer', 'mcb_juice', 'my_t_money', 'blink', 'mips', 'mobile_money'] as const;

/** What the network takes; money leaves without a fee. */
function withdrawalFees() {
  return Object.entries({ BTC: '0.0001', ETH: '0.001' }).flatMap(([asset, fixed]) =>
    FEE_TIERS.map((tier) => ({
      tier,
      asset,
      direction: 'withdrawal' as const,
      method: 'crypto' as const,
      fixed: parseAmount(fixed),
      rateBps: 0,
    })),
  );
}

function clientMoneyAccounts() {
  return Object.entries(CLIENT_MONEY_NAMES).map(([currency, name]) => ({
    iban: CLIENT_MONEY_IBAN,
    currency,
    houseReference: 'main',
    name,
  }));
}

async function listInstrument(ctx: Ctx, { price, ...instrument }: DemoInstrument): Promise<void> {
  await createInstrument(ctx, {
    ...instrument,
    tick: parseAmount(instrument.tick),
    lot: parseAmount(instrument.lot),
    minQuantity: parseAmount(instrument.lot),
    maxQuantity: parseAmount(instrument.maxQuantity),
    description: `${instrument.name} against the US dollar, at made-up prices`,
  });
  await setQuote(ctx, { symbol: instrument.symbol, last: parseAmount(price), source: 'seed' });
}
