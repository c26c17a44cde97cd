import { z } from '@hono/zod-openapi';
import { pageQuery } from '../../platform/http/cursor.ts';
import { amountInput, idInput, instantInput, wireDecimal, wireId, wireOf } from '../../platform/http/wire.ts';
import { riskLimitScope, riskLimits, riskLimitType } from './schema.ts';

export const RiskLimit = wireOf(riskLimits)
  .pick({
    scopeId: true,
    currency: true,
    active: true,
    effectiveFrom: true,
    effectiveUntil: true,
    setBy: true,
    reason: true,
    createdAt: true,
  })
  .extend({
    id: wireId,
    scope: z.enum(riskLimitScope.enumValues),
    type: z.enum(riskLimitType.enumValues),
    value: wireDecimal,
    approvalId: z.union([wireId, z.null()]),
  })
  .openapi('RiskLimit');

export const RiskLimitQuery = z.strictObject({
  ...pageQuery,
  scope: z.enum(riskLimitScope.enumValues).optional(),
  scopeId: z.string().max(64).optional(),
  type: z.enum(riskLimitType.enumValues).optional(),
});

/** A limit of zero forbids, so zero is a value here. */
const limitValue = z.union([amountInput, z.literal('0').transform(() => 0n)]).openapi({
  type: 'string',
  example: '250000',
});

const proposal = {
  type: z.enum(riskLimitType.enumValues),
  value: limitValue,
  currency: z
    .string()
    .regex(/^[A-Z0-9.]{2,12}$/)
    .optional()
    .openapi({ description: 'What the value is counted in; any currency if absent' }),
  effectiveFrom: instantInput.optional(),
  effectiveUntil: instantInput.optional(),
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
  .openapi('RiskLimitProposal');

export const ProposedRiskLimit = z
  .object({ limitId: wireId, approvalId: wireId, status: z.literal('pending') })
  .openapi('ProposedRiskLimit');
