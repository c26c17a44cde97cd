/**
 * The firm's own list: a CSV with a header, one row per entry. Several values of one field are
 * separated by `;`. Columns: id, kind, name, aliases, birth_dates, countries, gender, programs,
 * remarks; only the first three must be filled.
 */
import { parse } from 'csv-parse/sync';
import { distinctNames, type EntityGender, type EntityKind, type ListEntity } from './entity.ts';
import { ListFormatError } from './list-format-error.ts';

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
  if (
    header === undefined ||
    header.some((name, index) => name !== COLUMNS[index]) ||
    header.length !== COLUMNS.length
  ) {
    throw new ListFormatError('wrong_column_count', `the header must be ${COLUMNS.join(',')}`, 1);
  }
  if (records.length === 0) {
    throw new ListFormatError('empty_file', 'the file has no entries');
  }
  return records.map((cells) => Object.fromEntries(COLUMNS.map((name, index) => [name, cells[index] ?? ''])));
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
    valuesOf(row.birth_dates),
    valuesOf(row.countries).map((country) => country.toUpperCase()),
    valuesOf(row.gender),
  ];
  refuseOthers(birthDates, /^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$/, 'a birth date', line);
  refuseOthers(countries, /^[A-Z]{2}$/, 'a country code of two letters', line);
  refuseOthers(genders, /^(male|female)$/, 'a gender (male or female)', line);
  const names = distinctNames([
    { name: row.name ?? '', type: 'primary' },
    ...valuesOf(row.aliases).map((name) => ({ name, type: 'alias' as const })),
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
    identifiers: [],
    programs: valuesOf(row.programs),
    remarks: row.remarks ?? '',
    raw: { ...row },
  };
}

/** What would silently never match is refused instead. */
function refuseOthers(values: readonly string[], pattern: RegExp, what: string, line: number): void {
  if (values.some((value) => !pattern.test(value))) {
    throw new ListFormatError('malformed', `not every value is ${what}`, line);
  }
}

function valuesOf(cell: string | undefined): string[] {
  return (cell ?? '')
    .split(';')
    .map((value) => value.trim())
    .filter((value) => value !== '');
}
