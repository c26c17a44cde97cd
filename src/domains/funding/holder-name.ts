import anyAscii from 'any-ascii';

/**
 * Whether an account holder's name is the customer's: the same words in any order, without case,
 * accents or punctuation. A stricter or looser comparison is a decision about fraud, so there is none
 * here.
 */
export function isSameHolder(holderName: string, customerName: string): boolean {
  const holder = wordsOf(holderName);
  return holder !== '' && holder === wordsOf(customerName);
}

function wordsOf(name: string): string {
  return anyAscii(name)
    .toLowerCase()
    .replaceAll(/['’`]/g, '')
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '')
    .sort()
    .join(' ');
}
