/**
 * Recovery codes as people write them down: base32 without the letters that look like digits, in groups
 * of four. Reading forgives case, spaces, hyphens and the look-alikes.
 * @source https://www.crockford.com/base32.html
 */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const BITS = 5;
const GROUP = 4;

/** What a request may hold: a code with any separators. */
export const RECOVERY_CODE_PATTERN = /^(?:[0-9A-Za-z][ -]?){24}$/;

/** @shape 15 bytes give six groups of four, `7K2M-…` */
export function formatRecoveryCode(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const letters = bits.match(/.{5}/g)?.map((group) => ALPHABET[Number.parseInt(group, 2)] ?? '') ?? [];
  const groups = Array.from({ length: (bytes.length * 8) / BITS / GROUP }, (_none, index) =>
    letters.slice(index * GROUP, (index + 1) * GROUP).join(''),
  );
  return groups.join('-');
}

/** The one spelling of a code, for comparison. */
export function readRecoveryCode(text: string): string {
  return text.toUpperCase().replace(/[ -]/g, '').replaceAll('O', '0').replace(/[IL]/g, '1');
}
