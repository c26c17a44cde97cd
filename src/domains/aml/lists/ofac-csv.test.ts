import { describe, expect, test } from 'bun:test';
import { ListFormatError } from './list-format-error.ts';
import { type OfacFiles, parseOfacCsv } from './ofac-csv.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

// Original records of the SDN list of July 2021, with the trailing 0x1A that the publisher appends.
const sdn = `2676,"AL ZAWAHIRI, Dr. Ayman","individual","SDGT","Operational and Military Leader of JIHAD GROUP",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,"DOB 19 Jun 1951; POB Giza, Egypt; Passport 1084010 (Egypt); alt. Passport 19820215; Operational and Military Leader of JIHAD GROUP."\r
2686,"NASRALLAH, Hasan","individual","SDGT] [SYRIA","Secretary General of Hizballah",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,"DOB 31 Aug 1960; alt. DOB 31 Aug 1953; POB Al Basuriyah, Lebanon; Gender Male; nationality Lebanon; Passport 042833 (Lebanon); Linked To: HIZBALLAH."\r
4106,"HERRERA BUITRAGO, Helmer","individual","SDNT",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,"DOB 24 Aug 1951; alt. DOB 05 Jul 1951; Cedula No. 16247821 (Colombia); Passport J287011 (Colombia); a.k.a. 'PACHO'; a.k.a. 'H7'."\r
306,"BANCO NACIONAL DE CUBA",-0- ,"CUBA",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,"a.k.a. 'BNC'."\r
15036,"ADRIAN DARYA 1","vessel","SDGT",-0- ,"5BJK4","Crude Oil Tanker",-0- ,-0- ,"Iran",-0- ,"Vessel Registration Identification IMO 9116412; MMSI 572469210."\r
\u001a`;
const alt = '2676,1,"aka","SALIM, Ahmad Fuad",-0- \r\n306,220,"aka","NATIONAL BANK OF CUBA",-0- \r\n\u001a';
const add = '306,199,"Zweierstrasse 35","Zurich CH-8022","Switzerland",-0- \r\n\u001a';

function parse(changes: { primary?: string; aliases?: string; addresses?: string } = {}) {
  const files: OfacFiles = {
    primary: bytes(changes.primary ?? sdn),
    aliases: bytes(changes.aliases ?? alt),
    addresses: bytes(changes.addresses ?? add),
  };
  return parseOfacCsv(files);
}

function codeOf(changes: { primary?: string; aliases?: string; addresses?: string }): string {
  try {
    parse(changes);
  } catch (error) {
    if (error instanceof ListFormatError) {
      return error.code;
    }
    throw error;
  }
  return 'accepted';
}

describe('parseOfacCsv', () => {
  test('links aliases by ent_num and reads birth date and passports out of the remarks', () => {
    const [zawahiri] = parse();
    expect(zawahiri).toMatchObject({
      sourceId: '2676',
      kind: 'person',
      names: [
        { name: 'AL ZAWAHIRI, Dr. Ayman', type: 'primary' },
        { name: 'SALIM, Ahmad Fuad', type: 'alias' },
      ],
      birthDates: ['1951-06-19'],
      identifiers: [
        { type: 'passport', number: '1084010', country: 'EG' },
        { type: 'passport', number: '19820215' },
      ],
      programs: ['SDGT'],
    });
  });

  test('reads every alternative birth date, gender, nationality and several programs', () => {
    const nasrallah = parse()[1];
    expect(nasrallah).toMatchObject({
      birthDates: ['1960-08-31', '1953-08-31'],
      genders: ['male'],
      countries: ['LB'],
      programs: ['SDGT', 'SYRIA'],
    });
  });

  test('keeps aliases of the remarks as weak ones, as OFAC means them', () => {
    expect(parse()[2]?.names).toEqual([
      { name: 'HERRERA BUITRAGO, Helmer', type: 'primary' },
      { name: 'PACHO', type: 'weak_alias' },
      { name: 'H7', type: 'weak_alias' },
    ]);
  });

  test('takes an organisation for what -0- in the type column means, with its address country', () => {
    expect(parse()[3]).toMatchObject({ kind: 'organisation', countries: ['CH'] });
  });

  test('reads a vessel with its flag and IMO number', () => {
    expect(parse()[4]).toMatchObject({
      kind: 'vessel',
      countries: ['IR'],
      identifiers: [
        { type: 'imo', number: '9116412' },
        { type: 'mmsi', number: '572469210' },
      ],
    });
  });

  test('reads licences, permits and the numbers of legal entities', () => {
    const remarks = [
      "Driver's License No. 180839 (Mexico)",
      'Residency Number 117000439417 (Costa Rica)',
      'Legal Entity Number 253400V1H6ART1UQ0N98',
    ].join('; ');
    const [read] = parse({ primary: sdn.replace('DOB 19 Jun 1951', remarks) });
    expect(read?.identifiers.slice(0, 3)).toEqual([
      { type: 'driving_licence', number: '180839', country: 'MX' },
      { type: 'residence_permit', number: '117000439417', country: 'CR' },
      { type: 'lei', number: '253400V1H6ART1UQ0N98' },
    ]);
  });

  test('keeps the original rows', () => {
    expect(JSON.stringify(parse()[3]?.raw)).toContain('Zweierstrasse 35');
  });

  const firstRow = sdn.split('\r\n')[0] ?? '';
  const refusals: readonly (readonly [string, Parameters<typeof codeOf>[0], string])[] = [
    ['an empty primary file', { primary: '' }, 'empty_file'],
    ['a primary file of nothing but the end mark', { primary: '\u001a' }, 'empty_file'],
    ['an empty alias file', { aliases: ' ' }, 'empty_file'],
    ['a row with too few columns', { primary: '1,"X","individual"\r\n' }, 'wrong_column_count'],
    [
      'an address row with too many columns',
      { addresses: '306,1,"a","b","c",-0- ,"d"' },
      'wrong_column_count',
    ],
    [
      'a primary file cut between two rows',
      { primary: sdn.split('\r\n').slice(0, 3).join('\r\n') },
      'truncated',
    ],
    [
      'an alias file cut between two rows',
      { aliases: alt.split('\r\n').slice(0, 1).join('\r\n') },
      'truncated',
    ],
    ['an address file without its end mark', { addresses: add.replace('\u001a', '') }, 'truncated'],
    ['a file cut inside a quoted field', { primary: sdn.slice(0, 200) }, 'truncated'],
    ['a repeated ent_num', { primary: `${firstRow}\r\n${sdn}` }, 'duplicate_id'],
    ['an ent_num that is no number', { primary: sdn.replace('2676,', 'A2676,') }, 'missing_id'],
    ['a record without a name', { primary: sdn.replace('"BANCO NACIONAL DE CUBA"', '-0- ') }, 'missing_name'],
    [
      'an alias of an entity that is not listed',
      { aliases: '99,1,"aka","X",-0- \r\n\u001a' },
      'unknown_reference',
    ],
    ['an HTML page instead of the list', { primary: '<html><body>404</body></html>' }, 'wrong_column_count'],
  ];
  for (const [what, changes, code] of refusals) {
    test(`refuses ${what}`, () => {
      expect(codeOf(changes)).toBe(code);
    });
  }

  test('names the line of a faulty row', () => {
    try {
      parse({ aliases: `${alt.replace('\u001a', '')}306,221,"aka"\r\n` });
      expect.unreachable();
    } catch (error) {
      expect((error as ListFormatError).line).toBe(3);
    }
  });
});
