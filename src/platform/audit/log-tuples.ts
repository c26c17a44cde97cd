/**
 * Rows as `COPY … TO STDOUT (FORMAT binary)` sends them: PostgreSQL hands its values out as they are, and
 * nothing is turned into text twice.
 * @source PostgreSQL documentation, COPY, binary format
 */
import { assert } from '../../kernel/assert.ts';

const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
const COUNT_BYTES = 2;
const LENGTH_BYTES = 4;

/** Rows beside one another: where each of their columns begins and how long it is, -1 for NULL. */
export type Tuples = {
  readonly bytes: Buffer;
  readonly begins: Int32Array;
  readonly lengths: Int32Array;
  readonly columns: number;
};

/** Where the first row begins. @errors throws AssertionError where it is no such copy */
export function firstTuple(bytes: Buffer): number {
  assert(bytes.subarray(0, SIGNATURE.length).equals(SIGNATURE), 'a binary copy begins with its signature');
  const extension = SIGNATURE.length + LENGTH_BYTES;
  return extension + LENGTH_BYTES + bytes.readInt32BE(extension);
}

/** The first column of the row that begins at `at`, an eight-byte integer; undefined where this is the end. */
export function firstColumn(bytes: Buffer, at: number): number | undefined {
  return bytes.readInt16BE(at) === -1 ? undefined : int64(bytes, at + COUNT_BYTES + LENGTH_BYTES);
}

/**
 * Reads the row that begins at `at` into the place of a row and tells where the next begins.
 * @errors throws AssertionError on another number of columns, or where the row is cut off
 */
export function readTuple(tuples: Tuples, row: number, at: number): number {
  const { bytes, begins, lengths, columns } = tuples;
  assert(bytes.readInt16BE(at) === columns, 'a row has the columns that were asked for');
  let next = at + COUNT_BYTES;
  const end = (row + 1) * columns;
  for (let column = row * columns; column < end; column += 1) {
    const length = int32(bytes, next);
    next += LENGTH_BYTES;
    begins[column] = next;
    lengths[column] = length;
    next += length > 0 ? length : 0;
  }
  assert(next <= bytes.length, 'a row is whole');
  return next;
}

/** A four-byte integer. */
export function int32(bytes: Buffer, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}

/** An eight-byte integer, exact where it is safe. */
export function int64(bytes: Buffer, at: number): number {
  return int32(bytes, at) * 2 ** 32 + (int32(bytes, at + 4) >>> 0);
}
