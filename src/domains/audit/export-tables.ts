/**
 * Exports as tables. Both forms have the same columns, enough to recompute each row's leaf hash: the public
 * part as the canonical JSON its salt and hash cover (`public`), beside its members in columns of their own.
 * A spreadsheet would run a cell that begins like a formula, so CSV puts an apostrophe before such cells;
 * `public` begins with a brace and is never touched.
 */
import { stringify } from 'csv-stringify/sync';
import { ByteWriter, ParquetWriter, schemaFromColumnData } from 'hyparquet-writer';
import { canonicalJson, type Json } from '../../kernel/canonical-json.ts';
import { toBase64 } from '../../platform/audit/base64.ts';
import type { ShownRow } from './export-lines.ts';

const MEMBERS = [
  'recordedAt',
  'id',
  'eventType',
  'category',
  'severity',
  'class',
  'outcome',
  'description',
  'actorKind',
  'actorId',
  'actorUserId',
  'subjectUserId',
  'resourceType',
  'resourceId',
  'requestId',
  'before',
  'after',
] as const;

const TABLE_COLUMNS = [
  'sequence',
  ...MEMBERS,
  'ip',
  'userAgent',
  'leafHash',
  'public',
  'publicSalt',
  'personal',
  'personalSalt',
  'personalHash',
] as const;

export type Cells = { readonly [Column in (typeof TABLE_COLUMNS)[number]]: string | null };

/** The cells of a row. */
export function cellsOf(row: ShownRow): Cells {
  const { open } = row;
  const shown = JSON.parse(row.publicText) as { readonly [member: string]: Json };
  const part = (open === null ? {} : JSON.parse(open.text)) as { readonly [member: string]: Json };
  const members = Object.fromEntries(MEMBERS.map((name) => [name, cellOf(shown[name])]));
  return {
    ...members,
    sequence: String(row.sequence),
    ip: cellOf(part.ip),
    userAgent: cellOf(part.userAgent),
    leafHash: toBase64(row.leafHash),
    public: row.publicText,
    publicSalt: row.publicSalt,
    personal: open?.text ?? null,
    personalSalt: open?.salt ?? null,
    personalHash: toBase64(row.personalHash),
  } as Cells;
}

/** CSV with a header line. @source RFC 4180 */
export async function* csvOf(slices: AsyncIterable<readonly Cells[]>): AsyncGenerator<string> {
  yield `${TABLE_COLUMNS.join(',')}\r\n`;
  for await (const rows of slices) {
    if (rows.length > 0) {
      yield stringify([...rows], {
        columns: [...TABLE_COLUMNS],
        escape_formulas: true,
        record_delimiter: 'windows',
      });
    }
  }
}

/** Parquet, compressed with Snappy: a row group per slice, so that no more is in memory. */
export async function* parquetOf(slices: AsyncIterable<readonly Cells[]>): AsyncGenerator<Uint8Array> {
  const writer = new ByteWriter();
  const columns = TABLE_COLUMNS.map((name) =>
    name === 'sequence'
      ? { name, data: [], type: 'INT64' as const, nullable: false }
      : { name, data: [], type: 'STRING' as const, nullable: true },
  );
  const file = new ParquetWriter({ writer, schema: schemaFromColumnData({ columnData: columns }) });
  for await (const rows of slices) {
    if (rows.length > 0) {
      const columnData = TABLE_COLUMNS.map((name) => ({
        name,
        data: rows.map((cells) => (name === 'sequence' ? BigInt(cells.sequence ?? 0) : cells[name])),
      }));
      await file.write({ columnData, rowGroupSize: rows.length });
      yield taken(writer);
    }
  }
  await file.finish();
  yield taken(writer);
}

/** What was written since the last time; the offsets in the file count on. */
function taken(writer: ByteWriter): Uint8Array {
  const bytes = writer.getBytes().slice();
  writer.index = 0;
  return bytes;
}

function cellOf(value: Json | undefined): string | null {
  if (value === undefined || value === null) {
    return null;
  }
  return typeof value === 'string' ? value : canonicalJson(value);
}
