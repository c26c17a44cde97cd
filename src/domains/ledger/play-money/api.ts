import { z } from '@hono/zod-openapi';
import { amountInput, wireDecimal, wireId, wireInstant } from '../../../platform/http/wire.ts';

export const NewPlayMoney = z.strictObject({ amount: amountInput }).openapi('NewPlayMoney');

/** What a paper account was given. */
export const PlayMoney = z
  .object({
    accountId: wireId,
    book: z.literal('paper'),
    asset: z.string().openapi({ example: 'USD', description: 'The base currency of the account' }),
    amount: wireDecimal,
    total: wireDecimal.openapi({ description: 'What the wallet held then, with it' }),
    journalId: wireId,
    bookedAt: wireInstant,
  })
  .openapi('PlayMoney');
