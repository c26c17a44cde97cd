import { z } from '@hono/zod-openapi';
import { type Endpoint, endpoint, pickProblems } from '../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../platform/http/problems.ts';
import { idInput } from '../../platform/http/wire.ts';
import { Tokens } from './api.ts';
import { IDENTITY_PROBLEMS } from './errors.ts';
import {
  AddedPasskey,
  AddPasskey,
  AskPasskey,
  PasskeyCreationOptions,
  PasskeyList,
  PasskeyLogin,
  PasskeyRequestOptions,
} from './passkey-api.ts';
import { loginWithPasskey, passkeyOptions } from './passkey-sign-in.ts';
import { addPasskey, beginPasskey, listPasskeys, removePasskey } from './register-passkey.ts';

const own = { tag: 'identity', category: 'authentication' } as const;
const params = z.object({ id: idInput });

const SAID = {
  clientDataJSON: 'eyJ0eXBlIjoid2ViYXV0aG4uZ2V0In0',
  credential: { id: 'hQ8rjLYw0tS3nXvA', rawId: 'hQ8rjLYw0tS3nXvA', type: 'public-key' },
};

/** An answer of a browser to a request, as an example. */
export const ASSERTION_EXAMPLE = {
  ...SAID.credential,
  response: {
    clientDataJSON: SAID.clientDataJSON,
    authenticatorData: 'SZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2MFAAAAAQ',
    signature: 'MEUCIQDh2w',
    userHandle: 'AZnEsn1OfBGaaz88VdCgAQ',
  },
};

/** Passkeys: making, using and removing them. */
export const passkeyEndpoints: readonly Endpoint[] = [
  endpoint({
    ...own,
    operationId: 'getPasskeyOptions',
    method: 'post',
    path: '/v1/auth/passkey/options',
    inRecovery: true,
    rate: 'sign_in',
    summary: 'A challenge for a passkey; the same for everybody',
    description:
      'Answer it within five minutes at `/v1/auth/passkey/login`, or beside the password at ' +
      '`/v1/auth/login` (purpose `sign_in`), or at `/v1/auth/step-up` (purpose `step_up`). It works once.',
    access: { public: true },
    body: AskPasskey,
    example: { purpose: 'sign_in' },
    responses: { 200: PasskeyRequestOptions },
    handler: async (ctx, { body }) => ({ status: 200, body: passkeyOptions(ctx, body.purpose) }),
  }),
  endpoint({
    ...own,
    operationId: 'loginWithPasskey',
    method: 'post',
    path: '/v1/auth/passkey/login',
    inRecovery: true,
    rate: 'sign_in',
    summary: 'Signs in with a passkey alone, which counts as two factors',
    access: { public: true },
    body: PasskeyLogin,
    example: { response: ASSERTION_EXAMPLE },
    responses: { 200: Tokens },
    problems: pickProblems(IDENTITY_PROBLEMS, 'login_failed', 'email_not_verified', 'account_restricted'),
    handler: async (ctx, { body }) => ({ status: 200, body: await loginWithPasskey(ctx, body.response) }),
  }),
  endpoint({
    ...own,
    operationId: 'listPasskeys',
    method: 'get',
    path: '/v1/me/passkeys',
    summary: 'One’s own passkeys, newest first',
    access: { self: true },
    responses: { 200: PasskeyList },
    handler: async (ctx) => ({ status: 200, body: { data: await listPasskeys(ctx) } }),
  }),
  endpoint({
    ...own,
    operationId: 'beginPasskey',
    method: 'post',
    path: '/v1/me/passkeys/options',
    summary: 'Begins the making of a passkey',
    description:
      'Needs a step-up within five minutes where a second factor is enrolled, else a sign-in within fifteen.',
    access: { self: true },
    responses: { 200: PasskeyCreationOptions },
    problems: {
      ...pickProblems(IDENTITY_PROBLEMS, 'passkey_limit_reached'),
      ...pickProblems(PLATFORM_PROBLEMS, 'step_up_required'),
    },
    handler: async (ctx) => ({ status: 200, body: await beginPasskey(ctx) }),
  }),
  endpoint({
    ...own,
    operationId: 'addPasskey',
    method: 'post',
    path: '/v1/me/passkeys',
    summary: 'Keeps a passkey and ends the other sessions',
    description: 'Recovery codes come with the first second factor and are shown this once.',
    access: { self: true },
    body: AddPasskey,
    example: {
      name: 'Phone',
      response: {
        ...SAID.credential,
        response: {
          clientDataJSON: SAID.clientDataJSON,
          attestationObject: 'o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YVg',
          transports: ['internal', 'hybrid'],
        },
      },
    },
    responses: { 201: AddedPasskey },
    problems: {
      ...pickProblems(IDENTITY_PROBLEMS, 'passkey_refused', 'passkey_limit_reached'),
      ...pickProblems(PLATFORM_PROBLEMS, 'step_up_required'),
    },
    handler: async (ctx, { body }) => ({ status: 201, body: await addPasskey(ctx, body) }),
  }),
  endpoint({
    ...own,
    operationId: 'removePasskey',
    method: 'delete',
    path: '/v1/me/passkeys/{id}',
    summary: 'Removes a passkey and ends the other sessions',
    access: { self: true, stepUp: true },
    params,
    responses: { 204: null },
    problems: pickProblems(IDENTITY_PROBLEMS, 'last_second_factor'),
    handler: async (ctx, { params: { id } }) => {
      await removePasskey(ctx, id);
      return { status: 204 };
    },
  }),
];
