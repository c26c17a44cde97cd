import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, eq } from 'drizzle-orm';
import { parseAmount, ZERO } from '../../kernel/amount.ts';
import { newId } from '../../kernel/id.ts';
import { expireApprovals } from '../../platform/approvals/expire-approvals.ts';
import { openJson } from '../../platform/crypto/seal.ts';
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
import { screenings } from '../aml/schema.ts';
import { withdrawalPlace } from './destination.ts';
import { travelRuleData } from './ivms101.ts';
import { fundingLimits, withdrawals } from './schema.ts';
import { seedFundingLimits } from './seed-funding-limits.ts';

let desk: FundingDesk;
let mlro: Person;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
  mlro = await desk.newStaff('mlro');
});

afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

type Payer = Person & { readonly beneficiaryId: string };

const REASON = { reason: 'Looked at it' };

async function payer(asset = 'USD', amount = '1000', body: object = bankBeneficiary()): Promise<Payer> {
  const customer = await desk.newCustomer();
  await desk.fund(customer, asset, amount);
  const added = await desk.request(customer, 'POST', '/v1/beneficiaries', { body });
  return { ...customer, beneficiaryId: added.body.id };
}

function withdraw(person: Payer, changes: object = {}, key: string = newId()) {
  const { accountId, beneficiaryId } = person;
  const body = { accountId, beneficiaryId, asset: 'USD', amount: '100', ...changes };
  return desk.request(person, 'POST', '/v1/withdrawals', { body, key });
}

function act(person: Person, id: string, step: string, body?: object) {
  const path = `/v1/withdrawals/${id}/${step}`;
  return desk.request(person, 'POST', path, body === undefined ? {} : { body });
}

function vote(person: Person, approvalId: string) {
  return desk.request(person, 'POST', `/v1/approvals/${approvalId}/approve`, { body: REASON });
}

async function unknown(person: Payer): Promise<string> {
  const { body } = await withdraw(person);
  await act(desk.compliance, body.id, 'approve', REASON);
  await act(desk.operations, body.id, 'process');
  const marked = await act(desk.operations, body.id, 'unknown', { reason: 'The bank does not answer' });
  expect(marked.body.status).toBe('unknown');
  return body.id;
}

describe('limits', () => {
  test('are shared by the assets of a method, and what remains of one says so', async () => {
    await desk.deps.db.engine.transaction((tx) =>
      seedFundingLimits(
        tx as never,
        desk.system,
        [24, 168, 720].flatMap((windowHours) =>
          (['USD', 'EUR'] as const).map((asset) => ({
            kycLevel: 'enhanced',
            asset,
            direction: 'withdrawal' as const,
            method: 'bank_transfer' as const,
            windowHours,
            maximum: parseAmount(asset === 'USD' ? '1000' : '300'),
          })),
        ),
      ),
    );
    const person = await payer();
    await desk.fund(person, 'EUR', '1000');
    await desk.changeGate(person, { kycLevel: 'enhanced' });
    expect((await withdraw(person, { asset: 'EUR', amount: '100' })).status).toBe(201);
    const { body } = await desk.request(person, 'GET', '/v1/funding/limits');
    const left = body.data.map((row: { asset: string; remaining: string }) => [row.asset, row.remaining]);
    expect(left).toEqual([...Array(3).fill(['EUR', '200']), ...Array(3).fill(['USD', '666.66'])]);
    expect((await withdraw(person, { amount: '666.67' })).body.code).toBe('limit_exceeded');
    expect((await withdraw(person, { amount: '666.66' })).status).toBe(201);
    expect((await withdraw(person, { asset: 'EUR', amount: '0.01' })).body.code).toBe('limit_exceeded');
    // A limit of nothing bars its own asset, and no other for what was withdrawn of it.
    await writeUnguarded(desk.database, 'funding_limits', (tx) =>
      tx.update(fundingLimits).set({ maximum: ZERO }).where(eq(fundingLimits.asset, 'EUR')),
    );
    const { body: barred } = await desk.request(person, 'GET', '/v1/funding/limits');
    expect(barred.data.map((row: { remaining: string }) => row.remaining)).toEqual([
      ...Array(3).fill('0'),
      ...Array(3).fill('333.34'),
    ]);
    expect((await withdraw(person, { asset: 'EUR', amount: '0.01' })).body.code).toBe('limit_exceeded');
    expect((await withdraw(person, { amount: '333.34' })).status).toBe(201);
  });

  test('and votes count all assets: whoever splits a large amount over them has two checkers', async () => {
    const person = await payer('BTC', '1', BITCOIN_BENEFICIARY);
    await desk.fund(person, 'USD', '10000');
    const bank = await desk.request(person, 'POST', '/v1/beneficiaries', { body: bankBeneficiary() });
    const whole = await withdraw(person, { amount: '10000', beneficiaryId: bank.body.id });
    const more = await withdraw(person, { asset: 'BTC', amount: '0.0001', ...OWN_WALLET });
    expect([whole.body.status, more.body.status]).toEqual(['pending', 'under_review']);
  });

  test('a customer sees theirs for every method and window, with what is used', async () => {
    const person = await payer();
    await withdraw(person, { amount: '250' });
    const seen = await desk.request(person, 'GET', '/v1/funding/limits');
    const bank = seen.body.data.filter((row: { method: string }) => row.method === 'bank_transfer');
    expect(bank).toMatchObject([
      { asset: 'USD', windowHours: 24, maximum: '50000', used: '250', remaining: '49750' },
      { asset: 'USD', windowHours: 168, maximum: '500000', used: '250', remaining: '499750' },
      { asset: 'USD', windowHours: 720, maximum: '500000', used: '250', remaining: '499750' },
    ]);
    const wallet = seen.body.data.filter((row: { method: string }) => row.method === 'mcb_juice');
    expect(wallet.map((row: { used: string }) => row.used)).toEqual(['0', '0', '0']);
    const asStaff = await desk.request(desk.compliance, 'GET', `/v1/funding/limits?userId=${person.userId}`);
    expect(asStaff.body).toEqual(seen.body);
    const other = await desk.newCustomer();
    const tried = await desk.request(other, 'GET', `/v1/funding/limits?userId=${person.userId}`);
    expect(new Set(tried.body.data.map((row: { used: string }) => row.used))).toEqual(new Set(['0']));
  });

  test('a missing row for any of the three windows refuses', async () => {
    const person = await payer();
    for (const windowHours of [24, 168, 720]) {
      const row = and(
        eq(fundingLimits.asset, 'USD'),
        eq(fundingLimits.method, 'bank_transfer'),
        eq(fundingLimits.windowHours, windowHours),
      );
      await writeUnguarded(desk.database, 'funding_limits', (tx) =>
        tx.update(fundingLimits).set({ method: 'other' }).where(row),
      );
      expect((await withdraw(person)).body.code).toBe('limit_missing');
      const moved = and(eq(fundingLimits.method, 'other'), eq(fundingLimits.windowHours, windowHours));
      await writeUnguarded(desk.database, 'funding_limits', (tx) =>
        tx.update(fundingLimits).set({ method: 'bank_transfer' }).where(moved),
      );
    }
    expect((await withdraw(person)).status).toBe(201);
  });

  test('a limit changes when a second person agrees, and not before', async () => {
    const person = await payer();
    const body = {
      kycLevel: 'standard',
      asset: 'USD',
      direction: 'withdrawal',
      method: 'mcb_juice',
      windowHours: 168,
      maximum: '500001',
      ...REASON,
    };
    const asked = await desk.request(desk.compliance, 'POST', '/v1/funding/limits', { body });
    expect(asked.status).toBe(202);
    const again = await desk.request(mlro, 'POST', '/v1/funding/limits', { body });
    expect(again.body.code).toBe('approval_pending_exists');
    const maximum = async () => {
      const { body: seen } = await desk.request(person, 'GET', '/v1/funding/limits');
      return seen.data.find(
        (row: { method: string; windowHours: number }) =>
          row.method === 'mcb_juice' && row.windowHours === 168,
      ).maximum;
    };
    expect((await vote(desk.compliance, asked.body.approval.id)).body.code).toBe('self_approval');
    expect(await maximum()).toBe('500000');
    expect((await vote(mlro, asked.body.approval.id)).status).toBe(200);
    expect(await maximum()).toBe('500001');
    const bad = [{ windowHours: 25 }, { maximum: '-1' }, { maximum: '1e3' }, { method: 'cash' }];
    for (const change of bad) {
      const answer = await desk.request(mlro, 'POST', '/v1/funding/limits', { body: { ...body, ...change } });
      expect(answer.status).toBe(422);
    }
  });
});

describe('who decides', () => {
  test('where a screening ever found something, one of the two is the MLRO', async () => {
    const person = await payer();
    const [known] = await desk.deps.db.engine
      .select()
      .from(screenings)
      .where(eq(screenings.userId, person.userId));
    await transact(desk.system, 'engine', (tx) =>
      tx.insert(screenings).values({
        ...(known as typeof screenings.$inferInsert),
        id: newId(),
        result: 'alert',
        checkedAt: '2020-01-01T00:00:00.000000Z' as never,
      }),
    );
    const { body } = await withdraw(person);
    expect(body.status).toBe('under_review');
    expect((await act(desk.compliance, body.id, 'approve', REASON)).body.status).toBe('under_review');
    const second = await act(desk.operations2, body.id, 'approve', REASON);
    expect([second.status, second.body.code]).toEqual([409, 'mlro_vote_required']);
    expect((await act(mlro, body.id, 'approve', REASON)).body.status).toBe('approved');
  });

  test('an approval nobody gives in time sets the money free', async () => {
    const person = await payer();
    const { body } = await withdraw(person);
    await expireApprovals({
      ...desk.system,
      deps: {
        ...desk.deps,
        clock: { ...desk.deps.clock, realNow: () => '2999-01-01T00:00:00.000000Z' as never },
      },
    });
    const seen = await desk.request(person, 'GET', `/v1/withdrawals/${body.id}`);
    expect(seen.body).toMatchObject({ status: 'rejected', rejectionReason: 'declined' });
    expect(await desk.balance(person, 'USD')).toEqual({ total: '1000', reserved: '0' });
  });

  test('the same withdrawal again is asked about for as long as the first is open', async () => {
    const person = await payer();
    const first = await withdraw(person);
    const again = await withdraw(person);
    expect([again.status, again.body.code]).toEqual([409, 'duplicate_withdrawal']);
    expect((await withdraw(person, { amount: '100.01' })).status).toBe(201);
    expect((await withdraw(person, { confirmDuplicate: true })).status).toBe(201);
    const key = newId();
    const once = await withdraw(person, { confirmDuplicate: true }, key);
    expect((await withdraw(person, { confirmDuplicate: true }, key)).body.id).toBe(once.body.id);
    desk.advance(86_400_000);
    expect((await withdraw(person)).body.code).toBe('duplicate_withdrawal');
    expect(first.status).toBe(201);
    expect((await desk.balance(person, 'USD')).reserved).toBe('400.01');
  });
});

describe('a payout whose outcome is unknown', () => {
  test('is neither paid again, completed nor freed by one person', async () => {
    const person = await payer();
    const id = await unknown(person);
    expect((await act(desk.operations, id, 'process')).body.code).toBe('withdrawal_status_conflict');
    const reference = { transactionReference: 'FT 1' };
    expect((await act(desk.operations, id, 'complete', reference)).body.code).toBe(
      'withdrawal_status_conflict',
    );
    expect((await act(desk.operations, id, 'fail', {})).body.code).toBe('withdrawal_status_conflict');
    expect((await act(person, id, 'cancel')).body.code).toBe('withdrawal_status_conflict');
    const mute = await act(desk.operations, id, 'resolve', { outcome: 'completed' });
    expect(mute.status).toBe(422);
    const asked = await act(desk.operations, id, 'resolve', { outcome: 'completed', ...reference });
    expect(asked.status).toBe(202);
    const approvalId = asked.body.approval.id;
    expect((await vote(desk.operations, approvalId)).body.code).toBe('self_approval');
    expect((await desk.balance(person, 'USD')).reserved).toBe('100');
    expect((await vote(desk.operations2, approvalId)).status).toBe(200);
    const settled = await act(desk.operations, id, 'resolve', { outcome: 'completed', approvalId });
    expect(settled.body).toMatchObject({ status: 'completed', transactionReference: 'FT 1' });
    expect(await desk.balance(person, 'USD')).toEqual({ total: '900', reserved: '0' });
  });

  test('that failed sets the money free with the second person', async () => {
    const person = await payer();
    const id = await unknown(person);
    const asked = await act(desk.operations, id, 'resolve', { outcome: 'failed' });
    const twice = await act(desk.operations2, id, 'resolve', {
      outcome: 'completed',
      transactionReference: 'X',
    });
    expect(twice.body.code).toBe('approval_pending_exists');
    await vote(desk.operations2, asked.body.approval.id);
    const { body } = await desk.request(person, 'GET', `/v1/withdrawals/${id}`);
    expect(body).toMatchObject({ status: 'failed', rejectionReason: 'payout_failed' });
    expect(await desk.balance(person, 'USD')).toEqual({ total: '1000', reserved: '0' });
  });

  test('is not settled on figures that changed since it was asked, nor by who approved it', async () => {
    const person = await payer();
    const id = await unknown(person);
    expect((await act(desk.compliance, id, 'resolve', { outcome: 'failed' })).status).toBe(403);
    const asked = await act(desk.operations, id, 'resolve', { outcome: 'failed' });
    const { engine } = desk.deps.db;
    const [before] = await engine.select().from(withdrawals).where(eq(withdrawals.id, id));
    const swap = (amount: unknown) =>
      writeUnguarded(desk.database, 'withdrawals', (tx) =>
        tx
          .update(withdrawals)
          .set({ amount: amount as never })
          .where(eq(withdrawals.id, id)),
      );
    await swap(1n);
    expect((await vote(desk.operations2, asked.body.approval.id)).body.code).toBe('approved_request_changed');
    await swap(before?.amount);
    expect((await vote(desk.operations2, asked.body.approval.id)).status).toBe(200);
  });

  test('keeps the reference the bank knows it by, unique for good', async () => {
    const [one, two] = [await unknown(await payer()), await unknown(await payer())];
    const { engine } = desk.deps.db;
    const [row] = await engine.select().from(withdrawals).where(eq(withdrawals.id, one));
    expect(row?.payoutReference).toBe(one.replaceAll('-', '').toUpperCase());
    const steal = engine
      .update(withdrawals)
      .set({ payoutReference: row?.payoutReference as string })
      .where(eq(withdrawals.id, two))
      .execute();
    expect(steal).rejects.toThrow();
    await steal.catch(() => undefined);
  });

  test('votes at once for both outcomes end in one of them', async () => {
    const person = await payer();
    const id = await unknown(person);
    const asked = await Promise.all([
      act(desk.operations, id, 'resolve', { outcome: 'failed' }),
      act(desk.operations2, id, 'resolve', { outcome: 'completed', transactionReference: 'FT 9' }),
    ]);
    expect(asked.map((answer) => answer.status).toSorted((a, b) => a - b)).toEqual([202, 409]);
    const approvalId = asked.find((answer) => answer.status === 202)?.body.approval.id;
    const votes = await Promise.all([
      vote(desk.compliance, approvalId),
      vote(await desk.newStaff('operations'), approvalId),
    ]);
    expect(votes.map((answer) => answer.status).toSorted((a, b) => a - b)).toEqual([200, 409]);
    expect((await desk.balance(person, 'USD')).reserved).toBe('0');
  });
});

describe('coins', () => {
  test('leave only with who holds the receiving wallet, kept sealed as IVMS101', async () => {
    const person = await payer('BTC', '1', BITCOIN_BENEFICIARY);
    const coins = { asset: 'BTC', amount: '0.01', expectedFee: '0.0001' };
    expect((await withdraw(person, coins)).body.code).toBe('travel_rule_data_required');
    const vasp = { name: 'Other Exchange Ltd', country: 'MU' };
    const bad = await withdraw(person, { ...coins, travelRule: { wallet: 'hosted', vasp: { name: '' } } });
    expect(bad.status).toBe(422);
    const { body } = await withdraw(person, { ...coins, travelRule: { wallet: 'hosted', vasp } });
    const [row] = await desk.deps.db.engine.select().from(withdrawals).where(eq(withdrawals.id, body.id));
    const key = await desk.deps.db.engine.transaction((tx) => desk.deps.personKeys.of(tx, person.userId));
    const kept = openJson<object>(key, withdrawalPlace(body.id, 'travel_rule'), row?.travelRule as never);
    const [secondaryIdentifier = '', primaryIdentifier = ''] = HOLDER.split(' ');
    expect(kept).toMatchObject({
      originator: {
        originatorPersons: [
          {
            naturalPerson: {
              name: {
                nameIdentifier: [{ primaryIdentifier, secondaryIdentifier, nameIdentifierType: 'LEGL' }],
              },
              customerIdentification: person.userId,
            },
          },
        ],
        accountNumber: [person.accountId],
      },
      beneficiary: { accountNumber: [BITCOIN_BENEFICIARY.address] },
      beneficiaryVASP: {
        beneficiaryVASP: {
          legalPerson: { name: { nameIdentifier: [{ legalPersonName: 'Other Exchange Ltd' }] } },
        },
      },
    });
    expect(travelRuleData.safeParse(kept).success).toBe(true);
    // Whoever hands it to the custodian reads it, and nobody else over this operation.
    const seenBy = async (reader: Person) =>
      (await desk.request(reader, 'GET', `/v1/withdrawals/${body.id}`)).body.travelRule;
    expect(await seenBy(desk.operations)).toEqual(kept);
    expect([await seenBy(person), await seenBy(await desk.newStaff('auditor'))]).toEqual([null, null]);
    const wrong = { ...vasp, lei: '5493001KJTIIGC8Y1R13' };
    const typo = await withdraw(person, { ...coins, travelRule: { wallet: 'hosted', vasp: wrong } });
    expect([typo.status, typo.body.code]).toEqual([422, 'validation_failed']);
    expect(Buffer.from(row?.travelRule as Uint8Array).includes('Other Exchange')).toBe(false);
    expect((await withdraw(person, { ...coins, ...OWN_WALLET, amount: '0.02' })).status).toBe(201);
  });

  test('a quote shows the fee that the withdrawal then takes', async () => {
    const person = await payer('BTC', '1', BITCOIN_BENEFICIARY);
    const path = (amount: string) =>
      `/v1/funding/withdrawal-quote?asset=BTC&amount=${amount}&beneficiaryId=${person.beneficiaryId}`;
    const quote = await desk.request(person, 'GET', path('0.01'));
    expect(quote.body).toEqual({
      asset: 'BTC',
      method: 'crypto',
      tier: 'standard',
      feeId: expect.any(String),
      amount: '0.01',
      fee: '0.0001',
      total: '0.0101',
    });
    const { body } = await withdraw(person, { asset: 'BTC', amount: '0.01', ...OWN_WALLET });
    expect([body.fee, body.feeId]).toEqual([quote.body.fee, quote.body.feeId]);
    expect((await desk.request(await desk.newCustomer(), 'GET', path('0.01'))).status).toBe(404);
    for (const amount of ['0', '-1', '1e3', '0.000000001', '1234567890123']) {
      expect((await desk.request(person, 'GET', path(amount))).status).toBe(422);
    }
  });
});

describe('a mobile number', () => {
  test.each([
    ['mcb_juice', '+33612345678', 422],
    ['mcb_juice', '+2302123456', 422],
    ['my_t_money', '+23052512345', 201],
    ['blink', '+23052512345', 201],
    ['mobile_money', '+254712345678', 201],
  ])('of %s, %s: %d', async (method, phone, status) => {
    const person = await desk.newCustomer();
    const body = { kind: 'mobile_money', holderName: HOLDER, method, phone };
    expect((await desk.request(person, 'POST', '/v1/beneficiaries', { body })).status).toBe(status);
  });
});
