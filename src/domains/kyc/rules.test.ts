import { describe, expect, test } from 'bun:test';
import type { Instant } from '../../kernel/time.ts';
import {
  approvalWaitsFor,
  comparableNumber,
  comparablePerson,
  dayOf,
  isPlausibleBirthDate,
  isSameName,
  screeningAfterSubmission,
} from './rules.ts';

const TODAY = '2026-03-01';
describe('documents', () => {
  test.each([
    ['ab 12-34.56', 'AB123456'],
    ['ＡＢ１２３', 'AB123'],
    ['P/009', 'P009'],
    ['P0\u11600\u31649', 'P009'],
  ])('the number %p compares as %p', (written, compared) => {
    expect(comparableNumber(written)).toBe(compared);
  });
});

test('screening is begun anew with each submission, and a confirmed hit survives it', () => {
  expect((['none', 'clear', 'open', 'confirmed'] as const).map(screeningAfterSubmission)).toEqual([
    'none',
    'none',
    'none',
    'confirmed',
  ]);
});

test('only a clear screening lets an approval through; a missing gate does not', () => {
  const waits = (['none', 'open', 'confirmed', 'clear'] as const).map((screening) =>
    approvalWaitsFor({ screening }),
  );
  expect([...waits, approvalWaitsFor(undefined)]).toEqual([
    'screening_not_clear',
    'screening_not_clear',
    'screening_not_clear',
    null,
    'screening_not_clear',
  ]);
});

test('names are one when only case and white space differ', () => {
  const name = { firstName: 'Anaïs  Marie', lastName: 'RAMGOOLAM' };
  expect(isSameName(name, { firstName: 'anaïs', lastName: 'marie ramgoolam ' })).toBe(true);
  expect(isSameName(name, { firstName: 'Anais Marie', lastName: 'Ramgoolam' })).toBe(false);
});

test('signs that nobody sees make nobody another person', () => {
  const name = { firstName: 'Anaïs Marie', lastName: 'Ramgoolam' };
  const born = '1990-01-02';
  for (const sign of ['\u1160', '\u3164', '\uFFA0', '\u200B', '\u00AD', '\u{E0020}']) {
    const disguised = { firstName: `An${sign}aïs M${sign}arie`, lastName: [...'Ramgoolam'].join(sign) };
    expect(comparablePerson(disguised, born)).toBe(comparablePerson(name, born));
    expect(isSameName(disguised, name)).toBe(true);
  }
});

test('nobody is born today, tomorrow or in the century before last', () => {
  const dates = ['1899-12-31', '1900-01-01', '2026-02-28', TODAY, '2026-03-02'];
  expect(dates.map((date) => isPlausibleBirthDate(date, TODAY))).toEqual([false, true, true, false, false]);
  expect(dayOf('2026-03-01T23:59:59.999999Z' as Instant)).toBe(TODAY);
});
