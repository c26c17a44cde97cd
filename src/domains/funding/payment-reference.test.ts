import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { holdsCheck, newPaymentReference, readPaymentReference } from './payment-reference.ts';

const LETTERS = 'BCDFGHJKMNPRSTVX';

test('the check digits are those of ISO 11649', () => {
  expect(holdsCheck('RF18539007547034')).toBe(true);
  expect(holdsCheck('RF18539007547043')).toBe(false);
});

test('a new reference reads back as itself, also in groups and in lower case', () => {
  for (let round = 0; round < 200; round += 1) {
    const reference = newPaymentReference();
    const grouped = reference.replaceAll(/(.{4})(?!$)/g, '$1 ').toLowerCase();
    expect(readPaymentReference(reference)).toBe(reference);
    expect(readPaymentReference(grouped)).toBe(reference);
  }
});

test('every single wrong letter and every swap of neighbours is found', () => {
  fc.assert(
    fc.property(fc.integer({ min: 4, max: 17 }), fc.constantFrom(...LETTERS), (place, letter) => {
      const reference = newPaymentReference();
      const mistyped = reference.slice(0, place) + letter + reference.slice(place + 1);
      const swapped =
        reference.slice(0, place) +
        reference
          .slice(place, place + 2)
          .split('')
          .reverse()
          .join('') +
        reference.slice(place + 2);
      expect(readPaymentReference(mistyped) === undefined).toBe(mistyped !== reference);
      expect(readPaymentReference(swapped) === undefined).toBe(swapped !== reference);
    }),
    { numRuns: 2000 },
  );
});

test('what is no reference of ours is refused', () => {
  for (const text of ['', 'RF', 'RF18539007547034', 'DE89370400440532013000', 'invoice 12']) {
    expect(readPaymentReference(text)).toBeUndefined();
  }
});
