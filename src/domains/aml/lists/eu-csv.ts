/**
 * The consolidated list of the EU in its CSV (1.1): semicolons, one row per name, address, birth date, document or
 * citizenship of an entity, told together by `Entity_LogicalId`.
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
} from './entity.ts';
import { groupRows } from './group-rows.ts';
import { ListFormatError } from './list-format-error.ts';
import { partialDates, yearsBetween } from './partial-date.ts';
import { nameWithScript } from './script-of.ts';

/**
 * Reads the list; the logical id is the source id.
 * @errors those of the table, then missing_id, missing_name
 */
export function parseEuCsv(bytes: Uint8Array): ListEntity[] {
  const rows = readCsvTable(bytes, {
    what: 'the EU list',
    delimiter: ';',
    required: ['Entity_LogicalId', 'Entity_SubjectType', 'NameAlias_WholeName'],
    headerHas: 'Entity_LogicalId',
    looseQuotes: true,
  });
  return [...groupRows(rows, 'Entity_LogicalId')].map(([sourceId, group]) => toEntity(sourceId, group));
}

function toEntity(sourceId: string, rows: readonly CsvRow[]): ListEntity {
  const names = distinctNames(rows.flatMap((row, place) => nameOf(row, place === 0)));
  const first = rows[0];
  if (first === undefined || names.length === 0) {
    throw new ListFormatError('missing_name', `${sourceId} has no name`, first?.line);
  }
  const countries = rows.flatMap((row) =>
    ['Citizenship', 'Address'].map((part) => countryOf(row, part) ?? ''),
  );
  return {
    sourceId,
    kind: kindOf(first),
    names,
    birthDates: distinctValues(rows.flatMap(birthDatesOf)),
    countries: distinctValues(countries),
    genders: distinctValues(rows.flatMap((row) => genderOf(row.cell('NameAlias_Gender')))),
    identifiers: identifiersOf(rows),
    programs: distinctValues(rows.map((row) => row.cell('Entity_Regulation_Programme'))),
    remarks: distinctValues(rows.map((row) => row.cell('Entity_Remark'))).join('\n'),
    raw: rows.map((row) => row.cells()),
  };
}

function nameOf(row: CsvRow, isFirst: boolean): EntityName[] {
  const parts = ['NameAlias_FirstName', 'NameAlias_MiddleName', 'NameAlias_LastName'];
  const name = row.cell('NameAlias_WholeName') || parts.map((part) => row.cell(part)).join(' ');
  if (/^(?:false|0|n)$/iu.test(row.cell('NameAlias_Strong'))) {
    return [nameWithScript(name, 'weak_alias')];
  }
  return [nameWithScript(name, isFirst ? 'primary' : 'alias')];
}

/** The EU writes `P` or `person`, `E` or `enterprise`, in either of two columns. */
function kindOf(row: CsvRow): EntityKind {
  const codes = ['Entity_SubjectType', 'Entity_SubjectType_ClassificationCode'].map((column) =>
    row.cell(column).toLowerCase(),
  );
  if (codes.some((code) => code === 'p' || code === 'person')) {
    return 'person';
  }
  return codes.some((code) => code === 'e' || code === 'enterprise') ? 'organisation' : 'unknown';
}

function countryOf(row: CsvRow, part: string): string | undefined {
  const code = row.cell(`${part}_CountryIso2Code`);
  return countryCode(code) ?? countryCode(row.cell(`${part}_CountryDescription`));
}

function birthDatesOf(row: CsvRow): string[] {
  const from = row.cell('BirthDate_YearRangeFrom');
  const to = row.cell('BirthDate_YearRangeTo');
  if (from !== '' && to !== '') {
    return yearsBetween(from, to);
  }
  const dates = partialDates(row.cell('BirthDate_BirthDate') || row.cell('BirthDate_Year'));
  // A date "circa" is still only a year.
  return /^(?:true|1|y)$/iu.test(row.cell('BirthDate_Circa')) ? dates.map((date) => date.slice(0, 4)) : dates;
}

function genderOf(text: string): EntityGender[] {
  switch (text.toUpperCase()) {
    case 'M':
      return ['male'];
    case 'F':
      return ['female'];
    default:
      return [];
  }
}

function identifiersOf(rows: readonly CsvRow[]): EntityIdentifier[] {
  const found = new Map<string, EntityIdentifier>();
  for (const row of rows) {
    const number = row.cell('Identification_Number');
    if (number !== '') {
      const named = `${row.cell('Identification_TypeCode')} ${row.cell('Identification_TypeDescription')}`;
      const type = identifierType(named.toLowerCase());
      const country = countryOf(row, 'Identification');
      found.set(`${type} ${number}`, country === undefined ? { type, number } : { type, number, country });
    }
  }
  return [...found.values()];
}

function identifierType(named: string): string {
  const types: readonly (readonly [RegExp, string])[] = [
    [/passport/u, 'passport'],
    [/\bimo\b/u, 'imo'],
    [/swift|\bbic\b/u, 'bic'],
    [/tax|fiscal/u, 'tax_id'],
    [/regnumber|registration|registry/u, 'registration'],
    [/\bid\b|identi|national|ssn|social/u, 'national_id'],
  ];
  return types.find(([pattern]) => pattern.test(named))?.[1] ?? 'other';
}
