import { z } from '@hono/zod-openapi';
import { ApprovalView } from '../../platform/approvals/api.ts';
import { type Endpoint, endpoint, pickProblems } from '../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../platform/http/problems.ts';
import { idInput } from '../../platform/http/wire.ts';
import { RecoveryLogin, Tokens, UserReason } from './api.ts';
import { IDENTITY_PROBLEMS } from './errors.ts';
import { loginWithRecoveryCode } from './login.ts';
import { RecoveryCodes, RecoveryCodesLeft } from './passkey-api.ts';
import { countRecoveryCodes, replaceRecoveryCodes } from './recovery-codes.ts';
import { requestSecondFactorReset } from './reset-second-factor.ts';

const own = { tag: 'identity', category: 'authentication' } as const;

/** What helps someone who lost their second factor. */
export const recoveryEndpoints: readonly Endpoint[] = [
  endpoint({
    ...own,
    operationId: 'loginWithRecoveryCode',
    method: 'post',
    path: '/v1/auth/recovery-code',
    inRecovery: true,
    rate: 'recovery',
    summary: 'Signs in with the password and a recovery code, which is spent',
    access: { public: true },
    body: RecoveryLogin,
    example: {
      email: 'anjali@example.mu',
      password: 'three blue herons at dusk',
      recoveryCode: '7K2M-9QXA-TB4C-0HJZ-VW3N-E8RD',
    },
    responses: { 200: Tokens },
    problems: pickProblems(IDENTITY_PROBLEMS, 'login_failed', 'email_not_verified', 'account_restricted'),
    handler: async (ctx, { body }) => ({ status: 200, body: await loginWithRecoveryCode(ctx, body) }),
  }),
  endpoint({
    ...own,
    operationId: 'getRecoveryCodes',
    method: 'get',
    path: '/v1/me/mfa/recovery-codes',
    summary: 'How many recovery codes are left',
    access: { self: true },
    responses: { 200: RecoveryCodesLeft },
    handler: async (ctx) => ({ status: 200, body: await countRecoveryCodes(ctx) }),
  }),
  endpoint({
    ...own,
    operationId: 'replaceRecoveryCodes',
    method: 'post',
    path: '/v1/me/mfa/recovery-codes',
    summary: 'Makes new recovery codes, shown once; the older ones stop working',
    access: { self: true, stepUp: true },
    responses: { 201: RecoveryCodes },
    problems: pickProblems(IDENTITY_PROBLEMS, 'second_factor_not_enrolled'),
    handler: async (ctx) => ({ status: 201, body: { recoveryCodes: await replaceRecoveryCodes(ctx) } }),
  }),
  endpoint({
    tag: 'identity',
    category: 'admin_action',
    operationId: 'resetSecondFactor',
    method: 'post',
    path: '/v1/users/{id}/reset-second-factor',
    summary:
      'Asks for every second factor of a person to be removed; another admin or a compliance officer decides',
    access: { staff: ['admin'], stepUp: true },
    params: z.object({ id: idInput }),
    body: UserReason,
    example: { reason: 'Lost the telephone and the codes; identity confirmed in a video call' },
    responses: { 202: ApprovalView },
    problems: {
      ...pickProblems(IDENTITY_PROBLEMS, 'self_action', 'second_factor_not_enrolled'),
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
    },
    handler: async (ctx, { params: { id }, body }) => ({
      status: 202,
      body: await requestSecondFactorReset(ctx, id, body.reason),
    }),
  }),
];
