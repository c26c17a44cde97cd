import { z } from '@hono/zod-openapi';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../../platform/http/problems.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { IDENTITY_PROBLEMS } from '../../identity/index.ts';
import { KYC_PROBLEMS } from '../errors.ts';
import { READERS } from '../operation.ts';
import { OpenedProviderSession, ProviderEventReceipt, ProviderSessionView } from './api.ts';
import { listSessions } from './list-sessions.ts';
import { openSession } from './open-session.ts';
import { receiveEvent } from './receive-event.ts';

const params = z.object({ id: idInput });
const KYC = { tag: 'kyc', category: 'compliance' } as const;

/** What a provider sends; docs/howto/didit.md says how it is set up. */
const KycProviderEventBody = z.string().openapi('KycProviderEventBody', { format: 'binary' });

/** The way to a provider of identity checks and back. */
export const providerEndpoints: readonly Endpoint[] = [
  endpoint({
    ...KYC,
    operationId: 'createKycProviderSession',
    method: 'post',
    path: '/v1/kyc/applications/{id}/provider-session',
    summary: 'Go to the provider of identity checks',
    description:
      'Asked again, the same session is handed out while it can be gone on with. Without a provider, or while it does not answer, the documents are uploaded instead.',
    access: { customer: true, scope: 'kyc:write' },
    params,
    responses: { 201: OpenedProviderSession },
    problems: {
      ...pickProblems(KYC_PROBLEMS, 'application_not_editable', 'provider_is_manual', 'provider_unavailable'),
      ...pickProblems(PLATFORM_PROBLEMS, 'not_found'),
    },
    handler: async (ctx, { params: { id } }) => ({ status: 201, body: await openSession(ctx, id) }),
  }),
  endpoint({
    ...KYC,
    restricted: true,
    operationId: 'listKycProviderSessions',
    recordsReads: true,
    method: 'get',
    path: '/v1/kyc/applications/{id}/provider-sessions',
    summary: 'What the provider said of an application',
    access: { staff: READERS },
    params,
    responses: { 200: z.object({ data: z.array(ProviderSessionView) }).openapi('KycProviderSessionList') },
    problems: {
      ...pickProblems(PLATFORM_PROBLEMS, 'not_found'),
      ...pickProblems(IDENTITY_PROBLEMS, 'self_action'),
    },
    handler: async (ctx, { params: { id } }) => ({
      status: 200,
      body: { data: await listSessions(ctx, id) },
    }),
  }),
  endpoint({
    ...KYC,
    operationId: 'receiveKycProviderEvent',
    method: 'post',
    path: '/v1/webhooks/kyc/{provider}',
    summary: 'Take an event of a provider of identity checks',
    description:
      'For providers. `X-Signature` is the hex of HMAC-SHA256 over the body as sent, `X-Signature-V2` over sorted compact JSON; the time in `X-Timestamp` may be five minutes off. An event that was received before is answered as it was then.',
    access: { public: true },
    params: z.object({ provider: z.string().regex(/^[a-z]{1,32}$/) }),
    body: KycProviderEventBody,
    bodyKind: 'raw',
    bodyTypes: ['application/json'],
    maxBodyBytes: 1024 * 1024,
    reads: ['x-timestamp', 'x-signature', 'x-signature-v2'],
    responses: { 200: ProviderEventReceipt },
    problems: pickProblems(KYC_PROBLEMS, 'kyc_event_signature_invalid', 'kyc_event_malformed'),
    handler: async (ctx, { params: { provider }, body, headers }) => {
      const received = await receiveEvent(ctx, {
        provider,
        headers,
        // A raw body is not parsed: it comes as the bytes that were sent.
        body: body as unknown as Uint8Array,
      });
      return { status: 200, body: { eventId: received.eventId, state: received.state as 'taken' | 'kept' } };
    },
  }),
];
