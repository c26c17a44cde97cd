import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test';
import { eq, sql } from 'drizzle-orm';
import type { Hono } from 'hono';
import { createApp } from '../../app.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { outbox } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { type NewEvent, publish } from '../../platform/outbox/publish.ts';
import { type Foundation, startFoundation } from '../../testing/foundation.ts';
import { send } from '../../testing/send.ts';
import { eventsDomain } from './index.ts';

let foundation: Foundation;
let app: Hono;
let ada: Id;
let ben: Id;

beforeAll(async () => {
  foundation = await startFoundation(import.meta.file, [eventsDomain]);
  app = createApp(foundation.deps, {
    domains: [eventsDomain],
    platformEndpoints: [],
    // The token of these tests is the person.
    authenticate: async (_deps, userId) => ({
      kind: 'customer',
      userId: userId as Id,
      roles: ['customer'],
      sessionId: newId(),
      mfaAtMs: null,
    }),
    clientAddress: () => '198.51.100.7',
  });
});
beforeEach(() => {
  ada = newId();
  ben = newId();
});
afterAll(() => foundation.close());

async function write(userId: Id, step: number, more: Partial<NewEvent> = {}): Promise<void> {
  await transact(foundation.system, 'engine', (tx) =>
    publish(tx, foundation.system, [
      { type: 'sample.moved', userId, customerVisible: true, data: { step }, ...more },
    ]),
  );
}

async function read(userId: Id, query = '') {
  return send(app, 'GET', `/v1/events${query}`, { token: userId });
}

function stepsOf(body: { data: { data: { step: number } }[] }): number[] {
  return body.data.map((event) => event.data.step);
}

test('gives a customer their own events in order, in the one envelope, and nobody else’s', async () => {
  const accountId = newId();
  await write(ada, 1, { accountId });
  await write(ben, 2);
  await write(ada, 3);
  await foundation.settle();
  const { status, body } = await read(ada);
  expect(status).toBe(200);
  expect(stepsOf(body)).toEqual([1, 3]);
  expect(body.data[0]).toEqual({
    id: expect.any(String),
    type: 'sample.moved',
    occurredAt: expect.any(String),
    accountId,
    userId: ada,
    data: { step: 1 },
  });
  expect(body.data[1]).not.toHaveProperty('accountId');
});

test('continues after the last event that was read', async () => {
  for (let step = 1; step <= 5; step += 1) {
    await write(ada, step);
  }
  await foundation.settle();
  const first = await read(ada, '?limit=2');
  const rest = await read(ada, `?after=${first.body.data[1].id}`);
  expect([stepsOf(first.body), stepsOf(rest.body)]).toEqual([
    [1, 2],
    [3, 4, 5],
  ]);
});

test('shows no event that is not meant for the customer, and none before it has its position', async () => {
  await write(ada, 1, { customerVisible: false });
  await foundation.settle();
  await transact(foundation.system, 'engine', async (tx) => {
    await tx.execute(sql`select pg_current_xact_id()`);
    await write(ada, 2);
    expect(stepsOf((await read(ada)).body)).toEqual([]);
  });
  await foundation.settle();
  expect(stepsOf((await read(ada)).body)).toEqual([2]);
});

test('an `after` of somebody else, or of nobody, is not found', async () => {
  await write(ben, 1);
  await foundation.settle();
  const theirs = (await read(ben)).body.data[0].id;
  const answers = [await read(ada, `?after=${theirs}`), await read(ada, `?after=${newId()}`)];
  expect(answers.map(({ status, body }) => [status, body.code])).toEqual([
    [404, 'event_unknown'],
    [404, 'event_unknown'],
  ]);
  expect((await read(ada, '?after=x')).status).toBe(422);
});

test('no credential gives 401', async () => {
  expect((await send(app, 'GET', '/v1/events', {})).status).toBe(401);
});

test('reconcile finds a gap in the positions and a consumer that claims too much', async () => {
  const broken = async () => {
    const names: string[] = [];
    for (const check of eventsDomain.checks) {
      if ((await transact(foundation.system, 'engine', check.run)).breaks.length > 0) {
        names.push(check.name);
      }
    }
    return names;
  };
  await write(ada, 1);
  await write(ada, 2);
  await write(ada, 3);
  await foundation.settle();
  expect(await broken()).toEqual([]);
  const { engine } = foundation.deps.db;
  const own = await engine.select().from(outbox).where(eq(outbox.userId, ada)).orderBy(outbox.position);
  await engine.delete(outbox).where(eq(outbox.id, String(own[1]?.id)));
  await engine.execute(sql`insert into outbox_consumers (name, position) values ('test.liar', 1000000)`);
  const found = await broken();
  await engine.delete(outbox);
  await engine.execute(sql`delete from outbox_consumers where name = 'test.liar'`);
  expect(found).toEqual(['events.positions_are_gap_free', 'events.consumers_stay_behind']);
});
