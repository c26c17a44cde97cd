import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { and, eq, inArray, sql } from 'drizzle-orm';
import { formatAmount, parseAmount } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import { addDays, dayOf, isWeekend } from '../../kernel/business-date.ts';
import { newId } from '../../kernel/id.ts';
import { requestApproval } from '../../platform/approvals/request-approval.ts';
import { sqlStateOf } from '../../platform/db/errors.ts';
import { auditLogs } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { type FundingDesk, HOLDER, type Person, startFundingDesk } from '../../testing/funding-desk.ts';
import { writeUnguarded } from '../../testing/unguarded.ts';
import { journals, ledgerEntries, lots, wallets } from '../ledger/schema.ts';
import { bankDayAfter, settlementDay } from './bank-days/settlement-day.ts';
import { clearingDays } from './credit-deposit.ts';
import { depositAccountOf } from './deposit-accounts/payment-instructions.ts';
import { depositAccounts } from './deposit-accounts/schema.ts';
import { signPayment, TEST_PROVIDER } from './payment-providers.ts';
import { clearingPeriods, deposits } from './schema.ts';
import { seedFundingFees } from './seed-funding-fees.ts';
import { seedBankAccounts } from './set-bank-account.ts';
import { camt053, nextOpening, SAMPLE_IBAN } from './testing/camt-sample.ts';

let desk: FundingDesk;
let customer: Person;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
  const common = { tier: 'enhanced', direction: 'deposit' } as const;
  await transact(desk.system, 'engine', (tx) =>
    seedFundingFees(tx, desk.system, [
      { ...common, asset: 'USD', method: 'other', fixed: parseAmount('0.3'), rateBps: 250 },
      { ...common, asset: 'USD', method: 'mips', fixed: parseAmount('5'), rateBps: 0 },
      { ...common, asset: 'BTC', method: 'other', fixed: parseAmount('0.0001'), rateBps: 0 },
    ]),
  );
});

beforeEach(async () => {
  customer = await desk.newCustomer({
    kycStatus: 'approved',
    kycLevel: 'enhanced',
    screening: 'clear',
    restriction: 'none',
  });
});

afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

const announce = async (amount: string, method = 'other', asset = 'USD', person = customer) => {
  const body = { accountId: person.accountId, asset, amount, method };
  return desk.request(person, 'POST', '/v1/deposits', { body, key: newId() });
};

async function vote(id: string) {
  const path = `/v1/approvals/${id}/approve`;
  return desk.request(desk.operations2, 'POST', path, { body: { reason: 'Seen' } });
}

async function clear(id: string): Promise<void> {
  const asked = await desk.request(desk.operations, 'POST', `/v1/deposits/${id}/clear`, { body: {} });
  expect((await vote(asked.body.approval.id)).status).toBe(200);
}

async function earned(asset = 'USD'): Promise<bigint> {
  const [wallet] = await desk.deps.db.engine
    .select()
    .from(wallets)
    .where(and(eq(wallets.houseRole, 'fees_earned'), eq(wallets.asset, asset)));
  return wallet?.total ?? 0n;
}

const total = async (asset = 'USD') => (await desk.balance(customer, asset)).total;

describe('where a deposit is paid to', () => {
  const ACCOUNT = {
    holderName: 'Plimsoll clients',
    iban: SAMPLE_IBAN,
    bic: 'BOMMMUPL',
    bankName: 'Bank One',
    reason: 'Agreed with the bank',
  };
  const propose = (changes: object = {}) => {
    const body = { ...ACCOUNT, ...changes };
    return desk.request(desk.operations, 'PUT', '/v1/deposit-accounts/USD', { body });
  };
  const shownNow = async (id: string) =>
    (await desk.request(customer, 'GET', `/v1/deposits/${id}`)).body.paymentInstructions;

  test('is nowhere until two people set it, is read when asked, and no login exchanges the number without them', async () => {
    const { body: waiting } = await announce('100', 'bank_transfer');
    expect(waiting.paymentInstructions).toBeNull();
    const { approval } = (await propose()).body;
    expect(await shownNow(waiting.id)).toBeNull();
    const alone = await desk.request(desk.operations, 'POST', `/v1/approvals/${approval.id}/approve`, {
      body: { reason: 'Mine' },
    });
    expect(alone.body.code).toBe('self_approval');
    expect((await vote(approval.id)).status).toBe(200);
    const { reason: _, ...shown } = ACCOUNT;
    const instructions = { ...shown, reference: waiting.paymentReference };
    expect(await shownNow(waiting.id)).toEqual(instructions);
    const { body: next } = await announce('100', 'bank_transfer');
    expect(next.paymentInstructions).toEqual({ ...shown, reference: next.paymentReference });
    const others = [await announce('100', 'card'), await announce('0.01', 'crypto', 'BTC')];
    expect(others.map(({ body }) => body.paymentInstructions)).toEqual([null, null]);

    const changed = await propose({ holderName: 'Plimsoll clients, new' });
    const again = await propose({ holderName: 'Somebody else' });
    expect(again.body.code).toBe('approval_pending_exists');
    expect(await shownNow(waiting.id)).toEqual(instructions);
    await vote(changed.body.approval.id);
    expect(await shownNow(waiting.id)).toMatchObject({ holderName: 'Plimsoll clients, new' });
    await clear(next.id);
    expect(await shownNow(next.id)).toBeNull();
    const { body } = await desk.request(desk.operations, 'GET', '/v1/deposit-accounts');
    const legalEntity = desk.deps.firmName;
    const dollars = body.data.filter(({ asset }: { asset: string }) => asset === 'USD');
    expect(dollars).toMatchObject([
      { holderName: 'Plimsoll clients, new', legalEntity, current: true },
      { holderName: 'Plimsoll clients', legalEntity, current: false },
    ]);
    const { engine } = desk.deps.db;
    const told = await engine
      .select({ severity: auditLogs.severity })
      .from(auditLogs)
      .where(
        and(
          eq(auditLogs.eventType, 'deposit_account.changed'),
          inArray(
            auditLogs.resourceId,
            dollars.map(({ id }: { id: string }) => id),
          ),
        ),
      );
    expect(told).toEqual([{ severity: 'critical' }, { severity: 'critical' }]);

    const unexpected = await propose({ iban: 'MU17BOMM0101101030300200000MUR' });
    expect(unexpected.body.code).toBe('deposit_account_unexpected');
    const [row] = await engine
      .select()
      .from(depositAccounts)
      .where(eq(depositAccounts.asset, 'USD'))
      .orderBy(depositAccounts.createdAt)
      .limit(1);
    const kept = present(row, 'an account was set');
    // What two people agreed to once puts no former account back, and no other number either.
    for (const change of [{}, { iban: 'DE89370400440532013000' }]) {
      const swapped = engine.insert(depositAccounts).values({ ...kept, ...change, id: newId() });
      expect(await swapped.then(() => 'written', sqlStateOf)).toBe('PL061');
    }
    const edited = engine.update(depositAccounts).set({ bankName: 'Mine' });
    expect(await edited.then(() => 'written', sqlStateOf)).toBe('42501');
  });

  test('is the account of the firm that serves them, and what names no firm counts until one is named', async () => {
    const { engine } = desk.deps.db;
    const iban = 'MU17BOMM0101101030300200000MUR';
    const euro = { iban, currency: 'EUR', houseReference: 'euro', name: 'Clients, euro' };
    await transact(desk.system, 'engine', (tx) => seedBankAccounts(tx, desk.system, [euro]));
    const shown = (legalEntity: string) =>
      transact(desk.system, 'engine', (tx) => depositAccountOf(tx, { asset: 'EUR', legalEntity }));
    const { reason, ...terms } = { ...ACCOUNT, iban, asset: 'EUR' };
    // Asked for before instructions were of a firm, and agreed to since.
    const asked = await transact(desk.operations.ctx(), 'staff', (tx) =>
      requestApproval(tx, desk.operations.ctx(), {
        action: 'deposit_account.set',
        subjectType: 'deposit_account',
        subjectId: newId(),
        subjectUserId: null,
        payload: { ...terms, replaces: null },
        quorum: 1,
        checkerRoles: ['operations'],
        reason,
      }),
    );
    expect((await vote(asked.id)).status).toBe(200);
    const [ours, others] = [desk.deps.firmName, 'Another firm of the group'];
    expect(await shown(ours)).toMatchObject({ legalEntity: null, iban });
    const proposed = await desk.request(desk.operations, 'PUT', '/v1/deposit-accounts/EUR', {
      body: { ...ACCOUNT, iban, holderName: 'Plimsoll clients, euro' },
    });
    expect(proposed.body.approval.payload).toMatchObject({ legalEntity: ours });
    expect((await vote(proposed.body.approval.id)).status).toBe(200);
    expect(await shown(ours)).toMatchObject({ legalEntity: ours, holderName: 'Plimsoll clients, euro' });
    expect(await shown(others)).toBeUndefined();
    const { body } = await desk.request(desk.operations, 'GET', '/v1/deposit-accounts');
    const listed = body.data.filter((each: { asset: string }) => each.asset === 'EUR');
    expect(listed).toMatchObject([
      { legalEntity: ours, current: true },
      { legalEntity: null, current: false },
    ]);
    const firms = await engine
      .select({ after: auditLogs.after })
      .from(auditLogs)
      .where(and(eq(auditLogs.eventType, 'deposit_account.changed'), eq(auditLogs.resourceId, listed[0].id)));
    expect(firms).toMatchObject([{ after: { legalEntity: ours } }]);
  });
});

describe('the fee of a deposit', () => {
  test('is quoted before it is announced, and an announcement that names another is refused', async () => {
    const path = '/v1/funding/deposit-quote?asset=USD&method=other&amount=100';
    const { body: quote } = await desk.request(customer, 'GET', path);
    expect(quote).toMatchObject({ fee: '2.8', credited: '97.2', tier: 'enhanced' });
    const small = await desk.request(customer, 'GET', `${path.slice(0, -3)}0.1`);
    expect(small.body).toMatchObject({ fee: '0.1', credited: '0' });
    const common = { accountId: customer.accountId, asset: 'USD', amount: '100', method: 'other' };
    const named = (expectedFee: string) =>
      desk.request(customer, 'POST', '/v1/deposits', { body: { ...common, expectedFee }, key: newId() });
    for (const other of ['0', '2.79', '2.81']) {
      const refused = await named(other);
      expect([refused.status, refused.body.code]).toEqual([409, 'fee_changed']);
    }
    expect((await named(quote.fee)).body).toMatchObject({ status: 'pending', fee: '2.8' });
  });

  test('is shown when it is announced, and exactly that is taken when it is credited', async () => {
    const { body: deposit } = await announce('100');
    expect([deposit.fee, deposit.status]).toEqual(['2.8', 'pending']);
    const before = await earned();
    await clear(deposit.id);
    expect(await total()).toBe('97.2');
    expect(formatAmount((await earned()) - before)).toBe('2.8');
    const posted = await desk.deps.db.engine
      .select({ kind: journals.kind, amount: ledgerEntries.amount })
      .from(journals)
      .innerJoin(ledgerEntries, eq(ledgerEntries.journalId, journals.id))
      .where(and(eq(journals.referenceId, deposit.id), eq(ledgerEntries.userId, customer.userId)));
    expect(Object.fromEntries(posted.map(({ kind, amount }) => [kind, formatAmount(amount)]))).toEqual({
      deposit: '100',
      fee: '-2.8',
    });
  });

  test('comes back with the credit where the statement that showed the money is given up', async () => {
    const { body: deposit } = await announce('100');
    const before = await earned();
    const entries = [{ amount: '100', reference: deposit.paymentReference, name: HOLDER }];
    const { body } = await desk.importFile(camt053({ entries, opening: await nextOpening(desk.deps) }));
    expect([formatAmount((await earned()) - before), body.lines[0].depositId]).toEqual(['2.8', deposit.id]);
    const path = `/v1/bank-statements/${body.id}/void`;
    const asked = await desk.request(desk.operations, 'POST', path, { body: { reason: 'Another day' } });
    expect((await vote(asked.body.approval.id)).status).toBe(200);
    expect([await total(), (await earned()) - before]).toEqual(['0', 0n]);
  });

  test('is what was shown, whatever the row says by then', async () => {
    const { body: deposit } = await announce('100');
    const basic = await desk.newCustomer({
      kycStatus: 'approved',
      kycLevel: 'standard',
      screening: 'clear',
      restriction: 'none',
    });
    expect((await announce('100', 'other', 'USD', basic)).body.fee).toBe('0');
    await desk.changeGate(customer, { kycLevel: 'standard' });
    await clear(deposit.id);
    expect(await total()).toBe('97.2');
  });

  test('is never more than the deposit', async () => {
    const { body: deposit } = await announce('3', 'mips');
    expect(deposit.fee).toBe('3');
    await clear(deposit.id);
    expect(await total()).toBe('0');
    const raised = desk.deps.db.engine
      .update(deposits)
      .set({ fee: parseAmount('4') })
      .where(eq(deposits.id, deposit.id));
    expect(
      await Promise.resolve(raised).then(
        () => 'written',
        () => 'refused',
      ),
    ).toBe('refused');
  });

  test('of coins leaves lots of what was credited', async () => {
    const { body: deposit } = await announce('0.05', 'other', 'BTC');
    await clear(deposit.id);
    expect(await total('BTC')).toBe('0.0499');
    const [lot] = await desk.deps.db.engine.select().from(lots).where(eq(lots.userId, customer.userId));
    expect(formatAmount(lot?.quantityOpen ?? 0n)).toBe('0.0499');
  });

  test('that is altered after it was put before another person is not taken', async () => {
    const { body: deposit } = await announce('100');
    const asked = await desk.request(desk.operations, 'POST', `/v1/deposits/${deposit.id}/clear`, {
      body: {},
    });
    const set = (fee: string) =>
      writeUnguarded(desk.database, 'deposits', (tx) =>
        tx
          .update(deposits)
          .set({ fee: parseAmount(fee) })
          .where(eq(deposits.id, deposit.id)),
      );
    await set('0');
    expect((await vote(asked.body.approval.id)).body.code).toBe('approved_request_changed');
    await set('2.8');
  });

  test('stays taken when the deposit goes back, and what is missing is a debt', async () => {
    const { body: deposit } = await announce('100');
    await clear(deposit.id);
    const asked = await desk.request(desk.operations, 'POST', `/v1/deposits/${deposit.id}/refund`, {
      body: { reason: 'Sent twice' },
    });
    expect((await vote(asked.body.approval.id)).status).toBe(200);
    expect(await total()).toBe('0');
    const { body } = await desk.request(customer, 'GET', '/v1/debts');
    expect(body.data).toMatchObject([{ debtor: customer.userId, asset: 'USD', amount: '2.8' }]);
  });
});

describe('what was announced, taken back and paid all the same', () => {
  type Announced = { readonly id: string; readonly paymentReference: string };

  async function taken(amount: string, method?: string): Promise<Announced> {
    const { body } = await announce(amount, method);
    const cancelled = await desk.request(customer, 'POST', `/v1/deposits/${body.id}/cancel`);
    expect(cancelled.body.failureReason).toBe('cancelled');
    return body;
  }

  async function give(path: string): Promise<Record<string, unknown>> {
    const body = { accountId: customer.accountId, reason: 'Theirs' };
    const asked = await desk.request(desk.operations, 'POST', `${path}/allocate`, { body });
    const { id } = asked.body.approval;
    const shown = await desk.request(desk.operations2, 'GET', `/v1/approvals/${id}`);
    expect((await vote(id)).status).toBe(200);
    return shown.body.payload;
  }

  async function paid(amount: string, { paymentReference: reference }: Announced) {
    const entries = [{ amount, reference, name: HOLDER }];
    const { body } = await desk.importFile(camt053({ entries, opening: await nextOpening(desk.deps) }));
    return body as { readonly id: string; readonly lines: readonly { readonly receiptId: string }[] };
  }

  const ofReceipt = ({ lines }: Awaited<ReturnType<typeof paid>>) =>
    `/v1/unallocated-receipts/${lines[0]?.receiptId}`;

  test('bears the fee it was shown, of another amount what was asked of such an amount that day', async () => {
    const announced = await taken('100');
    const payload = await give(ofReceipt(await paid('100', announced)));
    expect(payload).toMatchObject({ announcedId: announced.id, method: 'other', fee: '2.8' });
    expect(await total()).toBe('97.2');
    // A little is announced, much is paid.
    const small = await taken('1');
    expect(await give(ofReceipt(await paid('1000', small)))).toMatchObject({ fee: '25.3' });
    expect(await total()).toBe('1071.9');
    const { body } = await desk.request(customer, 'GET', '/v1/deposits?status=cleared');
    expect(body.data).toMatchObject([
      { amount: '1000', fee: '25.3', method: 'other' },
      { amount: '100', fee: '2.8', method: 'other' },
    ]);
  });

  test('is nobody else’s announcement, and comes back with the statement that showed it', async () => {
    const announced = await taken('100');
    const payer = customer;
    customer = await desk.newCustomer({
      kycStatus: 'approved',
      kycLevel: 'enhanced',
      screening: 'clear',
      restriction: 'none',
    });
    expect(await give(ofReceipt(await paid('100', announced)))).not.toHaveProperty('fee');
    expect(await total()).toBe('100');
    customer = payer;
    const before = await earned();
    const statement = await paid('100', announced);
    await give(ofReceipt(statement));
    expect(formatAmount((await earned()) - before)).toBe('2.8');
    const path = `/v1/bank-statements/${statement.id}/void`;
    const asked = await desk.request(desk.operations, 'POST', path, { body: { reason: 'Another day' } });
    expect((await vote(asked.body.approval.id)).status).toBe(200);
    expect([await total(), (await earned()) - before]).toEqual(['0', 0n]);
    const { body } = await desk.request(customer, 'GET', '/v1/deposits');
    expect(body.data.map(({ status }: { status: string }) => status)).toEqual(['failed', 'failed']);
  });

  test('bears it also where it had been credited by a statement that was given up before', async () => {
    const { body: announced } = await announce('100');
    const statement = await paid('100', announced);
    const path = `/v1/bank-statements/${statement.id}/void`;
    const asked = await desk.request(desk.operations, 'POST', path, { body: { reason: 'Another day' } });
    expect((await vote(asked.body.approval.id)).status).toBe(200);
    const cancelled = await desk.request(customer, 'POST', `/v1/deposits/${announced.id}/cancel`);
    expect(cancelled.body.failureReason).toBe('cancelled');
    const terms = { announcedId: announced.id, fee: '2.8' };
    expect(await give(ofReceipt(await paid('100', announced)))).toMatchObject(terms);
    expect(await total()).toBe('97.2');
  });

  test('bears it as well where a provider has the money', async () => {
    const { paymentReference } = await taken('100', 'mips');
    const data = { paymentReference, amount: '100', currency: 'USD', method: 'mips', payerName: HOLDER };
    const occurredAt = desk.deps.clock.realNow();
    const event = {
      id: newId(),
      type: 'payment.cleared',
      occurredAt,
      data: { ...data, providerReference: newId() },
    };
    const body = new Uint8Array(Buffer.from(JSON.stringify(event)));
    const timestamp = String(Math.floor(desk.deps.clock.realMs() / 1_000));
    const headers = {
      'content-type': 'application/json',
      'webhook-timestamp': timestamp,
      'webhook-signature': signPayment(TEST_PROVIDER, timestamp, body),
    };
    const told = await desk.request(customer, 'POST', '/v1/webhooks/payments/test', { body, headers });
    expect(told.body.state).toBe('kept');
    const { body: kept } = await desk.request(
      desk.operations,
      'GET',
      '/v1/inbound-events?state=kept&limit=1',
    );
    expect(await give(`/v1/inbound-events/${kept.data[0].id}`)).toMatchObject({ fee: '5' });
    expect(await total()).toBe('95');
  });
});

describe('bank days', () => {
  // A Friday is 2026-01-30.
  const closed = new Set(['2026-02-02', '2026-02-05']);
  test.each([
    ['2026-01-28', 1, '2026-01-29'],
    ['2026-01-30', 1, '2026-02-03'],
    ['2026-01-31', 1, '2026-02-04'],
    ['2026-02-01', 2, '2026-02-06'],
    ['2026-02-02', 1, '2026-02-04'],
    ['2026-02-04', 1, '2026-02-06'],
    ['2026-02-04', 3, '2026-02-10'],
  ])('what is worth from %s and settles in %d is there on %s', (day, days, settles) => {
    expect(bankDayAfter(day, days, closed)).toBe(settles);
  });

  test('are those on which banks settle the currency, by the word of two people', async () => {
    const officer = await desk.newStaff('compliance_officer');
    const set = async (currency: string, day: string, observed: boolean) => {
      const body = { currency, day, name: 'A day off', observed, reason: 'Calendar of the bank' };
      const asked = await desk.request(desk.compliance, 'POST', '/v1/funding/bank-holidays', { body });
      const path = `/v1/approvals/${asked.body.approval.id}/approve`;
      const own = await desk.request(desk.compliance, 'POST', path, { body: { reason: 'Mine' } });
      expect([asked.status, own.body.code]).toEqual([202, 'self_approval']);
      expect((await desk.request(officer, 'POST', path, { body: { reason: 'Agreed' } })).status).toBe(200);
    };
    const settles = (currency: string) =>
      transact(desk.system, 'engine', (tx) =>
        settlementDay(tx, { currency, valueDate: '2031-06-05', days: 1 }),
      );
    expect(await settles('EUR')).toBe('2031-06-06');
    await set('EUR', '2031-06-06', true);
    expect([await settles('EUR'), await settles('USD')]).toEqual(['2031-06-09', '2031-06-06']);
    await set('EUR', '2031-06-06', false);
    expect(await settles('EUR')).toBe('2031-06-06');
    // A holiday where the authority sits is one of every currency, and what cannot be called back waits for none.
    const christmas = { currency: 'USD', valueDate: '2026-12-24' };
    const at = (days: number) =>
      transact(desk.system, 'engine', (tx) => settlementDay(tx, { ...christmas, days }));
    expect([await at(1), await at(0)]).toEqual(['2026-12-28', '2026-12-24']);

    const { body } = await desk.request(desk.operations, 'GET', '/v1/funding/bank-holidays?currency=EUR');
    expect(body.data).toMatchObject([{ currency: 'EUR', day: '2031-06-06', observed: false }]);
    const coin = { currency: 'BTC', day: '2031-06-06', name: 'None', observed: true, reason: 'A coin' };
    const refused = await desk.request(desk.compliance, 'POST', '/v1/funding/bank-holidays', { body: coin });
    expect([refused.status, refused.body.code]).toEqual([422, 'bank_holiday_not_fiat']);
    const { engine } = desk.deps.db;
    const reopen = sql`insert into bank_holidays (id, currency, day, name, observed, approval_id, created_at)
      select ${newId()}, 'USD', '2026-12-25', 'None', false, approval_id, now() from bank_holidays limit 1`;
    expect(await engine.execute(reopen).then(() => 'done', sqlStateOf)).toBe('PL061');
  });

  test('a credit is not withdrawn before the day of its settlement, which no weekend is', async () => {
    const { id } = (await announce('10', 'card')).body;
    await clear(id);
    const deposit = (await desk.request(desk.operations, 'GET', `/v1/deposits/${id}`)).body;
    const today = dayOf(desk.deps.clock.now(), desk.deps.timeZone);
    const days = await transact(desk.system, 'engine', (tx) => clearingDays(tx, 'card'));
    expect(days).toBeGreaterThan(0);
    expect(deposit.settlementDate >= addDays(today, days)).toBe(true);
    expect(isWeekend(deposit.settlementDate)).toBe(false);
  });
});

describe('a way of paying in', () => {
  test('that has no clearing period is not announced, until two people gave it one', async () => {
    expect((await announce('10', 'blink')).body.code).toBe('method_not_supported');
    const ask = (days: number) =>
      desk.request(desk.compliance, 'POST', '/v1/funding/clearing-periods', {
        body: { method: 'blink', days, reason: 'By the scheme’s rules' },
      });
    const officer = await desk.newStaff('compliance_officer');
    for (const days of [2, 4]) {
      const asked = await ask(days);
      expect(asked.status).toBe(202);
      const path = `/v1/approvals/${asked.body.approval.id}/approve`;
      const own = await desk.request(desk.compliance, 'POST', path, { body: { reason: 'Mine' } });
      expect(own.body.code).toBe('self_approval');
      expect((await desk.request(officer, 'POST', path, { body: { reason: 'Agreed' } })).status).toBe(200);
    }
    expect((await announce('10', 'blink')).status).toBe(201);
    const [row] = await desk.deps.db.engine
      .select()
      .from(clearingPeriods)
      .where(eq(clearingPeriods.method, 'blink'));
    expect(row?.days).toBe(4);
    expect((await ask(366)).body.code).toBe('validation_failed');
  });
});
