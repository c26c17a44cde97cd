/**
 * The UK Sanctions List as three plain tables: subjects, their names and their birth dates. Used where the list is
 * kept in that form; names and dates of a subject that is not in the first table refuse all three.
 */
import { type CsvRow, readCsvTable } from './csv-table.ts';
import { distinctNames, distinctValues, type EntityKind, type ListEntity } from './entity.ts';
import { groupRows } from './group-rows.ts';
import { ListFormatError } from './list-format-error.ts';
import { nameWithScript } from './script-of.ts';

export type UkTables = {
  readonly subjects: Uint8Array;
  readonly names: Uint8Array;
  readonly dobs: Uint8Array;
};

/**
 * Reads one coherent trio; `unique_id` is the source id.
 * @errors those of the tables, then missing_id, duplicate_id, missing_name, unknown_reference
 */
export function parseUkNormalised(files: UkTables): ListEntity[] {
  const table = (bytes: Uint8Array, what: string, required: readonly string[]): readonly CsvRow[] =>
    readCsvTable(bytes, { what, delimiter: ',', required, headerHas: 'unique_id' });
  const subjects = groupRows(table(files.subjects, 'subjects', ['unique_id', 'subject_type']), 'unique_id');
  const names = groupRows(table(files.names, 'names', ['unique_id', 'name_type', 'full_name']), 'unique_id');
  const births = groupRows(table(files.dobs, 'dobs', ['unique_id', 'year', 'month', 'day']), 'unique_id');
  refuseOrphans(names, subjects);
  refuseOrphans(births, subjects);
  return [...subjects].map(([sourceId, [subject, again]]) => {
    if (subject === undefined || again !== undefined) {
      throw new ListFormatError('duplicate_id', `${sourceId} appears twice`, again?.line);
    }
    return toEntity(sourceId, subject, names.get(sourceId) ?? [], births.get(sourceId) ?? []);
  });
}

type Groups = ReadonlyMap<string, readonly CsvRow[]>;

function refuseOrphans(groups: Groups, known: Groups): void {
  for (const [id, rows] of groups) {
    if (!known.has(id)) {
      throw new ListFormatError('unknown_reference', `${id} is not among the subjects`, rows[0]?.line);
    }
  }
}

function toEntity(
  sourceId: string,
  subject: CsvRow,
  names: readonly CsvRow[],
  births: readonly CsvRow[],
): ListEntity {
  const read = distinctNames(
    names.map((row) => {
      if (row.cell('alias_strength') === 'low_quality_aka') {
        return nameWithScript(row.cell('full_name'), 'weak_alias');
      }
      return nameWithScript(row.cell('full_name'), row.cell('name_type') === 'primary' ? 'primary' : 'alias');
    }),
  );
  if (read.length === 0) {
    throw new ListFormatError('missing_name', `${sourceId} has no name`, subject.line);
  }
  return {
    sourceId,
    kind: kindOf(subject.cell('subject_type')),
    names: read,
    birthDates: distinctValues(births.map(birthDateOf)),
    countries: [],
    genders: [],
    identifiers: [],
    programs: [],
    remarks: '',
    raw: { ...subject.cells() },
  };
}

function birthDateOf(row: CsvRow): string {
  const [year, month, day] = ['year', 'month', 'day'].map((column) => row.cell(column));
  return [year, month, month === '' ? '' : day].filter((part) => part !== '').join('-');
}

function kindOf(type: string): EntityKind {
  switch (type) {
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
