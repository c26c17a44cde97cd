import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, eq } from 'drizzle-orm';
import { newId } from '../../kernel/id.ts';
import { auditLogs, outbox } from '../../platform/db/schema.ts';
import {
  BITCOIN_BENEFICIARY,
  bankBeneficiary,
  type FundingDesk,
  HOLDER,
  OWN_WALLET,
  type Person,
  startFundingDesk,
} from '../../testing/funding-desk.ts';
import { setRating } from '../../testing/set-rating.ts';
import { writeUnguarded } from '../../testing/unguarded.ts';
import { accounts } from '../accounts/schema.ts';
import { holds, lotDisposals, wallets } from '../ledger/schema.ts';
import { fundingLimits, withdrawals } from './schema.ts';
import { camt053, nextOpening } from './testing/camt-sample.ts';
import { isMarginShort, liquidationBegins } from './testing/margin-short.ts';

let desk: FundingDesk;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
});

afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

type Payer = Person & { readonly beneficiaryId: string };

async function payer(asset = 'USD', amount = '1000', body: object = bankBeneficiary()): Promise<Payer> {
  const customer = await desk.newCustomer();
  await desk.fund(customer, asset, amount);
  const added = await desk.request(customer, 'POST', '/v1/beneficiaries', { body });
  return { ...customer, beneficiaryId: added.body.id };
}

function withdraw(person: Payer, changes: object = {}) {
  const { accountId, beneficiaryId } = person;
  const body = { accountId, beneficiaryId, asset: 'USD', amount: '100', ...changes };
  return desk.request(person, 'POST', '/v1/withdrawals', { body, key: newId() });
}

function act(person: Person, id: string, step: string, body?: object) {
  const path = `/v1/withdrawals/${id}/${step}`;
  return desk.request(person, 'POST', path, body === undefined ? {} : { body });
}

const REASON = { reason: 'Looked at it' };

async function processing(person: Payer, changes: object = {}): Promise<string> {
  const { body } = await withdraw(person, changes);
  await act(desk.compliance, body.id, 'approve', REASON);
  const begun = await act(desk.operations, body.id, 'process');
  expect(begun.body.status).toBe('processing');
  return body.id;
}

async function rowsOf(person: Person) {
  const { engine } = desk.deps.db;
  return {
    withdrawals: (await engine.select().from(withdrawals).where(eq(withdrawals.userId, person.userId)))
      .length,
    holds: (await engine.select().from(holds).where(eq(holds.userId, person.userId))).length,
  };
}

describe('the way out', () => {
  test('reserves, waits for another person, is paid by a third and booked', async () => {
    const person = await payer();
    const requested = await withdraw(person, { amount: '250.5' });
    expect(requested.status).toBe(201);
    expect(requested.body).toMatchObject({
      status: 'pending',
      amount: '250.5',
      fee: '0',
      rejectionReason: null,
    });
    expect(await desk.balance(person, 'USD')).toEqual({ total: '1000', reserved: '250.5' });

    const { id } = requested.body;
    const approved = await act(desk.compliance, id, 'approve', REASON);
    expect(approved.body).toMatchObject({ id, status: 'approved' });
    expect((await act(desk.operations, id, 'process')).body.status).toBe('processing');
    const completed = await act(desk.operations, id, 'complete', { transactionReference: 'FT-1' });
    expect(completed.body).toMatchObject({ status: 'completed', transactionReference: 'FT-1' });
    expect(await desk.balance(person, 'USD')).toEqual({ total: '749.5', reserved: '0' });

    const again = await act(desk.operations, id, 'complete', { transactionReference: 'FT-1' });
    expect(again).toMatchObject({ status: 200, body: completed.body });
    const other = await act(desk.operations, id, 'complete', { transactionReference: 'FT-2' });
    expect(other.body.code).toBe('withdrawal_status_conflict');
    const events = await desk.deps.db.engine.select().from(outbox).where(eq(outbox.userId, person.userId));
    const told = events.map((event) => event.type).filter((type) => type.includes('withdrawal'));
    const steps = ['approved', 'completed', 'processing', 'requested'];
    expect(told.toSorted()).toEqual(steps.map((step) => `funding.withdrawal_${step}`));
  });

  test('coins leave custody with their fee, and their lots with them', async () => {
    const person = await payer('BTC', '0.05', BITCOIN_BENEFICIARY);
    const id = await processing(person, { ...OWN_WALLET, asset: 'BTC', amount: '0.01' });
    const { body } = await act(desk.operations, id, 'complete', { transactionReference: 'txid' });
    expect(body).toMatchObject({ status: 'completed', amount: '0.01', fee: '0.0001' });
    expect(await desk.balance(person, 'BTC')).toEqual({ total: '0.0399', reserved: '0' });
    const gone = await desk.deps.db.engine
      .select()
      .from(lotDisposals)
      .where(eq(lotDisposals.userId, person.userId));
    expect(gone).toMatchObject([{ referenceType: 'withdrawal', referenceId: id }]);
  });

  test('above the published amount it waits under review for two people', async () => {
    const person = await payer('USD', '20000');
    const { body } = await withdraw(person, { amount: '10000.01' });
    expect(body.status).toBe('under_review');
    expect((await act(desk.compliance, body.id, 'approve', REASON)).body.status).toBe('under_review');
    const twice = await act(desk.compliance, body.id, 'approve', REASON);
    expect(twice.body.code).toBe('approval_already_voted');
    expect((await act(desk.operations2, body.id, 'approve', REASON)).body.status).toBe('approved');
    const seen = await desk.request(desk.operations, 'GET', `/v1/withdrawals/${body.id}/approvals`);
    expect(seen.body.data).toMatchObject([
      {
        action: 'withdrawal.approve',
        status: 'executed',
        quorum: 2,
        makerId: person.userId,
        votes: [{ checkerId: desk.compliance.userId }, { checkerId: desk.operations2.userId }],
      },
    ]);
    await act(person, body.id, 'cancel');
  });

  test('two people look at what a customer of high risk takes out, also where the risk rose since', async () => {
    const person = await payer();
    const early = (await withdraw(person)).body;
    expect(early.status).toBe('pending');
    await setRating(desk.system, person.userId, 'high');
    const late = (await withdraw(person, { amount: '50' })).body;
    expect(late.status).toBe('under_review');
    for (const { id } of [early, late]) {
      expect((await act(desk.compliance, id, 'approve', REASON)).body.status).toBe('under_review');
      expect((await act(desk.operations, id, 'process')).body.code).toBe('withdrawal_status_conflict');
    }
    expect((await act(desk.compliance, early.id, 'approve', REASON)).body.status).toBe('under_review');
    for (const { id } of [early, late]) {
      expect((await act(desk.operations2, id, 'approve', REASON)).body.status).toBe('approved');
      expect((await act(desk.operations, id, 'process')).body.status).toBe('processing');
    }
    const { body } = await desk.request(desk.operations, 'GET', `/v1/withdrawals/${early.id}/approvals`);
    expect(body.data).toMatchObject([
      { quorum: 1, status: 'executed' },
      { quorum: 2, status: 'executed' },
    ]);
  });

  test('two people look at a repetition the customer confirmed, and see what it repeats', async () => {
    const person = await payer();
    const first = (await withdraw(person)).body;
    const again = (await withdraw(person, { confirmDuplicate: true })).body;
    expect([first.status, again.status]).toEqual(['pending', 'under_review']);
    const seen = await desk.request(desk.operations, 'GET', `/v1/withdrawals/${again.id}/approvals`);
    expect(seen.body.data).toMatchObject([{ quorum: 2, payload: { duplicateOf: first.id } }]);
    expect((await act(desk.compliance, again.id, 'approve', REASON)).body.status).toBe('under_review');
    expect((await act(desk.operations2, again.id, 'approve', REASON)).body.status).toBe('approved');
    expect((await act(desk.operations, again.id, 'process')).body.status).toBe('processing');
  });
});

describe('the way back', () => {
  test('rejected sets the money free and tells the customer one word', async () => {
    const person = await payer();
    const { body } = await withdraw(person);
    const rejected = await act(desk.compliance, body.id, 'reject', { reason: 'Looks like layering' });
    expect(rejected.body).toMatchObject({ status: 'rejected', rejectionReason: 'declined' });
    expect(await desk.balance(person, 'USD')).toEqual({ total: '1000', reserved: '0' });
    const seen = await desk.request(person, 'GET', `/v1/withdrawals/${body.id}`);
    expect(JSON.stringify(seen.body)).not.toContain('layering');
  });

  test('cancelled sets the money free before approval and after it, and closes the vote', async () => {
    const person = await payer();
    const [waiting, approved] = [
      (await withdraw(person)).body,
      (await withdraw(person, { amount: '99' })).body,
    ];
    await act(desk.compliance, approved.id, 'approve', REASON);
    for (const { id } of [waiting, approved]) {
      expect((await act(person, id, 'cancel')).body.status).toBe('cancelled');
      expect((await act(person, id, 'cancel')).body.code).toBe('withdrawal_status_conflict');
      expect((await act(desk.compliance, id, 'approve', REASON)).body.code).toBe(
        'withdrawal_status_conflict',
      );
    }
    const vote = await desk.request(desk.compliance, 'POST', `/v1/approvals/${waiting.approvalId}/approve`, {
      body: REASON,
    });
    expect(vote.body.code).toBe('approval_not_pending');
    expect(await desk.balance(person, 'USD')).toEqual({ total: '1000', reserved: '0' });
  });

  test('once the payout has begun the customer cannot take it back', async () => {
    const person = await payer();
    const id = await processing(person);
    expect((await act(person, id, 'cancel')).body.code).toBe('withdrawal_status_conflict');
    expect((await desk.balance(person, 'USD')).reserved).toBe('100');
  });

  test('a failed payout frees the money only with a second person', async () => {
    const person = await payer();
    const id = await processing(person);
    const asked = await act(desk.operations, id, 'fail', { reason: 'The bank returned it' });
    expect(asked.status).toBe(202);
    const { id: approvalId } = asked.body.approval;
    expect((await act(desk.operations, id, 'fail', { approvalId })).body.code).toBe('approval_not_granted');
    const vote = (by: Person) =>
      desk.request(by, 'POST', `/v1/approvals/${approvalId}/approve`, { body: REASON });
    expect((await vote(desk.operations)).body.code).toBe('self_approval');
    expect((await desk.balance(person, 'USD')).reserved).toBe('100');
    expect((await vote(desk.operations2)).status).toBe(200);
    const failed = await act(desk.operations, id, 'fail', { approvalId });
    expect(failed.body).toMatchObject({ status: 'failed', rejectionReason: 'payout_failed' });
    expect(await desk.balance(person, 'USD')).toEqual({ total: '1000', reserved: '0' });
  });

  test('a payout completed meanwhile leaves nothing to fail', async () => {
    const person = await payer();
    const id = await processing(person);
    const { approval } = (await act(desk.operations, id, 'fail', {})).body;
    await act(desk.operations, id, 'complete', { transactionReference: 'FT-3' });
    const vote = await desk.request(desk.operations2, 'POST', `/v1/approvals/${approval.id}/approve`, {
      body: REASON,
    });
    expect(vote.body.code).toBe('approval_not_pending');
    expect((await desk.balance(person, 'USD')).total).toBe('900');
  });
});

describe('refused with nothing written', () => {
  test('more than is available, and what is not settled yet', async () => {
    const person = await payer('USD', '100');
    expect((await withdraw(person, { amount: '100.01' })).body.code).toBe('insufficient_funds');
    const wallet = and(eq(wallets.userId, person.userId), eq(wallets.asset, 'USD'));
    const [row] = await desk.deps.db.engine.select().from(wallets).where(wallet);
    await desk.deps.db.engine
      .update(wallets)
      .set({ unsettled: row?.total ?? 0n } as object)
      .where(wallet);
    expect((await withdraw(person, { amount: '0.01' })).body.code).toBe('insufficient_funds');
    await desk.deps.db.engine
      .update(wallets)
      .set({ unsettled: 0n } as object)
      .where(wallet);
    expect(await rowsOf(person)).toEqual({ withdrawals: 0, holds: 0 });
    expect(await desk.balance(person, 'USD')).toEqual({ total: '100', reserved: '0' });
  });

  test('the fee counts: all of it cannot leave', async () => {
    const person = await payer('BTC', '0.01', BITCOIN_BENEFICIARY);
    expect((await withdraw(person, { ...OWN_WALLET, asset: 'BTC', amount: '0.01' })).body.code).toBe(
      'insufficient_funds',
    );
    expect((await withdraw(person, { ...OWN_WALLET, asset: 'BTC', amount: '0.0099' })).status).toBe(201);
  });

  test('a gate that does not let money out', async () => {
    const person = await payer();
    const cases = [
      [{ restriction: 'no_out' }, 'account_restricted'],
      [{ restriction: 'reduce_only' }, 'account_restricted'],
      [{ restriction: 'frozen' }, 'account_restricted'],
      [{ restriction: 'none', screening: 'open' }, 'under_review'],
      [{ screening: 'clear', kycStatus: 'resubmission_required' }, 'kyc_not_approved'],
      [{ screening: 'confirmed', kycStatus: 'approved' }, 'account_restricted'],
    ] as const;
    for (const [change, code] of cases) {
      await desk.changeGate(person, change);
      expect((await withdraw(person)).body.code).toBe(code);
    }
    expect(await rowsOf(person)).toEqual({ withdrawals: 0, holds: 0 });
  });

  test('an account that does not let money out', async () => {
    const person = await payer();
    for (const status of ['frozen', 'suspended'] as const) {
      await desk.deps.db.engine.update(accounts).set({ status }).where(eq(accounts.id, person.accountId));
      expect((await withdraw(person)).body.code).toBe('account_not_active');
    }
    expect(await rowsOf(person)).toEqual({ withdrawals: 0, holds: 0 });
  });

  test('an asset without a limit, and more than the rolling day allows', async () => {
    const inEuro = await payer('EUR', '10');
    expect((await withdraw(inEuro, { asset: 'EUR', amount: '1' })).body.code).toBe('limit_missing');

    const person = await payer('USD', '200000');
    const first = await withdraw(person, { amount: '49999' });
    expect((await withdraw(person, { amount: '1.01' })).body.code).toBe('limit_exceeded');
    expect((await withdraw(person, { amount: '1' })).status).toBe(201);
    await act(person, first.body.id, 'cancel');
    expect((await withdraw(person, { amount: '49999' })).status).toBe(201);
    expect((await withdraw(person, { amount: '0.01' })).body.code).toBe('limit_exceeded');
    desk.advance(24 * 3_600_000 + 1000);
    expect((await withdraw(person, { amount: '0.01' })).status).toBe(201);
  });

  test('a level without limits', async () => {
    const person = await payer();
    await desk.changeGate(person, { kycLevel: 'basic' });
    expect((await withdraw(person)).body.code).toBe('limit_missing');
    const rows = await desk.deps.db.engine
      .select()
      .from(fundingLimits)
      .where(eq(fundingLimits.kycLevel, 'basic'));
    expect(rows).toEqual([]);
  });

  test('a beneficiary that is not theirs, removed, or of the wrong kind', async () => {
    const [person, other] = [await payer(), await payer()];
    const foreign = await withdraw(person, { beneficiaryId: other.beneficiaryId });
    expect([foreign.status, foreign.body.code]).toEqual([404, 'not_found']);
    const chain = await desk.request(person, 'POST', '/v1/beneficiaries', { body: BITCOIN_BENEFICIARY });
    const unsuitable = await withdraw(person, { beneficiaryId: chain.body.id });
    expect(unsuitable.body.code).toBe('beneficiary_not_suitable');
    await desk.request(person, 'DELETE', `/v1/beneficiaries/${person.beneficiaryId}`);
    expect((await withdraw(person)).body.code).toBe('beneficiary_not_usable');
  });

  test("another customer's account, a stale second factor, an API key", async () => {
    const [person, other] = [await payer(), await payer()];
    expect((await withdraw(person, { accountId: other.accountId })).status).toBe(404);
    const stale = { ...person.actor, mfaAtMs: desk.deps.clock.realMs() - 6 * 60_000 } as Person['actor'];
    expect((await withdraw({ ...person, actor: stale })).body.code).toBe('step_up_required');
    const { userId, roles } = person.actor as Extract<Person['actor'], { kind: 'customer' }>;
    const key: Person['actor'] = {
      kind: 'apiKey',
      userId,
      roles,
      keyId: newId(),
      scopes: ['*'],
      service: false,
    };
    expect((await withdraw({ ...person, actor: key })).body.code).toBe('step_up_required');
    expect(await rowsOf(person)).toEqual({ withdrawals: 0, holds: 0 });
  });
});

describe('two people', () => {
  test('who asked cannot decide, whatever roles they came to hold', async () => {
    const person = await payer();
    const { body } = await withdraw(person);
    const roles = ['customer', 'operations', 'compliance_officer'] as const;
    const asStaff: Person = {
      ...person,
      actor: { ...person.actor, kind: 'staff', roles } as Person['actor'],
    };
    expect((await act(asStaff, body.id, 'approve', REASON)).body.code).toBe('self_approval');
    await act(desk.compliance, body.id, 'approve', REASON);
    expect((await act(asStaff, body.id, 'process')).body.code).toBe('self_action');
  });

  test('who approved can neither begin nor complete the payout', async () => {
    const person = await payer();
    const { body } = await withdraw(person);
    await act(desk.operations, body.id, 'approve', REASON);
    expect((await act(desk.operations, body.id, 'process')).body.code).toBe('approver_cannot_pay_out');
    expect((await act(desk.operations2, body.id, 'process')).body.status).toBe('processing');
    const completed = await act(desk.operations, body.id, 'complete', { transactionReference: 'FT-4' });
    expect(completed.body.code).toBe('approver_cannot_pay_out');
    const paid = await act(desk.operations2, body.id, 'complete', { transactionReference: 'FT-4' });
    expect(paid.body.status).toBe('completed');
  });

  test('nothing is paid that was not approved', async () => {
    const person = await payer();
    const { body } = await withdraw(person);
    expect((await act(desk.operations, body.id, 'process')).body.code).toBe('withdrawal_status_conflict');
    const complete = { transactionReference: 'FT-5' };
    const early = await act(desk.operations, body.id, 'complete', complete);
    expect(early.body.code).toBe('withdrawal_status_conflict');
    // Whoever owns the row still cannot make an approval of it.
    const become = (status: 'approved' | 'processing' | 'pending') =>
      writeUnguarded(desk.database, 'withdrawals', (tx) =>
        tx.update(withdrawals).set({ status }).where(eq(withdrawals.id, body.id)),
      );
    await become('approved');
    expect((await act(desk.operations, body.id, 'process')).body.code).toBe('approval_not_granted');
    await become('processing');
    expect((await act(desk.operations, body.id, 'complete', complete)).body.code).toBe(
      'approval_not_granted',
    );
    await become('pending');
    expect((await desk.balance(person, 'USD')).total).toBe('1000');
  });

  test('a gate that closes stops the approval and the payout', async () => {
    const person = await payer();
    const { body } = await withdraw(person);
    await desk.changeGate(person, { screening: 'open' });
    expect((await act(desk.compliance, body.id, 'approve', REASON)).body.code).toBe('under_review');
    await desk.changeGate(person, { screening: 'clear' });
    expect((await act(desk.compliance, body.id, 'approve', REASON)).body.status).toBe('approved');
    await desk.changeGate(person, { restriction: 'no_out' });
    expect((await act(desk.operations, body.id, 'process')).body.code).toBe('account_restricted');
    expect((await act(person, body.id, 'cancel')).body.status).toBe('cancelled');
  });

  test('roles decide: no other staff votes or pays, and no customer sees the votes', async () => {
    const person = await payer();
    const { body } = await withdraw(person);
    for (const role of ['support', 'auditor', 'admin', 'risk_manager', 'mlro'] as const) {
      const staff = await desk.newStaff(role);
      expect((await act(staff, body.id, 'approve', REASON)).status).toBe(403);
      expect((await act(staff, body.id, 'process')).status).toBe(403);
    }
    expect((await act(desk.compliance, body.id, 'process')).status).toBe(403);
    expect((await act(person, body.id, 'approve', REASON)).status).toBe(403);
    expect((await desk.request(person, 'GET', `/v1/withdrawals/${body.id}/approvals`)).status).toBe(403);
  });
});

describe('reading', () => {
  test('the payee is for its owner and for the staff who pay, whose reading leaves a trace', async () => {
    const person = await payer();
    const { body } = await withdraw(person);
    const path = `/v1/withdrawals/${body.id}`;
    const payee = {
      kind: 'bank',
      holderName: HOLDER,
      iban: 'MU17BOMM0101101030300200000MUR',
      bic: 'MCBLMUMU',
    };
    expect((await desk.request(person, 'GET', path)).body.destination).toEqual(payee);
    expect((await desk.request(desk.operations, 'GET', path)).body.destination).toEqual(payee);
    const support = await desk.newStaff('support');
    expect((await desk.request(support, 'GET', path)).body.destination).toBeNull();
    const reads = await desk.deps.db.engine
      .select()
      .from(auditLogs)
      .where(and(eq(auditLogs.eventType, 'withdrawal.destination_read'), eq(auditLogs.resourceId, body.id)));
    expect(reads.map((row) => row.actorUserId)).toEqual([desk.operations.userId]);
    const other = await desk.newCustomer();
    expect((await desk.request(other, 'GET', path)).status).toBe(404);
    expect((await act(other, body.id, 'cancel')).status).toBe(404);
    expect((await desk.request(person, 'GET', '/v1/withdrawals')).body.data).toHaveLength(1);
    expect((await desk.request(other, 'GET', '/v1/withdrawals')).body.data).toEqual([]);
  });

  test('while it is open its beneficiary cannot be removed', async () => {
    const person = await payer();
    const { body } = await withdraw(person);
    const path = `/v1/beneficiaries/${person.beneficiaryId}`;
    expect((await desk.request(person, 'DELETE', path)).body.code).toBe('beneficiary_in_use');
    await act(person, body.id, 'cancel');
    expect((await desk.request(person, 'DELETE', path)).status).toBe(204);
  });
});

describe('a liquidation of the account', () => {
  test('takes back what has not begun to leave, the newest first, as far as the positions need it', async () => {
    const person = await payer();
    const paid = await processing(person, { amount: '50' });
    const asked = [];
    for (const amount of ['300', '200']) {
      asked.push((await withdraw(person, { amount })).body.id);
    }
    await act(desk.compliance, asked[1], 'approve', REASON);
    await liquidationBegins(desk, person);
    expect(await statusesOf(paid, ...asked)).toEqual(['processing', 'pending', 'approved']);
    await isMarginShort(desk, person);
    await liquidationBegins(desk, person);
    await liquidationBegins(desk, person);
    expect(await statusesOf(paid, ...asked)).toEqual(['processing', 'pending', 'cancelled']);
    const seen = await desk.request(person, 'GET', `/v1/withdrawals/${asked[1]}`);
    expect(seen.body.rejectionReason).toBe('needed_as_margin');
    expect(await desk.balance(person, 'USD')).toEqual({ total: '1000', reserved: '350' });
    await isMarginShort(desk, person);
    await liquidationBegins(desk, person);
    expect(await statusesOf(paid, ...asked)).toEqual(['processing', 'cancelled', 'cancelled']);
    expect(await desk.balance(person, 'USD')).toEqual({ total: '1000', reserved: '50' });
    const { body } = await desk.request(desk.operations, 'GET', `/v1/withdrawals/${asked[0]}/approvals`);
    expect(body.data).toMatchObject([{ status: 'cancelled' }]);
  });

  test('takes back nothing that a bank statement shows as paid', async () => {
    const person = await payer();
    const [shown, other] = [await withdraw(person), await withdraw(person, { amount: '101' })];
    for (const { body } of [shown, other]) {
      await act(desk.compliance, body.id, 'approve', REASON);
    }
    const endToEndId = shown.body.id.replaceAll('-', '').toUpperCase();
    const entries = [{ amount: '100', direction: 'DBIT', name: HOLDER, endToEndId } as const];
    await desk.importFile(camt053({ entries, opening: await nextOpening(desk.deps) }));
    await isMarginShort(desk, person);
    await liquidationBegins(desk, person);
    await isMarginShort(desk, person);
    await liquidationBegins(desk, person);
    expect(await statusesOf(shown.body.id, other.body.id)).toEqual(['approved', 'cancelled']);
  });
});

async function statusesOf(...ids: readonly string[]): Promise<readonly string[]> {
  const statuses = [];
  for (const id of ids) {
    statuses.push((await desk.request(desk.operations, 'GET', `/v1/withdrawals/${id}`)).body.status);
  }
  return statuses;
}
