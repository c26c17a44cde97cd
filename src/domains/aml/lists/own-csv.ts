/**
 * The firm's own list: a CSV with a header, one row per entry. Several values of one field are
 * separated by `;`. Columns: id, kind, name, aliases, birth_dates, countries, gender, programs,
 * remarks; only the first three must be filled. After them may stand, in any order: identifiers
 * (`passport:A123:MU`), topics (why somebody is on it), position, crypto_addresses (`btc:…`), relations.
 */
import { parse } from 'csv-parse/sync';
import {
  distinctNames,
  type EntityGender,
  type EntityIdentifier,
  type EntityKind,
  type ListEntity,
  type ListPurpose,
} from './entity.ts';
import { ListFormatError } from './list-format-error.ts';
import { severalOf } from './several-of.ts';

const COLUMNS = [
  'id',
  'kind',
  'name',
  'aliases',
  'birth_dates',
  'countries',
  'gender',
  'programs',
  'remarks',
];
const OPTIONAL = ['identifiers', 'topics', 'position', 'crypto_addresses', 'relations'];
/** The gravest comes first: an entry with several topics is there for it. */
const PURPOSES: Readonly<Record<string, ListPurpose>> = {
  sanction: 'sanctions',
  internal: 'internal',
  pep: 'pep',
  rca: 'pep',
  adverse_media: 'adverse_media',
};
const KINDS = new Set<string>(['person', 'organisation', 'vessel', 'aircraft', 'unknown']);
const MAX_BYTES = 32 * 1024 * 1024;

type Row = Readonly<Record<string, string>>;

/**
 * Reads an own list.
 * @errors empty_file, file_too_large, not_utf8, malformed, wrong_column_count, missing_id, missing_name, duplicate_id
 */
export function parseOwnCsv(bytes: Uint8Array): ListEntity[] {
  const rows = readRows(bytes);
  const seen = new Set<string>();
  return rows.map((row, index) => {
    const line = index + 2;
    const sourceId = row.id?.trim() ?? '';
    if (sourceId === '') {
      throw new ListFormatError('missing_id', 'the id is empty', line);
    }
    if (seen.has(sourceId)) {
      throw new ListFormatError('duplicate_id', `the id ${sourceId} appears twice`, line);
    }
    seen.add(sourceId);
    return toEntity(row, sourceId, line);
  });
}

function readRows(bytes: Uint8Array): Row[] {
  if (bytes.length === 0) {
    throw new ListFormatError('empty_file', 'the file is empty');
  }
  if (bytes.length > MAX_BYTES) {
    throw new ListFormatError('file_too_large', `more than ${MAX_BYTES} bytes`);
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new ListFormatError('not_utf8', 'the file is not UTF-8');
  }
  // PostgreSQL keeps no NUL in text.
  if (text.includes('\0')) {
    throw new ListFormatError('malformed', 'the file holds a NUL character');
  }
  const [header, ...records] = parseCells(text);
  if (header === undefined || !isHeader(header)) {
    throw new ListFormatError('wrong_column_count', `the header must be ${COLUMNS.join(',')}`, 1);
  }
  if (records.length === 0) {
    throw new ListFormatError('empty_file', 'the file has no entries');
  }
  return records.map((cells) => Object.fromEntries(header.map((name, index) => [name, cells[index] ?? ''])));
}

function isHeader(header: readonly string[]): boolean {
  const further = header.slice(COLUMNS.length);
  return (
    COLUMNS.every((name, index) => header[index] === name) &&
    further.every((name) => OPTIONAL.includes(name)) &&
    new Set(further).size === further.length
  );
}

function parseCells(text: string): string[][] {
  try {
    return parse(text, { bom: true, skip_empty_lines: true, trim: true }) as string[][];
  } catch (error) {
    throw new ListFormatError('malformed', error instanceof Error ? error.message : 'not CSV');
  }
}

function toEntity(row: Row, sourceId: string, line: number): ListEntity {
  const kind = row.kind ?? '';
  if (!KINDS.has(kind)) {
    throw new ListFormatError('malformed', `the kind must be one of ${[...KINDS].join(', ')}`, line);
  }
  const [birthDates, countries, genders] = [
    severalOf(row.birth_dates ?? ''),
    severalOf(row.countries ?? '').map((country) => country.toUpperCase()),
    severalOf(row.gender ?? ''),
  ];
  refuseOthers(birthDates, /^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$/, 'a birth date', line);
  refuseOthers(countries, /^[A-Z]{2}$/, 'a country code of two letters', line);
  refuseOthers(genders, /^(male|female)$/, 'a gender (male or female)', line);
  const names = distinctNames([
    { name: row.name ?? '', type: 'primary' },
    ...severalOf(row.aliases ?? '').map((name) => ({ name, type: 'alias' as const })),
  ]);
  if (names.length === 0) {
    throw new ListFormatError('missing_name', 'the name is empty', line);
  }
  return {
    sourceId,
    kind: kind as EntityKind,
    names,
    birthDates,
    countries,
    genders: genders as EntityGender[],
    identifiers: identifiersOf(row, line),
    programs: severalOf(row.programs ?? ''),
    remarks: row.remarks ?? '',
    raw: { ...row },
    ...purposeOf(severalOf(row.topics ?? ''), line),
  };
}

function purposeOf(topics: readonly string[], line: number): { readonly purpose?: ListPurpose } {
  const known = Object.keys(PURPOSES);
  if (topics.some((topic) => !known.includes(topic))) {
    throw new ListFormatError('malformed', `a topic must be one of ${known.join(', ')}`, line);
  }
  const purpose = PURPOSES[known.find((topic) => topics.includes(topic)) ?? ''];
  return purpose === undefined ? {} : { purpose };
}

/** @shape `type:number` or `type:number:country`, and `chain:address` */
function identifiersOf(row: Row, line: number): EntityIdentifier[] {
  const documents = severalOf(row.identifiers ?? '').map((value) => {
    const [, type = '', number = '', country] = /^([a-z_]+):([^:]+)(?::([A-Z]{2}))?$/u.exec(value) ?? [];
    if (type === '') {
      throw new ListFormatError(
        'malformed',
        'an identifier must be type:number or type:number:country',
        line,
      );
    }
    return country === undefined ? { type, number } : { type, number, country };
  });
  const wallets = severalOf(row.crypto_addresses ?? '').map((value) => {
    const [, chain = '', number = ''] = /^([a-z0-9]+):(\S+)$/u.exec(value) ?? [];
    if (chain === '') {
      throw new ListFormatError('malformed', 'a crypto address must be chain:address', line);
    }
    return { type: `crypto_address:${chain}`, number };
  });
  return [...documents, ...wallets];
}

/** What would silently never match is refused instead. */
function refuseOthers(values: readonly string[], pattern: RegExp, what: string, line: number): void {
  if (values.some((value) => !pattern.test(value))) {
    throw new ListFormatError('malformed', `not every value is ${what}`, line);
  }
}
