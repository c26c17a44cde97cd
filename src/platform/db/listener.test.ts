import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { sql } from 'drizzle-orm';
import { type Foundation, startFoundation } from '../../testing/foundation.ts';
import { startStallingProxy } from '../../testing/stalling-proxy.ts';
import type { Connection } from './client.ts';
import { type Listener, startListener } from './listener.ts';

const CHANNEL = 'plimsoll_test';

let foundation: Foundation;
const open: Listener[] = [];

beforeAll(async () => {
  foundation = await startFoundation(import.meta.file, []);
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((listener) => listener.stop()));
});
afterAll(async () => {
  await foundation.close();
});

function listen(connection: Connection = foundation.deps.db.connections.engine) {
  const heard: string[] = [];
  let stretches = 0;
  const listener = startListener({
    connection,
    channel: CHANNEL,
    log: foundation.deps.log,
    heard: (payload) => heard.push(payload),
    beganStretch: () => {
      stretches += 1;
    },
  });
  open.push(listener);
  return { listener, heard, stretches: () => stretches };
}

/** Waits for something that comes by itself; the test's own time limit bounds it. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) {
    await Bun.sleep(5);
  }
}

const notify = (payload: string) =>
  foundation.deps.db.engine.execute(sql`select pg_notify(${CHANNEL}, ${payload})`);

/** Ends the server's side of every connection that listens. */
const killListeners = () =>
  foundation.deps.db.engine.execute(sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()
      and (query like 'notify plimsoll_beat%' or query like 'listen %')`);

const countListeners = async () => {
  const [row] = await foundation.deps.db.engine.execute<{ listening: number }>(sql`
    select count(*)::int as listening from pg_stat_activity
    where datname = current_database() and (query like 'notify plimsoll_beat%' or query like 'listen %')`);
  return row?.listening;
};

describe('a listener', () => {
  test('hears notices in the order of their commits, and nothing of what was rolled back', async () => {
    const { listener, heard } = listen();
    await until(() => listener.proven());
    await notify('first');
    await foundation.deps.db.engine
      .transaction(async (tx) => {
        await tx.execute(sql`select pg_notify(${CHANNEL}, 'never')`);
        throw new RangeError('changed my mind');
      })
      .catch(() => {});
    await notify('second');
    await until(() => heard.length === 2);
    expect(heard).toEqual(['first', 'second']);
  });

  test('proves nothing before it hears and nothing once it is deaf', async () => {
    const { listener } = listen();
    expect([listener.stretch(), listener.proven()]).toEqual([0, false]);
    await until(() => listener.proven());
    await killListeners();
    await until(() => listener.stretch() === 0);
    expect(listener.proven()).toBe(false);
  });

  test('begins another stretch after its connection was ended, since notices may have been missed', async () => {
    const { listener, heard, stretches } = listen();
    await until(() => listener.proven());
    const before = listener.stretch();
    await killListeners();
    await notify('missed or not');
    await until(() => listener.stretch() > before && listener.proven());
    expect(stretches()).toBe(2);
    await notify('again');
    await until(() => heard.includes('again'));
  });

  test('keeps connecting while its connections are ended again and again', async () => {
    const { listener, heard } = listen();
    for (let round = 0; round < 5; round += 1) {
      await until(() => listener.stretch() !== 0);
      await killListeners();
      await until(() => listener.stretch() === 0);
    }
    await until(() => listener.proven());
    await notify('still here');
    await until(() => heard.includes('still here'));
  });

  test('does not trust a connection that died without a word, and replaces it', async () => {
    const proxy = await startStallingProxy(foundation.deps.db.connections.engine);
    const { listener, heard, stretches } = listen(proxy.connection);
    await until(() => listener.proven());
    proxy.stall();
    await until(() => !listener.proven());
    // Nothing has told it: the stretch goes on, but what is heard in it is no longer proven.
    expect(stretches()).toBe(1);
    await until(() => listener.stretch() > 1 && listener.proven());
    await notify('by another way');
    await until(() => heard.includes('by another way'));
    await proxy.close();
  });

  test('keeps trying where there is no database, without a word to its user', async () => {
    const nowhere = { ...foundation.deps.db.connections.engine, host: '127.0.0.1', port: 1 };
    const { listener } = listen(nowhere);
    await Bun.sleep(200);
    expect([listener.stretch(), listener.proven()]).toEqual([0, false]);
  });

  test('leaves no connection behind when it stops, whatever it was doing', async () => {
    const settled = listen();
    await until(() => settled.listener.proven());
    const connecting = listen();
    await Promise.all([settled.listener.stop(), connecting.listener.stop()]);
    for (let left = await countListeners(); left !== 0; left = await countListeners()) {
      await Bun.sleep(10);
    }
    expect([settled.listener.proven(), connecting.listener.proven()]).toEqual([false, false]);
  });
});
