import { z } from '@hono/zod-openapi';
import { pageOf, pageQuery } from '../../../platform/http/cursor.ts';
import {
  amountInput,
  idInput,
  instantInput,
  wireDecimal,
  wireId,
  wireInstant,
  wireOf,
} from '../../../platform/http/wire.ts';
import { CANDLE_INTERVALS } from './fold-ticks.ts';
import {
  candles,
  feedGaps,
  feedName,
  gapFailure,
  priceSettings,
  quarantinedTicks,
  quarantineReason,
} from './schema.ts';

const orNull = <Schema extends z.ZodType>(schema: Schema) => z.union([schema, z.null()]);

export const Quote = z
  .object({
    symbol: z.string(),
    currency: z.string().openapi({ example: 'USD' }),
    last: wireDecimal,
    bid: orNull(wireDecimal),
    ask: orNull(wireDecimal),
    mid: orNull(wireDecimal).openapi({ description: 'Half way between bid and ask, rounded half even' }),
    spread: orNull(wireDecimal),
    volume24h: wireDecimal.openapi({ description: 'In the base asset' }),
    high24h: orNull(wireDecimal),
    low24h: orNull(wireDecimal),
    change24h: orNull(wireDecimal).openapi({
      description: 'Since the first price of the last 24 hours; null where there was none',
    }),
    changePercent24h: orNull(wireDecimal),
    stale: z.boolean().openapi({
      description:
        'Nobody confirmed the price for longer than the instrument allows, or its feed tells another beyond the jump: no market orders, and no contract is opened',
    }),
    source: z.string().openapi({
      description: 'A feed, `trades` of its own book, or `staff` where people of the firm set it',
      example: 'trades',
    }),
    quotedAt: wireInstant,
  })
  .openapi('Quote');

export const Candle = wireOf(candles)
  .pick({ openedAt: true, open: true, high: true, low: true, close: true, volume: true })
  .extend({
    interval: z.enum(CANDLE_INTERVALS),
    ticks: z.number().int().openapi({ description: 'How many trades made it' }),
  })
  .openapi('Candle');

export const CandlePage = pageOf(Candle).openapi('CandlePage');

export const CandleQuery = z.strictObject({
  interval: z.enum(CANDLE_INTERVALS).openapi({ description: 'Days begin at midnight UTC, weeks on Monday' }),
  from: instantInput.optional().openapi({ description: 'The first opening, inclusive' }),
  to: instantInput.optional().openapi({ description: 'The last opening, exclusive' }),
  ...pageQuery,
});

const sequence = z.string().regex(/^-?\d+$/);
const feed = orNull(z.enum(feedName.enumValues));
const feedSymbol = z.string().regex(/^[\x21-\x7e]{1,40}$/, 'must be a symbol as the feed names it');
const maxJumpBps = z.number().int().min(1).max(10_000);
const staleAfterSeconds = z.number().int().min(1).max(604_800);

export const PriceSettings = wireOf(priceSettings)
  .pick({ feedSymbol: true })
  .extend({
    symbol: z.string(),
    feed: feed.openapi({ description: 'Null where its own trades price it' }),
    maxJumpBps: orNull(z.number().int()),
    staleAfterSeconds: orNull(z.number().int()),
    levelTicks: z.number().int(),
    version: z.number().int().openapi({ description: '0 where nobody made settings' }),
    price: orNull(wireDecimal).openapi({ description: 'The last price of the feed that was believed' }),
    levelPrice: orNull(wireDecimal).openapi({ description: 'Where the feed is beyond a jump' }),
    levelCount: z.number().int().openapi({ description: 'How many ticks in a row agree on that level' }),
    lastTickAt: orNull(wireInstant),
    changedAt: orNull(wireInstant),
  })
  .openapi('PriceSettings');

const reason = z.string().trim().min(1).max(500);

const wanted = {
  feed,
  feedSymbol: orNull(feedSymbol).default(null),
  maxJumpBps: orNull(maxJumpBps).default(null).openapi({
    description: 'How far one price may lie from the one before, in basis points',
  }),
  staleAfterSeconds: orNull(staleAfterSeconds).default(null).openapi({
    description: 'After how long without a word market orders are refused',
  }),
  levelTicks: z.number().int().min(2).max(1000).default(5).openapi({
    description: 'How many ticks must agree on a level beyond a jump before two people may accept it',
  }),
};

export const PriceSettingsProposal = z
  .strictObject({
    ...wanted,
    beginAnew: z.boolean().default(false).openapi({
      description:
        'Whether the feed may count from elsewhere although feed and symbol stay: its source began to count anew',
    }),
    reason,
  })
  .openapi('PriceSettingsProposal');

/** Of an instrument that is proposed: decided with its listing. */
export const NewPriceSettings = z.strictObject(wanted).openapi('NewPriceSettings');

export const PriceLevelAcceptance = z.strictObject({ reason }).openapi('PriceLevelAcceptance');

export const NewReferencePrice = z
  .strictObject({
    price: amountInput.openapi({ description: 'In the quote asset, on a tick' }),
    reason: reason.openapi({ description: 'Where the price was found, and why it is set by hand' }),
  })
  .openapi('NewReferencePrice');

/** What waits for another person. */
export const ProposedPriceChange = z
  .object({ approvalId: wireId, status: z.enum(['pending']) })
  .openapi('ProposedPriceChange');

export const QuarantinedTick = wireOf(quarantinedTicks)
  .pick({
    id: true,
    symbol: true,
    instrumentId: true,
    price: true,
    size: true,
    sequence: true,
    occurredAt: true,
    receivedAt: true,
  })
  .extend({ feed: z.enum(feedName.enumValues), reason: z.enum(quarantineReason.enumValues) })
  .openapi('QuarantinedTick');

export const FeedGap = wireOf(feedGaps)
  .pick({ id: true, instrumentId: true, foundAt: true, filledAt: true })
  .extend({
    symbol: z.string(),
    feed: z.enum(feedName.enumValues),
    fromSequence: sequence.openapi({
      description: 'The first that did not arrive, by the count of the feed',
    }),
    throughSequence: sequence.openapi({ description: 'The last' }),
    missing: sequence.openapi({ description: 'How many did not arrive when it was found' }),
    fetches: z.int().openapi({ description: 'How often its source was asked in vain for what is missing' }),
    fetchFailure: orNull(z.enum(gapFailure.enumValues)).openapi({
      description: 'Why the last time did not fill it; null where it was not asked, and once it is filled',
    }),
  })
  .openapi('FeedGap');

export const FeedGapPage = pageOf(FeedGap).openapi('FeedGapPage');

export const FeedGapQuery = z.strictObject({
  instrumentId: idInput.optional(),
  open: z
    .enum(['true', 'false'])
    .optional()
    .openapi({ description: 'Whether ticks of it are still missing' }),
  ...pageQuery,
});

export const QuarantinedTickPage = pageOf(QuarantinedTick).openapi('QuarantinedTickPage');

export const QuarantinedTickQuery = z.strictObject({
  instrumentId: idInput.optional(),
  feed: z.enum(feedName.enumValues).optional(),
  reason: z.enum(quarantineReason.enumValues).optional(),
  ...pageQuery,
});
