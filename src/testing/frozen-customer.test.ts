/**
 * A confirmed match, from the officer's word to what is left of it: what stops in the same transaction, what
 * follows through the outbox, what the customer sees, and what it takes to end it.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, eq, isNull } from 'drizzle-orm';
import { openAlert } from '../domains/aml/alerts/open-alert.ts';
import { amlAlertEvents } from '../domains/aml/alerts/schema.ts';
import { amlCaseEvents, amlCases } from '../domains/aml/cases/schema.ts';
import { sanctionsNotices } from '../domains/aml/reports/schema.ts';
import { holdWithdrawals } from '../domains/funding/hold-withdrawals.ts';
import { withdrawals } from '../domains/funding/schema.ts';
import { customerGates, gateRestrictions } from '../domains/identity/schema.ts';
import { cancelRestricted } from '../domains/trading/cancel-restricted-orders.ts';
import { orders } from '../domains/trading/schema.ts';
import { type Id, newId } from '../kernel/id.ts';
import { approvals, auditLogs } from '../platform/db/schema.ts';
import { transact } from '../platform/db/transact.ts';
import { done, REASON } from './drivers/driver.ts';
import { bankBeneficiary } from './funding-desk.ts';
import { setGate } from './set-gate.ts';
import { type Member, startWorld, type World } from './world.ts';

let world: World;

beforeAll(async () => {
  world = await startWorld(import.meta.file);
}, 60_000);

afterAll(async () => {
  const { checks } = await world.reconcile();
  expect(checks.flatMap((check) => check.breaks)).toEqual([]);
  await world.close();
});

const engine = () => world.deps.db.engine;

async function alertOn(userId: Id, kind: 'sanctions' | 'internal_list' = 'sanctions'): Promise<Id> {
  const alert = await transact(world.system, 'engine', (tx) =>
    openAlert(tx, world.system, {
      userId,
      kind,
      dedupKey: `screen:${kind}`,
      severity: 'critical',
      effect: 'stop',
    }),
  );
  return alert.id;
}

function confirm(id: Id, as = world.people.compliance_officer) {
  const body = { disposition: 'true_match', reason: 'Same passport and same birth date' };
  return world.call('resolveAmlAlert', { as, params: { id }, body });
}

async function payee(as: Member): Promise<string> {
  const body = { ...bankBeneficiary(), holderName: 'Anjali Ramgoolam' };
  return (await done(world.call('createBeneficiary', { as, body }))).id;
}

function withdraw(as: Member, beneficiaryId: string, amount: string) {
  const body = { accountId: as.accountId, asset: 'USD', amount, beneficiaryId };
  return world.call('createWithdrawal', { as, body });
}

function order(as: Member, more: object = {}) {
  const body = {
    accountId: as.accountId,
    symbol: 'BTC/USD',
    side: 'buy',
    type: 'limit',
    quantity: '0.001',
    limitPrice: '50000',
    ...more,
  };
  return world.call('placeOrder', { as, body });
}

function approve(id: string, as: Member) {
  return world.call('approveApproval', { as, params: { id }, body: REASON });
}

async function gateOf(userId: Id) {
  return (await engine().select().from(customerGates).where(eq(customerGates.userId, userId)))[0];
}

/** What stands against somebody for sanctions. */
function sanctionsOn(userId: Id) {
  return engine()
    .select({ id: gateRestrictions.id })
    .from(gateRestrictions)
    .where(
      and(
        eq(gateRestrictions.userId, userId),
        eq(gateRestrictions.cause, 'sanctions'),
        isNull(gateRestrictions.liftedAt),
      ),
    );
}

async function withdrawalOf(id: string) {
  return (
    await engine()
      .select()
      .from(withdrawals)
      .where(eq(withdrawals.id, id as Id))
  )[0];
}

function openOrdersOf(userId: Id) {
  return engine()
    .select({ side: orders.side })
    .from(orders)
    .where(and(eq(orders.userId, userId), isNull(orders.closedAt)));
}

/** An answer without what differs between any two people. */
function sameFor(body: unknown): string {
  return JSON.stringify(body).replaceAll(
    /[0-9a-z.-]*@[a-z.]+|[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[\d:.]+Z|RF[0-9A-Z]{16}|"position":"?\d+"?/g,
    '',
  );
}

describe('a confirmed match', () => {
  test('freezes at once, empties the book, holds the withdrawals, starts the clock, and tells the story', async () => {
    const as = await world.newCustomer({ USD: '1000' });
    const beneficiaryId = await payee(as);
    const pending = (await done(withdraw(as, beneficiaryId, '100'))).id;
    const approved = (await done(withdraw(as, beneficiaryId, '110'))).id;
    await done(
      world.call('approveWithdrawal', {
        as: world.people.compliance_officer,
        params: { id: approved },
        body: REASON,
      }),
    );
    await done(order(as));
    const id = await alertOn(as.userId);
    await done(confirm(id));
    expect(await gateOf(as.userId)).toMatchObject({ screening: 'confirmed', restriction: 'frozen' });
    expect((await withdraw(as, beneficiaryId, '120')).body.code).toBe('account_restricted');

    await world.settle();
    expect(await openOrdersOf(as.userId)).toEqual([]);
    for (const held of [pending, approved]) {
      const row = await withdrawalOf(held);
      expect(row).toMatchObject({ status: 'under_review', decidedAt: null });
      const [approval] = await engine()
        .select()
        .from(approvals)
        .where(eq(approvals.id, row?.approvalId as Id));
      expect(approval).toMatchObject({ status: 'pending', quorum: 2, makerId: as.userId });
      expect(approval?.checkerRoles).toContain('mlro');
    }
    const pay = await world.call('processWithdrawal', {
      as: world.people.operations,
      params: { id: approved },
    });
    expect(pay.body.code).toBe('account_restricted');
    const [opened] = await engine().select().from(amlCases).where(eq(amlCases.userId, as.userId));
    const [notice] = await engine()
      .select()
      .from(sanctionsNotices)
      .where(eq(sanctionsNotices.caseId, opened?.id as Id));
    const day = 24 * 3_600_000;
    expect(Date.parse(notice?.dueAt ?? '') - Date.parse(notice?.confirmedAt ?? '')).toBe(day);
    const told = await engine()
      .select({ event: auditLogs.eventType, resourceId: auditLogs.resourceId })
      .from(auditLogs)
      .where(eq(auditLogs.subjectUserId, as.userId))
      .orderBy(auditLogs.recordedAt, auditLogs.id);
    const story = told.map(({ event }) => event);
    const inOrder = [
      'aml_alert.opened',
      'aml_case.opened',
      'gate_restriction.placed',
      'aml_customer.confirmed',
      'sanctions_notice.opened',
    ];
    // Other alerts about them may come before it and after.
    let from = told.findIndex(({ event, resourceId }) => event === 'aml_alert.opened' && resourceId === id);
    expect(from).toBeGreaterThanOrEqual(0);
    for (const event of inOrder) {
      const at = story.indexOf(event, from);
      expect([event, at >= from]).toEqual([event, true]);
      from = at;
    }
    // What follows through the outbox, in whatever order it is delivered.
    expect(story).toEqual(expect.arrayContaining(['order.cancel_requested', 'withdrawal.under_review']));
  });

  test('is not told to the customer: the words are those of any restriction', async () => {
    const [mine, twin] = [await world.newCustomer({ USD: '50' }), await world.newCustomer({ USD: '50' })];
    await done(confirm(await alertOn(mine.userId)));
    await setGate(world.system, twin.userId, { restriction: 'frozen' });
    await world.settle();
    for (const operation of ['getMe', 'listAccounts', 'listEvents', 'listKycApplications', 'listDeposits']) {
      const [left, right] = [
        await world.call(operation, { as: mine }),
        await world.call(operation, { as: twin }),
      ];
      expect([operation, left.status, sameFor(left.body)]).toEqual([
        operation,
        right.status,
        sameFor(right.body),
      ]);
      expect(JSON.stringify(left.body)).not.toMatch(/sanction|aml|alert|confirmed|frozen|screen/i);
    }
    const [left, right] = [await order(mine), await order(twin)];
    expect([left.status, left.body.rejectionReason]).toEqual([right.status, right.body.rejectionReason]);
  });

  test('raises an alarm for money that is on its way already, once', async () => {
    const as = await world.newCustomer({ USD: '500' });
    const { id } = await done(withdraw(as, await payee(as), '100'));
    await done(
      world.call('approveWithdrawal', { as: world.people.compliance_officer, params: { id }, body: REASON }),
    );
    await done(world.call('processWithdrawal', { as: world.people.operations, params: { id } }));
    await done(confirm(await alertOn(as.userId)));
    await world.settle();
    const event = {
      id: newId(),
      position: 1n,
      type: 'identity.gate_restricted',
      userId: as.userId,
      accountId: null,
      data: {},
      occurredAt: world.deps.clock.now(),
    };
    await holdWithdrawals.handle(world.system, event);
    await cancelRestricted.handle(world.system, event);
    const alarms = await engine()
      .select()
      .from(auditLogs)
      .where(and(eq(auditLogs.eventType, 'withdrawal.in_flight'), eq(auditLogs.subjectUserId, as.userId)));
    expect(alarms).toHaveLength(1);
    expect(await withdrawalOf(id)).toMatchObject({ status: 'processing' });
    const [noted] = await engine()
      .select({ data: amlCaseEvents.data })
      .from(amlCaseEvents)
      .innerJoin(amlCases, eq(amlCases.id, amlCaseEvents.caseId))
      .where(and(eq(amlCases.userId, as.userId), eq(amlCaseEvents.type, 'money_in_flight')));
    expect(noted?.data).toEqual({ withdrawalId: id });
  });

  test('stops the money as well of somebody whose identity is not approved at that moment', async () => {
    const as = await world.newCustomer({ USD: '1000' });
    const beneficiaryId = await payee(as);
    const [approved, begun] = [
      (await done(withdraw(as, beneficiaryId, '100'))).id,
      (await done(withdraw(as, beneficiaryId, '110'))).id,
    ];
    for (const id of [approved, begun]) {
      const by = world.people.compliance_officer;
      await done(world.call('approveWithdrawal', { as: by, params: { id }, body: REASON }));
    }
    await done(world.call('processWithdrawal', { as: world.people.operations, params: { id: begun } }));
    await done(order(as));
    // As after a submission under another name.
    await setGate(world.system, as.userId, { kycStatus: 'pending', screening: 'none' });
    await done(confirm(await alertOn(as.userId)));
    await world.settle();
    expect(await openOrdersOf(as.userId)).toEqual([]);
    expect(await withdrawalOf(approved)).toMatchObject({ status: 'under_review', decidedAt: null });
    const alarms = await engine()
      .select({ resourceId: auditLogs.resourceId })
      .from(auditLogs)
      .where(and(eq(auditLogs.eventType, 'withdrawal.in_flight'), eq(auditLogs.subjectUserId, as.userId)));
    expect(alarms).toEqual([{ resourceId: begun }]);
  });

  test('at the same moment as withdrawals and orders: each went through before it, or is refused', async () => {
    const as = await world.newCustomer({ USD: '1000' });
    const beneficiaryId = await payee(as);
    const id = await alertOn(as.userId);
    await engine()
      .update(customerGates)
      .set({ screening: 'clear' })
      .where(eq(customerGates.userId, as.userId));
    const answers = await Promise.all([
      withdraw(as, beneficiaryId, '10'),
      order(as),
      confirm(id),
      withdraw(as, beneficiaryId, '11'),
      order(as),
      confirm(id, world.people.mlro),
    ]);
    expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
    await world.settle();
    expect(await openOrdersOf(as.userId)).toEqual([]);
    const left = await engine().select().from(withdrawals).where(eq(withdrawals.userId, as.userId));
    expect(left.filter(({ status }) => status !== 'under_review')).toEqual([]);
    const standing = await engine()
      .select()
      .from(gateRestrictions)
      .where(and(eq(gateRestrictions.userId, as.userId), isNull(gateRestrictions.liftedAt)));
    expect(standing.filter(({ cause }) => cause === 'sanctions')).toHaveLength(1);
    expect(await gateOf(as.userId)).toMatchObject({ screening: 'confirmed', restriction: 'frozen' });
  });
});

describe('ending it', () => {
  async function frozen(): Promise<Member> {
    const as = await world.newCustomer({ USD: '10' });
    await done(confirm(await alertOn(as.userId)));
    return as;
  }
  const lift = (userId: Id, as = world.people.compliance_officer) =>
    world.call('liftAmlCustomer', { as, params: { userId }, body: { reason: 'Taken off the list' } });

  test('takes two others, the MLRO among them; then a new screening says how they stand', async () => {
    const { userId } = await frozen();
    const { approval } = await done(lift(userId));
    expect((await approve(approval.id, world.people.compliance_officer)).body.code).toBe('self_approval');
    expect((await approve(approval.id, world.second.compliance_officer)).status).toBe(200);
    expect(await gateOf(userId)).toMatchObject({ screening: 'confirmed', restriction: 'frozen' });
    expect((await approve(approval.id, world.people.mlro)).status).toBe(200);
    expect(await gateOf(userId)).toMatchObject({ screening: 'none' });
    expect(await sanctionsOn(userId)).toEqual([]);
    await world.settle();
    // The alert on them is not closed yet, and keeps the gate shut.
    expect(await gateOf(userId)).toMatchObject({ screening: 'open' });
  });

  test('does not keep them from being frozen again, although the first word still waits for its second', async () => {
    const { userId } = await world.newCustomer();
    const id = await alertOn(userId);
    await done(confirm(id));
    const { approval } = await done(lift(userId));
    await done(approve(approval.id, world.people.mlro));
    await done(approve(approval.id, world.second.compliance_officer));
    expect(await sanctionsOn(userId)).toEqual([]);
    await done(confirm(id, world.people.mlro));
    expect(await gateOf(userId)).toMatchObject({ screening: 'confirmed', restriction: 'frozen' });
    const notices = await engine()
      .select({ id: sanctionsNotices.id })
      .from(sanctionsNotices)
      .innerJoin(amlCases, eq(amlCases.id, sanctionsNotices.caseId))
      .where(eq(amlCases.userId, userId));
    expect(notices).toHaveLength(2);
  });

  test('is asked for anew where another match was confirmed since, although nothing new was restricted', async () => {
    const { userId } = await frozen();
    const { approval } = await done(lift(userId));
    expect((await approve(approval.id, world.second.compliance_officer)).status).toBe(200);
    await done(confirm(await alertOn(userId, 'internal_list'), world.people.mlro));
    expect((await approve(approval.id, world.people.mlro)).body.code).toBe('customer_confirmed_again');
    expect(await gateOf(userId)).toMatchObject({ screening: 'confirmed', restriction: 'frozen' });
    expect(await sanctionsOn(userId)).toHaveLength(1);
    const as = world.people.mlro;
    await done(world.call('rejectApproval', { as, params: { id: approval.id }, body: REASON }));
    const again = (await done(lift(userId))).approval;
    await done(approve(again.id, world.people.mlro));
    await done(approve(again.id, world.second.compliance_officer));
    expect(await sanctionsOn(userId)).toEqual([]);
  });

  test('is refused without the MLRO, whose place stays free', async () => {
    const { userId } = await frozen();
    const { approval } = await done(lift(userId, world.people.mlro));
    const third = await world.newMember({ roles: ['compliance_officer'] });
    expect((await approve(approval.id, world.people.compliance_officer)).status).toBe(200);
    expect((await approve(approval.id, third)).body.code).toBe('mlro_vote_required');
    expect(await gateOf(userId)).toMatchObject({ screening: 'confirmed', restriction: 'frozen' });
    expect((await approve(approval.id, world.second.mlro)).status).toBe(200);
    expect(await sanctionsOn(userId)).toEqual([]);
  });

  test('leaves what another cause forbids, and code that would not ask is refused by the database', async () => {
    const as = await frozen();
    await setGate(world.system, as.userId, { restriction: 'no_out' });
    const mine = eq(customerGates.userId, as.userId);
    const refused = async (step: PromiseLike<unknown>) =>
      Promise.resolve(step).then(
        () => 'done',
        (error: { cause?: { code?: string } }) => error.cause?.code,
      );
    expect(await refused(engine().update(customerGates).set({ screening: 'clear' }).where(mine))).toBe(
      'PL030',
    );
    expect(await refused(engine().update(customerGates).set({ restriction: 'none' }).where(mine))).toBe(
      'PL030',
    );
    const standing = eq(gateRestrictions.userId, as.userId);
    const lifted = { liftedAt: world.deps.clock.now(), liftedBy: 'somebody' };
    expect(await refused(engine().update(gateRestrictions).set(lifted).where(standing))).toBe('PL030');
    const { approval } = await done(lift(as.userId));
    await done(approve(approval.id, world.people.mlro));
    await done(approve(approval.id, world.second.compliance_officer));
    expect(await gateOf(as.userId)).toMatchObject({ screening: 'none', restriction: 'no_out' });
    expect(await sanctionsOn(as.userId)).toEqual([]);
  });

  test('is nothing for who is not confirmed, and nobody asks for themselves', async () => {
    const as = await world.newCustomer();
    expect((await lift(as.userId)).body.code).toBe('customer_not_confirmed');
    const officer = world.people.compliance_officer;
    expect((await lift(officer.userId, officer)).body.code).toBe('self_action');
    expect((await lift(newId())).status).toBe(404);
  });
});

describe('a person who may only reduce', () => {
  test('keeps what sells and loses what buys, and sells go on', async () => {
    const as = await world.newCustomer({ USD: '1000', BTC: '0.1' });
    await done(order(as));
    await done(order(as, { side: 'sell', limitPrice: '90000' }));
    await setGate(world.system, as.userId, { restriction: 'reduce_only' });
    await world.settle();
    expect(await openOrdersOf(as.userId)).toEqual([{ side: 'sell' }]);
    expect((await order(as)).body.rejectionReason).toBe('account_restricted');
    expect((await order(as, { side: 'sell', limitPrice: '91000' })).body.rejectionReason).toBeNull();
  });
});

describe('fifty hits at once', () => {
  test('are one alert that was seen fifty times', async () => {
    const { userId } = await world.newCustomer();
    const ids = await Promise.all(Array.from({ length: 50 }, () => alertOn(userId)));
    expect(new Set(ids).size).toBe(1);
    const { body } = await world.call('getAmlAlert', { as: world.people.mlro, params: { id: ids[0] as Id } });
    expect(body).toMatchObject({ occurrences: 50, status: 'open' });
    const steps = await engine()
      .select()
      .from(amlAlertEvents)
      .where(eq(amlAlertEvents.alertId, ids[0] as Id));
    expect(steps.filter(({ type }) => type === 'seen_again')).toHaveLength(49);
  });
});

test('an account that staff freeze, and a person they shut out, have no orders left once that is heard of', async () => {
  const [frozen, shutOut] = [
    await world.newCustomer({ USD: '1000' }),
    await world.newCustomer({ USD: '1000' }),
  ];
  await done(order(frozen));
  await done(order(shutOut));
  await done(
    world.call('freezeAccount', {
      as: world.people.operations,
      params: { id: frozen.accountId },
      body: REASON,
    }),
  );
  await done(
    world.call('suspendUser', { as: world.people.admin, params: { id: shutOut.userId }, body: REASON }),
  );
  await world.settle();
  expect([await openOrdersOf(frozen.userId), await openOrdersOf(shutOut.userId)]).toEqual([[], []]);
});

test('of a person whom staff shut out nothing is paid out on what was approved before, and what is on its way raises an alarm', async () => {
  const as = await world.newCustomer({ USD: '1000' });
  const beneficiaryId = await payee(as);
  const ids: string[] = [];
  for (const amount of ['100', '110']) {
    const { id } = await done(withdraw(as, beneficiaryId, amount));
    await done(
      world.call('approveWithdrawal', { as: world.people.compliance_officer, params: { id }, body: REASON }),
    );
    ids.push(id);
  }
  const [approved = '', begun = ''] = ids;
  await done(world.call('processWithdrawal', { as: world.people.operations, params: { id: begun } }));
  await done(world.call('suspendUser', { as: world.people.admin, params: { id: as.userId }, body: REASON }));
  await world.settle();
  expect(await withdrawalOf(approved)).toMatchObject({ status: 'under_review', decidedAt: null });
  expect(await withdrawalOf(begun)).toMatchObject({ status: 'processing' });
  const alarms = await engine()
    .select({ resourceId: auditLogs.resourceId })
    .from(auditLogs)
    .where(and(eq(auditLogs.eventType, 'withdrawal.in_flight'), eq(auditLogs.subjectUserId, as.userId)));
  expect(alarms).toEqual([{ resourceId: begun }]);
});
