import { z } from '@hono/zod-openapi';
import { DECIMAL_PATTERN, parseAmount } from '../../../kernel/amount.ts';
import { instantInput, wireDecimal, wireInstant, wireOf } from '../../../platform/http/wire.ts';
import { symbolInput } from '../api.ts';
import { CANDLE_INTERVALS } from '../prices/fold-ticks.ts';
import { priceAlertKind, priceAlerts } from './schema.ts';

/** A positive decimal that is kept as it was sent. */
function decimal(most: string) {
  return z
    .string()
    .regex(DECIMAL_PATTERN, 'must be a decimal string with at most 12 digits and 8 decimals')
    .refine((text) => DECIMAL_PATTERN.test(text) && parseAmount(text) > 0n, 'must be greater than zero')
    .refine(
      (text) => DECIMAL_PATTERN.test(text) && parseAmount(text) <= parseAmount(most),
      `must be at most ${most}`,
    )
    .openapi({ example: '1.5' });
}

const interval = z.enum(CANDLE_INTERVALS);
const period = z.int().min(2).max(100);
const crossing = {
  interval,
  fast: z.int().min(1).max(99),
  slow: z.int().min(2).max(100),
  direction: z.enum(['above', 'below']),
};

/** One form for each indicator. */
const Indicator = z.discriminatedUnion('indicator', [
  z.strictObject({
    kind: z.literal('technical_indicator'),
    indicator: z.literal('rsi'),
    interval,
    period,
    direction: z.enum(['above', 'below']),
    level: decimal('100'),
  }),
  z
    .strictObject({
      kind: z.literal('technical_indicator'),
      indicator: z.literal('sma_cross'),
      ...crossing,
    })
    .refine(({ fast, slow }) => fast < slow, 'fast must be less than slow'),
  z
    .strictObject({
      kind: z.literal('technical_indicator'),
      indicator: z.literal('ema_cross'),
      ...crossing,
    })
    .refine(({ fast, slow }) => fast < slow, 'fast must be less than slow'),
]);

/** What an alert waits for; one form for each kind. */
export const Condition = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('price_above'), price: decimal('999999999999') }),
    z.strictObject({ kind: z.literal('price_below'), price: decimal('999999999999') }),
    z.strictObject({
      kind: z.literal('percent_change'),
      direction: z.enum(['up', 'down', 'either']),
      percent: decimal('1000000'),
      windowMinutes: z.int().min(1).max(10_080),
    }),
    Indicator,
    z.strictObject({
      kind: z.literal('volume_spike'),
      interval,
      candles: period,
      multiple: decimal('1000000'),
    }),
  ])
  .openapi('PriceAlertCondition', {
    description:
      'Percentages, indicators and multiples are reckoned with the candle under way included. docs/howto/price-alerts.md says how.',
  });

export const PriceAlert = wireOf(priceAlerts)
  .pick({ id: true, repeat: true, active: true })
  .extend({
    symbol: z.string().openapi({ example: 'BTC/USD' }),
    kind: z.enum(priceAlertKind.enumValues),
    condition: Condition,
    message: z.union([z.string(), z.null()]),
    cooldownSeconds: z.number().int(),
    expiresAt: z.union([wireInstant, z.null()]),
    armed: z
      .boolean()
      .openapi({ description: 'False after it was told, until the condition was seen not to hold' }),
    triggerCount: z.number().int(),
    triggeredAt: z.union([wireInstant, z.null()]),
    triggeredValue: z.union([wireDecimal, z.null()]),
    version: z.number().int(),
    createdAt: wireInstant,
  })
  .openapi('PriceAlert');

const message = z
  .string()
  .regex(/^[^\p{Cc}\p{Zl}\p{Zp}]{1,200}$/u, 'must be one line of 1 to 200 characters')
  .openapi({ example: 'Look at the chart' });
const cooldownSeconds = z.int().min(0).max(604_800).openapi({ description: 'At least 60 where it repeats' });

export const NewPriceAlert = z
  .strictObject({
    symbol: symbolInput,
    condition: Condition,
    message: message.optional(),
    repeat: z.boolean().default(false),
    cooldownSeconds: cooldownSeconds.default(60),
    expiresAt: instantInput.optional(),
  })
  .openapi('NewPriceAlert');

export const PriceAlertChange = z
  .strictObject({
    condition: Condition.optional(),
    message: z.union([message, z.null()]).optional(),
    repeat: z.boolean().optional(),
    cooldownSeconds: cooldownSeconds.optional(),
    expiresAt: z.union([instantInput, z.null()]).optional(),
    active: z.boolean().optional(),
  })
  .refine((change) => Object.values(change).some((value) => value !== undefined), 'must change something')
  .openapi('PriceAlertChange');
