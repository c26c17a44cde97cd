/**
 * AES-256-GCM with the ciphertext bound to its table, column and row (I10): a ciphertext copied to
 * another place does not open. Layout: version 0x01, key id (8 bytes), nonce (12), ciphertext, tag
 * (16). Nonces are random; one key seals far fewer than 2^32 values.
 * @source NIST SP 800-38D
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { Ciphertext } from '../db/columns.ts';

/** Where a ciphertext lives; it opens nowhere else. */
export type Place = { readonly table: string; readonly column: string; readonly rowId: string };

/** @units id 8 bytes, key 32 bytes */
export type DataKey = {
  readonly id: Uint8Array;
  readonly key: Uint8Array;
  /** Keys that open what was sealed before this one, or will be sealed after it; none of them seals. */
  readonly others?: readonly DataKey[];
};

const VERSION = 1;
const HEADER_BYTES = 9;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Ciphertext that is altered, truncated, moved, or sealed under a key that is not here. */
export class SealError extends Error {
  override readonly name = 'SealError';
  readonly place: Place;

  constructor(place: Place, fault: string) {
    super(`${place.table}.${place.column}: ${fault}`);
    this.place = place;
  }
}

/**
 * Encrypts bytes under a fresh nonce, for one place only.
 * @shape version, key id, nonce, ciphertext, tag
 */
export function seal(key: DataKey, place: Place, plaintext: Uint8Array): Ciphertext {
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const cipher = createCipheriv('aes-256-gcm', key.key, nonce);
  const sealed = new Uint8Array(HEADER_BYTES + NONCE_BYTES + plaintext.length + TAG_BYTES);
  sealed[0] = VERSION;
  sealed.set(key.id, 1);
  sealed.set(nonce, HEADER_BYTES);
  cipher.setAAD(bindingOf(sealed, place));
  // GCM is a stream: what goes in comes out at once, and nothing is left for the end.
  sealed.set(cipher.update(plaintext), HEADER_BYTES + NONCE_BYTES);
  cipher.final();
  sealed.set(cipher.getAuthTag(), HEADER_BYTES + NONCE_BYTES + plaintext.length);
  return sealed as Ciphertext;
}

/**
 * Opens what `seal` made, for this place only.
 * @errors SealError naming table and column: unknown version or key, altered, moved or truncated
 */
export function open(
  findKey: (id: Uint8Array) => DataKey | undefined,
  place: Place,
  sealed: Ciphertext,
): Uint8Array {
  if (sealed.length < HEADER_BYTES + NONCE_BYTES + TAG_BYTES || sealed[0] !== VERSION) {
    throw new SealError(place, 'not a ciphertext of a known version');
  }
  const bytes = viewOf(sealed);
  const key = findKey(bytes.subarray(1, HEADER_BYTES));
  if (key === undefined) {
    throw new SealError(place, 'sealed under a key that is not in the keyring');
  }
  const nonce = bytes.subarray(HEADER_BYTES, HEADER_BYTES + NONCE_BYTES);
  const body = bytes.subarray(HEADER_BYTES + NONCE_BYTES, -TAG_BYTES);
  const opened = decrypted(key, nonce, bindingOf(bytes, place), body, bytes.subarray(-TAG_BYTES));
  if (opened === undefined) {
    throw new SealError(place, 'the ciphertext was altered, moved or truncated');
  }
  return new Uint8Array(opened.buffer, opened.byteOffset, opened.length);
}

/** Undefined where the tag is not the one of these bytes in this place. */
function decrypted(
  { key }: DataKey,
  nonce: Buffer,
  binding: Buffer,
  body: Buffer,
  tag: Buffer,
): Buffer | undefined {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce);
  decipher.setAAD(binding);
  decipher.setAuthTag(tag);
  try {
    const opened = decipher.update(body);
    // Nothing is left for the end, but only there the tag is checked.
    decipher.final();
    return opened;
  } catch {
    return undefined;
  }
}

/**
 * Opens many values of one column whose rows have ids of one length: the same as `openWith`, without making
 * again for each what is the same for all.
 * @shape takes `[begin, end)` of `bytes`, and the row's id as UTF-8
 * @errors SealError
 */
export function columnOpener(table: string, column: string, idBytes: number) {
  const name = Buffer.from(`\0${table}\0${column}\0`, 'utf8');
  const idAt = HEADER_BYTES + name.length;
  const binding = Buffer.alloc(idAt + idBytes);
  const nonce = Buffer.alloc(NONCE_BYTES);
  const tag = Buffer.alloc(TAG_BYTES);
  name.copy(binding, HEADER_BYTES);
  return (key: DataKey, rowId: Buffer, bytes: Buffer, begin: number, end: number): Buffer => {
    const bodyAt = begin + HEADER_BYTES + NONCE_BYTES;
    const tagAt = end - TAG_BYTES;
    const fault = (text: string) => new SealError({ table, column, rowId: rowId.toString('utf8') }, text);
    if (tagAt < bodyAt || bytes[begin] !== VERSION || rowId.length !== idBytes) {
      throw fault('not a ciphertext of a known version');
    }
    put(binding, 0, bytes, begin, HEADER_BYTES);
    put(binding, idAt, rowId, 0, idBytes);
    put(nonce, 0, bytes, begin + HEADER_BYTES, NONCE_BYTES);
    put(tag, 0, bytes, tagAt, TAG_BYTES);
    const own = names(binding, key) ? key : key.others?.find((other) => names(binding, other));
    if (own === undefined) {
      throw fault('sealed under a key that is not in the keyring');
    }
    const opened = decrypted(own, nonce, binding, bytes.subarray(bodyAt, tagAt), tag);
    if (opened === undefined) {
      throw fault('the ciphertext was altered, moved or truncated');
    }
    return opened;
  };
}

/** Whether a header names the key. */
function names(header: Uint8Array, { id }: DataKey): boolean {
  for (let index = 0; index < id.length; index += 1) {
    if (header[1 + index] !== id[index]) {
      return false;
    }
  }
  return id.length === HEADER_BYTES - 1;
}

/** So few bytes that a call would cost more. */
function put(target: Buffer, at: number, source: Uint8Array, begin: number, count: number): void {
  for (let index = 0; index < count; index += 1) {
    target[at + index] = source[begin + index] as number;
  }
}

/** Seals text as UTF-8, for one place. */
export function sealText(key: DataKey, place: Place, text: string): Ciphertext {
  return seal(key, place, Buffer.from(text, 'utf8'));
}

/**
 * Opens bytes with the key they must be sealed under, or another version of it.
 * @errors SealError
 */
export function openWith(key: DataKey, place: Place, sealed: Ciphertext): Uint8Array {
  return open((id) => versionOf(key, id), place, sealed);
}

/**
 * Opens text with the key it must be sealed under, or another version of it.
 * @errors SealError
 */
export function openText(key: DataKey, place: Place, sealed: Ciphertext): string {
  return viewOf(openWith(key, place, sealed)).toString('utf8');
}

/** Seals a value as JSON, for one place. */
export function sealJson(key: DataKey, place: Place, value: unknown): Ciphertext {
  return sealText(key, place, JSON.stringify(value));
}

/** The caller names the shape it sealed. @errors SealError */
export function openJson<Shape>(key: DataKey, place: Place, sealed: Ciphertext): Shape {
  return JSON.parse(openText(key, place, sealed)) as Shape;
}

/** The version of a key that a ciphertext names. */
function versionOf(key: DataKey, id: Uint8Array): DataKey | undefined {
  const named = viewOf(id);
  return named.equals(key.id) ? key : key.others?.find((other) => named.equals(other.id));
}

/** The same bytes, not a copy. */
function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** What the tag covers besides the ciphertext: version, key and place. */
function bindingOf(sealed: Uint8Array, place: Place): Buffer {
  const name = `\0${place.table}\0${place.column}\0${place.rowId}`;
  const binding = Buffer.allocUnsafe(HEADER_BYTES + Buffer.byteLength(name));
  for (let index = 0; index < HEADER_BYTES; index += 1) {
    binding[index] = sealed[index] ?? 0;
  }
  binding.write(name, HEADER_BYTES, 'utf8');
  return binding;
}
