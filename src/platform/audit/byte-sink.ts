/**
 * Text written as bytes, where a string per member would be most of the cost. The caller makes room first; what
 * is written into it is UTF-8.
 */
import { assert } from '../../kernel/assert.ts';

/** Bytes that are written from the front; `at` is how many there are. */
export type ByteSink = { bytes: Buffer; at: number };

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const FIRST_PRINTABLE = 0x20;
const ZERO = 0x30;
const HEX = Uint8Array.from(Buffer.from('0123456789abcdef', 'latin1'));
const BASE64 = Uint8Array.from(
  Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/', 'latin1'),
);
const PADDING = 0x3d;
/** Below it a loop is faster than a call. @units bytes */
const SHORT = 48;
/** The most that a byte of text becomes when it is quoted, as in \u0000. */
const MOST_QUOTED = 6;
const UUID_BYTES = 16;

/** An empty sink. */
export function byteSink(size: number): ByteSink {
  return { bytes: Buffer.allocUnsafeSlow(size), at: 0 };
}

/** Makes room for `count` bytes more. @effects may put the bytes elsewhere */
export function makeRoom(sink: ByteSink, count: number): void {
  if (sink.bytes.length - sink.at < count) {
    const larger = Buffer.allocUnsafeSlow(2 * (sink.at + count));
    sink.bytes.copy(larger, 0, 0, sink.at);
    sink.bytes = larger;
  }
}

/** Room that is enough for `count` bytes of text, quoted. @units bytes */
export function roomQuoted(count: number): number {
  return MOST_QUOTED * count + 2;
}

/** Writes bytes `[begin, end)` as they are. */
export function putBytes(sink: ByteSink, source: Buffer, begin: number, end: number): void {
  const { bytes } = sink;
  if (end - begin > SHORT) {
    source.copy(bytes, sink.at, begin, end);
    sink.at += end - begin;
    return;
  }
  let to = sink.at;
  for (let from = begin; from < end; from += 1) {
    bytes[to] = source[from] as number;
    to += 1;
  }
  sink.at = to;
}

/** Writes all of some bytes. */
export function putAll(sink: ByteSink, source: Buffer): void {
  putBytes(sink, source, 0, source.length);
}

/** Writes text that has three bytes a character at most, into the room for it. */
export function putText(sink: ByteSink, text: string): void {
  makeRoom(sink, 3 * text.length);
  sink.at += sink.bytes.write(text, sink.at, 'utf8');
}

/** Writes bytes that are UTF-8 text as a JSON string, spelled as `JSON.stringify` spells it. */
export function putQuoted(sink: ByteSink, source: Buffer, begin: number, end: number): void {
  const { bytes } = sink;
  let to = sink.at;
  bytes[to] = QUOTE;
  to += 1;
  for (let from = begin; from < end; from += 1) {
    const byte = source[from] as number;
    if (byte < FIRST_PRINTABLE || byte === QUOTE || byte === BACKSLASH) {
      const text = JSON.stringify(String.fromCharCode(byte));
      to += bytes.write(text.slice(1, -1), to, 'latin1');
    } else {
      bytes[to] = byte;
      to += 1;
    }
  }
  bytes[to] = QUOTE;
  sink.at = to + 1;
}

/** Writes the 16 bytes of a UUID as text. */
export function putUuid(sink: ByteSink, source: Buffer, begin: number): void {
  const { bytes } = sink;
  let to = sink.at;
  for (let index = 0; index < UUID_BYTES; index += 1) {
    if (index === 4 || index === 6 || index === 8 || index === 10) {
      bytes[to] = 0x2d;
      to += 1;
    }
    const byte = source[begin + index] as number;
    bytes[to] = HEX[byte >> 4] as number;
    bytes[to + 1] = HEX[byte & 15] as number;
    to += 2;
  }
  sink.at = to;
}

/** Writes bytes as base64, padded. @source RFC 4648 section 4 */
export function putBase64(sink: ByteSink, source: Uint8Array, begin: number, end: number): void {
  const { bytes } = sink;
  let to = sink.at;
  let from = begin;
  for (; from + 2 < end; from += 3) {
    const three =
      ((source[from] as number) << 16) | ((source[from + 1] as number) << 8) | (source[from + 2] as number);
    bytes[to] = BASE64[three >> 18] as number;
    bytes[to + 1] = BASE64[(three >> 12) & 63] as number;
    bytes[to + 2] = BASE64[(three >> 6) & 63] as number;
    bytes[to + 3] = BASE64[three & 63] as number;
    to += 4;
  }
  if (from < end) {
    const two = from + 1 < end;
    const last = ((source[from] as number) << 16) | (two ? (source[from + 1] as number) << 8 : 0);
    bytes[to] = BASE64[last >> 18] as number;
    bytes[to + 1] = BASE64[(last >> 12) & 63] as number;
    bytes[to + 2] = two ? (BASE64[(last >> 6) & 63] as number) : PADDING;
    bytes[to + 3] = PADDING;
    to += 4;
  }
  sink.at = to;
}

/** Writes a count in decimal. */
export function putCount(sink: ByteSink, count: number): void {
  assert(Number.isSafeInteger(count) && count >= 0, 'a count is not negative');
  const { bytes } = sink;
  const begin = sink.at;
  let digits = 1;
  for (let rest = count; rest >= 10; rest = Math.floor(rest / 10)) {
    digits += 1;
  }
  let rest = count;
  for (let to = begin + digits - 1; to >= begin; to -= 1) {
    bytes[to] = ZERO + (rest % 10);
    rest = Math.floor(rest / 10);
  }
  sink.at = begin + digits;
}
