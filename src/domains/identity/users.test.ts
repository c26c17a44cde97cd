import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { sql } from 'drizzle-orm';
import { sqlStateOf } from '../../platform/db/errors.ts';
import { transact } from '../../platform/db/transact.ts';
import { type IdentityDesk, type Person, startIdentityDesk } from '../../testing/identity-desk.ts';
import { gateRefusal, lockGates } from './gates.ts';
import { createApiKey } from './index.ts';

let desk: IdentityDesk;
let admin: Person;
let admin2: Person;

beforeAll(async () => {
  desk = await startIdentityDesk(import.meta.file);
  admin = await desk.newPerson('admin');
  admin2 = await desk.newPerson('admin');
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

async function as(person: Person, method: string, path: string, body?: object) {
  const token = await desk.tokenOf(person);
  return desk.request(method, path, { token, ...(body === undefined ? {} : { body }) });
}

const reason = { reason: 'Seen and agreed' };

describe('reading', () => {
  test('shows staff a person masked, and records who looked', async () => {
    const support = await desk.newPerson('support');
    const customer = await desk.newPerson();
    const answer = await as(support, 'GET', `/v1/users/${customer.userId}`);
    expect(answer.body).toMatchObject({
      initials: 'A. R.',
      emailMasked: 'p•••@e•••.mu',
      roles: ['customer'],
    });
    expect(JSON.stringify(answer.body)).not.toMatch(/Ramgoolam|1990-04-01|screening/);
    const [event] = await desk.auditOf(customer.userId, 'user.read');
    expect(event?.actorUserId).toBe(support.userId);
    const found = await as(support, 'GET', `/v1/users?email=${customer.email}`);
    expect(found.body.data.map((user: { id: string }) => user.id)).toEqual([customer.userId]);
  });

  test('pages through people without a gap', async () => {
    const seen: string[] = [];
    let cursor = '';
    do {
      const page = await as(admin, 'GET', `/v1/users?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`);
      seen.push(...page.body.data.map((user: { id: string }) => user.id));
      cursor = page.body.nextCursor ?? '';
    } while (cursor !== '');
    expect(seen).toEqual([...new Set(seen)].sort().reverse());
    expect(seen).toContain(admin.userId);
  });

  test('is refused to customers and to staff without a second factor', async () => {
    const customer = await desk.newToken();
    expect((await desk.request('GET', '/v1/users', { token: customer })).body.code).toBe('forbidden');
    const token = await desk.tokenOf(admin, false);
    expect((await desk.request('GET', '/v1/users', { token })).body.code).toBe('second_factor_required');
  });
});

describe('suspension', () => {
  test('acts within a second on a node that has not heard of it', async () => {
    const customer = await desk.newPerson();
    const token = await desk.tokenOf(customer);
    expect((await desk.request('GET', '/v1/me', { token })).status).toBe(200);
    await desk.deps.db.engine.execute(
      sql`update users set status = 'suspended' where id = ${customer.userId}`,
    );
    await Bun.sleep(950);
    expect((await desk.request('GET', '/v1/me', { token })).body.code).toBe('credential_invalid');
    await desk.deps.db.engine.execute(
      sql`update sessions set revoked_at = now() where user_id = ${customer.userId}`,
    );
  });

  test('ends sessions and keys, and closes the gate to money', async () => {
    const customer = await desk.newPerson();
    const token = await desk.tokenOf(customer);
    const { secret } = await createApiKey(desk.system, {
      userId: customer.userId,
      name: 'bot',
      scopes: ['accounts:read'],
    });
    const suspended = await as(admin, 'POST', `/v1/users/${customer.userId}/suspend`, reason);
    expect(suspended.body.status).toBe('suspended');
    expect((await desk.request('GET', '/v1/me', { token })).status).toBe(401);
    expect((await desk.request('GET', '/v1/accounts', { token: secret })).status).toBe(401);
    const gates = await transact(desk.system, 'engine', (tx) => lockGates(tx, [customer.userId]));
    expect(gateRefusal(gates.get(customer.userId), 'money_in')).toBe('account_restricted');
    const twice = await as(admin, 'POST', `/v1/users/${customer.userId}/suspend`, reason);
    expect([twice.status, twice.body.code]).toEqual([409, 'user_not_active']);
    const [event] = await desk.auditOf(customer.userId, 'user.suspended');
    expect(event?.after).toMatchObject({ status: 'suspended', reason: reason.reason });
  });

  test('is refused on oneself, and to roles that may not', async () => {
    const own = await as(admin, 'POST', `/v1/users/${admin.userId}/suspend`, reason);
    expect([own.status, own.body.code]).toEqual([403, 'self_action']);
    const support = await desk.newPerson('support');
    expect((await as(support, 'POST', `/v1/users/${admin.userId}/suspend`, reason)).body.code).toBe(
      'forbidden',
    );
  });

  test('is lifted by two people only', async () => {
    const customer = await desk.newPerson();
    await as(admin, 'POST', `/v1/users/${customer.userId}/suspend`, reason);
    const asked = await as(admin, 'POST', `/v1/users/${customer.userId}/reactivate`, reason);
    expect(asked.status).toBe(202);
    const approve = `/v1/approvals/${asked.body.id}/approve`;
    expect((await as(admin, 'POST', approve, reason)).body.code).toBe('self_approval');
    const decided = await as(admin2, 'POST', approve, reason);
    expect(decided.body).toMatchObject({ status: 'executed', votes: [{ checkerId: admin2.userId }] });
    const user = await as(admin, 'GET', `/v1/users/${customer.userId}`);
    expect(user.body.status).toBe('pending_kyc');
    expect((await desk.request('GET', '/v1/me', { token: await desk.tokenOf(customer) })).status).toBe(200);
  });
});

describe('roles', () => {
  const ask = (person: Person, subject: Person, roles: string[]) =>
    as(person, 'PUT', `/v1/users/${subject.userId}/roles`, { roles, reason: reason.reason });

  test('change with another admin’s vote, at once for a session that is open', async () => {
    const clerk = await desk.newPerson('support');
    const token = await desk.tokenOf(clerk);
    const asked = await ask(admin, clerk, ['operations']);
    expect(asked.body.payload).toEqual({ userId: clerk.userId, from: ['support'], to: ['operations'] });
    expect((await ask(admin, clerk, ['auditor'])).body.code).toBe('approval_pending_exists');
    const decided = await as(admin2, 'POST', `/v1/approvals/${asked.body.id}/approve`, reason);
    expect(decided.body.status).toBe('executed');
    await Bun.sleep(950);
    const user = await desk.request('GET', `/v1/users/${clerk.userId}`, { token });
    expect(user.body.roles).toEqual(['operations']);
    const [event] = await desk.auditOf(clerk.userId, 'user.roles_changed');
    expect([event?.before, event?.after]).toMatchObject([{ roles: ['support'] }, { roles: ['operations'] }]);
  });

  test('a rejection changes nothing', async () => {
    const clerk = await desk.newPerson('support');
    const asked = await ask(admin, clerk, ['admin']);
    const decided = await as(admin2, 'POST', `/v1/approvals/${asked.body.id}/reject`, reason);
    expect(decided.body.status).toBe('rejected');
    const late = await as(admin2, 'POST', `/v1/approvals/${asked.body.id}/approve`, reason);
    expect([late.status, late.body.code]).toEqual([409, 'approval_not_pending']);
    expect((await as(admin, 'GET', `/v1/users/${clerk.userId}`)).body.roles).toEqual(['support']);
  });

  test('nobody asks for their own, nor votes on their own', async () => {
    expect((await ask(admin, admin, ['admin', 'operations'])).body.code).toBe('self_action');
    const asked = await ask(admin, admin2, ['admin', 'auditor']);
    const vote = (person: Person) => as(person, 'POST', `/v1/approvals/${asked.body.id}/approve`, reason);
    expect((await vote(admin)).body.code).toBe('self_approval');
    expect((await vote(admin2)).body.code).toBe('self_approval');
  });

  test('the database refuses a vote of maker or subject whatever the code does', async () => {
    const clerk = await desk.newPerson('support');
    const asked = await ask(admin, clerk, ['mlro']);
    for (const checker of [admin.userId, clerk.userId]) {
      const vote = desk.deps.db.engine
        .execute(
          sql`insert into approval_votes (approval_id, checker_id, vote, reason, voted_at)
              values (${asked.body.id}, ${checker}, 'approve', 'me', now())`,
        )
        .then(
          () => 'stored',
          (error: unknown) => sqlStateOf(error),
        );
      expect(await vote).toBe('PL007');
    }
  });

  test('asking needs a second factor within five minutes', async () => {
    const token = await desk.tokenOf(admin);
    await desk.deps.db.engine.execute(
      sql`update sessions set mfa_at = now() - interval '6 minutes' where user_id = ${admin.userId}`,
    );
    await Bun.sleep(950);
    const answer = await desk.request('PUT', `/v1/users/${admin2.userId}/roles`, {
      token,
      body: { roles: ['auditor'], reason: reason.reason },
    });
    expect(answer.status).toBe(403);
    expect(answer.body.code).toBe('step_up_required');
  });
});
