import { afterAll, beforeAll, expect, test } from 'bun:test';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/postgres-js';
import type postgres from 'postgres';
import { type Foundation, startFoundation } from '../../testing/foundation.ts';
import { type Database, openClient, type Tx } from './client.ts';

let foundation: Foundation;
let client: postgres.Sql;
let database: Database;

beforeAll(async () => {
  foundation = await startFoundation(import.meta.file, []);
  client = openClient(foundation.deps.db.connections.engine, 1);
  database = drizzle(client);
});
afterAll(async () => {
  await client.end({ timeout: 1 });
  await foundation.close();
});

const pidOf = async (on: Pick<Tx, 'execute'>) => {
  const [row] = await on.execute<{ pid: number }>(sql`select pg_backend_pid() as pid`);
  return row?.pid ?? 0;
};
const end = (pid: number) => foundation.deps.db.engine.execute(sql`select pg_terminate_backend(${pid}::int)`);
const mark = (name: string) =>
  sql`insert into system_marks (name, value, marked_at) values (${name}, 'true', now())`;
const marks = async () => {
  const rows = await foundation.deps.db.engine.execute<{ name: string }>(sql`select name from system_marks`);
  return rows.map((row) => row.name);
};

test('nothing of a transaction whose connection broke runs on the next connection', async () => {
  const wrote = Promise.withResolvers<void>();
  const broken = database.transaction(async (tx) => {
    try {
      await end(await pidOf(tx));
      // The pool of one has connected anew; this transaction has not noticed.
      await pidOf(database);
      await tx.execute(mark('stray'));
      wrote.resolve();
    } catch (error) {
      wrote.reject(error);
    }
  });
  // The transaction may fail at the broken connection before its body gets to write.
  const [ended, ran] = await Promise.allSettled([broken, wrote.promise]);
  expect([ended.status, ran.status]).toEqual(['rejected', 'rejected']);
  expect(await marks()).not.toContain('stray');
});

test('what waited to be written when a connection broke does not keep the next one from writing', async () => {
  for (let round = 0; round < 5; round += 1) {
    const broken = database.transaction(async (tx) => {
      await end(await pidOf(tx));
      await tx.execute(mark(`round ${round}`));
    });
    expect((await Promise.allSettled([broken]))[0]?.status).toBe('rejected');
    // The pool may still hold the broken one and fail once; it must not hang, now or later.
    while ((await pidOf(database).catch(() => 0)) === 0) {
      await Bun.sleep(5);
    }
  }
  expect(await marks()).not.toContain('round 0');
});
