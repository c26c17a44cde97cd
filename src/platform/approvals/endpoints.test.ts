import { afterAll, beforeAll, expect, test } from 'bun:test';
import { newId } from '../../kernel/id.ts';
import { type IdentityDesk, type Person, startIdentityDesk } from '../../testing/identity-desk.ts';

let desk: IdentityDesk;
beforeAll(async () => {
  desk = await startIdentityDesk(import.meta.file);
  // Nobody acts as admin before two people hold the role.
  await desk.newPerson('admin');
  await desk.newPerson('admin');
});

afterAll(async () => {
  await desk.close();
});

/** A change of roles that waits for another admin. */
async function askForRoles(): Promise<{ readonly maker: Person; readonly id: string }> {
  const [maker, clerk] = [await desk.newPerson('admin'), await desk.newPerson('support')];
  const asked = await desk.request('PUT', `/v1/users/${clerk.userId}/roles`, {
    token: await desk.tokenOf(maker),
    body: { roles: ['operations'], reason: 'Joins the payments team' },
  });
  return { maker, id: asked.body.id };
}

const listed = async (token: string, query = ''): Promise<string[]> =>
  (await desk.request('GET', `/v1/approvals?limit=200${query}`, { token })).body.data.map(
    (row: { id: string }) => row.id,
  );
const approve = (token: string, id: string) =>
  desk.request('POST', `/v1/approvals/${id}/approve`, { token, body: { reason: 'Seen and agreed' } });

test('an approval is seen by its maker, its checkers, compliance, MLRO and auditors', async () => {
  const { maker, id } = await askForRoles();
  expect(await listed(await desk.tokenOf(maker))).toContain(id);
  for (const role of ['admin', 'compliance_officer', 'mlro', 'auditor'] as const) {
    const token = await desk.newToken(role);
    expect(await listed(token)).toContain(id);
    expect(await listed(token, '&status=pending&action=user.set_roles')).toContain(id);
    expect(await listed(token, '&status=executed')).not.toContain(id);
  }
});

test('others neither find nor read it', async () => {
  const { id } = await askForRoles();
  for (const role of ['operations', 'support', 'risk_manager'] as const) {
    const token = await desk.newToken(role);
    expect(await listed(token)).toEqual([]);
    expect((await desk.request('GET', `/v1/approvals/${id}`, { token })).status).toBe(404);
  }
  const customer = await desk.newToken();
  expect((await desk.request('GET', '/v1/approvals', { token: customer })).body.code).toBe('forbidden');
});

test('who may see it may not therefore decide it', async () => {
  const { id } = await askForRoles();
  expect((await approve(await desk.newToken('compliance_officer'), id)).body.code).toBe('forbidden');
  expect((await approve(await desk.newToken('auditor'), id)).body.code).toBe('forbidden');
  const unchecked = await desk.tokenOf(await desk.newPerson('admin'), false);
  expect((await approve(unchecked, id)).body.code).toBe('second_factor_required');
});

test('who may not see it is told what they are told of none, to whatever they ask', async () => {
  const { id } = await askForRoles();
  const absent = newId();
  for (const role of ['operations', 'risk_manager'] as const) {
    const token = await desk.newToken(role);
    const ask = async (method: 'GET' | 'POST', of: string, step: string, body?: object) => {
      const answer = await desk.request(method, `/v1/approvals/${of}${step}`, {
        token,
        ...(body === undefined ? {} : { body }),
      });
      return { ...answer.body, instance: '', requestId: '' };
    };
    for (const [method, step, body] of [
      ['GET', ''],
      ['POST', '/approve', { reason: 'Seen and agreed' }],
      ['POST', '/reject', { reason: 'Seen and refused' }],
      ['POST', '/cancel'],
    ] as const) {
      const real = await ask(method, id, step, body);
      expect([step, real.code]).toEqual([step, 'not_found']);
      expect(real).toEqual(await ask(method, absent, step, body));
    }
  }
});

test('its maker takes it back, and nobody else', async () => {
  const { maker, id } = await askForRoles();
  const cancel = (token: string) => desk.request('POST', `/v1/approvals/${id}/cancel`, { token });
  expect((await cancel(await desk.newToken('admin'))).body.code).toBe('forbidden');
  expect((await cancel(await desk.newToken('compliance_officer'))).body.code).toBe('forbidden');
  expect((await cancel(await desk.tokenOf(maker))).body).toMatchObject({
    id,
    status: 'cancelled',
    votes: [],
  });
  expect((await approve(await desk.newToken('admin'), id)).body.code).toBe('approval_not_pending');
});

test('shows payload and votes once decided', async () => {
  const { id } = await askForRoles();
  expect((await approve(await desk.newToken('admin'), id)).status).toBe(200);
  const token = await desk.newToken('auditor');
  const { body } = await desk.request('GET', `/v1/approvals/${id}`, { token });
  expect(body).toMatchObject({
    status: 'executed',
    payload: { from: ['support'], to: ['operations'] },
    votes: [{ vote: 'approve', reason: 'Seen and agreed' }],
  });
});
