/**
 * What a payer writes on a transfer, so that the money finds its deposit: an ISO 11649 creditor
 * reference, which banks carry in a field of their own. Its body is consonants alone: no word appears
 * by chance, none looks like a digit, and the check digits then find every single mistyped letter and
 * every swap of neighbours (with digits mixed in they would miss some).
 */
import { type Id, newId } from '../../kernel/id.ts';

const LETTERS = 'BCDFGHJKMNPRSTVX';
const BODY_LENGTH = 14;
const REFERENCE = new RegExp(`^RF\\d{2}[${LETTERS}]{${BODY_LENGTH}}$`);

/**
 * Makes a reference of 56 random bits; the unique index on deposits is the last word.
 * @shape RF, two check digits, fourteen letters
 * @source ISO 11649, ISO 7064 MOD 97-10
 */
export function newPaymentReference(randomId: Id = newId()): string {
  // The last digits of a UUIDv7 are its random part.
  const digits = randomId.replaceAll('-', '').slice(-BODY_LENGTH);
  const body = [...digits].map((digit) => LETTERS.charAt(Number.parseInt(digit, 16))).join('');
  const check = 98n - remainderOf(`${body}RF00`);
  return `RF${check.toString().padStart(2, '0')}${body}`;
}

/**
 * Reads a reference as people write it: in groups, in lower case.
 * @shape the electronic form; undefined when it is none or its check digits do not hold
 */
export function readPaymentReference(text: string): string | undefined {
  const reference = text.toUpperCase().replaceAll(/[\s-]/g, '');
  if (!REFERENCE.test(reference)) {
    return undefined;
  }
  return holdsCheck(reference) ? reference : undefined;
}

/**
 * The reference in what a payer wrote, alone or among other words.
 * @shape the electronic form; undefined where there is none, or more than one
 */
export function findPaymentReference(texts: readonly string[]): string | undefined {
  const found = new Set<string>();
  for (const text of texts) {
    const letters = text.toUpperCase().replaceAll(/[\s-]/g, '');
    for (let at = letters.indexOf('RF'); at >= 0; at = letters.indexOf('RF', at + 1)) {
      const reference = readPaymentReference(letters.slice(at, at + 4 + BODY_LENGTH));
      if (reference !== undefined) {
        found.add(reference);
      }
    }
  }
  return found.size === 1 ? [...found][0] : undefined;
}

/** Whether the check digits of any ISO 11649 reference hold, whatever its body. */
export function holdsCheck(reference: string): boolean {
  return remainderOf(`${reference.slice(4)}${reference.slice(0, 4)}`) === 1n;
}

function remainderOf(text: string): bigint {
  const digits = text.replaceAll(/[A-Z]/g, (letter) => (letter.charCodeAt(0) - 55).toString());
  return BigInt(digits) % 97n;
}
