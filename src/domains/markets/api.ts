import { z } from '@hono/zod-openapi';
import { type Amount, DECIMAL_PATTERN, parseAmount } from '../../kernel/amount.ts';
import { pageQuery } from '../../platform/http/cursor.ts';
import { amountInput, instantInput, wireDecimal, wireId, wireOf } from '../../platform/http/wire.ts';
import { NewPriceSettings } from './prices/api.ts';
import {
  dayCount,
  exchange,
  execution,
  haltAction,
  instrumentKind,
  instrumentStatus,
  instruments,
  instrumentType,
  tradingHalts,
} from './schema.ts';

const SYMBOL_PATTERN = /^[A-Z0-9][A-Z0-9./-]{0,23}$/;

/** A symbol in a path or body; a slash is sent as `%2F` in a path. */
export const symbolInput = z
  .string()
  .regex(SYMBOL_PATTERN, 'must be a symbol such as BTC/USD')
  .openapi({ example: 'BTC/USD', description: 'In a path its slash is written %2F: BTC%2FUSD' });

export const Asset = z
  .object({
    code: z.string().openapi({ example: 'BTC' }),
    name: z.string(),
    kind: z.enum(['fiat', 'crypto', 'stock', 'etf', 'bond', 'commodity']),
    scale: z.number().int().openapi({ description: 'Decimals the asset is handled in outside' }),
    isin: z.union([z.string(), z.null()]),
    cusip: z.union([z.string(), z.null()]),
    chain: z.union([z.string(), z.null()]),
  })
  .openapi('Asset');

const Metadata = z
  .strictObject({
    marketCap: z.string().regex(DECIMAL_PATTERN).optional().openapi({ description: 'In the quote asset' }),
    country: z
      .string()
      .regex(/^[A-Z]{3}$/, 'must be an ISO 3166-1 alpha-3 code')
      .optional(),
    website: z
      .url({ protocol: /^https$/ })
      .max(300)
      .optional(),
    logo: z
      .url({ protocol: /^https$/ })
      .max(300)
      .optional(),
    dividendYield: z.string().regex(DECIMAL_PATTERN).optional().openapi({ description: 'Percent a year' }),
    priceEarnings: z.string().regex(DECIMAL_PATTERN).optional(),
    beta: z.string().regex(DECIMAL_PATTERN).optional(),
  })
  .openapi('InstrumentMetadata');

const MarginTerms = z
  .object({
    settlementAsset: z.string(),
    maxLeverage: wireDecimal,
    initialMarginBps: z.number().int(),
    maintenanceMarginBps: z.number().int(),
    longRateBps: z
      .number()
      .int()
      .openapi({ description: 'What holding costs a year, in basis points; negative where it pays' }),
    shortRateBps: z.number().int(),
    dayCount: z.enum(dayCount.enumValues),
    fundingHours: z
      .number()
      .int()
      .openapi({ description: 'How often the rates are charged: 24 is overnight' }),
  })
  .openapi('MarginTerms');

export const Instrument = wireOf(instruments)
  .pick({
    symbol: true,
    name: true,
    description: true,
    baseAsset: true,
    quoteAsset: true,
    isin: true,
    cusip: true,
    sector: true,
    industry: true,
    fractional: true,
    settlementCycle: true,
    createdAt: true,
    listedAt: true,
    haltedUntil: true,
  })
  .extend({
    id: wireId,
    type: z.enum(instrumentType.enumValues),
    kind: z.enum(instrumentKind.enumValues),
    exchange: z.enum(exchange.enumValues),
    status: z.enum(instrumentStatus.enumValues),
    execution: z.enum(execution.enumValues),
    tick: wireDecimal,
    lot: wireDecimal,
    minQuantity: wireDecimal,
    maxQuantity: wireDecimal,
    minNotional: wireDecimal,
    collarBps: z.number().int(),
    makerFeeBps: z.number().int(),
    takerFeeBps: z.number().int(),
    margin: z.union([MarginTerms, z.null()]),
    metadata: Metadata,
    tradable: z
      .boolean()
      .openapi({ description: 'Takes orders while its exchange is open and no circuit breaker stands' }),
    version: z.number().int(),
  })
  .openapi('Instrument');

/** An instrument that waits for another person, and what they decide on. */
export const ProposedInstrument = z
  .object({ ...Instrument.shape, approvalId: wireId })
  .openapi('ProposedInstrument');

const bps = z.number().int().min(0).max(1000).openapi({ description: 'Basis points' });

/** An amount in a request that may be zero. */
const amountOrZero = z
  .string()
  .regex(DECIMAL_PATTERN, 'must be a decimal string with at most 12 digits and 8 decimals')
  .refine((text) => !text.startsWith('-'), 'must not be negative')
  .transform((text): Amount => parseAmount(text))
  .openapi({ type: 'string', pattern: DECIMAL_PATTERN.source, example: '10' });

const rateInput = z.number().int().min(-10_000).max(10_000);

const NewMarginTerms = z
  .strictObject({
    settlementAsset: z.string().regex(/^[A-Z0-9.]{2,12}$/),
    maxLeverage: amountInput,
    initialMarginBps: z.number().int().min(2).max(10_000),
    maintenanceMarginBps: z.number().int().min(1).max(10_000),
    longRateBps: rateInput,
    shortRateBps: rateInput,
    dayCount: z.enum(dayCount.enumValues),
    fundingHours: z.literal([1, 2, 4, 8, 12, 24]),
  })
  .openapi('NewMarginTerms');

const isinInput = z.string().regex(/^[A-Z]{2}[A-Z0-9]{9}\d$/);
const cusipInput = z.string().regex(/^[A-Z0-9*@#]{8}\d$/);
const collarInput = z.number().int().min(1).max(10_000);
const cycleInput = z.enum(['T+0', 'T+1', 'T+2']);

export const NewInstrument = z
  .strictObject({
    symbol: symbolInput,
    name: z.string().min(1).max(120),
    type: z.enum(instrumentType.enumValues),
    exchange: z.enum(exchange.enumValues),
    kind: z.enum(instrumentKind.enumValues).default('spot'),
    baseAsset: z
      .string()
      .regex(/^[A-Z0-9.]{2,12}$/)
      .openapi({ description: 'What it trades; of a contract, what it follows, which need be no asset' }),
    quoteAsset: z.string().regex(/^[A-Z0-9.]{2,12}$/),
    isin: isinInput.optional(),
    cusip: cusipInput.optional(),
    tick: amountInput,
    lot: amountInput,
    minQuantity: amountInput,
    maxQuantity: amountInput,
    minNotional: amountOrZero.optional(),
    collarBps: collarInput,
    makerFeeBps: bps,
    takerFeeBps: bps,
    fractional: z.boolean().default(true),
    execution: z.enum(execution.enumValues).default('internal'),
    settlementCycle: cycleInput.default('T+0'),
    margin: NewMarginTerms.optional(),
    priceSettings: NewPriceSettings.optional().openapi({
      description:
        'Where its price comes from, decided together with its listing. A contract needs a feed: its positions are marked by it',
    }),
    sector: z.string().max(80).optional(),
    industry: z.string().max(80).optional(),
    description: z.string().max(2000).default(''),
    metadata: Metadata.default({}),
  })
  .openapi('NewInstrument');

const described = {
  name: z.string().min(1).max(120).optional(),
  description: z.string().max(2000).optional(),
  isin: isinInput.nullable().optional(),
  cusip: cusipInput.nullable().optional(),
  sector: z.string().max(80).nullable().optional(),
  industry: z.string().max(80).nullable().optional(),
  metadata: Metadata.optional(),
};

const guarded = {
  tick: amountInput.optional(),
  lot: amountInput.optional(),
  minQuantity: amountInput.optional(),
  maxQuantity: amountInput.optional(),
  minNotional: amountOrZero.optional(),
  collarBps: collarInput.optional(),
  makerFeeBps: bps.optional(),
  takerFeeBps: bps.optional(),
  fractional: z.boolean().optional(),
  execution: z.enum(execution.enumValues).optional(),
  settlementCycle: cycleInput.optional(),
};

export const InstrumentChange = z
  .strictObject({
    ...described,
    ...guarded,
    margin: NewMarginTerms.optional(),
    reason: z.string().min(1).max(500).optional().openapi({ description: 'For whoever approves new terms' }),
  })
  .refine(
    ({ reason: _reason, ...change }) => Object.values(change).some((value) => value !== undefined),
    'must change something',
  )
  .openapi('InstrumentChange');

const terms = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]));

/** Terms that wait for another person, as they are and as they would be. */
export const ProposedChange = z
  .object({ symbol: z.string(), approvalId: wireId, from: terms, to: terms })
  .openapi('ProposedInstrumentChange');

export const InstrumentQuery = z.strictObject({
  ...pageQuery,
  type: z.enum(instrumentType.enumValues).optional(),
  kind: z.enum(instrumentKind.enumValues).optional(),
  exchange: z.enum(exchange.enumValues).optional(),
  status: z.enum(instrumentStatus.enumValues).optional(),
  text: z.string().min(1).max(60).optional().openapi({ description: 'Part of the symbol or the name' }),
});

export const ReasonInput = z.strictObject({ reason: z.string().min(1).max(500) }).openapi('MarketReason');

export const NewHalt = z
  .strictObject({
    reason: z
      .string()
      .min(1)
      .max(300)
      .openapi({ description: 'Published: every customer can read it, so it names nobody' }),
    until: instantInput.optional().openapi({ description: 'When it ends by itself' }),
  })
  .openapi('NewHalt');

/** What waits for another person before an instrument changes. */
export const ProposedForInstrument = z
  .object({ symbol: z.string(), approvalId: wireId })
  .openapi('ProposedForInstrument');

export const TradingHalt = wireOf(tradingHalts)
  .pick({ reason: true, haltedUntil: true, occurredAt: true })
  .extend({ id: wireId, action: z.enum(haltAction.enumValues) })
  .openapi('TradingHalt');

export const HaltQuery = z.strictObject(pageQuery);
