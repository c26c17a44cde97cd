/**
 * Didit as a provider of identity checks. It guarantees that no answer is believed that does not fit its shape, that
 * no more is asked than Didit allows, and that nothing of an answer stands in a log.
 * @source Didit API v3: POST /v3/session/, GET /v3/session/{id}/decision/
 */
import { z } from 'zod';
import type { Json } from '../../../kernel/canonical-json.ts';
import type { Deps } from '../../../platform/context.ts';
import type { KycProviderSettings } from '../../../platform/http/kyc-providers.ts';
import { type OutboundAnswer, outbound } from '../../../platform/http/outbound.ts';
import { type Call, noteCall, waitForCall } from './call-budget.ts';
import { diditStatus, readDiditDecision } from './didit-decision.ts';
import { isSignedByDidit } from './didit-signature.ts';
import type {
  KycProvider,
  NewSession,
  ProviderAnswer,
  ProviderDecision,
  ProviderEvent,
  ProviderSession,
} from './kyc-provider.ts';

const NAME = 'didit';
const TIMEOUT_MS = 10_000;
const ANSWER_BYTES = 2 * 1024 * 1024;
/** No longer than this is the provider left alone, whatever it asks for. @units ms */
const RETRY_AFTER_MAX_MS = 600_000;

const text = z.string().max(2_000);
const Created = z.looseObject({ session_id: text.min(1), url: z.url().max(4_000), status: text });

const Event = z.looseObject({
  event_id: text.min(1).max(200),
  session_id: text.min(1).max(200),
  webhook_type: text.max(100),
  vendor_data: text.max(200),
});

/** The provider with an operator's settings. */
export function diditProvider(settings: KycProviderSettings): KycProvider {
  return {
    name: NAME,
    createSession: (deps, session) => createSession(deps, settings, session),
    fetchDecision: (deps, sessionRef) => fetchDecision(deps, settings, sessionRef),
    isSigned: (deps, headers, body) => isSignedByDidit(settings.secrets, headers, body, deps.clock.realMs()),
    readEvent,
  };
}

async function createSession(
  deps: Deps,
  settings: KycProviderSettings,
  { applicationId, declaration, callback }: NewSession,
): Promise<ProviderAnswer<ProviderSession>> {
  const { firstName, lastName, birthDate } = declaration;
  const body = JSON.stringify({
    workflow_id: settings.workflowId,
    vendor_data: applicationId,
    callback,
    expected_details: { first_name: firstName, last_name: lastName, date_of_birth: birthDate },
  });
  const answer = await ask(deps, settings, 'session', { method: 'POST', path: '/v3/session/', body });
  if (!answer.ok) {
    return answer;
  }
  const created = Created.safeParse(answer.value);
  if (!created.success) {
    return { ok: false, failure: 'malformed' };
  }
  const { session_id: sessionRef, url, status } = created.data;
  return { ok: true, value: { sessionRef, url, status: diditStatus(status) } };
}

async function fetchDecision(
  deps: Deps,
  settings: KycProviderSettings,
  sessionRef: string,
): Promise<ProviderAnswer<ProviderDecision>> {
  const path = `/v3/session/${encodeURIComponent(sessionRef)}/decision/`;
  const answer = await ask(deps, settings, 'decision', { method: 'GET', path });
  if (!answer.ok) {
    return answer;
  }
  const value = readDiditDecision(answer.value, sessionRef);
  return value === undefined ? { ok: false, failure: 'malformed' } : { ok: true, value };
}

function readEvent(body: Uint8Array): ProviderEvent | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    return undefined;
  }
  const event = Event.safeParse(parsed);
  return event.success
    ? {
        eventId: event.data.event_id,
        sessionRef: event.data.session_id,
        type: event.data.webhook_type,
        applicationId: event.data.vendor_data,
      }
    : undefined;
}

type Asked = { readonly method: 'GET' | 'POST'; readonly path: string; readonly body?: string };

async function ask(
  deps: Deps,
  settings: KycProviderSettings,
  call: Call,
  { method, path, body }: Asked,
): Promise<ProviderAnswer<Json>> {
  const waitMs = await waitForCall(deps, NAME, call);
  if (waitMs > 0) {
    return { ok: false, failure: 'rate_limited', retryAfterMs: waitMs };
  }
  const answer = await outbound(deps, {
    url: `${settings.url}${path}`,
    method,
    headers: {
      'x-api-key': settings.apiKey,
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body }),
    timeoutMs: TIMEOUT_MS,
    maxBytes: ANSWER_BYTES,
    allow: 'loopback_in_sandbox',
    expectTypes: ['application/json'],
  });
  noteCall(deps, NAME, answer.ok && answer.status < 500);
  return readAnswer(answer);
}

function readAnswer(answer: OutboundAnswer): ProviderAnswer<Json> {
  if (!answer.ok) {
    const theirs = answer.failure === 'unexpected_type' || answer.failure === 'too_large';
    return { ok: false, failure: theirs ? 'malformed' : 'unavailable' };
  }
  const { status, headers, body } = answer;
  if (status === 429) {
    return { ok: false, failure: 'rate_limited', retryAfterMs: retryAfterOf(headers) };
  }
  if (status >= 500) {
    return { ok: false, failure: 'unavailable' };
  }
  if (status === 404) {
    return { ok: false, failure: 'not_found' };
  }
  if (status < 200 || status >= 300) {
    return { ok: false, failure: 'refused' };
  }
  try {
    return { ok: true, value: JSON.parse(Buffer.from(body).toString('utf8')) as Json };
  } catch {
    return { ok: false, failure: 'malformed' };
  }
}

/** Only seconds are read; a date or nonsense is a minute. */
function retryAfterOf(headers: Headers): number {
  const said = headers.get('retry-after')?.trim() ?? '';
  return /^\d{1,6}$/.test(said)
    ? Math.min(RETRY_AFTER_MAX_MS, Math.max(1, Number.parseInt(said, 10)) * 1_000)
    : 60_000;
}
