import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { and, eq, sql } from 'drizzle-orm';
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
import { writeUnguarded } from '../../testing/unguarded.ts';
import { createAccount } from '../accounts/index.ts';
import { lockGates } from '../identity/index.ts';
import { createHold, customerWallet, houseWallet, postJournals, releaseHold } from '../ledger/index.ts';
import { lots, wallets } from '../ledger/schema.ts';
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

async function walletOf(person = customer, asset = 'USD') {
  const [wallet] = await desk.deps.db.engine
    .select()
    .from(wallets)
    .where(and(eq(wallets.accountId, person.accountId), eq(wallets.asset, asset)));
  return { id: wallet?.id ?? '', unsettled: formatAmount(wallet?.unsettled ?? 0n) };
}

const total = async () => (await desk.balance(customer, 'USD')).total;

async function debt(person = customer): Promise<string | undefined> {
  const { body } = await desk.request(person, 'GET', '/v1/debts');
  return body.data[0]?.amount;
}

/** What an order, or a hold of any kind, does to a wallet. */
async function reserve(amount: string, asset = 'USD'): Promise<string> {
  const { id: walletId } = await walletOf(customer, asset);
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

test('a refund waits for whoever holds the gate: they have seen what is owed', async () => {
  const { id } = await credited();
  const { answer, early } = await transact(desk.system, 'engine', async (tx) => {
    await lockGates(tx, [customer.userId]);
    let answered = false;
    const refund = takePart(id, '40').finally(() => {
      answered = true;
    });
    for (let waiting = false; !waiting && !answered; ) {
      // What a transaction sees of who is there stays as it first was, unless it forgets.
      await tx.execute(sql`select pg_stat_clear_snapshot()`);
      const rows = await tx.execute(sql`
        select 1 from pg_locks l join pg_stat_activity a on a.pid = l.pid
        where not l.granted and l.locktype = 'advisory' and a.datname = current_database()`);
      waiting = rows.length > 0;
    }
    return { answer: [refund], early: answered };
  });
  expect([early, (await Promise.all(answer))[0]?.status]).toEqual([false, 200]);
});

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

  test('is left while nobody knows what open positions have lost', async () => {
    await free(await owing('70'));
    const carries = (hasPositions: boolean) =>
      writeUnguarded(desk.database, 'wallets', (tx) =>
        tx.update(wallets).set({ hasPositions }).where(eq(wallets.accountId, customer.accountId)),
      );
    await carries(true);
    await collectDebts({ ...desk.system, deps: { ...desk.deps, walletMarks: [] } });
    expect([await total(), await debt()]).toEqual(['70', '70']);
    await carries(false);
    await collectDebts({ ...desk.system, deps: { ...desk.deps, walletMarks: [] } });
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
  const agreed = async (person: Person, path: string, body: object) => {
    const asked = await desk.request(person, 'POST', path, {
      body: { ...body, reason: 'Agreed' },
      key: newId(),
    });
    const vote = `/v1/approvals/${asked.body.approval.id}/approve`;
    return (await desk.request(desk.operations2, 'POST', vote, { body: { reason: 'Seen' } })).body;
  };

  /** Puts money on hold for another customer and asks for it. */
  const captured = async (walletId: string, amount: string, to: Person) => {
    const body = { amount, reason: 'payment', reference: `debt-${newId()}` };
    const hold = await desk.request(desk.operations, 'POST', `/v1/wallets/${walletId}/holds`, { body });
    const destination = { accountId: to.accountId };
    return agreed(desk.operations, `/v1/holds/${hold.body.id}/capture`, { destination });
  };

  test('lets nothing leave by a capture, and is repaid by one and by a journal at once', async () => {
    const other = await desk.newCustomer();
    await desk.fund(other, 'USD', '100');
    const theirs = (await walletOf(other)).id;
    const deposit = await credited();
    desk.advance(8 * 86_400_000);
    await settleDeposits(desk.system);
    const { id: walletId } = await walletOf();
    expect((await captured(walletId, '100', other)).status).toBe('executed');
    expect(await tell(deposit, 'charged_back')).toBe('processed');
    expect(await debt()).toBe('100');
    expect((await captured(theirs, '30', customer)).status).toBe('executed');
    expect([await total(), await debt()]).toEqual(['0', '70']);
    const house = { role: 'fees_earned', reference: 'main', asset: 'USD' };
    const charged = [
      { walletId: theirs, amount: '-50' },
      { house, amount: '50' },
    ];
    const journal = { kind: 'fee', description: 'A fee', entries: charged };
    expect((await agreed(desk.operations, '/v1/journals', journal)).status).toBe('executed');
    const given = [
      { house, amount: '-50' },
      { walletId, amount: '50' },
    ];
    await agreed(desk.operations, '/v1/journals', { ...journal, entries: given });
    expect([await total(), await debt()]).toEqual(['0', '20']);
    await desk.fund(customer, 'BTC', '1');
    const [coins] = await desk.deps.db.engine
      .select()
      .from(wallets)
      .where(and(eq(wallets.accountId, customer.accountId), eq(wallets.asset, 'BTC')));
    expect((await captured(coins?.id ?? '', '0.05', other)).code).toBe('debt_open');
  });

  test('of coins is repaid by the next coins, whose lots go with them', async () => {
    await desk.fund(customer, 'BTC', '0.2');
    await transact(desk.system, 'engine', async (tx) => {
      const house = { book: 'live', asset: 'BTC' } as const;
      const owed = await houseWallet(tx, desk.system, {
        ...house,
        role: 'receivable',
        reference: customer.userId,
      });
      const custody = await houseWallet(tx, desk.system, { ...house, role: 'custody', reference: 'main' });
      await postJournals(tx, desk.system, [
        {
          book: 'live',
          kind: 'adjustment',
          referenceType: 'test',
          referenceId: newId(),
          description: 'Coins that went back after they were spent',
          entries: [
            { walletId: owed.id, amount: parseAmount('-0.9001') },
            { walletId: custody.id, amount: parseAmount('0.9001') },
          ],
        },
      ]);
    });
    await desk.fund(customer, 'BTC', '0.5');
    expect([(await desk.balance(customer, 'BTC')).total, await debt()]).toEqual(['0.2', '0.4001']);
    await collectDebts(desk.system);
    expect([(await desk.balance(customer, 'BTC')).total, await debt()]).toEqual(['0', '0.2001']);
    await desk.fund(customer, 'BTC', '1');
    expect([(await desk.balance(customer, 'BTC')).total, await debt()]).toEqual(['0.7999', undefined]);
    const open = await desk.deps.db.engine.select().from(lots).where(eq(lots.accountId, customer.accountId));
    expect(open.map((lot) => formatAmount(lot.quantityOpen)).filter((left) => left !== '0')).toEqual([
      '0.7999',
    ]);
  });

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

describe('coins', () => {
  const coins = { amount: '1', currency: 'BTC', method: 'crypto' };

  async function received(): Promise<Announced> {
    const body = { accountId: customer.accountId, asset: 'BTC', amount: '1', method: 'crypto' };
    const { body: deposit } = await desk.request(customer, 'POST', '/v1/deposits', { body, key: newId() });
    expect(await tell(deposit, 'cleared', coins)).toBe('processed');
    return deposit;
  }

  test.each(['refunded', 'charged_back'])('that a provider calls %s leave with their lots', async (type) => {
    const deposit = await received();
    expect(await tell(deposit, type, { ...coins, takenBack: '0.25' })).toBe('processed');
    expect(await desk.balance(customer, 'BTC')).toEqual({ total: '0.75', reserved: '0' });
    expect(await tell(deposit, type, coins)).toBe('processed');
    expect(await desk.balance(customer, 'BTC')).toEqual({ total: '0', reserved: '0' });
  });

  test('that are reserved when they are taken back are owed, and leave with their lots once they are free', async () => {
    const deposit = await received();
    const hold = await reserve('0.4', 'BTC');
    expect(await tell(deposit, 'charged_back', coins)).toBe('processed');
    expect(await desk.balance(customer, 'BTC')).toEqual({ total: '0.4', reserved: '0.4' });
    expect(await debt()).toBe('0.4');
    await free(hold);
    await collectDebts(desk.system);
    expect(await desk.balance(customer, 'BTC')).toEqual({ total: '0', reserved: '0' });
    expect(await debt()).toBeUndefined();
  });
});

describe('a debt by hand', () => {
  const suspense = (asset: string) => ({ role: 'suspense', reference: 'differences', asset });

  async function ask(path: string, more: object = {}) {
    const body = { reason: 'A test asks', ...more };
    return desk.request(desk.operations, 'POST', path, { body, key: newId() });
  }

  async function post(entries: object[]) {
    const body = { kind: 'adjustment', description: 'A posting of a test', entries };
    return agree(await ask('/v1/journals', body));
  }

  async function agree(asked: Awaited<ReturnType<typeof ask>>): Promise<string> {
    const path = `/v1/approvals/${asked.body.approval.id}/approve`;
    const voted = await desk.request(desk.operations2, 'POST', path, { body: { reason: 'Looked at it' } });
    expect([voted.status, voted.body.detail]).toEqual([200, undefined]);
    return asked.body.approval.subjectId;
  }

  async function owing(amount: string, asset = 'USD') {
    const debt = { role: 'receivable', reference: customer.userId, book: 'live', asset } as const;
    const { id } = await transact(desk.system, 'engine', (tx) => houseWallet(tx, desk.system, debt));
    return [
      { walletId: id, amount: `-${amount}` },
      { house: suspense(asset), amount },
    ];
  }

  const giving = async (amount: string) => [
    { house: suspense('USD'), amount: `-${amount}` },
    { walletId: (await walletOf()).id, amount },
  ];

  test('counts as given to its debtor where it is forgiven', async () => {
    const other = await desk.newCustomer();
    await desk.fund(other, 'USD', '2000');
    await desk.fund(customer, 'USD', '1');
    await post([
      { walletId: (await walletOf(other)).id, amount: '-2000' },
      { house: suspense('USD'), amount: '2000' },
    ]);
    const journalId = await post(await owing('9000'));
    await agree(await ask(`/v1/journals/${journalId}/reverse`));
    const entries = await giving('2000');
    const body = { kind: 'adjustment', description: 'A posting of a test', entries };
    expect((await ask('/v1/journals', body)).body.approval.quorum).toBe(2);
  });

  test('is repaid from what comes in beside a leg on another debt of the same person', async () => {
    await desk.fund(customer, 'USD', '1');
    await post(await owing('50'));
    await post([...(await giving('30')), ...(await owing('1', 'EUR'))]);
    const { body } = await desk.request(customer, 'GET', '/v1/debts');
    const owed = body.data.map((row: { asset: string; amount: string }) => `${row.asset} ${row.amount}`);
    expect(owed.sort()).toEqual(['EUR 1', 'USD 20']);
  });
});
