import { z } from '@hono/zod-openapi';
import type { Role } from '../../kernel/actor.ts';
import { ApprovalReason } from '../../platform/approvals/api.ts';
import { pageOf } from '../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../platform/http/problems.ts';
import { idInput } from '../../platform/http/wire.ts';
import { IDENTITY_PROBLEMS } from '../identity/index.ts';
import { LEDGER_PROBLEMS } from '../ledger/index.ts';
import { ACCOUNT_TERMS_ROLES } from './account-terms.ts';
import { ApprovalRequested, Withdrawal } from './api.ts';
import { createPayoutFile } from './create-payout-file.ts';
import { downloadPayoutFile, freshenPayoutFile } from './download-payout-file.ts';
import { FUNDING_PROBLEMS } from './errors.ts';
import { freshenPayouts } from './freshen-payouts.ts';
import { importStatusReport } from './import-status-report.ts';
import { listFundingLimits } from './list-funding-limits.ts';
import { getPayoutFile, listPayoutFiles } from './list-payout-files.ts';
import { markWithdrawalUnknown } from './mark-withdrawal-unknown.ts';
import { listPayoutAccounts } from './payout-accounts.ts';
import {
  FundingLimitProposal,
  FundingLimits,
  fundingLimitQuery,
  NewPayoutFile,
  PayoutAccountProposal,
  PayoutAccounts,
  PayoutFile,
  PayoutFileDetail,
  PayoutReport,
  payoutAccountParams,
  payoutFileQuery,
  quoteQuery,
  ResolveWithdrawal,
  StatusReportFile,
  WithdrawalQuote,
} from './payout-api.ts';
import { proposeFundingLimit, TERM_ROLES } from './propose-funding-limit.ts';
import { proposePayoutAccount } from './propose-payout-account.ts';
import { quoteWithdrawal } from './quote-withdrawal.ts';
import { freshenRepayments } from './repayments/screen-repayments.ts';
import { resolveWithdrawal } from './resolve-withdrawal.ts';

const READERS = [
  'support',
  'compliance_officer',
  'mlro',
  'operations',
  'auditor',
  'admin',
] as const satisfies readonly Role[];
const OPERATIONS = ['operations'] as const satisfies readonly Role[];

const params = z.object({ id: idInput });
const tag = 'funding';
const category = 'financial';

const BEGINNING = [
  'kyc_not_approved',
  'account_restricted',
  'under_review',
  'account_not_live',
  'account_not_active',
  'approved_request_changed',
  'destination_changed',
  'withdrawal_status_conflict',
  'approval_not_granted',
  'approver_cannot_pay_out',
  'beneficiary_not_usable',
  'payout_beyond_held',
  'debt_open',
] as const;

const OWN = pickProblems(IDENTITY_PROBLEMS, 'self_action');
const ASKING = pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists');

const terms: readonly Endpoint[] = [
  endpoint({
    operationId: 'listFundingLimits',
    method: 'get',
    path: '/v1/funding/limits',
    tag,
    summary: 'What may move in a day, a week and a month, and what is used of it',
    description:
      "A customer sees their level's limits with their own use; staff those of the customer they name, or every " +
      'row. Windows are rolling; what has no row for one of the three is refused.',
    access: { customer: true, staff: READERS, scope: 'funding:read' },
    query: fundingLimitQuery,
    responses: { 200: FundingLimits },
    problems: pickProblems(PLATFORM_PROBLEMS, 'not_found'),
    handler: async (ctx, { query }) => ({ status: 200, body: { data: await listFundingLimits(ctx, query) } }),
  }),
  endpoint({
    operationId: 'proposeFundingLimit',
    method: 'post',
    path: '/v1/funding/limits',
    tag,
    category,
    summary: 'Propose a limit of money in or out',
    description: 'It takes effect when a second person approves it.',
    access: { staff: TERM_ROLES },
    body: FundingLimitProposal,
    example: {
      kycLevel: 'standard',
      asset: 'USD',
      direction: 'withdrawal',
      method: 'bank_transfer',
      windowHours: 24,
      maximum: '60000',
      reason: 'Reviewed for the year',
    },
    responses: { 202: ApprovalRequested },
    problems: { ...ASKING, ...pickProblems(LEDGER_PROBLEMS, 'unknown_asset') },
    handler: async (ctx, { body }) => ({
      status: 202,
      body: { approval: await proposeFundingLimit(ctx, body as never) },
    }),
  }),
  endpoint({
    operationId: 'quoteWithdrawal',
    method: 'get',
    path: '/v1/funding/withdrawal-quote',
    tag,
    summary: 'What a withdrawal would cost',
    description: 'Reserves nothing; the fee in force when the withdrawal is requested is the one taken.',
    access: { customer: true, scope: 'funding:read' },
    query: quoteQuery,
    responses: { 200: WithdrawalQuote },
    problems: {
      ...pickProblems(
        FUNDING_PROBLEMS,
        'amount_too_precise',
        'beneficiary_not_suitable',
        'kyc_not_approved',
        'amount_too_large',
      ),
      ...pickProblems(LEDGER_PROBLEMS, 'unknown_asset'),
      ...pickProblems(PLATFORM_PROBLEMS, 'not_found'),
    },
    handler: async (ctx, { query }) => ({ status: 200, body: await quoteWithdrawal(ctx, query) }),
  }),
];

const unknown: readonly Endpoint[] = [
  endpoint({
    operationId: 'markWithdrawalUnknown',
    method: 'post',
    path: '/v1/withdrawals/{id}/unknown',
    tag,
    category,
    summary: 'Say that the outcome of a payout is not known',
    description: 'The money stays reserved and nothing is paid again until `resolve` settles it.',
    access: { staff: OPERATIONS, scope: 'payouts:write' },
    params,
    body: ApprovalReason,
    example: { reason: 'The bank neither confirms nor denies' },
    responses: { 200: Withdrawal },
    problems: {
      ...pickProblems(
        FUNDING_PROBLEMS,
        'withdrawal_status_conflict',
        'payout_file_not_fetched',
        'payout_with_provider',
      ),
      ...OWN,
    },
    handler: async (ctx, { params: { id }, body: { reason } }) => ({
      status: 200,
      body: await markWithdrawalUnknown(ctx, { withdrawalId: id, reason }),
    }),
  }),
  endpoint({
    operationId: 'resolveWithdrawal',
    method: 'post',
    path: '/v1/withdrawals/{id}/resolve',
    tag,
    category,
    summary: 'Settle a payout whose outcome was not known',
    description:
      'Asks another person and answers 202 with the approval; their vote books the payout or sets the money free. ' +
      'Sent again with that `approvalId` it answers the withdrawal. With a `statementLineId` whose amount, currency, ' +
      'end-to-end reference and account are those of the payout it books at once, also while it is `processing`. ' +
      'One that is `approved` and that a line of the firm’s own account bears the reference of is `completed` with compliance.',
    access: { staff: OPERATIONS, scope: 'payouts:write' },
    params,
    body: ResolveWithdrawal,
    example: { outcome: 'completed', transactionReference: 'FT26012345678' },
    responses: { 200: Withdrawal, 202: ApprovalRequested },
    problems: {
      ...pickProblems(
        FUNDING_PROBLEMS,
        'withdrawal_status_conflict',
        'payout_on_statement',
        'payout_may_leave',
        'payout_debit_open',
        'statement_line_unknown',
        'payout_line_used',
        'payout_line_differs',
        'approved_request_changed',
        'destination_changed',
        'approval_unknown',
        'approval_not_granted',
        'approver_cannot_pay_out',
      ),
      ...OWN,
      ...ASKING,
    },
    handler: async (ctx, { params: { id }, body }) => {
      const result = await resolveWithdrawal(ctx, { withdrawalId: id, ...body });
      return 'withdrawal' in result
        ? { status: 200, body: result.withdrawal }
        : { status: 202, body: result };
    },
  }),
];

const accounts: readonly Endpoint[] = [
  endpoint({
    operationId: 'listPayoutAccounts',
    method: 'get',
    path: '/v1/payout-accounts',
    tag,
    summary: 'The accounts money is and was paid from',
    description: 'Newest first for each currency; numbers are masked.',
    access: { staff: READERS },
    responses: { 200: PayoutAccounts },
    handler: async (ctx) => ({ status: 200, body: { data: await listPayoutAccounts(ctx) } }),
  }),
  endpoint({
    operationId: 'proposePayoutAccount',
    method: 'put',
    path: '/v1/payout-accounts/{asset}',
    tag,
    category,
    summary: 'Propose the account a currency is paid from',
    description:
      'It must be a bank account whose statements are expected, and takes effect when a second person approves it. ' +
      'Files made before keep the account they name.',
    access: { staff: ACCOUNT_TERMS_ROLES, stepUp: true },
    params: payoutAccountParams,
    body: PayoutAccountProposal,
    example: {
      holderName: 'Example Brokers, clients',
      iban: 'MU17BOMM0101101030300200000MUR',
      bic: 'BOMMMUPL',
      reason: 'The bank gave us a new account',
    },
    responses: { 202: ApprovalRequested },
    problems: {
      ...ASKING,
      ...pickProblems(LEDGER_PROBLEMS, 'unknown_asset'),
      ...pickProblems(FUNDING_PROBLEMS, 'payout_account_unexpected'),
    },
    handler: async (ctx, { params: { asset }, body }) => ({
      status: 202,
      body: { approval: await proposePayoutAccount(ctx, { asset, ...body }) },
    }),
  }),
];

const files: readonly Endpoint[] = [
  endpoint({
    operationId: 'createPayoutFile',
    method: 'post',
    path: '/v1/payout-files',
    tag,
    category,
    summary: 'Put approved bank withdrawals and repayments into one payout file',
    description:
      'All their payouts begin, or none. Who approved one of them cannot put it into a file. A repayment goes to whoever ' +
      'had paid, by the bank’s own word, and to nobody else. The file is a pain.001.001.09 with the number and the sum of its payments.',
    access: { staff: OPERATIONS, stepUp: true, scope: 'payouts:write' },
    idempotency: 'transaction',
    body: NewPayoutFile,
    example: {
      asset: 'USD',
      withdrawalIds: ['0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001'],
      executionDate: '2026-12-01',
    },
    responses: { 201: PayoutFile },
    problems: {
      ...pickProblems(
        FUNDING_PROBLEMS,
        ...BEGINNING,
        'screening_behind',
        'execution_date_unsuitable',
        'payout_account_missing',
        'payout_not_bank',
        'repayment_status_conflict',
        'repayment_not_by_file',
        'repayment_held',
        'payout_on_statement',
        'payout_may_leave',
      ),
      ...OWN,
      ...pickProblems(PLATFORM_PROBLEMS, 'not_found'),
    },
    before: async (ctx, { body }) => {
      await freshenPayouts(ctx, body.withdrawalIds);
      await freshenRepayments(ctx, body.repaymentIds);
    },
    handler: async (ctx, { body }) => ({
      status: 201,
      body: { ...(await createPayoutFile(ctx, body)), downloadedAt: null, voidedAt: null },
    }),
  }),
  endpoint({
    operationId: 'listPayoutFiles',
    method: 'get',
    path: '/v1/payout-files',
    tag,
    summary: 'Payout files, newest first',
    access: { staff: READERS },
    query: payoutFileQuery,
    responses: { 200: pageOf(PayoutFile) },
    handler: async (ctx, { query }) => ({ status: 200, body: await listPayoutFiles(ctx, query) }),
  }),
  endpoint({
    operationId: 'getPayoutFile',
    method: 'get',
    path: '/v1/payout-files/{id}',
    tag,
    summary: 'One payout file with the withdrawals and repayments it pays',
    access: { staff: READERS },
    params,
    responses: { 200: PayoutFileDetail },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await getPayoutFile(ctx, id) }),
  }),
  endpoint({
    operationId: 'downloadPayoutFile',
    method: 'get',
    path: '/v1/payout-files/{id}/download',
    tag,
    category,
    summary: 'The payout file for the bank',
    description:
      'The same bytes each time; a file whose payees or amounts were changed since is refused, and one of which a payment ' +
      'is not under way any more. Whom it pays is held against the active lists first.',
    access: { staff: OPERATIONS, scope: 'payouts:write' },
    params,
    responses: { 200: { binary: 'application/xml' } },
    problems: pickProblems(
      FUNDING_PROBLEMS,
      'payout_file_void',
      'payout_file_stopped',
      'payout_on_statement',
      'payout_may_leave',
      'approver_cannot_pay_out',
      'screening_behind',
      'repayment_held',
      'destination_changed',
      'payout_file_changed',
    ),
    before: (ctx, { params: { id } }) => freshenPayoutFile(ctx, id),
    handler: async (ctx, { params: { id } }) => {
      const { bytes, name } = await downloadPayoutFile(ctx, id);
      const headers = {
        'content-type': 'application/xml',
        'content-disposition': `attachment; filename="${name}"`,
      };
      return { status: 200, body: new Response(Buffer.from(bytes), { headers }) };
    },
  }),
  endpoint({
    operationId: 'importStatusReport',
    method: 'post',
    path: '/v1/payout-files/{id}/status-report',
    tag,
    category,
    summary: "Import the bank's report on a payout file",
    description:
      'A pain.002. Settled payments (ACSC) are booked, refused ones (RJCT) set free (a repayment waits for two people), all others it names become ' +
      '`unknown`. An end said of the whole file holds for each payment it does not name; without one those stay as they ' +
      'are. What contradicts a settled payment becomes work (`/v1/payout-conflicts`). Who made the file cannot import it, and of a file ' +
      'that was never fetched there is none.',
    access: { staff: OPERATIONS, stepUp: true, scope: 'payouts:write' },
    params,
    body: StatusReportFile,
    bodyKind: 'raw',
    bodyTypes: ['application/xml', 'text/xml'],
    responses: { 201: PayoutReport },
    problems: {
      ...pickProblems(
        FUNDING_PROBLEMS,
        'report_needs_another_person',
        'report_malformed',
        'report_foreign',
        'report_duplicate',
        'payout_on_statement',
        'payout_file_void',
        'payout_file_not_fetched',
        'approved_request_changed',
        'destination_changed',
        'approval_not_granted',
        'approver_cannot_pay_out',
      ),
      ...OWN,
    },
    handler: async (ctx, { params: { id }, body }) => ({
      status: 201,
      // A raw body is not parsed: it comes as the bytes that were sent.
      body: await importStatusReport(ctx, { fileId: id, bytes: body as unknown as Uint8Array }),
    }),
  }),
];

export const payoutEndpoints: readonly Endpoint[] = [...terms, ...unknown, ...accounts, ...files];
