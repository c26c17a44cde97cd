/**
 * What an export's file is made of, from slices of the log. The lines of a range are put together as bytes,
 * since they are most of the work of an export; a row that was altered is shown as it is.
 */
import type { Json } from '../../kernel/canonical-json.ts';
import { toBase64 } from '../../platform/audit/base64.ts';
import {
  type ByteSink,
  byteSink,
  makeRoom,
  putAll,
  putBase64,
  putBytes,
  putCount,
  putText,
  putUuid,
  roomQuoted,
} from '../../platform/audit/byte-sink.ts';
import { putCanonical } from '../../platform/audit/canonical-bytes.ts';
import type { ExportRow } from '../../platform/audit/export-format.ts';
import {
  beginOf,
  COLUMN,
  COLUMNS,
  columnOf,
  isAsCommitted,
  isTrue,
  lengthOf,
  putPublic,
  type Tuple,
} from '../../platform/audit/export-row.ts';
import type { LogSlice } from '../../platform/audit/export-slices.ts';
import { HASH_BYTES } from '../../platform/audit/merkle.ts';
import { personalOpener } from '../../platform/audit/row.ts';
import { TILE_WIDTH } from '../../platform/audit/tiles.ts';
import type { ExportBlock } from '../../platform/audit/write-export.ts';
import type { Ctx } from '../../platform/context.ts';
import { type DataKey, SealError } from '../../platform/crypto/seal.ts';
import { keyReader } from './export-keys.ts';

type LeafRange = { readonly begin: number; readonly end: number };

/** A row as a table shows it; texts are canonical JSON, salts base64. `open` is null where it cannot be. */
export type ShownRow = {
  readonly sequence: number;
  readonly leafHash: Uint8Array;
  readonly publicText: string;
  readonly publicSalt: string;
  readonly personalHash: Uint8Array;
  readonly open: { readonly salt: string; readonly text: string } | null;
};

const PERSONAL = textOf('{"personal":');
const PERSONAL_SALT = textOf(',"personalSalt":"');
const PERSONAL_HASH = textOf('{"personalHash":"');
const PUBLIC = textOf('","public":');
const PUBLIC_SALT = textOf(',"publicSalt":"');
const SEQUENCE = textOf('","sequence":');
const WITHHELD_SEQUENCE = textOf('{"sequence":');
const ROW_END = textOf(',"type":"row"}\n');
const WITHHELD = textOf(',"type":"row","withheld":"');
const WITHHELD_END = textOf('"}\n');
/** The form in which `completeRow` seals the personal part: its salt of 24 characters first. */
const SALT_FIRST = textOf('{"salt":"');
const THEN_PART = textOf('","part":');
const SALT_END = SALT_FIRST.length + 24;
const PART_BEGIN = SALT_END + THEN_PART.length;
/** What a line has beside its row's values. @units bytes */
const LINE_BYTES = 4_096;
const FIRST_BYTES = 512 * 1024;

/**
 * The blocks of a range, with the lines of their rows; `counted` is told how many rows are shown. The bytes of
 * a block are good until the next is asked for.
 */
export async function* blocksOf(
  ctx: Ctx,
  slices: AsyncIterable<LogSlice>,
  range: LeafRange,
  counted: { shown: number },
): AsyncGenerator<ExportBlock> {
  const sink = byteSink(FIRST_BYTES);
  const keysOf = keyReader(ctx);
  for await (const slice of slices) {
    const keys = await keysOf(slice);
    for (let begin = slice.begin; begin < slice.end; begin += TILE_WIDTH) {
      const end = Math.min(begin + TILE_WIDTH, slice.end);
      const leaves = Buffer.alloc(HASH_BYTES * (end - begin));
      let count = 0;
      sink.at = 0;
      for (let sequence = begin; sequence < end; sequence += 1) {
        const tuple = slice.leaf(sequence);
        putHash(leaves, HASH_BYTES * (sequence - begin), tuple);
        if (sequence >= range.begin && sequence < range.end) {
          counted.shown += putLine(sink, sequence, tuple, keys[sequence - slice.begin]) ? 1 : 0;
          count += 1;
        }
      }
      yield { index: begin / TILE_WIDTH, leaves, lines: sink.bytes.subarray(0, sink.at), count };
    }
  }
}

/** The chosen rows of a slice, in the shape of rows with proofs of their own. */
export async function chosenRows(ctx: Ctx, slice: LogSlice): Promise<readonly ExportRow[]> {
  return (await shownRows(ctx, slice)).map(({ sequence, publicText, publicSalt, personalHash, open }) => ({
    sequence,
    content: {
      publicSalt: bytesOf(publicSalt),
      publicPart: JSON.parse(publicText) as Json,
      personal:
        open === null
          ? { hash: personalHash }
          : { salt: bytesOf(open.salt), part: JSON.parse(open.text) as Json },
    },
  }));
}

/** The rows of a slice that were asked for. */
export async function shownRows(ctx: Ctx, slice: LogSlice): Promise<readonly ShownRow[]> {
  const keys = await keyReader(ctx)(slice);
  const sink = byteSink(LINE_BYTES);
  const shown: ShownRow[] = [];
  for (let sequence = slice.begin; sequence < slice.end; sequence += 1) {
    const tuple = slice.leaf(sequence);
    const publicText = isTrue(tuple, COLUMN.chosen) ? publicTextOf(sink, tuple) : null;
    if (publicText !== null) {
      shown.push({
        sequence,
        leafHash: new Uint8Array(columnOf(tuple, COLUMN.leafHash)),
        publicText,
        publicSalt: toBase64(columnOf(tuple, COLUMN.salt)),
        personalHash: new Uint8Array(columnOf(tuple, COLUMN.personalHash)),
        open: openTextOf(sink, tuple, keys[sequence - slice.begin]),
      });
    }
  }
  return shown;
}

/** Writes the line of a row, or why it shows nothing; true where it is shown. */
function putLine(sink: ByteSink, sequence: number, tuple: Tuple, key: DataKey | undefined): boolean {
  const begin = sink.at;
  const reason = isRow(tuple) ? putRow(sink, sequence, tuple, key) : absence(tuple);
  if (reason === undefined) {
    return true;
  }
  sink.at = begin;
  makeRoom(sink, LINE_BYTES);
  putAll(sink, WITHHELD_SEQUENCE);
  putCount(sink, sequence);
  putAll(sink, WITHHELD);
  putText(sink, reason);
  putAll(sink, WITHHELD_END);
  return false;
}

/** A row whose time was altered is shown as it is, so that it cannot slip out of the period unseen. */
function putRow(
  sink: ByteSink,
  sequence: number,
  tuple: Tuple,
  key: DataKey | undefined,
): string | undefined {
  makeRoom(sink, roomOf(tuple));
  putPersonal(sink, tuple, key);
  putAll(sink, PUBLIC);
  const begin = sink.at;
  if (!isPublicPut(sink, tuple)) {
    return 'missing';
  }
  if (!isTrue(tuple, COLUMN.chosen) && isAsCommitted(tuple, sink.bytes.subarray(begin, sink.at))) {
    return 'outside';
  }
  putAll(sink, PUBLIC_SALT);
  putColumn64(sink, tuple, COLUMN.salt);
  putAll(sink, SEQUENCE);
  putCount(sink, sequence);
  putAll(sink, ROW_END);
  return undefined;
}

/** Writes the personal part or its hash; tells where the text of the part ends, -1 where it is the hash. */
function putPersonal(sink: ByteSink, tuple: Tuple, key: DataKey | undefined): number {
  const plain = opened(tuple, key);
  if (plain === undefined) {
    putAll(sink, PERSONAL_HASH);
    putColumn64(sink, tuple, COLUMN.personalHash);
    return -1;
  }
  putAll(sink, PERSONAL);
  if (stands(plain, SALT_FIRST, 0) && stands(plain, THEN_PART, SALT_END)) {
    putCanonical(sink, plain, PART_BEGIN, plain.length - 1);
    const end = sink.at;
    putAll(sink, PERSONAL_SALT);
    putBytes(sink, plain, SALT_FIRST.length, SALT_END);
    return end;
  }
  const { salt, part } = JSON.parse(plain.toString('utf8')) as { readonly salt: string; readonly part: Json };
  const text = Buffer.from(JSON.stringify(part), 'utf8');
  makeRoom(sink, roomQuoted(text.length) + roomOf(tuple));
  putCanonical(sink, text, 0, text.length);
  const end = sink.at;
  putAll(sink, PERSONAL_SALT);
  putText(sink, toBase64(bytesOf(salt)));
  return end;
}

const openPersonalOf = personalOpener();
const rowId = byteSink(36);

/** What the personal part has inside; undefined where it was altered or its key destroyed. */
function opened(tuple: Tuple, key: DataKey | undefined): Buffer | undefined {
  if (key === undefined) {
    return undefined;
  }
  try {
    rowId.at = 0;
    putUuid(rowId, tuple.tuples.bytes, beginOf(tuple, COLUMN.id));
    const begin = beginOf(tuple, COLUMN.personal);
    return openPersonalOf(
      key,
      rowId.bytes,
      tuple.tuples.bytes,
      begin,
      begin + lengthOf(tuple, COLUMN.personal),
    );
  } catch (error) {
    if (error instanceof SealError) {
      return undefined;
    }
    throw error;
  }
}

/** False where the row has no form a row can have. */
function isPublicPut(sink: ByteSink, tuple: Tuple): boolean {
  try {
    putPublic(sink, tuple);
    return true;
  } catch (error) {
    if (error instanceof TypeError) {
      return false;
    }
    throw error;
  }
}

function publicTextOf(sink: ByteSink, tuple: Tuple): string | null {
  sink.at = 0;
  makeRoom(sink, roomOf(tuple));
  return isPublicPut(sink, tuple) ? sink.bytes.toString('utf8', 0, sink.at) : null;
}

function openTextOf(sink: ByteSink, tuple: Tuple, key: DataKey | undefined): ShownRow['open'] {
  sink.at = 0;
  makeRoom(sink, roomOf(tuple));
  const end = putPersonal(sink, tuple, key);
  return end < 0
    ? null
    : {
        salt: sink.bytes.toString('latin1', end + PERSONAL_SALT.length, sink.at),
        text: sink.bytes.toString('utf8', PERSONAL.length, end),
      };
}

function putHash(leaves: Buffer, at: number, tuple: Tuple): void {
  const { bytes } = tuple.tuples;
  const begin = beginOf(tuple, COLUMN.leafHash);
  for (let index = 0; index < HASH_BYTES; index += 1) {
    leaves[at + index] = bytes[begin + index] as number;
  }
}

function isRow(tuple: Tuple): boolean {
  return lengthOf(tuple, COLUMN.id) >= 0;
}

function absence(tuple: Tuple): string {
  return isTrue(tuple, COLUMN.archived) ? 'archived' : 'missing';
}

/** Room that is enough for a row's line, whatever its values have in them. */
function roomOf(tuple: Tuple): number {
  const last = COLUMNS - 1;
  const bytes = beginOf(tuple, last) + Math.max(0, lengthOf(tuple, last)) - beginOf(tuple, 0);
  return roomQuoted(bytes) + LINE_BYTES;
}

function putColumn64(sink: ByteSink, tuple: Tuple, column: number): void {
  const begin = beginOf(tuple, column);
  putBase64(sink, tuple.tuples.bytes, begin, begin + lengthOf(tuple, column));
}

function stands(bytes: Buffer, text: Buffer, at: number): boolean {
  for (let index = 0; index < text.length; index += 1) {
    if (bytes[at + index] !== text[index]) {
      return false;
    }
  }
  return true;
}

function textOf(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

function bytesOf(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, 'base64'));
}
