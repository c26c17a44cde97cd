import { afterAll, beforeAll, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { type Id, newId } from '../../kernel/id.ts';
import { type DataKey, sealJson, sealText } from '../../platform/crypto/seal.ts';
import { openClient } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { type IdentityDesk, startIdentityDesk } from '../../testing/identity-desk.ts';
import { openSession } from './open-session.ts';
import { userPlace } from './profile.ts';
import { apiKeys, roleGrants, users } from './schema.ts';

let desk: IdentityDesk;

beforeAll(async () => {
  desk = await startIdentityDesk(import.meta.file);
});

afterAll(async () => {
  await desk.close();
});

test('reconcile finds what identity must never hold', async () => {
  await desk.newPerson();
  expect(await desk.breaks()).toEqual([]);

  const bare = newId();
  const at = desk.deps.clock.now();
  const key: DataKey = desk.deps.keyring.house;
  await desk.deps.db.engine.insert(users).values({
    id: bare,
    email: sealText(key, userPlace('email', bare), 'bare@example.mu'),
    emailIndex: desk.deps.keyring.blindIndex('users.email', 'bare@example.mu'),
    profile: sealJson(key, userPlace('profile', bare), {}),
    status: 'active',
    createdAt: at,
    updatedAt: at,
  });
  const clerk = await desk.newPerson('support');
  const self = { userId: clerk.userId, role: 'admin', grantedBy: clerk.userId, grantedAt: at } as const;
  await desk.deps.db.engine.insert(roleGrants).values(self);
  const shutOut = await desk.newPerson();
  const signIn = { methods: ['pwd'], secondFactor: false } as const;
  await transact(desk.system, 'engine', (tx) => openSession(tx, desk.system, shutOut.userId, signIn));
  await desk.deps.db.engine.update(users).set({ status: 'suspended' }).where(eq(users.id, shutOut.userId));

  await plantServiceKey(clerk.userId);
  const gone = await desk.newPerson();
  await desk.deps.db.engine.update(users).set({ deletedAt: at }).where(eq(users.id, gone.userId));
  const ended = await desk.newPerson();
  await desk.deps.db.engine.update(users).set({ status: 'closed' }).where(eq(users.id, ended.userId));

  const found = (await desk.breaks()).map((line) => line.split(':')[0] ?? '').toSorted();
  expect(found).toEqual([
    'identity.closed_users_say_when',
    'identity.erased_users_hold_nothing',
    'identity.granted_roles_name_two_people',
    'identity.service_keys_name_two_people',
    'identity.shut_out_users_have_no_session',
    'identity.users_have_gates',
    'identity.users_have_keys',
    'identity.users_have_roles',
  ]);
});

/** A key that works without anybody's vote, as the owner of the database could plant it. */
async function plantServiceKey(userId: Id): Promise<void> {
  const owner = openClient(desk.database.owner, 1);
  await owner`alter table api_keys disable trigger check_api_key`;
  const at = desk.deps.clock.realNow();
  await desk.deps.db.engine.insert(apiKeys).values({
    id: newId(),
    userId,
    name: 'planted',
    mode: 'test',
    scopes: [],
    allowedCidrs: [],
    secretHash: new Uint8Array(32),
    service: true,
    approvalId: newId(),
    createdAt: at,
    activatedAt: at,
  });
  await owner`alter table api_keys enable always trigger check_api_key`;
  await owner.end();
}
