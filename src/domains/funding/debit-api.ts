import { z } from '@hono/zod-openapi';
import { ApprovalReason } from '../../platform/approvals/api.ts';
import { pageQuery } from '../../platform/http/cursor.ts';
import { FORWARDS, isForwards, periodQuery } from '../../platform/http/period.ts';
import { amountInput, idInput, wireId, wireOf } from '../../platform/http/wire.ts';
import { assetInput } from './asset-input.ts';
import { clearingPeriods, fundingMethod } from './schema.ts';
import { debitStatus, statementDebits } from './work/schema.ts';

/** Whole days since a piece of work came up. */
export const ageDays = z.number().int().openapi({ example: 3 });

export const StatementDebit = wireOf(statementDebits)
  .pick({
    id: true,
    statementLineId: true,
    asset: true,
    amount: true,
    reason: true,
    status: true,
    explanation: true,
    withdrawalId: true,
    namedWithdrawalId: true,
    repaymentId: true,
    namedRepaymentId: true,
    payoutFileId: true,
    namedPayoutFileId: true,
    journalId: true,
    approvalId: true,
    assigneeId: true,
    version: true,
    createdAt: true,
    closedAt: true,
  })
  .extend({ ageDays })
  .openapi('StatementDebit');

const text = z.union([z.string(), z.null()]);

export const StatementDebitDetail = StatementDebit.extend({
  statementId: wireId,
  bookingDate: z.string().openapi({ example: '2026-01-31' }),
  valueDate: z.string().openapi({ example: '2026-01-31' }),
  bankReference: text,
  endToEndId: text,
  payee: z.union([z.object({ name: text, account: text, remittance: z.string() }), z.null()]),
}).openapi('StatementDebitDetail');

export const debitQuery = z
  .strictObject({
    ...pageQuery,
    status: z.enum(debitStatus.enumValues).optional(),
    assigneeId: idInput.optional(),
    asset: assetInput.optional(),
    withdrawalId: idInput
      .optional()
      .openapi({ description: 'The payout it was, or whose reference it bears' }),
    ...periodQuery('Booked'),
  })
  .refine(isForwards, FORWARDS);

export const WorkAssignment = z.strictObject({ assigneeId: idInput }).openapi('WorkAssignment');

const reason = ApprovalReason.shape.reason;

export const ExplainDebit = z
  .discriminatedUnion('explanation', [
    z.strictObject({ explanation: z.literal('bank_charge'), reason }).openapi('ExplainByBankCharge'),
    z
      .strictObject({
        explanation: z.literal('payout'),
        withdrawalId: idInput,
        excess: z
          .enum(['customer', 'firm'])
          .optional()
          .openapi({ description: 'Who owes what the bank paid beyond the withdrawal, where it did' }),
        parts: z
          .array(idInput)
          .min(1)
          .max(20)
          .refine((ids) => new Set(ids).size === ids.length, 'must name each debit once')
          .optional()
          .openapi({
            description: 'The other debits by which the bank paid it, where it made several of it',
          }),
        reason,
      })
      .openapi('ExplainByPayout'),
    z
      .strictObject({ explanation: z.literal('repayment'), repaymentId: idInput, reason })
      .openapi('ExplainByRepayment'),
    z
      .strictObject({ explanation: z.literal('payout_file'), payoutFileId: idInput, reason })
      .openapi('ExplainByPayoutFile'),
    z
      .strictObject({ explanation: z.literal('booked'), journalId: idInput, reason })
      .openapi('ExplainByJournal'),
    z
      .strictObject({
        explanation: z.literal('settlement'),
        clearing: z
          .string()
          .regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/, 'must be a short reference')
          .openapi({ example: 'venue:simulated' }),
        reason,
      })
      .openapi('ExplainBySettlement'),
  ])
  .openapi('ExplainDebit');

export const Debt = z
  .object({
    id: z.string(),
    debtor: z.string().openapi({ description: 'A customer’s user id, or `firm` for what banks charged' }),
    asset: z.string(),
    amount: z.string().openapi({ example: '40' }),
  })
  .openapi('Debt');

export const debtQuery = z.strictObject({ ...pageQuery, userId: idInput.optional() });

export const ClearingPeriod = wireOf(clearingPeriods)
  .pick({ method: true, approvalId: true })
  .extend({ days: z.number().int() })
  .openapi('ClearingPeriod');

export const SetClearingPeriod = z
  .strictObject({
    method: z.enum(fundingMethod.enumValues),
    days: z.number().int().min(0).max(365).openapi({ example: 3 }),
    reason,
  })
  .openapi('SetClearingPeriod');

/** Part of a deposit, or all that is left of it. */
export const TakeBackDeposit = z
  .strictObject({ amount: amountInput.optional(), reason })
  .openapi('TakeBackDeposit');
