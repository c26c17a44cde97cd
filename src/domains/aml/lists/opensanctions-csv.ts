/**
 * OpenSanctions' simplified table (`targets.simple.csv`): one row per target, several values of a cell apart by
 * semicolons. A target with something in `sanctions` is sanctioned, whatever the list is for.
 */
import { countryCode } from './country-code.ts';
import { type CsvRow, readCsvTable } from './csv-table.ts';
import { distinctNames, distinctValues, type ListEntity } from './entity.ts';
import { ftmKind } from './ftm-kind.ts';
import { ListFormatError } from './list-format-error.ts';
import { partialDates } from './partial-date.ts';
import { nameWithScript } from './script-of.ts';
import { severalOf } from './several-of.ts';

/**
 * Reads the table; OpenSanctions' id is the source id.
 * @errors those of the table, then missing_id, missing_name, duplicate_id
 */
export function parseOpenSanctionsCsv(bytes: Uint8Array): ListEntity[] {
  const rows = readCsvTable(bytes, {
    what: 'the table of targets',
    delimiter: ',',
    required: ['id', 'schema', 'name', 'aliases', 'birth_date', 'countries', 'identifiers', 'sanctions'],
    headerHas: 'schema',
  });
  const seen = new Set<string>();
  return rows.map((row) => {
    const entity = toEntity(row);
    if (seen.has(entity.sourceId)) {
      throw new ListFormatError('duplicate_id', `${entity.sourceId} appears twice`, row.line);
    }
    seen.add(entity.sourceId);
    return entity;
  });
}

function toEntity(row: CsvRow): ListEntity {
  const sourceId = row.cell('id');
  if (sourceId === '') {
    throw new ListFormatError('missing_id', 'a target without id', row.line);
  }
  const names = distinctNames([
    nameWithScript(row.cell('name'), 'primary'),
    ...severalOf(row.cell('aliases')).map((alias) => nameWithScript(alias, 'alias')),
  ]);
  if (names.length === 0) {
    throw new ListFormatError('missing_name', `${sourceId} has no name`, row.line);
  }
  return {
    sourceId,
    kind: ftmKind(row.cell('schema')),
    names,
    birthDates: distinctValues(severalOf(row.cell('birth_date')).flatMap((date) => partialDates(date))),
    countries: distinctValues(severalOf(row.cell('countries')).map((country) => countryCode(country) ?? '')),
    genders: [],
    // The table does not say which kind of number one is.
    identifiers: distinctValues(severalOf(row.cell('identifiers'))).map((number) => ({
      type: 'other',
      number,
    })),
    programs: distinctValues(severalOf(row.cell('program_ids') || row.cell('sanctions'))),
    remarks: row.cell('sanctions'),
    raw: { ...row.cells() },
    ...(row.cell('sanctions') === '' ? {} : { purpose: 'sanctions' as const }),
  };
}
