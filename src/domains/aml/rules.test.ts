import { describe, expect, test } from 'bun:test';
import type { ScreeningMatch } from './match.ts';
import {
  gateAfterClearing,
  gateAfterScreening,
  type ScreeningVerdict,
  shownOf,
  verdictOf,
  waitsForScreening,
  worstOf,
} from './rules.ts';

function match(key: string, score: number): ScreeningMatch {
  return {
    key,
    sourceId: key,
    matchedName: key,
    matchedNameType: 'primary',
    score,
    evidence: 1,
    features: [],
  };
}

const CLEAR: ScreeningVerdict = { result: 'clear', riskScore: 0, matches: [] };
const ERROR: ScreeningVerdict = { result: 'error', riskScore: 0, matches: [] };
const ALERT: ScreeningVerdict = { result: 'alert', riskScore: 80, matches: [match('a', 0.8)] };

describe('the verdict on several names', () => {
  test.each<[string, readonly ScreeningVerdict[], ScreeningVerdict['result']]>([
    ['nothing was compared', [], 'error'],
    ['all are clear', [CLEAR, CLEAR], 'clear'],
    ['one is listed', [CLEAR, ALERT], 'alert'],
    ['one could not be screened', [CLEAR, ERROR], 'error'],
    ['one is listed and one could not be screened', [ALERT, ERROR], 'error'],
  ])('when %s', (_title, verdicts, result) => {
    expect(worstOf(verdicts).result).toBe(result);
  });

  test('names each listed entity once, at its best score, best first', () => {
    const other = { ...ALERT, riskScore: 95, matches: [match('b', 0.95), match('a', 0.7)] };
    const worst = worstOf([ALERT, other]);
    expect(worst.matches.map(({ key, score }) => [key, score])).toEqual([
      ['b', 0.95],
      ['a', 0.8],
    ]);
    expect(worst.riskScore).toBe(95);
  });

  test('a name that is no name is an error, never clear', () => {
    expect(verdictOf({ ok: false, code: 'name_empty' })).toEqual(ERROR);
  });

  test('one that could not be compared with all is an error, with what was found', () => {
    const part = { ok: true, candidates: 9, truncated: true } as const;
    expect(verdictOf({ ...part, matches: [] })).toMatchObject({ result: 'error', matches: [] });
    expect(verdictOf({ ...part, matches: ALERT.matches })).toMatchObject({
      result: 'error',
      riskScore: 80,
      matches: ALERT.matches,
    });
  });
});

describe('what people are shown at a time', () => {
  const item = (effect: 'stop' | 'review', bestScoreBps: number, party = '') => ({
    effect,
    bestScoreBps,
    party,
  });
  const crowd = Array.from({ length: 60 }, () => item('review', 10_000));

  test('is who stops, before any crowd that only asks for a look', () => {
    const listed = item('stop', 7_100);
    const { shown, isCut } = shownOf([...crowd, listed, item('stop', 9_000)], 50);
    expect(shown).toHaveLength(50);
    expect(shown.slice(0, 2)).toEqual([item('stop', 9_000), listed]);
    expect(isCut).toBe(false);
  });

  test('is cut where somebody who stops is not among it, for each party by itself', () => {
    const stops = (count: number, party: string) =>
      Array.from({ length: count }, () => item('stop', 8_000, party));
    expect(shownOf([...stops(50, ''), ...stops(50, 'other')], 50)).toMatchObject({ isCut: false });
    const cut = shownOf([...stops(3, ''), ...stops(51, 'other')], 50);
    expect([cut.isCut, cut.shown.length]).toEqual([true, 53]);
    expect(shownOf(crowd, 50).isCut).toBe(false);
    expect(shownOf([], 50)).toEqual({ shown: [], isCut: false });
  });
});

describe('the gate', () => {
  const states = ['none', 'clear', 'open', 'confirmed'] as const;

  test.each([
    ['clear', 0, ['clear', 'clear', 'clear', 'confirmed']],
    ['clear', 1, ['open', 'open', 'open', 'confirmed']],
    ['alert', 1, ['open', 'open', 'open', 'confirmed']],
    ['error', 0, ['open', 'open', 'open', 'confirmed']],
  ] as const)('after a screening that is %s with %d open alerts', (result, openAlerts, expected) => {
    expect(states.map((current) => gateAfterScreening(current, result, openAlerts))).toEqual([...expected]);
  });

  test.each([
    ['clear', 0, [null, null, 'clear', null]],
    ['alert', 0, [null, null, 'clear', null]],
    ['alert', 1, [null, null, null, null]],
    ['error', 0, [null, null, 'none', null]],
    [undefined, 0, [null, null, 'none', null]],
  ] as const)(
    'after an alert was cleared, the newest screening %s, %d alerts left',
    (newest, left, expected) => {
      expect(states.map((current) => gateAfterClearing(current, left, newest))).toEqual([...expected]);
    },
  );

  test('a submission that was screened is not screened again', () => {
    expect(states.map(waitsForScreening)).toEqual([true, false, false, true]);
  });
});
