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

/** Whether text is an identifier in the one spelling that is stored. */
export function isId(text: string): text is Id {
  return UUID_PATTERN.test(text);
}
