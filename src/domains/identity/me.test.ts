import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq, sql } from 'drizzle-orm';
import { transact } from '../../platform/db/transact.ts';
import { heldOn } from '../../testing/held-on.ts';
import { codeOf, type IdentityDesk, startIdentityDesk } from '../../testing/identity-desk.ts';
import { personalIdentity } from './personal-data.ts';
import { customerGates, totpSecrets, users } from './schema.ts';

let desk: IdentityDesk;

beforeAll(async () => {
  desk = await startIdentityDesk(import.meta.file);
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

async function withoutFactor() {
  const person = await desk.newPerson();
  await desk.deps.db.engine.delete(totpSecrets).where(eq(totpSecrets.userId, person.userId));
  return { person, token: await desk.tokenOf(person, false) };
}

describe('second factor', () => {
  test('is enrolled with its first code, which then is spent', async () => {
    const { person, token } = await withoutFactor();
    const other = await desk.tokenOf(person, false);
    const enrolment = await desk.request('POST', '/v1/me/mfa/totp', { token });
    expect(enrolment.status).toBe(201);
    expect(enrolment.body.otpauthUri).toContain(`secret=${enrolment.body.secret}`);
    expect((await desk.request('GET', '/v1/me/mfa/totp', { token })).body.enabled).toBe(false);
    const totp = codeOf(enrolment.body.secret);
    const confirm = () => desk.request('POST', '/v1/me/mfa/totp/confirm', { token, body: { totp } });
    expect((await confirm()).body.enabled).toBe(true);
    expect((await confirm()).body.code).toBe('second_factor_enrolled');
    expect((await desk.request('POST', '/v1/me/mfa/totp', { token })).body.code).toBe(
      'second_factor_enrolled',
    );
    const again = await desk.request('POST', '/v1/auth/step-up', { token, body: { totp } });
    expect(again.body.code).toBe('second_factor_invalid');
    expect((await desk.request('GET', '/v1/me', { token: other })).status).toBe(401);
  });

  test('a step-up counts for the token that asked and for the one it answers', async () => {
    const person = await desk.newPerson();
    const token = await desk.tokenOf(person, false);
    const body = { name: 'bot', scopes: ['accounts:read'] };
    const refused = await desk.request('POST', '/v1/api-keys', { token, body });
    expect([refused.status, refused.body.code]).toEqual([403, 'step_up_required']);
    const stepped = await desk.request('POST', '/v1/auth/step-up', {
      token,
      body: { totp: codeOf(person.totpSecret) },
    });
    expect(stepped.body.tokenType).toBe('Bearer');
    for (const bearer of [token, stepped.body.accessToken]) {
      expect((await desk.request('POST', '/v1/api-keys', { token: bearer, body })).status).toBe(201);
    }
  });

  test('is removed only after a step-up, and not by staff who have no other', async () => {
    const [person, teller] = [await desk.newPerson(), await desk.newPerson('operations')];
    const remove = (token: string) => desk.request('DELETE', '/v1/me/mfa/totp', { token });
    const token = await desk.tokenOf(person);
    expect((await remove(await desk.tokenOf(person, false))).body.code).toBe('step_up_required');
    expect((await remove(token)).status).toBe(204);
    expect((await remove(token)).body.code).toBe('step_up_required');
    expect((await desk.request('GET', '/v1/me', { token })).body.secondFactorEnabled).toBe(false);
    expect((await remove(await desk.tokenOf(teller))).body.code).toBe('last_second_factor');
    expect(await desk.auditOf(teller.userId, 'totp.removed')).toEqual([]);
  });

  test('wrong codes in a session lock as wrong passwords do', async () => {
    const person = await desk.newPerson();
    const token = await desk.tokenOf(person, false);
    const stepUp = (totp: string) => desk.request('POST', '/v1/auth/step-up', { token, body: { totp } });
    const right = codeOf(person.totpSecret);
    const wrong = right === '000000' ? '000001' : '000000';
    for (let failure = 0; failure < 5; failure += 1) {
      expect((await stepUp(wrong)).body.code).toBe('second_factor_invalid');
    }
    expect((await stepUp(right)).body.code).toBe('second_factor_invalid');
    expect(await desk.auditOf(person.userId, 'login.locked')).toHaveLength(1);
  });
});

describe('profile', () => {
  test('changes with the version that was read, and records no personal datum', async () => {
    const person = await desk.newPerson();
    const token = await desk.tokenOf(person);
    const patch = (version: string, body: object) =>
      desk.request('PATCH', '/v1/me', { token, body, headers: { 'if-match': version } });
    const changed = await patch('"1"', { displayName: 'Anju', phone: '+23057123456' });
    expect(changed.body).toMatchObject({ displayName: 'Anju', phone: '+23057123456', version: 2 });
    expect(changed.body.birthDate).toBe('1990-04-01');
    expect((await patch('"1"', { displayName: 'Anj' })).status).toBe(412);
    expect((await desk.request('PATCH', '/v1/me', { token, body: {} })).status).toBe(428);
    const [event] = await desk.auditOf(person.userId, 'user.updated');
    expect(event?.after).toEqual({ version: 2, changed: ['displayName', 'phone'] });
  });

  test('that says what risk is borne is recorded by the leverage that suits, before and after', async () => {
    const person = await desk.newPerson();
    const token = await desk.tokenOf(person);
    for (const [index, riskProfile] of (['moderate', 'aggressive'] as const).entries()) {
      const headers = { 'if-match': `"${index + 1}"` };
      await desk.request('PATCH', '/v1/me', { token, body: { riskProfile }, headers });
    }
    const events = await desk.auditOf(person.userId, 'user.updated');
    const leverage = (state: unknown) => (state as { suitableLeverage?: string }).suitableLeverage;
    const shown = events.map(({ before, after }) => [leverage(before), leverage(after)]);
    expect(new Map(shown.map(([before, after]) => [before, after]))).toEqual(
      new Map([
        ['1', '5'],
        ['5', 'unbounded'],
      ]),
    );
  });

  test('verified identity is locked once KYC has begun', async () => {
    const person = await desk.newPerson();
    const token = await desk.tokenOf(person);
    await desk.deps.db.engine
      .update(customerGates)
      .set({ kycStatus: 'pending' })
      .where(eq(customerGates.userId, person.userId));
    const patch = (body: object) =>
      desk.request('PATCH', '/v1/me', { token, body, headers: { 'if-match': '"1"' } });
    expect((await patch({ lastName: 'Other' })).body.code).toBe('profile_locked');
    expect((await patch({ occupation: 'Beekeeper' })).status).toBe(200);
  });

  test('keeps names, e-mail and telephone out of the tables in clear', async () => {
    const person = await desk.newPerson();
    const [row] = await desk.deps.db.engine.execute<{ row: string }>(
      sql`select u::text as row from users u where id = ${person.userId}`,
    );
    for (const text of ['Ramgoolam', person.email, '1990-04-01']) {
      expect(row?.row).not.toContain(Buffer.from(text).toString('hex'));
      expect(row?.row).not.toContain(text);
    }
  });
});

describe('sessions', () => {
  test('are listed and ended one by one, own ones only', async () => {
    const person = await desk.newPerson();
    const [mine, other] = [await desk.tokenOf(person), await desk.tokenOf(person)];
    const stranger = await desk.newToken();
    const list = (await desk.request('GET', '/v1/me/sessions', { token: mine })).body.data;
    expect(list).toHaveLength(2);
    expect(list.filter((session: { current: boolean }) => session.current)).toHaveLength(1);
    const id = list.find((session: { current: boolean }) => !session.current).id;
    const path = `/v1/me/sessions/${id}`;
    expect((await desk.request('DELETE', path, { token: stranger })).status).toBe(404);
    expect((await desk.request('DELETE', path, { token: mine })).status).toBe(204);
    expect((await desk.request('DELETE', path, { token: mine })).status).toBe(404);
    expect((await desk.request('GET', '/v1/me', { token: other })).status).toBe(401);
  });
});

describe('agreements', () => {
  test('the gate notes when the last current one is accepted, and again opens nothing', async () => {
    const person = await desk.newPerson();
    const token = await desk.tokenOf(person);
    const [first, second] = [await desk.publishAgreement(), await desk.publishAgreement()];
    const accept = (id: string) => desk.request('POST', `/v1/agreements/${id}/accept`, { token });
    const current = async () =>
      (await desk.request('GET', '/v1/me', { token })).body.agreementsCurrent as boolean;
    expect((await accept(first)).status).toBe(200);
    expect(await current()).toBe(false);
    await accept(second);
    expect(await current()).toBe(true);
    expect((await accept(second)).status).toBe(200);
    expect(await desk.auditOf(person.userId, 'agreement.accepted')).toHaveLength(2);
    expect((await accept(person.userId)).status).toBe(404);
  });
});

test('the export of a person opens what is sealed and holds no secret', async () => {
  const person = await desk.newPerson();
  await desk.tokenOf(person);
  const held = await heldOn(desk.system, personalIdentity, person.userId);
  expect(held).toMatchObject({ person: [{ email: person.email, lastName: 'Ramgoolam' }] });
  expect(JSON.stringify(held)).not.toMatch(/hash|secret/i);
});

describe('row-level security', () => {
  test('the customers’ login sees its own user, and nothing without one', async () => {
    const [mine, other] = [await desk.newPerson(), await desk.newPerson()];
    const seen = await transact(desk.ctx(mine.actor), 'app', (tx) => tx.select({ id: users.id }).from(users));
    expect(seen.map((user) => user.id)).toEqual([mine.userId]);
    const gates = await transact(desk.ctx(mine.actor), 'app', (tx) =>
      tx.select().from(customerGates).where(eq(customerGates.userId, other.userId)),
    );
    expect(gates).toEqual([]);
    expect(await desk.deps.db.app.select({ id: users.id }).from(users)).toEqual([]);
  });

  test('the customers’ login cannot read credentials nor change a status', async () => {
    const person = await desk.newPerson();
    const inOwnName = (text: string) =>
      transact(desk.ctx(person.actor), 'app', (tx) => tx.execute(sql.raw(text))).then(
        () => 'done',
        () => 'refused',
      );
    expect(await inOwnName('select password_hash from credentials')).toBe('refused');
    expect(await inOwnName("update users set status = 'active'")).toBe('refused');
    expect(await inOwnName("update customer_gates set kyc_status = 'approved'")).toBe('refused');
    expect(await inOwnName("insert into role_grants select id, 'admin', null, null, now() from users")).toBe(
      'refused',
    );
  });
});
