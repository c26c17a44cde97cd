import { expect, test } from 'bun:test';
import type { Ciphertext } from '../db/columns.ts';
import { dataKey } from './keyring.ts';
import { columnOpener, openText, SealError, sealText } from './seal.ts';

const KEY = dataKey(new Uint8Array(32).fill(1));
const OTHER = dataKey(new Uint8Array(32).fill(2));
const ID = '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001';
const PLACE = { table: 'audit_logs', column: 'personal', rowId: ID };
const opener = columnOpener(PLACE.table, PLACE.column, ID.length);

function opened(key: typeof KEY, sealed: Uint8Array, rowId = ID): string {
  const bytes = Buffer.concat([Buffer.from('before'), sealed, Buffer.from('after')]);
  return opener(key, Buffer.from(rowId), bytes, 6, bytes.length - 5).toString('utf8');
}

test('opens each of many values as the general way does, also under an older key of the person', () => {
  for (const text of ['', 'x', 'ünïcode', 'long '.repeat(1_000)]) {
    const sealed = sealText(KEY, PLACE, text);
    expect(opened(KEY, sealed)).toBe(text);
    expect(opened({ ...OTHER, others: [KEY] }, sealed)).toBe(openText(KEY, PLACE, sealed));
  }
});

test('opens nothing under another key, of another row, or altered in any bit', () => {
  const sealed = sealText(KEY, PLACE, 'amina@example.com');
  expect(() => opened(OTHER, sealed)).toThrow(SealError);
  expect(() => opened(KEY, sealed, ID.replace('0199', '0198'))).toThrow(SealError);
  expect(() => opened(KEY, sealed, ID.slice(1))).toThrow(SealError);
  expect(() => opened(KEY, sealed.subarray(0, 36))).toThrow(SealError);
  for (let index = 0; index < sealed.length * 8; index += 1) {
    const altered = new Uint8Array(sealed) as Ciphertext;
    altered[index >> 3] = (altered[index >> 3] ?? 0) ^ (1 << (index & 7));
    expect(() => opened(KEY, altered)).toThrow(SealError);
  }
});
