/**
 * Holds what a machine-readable zone says against what was declared and entered. Pure. The zone has neither accents
 * nor signs and cuts long names off, so a name fits where the zone's is how it begins.
 */
import anyAscii from 'any-ascii';
import { comparableNumber } from '../rules.ts';
import type { MrzContent } from './read-mrz.ts';

export type MrzNotice =
  | 'mrz_name_differs'
  | 'mrz_birth_date_differs'
  | 'mrz_sex_differs'
  | 'mrz_nationality_differs'
  | 'mrz_issuer_differs'
  | 'mrz_number_differs'
  | 'mrz_expiry_differs'
  | 'mrz_type_differs';

export type DeclaredPerson = {
  readonly firstName: string;
  readonly lastName: string;
  readonly birthDate: string;
  readonly nationality: string;
  readonly gender?: string | undefined;
};

/** What was entered with the document; what was not entered contradicts nothing. */
export type EnteredDocument = {
  readonly type: string;
  readonly number: string | null;
  readonly issuingCountry: string | null;
  readonly expiresOn: string | null;
};

/** How the names of letters that the zone writes out are spelt in it, where it is not as `any-ascii` does. */
const SPELT_OUT: readonly (readonly [RegExp, string])[] = [
  [/ä|Ä/gu, 'AE'],
  [/ö|Ö|ø|Ø/gu, 'OE'],
  [/ü|Ü/gu, 'UE'],
  [/å|Å/gu, 'AA'],
  [/ñ|Ñ/gu, 'N'],
];

/** Names shorter than this have not been cut off. @units characters of the name field */
const NAME_FIELD: Readonly<Record<MrzContent['format'], number>> = { TD1: 30, TD2: 31, TD3: 39 };

/** @shape in a fixed order, each once */
export function mrzNotices(
  mrz: MrzContent,
  person: DeclaredPerson,
  document: EnteredDocument,
): readonly MrzNotice[] {
  const differs: readonly (readonly [MrzNotice, boolean])[] = [
    ['mrz_name_differs', !isSamePersonName(mrz, person)],
    ['mrz_birth_date_differs', mrz.birthDate !== null && mrz.birthDate !== person.birthDate],
    ['mrz_sex_differs', contradicts(mrz.sex, binaryOf(person.gender))],
    ['mrz_nationality_differs', contradicts(mrz.nationality, person.nationality)],
    ['mrz_issuer_differs', contradicts(mrz.issuingState, document.issuingCountry)],
    [
      'mrz_number_differs',
      document.number !== null && comparableNumber(document.number) !== comparableNumber(mrz.documentNumber),
    ],
    ['mrz_expiry_differs', contradicts(mrz.expiresOn, document.expiresOn)],
    ['mrz_type_differs', document.type === 'passport' && !mrz.documentCode.startsWith('P')],
  ];
  return differs.filter(([, holds]) => holds).map(([code]) => code);
}

function isSamePersonName(mrz: MrzContent, { firstName, lastName }: DeclaredPerson): boolean {
  const zone = `${mrz.surname} ${mrz.givenNames}`.replace(/\s+/gu, ' ').trim();
  const mayBeCut = zone.length >= NAME_FIELD[mrz.format] - 2;
  return spellings(lastName).some((surname) =>
    spellings(firstName).some((given) => {
      const declared = `${surname} ${given}`.trim();
      const begins = declared.startsWith(zone) && (mayBeCut || declared[zone.length] === ' ');
      // A declared person may leave out further given names that the document has.
      return declared === zone || begins || zone.startsWith(`${declared} `);
    }),
  );
}

/** How a name may stand in a zone. */
function spellings(name: string): readonly string[] {
  const spelt = SPELT_OUT.reduce((text, [letter, written]) => text.replace(letter, written), name);
  return [...new Set([zoneText(name), zoneText(spelt)])];
}

function zoneText(text: string): string {
  return anyAscii(text)
    .toUpperCase()
    .replace(/['’`]/gu, '')
    .replace(/[^A-Z]+/gu, ' ')
    .trim();
}

function binaryOf(gender: string | undefined): 'female' | 'male' | null {
  return gender === 'female' || gender === 'male' ? gender : null;
}

/** Two sides that both say something, and not the same. */
function contradicts(left: string | null, right: string | null): boolean {
  return left !== null && left !== '' && right !== null && left !== right;
}
