import { expect, test } from 'bun:test';
import { parseInstant } from '../../../kernel/time.ts';
import type { DeclarationInput } from '../api.ts';
import { findingsOf } from './findings.ts';
import type { ProviderClaims } from './kyc-provider.ts';

const NOW = parseInstant('2026-11-22T00:00:00Z');

const DECLARED = {
  firstName: 'José',
  lastName: "O'Brien García",
  birthDate: '1980-02-29',
  nationality: 'ESP',
} as DeclarationInput;

const READ: ProviderClaims = {
  firstName: 'JOSE MARIA',
  lastName: 'OBRIEN GARCIA',
  birthDate: '1980-02-29',
  nationality: 'ESP',
  expiresOn: '2026-11-22',
};

function found(...claims: readonly ProviderClaims[]): readonly string[] {
  return findingsOf({ status: 'approved', claims, warnings: [] }, DECLARED, NOW);
}

test.each<[string, ProviderClaims, readonly string[]]>([
  ['the same person, with a further given name', READ, []],
  ['names the other way round', { ...READ, firstName: 'OBRIEN GARCIA', lastName: 'JOSE' }, []],
  ['nothing at all', {}, []],
  ['one name of theirs', { lastName: 'GARCIA' }, []],
  ['one name that is not theirs', { lastName: 'LOPEZ' }, ['name_differs']],
  ['another first given name', { ...READ, firstName: 'MARIA JOSE' }, ['name_differs']],
  ['another surname', { ...READ, lastName: 'OBRIEN LOPEZ' }, ['name_differs']],
  ['a surname more', { ...READ, lastName: 'OBRIEN GARCIA LOPEZ' }, ['name_differs']],
  ['a surname less', { ...READ, lastName: 'OBRIEN' }, ['name_differs']],
  ['another day of birth', { ...READ, birthDate: '1980-02-28' }, ['birth_date_differs']],
  ['another nationality', { ...READ, nationality: 'PRT' }, ['nationality_differs']],
  ['a document that ended yesterday', { ...READ, expiresOn: '2026-11-21' }, ['document_expired']],
])('a document that says %s', (_title, claims, expected) => {
  expect(found(claims)).toEqual(expected);
});

test('each document counts, not the first alone', () => {
  expect(found(READ, { ...READ, lastName: 'LOPEZ' }, { ...READ, birthDate: '1999-01-01' })).toEqual([
    'name_differs',
    'birth_date_differs',
  ]);
});

test('what the provider found itself comes after, and without a declaration nothing differs', () => {
  const decision = { status: 'unknown', claims: [{ ...READ, lastName: 'LOPEZ' }], warnings: ['w'] } as const;
  expect(findingsOf(decision, null, NOW)).toEqual(['status_unknown', 'w']);
});
