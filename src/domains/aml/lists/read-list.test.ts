import { describe, expect, test } from 'bun:test';
import { parseOwnCsv } from './own-csv.ts';
import { readEntity, readList } from './read-list.ts';

const HEADER = 'id,kind,name,aliases,birth_dates,countries,gender,programs,remarks';

/** A file large enough to be read by a worker. */
function large(count: number, last = ''): Uint8Array {
  const rows = Array.from(
    { length: count },
    (_unused, at) => `n-${at},person,Name Number ${at},,1970,,,TEST,${'x'.repeat(40)}`,
  );
  return new TextEncoder().encode([HEADER, ...rows, last].join('\n'));
}

describe('a large file', () => {
  test('is read as a small one is, while the process goes on with its work', async () => {
    const file = large(5_000);
    let turns = 0;
    let reading = true;
    const work = (async () => {
      while (reading) {
        turns += 1;
        await Bun.sleep(1);
      }
    })();
    const read = await readList('own_csv', { file });
    reading = false;
    await work;
    expect(read).toEqual(parseOwnCsv(file).map(readEntity));
    expect(turns).toBeGreaterThan(3);
  });

  test('that is bad is refused with its code and its line', async () => {
    const refused = readList('own_csv', { file: large(5_000, 'n-1,person,Again,,,,,,') });
    expect(await failureOf(refused)).toMatchObject({
      name: 'ListFormatError',
      code: 'duplicate_id',
      line: 5_002,
    });
  });

  test('of another format is refused', async () => {
    const refused = readList('un_xml', { file: large(5_000) });
    expect(await failureOf(refused)).toMatchObject({ name: 'ListFormatError', code: 'malformed' });
  });
});

async function failureOf(attempt: PromiseLike<unknown>): Promise<unknown> {
  try {
    await attempt;
    return 'accepted';
  } catch (error) {
    return error;
  }
}
