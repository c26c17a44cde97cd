import type { Role } from '../../../kernel/actor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../../platform/http/problems.ts';
import { LEDGER_PROBLEMS } from '../../ledger/index.ts';
import { ACCOUNT_TERMS_ROLES } from '../account-terms.ts';
import { ApprovalRequested } from '../api.ts';
import { FUNDING_PROBLEMS } from '../errors.ts';
import {
  DepositAccountProposal,
  DepositAccounts,
  DepositQuote,
  depositAccountParams,
  depositQuoteQuery,
} from './api.ts';
import { listDepositAccounts } from './payment-instructions.ts';
import { proposeDepositAccount } from './propose-deposit-account.ts';
import { quoteDeposit } from './quote-deposit.ts';

const READERS = [
  'support',
  'compliance_officer',
  'mlro',
  'operations',
  'auditor',
  'admin',
] as const satisfies readonly Role[];

const tag = 'funding';

/** Where customers pay to, and what paying in costs. */
export const depositAccountEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'quoteDeposit',
    method: 'get',
    path: '/v1/funding/deposit-quote',
    tag,
    summary: 'What a deposit would cost',
    description:
      'The fee in force when the deposit is announced is the one taken, once the money is credited; an announcement ' +
      'that names it as `expectedFee` is refused where it has changed.',
    access: { customer: true, scope: 'funding:read' },
    query: depositQuoteQuery,
    responses: { 200: DepositQuote },
    problems: {
      ...pickProblems(FUNDING_PROBLEMS, 'amount_too_precise', 'method_not_supported', 'kyc_not_approved'),
      ...pickProblems(LEDGER_PROBLEMS, 'unknown_asset'),
    },
    handler: async (ctx, { query }) => ({ status: 200, body: await quoteDeposit(ctx, query) }),
  }),
  endpoint({
    operationId: 'listDepositAccounts',
    method: 'get',
    path: '/v1/deposit-accounts',
    tag,
    summary: 'The accounts customers are and were told to pay to',
    description: 'Newest first for each currency.',
    access: { staff: READERS },
    responses: { 200: DepositAccounts },
    handler: async (ctx) => ({ status: 200, body: { data: await listDepositAccounts(ctx) } }),
  }),
  endpoint({
    operationId: 'proposeDepositAccount',
    method: 'put',
    path: '/v1/deposit-accounts/{asset}',
    tag,
    category: 'financial',
    summary: 'Propose the account customers of a currency pay to',
    description:
      'It must be a bank account of clients’ money whose statements are expected, and takes effect when a second person ' +
      'approves it; an alarm tells that it did. Customers of this firm are shown it with each deposit that they ' +
      'announced and did not pay yet.',
    access: { staff: ACCOUNT_TERMS_ROLES, stepUp: true },
    params: depositAccountParams,
    body: DepositAccountProposal,
    example: {
      holderName: 'Example Brokers, clients',
      iban: 'MU17BOMM0101101030300200000MUR',
      bic: 'BOMMMUPL',
      bankName: 'Bank One',
      reason: 'The bank gave us a new account',
    },
    responses: { 202: ApprovalRequested },
    problems: {
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
      ...pickProblems(LEDGER_PROBLEMS, 'unknown_asset'),
      ...pickProblems(FUNDING_PROBLEMS, 'deposit_account_unexpected'),
    },
    handler: async (ctx, { params: { asset }, body }) => ({
      status: 202,
      body: { approval: await proposeDepositAccount(ctx, { asset, ...body }) },
    }),
  }),
];
