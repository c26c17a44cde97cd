import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { and, eq } from 'drizzle-orm';
import { formatAmount, parseAmount } from '../../kernel/amount.ts';
import { newId } from '../../kernel/id.ts';
import { transact } from '../../platform/db/transact.ts';
import {
  BITCOIN_BENEFICIARY,
  bankBeneficiary,
  type FundingDesk,
  HOLDER,
  OWN_WALLET,
  type Person,
  startFundingDesk,
} from '../../testing/funding-desk.ts';
import { createAccount } from '../accounts/index.ts';
import { createHold, customerWallet, postJournals, releaseHold } from '../ledger/index.ts';
import { wallets } from '../ledger/schema.ts';
import { fundingObstacles } from './closing-obstacles.ts';
import { collectDebts } from './debts.ts';
import { signPayment, TEST_PROVIDER } from './payment-providers.ts';
import { personalDebts } from './personal-data.ts';
import { settleDeposits } from './settle-deposits.ts';
import { executionDay } from './testing/execution-day.ts';

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

type Announced = { readonly id: string; readonly paymentReference: string };

async function credited(amount = '100'): Promise<Announced> {
  const body = { accountId: customer.accountId, asset: 'USD', amount, method: 'card' };
  const { body: deposit } = await desk.request(customer, 'POST', '/v1/deposits', { body, key: newId() });
  expect(await tell(deposit, 'cleared', { amount })).toBe('processed');
  return deposit;
}

async function tell(deposit: Announced, type: string, more: object = {}): Promise<string> {
  const { paymentReference } = deposit;
  const sum = { amount: '100', currency: 'USD', method: 'card', payerName: HOLDER };
  const data = { ...sum, paymentReference, providerReference: `pay_${paymentReference}`, ...more };
  const event = { id: newId(), type: `payment.${type}`, occurredAt: desk.deps.clock.realNow(), data };
  const body = new Uint8Array(Buffer.from(JSON.stringify(event)));
  const timestamp = String(Math.floor(desk.deps.clock.realMs() / 1_000));
  const headers = {
    'content-type': 'application/json',
    'webhook-timestamp': timestamp,
    'webhook-signature': signPayment(TEST_PROVIDER, timestamp, body),
  };
  const answer = await desk.request(customer, 'POST', '/v1/webhooks/payments/test', { body, headers });
  return answer.body.state;
}

async function walletOf(person = customer) {
  const [wallet] = await desk.deps.db.engine
    .select()
    .from(wallets)
    .where(and(eq(wallets.accountId, person.accountId), eq(wallets.asset, 'USD')));
  return { id: wallet?.id ?? '', unsettled: formatAmount(wallet?.unsettled ?? 0n) };
}

const total = async () => (await desk.balance(customer, 'USD')).total;

async function debt(person = customer): Promise<string | undefined> {
  const { body } = await desk.request(person, 'GET', '/v1/debts');
  return body.data[0]?.amount;
}

/** What an order, or a hold of any kind, does to a wallet. */
async function reserve(amount: string): Promise<string> {
  const { id: walletId } = await walletOf();
  const hold = await transact(desk.system, 'engine', (tx) =>
    createHold(tx, desk.system, {
      walletId,
      amount: parseAmount(amount),
      reason: 'other',
      referenceType: 'test',
      referenceId: newId(),
    }),
  );
  return hold.id;
}

const free = (holdId: string) =>
  transact(desk.system, 'engine', (tx) => releaseHold(tx, desk.system, holdId));

async function takePart(id: string, amount: string) {
  const asked = await desk.request(desk.operations, 'POST', `/v1/deposits/${id}/refund`, {
    body: { amount, reason: 'A part of it was sent twice' },
  });
  if (asked.status !== 202) {
    return asked;
  }
  const path = `/v1/approvals/${asked.body.approval.id}/approve`;
  return desk.request(desk.operations2, 'POST', path, { body: { reason: 'Looked at it' } });
}

/** Settled money of the customer, of which a part is held, and whose deposit is then charged back. */
async function owing(held: string): Promise<string> {
  const deposit = await credited();
  desk.advance(8 * 86_400_000);
  await settleDeposits(desk.system);
  const holdId = await reserve(held);
  expect(await tell(deposit, 'charged_back')).toBe('processed');
  return holdId;
}

describe('money that is reserved when it is taken back', () => {
  test('stays reserved and is owed, and what becomes free pays', async () => {
    const holdId = await owing('70');
    expect(await desk.balance(customer, 'USD')).toEqual({ total: '70', reserved: '70' });
    expect(await debt()).toBe('70');
    await collectDebts(desk.system);
    expect(await debt()).toBe('70');
    await free(holdId);
    await Promise.all([collectDebts(desk.system), collectDebts(desk.system)]);
    expect([await total(), await debt()]).toEqual(['0', undefined]);
  });

  test('pays before anything leaves, though no job has run', async () => {
    await free(await owing('70'));
    const payee = await desk.request(customer, 'POST', '/v1/beneficiaries', { body: bankBeneficiary() });
    const body = { accountId: customer.accountId, asset: 'USD', amount: '1', beneficiaryId: payee.body.id };
    const asked = await desk.request(customer, 'POST', '/v1/withdrawals', { body, key: newId() });
    expect(asked.body.code).toBe('insufficient_funds');
  });

  test('lets nothing leave in another currency either', async () => {
    await desk.fund(customer, 'BTC', '1');
    const holdId = await owing('70');
    const payee = await desk.request(customer, 'POST', '/v1/beneficiaries', { body: BITCOIN_BENEFICIARY });
    const body = { accountId: customer.accountId, asset: 'BTC', amount: '0.5', beneficiaryId: payee.body.id };
    const ask = () =>
      desk.request(customer, 'POST', '/v1/withdrawals', { body: { ...body, ...OWN_WALLET }, key: newId() });
    const refused = await ask();
    expect([refused.status, refused.body.code]).toEqual([422, 'debt_open']);
    await free(holdId);
    await collectDebts(desk.system);
    expect((await ask()).status).toBe(201);
  });

  test('lets no payout begin that was approved before it arose, by hand or by file', async () => {
    const deposit = await credited();
    desk.advance(8 * 86_400_000);
    await settleDeposits(desk.system);
    const payee = await desk.request(customer, 'POST', '/v1/beneficiaries', { body: bankBeneficiary() });
    const asked = { accountId: customer.accountId, asset: 'USD', amount: '80', beneficiaryId: payee.body.id };
    const { body: withdrawal } = await desk.request(customer, 'POST', '/v1/withdrawals', {
      body: asked,
      key: newId(),
    });
    const path = `/v1/withdrawals/${withdrawal.id}`;
    const reason = { reason: 'Looked at it' };
    await desk.request(desk.compliance, 'POST', `${path}/approve`, { body: reason });
    expect(await tell(deposit, 'charged_back')).toBe('processed');
    const file = { asset: 'USD', withdrawalIds: [withdrawal.id], executionDate: executionDay(desk.deps) };
    const begun = [
      await desk.request(desk.operations, 'POST', `${path}/process`),
      await desk.request(desk.operations, 'POST', '/v1/payout-files', { body: file, key: newId() }),
    ];
    expect(begun.map((answer) => answer.body.code)).toEqual(['debt_open', 'debt_open']);
    expect((await desk.request(customer, 'POST', `${path}/cancel`)).body.status).toBe('cancelled');
    await collectDebts(desk.system);
    expect([await total(), await debt()]).toEqual(['0', undefined]);
  });

  test('is left where nothing may move', async () => {
    await free(await owing('70'));
    await desk.changeGate(customer, { restriction: 'frozen' });
    await collectDebts(desk.system);
    expect([await total(), await debt()]).toEqual(['70', '70']);
    await desk.changeGate(customer, { restriction: 'none' });
    await collectDebts(desk.system);
    expect([await total(), await debt()]).toEqual(['0', undefined]);
  });

  test('is not paid from what can still be called back', async () => {
    const holdId = await owing('70');
    await credited('50');
    // The credit itself repaid its part at once; what is left of it is unsettled.
    expect([await debt(), (await walletOf()).unsettled]).toEqual(['20', '0']);
    await credited('30');
    expect([await debt(), (await walletOf()).unsettled]).toEqual([undefined, '10']);
    await free(holdId);
  });

  test('is paid from another account of the same person, and from nobody else’s', async () => {
    const holdId = await owing('60');
    const other = await desk.newCustomer();
    await desk.fund(other, 'USD', '500');
    const second = await createAccount(customer.ctx(), { type: 'live', baseCurrency: 'USD' });
    await transact(desk.system, 'engine', async (tx) => {
      const to = { userId: customer.userId, accountId: second.id, book: 'live' } as const;
      const wallet = await customerWallet(tx, desk.system, to, 'USD');
      await releaseHold(tx, desk.system, holdId);
      await postJournals(tx, desk.system, [
        {
          book: 'live',
          kind: 'transfer',
          referenceType: 'test',
          referenceId: newId(),
          description: 'Between own accounts',
          entries: [
            { walletId: (await walletOf()).id, amount: parseAmount('-25') },
            { walletId: wallet.id, amount: parseAmount('25') },
          ],
        },
      ]);
    });
    await collectDebts(desk.system);
    expect([await total(), await debt()]).toEqual(['0', undefined]);
    expect((await desk.balance({ ...customer, accountId: second.id }, 'USD')).total).toBe('0');
    expect((await desk.balance(other, 'USD')).total).toBe('500');
  });
});

describe('a debt', () => {
  test('is seen by its debtor and by staff, not by others, and goes with their data', async () => {
    await owing('40');
    const other = await desk.newCustomer();
    expect([await debt(), await debt(other)]).toEqual(['40', undefined]);
    const asked = await desk.request(other, 'GET', `/v1/debts?userId=${customer.userId}`);
    expect(asked.body.data).toEqual([]);
    const seen = await desk.request(desk.operations, 'GET', `/v1/debts?userId=${customer.userId}`);
    expect(seen.body.data).toMatchObject([{ debtor: customer.userId, asset: 'USD', amount: '40' }]);
    const [page, obstacles] = await transact(desk.system, 'engine', async (tx) => [
      await personalDebts.sections.debts?.(tx, desk.system, customer.userId, null),
      await fundingObstacles(tx, customer.userId),
    ]);
    expect(page?.rows).toMatchObject([{ asset: 'USD', amount: parseAmount('40') }]);
    expect(obstacles.map(({ code }) => code)).toContain('debts_open');
  });
});

describe('a deposit that goes back in parts', () => {
  test('is cleared until all of it is gone, each part by two people and on its own evidence', async () => {
    const { id } = await credited();
    expect((await takePart(id, '30')).status).toBe(200);
    const part = (await desk.request(customer, 'GET', `/v1/deposits/${id}`)).body;
    expect([part.status, part.takenBack, part.unsettled, await total()]).toEqual([
      'cleared',
      '30',
      '70',
      '70',
    ]);
    expect((await takePart(id, '70.01')).body.code).toBe('take_back_too_large');
    expect((await takePart(id, '70')).status).toBe(200);
    const gone = (await desk.request(customer, 'GET', `/v1/deposits/${id}`)).body;
    expect([gone.status, gone.takenBack, gone.unsettled, await total()]).toEqual([
      'refunded',
      '100',
      '0',
      '0',
    ]);
    expect((await takePart(id, '1')).body.code).toBe('deposit_status_conflict');
  });

  test('by a provider and by a person takes no more than there was', async () => {
    const deposit = await credited();
    const asked = await desk.request(desk.operations, 'POST', `/v1/deposits/${deposit.id}/refund`, {
      body: { amount: '80', reason: 'A part of it' },
    });
    expect(await tell(deposit, 'refunded', { takenBack: '40' })).toBe('processed');
    const path = `/v1/approvals/${asked.body.approval.id}/approve`;
    const late = await desk.request(desk.operations2, 'POST', path, { body: { reason: 'Agreed' } });
    expect(late.body.code).toBe('approved_request_changed');
    expect(await total()).toBe('60');
    expect(await tell(deposit, 'refunded', { takenBack: '120' })).toBe('kept');
    expect(await tell(deposit, 'refunded', { takenBack: '40' })).toBe('ignored');
  });
});

describe('a provider that says the money went back before it came', () => {
  test('is not overruled by two people', async () => {
    const body = { accountId: customer.accountId, asset: 'USD', amount: '100', method: 'card' };
    const { body: deposit } = await desk.request(customer, 'POST', '/v1/deposits', { body, key: newId() });
    const early = await desk.request(desk.operations, 'POST', `/v1/deposits/${deposit.id}/clear`, {
      body: {},
    });
    expect(await tell(deposit, 'refunded')).toBe('kept');
    const path = `/v1/approvals/${early.body.approval.id}/approve`;
    const vote = await desk.request(desk.operations2, 'POST', path, { body: { reason: 'Seen' } });
    expect(vote.body.code).toBe('deposit_taken_back');
    // Nor by one who ends the work on what it said.
    const { body: events } = await desk.request(desk.operations, 'GET', '/v1/inbound-events?state=kept');
    const [event] = events.data.filter((each: { depositId: string }) => each.depositId === deposit.id);
    const close = () =>
      desk.request(desk.operations, 'POST', `/v1/inbound-events/${event.id}/close`, {
        body: { reason: 'Nothing to do' },
      });
    expect((await close()).body.code).toBe('event_not_kept');
    expect(await total()).toBe('0');
    const fail = `/v1/deposits/${deposit.id}/fail`;
    await desk.request(desk.operations, 'POST', fail, { body: { reason: 'It went back' } });
    expect((await close()).body.state).toBe('ignored');
  });
});
