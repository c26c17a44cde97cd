/**
 * JSON with one spelling per value (RFC 8785 key order), for hashes and signatures.
 * Numbers must be safe integers: amounts travel as decimal strings, never as floats.
 */

export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json | undefined };

/**
 * Serialises a value so that equal values give equal bytes.
 * @errors throws TypeError on floats, bigint, functions and other non-JSON values
 * @source RFC 8785 section 3.2 (integers only)
 */
export function canonicalJson(value: Json): string {
  if (typeof value === 'string') {
    return quoted(value);
  }
  if (value === null || typeof value === 'boolean') {
    return String(value);
  }
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) {
      throw new TypeError('canonical JSON takes safe integers only; send decimals as strings');
    }
    return Object.is(value, -0) ? '0' : String(value);
  }
  if (Array.isArray(value)) {
    return `[${value.map((item) => canonicalJson(item as Json)).join(',')}]`;
  }
  if (typeof value === 'object' && isPlainObject(value)) {
    return canonicalObject(value as { readonly [key: string]: Json | undefined });
  }
  throw new TypeError(`canonical JSON cannot hold a ${typeof value}`);
}

function isPlainObject(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function canonicalObject(value: { readonly [key: string]: Json | undefined }): string {
  let members = '';
  for (const key of sortedKeys(value)) {
    const member = value[key];
    if (member !== undefined) {
      members += `${members === '' ? '' : ','}${quoted(key)}:${canonicalJson(member)}`;
    }
  }
  return `{${members}}`;
}

/** Looking whether keys are in order costs less than sorting those that are. */
function sortedKeys(value: object): string[] {
  const keys = Object.keys(value);
  for (let index = 1; index < keys.length; index += 1) {
    if ((keys[index - 1] ?? '') > (keys[index] ?? '')) {
      return keys.sort();
    }
  }
  return keys;
}

/** Printable ASCII without quote and backslash needs no escape; everything else asks the runtime. */
const PLAIN = /^[ !#-[\]-~]*$/;

function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}
