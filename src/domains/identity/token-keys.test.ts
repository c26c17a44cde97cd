import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { eq, sql } from 'drizzle-orm';
import { decodeProtectedHeader } from 'jose';
import { personKeys } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { TEST_ROOT_KEYS } from '../../testing/foundation.ts';
import { type IdentityDesk, type Person, startIdentityDesk } from '../../testing/identity-desk.ts';
import { type Node, type NodeParts, startNode } from '../../testing/second-node.ts';
import { countOlderWraps, identityDomain, rewrapKeys } from './index.ts';
import { openSession, tokensOf } from './open-session.ts';
import { rotateTokenKeys, rotateTokenKeysJob } from './rotate-token-keys.ts';
import { tokenKeys } from './schema.ts';

const MINUTE_MS = 60_000;
const NEW_ROOT = { name: 'new', key: new Uint8Array(32).fill(11) };

const NONE = { person_keys: 0, person_key_versions: 0, token_keys: 0, installation_keys: 0 };

let desk: IdentityDesk;
const nodes: Node[] = [];

beforeAll(async () => {
  desk = await startIdentityDesk(import.meta.file);
});
beforeEach(async () => {
  await desk.deps.db.engine.delete(tokenKeys);
});
afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.close()));
});
afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

function newNode(parts: NodeParts = {}): Node {
  const node = startNode(desk, [identityDomain], parts);
  nodes.push(node);
  return node;
}

/** An access token of a node and the key it names. */
async function tokenOn(node: Node, person: Person) {
  const ctx = { ...desk.system, deps: node.deps };
  const session = await transact(ctx, 'engine', (tx) =>
    openSession(tx, ctx, person.userId, { methods: ['pwd'], secondFactor: false }),
  );
  const { accessToken } = await tokensOf(node.deps, session, person.roles);
  return { token: accessToken, keyId: decodeProtectedHeader(accessToken).kid };
}

const meOn = async (node: Node, token: string) => (await node.request('GET', '/v1/me', { token })).status;
const publishedOn = async (node: Node): Promise<ReadonlySet<string>> => {
  const { body } = await node.request('GET', '/.well-known/jwks.json');
  return new Set(body.keys.map((key: { kid: string }) => key.kid));
};
const rotations = async (type: string) => {
  const rows = await desk.deps.db.engine.execute(
    sql`select 1 from audit_logs where event_type = ${type} and actor_id <> 'token-keys'`,
  );
  return rows.length;
};

describe('a rotation', () => {
  test('publishes the new key before it signs, and the old one verifies to the end of its tokens', async () => {
    const person = await desk.newPerson();
    const before = newNode();
    const old = await tokenOn(before, person);
    const rotation = await rotateTokenKeys(desk.system, 'command');
    expect(rotation.retired).toBe(1);
    const now = newNode();
    expect((await tokenOn(now, person)).keyId).toBe(old.keyId);
    expect(await publishedOn(now)).toEqual(new Set([old.keyId ?? '', rotation.keyId]));

    const soon = newNode({ aheadMs: 61 * MINUTE_MS });
    expect((await tokenOn(soon, person)).keyId).toBe(rotation.keyId);
    expect(await publishedOn(soon)).toEqual(new Set([old.keyId ?? '', rotation.keyId]));
    const justBefore = await tokenOn(newNode({ aheadMs: 59 * MINUTE_MS }), person);
    expect(justBefore.keyId).toBe(old.keyId);
    expect(await meOn(soon, justBefore.token)).toBe(200);

    const later = newNode({ aheadMs: 76 * MINUTE_MS });
    expect(await publishedOn(later)).toEqual(new Set([rotation.keyId]));
  });

  test('of a compromised key ends what it signed, on nodes that remember its tokens too', async () => {
    const person = await desk.newPerson();
    const node = newNode();
    const { token, keyId } = await tokenOn(node, person);
    expect(await meOn(node, token)).toBe(200);
    const rotation = await rotateTokenKeys(desk.system, 'compromised');
    while ((await meOn(node, token)) !== 401) {
      await Bun.sleep(5);
    }
    expect(await publishedOn(newNode())).toEqual(new Set([rotation.keyId]));
    const fresh = await tokenOn(node, person);
    expect(fresh.keyId).toBe(rotation.keyId);
    expect(fresh.keyId).not.toBe(keyId);
    expect(await meOn(node, fresh.token)).toBe(200);
  });

  test('twice within the hour leaves no moment without a key', async () => {
    const person = await desk.newPerson();
    const first = await tokenOn(newNode(), person);
    const second = await rotateTokenKeys(desk.system, 'command');
    const third = await rotateTokenKeys(desk.system, 'command');
    expect((await tokenOn(newNode(), person)).keyId).toBe(first.keyId);
    expect((await tokenOn(newNode({ aheadMs: 61 * MINUTE_MS }), person)).keyId).toBe(third.keyId);
    expect(second.keyId).not.toBe(third.keyId);
  });

  test('by the clock happens once a month, however often and on however many nodes the job runs', async () => {
    const person = await desk.newPerson();
    const { keyId } = await tokenOn(newNode(), person);
    await rotateTokenKeysJob.run(desk.system);
    expect(await desk.deps.db.engine.select().from(tokenKeys)).toHaveLength(1);
    await desk.deps.db.engine.execute(
      sql`update token_keys set signs_from = now() - interval '31 days' where id = ${keyId ?? ''}`,
    );
    const created = await rotations('token_key.created');
    await Promise.all([rotateTokenKeysJob.run(desk.system), rotateTokenKeysJob.run(desk.system)]);
    expect(await desk.deps.db.engine.select().from(tokenKeys)).toHaveLength(2);
    expect(await rotations('token_key.created')).toBe(created + 1);
  });

  test('of nothing makes a key that signs at once', async () => {
    const person = await desk.newPerson();
    const rotation = await rotateTokenKeys(desk.system, 'command');
    expect((await tokenOn(newNode(), person)).keyId).toBe(rotation.keyId);
  });

  test('makes one first key of many nodes that need one at once', async () => {
    const person = await desk.newPerson();
    const tokens = await Promise.all([newNode(), newNode()].map((node) => tokenOn(node, person)));
    expect(new Set(tokens.map((token) => token.keyId)).size).toBe(1);
  });
});

describe('another root key', () => {
  const silent = () => {};
  /** The desk itself has the older root key only. */
  const wrapBack = async () => {
    const { deps } = newNode({ rootKeys: [...TEST_ROOT_KEYS, NEW_ROOT] });
    await rewrapKeys({ ...desk.system, deps }, silent);
    expect(await countOlderWraps(desk.system)).toEqual(NONE);
  };

  test('wraps what the older one wrapped, in any number of runs, and opens all of it', async () => {
    const people = [await desk.newPerson(), await desk.newPerson()];
    const first = await tokenOn(newNode(), people[0] as Person);
    const node = newNode({ rootKeys: [NEW_ROOT, ...TEST_ROOT_KEYS] });
    const ctx = { ...desk.system, deps: node.deps };
    const held = await desk.deps.db.engine.$count(personKeys);
    expect(await countOlderWraps(ctx)).toEqual({ ...NONE, person_keys: held, token_keys: 1 });
    const recorded = await rotations('keyring.rewrapped');
    expect(await rewrapKeys(ctx, silent)).toEqual({ ...NONE, person_keys: held, token_keys: 1 });
    expect(await rewrapKeys(ctx, silent)).toEqual(NONE);
    expect(await countOlderWraps(ctx)).toEqual(NONE);
    // Only the new root key opens them now; indexes and row MACs still come from the oldest.
    const fresh = newNode({ rootKeys: [NEW_ROOT, ...TEST_ROOT_KEYS] });
    for (const { userId } of people) {
      const key = await fresh.deps.db.engine.transaction((tx) => fresh.deps.personKeys.of(tx, userId));
      expect(key.key).toHaveLength(32);
    }
    expect(await meOn(fresh, first.token)).toBe(200);
    expect((await tokenOn(fresh, people[1] as Person)).keyId).toBe(first.keyId);
    expect(await rotations('keyring.rewrapped')).toBe(recorded + 2);
    await wrapBack();
  });

  test('that is missing is said, and nothing is changed', async () => {
    await desk.newPerson();
    const node = newNode({ rootKeys: [NEW_ROOT] });
    const ctx = { ...desk.system, deps: node.deps };
    const before = await desk.deps.db.engine.select().from(personKeys);
    const failure = await rewrapKeys(ctx, silent).catch((error: unknown) => error);
    expect((failure as Error).name).toBe('SealError');
    expect(await desk.deps.db.engine.select().from(personKeys)).toEqual(before);
  });

  test('leaves a key alone that is destroyed while it runs', async () => {
    const person = await desk.newPerson();
    const node = newNode({ rootKeys: [NEW_ROOT, ...TEST_ROOT_KEYS] });
    const { keyring } = node.deps;
    const destroying = {
      ...keyring,
      wrap: (...args: Parameters<typeof keyring.wrap>) => {
        destroyed ??= desk.deps.db.engine
          .delete(personKeys)
          .where(eq(personKeys.userId, person.userId))
          .returning()
          .execute();
        return keyring.wrap(...args);
      },
    };
    let destroyed: Promise<(typeof personKeys.$inferSelect)[]> | undefined;
    const ctx = { ...desk.system, deps: { ...node.deps, keyring: destroying } };
    await rewrapKeys(ctx, silent);
    const gone = (await destroyed) ?? [];
    const left = await desk.deps.db.engine
      .select()
      .from(personKeys)
      .where(eq(personKeys.userId, person.userId));
    expect(left).toEqual([]);
    await desk.deps.db.engine.insert(personKeys).values(gone);
    await wrapBack();
  });
});
