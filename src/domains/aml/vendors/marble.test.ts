import { afterAll, afterEach, describe, expect, test } from 'bun:test';
import { parseAmount } from '../../../kernel/amount.ts';
import { parseInstant } from '../../../kernel/time.ts';
import type { Deps } from '../../../platform/context.ts';
import { parseMonitoringVendor } from '../../../platform/http/monitoring-vendor.ts';
import {
  APPROVES,
  MARBLE_FIELDS,
  MARBLE_KEY,
  MARBLE_SCENARIO,
  type MarbleFault,
  startMarble,
} from '../testing/marble-server.ts';
import { marbleVendor } from './marble.ts';
import type { ActivityQuery } from './monitoring-vendor.ts';

const marble = startMarble();
const deps = { mode: 'sandbox' } as Deps;

const QUERY: ActivityQuery = {
  ref: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001',
  customerRef: 'c0ffee',
  counterpartyRef: 'decade',
  kind: 'deposit',
  occurredAt: parseInstant('2026-11-21T10:00:00.123456Z'),
  direction: 'in',
  asset: 'USD',
  amount: parseAmount('999999999999.12345678'),
  sizeBps: 9_001,
  counterpartyCountry: 'DE',
};

afterEach(() => {
  marble.fault = undefined;
  marble.decide = APPROVES;
});

afterAll(() => marble.stop());

function vendor(key = MARBLE_KEY, scenario = MARBLE_SCENARIO) {
  const text = `marble:url=${marble.url};mode=compare;scenario=${scenario};key=${key}`;
  return marbleVendor(parseMonitoringVendor(text));
}

const ask = (query: ActivityQuery = QUERY) => vendor().assess(deps, query);

describe('a question', () => {
  test('holds the fields of the table and nothing else, with the amount digit by digit', async () => {
    expect(await ask()).toMatchObject({ ok: true });
    const call = marble.calls.at(-1);
    expect(call).toMatchObject({ path: '/v1/decisions', key: MARBLE_KEY });
    expect(Object.keys(call?.trigger ?? {}).toSorted()).toEqual(Object.keys(MARBLE_FIELDS).toSorted());
    expect(call?.text).toContain('"amount":999999999999.12345678');
    expect(call?.text).toContain(`"scenario_id":"${MARBLE_SCENARIO}"`);
    expect(call?.trigger).toMatchObject({
      object_id: QUERY.ref,
      updated_at: '2026-11-21T10:00:00.123456Z',
      size_bps: 9_001,
    });
  });

  test('leaves out what there is none of', async () => {
    const bare = { ...QUERY, counterpartyRef: null, counterpartyCountry: null, asset: null, amount: null };
    expect(await ask({ ...bare, kind: 'beneficiary_added' })).toMatchObject({ ok: true });
    expect(Object.keys(marble.calls.at(-1)?.trigger ?? {}).toSorted()).toEqual(
      ['customer_ref', 'direction', 'kind', 'object_id', 'size_bps', 'updated_at'].toSorted(),
    );
  });

  test('goes nowhere over plain http in production', async () => {
    const before = marble.calls.length;
    const reply = await vendor().assess({ mode: 'production' } as Deps, QUERY);
    expect(reply).toEqual({ ok: false, failure: 'unavailable' });
    expect(marble.calls).toHaveLength(before);
  });
});

describe('an answer', () => {
  test.each([
    ['approve', 'pass'],
    ['review', 'review'],
    ['block_and_review', 'stop'],
    ['decline', 'stop'],
  ] as const)('of %s is %s, with its score and its own name', async (outcome, verdict) => {
    marble.decide = () => ({ outcome, score: -7 });
    const reply = await ask();
    expect(reply).toMatchObject({ ok: true, assessment: { verdict, score: -7 } });
    expect(reply.ok && reply.assessment.answer).toMatchObject({
      data: [{ id: reply.ok ? reply.assessment.reference : '', rules: [{ score_modifier: 0.5 }] }],
    });
  });

  test('of a scenario that does not look at it is neither a finding nor a failure', async () => {
    marble.decide = () => null;
    expect(await ask()).toMatchObject({
      ok: true,
      assessment: { verdict: 'skipped', score: null, reference: null },
    });
  });

  test('to another key or scenario is refused as a setting that is wrong', async () => {
    expect(await vendor('other').assess(deps, QUERY)).toEqual({ ok: false, failure: 'unauthorised' });
    const scenario = '99999999-2222-4333-8444-555555555555';
    expect(await vendor(MARBLE_KEY, scenario).assess(deps, QUERY)).toEqual({
      ok: false,
      failure: 'unauthorised',
    });
  });

  test.each([
    ['400', { status: 400 }, { failure: 'refused' }],
    ['422', { status: 422 }, { failure: 'refused' }],
    ['402', { status: 402 }, { failure: 'unauthorised' }],
    ['403', { status: 403 }, { failure: 'unauthorised' }],
    ['408', { status: 408 }, { failure: 'unavailable' }],
    ['429 with a time', { status: 429, retryAfter: '7' }, { failure: 'busy', retryAfterMs: 7_000 }],
    ['500', { status: 500 }, { failure: 'unavailable' }],
    ['501', { status: 501 }, { failure: 'unavailable' }],
    ['a body too large', 'huge', { failure: 'malformed' }],
    ['JSON that stops', 'truncated', { failure: 'malformed' }],
    ['HTML', 'html', { failure: 'malformed' }],
    ['no decision that was not skipped', 'empty', { failure: 'malformed' }],
    ['two decisions', 'two', { failure: 'malformed' }],
    ['a decision on another object', 'other_object', { failure: 'malformed' }],
    ['a decision of another scenario', 'other_scenario', { failure: 'malformed' }],
    ['a decision whose name no text column takes', 'nul_id', { failure: 'malformed' }],
    ['a score that is text', 'score_text', { failure: 'malformed' }],
    ['an outcome there is none of', 'outcome_unknown', { failure: 'malformed' }],
    ['a redirect', 'redirect', { failure: 'unavailable' }],
  ] as const satisfies readonly (readonly [string, MarbleFault, object])[])(
    'that is %s is a failure, and lets nothing pass',
    async (_what, fault, expected) => {
      marble.fault = fault;
      expect(await ask()).toEqual({ ok: false, ...expected });
    },
  );

  test('that does not come is one too, after the time a vendor is given', async () => {
    marble.fault = 'hang';
    expect(await ask()).toEqual({ ok: false, failure: 'unavailable' });
  }, 30_000);
});
