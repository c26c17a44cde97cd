/**
 * Where client money can hide and where it can be booked twice: with a provider that never pays it over, in a clearing
 * wallet a hand made, in a line of the bank that is no customer's deposit.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, eq, sql } from 'drizzle-orm';
import { type Amount, formatAmount, parseAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { newId } from '../../../kernel/id.ts';
import { sqlStateOf } from '../../../platform/db/errors.ts';
import { transact } from '../../../platform/db/transact.ts';
import { HOLDER, type Person } from '../../../testing/funding-desk.ts';
import { type HouseRole, houseWallet, postJournals } from '../../ledger/index.ts';
import { journalReversals, ledgerEntries, wallets } from '../../ledger/schema.ts';
import { signPayment, TEST_PROVIDER } from '../payment-providers.ts';
import { deposits } from '../schema.ts';
import type { SampleEntry } from '../testing/camt-sample.ts';
import { positionOf } from './client-money.ts';
import { itemise } from './in-transit.ts';
import {
  type Bank,
  type ReconciliationDesk,
  startReconciliationDesk,
} from './testing/reconciliation-desk.ts';

const DAY_MS = 86_400_000;
const money = (text: string): Amount => parseAmount(text);

let desk: ReconciliationDesk;

beforeAll(async () => {
  desk = await startReconciliationDesk(import.meta.file);
});
afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

type Body = ReturnType<typeof JSON.parse>;

const totalOf = async (role: HouseRole, reference: string, asset = 'USD') => {
  const [wallet] = await desk.deps.db.engine
    .select()
    .from(wallets)
    .where(
      and(
        eq(wallets.houseRole, role),
        eq(wallets.houseReference, reference),
        eq(wallets.asset, asset),
        eq(wallets.book, 'live'),
      ),
    );
  return formatAmount(wallet?.total ?? money('0'));
};

async function clearedByProvider(amount: string, person?: Person) {
  const customer = person ?? (await desk.newCustomer());
  const body = { accountId: customer.accountId, asset: 'USD', amount, method: 'card' };
  const { body: deposit } = await desk.request(customer, 'POST', '/v1/deposits', { body, key: newId() });
  await tell(deposit, 'payment.cleared');
  return { customer, id: deposit.id as string, deposit };
}

async function tell(deposit: Body, type: string): Promise<void> {
  const { paymentReference, amount } = deposit;
  const event = {
    id: `evt_${newId()}`,
    type,
    occurredAt: desk.deps.clock.realNow(),
    data: {
      paymentReference,
      providerReference: `pay_${paymentReference}`,
      amount,
      currency: 'USD',
      method: 'card',
      payerName: HOLDER,
    },
  };
  const body = new Uint8Array(Buffer.from(JSON.stringify(event)));
  const at = String(Math.floor(desk.deps.clock.realMs() / 1_000));
  const headers = {
    'content-type': 'application/json',
    'webhook-timestamp': at,
    'webhook-signature': signPayment(TEST_PROVIDER, at, body),
  };
  const sent = await desk.request(desk.operations, 'POST', '/v1/webhooks/payments/test', { body, headers });
  expect([sent.status, sent.body.state]).toEqual([200, 'processed']);
}

/** A statement of one line, and the receipt it left. */
async function received(bank: Bank, opening: string, entry: SampleEntry): Promise<string> {
  const { lines } = await desk.statement(bank, { opening, day: desk.today(), entries: [entry] });
  return present(lines[0].receiptId, 'the line is a receipt') as string;
}

const explain = (receiptId: string, body: object) =>
  desk.request(desk.operations, 'POST', `/v1/unallocated-receipts/${receiptId}/explain`, {
    body: { ...body, reason: 'A test says so' },
  });

async function explained(receiptId: string, body: object, by = desk.operations2): Promise<void> {
  const asked = await explain(receiptId, body);
  expect([asked.status, asked.body.detail]).toEqual([202, undefined]);
  const voted = await desk.vote(asked.body.approval.id, by);
  expect([voted.status, voted.body.detail]).toEqual([200, undefined]);
}

const bankOf = (run: Body, bank: Bank) =>
  run.run.banks.find(({ reference }: Body) => reference === bank.reference);
const breaksOf = (run: Body, kind: string) =>
  run.run.breaks.filter((each: Body) => each.kind === kind && each.status !== 'resolved');
const positionIn = (run: Body, asset = 'USD') =>
  run.run.positions.find((each: Body) => each.asset === asset) ?? { shortfall: '0' };
const transitIn = (run: Body, reference: string) =>
  run.run.inTransit.find((each: Body) => each.reference === reference) ?? { items: [] };

async function journal(entries: readonly object[], kind = 'transfer'): Promise<string> {
  const body = { kind, description: 'A posting', entries, reason: 'A test asks' };
  const asked = await desk.request(desk.operations, 'POST', '/v1/journals', { body, key: newId() });
  expect([asked.status, asked.body.detail]).toEqual([202, undefined]);
  expect((await desk.vote(asked.body.approval.id)).status).toBe(200);
  return asked.body.approval.subjectId;
}

const house = (role: string, reference: string, amount: string) => ({
  house: { role, reference, asset: 'USD' },
  amount,
});

/** What the firm puts in: from its own account to the clients'. */
const putIn = (bank: Bank, amount: string) =>
  journal([
    house('client_money_bank', bank.reference, `-${amount}`),
    house('fx_position', 'main', amount),
    house('firm_account', 'own', amount),
    house('firm_money', 'capital', `-${amount}`),
  ]);

describe('what is on its way', () => {
  const day = '2026-03-10';
  const facts = { day, maxDays: 5, deposits: [], flows: [] };
  const deposit = (depositId: string, on: string, amount: string) => ({
    depositId,
    day: on,
    amount: money(amount),
  });
  const flow = (on: string, claimed: string, settled: string, byHand = '0') => ({
    day: on,
    claimed: money(claimed),
    settled: money(settled),
    byHand: money(byHand),
  });
  const brief = ({ items, overdue, unexplained }: ReturnType<typeof itemise>) => ({
    items: items.map(({ object, amount, ageDays }) => [object, formatAmount(amount), ageDays]),
    overdue: overdue.map(({ object }) => object),
    unexplained: formatAmount(unexplained),
  });

  test('is overdue by its own age, however much is paid for what came after it', () => {
    const open = [deposit('a', '2026-03-01', '100'), deposit('b', '2026-03-09', '50')];
    expect(brief(itemise({ ...facts, total: money('150'), deposits: open }))).toEqual({
      items: [
        ['deposit a', '100', 9],
        ['deposit b', '50', 1],
      ],
      overdue: ['deposit a'],
      unexplained: '0',
    });
  });

  test('of a venue is paid from the oldest on, and what is over is owed', () => {
    const flows = [flow('2026-03-01', '100', '0'), flow('2026-03-08', '30', '110')];
    expect(brief(itemise({ ...facts, total: money('20'), flows }))).toMatchObject({
      items: [['booked on 2026-03-08', '20', 2]],
      overdue: [],
    });
    const over = [flow('2026-03-01', '10', '15')];
    expect(brief(itemise({ ...facts, total: money('-5'), flows: over }))).toEqual({
      items: [['booked on 2026-03-01', '-5', 9]],
      overdue: [],
      unexplained: '0',
    });
  });

  test('by hand alone is explained by nothing, beyond what was owed', () => {
    const flows = [flow('2026-03-09', '0', '40', '100')];
    expect(brief(itemise({ ...facts, total: money('60'), flows }))).toEqual({
      items: [],
      overdue: [],
      unexplained: '60',
    });
  });

  test('and overdue is missing: no resource, and no surplus of another’s', () => {
    const wallet = (role: HouseRole | null, total: string) => ({ asset: 'USD', role, total: money(total) });
    const position = positionOf(
      'USD',
      2,
      [wallet(null, '100'), wallet('client_money_bank', '-30'), wallet('clearing', '-70')],
      money('70'),
    );
    const shown = Object.fromEntries(
      Object.entries(position).map(([name, sum]) => [
        name,
        typeof sum === 'bigint' ? formatAmount(sum) : sum,
      ]),
    );
    expect(shown).toMatchObject({
      inTransit: '0',
      inTransitOverdue: '70',
      shortfall: '70',
      surplus: '0',
      unexplained: '0',
    });
  });
});

/** It is explained neither by whose deposit it speaks of, nor with their vote. */
async function explainedByOthers(owner: Person, receiptId: string, explanation: object): Promise<void> {
  const inside: Person = {
    ...owner,
    actor: { ...owner.actor, kind: 'staff', roles: ['operations', 'customer'] } as Person['actor'],
  };
  const path = `/v1/unallocated-receipts/${receiptId}/explain`;
  const own = await desk.request(inside, 'POST', path, { body: { ...explanation, reason: 'It is mine' } });
  expect(own.body.code).toBe('self_action');
  const asked = await explain(receiptId, explanation);
  expect((await desk.vote(asked.body.approval.id, inside)).body.code).toBe('self_approval');
  const voted = await desk.vote(asked.body.approval.id);
  expect([voted.status, voted.body.detail]).toEqual([200, undefined]);
}

describe('a provider', () => {
  test('is not said to have paid by whose deposit it is', async () => {
    const bank = await desk.newBank();
    const { id, customer } = await clearedByProvider('37');
    const receiptId = await received(bank, '0', { amount: '37', name: 'Acme Payments' });
    const explanation = { explanation: 'provider_settlement', provider: 'test', depositIds: [id] };
    await explainedByOthers(customer, receiptId, explanation);
  });

  test('that never pays over what it cleared leaves a break, and clients short of it', async () => {
    const { id } = await clearedByProvider('250');
    const object = `clearing payments-test USD deposit ${id}`;
    const fresh = await desk.run();
    expect(desk.breakIn(fresh, 'in_transit_overdue', object)).toBeUndefined();
    expect(transitIn(fresh, 'payments-test').items).toContainEqual(
      expect.objectContaining({ object: `deposit ${id}`, amount: '250', ageDays: 0 }),
    );
    const before = money(positionIn(fresh).shortfall);
    desk.advance(6 * DAY_MS);
    // What is cleared and paid over since makes it no younger.
    await clearedByProvider('10');
    const late = await desk.run();
    expect(desk.breakIn(late, 'in_transit_overdue', object)).toMatchObject({
      amount: '250',
      currency: 'USD',
      severity: 'critical',
    });
    const after = positionIn(late);
    expect(money(after.shortfall) - before).toBeGreaterThanOrEqual(money('250'));
    expect(after.unexplained).toBe('0');
    expect(desk.breakIn(late, 'client_money_shortfall', 'client money USD')).toBeDefined();
  });

  test('that pays two deposits in one line, less its fee, is booked once and owes nothing more', async () => {
    const bank = await desk.newBank();
    const [first, second] = [await clearedByProvider('100'), await clearedByProvider('50')];
    const before = money(await totalOf('clearing', 'payments-test'));
    const receiptId = await received(bank, '0', { amount: '147', name: 'Acme Payments' });
    const depositIds = [first.id, second.id];
    const settle = (more: object) =>
      explain(receiptId, { explanation: 'provider_settlement', provider: 'test', depositIds, ...more });
    const codes = [
      await settle({}),
      await settle({ fee: '2.99' }),
      await settle({ fee: '3', provider: 'acme' }),
      await settle({ fee: '53', depositIds: [first.id, first.id] }),
      await settle({ fee: '3', depositIds: [...depositIds, newId()] }),
    ].map(({ body }) => body.code);
    expect(codes).toEqual([
      ...Array(3).fill('receipt_not_explained'),
      'validation_failed',
      'receipt_not_explained',
    ]);
    await explained(receiptId, {
      explanation: 'provider_settlement',
      provider: 'test',
      depositIds,
      fee: '3',
    });
    expect(money(await totalOf('clearing', 'payments-test')) - before).toBe(money('150'));
    expect([
      await totalOf('unallocated_receipts', bank.reference),
      await totalOf('client_money_bank', bank.reference),
    ]).toEqual(['0', '-147']);
    const run = await desk.run();
    expect(bankOf(run, bank)).toMatchObject({ difference: '0', items: [] });
    const open = transitIn(run, 'payments-test').items.map(({ object }: Body) => object);
    expect(open).not.toContain(`deposit ${first.id}`);
    // Each is paid for once, also where a line names it later.
    const again = await received(bank, '147', {
      amount: '100',
      reference: first.deposit.paymentReference,
      name: HOLDER,
    });
    expect((await desk.read(`/v1/unallocated-receipts/${again}`)).reason).toBe('deposit_closed');
    const twice = await explain(again, {
      explanation: 'provider_settlement',
      provider: 'test',
      depositIds: [first.id],
    });
    expect(twice.body.code).toBe('receipt_not_explained');
    // What it takes back after that, it keeps from what it pays next.
    const third = await clearedByProvider('80');
    await tell(first.deposit, 'payment.charged_back');
    const net = await received(bank, '247', { amount: '30', name: 'Acme Payments' });
    const less = { explanation: 'provider_settlement', provider: 'test' };
    await tell((await clearedByProvider('50')).deposit, 'payment.refunded');
    const fourth = await clearedByProvider('50');
    await explained(net, { ...less, depositIds: [first.id, third.id, fourth.id] });
    const left = transitIn(await desk.run(), 'payments-test').items.map(({ object }: Body) => object);
    expect(
      left.filter((object: string) => [first, third, fourth].some(({ id }) => object.includes(id))),
    ).toEqual([]);
  });
});

describe('money hidden in clearing', () => {
  /** What a hand could post before it was kept from it. */
  async function hidden(bank: Bank, amount: string): Promise<string> {
    return transact(desk.system, 'engine', async (tx) => {
      const named = { book: 'live', asset: 'USD' } as const;
      const clearing = await houseWallet(tx, desk.system, {
        ...named,
        role: 'clearing',
        reference: 'payments-acme',
      });
      const held = await houseWallet(tx, desk.system, {
        ...named,
        role: 'client_money_bank',
        reference: bank.reference,
      });
      const [id] = await postJournals(tx, desk.system, [
        {
          book: 'live',
          kind: 'transfer',
          referenceType: 'test',
          referenceId: newId(),
          description: 'With the provider',
          entries: [
            { walletId: held.id, amount: money(amount) },
            { walletId: clearing.id, amount: money(`-${amount}`) },
          ],
        },
      ]);
      return present(id, 'one journal was posted');
    });
  }

  test('can be posted by nobody', async () => {
    const bank = await desk.newBank();
    await clearedByProvider('20');
    for (const [reference, kind] of [
      ['payments-acme-two', 'transfer'],
      ['payments-test', 'transfer'],
      ['payments-test', 'adjustment'],
    ]) {
      const entries = [
        house('client_money_bank', bank.reference, '1000000'),
        house('clearing', reference ?? '', '-1000000'),
      ];
      const body = { kind, description: 'To the provider', entries, reason: 'Two of us agree' };
      const asked = await desk.request(desk.operations, 'POST', '/v1/journals', { body, key: newId() });
      expect([asked.status, asked.body.code]).toEqual([
        422,
        reference === 'payments-test' ? 'journal_misfit' : 'journal_wallet_unknown',
      ]);
    }
  });

  test('by what was posted before is a break at once and missing, though the bank agrees', async () => {
    const bank = await desk.newBank();
    const object = 'clearing payments-acme USD';
    const before = money(positionIn(await desk.run()).shortfall);
    const journalId = await hidden(bank, '1000000');
    const entries = [{ amount: '1000000', direction: 'DBIT' as const, name: 'Acme Payments' }];
    const { lines } = await desk.statement(bank, { opening: '1000000', day: desk.today(), entries });
    const path = `/v1/statement-debits/${lines[0].debitId}/explain`;
    const { body } = await desk.request(desk.operations, 'POST', path, {
      body: { explanation: 'booked', journalId, reason: 'To the provider' },
    });
    expect(body.code).toBe('debit_not_explained');
    const run = await desk.run();
    // The line and the journal find each other by their amount.
    expect(desk.breakIn(run, 'statement_line_unbooked', `statement line ${lines[0].id}`)).toBeUndefined();
    expect(desk.breakIn(run, 'in_transit_unexplained', object)).toMatchObject({
      amount: '1000000',
      severity: 'critical',
      status: 'open',
    });
    expect(money(positionIn(run).shortfall) - before).toBe(money('1000000'));
    const signed = await desk.request(desk.operations, 'POST', `/v1/reconciliations/${run.id}/sign-off`, {
      body: { reason: 'Looked at it' },
    });
    expect(signed.body.code).toBe('breaks_unexplained');
  });
});

describe('money of the firm', () => {
  test('that was booked before the bank showed it is booked once', async () => {
    const bank = await desk.newBank();
    await desk.statement(bank, { opening: '0', day: desk.today() });
    const journalId = await putIn(bank, '100');
    const receiptId = await received(bank, '0', { amount: '100', name: 'Plimsoll' });
    expect(await totalOf('client_money_bank', bank.reference)).toBe('-200');
    const other = await putIn(bank, '99');
    expect((await explain(receiptId, { explanation: 'booked', journalId: other })).body.code).toBe(
      'receipt_not_explained',
    );
    await explained(receiptId, { explanation: 'booked', journalId });
    expect([
      await totalOf('client_money_bank', bank.reference),
      await totalOf('unallocated_receipts', bank.reference),
    ]).toEqual(['-199', '0']);
    const view = bankOf(await desk.run(), bank);
    expect([view.perStatement, view.perBooks, view.difference]).toEqual(['100', '199', '0']);
    // The other put-in is on its way; the one that came is neither an item nor a break.
    expect(view.items).toMatchObject([{ kind: 'booking_not_on_statement', amount: '-99' }]);
    const second = await received(bank, '100', { amount: '100', name: 'Plimsoll' });
    expect((await explain(second, { explanation: 'booked', journalId })).body.code).toBe(
      'receipt_not_explained',
    );
    const receipt = await desk.read(`/v1/unallocated-receipts/${receiptId}`);
    expect(receipt).toMatchObject({
      status: 'explained',
      explanation: 'booked',
      explainedJournalId: journalId,
    });
    const undone = await desk.request(desk.operations, 'POST', `/v1/journals/${journalId}/reverse`, {
      body: { reason: 'Posted twice' },
    });
    expect(undone.body.code).toBe('journal_not_reversible');
    const slipped = desk.deps.db.engine
      .insert(journalReversals)
      .values({ journalId, reversalId: other, reversedAt: desk.deps.clock.now() })
      .then(() => 'kept', sqlStateOf);
    expect(await slipped).toBe('PL056');
  });

  test('is refused at the vote where the journal was undone meanwhile', async () => {
    const bank = await desk.newBank();
    const found = [house('client_money_bank', bank.reference, '-40'), house('suspense', 'found', '40')];
    const journalId = await journal(found, 'adjustment');
    const receiptId = await received(bank, '0', { amount: '40', name: 'Plimsoll' });
    const { body } = await explain(receiptId, { explanation: 'booked', journalId });
    const reversal = await desk.request(desk.operations, 'POST', `/v1/journals/${journalId}/reverse`, {
      body: { reason: 'Posted twice' },
    });
    expect((await desk.vote(reversal.body.approval.id)).status).toBe(200);
    expect((await desk.vote(body.approval.id)).body.code).toBe('receipt_not_explained');
  });

  test('and its income go where they belong, by the vote of compliance', async () => {
    const bank = await desk.newBank();
    const interest = await received(bank, '0', { amount: '12.5', name: 'The bank' });
    const asIncome = (reference: string) => ({
      explanation: 'house',
      house: { role: 'fees_earned', reference },
    });
    const asked = await explain(interest, asIncome('bank-interest'));
    // Operations are not even shown what they do not decide on.
    expect((await desk.vote(asked.body.approval.id)).status).toBe(404);
    expect((await desk.vote(asked.body.approval.id, desk.compliance)).status).toBe(200);
    expect(await totalOf('fees_earned', 'bank-interest')).toBe('12.5');
    // A charge given back is at most what the firm owes.
    const entries = [{ amount: '3', direction: 'DBIT' as const, name: 'Charges' }];
    const { lines } = await desk.statement(bank, { opening: '12.5', day: desk.today(), entries });
    const path = `/v1/statement-debits/${lines[0].debitId}/explain`;
    const charge = await desk.request(desk.operations, 'POST', path, {
      body: { explanation: 'bank_charge', reason: 'Monthly' },
    });
    await desk.vote(charge.body.approval.id);
    const owed = await totalOf('receivable', 'firm');
    const back = await received(bank, '9.5', { amount: '3', name: 'The bank' });
    const toDebt = { explanation: 'house', house: { role: 'receivable', reference: 'firm' } };
    await explained(back, toDebt, desk.compliance);
    expect(money(await totalOf('receivable', 'firm')) - money(owed)).toBe(money('3'));
    const much = await received(bank, '12.5', { amount: '100000', name: 'The bank' });
    expect((await explain(much, toDebt)).body.code).toBe('receipt_not_explained');
    await explained(
      much,
      { explanation: 'house', house: { role: 'dividends_payable', reference: 'AAPL-2026-01' } },
      desk.compliance,
    );
    const run = await desk.run();
    expect(bankOf(run, bank)).toMatchObject({ difference: '0', items: [] });
    expect(positionIn(run).unexplained).toBe('0');
  });
});

describe('a deposit vouched for by hand', () => {
  test('that the bank shows without its reference is credited once', async () => {
    const customer = await desk.newCustomer();
    await desk.fund(customer, 'USD', '61');
    const [deposit] = await desk.deps.db.engine
      .select()
      .from(deposits)
      .where(eq(deposits.userId, customer.userId));
    const { id, journalId } = present(deposit, 'it was announced');
    const main = { reference: 'main', iban: 'MU64BOMM0101101030300200001MUR', object: '' };
    const receiptId = await received(main, '0', { amount: '61', name: HOLDER });
    await explainedByOthers(customer, receiptId, { explanation: 'booked', journalId });
    const [confirmed] = await desk.deps.db.engine.select().from(deposits).where(eq(deposits.id, id));
    const { statementLineId } = await desk.read(`/v1/unallocated-receipts/${receiptId}`);
    expect(confirmed?.statementLineId).toBe(statementLineId);
    expect((await desk.balance(customer, 'USD')).total).toBe('61');
    // Taken back afterwards, it leaves no break behind.
    const path = `/v1/deposits/${id}/refund`;
    const asked = await desk.request(desk.operations, 'POST', path, { body: { reason: 'Sent in error' } });
    expect((await desk.vote(asked.body.approval.id)).status).toBe(200);
    expect((await desk.balance(customer, 'USD')).total).toBe('0');
  });
});

describe('what is owed to a venue', () => {
  test('is paid by the debit of a statement, up to what is owed', async () => {
    const bank = await desk.newBank();
    const customer = await desk.newCustomer();
    await desk.fund(customer, 'USD', '90');
    await transact(desk.system, 'engine', async (tx) => {
      const named = { book: 'live', asset: 'USD' } as const;
      const venue = await houseWallet(tx, desk.system, {
        ...named,
        role: 'clearing',
        reference: 'venue:simulated',
      });
      const [own] = await tx.execute<{ id: string }>(
        sql`select id from wallets where account_id = ${customer.accountId} and asset = 'USD'`,
      );
      await postJournals(tx, desk.system, [
        {
          book: 'live',
          kind: 'trade',
          referenceType: 'test',
          referenceId: newId(),
          description: 'Bought',
          entries: [
            { walletId: present(own, 'it was funded').id, amount: money('-90') },
            { walletId: venue.id, amount: money('90') },
          ],
        },
      ]);
    });
    const entries = ['91', '90'].map((amount) => ({ amount, direction: 'DBIT' as const, name: 'The venue' }));
    const { lines } = await desk.statement(bank, { opening: '181', day: desk.today(), entries });
    const pay = (line: Body) =>
      desk.request(desk.operations, 'POST', `/v1/statement-debits/${line.debitId}/explain`, {
        body: { explanation: 'settlement', clearing: 'venue:simulated', reason: 'Purchases of the day' },
      });
    expect((await pay(lines[0])).body.code).toBe('debit_not_explained');
    const { body } = await pay(lines[1]);
    expect((await desk.vote(body.approval.id)).status).toBe(200);
    expect(await totalOf('clearing', 'venue:simulated')).toBe('0');
    expect(transitIn(await desk.run(), 'venue:simulated').items).toEqual([]);
    const booked = await desk.deps.db.engine
      .select()
      .from(ledgerEntries)
      .where(eq(ledgerEntries.referenceId, lines[1].debitId));
    expect(booked.map(({ amount }) => formatAmount(amount)).toSorted()).toEqual(['-90', '90']);
    expect(
      breaksOf(await desk.run(), 'in_transit_unexplained').map(({ object }: Body) => object),
    ).not.toContain('clearing venue:simulated USD');
  });
});
