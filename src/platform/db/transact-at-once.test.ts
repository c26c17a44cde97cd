import { afterAll, beforeAll, expect, test } from 'bun:test';
import { aliasedTable, eq, type SQL, sql } from 'drizzle-orm';
import { PgDialect, pgEnum, QueryBuilder } from 'drizzle-orm/pg-core';
import { drizzle } from 'drizzle-orm/postgres-js';
import type postgres from 'postgres';
import { type Foundation, startFoundation } from '../../testing/foundation.ts';
import { until } from '../../testing/until.ts';
import type { Ctx } from '../context.ts';
import { openClient } from './client.ts';
import { rendered } from './rendered.ts';
import { files } from './schema.ts';
import { transact } from './transact.ts';
import { transactAtOnce } from './transact-at-once.ts';

let foundation: Foundation;
let client: postgres.Sql;
/** Its engine's connections are few, so that a break is met again at once. */
let ctx: Ctx;

beforeAll(async () => {
  foundation = await startFoundation(import.meta.file, []);
  client = openClient(foundation.deps.db.connections.engine, 2);
  const { system, deps } = foundation;
  ctx = { ...system, deps: { ...deps, db: { ...deps.db, engine: drizzle(client) } } };
});
afterAll(async () => {
  await client.end({ timeout: 1 });
  await foundation.close();
});

/** Two rows by one statement, with time to break in between. */
const twoMarks = (name: string, seconds: number) => sql`with first as (
    insert into system_marks (name, value, marked_at) values (${`${name} a`}::text, 'true', now()) returning 1
  ), pause as materialized (select pg_sleep(${seconds}::float8) from first)
  insert into system_marks (name, value, marked_at) select ${`${name} b`}::text, 'true', now() from pause`;

const marksOf = async (start: string) => {
  const rows = await foundation.deps.db.engine.execute<{ name: string }>(
    sql`select name from system_marks where name like ${`${start}%`} order by name`,
  );
  return rows.map((row) => row.name);
};
const sleeping = async () => {
  const rows = await foundation.deps.db.engine.execute<{ pid: number }>(
    sql`select pid from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()`,
  );
  return rows.map((row) => row.pid);
};
const end = (pid: number) => foundation.deps.db.engine.execute(sql`select pg_terminate_backend(${pid}::int)`);

test('a connection that dies in the middle leaves nothing, and nothing runs on the next one', async () => {
  for (let round = 0; round < 4; round += 1) {
    const work = transactAtOnce(ctx, 'engine', twoMarks(`cut ${round}`, 20));
    const outcome = Promise.allSettled([work]);
    await until(async () => (await sleeping()).length === 1);
    await Promise.all((await sleeping()).map(end));
    expect((await outcome)[0]?.status).toBe('rejected');
    // The connections go on, and what was cut off does not come after.
    await until(() =>
      transactAtOnce(ctx, 'engine', twoMarks(`after ${round} ${Math.floor(performance.now())}`, 0)).then(
        () => true,
        () => false,
      ),
    );
  }
  expect(await marksOf('cut')).toEqual([]);
});

test('whatever dies when, what was answered stands whole, and what was not is whole or absent', async () => {
  const answered: string[] = [];
  let open = true;
  const caller = async (who: number) => {
    for (let count = 0; open; count += 1) {
      const name = `load ${who} ${count}`;
      try {
        await transactAtOnce(ctx, 'engine', twoMarks(name, 0.001));
        answered.push(name);
      } catch {
        // The driver hears of a break in a later turn; until then it fails at once.
        await Bun.sleep(1);
      }
    }
  };
  const callers = [0, 1, 2, 3].map(caller);
  for (let kill = 0; kill < 4; kill += 1) {
    const known = answered.length;
    await foundation.deps.db.engine.execute(sql`select pg_terminate_backend(pid) from pg_stat_activity
      where query like '%pg_sleep%' and pid <> pg_backend_pid() and datname = current_database()`);
    // The driver takes longer and longer to connect anew.
    const startedMs = performance.now();
    while (answered.length <= known + 2 && performance.now() - startedMs < 30_000) {
      await Bun.sleep(10);
    }
    expect(answered.length).toBeGreaterThan(known + 2);
  }
  open = false;
  await Promise.all(callers);
  const stored = await marksOf('load');
  const halves = new Map<string, number>();
  for (const name of stored) {
    const whole = name.slice(0, -2);
    halves.set(whole, (halves.get(whole) ?? 0) + 1);
  }
  expect([...halves].filter(([, count]) => count !== 2)).toEqual([]);
  expect(answered.filter((name) => !halves.has(name))).toEqual([]);
  expect(answered.length).toBeGreaterThan(10);
}, 120_000);

test('a transaction is not told as committed where one of its statements failed, though nobody looked', async () => {
  const swallowed = transact(foundation.system, 'engine', async (tx) => {
    await tx.execute(twoMarks('swallowed', 0));
    await tx.execute(sql`select 1 / 0`).catch(() => undefined);
  });
  expect((await Promise.allSettled([swallowed]))[0]?.status).toBe('rejected');
  expect(await marksOf('swallowed')).toEqual([]);
});

test('a prepared statement is what drizzle makes of it, whatever its pieces', () => {
  const dialect = new PgDialect();
  const state = pgEnum('state', ['open']);
  const alias = aliasedTable(files, 'other');
  const inner = sql`${files.userId} = ${sql.param('u', files.userId)} or ${files.sizeBytes} > ${7}`;
  const pieces: readonly SQL[] = [
    sql`select 1`,
    sql`select ${files.id} from ${files} where ${inner} and ${null} is null and ${undefined}true`,
    sql`select ${sql.identifier('a "b"')}, ${true}, ${8n} from ${alias} where ${alias.id} = ${'x'}`,
    sql`select ${sql.raw('now()')} ${sql.join([sql`${1}`, sql`${2}`], sql`, `)}`,
    sql`select ${sql.param(new Uint8Array([1]))}, ${sql.param(new Date(0), files.createdAt)}`,
    // What is asked of drizzle itself.
    sql`select ${['a', 'b']}, ${state}, ${eq(files.id, 'x')}`,
    sql`select ${sql`${'in the text'}`.inlineParams()}, ${sql.param(sql`${3}`)}`,
    sql`select ${new QueryBuilder().select({ id: files.id }).from(files)}`,
  ];
  for (const piece of pieces) {
    const { sql: text, params } = dialect.sqlToQuery(piece);
    expect(rendered(dialect, piece)).toEqual({ text, params });
  }
});
