/**
 * The two-part salted leaf of an audit row.
 * Guarantees: the commitment hides both parts from whoever lacks the salts; the public part can be shown and
 * checked without the personal one, and the other way round; destroying the personal part and its salt leaves
 * the leaf recomputable from the stored `personalHash`.
 * Does not guarantee secrecy of a part whose salt is kept beside its hash: the personal salt therefore
 * belongs inside the ciphertext, never in a column of its own.
 */
import { assert } from '../../kernel/assert.ts';
import { canonicalJson, type Json } from '../../kernel/canonical-json.ts';
import { HASH_BYTES, type Hash, leafHash, sha256 } from './merkle.ts';

export const SALT_BYTES = 16;

/** What the leaf of a row commits to. */
export type LeafParts = { readonly publicHash: Hash; readonly personalHash: Hash };

/**
 * Commits to one part of a row: SHA-256(salt ‖ canonical JSON). A row without personal data commits to null,
 * so that the hash does not tell whether there was any.
 * @errors throws TypeError when the part is not canonical JSON, AssertionError when the salt has another length
 */
export function partHash(salt: Uint8Array, part: Json): Hash {
  assert(salt.length === SALT_BYTES, `a leaf salt has ${SALT_BYTES} bytes`);
  const text = canonicalJson(part);
  // One character makes three bytes at most; most parts fit what is kept for all.
  const room = SALT_BYTES + 3 * text.length;
  const bytes = room <= scratch.length ? scratch : Buffer.allocUnsafe(room);
  bytes.set(salt);
  const { written } = encoder.encodeInto(text, bytes.subarray(SALT_BYTES));
  return sha256(bytes.subarray(0, SALT_BYTES + written));
}

const encoder = new TextEncoder();
const scratch = new Uint8Array(65_536);

/**
 * The 32 bytes that are the log entry of a row: SHA-256(publicHash ‖ personalHash). They go into the RFC 6962
 * leaf hash and into entry bundles, and say nothing about the row.
 */
export function leafEntry(parts: LeafParts): Uint8Array {
  assert(
    parts.publicHash.length === HASH_BYTES && parts.personalHash.length === HASH_BYTES,
    'a part hash has 32 bytes',
  );
  bothHashes.set(parts.publicHash);
  bothHashes.set(parts.personalHash, HASH_BYTES);
  return sha256(bothHashes);
}

const bothHashes = new Uint8Array(2 * HASH_BYTES);

/** The RFC 6962 leaf hash of a row. */
export function rowLeafHash(parts: LeafParts): Hash {
  return leafHash(leafEntry(parts));
}
