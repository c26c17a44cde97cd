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
