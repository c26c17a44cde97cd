import { z } from '@hono/zod-openapi';
import { pageQuery } from '../../../platform/http/cursor.ts';
import { amountInput, idInput, wireOf } from '../../../platform/http/wire.ts';
import { transfers } from '../schema.ts';

export const Transfer = wireOf(transfers)
  .pick({
    id: true,
    fromAccountId: true,
    toAccountId: true,
    asset: true,
    amount: true,
    journalId: true,
    createdAt: true,
  })
  .openapi('Transfer');

export const NewTransfer = z
  .strictObject({
    fromAccountId: idInput,
    toAccountId: idInput.openapi({ example: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a002' }),
    asset: z
      .string()
      .regex(/^[A-Z0-9.]{2,12}$/, 'must be an asset code')
      .openapi({ example: 'USD' }),
    amount: amountInput,
  })
  .refine(({ fromAccountId, toAccountId }) => fromAccountId !== toAccountId, {
    path: ['toAccountId'],
    error: 'must be another account than fromAccountId',
  })
  .openapi('NewTransfer');

export const transfersQuery = z.strictObject({
  ...pageQuery,
  accountId: idInput.optional().openapi({ description: 'Those that left or reached this account' }),
  userId: idInput.optional().openapi({ description: 'Staff only: the transfers of one customer' }),
});
