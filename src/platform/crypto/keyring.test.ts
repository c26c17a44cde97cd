import { describe, expect, test } from 'bun:test';
import { buildKeyring, equalSecrets, KeyringError, parseRootKeys, type RootKey } from './keyring.ts';
import { openText, SealError, sealText } from './seal.ts';

const OLD: RootKey = { name: 'k1', key: new Uint8Array(32).fill(1) };
const NEW: RootKey = { name: 'k2', key: new Uint8Array(32).fill(2) };
const PLACE = { table: 'person_keys', column: 'wrapped_key', rowId: 'a' };
const SECRET = new Uint8Array(32).fill(5);

function base64(byte: number, length = 32): string {
  return Buffer.alloc(length, byte).toString('base64');
}

describe('root keys', () => {
  test('are read in order, spaces allowed between them', () => {
    expect(parseRootKeys(`k2:${base64(2)}, k1:${base64(1)}`)).toEqual([NEW, OLD]);
  });

  test.each([
    ['a name without a key', 'k1'],
    ['a short key', `k1:${base64(1, 31)}`],
    ['a long key', `k1:${base64(1, 33)}`],
    ['a name outside the alphabet', `K_1:${base64(1)}`],
    ['nothing', ''],
    ['a trailing comma', `k1:${base64(1)},`],
    ['letters that are not base64', `k1:${base64(1)}!!`],
    ['two keys of one name', `k1:${base64(1)},k1:${base64(2)}`],
    ['one key under two names', `k1:${base64(1)},k2:${base64(1)}`],
  ])('are refused: %s', (_title, text) => {
    expect(() => parseRootKeys(text)).toThrow(KeyringError);
  });

  test('are never quoted in the fault', () => {
    const secret = base64(1, 31);
    expect(() => parseRootKeys(`k1:${secret}`)).toThrow(
      new KeyringError('key 1 is not of the form name:base64 of 32 bytes'),
    );
  });
});

describe('the keyring', () => {
  test('unwraps under any of its root keys and wraps under the first', () => {
    const before = buildKeyring([OLD]);
    const after = buildKeyring([NEW, OLD]);
    expect(after.unwrap(PLACE, before.wrap(PLACE, SECRET))).toEqual(SECRET);
    expect(buildKeyring([NEW]).unwrap(PLACE, after.wrap(PLACE, SECRET))).toEqual(SECRET);
  });

  test('without the root key that wrapped says so', () => {
    const wrapped = buildKeyring([NEW]).wrap(PLACE, SECRET);
    expect(() => buildKeyring([OLD]).unwrap(PLACE, wrapped)).toThrow(SealError);
  });

  test('derives the same keys after a rotation, so that indexes, cursors and row codes still hold', () => {
    const before = buildKeyring([OLD]);
    const after = buildKeyring([NEW, OLD]);
    expect(after.blindIndex('users.email', 'a@b.mu')).toEqual(before.blindIndex('users.email', 'a@b.mu'));
    expect(after.cursorKey).toEqual(before.cursorKey);
    expect(after.rowMacKey).toEqual(before.rowMacKey);
    expect(openText(after.house, PLACE, sealText(before.house, PLACE, 'x'))).toBe('x');
  });

  test('gives no key two purposes', () => {
    const ring = buildKeyring([OLD]);
    const keys = [OLD.key, ring.house.key, ring.cursorKey, ring.rowMacKey, ring.blindIndex('', '')];
    expect(new Set(keys.map((key) => Buffer.from(key).toString('hex'))).size).toBe(keys.length);
  });

  test('keeps the blind indexes of two fields apart', () => {
    const { blindIndex } = buildKeyring([OLD]);
    expect(blindIndex('users.phone', 'x')).not.toEqual(blindIndex('users.email', 'x'));
    expect(blindIndex('a', 'bc')).not.toEqual(blindIndex('ab', 'c'));
    expect(buildKeyring([NEW]).blindIndex('a', 'b')).not.toEqual(blindIndex('a', 'b'));
  });

  test('needs a key', () => {
    expect(() => buildKeyring([])).toThrow(KeyringError);
  });
});

test('secrets of different length are unequal, not an error', () => {
  expect(equalSecrets(new Uint8Array(2), new Uint8Array(3))).toBe(false);
  expect(equalSecrets(new Uint8Array(3), new Uint8Array(3))).toBe(true);
});
