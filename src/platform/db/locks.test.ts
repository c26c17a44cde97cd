import { afterAll, beforeAll, expect, test } from 'bun:test';
import { eq, sql } from 'drizzle-orm';
import { type Id, newId } from '../../kernel/id.ts';
import { type Foundation, startFoundation } from '../../testing/foundation.ts';
import type { Tx } from './client.ts';
import { lockExclusive, lockKinds, lockRow, lockRows, lockShared } from './locks.ts';
import { files } from './schema.ts';
import { transact } from './transact.ts';

let foundation: Foundation;
let ids: Id[];

beforeAll(async () => {
  foundation = await startFoundation(import.meta.file, []);
  ids = Array.from({ length: 12 }, () => newId());
  await inTransaction((tx) =>
    tx.insert(files).values(
      ids.map((id) => ({
        id,
        userId: newId(),
        contentType: 'text/plain',
        sizeBytes: 1,
        sha256: new Uint8Array(32),
        createdAt: foundation.deps.clock.realNow(),
      })),
    ),
  );
});
afterAll(() => foundation.close());

function inTransaction<Result>(work: (tx: Tx) => Promise<Result>): Promise<Result> {
  return transact(foundation.system, 'engine', work);
}

async function wouldWait(work: (tx: Tx) => Promise<unknown>): Promise<boolean> {
  return inTransaction(async (tx) => {
    await tx.execute(sql`set local lock_timeout = 50`);
    await work(tx);
    return false;
  }).catch((error: unknown) => {
    expect((error as { cause: { code: string } }).cause.code).toBe('55P03');
    return true;
  });
}

test('rows come back in id order, once each, whatever order they were asked for in', async () => {
  const asked = [...ids].reverse().concat(ids);
  const rows = await inTransaction((tx) => lockRows(tx, files, asked));
  expect(rows.map((row) => row.id)).toEqual([...ids].sort());
});

test('no ids lock nothing, and an unknown id is missing rather than an error', async () => {
  expect(await inTransaction((tx) => lockRows(tx, files, []))).toEqual([]);
  expect(await inTransaction((tx) => lockRow(tx, files, newId()))).toBeUndefined();
});

test('a locked row keeps writers and other lockers out until the transaction ends', async () => {
  const [id = newId()] = ids;
  await inTransaction(async (tx) => {
    await lockRow(tx, files, id);
    expect(await wouldWait((other) => lockRow(other, files, id))).toBe(true);
    const write = (other: Tx) => other.update(files).set({ sizeBytes: 2 }).where(eq(files.id, id));
    expect(await wouldWait(write)).toBe(true);
  });
  expect(await wouldWait((other) => lockRow(other, files, id))).toBe(false);
});

test('many transactions over the same rows, each in an order of its own, never deadlock', async () => {
  const before = await deadlocks();
  await Promise.all(
    Array.from({ length: 24 }, (_, round) => {
      const rotated = [...ids.slice(round % ids.length), ...ids.slice(0, round % ids.length)];
      const asked = round % 2 === 0 ? rotated : rotated.reverse();
      return inTransaction((tx) => lockRows(tx, files, asked));
    }),
  );
  expect(await deadlocks()).toBe(before);
});

test('readers of a named thing do not wait for each other, its writer waits for all', async () => {
  await inTransaction(async (tx) => {
    await lockShared(tx, ['gate b', 'gate a', 'gate a']);
    expect(await wouldWait((other) => lockShared(other, ['gate a']))).toBe(false);
    expect(await wouldWait((other) => lockExclusive(other, ['gate a']))).toBe(true);
    expect(await wouldWait((other) => lockExclusive(other, ['gate c']))).toBe(false);
  });
  await inTransaction(async (tx) => {
    await lockExclusive(tx, ['gate a']);
    expect(await wouldWait((other) => lockShared(other, ['gate a']))).toBe(true);
  });
  expect(await wouldWait((other) => lockExclusive(other, ['gate a', 'gate b']))).toBe(false);
});

async function deadlocks(): Promise<number> {
  const [row] = await foundation.deps.db.engine.execute<{ deadlocks: number }>(
    sql`select deadlocks::int from pg_stat_database where datname = current_database()`,
  );
  return row?.deadlocks ?? -1;
}

test('kinds of names are locked in one statement: shared for readers, exclusive for nobody else', async () => {
  const [read, written] = [newId(), newId()];
  await inTransaction(async (tx) => {
    await lockKinds(tx, [
      { names: [read, read], hold: 'shared' },
      { names: [written], hold: 'exclusive' },
      { names: [], hold: 'shared' },
    ]);
    expect(await wouldWait((other) => lockShared(other, [read]))).toBe(false);
    expect(await wouldWait((other) => lockExclusive(other, [read]))).toBe(true);
    expect(await wouldWait((other) => lockShared(other, [written]))).toBe(true);
  });
  expect(await wouldWait((other) => lockExclusive(other, [read, written]))).toBe(false);
});
