import { z } from '@hono/zod-openapi';
import { type Endpoint, endpoint, pickProblems } from '../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../platform/http/problems.ts';
import { idInput } from '../../platform/http/wire.ts';
import { acceptAgreement, listAgreements } from './accept-agreement.ts';
import {
  Agreement,
  AgreementList,
  CodeCheck,
  Me,
  SessionList,
  Totp,
  TotpEnrolment,
  UpdateMe,
} from './api.ts';
import { endSession } from './end-sessions.ts';
import { confirmTotp, enrolTotp, removeTotp } from './enrol-totp.ts';
import { IDENTITY_PROBLEMS } from './errors.ts';
import { ConfirmedTotp } from './passkey-api.ts';
import { getMe, getTotp, listSessions } from './store.ts';
import { updateMe } from './update-me.ts';

const own = { tag: 'identity', category: 'authentication' } as const;
const params = z.object({ id: idInput });

/** What belongs to the person signed in. */
export const meEndpoints: readonly Endpoint[] = [
  endpoint({
    ...own,
    operationId: 'getMe',
    method: 'get',
    path: '/v1/me',
    summary: 'The person signed in',
    access: { self: true },
    responses: { 200: Me },
    handler: async (ctx) => ({ status: 200, body: await getMe(ctx) }),
  }),
  endpoint({
    ...own,
    operationId: 'updateMe',
    method: 'patch',
    path: '/v1/me',
    summary: 'Changes one’s own profile',
    description: 'Names, birth and nationality cannot be changed here once KYC has begun.',
    access: { self: true },
    body: UpdateMe,
    example: { displayName: 'Anjali', phone: '+23057123456' },
    ifMatch: true,
    responses: { 200: Me },
    problems: pickProblems(IDENTITY_PROBLEMS, 'profile_locked'),
    handler: async (ctx, { body }) => ({ status: 200, body: await updateMe(ctx, body) }),
  }),
  endpoint({
    ...own,
    operationId: 'listSessions',
    method: 'get',
    path: '/v1/me/sessions',
    summary: 'One’s own live sessions, newest first',
    access: { self: true },
    responses: { 200: SessionList },
    handler: async (ctx) => ({ status: 200, body: { data: await listSessions(ctx) } }),
  }),
  endpoint({
    ...own,
    operationId: 'endSession',
    method: 'delete',
    path: '/v1/me/sessions/{id}',
    inRecovery: true,
    summary: 'Ends one of one’s own sessions',
    access: { self: true },
    params,
    responses: { 204: null },
    handler: async (ctx, { params: { id } }) => {
      await endSession(ctx, id);
      return { status: 204 };
    },
  }),
  endpoint({
    ...own,
    operationId: 'getTotp',
    method: 'get',
    path: '/v1/me/mfa/totp',
    summary: 'Whether an authenticator app is enrolled',
    access: { self: true },
    responses: { 200: Totp },
    handler: async (ctx) => ({ status: 200, body: await getTotp(ctx) }),
  }),
  endpoint({
    ...own,
    operationId: 'enrolTotp',
    method: 'post',
    path: '/v1/me/mfa/totp',
    summary: 'Begins the enrolment of an authenticator app; the secret is shown once',
    description:
      'Needs a step-up within five minutes where a second factor is enrolled, else a sign-in within fifteen.',
    access: { self: true },
    responses: { 201: TotpEnrolment },
    problems: {
      ...pickProblems(IDENTITY_PROBLEMS, 'second_factor_enrolled'),
      ...pickProblems(PLATFORM_PROBLEMS, 'step_up_required'),
    },
    handler: async (ctx) => ({ status: 201, body: await enrolTotp(ctx) }),
  }),
  endpoint({
    ...own,
    operationId: 'confirmTotp',
    method: 'post',
    path: '/v1/me/mfa/totp/confirm',
    rate: 'sign_in',
    summary: 'Confirms the enrolment with a code and ends the other sessions',
    description: 'Recovery codes come with the first second factor and are shown this once.',
    access: { self: true },
    body: CodeCheck,
    example: { totp: '492039' },
    responses: { 200: ConfirmedTotp },
    problems: {
      ...pickProblems(
        IDENTITY_PROBLEMS,
        'second_factor_not_enrolled',
        'second_factor_enrolled',
        'second_factor_invalid',
      ),
      ...pickProblems(PLATFORM_PROBLEMS, 'step_up_required'),
    },
    handler: async (ctx, { body }) => {
      const shownOnce = await confirmTotp(ctx, body.totp);
      return { status: 200, body: { ...(await getTotp(ctx)), ...shownOnce } };
    },
  }),
  endpoint({
    ...own,
    operationId: 'removeTotp',
    method: 'delete',
    path: '/v1/me/mfa/totp',
    summary: 'Removes the authenticator app and ends the other sessions',
    access: { self: true, stepUp: true },
    responses: { 204: null },
    problems: pickProblems(IDENTITY_PROBLEMS, 'second_factor_not_enrolled', 'last_second_factor'),
    handler: async (ctx) => {
      await removeTotp(ctx);
      return { status: 204 };
    },
  }),
  endpoint({
    ...own,
    operationId: 'listAgreements',
    method: 'get',
    path: '/v1/agreements',
    summary: 'The current agreements and whether one has accepted them',
    access: { self: true },
    responses: { 200: AgreementList },
    handler: async (ctx) => ({ status: 200, body: { data: await listAgreements(ctx) } }),
  }),
  endpoint({
    ...own,
    operationId: 'acceptAgreement',
    method: 'post',
    path: '/v1/agreements/{id}/accept',
    summary: 'Accepts the current revision of an agreement',
    access: { self: true },
    params,
    responses: { 200: Agreement },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await acceptAgreement(ctx, id) }),
  }),
];
