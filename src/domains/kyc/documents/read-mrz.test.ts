import { describe, expect, test } from 'bun:test';
import { mrzNotices } from './mrz-notices.ts';
import { type MrzContent, readMrz } from './read-mrz.ts';

const TODAY = '2026-03-01';

/** The specimens of ICAO Doc 9303, parts 4 to 6. */
const TD3 = ['P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<', 'L898902C36UTO7408122F1204159ZE184226B<<<<<10'];
const TD2 = ['I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<', 'D231458907UTO7408122F1204159<<<<<<<6'];
const TD1 = [
  'I<UTOD231458907<<<<<<<<<<<<<<<',
  '7408122F1204159UTO<<<<<<<<<<<6',
  'ERIKSSON<<ANNA<MARIA<<<<<<<<<<',
];

const ANNA = {
  firstName: 'Anna Maria',
  lastName: 'Eriksson',
  birthDate: '1974-08-12',
  nationality: 'UTO',
  gender: 'female',
};

function dataOf(lines: readonly string[]): MrzContent {
  const reading = readMrz(lines, TODAY);
  if (!reading.valid) {
    throw new Error(reading.fault);
  }
  return reading.data;
}

function flipped(lines: readonly string[], line: number, at: number): readonly string[] {
  return lines.map((text, index) => {
    if (index !== line) {
      return text;
    }
    const digit = text[at] === '9' ? '0' : String(Number.parseInt(text[at] ?? '0', 10) + 1);
    return `${text.slice(0, at)}${digit}${text.slice(at + 1)}`;
  });
}

describe('a zone', () => {
  test.each([
    ['a passport', TD3, 'L898902C3', 'P'],
    ['a card of two lines', TD2, 'D23145890', 'I'],
    ['a card of three lines', TD1, 'D23145890', 'I'],
  ] as const)('of %s says what its specimen says', (_title, lines, documentNumber, documentCode) => {
    expect(dataOf(lines)).toMatchObject({
      documentNumber,
      documentCode,
      surname: 'ERIKSSON',
      givenNames: 'ANNA MARIA',
      nationality: 'UTO',
      issuingState: 'UTO',
      sex: 'female',
      birthDate: '1974-08-12',
      expiresOn: '2012-04-15',
    });
  });

  test.each([
    ['number', TD3, 1, 9],
    ['birth date', TD3, 1, 19],
    ['expiry', TD3, 1, 27],
    ['personal number', TD3, 1, 42],
    ['composite', TD3, 1, 43],
    ['number on a card', TD2, 1, 9],
    ['composite on a card', TD2, 1, 35],
    ['number on a small card', TD1, 0, 14],
    ['birth date on a small card', TD1, 1, 6],
    ['expiry on a small card', TD1, 1, 14],
    ['composite on a small card', TD1, 1, 29],
  ] as const)('with another check digit of its %s is refused', (_title, lines, line, at) => {
    expect(readMrz(flipped(lines, line, at), TODAY)).toEqual({ valid: false, fault: 'check_digit' });
  });

  test.each([
    ['nothing', []],
    ['one line', [TD3[0] ?? '']],
    ['lines of no format', ['P<UTO', 'L89']],
    ['text', ['not a zone at all', 'really']],
    ['lines in the wrong order', [...TD3].reverse()],
  ])('that is %s does not read', (_title, lines) => {
    expect(readMrz(lines, TODAY).valid).toBe(false);
  });

  test('knows the century: nobody is born tomorrow, and nothing expires in fifty years', () => {
    expect(readMrz(TD3, '1975-01-01')).toMatchObject({ data: { birthDate: '1974-08-12' } });
    expect(dataOf(TD3).expiresOn).toBe('2012-04-15');
    expect(readMrz(TD3, '1980-01-01')).toMatchObject({ data: { expiresOn: '1912-04-15' } });
  });
});

describe('against what was declared and entered', () => {
  const entered = { type: 'passport', number: 'L898902C3', issuingCountry: 'UTO', expiresOn: '2012-04-15' };
  const notices = (person: Partial<typeof ANNA>, document: Partial<typeof entered> = {}) =>
    mrzNotices(dataOf(TD3), { ...ANNA, ...person }, { ...entered, ...document });

  test.each<[string, Partial<typeof ANNA>, Partial<typeof entered>, readonly string[]]>([
    ['the same', {}, {}, []],
    ['fewer given names', { firstName: 'Anna' }, {}, []],
    ['a part of a given name', { firstName: 'An' }, {}, ['mrz_name_differs']],
    ['another first name', { firstName: 'Maria' }, {}, ['mrz_name_differs']],
    ['names the wrong way round', { firstName: 'Eriksson', lastName: 'Anna' }, {}, ['mrz_name_differs']],
    ['another birth date', { birthDate: '1974-12-08' }, {}, ['mrz_birth_date_differs']],
    ['another sex', { gender: 'male' }, {}, ['mrz_sex_differs']],
    ['no sex', { gender: 'unspecified' }, {}, []],
    ['another nationality', { nationality: 'MUS' }, {}, ['mrz_nationality_differs']],
    ['another issuer', {}, { issuingCountry: 'MUS' }, ['mrz_issuer_differs']],
    ['a number with signs', {}, { number: 'l898-902 c3' }, []],
    ['another number', {}, { number: 'L898902C4' }, ['mrz_number_differs']],
    ['another expiry', {}, { expiresOn: '2030-04-15' }, ['mrz_expiry_differs']],
    ['a card said to be a card', {}, { type: 'national_id' }, []],
  ])('%s', (_title, person, document, expected) => {
    expect(notices(person, document)).toEqual([...expected] as never);
  });

  test('a card said to be a passport is not one', () => {
    expect(mrzNotices(dataOf(TD2), ANNA, { ...entered, number: null })).toEqual(['mrz_type_differs']);
  });

  test('letters the zone writes out, and names it cuts off, are no difference', () => {
    const zone = { ...dataOf(TD3), surname: 'MUELLER', givenNames: 'SOREN' };
    const name = (lastName: string, firstName: string) =>
      mrzNotices(zone, { ...ANNA, lastName, firstName }, entered);
    const ours = [name('Müller', 'Søren'), name('Müller', 'Sören'), name('Mueller', 'Soren')];
    expect(ours).toEqual([[], [], []]);
    expect([name('Möller', 'Sören'), name('Müller', 'Sara')]).toEqual([
      ['mrz_name_differs'],
      ['mrz_name_differs'],
    ]);
    const long = { ...dataOf(TD3), surname: 'NILAVADHANANANDA', givenNames: 'CHAYAPA DEJTHAMRONG K' };
    const person = { ...ANNA, lastName: 'Nilavadhanananda', firstName: 'Chayapa Dejthamrong Krasuang' };
    expect(mrzNotices(long, person, entered)).toEqual([]);
  });
});
