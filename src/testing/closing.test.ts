/**
 * A relationship ends only when nothing is open, at once and everywhere, and its records are kept as long
 * as they must be after whatever happened last.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq, sql } from 'drizzle-orm';
import { amlAlerts } from '../domains/aml/schema.ts';
import { users } from '../domains/identity/schema.ts';
import { type Id, newId } from '../kernel/id.ts';
import { auditLogs, outbox, personKeys } from '../platform/db/schema.ts';
import { done, REASON } from './drivers/driver.ts';
import { closed, closedLongAgo } from './drivers/privacy.ts';
import { codeOf, PASSWORD } from './identity-desk.ts';
import { type Member, startWorld, type World } from './world.ts';

let world: World;

beforeAll(async () => {
  world = await startWorld(import.meta.file);
}, 60_000);

afterAll(async () => {
  const report = await world.reconcile();
  await world.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

const ask = (userId: Id, as = world.people.compliance_officer) =>
  world.call('closeUser', { as, params: { id: userId }, body: REASON });

const approve = (id: string, as = world.second.compliance_officer) =>
  world.call('approveApproval', { as, params: { id }, body: REASON });

const codesOf = (body: { code: string; errors: { code: string }[] }) => [
  body.code,
  ...body.errors.map((error) => error.code),
];

async function bank(as: Member): Promise<string> {
  const body = { kind: 'bank', holderName: 'Anjali Ramgoolam', iban: 'MU17BOMM0101101030300200000MUR' };
  return (await done(world.call('createBeneficiary', { as, body: { ...body, bic: 'MCBLMUMU' } }))).id;
}

describe('closing is refused', () => {
  test('while money remains, an order is open, or a payment is on its way, and names each', async () => {
    const as = await world.newCustomer({ USD: '500' });
    const { accountId } = as;
    const money = { accountId, asset: 'USD', amount: '100' };
    await done(world.call('createDeposit', { as, body: { ...money, method: 'other' } }));
    await done(world.call('createWithdrawal', { as, body: { ...money, beneficiaryId: await bank(as) } }));
    const order = { accountId, symbol: 'BTC/USD', side: 'buy', type: 'limit', quantity: '1' };
    await done(world.call('placeOrder', { as, body: { ...order, limitPrice: '20' } }));
    const { status, body } = await ask(as.userId);
    expect(status).toBe(409);
    expect(codesOf(body)).toEqual([
      'closing_obstructed',
      'balance_remaining',
      'holds_active',
      'deposits_pending',
      'withdrawals_pending',
      'orders_open',
    ]);
  });

  test('while AML looks, in the words of any review', async () => {
    const { userId } = await world.newCustomer();
    const [screening] = await world.deps.db.engine.execute<{ id: Id }>(
      sql`select id from screenings where user_id = ${userId} limit 1`,
    );
    const [alert] = await world.deps.db.engine
      .insert(amlAlerts)
      .values({
        id: newId(),
        userId,
        screeningId: screening?.id as Id,
        status: 'open',
        severity: 'high',
        createdAt: world.deps.clock.now(),
      })
      .returning();
    const { body } = await ask(userId, world.people.admin);
    expect(codesOf(body)).toEqual(['closing_obstructed', 'under_review']);
    expect(JSON.stringify(body)).not.toMatch(/aml|alert|screening|sanction/i);
    await world.deps.db.engine.delete(amlAlerts).where(eq(amlAlerts.id, alert?.id as Id));
  });

  test('when something came up between request and decision', async () => {
    const as = await world.newCustomer();
    const { id } = await done(ask(as.userId));
    const deposit = { accountId: as.accountId, asset: 'USD', amount: '5', method: 'other' };
    const announced = await done(world.call('createDeposit', { as, body: deposit }));
    expect(codesOf((await approve(id)).body)).toEqual(['closing_obstructed', 'deposits_pending']);
    const params = { id: announced.id };
    await done(world.call('failDeposit', { as: world.people.operations, params, body: REASON }));
    expect((await approve(id)).status).toBe(200);
  });

  test('on oneself, by one person alone, twice, and for nobody', async () => {
    const [maker, subject] = [world.people.compliance_officer, await world.newMember()];
    expect((await ask(maker.userId)).body.code).toBe('self_action');
    expect((await ask(newId())).status).toBe(404);
    const { id } = await done(ask(subject.userId));
    expect((await ask(subject.userId)).body.code).toBe('approval_pending_exists');
    expect((await approve(id, maker)).body.code).toBe('self_approval');
    await done(approve(id));
    expect((await ask(subject.userId)).body.code).toBe('user_closed');
  });
});

test('closing ends sessions and keys, shuts the door and the gate, and tells the person', async () => {
  const as = await world.newMember({ password: PASSWORD });
  const key = await done(
    world.call('createApiKey', { as, body: { name: 'Desk', scopes: ['accounts:read'] } }),
  );
  world.advance(60_000);
  await closed(world, as.userId);
  const answers = await Promise.all([
    world.call('getMe', { as }),
    world.call('listAccounts', { token: key.secret }),
    world.call('login', { body: { email: as.email, password: PASSWORD, totp: codeOf(as.totpSecret) } }),
    world.call('reactivateUser', {
      as: world.people.admin,
      params: { id: as.userId },
      body: REASON,
    }),
  ]);
  expect(answers.map(({ status }) => status)).toEqual([401, 401, 403, 409]);
  const { engine } = world.deps.db;
  const [row] = await engine.select().from(users).where(eq(users.id, as.userId));
  expect(row?.status).toBe('closed');
  expect((row?.closedAt ?? '') > world.deps.clock.realNow()).toBe(true);
  const [left] = await engine.execute<{ sessions: number; keys: number }>(sql`select
    (select count(*)::int from sessions where user_id = ${as.userId} and revoked_at is null) as sessions,
    (select count(*)::int from api_keys where user_id = ${as.userId} and revoked_at is null) as keys`);
  expect(left).toEqual({ sessions: 0, keys: 0 });
  const [event] = await engine.select().from(auditLogs).where(eq(auditLogs.eventType, 'user.closed'));
  expect(event?.after).toMatchObject({ status: 'closed' });
  const told = await engine.select().from(outbox).where(eq(outbox.type, 'identity.user_closed'));
  expect(told.map((each) => each.userId)).toContain(as.userId);
});

describe('retention', () => {
  const erase = (userId: Id) =>
    world.call('requestErasure', { as: world.people.mlro, params: { id: userId }, body: REASON });

  test('starts again with the last transaction', async () => {
    const as = await world.newCustomer();
    await closedLongAgo(world, as.userId);
    expect((await erase(as.userId)).status).toBe(202);
    const late = await world.newCustomer();
    const deposit = { accountId: late.accountId, asset: 'USD', amount: '5', method: 'other' };
    const { id } = await done(world.call('createDeposit', { as: late, body: deposit }));
    await done(world.call('failDeposit', { as: world.people.operations, params: { id }, body: REASON }));
    await closedLongAgo(world, late.userId);
    const { status, body } = await erase(late.userId);
    const year = Number.parseInt(world.deps.clock.now().slice(0, 4), 10) + world.deps.retentionYears;
    expect([status, body.code]).toEqual([409, 'retention_running']);
    expect(body.errors[0].detail).toStartWith(String(year));
  });

  test('is looked at again when the last vote falls, and a refusal destroys nothing', async () => {
    const { userId } = await world.newMember();
    await closedLongAgo(world, userId);
    const { id } = await done(erase(userId));
    const { engine } = world.deps.db;
    await engine.update(users).set({ closedAt: world.deps.clock.now() }).where(eq(users.id, userId));
    expect((await approve(id)).body.code).toBe('retention_running');
    expect(await engine.select().from(personKeys).where(eq(personKeys.userId, userId))).toHaveLength(1);
    const masked = await done(world.call('getUser', { as: world.people.support, params: { id: userId } }));
    expect(masked.initials).toBe('A. R.');
  });
});
