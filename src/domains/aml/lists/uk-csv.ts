/**
 * The UK Sanctions List in its official CSV: a line with the date of the report, a header, then one row per name
 * and detail of a designation, told together by `Unique ID`. Given names stand in `Name 1` to `Name 5`, the family
 * name or the whole name of an entity in `Name 6`.
 */
import { countryCode } from './country-code.ts';
import { type CsvRow, readCsvTable } from './csv-table.ts';
import {
  distinctNames,
  distinctValues,
  type EntityGender,
  type EntityIdentifier,
  type EntityKind,
  type EntityName,
  type ListEntity,
  type NameType,
} from './entity.ts';
import { groupRows } from './group-rows.ts';
import { ListFormatError } from './list-format-error.ts';
import { partialDates } from './partial-date.ts';
import { nameWithScript } from './script-of.ts';

const GIVEN = ['Name 1', 'Name 2', 'Name 3', 'Name 4', 'Name 5'];
const KIND_COLUMNS = ['Individual, Entity, Ship', 'Designation Type', 'Group Type'];

/**
 * Reads the list; `Unique ID` (for example `AFG0001`) is the source id.
 * @errors those of the table, then missing_id, missing_name
 */
export function parseUkCsv(bytes: Uint8Array): ListEntity[] {
  const rows = readCsvTable(bytes, {
    what: 'the UK list',
    delimiter: ',',
    required: ['Unique ID', 'Name 6', ...GIVEN, 'Name type', 'Regime Name'],
    headerHas: 'Unique ID',
  });
  return [...groupRows(rows, 'Unique ID')].map(([sourceId, group]) => toEntity(sourceId, group));
}

function toEntity(sourceId: string, rows: readonly CsvRow[]): ListEntity {
  const names = distinctNames(rows.flatMap(namesOf));
  const first = rows[0];
  if (first === undefined || !names.some(({ type }) => type !== 'weak_alias')) {
    throw new ListFormatError('missing_name', `${sourceId} has no name`, first?.line);
  }
  const values = (column: string): string[] => rows.flatMap((row) => severalOf(row.cell(column)));
  const countries = [
    ...values('Nationality(/ies)'),
    ...values('Address Country'),
    ...values('Current believed flag of ship'),
  ];
  return {
    sourceId,
    kind: kindOf(first),
    names,
    birthDates: distinctValues(values('D.O.B').flatMap(birthDatesOf)),
    countries: distinctValues(countries.map((country) => countryCode(country) ?? '')),
    genders: distinctValues(values('Gender').flatMap(genderOf)),
    identifiers: identifiersOf(values),
    programs: distinctValues(rows.map((row) => row.cell('Regime Name'))),
    remarks: distinctValues(rows.map((row) => row.cell('Other Information'))).join('\n'),
    raw: rows.map((row) => row.cells()),
  };
}

function namesOf(row: CsvRow): EntityName[] {
  const full = [...GIVEN, 'Name 6'].map((column) => row.cell(column)).join(' ');
  const type = nameTypeOf(row);
  return [{ name: full, type }, nameWithScript(row.cell('Name non-latin script'), type)];
}

function nameTypeOf(row: CsvRow): NameType {
  if (/^low/iu.test(row.cell('Alias strength'))) {
    return 'weak_alias';
  }
  return /^primary name$/iu.test(row.cell('Name type')) ? 'primary' : 'alias';
}

function kindOf(row: CsvRow): EntityKind {
  const text = KIND_COLUMNS.map((column) => row.cell(column)).find((value) => value !== '') ?? '';
  switch (text.toLowerCase()) {
    case 'individual':
      return 'person';
    case 'entity':
      return 'organisation';
    case 'ship':
      return 'vessel';
    default:
      return 'unknown';
  }
}

/** Several values of a cell: `(1) Iraq. (2) Jordan.`, or with bars or semicolons between them. */
function severalOf(cell: string): string[] {
  return cell
    .split(/\(\d{1,2}\)|[|;\n]/u)
    .map((value) => value.trim().replace(/\.$/u, '').trim())
    .filter((value) => value !== '');
}

/** @shape `31/12/1967`, or with letters or zeros where the day or the month is unknown */
function birthDatesOf(text: string): string[] {
  const parts = /^(\d{1,2}|dd|00)\/(\d{1,2}|mm|00)\/(\d{4})$/iu.exec(text);
  if (parts === null) {
    return partialDates(text);
  }
  const [, day = '', month = '', year = ''] = parts;
  const known = (part: string): boolean => /^\d+$/u.test(part) && Number.parseInt(part, 10) > 0;
  if (!known(month)) {
    return partialDates(year);
  }
  const padded = [year, month.padStart(2, '0')];
  return partialDates([...padded, ...(known(day) ? [day.padStart(2, '0')] : [])].join('-'));
}

function genderOf(text: string): EntityGender[] {
  const gender = text.toLowerCase();
  return gender === 'male' || gender === 'female' ? [gender] : [];
}

const IDENTIFIER_COLUMNS: readonly (readonly [string, string])[] = [
  ['Passport number', 'passport'],
  ['National Identifier number', 'national_id'],
  ['Business registration number (s)', 'registration'],
  ['IMO number', 'imo'],
];

function identifiersOf(values: (column: string) => string[]): EntityIdentifier[] {
  const found = new Map<string, EntityIdentifier>();
  for (const [column, type] of IDENTIFIER_COLUMNS) {
    for (const number of values(column)) {
      found.set(`${type} ${number}`, { type, number });
    }
  }
  return [...found.values()];
}
