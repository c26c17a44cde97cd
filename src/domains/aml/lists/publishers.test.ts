import { describe, expect, test } from 'bun:test';
import { entityHash, screeningHash } from './entity.ts';
import { ListFormatError } from './list-format-error.ts';
import { type ListFiles, type ListFormat, parseListFiles } from './parse-list.ts';
import { SAMPLES } from './testing/samples.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function parse(format: ListFormat, files: Readonly<Record<string, string>> = SAMPLES[format]) {
  return parseListFiles(
    format,
    Object.fromEntries(Object.entries(files).map(([part, text]) => [part, bytes(text)])),
  );
}

function codeOf(format: ListFormat, files: ListFiles): string {
  try {
    return `accepted ${parseListFiles(format, files).length}`;
  } catch (error) {
    if (error instanceof ListFormatError) {
      return error.code;
    }
    throw error;
  }
}

describe('the UK list', () => {
  test('is read by the names of its columns, one entity from several rows', () => {
    expect(parse('uk_csv')).toMatchObject([
      {
        sourceId: 'ZZZ0001',
        kind: 'person',
        names: [
          { name: 'Testan Middle EXAMPLESON', type: 'primary' },
          { name: 'Тестан Образцов', type: 'primary', script: 'Cyrl' },
          { name: 'Tester EXAMPLE', type: 'alias' },
          { name: 'The Sample', type: 'weak_alias' },
        ],
        birthDates: ['1967-12-31', '1968', '1969-05'],
        countries: ['IQ', 'JO', 'SY'],
        genders: ['male'],
        identifiers: [
          { type: 'passport', number: 'A1234567' },
          { type: 'national_id', number: '99887766' },
        ],
        programs: ['The Sample (Sanctions) Regulations'],
      },
      { sourceId: 'ZZZ0002', kind: 'organisation', names: [{ name: 'SAMPLE TRADING LTD', type: 'primary' }] },
      { sourceId: 'ZZZ0003', kind: 'vessel', identifiers: [{ type: 'imo', number: '9999993' }] },
    ]);
  });

  test('may move and add columns, but not drop one', () => {
    const text = SAMPLES.uk_csv.file ?? '';
    const [date = '', ...lines] = text.trim().split('\n');
    const moved = lines.map((line, place) => (place === 0 ? `New column,${line}` : `new,${line}`));
    const again = parse('uk_csv', { file: [date, ...moved].join('\n') });
    expect(again.map(screeningHash)).toEqual(parse('uk_csv').map(screeningHash));
    const dropped = bytes(text.replace('Regime Name', 'Regime'));
    expect(codeOf('uk_csv', { file: dropped })).toBe('wrong_column_count');
  });

  test('as three tables gives the same names', () => {
    const [first] = parse('uk_normalised');
    expect(first).toMatchObject({
      sourceId: 'ZZZ0001',
      kind: 'person',
      names: [
        { name: 'Testan Middle EXAMPLESON', type: 'primary' },
        { name: 'The Sample', type: 'weak_alias' },
      ],
      birthDates: ['1967-12-31', '1968'],
    });
    const orphan = { ...SAMPLES.uk_normalised, dobs: `${SAMPLES.uk_normalised.dobs}9,ZZZ0009,1970,1,1\n` };
    expect(() => parse('uk_normalised', orphan)).toThrow('unknown_reference');
  });
});

test('the EU list gives one entity from the rows of a logical id', () => {
  expect(parse('eu_csv')).toMatchObject([
    {
      sourceId: '13',
      kind: 'person',
      names: [
        { name: 'Testan Examplov', type: 'primary' },
        { name: 'Тестан Образцов', type: 'alias', script: 'Cyrl' },
      ],
      birthDates: ['1961-02-28', '1970', '1971'],
      countries: ['RU', 'BY'],
      genders: ['male'],
      identifiers: [{ type: 'passport', number: 'P123', country: 'RU' }],
      programs: ['TEST'],
    },
    { sourceId: '24', kind: 'organisation', names: [{ name: 'Sample "Works" JSC', type: 'primary' }] },
  ]);
});

describe('OpenSanctions', () => {
  test('as a table: what is sanctioned is, whatever the list is for', () => {
    expect(parse('opensanctions_csv')).toMatchObject([
      {
        sourceId: 'NK-1',
        kind: 'person',
        names: [
          { name: 'Testan Examplov', type: 'primary' },
          { name: 'T. Examplov', type: 'alias' },
          { name: 'Тестан Образцов', type: 'alias' },
        ],
        birthDates: ['1961-02-28', '1962'],
        countries: ['RU', 'BY'],
        identifiers: [{ type: 'other', number: 'P123' }],
        purpose: 'sanctions',
      },
      { sourceId: 'NK-2', kind: 'organisation' },
    ]);
    expect(parse('opensanctions_csv')[1]?.purpose).toBeUndefined();
  });

  test('as entities: topics give the purpose; documents, sanctions, wallets and relations their own lines', () => {
    expect(parse('ftm_json')).toMatchObject([
      {
        sourceId: 'NK-1',
        kind: 'person',
        names: [
          { name: 'Testan Examplov', type: 'primary' },
          { name: 'Testán Examplov', type: 'primary' },
          { name: 'Тестан Образцов', type: 'alias', script: 'Cyrl' },
          { name: 'The Sample', type: 'weak_alias' },
        ],
        countries: ['RU'],
        genders: ['male'],
        identifiers: [
          { type: 'crypto_address:btc', number: '1SampleAddress' },
          { type: 'passport', number: 'P123', country: 'RU' },
        ],
        programs: ['TEST-1'],
        purpose: 'sanctions',
        raw: { links: [{ schema: 'Family', other: 'NK-2' }] },
      },
      { sourceId: 'NK-2', purpose: 'pep' },
      { sourceId: 'NK-3', kind: 'organisation', purpose: 'adverse_media' },
    ]);
  });

  test('publishes sets: another order of the same values is no change', () => {
    const text = SAMPLES.ftm_json.file ?? '';
    const turned = text.replace(
      '["Testan Examplov","Testán Examplov"]',
      '["Testán Examplov","Testan Examplov"]',
    );
    expect(turned).not.toBe(text);
    expect(parse('ftm_json', { file: turned }).map(entityHash)).toEqual(parse('ftm_json').map(entityHash));
  });
});

test('an own list may say why somebody is on it, and their numbers', () => {
  expect(parse('own_csv')).toMatchObject([
    {
      sourceId: 'o-1',
      identifiers: [
        { type: 'passport', number: 'P123', country: 'MU' },
        { type: 'crypto_address:btc', number: '1SampleAddress' },
      ],
      purpose: 'pep',
    },
    { sourceId: 'o-2', identifiers: [], purpose: 'sanctions' },
    { sourceId: 'o-3' },
  ]);
  const text = SAMPLES.own_csv.file ?? '';
  expect(codeOf('own_csv', { file: bytes(text.replace('rca', 'relative')) })).toBe('malformed');
  expect(codeOf('own_csv', { file: bytes(text.replace('passport:', 'passport ')) })).toBe('malformed');
  expect(codeOf('own_csv', { file: bytes(text.replace('btc:1', '1')) })).toBe('malformed');
});

describe('the advanced XML of OFAC', () => {
  test('gives what the CSV of the same entries gives', () => {
    const [person, company, vessel] = parse('ofac_advanced_xml');
    const [samePerson, sameCompany, sameVessel] = parse('ofac_csv');
    for (const [one, other] of [
      [person, samePerson],
      [company, sameCompany],
      [vessel, sameVessel],
    ]) {
      expect(one).toMatchObject({
        sourceId: other?.sourceId,
        kind: other?.kind,
        birthDates: other?.birthDates,
        genders: other?.genders,
        programs: other?.programs,
        identifiers: other?.identifiers,
      });
      const latin = one?.names.filter(({ script }) => script === undefined);
      expect(latin).toEqual([...(other?.names ?? [])]);
      expect(one?.countries.toSorted()).toEqual(other?.countries.toSorted());
    }
    expect(person?.names).toContainEqual({ name: 'Образцов, Тестан', type: 'primary', script: 'Cyrl' });
  });

  test('may stand under a prefix of its namespace', () => {
    const text = (SAMPLES.ofac_advanced_xml.file ?? '').replace(/<(\/?)([A-Z])/g, '<$1n:$2');
    expect(text).toContain('<n:Sanctions');
    expect(parse('ofac_advanced_xml', { file: text })).toEqual(parse('ofac_advanced_xml'));
  });

  test('whose references nothing explains is refused', () => {
    const text = SAMPLES.ofac_advanced_xml.file ?? '';
    for (const [from, to] of [
      ['FeatureTypeID="8"', 'FeatureTypeID="88"'],
      ['PartySubTypeID="4"', 'PartySubTypeID="44"'],
      ['NamePartGroupID="11"', 'NamePartGroupID="99"'],
      ['IDRegDocTypeID="1571"', 'IDRegDocTypeID="1"'],
      ['CountryID="11"', 'CountryID="12"'],
      ['DetailReferenceID="91526"', 'DetailReferenceID="1"'],
    ] as const) {
      const changed = text.replace(from, to);
      expect(changed).not.toBe(text);
      expect([from, codeOf('ofac_advanced_xml', { file: bytes(changed) })]).toEqual([
        from,
        'unknown_reference',
      ]);
    }
  });
});

describe('a bad file is refused with a code and never half read:', () => {
  const formats = Object.keys(SAMPLES) as ListFormat[];
  const spoilt = (format: ListFormat, spoil: (content: Uint8Array) => Uint8Array): string => {
    const [part, text] = firstPart(format);
    const files = { ...SAMPLES[format], [part]: text };
    const content = Object.fromEntries(Object.entries(files).map(([name, value]) => [name, bytes(value)]));
    return codeOf(format, { ...content, [part]: spoil(bytes(text)) });
  };

  test.each(formats)('%s', (format) => {
    const bad: readonly (readonly [string, (content: Uint8Array) => Uint8Array])[] = [
      ['empty', () => new Uint8Array()],
      ['one byte', () => bytes('x')],
      ['blank', () => bytes(' \r\n \n')],
      ['an apology', () => bytes('<!DOCTYPE html><html><body>502 Bad Gateway</body></html>')],
      ['JSON of something else', () => bytes('{"error":"rate limited"}\n')],
      ['Latin-1', (content) => Buffer.concat([content, Buffer.from([0xe9, 0x0a])])],
      ['UTF-16', (content) => new Uint8Array(Buffer.from(Buffer.from(content).toString(), 'utf16le'))],
      ['gzip', (content) => Bun.gzipSync(new Uint8Array(content))],
      ['NUL', (content) => Buffer.from(Buffer.from(content).toString().replace('a', 'a\0'))],
    ];
    for (const [title, spoil] of bad) {
      expect([title, spoilt(format, spoil).startsWith('accepted')]).toEqual([title, false]);
    }
  });

  test.each(formats)('%s, cut off anywhere, is refused or has fewer entries', (format) => {
    const whole = parse(format).length;
    for (let share = 1; share < 20; share += 1) {
      const outcome = spoilt(format, (content) =>
        content.slice(0, Math.floor((content.length * share) / 20)),
      );
      const left = Number(/^accepted (\d+)$/.exec(outcome)?.[1] ?? 0);
      expect([share, left < whole]).toEqual([share, true]);
    }
  });

  test.each(['un_xml', 'ofac_advanced_xml'] as const)(
    '%s with declarations, entities or nesting',
    (format) => {
      const text = SAMPLES[format].file ?? '';
      const head = text.slice(0, text.indexOf('?>') + 2);
      const laughs = `<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>`;
      const outside = '<!DOCTYPE x SYSTEM "http://127.0.0.1/evil.dtd">';
      expect(codeOf(format, { file: bytes(text.replace(head, `${head}${laughs}`)) })).toBe('doctype_refused');
      expect(codeOf(format, { file: bytes(text.replace(head, `${head}${outside}`)) })).toBe(
        'doctype_refused',
      );
      expect(codeOf(format, { file: bytes(text.replace('Testan', '&xxe;')) })).toBe('entity_refused');
      const deep = `${'<a>'.repeat(70)}${'</a>'.repeat(70)}`;
      expect(codeOf(format, { file: bytes(`${head}<r>${deep}</r>`) })).toBe('nesting_too_deep');
    },
  );

  test.each(formats)('%s with one entry twice', (format) => {
    if (format === 'uk_csv' || format === 'eu_csv') {
      // Rows of one id are one entity: that is the format.
      expect(parse(format)).toHaveLength(format === 'uk_csv' ? 3 : 2);
      return;
    }
    const [part, text] = firstPart(format);
    const repeat: Readonly<Record<string, RegExp>> = {
      un_xml: /<INDIVIDUAL>[\s\S]*?<\/INDIVIDUAL>/,
      ofac_advanced_xml: /<DistinctParty[\s\S]*?<\/DistinctParty>/,
      ftm_json: /^\{.*"target":true\}\n/m,
      ofac_csv: /^.*\n/,
    };
    const entry = (repeat[format] ?? /\n(?:x|o|NK|ZZZ).*$/m).exec(text)?.[0] ?? '';
    expect(entry).not.toBe('');
    const twice = text.replace(entry, `${entry}${entry}`);
    const files = Object.fromEntries(
      Object.entries(SAMPLES[format]).map(([name, value]) => [name, bytes(value)]),
    );
    expect(codeOf(format, { ...files, [part]: bytes(twice) })).toBe('duplicate_id');
  });
});

test('a byte order mark and line ends of Windows change nothing that is compared', () => {
  for (const format of Object.keys(SAMPLES) as ListFormat[]) {
    const other = Object.entries(SAMPLES[format]).map(
      ([part, text]) => [part, `\uFEFF${text.replaceAll('\r\n', '\n').replaceAll('\n', '\r\n')}`] as const,
    );
    const read = parse(format, Object.fromEntries(other));
    expect([format, read.map(screeningHash)]).toEqual([format, parse(format).map(screeningHash)]);
  }
});

function firstPart(format: ListFormat): readonly [string, string] {
  const [part] = Object.entries(SAMPLES[format]);
  return part ?? ['', ''];
}
