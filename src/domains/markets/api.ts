import { z } from '@hono/zod-openapi';
import { amountInput, wireDecimal, wireId, wireInstant, wireOf } from '../../platform/http/wire.ts';
import {
  exchange,
  execution,
  instrumentKind,
  instrumentStatus,
  instruments,
  instrumentType,
} from './schema.ts';

const SYMBOL_PATTERN = /^[A-Z0-9][A-Z0-9./-]{0,23}$/;

/** A symbol in a path or body; a slash is sent as `%2F` in a path. */
export const symbolInput = z
  .string()
  .regex(SYMBOL_PATTERN, 'must be a symbol such as BTC/USD')
  .openapi({ example: 'BTC/USD' });

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
    collarBps: z.number().int(),
    makerFeeBps: z.number().int(),
    takerFeeBps: z.number().int(),
    version: z.number().int(),
  })
  .openapi('Instrument');

/** An instrument that waits for another person, and what they decide on. */
export const ProposedInstrument = z
  .object({ ...Instrument.shape, approvalId: wireId })
  .openapi('ProposedInstrument');

export const Quote = z
  .object({
    symbol: z.string(),
    currency: z.string().openapi({ example: 'USD' }),
    last: wireDecimal,
    bid: z.union([wireDecimal, z.null()]),
    ask: z.union([wireDecimal, z.null()]),
    source: z.string().openapi({ example: 'trades' }),
    quotedAt: wireInstant,
  })
  .openapi('Quote');

export const MarketClock = z
  .object({
    now: wireInstant,
    phase: z
      .enum(['continuous'])
      .openapi({ description: 'Every instrument that is not halted trades at any hour' }),
  })
  .openapi('MarketClock');

const bps = z.number().int().min(0).max(1000).openapi({ description: 'Basis points' });

export const NewInstrument = z
  .strictObject({
    symbol: symbolInput,
    name: z.string().min(1).max(120),
    type: z.enum(instrumentType.enumValues),
    exchange: z.enum(exchange.enumValues),
    baseAsset: z.string().regex(/^[A-Z0-9.]{2,12}$/),
    quoteAsset: z.string().regex(/^[A-Z0-9.]{2,12}$/),
    isin: z
      .string()
      .regex(/^[A-Z]{2}[A-Z0-9]{9}\d$/)
      .optional(),
    cusip: z
      .string()
      .regex(/^[A-Z0-9]{9}$/)
      .optional(),
    tick: amountInput,
    lot: amountInput,
    minQuantity: amountInput,
    maxQuantity: amountInput,
    collarBps: z.number().int().min(1).max(10_000),
    makerFeeBps: bps,
    takerFeeBps: bps,
    fractional: z.boolean().default(true),
    settlementCycle: z.enum(['T+0', 'T+1', 'T+2']).default('T+0'),
    sector: z.string().max(80).optional(),
    industry: z.string().max(80).optional(),
    description: z.string().max(2000).default(''),
  })
  .openapi('NewInstrument');
