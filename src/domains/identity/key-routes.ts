import { z } from '@hono/zod-openapi';
import { personOf, type Role } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import { type Endpoint, endpoint, pickProblems } from '../../platform/http/endpoint.ts';
import { idInput } from '../../platform/http/wire.ts';
import { scopeTable } from './api-key-format.ts';
import { DEFAULT_OVERLAP_SECONDS } from './api-key-rules.ts';
import { createApiKey } from './create-api-key.ts';
import { IDENTITY_PROBLEMS } from './errors.ts';
import { ApiKeyList, CreateApiKey, CreatedApiKey, RotateApiKey } from './key-api.ts';
import { listApiKeys, listUserApiKeys, viewOfKey } from './read-api-keys.ts';
import { revokeApiKey, revokeUserApiKey } from './revoke-api-key.ts';
import { rotateApiKey } from './rotate-api-key.ts';

/** Who sees and ends the keys of other people. */
const KEY_WARDENS = ['admin', 'compliance_officer'] as const satisfies readonly Role[];

const own = { tag: 'identity', category: 'security' } as const;
const params = z.object({ id: idInput });
const userKeyParams = z.object({ id: idInput, keyId: idInput });

const CREATING = [
  'A key acts as its owner, within its scopes and networks. It never passes a second factor, and never decides an approval.',
  'A key of staff is a *service key*: it needs an expiry of at most a year, in production also networks, and works only once another admin has approved it (`activatedAt` is null until then; a rejection or the end of the approval revokes it). Where an operation asks for a second factor and names a scope that moves money, a service key with that scope passes.',
  'With `signingPublicKey` every request made with the key must be signed with HTTP Message Signatures (RFC 9421).',
  scopeTable(),
].join('\n\n');

export const keyEndpoints: readonly Endpoint[] = [
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
    description: CREATING,
    access: { self: true, stepUp: true },
    body: CreateApiKey,
    example: {
      name: 'Trading bot',
      scopes: ['orders:read', 'orders:write'],
      allowedCidrs: ['203.0.113.0/24'],
    },
    responses: { 201: CreatedApiKey },
    problems: pickProblems(
      IDENTITY_PROBLEMS,
      'scope_not_allowed',
      'key_expired_already',
      'service_key_expiry_required',
      'service_key_networks_required',
      'api_key_limit_reached',
    ),
    handler: async (ctx, { body }) => {
      const userId = present(personOf(ctx.actor), 'the caller is signed in');
      const { apiKey, secret } = await createApiKey(ctx, { ...body, userId });
      return { status: 201, body: { ...viewOfKey(apiKey), secret } };
    },
  }),
  endpoint({
    ...own,
    operationId: 'rotateApiKey',
    method: 'post',
    path: '/v1/api-keys/{id}/rotate',
    summary: 'Replaces an API key; the old one goes on working for a while',
    description:
      'The new key has the same name, scopes, networks and expiry, and another secret, shown once. A service key keeps its approval. A key is replaced once: the next time, replace its successor.',
    access: { self: true, stepUp: true },
    params,
    body: RotateApiKey,
    example: { overlapSeconds: 3600 },
    responses: { 201: CreatedApiKey },
    problems: pickProblems(
      IDENTITY_PROBLEMS,
      'api_key_not_active',
      'api_key_rotated',
      'api_key_limit_reached',
    ),
    handler: async (ctx, { params: { id }, body }) => {
      const overlapSeconds = body.overlapSeconds ?? DEFAULT_OVERLAP_SECONDS;
      const { apiKey, secret } = await rotateApiKey(ctx, id, { ...body, overlapSeconds });
      return { status: 201, body: { ...viewOfKey(apiKey), secret } };
    },
  }),
  endpoint({
    ...own,
    operationId: 'revokeApiKey',
    method: 'delete',
    path: '/v1/api-keys/{id}',
    inRecovery: true,
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
    operationId: 'listUserApiKeys',
    method: 'get',
    path: '/v1/users/{id}/api-keys',
    summary: 'The API keys of another person, newest first',
    access: { staff: KEY_WARDENS },
    params,
    responses: { 200: ApiKeyList },
    problems: pickProblems(IDENTITY_PROBLEMS, 'self_action'),
    handler: async (ctx, { params: { id } }) => ({
      status: 200,
      body: { data: await listUserApiKeys(ctx, id) },
    }),
  }),
  endpoint({
    ...own,
    operationId: 'revokeUserApiKey',
    method: 'delete',
    path: '/v1/users/{id}/api-keys/{keyId}',
    inRecovery: true,
    summary: 'Ends an API key of another person',
    access: { staff: KEY_WARDENS },
    params: userKeyParams,
    responses: { 204: null },
    problems: pickProblems(IDENTITY_PROBLEMS, 'self_action'),
    handler: async (ctx, { params: { id, keyId } }) => {
      await revokeUserApiKey(ctx, id, keyId);
      return { status: 204 };
    },
  }),
];
