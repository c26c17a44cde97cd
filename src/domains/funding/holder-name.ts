import anyAscii from 'any-ascii';

export type PersonName = { readonly firstName: string; readonly lastName: string };

/**
 * Whether an account holder's name is the customer's: the same words in any order, without case,
 * accents or punctuation. A stricter or looser comparison is a decision about fraud, so there is none
 * here.
 */
export function isSameHolder(holderName: string, person: PersonName): boolean {
  const holder = wordsOf(holderName);
  return holder !== '' && holder === wordsOf(`${person.firstName} ${person.lastName}`);
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
