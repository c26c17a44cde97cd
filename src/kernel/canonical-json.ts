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
  if (value === null || typeof value === 'boolean' || typeof value === 'string') {
    return JSON.stringify(value);
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
  const members: string[] = [];
  for (const key of Object.keys(value).sort()) {
    const member = value[key];
    if (member !== undefined) {
      members.push(`${JSON.stringify(key)}:${canonicalJson(member)}`);
    }
  }
  return `{${members.join(',')}}`;
}
