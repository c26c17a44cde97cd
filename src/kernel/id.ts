/** UUIDv7 identifiers: the one home of identifier randomness. */

declare const idBrand: unique symbol;

/** @units UUIDv7 text, lower case */
export type Id = string & { readonly [idBrand]?: true };

const UUID_PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * Makes an identifier that sorts by its creation time within one process.
 * @source RFC 9562 section 5.7
 */
export function newId(): Id {
  return Bun.randomUUIDv7();
}

const ID_BYTES = 16;
/** As much randomness as the platform gives at once. */
const RANDOM_MAX = 65_536;
/** How many identifiers of one millisecond their counter tells apart. */
const PER_MS = 4_096;

/** The millisecond and the count of the identifier that `newIdBytes` made last. */
const lastMade = { ms: 0, count: 0 };

/**
 * Makes many identifiers at once, for rows that are named by nothing else: cheaper than the text of each. They sort
 * in their order and after all that it made before.
 * @units UUIDv7, 16 bytes each
 * @source RFC 9562 section 6.2, method 1
 */
export function newIdBytes(count: number): Uint8Array {
  const bytes = new Uint8Array(count * ID_BYTES);
  for (let from = 0; from < bytes.length; from += RANDOM_MAX) {
    crypto.getRandomValues(bytes.subarray(from, from + RANDOM_MAX));
  }
  const nowMs = Bun.randomUUIDv7('buffer').readUIntBE(0, 6);
  let { ms, count: made } = lastMade.ms < nowMs ? { ms: nowMs, count: 0 } : lastMade;
  for (let at = 0; at < bytes.length; at += ID_BYTES) {
    made += 1;
    if (made === PER_MS) {
      [ms, made] = [ms + 1, 0];
    }
    const high = Math.floor(ms / 65_536);
    bytes[at] = high >>> 24;
    bytes[at + 1] = high >>> 16;
    bytes[at + 2] = high >>> 8;
    bytes[at + 3] = high;
    bytes[at + 4] = ms >>> 8;
    bytes[at + 5] = ms;
    bytes[at + 6] = 0x70 | (made >>> 8);
    bytes[at + 7] = made;
    bytes[at + 8] = 0x80 | ((bytes[at + 8] ?? 0) & 0x3f);
  }
  Object.assign(lastMade, { ms, count: made });
  return bytes;
}

/**
 * The least identifier that can be made at a time: those made before come before it.
 * @units milliseconds since 1970, of real time
 */
export function firstIdAt(ms: number): Id {
  const digits = Math.max(0, Math.floor(ms)).toString(16).padStart(12, '0');
  return `${digits.slice(0, 8)}-${digits.slice(8)}-7000-8000-000000000000`;
}

/** Whether text is an identifier in the one spelling that is stored. */
export function isId(text: string): text is Id {
  return UUID_PATTERN.test(text);
}
