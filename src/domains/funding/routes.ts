import { z } from '@hono/zod-openapi';
import type { Role } from '../../kernel/actor.ts';
import { formatAmount } from '../../kernel/amount.ts';
import { ApprovalReason } from '../../platform/approvals/api.ts';
import { pageOf } from '../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../platform/http/problems.ts';
import { idInput } from '../../platform/http/wire.ts';
import { IDENTITY_PROBLEMS } from '../identity/index.ts';
import { LEDGER_PROBLEMS, REVIEW_ABOVE } from '../ledger/index.ts';
import { addBeneficiary } from './add-beneficiary.ts';
import {
  ApprovalRequested,
  Beneficiary,
  beneficiaryQuery,
  ClearDeposit,
  CompleteWithdrawal,
  Deposit,
  depositQuery,
  FailWithdrawal,
  NewBeneficiary,
  NewDeposit,
  NewWithdrawal,
  Withdrawal,
  WithdrawalApprovals,
  WithdrawalDetail,
  withdrawalQuery,
} from './api.ts';
import { cancelDeposit } from './cancel-deposit.ts';
import { cancelWithdrawal } from './cancel-withdrawal.ts';
import { CHECKERS_WITH_MLRO } from './checkers.ts';
import { clearDeposit } from './clear-deposit.ts';
import { completeWithdrawal } from './complete-withdrawal.ts';
import { createDeposit } from './create-deposit.ts';
import { decideWithdrawal } from './decide-withdrawal.ts';
import { PayableDeposit } from './deposit-accounts/api.ts';
import { getDeposit } from './deposit-accounts/payment-instructions.ts';
import { FUNDING_PROBLEMS } from './errors.ts';
import { failDeposit } from './fail-deposit.ts';
import { failWithdrawal } from './fail-withdrawal.ts';
import { getWithdrawal } from './get-withdrawal.ts';
import { processWithdrawal } from './process-withdrawal.ts';
import { removeBeneficiary } from './remove-beneficiary.ts';
import { requestWithdrawal } from './request-withdrawal.ts';
import { listBeneficiaries, listDeposits, listWithdrawalApprovals, listWithdrawals } from './store.ts';

const READERS = [
  'support',
  'compliance_officer',
  'mlro',
  'operations',
  'auditor',
] as const satisfies readonly Role[];
const OPERATIONS = ['operations'] as const satisfies readonly Role[];

const params = z.object({ id: idInput });
const tag = 'funding';
const category = 'financial';

const GATE = ['kyc_not_approved', 'account_restricted', 'under_review'] as const;
const ACCOUNT = ['account_not_live', 'account_not_active'] as const;
const CHANGED = ['approved_request_changed', 'destination_changed'] as const;
const PAYOUT = [
  ...CHANGED,
  'withdrawal_status_conflict',
  'approval_not_granted',
  'approver_cannot_pay_out',
] as const;

const OWN = pickProblems(IDENTITY_PROBLEMS, 'self_action');
const VOTING = pickProblems(
  PLATFORM_PROBLEMS,
  'self_approval',
  'approval_not_pending',
  'approval_expired',
  'approval_already_voted',
);
const ASKING = { ...OWN, ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists') };

const published = [...REVIEW_ABOVE].map(([asset, amount]) => `${formatAmount(amount)} ${asset}`).join(', ');

const deposits: readonly Endpoint[] = [
  endpoint({
    operationId: 'listDeposits',
    method: 'get',
    path: '/v1/deposits',
    tag,
    summary: 'Deposits, newest first',
    access: { customer: true, staff: READERS, scope: 'funding:read' },
    query: depositQuery,
    responses: { 200: pageOf(Deposit) },
    handler: async (ctx, { query }) => ({ status: 200, body: await listDeposits(ctx, query) }),
  }),
  endpoint({
    operationId: 'createDeposit',
    method: 'post',
    path: '/v1/deposits',
    tag,
    category,
    summary: 'Announce a deposit and get its payment reference',
    description:
      'Nothing is credited until the money is seen: the payer sends it to the account of `paymentInstructions` and ' +
      'writes `paymentReference` on the transfer. `fee` is what will be taken from it then.',
    access: { customer: true, scope: 'funding:write' },
    idempotency: 'transaction',
    body: NewDeposit,
    example: {
      accountId: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001',
      asset: 'USD',
      amount: '1000',
      method: 'bank_transfer',
    },
    responses: { 201: PayableDeposit },
    problems: {
      ...pickProblems(
        FUNDING_PROBLEMS,
        ...GATE,
        ...ACCOUNT,
        'amount_too_precise',
        'method_not_supported',
        'limit_exceeded',
        'fee_changed',
      ),
      ...pickProblems(LEDGER_PROBLEMS, 'unknown_asset'),
      ...pickProblems(PLATFORM_PROBLEMS, 'not_found'),
    },
    handler: async (ctx, { body }) => ({ status: 201, body: await createDeposit(ctx, body) }),
  }),
  endpoint({
    operationId: 'getDeposit',
    method: 'get',
    path: '/v1/deposits/{id}',
    tag,
    summary: 'One deposit',
    access: { customer: true, staff: READERS, scope: 'funding:read' },
    params,
    responses: { 200: PayableDeposit },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await getDeposit(ctx, id) }),
  }),
  endpoint({
    operationId: 'cancelDeposit',
    method: 'post',
    path: '/v1/deposits/{id}/cancel',
    tag,
    category,
    summary: 'Take back an announced deposit that nobody paid',
    description: 'What is paid for it all the same is credited by hand.',
    access: { customer: true, scope: 'funding:write' },
    params,
    responses: { 200: Deposit },
    problems: pickProblems(FUNDING_PROBLEMS, 'deposit_status_conflict'),
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await cancelDeposit(ctx, id) }),
  }),
  endpoint({
    operationId: 'clearDeposit',
    method: 'post',
    path: '/v1/deposits/{id}/clear',
    tag,
    category,
    summary: 'Clear a deposit by hand',
    description:
      'Without evidence it asks another person and answers 202 with the approval; their vote credits the deposit. Above the ' +
      'published amounts two vote, and the MLRO, unless a kept event of the provider tells of the money. ' +
      'Sent again with that `approvalId` it answers the cleared deposit. With a `statementLineId` whose money is ' +
      'not allocated yet it credits at once, where amount, currency and payer are those of the deposit.',
    access: { staff: OPERATIONS },
    params,
    body: ClearDeposit,
    example: { reason: 'Seen on the bank statement of today' },
    responses: { 200: Deposit, 202: ApprovalRequested },
    problems: {
      ...pickProblems(
        FUNDING_PROBLEMS,
        'deposit_status_conflict',
        'statement_line_unknown',
        'statement_line_used',
        'statement_line_differs',
        'receipt_does_not_fit',
        'deposit_has_receipt',
        'deposit_taken_back',
        'deposit_has_event',
        'approval_unknown',
        'approval_not_granted',
        ...GATE,
        ...ACCOUNT,
      ),
      ...ASKING,
    },
    handler: async (ctx, { params: { id }, body }) => {
      const result = await clearDeposit(ctx, { depositId: id, ...body });
      return 'deposit' in result ? { status: 200, body: result.deposit } : { status: 202, body: result };
    },
  }),
  endpoint({
    operationId: 'failDeposit',
    method: 'post',
    path: '/v1/deposits/{id}/fail',
    tag,
    category,
    summary: 'Close a deposit that was not received',
    description:
      'One person may: nothing was credited, and what arrives later is credited through a new deposit.',
    access: { staff: OPERATIONS },
    params,
    body: ApprovalReason,
    example: { reason: 'Nothing arrived within thirty days' },
    responses: { 200: Deposit },
    problems: { ...pickProblems(FUNDING_PROBLEMS, 'deposit_status_conflict'), ...OWN },
    handler: async (ctx, { params: { id }, body: { reason } }) => ({
      status: 200,
      body: await failDeposit(ctx, { depositId: id, reason }),
    }),
  }),
];

const beneficiaries: readonly Endpoint[] = [
  endpoint({
    operationId: 'listBeneficiaries',
    method: 'get',
    path: '/v1/beneficiaries',
    tag,
    summary: 'Where money may be sent, newest first',
    access: { customer: true, staff: READERS, scope: 'funding:read' },
    query: beneficiaryQuery,
    responses: { 200: pageOf(Beneficiary) },
    handler: async (ctx, { query }) => ({ status: 200, body: await listBeneficiaries(ctx, query) }),
  }),
  endpoint({
    operationId: 'createBeneficiary',
    method: 'post',
    path: '/v1/beneficiaries',
    tag,
    category,
    summary: 'Register where money may be sent',
    description: 'The holder must be the customer. A new beneficiary can be paid from `usableFrom` on.',
    access: { customer: true, stepUp: true },
    body: NewBeneficiary,
    example: {
      kind: 'bank',
      label: 'My bank',
      holderName: 'Anaïs Ramgoolam',
      iban: 'MU17BOMM0101101030300200000MUR',
      bic: 'BOMMMUPL',
    },
    responses: { 201: Beneficiary },
    problems: pickProblems(FUNDING_PROBLEMS, 'beneficiary_name_mismatch', 'beneficiary_exists'),
    handler: async (ctx, { body: { label, ...destination } }) => ({
      status: 201,
      body: await addBeneficiary(ctx, { label, destination }),
    }),
  }),
  endpoint({
    operationId: 'deleteBeneficiary',
    method: 'delete',
    path: '/v1/beneficiaries/{id}',
    tag,
    category,
    summary: 'Remove a beneficiary',
    access: { customer: true, stepUp: true },
    params,
    responses: { 204: null },
    problems: pickProblems(FUNDING_PROBLEMS, 'beneficiary_in_use'),
    handler: async (ctx, { params: { id } }) => {
      await removeBeneficiary(ctx, id);
      return { status: 204 };
    },
  }),
];

const customerWithdrawals: readonly Endpoint[] = [
  endpoint({
    operationId: 'listWithdrawals',
    method: 'get',
    path: '/v1/withdrawals',
    tag,
    summary: 'Withdrawals, newest first',
    access: { customer: true, staff: READERS, scope: 'funding:read' },
    query: withdrawalQuery,
    responses: { 200: pageOf(Withdrawal) },
    handler: async (ctx, { query }) => ({ status: 200, body: await listWithdrawals(ctx, query) }),
  }),
  endpoint({
    operationId: 'createWithdrawal',
    method: 'post',
    path: '/v1/withdrawals',
    tag,
    category,
    summary: 'Request a withdrawal',
    description:
      'Its amount and fee are reserved at once. A withdrawal waits as `pending` for one checker, above a published ' +
      `amount (${published}, of all that is asked for within a day, each asset as its share of its own; every amount ` +
      'of other assets, and of the basic level, and whatever else the firm looks at twice) as `under_review` for two; ' +
      'so does one that repeats an open one. ' +
      'What cannot be met is refused ' +
      'with its reason and leaves nothing behind; what staff decline is a stored withdrawal with `rejectionReason`.',
    access: { customer: true, stepUp: true },
    idempotency: 'transaction',
    body: NewWithdrawal,
    example: {
      accountId: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001',
      asset: 'USD',
      amount: '250',
      beneficiaryId: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a002',
    },
    responses: { 201: Withdrawal },
    problems: {
      ...pickProblems(
        FUNDING_PROBLEMS,
        ...GATE,
        ...ACCOUNT,
        'amount_too_precise',
        'beneficiary_not_usable',
        'beneficiary_not_suitable',
        'travel_rule_data_required',
        'duplicate_withdrawal',
        'limit_missing',
        'limit_exceeded',
        'debt_open',
        'fee_changed',
        'amount_too_large',
      ),
      ...LEDGER_PROBLEMS,
      ...pickProblems(PLATFORM_PROBLEMS, 'not_found'),
    },
    handler: async (ctx, { body }) => ({ status: 201, body: await requestWithdrawal(ctx, body) }),
  }),
  endpoint({
    operationId: 'getWithdrawal',
    method: 'get',
    path: '/v1/withdrawals/{id}',
    tag,
    summary: 'One withdrawal with where it is paid to, and for staff with what travels with its coins',
    access: { customer: true, staff: READERS, scope: 'funding:read' },
    params,
    responses: { 200: WithdrawalDetail },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await getWithdrawal(ctx, id) }),
  }),
  endpoint({
    operationId: 'cancelWithdrawal',
    method: 'post',
    path: '/v1/withdrawals/{id}/cancel',
    tag,
    category,
    summary: 'Take a withdrawal back before its payout begins',
    access: { customer: true },
    params,
    responses: { 200: Withdrawal },
    problems: pickProblems(FUNDING_PROBLEMS, 'withdrawal_status_conflict', 'payout_on_statement'),
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await cancelWithdrawal(ctx, id) }),
  }),
];

const staffWithdrawals: readonly Endpoint[] = [
  endpoint({
    operationId: 'listWithdrawalApprovals',
    method: 'get',
    path: '/v1/withdrawals/{id}/approvals',
    tag,
    summary: 'Who was asked about a withdrawal and how they voted',
    access: { staff: ['operations', 'compliance_officer', 'mlro', 'auditor'], scope: 'funding:read' },
    params,
    responses: { 200: WithdrawalApprovals },
    handler: async (ctx, { params: { id } }) => ({
      status: 200,
      body: { data: await listWithdrawalApprovals(ctx, id) },
    }),
  }),
  ...(['approve', 'reject'] as const).map((vote) =>
    endpoint({
      operationId: `${vote}Withdrawal`,
      method: 'post',
      path: `/v1/withdrawals/{id}/${vote}`,
      tag,
      category,
      summary: vote === 'approve' ? 'Vote for a withdrawal' : 'Reject a withdrawal',
      description:
        'The same vote as on its approval. The reason is for the firm; the customer never reads it.',
      access: { staff: CHECKERS_WITH_MLRO, stepUp: true },
      params,
      body: ApprovalReason,
      example: { reason: 'The payee and the amount are as usual' },
      responses: { 200: Withdrawal },
      problems: {
        ...pickProblems(FUNDING_PROBLEMS, 'withdrawal_status_conflict'),
        ...(vote === 'approve'
          ? pickProblems(FUNDING_PROBLEMS, 'mlro_vote_required', ...CHANGED, ...GATE, ...ACCOUNT)
          : {}),
        ...VOTING,
      },
      handler: async (ctx, { params: { id }, body: { reason } }) => ({
        status: 200,
        body: await decideWithdrawal(ctx, { withdrawalId: id, vote, reason }),
      }),
    }),
  ),
  endpoint({
    operationId: 'processWithdrawal',
    method: 'post',
    path: '/v1/withdrawals/{id}/process',
    tag,
    category,
    summary: 'Begin the payout of an approved withdrawal',
    description: 'Who approved it cannot pay it out.',
    access: { staff: OPERATIONS, stepUp: true, scope: 'payouts:write' },
    params,
    responses: { 200: Withdrawal },
    problems: {
      ...pickProblems(
        FUNDING_PROBLEMS,
        ...GATE,
        ...ACCOUNT,
        ...PAYOUT,
        'screening_behind',
        'beneficiary_not_usable',
        'payout_beyond_held',
        'payout_on_statement',
        'debt_open',
      ),
      ...OWN,
    },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await processWithdrawal(ctx, id) }),
  }),
  endpoint({
    operationId: 'completeWithdrawal',
    method: 'post',
    path: '/v1/withdrawals/{id}/complete',
    tag,
    category,
    summary: 'Book a payout that was made',
    description:
      'Who approved it cannot complete it. The same reference sent again answers the same withdrawal.',
    access: { staff: OPERATIONS, stepUp: true, scope: 'payouts:write' },
    params,
    body: CompleteWithdrawal,
    example: { transactionReference: 'FT26012345678' },
    responses: { 200: Withdrawal },
    problems: {
      ...pickProblems(
        FUNDING_PROBLEMS,
        ...PAYOUT,
        'payout_file_not_fetched',
        'payout_debit_open',
        'payout_with_provider',
      ),
      ...OWN,
    },
    handler: async (ctx, { params: { id }, body: { transactionReference } }) => ({
      status: 200,
      body: await completeWithdrawal(ctx, { withdrawalId: id, transactionReference }),
    }),
  }),
  endpoint({
    operationId: 'failWithdrawal',
    method: 'post',
    path: '/v1/withdrawals/{id}/fail',
    tag,
    category,
    summary: 'Declare a payout failed',
    description:
      'It would free money that may be on its way, so it asks another person and answers 202 with the approval; their ' +
      'vote sets the money free. Sent again with that `approvalId` it answers the withdrawal.',
    access: { staff: OPERATIONS, scope: 'payouts:write' },
    params,
    body: FailWithdrawal,
    example: { reason: 'The bank returned the payment' },
    responses: { 200: Withdrawal, 202: ApprovalRequested },
    problems: {
      ...pickProblems(
        FUNDING_PROBLEMS,
        'withdrawal_status_conflict',
        'payout_on_statement',
        'payout_may_leave',
        'approval_unknown',
        'approval_not_granted',
      ),
      ...ASKING,
    },
    handler: async (ctx, { params: { id }, body }) => {
      const result = await failWithdrawal(ctx, { withdrawalId: id, ...body });
      return 'withdrawal' in result
        ? { status: 200, body: result.withdrawal }
        : { status: 202, body: result };
    },
  }),
];

export const fundingEndpoints: readonly Endpoint[] = [
  ...deposits,
  ...beneficiaries,
  ...customerWithdrawals,
  ...staffWithdrawals,
];
