/** What keeps a statement from being booked twice, half, or as somebody made it up; and what left the bank. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { and, eq, sql } from 'drizzle-orm';
import type { Actor } from '../../kernel/actor.ts';
import { formatAmount } from '../../kernel/amount.ts';
import { newId } from '../../kernel/id.ts';
import { sqlStateOf } from '../../platform/db/errors.ts';
import { approvals, auditLogs } from '../../platform/db/schema.ts';
import {
  bankBeneficiary,
  type FundingDesk,
  HOLDER,
  type Person,
  startFundingDesk,
} from '../../testing/funding-desk.ts';
import { writeUnguarded } from '../../testing/unguarded.ts';
import { journals, wallets } from '../ledger/schema.ts';
import { FIRM_AS_DEBTOR } from './debts.ts';
import { bankStatementLines, bankStatements } from './evidence/schema.ts';
import { payoutReferenceOf } from './payout-reference.ts';
import { camt053, nextOpening, type SampleEntry } from './testing/camt-sample.ts';
import { repayments, unallocatedReceipts } from './work/schema.ts';

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

function sendFile(text: string) {
  return desk.importFile(text);
}

const imported = async (entries: readonly SampleEntry[]) =>
  sendFile(camt053({ entries, opening: await nextOpening(desk.deps) }));
const vote = (id: string, person = desk.operations2) =>
  desk.request(person, 'POST', `/v1/approvals/${id}/approve`, { body: { reason: 'Looked at it' } });

/** What was sent back by an earlier version has a journal and no more. */
const asBeforeRepayments = () => writeUnguarded(desk.database, 'repayments', (tx) => tx.delete(repayments));

async function countOf() {
  const { engine } = desk.deps.db;
  return {
    journals: (await engine.select().from(journals)).length,
    lines: (await engine.select().from(bankStatementLines)).length,
    receipts: (await engine.select().from(unallocatedReceipts)).length,
  };
}

async function refusedAs(text: string, code: string): Promise<void> {
  const before = await countOf();
  const answer = await sendFile(text);
  expect([answer.status, answer.body.code]).toEqual([409, code]);
  expect(await countOf()).toEqual(before);
  const [kept] = await desk.deps.db.engine
    .select()
    .from(bankStatements)
    .where(eq(bankStatements.status, 'refused'));
  expect(kept?.refusal).not.toBeNull();
}

describe('a statement', () => {
  test('of a day to come, with a line after its close, or older than the last one is refused', async () => {
    await imported([{ amount: '10' }]);
    const opening = await nextOpening(desk.deps);
    const before = await countOf();
    const file = camt053({ opening, entries: [{ amount: '1' }] });
    const wrong = [
      [camt053({ opening, day: '2199-01-01', entries: [{ amount: '1' }] }), 'statement_unreadable'],
      [file.replace('<BookgDt><Dt>2026-01-30', '<BookgDt><Dt>2026-02-01'), 'statement_unreadable'],
      [camt053({ opening, day: '2025-01-01', entries: [{ amount: '1' }] }), 'statement_gap'],
    ] as const;
    for (const [text, code] of wrong) {
      expect((await sendFile(text)).body.code).toBe(code);
    }
    const valued = (day: string) => file.replace(/<ValDt><Dt>.*?<\/Dt>/, `<ValDt><Dt>${day}</Dt>`);
    expect((await sendFile(valued('2026-02-10'))).body.code).toBe('statement_unreadable');
    expect(await countOf()).toEqual(before);
    // Banks correct what was worth when, however long ago.
    expect((await sendFile(valued('2025-11-03'))).status).toBe(201);
  });

  test('that does not begin where the last one ended is refused, and books nothing', async () => {
    // Above zero whatever was charged before.
    await imported([{ amount: '100000' }]);
    const opening = Number(await nextOpening(desk.deps));
    for (const missing of [opening + 1, opening - 10, 0]) {
      await refusedAs(camt053({ opening: String(missing), entries: [{ amount: '1' }] }), 'statement_gap');
    }
    expect((await imported([{ amount: '1' }])).status).toBe(201);
  });

  test('whose lines came with an earlier one is refused, also where they sum to nothing', async () => {
    const bankReference = newId().slice(0, 35);
    const lines = [
      { amount: '20', bankReference },
      { amount: '20', direction: 'DBIT' as const },
    ];
    expect((await imported(lines)).status).toBe(201);
    const again = camt053({ opening: await nextOpening(desk.deps), entries: lines });
    await refusedAs(again, 'statement_duplicate');
    const other = [{ amount: '21', bankReference }];
    expect((await imported(other)).status).toBe(201);
  });

  test('one of two that go on from the same is booked, whoever sends them at once', async () => {
    const opening = await nextOpening(desk.deps);
    const files = ['1', '2'].map((amount) => camt053({ opening, entries: [{ amount }] }));
    const answers = await Promise.all(files.map(sendFile));
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([201, 409]));
  });

  test('of thousands of lines is booked as one, and every line is somebody’s', async () => {
    const count = 5_500;
    const entries = Array.from({ length: count }, (_, index) =>
      index % 10 === 0 ? { amount: '1', direction: 'DBIT' as const } : { amount: '2' },
    );
    const { status, body } = await imported(entries);
    expect([status, body.lines?.length]).toEqual([201, count]);
    expect(
      body.lines.every((line: Record<string, unknown>) => line.receiptId !== null || line.debitId !== null),
    ).toBe(true);
  }, 120_000);

  test('that says more than the books can hold is refused whole, and its reason is kept', async () => {
    const before = await countOf();
    const opening = await nextOpening(desk.deps);
    // Each amount is one a column holds; together they are more than a wallet does.
    const entries = [
      { amount: '999999999999' },
      { amount: '999999999999', direction: 'DBIT' as const },
      { amount: '999999999999' },
      { amount: '999999999999', direction: 'DBIT' as const },
    ];
    const { status, body } = await sendFile(camt053({ opening, entries }).replace(/<Sum>.*?<\/Sum>/, ''));
    expect([status, body.code]).toEqual([422, 'statement_not_bookable']);
    expect(await countOf()).toEqual(before);
    const path = '/v1/bank-statements?status=refused&limit=1';
    const { body: listed } = await desk.request(desk.operations, 'GET', path);
    expect(listed.data).toMatchObject([{ refusalCode: 'not_bookable', refusal: 'balance_out_of_range' }]);
  });

  test('is read as it was handed in by those who decide on it, refused or not, and each reading is on record', async () => {
    const file = camt053({
      opening: await nextOpening(desk.deps),
      entries: [{ amount: '7', name: 'Jane Doe' }],
    });
    const { body: taken } = await sendFile(file);
    await sendFile(file);
    await sendFile(file);
    const { body: listed } = await desk.request(desk.operations, 'GET', '/v1/bank-statements?limit=2');
    const auditor = await desk.newStaff('auditor');
    for (const { id } of [taken, ...listed.data]) {
      const answer = await desk.request(auditor, 'GET', `/v1/bank-statements/${id}/file`);
      expect([answer.status, answer.body]).toEqual([200, file]);
      expect(answer.headers.get('content-type')).toBe('application/octet-stream');
      expect(answer.headers.get('content-disposition')).toContain('attachment');
    }
    expect(listed.data.map((each: { readonly status: string }) => each.status)).toEqual([
      'refused',
      'refused',
    ]);
    const reads = await desk.deps.db.engine
      .select({ id: auditLogs.resourceId })
      .from(auditLogs)
      .where(
        and(eq(auditLogs.actorUserId, auditor.userId), eq(auditLogs.eventType, 'bank_statement.file_read')),
      )
      .orderBy(auditLogs.id);
    expect(reads.map(({ id }) => id)).toEqual([taken.id, ...listed.data.map(({ id }: { id: string }) => id)]);
  });

  test('that names somebody’s own deposit is read by others than them', async () => {
    const body = { accountId: customer.accountId, asset: 'USD', amount: '9', method: 'bank_transfer' };
    const { paymentReference: reference } = (
      await desk.request(customer, 'POST', '/v1/deposits', { body, key: newId() })
    ).body;
    const entries = [{ amount: '9', reference, name: 'Somebody Else' }];
    const file = camt053({ entries, opening: await nextOpening(desk.deps) });
    const { body: taken } = await sendFile(file);
    // Sent again it is refused without lines, and opens the file that is kept.
    expect((await sendFile(file)).body.code).toBe('statement_duplicate');
    const { body: again } = await desk.request(desk.operations, 'GET', '/v1/bank-statements?limit=1');
    expect(again.data).toMatchObject([{ status: 'refused' }]);
    const paths = [taken.id, again.data[0].id].map((id) => `/v1/bank-statements/${id}/file`);
    const owner = { ...customer, actor: { ...desk.operations.actor, userId: customer.userId } as Actor };
    const receipt = `/v1/unallocated-receipts/${taken.lines[0].receiptId}`;
    for (const each of [...paths, receipt]) {
      expect((await desk.request(owner, 'GET', each)).body.code).toBe('self_action');
      expect((await desk.request(desk.operations, 'GET', each)).status).toBe(200);
    }
  });

  test('that is refused says what it said, why, by whom it came, and what came instead', async () => {
    const body = { accountId: customer.accountId, asset: 'USD', amount: '9', method: 'bank_transfer' };
    const { paymentReference: reference } = (
      await desk.request(customer, 'POST', '/v1/deposits', { body, key: newId() })
    ).body;
    const id = newId().slice(0, 35);
    const said = {
      id,
      entries: [{ amount: '9', reference, name: HOLDER }],
      opening: await nextOpening(desk.deps),
    };
    expect((await sendFile(camt053({ ...said, closing: '4' }))).body.code).toBe('statement_totals_differ');
    const unreadable = camt053(said)
      .replace('</Ntry>', '<Ntry>')
      .replace(reference, `${reference.slice(0, 4)} ${reference.slice(4)}`);
    expect((await sendFile(unreadable)).body.code).toBe('statement_unreadable');
    const path = '/v1/bank-statements?status=refused&limit=2';
    const { body: refused } = await desk.request(desk.compliance, 'GET', path);
    const [broken, wrong] = refused.data;
    // Of the owner's own money the owner reads neither, though no line of them is kept.
    const owner = { ...customer, actor: { ...desk.operations.actor, userId: customer.userId } as Actor };
    for (const each of [broken, wrong]) {
      const file = `/v1/bank-statements/${each.id}/file`;
      expect((await desk.request(owner, 'GET', file)).body.code).toBe('self_action');
      expect((await desk.request(desk.compliance, 'GET', file)).status).toBe(200);
    }
    const { body: taken } = await sendFile(camt053(said));
    const account = { bankAccountId: taken.bankAccountId, statementReference: id };
    const read = (statementId: string) =>
      desk.request(desk.compliance, 'GET', `/v1/bank-statements/${statementId}`);
    expect((await read(wrong.id)).body).toMatchObject({
      ...account,
      status: 'refused',
      refusalCode: 'totals_differ',
      importedBy: desk.operations.userId,
      closingBalance: '4',
      lines: [],
      refusedLines: [{ position: 1, direction: 'credit', amount: '9', paymentReference: reference }],
      insteadId: taken.id,
    });
    expect((await read(broken.id)).body).toMatchObject({ refusedLines: [], insteadId: null });
    const query = `statementReference=${id}&bankAccountId=${taken.bankAccountId}`;
    const { body: listed } = await desk.request(desk.compliance, 'GET', `/v1/bank-statements?${query}`);
    expect(listed.data.map((each: { id: string }) => each.id)).toEqual([taken.id, wrong.id]);
    expect((await read(taken.id)).body).toMatchObject({ refusedLines: [], insteadId: null });
  });

  test('whose reason quotes what no text column takes is refused and kept all the same', async () => {
    const answer = await sendFile('<Document></Docu\u0000ment>');
    expect([answer.status, answer.body.code]).toEqual([422, 'statement_unreadable']);
  });
});

describe('money that waits', () => {
  test('is given to somebody of operations, is found by them, and grows old', async () => {
    const { body } = await imported([{ amount: '33' }]);
    const path = `/v1/unallocated-receipts/${body.lines[0].receiptId}/assign`;
    const assign = (assigneeId: string) =>
      desk.request(desk.operations, 'POST', path, { body: { assigneeId } });
    expect((await assign(customer.userId)).body.code).toBe('assignee_unsuitable');
    expect((await assign(desk.operations2.userId)).body).toMatchObject({
      assigneeId: desk.operations2.userId,
      ageDays: 0,
    });
    desk.advance(3 * 86_400_000);
    const query = `?status=open&assigneeId=${desk.operations2.userId}`;
    const { body: listed } = await desk.request(desk.operations2, 'GET', `/v1/unallocated-receipts${query}`);
    expect(listed.data).toMatchObject([{ amount: '33', ageDays: 3 }]);
  });

  test('names the deposits it may be for, by amount and payer, and decides nothing', async () => {
    const announce = async (amount: string) => {
      const body = { accountId: customer.accountId, asset: 'USD', amount, method: 'bank_transfer' };
      return (await desk.request(customer, 'POST', '/v1/deposits', { body, key: newId() })).body.id as string;
    };
    const [wanted] = [await announce('77.77'), await announce('77.78')];
    const read = async (name: string) => {
      const { body } = await imported([{ amount: '77.77', name }]);
      const path = `/v1/unallocated-receipts/${body.lines[0].receiptId}`;
      return (await desk.request(desk.operations, 'GET', path)).body;
    };
    expect(await read(HOLDER)).toMatchObject({ status: 'open', depositId: null, candidates: [wanted] });
    expect(await read('Somebody Else')).toMatchObject({ candidates: [] });
  });
});

describe('a debit', () => {
  async function payout(amount: string) {
    await desk.fund(customer, 'USD', amount);
    const payee = await desk.request(customer, 'POST', '/v1/beneficiaries', { body: bankBeneficiary() });
    const body = { accountId: customer.accountId, asset: 'USD', amount, beneficiaryId: payee.body.id };
    const asked = await desk.request(customer, 'POST', '/v1/withdrawals', { body, key: newId() });
    const path = `/v1/withdrawals/${asked.body.id}`;
    await desk.request(desk.compliance, 'POST', `${path}/approve`, { body: { reason: 'Looked at it' } });
    const begun = await desk.request(desk.operations, 'POST', `${path}/process`);
    expect(begun.body.status).toBe('processing');
    return { path, id: asked.body.id as string, endToEndId: begun.body.payoutReference as string };
  }

  const debitOf = async (id: string) => {
    const { body } = await desk.request(desk.operations, 'GET', '/v1/statement-debits?limit=50');
    return body.data.find((debit: { readonly id: string }) => debit.id === id);
  };

  const explain = (id: string, body: object) =>
    desk.request(desk.operations, 'POST', `/v1/statement-debits/${id}/explain`, {
      body: { ...body, reason: 'Seen on the advice of the bank' },
    });

  async function charged(amount: string, name = 'Charges', iban?: string): Promise<string> {
    const { body } = await imported([
      { amount, direction: 'DBIT', name, ...(iban === undefined ? {} : { iban }) },
    ]);
    return body.lines[0].debitId as string;
  }

  async function firmOwes(): Promise<string> {
    const [wallet] = await desk.deps.db.engine
      .select()
      .from(wallets)
      .where(and(eq(wallets.houseRole, 'receivable'), eq(wallets.houseReference, FIRM_AS_DEBTOR)));
    return formatAmount(-(wallet?.total ?? 0n));
  }

  test('of a payout explains itself, once, and moves nothing', async () => {
    const { id, endToEndId } = await payout('25');
    expect(endToEndId).toBe(payoutReferenceOf(id));
    const line = { amount: '25', direction: 'DBIT' as const, endToEndId };
    const before = await countOf();
    const { body } = await imported([line, line, { ...line, amount: '24' }]);
    expect((await countOf()).journals).toBe(before.journals);
    const found = await Promise.all(body.lines.map((each: { debitId: string }) => debitOf(each.debitId)));
    expect(found).toMatchObject([
      { status: 'explained', explanation: 'payout', withdrawalId: id },
      { status: 'open', reason: 'paid_already' },
      { status: 'open', reason: 'amount_differs' },
    ]);
    for (const each of found.slice(1)) {
      const asked = await explain(each.id, { explanation: 'bank_charge' });
      expect((await vote(asked.body.approval.id, desk.compliance)).status).toBe(200);
    }
  });

  test('is read with whom the money went to, but not by who was paid', async () => {
    const { endToEndId } = await payout('27');
    const { body } = await imported([
      { amount: '28', direction: 'DBIT', endToEndId, name: 'Jane Doe', iban: 'DE89370400440532013000' },
    ]);
    const path = `/v1/statement-debits/${body.lines[0].debitId}`;
    expect((await desk.request(desk.compliance, 'GET', path)).body).toMatchObject({
      statementId: body.id,
      endToEndId,
      valueDate: '2026-01-31',
      payee: { name: 'Jane Doe', account: 'DE89370400440532013000' },
    });
    const owner = { ...customer, actor: { ...desk.operations.actor, userId: customer.userId } as Actor };
    expect((await desk.request(owner, 'GET', path)).body.code).toBe('self_action');
    expect((await desk.request(desk.compliance, 'GET', `/v1/statement-debits/${newId()}`)).status).toBe(404);
    const asked = await explain(body.lines[0].debitId, { explanation: 'bank_charge' });
    expect((await vote(asked.body.approval.id, desk.compliance)).status).toBe(200);
  });

  test('for a payout that nobody makes is work for a person', async () => {
    await desk.fund(customer, 'USD', '26');
    const payee = await desk.request(customer, 'POST', '/v1/beneficiaries', { body: bankBeneficiary() });
    const asked = await desk.request(customer, 'POST', '/v1/withdrawals', {
      body: { accountId: customer.accountId, asset: 'USD', amount: '26', beneficiaryId: payee.body.id },
      key: newId(),
    });
    const endToEndId = payoutReferenceOf(asked.body.id);
    const { body } = await imported([{ amount: '26', direction: 'DBIT', endToEndId }]);
    const debit = await debitOf(body.lines[0].debitId);
    expect(debit.status).toBe('open');
    const said = await explain(debit.id, { explanation: 'payout', withdrawalId: asked.body.id });
    expect(said.body.code).toBe('debit_not_explained');
  });

  test('that the bank charged is the firm’s debt, by two people, and no customer pays it', async () => {
    await desk.fund(customer, 'USD', '50');
    const owed = await firmOwes();
    const id = await charged('3.5');
    expect(await firmOwes()).toBe(owed);
    const asked = await explain(id, { explanation: 'bank_charge' });
    expect(asked.status).toBe(202);
    expect((await vote(asked.body.approval.id, desk.operations)).body.code).toBe('self_approval');
    expect((await vote(asked.body.approval.id)).status).toBe(200);
    expect(Number(await firmOwes()) - Number(owed)).toBe(3.5);
    expect((await desk.balance(customer, 'USD')).total).toBe('50');
    const explained = await debitOf(id);
    expect(explained).toMatchObject({ status: 'explained', explanation: 'bank_charge' });
    const [journal] = await desk.deps.db.engine
      .select({ valueDate: journals.valueDate })
      .from(journals)
      .where(eq(journals.id, explained.journalId as never));
    // The bank's own date.
    expect(journal?.valueDate).toBe('2026-01-31');
    expect((await explain(id, { explanation: 'bank_charge' })).body.code).toBe('debit_closed');
    const { body } = await desk.request(desk.operations, 'GET', '/v1/debts?limit=50');
    expect(body.data.map((debt: { readonly debtor: string }) => debt.debtor)).toContain(FIRM_AS_DEBTOR);
  });

  test('of what was sent back before repayments were kept cites its journal, which explains no second one', async () => {
    const { body } = await imported([{ amount: '61', name: 'A stranger' }]);
    const receipt = `/v1/unallocated-receipts/${body.lines[0].receiptId}`;
    const asked = await desk.request(desk.operations, 'POST', `${receipt}/return`, {
      body: { reason: 'Nobody we know' },
    });
    await vote(asked.body.approval.id);
    await asBeforeRepayments();
    const { closingJournalId: journalId } = (await desk.request(desk.operations, 'GET', receipt)).body;
    const [first, second, other] = [
      await charged('61', 'A stranger'),
      await charged('61', 'A stranger'),
      await charged('62', 'A stranger'),
    ];
    const agreed = await explain(first, { explanation: 'booked', journalId });
    const rival = await explain(second, { explanation: 'booked', journalId });
    expect((await explain(other, { explanation: 'booked', journalId })).body.code).toBe(
      'debit_not_explained',
    );
    expect((await vote(agreed.body.approval.id)).status).toBe(200);
    expect((await vote(rival.body.approval.id)).body.code).toBe('debit_not_explained');
    expect(await debitOf(first)).toMatchObject({ explanation: 'booked', journalId });
  });

  test('that sends money back elsewhere than to whoever paid calls compliance, who alone may agree', async () => {
    const iban = 'DE89370400440532013000';
    const { body } = await imported([{ amount: '63', name: 'A stranger', iban }]);
    const path = `/v1/unallocated-receipts/${body.lines[0].receiptId}`;
    const asked = await desk.request(desk.operations, 'POST', `${path}/return`, {
      body: { reason: 'Nobody we know' },
    });
    const [approval] = await desk.deps.db.engine
      .select({ payload: approvals.payload })
      .from(approvals)
      .where(eq(approvals.id, asked.body.approval.id));
    expect(approval?.payload).toMatchObject({ payerHash: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect((await vote(asked.body.approval.id)).status).toBe(200);
    await asBeforeRepayments();
    const { closingJournalId: journalId } = (await desk.request(desk.operations, 'GET', path)).body;
    const swapped = await charged('63', 'A stranger', 'GB29NWBK60161331926819');
    const said = await explain(swapped, { explanation: 'booked', journalId });
    expect((await vote(said.body.approval.id)).status).toBe(404);
    expect(await debitOf(swapped)).toMatchObject({ status: 'open' });
    const alarms = await desk.deps.db.engine
      .select({ severity: auditLogs.severity })
      .from(auditLogs)
      .where(
        and(eq(auditLogs.resourceId, swapped), eq(auditLogs.eventType, 'statement_debit.paid_elsewhere')),
      );
    expect(alarms).toEqual([{ severity: 'critical' }]);
    expect((await vote(said.body.approval.id, desk.compliance)).status).toBe(200);
    expect(await debitOf(swapped)).toMatchObject({ status: 'explained', journalId });
  });

  test('and a receipt are of their lines for good: no login has money go back to another', async () => {
    const { body } = await imported([
      { amount: '64', name: 'A stranger' },
      { amount: '64', name: 'Another' },
    ]);
    const { engine } = desk.deps.db;
    const [one, other] = body.lines as { readonly id: string; readonly receiptId: string }[];
    const changes = [
      sql`update unallocated_receipts set statement_line_id = ${other?.id} where id = ${one?.receiptId}`,
      sql`update unallocated_receipts set amount = 640 where id = ${one?.receiptId}`,
      sql`update statement_debits set amount = 1`,
      sql`update bank_statement_lines set counterparty = (select counterparty from bank_statement_lines
        where id = ${other?.id}) where id = ${one?.id}`,
    ];
    for (const change of changes) {
      expect(await engine.execute(change).then(() => 'done', sqlStateOf)).toBe('42501');
    }
    const returned = sql`update unallocated_receipts set status = 'returned', version = version + 1, closed_at = now(),
      closing_journal_id = journal_id where id = ${one?.receiptId}`;
    expect(await engine.execute(returned).then(() => 'done', sqlStateOf)).toBe('PL060');
  });

  test('is assigned and listed like other work', async () => {
    const id = await charged('5');
    const path = `/v1/statement-debits/${id}/assign`;
    const assigned = await desk.request(desk.operations, 'POST', path, {
      body: { assigneeId: desk.operations.userId },
    });
    expect(assigned.body).toMatchObject({ assigneeId: desk.operations.userId, reason: 'no_reference' });
    const { body } = await desk.request(
      desk.operations,
      'GET',
      `/v1/statement-debits?status=open&assigneeId=${desk.operations.userId}`,
    );
    expect(body.data.map((debit: { readonly id: string }) => debit.id)).toEqual([id]);
  });
});
