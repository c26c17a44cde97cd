import { z } from '@hono/zod-openapi';
import type { Role } from '../../kernel/actor.ts';
import { formatAmount } from '../../kernel/amount.ts';
import { pageOf } from '../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../platform/http/problems.ts';
import { idInput } from '../../platform/http/wire.ts';
import { IDENTITY_PROBLEMS } from '../identity/index.ts';
import { ApprovalRequested } from './api.ts';
import { assignDebit, assignReceipt } from './assign-work.ts';
import { listClearingPeriods, proposeClearingPeriod } from './clearing-periods.ts';
import {
  ClearingPeriod,
  Debt,
  debitQuery,
  debtQuery,
  ExplainDebit,
  SetClearingPeriod,
  StatementDebit,
  WorkAssignment,
} from './debit-api.ts';
import { listDebts } from './debts.ts';
import { FUNDING_PROBLEMS } from './errors.ts';
import { type Explanation, proposeExplanation } from './explain-debit.ts';
import { TERM_ROLES } from './propose-funding-limit.ts';
import { UnallocatedReceipt } from './statement-api.ts';
import { listDebits } from './statement-debits.ts';
import { aged } from './statement-store.ts';

const OPERATIONS = ['operations'] as const satisfies readonly Role[];
const READERS = ['operations', 'compliance_officer', 'mlro', 'auditor'] as const satisfies readonly Role[];

const params = z.object({ id: idInput });
const tag = 'funding';
const category = 'financial';
const ASKING = pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists');
const ASSIGNEE = { assigneeId: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001' };

const work: readonly Endpoint[] = [
  endpoint({
    operationId: 'assignReceipt',
    method: 'post',
    path: '/v1/unallocated-receipts/{id}/assign',
    inRecovery: true,
    tag,
    category,
    summary: 'Give the work on a receipt to somebody of operations',
    access: { staff: OPERATIONS },
    params,
    body: WorkAssignment,
    example: ASSIGNEE,
    responses: { 200: UnallocatedReceipt },
    problems: pickProblems(FUNDING_PROBLEMS, 'receipt_closed', 'assignee_unsuitable'),
    handler: async (ctx, { params: { id }, body: { assigneeId } }) => ({
      status: 200,
      body: aged(ctx, await assignReceipt(ctx, id, assigneeId)),
    }),
  }),
  endpoint({
    operationId: 'listStatementDebits',
    method: 'get',
    path: '/v1/statement-debits',
    tag,
    summary: 'Money that left the bank account and what explains it, newest first',
    access: { staff: READERS },
    query: debitQuery,
    responses: { 200: pageOf(StatementDebit) },
    handler: async (ctx, { query }) => {
      const page = await listDebits(ctx, query);
      return { status: 200, body: { ...page, data: page.data.map((row) => aged(ctx, row)) } };
    },
  }),
  endpoint({
    operationId: 'assignStatementDebit',
    method: 'post',
    path: '/v1/statement-debits/{id}/assign',
    inRecovery: true,
    tag,
    category,
    summary: 'Give the work on a debit to somebody of operations',
    access: { staff: OPERATIONS },
    params,
    body: WorkAssignment,
    example: ASSIGNEE,
    responses: { 200: StatementDebit },
    problems: pickProblems(FUNDING_PROBLEMS, 'debit_closed', 'assignee_unsuitable'),
    handler: async (ctx, { params: { id }, body: { assigneeId } }) => ({
      status: 200,
      body: aged(ctx, await assignDebit(ctx, id, assigneeId)),
    }),
  }),
  endpoint({
    operationId: 'explainStatementDebit',
    method: 'post',
    path: '/v1/statement-debits/{id}/explain',
    inRecovery: true,
    tag,
    category,
    summary: 'Ask another person to agree what a debit was',
    description:
      'A payout or a repayment of the same amount (a repayment that was to be paid by file, or that went to another than ' +
      'whoever had paid, is for compliance to agree to), a payout of which the bank paid another amount (for compliance; for ' +
      'the MLRO where it went to another account too: what it paid less is the customer’s again, and `excess` says who owes ' +
      'what it paid more), a payout file that it booked in one line, a journal that has the same amount leave the same bank account, what is owed to a ' +
      'provider or venue, or a charge of the bank. A charge is booked as a debt of the firm to its clients’ money; no debit is booked to customers.',
    access: { staff: OPERATIONS },
    params,
    body: ExplainDebit,
    example: { explanation: 'bank_charge', reason: 'Monthly charge of the bank' },
    responses: { 202: ApprovalRequested },
    problems: {
      ...pickProblems(
        FUNDING_PROBLEMS,
        'debit_closed',
        'debit_not_explained',
        'payout_file_void',
        'payout_file_not_fetched',
        'payout_file_partly_settled',
        'approver_cannot_pay_out',
        'approved_request_changed',
        'destination_changed',
        'approval_not_granted',
      ),
      ...pickProblems(IDENTITY_PROBLEMS, 'self_action'),
      ...ASKING,
    },
    handler: async (ctx, { params: { id }, body }) => ({
      status: 202,
      body: {
        approval: await proposeExplanation(ctx, {
          debitId: id,
          explanation: explanationOf(body),
          reason: body.reason,
        }),
      },
    }),
  }),
];

const terms: readonly Endpoint[] = [
  endpoint({
    operationId: 'listDebts',
    method: 'get',
    path: '/v1/debts',
    tag,
    summary: 'What is owed for money that was taken back, newest first',
    description: 'Customers see their own. A debt is repaid first from the next credit of the same currency.',
    access: { customer: true, staff: [...READERS, 'support'], scope: 'funding:read' },
    query: debtQuery,
    responses: { 200: pageOf(Debt) },
    handler: async (ctx, { query }) => {
      const page = await listDebts(ctx, query);
      const data = page.data.map((debt) => ({ ...debt, amount: formatAmount(debt.amount) }));
      return { status: 200, body: { ...page, data } };
    },
  }),
  endpoint({
    operationId: 'listClearingPeriods',
    method: 'get',
    path: '/v1/funding/clearing-periods',
    tag,
    summary: 'How long each way of paying in can be called back, in bank days; of coins in days',
    access: { staff: [...READERS, 'admin'] },
    responses: { 200: z.object({ data: z.array(ClearingPeriod) }).openapi('ClearingPeriodList') },
    handler: async (ctx) => ({ status: 200, body: { data: await listClearingPeriods(ctx) } }),
  }),
  endpoint({
    operationId: 'setClearingPeriod',
    method: 'post',
    path: '/v1/funding/clearing-periods',
    tag,
    category,
    summary: 'Ask to set how long a way of paying in can be called back',
    description:
      'Another person approves. Until a way has a period, no deposit is announced by it. Days are those on which banks ' +
      'settle the currency (`GET /v1/funding/bank-holidays`); of coins they are days of the calendar.',
    access: { staff: TERM_ROLES },
    body: SetClearingPeriod,
    example: { method: 'card', days: 3, reason: 'The acquirer’s terms' },
    responses: { 202: ApprovalRequested },
    problems: ASKING,
    handler: async (ctx, { body }) => ({
      status: 202,
      body: { approval: await proposeClearingPeriod(ctx, body) },
    }),
  }),
];

/** What left the bank, what is owed, and the terms of paying in. */
export const debitEndpoints: readonly Endpoint[] = [...work, ...terms];

function explanationOf(body: z.output<typeof ExplainDebit>): Explanation {
  switch (body.explanation) {
    case 'bank_charge':
      return { kind: 'bank_charge' };
    case 'payout':
      return {
        kind: 'payout',
        withdrawalId: body.withdrawalId,
        ...(body.excess === undefined ? {} : { excess: body.excess }),
        ...(body.parts === undefined ? {} : { parts: body.parts }),
      };
    case 'payout_file':
      return { kind: 'payout_file', payoutFileId: body.payoutFileId };
    case 'repayment':
      return { kind: 'repayment', repaymentId: body.repaymentId };
    case 'booked':
      return { kind: 'booked', journalId: body.journalId };
    case 'settlement':
      return { kind: 'settlement', clearing: body.clearing };
  }
}
