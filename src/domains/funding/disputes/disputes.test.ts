/**
 * What the payer of a deposit disputes is held until the dispute ends, and is then free or charged back; in whatever
 * order its provider tells of it, and however often.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test';
import { and, eq, sql } from 'drizzle-orm';
import { type Id, newId } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import { approvals } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import { type FundingDesk, HOLDER, type Person, startFundingDesk } from '../../../testing/funding-desk.ts';
import type { Answer } from '../../../testing/send.ts';
import { writeUnguarded } from '../../../testing/unguarded.ts';
import { amlAlerts } from '../../aml/schema.ts';
import { customerGates } from '../../identity/schema.ts';
import { holds, wallets } from '../../ledger/schema.ts';
import { fundingObstacles } from '../closing-obstacles.ts';
import { inboundEvents } from '../evidence/schema.ts';
import { DISPUTED } from '../follow-payment.ts';
import { signPayment, TEST_PROVIDER } from '../payment-providers.ts';
import { openWorkFindings } from '../reconciliation/open-work-section.ts';
import { settleDeposits } from '../settle-deposits.ts';

let desk: FundingDesk;
let customer: Person;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
});

beforeEach(async () => {
  customer = await desk.newCustomer();
});

afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

const AT = '2026-01-31T09:00:00Z';
const REASON = { reason: 'Looked at it' };
const code = ({ status, body }: Answer) => body.code ?? status;

type Announced = { readonly id: Id; readonly paymentReference: string };

async function announced(amount = '100'): Promise<Announced> {
  const body = { accountId: customer.accountId, asset: 'USD', amount, method: 'card' };
  return (await desk.request(customer, 'POST', '/v1/deposits', { body, key: newId() })).body;
}

async function tell(
  deposit: Announced,
  type: string,
  data: object = {},
  id: string = newId(),
): Promise<string> {
  const { paymentReference } = deposit;
  const sum = { amount: '100', currency: 'USD', method: 'card', payerName: HOLDER };
  const names = { paymentReference, providerReference: `pay_${paymentReference}`, disputeReference: 'dp_1' };
  const at = { occurredAt: AT };
  const { occurredAt } = { ...at, ...data };
  const event = { id, type: `payment.${type}`, occurredAt, data: { ...sum, ...names, ...data } };
  const body = new Uint8Array(Buffer.from(JSON.stringify(event)));
  const timestamp = String(Math.floor(desk.deps.clock.realMs() / 1_000));
  const headers = {
    'content-type': 'application/json',
    'webhook-timestamp': timestamp,
    'webhook-signature': signPayment(TEST_PROVIDER, timestamp, body),
  };
  const answer = await desk.request(customer, 'POST', '/v1/webhooks/payments/test', { body, headers });
  expect(answer.status).toBe(200);
  return answer.body.state;
}

async function cleared(): Promise<Announced> {
  const deposit = await announced();
  expect(await tell(deposit, 'cleared')).toBe('processed');
  return deposit;
}

const statusOf = async ({ id }: Announced) =>
  (await desk.request(desk.operations, 'GET', `/v1/deposits/${id}`)).body.status as string;
const balance = () => desk.balance(customer, 'USD');

async function holdsOf() {
  const rows = await desk.deps.db.engine
    .select()
    .from(holds)
    .where(and(eq(holds.userId, customer.userId), eq(holds.reason, 'system')))
    .orderBy(holds.id);
  return rows.map(({ status, amount, remaining, expiresAt, metadata }) => ({
    status,
    amount: Number(amount) / 1e8,
    remaining: Number(remaining) / 1e8,
    expiresAt,
    metadata,
  }));
}

async function opened(deposit: Announced) {
  const rows = await desk.deps.db.engine
    .select()
    .from(inboundEvents)
    .where(and(eq(inboundEvents.depositId, deposit.id), eq(inboundEvents.type, 'payment.dispute_opened')))
    .orderBy(inboundEvents.id);
  return rows.map(({ id, state, reason }) => ({ id, state, reason }));
}

const owed = async () =>
  (await desk.request(desk.operations, 'GET', `/v1/debts?userId=${customer.userId}`)).body.data
    .length as number;

test('a disputed deposit is held without an end, compliance is told, and no gate is shut', async () => {
  const deposit = await cleared();
  expect(await tell(deposit, 'dispute_opened')).toBe('kept');
  expect(await balance()).toEqual({ total: '100', reserved: '100' });
  expect(await holdsOf()).toEqual([
    {
      status: 'active',
      amount: 100,
      remaining: 100,
      expiresAt: null,
      metadata: { depositId: deposit.id, unsettled: '100' },
    },
  ]);
  const alerts = await desk.deps.db.engine
    .select()
    .from(amlAlerts)
    .where(eq(amlAlerts.userId, customer.userId));
  expect(alerts).toMatchObject([{ effect: 'review', status: 'open', sourceRef: `deposit:${deposit.id}` }]);
  const [gate] = await desk.deps.db.engine
    .select()
    .from(customerGates)
    .where(eq(customerGates.userId, customer.userId));
  expect(gate?.screening).toBe('clear');
  const codes = await transact(desk.system, 'engine', async (tx) =>
    (await fundingObstacles(tx, customer.userId)).map((obstacle) => obstacle.code),
  );
  expect(codes).toEqual(['disputes_open']);
  // By hand nobody ends its hold, and one person does not end the work on it.
  const { data } = (await desk.request(customer, 'GET', `/v1/accounts/${customer.accountId}/holds`)).body;
  const release = `/v1/holds/${data[0].id}/release`;
  expect(code(await desk.request(desk.operations, 'POST', release, { body: REASON, key: newId() }))).toBe(
    'hold_not_by_hand',
  );
  const [event] = await opened(deposit);
  const close = `/v1/inbound-events/${event?.id}/close`;
  expect(code(await desk.request(desk.operations, 'POST', close, { body: REASON }))).toBe('event_not_kept');
});

test('one that is won is free again, and one that is told of again is not held again', async () => {
  const deposit = await cleared();
  const id = newId();
  expect(await tell(deposit, 'dispute_opened', { disputed: '60' }, id)).toBe('kept');
  expect(await tell(deposit, 'dispute_opened', { disputed: '60' }, id)).toBe('kept');
  expect(await tell(deposit, 'dispute_opened', { disputed: '60' })).toBe('ignored');
  expect(await balance()).toEqual({ total: '100', reserved: '60' });
  expect(await tell(deposit, 'dispute_won')).toBe('processed');
  expect(await tell(deposit, 'dispute_won')).toBe('ignored');
  expect(await tell(deposit, 'dispute_opened')).toBe('ignored');
  expect(await balance()).toEqual({ total: '100', reserved: '0' });
  expect(await holdsOf()).toMatchObject([{ status: 'released', remaining: 0 }]);
  // Another dispute of the same payment is another.
  expect(await tell(deposit, 'dispute_opened', { disputeReference: 'dp_2' })).toBe('kept');
  expect(await balance()).toEqual({ total: '100', reserved: '100' });
  expect(await tell(deposit, 'dispute_won', { disputeReference: 'dp_2' })).toBe('processed');
});

test('one that is lost is charged back out of what was held, and leaves no debt', async () => {
  const deposit = await cleared();
  await desk.fund(customer, 'USD', '40');
  expect(await tell(deposit, 'dispute_opened', { disputed: '60' })).toBe('kept');
  expect(await balance()).toEqual({ total: '140', reserved: '60' });
  expect(await tell(deposit, 'dispute_lost')).toBe('kept');
  expect(await tell(deposit, 'dispute_lost', { takenBack: '50' })).toBe('processed');
  expect(await tell(deposit, 'charged_back', { takenBack: '50' })).toBe('ignored');
  expect(await balance()).toEqual({ total: '90', reserved: '0' });
  expect([await statusOf(deposit), await owed()]).toEqual(['cleared', 0]);
  expect(await opened(deposit)).toMatchObject([{ state: 'processed', reason: 'dispute_lost' }]);
  expect(await holdsOf()).toMatchObject([{ status: 'released', amount: 60, remaining: 0 }]);
});

test('of two that are open the lost one pays from its own hold', async () => {
  const deposit = await cleared();
  await tell(deposit, 'dispute_opened', { disputed: '40' });
  await tell(deposit, 'dispute_opened', { disputed: '60', disputeReference: 'dp_2' });
  expect(await balance()).toEqual({ total: '100', reserved: '100' });
  expect(await tell(deposit, 'dispute_lost', { takenBack: '60', disputeReference: 'dp_2' })).toBe(
    'processed',
  );
  expect(await balance()).toEqual({ total: '40', reserved: '40' });
  expect(await tell(deposit, 'dispute_lost', { takenBack: '100' })).toBe('processed');
  expect(await balance()).toEqual({ total: '0', reserved: '0' });
  expect([await statusOf(deposit), await owed()]).toEqual(['charged_back', 0]);
});

const STEPS = [
  ['cleared', {}],
  ['dispute_opened', {}],
  ['dispute_lost', { takenBack: '100' }],
] as const;

test.each(
  [
    [0, 2, 1],
    [2, 0, 1],
    [2, 1, 0],
    [1, 0, 2],
    [1, 2, 0],
    [1, 1, 0, 2, 2, 0],
  ].map((order) => ({ order })),
)('ends where it would in order when its events come as $order', async ({ order }) => {
  const deposit = await announced();
  const ids = STEPS.map(() => newId());
  for (const at of order) {
    const [type, data] = STEPS[at] as (typeof STEPS)[number];
    await tell(deposit, type, data, ids[at]);
  }
  expect([await statusOf(deposit), await owed()]).toEqual(['charged_back', 0]);
  expect(await balance()).toEqual({ total: '0', reserved: '0' });
  expect((await opened(deposit)).map(({ state }) => state)).not.toContain('kept');
});

test('one that was won before its opening or its credit is told of holds nothing', async () => {
  const late = await cleared();
  expect(await tell(late, 'dispute_won')).toBe('ignored');
  expect(await tell(late, 'dispute_opened')).toBe('ignored');
  const early = await announced();
  expect(await tell(early, 'dispute_opened')).toBe('kept');
  expect(await tell(early, 'dispute_won')).toBe('kept');
  expect(await tell(early, 'cleared')).toBe('processed');
  expect(await holdsOf()).toEqual([]);
  expect(await opened(early)).toMatchObject([{ state: 'ignored' }]);
});

test('what was charged back or sent back is disputed no more', async () => {
  const gone = await cleared();
  expect(await tell(gone, 'charged_back')).toBe('processed');
  expect(await tell(gone, 'dispute_opened')).toBe('ignored');
  const part = await cleared();
  expect(await tell(part, 'refunded', { takenBack: '70' })).toBe('processed');
  expect(await tell(part, 'dispute_opened')).toBe('kept');
  expect(await balance()).toEqual({ total: '30', reserved: '30' });
  const path = `/v1/deposits/${part.id}/charge-back`;
  const asked = await desk.request(desk.operations, 'POST', path, { body: REASON });
  const vote = `/v1/approvals/${asked.body.approval.id}/approve`;
  expect(code(await desk.request(desk.operations2, 'POST', vote, { body: REASON }))).toBe(200);
  expect(await opened(part)).toMatchObject([{ state: 'processed', reason: 'taken_back' }]);
  expect([await balance(), await owed()]).toEqual([{ total: '0', reserved: '0' }, 0]);
});

test('as much is held as is free, and what is gone is owed once it is lost', async () => {
  const deposit = await cleared();
  desk.advance(200 * 86_400_000);
  await settleDeposits(desk.system);
  const [wallet] = await desk.deps.db.engine
    .select()
    .from(wallets)
    .where(and(eq(wallets.accountId, customer.accountId), eq(wallets.asset, 'USD')));
  const body = { amount: '70', reason: 'payment', reference: newId() };
  const path = `/v1/wallets/${wallet?.id}/holds`;
  expect((await desk.request(desk.operations, 'POST', path, { body, key: newId() })).status).toBe(201);
  expect(await tell(deposit, 'dispute_opened')).toBe('kept');
  expect(await tell(deposit, 'dispute_opened', { disputeReference: 'dp_2' })).toBe('kept');
  expect(await holdsOf()).toMatchObject([{ amount: 30, status: 'active' }]);
  expect(await balance()).toEqual({ total: '100', reserved: '100' });
  expect(await tell(deposit, 'dispute_lost', { takenBack: '100' })).toBe('processed');
  expect(await balance()).toEqual({ total: '70', reserved: '70' });
  expect([await statusOf(deposit), await owed()]).toEqual(['charged_back', 1]);
  expect((await opened(deposit)).map(({ reason }) => reason)).toEqual(['dispute_lost', 'taken_back']);
});

test('compliance and another end one that its provider does not end, and nobody alone or on themselves', async () => {
  const deposit = await cleared();
  await tell(deposit, 'dispute_opened');
  const [event] = await opened(deposit);
  const path = `/v1/inbound-events/${event?.id}/end-dispute`;
  const roles = ['operations', 'customer'];
  const self = { ...customer, actor: { ...customer.actor, kind: 'staff', roles } as Person['actor'] };
  expect(code(await desk.request(self, 'POST', path, { body: REASON }))).toBe('self_action');
  const asked = await desk.request(desk.operations, 'POST', path, { body: REASON });
  expect(asked.body.approval.payload).toMatchObject({ depositId: deposit.id, held: '100', asset: 'USD' });
  const vote = `/v1/approvals/${asked.body.approval.id}/approve`;
  expect(code(await desk.request(desk.operations2, 'POST', vote, { body: REASON }))).toBe('not_found');
  expect(code(await desk.request(desk.compliance, 'POST', vote, { body: REASON }))).toBe(200);
  expect(await balance()).toEqual({ total: '100', reserved: '0' });
  expect(await opened(deposit)).toMatchObject([{ state: 'processed', reason: 'ended_by_people' }]);
  expect(code(await desk.request(desk.operations, 'POST', path, { body: REASON }))).toBe('dispute_not_open');
  expect(await tell(deposit, 'dispute_opened')).toBe('ignored');
  // Its provider's word counts all the same.
  expect(await tell(deposit, 'dispute_lost', { takenBack: '100' })).toBe('processed');
  expect(await balance()).toEqual({ total: '0', reserved: '0' });
});

test('a vote on the end of one that its provider ended, or that pays by now, frees nothing', async () => {
  const deposit = await cleared();
  await tell(deposit, 'dispute_opened');
  const [event] = await opened(deposit);
  const path = `/v1/inbound-events/${event?.id}/end-dispute`;
  const { body } = await desk.request(desk.operations, 'POST', path, { body: REASON });
  const vote = () =>
    desk.request(desk.compliance, 'POST', `/v1/approvals/${body.approval.id}/approve`, { body: REASON });
  await tell(deposit, 'charged_back', { takenBack: '30' });
  expect(await balance()).toEqual({ total: '70', reserved: '70' });
  expect(code(await vote())).toBe('approved_request_changed');
  await tell(deposit, 'dispute_won');
  expect(code(await vote())).toBe('dispute_not_open');
  const [left] = await desk.deps.db.engine.select().from(approvals).where(eq(approvals.id, body.approval.id));
  expect(left?.status).toBe('pending');
});

test('one that names no dispute, more than was paid, or another payment waits for a person and holds nothing', async () => {
  const deposit = await cleared();
  for (const data of [
    { disputeReference: undefined },
    { disputed: '100.01' },
    { disputed: '0' },
    { providerReference: 'pay_other' },
    { amount: '90' },
  ]) {
    expect(await tell(deposit, 'dispute_opened', data)).toBe('kept');
  }
  expect(await tell(deposit, 'dispute_won', { disputeReference: undefined })).toBe('kept');
  expect(await holdsOf()).toEqual([]);
});

test('reconcile names a hold whose dispute is not open', async () => {
  const deposit = await cleared();
  await tell(deposit, 'dispute_opened');
  const set = (reason: string) =>
    desk.deps.db.engine.update(inboundEvents).set({ reason }).where(eq(inboundEvents.depositId, deposit.id));
  await set('planted');
  const report = await desk.reconcile();
  await set(DISPUTED);
  const found = report.checks.filter((check) => check.breaks.length > 0);
  expect(found.map((check) => check.name)).toEqual(['funding.disputes_are_held']);
  expect(found[0]?.breaks).toMatchObject([{ detail: 'reserves for a dispute that is not open' }]);
});

test('of one deposit no more is held than can be called back, and as long as one of its disputes needs it', async () => {
  const deposit = await cleared();
  await desk.fund(customer, 'USD', '100');
  expect(await tell(deposit, 'dispute_opened', { disputed: '70' })).toBe('kept');
  expect(await tell(deposit, 'dispute_opened', { disputed: '80', disputeReference: 'dp_2' })).toBe('kept');
  expect(await balance()).toEqual({ total: '200', reserved: '100' });
  const [first] = await opened(deposit);
  const path = `/v1/inbound-events/${first?.id}/end-dispute`;
  const asked = await desk.request(desk.operations, 'POST', path, { body: REASON });
  expect(asked.body.approval.payload.held).toBe('20');
  expect(await tell(deposit, 'dispute_won')).toBe('processed');
  expect(await balance()).toEqual({ total: '200', reserved: '80' });
  expect((await desk.reconcile()).checks.flatMap((check) => check.breaks)).toEqual([]);
  expect(await tell(deposit, 'refunded', { takenBack: '50' })).toBe('processed');
  expect(await balance()).toEqual({ total: '150', reserved: '50' });
  expect(await tell(deposit, 'dispute_lost', { takenBack: '100', disputeReference: 'dp_2' })).toBe(
    'processed',
  );
  expect([await balance(), await owed()]).toEqual([{ total: '100', reserved: '0' }, 0]);
});

test('one that is told of again for more holds what is more, and ends as one', async () => {
  const deposit = await cleared();
  for (const [disputed, state, reserved] of [
    ['40', 'kept', '40'],
    ['70', 'kept', '70'],
    ['60', 'ignored', '70'],
  ] as const) {
    expect(await tell(deposit, 'dispute_opened', { disputed })).toBe(state);
    expect(await balance()).toEqual({ total: '100', reserved });
  }
  expect(await tell(deposit, 'dispute_won')).toBe('processed');
  expect(await balance()).toEqual({ total: '100', reserved: '0' });
  expect((await opened(deposit)).map(({ reason }) => reason)).toEqual([
    'dispute_won',
    'dispute_won',
    'already_so',
  ]);
});

test('one that is opened again since it ended is held again until it ends again', async () => {
  const deposit = await cleared();
  const again = { occurredAt: '2026-01-31T10:00:00Z' };
  await tell(deposit, 'dispute_opened');
  expect(await tell(deposit, 'dispute_won')).toBe('processed');
  expect(await tell(deposit, 'dispute_opened', again)).toBe('kept');
  expect(await tell(deposit, 'dispute_won')).toBe('ignored');
  expect(await balance()).toEqual({ total: '100', reserved: '100' });
  expect(await tell(deposit, 'dispute_won', again)).toBe('processed');
  expect(await balance()).toEqual({ total: '100', reserved: '0' });
});

test('the end of one that is of another payment, or of money nowhere in the books, waits and ends nothing', async () => {
  const deposit = await cleared();
  expect(await tell(deposit, 'dispute_won', { providerReference: 'pay_another' })).toBe('kept');
  const [wrong] = await desk.deps.db.engine
    .select()
    .from(inboundEvents)
    .where(and(eq(inboundEvents.depositId, deposit.id), eq(inboundEvents.type, 'payment.dispute_won')));
  expect(wrong?.reason).toBe('payment_of_another_deposit');
  const close = `/v1/inbound-events/${wrong?.id}/close`;
  expect(code(await desk.request(desk.operations, 'POST', close, { body: REASON }))).toBe(200);
  expect(await tell(deposit, 'dispute_opened')).toBe('kept');
  expect(await balance()).toEqual({ total: '100', reserved: '100' });
  // Given to an account, the payment brings what was told of it, its end included.
  const failed = await announced();
  const path = `/v1/deposits/${failed.id}/fail`;
  expect(code(await desk.request(desk.operations, 'POST', path, { body: REASON }))).toBe(200);
  for (const type of ['cleared', 'dispute_opened', 'dispute_won']) {
    expect(await tell(failed, type)).toBe('kept');
  }
  const [event] = await desk.deps.db.engine
    .select()
    .from(inboundEvents)
    .where(and(eq(inboundEvents.depositId, failed.id), eq(inboundEvents.type, 'payment.cleared')));
  const body = { accountId: customer.accountId, ...REASON };
  const given = await desk.request(desk.operations, 'POST', `/v1/inbound-events/${event?.id}/allocate`, {
    body,
  });
  const vote = `/v1/approvals/${given.body.approval.id}/approve`;
  expect(code(await desk.request(desk.operations2, 'POST', vote, { body: REASON }))).toBe(200);
  expect(await balance()).toEqual({ total: '200', reserved: '100' });
  expect(await tell(deposit, 'dispute_won')).toBe('processed');
  expect(await balance()).toEqual({ total: '200', reserved: '0' });
});

test('what is held of money that is not settled takes nothing else from what may be withdrawn', async () => {
  await desk.fund(customer, 'USD', '100');
  const deposit = await cleared();
  const shown = async () => {
    const path = `/v1/accounts/${customer.accountId}/wallets`;
    const { data } = (await desk.request(customer, 'GET', path)).body;
    const { available, unsettled, withdrawable } = data.find(
      ({ asset }: { asset: string }) => asset === 'USD',
    );
    return [available, unsettled, withdrawable];
  };
  expect(await shown()).toEqual(['200', '100', '100']);
  await tell(deposit, 'dispute_opened', { disputed: '80' });
  expect(await shown()).toEqual(['120', '20', '100']);
  await tell(deposit, 'charged_back', { takenBack: '30' });
  expect(await shown()).toEqual(['120', '20', '100']);
  await tell(deposit, 'dispute_won');
  expect(await shown()).toEqual(['170', '70', '100']);
  await tell(deposit, 'dispute_opened', { disputeReference: 'dp_2' });
  desk.advance(200 * 86_400_000);
  await settleDeposits(desk.system);
  await tell(deposit, 'dispute_won', { disputeReference: 'dp_2' });
  expect(await shown()).toEqual(['170', '0', '170']);
});

test('one that nobody ended for ninety days is overdue work', async () => {
  const deposit = await cleared();
  await tell(deposit, 'dispute_opened');
  const [event] = await opened(deposit);
  const isListed = (days: number) =>
    transact(desk.system, 'engine', async (tx) => {
      const before = new Date(desk.deps.clock.realMs() + days * 86_400_000).toISOString() as Instant;
      const found = await openWorkFindings(tx, { before, timeZone: desk.deps.timeZone });
      return found.some(({ object }) => object === `payment event ${event?.id}`);
    });
  expect([await isListed(89), await isListed(91)]).toEqual([false, true]);
});

test('reconcile names a deposit of which more is held than can be called back', async () => {
  const deposit = await cleared();
  await tell(deposit, 'dispute_opened');
  const set = (by: string) =>
    writeUnguarded(desk.database, 'deposits', (tx) =>
      tx.execute(sql`update deposits set amount = amount + ${by}::numeric where id = ${deposit.id}`),
    );
  await set('-1');
  const report = await desk.reconcile();
  await set('1');
  const found = report.checks.find((check) => check.name === 'funding.disputes_are_held');
  expect(found?.breaks).toEqual([
    { object: `deposit ${deposit.id}`, detail: 'has more held for disputes than can be called back' },
  ]);
});
