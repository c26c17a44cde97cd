import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq, sql } from 'drizzle-orm';
import type postgres from 'postgres';
import { type Connection, openClient } from '../../platform/db/client.ts';
import { personKeys } from '../../platform/db/schema.ts';
import { type IdentityDesk, type Person, startIdentityDesk } from '../../testing/identity-desk.ts';
import { type Node, startNode } from '../../testing/second-node.ts';
import { startStallingProxy } from '../../testing/stalling-proxy.ts';
import { createApiKey, identityDomain } from './index.ts';
import { revocations } from './revocations.ts';
import { suspendUser } from './suspend-user.ts';

/** Suspension and revocation act everywhere within this. */
const A_SECOND_MS = 1_000;

let desk: IdentityDesk;
let admin: Person;
let owner: postgres.Sql;

beforeAll(async () => {
  desk = await startIdentityDesk(import.meta.file);
  admin = await desk.newPerson('admin');
  await desk.newPerson('admin');
  owner = openClient(desk.database.owner, 1);
});
afterAll(async () => {
  await owner.end();
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) {
    await Bun.sleep(5);
  }
}

/** A node that hears: what it reads from now on it may believe for longer than a second. */
async function withNode(work: (node: Node) => Promise<void>, listenVia?: Connection) {
  const node = startNode(desk, [identityDomain], listenVia === undefined ? {} : { listenVia });
  try {
    await hears(node);
    await work(node);
  } finally {
    await node.close();
  }
}

const hears = (node: Node) => until(() => revocations(node.deps).listener.proven());
const suspend = (userId: string) =>
  suspendUser({ ...desk.ctx(admin.actor), login: 'staff' }, userId, 'Reported stolen device');

/** Answers of a node to someone's access token and API key. */
async function credentialsOf(person: Person) {
  const token = await desk.tokenOf(person);
  const { secret } = await createApiKey(desk.system, {
    userId: person.userId,
    name: 'bot',
    scopes: ['accounts:read'],
  });
  return {
    token,
    answers: async (node: Pick<Node, 'request'>) => [
      (await node.request('GET', '/v1/me', { token })).status,
      (await node.request('GET', '/v1/api-keys', { token: secret })).status,
    ],
  };
}

/** 403 says that the key is right and that keys may not do this. */
const ADMITTED = [200, 403];
const SHUT_OUT = [401, 401];

describe('a suspension', () => {
  test('reaches a node that believes for longer than a second, by a notice alone', async () => {
    await withNode(async (node) => {
      const person = await desk.newPerson();
      const { answers } = await credentialsOf(person);
      expect(await answers(node)).toEqual(ADMITTED);
      // What is changed without a notice is not seen: the node does not ask, it listens.
      await owner`alter table users disable trigger users_tell`;
      await desk.deps.db.engine.execute(
        sql`update users set status = 'suspended' where id = ${person.userId}`,
      );
      await Bun.sleep(A_SECOND_MS);
      expect(await answers(node)).toEqual(ADMITTED);
      await desk.deps.db.engine.execute(sql`update users set status = 'active' where id = ${person.userId}`);
      await owner`alter table users enable always trigger users_tell`;
      await suspend(person.userId);
      await until(async () => (await answers(node)).join() === SHUT_OUT.join());
    });
  });

  test('acts within a second on a node whose listener was ended at that moment', async () => {
    await withNode(async (node) => {
      const person = await desk.newPerson();
      const { answers } = await credentialsOf(person);
      expect(await answers(node)).toEqual(ADMITTED);
      await Promise.all([endListeners(), suspend(person.userId)]);
      await Bun.sleep(A_SECOND_MS);
      expect(await answers(node)).toEqual(SHUT_OUT);
    });
  });

  test('acts within a second on a node whose listener died without a word', async () => {
    const proxy = await startStallingProxy(desk.deps.db.connections.engine);
    await withNode(async (node) => {
      const person = await desk.newPerson();
      const { answers } = await credentialsOf(person);
      expect(await answers(node)).toEqual(ADMITTED);
      proxy.stall();
      await suspend(person.userId);
      await Bun.sleep(A_SECOND_MS);
      expect(await answers(node)).toEqual(SHUT_OUT);
    }, proxy.connection);
    await proxy.close();
  });

  test('acts on a node that lost every connection to the database', async () => {
    await withNode(async (node) => {
      const person = await desk.newPerson();
      const { answers } = await credentialsOf(person);
      expect(await answers(node)).toEqual(ADMITTED);
      const stretch = revocations(node.deps).listener.stretch();
      await endEverything();
      await until(() => revocations(node.deps).listener.stretch() > stretch);
      await hears(node);
      await until(async () => (await answers(node)).join() === ADMITTED.join());
      await suspend(person.userId);
      await Bun.sleep(A_SECOND_MS);
      expect(await answers(node)).toEqual(SHUT_OUT);
    });
  });
});

describe('a node hears of', () => {
  type Change = readonly [what: string, change: (person: Person) => Promise<unknown>, after: number[]];
  const changes: readonly Change[] = [
    [
      'a session that ends',
      ({ userId }) =>
        desk.deps.db.engine.execute(sql`update sessions set revoked_at = now() where user_id = ${userId}`),
      [401, 403],
    ],
    [
      'a session that is deleted',
      ({ userId }) => desk.deps.db.engine.execute(sql`delete from sessions where user_id = ${userId}`),
      [401, 403],
    ],
    [
      'a session whose limit is brought forward',
      ({ userId }) =>
        desk.deps.db.engine.execute(
          sql`update sessions set absolute_expires_at = now() where user_id = ${userId}`,
        ),
      [401, 403],
    ],
    [
      'a key that is revoked',
      ({ userId }) =>
        desk.deps.db.engine.execute(sql`update api_keys set revoked_at = now() where user_id = ${userId}`),
      [200, 401],
    ],
    [
      'a key whose expiry is brought forward',
      ({ userId }) =>
        desk.deps.db.engine.execute(sql`update api_keys set expires_at = now() where user_id = ${userId}`),
      [200, 401],
    ],
  ];

  test.each(changes)('%s', async (_what, change, after) => {
    await withNode(async (node) => {
      const person = await desk.newPerson();
      const { answers } = await credentialsOf(person);
      expect(await answers(node)).toEqual(ADMITTED);
      await change(person);
      await Bun.sleep(A_SECOND_MS);
      expect(await answers(node)).toEqual(after);
    });
  });

  test('roles that change, in sessions that are open', async () => {
    await withNode(async (node) => {
      const person = await desk.newPerson();
      const token = await desk.tokenOf(person);
      const list = async () => (await node.request('GET', '/v1/users', { token })).status;
      expect(await list()).toBe(403);
      const grant = sql`insert into role_grants (user_id, role, granted_at) values (${person.userId}, 'support', now())`;
      await desk.deps.db.engine.execute(grant);
      await until(async () => (await list()) === 200);
      await desk.deps.db.engine.execute(
        sql`delete from role_grants where user_id = ${person.userId} and role = 'support'`,
      );
      await until(async () => (await list()) === 403);
    });
  });

  test('a data key that is destroyed: what it opened opens no more', async () => {
    await withNode(async (node) => {
      const person = await desk.newPerson();
      const { deps } = node;
      const read = () => deps.db.engine.transaction((tx) => deps.personKeys.find(tx, person.userId));
      expect(await read()).toBeDefined();
      const mine = eq(personKeys.userId, person.userId);
      const destroyed = await desk.deps.db.engine.delete(personKeys).where(mine).returning();
      await until(async () => (await read()) === undefined);
      await desk.deps.db.engine.insert(personKeys).values(destroyed);
    });
  });

  test('nothing when a session is refreshed or a use is noted', async () => {
    const person = await desk.newPerson();
    await credentialsOf(person);
    const heard: string[] = [];
    const client = openClient(desk.deps.db.connections.engine, 1);
    await client.listen('plimsoll_revocations', (payload) => heard.push(payload));
    await desk.deps.db.engine.execute(sql`
      update sessions set last_active_at = now(), idle_expires_at = now(), refresh_hash = refresh_hash
      where user_id = ${person.userId}`);
    await desk.deps.db.engine.execute(
      sql`update api_keys set last_used_at = now() where user_id = ${person.userId}`,
    );
    await desk.deps.db.engine.execute(
      sql`update sessions set mfa_at = now() where user_id = ${person.userId}`,
    );
    await until(() => heard.length > 0);
    expect(heard.map((payload) => payload.split(' ')[0])).toEqual(['session']);
    await client.end();
  });
});

/** Ends the server's side of every connection that listens. */
function endListeners() {
  return desk.deps.db.engine.execute(sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()
      and (query like 'notify plimsoll_beat%' or query like 'listen %')`);
}

/** Ends the server's side of every connection of every runtime login but the one that does it. */
async function endEverything() {
  for (const login of ['app', 'staff', 'engine'] as const) {
    const client = openClient(desk.deps.db.connections[login], 1);
    await client`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and usename = current_user and pid <> pg_backend_pid()`;
    await client.end();
  }
}
