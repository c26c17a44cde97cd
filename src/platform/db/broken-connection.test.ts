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
import { sqlStateOf } from './errors.ts';
import { executePrepared } from './prepared.ts';

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

test('a statement that cannot be written on an idle connection shifts no answer, in a transaction neither', async () => {
  const text = (promise: Promise<readonly { readonly text?: string }[]>) =>
    promise.then(
      ([row]) => row?.text,
      (error: { readonly code?: string }) => error.code,
    );
  const three = (on: postgres.Sql | postgres.TransactionSql) =>
    Promise.all([
      text(on`select ${undefined as never} as text`),
      text(on.unsafe(`select 'two' as text`, [], { prepare: true })),
      text(on.unsafe(`select 'three' as text`, [], { prepare: true })),
    ]);
  await client`select 1`;
  expect(await three(client)).toEqual(['UNDEFINED_VALUE', 'two', 'three']);
  expect(await text(client`select 'four' as text`)).toBe('four');
  const within = { answers: [] as unknown[] };
  const begun = client.begin(async (tx) => {
    within.answers = await three(tx);
  });
  expect(await begun.then(() => 'done', sqlStateOf)).not.toBe('done');
  expect(within.answers).toEqual(['UNDEFINED_VALUE', 'two', 'three']);
  expect(await text(client`select 'five' as text`)).toBe('five');
});

test('what ends a transaction is not passed over with a statement that failed in the same turn', async () => {
  const cast = (value: string) => sql`select ${value}::text::int as number`;
  await database.transaction((tx) => executePrepared(tx, cast('1')));
  await database.transaction(async () => Promise.reject(new Error('undone'))).catch(() => undefined);
  const refused = database.transaction((tx) =>
    Promise.all([executePrepared(tx, cast('none')), Promise.reject(new Error('refused'))]),
  );
  expect(
    await refused.then(
      () => 'done',
      (error: Error) => error.message,
    ),
  ).toBe('refused');
  const failed = database.transaction((tx) =>
    Promise.all([
      executePrepared(tx, sql`select ${'none'}::text::int as other`),
      executePrepared(tx, cast('2')),
    ]),
  );
  expect(await failed.then(() => 'done', sqlStateOf)).toBe('22P02');
  const [state] = await client`select state from pg_stat_activity where pid = pg_backend_pid()`;
  expect(state?.state).toBe('active');
});

test('a statement of nobody’s transaction is not repeated in another one: what is told as done is stored', async () => {
  await client.unsafe('create temp table told (a int)');
  await client.unsafe('create temp table changing (a int)');
  const tell = () =>
    client.unsafe('with kept as (insert into told values (1)) select * from changing', [], PREPARED);
  await tell();
  await client.begin((tx) => tx.unsafe('select 1', [], PREPARED));
  await client.unsafe('delete from told');
  await client.unsafe('alter table changing alter a type bigint');
  const again = tell().then(
    () => 1,
    () => 0,
  );
  const undone = client.begin(async (tx) => {
    await tx.unsafe('select 1', [], PREPARED);
    await tx.unsafe('select 2', [], PREPARED);
    throw new Error('undone');
  });
  expect(
    await undone.then(
      () => 'done',
      (error: Error) => error.message,
    ),
  ).toBe('undone');
  const told = await again;
  expect([...(await client`select count(*)::int as count from told`)]).toEqual([{ count: told }]);
});

test('an answer that fails in its middle leaves nothing of it in the next', async () => {
  const halves = client`select 1 / (3 - x) as half from generate_series(1, 5) x`.catch(() => 'failed');
  expect(await halves).toBe('failed');
  expect([...(await client`select 7 as seven`)]).toEqual([{ seven: 7 }]);
});

/** One connection whose writes are kept, and may be changed on their way. */
function watchedClient(change: (bytes: Buffer) => void = () => {}) {
  const options = clientOptions(foundation.deps.db.connections.engine, 1);
  const writes: Buffer[] = [];
  const socket = async () => {
    const made = options.host.startsWith('/')
      ? createConnection(`${options.host}/.s.PGSQL.${options.port}`)
      : createConnection(options.port, options.host);
    const write = made.write.bind(made);
    made.write = ((bytes: Uint8Array, ...rest: []) => {
      const sent = Buffer.from(bytes);
      change(sent);
      writes.push(sent);
      return write(sent, ...rest);
    }) as typeof made.write;
    await new Promise((resolve) => made.once('connect', resolve));
    return made;
  };
  const made = postgres({ ...options, socket } as postgres.Options<Record<string, never>>);
  return { client: made, on: drizzle(made), writes };
}

/** The kinds of the messages of a write, by their letters. @source PostgreSQL, frontend message formats */
function kindsIn(bytes: Buffer): string {
  let kinds = '';
  for (let at = 0; at < bytes.length; at += 1 + bytes.readUInt32BE(at + 1)) {
    kinds += String.fromCharCode(bytes[at] ?? 0);
  }
  return kinds;
}

const stored = (name: string) =>
  sql`insert into system_marks (name, value, marked_at) values (${name}::text, 'true', now())`;
const failing = (text: string) => sql`select ${text}::text::integer`;

test('a transaction begins with its first statements in one breath, which the server answers as one', async () => {
  const watched = watchedClient();
  const work = (round: number) =>
    watched.on.transaction((tx) =>
      Promise.all([
        executePrepared(tx, stored(`breath ${round}`)),
        executePrepared<{ readonly n: number }>(tx, sql`select ${round}::integer as n`),
        executePrepared<{ readonly n: number }>(tx, sql`select ${round}::integer + 1 as n`),
      ]),
    );
  // What was never sent on a connection is described first, on its own.
  await work(1);
  const before = watched.writes.length;
  const [, one, two] = await work(2);
  expect([one, two].map(([row]) => row?.n)).toEqual([2, 3]);
  // Bind and execute: BEGIN and the three; then COMMIT. Each breath has one end.
  expect(watched.writes.slice(before).map(kindsIn)).toEqual(['BEBEBEBES', 'BES']);
  expect(await marks()).toContain('breath 2');
  await watched.client.end({ timeout: 1 });
});

test('what stands in a breath behind a failure is refused, and nothing of the transaction stays', async () => {
  const watched = watchedClient();
  const outcomes: string[] = [];
  const work = (name: string, text: string) =>
    watched.on.transaction(async (tx) => {
      const ends = await Promise.allSettled([
        executePrepared(tx, stored(`${name} a`)),
        executePrepared(tx, failing(text)),
        executePrepared(tx, stored(`${name} b`)),
        executePrepared(tx, sql`select 1 as one`),
      ]);
      outcomes.push(
        ...ends.map((end) => (end.status === 'rejected' ? sqlStateOf(end.reason) : 'done') ?? ''),
      );
    });
  await work('whole', '1');
  const broken = await work('half', 'no number').catch(sqlStateOf);
  expect(outcomes).toEqual(['done', 'done', 'done', 'done', 'done', '22P02', '25P02', '25P02']);
  expect(broken).toBe('22P02');
  await work('again', '2');
  expect((await marks()).filter((name) => /^(whole|half|again)/.test(name)).sort()).toEqual([
    'again a',
    'again b',
    'whole a',
    'whole b',
  ]);
  await watched.client.end({ timeout: 1 });
});

test('where BEGIN fails nothing behind it runs by itself', async () => {
  let spoil = false;
  const watched = watchedClient((bytes) => {
    // The first message of the breath names a statement that there is not.
    if (spoil && bytes[0] === 'B'.charCodeAt(0)) {
      spoil = false;
      bytes[6] = '!'.charCodeAt(0);
    }
  });
  const work = (name: string) =>
    watched.on.transaction(async (tx) => {
      await Promise.allSettled([
        executePrepared(tx, stored(`${name} prepared`)),
        tx.execute(stored(`${name} described`)),
      ]);
      await tx.execute(stored(`${name} late`));
    });
  await work('sound');
  spoil = true;
  expect(await work('spoilt').catch(sqlStateOf)).toBe('26000');
  await work('mended');
  expect((await marks()).filter((name) => /^(sound|spoilt|mended)/.test(name))).toHaveLength(6);
  expect((await marks()).filter((name) => name.startsWith('spoilt'))).toEqual([]);
  await watched.client.end({ timeout: 1 });
});
