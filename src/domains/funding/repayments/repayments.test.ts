import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, desc, eq, isNull, like, sql } from 'drizzle-orm';
import type { Actor } from '../../../kernel/actor.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { sqlStateOf } from '../../../platform/db/errors.ts';
import { auditLogs } from '../../../platform/db/schema.ts';
import { statusReport } from '../../../testing/drivers/payouts.ts';
import {
  bankBeneficiary,
  type FundingDesk,
  HOLDER,
  type Person,
  startFundingDesk,
} from '../../../testing/funding-desk.ts';
import { writeUnguarded } from '../../../testing/unguarded.ts';
import { createList, importList } from '../../aml/index.ts';
import { amlAlerts } from '../../aml/schema.ts';
import { bankStatementLines } from '../evidence/schema.ts';
import { camt053, nextOpening, type SampleEntry } from '../testing/camt-sample.ts';
import { executionDay } from '../testing/execution-day.ts';
import { repayments, unallocatedReceipts } from '../work/schema.ts';
import { REPAYMENT_OUTCOMES, repaymentMayBecome } from './rules.ts';

let desk: FundingDesk;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
});

afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

const REASON = { reason: 'Looked at it' };
const STRANGER = { name: 'Ottoline Brackenbury', iban: 'DE89370400440532013000', bic: 'COBADEFF' };
const OTHERS = { name: 'Ottoline Brackenbury', iban: 'GB29NWBK60161331926819', bic: 'NWBKGB2L' };

type Sent = { readonly id: Id; readonly reference: string; readonly amount: string; readonly lineId: Id };

async function imported(entries: readonly SampleEntry[]) {
  const answer = await desk.importFile(camt053({ entries, opening: await nextOpening(desk.deps) }));
  expect(answer.status).toBe(201);
  return answer.body.lines as readonly { id: Id; receiptId: Id; debitId: Id }[];
}

function vote(asked: { body: { approval: { id: string } } }, by = desk.compliance) {
  return desk.request(by, 'POST', `/v1/approvals/${asked.body.approval.id}/approve`, { body: REASON });
}

async function sentBack(where: ReturnType<typeof eq>): Promise<Sent> {
  const [row] = await desk.deps.db.engine.select().from(repayments).where(where).orderBy(desc(repayments.id));
  const { id = '' as Id, payoutReference: reference = '', statementLineId: lineId } = row ?? {};
  return { id, reference, amount: '', lineId: lineId as Id };
}

/** Money of nobody we know, sent back by two people: as much from each payer. */
async function returned(
  amount: string,
  ...payers: readonly Partial<SampleEntry>[]
): Promise<readonly [Sent, ...Sent[]]> {
  const lines = await imported(
    (payers.length === 0 ? [STRANGER] : payers).map((payer) => ({ amount, ...payer })),
  );
  const sent = lines.map(async ({ receiptId }) => {
    const path = `/v1/unallocated-receipts/${receiptId}/return`;
    const asked = await desk.request(desk.operations, 'POST', path, { body: REASON });
    expect((await vote(asked)).status).toBe(200);
    return { ...(await sentBack(eq(repayments.receiptId, receiptId))), amount };
  });
  return (await Promise.all(sent)) as [Sent, ...Sent[]];
}

/** A deposit that came over the bank and was refunded by two people. */
async function refunded(amount: string, payer: Partial<SampleEntry> = {}) {
  const person = await desk.newCustomer();
  const body = { accountId: person.accountId, asset: 'USD', amount, method: 'bank_transfer' };
  const deposit = (await desk.request(person, 'POST', '/v1/deposits', { body, key: newId() })).body;
  await imported([{ ...STRANGER, amount, reference: deposit.paymentReference, name: HOLDER, ...payer }]);
  const path = `/v1/deposits/${deposit.id}`;
  const asked = await desk.request(desk.operations, 'POST', `${path}/refund`, { body: REASON });
  expect((await vote(asked)).status).toBe(200);
  return { ...(await sentBack(eq(repayments.depositId, deposit.id))), amount, person, path };
}

function file(repaymentIds: readonly string[], by: Person = desk.operations, withdrawalIds: string[] = []) {
  const body = { asset: 'USD', repaymentIds, withdrawalIds, executionDate: executionDay(desk.deps) };
  return desk.request(by, 'POST', '/v1/payout-files', { body, key: newId() });
}

function download(made: { body: { id: string } }, by: Person = desk.operations) {
  return desk.request(by, 'GET', `/v1/payout-files/${made.body.id}/download`);
}

async function report(made: { body: { id: string; messageId: string } }, said: [Sent, string][], name = 'R') {
  const { id, messageId } = made.body;
  await download(made);
  const payments = said.map(([{ reference }, status]) => [reference, status] as const);
  const token = Buffer.from(JSON.stringify(desk.operations2.actor)).toString('base64url');
  const response = await desk.app.request(`/v1/payout-files/${id}/status-report`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/xml' },
    body: statusReport(messageId, payments, `${name}-${messageId.slice(-20)}`),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

function resolve({ id }: Sent, outcome: string, more: object = {}) {
  const body = { outcome, ...more, ...REASON };
  return desk.request(desk.operations, 'POST', `/v1/repayments/${id}/resolve`, { body });
}

async function read({ id }: Sent) {
  return (await desk.request(desk.operations, 'GET', `/v1/repayments/${id}`)).body;
}

const statusOf = async (sent: Sent) => (await read(sent)).status as string;

async function debited({ reference, amount }: Sent, to: Partial<SampleEntry> = STRANGER) {
  const entry = { amount, direction: 'DBIT', endToEndId: reference, ...to } as const;
  const [line] = await imported([entry]);
  return desk.request(desk.operations, 'GET', `/v1/statement-debits/${line?.debitId}`);
}

function explain(debitId: string, body: object) {
  const path = `/v1/statement-debits/${debitId}/explain`;
  return desk.request(desk.operations, 'POST', path, { body: { ...body, ...REASON } });
}

/** The contradiction that waits, once a person ended it. */
async function ended(sent: Sent, by: Person = desk.compliance) {
  const query = '/v1/payout-conflicts?status=open&limit=100';
  const { body } = await desk.request(desk.operations, 'GET', query);
  const conflict = body.data.find((each: { repaymentId: string }) => each.repaymentId === sent.id);
  const path = `/v1/payout-conflicts/${conflict?.id}/close`;
  expect((await desk.request(by, 'POST', path, { body: REASON })).status).toBe(200);
  return conflict;
}

async function giveUp(made: { body: { id: string } }) {
  const path = `/v1/payout-files/${made.body.id}/void`;
  return vote(await desk.request(desk.operations, 'POST', path, { body: REASON }));
}

async function list(name: string): Promise<void> {
  const { id } = await createList(desk.system, { kind: 'own', name: newId() });
  const header = 'id,kind,name,aliases,birth_dates,countries,gender,programs,remarks';
  await importList(desk.system, id, {
    file: Buffer.from(`${header}\n${newId()},person,${name},,,,,TEST,\n`),
  });
}

const code = (answer: { status: number; body: { code?: string } }) => [answer.status, answer.body.code];

describe('money that two people sent back', () => {
  test('is paid to whoever had paid it, beside withdrawals, and its debit explains itself', async () => {
    const person = await desk.newCustomer();
    await desk.fund(person, 'USD', '1000');
    const bank = await desk.request(person, 'POST', '/v1/beneficiaries', { body: bankBeneficiary() });
    const wish = { accountId: person.accountId, asset: 'USD', amount: '10', beneficiaryId: bank.body.id };
    const taken = (await desk.request(person, 'POST', '/v1/withdrawals', { body: wish, key: newId() })).body;
    await desk.request(desk.compliance, 'POST', `/v1/withdrawals/${taken.id}/approve`, { body: REASON });
    const [[one], two] = [await returned('40.5'), await refunded('60')];
    expect([await statusOf(one), await statusOf(two)]).toEqual(['payable', 'payable']);
    const made = await file([one.id, two.id], desk.operations, [taken.id]);
    expect(made.body).toMatchObject({ transactionCount: 3, controlSum: '110.5' });
    const shown = await desk.request(desk.operations, 'GET', `/v1/payout-files/${made.body.id}`);
    expect(shown.body).toMatchObject({ withdrawalIds: [taken.id], repaymentIds: [one.id, two.id] });
    const { status, body } = await download(made);
    expect(status).toBe(200);
    for (const [sent, payer] of [
      [one, STRANGER],
      [two, { ...STRANGER, name: HOLDER }],
    ] as const) {
      expect(body).toContain(
        `<CdtTrfTxInf><PmtId><EndToEndId>${sent.reference}</EndToEndId></PmtId>` +
          `<Amt><InstdAmt Ccy="USD">${sent.amount}</InstdAmt></Amt>` +
          `<CdtrAgt><FinInstnId><BICFI>${payer.bic}</BICFI></FinInstnId></CdtrAgt>` +
          `<Cdtr><Nm>${payer.name}</Nm></Cdtr><CdtrAcct><Id><IBAN>${payer.iban}</IBAN></Id></CdtrAcct>`,
      );
    }
    expect((await report(made, [[one, 'ACSC']])).body).toMatchObject({ completedCount: 1 });
    expect(await statusOf(one)).toBe('completed');
    expect(await statusOf(two)).toBe('in_file');
    // The bank said it of one; the statement says it of both, and each debit is the payment it names and no other.
    expect((await debited(one)).body).toMatchObject({ explanation: 'repayment', repaymentId: one.id });
    expect((await debited(two)).body).toMatchObject({ explanation: 'repayment', repaymentId: two.id });
    expect(await statusOf(two)).toBe('completed');
    expect((await debited(two)).body).toMatchObject({ status: 'open', reason: 'paid_already' });
  });

  test('is read with its payer by those who may, each reading recorded, and listed without', async () => {
    const [one] = await returned('41');
    expect(await read(one)).toMatchObject({
      status: 'payable',
      payee: { name: STRANGER.name, account: STRANGER.iban, bank: STRANGER.bic },
    });
    const rows = await desk.deps.db.engine
      .select({ event: auditLogs.eventType })
      .from(auditLogs)
      .where(and(eq(auditLogs.resourceId, one.id), eq(auditLogs.eventType, 'repayment.read')));
    expect(rows).toHaveLength(1);
    const listed = await desk.request(desk.operations, 'GET', '/v1/repayments?status=payable&limit=100');
    expect(listed.body.data.map(({ id }: Sent) => id)).toContain(one.id);
    expect(JSON.stringify(listed.body)).not.toContain(STRANGER.iban);
    const support = await desk.newStaff('support');
    expect((await desk.request(support, 'GET', `/v1/repayments/${one.id}`)).status).toBe(403);
  });

  test('waits to be paid by hand where the bank named no account that a file can pay, and says so', async () => {
    const payers = [
      { name: STRANGER.name },
      { name: STRANGER.name, account: '000123456', bic: STRANGER.bic },
      { name: STRANGER.name, iban: STRANGER.iban },
      { ...STRANGER, bic: OTHERS.bic },
    ];
    const all = await returned('42', ...payers);
    for (const each of all) {
      expect(await statusOf(each)).toBe('by_hand');
    }
    const [one] = all;
    expect(code(await file([one.id]))).toEqual([409, 'repayment_status_conflict']);
    const [row] = await desk.deps.db.engine.select().from(repayments).where(eq(repayments.id, one.id));
    const [line] = await imported([{ amount: '42', direction: 'DBIT', name: STRANGER.name }]);
    const id = line?.debitId ?? '';
    // By its own name alone, so that nothing is said to be paid twice.
    const booked = await explain(id, { explanation: 'booked', journalId: row?.journalId });
    expect(code(booked)).toEqual([422, 'debit_not_explained']);
    const asked = await explain(id, { explanation: 'repayment', repaymentId: one.id });
    // It was held against no list: compliance looks at it.
    expect((await vote(asked, desk.operations2)).status).toBe(404);
    expect((await vote(asked)).status).toBe(200);
    expect(await statusOf(one)).toBe('completed');
    // Of one of which no debit tells, they say that it was paid.
    const told = await resolve(all[1] as Sent, 'completed', { transactionReference: 'FT 42' });
    expect((await vote(told, desk.operations2)).status).toBe(404);
    expect((await vote(told)).status).toBe(200);
    expect(await statusOf(all[1] as Sent)).toBe('completed');
  });
});

describe('whoever wants it to go to their own account', () => {
  test('does not swap the payer: neither file nor download is made', async () => {
    const all = await returned('50', STRANGER, STRANGER, OTHERS, STRANGER);
    const [one, two, other, whose] = all as readonly [Sent, Sent, Sent, Sent];
    const [mine] = await imported([{ amount: '1', ...OTHERS }]);
    const swap = (from: Id, to: Id) =>
      writeUnguarded(desk.database, 'bank_statement_lines', (tx) =>
        tx
          .update(bankStatementLines)
          .set({
            counterparty: sql`(select counterparty from bank_statement_lines l where l.id = ${from})`,
          })
          .where(eq(bankStatementLines.id, to)),
      );
    const made = await file([two.id]);
    expect(made.status).toBe(201);
    for (const { lineId } of [one, two]) {
      await swap(mine?.id as Id, lineId);
    }
    expect(code(await file([one.id]))).toEqual([409, 'destination_changed']);
    expect(code(await download(made))).toEqual([409, 'destination_changed']);
    // A line of somebody else altogether, opened where it belongs: its hash is not what two people agreed to.
    const point = (lineId: Id) =>
      writeUnguarded(desk.database, 'repayments', (tx) =>
        tx.update(repayments).set({ statementLineId: lineId }).where(eq(repayments.id, other.id)),
      );
    await point(whose.lineId);
    expect(code(await file([other.id]))).toEqual([409, 'destination_changed']);
    await point(other.lineId);
    expect((await file([other.id])).status).toBe(201);
    // As it was, for the books.
    const rows = await desk.deps.db.engine.select().from(repayments).where(eq(repayments.id, one.id));
    expect(rows[0]?.status).toBe('payable');
  });

  test('writes nothing of it as whoever has the money login', async () => {
    const all = await returned('51', STRANGER, OTHERS, STRANGER);
    const [one, other, third] = all as readonly [Sent, Sent, Sent];
    const { engine } = desk.deps.db;
    const stateOf = (change: ReturnType<typeof sql>) => engine.execute(change).then(() => 'done', sqlStateOf);
    const said = [
      sql`payer_hash = (select payer_hash from repayments where id = ${other.id})`,
      sql`statement_line_id = ${other.lineId}`,
      sql`amount = 510`,
      sql`payout_reference = 'MINE'`,
    ];
    for (const change of said) {
      expect(await stateOf(sql`update repayments set ${change} where id = ${one.id}`)).toBe('42501');
    }
    const moves = [
      sql`status = 'completed', completed_at = now()`,
      sql`status = 'in_file', file_id = (select id from payout_files limit 1)`,
      sql`status = 'by_hand'`,
      sql`status = 'unknown'`,
      sql`status = 'given_up', given_up_at = now()`,
    ];
    expect((await file([third.id])).status).toBe(201);
    for (const change of moves) {
      const move = sql`update repayments set ${change}, version = version + 1 where id = ${one.id}`;
      expect(await stateOf(move)).toBe('PL063');
    }
    expect(await stateOf(sql`delete from repayments where id = ${one.id}`)).toBe('42501');
    const id = newId();
    const copy = sql`insert into repayments (id, receipt_id, approval_id, journal_id, wallet_id, asset, amount,
        statement_line_id, payer_hash, payout_reference, status, created_at)
      select ${id}, receipt_id, approval_id, journal_id, wallet_id, asset, amount, ${other.lineId},
        (select payer_hash from repayments where id = ${other.id}), ${id.replaceAll('-', '').toUpperCase()}, 'payable', now()
      from repayments where id = ${one.id}`;
    expect(await stateOf(copy)).toBe('PL063');
  });

  test('does not pay it as one of those who agreed to it', async () => {
    const [line] = await imported([{ amount: '52', ...STRANGER }]);
    const path = `/v1/unallocated-receipts/${line?.receiptId}/return`;
    const asked = await desk.request(desk.operations2, 'POST', path, { body: REASON });
    expect((await vote(asked, desk.operations)).status).toBe(200);
    const one = await sentBack(eq(repayments.receiptId, line?.receiptId as Id));
    expect(code(await file([one.id]))).toEqual([403, 'approver_cannot_pay_out']);
    expect((await file([one.id], desk.operations2)).status).toBe(201);
  });

  test('does not have a debit to another account taken for it, whatever reference it bears', async () => {
    const [one] = await returned('53');
    expect((await file([one.id])).status).toBe(201);
    for (const to of [OTHERS, { name: STRANGER.name }]) {
      const { body } = await debited(one, to);
      expect(body).toMatchObject({ status: 'open', reason: 'account_differs', namedRepaymentId: one.id });
      expect(await statusOf(one)).toBe('in_file');
    }
    const { body } = await debited(one, OTHERS);
    const asked = await explain(body.id, { explanation: 'repayment', repaymentId: one.id });
    expect((await vote(asked, desk.operations2)).status).toBe(404);
    const alarms = await desk.deps.db.engine
      .select({ id: auditLogs.id })
      .from(auditLogs)
      .where(
        and(eq(auditLogs.resourceId, body.id), eq(auditLogs.eventType, 'statement_debit.paid_elsewhere')),
      );
    expect(alarms).toHaveLength(1);
    expect((await vote(asked)).status).toBe(200);
    expect(await statusOf(one)).toBe('completed');
  });
});

describe('whoever wants it twice', () => {
  test('is in one file: two at once, and one after the other', async () => {
    const [one] = await returned('60');
    const third = await desk.newStaff('operations');
    const answers = await Promise.all([file([one.id]), file([one.id], third)]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409]);
    expect(code(await file([one.id]))).toEqual([409, 'repayment_status_conflict']);
    expect(code(await file([newId()]))).toEqual([404, 'not_found']);
    expect((await file([])).status).toBe(422);
  });

  test('has a refund that their bank took back first taken for paid, and it is in no file any more', async () => {
    const [one, two] = [await refunded('61'), await refunded('61')];
    expect((await file([two.id])).status).toBe(201);
    for (const { path } of [one, two]) {
      const again = await desk.request(desk.operations, 'POST', `${path}/charge-back`, { body: REASON });
      expect(code(again)).toEqual([409, 'deposit_status_conflict']);
    }
    // Past the file that holds its payee against the lists: compliance looks at it.
    const back = { direction: 'DBIT', ...STRANGER, name: HOLDER } as const;
    const [line] = await imported([{ amount: '61', ...back }]);
    const asked = await explain(line?.debitId ?? '', { explanation: 'repayment', repaymentId: one.id });
    expect((await vote(asked, desk.operations2)).status).toBe(404);
    expect((await vote(asked)).status).toBe(200);
    expect(code(await file([one.id]))).toEqual([409, 'repayment_status_conflict']);
  });

  test('is not paid by a file as well where somebody paid by hand, and a second debit is work', async () => {
    const [[one], [other]] = [await returned('62'), await returned('63')];
    const made = await file([one.id, other.id]);
    const [line] = await imported([{ amount: '62', direction: 'DBIT', ...STRANGER }]);
    const asked = await explain(line?.debitId ?? '', { explanation: 'repayment', repaymentId: one.id });
    expect((await vote(asked)).status).toBe(200);
    expect(code(await download(made))).toEqual([409, 'payout_file_stopped']);
    expect((await debited(one)).body).toMatchObject({ status: 'open', reason: 'paid_already' });
    // The other payment of the file is set free with it, and paid by another.
    const path = `/v1/payout-files/${made.body.id}/void`;
    const given = await desk.request(desk.operations, 'POST', path, { body: REASON });
    expect((await vote(given)).status).toBe(200);
    expect([await statusOf(one), await statusOf(other)]).toEqual(['completed', 'payable']);
    expect((await file([other.id])).status).toBe(201);
  });
});

describe('what a debit shows as paid', () => {
  test('is in no later file under the reference it keeps, and compliance ends it', async () => {
    const [one] = await returned('64');
    const first = await file([one.id]);
    await download(first);
    await report(first, [[one, 'RJCT']]);
    expect((await vote(await resolve(one, 'payable'))).status).toBe(200);
    const late = await debited(one);
    expect(late.body).toMatchObject({ status: 'open', reason: 'payout_not_expected' });
    expect(code(await file([one.id]))).toEqual([409, 'payout_on_statement']);
    const asked = await explain(late.body.id, { explanation: 'repayment', repaymentId: one.id });
    expect((await vote(asked)).status).toBe(200);
    expect(await statusOf(one)).toBe('completed');
  });

  test('is in no file that is handed out, of whatever amount, and of two of operations it is not paid by hand', async () => {
    const [one] = await returned('65');
    const made = await file([one.id]);
    expect((await debited({ ...one, amount: '64' })).body).toMatchObject({ reason: 'amount_differs' });
    expect(code(await download(made))).toEqual([409, 'payout_on_statement']);
    const paid = { transactionReference: 'FT 65' };
    expect(code(await resolve(one, 'completed', paid))).toEqual([409, 'repayment_status_conflict']);
    expect((await giveUp(made)).status).toBe(200);
    expect(code(await file([one.id]))).toEqual([409, 'payout_on_statement']);
    expect(code(await resolve(one, 'by_hand'))).toEqual([409, 'payout_on_statement']);
    const asked = await resolve(one, 'completed', paid);
    expect((await vote(asked, desk.operations2)).status).toBe(404);
    expect((await vote(asked)).status).toBe(200);
    expect(await statusOf(one)).toBe('completed');
  });
});

describe('what the bank never had', () => {
  test('is not paid by a debit of its reference: a file that nobody fetched is none, and compliance looks', async () => {
    const [one, other] = (await returned('66', STRANGER, STRANGER)) as readonly [Sent, Sent];
    expect((await file([one.id, other.id])).status).toBe(201);
    const { body } = await debited(one);
    expect(body).toMatchObject({ status: 'open', reason: 'payout_not_expected' });
    const [line] = await imported([{ amount: '66', direction: 'DBIT', ...STRANGER }]);
    for (const [debitId, { id }] of [
      [body.id, one],
      [line?.debitId ?? '', other],
    ] as const) {
      const asked = await explain(debitId, { explanation: 'repayment', repaymentId: id });
      expect((await vote(asked, desk.operations2)).status).toBe(404);
      expect((await vote(asked)).status).toBe(200);
    }
    expect([await statusOf(one), await statusOf(other)]).toEqual(['completed', 'completed']);
  });

  test('is tried again though the bank charged for refusing it', async () => {
    const all = (await returned('67', STRANGER, STRANGER)) as readonly [Sent, Sent];
    const made = await file(all.map(({ id }) => id));
    await report(
      made,
      all.map((each) => [each, 'RJCT']),
    );
    for (const each of all) {
      const { body } = await debited({ ...each, amount: '3' }, { name: 'The bank' });
      expect(code(await resolve(each, 'payable'))).toEqual([409, 'payout_on_statement']);
      expect((await vote(await explain(body.id, { explanation: 'bank_charge' }))).status).toBe(200);
      expect((await vote(await resolve(each, 'payable'))).status).toBe(200);
    }
    const [one, two] = all;
    expect((await vote(await resolve(two, 'by_hand'))).status).toBe(200);
    const again = await file([one.id]);
    expect((await download(again)).status).toBe(200);
    // Of what a file may have paid people say nothing against any debit.
    expect(code(await resolve(one, 'failed'))).toEqual([409, 'payout_on_statement']);
  });
});

describe('what is not paid at all', () => {
  const giveUpOf = ({ id }: Sent, by: Person = desk.operations) =>
    desk.request(by, 'POST', `/v1/repayments/${id}/give-up`, { body: REASON });
  const receiptOf = async (lineId: Id) => {
    const rows = await desk.deps.db.engine
      .select()
      .from(unallocatedReceipts)
      .where(eq(unallocatedReceipts.statementLineId, lineId));
    return rows[0];
  };

  test('is given up with compliance: its receipt is open again, returned anew, and its statement can go', async () => {
    const [one] = await returned('68');
    const asked = await giveUpOf(one);
    expect(asked.status).toBe(202);
    expect((await vote(asked, desk.operations2)).status).toBe(404);
    expect((await vote(asked)).status).toBe(200);
    expect(await read(one)).toMatchObject({ status: 'given_up', givenUpAt: expect.any(String) });
    expect(code(await file([one.id]))).toEqual([409, 'repayment_status_conflict']);
    expect(code(await giveUpOf(one))).toEqual([409, 'repayment_status_conflict']);
    const receipt = await receiptOf(one.lineId);
    expect(receipt).toMatchObject({ status: 'open', closingJournalId: null, approvalId: null });
    const path = `/v1/unallocated-receipts/${receipt?.id}/return`;
    const again = await desk.request(desk.operations, 'POST', path, { body: REASON });
    expect((await vote(again)).status).toBe(200);
    const two = { ...(await sentBack(eq(repayments.receiptId, receipt?.id as Id))), amount: '68' };
    expect([two.id === one.id, await statusOf(two)]).toEqual([false, 'payable']);
    // A debit of what was given up is work, and not that.
    const { body } = await debited(one);
    expect(body).toMatchObject({ status: 'open', reason: 'payout_not_expected' });
    const told = await desk.deps.db.engine.execute(
      sql`select event_type from audit_logs where resource_id = ${body.id} and severity = 'critical'`,
    );
    expect([...told]).toEqual([{ event_type: 'statement_debit.given_up_paid' }]);
    const wrong = await explain(body.id, { explanation: 'repayment', repaymentId: one.id });
    expect(code(wrong)).toEqual([422, 'debit_not_explained']);
    expect(
      (await vote(await explain(body.id, { explanation: 'repayment', repaymentId: two.id }))).status,
    ).toBe(200);
    // A wrong statement, whose money was returned and not paid, is given up.
    const [other] = await returned('69');
    const shown = await receiptOf(other.lineId);
    const [line] = await desk.deps.db.engine
      .select()
      .from(bankStatementLines)
      .where(eq(bankStatementLines.id, other.lineId));
    const voiding = () =>
      desk.request(desk.operations, 'POST', `/v1/bank-statements/${line?.statementId}/void`, {
        body: REASON,
      });
    expect(code(await voiding())).toEqual([409, 'statement_moved_on']);
    expect((await vote(await giveUpOf(other))).status).toBe(200);
    expect((await vote(await voiding())).status).toBe(200);
    expect(await receiptOf(other.lineId)).toMatchObject({ id: shown?.id, status: 'void' });
  });

  test('of a refund lies in suspense, and neither what the bank may have nor what is one’s own is given up', async () => {
    const [one, two] = [await refunded('86'), await refunded('86')];
    expect((await file([two.id])).status).toBe(201);
    expect(code(await giveUpOf(two))).toEqual([409, 'repayment_status_conflict']);
    const owner = { ...one.person, actor: { ...desk.operations.actor, userId: one.person.userId } as Actor };
    expect(code(await giveUpOf(one, owner))).toEqual([403, 'self_action']);
    expect((await vote(await giveUpOf(one))).status).toBe(200);
    const [held] = await desk.deps.db.engine.execute(
      sql`select total::text as total from wallets where house_role = 'suspense' and house_reference = 'repayments-given-up'`,
    );
    expect(Number(held?.total)).toBe(86);
    expect((await desk.request(desk.operations, 'GET', one.path)).body.status).toBe('refunded');
  });

  test('is neither given up nor paid beside a debit of its name, though called a charge: the bank refused nothing', async () => {
    const [one, other] = (await returned('86.5', STRANGER, STRANGER)) as readonly [Sent, Sent];
    expect((await file([other.id])).status).toBe(201);
    const asked = await giveUpOf(one);
    for (const sent of [one, other]) {
      const late = await debited({ ...sent, amount: '85' });
      expect((await vote(await explain(late.body.id, { explanation: 'bank_charge' }))).status).toBe(200);
    }
    const refused = [
      await vote(asked),
      await file([one.id]),
      await resolve(one, 'by_hand'),
      await resolve(other, 'failed'),
    ];
    expect(refused.map(code)).toEqual(refused.map(() => [409, 'payout_on_statement']));
    const paid = await resolve(one, 'completed', { transactionReference: 'FT 86' });
    expect((await vote(paid)).status).toBe(200);
  });
});

describe('a payer on a list', () => {
  test('is in no file, and compliance is told, until two people say that they are somebody else', async () => {
    const [one] = await returned('70', { ...STRANGER, name: 'Balthazar Quill Ferrington' });
    // Nor is it paid by hand because two of operations say so.
    expect((await vote(await resolve(one, 'by_hand'), desk.operations2)).status).toBe(404);
    expect(code(await file([one.id]))).toEqual([409, 'repayment_held']);
    const told = and(isNull(amlAlerts.userId), like(amlAlerts.dedupKey, 'payer:%'));
    const [alert] = await desk.deps.db.engine.select().from(amlAlerts).where(told);
    expect(alert).toMatchObject({ kind: 'sanctions', effect: 'stop', status: 'open' });
    expect(code(await file([one.id]))).toEqual([409, 'repayment_held']);
    // As the work on the alert ends it.
    const end = (disposition: 'true_match' | 'false_positive') =>
      desk.deps.db.engine.update(amlAlerts).set({ status: 'resolved', disposition }).where(told);
    await end('true_match');
    expect(code(await file([one.id]))).toEqual([409, 'repayment_held']);
    await end('false_positive');
    expect((await file([one.id])).status).toBe(201);
  });

  test('who was listed since the file was made is in none that is handed out', async () => {
    const name = 'Peregrine Oakhurst-Vane';
    const [one] = await returned('71', { ...STRANGER, name });
    const made = await file([one.id]);
    expect(made.status).toBe(201);
    await list(name);
    expect(code(await download(made))).toEqual([409, 'repayment_held']);
  });

  test('has the refund of a customer kept back, and so has whoever is frozen', async () => {
    const [one, two] = [await refunded('72'), await refunded('72')];
    await desk.changeGate(two.person, { restriction: 'frozen' });
    expect(code(await file([two.id]))).toEqual([409, 'repayment_held']);
    const made = await file([one.id]);
    await desk.changeGate(one.person, { restriction: 'no_out' });
    expect(code(await download(made))).toEqual([409, 'repayment_held']);
    await desk.changeGate(one.person, { restriction: 'none' });
    expect((await download(made)).status).toBe(200);
  });
});

describe('what the bank answers', () => {
  test('has a refused one wait for two people, and a late word on the first file is work', async () => {
    const [one] = await returned('80');
    const first = await file([one.id]);
    expect((await download(first)).status).toBe(200);
    expect((await report(first, [[one, 'PDNG']], 'P')).body).toMatchObject({ pendingCount: 1 });
    expect(await statusOf(one)).toBe('in_file');
    expect(code(await resolve(one, 'payable'))).toEqual([409, 'repayment_status_conflict']);
    expect(code(await resolve(one, 'failed'))).toEqual([409, 'payout_may_leave']);
    expect((await report(first, [[one, 'RJCT']])).body).toMatchObject({ failedCount: 1 });
    expect(await statusOf(one)).toBe('failed');
    expect(code(await file([one.id]))).toEqual([409, 'repayment_status_conflict']);
    const asked = await resolve(one, 'payable');
    expect(asked.status).toBe(202);
    expect((await vote(asked, desk.operations)).body.code).toBe('self_approval');
    expect((await vote(asked)).status).toBe(200);
    expect((await report(first, [[one, 'ACSC']], 'K')).body).toMatchObject({ conflictCount: 1 });
    expect(code(await file([one.id]))).toEqual([409, 'payout_may_leave']);
    // Whoever ends what the bank said neither makes nor fetches the file that pays it again.
    const third = await desk.newStaff('operations');
    expect(await ended(one, third)).toMatchObject({ stood: 'payable' });
    expect(code(await file([one.id], third))).toEqual([403, 'approver_cannot_pay_out']);
    const second = await file([one.id]);
    expect(second.status).toBe(201);
    expect(code(await download(second, third))).toEqual([403, 'approver_cannot_pay_out']);
    // The same end-to-end id for good: the bank that pays twice knows it as one.
    expect((await download(second)).body).toContain(one.reference);
    expect((await report(first, [[one, 'RJCT']], 'L')).body).toMatchObject({ failedCount: 1 });
    expect(await statusOf(one)).toBe('in_file');
    expect((await report(first, [[one, 'ACSC']], 'M')).body).toMatchObject({ conflictCount: 1 });
    expect(await statusOf(one)).toBe('in_file');
    expect(code(await download(second))).toEqual([409, 'payout_may_leave']);
    expect(await ended(one)).toMatchObject({ said: 'completed', stood: 'in_file', withdrawalId: null });
    expect((await download(second)).status).toBe(200);
  });

  test('that may mean either end waits for people with evidence, and a debit is that', async () => {
    const all = await returned('81', STRANGER, STRANGER, STRANGER);
    const [one, two, three] = all as readonly [Sent, Sent, Sent];
    const made = await file([one.id, two.id, three.id]);
    await download(made);
    await report(made, [
      [one, 'ACWC'],
      [two, 'CANC'],
      [three, 'ACWC'],
    ]);
    expect(await statusOf(one)).toBe('unknown');
    expect(code(await resolve(one, 'failed'))).toEqual([409, 'payout_may_leave']);
    expect((await resolve(one, 'completed')).status).toBe(422);
    const asked = await resolve(one, 'completed', { transactionReference: 'FT 81' });
    expect((await vote(asked)).status).toBe(200);
    expect(await statusOf(one)).toBe('completed');
    expect((await debited(two)).body).toMatchObject({ explanation: 'repayment' });
    expect(await statusOf(two)).toBe('completed');
    // What a statement shows is not refused any more, whoever says so.
    expect((await report(made, [[two, 'RJCT']], 'X')).body).toMatchObject({ conflictCount: 1 });
    expect((await report(made, [[three, 'RJCT']], 'Y')).body).toMatchObject({ failedCount: 1 });
    const byHand = await resolve(three, 'by_hand');
    expect((await vote(byHand)).status).toBe(200);
    expect(code(await file([three.id]))).toEqual([409, 'repayment_status_conflict']);
  });

  test('is not known any more once the statement that showed it is given up', async () => {
    const [one] = await returned('82');
    await download(await file([one.id]));
    const { body } = await debited(one);
    expect(await statusOf(one)).toBe('completed');
    const path = `/v1/bank-statements/${body.statementId}/void`;
    const asked = await desk.request(desk.operations, 'POST', path, { body: REASON });
    expect((await vote(asked)).status).toBe(200);
    expect(await read(one)).toMatchObject({ status: 'unknown', paidLineId: null, completedAt: null });
    expect((await debited(one)).body).toMatchObject({ explanation: 'repayment' });
    expect(await statusOf(one)).toBe('completed');
  });
});

test('who reads a refused statement as staff does not read of their own refund', async () => {
  const one = await refunded('83');
  const entries = [{ amount: '83', direction: 'DBIT', endToEndId: one.reference, ...STRANGER }] as const;
  const wrong = camt053({ entries, opening: await nextOpening(desk.deps), closing: '4' });
  expect((await desk.importFile(wrong)).body.code).toBe('statement_totals_differ');
  const { body } = await desk.request(desk.operations, 'GET', '/v1/bank-statements?status=refused&limit=1');
  const path = `/v1/bank-statements/${body.data[0].id}/file`;
  const owner = { ...one.person, actor: { ...desk.operations.actor, userId: one.person.userId } as Actor };
  expect(code(await desk.request(owner, 'GET', path))).toEqual([403, 'self_action']);
  expect((await desk.request(desk.operations, 'GET', path)).status).toBe(200);
});

test('a file whose day has passed leads past no list, and is given up though what failed is in a later one', async () => {
  const [one, two] = (await returned('84', STRANGER, STRANGER)) as readonly [Sent, Sent];
  const old = await file([one.id, two.id]);
  expect(old.status).toBe(201);
  desk.advance(3 * 86_400_000);
  for (const each of [one, two]) {
    expect((await vote(await resolve(each, 'failed'), desk.operations2)).status).toBe(200);
  }
  const byHand = await resolve(one, 'by_hand');
  expect((await vote(byHand, desk.operations2)).status).toBe(404);
  expect((await vote(byHand)).status).toBe(200);
  const back = { direction: 'DBIT', ...STRANGER } as const;
  const [line] = await imported([{ amount: '84', ...back }]);
  const asked = await explain(line?.debitId ?? '', { explanation: 'repayment', repaymentId: one.id });
  // Compliance agreed to it before.
  expect((await vote(asked, desk.operations2)).status).toBe(200);
  expect((await vote(await resolve(two, 'payable'), desk.operations2)).status).toBe(200);
  const later = await file([two.id]);
  expect(later.status).toBe(201);
  expect((await giveUp(old)).status).toBe(200);
  expect(await read(two)).toMatchObject({ status: 'in_file', fileId: later.body.id });
  expect((await download(later)).status).toBe(200);
});

test('the database moves a repayment as the table of states says', async () => {
  const states = ['payable', 'in_file', 'completed', 'failed', 'unknown', 'by_hand', 'given_up'] as const;
  const names = sql`unnest(${sql.param(`{${states.join(',')}}`)}::text[])`;
  const rows = await desk.deps.db.engine.execute<{
    was: (typeof states)[number];
    becomes: (typeof states)[number];
    may: boolean;
  }>(sql`select was, becomes, repayment_may_become(was, becomes) as may from ${names} was, ${names} becomes`);
  expect(rows).toHaveLength(states.length ** 2);
  for (const { was, becomes, may } of rows) {
    expect([was, becomes, may]).toEqual([was, becomes, repaymentMayBecome(was, becomes)]);
  }
  expect(REPAYMENT_OUTCOMES.filter((each) => !states.includes(each))).toEqual([]);
});

test('a return asked for before compliance was told of the payer is asked for anew, of them', async () => {
  const person = await desk.newCustomer();
  const [line] = await imported([{ amount: '85', ...STRANGER }]);
  const path = `/v1/unallocated-receipts/${line?.receiptId}`;
  const asked = await desk.request(desk.operations, 'POST', `${path}/return`, { body: REASON });
  const body = { accountId: person.accountId, ...REASON };
  expect((await desk.request(desk.operations2, 'POST', `${path}/allocate`, { body })).status).toBe(202);
  expect(code(await vote(asked, desk.operations2))).toEqual([409, 'approved_request_changed']);
});
