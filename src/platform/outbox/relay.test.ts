import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test';
import { and, eq, sql } from 'drizzle-orm';
import { type Id, newId } from '../../kernel/id.ts';
import { type Foundation, startFoundation } from '../../testing/foundation.ts';
import { openClient } from '../db/client.ts';
import { LOOK_UP_SETTINGS } from '../db/client-options.ts';
import { standForLeader } from '../db/leader.ts';
import { auditLogs, outbox, outboxConsumers, outboxRetries } from '../db/schema.ts';
import { transact } from '../db/transact.ts';
import { readiness } from '../health.ts';
import type { Consumer, DeliveredEvent } from './consumer.ts';
import { placeEvents } from './place-events.ts';
import { PACKED, publish, publishPacked } from './publish.ts';
import { type Relay, startRelay } from './relay.ts';

const QUICK = { firstDelayMs: 5, maxAttempts: 3 };

let foundation: Foundation;
let started: Relay[] = [];

beforeAll(async () => {
  foundation = await startFoundation(import.meta.file, []);
});
afterAll(async () => {
  await Promise.all(started.map((relay) => relay.stop()));
  await foundation.close();
});
beforeEach(async () => {
  await Promise.all(started.map((relay) => relay.stop()));
  started = [];
  const { engine } = foundation.deps.db;
  await engine.delete(outbox);
  await engine.delete(outboxConsumers);
  await engine.delete(outboxRetries);
});

function relayTo(...consumers: Consumer[]): Relay {
  return relayWith(QUICK, ...consumers);
}

function relayWith(rules: typeof QUICK, ...consumers: Consumer[]): Relay {
  const relay = startRelay(foundation.deps, consumers, rules);
  started.push(relay);
  return relay;
}

function collector(name: string, types: readonly string[], seen: DeliveredEvent[]): Consumer {
  return {
    name,
    types,
    handle: async (_ctx, event) => {
      seen.push(event);
    },
  };
}

async function write(type: string, userId: Id | null, data: object = {}): Promise<void> {
  await transact(foundation.system, 'engine', (tx) =>
    publish(tx, foundation.system, [{ type, userId, customerVisible: false, data }]),
  );
}

async function positions(): Promise<number[]> {
  const rows = await foundation.deps.db.engine
    .select({ position: outbox.position })
    .from(outbox)
    .orderBy(outbox.position);
  return rows.map((row) => Number(row.position));
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 500; tries += 1) {
    if (await holds()) {
      return;
    }
    await Bun.sleep(10);
  }
  throw new Error('it did not come to hold within five seconds');
}

test('delivers a user’s events in the order they were written, to the consumers of their types', async () => {
  const [ada, ben] = [newId(), newId()];
  const [all, some]: DeliveredEvent[][] = [[], []];
  const relay = relayTo(
    collector('test.all', ['a.done', 'b.done'], all ?? []),
    collector('test.some', ['b.done'], some ?? []),
  );
  for (let step = 0; step < 20; step += 1) {
    await write(step % 2 === 0 ? 'a.done' : 'b.done', step % 3 === 0 ? ada : ben, { step });
  }
  await relay.drained();
  const stepsOf = (events: DeliveredEvent[] | undefined, user: Id) =>
    (events ?? []).filter((event) => event.userId === user).map((event) => Number(event.data.step));
  expect(stepsOf(all, ada)).toEqual([0, 3, 6, 9, 12, 15, 18]);
  expect(stepsOf(some, ben)).toEqual([1, 5, 7, 11, 13, 17, 19]);
  expect(all).toHaveLength(20);
  expect(await positions()).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
});

test('hands an event on when it is woken, without waiting for its own next look', async () => {
  const seen: DeliveredEvent[] = [];
  const relay = relayTo(collector('test.quick', ['a.done'], seen));
  // The best of five: a busy machine delays some, a relay that waits for its own next look delays all.
  const delays: number[] = [];
  for (let round = 1; round <= 5; round += 1) {
    await relay.drained();
    const began = performance.now();
    await write('a.done', newId());
    relay.wake();
    await until(() => seen.length === round);
    delays.push(performance.now() - began);
  }
  expect(Math.min(...delays)).toBeLessThan(250);
});

test('gives no position while an older transaction could still commit an earlier event', async () => {
  const seen: DeliveredEvent[] = [];
  const relay = relayTo(collector('test.order', ['a.done'], seen));
  const user = newId();
  await transact(foundation.system, 'engine', async (tx) => {
    await publish(tx, foundation.system, [
      { type: 'a.done', userId: user, customerVisible: false, data: { step: 'older' } },
    ]);
    await write('a.done', user, { step: 'younger' });
    relay.wake();
    await Bun.sleep(100);
    expect(seen).toHaveLength(0);
  });
  await relay.drained();
  expect(seen.map((event) => event.data.step)).toEqual(['older', 'younger']);
});

test('who is meant by nothing that came is moved on with it, in the one transaction that placed it', async () => {
  const seen: DeliveredEvent[] = [];
  const relay = relayTo(
    collector('test.meant', ['a.done'], seen),
    collector('test.passed', ['b.done'], seen),
  );
  const moved = async () => {
    await relay.drained();
    const rows = await foundation.deps.db.engine.execute<{ name: string; isWithIt: boolean }>(sql`
      select c.name, c.xmin = o.xmin as "isWithIt" from outbox_consumers c cross join outbox o
      where o.position = (select max(position) from outbox) order by c.name`);
    return [...rows];
  };
  const passed = { name: 'test.passed', isWithIt: true };
  await write('b.done', null);
  await moved();
  await write('a.done', null);
  expect(await moved()).toEqual([{ name: 'test.meant', isWithIt: false }, passed]);
  await write('c.done', null);
  expect(await moved()).toEqual([{ name: 'test.meant', isWithIt: true }, passed]);
  await write('b.done', null);
  expect(await moved()).toEqual([
    { name: 'test.meant', isWithIt: true },
    { name: 'test.passed', isWithIt: false },
  ]);
  expect(seen.map(({ type }) => type)).toEqual(['b.done', 'a.done', 'b.done']);
});

test('a failing event holds back its own user only, and order is kept when it goes through', async () => {
  const [ada, ben] = [newId(), newId()];
  const seen: string[] = [];
  let broken = true;
  const relay = relayWith(
    { firstDelayMs: 5, maxAttempts: 100 },
    {
      name: 'test.flaky',
      types: ['a.done'],
      handle: async (_ctx, event) => {
        if (broken && event.data.step === 'a1') {
          throw new Error('not yet');
        }
        seen.push(event.data.step as string);
      },
    },
  );
  await write('a.done', ada, { step: 'a1' });
  await write('a.done', ada, { step: 'a2' });
  await write('a.done', ben, { step: 'b1' });
  await relay.drained();
  await write('a.done', ada, { step: 'a3' });
  await relay.drained();
  expect(seen).toEqual(['b1']);
  broken = false;
  await until(() => seen.length === 4);
  expect(seen).toEqual(['b1', 'a1', 'a2', 'a3']);
  await until(async () => (await foundation.deps.db.engine.select().from(outboxRetries)).length === 0);
});

test('an event that fails every time is parked, recorded for a person, and never lost', async () => {
  const user = newId();
  let calls = 0;
  const relay = relayTo({
    name: 'test.poison',
    types: ['a.done'],
    handle: async () => {
      calls += 1;
      throw new TypeError('secret of the customer');
    },
  });
  await write('a.done', user);
  await relay.drained();
  const { engine } = foundation.deps.db;
  const parked = () =>
    engine
      .select()
      .from(auditLogs)
      .where(and(eq(auditLogs.eventType, 'outbox_event.parked'), eq(auditLogs.subjectUserId, user)));
  await until(async () => (await parked()).length === 1);
  expect(calls).toBe(3);
  await Bun.sleep(700);
  expect(calls).toBe(3);
  const [row] = await parked();
  expect(row).toMatchObject({ severity: 'critical', subjectUserId: user });
  expect(row?.after).toMatchObject({ consumer: 'test.poison', attempts: 3, failure: 'TypeError' });
  expect(await engine.select().from(outboxRetries)).toMatchObject([{ attempts: 3, lastError: 'TypeError' }]);
});

test('a consumer may try more often than others before an event is parked', async () => {
  let calls = 0;
  const relay = relayTo({
    name: 'test.patient',
    types: ['a.done'],
    maxAttempts: 5,
    handle: async () => {
      calls += 1;
      throw new TypeError('not yet');
    },
  });
  await write('a.done', newId());
  const attempts = async () => {
    relay.wake();
    const [retry] = await foundation.deps.db.engine.select().from(outboxRetries);
    return retry?.attempts;
  };
  await until(async () => (await attempts()) === 5);
  expect(calls).toBe(5);
});

test('of two relays one works, each event is delivered once, and the other takes over', async () => {
  const [first, second]: [string[], string[]] = [[], []];
  const into = (seen: string[]): Consumer => ({
    name: 'test.shared',
    types: ['a.done'],
    handle: async (_ctx, event) => {
      seen.push(event.id);
    },
  });
  const one = relayTo(into(first));
  await write('a.done', newId());
  await one.drained();
  const two = relayTo(into(second));
  await Promise.all(Array.from({ length: 40 }, () => write('a.done', newId())));
  await Promise.all([one.drained(), two.drained()]);
  expect(new Set(first).size).toBe(41);
  expect([first.length, second.length]).toEqual([41, 0]);
  await one.stop();
  await write('a.done', newId());
  await two.drained();
  expect(second).toHaveLength(1);
});

test('a relay that lost its connection takes the lead again and delivers nothing twice that was stored', async () => {
  const seen: DeliveredEvent[] = [];
  const relay = relayTo(collector('test.reconnects', ['a.done'], seen));
  await write('a.done', newId());
  await relay.drained();
  await Bun.sleep(100);
  await foundation.deps.db.engine.execute(sql`
    select pg_terminate_backend(l.pid) from pg_locks l
    where l.locktype = 'advisory' and l.database = (select oid from pg_database where datname = current_database())`);
  await write('a.done', newId());
  await relay.drained();
  expect(seen.map((event) => Number(event.position))).toEqual([1, 2]);
});

test('events carried over by a logical restore, with transaction ids of the future, are delivered', async () => {
  const seen: DeliveredEvent[] = [];
  const relay = relayTo(collector('test.restored', ['a.done'], seen));
  await relay.drained();
  await foundation.deps.db.engine.insert(outbox).values({
    id: newId(),
    txid: '9000000000',
    type: 'a.done',
    userId: null,
    customerVisible: false,
    data: {},
    requestId: newId(),
    occurredAt: foundation.deps.clock.now(),
  });
  await relay.drained();
  expect(seen).toHaveLength(1);
});

test('what a handler publishes is delivered too, under the request that began it', async () => {
  const user = newId();
  const requests: string[] = [];
  const relay = relayTo(
    {
      name: 'test.first',
      types: ['a.done'],
      handle: async (ctx) => {
        requests.push(ctx.requestId);
        await transact(ctx, 'engine', (tx) =>
          publish(tx, ctx, [{ type: 'b.done', userId: user, customerVisible: false, data: {} }]),
        );
      },
    },
    {
      name: 'test.second',
      types: ['b.done'],
      handle: async (ctx) => {
        requests.push(ctx.requestId);
      },
    },
  );
  await write('a.done', user);
  await relay.drained();
  expect(requests).toEqual([foundation.system.requestId, foundation.system.requestId]);
});

test('a node whose events wait longer than half a minute is not ready', async () => {
  const { engine } = foundation.deps.db;
  relayTo();
  await engine.insert(outbox).values({
    id: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001',
    // Neither older than every running transaction nor of the future: it can never be placed in this test.
    txid: sql`pg_current_xact_id()`,
    type: 'a.done',
    userId: null,
    customerVisible: false,
    data: {},
    requestId: newId(),
    occurredAt: foundation.deps.clock.now(),
  });
  await Promise.all(started.map((relay) => relay.stop()));
  await engine.update(outbox).set({ position: null });
  const { failing } = await readiness(foundation.deps);
  expect(failing.map((probe) => probe.name)).toContain('relay');
});

test('makes rows of events that share one, each at its place and once, and leaves nothing of theirs', async () => {
  const { deps } = foundation;
  const ctx = foundation.ctx({ kind: 'system', name: 'test' });
  const [userId, accountId] = [newId(), newId()];
  const own = { userId, accountId, customerVisible: true };
  const packed = (from: number) =>
    Array.from({ length: 60 }, (_, nth) => ({
      id: newId(),
      type: 'small.packed',
      userId,
      accountId,
      requestId: `request ${from + nth}`,
      data: { nth: from + nth },
    }));
  await transact(ctx, 'engine', async (tx) => {
    await publish(tx, ctx, [{ ...own, type: 'small.plain', data: { nth: 0 } }]);
    await publishPacked(tx, ctx, packed(1), 'at_next_look');
    await publish(tx, ctx, [{ ...own, type: 'small.plain', data: { nth: 61 } }]);
  });
  for (let batch = 0; batch < 60; batch += 1) {
    await transact(ctx, 'engine', (tx) => publishPacked(tx, ctx, packed(62 + batch * 60), 'at_next_look'));
  }
  const seen: DeliveredEvent[] = [];
  const relay = relayTo(collector('small.all', ['small.packed', 'small.plain', PACKED], seen));
  await relay.drained();
  expect(seen.map(({ data }) => data.nth)).toEqual(Array.from({ length: 62 + 3_600 }, (_, nth) => nth));
  expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length);
  expect(await deps.db.engine.select().from(outbox).where(eq(outbox.type, PACKED))).toEqual([]);
  const [one] = await deps.db.engine.select().from(outbox).where(eq(outbox.requestId, 'request 5'));
  expect(one).toMatchObject({ ...own, type: 'small.packed', data: { nth: 5 }, position: 6n });
  expect(await deps.db.engine.transaction(placeEvents)).toMatchObject({ placed: 0, waiting: false });
});

test('is woken by events that share a row where they are to be placed at once, and by no others', async () => {
  let woken = 0;
  const ctx = foundation.ctx({ kind: 'system', name: 'test' });
  const counting = { ...ctx, deps: { ...ctx.deps, wakeRelay: () => (woken += 1) } };
  const [userId, accountId] = [newId(), newId()];
  const event = { id: newId(), type: 'small.packed', userId, accountId, requestId: newId(), data: {} };
  await transact(counting, 'engine', (tx) => publishPacked(tx, counting, [event], 'at_next_look'));
  expect(woken).toBe(0);
  await transact(counting, 'engine', (tx) => publishPacked(tx, counting, [event], 'at_once'));
  expect(woken).toBe(1);
});

test('places along indexes, by a plan that was made while nothing had its place yet', async () => {
  const owner = openClient(foundation.database.owner, 1);
  await owner`truncate outbox`;
  await transact(foundation.system, 'engine', (tx) =>
    publish(
      tx,
      foundation.system,
      Array.from({ length: 300 }, () => ({
        type: 'a.done',
        userId: newId(),
        customerVisible: true,
        data: {},
      })),
    ),
  );
  await owner`analyze outbox`;
  await owner.end();
  const session = standForLeader(foundation.deps.db.connections.engine, 'test', LOOK_UP_SETTINGS);
  await session.run((tx) => placeEvents(tx));
  const plan = await session.run(async (tx) => {
    const [kept] = await tx.execute<{ name: string }>(
      sql`select name from pg_prepared_statements where statement ~ 'with horizon as' and statement !~ 'prepared'`,
    );
    return tx.execute<Record<'QUERY PLAN', string>>(sql.raw(`explain execute "${kept?.name}"`));
  });
  await session.close();
  const nodes = (plan ?? []).map((row) => row['QUERY PLAN']).join('\n');
  expect(nodes).toMatch(/Index Scan (using|on) outbox_unplaced_idx/);
  expect(nodes).not.toMatch(/Seq Scan|(Hash|Merge) (\w+ )?Join/);
});
