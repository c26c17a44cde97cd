/**
 * A vendor that speaks yente's `/match`: the service of OpenSanctions, or one that a firm runs itself. It guarantees
 * that no answer is believed that does not fit its shape, that a fault in one query spoils no other, and that
 * nothing of a question or an answer stands in a log.
 * @source yente: POST /match/{dataset} with `queries`, answered by `responses`
 */
import { z } from 'zod';
import type { Json } from '../../../kernel/canonical-json.ts';
import type { Deps } from '../../../platform/context.ts';
import { type OutboundAnswer, outbound } from '../../../platform/http/outbound.ts';
import type { ScreeningVendorSettings } from '../../../platform/http/screening-vendor.ts';
import { identifierFamily } from '../identifier-family.ts';
import type { EntityIdentifier, EntityKind } from '../lists/entity.ts';
import { failureOf, jsonOf } from './read-answer.ts';
import type { ScreeningVendor, VendorAnswer, VendorQuery, VendorReply } from './vendor.ts';

const TIMEOUT_MS = 15_000;
const ANSWER_BYTES = 8 * 1024 * 1024;
const QUERIES_MAX = 100;
/** How many entries are asked for each query. */
const RESULTS = 10;

const Result = z.looseObject({
  id: z.string().min(1).max(300),
  score: z.number().min(0).max(1),
  match: z.boolean(),
  properties: z
    .looseObject({ topics: z.array(z.string().max(100)).max(100).optional().catch(undefined) })
    .optional(),
});
const Answered = z.looseObject({ status: z.number().int(), results: z.array(Result).max(500) });
const Failed = z.looseObject({ status: z.number().int() });
const Reply = z.looseObject({ responses: z.record(z.string().max(100), z.unknown()) });

const SCHEMAS: Readonly<Record<EntityKind, string>> = {
  person: 'Person',
  organisation: 'Organization',
  vessel: 'Vessel',
  aircraft: 'Airplane',
  unknown: 'LegalEntity',
};

/** What a country is called of whom. */
const COUNTRY_OF: Readonly<Record<EntityKind, string>> = {
  person: 'nationality',
  organisation: 'country',
  vessel: 'flag',
  aircraft: 'country',
  unknown: 'country',
};

/** The vendor with an operator's settings. */
export function yenteVendor(settings: ScreeningVendorSettings): ScreeningVendor {
  return {
    name: 'yente',
    mode: settings.mode,
    queriesMax: QUERIES_MAX,
    match: (deps, queries) => match(deps, settings, queries),
  };
}

async function match(
  deps: Deps,
  settings: ScreeningVendorSettings,
  queries: readonly VendorQuery[],
): Promise<VendorReply> {
  const { url, dataset, algorithm, threshold, apiKey } = settings;
  const asked = new URLSearchParams({ threshold, limit: String(RESULTS) });
  if (algorithm !== null) {
    asked.set('algorithm', algorithm);
  }
  const answer = await outbound(deps, {
    url: `${url}/match/${dataset}?${asked.toString()}`,
    method: 'POST',
    headers: {
      accept: 'application/json',
      'content-type': 'application/json',
      ...(apiKey === null ? {} : { authorization: `ApiKey ${apiKey}` }),
    },
    body: JSON.stringify({
      queries: Object.fromEntries(queries.map((query) => [query.ref, exampleOf(query)])),
    }),
    timeoutMs: TIMEOUT_MS,
    maxBytes: ANSWER_BYTES,
    allow: 'loopback_in_sandbox',
    expectTypes: ['application/json'],
  });
  return readReply(answer, queries);
}

function exampleOf({ names, subject }: VendorQuery) {
  const { kind, birthDate, countries = [], gender, identifiers = [] } = subject;
  const isPerson = kind === 'person';
  const properties: Record<string, string[]> = { name: [...names] };
  if (isPerson && birthDate !== undefined) {
    properties.birthDate = [birthDate];
  }
  if (isPerson && gender !== undefined) {
    properties.gender = [gender];
  }
  if (countries.length > 0) {
    properties[COUNTRY_OF[kind]] = countries.map((country) => country.toLowerCase());
  }
  for (const identifier of identifiers) {
    const name = propertyOf(kind, identifier);
    if (name !== undefined) {
      properties[name] = [...(properties[name] ?? []), identifier.number];
    }
  }
  return { schema: SCHEMAS[kind], properties };
}

/** Which property a number goes into; undefined where this kind of subject has none for it. */
function propertyOf(kind: EntityKind, { type }: EntityIdentifier): string | undefined {
  if (kind === 'vessel') {
    return type === 'imo' ? 'imoNumber' : undefined;
  }
  if (kind === 'aircraft' || type.startsWith('crypto_address')) {
    return undefined;
  }
  switch (identifierFamily(type)) {
    case 'passport':
      return kind === 'person' ? 'passportNumber' : 'idNumber';
    case 'tax_id':
      return 'taxNumber';
    case 'registration':
      return kind === 'person' ? 'idNumber' : 'registrationNumber';
    default:
      return 'idNumber';
  }
}

function readReply(answer: OutboundAnswer, queries: readonly VendorQuery[]): VendorReply {
  const failed = failureOf(answer);
  if (failed !== null) {
    return failed;
  }
  const parsed = Reply.safeParse(jsonOf(answer));
  if (!parsed.success) {
    return { ok: false, failure: 'malformed' };
  }
  const { responses } = parsed.data;
  return { ok: true, answers: new Map(queries.map(({ ref }) => [ref, readAnswer(responses, ref)])) };
}

function readAnswer(responses: Readonly<Record<string, unknown>>, ref: string): VendorAnswer {
  if (!Object.hasOwn(responses, ref)) {
    return { ok: false, failure: 'missing' };
  }
  const said = responses[ref];
  const failed = Failed.safeParse(said);
  if (failed.success && failed.data.status !== 200) {
    return { ok: false, failure: failed.data.status < 500 ? 'query_refused' : 'query_failed' };
  }
  const read = Answered.safeParse(said);
  if (!read.success) {
    return { ok: false, failure: 'malformed' };
  }
  const matches = read.data.results.map(({ id, score, match: isMatch, properties }) => ({
    id,
    scoreBps: Math.round(score * 10_000),
    isMatch,
    topics: properties?.topics ?? [],
  }));
  return { ok: true, matches, answer: said as Json };
}
