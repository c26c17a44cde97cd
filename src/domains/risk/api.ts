import { z } from '@hono/zod-openapi';
import { ONE } from '../../kernel/amount.ts';
import { pageQuery } from '../../platform/http/cursor.ts';
import {
  amountInput,
  idInput,
  instantInput,
  wireDecimal,
  wireId,
  wireInstant,
  wireOf,
} from '../../platform/http/wire.ts';
import { symbolInput } from '../markets/index.ts';
import { riskLimitScope, riskLimits, riskLimitType } from './schema.ts';

export const RiskLimit = wireOf(riskLimits)
  .pick({
    scopeId: true,
    currency: true,
    active: true,
    effectiveFrom: true,
    effectiveUntil: true,
    setBy: true,
    dayZone: true,
    reason: true,
    createdAt: true,
  })
  .extend({
    id: wireId,
    scope: z.enum(riskLimitScope.enumValues),
    type: z.enum(riskLimitType.enumValues),
    value: wireDecimal,
    alertPercent: z.number().int(),
    approvalId: z.union([wireId, z.null()]),
    withdrawnBy: z.union([wireId, z.null()]),
    withdrawnAt: z.union([wireInstant, z.null()]),
    withdrawalReason: z.union([z.string(), z.null()]),
  })
  .openapi('RiskLimit');

export const RiskLimitQuery = z.strictObject({
  ...pageQuery,
  scope: z.enum(riskLimitScope.enumValues).optional(),
  scopeId: z.string().max(64).optional(),
  type: z.enum(riskLimitType.enumValues).optional(),
});

const BindingLimit = z
  .object({
    type: z.enum(riskLimitType.enumValues),
    value: wireDecimal.openapi({
      description: 'An amount; of max_open_orders how many, of max_leverage how many times the margin',
    }),
    currency: z.union([z.string(), z.null()]).openapi({
      description: 'What it is counted in; null where each order counts in its own quote asset',
    }),
  })
  .openapi('BindingLimit');

export const AccountLimits = z
  .object({
    accountId: wireId,
    symbol: z.union([z.string(), z.null()]),
    limits: z.array(BindingLimit).openapi({
      description: 'A kind that is not here is not set: an order that needs it is refused with limit_missing',
    }),
  })
  .openapi('AccountLimits');

export const AccountLimitsQuery = z.strictObject({
  symbol: symbolInput.optional().openapi({
    description:
      'For orders in this instrument. Without it those that bind in every instrument that has none of its own, and whose asset has none',
  }),
});

/** A limit of zero forbids, so zero is a value here. */
const limitValue = z
  .union([amountInput, z.literal('0').transform(() => 0n)], {
    error: 'must be 0 or a decimal string above it with at most 12 digits and 8 decimals',
  })
  .openapi({
    type: 'string',
    example: '250000',
    description:
      'An amount; of max_open_orders how many, a whole number; of max_leverage how many times the margin',
  });

const proposal = {
  type: z.enum(riskLimitType.enumValues),
  value: limitValue,
  currency: z
    .string()
    .regex(/^[A-Z0-9.]{2,12}$/)
    .optional()
    .openapi({
      description:
        'What the value is counted in. Absent, what is in the quote asset of the order counts, as it is; given, everything is converted by a quoted rate, and without one the order is refused',
    }),
  effectiveFrom: instantInput.optional().openapi({
    description: 'From when it binds. Absent, or over by the approval: from the approval',
  }),
  effectiveUntil: instantInput.optional().openapi({
    description: 'Until when it binds. Where that is over by then, the approval is refused',
  }),
  dayZone: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .openapi({ description: 'Whose midnight ends its day, an IANA time zone; that of the firm if absent' }),
  alertPercent: z
    .number()
    .int()
    .min(1)
    .max(100)
    .optional()
    .openapi({ description: 'From how much of it on an alert is raised; 80 if absent' }),
  reason: z.string().min(1).max(500),
};

export const RiskLimitProposal = z
  .discriminatedUnion('scope', [
    z.strictObject({ scope: z.literal('platform'), ...proposal }),
    z.strictObject({ scope: z.literal('user'), scopeId: idInput, ...proposal }),
    z.strictObject({ scope: z.literal('account'), scopeId: idInput, ...proposal }),
    z.strictObject({ scope: z.literal('instrument'), scopeId: idInput, ...proposal }),
    z.strictObject({
      scope: z.literal('asset'),
      scopeId: z.string().regex(/^[A-Z0-9.]{2,12}$/),
      ...proposal,
    }),
  ])
  .superRefine(({ type, value }, context) => {
    if (type === 'max_open_orders' && value % ONE !== 0n) {
      context.addIssue({ code: 'custom', path: ['value'], message: 'must be a whole number of orders' });
    }
  })
  .openapi('RiskLimitProposal');

export const ProposedRiskLimit = z
  .object({ limitId: wireId, approvalId: wireId, status: z.literal('pending') })
  .openapi('ProposedRiskLimit');

export const LimitWithdrawal = z
  .strictObject({ reason: z.string().min(1).max(500) })
  .openapi('RiskLimitWithdrawal');
