import { describe, expect, test } from 'bun:test';
import { DomainError } from '../../kernel/error.ts';
import { cutPage, pageQuery, readCursor, signCursor } from './cursor.ts';

const KEY = new Uint8Array(32).fill(3);
const POSITION = ['2026-01-31T09:30:00.000001Z', '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001'];

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(DomainError);
    return (error as DomainError).code;
  }
  return 'accepted';
}

describe('a cursor', () => {
  test('gives back the position it was signed for, microseconds included', () => {
    expect(readCursor(KEY, 'listDeposits', signCursor(KEY, 'listDeposits', POSITION))).toEqual(POSITION);
  });

  test('is refused in another listing, and in the same listing with another filter', () => {
    const cursor = signCursor(KEY, 'listDeposits status=pending', POSITION);
    for (const listing of ['listWithdrawals', 'listDeposits', 'listDeposits status=cleared']) {
      expect(codeOf(() => readCursor(KEY, listing, cursor))).toBe('invalid_cursor');
    }
  });

  test('is refused with any one bit changed', () => {
    const bytes = Buffer.from(signCursor(KEY, 'a', ['1']), 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const forged = Buffer.from(bytes);
      forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(codeOf(() => readCursor(KEY, 'a', forged.toString('base64url')))).toBe('invalid_cursor');
    }
  });

  test('is refused under another key, cut short, or made up', () => {
    const cursor = signCursor(KEY, 'a', POSITION);
    expect(codeOf(() => readCursor(new Uint8Array(32), 'a', cursor))).toBe('invalid_cursor');
    for (const text of [
      '',
      'x',
      '{}',
      cursor.slice(0, 22),
      cursor.slice(4),
      Buffer.alloc(99).toString('base64url'),
    ]) {
      expect(codeOf(() => readCursor(KEY, 'a', text))).toBe('invalid_cursor');
    }
  });
});

describe('a page', () => {
  const cut = (count: number, limit: number) =>
    cutPage(
      KEY,
      'a',
      Array.from({ length: count }, (_, index) => index),
      limit,
      (row) => [String(row)],
    );

  test('that is the last carries no cursor', () => {
    expect(cut(0, 2)).toEqual({ data: [], nextCursor: null });
    expect(cut(2, 2)).toEqual({ data: [0, 1], nextCursor: null });
  });

  test('with more behind it is cut to the limit and continues after its last row', () => {
    const page = cut(3, 2);
    expect(page.data).toEqual([0, 1]);
    expect(readCursor(KEY, 'a', page.nextCursor ?? '')).toEqual(['1']);
  });

  test.each([
    ['1', 1],
    ['200', 200],
    [undefined, 50],
  ])('of limit %p holds %p rows', (text, limit) => {
    expect(pageQuery.limit.parse(text)).toBe(limit);
  });

  test.each(['0', '201', '-1', '1e2', '0x10', ' 5', '5.0', '', '007', '1'.repeat(400)])(
    'of limit %p is refused, with the limits there are',
    (text) => {
      const { success, error } = pageQuery.limit.safeParse(text);
      expect([success, error?.issues[0]?.message]).toEqual([false, 'must be a whole number from 1 to 200']);
    },
  );
});
