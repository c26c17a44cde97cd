import type { CsvRow } from './csv-table.ts';
import { ListFormatError } from './list-format-error.ts';

/**
 * Rows of one entity each, in the order in which the entities first appear.
 * @errors missing_id
 */
export function groupRows(rows: readonly CsvRow[], idColumn: string): ReadonlyMap<string, readonly CsvRow[]> {
  const groups = new Map<string, CsvRow[]>();
  for (const row of rows) {
    const id = row.cell(idColumn);
    if (id === '') {
      throw new ListFormatError('missing_id', `${idColumn} is empty`, row.line);
    }
    const group = groups.get(id);
    if (group === undefined) {
      groups.set(id, [row]);
    } else {
      group.push(row);
    }
  }
  return groups;
}
