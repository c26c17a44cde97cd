import { describe, expect, test } from 'bun:test';
import { compare, compareAssessment } from './rules.ts';
import type { VendorMatch } from './vendor.ts';

const SANCTIONED: VendorMatch = { id: 'a', scoreBps: 9_000, isMatch: true, topics: ['sanction'] };
const LINKED: VendorMatch = { ...SANCTIONED, topics: ['sanction.linked'] };
const UNTOLD: VendorMatch = { ...SANCTIONED, topics: [] };
const EXPOSED: VendorMatch = { ...SANCTIONED, topics: ['role.pep'] };
const NEAR: VendorMatch = { ...SANCTIONED, isMatch: false, scoreBps: 5_000 };

const REVIEW = { effect: 'review', severity: 'medium' } as const;
const STOP = { effect: 'stop', severity: 'high' } as const;

describe('a vendor’s word beside our own', () => {
  test.each([
    ['clear', [], 'compare', true, null],
    ['clear', [NEAR], 'decide', true, null],
    ['clear', [SANCTIONED], 'compare', false, REVIEW],
    ['clear', [SANCTIONED], 'decide', false, STOP],
    ['clear', [LINKED], 'decide', false, STOP],
    ['clear', [UNTOLD], 'decide', false, STOP],
    ['clear', [EXPOSED], 'decide', false, REVIEW],
    ['warning', [SANCTIONED], 'compare', true, REVIEW],
    ['warning', [UNTOLD], 'compare', true, REVIEW],
    ['warning', [EXPOSED], 'compare', true, null],
    ['warning', [SANCTIONED], 'decide', true, STOP],
    ['warning', [EXPOSED], 'decide', true, null],
    ['alert', [SANCTIONED], 'decide', true, null],
    ['alert', [], 'decide', false, null],
    ['warning', [], 'compare', false, null],
    ['error', [], 'decide', false, null],
    ['error', [SANCTIONED], 'compare', false, REVIEW],
  ] as const)('%s and %j, %s', (own, found, mode, agreed, alert) => {
    expect(compare(own, found, mode)).toMatchObject({ agreed, alert });
  });

  test('nothing a vendor says makes anything milder', () => {
    for (const own of ['clear', 'warning', 'alert', 'error'] as const) {
      expect(compare(own, [], 'decide').alert).toBeNull();
    }
  });

  test('the best score is of whoever came nearest, match or not', () => {
    expect(compare('clear', [NEAR], 'compare')).toMatchObject({
      result: 'clear',
      matchCount: 0,
      bestScoreBps: 5_000,
    });
    expect(compare('clear', [], 'compare').bestScoreBps).toBeNull();
    expect(compare('clear', [NEAR, EXPOSED], 'compare')).toMatchObject({
      matchCount: 1,
      bestScoreBps: 9_000,
    });
  });
});

describe('what a vendor makes of an activity', () => {
  test.each([
    ['none', 'pass', 'decide', true, null],
    ['none', 'review', 'compare', false, REVIEW],
    ['none', 'review', 'decide', false, REVIEW],
    ['none', 'stop', 'compare', false, REVIEW],
    ['none', 'stop', 'decide', false, STOP],
    ['hit', 'pass', 'decide', false, null],
    ['hit', 'review', 'compare', true, REVIEW],
    ['hit', 'stop', 'decide', true, STOP],
    ['alert', 'review', 'decide', true, null],
    ['alert', 'stop', 'compare', true, null],
    ['alert', 'stop', 'decide', true, STOP],
    ['stop', 'stop', 'decide', true, null],
    ['stop', 'pass', 'decide', false, null],
    ['stop', 'skipped', 'decide', null, null],
    ['none', 'skipped', 'decide', null, null],
  ] as const)(
    'beside our %s, it says %s: in %s they agree %p and %p follows',
    (own, said, mode, agreed, alert) => {
      expect(compareAssessment(own, said, mode)).toEqual({ agreed, alert });
    },
  );
});
