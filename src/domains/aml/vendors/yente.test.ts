import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import type { Deps } from '../../../platform/context.ts';
import { parseScreeningVendor } from '../../../platform/http/screening-vendor.ts';
import { startYente, YENTE_KEY, type Yente, type YenteFault } from '../testing/yente-server.ts';
import type { VendorQuery } from './vendor.ts';
import { yenteVendor } from './yente.ts';

let yente: Yente;

beforeAll(() => {
  yente = startYente();
  yente.entities.push({ id: 'NK-1', name: 'Balthazar Ferrington', topics: ['sanction', 'role.pep'] });
});

afterEach(() => {
  yente.fault = undefined;
  yente.queryFaults.clear();
  yente.unreadable.clear();
});

afterAll(() => yente.stop());

const deps = { mode: 'sandbox' } as Deps;

function vendor(more = `;key=${YENTE_KEY}`) {
  return yenteVendor(parseScreeningVendor(`yente:url=${yente.url};mode=compare${more}`));
}

function person(ref: string, ...names: string[]): VendorQuery {
  return { ref, names, subject: { kind: 'person' } };
}

const ask = (...queries: readonly VendorQuery[]) => vendor().match(deps, queries);

describe('a question', () => {
  test('says who it is about in the contract’s words, and which call it is', async () => {
    await vendor(`;key=${YENTE_KEY};dataset=default;algorithm=logic-v2;threshold=0.8`).match(deps, [
      {
        ref: 'a',
        names: ['Ada Obi', 'A. Obi'],
        subject: {
          kind: 'person',
          birthDate: '1961-02',
          countries: ['MU', 'FR'],
          gender: 'female',
          identifiers: [
            { type: 'passport', number: 'P1' },
            { type: 'national_id', number: 'N1' },
            { type: 'tax_id', number: 'T1' },
            { type: 'tax', number: 'T2' },
            { type: 'driving_licence', number: 'D1' },
            { type: 'crypto_address:BTC', number: 'bc1' },
          ],
        },
      },
      {
        ref: 'b',
        names: ['Lantern Ltd'],
        subject: {
          kind: 'organisation',
          countries: ['MU'],
          identifiers: [{ type: 'registration', number: 'C1' }],
        },
      },
      {
        ref: 'c',
        names: ['Sea Cow'],
        subject: { kind: 'vessel', identifiers: [{ type: 'imo', number: '9' }] },
      },
      { ref: 'd', names: ['Whoever'], subject: { kind: 'unknown', birthDate: '1990' } },
    ]);
    const call = yente.calls.at(-1);
    expect(call).toMatchObject({ path: '/match/default', authorization: `ApiKey ${YENTE_KEY}` });
    expect(Object.fromEntries(call?.search ?? [])).toEqual({
      threshold: '0.8',
      limit: '10',
      algorithm: 'logic-v2',
    });
    expect(call?.queries).toEqual({
      a: {
        schema: 'Person',
        properties: {
          name: ['Ada Obi', 'A. Obi'],
          birthDate: ['1961-02'],
          gender: ['female'],
          nationality: ['mu', 'fr'],
          passportNumber: ['P1'],
          idNumber: ['N1', 'D1'],
          taxNumber: ['T1', 'T2'],
        },
      },
      b: {
        schema: 'Organization',
        properties: { name: ['Lantern Ltd'], country: ['mu'], registrationNumber: ['C1'] },
      },
      c: { schema: 'Vessel', properties: { name: ['Sea Cow'], imoNumber: ['9'] } },
      d: { schema: 'LegalEntity', properties: { name: ['Whoever'] } },
    });
  });

  test('goes without a key to a service that wants none', async () => {
    await vendor('').match(deps, [person('a', 'Ada Obi')]);
    expect(yente.calls.at(-1)?.authorization).toBeNull();
  });

  test('goes nowhere over plain http in production', async () => {
    const before = yente.calls.length;
    const reply = await vendor().match({ mode: 'production' } as Deps, [person('a', 'Ada Obi')]);
    expect(reply).toEqual({ ok: false, failure: 'unavailable' });
    expect(yente.calls).toHaveLength(before);
  });
});

describe('an answer', () => {
  test('tells who was found, how nearly, and whether the vendor calls it a match', async () => {
    const reply = await ask(
      person('a', 'Balthazar Ferrington'),
      person('b', 'Balthazar Obi'),
      person('c', 'Ada Obi'),
    );
    expect(reply.ok && [...reply.answers]).toMatchObject([
      [
        'a',
        {
          ok: true,
          matches: [{ id: 'NK-1', scoreBps: 10_000, isMatch: true, topics: ['sanction', 'role.pep'] }],
        },
      ],
      ['b', { ok: true, matches: [{ id: 'NK-1', scoreBps: 5_000, isMatch: false }] }],
      ['c', { ok: true, matches: [] }],
    ]);
  });

  test('is kept as it came, with members nobody here reads', async () => {
    const reply = await ask(person('a', 'Balthazar Ferrington'));
    const answer = reply.ok ? reply.answers.get('a') : undefined;
    expect(answer).toMatchObject({
      answer: { total: { value: 1 }, results: [{ referents: [], features: {} }] },
    });
  });

  test.each([
    ['a status of its own below 500', { status: 400 }, 'query_refused'],
    ['a status of its own from 500', { status: 500 }, 'query_failed'],
    ['no answer', 'missing', 'missing'],
    ['nothing in it', 'null', 'malformed'],
    ['no results', 'no_results', 'malformed'],
    ['a score that is text', 'score_text', 'malformed'],
    ['a score beyond 1', 'score_beyond', 'malformed'],
  ] as const)('of one query with %s spoils no other', async (_what, fault, failure) => {
    yente.queryFaults.set('Ada Obi', fault);
    const reply = await ask(person('a', 'Ada Obi'), person('b', 'Balthazar Ferrington'));
    expect(reply.ok && reply.answers.get('a')).toEqual({ ok: false, failure });
    expect(reply.ok && reply.answers.get('b')).toMatchObject({ ok: true, matches: [{ id: 'NK-1' }] });
  });
});

describe('a vendor that does not answer as it should', () => {
  test.each([
    ['400', { status: 400 }, { failure: 'refused' }],
    ['422', { status: 422 }, { failure: 'refused' }],
    ['401', { status: 401 }, { failure: 'unauthorised' }],
    ['403', { status: 403 }, { failure: 'unauthorised' }],
    ['404', { status: 404 }, { failure: 'unauthorised' }],
    ['429 with a time', { status: 429, retryAfter: '7' }, { failure: 'busy', retryAfterMs: 7_000 }],
    ['429 without one', { status: 429 }, { failure: 'busy', retryAfterMs: 60_000 }],
    ['429 with nonsense', { status: 429, retryAfter: '-5' }, { failure: 'busy', retryAfterMs: 60_000 }],
    [
      '429 with a month',
      { status: 429, retryAfter: '999999' },
      { failure: 'busy', retryAfterMs: 21_600_000 },
    ],
    ['503 with a time', { status: 503, retryAfter: '30' }, { failure: 'busy', retryAfterMs: 30_000 }],
    ['503 without one', { status: 503 }, { failure: 'unavailable' }],
    ['500', { status: 500 }, { failure: 'unavailable' }],
    ['a body too large', 'huge', { failure: 'malformed' }],
    ['a body without end', 'endless', { failure: 'malformed' }],
    ['JSON that stops', 'truncated', { failure: 'malformed' }],
    ['HTML', 'html', { failure: 'malformed' }],
    ['JSON of another shape', 'no_responses', { failure: 'malformed' }],
    ['a redirect', 'redirect', { failure: 'unavailable' }],
  ] as const satisfies readonly (readonly [string, YenteFault, object])[])(
    '%s is one failure of the call',
    async (_what, fault, expected) => {
      yente.fault = fault;
      expect(await ask(person('a', 'Ada Obi'))).toEqual({ ok: false, ...expected });
    },
  );

  test('silence is one too, after the time a vendor is given', async () => {
    yente.fault = 'hang';
    expect(await ask(person('a', 'Ada Obi'))).toEqual({ ok: false, failure: 'unavailable' });
  }, 30_000);

  test('a machine that is not there is one too', async () => {
    const gone = yenteVendor(parseScreeningVendor('yente:url=http://127.0.0.1:9;mode=compare'));
    expect(await gone.match(deps, [person('a', 'Ada Obi')])).toEqual({ ok: false, failure: 'unavailable' });
  });
});
