import { z } from '@hono/zod-openapi';
import { wireDecimal, wireId, wireInstant } from '../../platform/http/wire.ts';
import { AccountBody } from '../accounts/index.ts';
import { Settling } from '../ledger/index.ts';

/** What an account is, and what it has behind its positions. */
export const AccountDetail = AccountBody.extend({
  margin: z
    .array(
      z
        .object({
          asset: z.string().openapi({ description: 'What its contracts are settled in', example: 'USD' }),
          balance: wireDecimal,
          equity: wireDecimal.openapi({
            description: 'What is reserved for nothing but margin, with what is won or lost so far',
          }),
          marginUsed: wireDecimal,
          marginAvailable: wireDecimal,
          marginLevel: wireDecimal.nullable().openapi({ description: 'Equity over margin used; 1 is 100 %' }),
          unrealisedPnl: wireDecimal.openapi({ description: 'As the positions were last marked' }),
          realisedPnl: wireDecimal.openapi({ description: 'Of contracts, before fees and funding' }),
        })
        .openapi('MarginFigures'),
    )
    .openapi({ description: 'Empty for an account that never held a position' }),
}).openapi('AccountDetail');

const balance = {
  available: wireDecimal,
  reserved: wireDecimal,
  unsettled: wireDecimal,
  settling: z.array(Settling),
};

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
    contractsPnl: wireDecimal.openapi({
      description: 'What open contracts have won or lost so far, as last marked; part of equity',
    }),
    unpriced: z.array(z.string()).openapi({ description: 'Assets without a price in this currency' }),
  })
  .openapi('Portfolio');
