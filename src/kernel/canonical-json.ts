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
  // The runtime writes what RFC 8785 prescribes but for the order of members, and much faster than we can.
  return JSON.stringify(isInOrder(value) ? value : inOrder(value)) ?? written(value);
}

/**
 * Whether the members of a value, and of all in it, already stand in order.
 * @errors TypeError for what is not JSON of integers
 */
function isInOrder(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      if (!Number.isSafeInteger(value)) {
        throw new TypeError('canonical JSON takes safe integers only; send decimals as strings');
      }
      return true;
    case 'object':
      return value === null || (Array.isArray(value) ? areInOrder(value) : areMembersInOrder(value));
    default:
      throw new TypeError(`canonical JSON cannot hold a ${typeof value}`);
  }
}

/** Looks at all, in order or not: what is not JSON is refused wherever it stands. */
function areInOrder(items: readonly unknown[]): boolean {
  let inOrder = true;
  for (const item of items) {
    inOrder = isInOrder(item) && inOrder;
  }
  return inOrder;
}

function areMembersInOrder(value: object): boolean {
  if (!isPlainObject(value)) {
    throw new TypeError('canonical JSON cannot hold an object of a class');
  }
  let inOrder = true;
  let before = '';
  for (const key of Object.keys(value)) {
    const member = (value as Readonly<Record<string, unknown>>)[key];
    inOrder = (member === undefined || isInOrder(member)) && key >= before && inOrder;
    before = key;
  }
  return inOrder;
}

function isPlainObject(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * The same value with its members put in order, of what was looked at already; undefined where the runtime would
 * keep them in an order of its own, as it does members whose names are numbers.
 */
function inOrder(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  if (Array.isArray(value)) {
    const items = value.map(inOrder);
    return items.some((item, at) => item === undefined && value[at] !== undefined) ? undefined : items;
  }
  const members: [string, unknown][] = [];
  for (const key of Object.keys(value).sort()) {
    const member = (value as Readonly<Record<string, unknown>>)[key];
    const ordered = inOrder(member);
    if (NUMBER_NAME.test(key) || (ordered === undefined && member !== undefined)) {
      return undefined;
    }
    members.push([key, ordered]);
  }
  return Object.fromEntries(members);
}

const NUMBER_NAME = /^\d+$/;

/** What was looked at already, written member by member in order. */
function written(value: Json): string {
  if (Array.isArray(value)) {
    return `[${value.map((item) => written(item as Json)).join(',')}]`;
  }
  return typeof value === 'object' && value !== null
    ? writtenMembers(value as { readonly [key: string]: Json | undefined })
    : JSON.stringify(value);
}

function writtenMembers(value: { readonly [key: string]: Json | undefined }): string {
  const members: string[] = [];
  for (const key of Object.keys(value).sort()) {
    const member = value[key];
    if (member !== undefined) {
      members.push(`${JSON.stringify(key)}:${written(member)}`);
    }
  }
  return `{${members.join(',')}}`;
}
