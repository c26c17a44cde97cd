import { z } from '@hono/zod-openapi';
import { wireDecimal, wireId, wireInstant } from '../../platform/http/wire.ts';

const balance = { available: wireDecimal, reserved: wireDecimal, unsettled: wireDecimal };

export const Holding = z
  .object({
    asset: z.string().openapi({ example: 'BTC' }),
    quantity: wireDecimal,
    ...balance,
    cost: wireDecimal.nullable().openapi({
      description:
        'What the units that are left cost, fees included; null where some came without a price or in several currencies',
    }),
    costCurrency: z.string().nullable(),
    averageCost: wireDecimal.nullable(),
    symbol: z.string().nullable().openapi({ description: 'The instrument whose last price counts' }),
    lastPrice: wireDecimal.nullable(),
    quotedAt: wireInstant.nullable(),
    value: wireDecimal.nullable().openapi({
      description: 'Quantity at the last price, rounded half even; null where the asset never had one',
    }),
    currency: z.string().openapi({ description: "Of value and profit: the account's base currency" }),
    unrealisedPnl: wireDecimal.nullable(),
  })
  .openapi('Holding');

const Cash = z
  .object({ asset: z.string(), total: wireDecimal, ...balance, value: wireDecimal.nullable() })
  .openapi('CashHolding');

export const Portfolio = z
  .object({
    accountId: wireId,
    type: z.enum(['live', 'paper']),
    currency: z.string().openapi({ description: 'Of every value here', example: 'USD' }),
    asOf: wireInstant,
    equity: wireDecimal.openapi({
      description: 'What is held at last prices, without what `unpriced` names',
    }),
    cashValue: wireDecimal,
    holdingsValue: wireDecimal,
    unrealisedPnl: wireDecimal.openapi({
      description: 'Of the holdings whose cost is known in this currency',
    }),
    realisedPnl: z
      .array(z.object({ currency: z.string(), amount: wireDecimal }))
      .openapi({ description: 'Of everything that was ever sold with a known cost, by currency' }),
    cash: z.array(Cash),
    holdings: z.array(Holding),
    unpriced: z.array(z.string()).openapi({ description: 'Assets without a price in this currency' }),
  })
  .openapi('Portfolio');
