import type { Json } from '../../../kernel/canonical-json.ts';

/** What is smaller Python writes with an exponent. */
const PLAIN_FROM = 1e-4;

/**
 * Compact JSON with its members in order, written as Didit writes what it signs: fractions stay, a fraction that is
 * whole is an integer, letters are not escaped. Equal values give equal text.
 * @source Didit, webhooks: Python's `json.dumps` with sort_keys, separators "," and ":", ensure_ascii=False
 */
export function sortedJson(value: Json): string {
  if (typeof value === 'number') {
    return writtenNumber(value);
  }
  if (Array.isArray(value)) {
    return `[${value.map((item) => sortedJson(item as Json)).join(',')}]`;
  }
  if (typeof value !== 'object' || value === null) {
    return JSON.stringify(value);
  }
  const members = Object.entries(value as { readonly [name: string]: Json | undefined })
    .filter(([, member]) => member !== undefined)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${sortedJson(member ?? null)}`);
  return `{${members.join(',')}}`;
}

function writtenNumber(value: number): string {
  if (Number.isInteger(value)) {
    return BigInt(value).toString();
  }
  // Both languages give the fewest digits that are the same number; they differ in when they use an exponent.
  return Math.abs(value) >= PLAIN_FROM ? String(value) : value.toExponential().replace(/e-(\d)$/u, 'e-0$1');
}
