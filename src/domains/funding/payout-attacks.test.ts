/** What somebody in a hurry or in bad faith tries on the way out, often at once. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, desc, eq, sql } from 'drizzle-orm';
import { type Id, newId } from '../../kernel/id.ts';
import { expireApprovals } from '../../platform/approvals/expire-approvals.ts';
import { auditLogs } from '../../platform/db/schema.ts';
import { statusReport } from '../../testing/drivers/payouts.ts';
import {
  bankBeneficiary,
  type FundingDesk,
  HOLDER,
  type Person,
  startFundingDesk,
} from '../../testing/funding-desk.ts';
import type { Answer } from '../../testing/send.ts';
import { writeUnguarded } from '../../testing/unguarded.ts';
import { camt053, nextOpening, type SampleEntry } from './testing/camt-sample.ts';
import { executionDay } from './testing/execution-day.ts';
import { repayments } from './work/schema.ts';

let desk: FundingDesk;
let mlro: Person;
let payers: Person;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
  mlro = await desk.newStaff('mlro');
  payers = await desk.newStaff('operations');
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

const code = ({ status, body }: Answer) => [status, body.code];

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

describe('money that comes back', () => {
  const OWN_ACCOUNT = { name: HOLDER, iban: 'MU17BOMM0101101030300200000MUR', bic: 'BOMMMUPL' };

  async function imported(...entries: readonly SampleEntry[]): Promise<readonly string[]> {
    const answer = await desk.importFile(camt053({ entries, opening: await nextOpening(desk.deps) }));
    expect(answer.status).toBe(201);
    return answer.body.lines.map(({ receiptId }: { receiptId: string }) => receiptId);
  }

  /** A payout of 100 under way. */
  async function begun(person: Payer) {
    const id = await approved(person);
    await act(desk.operations, id, 'process');
    const endToEndId = id.replaceAll('-', '').toUpperCase();
    const debit = { amount: '100', direction: 'DBIT', name: HOLDER, endToEndId } as const;
    return { id, debit, back: { amount: '100', ...OWN_ACCOUNT, endToEndId } };
  }

  const complete = (id: string) => act(desk.operations, id, 'complete', { transactionReference: newId() });

  /** The receipt of a completed payout that the bank returned. */
  async function bounced(person: Payer): Promise<string> {
    const { id, debit, back } = await begun(person);
    await imported(debit);
    expect((await complete(id)).status).toBe(200);
    return (await imported(back))[0] as string;
  }

  /** The receipt of a deposit that was not accepted from whoever announced it. */
  async function notAccepted(person: Payer): Promise<string> {
    const wish = { accountId: person.accountId, asset: 'USD', amount: '70', method: 'bank_transfer' };
    const { body } = await desk.request(person, 'POST', '/v1/deposits', { body: wish, key: newId() });
    await desk.changeGate(person, { restriction: 'frozen' });
    return (await imported({ amount: '70', ...OWN_ACCOUNT, reference: body.paymentReference }))[0] as string;
  }

  const on = (receiptId: string, verb: string, body: object = {}, by = desk.operations) =>
    desk.request(by, 'POST', `/v1/unallocated-receipts/${receiptId}/${verb}`, {
      body: { ...body, ...REASON },
    });

  const vote = (asked: Answer, by = desk.operations2) =>
    desk.request(by, 'POST', `/v1/approvals/${asked.body.approval.id}/approve`, { body: REASON });

  const HOUSE = { explanation: 'house', house: { role: 'fees_earned', reference: 'main' } };

  async function sentBack(receiptId: string, asked: Answer) {
    expect((await vote(asked)).status).toBe(200);
    const [row] = await desk.deps.db.engine
      .select()
      .from(repayments)
      .where(eq(repayments.receiptId, receiptId as Id))
      .orderBy(desc(repayments.id));
    return row as typeof repayments.$inferSelect;
  }

  function file(repaymentId: Id, by = payers) {
    const executionDate = executionDay(desk.deps);
    const body = { asset: 'USD', repaymentIds: [repaymentId], withdrawalIds: [], executionDate };
    return desk.request(by, 'POST', '/v1/payout-files', { body, key: newId() });
  }

  const download = ({ body }: Answer) => desk.request(payers, 'GET', `/v1/payout-files/${body.id}/download`);

  const inside = (person: Person): Person => ({
    ...person,
    actor: { ...person.actor, kind: 'staff', roles: ['operations', 'customer'] } as Person['actor'],
  });

  test('leaves in no file while nothing of its customer’s may leave, and nobody acts on their own', async () => {
    for (const receive of [bounced, notAccepted]) {
      const person = await payer();
      const self = inside(person);
      const receiptId = await receive(person);
      expect((await on(receiptId, 'return', {}, self)).body.code).toBe('self_action');
      expect((await on(receiptId, 'explain', HOUSE, self)).body.code).toBe('self_action');
      const asked = await on(receiptId, 'return');
      const { subjectUserId, payload } = asked.body.approval;
      expect([subjectUserId, payload.ownerId]).toEqual([person.userId, person.userId]);
      expect((await vote(asked, self)).body.code).toBe('not_found');
      const { id, approvalId, payoutReference } = await sentBack(receiptId, asked);
      await desk.changeGate(person, { restriction: 'frozen' });
      expect((await file(id)).body.code).toBe('repayment_held');
      await desk.changeGate(person, { restriction: 'none' });
      expect((await file(id, self)).body.code).toBe('self_action');
      const made = await file(id);
      expect(made.status).toBe(201);
      await desk.changeGate(person, { restriction: 'no_out' });
      expect((await download(made)).body.code).toBe('repayment_held');
      // Nor what comes back of that.
      const amount = receive === bounced ? '100' : '70';
      const [again = ''] = await imported({ amount, ...OWN_ACCOUNT, endToEndId: payoutReference });
      const next = await sentBack(again, await on(again, 'return'));
      expect((await file(next.id)).body.code).toBe('repayment_held');
      // A vote of before votes said whose it was.
      await writeUnguarded(desk.database, 'approvals', (tx) =>
        tx.execute(sql`update approvals set subject_user_id = null, payload = payload - 'ownerId'
          where id = ${approvalId}`),
      );
      expect((await download(made)).body.code).toBe('repayment_held');
    }
  });

  /** What explains a receipt that two people booked before the bank showed it. */
  async function bookedByHand(amount: string) {
    const entries = [
      { house: { role: 'client_money_bank', reference: 'main', asset: 'USD' }, amount: `-${amount}` },
      { house: { role: 'suspense', reference: 'differences', asset: 'USD' }, amount },
    ];
    const body = { kind: 'adjustment', description: 'Came back', entries, ...REASON };
    const posted = await desk.request(desk.operations, 'POST', '/v1/journals', { body, key: newId() });
    expect((await vote(posted)).status).toBe(200);
    return { explanation: 'booked', journalId: posted.body.approval.subjectId };
  }

  test('from somebody else is nothing that whoever its line names hears of, asks for or decides', async () => {
    const person = await payer();
    const self = inside(person);
    const officer = { ...self, actor: { ...self.actor, roles: ['compliance_officer'] } as Person['actor'] };
    const wish = { accountId: person.accountId, asset: 'USD', amount: '71', method: 'bank_transfer' };
    const { body } = await desk.request(person, 'POST', '/v1/deposits', { body: wish, key: newId() });
    const strange = { ...OWN_ACCOUNT, name: 'Ottoline Brackenbury', reference: body.paymentReference };
    const [receiptId = ''] = await imported({ amount: '71', ...strange });
    const booked = await bookedByHand('71');
    // Nor do they have it go to somebody else, or agree to that.
    const other = await payer();
    const gift = { accountId: other.accountId };
    expect(code(await on(receiptId, 'allocate', gift, self))).toEqual([403, 'self_action']);
    const given = await on(receiptId, 'allocate', gift);
    await desk.changeGate(other, { screening: 'clear' });
    expect(code(await vote(given, self))).toEqual([403, 'self_approval']);
    const path = `/v1/approvals/${given.body.approval.id}/reject`;
    expect((await desk.request(desk.compliance, 'POST', path, { body: REASON })).status).toBe(200);
    for (const [verb, what] of [
      ['explain', booked],
      ['return', {}],
    ] as const) {
      expect(code(await on(receiptId, verb, what, self))).toEqual([403, 'self_action']);
      const asked = await on(receiptId, verb, what);
      const { id, subjectUserId, payload } = asked.body.approval;
      expect([subjectUserId, payload.told]).toEqual([person.userId, true]);
      const read = await desk.request(officer, 'GET', `/v1/approvals/${id}`);
      const refused = await desk.request(officer, 'POST', `/v1/approvals/${id}/reject`, { body: REASON });
      expect([code(read), code(refused)]).toEqual([
        [404, 'not_found'],
        [404, 'not_found'],
      ]);
      if (verb === 'explain') {
        const taken = await desk.request(desk.compliance, 'POST', `/v1/approvals/${id}/reject`, {
          body: REASON,
        });
        expect(taken.status).toBe(200);
      } else {
        // A vote of before votes were about them.
        await writeUnguarded(desk.database, 'approvals', (tx) =>
          tx.execute(sql`update approvals set subject_user_id = null where id = ${id}`),
        );
        expect(code(await vote(asked, officer))).toEqual([403, 'self_approval']);
        expect((await vote(asked, desk.compliance)).status).toBe(200);
      }
    }
    // The payer's money is not held for whom they named.
    await desk.changeGate(person, { restriction: 'frozen' });
    const its = eq(repayments.receiptId, receiptId as Id);
    const [sent] = await desk.deps.db.engine.select().from(repayments).where(its);
    expect((await file(sent?.id as Id)).status).toBe(201);
  });

  test('of a payout is no income of the firm, and what was booked before only with compliance', async () => {
    const person = await payer();
    const receiptId = await bounced(person);
    expect(code(await on(receiptId, 'explain', HOUSE))).toEqual([422, 'receipt_does_not_fit']);
    const settlement = { explanation: 'provider_settlement', provider: 'test', depositIds: [newId()] };
    expect(code(await on(receiptId, 'explain', settlement))).toEqual([422, 'receipt_does_not_fit']);
    const booked = await bookedByHand('100');
    const asked = await on(receiptId, 'explain', booked);
    expect((await vote(asked)).status).toBe(404);
    expect((await vote(asked, desk.compliance)).status).toBe(200);
  });

  test('before its payout is completed waits for that, and goes to nobody else afterwards', async () => {
    const [person, other] = [await payer(), await payer()];
    const { id, debit, back } = await begun(person);
    const [, receiptId = ''] = await imported(debit, back);
    const [body, own] = [{ accountId: other.accountId }, { accountId: person.accountId }];
    const journalId = newId();
    for (const [verb, with_] of [
      ['allocate', body],
      ['allocate', own],
      ['return', {}],
      ['explain', HOUSE],
      ['explain', { explanation: 'booked', journalId }],
    ] as const) {
      expect(code(await on(receiptId, verb, with_))).toEqual([422, 'receipt_does_not_fit']);
    }
    expect((await complete(id)).status).toBe(200);
    expect(code(await on(receiptId, 'allocate', body))).toEqual([422, 'receipt_does_not_fit']);
    expect((await vote(await on(receiptId, 'allocate', own))).status).toBe(200);
    expect([(await desk.balance(person, 'USD')).total, (await desk.balance(other, 'USD')).total]).toEqual([
      '1000',
      '1000',
    ]);
  });

  test('of a payout does not leave past what its customer owes', async () => {
    const person = await payer('100');
    const receiptId = await bounced(person);
    const early = await on(receiptId, 'return');
    const { body } = await desk.request(person, 'GET', '/v1/deposits');
    const refund = await desk.request(desk.operations, 'POST', `/v1/deposits/${body.data[0].id}/refund`, {
      body: REASON,
    });
    expect((await vote(refund)).status).toBe(200);
    expect(code(await vote(early))).toEqual([422, 'debt_open']);
    expect((await vote(await on(receiptId, 'allocate', { accountId: person.accountId }))).status).toBe(200);
    expect((await desk.request(person, 'GET', '/v1/debts')).body.data).toEqual([]);
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

describe('a payout that the bank shows at another account', () => {
  const STRANGER = { name: 'Ottoline Brackenbury', iban: 'DE89370400440532013000', bic: 'COBADEFF' };
  const PAID = { outcome: 'completed', transactionReference: 'FT 5', ...REASON };

  async function unknown() {
    const id = await approved(await payer());
    await act(desk.operations, id, 'process');
    await act(desk.operations, id, 'unknown', REASON);
    return { id, endToEndId: id.replaceAll('-', '').toUpperCase() };
  }

  async function debited(entry: Partial<SampleEntry>): Promise<Id> {
    const entries = [{ amount: '100', direction: 'DBIT', ...entry }] as const;
    const opening = await nextOpening(desk.deps);
    const { body } = await desk.importFile(camt053({ entries, opening }));
    return body.lines[0].debitId;
  }

  const vote = (asked: Answer, by: Person) =>
    desk.request(by, 'POST', `/v1/approvals/${asked.body.approval.id}/approve`, { body: REASON });

  test('is resolved as completed by nobody before compliance said what its debit was, and then with them', async () => {
    const { id, endToEndId } = await unknown();
    const early = await act(desk.operations, id, 'resolve', PAID);
    const debitId = await debited({ ...STRANGER, endToEndId });
    expect((await vote(early, desk.operations2)).body.code).toBe('payout_debit_open');
    expect((await act(desk.operations2, id, 'resolve', PAID)).body.code).toBe('payout_debit_open');
    const explain = { explanation: 'payout', withdrawalId: id, ...REASON };
    const path = `/v1/statement-debits/${debitId}/explain`;
    const said = await desk.request(desk.operations, 'POST', path, { body: explain });
    expect((await vote(said, desk.compliance)).status).toBe(200);
    // Two of operations had been asked: compliance, who are told what the bank shows, are asked anew.
    expect((await vote(early, desk.operations2)).body.code).toBe('approved_request_changed');
    await desk.request(desk.operations, 'POST', `/v1/approvals/${early.body.approval.id}/cancel`);
    const asked = await act(desk.operations, id, 'resolve', PAID);
    expect((await vote(asked, desk.operations2)).status).toBe(404);
    expect((await vote(asked, desk.compliance)).status).toBe(200);
  });

  test('calls somebody and is completed by nobody though a cent is missing', async () => {
    const { id, endToEndId } = await unknown();
    const debitId = await debited({ ...STRANGER, endToEndId, amount: '99.99' });
    const alarms = await desk.deps.db.engine
      .select({ event: auditLogs.eventType })
      .from(auditLogs)
      .where(and(eq(auditLogs.resourceId, debitId), eq(auditLogs.severity, 'critical')));
    expect(alarms).toEqual([{ event: 'statement_debit.paid_elsewhere' }]);
    expect((await act(desk.operations, id, 'resolve', PAID)).body.code).toBe('payout_debit_open');
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
