import { afterAll, beforeAll, expect, test } from 'bun:test';
import { sql } from 'drizzle-orm';
import { transact } from '../../platform/db/transact.ts';
import { type IdentityDesk, type Person, startIdentityDesk } from '../../testing/identity-desk.ts';
import { createApiKey } from './index.ts';
import { openSession, tokensOf } from './open-session.ts';
import { suspendUser } from './suspend-user.ts';

let desk: IdentityDesk;
let first: Person;
let token: string;

beforeAll(async () => {
  desk = await startIdentityDesk(import.meta.file);
  first = await desk.newPerson('admin');
  token = await desk.tokenOf(first);
});
afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

const listUsers = async (bearer = token) => {
  const answer = await desk.request('GET', '/v1/users', { token: bearer });
  return answer.status === 200 ? 'acts' : answer.body.code;
};
const change = (statement: ReturnType<typeof sql>) => desk.deps.db.engine.execute(statement);

async function until(word: string): Promise<void> {
  while ((await listUsers()) !== word) {
    await Bun.sleep(5);
  }
}

test('nobody acts as admin until two people hold the role and each has a second factor', async () => {
  expect(await listUsers()).toBe('second_admin_missing');
  expect((await desk.request('GET', '/v1/me', { token })).body.roles).toEqual(['admin']);

  const second = await desk.newPerson('admin');
  await until('acts');

  await change(sql`update totp_secrets set confirmed_at = null where user_id = ${second.userId}`);
  await until('second_admin_missing');
  await change(sql`update totp_secrets set confirmed_at = now() where user_id = ${second.userId}`);
  await until('acts');

  await change(sql`delete from role_grants where user_id = ${second.userId} and role = 'admin'`);
  await change(
    sql`insert into role_grants (user_id, role, granted_at) values (${second.userId}, 'support', now())`,
  );
  await until('second_admin_missing');
  await change(
    sql`insert into role_grants (user_id, role, granted_at) values (${second.userId}, 'admin', now())`,
  );
  await until('acts');

  // Whoever suspends one of two admins must not stop the other; someone who has left is none.
  await suspendUser({ ...desk.ctx(first.actor), login: 'staff' }, second.userId, 'Reported stolen device');
  expect(await listUsers()).toBe('acts');
  await change(sql`update users set status = 'closed', closed_at = now() where id = ${second.userId}`);
  await until('second_admin_missing');
});

test('what a lone admin may not do as admin they may neither as approver nor as customer', async () => {
  await alone();
  const own = await desk.request('GET', '/v1/approvals', { token });
  expect(own.body.code).toBe('second_admin_missing');
  const accounts = await desk.request('GET', '/v1/accounts', { token });
  expect(accounts.status).toBe(403);
});

test('another role of a lone admin still counts', async () => {
  await alone();
  const both = await desk.newPerson('admin', 'support');
  await change(sql`delete from totp_secrets where user_id = ${both.userId}`);
  const bearer = await desk.tokenOf(both);
  expect(await listUsers(bearer)).toBe('acts');
  const roles = await desk.request('PUT', `/v1/users/${first.userId}/roles`, {
    token: bearer,
    body: { roles: ['support'], reason: 'Alone' },
  });
  expect(roles.body.code).toBe('second_admin_missing');
  await change(sql`delete from role_grants where user_id = ${both.userId} and role = 'admin'`);
});

test('a key of a lone admin acts no more than its owner', async () => {
  await alone();
  const { secret } = await createApiKey(desk.system, { userId: first.userId, name: 'demo', scopes: ['*'] });
  const answer = await desk.request('GET', '/v1/accounts', { token: secret });
  expect(answer.status).toBe(403);
});

test('the sealed emergency login acts alone: it is for the day when the admins are lost', async () => {
  await alone();
  const opened = await transact(desk.system, 'engine', (tx) =>
    openSession(tx, desk.system, first.userId, { methods: ['break_glass'], secondFactor: true }),
  );
  expect(await listUsers((await tokensOf(desk.deps, opened, first.roles)).accessToken)).toBe('acts');
});

/** Leaves the first admin without a second one, whatever came before. */
async function alone(): Promise<void> {
  await change(sql`delete from totp_secrets where user_id <> ${first.userId} and user_id in (
    select user_id from role_grants where role = 'admin')`);
  await until('second_admin_missing');
}
