import { afterAll, beforeAll, expect, test } from 'bun:test';
import { createServer } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import { newId } from '../../kernel/id.ts';
import { type Foundation, startFoundation } from '../../testing/foundation.ts';
import { machineCtx } from '../context.ts';
import { type Database, openClient, openSession } from './client.ts';
import { BOUNDED, clientOptions } from './client-options.ts';
import { sqlStateOf } from './errors.ts';
import { executePrepared } from './prepared.ts';
import { transact } from './transact.ts';

/** Who an answer belongs to, and whether a transaction is what it is told to be. */

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

/** As a statement of the hot path is sent, with parameters or without. */
const PREPARED = { prepare: true, simple: false };

/** The code of what refused, or what was answered. */
const outcomeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.catch((error: unknown) => (error as { readonly code?: string }).code ?? String(error));

test('statements whose plans a change of schema made stale are refused, and no other takes their answers', async () => {
  await client.unsafe('create temp table grown (a int, who text)');
  await client.unsafe(`insert into grown select n, 'who ' || n from generate_series(1, 300) n`);
  const stale = (n: number) => client.unsafe('select * from grown where a = $1', [n], PREPARED);
  const sound = async (n: number) => {
    const [row] = await client.unsafe('select a, who from grown where a = $1', [n], PREPARED);
    return row?.a;
  };
  await stale(1);
  await client.unsafe('alter table grown add b int');
  await sound(1);
  const asked = [outcomeOf(stale(1)), outcomeOf(stale(2))];
  const answers: Promise<number>[] = [];
  for (let n = 1; n <= 60; n += 1) {
    answers.push(sound(n));
    if (n % 5 === 0) {
      await Bun.sleep(0);
    }
  }
  expect(await Promise.all(answers)).toEqual(Array.from({ length: 60 }, (_, n) => n + 1));
  expect(await asked[0]).toBe('0A000');
  // Planned anew, or refused with the first: never without an answer, and sound from then on.
  await asked[1];
  const [row] = await stale(3);
  expect({ ...row }).toEqual({ a: 3, who: 'who 3', b: null });
});

test('a transaction whose plans are stale is done again', async () => {
  const ctx = machineCtx(foundation.deps, { kind: 'system', name: 'test' }, newId());
  const seen = (rows: readonly object[]) => rows.map((row) => ({ ...row }));
  let attempts = 0;
  const rows = await transact(ctx, 'engine', async (tx) => {
    attempts += 1;
    if (attempts === 1) {
      await tx.execute(sql`create temp table shape (a int) on commit drop`);
      await executePrepared(tx, sql`select * from shape where a = ${1}::int`);
      await tx.execute(sql`alter table shape add b int`);
      return executePrepared(tx, sql`select * from shape where a = ${1}::int`);
    }
    return executePrepared(tx, sql`select 1 as done`);
  });
  expect([attempts, seen(rows)]).toEqual([2, [{ done: 1 }]]);
});

test('nothing that a transaction began is sent once it is over: neither by itself nor in another one', async () => {
  await client.unsafe('create temp table late (who text)');
  const gate = Promise.withResolvers<void>();
  let late: Promise<unknown> = Promise.resolve();
  const one = database.transaction((tx) => {
    late = gate.promise.then(() => tx.execute(sql`insert into late values ('one')`));
    return Promise.reject(new Error('undone'));
  });
  expect(await one.catch((error: Error) => error.message)).toBe('undone');
  await database.transaction(async (tx) => {
    await tx.execute(sql`insert into late values ('two')`);
    gate.resolve();
    const refused = late.catch((error: Error) => (error.cause as { readonly code?: string }).code);
    expect(await refused).toBe('TRANSACTION_OVER');
  });
  expect([...(await client`select who from late`)]).toEqual([{ who: 'two' }]);
});

test('a transaction that the server undid at its COMMIT is not told as done', async () => {
  await client.unsafe('create temp table believed (a int)');
  const work = database.transaction(async (tx) => {
    await tx.execute(sql`insert into believed values (1)`);
    tx.execute(sql`select 1 / 0`).catch(() => {});
    return 'believed';
  });
  expect(await work.catch(sqlStateOf)).toBe('22012');
  expect([...(await client`select a from believed`)]).toEqual([]);
});

test('a statement sent as text keeps its place among those of a transaction', async () => {
  const text = (name: string) => `select '${name}' as text`;
  await client.unsafe(text('two'), [], PREPARED);
  const answers = await client.begin(async (tx) => {
    await tx`select 1`;
    return Promise.all(
      ['two', 'three', 'four'].map(async (name) => {
        const [row] = await tx.unsafe(text(name), [], { prepare: true });
        return row?.text;
      }),
    );
  });
  expect(answers).toEqual(['two', 'three', 'four']);
});

test('an empty statement of a breath has its answer, and so has the next', async () => {
  const lengths = () =>
    client.begin(async (tx) => {
      const both = await Promise.all([tx.unsafe('', [], PREPARED), tx.unsafe('select 1', [], PREPARED)]);
      return both.map((rows) => rows.length);
    });
  await lengths();
  expect(await lengths()).toEqual([0, 1]);
});

test('what is copied in and refused at its end fails whoever copies', async () => {
  await client.unsafe('create temp table copied (a int primary key)');
  const work = client.begin(async (tx) => {
    await pipeline(Readable.from(['1\n', '1\n']), await tx.unsafe('copy copied from stdin').writable());
  });
  expect(await outcomeOf(work)).toBe('23505');
});

test('a session that is kept for its locks is not replaced for its age', () => {
  const session = openSession(foundation.deps.db.connections.engine);
  expect(session.options.max_lifetime).toBeNull();
});

test('a statement outside a transaction that breaks with its connection is refused at once', async () => {
  const { engine } = foundation.deps.db;
  const sleeping = outcomeOf(client`select pg_sleep(60)`);
  const end = async () => {
    const [ended] = await engine.execute<{ readonly count: number }>(sql`
      select count(pg_terminate_backend(pid))::int as count from pg_stat_activity
      where wait_event = 'PgSleep' and datname = current_database()`);
    return ended?.count ?? 0;
  };
  while ((await end()) === 0) {
    await Bun.sleep(5);
  }
  expect(['57P01', 'CONNECTION_CLOSED']).toContain((await sleeping) as string);
});

/** A server that does with each connection what it is told. */
async function serving(answer: (socket: import('node:net').Socket) => void) {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.on('error', () => {});
    answer(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { readonly port: number };
  const connection = { ...foundation.deps.db.connections.engine, host: '127.0.0.1', port };
  return { connection, count: () => connections, close: () => server.close() };
}

test('a server that hangs up without a word refuses who waits for it, and is not asked without pause', async () => {
  const mute = await serving((socket) => socket.end());
  const asking = openClient(mute.connection, 1);
  expect(await outcomeOf(asking`select 1`)).toBe('CONNECTION_CLOSED');
  expect(mute.count()).toBe(1);
  await asking.end({ timeout: 0 });
  mute.close();
});

test('a server that falls silent in the middle of a statement is given up after the time it is given', async () => {
  const options = clientOptions(foundation.deps.db.connections.engine, 1);
  const bounded = postgres({ ...options, answer_timeout: 0.2 } as postgres.Options<Record<string, never>>);
  expect([...(await bounded`select 1 as one`)]).toEqual([{ one: 1 }]);
  expect(await outcomeOf(bounded`select pg_sleep(20)`)).toBe('CONNECTION_CLOSED');
  // Idle for longer than that is no silence.
  await Bun.sleep(300);
  expect([...(await bounded`select 2 as two`)]).toEqual([{ two: 2 }]);
  await bounded.end({ timeout: 1 });
});

test('every pool of the server gives up a server that falls silent, and no session that is kept for its locks does', async () => {
  const { app, staff, engine } = foundation.deps.db;
  const pools = [app, staff, engine, foundation.deps.db.lane('silent')] as readonly unknown[];
  const limits = pools.map(
    (pool) => (pool as { readonly $client: { readonly options: object } }).$client.options,
  );
  expect(limits).toEqual(limits.map(() => expect.objectContaining(BOUNDED)));
  // The sequencer looks at the whole log on one, however long that takes.
  const session = openSession(foundation.deps.db.connections.engine);
  expect(session.options).toMatchObject({ answer_timeout: null });
});
