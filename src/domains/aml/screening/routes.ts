import { z } from '@hono/zod-openapi';
import { pageOf, pageQuery } from '../../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../../platform/http/problems.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { AML_PROBLEMS } from '../errors.ts';
import type { EntityIdentifier } from '../lists/entity.ts';
import { AML_OPERATION, OFFICERS, READERS } from '../operation.ts';
import { screenUser } from '../screen.ts';
import { getScreening, listScreenings } from '../store.ts';
import {
  NewScreening,
  NewScreeningBatch,
  Screening,
  ScreeningBatch,
  ScreeningFile,
  type SubjectInput,
} from './api.ts';
import { type BatchResult, type NamedSubject, screenBatch, screenSubject } from './screen-batch.ts';

/** How many matches of a subject a batch shows; the screening holds them all. */
const MATCHES_SHOWN = 10;

const params = z.object({ id: idInput });

export const screeningEndpoints: readonly Endpoint[] = [
  endpoint({
    ...AML_OPERATION,
    operationId: 'createScreening',
    method: 'post',
    path: '/v1/aml/screenings',
    summary: 'Screen a subject, or a customer again, against the active lists',
    access: { staff: OFFICERS, scope: 'aml:screen' },
    body: NewScreening,
    example: { subject: { name: 'Ahmad Tea', kind: 'person', birthDate: '1970', country: 'MU' } },
    responses: { 201: ScreeningFile },
    problems: {
      ...pickProblems(AML_PROBLEMS, 'no_active_list', 'name_unusable', 'self_review'),
      ...pickProblems(PLATFORM_PROBLEMS, 'not_found'),
    },
    handler: async (ctx, { body }) => {
      const screening =
        'userId' in body
          ? await screenUser(ctx, body.userId, 'manual')
          : await screenSubject(ctx, subjectOf(body.subject));
      return { status: 201, body: await getScreening(ctx, screening.id) };
    },
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'createScreeningBatch',
    method: 'post',
    path: '/v1/aml/screenings/batch',
    summary: 'Screen up to 1,000 subjects against the active lists',
    description:
      'Each subject is screened and kept as evidence of its own; one whose name cannot be screened is an error among the results and refuses none of the others.',
    access: { staff: OFFICERS, scope: 'aml:screen' },
    body: NewScreeningBatch,
    example: {
      subjects: [{ reference: 'row-1', subject: { name: 'Ahmad Tea', kind: 'person', birthDate: '1970' } }],
    },
    responses: { 200: ScreeningBatch },
    problems: pickProblems(AML_PROBLEMS, 'no_active_list'),
    handler: async (ctx, { body }) => {
      const named = body.subjects.map(({ reference, subject }) => ({
        reference,
        subject: subjectOf(subject),
      }));
      const results = await screenBatch(ctx, named);
      return { status: 200, body: { results: results.map(resultOf) } };
    },
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'listScreenings',
    method: 'get',
    path: '/v1/aml/screenings',
    summary: 'Screenings, newest first',
    access: { staff: READERS, scope: 'aml:read' },
    query: z.strictObject(pageQuery),
    responses: { 200: pageOf(Screening) },
    handler: async (ctx, { query }) => ({ status: 200, body: await listScreenings(ctx, query) }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'getScreening',
    recordsReads: true,
    method: 'get',
    path: '/v1/aml/screenings/{id}',
    summary: 'A screening with its matches and what explains them',
    access: { staff: READERS, scope: 'aml:read' },
    params,
    responses: { 200: ScreeningFile },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await getScreening(ctx, id) }),
  }),
];

function subjectOf(input: SubjectInput): NamedSubject {
  const { name, names = [], kind, birthDate, country, countries = [], gender } = input;
  const everyCountry = [...new Set([...(country === undefined ? [] : [country]), ...countries])];
  const identifiers = identifiersOf(input);
  return {
    names: [name, ...names.filter((other) => other !== name)],
    kind,
    ...(birthDate === undefined ? {} : { birthDate }),
    ...(everyCountry.length === 0 ? {} : { countries: everyCountry }),
    ...(gender === undefined ? {} : { gender }),
    ...(identifiers.length === 0 ? {} : { identifiers }),
  };
}

function identifiersOf({ identifiers = [], cryptoAddresses = [] }: SubjectInput): EntityIdentifier[] {
  return [
    ...identifiers.map(({ type, number, country }) => ({
      type,
      number,
      ...(country === undefined ? {} : { country }),
    })),
    ...cryptoAddresses.map(({ chain, address }) => ({
      type: chain === undefined ? 'crypto_address' : `crypto_address:${chain}`,
      number: address,
    })),
  ];
}

function resultOf({ reference, screening, refusal, matches }: BatchResult) {
  return {
    reference,
    screeningId: screening.id,
    result: screening.result,
    riskScore: screening.riskScore,
    matchCount: screening.matchCount,
    refusal,
    matches: matches.slice(0, MATCHES_SHOWN).map(({ key, score, matchedName, sourceId }) => ({
      entityId: key,
      score,
      matchedName,
      sourceId,
    })),
  };
}
