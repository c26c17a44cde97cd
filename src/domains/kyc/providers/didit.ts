/**
 * Didit as a provider of identity checks. It guarantees that no answer is believed that does not fit its shape, that
 * no more is asked than Didit allows, and that nothing of an answer stands in a log. Which members of a check are
 * read beyond those named in its contract is our reading of it; whatever is missing is simply not known.
 * @source Didit API v3: POST /v3/session/, GET /v3/session/{id}/decision/
 */
import { z } from 'zod';
import type { Json } from '../../../kernel/canonical-json.ts';
import type { Deps } from '../../../platform/context.ts';
import type { KycProviderSettings } from '../../../platform/http/kyc-providers.ts';
import { type OutboundAnswer, outbound } from '../../../platform/http/outbound.ts';
import { type Call, noteCall, waitForCall } from './call-budget.ts';
import { isSignedByDidit } from './didit-signature.ts';
import type {
  DocumentType,
  KycProvider,
  NewSession,
  ProviderAnswer,
  ProviderDecision,
  ProviderEvent,
  ProviderImage,
  ProviderSession,
  SessionStatus,
} from './kyc-provider.ts';

const NAME = 'didit';
const TIMEOUT_MS = 10_000;
const ANSWER_BYTES = 2 * 1024 * 1024;
/** No longer than this is the provider left alone, whatever it asks for. @units ms */
const RETRY_AFTER_MAX_MS = 600_000;
const IMAGES_MAX = 12;

const STATUSES: Readonly<Record<string, SessionStatus>> = {
  'Not Started': 'not_started',
  'In Progress': 'in_progress',
  'Awaiting User': 'awaiting_user',
  'In Review': 'in_review',
  Approved: 'approved',
  Declined: 'declined',
  Resubmitted: 'resubmitted',
  Abandoned: 'abandoned',
  Expired: 'expired',
};

const text = z.string().max(2_000);
const optional = text.nullish().catch(null);
const Check = z.looseObject({
  status: optional,
  document_type: optional,
  first_name: optional,
  last_name: optional,
  date_of_birth: optional,
  nationality: optional,
  expiration_date: optional,
  warnings: z
    .array(z.looseObject({ risk: optional }))
    .nullish()
    .catch(null),
});
type Check = z.infer<typeof Check>;

const checks = z.array(Check).max(20).nullish().catch(null);
const Created = z.looseObject({ session_id: text.min(1), url: z.url().max(4_000), status: text });
const Decision = z.looseObject({
  session_id: optional,
  vendor_data: optional,
  status: text,
  id_verifications: checks,
  liveness_checks: checks,
  face_matches: checks,
  poa_verifications: checks,
  aml_screenings: checks,
  ip_analyses: checks,
});
type Decision = z.infer<typeof Decision>;

const Event = z.looseObject({
  event_id: text.min(1).max(200),
  session_id: text.min(1).max(200),
  webhook_type: text.max(100),
  vendor_data: text.max(200),
});

const FEATURES = [
  'id_verifications',
  'liveness_checks',
  'face_matches',
  'poa_verifications',
  'aml_screenings',
  'ip_analyses',
] as const;
type Feature = (typeof FEATURES)[number];

/** Which members of a check are pictures, and what each becomes. */
const PICTURES: readonly (readonly [Feature, string, (check: Check) => DocumentType])[] = [
  ['id_verifications', 'front_image', documentTypeOf],
  ['id_verifications', 'back_image', documentTypeOf],
  ['id_verifications', 'portrait_image', () => 'selfie'],
  ['liveness_checks', 'reference_image', () => 'selfie'],
  ['poa_verifications', 'document_file', () => 'proof_of_address'],
];

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
  return { ok: true, value: { sessionRef, url, status: STATUSES[status] ?? 'unknown' } };
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
  const read = Decision.safeParse(answer.value);
  if (!read.success || (read.data.session_id ?? sessionRef) !== sessionRef) {
    return { ok: false, failure: 'malformed' };
  }
  const { data } = read;
  const [identity] = data.id_verifications ?? [];
  return {
    ok: true,
    value: {
      sessionRef,
      applicationId: data.vendor_data ?? undefined,
      status: STATUSES[data.status] ?? 'unknown',
      claims: {
        firstName: identity?.first_name ?? undefined,
        lastName: identity?.last_name ?? undefined,
        birthDate: identity?.date_of_birth?.slice(0, 10),
        nationality: identity?.nationality ?? undefined,
        expiresOn: identity?.expiration_date?.slice(0, 10),
      },
      warnings: warningsOf(data),
      images: imagesOf(data),
      answer: withoutAddresses(answer.value),
    },
  };
}

/** What is kept of an answer: its addresses open pictures to whoever has them, and are others each time. */
function withoutAddresses(value: Json): Json {
  if (typeof value === 'string') {
    return /^https?:/i.test(value) ? '(an address)' : value;
  }
  if (Array.isArray(value)) {
    return value.map(withoutAddresses);
  }
  return value === null || typeof value !== 'object'
    ? value
    : Object.fromEntries(
        Object.entries(value).map(([name, member]) => [name, withoutAddresses(member ?? null)]),
      );
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

function documentTypeOf({ document_type }: Check): DocumentType {
  const said = (document_type ?? '').toLowerCase();
  if (said.includes('passport')) {
    return 'passport';
  }
  if (said.includes('driv')) {
    return 'driving_licence';
  }
  return said.includes('residence') ? 'residence_permit' : 'national_id';
}

/** Codes alone: what a check says in words may name somebody. */
function warningsOf(decision: Decision): readonly string[] {
  const found = FEATURES.flatMap((feature) =>
    (decision[feature] ?? []).flatMap(({ status, warnings }) => [
      ...(status === 'Declined' ? [`declined:${feature}`] : []),
      ...(status === 'In Review' ? [`in_review:${feature}`] : []),
      ...(warnings ?? []).flatMap(({ risk }) =>
        risk && /^[A-Z0-9_]{1,60}$/.test(risk) ? [`warning:${risk}`] : [],
      ),
    ]),
  );
  return [...new Set(found)].sort().slice(0, 50);
}

function imagesOf(decision: Decision): readonly ProviderImage[] {
  const found = PICTURES.flatMap(([feature, member, typeOf]) =>
    (decision[feature] ?? []).flatMap((check, at) => {
      const url = check[member];
      return typeof url === 'string' && url !== '' && url.length <= 4_000
        ? [{ name: `${feature}.${at}.${member}`, url, type: typeOf(check) }]
        : [];
    }),
  );
  return found.slice(0, IMAGES_MAX);
}
