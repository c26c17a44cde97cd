import { z } from '@hono/zod-openapi';
import { STAFF_ROLES } from '../../kernel/actor.ts';
import { ApprovalView } from '../../platform/approvals/api.ts';
import { pageOf, pageQuery } from '../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../platform/http/problems.ts';
import { idInput } from '../../platform/http/wire.ts';
import { IDENTITY_PROBLEMS } from '../identity/index.ts';
import {
  Account,
  AccountReason,
  CreateAccount,
  LotMethod,
  MarginOrder,
  MarginSet,
  RenameAccount,
} from './api.ts';
import { changeLotMethod } from './change-lot-method.ts';
import { createAccount } from './create-account.ts';
import { ACCOUNT_PROBLEMS } from './errors.ts';
import { freezeAccount } from './freeze-account.ts';
import { renameAccount } from './rename-account.ts';
import { MARGIN_GRANTERS, setMargin } from './set-margin.ts';
import { listAccounts } from './store.ts';
import { FREEZERS, requestUnfreeze } from './unfreeze-account.ts';

const params = z.object({ id: idInput });
const query = z.strictObject({
  ...pageQuery,
  type: z.enum(['live', 'paper']).optional(),
  userId: idInput.optional().openapi({ description: 'Staff only: the accounts of one customer.' }),
});

export const accountEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'listAccounts',
    method: 'get',
    path: '/v1/accounts',
    tag: 'accounts',
    summary: 'Accounts, newest first',
    access: { customer: true, staff: STAFF_ROLES, scope: 'accounts:read' },
    query,
    responses: { 200: pageOf(Account) },
    handler: async (ctx, { query: page }) => ({ status: 200, body: await listAccounts(ctx, page) }),
  }),
  endpoint({
    operationId: 'createAccount',
    method: 'post',
    path: '/v1/accounts',
    tag: 'accounts',
    summary: 'Opens a live or paper account',
    access: { customer: true },
    body: CreateAccount,
    example: { type: 'live', baseCurrency: 'USD' },
    responses: { 201: Account },
    problems: pickProblems(ACCOUNT_PROBLEMS, 'currency_unknown', 'account_limit_reached'),
    handler: async (ctx, { body }) => ({ status: 201, body: await createAccount(ctx, body) }),
  }),
  endpoint({
    operationId: 'renameAccount',
    method: 'patch',
    path: '/v1/accounts/{id}',
    tag: 'accounts',
    summary: 'Gives an account another name',
    access: { customer: true },
    params,
    body: RenameAccount,
    example: { name: 'Savings' },
    ifMatch: true,
    responses: { 200: Account },
    handler: async (ctx, { params: { id }, body }) => ({
      status: 200,
      body: await renameAccount(ctx, id, body.name),
    }),
  }),
  endpoint({
    operationId: 'changeLotMethod',
    method: 'put',
    path: '/v1/accounts/{id}/lot-method',
    tag: 'accounts',
    summary: 'Chooses which lots go first when units of an account leave',
    description:
      'For what leaves from now on; what has left stays as it was. With `average` the next units to leave spread the cost of all open lots of their asset; the lots keep that cost when another method is chosen later.',
    access: { customer: true },
    params,
    body: LotMethod,
    example: { lotMethod: 'hifo' },
    ifMatch: true,
    responses: { 200: Account },
    problems: pickProblems(ACCOUNT_PROBLEMS, 'account_not_active'),
    handler: async (ctx, { params: { id }, body }) => ({
      status: 200,
      body: await changeLotMethod(ctx, id, body.lotMethod),
    }),
  }),
  endpoint({
    operationId: 'setAccountMargin',
    method: 'post',
    path: '/v1/accounts/{id}/margin',
    tag: 'accounts',
    summary: 'Changes on what terms an account may hold positions in contracts',
    description:
      'The owner asks or the firm does. Terms that guard no less are in force at once. To enable margin, for more leverage, lower thresholds or no automatic liquidation somebody of the firm decides, and never who asked; it has to suit what the customer said of the risk they bear. Of a paper account the owner decides.',
    access: { customer: true, staff: MARGIN_GRANTERS },
    params,
    body: MarginOrder,
    example: { marginEnabled: true, maxLeverage: '5', reason: 'I trade index contracts' },
    category: 'trading',
    responses: { 200: MarginSet },
    problems: {
      ...pickProblems(
        ACCOUNT_PROBLEMS,
        'account_not_active',
        'margin_terms_invalid',
        'leverage_unsuitable',
        'kyc_not_approved',
        'account_restricted',
        'under_review',
        'agreements_outdated',
      ),
      ...pickProblems(IDENTITY_PROBLEMS, 'self_action'),
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
    },
    handler: async (ctx, { params: { id }, body }) => ({ status: 200, body: await setMargin(ctx, id, body) }),
  }),
  endpoint({
    operationId: 'freezeAccount',
    method: 'post',
    path: '/v1/accounts/{id}/freeze',
    inRecovery: true,
    tag: 'accounts',
    summary: 'Stops an account at once',
    access: { staff: FREEZERS },
    params,
    body: AccountReason,
    example: { reason: 'Suspicious sign-in reported by the customer' },
    category: 'admin_action',
    responses: { 200: Account },
    problems: {
      ...pickProblems(ACCOUNT_PROBLEMS, 'account_not_active'),
      ...pickProblems(IDENTITY_PROBLEMS, 'self_action'),
    },
    handler: async (ctx, { params: { id }, body }) => ({
      status: 200,
      body: await freezeAccount(ctx, id, body.reason),
    }),
  }),
  endpoint({
    operationId: 'unfreezeAccount',
    method: 'post',
    path: '/v1/accounts/{id}/unfreeze',
    tag: 'accounts',
    summary: 'Asks for a frozen account to be made active; another person decides',
    access: { staff: FREEZERS, stepUp: true },
    params,
    body: AccountReason,
    example: { reason: 'The customer confirmed the sign-in by telephone' },
    category: 'admin_action',
    responses: { 202: ApprovalView },
    problems: {
      ...pickProblems(ACCOUNT_PROBLEMS, 'account_not_frozen'),
      ...pickProblems(IDENTITY_PROBLEMS, 'self_action'),
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
    },
    handler: async (ctx, { params: { id }, body }) => ({
      status: 202,
      body: await requestUnfreeze(ctx, id, body.reason),
    }),
  }),
];
