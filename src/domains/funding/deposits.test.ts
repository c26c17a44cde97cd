import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, eq } from 'drizzle-orm';
import { parseAmount } from '../../kernel/amount.ts';
import { newId } from '../../kernel/id.ts';
import { addMs } from '../../kernel/time.ts';
import { auditLogs, outbox } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { type FundingDesk, HOLDER, type Person, startFundingDesk } from '../../testing/funding-desk.ts';
import { writeUnguarded } from '../../testing/unguarded.ts';
import { createAccount } from '../accounts/index.ts';
import { accounts } from '../accounts/schema.ts';
import { lots } from '../ledger/schema.ts';
import { expireDeposits } from './expire-deposits.ts';
import { readPaymentReference } from './payment-reference.ts';
import { readPositions } from './reconciliation/client-money.ts';
import { deposits } from './schema.ts';
import { camt053, nextOpening } from './testing/camt-sample.ts';

let desk: FundingDesk;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
});

afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

function announce(person: Person, changes: object = {}, key: string = newId()) {
  const body = {
    accountId: person.accountId,
    asset: 'USD',
    amount: '1000',
    method: 'bank_transfer',
    ...changes,
  };
  return desk.request(person, 'POST', '/v1/deposits', { body, key });
}

function clear(depositId: string, body: object, by: Person = desk.operations) {
  return desk.request(by, 'POST', `/v1/deposits/${depositId}/clear`, { body });
}

function vote(approvalId: string, by: Person, decision: 'approve' | 'reject' = 'approve') {
  const path = `/v1/approvals/${approvalId}/${decision}`;
  return desk.request(by, 'POST', path, { body: { reason: 'Looked at it' } });
}

async function rowCount(userId: string): Promise<number> {
  const rows = await desk.deps.db.engine.select().from(deposits).where(eq(deposits.userId, userId));
  return rows.length;
}

describe('announcing', () => {
  test('gives a payment reference that checks, and credits nothing', async () => {
    const customer = await desk.newCustomer();
    const { status, body } = await announce(customer);
    expect(status).toBe(201);
    expect(body).toMatchObject({ status: 'pending', amount: '1000', asset: 'USD', userId: customer.userId });
    expect(readPaymentReference(body.paymentReference)).toBe(body.paymentReference);
    expect(await desk.balance(customer, 'USD')).toEqual({ total: '0', reserved: '0' });
  });

  test('is refused with the reason of the gate, and writes only the attempt', async () => {
    const cases = [
      [{}, 'kyc_not_approved'],
      [{ kycStatus: 'approved', kycLevel: 'standard', screening: 'open' }, 'under_review'],
      [{ kycStatus: 'approved', kycLevel: 'standard', screening: 'none' }, 'under_review'],
      [{ kycStatus: 'approved', kycLevel: 'standard', screening: 'confirmed' }, 'account_restricted'],
      [
        { kycStatus: 'approved', kycLevel: 'standard', screening: 'clear', restriction: 'frozen' },
        'account_restricted',
      ],
    ] as const;
    for (const [gate, code] of cases) {
      const customer = await desk.newCustomer(gate);
      const { status, body } = await announce(customer);
      expect([status, body.code]).toEqual([code === 'account_restricted' ? 403 : 422, code]);
      expect(await rowCount(customer.userId)).toBe(0);
      const attempts = await desk.deps.db.engine
        .select()
        .from(auditLogs)
        .where(and(eq(auditLogs.actorUserId, customer.userId), eq(auditLogs.outcome, 'refused')));
      expect(attempts.map((row) => row.resourceId)).toEqual(['createDeposit']);
    }
  });

  test('is refused on an account that is not live or not active', async () => {
    const customer = await desk.newCustomer();
    const paper = await createAccount(customer.ctx(), { type: 'paper', baseCurrency: 'USD' });
    expect((await announce(customer, { accountId: paper.id })).body.code).toBe('account_not_live');
    await desk.deps.db.engine
      .update(accounts)
      .set({ status: 'frozen' })
      .where(eq(accounts.id, customer.accountId));
    expect((await announce(customer)).body.code).toBe('account_not_active');
  });

  test('of play money there is none: it is in no position of client money, and is never paid out', async () => {
    const customer = await desk.newCustomer();
    const { id } = await createAccount(customer.ctx(), { type: 'paper', baseCurrency: 'USD' });
    const positions = () =>
      transact(desk.system, 'engine', (tx) =>
        readPositions(tx, addMs(desk.deps.clock.now(), 60_000), new Map()),
      );
    const before = await positions();
    const given = { body: { amount: '5000' }, key: newId() };
    expect((await desk.request(customer, 'POST', `/v1/paper/accounts/${id}/funds`, given)).status).toBe(201);
    expect(await positions()).toEqual(before);
    const body = { accountId: id, asset: 'USD', amount: '100', beneficiaryId: newId() };
    const asked = await desk.request(customer, 'POST', '/v1/withdrawals', { body, key: newId() });
    expect([asked.status, asked.body.code]).toEqual([422, 'account_not_live']);
  });

  test("another customer's account is as unknown as none", async () => {
    const [customer, other] = [await desk.newCustomer(), await desk.newCustomer()];
    const foreign = await announce(customer, { accountId: other.accountId });
    const missing = await announce(customer, { accountId: newId() });
    expect([foreign.status, foreign.body.code]).toEqual([404, 'not_found']);
    expect({ ...foreign.body, requestId: '' }).toEqual({ ...missing.body, requestId: '' });
  });

  test('names the fault of an asset, amount or method that cannot be', async () => {
    const customer = await desk.newCustomer();
    const cases = [
      [{ asset: 'XXX' }, 'unknown_asset'],
      [{ amount: '1.005' }, 'amount_too_precise'],
      [{ method: 'crypto' }, 'method_not_supported'],
      [{ amount: '0' }, 'validation_failed'],
      [{ amount: '-5' }, 'validation_failed'],
      [{ amount: '1e3' }, 'validation_failed'],
      [{ amount: '1.123456789' }, 'validation_failed'],
      [{ amount: '1000000000000' }, 'validation_failed'],
      [{ amount: 5 }, 'validation_failed'],
      [{ surprise: true }, 'validation_failed'],
    ] as const;
    for (const [change, code] of cases) {
      const { status, body } = await announce(customer, change);
      expect([status, body.code]).toEqual([422, code]);
    }
    expect(await rowCount(customer.userId)).toBe(0);
  });

  test('twenty at once with one key make one deposit and twenty equal answers', async () => {
    const customer = await desk.newCustomer();
    const key = newId();
    const answers = await Promise.all(Array.from({ length: 20 }, () => announce(customer, {}, key)));
    expect(new Set(answers.map((answer) => JSON.stringify([answer.status, answer.body]))).size).toBe(1);
    expect(answers.filter((answer) => answer.headers.get('idempotent-replayed') === 'true')).toHaveLength(19);
    expect(await rowCount(customer.userId)).toBe(1);
    expect((await announce(customer, { amount: '999' }, key)).body.code).toBe('idempotency_key_reused');
  });
});

describe('clearing', () => {
  test('asks another person, whose vote credits the customer and debits the bank', async () => {
    const customer = await desk.newCustomer();
    const { body: deposit } = await announce(customer);
    const asked = await clear(deposit.id, { reason: 'Statement of today, line 4' });
    expect(asked.status).toBe(202);
    expect(asked.body.approval).toMatchObject({ action: 'deposit.clear', status: 'pending', quorum: 1 });
    const { id } = asked.body.approval;

    const early = await clear(deposit.id, { approvalId: id });
    expect([early.status, early.body.code]).toEqual([409, 'approval_not_granted']);
    expect((await vote(id, desk.compliance)).status).toBe(200);

    const cleared = await clear(deposit.id, { approvalId: id });
    expect(cleared.status).toBe(200);
    expect(cleared.body).toMatchObject({ status: 'cleared', approvalId: id });
    expect(await clear(deposit.id, { approvalId: id })).toMatchObject({ status: 200, body: cleared.body });
    expect(await desk.balance(customer, 'USD')).toEqual({ total: '1000', reserved: '0' });
    const events = await desk.deps.db.engine.select().from(outbox).where(eq(outbox.userId, customer.userId));
    const told = events.map((event) => event.type).filter((type) => type.startsWith('funding.'));
    expect(told.toSorted()).toEqual(['funding.deposit_cleared', 'funding.deposit_created']);
  });

  test('the maker cannot vote, nor one without the role, and nothing is credited', async () => {
    const customer = await desk.newCustomer();
    const { body: deposit } = await announce(customer);
    const { id } = (await clear(deposit.id, {})).body.approval;
    expect((await vote(id, desk.operations)).body.code).toBe('self_approval');
    const auditor = await desk.newStaff('auditor');
    expect((await vote(id, auditor)).body.code).toBe('forbidden');
    expect((await desk.balance(customer, 'USD')).total).toBe('0');
  });

  test('nobody clears a deposit of their own', async () => {
    const customer = await desk.newCustomer();
    const { body: deposit } = await announce(customer);
    const asStaff: Person = {
      ...customer,
      actor: { ...customer.actor, kind: 'staff', roles: ['customer', 'operations'] } as Person['actor'],
    };
    expect((await clear(deposit.id, {}, asStaff)).body.code).toBe('self_action');
    const { id } = (await clear(deposit.id, {})).body.approval;
    expect((await vote(id, asStaff)).body.code).toBe('self_approval');
  });

  test('a gate that closed in between stops the credit; the vote can be cast again when it opens', async () => {
    const customer = await desk.newCustomer();
    const { body: deposit } = await announce(customer);
    const { id } = (await clear(deposit.id, {})).body.approval;
    await desk.changeGate(customer, { screening: 'open' });
    expect((await vote(id, desk.operations2)).body.code).toBe('under_review');
    expect((await desk.balance(customer, 'USD')).total).toBe('0');
    await desk.changeGate(customer, { screening: 'clear' });
    expect((await vote(id, desk.operations2)).status).toBe(200);
    expect((await desk.balance(customer, 'USD')).total).toBe('1000');
  });

  test('has the votes of any giving of that amount by hand, all of a day together', async () => {
    const customer = await desk.newCustomer();
    const mlro = await desk.newStaff('mlro');
    const announced = async (amount: string) => (await announce(customer, { amount })).body.id as string;
    const asking = async (id: string) => (await clear(id, {})).body.approval;
    const large = await announced('150000');
    const most = await asking(large);
    expect([most.quorum, most.checkerRoles.includes('mlro')]).toEqual([2, true]);
    expect((await vote(most.id, desk.compliance)).body.status).toBe('pending');
    expect((await vote(most.id, desk.operations2)).body.code).toBe('mlro_vote_required');
    // Split, each part has the votes of the whole, also where it was asked for before the other was given.
    const [first, second] = [await asking(await announced('6000')), await asking(await announced('6000'))];
    expect([first.quorum, second.quorum]).toEqual([1, 1]);
    expect((await vote(first.id, desk.operations2)).body.status).toBe('executed');
    expect((await vote(second.id, desk.operations2)).body.code).toBe('conflict');
    expect((await asking(await announced('5000'))).quorum).toBe(2);
    // So has a journal by hand what was cleared before it.
    const path = `/v1/accounts/${customer.accountId}/wallets`;
    const [wallet] = (await desk.request(customer, 'GET', path)).body.data;
    const house = { role: 'suspense', reference: 'differences', asset: 'USD' };
    const entries = [
      { house, amount: '-5000' },
      { walletId: wallet.id, amount: '5000' },
    ];
    const journal = { kind: 'adjustment', description: 'A gift', reason: 'A test asks', entries };
    const posting = { body: journal, key: newId() };
    const posted = await desk.request(desk.operations, 'POST', '/v1/journals', posting);
    expect(posted.body.approval.quorum).toBe(2);
    expect((await desk.balance(customer, 'USD')).total).toBe('6000');
    expect((await vote(most.id, mlro)).body.status).toBe('executed');
    desk.advance(25 * 3_600_000);
    expect((await asking(await announced('9999'))).quorum).toBe(1);
  });

  test('two votes at once credit once', async () => {
    const customer = await desk.newCustomer();
    const { body: deposit } = await announce(customer);
    const { id } = (await clear(deposit.id, {})).body.approval;
    const answers = await Promise.all([vote(id, desk.operations2), vote(id, desk.compliance)]);
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([200, 409]));
    expect((await desk.balance(customer, 'USD')).total).toBe('1000');
  });

  test('what was altered after the request is not credited', async () => {
    const customer = await desk.newCustomer();
    const { body: deposit } = await announce(customer, { amount: '10' });
    const { id } = (await clear(deposit.id, {})).body.approval;
    await writeUnguarded(desk.database, 'deposits', (tx) =>
      tx
        .update(deposits)
        .set({ amount: parseAmount('10000') })
        .where(eq(deposits.id, deposit.id)),
    );
    expect((await vote(id, desk.operations2)).body.code).toBe('approved_request_changed');
    expect((await desk.balance(customer, 'USD')).total).toBe('0');
  });

  test('an approval of something else is none', async () => {
    const customer = await desk.newCustomer();
    const [first, second] = [(await announce(customer)).body, (await announce(customer)).body];
    const { id } = (await clear(first.id, {})).body.approval;
    await vote(id, desk.operations2);
    expect((await clear(second.id, { approvalId: id })).body.code).toBe('approval_unknown');
    expect((await clear(second.id, { approvalId: newId() })).body.code).toBe('approval_unknown');
    expect((await clear(second.id, { statementLineId: newId() })).body.code).toBe('statement_line_unknown');
    expect((await clear(first.id, {})).body.code).toBe('deposit_status_conflict');
    await clear(second.id, {});
    expect((await clear(second.id, {})).body.code).toBe('approval_pending_exists');
  });

  test('units that are not money arrive in custody with a lot', async () => {
    const customer = await desk.newCustomer();
    await desk.fund(customer, 'BTC', '0.12345678');
    expect((await desk.balance(customer, 'BTC')).total).toBe('0.12345678');
    const rows = await desk.deps.db.engine.select().from(lots).where(eq(lots.userId, customer.userId));
    expect(rows).toMatchObject([{ asset: 'BTC', source: 'deposit', cost: null }]);
  });
});

describe('failing', () => {
  test('one person closes what never came, and no approval is left to credit it', async () => {
    const customer = await desk.newCustomer();
    const { body: deposit } = await announce(customer);
    const { id } = (await clear(deposit.id, {})).body.approval;
    const path = `/v1/deposits/${deposit.id}/fail`;
    const failed = await desk.request(desk.operations, 'POST', path, {
      body: { reason: 'Suspicion about the payer' },
    });
    expect(failed.body).toMatchObject({ status: 'failed', failureReason: 'not_received' });
    expect((await vote(id, desk.operations2)).body.code).toBe('approval_not_pending');
    expect((await clear(deposit.id, {})).body.code).toBe('deposit_status_conflict');
    expect((await desk.request(desk.operations, 'POST', path, { body: { reason: 'Again' } })).status).toBe(
      409,
    );
    const seen = await desk.request(customer, 'GET', `/v1/deposits/${deposit.id}`);
    expect(JSON.stringify(seen.body)).not.toContain('Suspicion');
  });

  test('its customer takes one back that nobody paid, and it counts no more; nobody else does', async () => {
    const [customer, other] = [await desk.newCustomer(), await desk.newCustomer()];
    const { body: deposit } = await announce(customer);
    const { id } = (await clear(deposit.id, {})).body.approval;
    const cancel = (by: Person) => desk.request(by, 'POST', `/v1/deposits/${deposit.id}/cancel`);
    expect((await cancel(other)).status).toBe(404);
    expect((await cancel(desk.operations)).status).toBe(403);
    expect((await cancel(customer)).body).toMatchObject({ status: 'failed', failureReason: 'cancelled' });
    expect((await cancel(customer)).body.code).toBe('deposit_status_conflict');
    expect((await vote(id, desk.operations2)).body.code).toBe('approval_not_pending');
    await desk.fund(customer, 'USD', '5');
    const { body } = await desk.request(customer, 'GET', '/v1/deposits?status=cleared');
    const credited = `/v1/deposits/${body.data[0].id}/cancel`;
    expect((await desk.request(customer, 'POST', credited)).body.code).toBe('deposit_status_conflict');
    expect((await desk.balance(customer, 'USD')).total).toBe('5');
  });

  test('what nobody pays ends after the days that are set, but not what people decide on or money waits for', async () => {
    const customer = await desk.newCustomer();
    const [old, decided, paid] = [
      (await announce(customer)).body,
      (await announce(customer)).body,
      (await announce(customer)).body,
    ];
    const entry = { amount: '900', reference: paid.paymentReference, name: HOLDER };
    await desk.importFile(camt053({ opening: await nextOpening(desk.deps), entries: [entry] }));
    desk.advance(desk.deps.depositDays * 86_400_000 + 1);
    const { body: fresh } = await announce(customer);
    await clear(decided.id, {});
    await Promise.all([expireDeposits(desk.system), expireDeposits(desk.system)]);
    const rows = await desk.deps.db.engine
      .select({ id: deposits.id, status: deposits.status, failureReason: deposits.failureReason })
      .from(deposits)
      .where(eq(deposits.userId, customer.userId))
      .orderBy(deposits.id);
    expect(rows).toEqual([
      { id: old.id, status: 'failed', failureReason: 'expired' },
      ...[decided, paid, fresh].map(({ id }) => ({ id, status: 'pending' as const, failureReason: null })),
    ]);
  });

  test('a credited deposit cannot fail', async () => {
    const customer = await desk.newCustomer();
    await desk.fund(customer, 'USD', '5');
    const { body } = await desk.request(customer, 'GET', '/v1/deposits');
    const path = `/v1/deposits/${body.data[0].id}/fail`;
    const failed = await desk.request(desk.operations, 'POST', path, { body: { reason: 'Too late' } });
    expect(failed.body.code).toBe('deposit_status_conflict');
    expect((await desk.balance(customer, 'USD')).total).toBe('5');
  });
});

describe('reading', () => {
  test('customers see their own, staff all, and a reference finds its deposit as it was written', async () => {
    const [customer, other] = [await desk.newCustomer(), await desk.newCustomer()];
    const mine = [
      (await announce(customer)).body,
      (await announce(customer)).body,
      (await announce(customer)).body,
    ];
    await announce(other);
    const first = await desk.request(customer, 'GET', '/v1/deposits?limit=2');
    const next = `/v1/deposits?limit=2&cursor=${first.body.nextCursor}`;
    const second = await desk.request(customer, 'GET', next);
    const ids = [...first.body.data, ...second.body.data].map((deposit: { id: string }) => deposit.id);
    expect(ids).toEqual(mine.map((deposit) => deposit.id).reverse());
    expect(second.body.nextCursor).toBeNull();

    const written = mine[1].paymentReference.toLowerCase().replaceAll(/(.{4})/g, '$1%20');
    const found = await desk.request(desk.operations, 'GET', `/v1/deposits?paymentReference=${written}`);
    expect(found.body.data.map((deposit: { id: string }) => deposit.id)).toEqual([mine[1].id]);
    const unknown = await desk.request(desk.operations, 'GET', '/v1/deposits?paymentReference=none');
    expect(unknown.body.data).toEqual([]);

    const at = mine[1].createdAt;
    const within = await desk.request(
      customer,
      'GET',
      `/v1/deposits?from=${at}&to=${mine[2].createdAt}&asset=USD`,
    );
    expect(within.body.data.map((deposit: { id: string }) => deposit.id)).toContain(mine[1].id);
    const none = await desk.request(customer, 'GET', `/v1/deposits?to=${mine[0].createdAt}`);
    expect([
      none.body.data,
      (await desk.request(customer, 'GET', '/v1/deposits?method=mips')).body.data,
    ]).toEqual([[], []]);
    const backwards = await desk.request(customer, 'GET', `/v1/deposits?from=${at}&to=${at}`);
    expect(backwards.body.code).toBe('validation_failed');

    const foreign = await desk.request(other, 'GET', `/v1/deposits/${mine[0].id}`);
    expect([foreign.status, foreign.body.code]).toEqual([404, 'not_found']);
    const asked = await desk.request(other, 'GET', `/v1/deposits?userId=${customer.userId}`);
    expect(asked.body.data).toEqual([]);
  });

  test('customers neither clear nor fail', async () => {
    const customer = await desk.newCustomer();
    const { body: deposit } = await announce(customer);
    expect((await clear(deposit.id, {}, customer)).status).toBe(403);
    const path = `/v1/deposits/${deposit.id}/fail`;
    expect((await desk.request(customer, 'POST', path, { body: { reason: 'None' } })).status).toBe(403);
  });
});
