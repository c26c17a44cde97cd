/**
 * The keyed code that covers an audit row until a checkpoint does.
 * Guarantees: whoever can write the database but lacks the key cannot alter a row, nor move its code to
 * another. Does not guarantee that a row was not deleted: the sequencer's gap-free order does.
 */
import { timingSafeEqual } from 'node:crypto';
import { assert } from '../../kernel/assert.ts';
import { canonicalJson } from '../../kernel/canonical-json.ts';
import { toBase64 } from './base64.ts';
import { HASH_BYTES, type Hash, sha256 } from './merkle.ts';

const MIN_KEY_BYTES = 32;
const DOMAIN = 'plimsoll-audit-row-mac@1';

/** Which row, and what its leaf commits to. */
export type MacSubject = { readonly rowId: string; readonly leafHash: Hash };

/** The HMAC-SHA-256 of a row under the audit MAC key. */
export function rowMac(key: Uint8Array, subject: MacSubject): Uint8Array {
  assert(key.length >= MIN_KEY_BYTES, `a row MAC key has at least ${MIN_KEY_BYTES} bytes`);
  const message = canonicalJson([DOMAIN, subject.rowId, toBase64(subject.leafHash)]);
  return hmac(padsOf(key), message);
}

/** Whether a stored code is the row's, compared in constant time. */
export function verifyRowMac(key: Uint8Array, subject: MacSubject, mac: Uint8Array): boolean {
  const expected = rowMac(key, subject);
  return mac.length === expected.length && timingSafeEqual(mac, expected);
}

/** What HMAC puts before the message and before its hash. */
type Pads = { readonly key: Uint8Array; readonly inner: Uint8Array; readonly outer: Uint8Array };

const BLOCK_BYTES = 64;
const MAX_MESSAGE_CHARACTERS = 1_024;

/** One server has one key: the pads of the last are kept, and made anew for another. */
let known: Pads | undefined;

function padsOf(key: Uint8Array): Pads {
  if (known === undefined || !isEqual(known.key, key)) {
    known = { key: key.slice(), inner: padOf(key, 0x36), outer: padOf(key, 0x5c) };
  }
  return known;
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

function padOf(key: Uint8Array, fill: number): Uint8Array {
  const short = key.length > BLOCK_BYTES ? sha256(key) : key;
  // With room for what follows it.
  const pad = new Uint8Array(BLOCK_BYTES + 3 * MAX_MESSAGE_CHARACTERS).fill(fill, 0, BLOCK_BYTES);
  short.forEach((byte, place) => {
    pad[place] = byte ^ fill;
  });
  return pad;
}

const encoder = new TextEncoder();

/** @source RFC 2104, over buffers that are kept: a hash object per row costs twice as much */
function hmac({ inner, outer }: Pads, message: string): Uint8Array {
  assert(message.length <= MAX_MESSAGE_CHARACTERS, 'the name of a row is short');
  const { written } = encoder.encodeInto(message, inner.subarray(BLOCK_BYTES));
  outer.set(sha256(inner.subarray(0, BLOCK_BYTES + written)), BLOCK_BYTES);
  return sha256(outer.subarray(0, BLOCK_BYTES + HASH_BYTES));
}
