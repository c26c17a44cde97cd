import { expect, test } from 'bun:test';
import { parseAmount } from '../../../../kernel/amount.ts';
import { newId } from '../../../../kernel/id.ts';
import { addMs, parseInstant } from '../../../../kernel/time.ts';
import { type Activity, NO_ACTIVITY } from '../../../../platform/activity.ts';
import { hitsOf } from '../evaluate.ts';
import { NO_CROWD } from '../past-window.ts';
import type { View } from '../rule.ts';
import { contentHashOf, ruleSetOf } from '../rule-set.ts';
import { DAY_MS } from '../sizes.ts';

const NOW = parseInstant('2026-03-10T12:00:00Z');
const PERSON = newId();
const SET = ruleSetOf([]);

function paidIn(amount: string, daysAgo = 0): Activity {
  return {
    ...NO_ACTIVITY,
    source: 'test',
    sourceId: newId(),
    kind: 'deposit',
    userId: PERSON,
    occurredAt: addMs(NOW, -daysAgo * DAY_MS),
    asset: 'USD',
    amount: parseAmount(amount),
    direction: 'in',
  };
}

/** So much on each of the last days. */
function daily(amount: string, days: number): Activity[] {
  return Array.from({ length: days }, (_unused, day) => paidIn(amount, day + 1));
}

function points(view: Partial<View>, set = SET): number {
  const whole = {
    past: [],
    crowd: NO_CROWD,
    movedBefore: null,
    others: [],
    sharers: 0,
    peers: null,
    reference: SET.reference,
  };
  const hits = hitsOf(paidIn('5000'), { ...whole, ...view }, set);
  return hits.find(({ ruleKey }) => ruleKey === 'dormant_reactivation')?.points ?? 0;
}

const LONG_AGO = addMs(NOW, -900 * DAY_MS);

test.each([
  ['a dollar the day before hides nothing', [paidIn('1', 1), paidIn('500', 200)], null, 25],
  ['nor does it after years', [paidIn('1', 1)], LONG_AGO, 35],
  ['nor do many that are together too little', [...daily('10', 49), paidIn('500', 200)], null, 25],
  ['many that are together enough are activity', [...daily('10', 50), paidIn('500', 200)], null, 0],
  ['one that is enough is activity', [paidIn('500', 1), paidIn('500', 200)], null, 0],
  ['whoever paid in a first dollar the day before is new', [paidIn('1', 1)], null, 0],
])('%s', (_what, past, movedBefore, expected) => {
  expect(points({ past, movedBefore })).toBe(expected);
});

/** A version that people made, with these parameters. */
function versionOf(parameters: { readonly [name: string]: number }) {
  const released = SET.rules.find(({ definition }) => definition.key === 'dormant_reactivation')?.content;
  const content = { ...released, isEnabled: true, parameters, bands: [{ atLeast: 180, points: 30 }] };
  const stored = { key: 'dormant_reactivation', version: 7, content: content as never };
  return ruleSetOf([{ ...stored, contentHash: contentHashOf(content as never) }]);
}

test('how much is too little is a parameter, and a version made before there was one counts with its default', () => {
  const past = [paidIn('500', 1), paidIn('5000', 200)];
  expect(points({ past }, versionOf({ sizeAtLeastBps: 2_000, movedAtLeastBps: 501 }))).toBe(30);
  expect(points({ past }, versionOf({ sizeAtLeastBps: 2_000, movedAtLeastBps: 500 }))).toBe(0);
  expect(points({ past }, versionOf({ sizeAtLeastBps: 2_000 }))).toBe(0);
  const token = [paidIn('1', 1), paidIn('5000', 200)];
  expect(points({ past: token }, versionOf({ sizeAtLeastBps: 2_000 }))).toBe(30);
});
