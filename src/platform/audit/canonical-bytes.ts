/**
 * Canonical JSON from JSON text, as bytes and without parsing it: for text that PostgreSQL's `jsonb` or
 * `JSON.stringify` wrote, only spaces and the order of members differ. What is not surely the same either way
 * (numbers that are no plain integers, unusual escapes, names beyond ASCII) is left to `canonicalJson`.
 */
import { canonicalJson, type Json } from '../../kernel/canonical-json.ts';
import { type ByteSink, putText } from './byte-sink.ts';

const MAX_DEPTH = 100;
/** Every number of so many digits is a safe integer. */
const MAX_DIGITS = 15;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const LITERALS = ['true', 'false', 'null'].map((text) => Buffer.from(text, 'latin1'));
/** What may follow a backslash where a character has one spelling only: " \ b f n r t. */
const ESCAPES = new Set(Buffer.from('"\\bfnrt', 'latin1'));
/** Control characters without a short escape. */
const CONTROL = /^u00(?:0[0-7be-f]|1[0-9a-f])$/;

type Scan = { readonly bytes: Buffer; at: number; readonly end: number; readonly sink: ByteSink };

/**
 * Writes the canonical spelling of the JSON text in `[begin, end)`.
 * @errors TypeError, as `canonicalJson`, on numbers that are no safe integers
 */
export function putCanonical(sink: ByteSink, bytes: Buffer, begin: number, end: number): void {
  const from = sink.at;
  const scan = { bytes, at: begin, end, sink };
  marks.at = 0;
  if (!(putValue(scan, 0) && scan.at === end)) {
    sink.at = from;
    putText(sink, canonicalJson(JSON.parse(bytes.toString('utf8', begin, end)) as Json));
  }
}

/** False, here and below, where only a parser can tell. */
function putValue(scan: Scan, depth: number): boolean {
  switch (scan.bytes[scan.at]) {
    case QUOTE:
      return putString(scan);
    case OPEN_OBJECT:
      return depth < MAX_DEPTH && putObject(scan, depth + 1);
    case OPEN_LIST:
      return depth < MAX_DEPTH && putList(scan, depth + 1);
    default:
      return putNumber(scan) || LITERALS.some((literal) => putLiteral(scan, literal));
  }
}

function putObject(scan: Scan, depth: number): boolean {
  const { bytes, sink } = scan;
  const first = sink.at + 1;
  const mark = marks.at;
  let inOrder = true;
  pass(scan);
  if (bytes[scan.at] === CLOSE_OBJECT) {
    return pass(scan);
  }
  for (;;) {
    const begin = sink.at;
    if (!putName(scan)) {
      return false;
    }
    const at = addMark(begin, sink.at - 2);
    if (!putValue(scan, depth)) {
      return false;
    }
    marks.places[at + 2] = sink.at;
    inOrder &&= at === mark || compareNames(sink.bytes, at - PLACES, at) < 0;
    if (bytes[scan.at] !== COMMA) {
      break;
    }
    pass(scan);
    skipSpaces(scan);
  }
  if (!inOrder) {
    putInOrder(sink, first, mark);
  }
  marks.at = mark;
  return bytes[scan.at] === CLOSE_OBJECT && pass(scan);
}

/** Writes a name with its colon. */
function putName(scan: Scan): boolean {
  const { bytes, sink } = scan;
  const begin = sink.at;
  const isName = bytes[scan.at] === QUOTE && putString(scan);
  if (!isName || !isPlainName(sink.bytes, begin + 1, sink.at - 1) || bytes[scan.at] !== COLON) {
    return false;
  }
  pass(scan);
  skipSpaces(scan);
  return true;
}

/**
 * The members of the objects that are being written, those of an inner one behind those of the outer. Of each,
 * where it begins, where its name ends (at the closing quote), and where it ends.
 */
const marks = { places: new Int32Array(1_024), at: 0 };
const PLACES = 3;
let beside = Buffer.allocUnsafeSlow(16_384);

function addMark(begin: number, nameEnd: number): number {
  const { at } = marks;
  if (at + PLACES > marks.places.length) {
    const more = new Int32Array(2 * marks.places.length);
    more.set(marks.places);
    marks.places = more;
  }
  marks.places[at] = begin;
  marks.places[at + 1] = nameEnd;
  marks.at = at + PLACES;
  return at;
}

/** Every member is as long as it was, and so are all with their commas. */
function putInOrder(sink: ByteSink, first: number, mark: number): void {
  const { bytes } = sink;
  const length = sink.at - first;
  if (beside.length < length) {
    beside = Buffer.allocUnsafeSlow(2 * length);
  }
  sortMarks(bytes, mark);
  copyBytes(bytes, first, sink.at, beside, 0);
  let to = first;
  for (let at = mark; at < marks.at; at += PLACES) {
    if (at > mark) {
      bytes[to] = COMMA;
      to += 1;
    }
    const begin = (marks.places[at] as number) - first;
    const end = (marks.places[at + 2] as number) - first;
    copyBytes(beside, begin, end, bytes, to);
    to += end - begin;
  }
}

/** By insertion: most objects have few members, and most of them are nearly in order. */
function sortMarks(bytes: Buffer, mark: number): void {
  const { places } = marks;
  for (let at = mark + PLACES; at < marks.at; at += PLACES) {
    for (let one = at; one > mark && compareNames(bytes, one - PLACES, one) > 0; one -= PLACES) {
      for (let place = one; place < one + PLACES; place += 1) {
        const moved = places[place] as number;
        places[place] = places[place - PLACES] as number;
        places[place - PLACES] = moved;
      }
    }
  }
}

function copyBytes(source: Buffer, begin: number, end: number, target: Buffer, at: number): void {
  let to = at;
  for (let from = begin; from < end; from += 1) {
    target[to] = source[from] as number;
    to += 1;
  }
}

/** In the order of their UTF-16 code units, which for ASCII is that of the bytes. */
function compareNames(bytes: Buffer, one: number, other: number): number {
  const { places } = marks;
  const oneBegin = places[one] as number;
  const otherBegin = places[other] as number;
  const oneLength = (places[one + 1] as number) - oneBegin;
  const otherLength = (places[other + 1] as number) - otherBegin;
  const both = oneLength < otherLength ? oneLength : otherLength;
  for (let index = 1; index < both; index += 1) {
    const order = (bytes[oneBegin + index] as number) - (bytes[otherBegin + index] as number);
    if (order !== 0) {
      return order;
    }
  }
  return oneLength - otherLength;
}

function isPlainName(bytes: Buffer, begin: number, end: number): boolean {
  for (let index = begin; index < end; index += 1) {
    const byte = bytes[index] as number;
    if (byte >= 0x80 || byte === BACKSLASH) {
      return false;
    }
  }
  return true;
}

function putList(scan: Scan, depth: number): boolean {
  const { bytes } = scan;
  pass(scan);
  if (bytes[scan.at] === CLOSE_LIST) {
    return pass(scan);
  }
  for (;;) {
    if (!putValue(scan, depth)) {
      return false;
    }
    if (bytes[scan.at] !== COMMA) {
      return bytes[scan.at] === CLOSE_LIST && pass(scan);
    }
    pass(scan);
    skipSpaces(scan);
  }
}

function putString(scan: Scan): boolean {
  const { bytes, end, sink } = scan;
  const out = sink.bytes;
  let to = sink.at;
  out[to] = QUOTE;
  to += 1;
  for (let at = scan.at + 1; at < end; at += 1) {
    const byte = bytes[at] as number;
    out[to] = byte;
    to += 1;
    if (byte === QUOTE) {
      scan.at = at + 1;
      sink.at = to;
      return true;
    }
    if (byte === BACKSLASH) {
      if (!isOnlySpelling(bytes, at + 1)) {
        return false;
      }
      at += 1;
      out[to] = bytes[at] as number;
      to += 1;
    }
  }
  return false;
}

function isOnlySpelling(bytes: Buffer, at: number): boolean {
  return ESCAPES.has(bytes[at] as number) || CONTROL.test(bytes.toString('latin1', at, at + 5));
}

function putNumber(scan: Scan): boolean {
  const { bytes, sink } = scan;
  const begin = bytes[scan.at] === MINUS ? scan.at + 1 : scan.at;
  let end = begin;
  while (end < scan.end && isDigit(bytes[end] as number)) {
    end += 1;
  }
  const digits = end - begin;
  const leadsWithZero = bytes[begin] === ZERO && (digits > 1 || begin > scan.at);
  if (digits === 0 || digits > MAX_DIGITS || leadsWithZero || !isEndOfValue(scan, end)) {
    return false;
  }
  for (; scan.at < end; scan.at += 1) {
    sink.bytes[sink.at] = bytes[scan.at] as number;
    sink.at += 1;
  }
  return true;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

function isEndOfValue({ bytes, end }: Scan, at: number): boolean {
  const byte = bytes[at];
  return at === end || byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_LIST;
}

function putLiteral(scan: Scan, literal: Buffer): boolean {
  const { bytes, sink } = scan;
  const end = scan.at + literal.length;
  if (end > scan.end || bytes.compare(literal, 0, literal.length, scan.at, end) !== 0) {
    return false;
  }
  literal.copy(sink.bytes, sink.at);
  sink.at += literal.length;
  scan.at = end;
  return true;
}

/** Writes the byte that stands there and goes on behind it. */
function pass(scan: Scan): true {
  const { bytes, sink } = scan;
  sink.bytes[sink.at] = bytes[scan.at] as number;
  sink.at += 1;
  scan.at += 1;
  return true;
}

function skipSpaces(scan: Scan): void {
  while (scan.bytes[scan.at] === SPACE) {
    scan.at += 1;
  }
}
