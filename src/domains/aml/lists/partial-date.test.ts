import { describe, expect, test } from 'bun:test';
import { countryCode } from './country-code.ts';
import { partialDates, yearsBetween } from './partial-date.ts';

describe('partialDates', () => {
  const spellings: readonly (readonly [string, readonly string[]])[] = [
    ['19 Jun 1951', ['1951-06-19']],
    ['Jun 1951', ['1951-06']],
    ['1951', ['1951']],
    ['circa 1958', ['1958']],
    ['1951-06-19', ['1951-06-19']],
    ['1956 to 1958', ['1956', '1957', '1958']],
    ['01 Jan 1961 to 31 Dec 1962', ['1961', '1962']],
    ['1951-13-40', ['1951']],
    ['unknown', []],
    ['', []],
  ];
  for (const [text, expected] of spellings) {
    test(`reads "${text}" as ${expected.length === 0 ? 'nothing' : expected.join(', ')}`, () => {
      expect(partialDates(text)).toEqual([...expected]);
    });
  }

  test('gives no years for a reversed or very wide range', () => {
    expect(yearsBetween('1974', '1973')).toEqual([]);
    expect(yearsBetween('1900', '1999')).toEqual([]);
  });
});

describe('countryCode', () => {
  const names: readonly (readonly [string, string | undefined])[] = [
    ['Korea, North', 'KP'],
    ["Democratic People's Republic of Korea", 'KP'],
    ['Democratic Republic of the Congo', 'CD'],
    ["Côte d'Ivoire", 'CI'],
    ['Iran (Islamic Republic of)', 'IR'],
    ['Syrian Arab Republic', 'SY'],
    ['Mauritius', 'MU'],
    ['Palestinian', 'PS'],
    ['nowhere', undefined],
    ['', undefined],
  ];
  for (const [name, code] of names) {
    test(`reads "${name}" as ${code ?? 'no country'}`, () => {
      expect(countryCode(name)).toBe(code);
    });
  }
});
