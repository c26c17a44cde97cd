import { describe, expect, test } from 'bun:test';
import { createHash, createHmac } from 'node:crypto';
import { leafEntry, partHash, rowLeafHash, SALT_BYTES } from './leaf.ts';
import { rowMac, verifyRowMac } from './row-mac.ts';

const salt1 = new Uint8Array(SALT_BYTES).fill(1);
const salt2 = new Uint8Array(SALT_BYTES).fill(2);
const h = (...parts: (Uint8Array | string)[]): Uint8Array => {
  const hash = createHash('sha256');
  for (const part of parts) {
    hash.update(part);
  }
  return new Uint8Array(hash.digest());
};

describe('leaf', () => {
  const publicPart = { b: 'é', a: [1, null, true] };
  const parts = {
    publicHash: partHash(salt1, publicPart),
    personalHash: partHash(salt2, { ip: '192.0.2.1' }),
  };

  test('is SHA-256(0x00 ‖ H(H(salt1‖public) ‖ H(salt2‖personal))) over canonical JSON', () => {
    const inner1 = h(salt1, '{"a":[1,null,true],"b":"é"}');
    const inner2 = h(salt2, '{"ip":"192.0.2.1"}');
    const entry = h(inner1, inner2);
    expect(parts).toEqual({ publicHash: inner1, personalHash: inner2 });
    expect(leafEntry(parts)).toEqual(entry);
    expect(rowLeafHash(parts)).toEqual(h(new Uint8Array([0]), entry));
  });

  test('does not depend on the order in which keys were written', () => {
    expect(partHash(salt1, { a: [1, null, true], b: 'é' })).toEqual(parts.publicHash);
  });

  test('changes with either salt, either part and their exchange', () => {
    const leaf = rowLeafHash(parts);
    const swapped = { publicHash: parts.personalHash, personalHash: parts.publicHash };
    const others = [
      { ...parts, publicHash: partHash(salt2, publicPart) },
      { ...parts, publicHash: partHash(salt1, { ...publicPart, b: 'e' }) },
      { ...parts, personalHash: partHash(salt2, null) },
      swapped,
    ];
    for (const other of others) {
      expect(rowLeafHash(other)).not.toEqual(leaf);
    }
  });

  test('refuses a salt of another length, a float and a hash of another length', () => {
    expect(() => partHash(new Uint8Array(15), null)).toThrow();
    expect(() => partHash(salt1, 0.5)).toThrow(TypeError);
    expect(() => leafEntry({ ...parts, publicHash: new Uint8Array(31) })).toThrow();
  });
});

describe('row MAC', () => {
  const key = new Uint8Array(32).fill(9);
  const subject = { rowId: '0193-a', leafHash: h('leaf') };

  test('verifies for its row and key only', () => {
    const mac = rowMac(key, subject);
    expect(mac).toHaveLength(32);
    expect(verifyRowMac(key, subject, mac)).toBe(true);
    expect(verifyRowMac(new Uint8Array(32).fill(8), subject, mac)).toBe(false);
    expect(verifyRowMac(key, { ...subject, rowId: '0193-b' }, mac)).toBe(false);
    expect(verifyRowMac(key, { ...subject, leafHash: h('other') }, mac)).toBe(false);
    expect(verifyRowMac(key, subject, mac.subarray(1))).toBe(false);
  });

  test('is the HMAC-SHA-256 of domain, row and leaf, for keys of any length in any order', () => {
    const keys = [32, 63, 64, 65, 200, 32].map((length, fill) => new Uint8Array(length).fill(fill + 1));
    for (const each of keys) {
      const message = JSON.stringify([
        'plimsoll-audit-row-mac@1',
        subject.rowId,
        Buffer.from(subject.leafHash).toString('base64'),
      ]);
      const expected = createHmac('sha256', each).update(message).digest();
      expect(rowMac(each, subject)).toEqual(new Uint8Array(expected));
    }
  });

  test('refuses a short key', () => {
    expect(() => rowMac(new Uint8Array(31), subject)).toThrow();
  });
});
