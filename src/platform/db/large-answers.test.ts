import { afterAll, beforeAll, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import type postgres from 'postgres';
import { type Foundation, startFoundation } from '../../testing/foundation.ts';
import { openClient } from './client.ts';

let foundation: Foundation;
let client: postgres.Sql;

beforeAll(async () => {
  foundation = await startFoundation(import.meta.file, []);
  client = openClient(foundation.deps.db.connections.engine, 1);
});
afterAll(async () => {
  await client.end({ timeout: 1 });
  await foundation.close();
});

/** Around what one read of the socket brings, so that messages begin and end anywhere in it. */
const SIZES = [0, 1, 3, 4, 5, 4_095, 65_530, 65_536, 65_541, 262_144, 1_000_003];

test('rows of any size arrive whole and in order, however the socket cuts them', async () => {
  const rows = await client<{ n: number; text: string; hash: string }[]>`
    with made as (
      select n, left(repeat(md5(n::text), 32000), (${SIZES}::int[])[1 + n % ${SIZES.length}::int]) as text
      from generate_series(1, 130) n)
    select n, text, encode(sha256(text::bytea), 'hex') as hash from made order by n`;
  expect(rows.map(({ n }) => n)).toEqual(Array.from({ length: 130 }, (_, index) => index + 1));
  expect(rows.map(({ text }) => text.length)).toEqual(rows.map(({ n }) => SIZES[n % SIZES.length] ?? -1));
  expect(rows.filter(({ text, hash }) => createHash('sha256').update(text).digest('hex') !== hash)).toEqual(
    [],
  );
});

test('a copy out brings every row, also those that come with its first answer', async () => {
  const stream = await client.unsafe('copy (select n from generate_series(1, 50000) n) to stdout').readable();
  let text = '';
  for await (const chunk of stream) {
    text += String(chunk);
  }
  expect(text).toBe(Array.from({ length: 50_000 }, (_, index) => `${index + 1}\n`).join(''));
});
