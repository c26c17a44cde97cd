import { z } from '@hono/zod-openapi';
import { formatAmount, ONE, parseAmount } from '../../kernel/amount.ts';
import { amountInput, wireId, wireOf } from '../../platform/http/wire.ts';
import { ACCOUNT_LOT_METHODS } from './rules.ts';
import { accounts } from './schema.ts';

export const Account = wireOf(accounts)
  .pick({
    id: true,
    userId: true,
    type: true,
    name: true,
    baseCurrency: true,
    status: true,
    isDefault: true,
    marginEnabled: true,
    maxLeverage: true,
    marginCallThreshold: true,
    liquidationThreshold: true,
    autoLiquidation: true,
    version: true,
    createdAt: true,
    updatedAt: true,
    closedAt: true,
  })
  .extend({
    lotMethod: z.enum(ACCOUNT_LOT_METHODS).openapi({
      description:
        'Which lots go first when units leave: the oldest (fifo), the newest (lifo), the dearest unit (hifo), or the oldest at the average cost of all that are open (average)',
    }),
  })
  .openapi('Account');

const accountName = z
  .string()
  .trim()
  .min(1)
  .max(80)
  .regex(/^\P{Cc}*$/u, 'must be one line of text');

export const CreateAccount = z
  .strictObject({
    type: z.enum(['live', 'paper']),
    baseCurrency: z.string().regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code'),
    name: accountName.optional(),
  })
  .openapi('CreateAccount');

export const RenameAccount = z.strictObject({ name: accountName }).openapi('RenameAccount');

export const LotMethod = z.strictObject({ lotMethod: z.enum(ACCOUNT_LOT_METHODS) }).openapi('LotMethod');

export const AccountReason = z
  .strictObject({
    reason: z
      .string()
      .trim()
      .min(3)
      .max(500)
      .regex(/^\P{Cc}*$/u, 'must be one line of text'),
  })
  .openapi('AccountReason');

/** @units with at most six decimals */
const ratioInput = amountInput
  .refine(
    (ratio) => ratio % 100n === 0n && ratio <= 1000n * ONE,
    'must be at most 1000, with at most 6 decimals',
  )
  .transform((ratio) => formatAmount(ratio));

export const MarginOrder = z
  .strictObject({
    marginEnabled: z.boolean().optional().openapi({ description: 'Whether the account may hold positions' }),
    maxLeverage: ratioInput
      .refine((times) => parseAmount(times) >= ONE, 'must be 1 or more')
      .optional()
      .openapi({ description: 'Times the margin', example: '5' }),
    marginCallThreshold: ratioInput
      .optional()
      .openapi({ description: 'At which part of the margin used the equity calls for more', example: '0.8' }),
    liquidationThreshold: ratioInput
      .optional()
      .openapi({ description: 'At which part of it positions are closed out', example: '0.5' }),
    autoLiquidation: z.boolean().optional(),
    reason: AccountReason.shape.reason,
  })
  .refine(
    ({ reason: _reason, ...terms }) => Object.values(terms).some((term) => term !== undefined),
    'must change something',
  )
  .openapi('MarginOrder');

export const MarginSet = z
  .object({
    accountId: wireId,
    status: z.enum(['in_force', 'pending']),
    approvalId: wireId.nullable().openapi({ description: 'What another person has to grant' }),
  })
  .openapi('MarginSet');
