/**
 * Arrays in PostgreSQL's binary form, for columns of many rows: the server takes each value as it is, where a
 * text array is read character by character and each value then from its text. The patched driver sends them.
 * What has no such form here goes as text, and the server judges it.
 */

/** A parameter that the driver sends as it is. */
export type BinaryArray = { readonly binary: Uint8Array };

const OIDS = { bytea: 17, integer: 23, text: 25, numeric: 1700, uuid: 2950, jsonb: 3802 } as const;
const HEADER_BYTES = 20;
const LENGTH_BYTES = 4;
/** What stands for the length of a null. */
const NULL_LENGTH = -1;
const UUID_BYTES = 16;
const UUID_CHARACTERS = 36;
const INTEGER_BYTES = 4;
/** Three for the units and two for the decimals. */
const AMOUNT_DIGITS = 5;
const AMOUNT_BYTES = 8 + 2 * AMOUNT_DIGITS;
const DECIMALS = 100_000_000n;
const AMOUNTS_END = DECIMALS * 1_000_000_000_000n;
const SAFE_END = BigInt(Number.MAX_SAFE_INTEGER);

/** The array of identifiers; undefined where one is not spelled as they are stored. */
export function uuidArray(ids: readonly (string | null)[]): BinaryArray | undefined {
  const nulls = ids.reduce((count, id) => (id === null ? count + 1 : count), 0);
  const binary = new Uint8Array(HEADER_BYTES + ids.length * LENGTH_BYTES + (ids.length - nulls) * UUID_BYTES);
  writeHeader(binary, OIDS.uuid, ids.length, nulls > 0);
  let at = HEADER_BYTES;
  for (const id of ids) {
    writeInt(binary, at, id === null ? NULL_LENGTH : UUID_BYTES);
    at += LENGTH_BYTES;
    if (id !== null) {
      if (id.length !== UUID_CHARACTERS || !writeUuid(binary, at, id)) {
        return undefined;
      }
      at += UUID_BYTES;
    }
  }
  return { binary };
}

/** The array of identifiers that were made in their stored form, 16 bytes each. */
export function uuidBytesArray(ids: Uint8Array): BinaryArray {
  const count = ids.length / UUID_BYTES;
  const binary = new Uint8Array(HEADER_BYTES + count * (LENGTH_BYTES + UUID_BYTES));
  writeHeader(binary, OIDS.uuid, count, false);
  let at = HEADER_BYTES;
  for (let from = 0; from < ids.length; from += UUID_BYTES) {
    binary[at + 3] = UUID_BYTES;
    at += LENGTH_BYTES;
    for (let byte = 0; byte < UUID_BYTES; byte += 1) {
      binary[at + byte] = ids[from + byte] ?? 0;
    }
    at += UUID_BYTES;
  }
  return { binary };
}

/** The array of whole numbers. */
export function integerArray(values: readonly number[]): BinaryArray {
  const binary = new Uint8Array(HEADER_BYTES + values.length * (LENGTH_BYTES + INTEGER_BYTES));
  writeHeader(binary, OIDS.integer, values.length, false);
  let at = HEADER_BYTES;
  for (const value of values) {
    binary[at + 3] = INTEGER_BYTES;
    writeInt(binary, at + LENGTH_BYTES, value);
    at += LENGTH_BYTES + INTEGER_BYTES;
  }
  return { binary };
}

/**
 * The array of amounts; undefined where one has more than twelve digits before the point.
 * @units 1e-8
 */
export function amountArray(amounts: readonly bigint[]): BinaryArray | undefined {
  const binary = new Uint8Array(HEADER_BYTES + amounts.length * (LENGTH_BYTES + AMOUNT_BYTES));
  writeHeader(binary, OIDS.numeric, amounts.length, false);
  let at = HEADER_BYTES;
  for (const amount of amounts) {
    const size = amount < 0n ? -amount : amount;
    if (size >= AMOUNTS_END) {
      return undefined;
    }
    binary[at + 3] = AMOUNT_BYTES;
    // Digits of ten thousand: how many, the power of the first, the sign, the decimals shown; then each of them.
    binary[at + 5] = AMOUNT_DIGITS;
    binary[at + 7] = 2;
    binary[at + 8] = amount < 0n ? 0x40 : 0;
    binary[at + 11] = 8;
    // What a double holds exactly is taken apart as one; longer amounts in two parts of which each is.
    const short = size <= SAFE_END;
    const whole = short ? Math.floor(Number(size) / 1e8) : Number(size / DECIMALS);
    const rest = short ? Number(size) - whole * 1e8 : Number(size % DECIMALS);
    const thousands = Math.floor(whole / 1e4);
    const tenths = Math.floor(rest / 1e4);
    writePair(binary, at + 12, Math.floor(thousands / 1e4));
    writePair(binary, at + 14, thousands % 1e4);
    writePair(binary, at + 16, whole - thousands * 1e4);
    writePair(binary, at + 18, tenths);
    writePair(binary, at + 20, rest - tenths * 1e4);
    at += LENGTH_BYTES + AMOUNT_BYTES;
  }
  return { binary };
}

/** The array of byte strings. */
export function byteaArray(values: readonly (Uint8Array | null)[]): BinaryArray {
  let size = HEADER_BYTES;
  let nulls = false;
  for (const value of values) {
    size += LENGTH_BYTES + (value?.length ?? 0);
    nulls ||= value === null;
  }
  const binary = new Uint8Array(size);
  writeHeader(binary, OIDS.bytea, values.length, nulls);
  let at = HEADER_BYTES;
  for (const value of values) {
    writeInt(binary, at, value === null ? NULL_LENGTH : value.length);
    at += LENGTH_BYTES;
    if (value !== null) {
      binary.set(value, at);
      at += value.length;
    }
  }
  return { binary };
}

/** The array of texts, or of JSON texts. */
export function textArray(type: 'text' | 'jsonb', texts: readonly (string | null)[]): BinaryArray {
  const ascii = imageOf(type, texts);
  // Longer in UTF-8 by more than what the lengths account for: one of the texts is not ASCII.
  const { image, nulls } =
    Buffer.byteLength(ascii.image) === ascii.image.length + ascii.high
      ? ascii
      : imageOf(
          type,
          texts.map((text) => (text === null ? null : Buffer.from(text, 'utf8').toString('latin1'))),
        );
  const binary = new Uint8Array(HEADER_BYTES + image.length);
  writeHeader(binary, OIDS[type], texts.length, nulls);
  Buffer.from(binary.buffer).write(image, HEADER_BYTES, 'latin1');
  return { binary };
}

/** Lengths and texts, a character for a byte; `high` counts the bytes of lengths that are not ASCII. */
function imageOf(type: 'text' | 'jsonb', texts: readonly (string | null)[]) {
  const version = type === 'jsonb' ? '\u0001' : '';
  let image = '';
  let high = 0;
  let nulls = false;
  for (const text of texts) {
    if (text === null) {
      image += '\u00ff\u00ff\u00ff\u00ff';
      high += LENGTH_BYTES;
      nulls = true;
    } else {
      const length = text.length + version.length;
      high += length < 128 ? 0 : highBytesOf(length);
      image += lengthOf(length) + version + text;
    }
  }
  return { image, high, nulls };
}

/** Lengths as they were written before: most are few. */
const lengths: string[] = [];

function lengthOf(length: number): string {
  const known = lengths[length];
  if (known !== undefined) {
    return known;
  }
  const written = String.fromCharCode(
    length >>> 24,
    (length >>> 16) & 255,
    (length >>> 8) & 255,
    length & 255,
  );
  if (length < 4_096) {
    lengths[length] = written;
  }
  return written;
}

function highBytesOf(length: number): number {
  return (((length >>> 24) & 128) + ((length >>> 16) & 128) + ((length >>> 8) & 128) + (length & 128)) / 128;
}

/** Of one dimension, counted from one. */
function writeHeader(binary: Uint8Array, elementType: number, count: number, nulls: boolean): void {
  writeInt(binary, 0, 1);
  writeInt(binary, 4, nulls ? 1 : 0);
  writeInt(binary, 8, elementType);
  writeInt(binary, 12, count);
  writeInt(binary, 16, 1);
}

function writeInt(binary: Uint8Array, at: number, value: number): void {
  binary[at] = value >>> 24;
  binary[at + 1] = value >>> 16;
  binary[at + 2] = value >>> 8;
  binary[at + 3] = value;
}

function writePair(binary: Uint8Array, at: number, value: number): void {
  binary[at] = value >>> 8;
  binary[at + 1] = value;
}

/** What each character stands for. */
const NO_DIGIT = 256;
const DIGITS = new Uint16Array(128).fill(NO_DIGIT);
for (const [value, digit] of [...'0123456789abcdef'].entries()) {
  DIGITS[digit.charCodeAt(0)] = value;
}

/** The first character of each byte in the text of an identifier. */
const PLACES = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
const HYPHEN = 45;

/** @shape whether the text was an identifier */
function writeUuid(binary: Uint8Array, at: number, id: string): boolean {
  let faults =
    (id.charCodeAt(8) ^ HYPHEN) |
    (id.charCodeAt(13) ^ HYPHEN) |
    (id.charCodeAt(18) ^ HYPHEN) |
    (id.charCodeAt(23) ^ HYPHEN);
  faults <<= 8;
  for (let byte = 0; byte < UUID_BYTES; byte += 1) {
    const place = PLACES[byte] ?? 0;
    const high = DIGITS[id.charCodeAt(place)] ?? NO_DIGIT;
    const low = DIGITS[id.charCodeAt(place + 1)] ?? NO_DIGIT;
    faults |= high | low;
    binary[at + byte] = (high << 4) | low;
  }
  return faults < NO_DIGIT;
}
