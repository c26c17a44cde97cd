import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq, sql } from 'drizzle-orm';
import { sqlStateOf } from '../../platform/db/errors.ts';
import { transact } from '../../platform/db/transact.ts';
import { type IdentityDesk, type Person, startIdentityDesk } from '../../testing/identity-desk.ts';
import { accountsByIds, findAccount } from './index.ts';
import { accounts } from './schema.ts';

let desk: IdentityDesk;
let operations: Person;
let risk: Person;

beforeAll(async () => {
  desk = await startIdentityDesk(import.meta.file);
  operations = await desk.newPerson('operations');
  risk = await desk.newPerson('risk_manager');
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

async function as(person: Person, method: string, path: string, body?: object, headers = {}) {
  const token = await desk.tokenOf(person);
  return desk.request(method, path, { token, headers, ...(body === undefined ? {} : { body }) });
}

const live = { type: 'live', baseCurrency: 'USD' };
const reason = { reason: 'Seen and agreed' };

describe('opening', () => {
  test('opens a live account before KYC; the first of a type is the default', async () => {
    const customer = await desk.newPerson();
    const first = await as(customer, 'POST', '/v1/accounts', live);
    expect(first.status).toBe(201);
    expect(first.body).toMatchObject({
      status: 'active',
      isDefault: true,
      name: 'Live 1',
      maxLeverage: '1',
    });
    const second = await as(customer, 'POST', '/v1/accounts', { ...live, name: 'Savings' });
    const paper = await as(customer, 'POST', '/v1/accounts', { ...live, type: 'paper' });
    expect([second.body.isDefault, paper.body.isDefault]).toEqual([false, true]);
    const list = await as(customer, 'GET', '/v1/accounts?type=live');
    expect(list.body.data.map((account: { name: string }) => account.name)).toEqual(['Savings', 'Live 1']);
    expect(await desk.auditOf(customer.userId, 'account.opened')).toHaveLength(3);
  });

  test('makes one default of two openings at the same moment', async () => {
    const customer = await desk.newPerson();
    const token = await desk.tokenOf(customer);
    const open = () => desk.request('POST', '/v1/accounts', { token, body: live });
    const answers = await Promise.all([open(), open()]);
    expect(answers.filter((answer) => answer.body.isDefault)).toHaveLength(1);
  });

  test('refuses an unknown currency, more than ten of a type, and staff', async () => {
    const customer = await desk.newPerson();
    const token = await desk.tokenOf(customer);
    const open = (body: object) => desk.request('POST', '/v1/accounts', { token, body });
    expect((await open({ ...live, baseCurrency: 'ZZZ' })).body.code).toBe('currency_unknown');
    for (let count = 0; count < 10; count += 1) {
      await open(live);
    }
    expect((await open(live)).body.code).toBe('account_limit_reached');
    expect((await as(operations, 'POST', '/v1/accounts', live)).body.code).toBe('forbidden');
  });
});

describe('reading and renaming', () => {
  test('a customer sees own accounts; another’s does not exist, on every login', async () => {
    const [owner, other] = [await desk.newPerson(), await desk.newPerson()];
    const { id } = (await as(owner, 'POST', '/v1/accounts', live)).body;
    expect((await as(owner, 'GET', `/v1/accounts/${id}`)).status).toBe(200);
    const foreign = await as(other, 'GET', `/v1/accounts/${id}`);
    const missing = await as(other, 'GET', `/v1/accounts/${other.userId}`);
    expect([foreign.status, missing.status]).toEqual([404, 404]);
    expect(foreign.body.detail).toBe(missing.body.detail);
    expect((await as(operations, 'GET', `/v1/accounts/${id}`)).status).toBe(200);
    const ctx = desk.ctx(other.actor);
    const onEngine = transact(ctx, 'engine', (tx) => findAccount(tx, ctx, id)).catch(
      (error: unknown) => error,
    );
    expect(await onEngine).toMatchObject({ code: 'not_found' });
    const seen = await transact(ctx, 'app', (tx) => tx.select().from(accounts).where(eq(accounts.id, id)));
    expect(seen).toEqual([]);
    const known = await transact(desk.system, 'engine', (tx) => accountsByIds(tx, [id, id, other.userId]));
    expect([...known.keys()]).toEqual([id]);
  });

  test('a listing of one customer’s accounts is for staff; a customer’s is always own', async () => {
    const [owner, other] = [await desk.newPerson(), await desk.newPerson()];
    await as(owner, 'POST', '/v1/accounts', live);
    const path = `/v1/accounts?userId=${owner.userId}`;
    expect((await as(risk, 'GET', path)).body.data).toHaveLength(1);
    expect((await as(other, 'GET', path)).body.data).toEqual([]);
  });

  test('lets its owner alone choose which lots go first, with the version that was read, until it is closed', async () => {
    const customer = await desk.newPerson();
    const { id } = (await as(customer, 'POST', '/v1/accounts', live)).body;
    const choose = (person: Person, lotMethod: string, version: number) =>
      as(person, 'PUT', `/v1/accounts/${id}/lot-method`, { lotMethod }, { 'if-match': `"${version}"` });
    expect((await as(customer, 'GET', `/v1/accounts/${id}`)).body.lotMethod).toBe('fifo');
    expect((await choose(customer, 'hifo', 1)).body).toMatchObject({ lotMethod: 'hifo', version: 2 });
    expect((await choose(customer, 'lifo', 1)).status).toBe(412);
    expect((await choose(customer, 'specific', 2)).status).toBe(422);
    expect((await choose(await desk.newPerson(), 'lifo', 2)).status).toBe(404);
    expect((await choose(operations, 'lifo', 2)).body.code).toBe('forbidden');
    const [row] = await desk.auditOf(customer.userId, 'account.lot_method_changed');
    expect([row?.before, row?.after]).toMatchObject([{ lotMethod: 'fifo' }, { lotMethod: 'hifo' }]);
    await desk.deps.db.engine
      .update(accounts)
      .set({ status: 'closed', closedAt: desk.deps.clock.now() })
      .where(eq(accounts.id, id));
    expect((await choose(customer, 'lifo', 2)).body.code).toBe('account_not_active');
  });

  test('renames with the version that was read', async () => {
    const owner = await desk.newPerson();
    const { id } = (await as(owner, 'POST', '/v1/accounts', live)).body;
    const rename = (name: string, version: string) =>
      as(owner, 'PATCH', `/v1/accounts/${id}`, { name }, { 'if-match': version });
    expect((await rename('Nest egg', '"1"')).body).toMatchObject({ name: 'Nest egg', version: 2 });
    expect((await rename('Other', '"1"')).status).toBe(412);
    expect((await rename('two\nlines', '"2"')).status).toBe(422);
  });

  test('the customers’ login cannot change a status', async () => {
    const owner = await desk.newPerson();
    const change = transact(desk.ctx(owner.actor), 'app', (tx) =>
      tx.execute(sql`update accounts set status = 'active'`),
    ).catch((error: unknown) => sqlStateOf(error));
    expect(await change).toBe('42501');
  });
});

describe('freezing', () => {
  test('stops at once; two people make the account active again', async () => {
    const owner = await desk.newPerson();
    const { id } = (await as(owner, 'POST', '/v1/accounts', live)).body;
    const frozen = await as(operations, 'POST', `/v1/accounts/${id}/freeze`, reason);
    expect(frozen.body).toMatchObject({ status: 'frozen', version: 2 });
    const again = await as(operations, 'POST', `/v1/accounts/${id}/freeze`, reason);
    expect(again.body.code).toBe('account_not_active');
    const asked = await as(operations, 'POST', `/v1/accounts/${id}/unfreeze`, reason);
    expect(asked.body).toMatchObject({
      action: 'account.unfreeze',
      status: 'pending',
      makerId: operations.userId,
    });
    const approve = `/v1/approvals/${asked.body.id}/approve`;
    expect((await as(operations, 'POST', approve, reason)).body.code).toBe('self_approval');
    expect((await as(risk, 'POST', approve, reason)).body.status).toBe('executed');
    expect((await as(owner, 'GET', `/v1/accounts/${id}`)).body.status).toBe('active');
    expect(await desk.auditOf(owner.userId, 'account.frozen')).toHaveLength(1);
    expect(await desk.auditOf(owner.userId, 'account.unfrozen')).toHaveLength(1);
    const idle = await as(operations, 'POST', `/v1/accounts/${id}/unfreeze`, reason);
    expect(idle.body.code).toBe('account_not_frozen');
  });

  test('is refused to customers, other staff, and on one’s own account', async () => {
    const clerk = await desk.newPerson('customer');
    const { id } = (await as(clerk, 'POST', '/v1/accounts', live)).body;
    const auditor = await desk.newPerson('auditor');
    const path = `/v1/accounts/${id}/freeze`;
    expect((await as(clerk, 'POST', path, reason)).body.code).toBe('forbidden');
    expect((await as(auditor, 'POST', path, reason)).body.code).toBe('forbidden');
    await desk.deps.db.engine.execute(
      sql`insert into role_grants (user_id, role, granted_at) values (${clerk.userId}, 'operations', now())`,
    );
    expect((await as(clerk, 'POST', path, reason)).body.code).toBe('self_action');
  });
});
