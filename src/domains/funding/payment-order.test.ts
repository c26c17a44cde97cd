/**
 * Any order and repetition of a provider's events ends where the sorted ones without repetition would. The
 * one exception is documented: where two of them exclude each other (failed against cleared, a full refund
 * against a full charge-back), the first to come decides and the other is kept for a person.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { and, eq } from 'drizzle-orm';
import fc from 'fast-check';
import { formatAmount } from '../../kernel/amount.ts';
import { newId } from '../../kernel/id.ts';
import { type FundingDesk, HOLDER, type Person, startFundingDesk } from '../../testing/funding-desk.ts';
import { wallets } from '../ledger/schema.ts';
import { inboundEvents } from './evidence/schema.ts';
import { signPayment, TEST_PROVIDER } from './payment-providers.ts';

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

async function tell(
  customer: Person,
  paymentReference: string,
  { id, type, takenBack, minute }: Told & { readonly id: string; readonly minute: number },
): Promise<void> {
  const sum = { amount: '100', currency: 'USD', method: 'card', payerName: HOLDER };
  const data = { ...sum, paymentReference, providerReference: `pay_${paymentReference}`, takenBack };
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
