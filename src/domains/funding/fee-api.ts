import { z } from '@hono/zod-openapi';
import type { Amount } from '../../kernel/amount.ts';
import { ApprovalReason } from '../../platform/approvals/api.ts';
import { amountInput, instantInput, wireOf } from '../../platform/http/wire.ts';
import { FEE_TIERS } from './rules.ts';
import { feeSchedules, fundingFees, fundingMethod } from './schema.ts';

/** A fee's part may be nothing. */
const partInput = z
  .union([amountInput, z.literal('0').transform(() => 0n as Amount)])
  .openapi({ type: 'string', example: '1.5' });

const tier = z.enum(FEE_TIERS);

export const feeQuery = z.strictObject({ tier: tier.optional(), at: instantInput.optional() });

export const feeParams = z.object({ tier });

const FundingFee = wireOf(fundingFees)
  .pick({ id: true, method: true, asset: true, fixed: true, minimum: true, maximum: true })
  .extend({ direction: z.enum(['deposit', 'withdrawal']), rateBps: z.number().int() })
  .openapi('FundingFee');

const FeeSchedule = wireOf(feeSchedules)
  .pick({ id: true, effectiveFrom: true, approvalId: true, createdAt: true })
  .extend({ tier, fees: z.array(FundingFee) })
  .openapi('FeeSchedule');

export const FeeSchedules = z
  .object({ tier: z.union([tier, z.null()]), data: z.array(FeeSchedule) })
  .openapi('FeeSchedules');

const NewFundingFee = z
  .strictObject({
    direction: z.enum(['deposit', 'withdrawal']),
    method: z.enum(fundingMethod.enumValues),
    asset: z
      .string()
      .regex(/^[A-Z0-9.]{2,12}$/, 'must be an asset code')
      .openapi({ example: 'USD' }),
    fixed: partInput.default(0n as Amount),
    rateBps: z.number().int().min(0).max(10_000).default(0),
    minimum: partInput.default(0n as Amount),
    maximum: partInput.optional().transform((most): Amount | null => (most ?? null) as Amount | null),
  })
  .openapi('NewFundingFee');

export const FeeScheduleProposal = z
  .strictObject({
    fees: z.array(NewFundingFee).max(500),
    effectiveFrom: instantInput.optional(),
    reason: ApprovalReason.shape.reason,
  })
  .openapi('FeeScheduleProposal');
