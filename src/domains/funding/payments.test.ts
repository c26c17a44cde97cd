import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { and, eq } from 'drizzle-orm';
import type { Actor } from '../../kernel/actor.ts';
import { formatAmount, parseAmount } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import { dayOf } from '../../kernel/business-date.ts';
import { newId } from '../../kernel/id.ts';
import { requestApproval } from '../../platform/approvals/request-approval.ts';
import { approvals, approvalVotes, auditLogs } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import {
  bankBeneficiary,
  type FundingDesk,
  HOLDER,
  type Person,
  startFundingDesk,
} from '../../testing/funding-desk.ts';
import { writeUnguarded } from '../../testing/unguarded.ts';
import { amlAlerts } from '../aml/schema.ts';
import { wallets } from '../ledger/schema.ts';
import { payloadOf } from './evidence/event-payload.ts';
import {
  bankStatementBookings,
  bankStatementLines,
  bankStatements,
  inboundEvents,
} from './evidence/schema.ts';
import { evidenceChecks } from './evidence-checks.ts';
import { isSigned, providerNamed, signPayment, TEST_PROVIDER } from './payment-providers.ts';
import { newPaymentReference } from './payment-reference.ts';
import { deposits } from './schema.ts';
import { settleDeposits } from './settle-deposits.ts';
import { camt053, nextOpening } from './testing/camt-sample.ts';
import { unallocatedReceipts } from './work/schema.ts';

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

type Announced = { readonly id: string; readonly paymentReference: string; readonly method: string };

async function announce(amount = '100', method = 'card'): Promise<Announced> {
  const body = { accountId: customer.accountId, asset: 'USD', amount, method };
  return (await desk.request(customer, 'POST', '/v1/deposits', { body, key: newId() })).body;
}

function eventOf({ paymentReference, method = 'card' }: Partial<Announced>, type: string, data: object = {}) {
  const payment = {
    paymentReference,
    providerReference: `pay_${paymentReference}`,
    amount: '100',
    currency: 'USD',
    method,
    payerName: HOLDER,
  };
  const occurredAt = desk.deps.clock.realNow();
  return { id: `evt_${newId()}`, type, occurredAt, data: { ...payment, ...data }, more: { nobody: 'knows' } };
}

const nowS = () => String(Math.floor(desk.deps.clock.realMs() / 1_000));

function post(
  event: object | string,
  sent: { timestamp?: string; signature?: string; provider?: string } = {},
) {
  const body = new Uint8Array(Buffer.from(typeof event === 'string' ? event : JSON.stringify(event)));
  const timestamp = sent.timestamp ?? nowS();
  const headers = {
    'content-type': 'application/json',
    'webhook-timestamp': timestamp,
    'webhook-signature': sent.signature ?? signPayment(TEST_PROVIDER, timestamp, body),
  };
  const path = `/v1/webhooks/payments/${sent.provider ?? 'test'}`;
  return desk.request(customer, 'POST', path, { body, headers });
}

const tell = async (deposit: Announced, type: string, data: object = {}) =>
  (await post(eventOf(deposit, `payment.${type}`, data))).body.state as string;
const read = async (id: string) => (await desk.request(desk.operations, 'GET', `/v1/deposits/${id}`)).body;
const total = async () => (await desk.balance(customer, 'USD')).total;
const vote = (id: string, person = desk.operations2) =>
  desk.request(person, 'POST', `/v1/approvals/${id}/approve`, { body: { reason: 'Looked at it' } });
const ask = (id: string, path: string) =>
  desk.request(desk.operations, 'POST', `/v1/deposits/${id}/${path}`, { body: { reason: 'Asked for' } });

async function walletOf() {
  const [wallet] = await desk.deps.db.engine
    .select()
    .from(wallets)
    .where(and(eq(wallets.accountId, customer.accountId), eq(wallets.asset, 'USD')));
  return wallet;
}

async function debt(): Promise<string> {
  const [wallet] = await desk.deps.db.engine
    .select()
    .from(wallets)
    .where(and(eq(wallets.houseRole, 'receivable'), eq(wallets.houseReference, customer.userId)));
  return formatAmount(-(wallet?.total ?? 0n));
}

async function keptReason(deposit: Announced): Promise<(string | null)[]> {
  const rows = await desk.deps.db.engine
    .select()
    .from(inboundEvents)
    .where(and(eq(inboundEvents.depositId, deposit.id), eq(inboundEvents.state, 'kept')));
  return rows.map((row) => row.reason);
}

/** Pays out what a customer has, so that it is gone. */
async function spend(amount: string): Promise<void> {
  await settleDeposits(desk.system);
  const payee = await desk.request(customer, 'POST', '/v1/beneficiaries', { body: bankBeneficiary() });
  const body = { accountId: customer.accountId, asset: 'USD', amount, beneficiaryId: payee.body.id };
  const asked = await desk.request(customer, 'POST', '/v1/withdrawals', { body, key: newId() });
  expect(asked.status).toBe(201);
}

describe('a provider', () => {
  test('moves a deposit from announced over processing to cleared, and is cited', async () => {
    const deposit = await announce();
    expect(await tell(deposit, 'processing')).toBe('processed');
    expect(await read(deposit.id)).toMatchObject({ status: 'processing', provider: 'test' });
    expect(await tell(deposit, 'cleared')).toBe('processed');
    const [row] = await desk.deps.db.engine.select().from(deposits).where(eq(deposits.id, deposit.id));
    expect(row).toMatchObject({
      status: 'cleared',
      approvalId: null,
      providerReference: `pay_${deposit.paymentReference}`,
    });
    expect(row?.providerEventId).not.toBeNull();
    expect(await total()).toBe('100');
  });

  test('whose event comes again is answered as before, and nothing happens twice', async () => {
    const deposit = await announce();
    const event = eventOf(deposit, 'payment.cleared');
    const first = await post(event);
    expect((await post(event)).body).toEqual(first.body);
    expect(await tell(deposit, 'cleared')).toBe('ignored');
    expect(await total()).toBe('100');
  });

  test('who sends one event many times at once, or two of one deposit, has one effect', async () => {
    const [one, two] = [await announce(), await announce()];
    const event = eventOf(one, 'payment.cleared');
    const answers = await Promise.all([
      ...Array.from({ length: 6 }, () => post(event)),
      post(eventOf(two, 'payment.cleared')),
      post(eventOf(two, 'payment.cleared')),
    ]);
    expect(answers.map((answer) => answer.status)).toEqual(Array(8).fill(200));
    expect(await total()).toBe('200');
  });

  test('and the bank at once credit one deposit once, and the bank then has the money', async () => {
    const deposit = await announce('100', 'bank_transfer');
    const entry = { amount: '100', reference: deposit.paymentReference, name: HOLDER };
    const opening = await nextOpening(desk.deps);
    const [event, file] = await Promise.all([
      post(eventOf(deposit, 'payment.cleared')),
      desk.importFile(camt053({ opening, entries: [entry] })),
    ]);
    expect([event.status, file.status]).toEqual([200, 201]);
    expect(await total()).toBe('100');
    const [row] = await desk.deps.db.engine.select().from(deposits).where(eq(deposits.id, deposit.id));
    expect(row).toMatchObject({ status: 'cleared', statementLineId: file.body.lines[0].id });
  });

  test('keep what a provider vouched for where the bank’s statement is given up, and the bank has it no more', async () => {
    const deposit = await announce();
    await tell(deposit, 'cleared');
    const entry = { amount: '100', reference: deposit.paymentReference, name: HOLDER };
    const opening = await nextOpening(desk.deps);
    const { body } = await desk.importFile(camt053({ opening, entries: [entry] }));
    expect(body.lines[0].depositId).toBe(deposit.id);
    const asked = await desk.request(desk.operations, 'POST', `/v1/bank-statements/${body.id}/void`, {
      body: { reason: 'Another day' },
    });
    const vote = `/v1/approvals/${asked.body.approval.id}/approve`;
    const voted = await desk.request(desk.operations2, 'POST', vote, { body: { reason: 'Seen' } });
    expect([voted.status, await total()]).toEqual([200, '100']);
    const [row] = await desk.deps.db.engine.select().from(deposits).where(eq(deposits.id, deposit.id));
    expect(row).toMatchObject({ status: 'cleared', statementLineId: null });
    const { checks } = await desk.reconcile();
    expect(checks.flatMap(({ breaks }) => breaks)).toEqual([]);
    await desk.importFile(camt053({ opening, entries: [entry] }));
    const [again] = await desk.deps.db.engine.select().from(deposits).where(eq(deposits.id, deposit.id));
    expect(again?.statementLineId).not.toBeNull();
  });

  test('whose refund comes before the credit is understood once both are there', async () => {
    const deposit = await announce();
    expect(await tell(deposit, 'refunded')).toBe('kept');
    expect(await keptReason(deposit)).toEqual(['out_of_order']);
    expect(await tell(deposit, 'cleared')).toBe('processed');
    expect([(await read(deposit.id)).status, await total(), await keptReason(deposit)]).toEqual([
      'refunded',
      '0',
      [],
    ]);
    expect(await tell(deposit, 'processing')).toBe('ignored');
  });

  test('credits one deposit with one payment, also where two events of it come at once', async () => {
    const pair = [await announce(), await announce()];
    const providerReference = `pay_${newId()}`;
    const states = await Promise.all(pair.map((each) => tell(each, 'cleared', { providerReference })));
    expect(states.toSorted()).toEqual(['kept', 'processed']);
    expect(await total()).toBe('100');
    const kept = await Promise.all(pair.map(keptReason));
    expect(kept.flat()).toEqual(['payment_of_another_deposit']);
  });

  test('closes what failed, and contradicts the book to a person only', async () => {
    const deposit = await announce();
    expect(await tell(deposit, 'failed')).toBe('processed');
    expect(await read(deposit.id)).toMatchObject({ status: 'failed', failureReason: 'not_received' });
    expect(await tell(deposit, 'cleared')).toBe('kept');
    expect([await total(), await keptReason(deposit)]).toEqual(['0', ['contradicts']]);
  });

  test.each([
    ['another amount', 'cleared', { amount: '99' }, 'amount_differs', 'pending'],
    ['another currency', 'cleared', { currency: 'EUR' }, 'amount_differs', 'pending'],
    ['no payer', 'cleared', { payerName: undefined }, 'payer_unnamed', 'processing'],
    ['a state nobody knows', 'dreamt', {}, 'unknown_type', 'pending'],
    ['an amount that is none', 'cleared', { amount: '1e2' }, 'unreadable', 'pending'],
    ['another way of paying', 'cleared', { method: 'mips' }, 'method_differs', 'pending'],
  ])('who tells of %s is kept for a person', async (_name, type, data, reason, status) => {
    const deposit = await announce();
    expect(await tell(deposit, type, data)).toBe('kept');
    expect([(await read(deposit.id)).status, await total()]).toEqual([status, '0']);
    const { body } = await desk.request(desk.operations, 'GET', '/v1/inbound-events?state=kept&limit=1');
    expect(body.data[0].reason).toBe(reason);
  });

  test('who tells of an unknown deposit is kept, until a person ends the work on it', async () => {
    const answer = await post(eventOf({ paymentReference: newPaymentReference() }, 'payment.cleared'));
    expect(answer.body.state).toBe('kept');
    const { body } = await desk.request(desk.operations, 'GET', '/v1/inbound-events?state=kept&limit=1');
    expect(body.data[0]).toMatchObject({ reason: 'unknown_deposit', depositId: null });
    const close = () =>
      desk.request(desk.operations, 'POST', `/v1/inbound-events/${body.data[0].id}/close`, {
        body: { reason: 'Not ours' },
      });
    expect((await close()).body).toMatchObject({ state: 'ignored', reason: 'closed_by_person' });
    expect((await close()).body.code).toBe('event_not_kept');
  });

  test('is read as it spoke by those who look into it, and not by whom it is about', async () => {
    const deposit = await announce();
    const event = eventOf(deposit, 'payment.cleared', { amount: '90', payerName: 'Somebody Else' });
    await post(event);
    const { body: listed } = await desk.request(
      desk.operations,
      'GET',
      '/v1/inbound-events?state=kept&limit=1',
    );
    const path = `/v1/inbound-events/${listed.data[0].id}`;
    const { body } = await desk.request(desk.operations, 'GET', path);
    expect(JSON.parse(body.body)).toEqual(event);
    expect(body.payment).toEqual({
      paymentReference: deposit.paymentReference,
      providerReference: `pay_${deposit.paymentReference}`,
      amount: '90',
      currency: 'USD',
      method: 'card',
      payerName: 'Somebody Else',
      takenBack: null,
      disputeReference: null,
      disputed: null,
    });
    const owner = { ...customer, actor: { ...desk.operations.actor, userId: customer.userId } as Actor };
    expect((await desk.request(owner, 'GET', path)).body.code).toBe('self_action');
    const reads = await desk.deps.db.engine
      .select({ actor: auditLogs.actorUserId })
      .from(auditLogs)
      .where(and(eq(auditLogs.resourceId, listed.data[0].id), eq(auditLogs.eventType, 'payment_event.read')));
    expect(reads).toEqual([{ actor: desk.operations.userId }]);
    // Evidence stays under the key it was sealed with, whatever key follows that one.
    const [row] = await desk.deps.db.engine
      .select()
      .from(inboundEvents)
      .where(eq(inboundEvents.id, listed.data[0].id));
    const { keyring } = desk.deps;
    const house = { id: new Uint8Array(8), key: new Uint8Array(32), others: [keyring.house] };
    const later = { ...desk.system, deps: { ...desk.deps, keyring: { ...keyring, house } } };
    const opened = payloadOf(later, present(row, 'it was kept'));
    expect(JSON.parse(Buffer.from(opened).toString('utf8'))).toEqual(event);
  });

  test('who was paid by somebody else alerts compliance, and another person releases the money', async () => {
    const deposit = await announce();
    expect(await tell(deposit, 'cleared', { payerName: 'Somebody Else' })).toBe('kept');
    const alerts = await desk.deps.db.engine
      .select()
      .from(amlAlerts)
      .where(eq(amlAlerts.userId, customer.userId));
    expect(alerts).toMatchObject([{ status: 'open' }]);
    const asked = await desk.request(desk.operations, 'POST', `/v1/deposits/${deposit.id}/clear`, {
      body: {},
    });
    expect((await vote(asked.body.approval.id)).body.code).toBe('under_review');
    await desk.changeGate(customer, { screening: 'clear' });
    expect((await vote(asked.body.approval.id)).status).toBe(200);
    expect(await total()).toBe('100');
  });
});

describe('money at a provider that fits no deposit', () => {
  const allocate = (id: string, person = customer, as = desk.operations) =>
    desk.request(as, 'POST', `/v1/inbound-events/${id}/allocate`, {
      body: { accountId: person.accountId, reason: 'Their receipt shows it' },
    });

  /** An event as it is kept. */
  async function kept(deposit: Partial<Announced>, data: object = {}, type = 'payment.cleared') {
    const event = eventOf(deposit, type, data);
    expect((await post(event)).body.state).toBe('kept');
    const [row] = await desk.deps.db.engine
      .select()
      .from(inboundEvents)
      .where(eq(inboundEvents.eventId, event.id));
    return present(row, 'it was kept');
  }

  const stateOf = async (id: string) => {
    const [row] = await desk.deps.db.engine.select().from(inboundEvents).where(eq(inboundEvents.id, id));
    return [row?.state, row?.reason];
  };

  const allocated = async (id: string) => {
    const asked = await allocate(id);
    expect([asked.status, asked.body.code]).toEqual([202, undefined]);
    return vote(asked.body.approval.id);
  };

  const depositsOf = () =>
    desk.deps.db.engine
      .select()
      .from(deposits)
      .where(eq(deposits.userId, customer.userId))
      .orderBy(deposits.id);

  test('is given to an account by two people, can be called back, and is paid over in the provider’s lump', async () => {
    const announced = await announce('100');
    const event = await kept(announced, { amount: '90' });
    const hand = () =>
      desk.request(desk.operations, 'POST', `/v1/deposits/${announced.id}/clear`, { body: {} });
    expect((await hand()).body.code).toBe('deposit_has_event');
    await ask(announced.id, 'fail');
    const asked = await allocate(event.id);
    expect(await total()).toBe('0');
    expect((await vote(asked.body.approval.id, desk.operations)).status).not.toBe(200);
    expect((await vote(asked.body.approval.id)).status).toBe(200);
    expect([await total(), formatAmount((await walletOf())?.unsettled ?? 0n)]).toEqual(['90', '90']);
    const [, own] = await depositsOf();
    expect(own).toMatchObject({ status: 'cleared', provider: 'test', fee: 0n, providerEventId: event.id });
    expect(await stateOf(event.id)).toEqual(['processed', null]);
    expect((await allocate(event.id)).body.code).toBe('event_not_kept');
    const other = await announce('50');
    await tell(other, 'cleared', { amount: '50' });
    const opening = await nextOpening(desk.deps);
    const { body } = await desk.importFile(
      camt053({ opening, entries: [{ amount: '145', name: 'Acquirer' }] }),
    );
    const explain = (receiptId: string, settled: object) =>
      desk.request(desk.operations, 'POST', `/v1/unallocated-receipts/${receiptId}/explain`, {
        body: {
          explanation: 'provider_settlement',
          provider: 'test',
          reason: 'By the acquirer’s advice',
          ...settled,
        },
      });
    const { receiptId } = body.lines[0];
    const parts = { depositIds: [own?.id, other.id], fee: '2' };
    expect((await explain(receiptId, parts)).body.code).toBe('receipt_not_explained');
    expect((await explain(receiptId, { ...parts, rest: '8' })).body.code).toBe('receipt_not_explained');
    const explained = await explain(receiptId, { ...parts, rest: '7' });
    // A fee beside a rest is compliance's to agree to: between them the firm's debt could become somebody's money.
    expect((await vote(explained.body.approval.id)).status).toBe(404);
    expect((await vote(explained.body.approval.id, desk.compliance)).status).toBe(200);
    // What it paid besides is work of its own, and the line is one line still.
    const listed = await desk.request(desk.operations, 'GET', '/v1/unallocated-receipts?status=open&limit=1');
    const [rest] = listed.body.data;
    expect(rest).toMatchObject({ amount: '7', restOf: receiptId, reason: 'rest_of_settlement' });
    const statement = await desk.request(desk.operations, 'GET', `/v1/bank-statements/${body.id}`);
    expect(statement.body.lines).toMatchObject([{ receiptId }]);
    const seven = await announce('7');
    // The provider can call it back: it is credited by its event alone, with the clearing days, and once.
    for (const target of [{ depositId: seven.id }, { accountId: customer.accountId }]) {
      const path = `/v1/unallocated-receipts/${rest.id}/allocate`;
      const given = { body: { ...target, reason: 'Theirs' } };
      const { status, body: wrong } = await desk.request(desk.operations, 'POST', path, given);
      expect([status, wrong.code]).toEqual([422, 'receipt_does_not_fit']);
    }
    const late = await kept({ paymentReference: newPaymentReference() }, { amount: '7' });
    expect((await allocated(late.id)).status).toBe(200);
    const depositIds = [(await depositsOf()).at(-1)?.id];
    expect((await vote((await explain(rest.id, { depositIds })).body.approval.id)).status).toBe(200);
    const { checks } = await desk.reconcile();
    expect(checks.flatMap(({ breaks }) => breaks)).toEqual([]);
  });

  test('that nobody announced goes back where the provider takes it back, before or after', async () => {
    const ghost = { paymentReference: newPaymentReference(), method: 'card' };
    const event = await kept(ghost);
    expect((await allocated(event.id)).status).toBe(200);
    expect(await total()).toBe('100');
    expect((await post(eventOf(ghost, 'payment.cleared'))).body.state).toBe('ignored');
    expect((await post(eventOf(ghost, 'payment.charged_back'))).body.state).toBe('processed');
    expect([(await depositsOf()).map(({ status }) => status), await total()]).toEqual([
      ['charged_back'],
      '0',
    ]);
    const second = { paymentReference: newPaymentReference(), method: 'card' };
    const late = await kept(second);
    const back = await kept(second, { takenBack: '40' }, 'payment.refunded');
    await desk.request(desk.operations, 'POST', `/v1/inbound-events/${back.id}/close`, {
      body: { reason: 'Nothing of ours' },
    });
    expect((await allocated(late.id)).status).toBe(200);
    expect([await total(), await stateOf(back.id)]).toEqual(['60', ['processed', null]]);
  });

  test('is credited once, whichever of its events is given away', async () => {
    const [one, two] = [
      { paymentReference: newPaymentReference() },
      { paymentReference: newPaymentReference() },
    ];
    const providerReference = `pay_${newId()}`;
    const events = [await kept(one, { providerReference }), await kept(two, { providerReference })];
    const asked = [];
    for (const { id } of events) {
      asked.push((await allocate(id)).body.approval.id as string);
    }
    const voted = await Promise.all(asked.map((id) => vote(id)));
    expect(new Set(voted.map(({ status }) => status))).toEqual(new Set([200, 409]));
    expect(await total()).toBe('100');
    const announced = await announce();
    expect(await tell(announced, 'cleared', { providerReference })).toBe('kept');
    expect(await keptReason(announced)).toEqual(['payment_of_another_deposit']);
  });

  test('waits for the deposit that bears the payment to fail first', async () => {
    const announced = await announce();
    await tell(announced, 'processing');
    const event = await kept(announced, { amount: '90' });
    expect((await allocate(event.id)).body.code).toBe('payment_credited');
    await desk.request(desk.operations, 'POST', `/v1/deposits/${announced.id}/fail`, {
      body: { reason: 'Another amount came' },
    });
    expect((await allocated(event.id)).status).toBe(200);
    expect(await total()).toBe('90');
  });

  test('is given to nobody by the vote of whose deposit its event names', async () => {
    const announced = await announce();
    const event = await kept(announced, { amount: '90' });
    await ask(announced.id, 'fail');
    const { accountId } = await desk.newCustomer();
    const path = `/v1/inbound-events/${event.id}/allocate`;
    const body = { accountId, reason: 'Theirs' };
    const asked = await desk.request(desk.operations, 'POST', path, { body });
    const named = { ...customer, actor: { ...desk.operations.actor, userId: customer.userId } as Actor };
    expect((await vote(asked.body.approval.id, named)).body.code).toBe('self_approval');
    expect((await vote(asked.body.approval.id)).status).toBe(200);
  });

  test('and came from somebody else alerts compliance, once, and waits for them', async () => {
    const event = await kept({ paymentReference: newPaymentReference() }, { payerName: 'Somebody Else' });
    const asked = await allocate(event.id);
    expect((await vote(asked.body.approval.id)).body.code).toBe('under_review');
    const alerts = await desk.deps.db.engine
      .select()
      .from(amlAlerts)
      .where(eq(amlAlerts.userId, customer.userId));
    expect(alerts).toMatchObject([{ status: 'open' }]);
    await desk.changeGate(customer, { screening: 'clear' });
    expect((await vote(asked.body.approval.id)).status).toBe(200);
    expect(await total()).toBe('100');
  });

  test('is none where the event tells of none, or of what waits for its own deposit', async () => {
    const deposit = await announce();
    const code = async (event: { readonly id: string }) => (await allocate(event.id)).body.code;
    expect(await code(await kept(deposit, {}, 'payment.refunded'))).toBe('event_not_allocatable');
    expect(await code(await kept(deposit, { amount: '1e2' }))).toBe('event_not_allocatable');
    expect(await code(await kept(await announce(), { payerName: undefined }))).toBe('event_not_allocatable');
    const ghost = { paymentReference: newPaymentReference() };
    expect(await code(await kept({ ...ghost, method: 'salt' }))).toBe('method_not_supported');
    expect(await code(await kept(ghost, { amount: '-5', providerReference: 'x' }))).toBe(
      'event_not_allocatable',
    );
    const own = { ...customer, actor: { ...desk.operations.actor, userId: customer.userId } as Actor };
    const fine = await kept({ paymentReference: newPaymentReference() });
    expect((await allocate(fine.id, customer, own)).body.code).toBe('self_action');
    expect((await allocate(newId())).status).toBe(404);
    expect(await total()).toBe('0');
  });
});

describe('a webhook', () => {
  test.each([
    ['another secret', () => ({ signature: `v1=${'0'.repeat(64)}` })],
    ['no signature', () => ({ signature: '' })],
    ['a time long ago', () => ({ timestamp: String(Number(nowS()) - 301) })],
    ['a time to come', () => ({ timestamp: String(Number(nowS()) + 302) })],
    ['no time', () => ({ timestamp: '' })],
  ])('signed with %s is refused and keeps nothing', async (_name, sent) => {
    const deposit = await announce();
    const { status, body } = await post(eventOf(deposit, 'payment.cleared'), sent());
    expect([status, body.code]).toEqual([401, 'webhook_signature_invalid']);
    expect([await total(), await keptReason(deposit)]).toEqual(['0', []]);
  });

  test('whose body was altered on the way is refused', async () => {
    const event = eventOf(await announce(), 'payment.cleared');
    const timestamp = nowS();
    const signature = signPayment(TEST_PROVIDER, timestamp, Buffer.from(JSON.stringify(event)));
    const forged = JSON.stringify(event).replace('"amount":"100"', '"amount":"900"');
    expect((await post(forged, { timestamp, signature })).status).toBe(401);
  });

  test('that is no event, or of no provider, is refused', async () => {
    expect((await post('{"a":')).body.code).toBe('webhook_malformed');
    expect((await post({ id: 'x' })).body.code).toBe('webhook_malformed');
    expect((await post({}, { provider: 'nobody' })).status).toBe(404);
  });

  test('of the test provider exists in the sandbox alone', () => {
    expect(providerNamed({ ...desk.deps, mode: 'production' }, 'test')).toBeUndefined();
  });

  test('of another provider is signed with what the operator set, the old secret while it is changed', () => {
    const [fresh, old] = ['n'.repeat(32), 'o'.repeat(32)];
    const deps = {
      ...desk.deps,
      mode: 'production',
      paymentSecrets: new Map([['acme', [fresh, old]]]),
    } as const;
    const acme = present(providerNamed(deps, 'acme'), 'it was set');
    const body = Buffer.from('{}');
    const timestamp = nowS();
    const sentWith = (secret: string) => {
      const signature = signPayment({ name: 'acme', secrets: [secret] }, timestamp, body);
      return isSigned(deps, acme, { timestamp, signature, body });
    };
    expect([fresh, old, 'x'.repeat(32), ''].map(sentWith)).toEqual([true, true, false, false]);
    expect(providerNamed(deps, 'other')).toBeUndefined();
  });
});

describe('money that can be called back', () => {
  test('is credited and cannot be withdrawn before its settlement date', async () => {
    const deposit = await announce();
    await tell(deposit, 'cleared');
    expect(formatAmount((await walletOf())?.unsettled ?? 0n)).toBe('100');
    await settleDeposits(desk.system);
    const payee = await desk.request(customer, 'POST', '/v1/beneficiaries', { body: bankBeneficiary() });
    const body = { accountId: customer.accountId, asset: 'USD', amount: '1', beneficiaryId: payee.body.id };
    const withdraw = () => desk.request(customer, 'POST', '/v1/withdrawals', { body, key: newId() });
    expect((await withdraw()).body.code).toBe('insufficient_funds');
    await writeUnguarded(desk.database, 'deposits', (tx) =>
      tx
        .update(deposits)
        .set({ settlementDate: dayOf(desk.deps.clock.now(), desk.deps.timeZone) })
        .where(eq(deposits.id, deposit.id)),
    );
    await Promise.all([settleDeposits(desk.system), settleDeposits(desk.system)]);
    expect((await walletOf())?.unsettled).toBe(parseAmount('0'));
    expect((await withdraw()).status).toBe(201);
  });

  test('goes back by two people, with a journal that cites the credit', async () => {
    const deposit = await announce();
    await tell(deposit, 'cleared');
    const asked = await ask(deposit.id, 'refund');
    expect(asked.status).toBe(202);
    expect((await vote(asked.body.approval.id, desk.operations)).body.code).toBe('self_approval');
    expect((await vote(asked.body.approval.id)).status).toBe(200);
    expect([(await read(deposit.id)).status, await total(), await debt()]).toEqual(['refunded', '0', '0']);
    expect((await ask(deposit.id, 'charge-back')).body.code).toBe('deposit_status_conflict');
    expect((await walletOf())?.unsettled).toBe(parseAmount('0'));
  });

  test('and is gone becomes a debt, which the next credit repays first', async () => {
    const deposit = await announce('100', 'bank_transfer');
    await tell(deposit, 'cleared');
    await spend('70');
    expect(await tell(deposit, 'charged_back')).toBe('processed');
    expect(await desk.balance(customer, 'USD')).toEqual({ total: '70', reserved: '70' });
    expect(await debt()).toBe('70');
    await desk.fund(customer, 'USD', '30');
    expect([await total(), await debt()]).toEqual(['70', '40']);
    await desk.fund(customer, 'USD', '100');
    expect([await total(), await debt()]).toEqual(['130', '0']);
  });

  test('is never paid from the money of somebody else', async () => {
    const other = await desk.newCustomer();
    await desk.fund(other, 'USD', '500');
    const deposit = await announce('100', 'bank_transfer');
    await tell(deposit, 'cleared');
    await spend('100');
    await tell(deposit, 'charged_back');
    await desk.fund(other, 'USD', '5');
    expect([(await desk.balance(other, 'USD')).total, await debt()]).toEqual(['505', '100']);
  });

  test('is taken back once, whether a person or the provider is first', async () => {
    const deposit = await announce();
    await tell(deposit, 'cleared');
    const asked = await ask(deposit.id, 'charge-back');
    const [voted, state] = await Promise.all([vote(asked.body.approval.id), tell(deposit, 'charged_back')]);
    expect([200, 409]).toContain(voted.status);
    expect(['processed', 'ignored']).toContain(state);
    expect([(await read(deposit.id)).status, await total(), await debt()]).toEqual([
      'charged_back',
      '0',
      '0',
    ]);
  });

  test('that was altered after the request is not taken back', async () => {
    const deposit = await announce();
    await tell(deposit, 'cleared');
    const asked = await ask(deposit.id, 'refund');
    const set = (journalId: string | null) =>
      writeUnguarded(desk.database, 'deposits', (tx) =>
        tx.update(deposits).set({ journalId }).where(eq(deposits.id, deposit.id)),
      );
    const { journalId } = await read(deposit.id);
    await set(newId());
    expect((await vote(asked.body.approval.id)).body.code).toBe('approved_request_changed');
    await set(journalId);
  });

  test('is money: coins are not', async () => {
    await desk.fund(customer, 'BTC', '1');
    const { body } = await desk.request(customer, 'GET', '/v1/deposits');
    expect((await ask(body.data[0].id, 'refund')).body.code).toBe('refund_not_money');
  });
});

describe('reconcile finds', () => {
  type Change = (tx: Parameters<Parameters<typeof transact>[2]>[0]) => Promise<unknown>;

  /** Plants a break with the money login and takes it back. */
  async function planted(plant: Change, restore: Change): Promise<readonly string[]> {
    await transact(desk.system, 'engine', plant);
    const report = await desk.reconcile();
    await transact(desk.system, 'engine', restore);
    return report.checks.filter((check) => check.breaks.length > 0).map((check) => check.name);
  }

  async function receive() {
    const opening = await nextOpening(desk.deps);
    const answer = await desk.importFile(camt053({ opening, entries: [{ amount: '8', name: 'Unknown' }] }));
    return answer.body.lines[0] as { readonly id: string; readonly receiptId: string };
  }

  test('a receipt that says another amount than its journal', async () => {
    const { receiptId } = await receive();
    const set = (amount: string) =>
      writeUnguarded(desk.database, 'unallocated_receipts', (tx) =>
        tx
          .update(unallocatedReceipts)
          .set({ amount: parseAmount(amount) })
          .where(eq(unallocatedReceipts.id, receiptId)),
      );
    await set('9');
    const report = await desk.reconcile();
    await set('8');
    expect(report.checks.filter((check) => check.breaks.length > 0).map((check) => check.name)).toEqual([
      'funding.statement_lines_are_somebodys',
      'funding.receipts_match_journals',
    ]);
  });

  test('a wallet with more unsettled than its deposits', async () => {
    await tell(await announce(), 'cleared');
    const wallet = await walletOf();
    const set = (unsettled: string) => (tx: Parameters<Change>[0]) =>
      tx
        .update(wallets)
        .set({ unsettled: parseAmount(unsettled) })
        .where(eq(wallets.id, wallet?.id ?? ''));
    expect(await planted(set('1'), set('100'))).toEqual(['funding.unsettled_is_of_deposits_and_trades']);
  });

  test('a deposit cleared or taken back on an event that was not processed', async () => {
    const deposit = await announce();
    await tell(deposit, 'cleared');
    await tell(deposit, 'charged_back');
    const set = (state: 'processed' | 'kept') => (tx: Parameters<Change>[0]) =>
      tx
        .update(inboundEvents)
        .set({ state, reason: state === 'kept' ? 'planted' : null })
        .where(eq(inboundEvents.depositId, deposit.id));
    expect(await planted(set('kept'), set('processed'))).toEqual([
      'funding.money_passed_four_eyes',
      'funding.taken_back_deposits_have_evidence',
    ]);
  });

  test('a statement whose lines do not lead to its closing balance, and a credit that is nobody’s', async () => {
    const report = async () =>
      (await desk.reconcile()).checks.filter((check) => check.breaks.length > 0).map((check) => check.name);
    await receive();
    const [good] = await desk.deps.db.engine
      .select()
      .from(bankStatements)
      .where(eq(bankStatements.standing, 'confirmed'));
    const [line] = await desk.deps.db.engine.select().from(bankStatementLines);
    const statementId = newId();
    const planted = transact(desk.operations.ctx(), 'engine', async (tx) => {
      const confirmation = await requestApproval(tx, desk.operations.ctx(), {
        action: 'bank_statement.confirm',
        subjectType: 'bank_statement',
        subjectId: statementId,
        subjectUserId: null,
        payload: {},
        quorum: 1,
        checkerRoles: ['operations'],
        reason: 'Planted',
      });
      const file = {
        ...good,
        id: statementId,
        standing: 'waiting',
        confirmationId: confirmation.id,
        fileHash: new Uint8Array(32),
        statementReference: 'PLANTED',
      };
      await tx.insert(bankStatements).values(file as typeof bankStatements.$inferInsert);
      const entry = { ...line, id: newId(), statementId, direction: 'credit', amount: parseAmount('999') };
      await tx.insert(bankStatementLines).values(entry as typeof bankStatementLines.$inferInsert);
      const at = desk.deps.clock.realNow();
      const vote = {
        approvalId: confirmation.id,
        checkerId: desk.operations2.userId,
        vote: 'approve',
      } as const;
      await tx.insert(approvalVotes).values({ ...vote, reason: 'Planted', votedAt: at });
      const executed = { status: 'executed', decidedAt: at, executedAt: at } as const;
      await tx.update(approvals).set(executed).where(eq(approvals.id, confirmation.id));
      await tx
        .update(bankStatements)
        .set({ standing: 'confirmed' })
        .where(eq(bankStatements.id, statementId));
      const bookedAt = desk.deps.clock.now();
      await tx.insert(bankStatementBookings).values({ statementId, bookedAt });
      const broken: string[] = [];
      for (const check of evidenceChecks) {
        broken.push(...((await check.run(tx)).breaks.length > 0 ? [check.name] : []));
      }
      throw new Error(broken.join());
    });
    const found = await planted.then(
      () => 'nothing',
      (error: Error) => error.message,
    );
    expect(found).toBe('funding.statements_add_up,funding.statement_lines_are_somebodys');
    expect(await report()).toEqual([]);
  });
});
