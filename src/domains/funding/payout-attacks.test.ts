/** What somebody in a hurry or in bad faith tries on the way out, often at once. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { newId } from '../../kernel/id.ts';
import { expireApprovals } from '../../platform/approvals/expire-approvals.ts';
import { statusReport } from '../../testing/drivers/payouts.ts';
import {
  bankBeneficiary,
  type FundingDesk,
  type Person,
  startFundingDesk,
} from '../../testing/funding-desk.ts';
import type { Answer } from '../../testing/send.ts';
import { executionDay } from './testing/execution-day.ts';

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

const REASON = { reason: 'Looked at it' };

type Payer = Person & { readonly beneficiaryId: string };

async function payer(amount = '1000'): Promise<Payer> {
  const customer = await desk.newCustomer();
  await desk.fund(customer, 'USD', amount);
  const added = await desk.request(customer, 'POST', '/v1/beneficiaries', { body: bankBeneficiary() });
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

async function approved(person: Payer, amount = '100'): Promise<string> {
  const { body } = await withdraw(person, { amount, confirmDuplicate: true });
  expect((await act(desk.compliance, body.id, 'approve', REASON)).body.status).toBe('approved');
  return body.id;
}

function many(count: number, call: (index: number) => Promise<Answer>): Promise<Answer[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => call(index)));
}

function tally(answers: readonly Answer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status, body } of answers) {
    const name = status < 300 ? String(status) : body.code;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

describe('requests at once', () => {
  test('fifty at the limit pass it by none', async () => {
    const person = await payer('200000');
    const answers = await many(50, () => withdraw(person, { amount: '5000', confirmDuplicate: true }));
    expect(tally(answers)).toEqual({ '201': 10, limit_exceeded: 40 });
    expect((await desk.balance(person, 'USD')).reserved).toBe('50000');
  });

  test('that split an amount are looked at by as many as the whole, until a day has passed', async () => {
    const person = await payer('200000');
    const ask = async (amount: string) => (await withdraw(person, { amount })).body.status as string;
    const first = await withdraw(person, { amount: '6000' });
    expect(first.body.status).toBe('pending');
    const together = await many(3, (index) => withdraw(person, { amount: `${2000 - index}` }));
    const statuses = together.map(({ body }) => body.status as string);
    expect(statuses.toSorted()).toEqual(['pending', 'pending', 'under_review']);
    await act(person, first.body.id, 'cancel');
    expect([await ask('4003'), await ask('0.01')]).toEqual(['pending', 'under_review']);
    desk.advance(86_400_000);
    expect(await ask('10000')).toBe('pending');
  });

  test('for the same thing under keys of their own are one, until the customer says otherwise', async () => {
    const person = await payer('10000');
    expect(tally(await many(20, () => withdraw(person)))).toEqual({ '201': 1, duplicate_withdrawal: 19 });
    expect((await withdraw(person, { confirmDuplicate: true })).status).toBe(201);
    expect((await desk.balance(person, 'USD')).reserved).toBe('200');
  });
});

describe('votes', () => {
  test('of one person under two logins, and under a key, are one', async () => {
    const person = await payer('20000');
    const { body } = await withdraw(person, { amount: '10001' });
    const again = { ...desk.compliance.actor, sessionId: newId() } as Person['actor'];
    const elsewhere: Person = { ...desk.compliance, actor: again };
    const answers = await Promise.all([
      act(desk.compliance, body.id, 'approve', REASON),
      act(elsewhere, body.id, 'approve', REASON),
      act(elsewhere, body.id, 'approve', REASON),
    ]);
    expect(tally(answers)).toEqual({ '200': 1, approval_already_voted: 2 });
    const { userId, roles } = desk.compliance.actor as Extract<Person['actor'], { kind: 'staff' }>;
    const key = { kind: 'apiKey', userId, roles, keyId: newId(), scopes: ['*'], service: true } as const;
    const byKey = await act({ ...desk.compliance, actor: key }, body.id, 'approve', REASON);
    expect([401, 403]).toContain(byKey.status);
    const seen = await desk.request(person, 'GET', `/v1/withdrawals/${body.id}`);
    expect(seen.body.status).toBe('under_review');
  });

  test('without the MLRO are not enough for the largest amounts, in whatever order they come', async () => {
    const person = await payer('200000');
    await desk.changeGate(person, { kycLevel: 'standard' });
    const tight = await withdraw(person, { amount: '100000.01' });
    expect(tight.body.code).toBe('limit_exceeded');
    for (const level of [24, 168, 720]) {
      const asked = await desk.request(desk.compliance, 'POST', '/v1/funding/limits', {
        body: {
          kycLevel: 'enhanced',
          asset: 'USD',
          direction: 'withdrawal',
          method: 'bank_transfer',
          windowHours: level,
          maximum: '999999999999.99999999',
          ...REASON,
        },
      });
      const path = `/v1/approvals/${asked.body.approval.id}/approve`;
      expect((await desk.request(mlro, 'POST', path, { body: REASON })).status).toBe(200);
    }
    await desk.changeGate(person, { kycLevel: 'enhanced' });
    const { body } = await withdraw(person, { amount: '100000.01' });
    expect(body.status).toBe('under_review');
    const answers = await Promise.all([
      act(desk.compliance, body.id, 'approve', REASON),
      act(desk.operations2, body.id, 'approve', REASON),
    ]);
    expect(tally(answers)).toEqual({ '200': 1, mlro_vote_required: 1 });
    expect((await act(mlro, body.id, 'approve', REASON)).body.status).toBe('approved');
    await act(person, body.id, 'cancel');
    const beyond = await withdraw(person, { amount: '999999999999.99' });
    expect(beyond.body.code).toBe('insufficient_funds');
  });

  test('that come after the time for them are refused, and the money is free', async () => {
    const person = await payer();
    const { body } = await withdraw(person);
    const realNow = () => '2999-01-01T00:00:00.000000Z' as never;
    const late = { ...desk.deps, clock: { ...desk.deps.clock, realNow } };
    const answers = await Promise.all([
      act(desk.compliance, body.id, 'approve', REASON),
      expireApprovals({ ...desk.system, deps: late }).then(() => undefined),
    ]);
    const seen = await desk.request(person, 'GET', `/v1/withdrawals/${body.id}`);
    expect(seen.body.status).toBe(answers[0].status === 200 ? 'approved' : 'rejected');
    const reserved = answers[0].status === 200 ? '100' : '0';
    expect(await desk.balance(person, 'USD')).toEqual({ total: '1000', reserved });
  });
});

describe('payouts', () => {
  test('begun ten times at once begin once', async () => {
    const person = await payer();
    const id = await approved(person);
    const answers = await many(10, () => act(desk.operations, id, 'process'));
    expect(tally(answers)).toEqual({ '200': 1, withdrawal_status_conflict: 9 });
  });

  test('begun by hand and by file at once begin one way, and cancelled meanwhile not at all', async () => {
    const person = await payer();
    for (let round = 0; round < 4; round += 1) {
      const id = await approved(person, '10');
      const file = { asset: 'USD', withdrawalIds: [id], executionDate: executionDay(desk.deps) };
      const answers = await Promise.all([
        act(desk.operations, id, 'process'),
        desk.request(desk.operations2, 'POST', '/v1/payout-files', { body: file, key: newId() }),
        act(person, id, 'cancel'),
      ]);
      expect(answers.filter((answer) => answer.status < 300)).toHaveLength(1);
      const seen = await desk.request(person, 'GET', `/v1/withdrawals/${id}`);
      if (seen.body.status === 'processing') {
        await act(desk.operations, id, 'complete', { transactionReference: `FT ${round}` });
      }
    }
    expect((await desk.balance(person, 'USD')).reserved).toBe('0');
  });

  test('that a bank may pay from a file are failed by nobody, and end as the bank says', async () => {
    const person = await payer();
    const id = await approved(person);
    const file = { asset: 'USD', withdrawalIds: [id], executionDate: executionDay(desk.deps) };
    const made = await desk.request(desk.operations, 'POST', '/v1/payout-files', {
      body: file,
      key: newId(),
    });
    const reference = id.replaceAll('-', '').toUpperCase();
    const body = new Uint8Array(Buffer.from(statusReport(made.body.messageId, [[reference, 'ACSC']])));
    const headers = { 'content-type': 'application/xml' };
    await desk.request(desk.operations, 'GET', `/v1/payout-files/${made.body.id}/download`);
    const [settled, failed] = await Promise.all([
      desk.request(desk.operations2, 'POST', `/v1/payout-files/${made.body.id}/status-report`, {
        body,
        headers,
      }),
      act(desk.operations, id, 'fail', {}),
    ]);
    expect([settled.status, failed.status]).toEqual([201, 409]);
    expect((await desk.request(person, 'GET', `/v1/withdrawals/${id}`)).body.status).toBe('completed');
    expect(await desk.balance(person, 'USD')).toEqual({ total: '900', reserved: '0' });
  });

  test('do not begin for an account that was frozen or closed for money since the approval', async () => {
    const person = await payer();
    const id = await approved(person);
    const cases = [
      [{ restriction: 'no_out' }, 'account_restricted'],
      [{ restriction: 'none', screening: 'open' }, 'under_review'],
      [{ screening: 'clear', kycStatus: 'rejected' }, 'kyc_not_approved'],
    ] as const;
    const file = { asset: 'USD', withdrawalIds: [id], executionDate: executionDay(desk.deps) };
    for (const [change, code] of cases) {
      await desk.changeGate(person, change);
      expect((await act(desk.operations, id, 'process')).body.code).toBe(code);
      const made = await desk.request(desk.operations, 'POST', '/v1/payout-files', {
        body: file,
        key: newId(),
      });
      expect(made.body.code).toBe(code);
    }
    await desk.changeGate(person, { kycStatus: 'approved' });
    expect((await act(desk.operations, id, 'process')).status).toBe(200);
  });
});

describe("the bank's report", () => {
  test.each([
    ['a whole that was refused with a part that was settled', '<GrpSts>RJCT</GrpSts>', 'report_malformed'],
    ['another count', '<OrgnlNbOfTxs>2</OrgnlNbOfTxs>', 'report_foreign'],
    ['another sum', '<OrgnlCtrlSum>100.01</OrgnlCtrlSum>', 'report_foreign'],
    ['a sum that is none', '<OrgnlCtrlSum>1e2</OrgnlCtrlSum>', 'report_malformed'],
  ])('with %s changes nothing', async (_what, told, code) => {
    const { settled, status } = await reported((xml) =>
      xml.replace('</OrgnlGrpInfAndSts>', `${told}</OrgnlGrpInfAndSts>`),
    );
    expect([settled.body.code, await status()]).toEqual([code, 'processing']);
  });

  test.each([
    ['amount', '<InstdAmt Ccy="USD">99</InstdAmt>'],
    ['currency', '<InstdAmt Ccy="EUR">100</InstdAmt>'],
  ])('with another %s of a payment changes nothing', async (_what, amount) => {
    const { settled, status } = await reported((xml) =>
      xml.replace('</TxSts>', `</TxSts><OrgnlTxRef><Amt>${amount}</Amt></OrgnlTxRef>`),
    );
    expect([settled.body.code, await status()]).toEqual(['report_foreign', 'processing']);
  });

  test('that repeats what the file said settles it', async () => {
    const { settled, status } = await reported((xml) =>
      xml
        .replace(
          '</OrgnlGrpInfAndSts>',
          '<OrgnlNbOfTxs>1</OrgnlNbOfTxs><OrgnlCtrlSum>100.00</OrgnlCtrlSum><GrpSts>ACSC</GrpSts></OrgnlGrpInfAndSts>',
        )
        .replace(
          '</TxSts>',
          '</TxSts><AcctSvcrRef>BANK 7</AcctSvcrRef><OrgnlTxRef><Amt><InstdAmt Ccy="USD">100.0</InstdAmt></Amt></OrgnlTxRef>',
        ),
    );
    expect([settled.status, await status()]).toEqual([201, 'completed']);
  });
});

async function reported(change: (xml: string) => string) {
  const person = await payer();
  const id = await approved(person);
  const file = { asset: 'USD', withdrawalIds: [id], executionDate: executionDay(desk.deps) };
  const made = await desk.request(desk.operations, 'POST', '/v1/payout-files', { body: file, key: newId() });
  const reference = id.replaceAll('-', '').toUpperCase();
  const xml = change(statusReport(made.body.messageId, [[reference, 'ACSC']]));
  const body = new Uint8Array(Buffer.from(xml));
  const headers = { 'content-type': 'application/xml' };
  await desk.request(desk.operations, 'GET', `/v1/payout-files/${made.body.id}/download`);
  const path = `/v1/payout-files/${made.body.id}/status-report`;
  const settled = await desk.request(desk.operations2, 'POST', path, { body, headers });
  const status = async () =>
    (await desk.request(person, 'GET', `/v1/withdrawals/${id}`)).body.status as string;
  return { settled, status };
}
