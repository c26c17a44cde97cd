/** That a reader of the log gives every leaf once, says what failed, and leaves no connection behind. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { sql } from 'drizzle-orm';
import { AssertionError } from '../../kernel/assert.ts';
import { newId } from '../../kernel/id.ts';
import { type Foundation, startFoundation } from '../../testing/foundation.ts';
import { until } from '../../testing/until.ts';
import { transact } from '../db/transact.ts';
import { auditEvents } from './events.ts';
import { COLUMN, lengthOf } from './export-row.ts';
import { type LogReader, openLogReader } from './export-slices.ts';
import { SLICE_LEAVES } from './log-reading.ts';
import { recordMany } from './record.ts';
import { sealerOf } from './sealer.ts';

const { 'sample.counted': COUNTED } = auditEvents({
  'sample.counted': {
    category: 'financial',
    severity: 'info',
    description: 'A sample was counted',
    shows: ['number'],
  },
});
const EVER = { from: '2020-01-01T00:00:00.000Z', to: '2100-01-01T00:00:00.000Z' } as never;
/** A slice is behind the last that has a room of its own, so that rooms come back. */
const ROWS = 4 * SLICE_LEAVES + 100;

let foundation: Foundation;

beforeAll(async () => {
  foundation = await startFoundation(import.meta.file, []);
  const { system } = foundation;
  for (let done = 0; done < ROWS; done += 4_000) {
    await transact(system, 'engine', (tx) =>
      recordMany(
        tx,
        system,
        Array.from({ length: Math.min(4_000, ROWS - done) }, (_, at) => ({
          event: COUNTED,
          resource: { type: 'sample', id: newId() },
          subjectUserId: null,
          after: { number: done + at },
        })),
      ),
    );
  }
  await foundation.startWorkers();
  await sealerOf(foundation.deps)?.sealNow();
});
afterAll(() => foundation.close());

function open(): LogReader {
  return openLogReader(foundation.deps.db.connections.engine);
}

/** The connections that read the log now, or just did. Their login sees its own only. */
async function readers(): Promise<readonly unknown[]> {
  return foundation.deps.db.engine.execute(sql`
    select pid from pg_stat_activity
    where datname = current_database() and query like 'copy (select l.leaf_index%'`);
}

test('each leaf comes once, in order, with its row, over many slices', async () => {
  const reader = open();
  let next = 0;
  for await (const { begin, end, leaf } of reader.slices({ begin: 0, end: ROWS }, ROWS, EVER)) {
    expect(begin).toBe(next);
    for (let sequence = begin; sequence < end; sequence += 1) {
      expect(lengthOf(leaf(sequence), COLUMN.id)).toBe(16);
    }
    expect(() => leaf(end)).toThrow(AssertionError);
    next = end;
  }
  expect(next).toBe(ROWS);
  await reader.close();
  await until(async () => (await readers()).length === 0);
});

test('who stops in the middle leaves no connection behind', async () => {
  const reader = open();
  for await (const slice of reader.slices({ begin: 0, end: ROWS }, ROWS, EVER)) {
    expect(slice.begin).toBe(0);
    break;
  }
  expect(await readers()).toHaveLength(1);
  await reader.close();
  await until(async () => (await readers()).length === 0);
});

test('a leaf that is missing is told as a tree and a log that do not fit', async () => {
  const reader = open();
  const slices = reader.slices({ begin: 0, end: ROWS + 1_000 }, ROWS + 1_000, EVER);
  const failed = await Array.fromAsync(slices).catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(AssertionError);
  await reader.close();
});

test('a connection that is cut while it reads is told by its code', async () => {
  const reader = open();
  const slices = reader.slices({ begin: 0, end: ROWS }, ROWS, EVER);
  await slices.next();
  await foundation.deps.db.engine.execute(sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and query like 'copy (select l.leaf_index%'`);
  const failed = await Array.fromAsync(slices).catch((error: unknown) => error);
  expect((failed as { code?: unknown }).code).toMatch(/^(57P01|CONNECTION_|ECONNRESET|EPIPE)/);
  await reader.close();
});

test('a database that is not there is told by its code', async () => {
  const reader = openLogReader({ ...foundation.deps.db.connections.engine, host: '127.0.0.1', port: 9 });
  const failed = await Array.fromAsync(reader.slices({ begin: 0, end: 1 }, 1, EVER)).catch(
    (error: unknown) => error,
  );
  expect((failed as { code?: unknown }).code).toMatch(/^(ECONN|CONNECT)/);
  await reader.close();
});
