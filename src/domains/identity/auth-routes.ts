import { type Endpoint, endpoint, pickProblems } from '../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../platform/http/problems.ts';
import {
  AccessToken,
  ChangePassword,
  ForgotPassword,
  KeySet,
  Login,
  LoginResult,
  MailSent,
  Refresh,
  Register,
  ResetPassword,
  StepUp,
  Tokens,
  VerifyEmail,
} from './api.ts';
import { logout } from './end-sessions.ts';
import { IDENTITY_PROBLEMS } from './errors.ts';
import { login } from './login.ts';
import { refreshSession } from './refresh-session.ts';
import { register } from './register.ts';
import { forgotPassword, resetPassword } from './reset-password.ts';
import { changePassword } from './set-password.ts';
import { stepUp } from './step-up.ts';
import { publishedKeys } from './token-keys.ts';
import { verifyEmail } from './verify-email.ts';

const own = { tag: 'identity', category: 'authentication' } as const;

/** How people prove who they are. */
export const authEndpoints: readonly Endpoint[] = [
  endpoint({
    ...own,
    operationId: 'register',
    method: 'post',
    path: '/v1/auth/register',
    rate: 'recovery',
    summary: 'Registers a customer; the answer never tells whether the address is known',
    access: { public: true },
    body: Register,
    example: {
      email: 'anjali@example.mu',
      password: 'three blue herons at dusk',
      firstName: 'Anjali',
      lastName: 'Ramgoolam',
    },
    responses: { 202: MailSent },
    problems: pickProblems(IDENTITY_PROBLEMS, 'password_too_common'),
    handler: async (ctx, { body }) => ({ status: 202, body: await register(ctx, body) }),
  }),
  endpoint({
    ...own,
    operationId: 'verifyEmail',
    method: 'post',
    path: '/v1/auth/email/verify',
    rate: 'recovery',
    summary: 'Proves an e-mail address with the token that was sent to it',
    access: { public: true },
    body: VerifyEmail,
    example: { token: 'q3Jr0yXw9m0h1p0wYJt8m2l4Yb8Lx5Zc7Nf1Vd6Ks9E' },
    responses: { 204: null },
    problems: pickProblems(IDENTITY_PROBLEMS, 'email_token_invalid'),
    handler: async (ctx, { body }) => {
      await verifyEmail(ctx, body.token);
      return { status: 204 };
    },
  }),
  endpoint({
    ...own,
    operationId: 'login',
    method: 'post',
    path: '/v1/auth/login',
    inRecovery: true,
    rate: 'sign_in',
    summary: 'Signs in with password and, where one is enrolled, a second factor',
    description:
      'With `mfaRequired: true` the password was right and a second factor is needed: send the same again ' +
      'with `totp` or `passkey`, not both. Otherwise the answer holds the tokens. Each works once.',
    access: { public: true },
    body: Login,
    example: { email: 'anjali@example.mu', password: 'three blue herons at dusk', totp: '492039' },
    responses: { 200: LoginResult },
    problems: pickProblems(IDENTITY_PROBLEMS, 'login_failed', 'email_not_verified', 'account_restricted'),
    handler: async (ctx, { body }) => ({ status: 200, body: await login(ctx, body) }),
  }),
  endpoint({
    ...own,
    operationId: 'refreshSession',
    method: 'post',
    path: '/v1/auth/refresh',
    inRecovery: true,
    summary: 'Continues a session; the refresh token is replaced, using it twice ends the session',
    access: { public: true },
    rate: 'sign_in',
    body: Refresh,
    example: { refreshToken: 'rt_AZnEsn1OfBGaaz88VdCgAWq0…' },
    responses: { 200: Tokens },
    problems: pickProblems(PLATFORM_PROBLEMS, 'credential_invalid'),
    handler: async (ctx, { body }) => ({ status: 200, body: await refreshSession(ctx, body.refreshToken) }),
  }),
  endpoint({
    ...own,
    operationId: 'logout',
    method: 'post',
    path: '/v1/auth/logout',
    inRecovery: true,
    summary: 'Ends the session that asks',
    access: { self: true },
    responses: { 204: null },
    handler: async (ctx) => {
      await logout(ctx);
      return { status: 204 };
    },
  }),
  endpoint({
    ...own,
    operationId: 'stepUp',
    method: 'post',
    path: '/v1/auth/step-up',
    inRecovery: true,
    rate: 'sign_in',
    summary: 'Checks the second factor again, for what needs it within five minutes',
    access: { self: true },
    description: 'Takes either `totp` or `passkey`, whose challenge was asked for with purpose `step_up`.',
    body: StepUp,
    example: { totp: '492039' },
    responses: { 200: AccessToken },
    problems: pickProblems(IDENTITY_PROBLEMS, 'second_factor_not_enrolled', 'second_factor_invalid'),
    handler: async (ctx, { body }) => ({ status: 200, body: await stepUp(ctx, body) }),
  }),
  endpoint({
    ...own,
    operationId: 'forgotPassword',
    method: 'post',
    path: '/v1/auth/password/forgot',
    rate: 'recovery',
    summary: 'Mails a token that sets a new password; the answer never tells whether the address is known',
    access: { public: true },
    body: ForgotPassword,
    example: { email: 'anjali@example.mu' },
    responses: { 202: MailSent },
    handler: async (ctx, { body }) => ({ status: 202, body: await forgotPassword(ctx, body.email) }),
  }),
  endpoint({
    ...own,
    operationId: 'resetPassword',
    method: 'post',
    path: '/v1/auth/password/reset',
    rate: 'recovery',
    summary: 'Sets a new password with a token from the mail and ends every session',
    access: { public: true },
    body: ResetPassword,
    example: {
      token: 'q3Jr0yXw9m0h1p0wYJt8m2l4Yb8Lx5Zc7Nf1Vd6Ks9E',
      password: 'four grey herons at dawn',
    },
    responses: { 204: null },
    problems: pickProblems(IDENTITY_PROBLEMS, 'email_token_invalid', 'password_too_common'),
    handler: async (ctx, { body }) => {
      await resetPassword(ctx, body);
      return { status: 204 };
    },
  }),
  endpoint({
    ...own,
    operationId: 'changePassword',
    method: 'post',
    path: '/v1/auth/password/change',
    rate: 'sign_in',
    summary: 'Changes one’s own password and ends the other sessions',
    access: { self: true },
    body: ChangePassword,
    example: { currentPassword: 'three blue herons at dusk', newPassword: 'four grey herons at dawn' },
    responses: { 204: null },
    problems: pickProblems(IDENTITY_PROBLEMS, 'password_incorrect', 'password_too_common'),
    handler: async (ctx, { body }) => {
      await changePassword(ctx, body);
      return { status: 204 };
    },
  }),
  endpoint({
    ...own,
    operationId: 'getKeySet',
    method: 'get',
    path: '/.well-known/jwks.json',
    summary: 'The public keys that verify access tokens',
    access: { public: true },
    responses: { 200: KeySet },
    handler: async (ctx) => {
      const keys = await publishedKeys(ctx.deps);
      return { status: 200, body: { keys: keys.map((key) => ({ ...key, alg: 'EdDSA', use: 'sig' })) } };
    },
  }),
];
