import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { caseDueWithinMs, caseReference, closesCaseAlone } from '../cases/rules.ts';
import { ALERT_KINDS, closesAlone, dueWithinMs, freezesWhenTrue, graver, SEVERITIES } from './rules.ts';

const severity = fc.constantFrom(...SEVERITIES);

describe('severity', () => {
  test('only rises, whatever comes in which order', () => {
    fc.assert(
      fc.property(fc.array(severity, { minLength: 1 }), (all) => {
        const raised = all.reduce((known, next) => graver(known, next));
        expect(SEVERITIES.indexOf(raised)).toBe(Math.max(...all.map((one) => SEVERITIES.indexOf(one))));
      }),
    );
  });

  test('that nobody knows is the gravest', () => {
    expect(graver('low', 'unheard of')).toBe('critical');
    expect(graver('unheard of', 'low')).toBe('critical');
  });

  test('that is graver is due sooner, of alerts and of cases', () => {
    for (const [index, one] of SEVERITIES.entries()) {
      const next = SEVERITIES[index + 1];
      if (next !== undefined) {
        expect(dueWithinMs(next)).toBeLessThan(dueWithinMs(one));
        expect(caseDueWithinMs(next)).toBeLessThan(caseDueWithinMs(one));
      }
    }
  });
});

describe('one person alone', () => {
  test('closes what stops nobody and is not grave, as a false positive, and nothing else', () => {
    for (const effect of ['stop', 'review']) {
      for (const one of SEVERITIES) {
        for (const disposition of ['true_match', 'false_positive', 'inconclusive']) {
          const small = one === 'low' || one === 'medium';
          const may = effect === 'review' && small && disposition === 'false_positive';
          expect(closesAlone({ kind: 'pep', effect, severity: one }, disposition)).toBe(may);
        }
      }
    }
  });

  test('closes a case that is neither grave, suspicious nor true', () => {
    const at = '2026-11-21T08:00:00Z';
    for (const one of SEVERITIES) {
      for (const suspicionAt of [null, at]) {
        for (const disposition of ['true_match', 'suspicious', 'unfounded', 'inconclusive'] as const) {
          const may =
            (one === 'low' || one === 'medium') &&
            suspicionAt === null &&
            (disposition === 'unfounded' || disposition === 'inconclusive');
          expect(closesCaseAlone({ severity: one, suspicionAt }, disposition)).toBe(may);
        }
      }
    }
  });
});

test('a true match freezes where it stops somebody who is named, and nowhere else', () => {
  const freezing = ALERT_KINDS.filter((kind) => freezesWhenTrue({ kind, effect: 'stop', severity: 'high' }));
  expect(freezing).toEqual([
    'sanctions',
    'pep',
    'adverse_media',
    'internal_list',
    'screening_error',
    'third_party',
    'provider',
    'manual',
  ]);
  for (const kind of ALERT_KINDS) {
    expect(freezesWhenTrue({ kind, effect: 'review', severity: 'critical' })).toBe(false);
  }
});

test('a case is called by the year it was opened in and its number', () => {
  expect(caseReference({ number: 123, openedAt: '2026-11-21T08:00:00Z' })).toBe('C-2026-000123');
});
