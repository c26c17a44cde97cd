/**
 * The keyed code that covers an audit row until a checkpoint does.
 * Guarantees: whoever can write the database but lacks the key cannot alter a row, nor move its code to
 * another. Does not guarantee that a row was not deleted: the sequencer's gap-free order does.
 */
import { timingSafeEqual } from 'node:crypto';
import { assert } from '../../kernel/assert.ts';
import { canonicalJson } from '../../kernel/canonical-json.ts';
import { toBase64 } from './base64.ts';
import type { Hash } from './merkle.ts';

const MIN_KEY_BYTES = 32;
const DOMAIN = 'plimsoll-audit-row-mac@1';

/** Which row, and what its leaf commits to. */
export type MacSubject = { readonly rowId: string; readonly leafHash: Hash };

/** The HMAC-SHA-256 of a row under the audit MAC key. */
export function rowMac(key: Uint8Array, subject: MacSubject): Uint8Array {
  assert(key.length >= MIN_KEY_BYTES, `a row MAC key has at least ${MIN_KEY_BYTES} bytes`);
  const message = canonicalJson([DOMAIN, subject.rowId, toBase64(subject.leafHash)]);
  return new Uint8Array(new Bun.CryptoHasher('sha256', key).update(message).digest());
}

/** Whether a stored code is the row's, compared in constant time. */
export function verifyRowMac(key: Uint8Array, subject: MacSubject, mac: Uint8Array): boolean {
  const expected = rowMac(key, subject);
  return mac.length === expected.length && timingSafeEqual(mac, expected);
}
