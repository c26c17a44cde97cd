import { afterAll, beforeAll, expect, test } from 'bun:test';
import { createConnection, type Socket } from 'node:net';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import { startCuttingProxy } from '../../testing/cutting-proxy.ts';
import { type Foundation, startFoundation } from '../../testing/foundation.ts';
import { until } from '../../testing/until.ts';
import { type Database, openClient, type Tx } from './client.ts';
import { clientOptions } from './client-options.ts';

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
const sleepers = async () => {
  const rows = await foundation.deps.db.engine.execute(
    sql`select from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()`,
  );
  return rows.length;
};
const endSleepers = () =>
  foundation.deps.db.engine.execute(sql`select pg_terminate_backend(pid) from pg_stat_activity
    where wait_event = 'PgSleep' and datname = current_database()`);
const mark = (name: string) =>
  sql`insert into system_marks (name, value, marked_at) values (${name}, 'true', now())`;
const marks = async () => {
  const rows = await foundation.deps.db.engine.execute<{ name: string }>(sql`select name from system_marks`);
  return rows.map((row) => row.name);
};

test('a connection that breaks while it is being opened is opened anew, and fails nothing that nobody awaits', async () => {
  const proxy = await startCuttingProxy(foundation.deps.db.connections.engine);
  const opening = openClient(proxy.connection, 1);
  try {
    // What the driver itself asks first: a rejection that nobody awaits would end a server.
    proxy.resetWhoSends('pg_catalog.pg_type');
    await opening`select 1`.catch(() => undefined);
    expect([...(await opening`select array['a', 'b'] as known`)]).toEqual([{ known: ['a', 'b'] }]);
  } finally {
    await opening.end({ timeout: 1 });
    await proxy.close();
  }
});

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

test('what was asked of a connection that is breaking takes no answer of the next one', async () => {
  const sockets: Socket[] = [];
  const options = clientOptions(foundation.deps.db.connections.engine, 1);
  const path = `${options.host}/.s.PGSQL.${options.port}`;
  const socket = async () => {
    const made = options.host.startsWith('/')
      ? createConnection(path)
      : createConnection(options.port, options.host);
    sockets.push(made);
    await new Promise((resolve) => made.once('connect', resolve));
    return made;
  };
  // The driver's types do not tell of this option; its documentation does.
  const watching = { ...options, socket };
  const watched = postgres(watching);
  const answerOf = (text: string) =>
    watched`select ${text}::text as text`.then(
      ([row]) => row?.text,
      () => 'refused',
    );
  expect(await answerOf('before')).toBe('before');
  const ran = watched`select pg_sleep(60)`.catch(() => 'refused');
  await until(async () => (await sleepers()) === 1);
  // The runtime tells of an error in one turn and of the close in another; a caller may ask in between.
  const [broken] = sockets;
  broken?.emit('error', new Error('read ECONNRESET'));
  expect(await ran).toBe('refused');
  const between = answerOf('between');
  await Bun.sleep(1);
  broken?.emit('close', true);
  broken?.destroy();
  await endSleepers();
  expect(await between).toBe('refused');
  expect(await Promise.all([answerOf('one'), answerOf('two')])).toEqual(['one', 'two']);
  await watched.end({ timeout: 1 });
});

test('what a transaction had not sent when its connection broke is refused, so that nobody waits for it', async () => {
  let waiting: Promise<unknown> = Promise.resolve();
  const broken = database.transaction(async (tx) => {
    // A statement that is first described holds back those after it.
    const slow = tx.execute(sql`select pg_sleep(${60}::float8)`).then(() => undefined);
    waiting = tx.execute(mark('held back')).then(
      () => 'written',
      () => 'refused',
    );
    await Promise.all([slow, waiting]);
  });
  const ended = Promise.allSettled([broken]);
  await until(async () => (await sleepers()) === 1);
  await endSleepers();
  expect([(await ended)[0]?.status, await waiting]).toEqual(['rejected', 'refused']);
  expect(await marks()).not.toContain('held back');
});

test('a statement that cannot be written keeps its error to itself and takes no answer of another', async () => {
  const one = client`select pg_sleep(0.2), 'one' as text`.then(([row]) => row?.text);
  const wrong = client`select ${undefined as never} as text`.then(
    () => 'answered',
    (error: { readonly code?: string }) => error.code,
  );
  const two = client`select 'two' as text`.then(([row]) => row?.text);
  expect(await Promise.all([one, wrong, two])).toEqual(['one', 'UNDEFINED_VALUE', 'two']);
});
