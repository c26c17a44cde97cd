import { afterAll, beforeAll, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dataKey } from '../crypto/keyring.ts';
import { readSealedFile, readSealedRange, writeSealedFile } from './sealed-file.ts';

const key = dataKey(new Uint8Array(32).fill(3));
const place = { table: 'samples', column: 'file', rowId: 'one' };
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plimsoll-sealed-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function* lines(count: number): AsyncGenerator<string> {
  for (let number = 0; number < count; number += 1) {
    yield `line ${number} of a file that is longer than one chunk\n`;
  }
}

async function textOf(path: string, at = place): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readSealedFile(path, key, at)) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

test.each([0, 1, 20_000])(
  'gives back %d lines, with their digest, and stores none in the clear',
  async (count) => {
    const path = join(folder, `whole-${count}`);
    const written = await writeSealedFile(path, key, place, lines(count));
    const text = await textOf(path);
    expect(text.split('\n')).toHaveLength(count + 1);
    expect(written).toEqual({
      sizeBytes: Buffer.byteLength(text),
      sha256: createHash('sha256').update(text).digest('hex'),
    });
    expect((await readFile(path)).includes('line 0')).toBe(false);
  },
);

test('refuses a file that was altered, cut off at a chunk, or moved to another place', async () => {
  const path = join(folder, 'attacked');
  await writeSealedFile(path, key, place, lines(20_000));
  const bytes = await readFile(path);
  expect(textOf(path, { ...place, rowId: 'two' })).rejects.toThrow('samples.file');
  await truncate(path, 4 + bytes.readUInt32BE());
  expect(textOf(path)).rejects.toThrow('samples.file');
  await truncate(path, 100);
  expect(textOf(path)).rejects.toThrow('cut off');
  bytes[200] = (bytes[200] ?? 0) ^ 1;
  await writeFile(path, bytes);
  expect(textOf(path)).rejects.toThrow('altered');
});

test('leaves nothing behind when the writing fails', async () => {
  const path = join(folder, 'failing');
  const failing = (async function* () {
    yield 'begun';
    throw new RangeError('no more');
  })();
  expect(writeSealedFile(path, key, place, failing)).rejects.toThrow(RangeError);
  expect((await readdir(folder)).filter((name) => name.startsWith('failing'))).toEqual([]);
});

test('gives any part of the file alone, and bytes as well as text', async () => {
  const path = join(folder, 'parts');
  const whole = Buffer.alloc(600_000, 'an odd period ');
  await writeSealedFile(
    path,
    key,
    place,
    (async function* () {
      yield whole.subarray(0, 300_001);
      yield whole.subarray(300_001).toString('utf8');
    })(),
  );
  const chunk = 256 * 1024;
  const edges = [0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk, 599_999, 600_000];
  for (const begin of edges) {
    for (const end of edges.filter((edge) => edge >= begin)) {
      const read: Uint8Array[] = [];
      for await (const part of readSealedRange(path, key, place, { begin, end })) {
        read.push(part);
      }
      expect(Buffer.concat(read).equals(whole.subarray(begin, end))).toBe(true);
    }
  }
});

test('refuses a part that reaches into an altered chunk, and only such a part', async () => {
  const path = join(folder, 'half-altered');
  await writeSealedFile(path, key, place, lines(20_000));
  const bytes = await readFile(path);
  bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
  await writeFile(path, bytes);
  const partOf = async (begin: number, end: number): Promise<void> => {
    for await (const _part of readSealedRange(path, key, place, { begin, end })) {
      // What matters is whether it opens.
    }
  };
  await partOf(0, 100);
  expect(partOf(1_000_000, 1_000_001)).rejects.toThrow('samples.file');
});
