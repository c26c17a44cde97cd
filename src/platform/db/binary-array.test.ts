import { afterAll, beforeAll, expect, test } from 'bun:test';
import { sql } from 'drizzle-orm';
import { storedAmount } from '../../kernel/amount.ts';
import { isId, newId, newIdBytes } from '../../kernel/id.ts';
import { type Foundation, startFoundation } from '../../testing/foundation.ts';
import {
  amountArray,
  type BinaryArray,
  byteaArray,
  integerArray,
  textArray,
  uuidArray,
  uuidBytesArray,
} from './binary-array.ts';
import { arrayParameter } from './insert-rows.ts';
import { executePrepared } from './prepared.ts';
import { readerOf } from './transact-at-once.ts';

let foundation: Foundation;

beforeAll(async () => {
  foundation = await startFoundation(import.meta.file, []);
});
afterAll(() => foundation.close());

/** What the server reads from an array of a type, each value as it prints it. */
async function readBack(
  type: string,
  array: string | BinaryArray | undefined,
): Promise<readonly (string | null)[]> {
  const rows = await executePrepared<{ value: string | null; beside: string }>(
    readerOf(foundation.system, 'engine'),
    sql`select value::text as value, ${'beside'}::text as beside
      from unnest(${sql.param(array)}::${sql.raw(type)}[]) with ordinality as batch (value, place) order by place`,
  );
  expect(rows.every(({ beside }) => beside === 'beside')).toBe(true);
  return rows.map(({ value }) => value);
}

const TEXTS = [
  '',
  null,
  'null',
  'plain',
  'with "quotes", {braces} and \\ a backslash',
  'é',
  '€ 1.50',
  'Zürich 🏦 Île',
  'x'.repeat(127),
  'x'.repeat(128),
  'x'.repeat(255),
  'x'.repeat(256),
  'y'.repeat(40_000),
  `${'z'.repeat(33_000)}ü`,
];

test('texts arrive as they were, in ASCII or not, of any length', async () => {
  const ascii = TEXTS.filter((text) => text === null || /^[ -~]*$/.test(text));
  expect(ascii.length).toBeLessThan(TEXTS.length);
  for (const texts of [TEXTS, ascii, [null], [''], []]) {
    expect(await readBack('text', textArray('text', texts))).toEqual(texts);
  }
});

test('JSON arrives as it was', async () => {
  const values = [{ a: 'é "quoted"', n: 1 }, 'text', 7, { long: 'x'.repeat(300) }];
  const stored = await readBack(
    'jsonb',
    textArray('jsonb', [...values.map((value) => JSON.stringify(value)), null]),
  );
  expect(stored.map((text) => (text === null ? null : JSON.parse(text)))).toEqual([...values, null]);
});

test('bytes arrive as they were', async () => {
  const values = [
    new Uint8Array(0),
    null,
    new Uint8Array([0, 1, 127, 128, 255]),
    new Uint8Array(70_000).fill(200),
  ];
  expect(await readBack('bytea', byteaArray(values))).toEqual(
    values.map((value) => (value === null ? null : `\\x${value.toHex()}`)),
  );
});

test('identifiers arrive as they were', async () => {
  const ids = [
    newId(),
    null,
    '00000000-0000-0000-0000-000000000000',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
    newId(),
  ];
  expect(uuidArray(ids)).toBeDefined();
  expect(await readBack('uuid', uuidArray(ids))).toEqual(ids);
  const whole = ids.filter((id) => id !== null);
  expect(await readBack('uuid', uuidArray(whole))).toEqual(whole);
});

test('an identifier in another spelling is left to the server', async () => {
  const id = newId();
  const others = [id.toUpperCase(), id.replaceAll('-', ''), `{${id}}`];
  for (const other of others) {
    expect(uuidArray([id, other])).toBeUndefined();
    expect(await readBack('uuid', arrayParameter('uuid', [id, other]))).toEqual([id, id]);
  }
  for (const wrong of [
    '',
    'x'.repeat(36),
    `${id.slice(0, 35)}g`,
    `${id.slice(0, 8)}_${id.slice(9)}`,
    `${id.slice(0, 35)}é`,
  ]) {
    expect(uuidArray([wrong])).toBeUndefined();
    expect(readBack('uuid', arrayParameter('uuid', [wrong]))).rejects.toThrow();
  }
});

test('identifiers made in their stored form arrive as such, in order and each once, over any number', async () => {
  // More than one millisecond's counter holds, and more than the platform gives randomness for at once.
  const made = newIdBytes(9_000);
  const ids = await readBack('uuid', uuidBytesArray(made));
  const later = await readBack('uuid', uuidBytesArray(newIdBytes(2)));
  const all = [...ids, ...later].map(String);
  expect(all.every(isId)).toBe(true);
  expect(all).toEqual([...new Set(all)].sort());
  expect(all.every((id) => id[14] === '7' && '89ab'.includes(id[19] ?? ''))).toBe(true);
  // What follows the count is random.
  expect(new Set(all.map((id) => id.slice(19))).size).toBe(all.length);
  expect(await readBack('uuid', uuidBytesArray(newIdBytes(0)))).toEqual([]);
});

test('whole numbers arrive as they were', async () => {
  const values = [0, 1, 255, 256, 65_536, 2_147_483_647, -1];
  expect(await readBack('integer', integerArray(values))).toEqual(values.map(String));
});

test('amounts arrive with all their decimals; what is longer than any balance has no such form', async () => {
  const most = 10n ** 20n - 1n;
  const sizes = [
    0n,
    1n,
    9_999n,
    10_000n,
    99_999_999n,
    100_000_000n,
    125_000_000n,
    10n ** 12n,
    10n ** 16n + 1n,
  ];
  const exact = BigInt(Number.MAX_SAFE_INTEGER);
  const random = Array.from(
    { length: 500 },
    (_, n) => (7n ** BigInt((n % 23) + 1) * 10_007n ** BigInt(n % 4)) % most,
  );
  const amounts = [...sizes, ...random, exact - 1n, exact, exact + 1n, most].flatMap((size) => [size, -size]);
  const read = await readBack('numeric', amountArray(amounts));
  expect(read).toEqual(amounts.map(storedAmount));
  expect(amountArray([1n, most + 1n])).toBeUndefined();
  expect(amountArray([1n, -most - 1n])).toBeUndefined();
});
