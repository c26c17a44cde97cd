import { z } from '@hono/zod-openapi';
import { ApprovalReason } from '../../../platform/approvals/api.ts';
import { pageQuery } from '../../../platform/http/cursor.ts';
import { wireOf } from '../../../platform/http/wire.ts';
import { ageDays } from '../debit-api.ts';
import { repaymentStatus, repayments } from '../work/schema.ts';
import { REPAYMENT_OUTCOMES } from './rules.ts';

export const Repayment = wireOf(repayments)
  .pick({
    id: true,
    depositId: true,
    receiptId: true,
    approvalId: true,
    journalId: true,
    asset: true,
    amount: true,
    statementLineId: true,
    payoutReference: true,
    status: true,
    fileId: true,
    payoutReportId: true,
    paidLineId: true,
    resolutionId: true,
    transactionReference: true,
    version: true,
    createdAt: true,
    completedAt: true,
    givenUpAt: true,
  })
  .extend({ ageDays })
  .openapi('Repayment');

const text = z.union([z.string(), z.null()]);

export const RepaymentDetail = Repayment.extend({
  payee: z.union([z.object({ name: text, account: text, bank: text }), z.null()]).openapi({
    description: 'Who had paid, as the bank named them; null where people alone had vouched for the money',
  }),
}).openapi('RepaymentDetail');

export const repaymentQuery = z.strictObject({
  ...pageQuery,
  status: z.enum(repaymentStatus.enumValues).optional(),
});

export const ResolveRepayment = z
  .strictObject({
    outcome: z.enum(REPAYMENT_OUTCOMES),
    transactionReference: z.string().trim().min(1).max(128).optional().openapi({ example: 'FT26012345678' }),
    reason: ApprovalReason.shape.reason,
  })
  .refine((body) => (body.outcome === 'completed') === (body.transactionReference !== undefined), {
    path: ['transactionReference'],
    error: 'names the payment that was made: with `completed`, and with nothing else',
  })
  .openapi('ResolveRepayment');
