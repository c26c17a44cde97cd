import { afterAll, beforeAll, expect, test } from 'bun:test';
import type { Login } from '../platform/db/client.ts';
import { openClient } from '../platform/db/client.ts';
import { LOGINS } from '../platform/db/sandbox-logins.ts';
import { createTestDatabase, type TestDatabase } from './postgres.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase('A test, of its database!');
});
afterAll(async () => {
  await database.drop();
});

test.each([...LOGINS])(
  'the runtime login %s reaches the copy as itself and owns nothing',
  async (login: Login) => {
    const sql = openClient(database.connections[login], 1);
    const [row] = await sql`SELECT current_user AS login, current_database() AS name`;
    const attempt = await sql`CREATE TABLE mine (a int)`.then(
      () => 'allowed',
      (error: unknown) => String(error),
    );
    await sql.end();
    expect(row).toEqual({ login: `plimsoll_${login}`, name: database.name });
    expect(attempt).toContain('permission denied');
  },
);

test('the owner finds the migrated tables', async () => {
  const sql = openClient(database.owner, 1);
  const [row] = await sql`SELECT to_regclass('drizzle.__drizzle_migrations') IS NOT NULL AS migrated`;
  await sql.end();
  expect(row?.migrated).toBe(true);
});

test('copies made at the same time are separate databases', async () => {
  const copies = await Promise.all([createTestDatabase('twin'), createTestDatabase('twin')]);
  expect(new Set(copies.map((copy) => copy.name)).size).toBe(2);
  await Promise.all(copies.map((copy) => copy.drop()));
});

test('dropping waits for a session that is just being closed', async () => {
  const copy = await createTestDatabase('closing');
  const sql = openClient(copy.connections.app, 3);
  await Promise.all([sql`SELECT pg_sleep(0.2)`, sql`SELECT pg_sleep(0.3)`]);
  const closing = sql.end();
  await copy.drop();
  await closing;
  const admin = openClient(database.owner, 1);
  const rows = await admin`SELECT 1 FROM pg_database WHERE datname = ${copy.name}`;
  await admin.end();
  expect(rows).toHaveLength(0);
});
