import { z } from '@hono/zod-openapi';
import { personOf } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import { type Endpoint, endpoint, pickProblems } from '../../platform/http/endpoint.ts';
import { idInput } from '../../platform/http/wire.ts';
import { acceptAgreement, listAgreements } from './accept-agreement.ts';
import {
  Agreement,
  AgreementList,
  ApiKeyList,
  CodeCheck,
  CreateApiKey,
  CreatedApiKey,
  Me,
  SessionList,
  Totp,
  TotpEnrolment,
  UpdateMe,
} from './api.ts';
import { createApiKey } from './create-api-key.ts';
import { endSession } from './end-sessions.ts';
import { confirmTotp, enrolTotp, removeTotp } from './enrol-totp.ts';
import { IDENTITY_PROBLEMS } from './errors.ts';
import { revokeApiKey } from './revoke-api-key.ts';
import { getMe, getTotp, listApiKeys, listSessions, viewOfKey } from './store.ts';
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
    summary: 'Whether a second factor is enrolled',
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
    access: { self: true },
    responses: { 201: TotpEnrolment },
    problems: pickProblems(IDENTITY_PROBLEMS, 'second_factor_enrolled'),
    handler: async (ctx) => ({ status: 201, body: await enrolTotp(ctx) }),
  }),
  endpoint({
    ...own,
    operationId: 'confirmTotp',
    method: 'post',
    path: '/v1/me/mfa/totp/confirm',
    summary: 'Confirms the enrolment with a code and ends the other sessions',
    access: { self: true },
    body: CodeCheck,
    example: { totp: '492039' },
    responses: { 200: Totp },
    problems: pickProblems(
      IDENTITY_PROBLEMS,
      'second_factor_not_enrolled',
      'second_factor_enrolled',
      'second_factor_invalid',
    ),
    handler: async (ctx, { body }) => {
      await confirmTotp(ctx, body.totp);
      return { status: 200, body: await getTotp(ctx) };
    },
  }),
  endpoint({
    ...own,
    operationId: 'removeTotp',
    method: 'delete',
    path: '/v1/me/mfa/totp',
    summary: 'Removes the second factor and ends the other sessions',
    access: { self: true, stepUp: true },
    responses: { 204: null },
    problems: pickProblems(IDENTITY_PROBLEMS, 'second_factor_not_enrolled'),
    handler: async (ctx) => {
      await removeTotp(ctx);
      return { status: 204 };
    },
  }),
  endpoint({
    ...own,
    operationId: 'listApiKeys',
    method: 'get',
    path: '/v1/api-keys',
    summary: 'One’s own API keys, newest first',
    access: { self: true },
    responses: { 200: ApiKeyList },
    handler: async (ctx) => ({ status: 200, body: { data: await listApiKeys(ctx) } }),
  }),
  endpoint({
    ...own,
    operationId: 'createApiKey',
    method: 'post',
    path: '/v1/api-keys',
    summary: 'Makes an API key, shown once',
    access: { self: true, stepUp: true },
    body: CreateApiKey,
    example: {
      name: 'Trading bot',
      scopes: ['orders:read', 'orders:write'],
      allowedCidrs: ['203.0.113.0/24'],
    },
    responses: { 201: CreatedApiKey },
    problems: pickProblems(IDENTITY_PROBLEMS, 'api_key_limit_reached'),
    handler: async (ctx, { body }) => {
      const userId = present(personOf(ctx.actor), 'the caller is signed in');
      const { apiKey, secret } = await createApiKey(ctx, { ...body, userId });
      return { status: 201, body: { ...viewOfKey(apiKey), secret } };
    },
  }),
  endpoint({
    ...own,
    operationId: 'revokeApiKey',
    method: 'delete',
    path: '/v1/api-keys/{id}',
    summary: 'Ends an API key',
    access: { self: true },
    params,
    responses: { 204: null },
    handler: async (ctx, { params: { id } }) => {
      await revokeApiKey(ctx, id);
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
