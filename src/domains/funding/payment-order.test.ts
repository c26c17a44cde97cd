/**
 * Any order and repetition of a provider's events ends where the sorted ones without repetition would. The
 * one exception is documented: where two of them exclude each other (failed against cleared, a full refund
 * against a full charge-back), the first to come decides and the other is kept for a person.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, eq } from 'drizzle-orm';
import fc from 'fast-check';
import { formatAmount } from '../../kernel/amount.ts';
import { newId } from '../../kernel/id.ts';
import { type FundingDesk, HOLDER, type Person, startFundingDesk } from '../../testing/funding-desk.ts';
import { writeUnguarded } from '../../testing/unguarded.ts';
import { amlAlerts } from '../aml/schema.ts';
import { wallets } from '../ledger/schema.ts';
import { inboundEvents } from './evidence/schema.ts';
import { signPayment, TEST_PROVIDER } from './payment-providers.ts';
import { newPaymentReference } from './payment-reference.ts';
import { deposits } from './schema.ts';
import { camt053, nextOpening } from './testing/camt-sample.ts';
import { repayments } from './work/schema.ts';

let desk: FundingDesk;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
});

afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

type Told = { readonly type: string; readonly takenBack?: string };

/** What may have happened to one payment, in the order it happened; each may be left out. */
const HAPPENED: readonly Told[] = [
  { type: 'processing' },
  { type: 'cleared' },
  { type: 'refunded', takenBack: '10' },
  { type: 'refunded', takenBack: '35' },
  { type: 'charged_back', takenBack: '60' },
  { type: 'charged_back', takenBack: '100' },
];

type Outcome = {
  readonly status: string;
  readonly takenBack: string;
  readonly total: string;
  readonly unsettled: string;
  readonly waiting: number;
};

async function run(order: readonly number[]): Promise<Outcome> {
  const customer = await desk.newCustomer();
  const body = { accountId: customer.accountId, asset: 'USD', amount: '100', method: 'card' };
  const { body: deposit } = await desk.request(customer, 'POST', '/v1/deposits', { body, key: newId() });
  const ids = HAPPENED.map(() => newId());
  for (const at of order) {
    const told = HAPPENED[at];
    if (told !== undefined) {
      await tell(customer, deposit.paymentReference, { ...told, id: ids[at] ?? '', minute: at });
    }
  }
  return outcomeOf(customer, deposit.id);
}

type Event = Told & {
  readonly id: string;
  readonly minute: number;
  readonly method?: string;
  readonly providerReference?: string;
  readonly payerName?: string;
  readonly amount?: string;
};

async function tell(
  customer: Person,
  paymentReference: string,
  { id, type, takenBack, minute, ...more }: Event,
): Promise<string> {
  const sum = { amount: '100', currency: 'USD', method: 'card', payerName: HOLDER };
  const data = { ...sum, paymentReference, providerReference: `pay_${paymentReference}`, takenBack, ...more };
  const event = { id, type: `payment.${type}`, occurredAt: `2026-01-31T09:0${minute}:00Z`, data };
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

async function outcomeOf(customer: Person, depositId: string): Promise<Outcome> {
  const { body } = await desk.request(customer, 'GET', `/v1/deposits/${depositId}`);
  const [wallet] = await desk.deps.db.engine
    .select()
    .from(wallets)
    .where(and(eq(wallets.accountId, customer.accountId), eq(wallets.asset, 'USD')));
  const kept = await desk.deps.db.engine
    .select()
    .from(inboundEvents)
    .where(and(eq(inboundEvents.depositId, depositId), eq(inboundEvents.state, 'kept')));
  return {
    status: body.status,
    takenBack: body.takenBack,
    total: formatAmount(wallet?.total ?? 0n),
    unsettled: formatAmount(wallet?.unsettled ?? 0n),
    waiting: kept.length,
  };
}

test('events of a payment end where they would have in order, whatever the order and however often', async () => {
  const orders = fc
    .subarray([...HAPPENED.keys()], { minLength: 1 })
    .chain((some) =>
      fc
        .tuple(fc.array(fc.constantFrom(...some), { maxLength: 4 }), fc.constant(some))
        .chain(([more, all]) =>
          fc.shuffledSubarray([...all, ...more], { minLength: all.length + more.length }),
        ),
    );
  await fc.assert(
    fc.asyncProperty(orders, async (order) => {
      const sorted = [...new Set(order)].sort((left, right) => left - right);
      expect(await run(order)).toEqual(await run(sorted));
    }),
    { numRuns: 25 },
  );
}, 240_000);

test('a payment that is all told ends charged back, with nothing left and nothing waiting', async () => {
  expect(await run([5, 4, 3, 2, 1, 0])).toEqual({
    status: 'charged_back',
    takenBack: '100',
    total: '0',
    unsettled: '0',
    waiting: 0,
  });
  expect(await run([3, 1, 2])).toEqual({
    status: 'cleared',
    takenBack: '35',
    total: '65',
    unsettled: '65',
    waiting: 0,
  });
});

describe('money of one payment is credited once:', () => {
  type Announced = { readonly id: string; readonly paymentReference: string };
  type Data = Partial<Omit<Event, 'type' | 'id'>>;

  async function announce(customer: Person, method = 'card'): Promise<Announced> {
    const body = { accountId: customer.accountId, asset: 'USD', amount: '100', method };
    return (await desk.request(customer, 'POST', '/v1/deposits', { body, key: newId() })).body;
  }

  const total = async (customer: Person) => (await desk.balance(customer, 'USD')).total;
  const statusOf = async ({ id }: Announced) =>
    (await desk.request(desk.operations, 'GET', `/v1/deposits/${id}`)).body.status;

  /** What became of an event, and its row. */
  async function told(customer: Person, { paymentReference }: Announced, type: string, data: Data = {}) {
    const id = newId();
    const state = await tell(customer, paymentReference, { minute: 1, ...data, id, type });
    const [row] = await desk.deps.db.engine.select().from(inboundEvents).where(eq(inboundEvents.eventId, id));
    return { id: row?.id ?? '', was: [state, row?.reason] };
  }

  const act = (path: string, body: object = {}) =>
    desk.request(desk.operations, 'POST', path, { body: { reason: 'By their receipt', ...body } });
  const allocate = (id: string, { accountId }: Person, more: object = {}) =>
    act(`/v1/inbound-events/${id}/allocate`, { accountId, ...more });
  const vote = async (asked: Awaited<ReturnType<typeof act>>) =>
    desk.request(desk.operations2, 'POST', `/v1/approvals/${asked.body.approval.id}/approve`, {
      body: { reason: 'Looked at it' },
    });

  async function line(reference: string): Promise<void> {
    const opening = await nextOpening(desk.deps);
    const entries = [{ amount: '100', reference, name: HOLDER }];
    expect((await desk.importFile(camt053({ opening, entries }))).status).toBe(201);
  }

  test('the deposit its event names fails before it is given away, and no line or vote credits it', async () => {
    const customer = await desk.newCustomer();
    const deposit = await announce(customer, 'bank_transfer');
    const byHand = await act(`/v1/deposits/${deposit.id}/clear`);
    const { id, was } = await told(customer, deposit, 'cleared');
    expect(was).toEqual(['kept', 'method_differs']);
    expect((await allocate(id, customer)).body.code).toBe('deposit_status_conflict');
    expect((await vote(byHand)).body.code).toBe('deposit_has_event');
    await act(`/v1/deposits/${deposit.id}/fail`);
    expect((await vote(await allocate(id, customer))).status).toBe(200);
    await line(deposit.paymentReference);
    expect((await vote(byHand)).status).toBe(409);
    expect([await statusOf(deposit), await total(customer)]).toEqual(['failed', '100']);
  });

  test('nor is it given away where a line or a person credited that deposit first, unless two say it is a second payment', async () => {
    const customer = await desk.newCustomer();
    const byLine = await announce(customer, 'bank_transfer');
    const event = await told(customer, byLine, 'cleared');
    await line(byLine.paymentReference);
    expect([await statusOf(byLine), await total(customer)]).toEqual(['cleared', '100']);
    expect((await allocate(event.id, customer)).body.code).toBe('payment_credited');
    const byHand = await announce(customer, 'bank_transfer');
    expect((await vote(await act(`/v1/deposits/${byHand.id}/clear`))).status).toBe(200);
    // It fits in every respect, and may be the money that was vouched for, or not: a person decides.
    const late = await told(customer, byHand, 'cleared', { method: 'bank_transfer' });
    expect(late.was).toEqual(['kept', 'credited_otherwise']);
    expect((await allocate(late.id, customer)).body.code).toBe('payment_credited');
    expect(await total(customer)).toBe('200');
    const second = await allocate(late.id, customer, { second: true });
    const { body } = await desk.request(desk.operations2, 'GET', `/v1/approvals/${second.body.approval.id}`);
    expect(body.payload).toMatchObject({ creditedId: byHand.id, amount: '100' });
    expect([(await vote(second)).status, await total(customer)]).toEqual([200, '300']);
    const again = await told(customer, byHand, 'cleared', { method: 'bank_transfer' });
    expect((await allocate(again.id, customer, { second: true })).body.code).toBe('payment_credited');
    const back = await told(customer, byHand, 'charged_back', { method: 'bank_transfer' });
    expect([back.was[0], await statusOf(byHand), await total(customer)]).toEqual([
      'processed',
      'cleared',
      '200',
    ]);
  });

  test('what was said to be a second payment is asked for anew where the first one turns out to be none', async () => {
    const customer = await desk.newCustomer();
    const byLine = await announce(customer, 'bank_transfer');
    const event = await told(customer, byLine, 'cleared');
    const opening = await nextOpening(desk.deps);
    const entries = [{ amount: '100', reference: byLine.paymentReference, name: HOLDER }];
    const { body: statement } = await desk.importFile(camt053({ opening, entries }));
    const second = await allocate(event.id, customer, { second: true });
    // The statement that showed the first was wrong, and the customer announces nothing any more.
    expect((await vote(await act(`/v1/bank-statements/${statement.id}/void`))).status).toBe(200);
    await desk.request(customer, 'POST', `/v1/deposits/${byLine.id}/cancel`);
    const answer = await vote(second);
    expect([answer.status, answer.body.code]).toEqual([409, 'approved_request_changed']);
    expect([await statusOf(byLine), await total(customer)]).toEqual(['failed', '0']);
  });

  test('a deposit that bears one name is not credited under another', async () => {
    const customer = await desk.newCustomer();
    const deposit = await announce(customer);
    await told(customer, deposit, 'processing');
    const providerReference = `pay_${newId()}`;
    const { id, was } = await told(customer, deposit, 'cleared', { providerReference });
    expect(was).toEqual(['kept', 'payment_of_another_deposit']);
    expect((await allocate(id, customer)).body.code).toBe('deposit_status_conflict');
    await act(`/v1/deposits/${deposit.id}/fail`);
    expect((await vote(await allocate(id, customer))).status).toBe(200);
    const again = await told(customer, deposit, 'cleared', { providerReference });
    expect((await allocate(again.id, customer)).body.code).toBe('payment_credited');
    expect(await total(customer)).toBe('100');
  });

  test('a second payment under one reference is another, which goes back by itself', async () => {
    const customer = await desk.newCustomer();
    const deposit = await announce(customer);
    await told(customer, deposit, 'cleared');
    expect((await told(customer, deposit, 'cleared')).was).toEqual(['ignored', 'already_so']);
    const providerReference = `pay_${newId()}`;
    const second = await told(customer, deposit, 'cleared', { providerReference });
    const back = await told(customer, deposit, 'refunded', { providerReference });
    expect([second.was, back.was]).toEqual(Array(2).fill(['kept', 'payment_of_another_deposit']));
    expect([await statusOf(deposit), await total(customer)]).toEqual(['cleared', '100']);
    expect((await vote(await allocate(second.id, customer))).status).toBe(200);
    expect([await statusOf(deposit), await total(customer)]).toEqual(['cleared', '100']);
    const twice = await told(customer, deposit, 'charged_back', { providerReference });
    expect([twice.was[0], await statusOf(deposit)]).toEqual(['kept', 'cleared']);
  });

  test('and for an account that takes no money nobody is told of a payer', async () => {
    const customer = await desk.newCustomer();
    const { body: paper } = await desk.request(customer, 'POST', '/v1/accounts', {
      body: { type: 'paper', baseCurrency: 'USD' },
      key: newId(),
    });
    const ghost = { id: '', paymentReference: newPaymentReference() };
    const { id } = await told(customer, ghost, 'cleared', { payerName: 'Somebody Else' });
    expect((await allocate(id, { ...customer, accountId: paper.id })).body.code).toBe('account_not_live');
    const alerts = await desk.deps.db.engine
      .select()
      .from(amlAlerts)
      .where(eq(amlAlerts.userId, customer.userId));
    expect(alerts).toEqual([]);
  });
});

describe('what a provider paid over', () => {
  const agree = (asked: { body: { approval: { id: string } } }) =>
    desk.request(desk.operations2, 'POST', `/v1/approvals/${asked.body.approval.id}/approve`, {
      body: { reason: 'Looked at it' },
    });

  async function paidOver() {
    const customer = await desk.newCustomer();
    const body = { accountId: customer.accountId, asset: 'USD', amount: '100', method: 'card' };
    const { body: deposit } = await desk.request(customer, 'POST', '/v1/deposits', { body, key: newId() });
    const { id, paymentReference: reference } = deposit as { id: string; paymentReference: string };
    const say = (type: string, takenBack?: string, eventId: string = newId()) =>
      tell(customer, reference, { id: eventId, type, minute: 5, ...(takenBack ? { takenBack } : {}) });
    expect(await say('cleared')).toBe('processed');
    const entry = { amount: '100', reference, name: 'The provider', iban: 'DE89370400440532013000' };
    const file = camt053({ entries: [entry], opening: await nextOpening(desk.deps) });
    expect((await desk.importFile(file)).status).toBe(201);
    return { customer, id, say };
  }

  test('by a line that names the deposit is no money of somebody else’s: no alert, and the gate stays open', async () => {
    const { customer, id } = await paidOver();
    expect(
      await desk.deps.db.engine.select().from(amlAlerts).where(eq(amlAlerts.userId, customer.userId)),
    ).toEqual([]);
    const [row] = await desk.deps.db.engine.select().from(deposits).where(eq(deposits.id, id));
    expect(row).toMatchObject({ status: 'cleared', statementLineId: expect.any(String) });
  });

  test.each([
    [undefined, 'refunded', '100'],
    ['30', 'charged_back', '30'],
    ['30', 'refunded', '100'],
  ])(
    'and people refunded (%s) is kept for a person when it went back there too: %s of %s',
    async (amount, type, told) => {
      const { id, say } = await paidOver();
      expect(await say('refunded', '10')).toBe('processed');
      const body = { reason: 'Paid twice', ...(amount === undefined ? {} : { amount }) };
      expect(
        (await agree(await desk.request(desk.operations, 'POST', `/v1/deposits/${id}/refund`, { body })))
          .status,
      ).toBe(200);
      // What it had told before is no news.
      expect(await say('refunded', '10')).toBe('ignored');
      expect(await say(type, told)).toBe('kept');
      const kept = await desk.deps.db.engine
        .select({ reason: inboundEvents.reason })
        .from(inboundEvents)
        .where(and(eq(inboundEvents.depositId, id), eq(inboundEvents.state, 'kept')));
      expect(kept).toEqual([{ reason: 'contradicts' }]);
    },
  );

  test('another body under the name of an event is kept for a person, once', async () => {
    const { id, say } = await paidOver();
    const name = newId();
    expect(await say('refunded', '10', name)).toBe('processed');
    expect(await say('refunded', '10', name)).toBe('processed');
    expect([await say('refunded', '100', name), await say('refunded', '100', name)]).toEqual([
      'kept',
      'kept',
    ]);
    const kept = await desk.deps.db.engine
      .select({ reason: inboundEvents.reason })
      .from(inboundEvents)
      .where(and(eq(inboundEvents.depositId, id), eq(inboundEvents.state, 'kept')));
    expect(kept).toEqual([{ reason: 'event_id_reused' }]);
    const { body } = await desk.request(desk.operations, 'GET', `/v1/deposits/${id}`);
    expect(body).toMatchObject({ status: 'cleared', takenBack: '10' });
  });
});

test('what a provider says it has is cleared by one person more, whatever its amount', async () => {
  const customer = await desk.newCustomer();
  const body = { accountId: customer.accountId, asset: 'USD', amount: '150000', method: 'card' };
  const { body: deposit } = await desk.request(customer, 'POST', '/v1/deposits', { body, key: newId() });
  const { id, paymentReference } = deposit;
  const asking = async () => {
    const asked = await desk.request(desk.operations, 'POST', `/v1/deposits/${id}/clear`, { body: {} });
    const path = `/v1/approvals/${asked.body.approval.id}/reject`;
    await desk.request(desk.operations2, 'POST', path, { body: { reason: 'Only asked' } });
    return asked.body.approval.quorum as number;
  };
  expect(await asking()).toBe(2);
  const told = { id: newId(), type: 'cleared', minute: 1, amount: '150000', payerName: 'Somebody Else' };
  expect(await tell(customer, paymentReference, told)).toBe('kept');
  expect(await asking()).toBe(1);
});

test('what a provider gave back is kept for a person though two had sent it back and gave that up', async () => {
  const customer = await desk.newCustomer();
  const wish = { accountId: customer.accountId, asset: 'USD', amount: '100', method: 'card' };
  const { body: deposit } = await desk.request(customer, 'POST', '/v1/deposits', {
    body: wish,
    key: newId(),
  });
  const reference = deposit.paymentReference;
  const heard = (type: string, minute: number, takenBack?: string) =>
    tell(customer, reference, {
      id: newId(),
      type,
      minute,
      ...(takenBack === undefined ? {} : { takenBack }),
    });
  expect(await heard('cleared', 1)).toBe('processed');
  const entries = [{ amount: '100', reference, name: 'The provider' }];
  const text = camt053({ entries, opening: await nextOpening(desk.deps) });
  expect((await desk.importFile(text)).status).toBe(201);
  const reason = { reason: 'Looked at it' };
  const agreed = async (path: string) => {
    const { body } = await desk.request(desk.operations, 'POST', path, { body: reason });
    const vote = `/v1/approvals/${body.approval.id}/approve`;
    expect((await desk.request(desk.compliance, 'POST', vote, { body: reason })).status).toBe(200);
  };
  await agreed(`/v1/deposits/${deposit.id}/refund`);
  const [sent] = await desk.deps.db.engine
    .select()
    .from(repayments)
    .where(eq(repayments.depositId, deposit.id));
  // As once signed days did not show it.
  await writeUnguarded(desk.database, 'repayments', (tx) =>
    tx.update(repayments).set({ status: 'failed' }).where(eq(repayments.depositId, deposit.id)),
  );
  await agreed(`/v1/repayments/${sent?.id}/give-up`);
  // The payer has it, and the books hold it for somebody.
  expect(await heard('refunded', 2, '100')).toBe('kept');
});
