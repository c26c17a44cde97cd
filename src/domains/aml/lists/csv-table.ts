/**
 * Reads a CSV publication by the names of its columns, so that a publisher may add or move columns but not drop
 * one that is needed. A row that does not fit its header refuses the file: it is how a truncated one shows.
 */
import { parse } from 'csv-parse/sync';
import { ListFormatError } from './list-format-error.ts';

export type CsvRow = {
  readonly line: number;
  /** The trimmed cell of a column; empty where the file has no such column. */
  readonly cell: (column: string) => string;
  /** Cells by the names of their columns, empty ones left out. */
  readonly cells: () => Readonly<Record<string, string>>;
};

export type CsvLayout = {
  readonly what: string;
  readonly delimiter: ',' | ';';
  readonly required: readonly string[];
  /** Rows that may stand above the header; the header is the first that names this column. */
  readonly headerHas: string;
  /** The publisher leaves quotes inside a cell as they are. */
  readonly looseQuotes?: true;
};

const MAX_BYTES = 256 * 1024 * 1024;
const MAX_PREAMBLE_ROWS = 5;

/**
 * Reads a table with a header.
 * @errors empty_file, file_too_large, not_utf8, malformed, truncated, wrong_column_count
 */
export function readCsvTable(bytes: Uint8Array, layout: CsvLayout): readonly CsvRow[] {
  const records = readRecords(readText(bytes, layout.what), layout);
  const headerAt = records
    .slice(0, MAX_PREAMBLE_ROWS)
    .findIndex(({ record }) => record.some((name) => sameName(name, layout.headerHas)));
  const header = records[headerAt]?.record.map(nameOf);
  if (header === undefined) {
    throw new ListFormatError(
      'wrong_column_count',
      `no header of ${layout.what} names ${layout.headerHas}`,
      1,
    );
  }
  const missing = layout.required.filter((column) => !header.includes(nameOf(column)));
  if (missing.length > 0) {
    throw new ListFormatError('wrong_column_count', `${layout.what} lacks ${missing.join(', ')}`, 1);
  }
  const places = new Map(header.map((name, place) => [name, place]));
  const rows = records.slice(headerAt + 1);
  if (rows.length === 0) {
    throw new ListFormatError('empty_file', `${layout.what} has no entries`);
  }
  return rows.map(({ record, info }) => {
    if (record.length !== header.length) {
      const detail = `a row of ${layout.what} has ${record.length} columns instead of ${header.length}`;
      throw new ListFormatError('wrong_column_count', detail, info.lines);
    }
    return rowOf(record, header, places, info.lines);
  });
}

/**
 * The text of a file.
 * @errors empty_file, file_too_large, not_utf8, malformed
 */
export function readText(bytes: Uint8Array, what: string): string {
  if (bytes.byteLength > MAX_BYTES) {
    throw new ListFormatError('file_too_large', `${what} has more than ${MAX_BYTES} bytes`);
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new ListFormatError('not_utf8', `${what} is not valid UTF-8`);
  }
  // PostgreSQL keeps no NUL in text.
  if (text.includes('\0')) {
    throw new ListFormatError('malformed', `${what} holds a NUL character`);
  }
  if (text.trim() === '') {
    throw new ListFormatError('empty_file', `${what} is empty`);
  }
  return text;
}

type CsvRecord = { readonly record: readonly string[]; readonly info: { readonly lines: number } };

function readRecords(text: string, layout: CsvLayout): readonly CsvRecord[] {
  try {
    return parse(text, {
      delimiter: layout.delimiter,
      relax_column_count: true,
      skip_empty_lines: true,
      skip_records_with_empty_values: true,
      relax_quotes: layout.looseQuotes === true,
      bom: true,
      info: true,
    }) as unknown as CsvRecord[];
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : 'not CSV';
    throw new ListFormatError(
      /quote not closed/iu.test(detail) ? 'truncated' : 'malformed',
      detail.slice(0, 200),
    );
  }
}

function rowOf(
  record: readonly string[],
  header: readonly string[],
  places: ReadonlyMap<string, number>,
  line: number,
): CsvRow {
  return {
    line,
    cell: (column) => (record[places.get(nameOf(column)) ?? -1] ?? '').trim(),
    cells: () =>
      Object.fromEntries(
        header.flatMap((name, place) => {
          const value = (record[place] ?? '').trim();
          return name === '' || value === '' ? [] : [[name, value]];
        }),
      ),
  };
}

function sameName(name: string, wanted: string): boolean {
  return nameOf(name) === nameOf(wanted);
}

/** Publishers change the case and the spaces of their headers, not the words. */
function nameOf(column: string): string {
  return column.trim().toLowerCase().replace(/\s+/gu, ' ');
}
