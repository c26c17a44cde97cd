import { z } from '@hono/zod-openapi';
import { parseAmount } from '../../../kernel/amount.ts';
import { ApprovalReason, ApprovalView } from '../../../platform/approvals/api.ts';
import { pageQuery } from '../../../platform/http/cursor.ts';
import { FORWARDS, isForwards, periodQuery } from '../../../platform/http/period.ts';
import {
  amountInput,
  idInput,
  instantInput,
  wireDecimal,
  wireInstant,
  wireOf,
} from '../../../platform/http/wire.ts';
import { book } from '../schema.ts';
import { conversionQuotes, fxRates } from './schema.ts';
import { POSITION_ASSET } from './settings.ts';

const assetInput = z
  .string()
  .regex(/^[A-Z0-9.]{2,12}$/, 'must be an asset code')
  .openapi({ example: 'USD' });

const TERMS = {
  id: true,
  accountId: true,
  fromAsset: true,
  toAsset: true,
  fromAmount: true,
  toAmount: true,
  rate: true,
  midRate: true,
  spreadBps: true,
  rateId: true,
  rateSource: true,
  rateAt: true,
  rounding: true,
} as const;

export const ConversionQuote = wireOf(conversionQuotes)
  .pick({ ...TERMS, createdAt: true, expiresAt: true })
  .openapi('ConversionQuote', {
    description:
      'The amounts are exact. They are made from the approved rate itself, not from the decimals shown here, and ' +
      'rounded once, where `rounding` says, by less than one unit of the asset.',
  });

export const Conversion = wireOf(conversionQuotes)
  .pick({ ...TERMS, executedAt: true, journalId: true })
  .openapi('Conversion');

export const NewConversionQuote = z
  .strictObject({
    accountId: idInput,
    fromAsset: assetInput,
    toAsset: assetInput.openapi({ example: 'EUR' }),
    fromAmount: amountInput.optional().openapi({ description: 'What is given; or else `toAmount`' }),
    toAmount: amountInput.optional().openapi({ description: 'What is wanted; or else `fromAmount`' }),
  })
  .refine(({ fromAmount, toAmount }) => (fromAmount === undefined) !== (toAmount === undefined), {
    path: ['fromAmount'],
    error: 'either fromAmount or toAmount must be given, not both',
  })
  .refine(({ fromAsset, toAsset }) => fromAsset !== toAsset, {
    path: ['toAsset'],
    error: 'must be another asset than fromAsset',
  })
  .openapi('NewConversionQuote');

export const NewConversion = z.strictObject({ quoteId: idInput }).openapi('NewConversion');

export const conversionsQuery = z
  .strictObject({
    ...pageQuery,
    accountId: idInput.optional(),
    userId: idInput.optional().openapi({ description: 'For staff: the conversions of one customer' }),
    ...periodQuery('Converted'),
  })
  .refine(isForwards, FORWARDS);

const RATE_MIN = parseAmount('0.0000001');
const RATE_MAX = parseAmount('10000000');

export const FxRate = wireOf(fxRates)
  .pick({
    id: true,
    base: true,
    quote: true,
    rate: true,
    spreadBps: true,
    positionMax: true,
    source: true,
    asOf: true,
    validUntil: true,
    approvalId: true,
    createdAt: true,
  })
  .extend({ withdrawnAt: z.union([wireInstant, z.null()]), inForce: z.boolean() })
  .openapi('FxRate');

export const FxRateProposal = z
  .strictObject({
    base: assetInput.openapi({ example: 'USD' }),
    quote: assetInput.openapi({ example: 'MUR' }),
    rate: amountInput
      .refine((rate) => rate >= RATE_MIN && rate <= RATE_MAX, 'must be from 0.0000001 to 10000000')
      .openapi({
        type: 'string',
        description: 'Units of quote for one of base, in the middle',
        example: '46.05',
      }),
    spreadBps: z.number().int().min(0).max(2000).openapi({ description: 'Taken off the middle, both ways' }),
    positionMax: amountInput.openapi({
      description:
        'How much of the base the firm may be long or short in for a conversion at this rate to take it further. Conversions of other pairs obey the bounds of their own rates',
      example: '250000',
    }),
    source: z
      .string()
      .trim()
      .min(3)
      .max(120)
      .regex(/^\P{Cc}*$/u, 'must be one line of text')
      .refine((source) => source.toLowerCase() !== 'seed', 'must say where the rate was read')
      .openapi({ example: 'Bank of Mauritius, indicative middle' }),
    asOf: instantInput.optional(),
    validUntil: instantInput,
    reason: ApprovalReason.shape.reason,
  })
  .refine(({ base, quote }) => base !== quote, { path: ['quote'], error: 'must be another asset than base' })
  .openapi('FxRateProposal');

export const ProposedFxRate = z.object({ approval: ApprovalView }).openapi('ProposedFxRate');

export const fxRatesQuery = z.strictObject({
  ...pageQuery,
  asset: assetInput.optional().openapi({ description: 'Either side of the pair' }),
});

export const fxPositionsQuery = z.strictObject({
  baseAsset: assetInput.default(POSITION_ASSET),
  book: z.enum(book.enumValues).default('live'),
});

const FxPosition = z
  .object({
    asset: z.string(),
    position: wireDecimal,
    priced: z.boolean(),
    midRate: z.union([wireDecimal, z.null()]),
    rateAt: z.union([wireInstant, z.null()]),
    value: z.union([wireDecimal, z.null()]),
  })
  .openapi('FxPosition', {
    description: 'Above zero the house holds more of the currency than customers own, below zero less.',
  });

export const FxPositions = z
  .object({
    book: z.enum(book.enumValues),
    baseAsset: z.string(),
    at: wireInstant,
    positions: z.array(FxPosition),
    unpriced: z
      .array(z.string())
      .openapi({ description: 'Currencies in no total: no rate of theirs counts now' }),
    totalValue: wireDecimal,
  })
  .openapi('FxPositions');
