import { z } from '@hono/zod-openapi';
import { wireOf } from '../../platform/http/wire.ts';
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
