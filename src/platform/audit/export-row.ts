/**
 * A row of the log as the slices of an export carry it, and the canonical text of its public part, made of the
 * stored values alone as `publicPart` does; the tests hold the two to the same bytes.
 */
import { type ByteSink, byteSink, putAll, putBytes, putQuoted, putUuid } from './byte-sink.ts';
import { putCanonical } from './canonical-bytes.ts';
import { rowLeafHash } from './leaf.ts';
import { int64, type Tuples } from './log-tuples.ts';
import { sha256 } from './merkle.ts';

/** A row among those that were read together: `base` is where its columns begin. */
export type Tuple = { readonly tuples: Tuples; base: number };

/** What a slice asks for, in this order. */
export const COLUMN = {
  leafIndex: 0,
  leafHash: 1,
  chosen: 2,
  archived: 3,
  id: 4,
  recordedAt: 5,
  actorId: 6,
  actorKind: 7,
  actorUserId: 8,
  after: 9,
  before: 10,
  category: 11,
  class: 12,
  description: 13,
  eventType: 14,
  outcome: 15,
  requestId: 16,
  resourceId: 17,
  resourceType: 18,
  severity: 19,
  subjectUserId: 20,
  salt: 21,
  personal: 22,
  personalHash: 23,
} as const;

export const COLUMNS = Object.keys(COLUMN).length;

/** How each value is sent beside its column. */
type Form = 'text' | 'label' | 'uuid' | 'json' | 'instant';

const MEMBERS: readonly (readonly [name: keyof typeof COLUMN, form: Form])[] = [
  ['actorId', 'text'],
  ['actorKind', 'label'],
  ['actorUserId', 'uuid'],
  ['after', 'json'],
  ['before', 'json'],
  ['category', 'label'],
  ['class', 'label'],
  ['description', 'text'],
  ['eventType', 'text'],
  ['id', 'uuid'],
  ['outcome', 'label'],
  ['recordedAt', 'instant'],
  ['requestId', 'text'],
  ['resourceId', 'text'],
  ['resourceType', 'text'],
  ['severity', 'label'],
  ['subjectUserId', 'uuid'],
];

const FIELDS = MEMBERS.map(([name, form], at) => ({
  column: COLUMN[name],
  form,
  label: Buffer.from(`${at === 0 ? '{' : ','}"${name}":`, 'latin1'),
}));

const NULL = Buffer.from('null', 'latin1');
const CLOSE = 0x7d;
const QUOTE = 0x22;
/** `jsonb` is sent as a version and its text. */
const JSON_VERSION_BYTES = 1;
/** PostgreSQL counts from 2000. @units microseconds since 1970 */
const EPOCH_US = 946_684_800_000_000;
/** Beyond it a year has five digits. @units microseconds since 2000 */
const LAST_US = 252_455_616_000_000_000;
const US_PER_SECOND = 1_000_000;

/**
 * Writes the public part of a row in canonical JSON, into the room for it.
 * @errors TypeError where the row has no form a row can have
 */
export function putPublic(sink: ByteSink, tuple: Tuple): void {
  const { bytes, begins, lengths } = tuple.tuples;
  const { base } = tuple;
  for (const { column, form, label } of FIELDS) {
    putAll(sink, label);
    const begin = begins[base + column] as number;
    const length = lengths[base + column] as number;
    if (length < 0) {
      putAll(sink, NULL);
    } else if (form === 'text') {
      putQuoted(sink, bytes, begin, begin + length);
    } else if (form === 'json') {
      putCanonical(sink, bytes, begin + JSON_VERSION_BYTES, begin + length);
    } else {
      sink.bytes[sink.at] = QUOTE;
      sink.at += 1;
      if (form === 'label') {
        putBytes(sink, bytes, begin, begin + length);
      } else if (form === 'uuid') {
        putUuid(sink, bytes, begin);
      } else {
        putAll(sink, instantText(int64(bytes, begin)));
      }
      sink.bytes[sink.at] = QUOTE;
      sink.at += 1;
    }
  }
  sink.bytes[sink.at] = CLOSE;
  sink.at += 1;
}

/** Whether a row with this public part is what its leaf commits to. */
export function isAsCommitted(tuple: Tuple, publicText: Uint8Array): boolean {
  const publicHash = sha256(Buffer.concat([columnOf(tuple, COLUMN.salt), publicText]));
  const personalHash = columnOf(tuple, COLUMN.personalHash);
  return (
    personalHash.length === publicHash.length &&
    Buffer.from(rowLeafHash({ publicHash, personalHash })).equals(columnOf(tuple, COLUMN.leafHash))
  );
}

/** The bytes of a column, none for NULL; they are good until the next slice is read. */
export function columnOf(tuple: Tuple, column: number): Buffer {
  const begin = beginOf(tuple, column);
  return tuple.tuples.bytes.subarray(begin, begin + Math.max(0, lengthOf(tuple, column)));
}

/** Where the bytes of a column begin among those that were read. */
export function beginOf({ tuples, base }: Tuple, column: number): number {
  return tuples.begins[base + column] as number;
}

/** How many bytes a column has, -1 for NULL. */
export function lengthOf({ tuples, base }: Tuple, column: number): number {
  return tuples.lengths[base + column] as number;
}

/** The text of a UUID; null for none. */
export function uuidOf(tuple: Tuple, column: number): string | null {
  if (lengthOf(tuple, column) < 0) {
    return null;
  }
  uuid.at = 0;
  putUuid(uuid, tuple.tuples.bytes, beginOf(tuple, column));
  return uuid.bytes.toString('latin1', 0, uuid.at);
}

/** Whether a column is true; NULL is not. */
export function isTrue(tuple: Tuple, column: number): boolean {
  return lengthOf(tuple, column) === 1 && tuple.tuples.bytes[beginOf(tuple, column)] === 1;
}

const uuid = byteSink(36);
const instant = { us: Number.NaN, text: Buffer.alloc(0) };

/** Rows come in the order of their time, and a batch has one: the last is kept. */
function instantText(us: number): Buffer {
  if (instant.us !== us) {
    if (!(Math.abs(us) < LAST_US) || us + EPOCH_US < -62_135_596_800_000_000) {
      throw new TypeError('the time is none that is written with four digits of a year');
    }
    const sinceEpochUs = us + EPOCH_US;
    const seconds = Math.floor(sinceEpochUs / US_PER_SECOND);
    const fraction = String(sinceEpochUs - seconds * US_PER_SECOND).padStart(6, '0');
    const text = `${new Date(seconds * 1_000).toISOString().slice(0, 19)}.${fraction}Z`;
    instant.us = us;
    instant.text = Buffer.from(text, 'latin1');
  }
  return instant.text;
}
