import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { Ciphertext } from '../db/columns.ts';
import { dataKey } from './keyring.ts';
import { open, openJson, openText, type Place, SealError, seal, sealJson, sealText } from './seal.ts';

const KEY = dataKey(new Uint8Array(32).fill(1));
const OTHER = dataKey(new Uint8Array(32).fill(2));
const PLACE: Place = { table: 'users', column: 'email', rowId: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001' };
const TEXT = 'amina@example.com';

function faultOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(SealError);
    return (error as SealError).message;
  }
  throw new Error('it opened');
}

describe('a ciphertext', () => {
  test('opens to what was sealed, whatever that was', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.string(), (bytes, rowId) => {
        const place = { ...PLACE, rowId };
        expect(open(() => KEY, place, seal(KEY, place, bytes))).toEqual(new Uint8Array(bytes));
      }),
      { numRuns: 60 },
    );
    const profile = { firstName: 'Amina', tags: ['é', '\u{1f30a}'] };
    expect(openJson<typeof profile>(KEY, PLACE, sealJson(KEY, PLACE, profile))).toEqual(profile);
  });

  test('shows nothing of what it holds and differs each time', () => {
    const first = sealText(KEY, PLACE, TEXT);
    const second = sealText(KEY, PLACE, TEXT);
    expect(Buffer.from(first).includes(TEXT)).toBe(false);
    expect(Buffer.from(first).equals(Buffer.from(second))).toBe(false);
    // Nonces: 12 bytes behind the version and the key id.
    expect(Buffer.from(first.subarray(9, 21)).equals(Buffer.from(second.subarray(9, 21)))).toBe(false);
  });

  test.each([
    ['table', { ...PLACE, table: 'sessions' }],
    ['column', { ...PLACE, column: 'phone' }],
    ['row', { ...PLACE, rowId: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a002' }],
  ])('moved to another %s does not open, and the fault names where it was read', (_part, place) => {
    const sealed = sealText(KEY, PLACE, TEXT);
    expect(faultOf(() => openText(KEY, place, sealed))).toBe(
      `${place.table}.${place.column}: the ciphertext was altered, moved or truncated`,
    );
  });

  test('with any one bit changed does not open', () => {
    const sealed = sealText(KEY, PLACE, TEXT);
    for (let index = 0; index < sealed.length * 8; index += 1) {
      const altered = new Uint8Array(sealed) as Ciphertext;
      altered[index >> 3] = (altered[index >> 3] ?? 0) ^ (1 << (index & 7));
      expect(faultOf(() => openText(KEY, PLACE, altered))).toStartWith('users.email: ');
    }
  });

  test('cut short anywhere, or with bytes added, does not open', () => {
    const sealed = sealText(KEY, PLACE, TEXT);
    for (let length = 0; length < sealed.length; length += 1) {
      const cut = sealed.slice(0, length) as Ciphertext;
      expect(faultOf(() => openText(KEY, PLACE, cut))).toStartWith('users.email: ');
    }
    const longer = new Uint8Array([...sealed, 0]) as Ciphertext;
    expect(faultOf(() => openText(KEY, PLACE, longer))).toStartWith('users.email: ');
  });

  test('under a key that is not here says so, with table and column and without content', () => {
    const fault = faultOf(() => openText(OTHER, PLACE, sealText(KEY, PLACE, TEXT)));
    expect(fault).toBe('users.email: sealed under a key that is not in the keyring');
  });

  test('with the id of another key put on it does not open under that key', () => {
    const sealed = new Uint8Array(sealText(KEY, PLACE, TEXT)) as Ciphertext;
    sealed.set(OTHER.id, 1);
    expect(faultOf(() => openText(OTHER, PLACE, sealed))).toContain('altered, moved or truncated');
  });

  test('of a version to come is refused as such', () => {
    const sealed = new Uint8Array(sealText(KEY, PLACE, TEXT)) as Ciphertext;
    sealed[0] = 2;
    expect(faultOf(() => openText(KEY, PLACE, sealed))).toContain('not a ciphertext of a known version');
  });
});
