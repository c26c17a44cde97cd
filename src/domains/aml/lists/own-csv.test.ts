import { describe, expect, test } from 'bun:test';
import { parseOwnCsv } from './own-csv.ts';

const HEADER = 'id,kind,name,aliases,birth_dates,countries,gender,programs,remarks';

function parse(...rows: readonly string[]) {
  return parseOwnCsv(new Uint8Array(Buffer.from([HEADER, ...rows].join('\n'))));
}

function codeOf(bytes: Uint8Array): string {
  try {
    parseOwnCsv(bytes);
    return 'accepted';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

test('reads every column, several values apart by semicolons', () => {
  const [entity] = parse(
    'p-1,person,"Doe, Jane",J. Doe; Jane  Roe,1970;1971-05,mu; fr,female,PEP;LOCAL,note',
  );
  expect(entity).toMatchObject({
    sourceId: 'p-1',
    kind: 'person',
    names: [
      { name: 'Doe, Jane', type: 'primary' },
      { name: 'J. Doe', type: 'alias' },
      { name: 'Jane Roe', type: 'alias' },
    ],
    birthDates: ['1970', '1971-05'],
    countries: ['MU', 'FR'],
    genders: ['female'],
    programs: ['PEP', 'LOCAL'],
    remarks: 'note',
  });
});

describe('refuses', () => {
  const rows: readonly (readonly [string, string, string])[] = [
    ['an id twice', 'a,person,A B,,,,,,\na,person,C D,,,,,,', 'duplicate_id'],
    ['an empty id', ',person,A B,,,,,,', 'missing_id'],
    ['an empty name', 'a,person,,,,,,,', 'missing_name'],
    ['an unknown kind', 'a,human,A B,,,,,,', 'malformed'],
    ['a missing column', 'a,person,A B', 'malformed'],
    ['a birth date in another order', 'a,person,A B,,12/04/1990,,,,', 'malformed'],
    ['a month that is none', 'a,person,A B,,1990-13,,,,', 'malformed'],
    ['a country in words', 'a,person,A B,,,Mauritius,,,', 'malformed'],
    ['a gender it could not use', 'a,person,A B,,,,F,,', 'malformed'],
    ['a NUL character', 'a,person,A\0B,,,,,,', 'malformed'],
    ['an open quote', 'a,person,"A B,,,,,,', 'malformed'],
    ['a header alone', '', 'empty_file'],
  ];
  test.each(rows)('%s', (_title, row, code) => {
    expect(codeOf(new Uint8Array(Buffer.from(`${HEADER}\n${row}`)))).toBe(code);
  });

  test.each([
    ['nothing', new Uint8Array(), 'empty_file'],
    ['another header', new Uint8Array(Buffer.from('id,name\n1,A')), 'wrong_column_count'],
    ['bytes that are no text', new Uint8Array([0x69, 0x64, 0xff, 0xfe]), 'not_utf8'],
  ])('%s', (_title, bytes, code) => {
    expect(codeOf(bytes)).toBe(code);
  });
});
