import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { eq, inArray, sql } from 'drizzle-orm';
import { parseAmount } from '../../kernel/amount.ts';
import { newId } from '../../kernel/id.ts';
import { sqlStateOf } from '../../platform/db/errors.ts';
import { transact } from '../../platform/db/transact.ts';
import { type FundingDesk, HOLDER, type Person, startFundingDesk } from '../../testing/funding-desk.ts';
import { writeUnguarded } from '../../testing/unguarded.ts';
import { createAccount } from '../accounts/index.ts';
import { amlAlerts } from '../aml/schema.ts';
import { journals, ledgerEntries, wallets } from '../ledger/schema.ts';
import { bookStatements } from './book-statement.ts';
import { bankStatementLines, bankStatements } from './evidence/schema.ts';
import { newPaymentReference } from './payment-reference.ts';
import { deposits } from './schema.ts';
import { seedBankAccounts } from './set-bank-account.ts';
import {
  camt053,
  nextOpening,
  SAMPLE_IBAN,
  type SampleEntry,
  type SampleStatement,
} from './testing/camt-sample.ts';
import { unallocatedReceipts } from './work/schema.ts';

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

function sendFile(text: string, person: Person = desk.operations) {
  return desk.importFile(text, person);
}

const imported = async (entries: readonly SampleEntry[], more: Partial<SampleStatement> = {}) =>
  sendFile(camt053({ entries, opening: await nextOpening(desk.deps), ...more }));

async function announce(amount = '100', person = customer) {
  const body = { accountId: person.accountId, asset: 'USD', amount, method: 'bank_transfer' };
  const { body: deposit } = await desk.request(person, 'POST', '/v1/deposits', { body, key: newId() });
  return deposit as { readonly id: string; readonly paymentReference: string };
}

const read = async (id: string) =>
  (await desk.request(desk.operations, 'GET', `/v1/deposits/${id}`)).body as Record<string, unknown>;
const total = async () => (await desk.balance(customer, 'USD')).total;
const receiptsOf = async (depositId: string) =>
  desk.deps.db.engine.select().from(unallocatedReceipts).where(eq(unallocatedReceipts.depositId, depositId));
const clear = (id: string, body: object) =>
  desk.request(desk.operations, 'POST', `/v1/deposits/${id}/clear`, { body });
const vote = (id: string, person = desk.operations2) =>
  desk.request(person, 'POST', `/v1/approvals/${id}/approve`, { body: { reason: 'Looked at it' } });

describe('a line that fits', () => {
  test('credits its deposit on the bank’s own date, and cites itself', async () => {
    const { id, paymentReference } = await announce('100.5');
    const entry = { amount: '100.50', reference: paymentReference, name: HOLDER };
    const { status, body } = await imported([
      entry,
      { amount: '3', direction: 'DBIT', name: 'Bank charges' },
    ]);
    expect([status, body.lines.length, body.lines[0].depositId, body.lines[1].receiptId]).toEqual([
      201,
      2,
      id,
      null,
    ]);
    const deposit = await read(id);
    expect(deposit).toMatchObject({ status: 'cleared', settlementDate: '2026-01-31', approvalId: null });
    expect(await total()).toBe('100.5');
    const [journal] = await desk.deps.db.engine
      .select()
      .from(journals)
      .where(eq(journals.id, deposit.journalId as string));
    expect(journal).toMatchObject({ kind: 'deposit', valueDate: '2026-01-31' });
    const legs = await desk.deps.db.engine
      .select()
      .from(ledgerEntries)
      .where(eq(ledgerEntries.journalId, deposit.journalId as string));
    expect(legs).toHaveLength(2);
  });

  test('closes the approval that was asked for meanwhile', async () => {
    const { id, paymentReference } = await announce();
    const asked = await clear(id, {});
    await imported([{ amount: '100', reference: paymentReference, name: HOLDER }]);
    expect((await vote(asked.body.approval.id)).body.code).toBe('approval_not_pending');
    expect(await total()).toBe('100');
  });

  test('confirms what was cleared by hand, and credits it no second time', async () => {
    const { id, paymentReference } = await announce();
    const asked = await clear(id, {});
    await vote(asked.body.approval.id);
    const { body } = await imported([{ amount: '100', reference: paymentReference, name: HOLDER }]);
    expect(body.lines[0]).toMatchObject({ depositId: id, receiptId: null });
    expect(await total()).toBe('100');
  });

  test('and a vote at once credit one deposit once, whoever comes first', async () => {
    const { id, paymentReference } = await announce();
    const asked = await clear(id, {});
    const [file, voted] = await Promise.all([
      imported([{ amount: '100', reference: paymentReference, name: HOLDER }]),
      vote(asked.body.approval.id),
    ]);
    expect(file.status).toBe(201);
    expect([200, 409]).toContain(voted.status);
    expect(await total()).toBe('100');
    expect((await read(id)).status).toBe('cleared');
  });
});

describe('a line that does not fit', () => {
  const OTHER = 'Somebody Else';

  test.each([
    ['amount_differs', (reference: string) => ({ amount: '99.99', reference, name: HOLDER }), 'pending'],
    ['payer_unnamed', (reference: string) => ({ amount: '100', reference }), 'processing'],
    ['third_party_payer', (reference: string) => ({ amount: '100', reference, name: OTHER }), 'processing'],
    [
      'reversal',
      (reference: string) => ({ amount: '100', reference, name: HOLDER, reversal: true }),
      'pending',
    ],
  ])('is unallocated money: %s', async (reason, entry, status) => {
    const { id, paymentReference } = await announce();
    const { body } = await imported([entry(paymentReference)]);
    expect(body.lines[0].receiptId).toBeString();
    expect(await receiptsOf(id)).toMatchObject([{ reason, status: 'open' }]);
    expect([(await read(id)).status, await total()]).toEqual([status, '0']);
  });

  test.each([
    ['no_reference', { amount: '7' }],
    ['unknown_reference', { amount: '7', reference: newPaymentReference() }],
  ])('is unallocated money: %s', async (reason, entry) => {
    const { body } = await imported([entry]);
    const found = await desk.request(
      desk.operations,
      'GET',
      `/v1/unallocated-receipts/${body.lines[0].receiptId}`,
    );
    expect(found.body).toMatchObject({ reason, amount: '7', status: 'open', depositId: null });
  });

  test('does not credit behind a gate that is shut', async () => {
    const { id, paymentReference } = await announce();
    await desk.changeGate(customer, { restriction: 'frozen' });
    await imported([{ amount: '100', reference: paymentReference, name: HOLDER }]);
    expect(await receiptsOf(id)).toMatchObject([{ reason: 'not_accepted' }]);
    expect(await total()).toBe('0');
  });

  test('credits once where two lines name one deposit', async () => {
    const { id, paymentReference } = await announce();
    const entry = { amount: '100', reference: paymentReference, name: HOLDER };
    await imported([entry, entry]);
    expect(await total()).toBe('100');
    expect(await receiptsOf(id)).toMatchObject([{ reason: 'deposit_closed' }]);
  });

  test('tells compliance of somebody else who pays, and nobody clears past it', async () => {
    const { id, paymentReference } = await announce();
    await imported([{ amount: '100', reference: paymentReference, name: OTHER }]);
    const alerts = await desk.deps.db.engine
      .select()
      .from(amlAlerts)
      .where(eq(amlAlerts.userId, customer.userId));
    expect(alerts).toMatchObject([{ status: 'open', severity: 'high' }]);
    expect((await clear(id, {})).body.code).toBe('deposit_has_receipt');
    const [receipt] = await receiptsOf(id);
    const byLine = await clear(id, { statementLineId: receipt?.statementLineId });
    expect(byLine.body.code).toBe('under_review');
    await desk.changeGate(customer, { screening: 'clear' });
    const differs = await clear(id, { statementLineId: receipt?.statementLineId });
    expect(differs.body.code).toBe('statement_line_differs');
    const seen = await desk.request(customer, 'GET', `/v1/deposits/${id}`);
    expect(JSON.stringify(seen.body)).not.toContain('third');
    await desk.changeGate(customer, { screening: 'open' });
  });

  test('refuses nobody their money for good: another person releases it', async () => {
    const { id, paymentReference } = await announce();
    await imported([{ amount: '100', reference: paymentReference }]);
    const [receipt] = await receiptsOf(id);
    const path = `/v1/unallocated-receipts/${receipt?.id}/allocate`;
    const body = { depositId: id, reason: 'The payer is the customer' };
    const asked = await desk.request(desk.operations, 'POST', path, { body });
    expect(asked.status).toBe(202);
    expect((await vote(asked.body.approval.id, desk.operations)).body.code).toBe('self_approval');
    expect((await vote(asked.body.approval.id)).status).toBe(200);
    expect(await read(id)).toMatchObject({ status: 'cleared', settlementDate: '2026-01-31' });
    expect(await total()).toBe('100');
    const again = await desk.request(desk.operations, 'POST', path, { body });
    expect(again.body.code).toBe('receipt_closed');
  });
});

describe('unallocated money', () => {
  const receive = async (entry: SampleEntry) => {
    const { body } = await imported([entry]);
    return body.lines[0] as { readonly id: string; readonly receiptId: string };
  };

  test('clears a deposit by its line where the bank names the customer, and only once', async () => {
    const [first, second] = [await announce('40'), await announce('40')];
    const { id: statementLineId } = await receive({ amount: '40', name: 'ramgoolam anais' });
    const cleared = await clear(first.id, { statementLineId });
    expect([cleared.status, cleared.body.status]).toEqual([200, 'cleared']);
    expect((await clear(first.id, { statementLineId })).body).toEqual(cleared.body);
    expect((await clear(second.id, { statementLineId })).body.code).toBe('statement_line_used');
    expect((await clear(second.id, { statementLineId: newId() })).body.code).toBe('statement_line_unknown');
    expect(await total()).toBe('40');
  });

  test('is no evidence for another amount', async () => {
    const { id } = await announce('41');
    const { id: statementLineId } = await receive({ amount: '40', name: HOLDER });
    expect((await clear(id, { statementLineId })).body.code).toBe('receipt_does_not_fit');
    expect(await total()).toBe('0');
  });

  test('two who cite one line at once credit once', async () => {
    const [first, second] = [await announce('12'), await announce('12')];
    const { id: statementLineId } = await receive({ amount: '12', name: HOLDER });
    const answers = await Promise.all([first, second].map(({ id }) => clear(id, { statementLineId })));
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([200, 409]));
    expect(await total()).toBe('12');
  });

  test('goes to an account by two people, never by its owner', async () => {
    const { receiptId } = await receive({ amount: '15', name: HOLDER });
    const path = `/v1/unallocated-receipts/${receiptId}/allocate`;
    const body = { accountId: customer.accountId, reason: 'They forgot the reference' };
    const asked = await desk.request(desk.operations, 'POST', path, { body });
    expect((await vote(asked.body.approval.id)).status).toBe(200);
    expect(await total()).toBe('15');
    const neither = await desk.request(desk.operations, 'POST', path, { body: { reason: 'To whom?' } });
    expect(neither.body.code).toBe('validation_failed');
  });

  test('goes to no account beside the deposit it names, while that waits for it', async () => {
    const { id, paymentReference } = await announce();
    await imported([{ amount: '99', reference: paymentReference, name: HOLDER }]);
    const [receipt] = await receiptsOf(id);
    const path = `/v1/unallocated-receipts/${receipt?.id}/allocate`;
    const body = { accountId: customer.accountId, reason: 'They paid less' };
    const early = await desk.request(desk.operations, 'POST', path, { body });
    expect([early.status, early.body.code]).toEqual([409, 'deposit_status_conflict']);
    await desk.request(customer, 'POST', `/v1/deposits/${id}/cancel`);
    const asked = await desk.request(desk.operations, 'POST', path, { body });
    expect((await vote(asked.body.approval.id)).status).toBe(200);
    expect(await total()).toBe('99');
    expect((await clear(id, {})).body.code).toBe('deposit_status_conflict');
  });

  test('shuts nobody’s gate for an account that can take none', async () => {
    const { receiptId } = await receive({ amount: '15', name: 'A stranger' });
    const path = `/v1/unallocated-receipts/${receiptId}/allocate`;
    const paper = await createAccount(customer.ctx(), { type: 'paper', baseCurrency: 'USD' });
    const body = { accountId: paper.id, reason: 'Theirs' };
    const asked = await desk.request(desk.operations, 'POST', path, { body });
    expect([asked.status, asked.body.code]).toEqual([422, 'account_not_live']);
    const { userId } = customer;
    expect(await desk.deps.db.engine.select().from(amlAlerts).where(eq(amlAlerts.userId, userId))).toEqual(
      [],
    );
  });

  test('that somebody else paid is told to compliance before it goes to a customer, once', async () => {
    const { receiptId } = await receive({ amount: '15', name: 'A stranger' });
    const path = `/v1/unallocated-receipts/${receiptId}/allocate`;
    const body = { accountId: customer.accountId, reason: 'They say it is theirs' };
    const asked = await desk.request(desk.operations, 'POST', path, { body });
    expect((await vote(asked.body.approval.id)).body.code).toBe('under_review');
    expect(await total()).toBe('0');
    const reject = `/v1/approvals/${asked.body.approval.id}/reject`;
    await desk.request(desk.operations2, 'POST', reject, { body: { reason: 'Not before they looked' } });
    await desk.changeGate(customer, { screening: 'clear' });
    const again = await desk.request(desk.operations, 'POST', path, { body });
    const alerts = await desk.deps.db.engine
      .select()
      .from(amlAlerts)
      .where(eq(amlAlerts.userId, customer.userId));
    expect(alerts).toMatchObject([{ status: 'open', severity: 'high' }]);
    expect((await vote(again.body.approval.id)).status).toBe(200);
    expect(await total()).toBe('15');
  });

  test('goes back by two people', async () => {
    const { receiptId } = await receive({ amount: '15', name: 'A stranger' });
    const path = `/v1/unallocated-receipts/${receiptId}/return`;
    const asked = await desk.request(desk.operations, 'POST', path, { body: { reason: 'Nobody we know' } });
    expect((await vote(asked.body.approval.id)).status).toBe(200);
    const read = await desk.request(desk.operations, 'GET', `/v1/unallocated-receipts/${receiptId}`);
    expect(read.body).toMatchObject({ status: 'returned', payer: { name: 'A stranger' } });
    expect((await vote(asked.body.approval.id)).body.code).toBe('approval_not_pending');
  });

  test.each([
    ['of the amount it names', '100'],
    ['of another amount', '99'],
  ])('%s that compliance was told of goes back with their word alone', async (_what, amount) => {
    const { id, paymentReference } = await announce();
    await imported([{ amount, reference: paymentReference, name: 'A stranger' }]);
    const [receipt] = await receiptsOf(id);
    const path = `/v1/unallocated-receipts/${receipt?.id}/return`;
    const asked = await desk.request(desk.operations, 'POST', path, { body: { reason: 'Not theirs' } });
    expect((await vote(asked.body.approval.id)).status).toBe(404);
    expect((await vote(asked.body.approval.id, desk.compliance)).status).toBe(200);
    expect(await receiptsOf(id)).toMatchObject([{ status: 'returned' }]);
  });

  test('that was altered after the request is not allocated', async () => {
    const { receiptId } = await receive({ amount: '15', name: HOLDER });
    const body = { accountId: customer.accountId, reason: 'Theirs' };
    const path = `/v1/unallocated-receipts/${receiptId}/allocate`;
    const asked = await desk.request(desk.operations, 'POST', path, { body });
    const set = (asset: string) =>
      writeUnguarded(desk.database, 'unallocated_receipts', (tx) =>
        tx.update(unallocatedReceipts).set({ asset }).where(eq(unallocatedReceipts.id, receiptId)),
      );
    await set('EUR');
    expect((await vote(asked.body.approval.id)).body.code).toBe('approved_request_changed');
    await set('USD');
  });
});

describe('a statement that one person imported', () => {
  const sent = async (entries: readonly SampleEntry[], more: Partial<SampleStatement> = {}) => {
    const file = camt053({ entries, opening: await nextOpening(desk.deps), ...more });
    const body = new Uint8Array(Buffer.from(file));
    const headers = { 'content-type': 'application/xml' };
    const taken = await desk.request(desk.operations, 'POST', '/v1/bank-statements', { body, headers });
    return { ...taken.body, file } as Record<'id' | 'confirmationId' | 'standing' | 'file', string> & {
      readonly lines: readonly { readonly id: string }[];
    };
  };
  const reject = (id: string) =>
    desk.request(desk.operations2, 'POST', `/v1/approvals/${id}/reject`, {
      body: { reason: 'Not the bank’s' },
    });

  test('books nothing, clears nothing and is no evidence until another one confirms it', async () => {
    const { id, paymentReference } = await announce();
    const journalsNow = async () => (await desk.deps.db.engine.select().from(journals)).length;
    const before = await journalsNow();
    const statement = await sent([
      { amount: '100', reference: paymentReference, name: HOLDER },
      { amount: '5', name: 'Nobody' },
    ]);
    expect(statement).toMatchObject({ standing: 'waiting', bookedAt: null, bookedCount: 0 });
    await bookStatements(desk.system);
    expect([await journalsNow(), (await read(id)).status]).toEqual([before, 'pending']);
    const line = { statementLineId: statement.lines[0]?.id };
    expect((await clear(id, line)).body.code).toBe('statement_line_used');
    expect((await vote(statement.confirmationId, desk.operations)).body.code).toBe('self_approval');
    expect((await vote(statement.confirmationId)).status).toBe(200);
    await bookStatements(desk.system);
    expect([(await read(id)).status, await total()]).toEqual(['cleared', '100']);
  });

  test('is void once another one rejects it, and the true one takes its place under the same number', async () => {
    const { id, paymentReference } = await announce();
    const entry = { amount: '100', reference: paymentReference, name: HOLDER };
    const made = await sent([entry], { id: 'REJECTED' });
    expect((await reject(made.confirmationId)).status).toBe(200);
    const gone = await desk.request(desk.operations, 'GET', `/v1/bank-statements/${made.id}`);
    expect(gone.body).toMatchObject({ status: 'imported', standing: 'void', bookedAt: null });
    await imported([{ ...entry, amount: '99' }], { id: 'REJECTED' });
    expect([(await read(id)).status, await total()]).toEqual(['pending', '0']);
    const engine = desk.deps.db.engine.update(bankStatements);
    const revived = engine.set({ standing: 'confirmed' }).where(eq(bankStatements.id, made.id));
    expect(await Promise.resolve(revived).catch(() => 'refused')).toBe('refused');
  });

  test('waits for those before it, and falls with them', async () => {
    const first = await sent([{ amount: '3' }]);
    const second = await sent([{ amount: '4' }]);
    expect((await vote(second.confirmationId)).body.code).toBe('statement_out_of_turn');
    expect((await reject(first.confirmationId)).status).toBe(200);
    expect((await vote(second.confirmationId)).body.code).toBe('statement_gap');
    expect((await reject(second.confirmationId)).status).toBe(200);
  });
});

describe('a statement that was wrongly confirmed', () => {
  const giveUp = (id: string) =>
    desk.request(desk.operations, 'POST', `/v1/bank-statements/${id}/void`, {
      body: { reason: 'Another day' },
    });

  /** One that credits a deposit, brings money for nobody and for an account, and shows a debit. */
  async function wrong() {
    const deposit = await announce();
    const { body } = await imported([
      { amount: '100', reference: deposit.paymentReference, name: HOLDER },
      { amount: '7', name: 'Nobody' },
      { amount: '30', name: HOLDER },
      { amount: '2', direction: 'DBIT', name: 'Charges' },
    ]);
    return { deposit, statement: body as { id: string; lines: { id: string; receiptId: string }[] } };
  }

  test('is undone by two people, journal by journal, and the true one books the same deposit', async () => {
    const opening = await nextOpening(desk.deps);
    const { deposit, statement } = await wrong();
    const later = await announce('30');
    await clear(later.id, { statementLineId: statement.lines[2]?.id });
    expect(await total()).toBe('130');
    const asked = await giveUp(statement.id);
    expect([asked.status, asked.body.approval.payload.deposits.length]).toEqual([202, 2]);
    expect((await vote(asked.body.approval.id, desk.operations)).body.code).toBe('self_approval');
    expect((await vote(asked.body.approval.id)).status).toBe(200);
    expect([await total(), await nextOpening(desk.deps)]).toEqual(['0', opening]);
    for (const { id } of [deposit, later]) {
      expect(await read(id)).toMatchObject({ status: 'pending', settlementDate: null });
    }
    const undone = await desk.deps.db.engine
      .select()
      .from(unallocatedReceipts)
      .where(eq(unallocatedReceipts.id, statement.lines[1]?.receiptId ?? ''));
    expect(undone).toMatchObject([{ status: 'void' }]);
    const reversals = await desk.deps.db.engine
      .select()
      .from(journals)
      .where(
        inArray(
          journals.referenceId,
          statement.lines.map(({ id }) => id),
        ),
      );
    // Two credits of customers, and two of what was nobody's.
    expect(
      reversals.filter(({ kind, reversesId }) => kind === 'reversal' && reversesId !== null),
    ).toHaveLength(4);
    const report = await desk.reconcile();
    expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
    await imported([{ amount: '100', reference: deposit.paymentReference, name: HOLDER }]);
    expect([(await read(deposit.id)).status, await total()]).toEqual(['cleared', '100']);
    expect((await giveUp(statement.id)).body.code).toBe('statement_not_counted');
  });

  test('gives a deposit that two people had cleared back to them, and its line proves it no longer', async () => {
    const { id, paymentReference } = await announce();
    const asked = await clear(id, {});
    await vote(asked.body.approval.id);
    const iban = 'DE75512108001245126199';
    const account = { iban, currency: 'USD', houseReference: 'second', name: 'Client money, second bank' };
    await transact(desk.system, 'engine', (tx) => seedBankAccounts(tx, desk.system, [account]));
    const entry = { amount: '100', reference: paymentReference, name: HOLDER };
    const { body } = await sendFile(camt053({ iban, entries: [entry] }));
    const lineId = body.lines[0].id;
    const isProven = async () => {
      const [row] = await desk.deps.db.engine.execute(sql`
        select deposit_is_proven(jsonb_populate_record(d, jsonb_build_object('statement_line_id', ${lineId}::uuid,
          'approval_id', null))) as proven from deposits d where id = ${id}`);
      return row?.proven;
    };
    expect(await isProven()).toBe(true);
    const given = await giveUp(body.id);
    expect((await vote(given.body.approval.id)).status).toBe(200);
    expect(await isProven()).toBe(false);
    expect([(await read(id)).status, await total()]).toEqual(['cleared', '100']);
    const moved = await desk.deps.db.engine.select().from(journals).where(eq(journals.referenceId, lineId));
    expect(moved.map(({ kind }) => kind).toSorted()).toEqual(['reversal', 'transfer']);
  });

  test('stays where its money has left, where people moved it on, and where another goes on from it', async () => {
    const { statement } = await wrong();
    const asked = await giveUp(statement.id);
    await transact(desk.system, 'engine', (tx) =>
      tx
        .update(wallets)
        .set({ reserved: parseAmount('1') })
        .where(eq(wallets.accountId, customer.accountId)),
    );
    expect((await vote(asked.body.approval.id)).body.code).toBe('statement_moved_on');
    expect(await total()).toBe('100');
    await transact(desk.system, 'engine', (tx) =>
      tx
        .update(wallets)
        .set({ reserved: parseAmount('0') })
        .where(eq(wallets.accountId, customer.accountId)),
    );
    const path = `/v1/unallocated-receipts/${statement.lines[1]?.receiptId}/return`;
    const back = await desk.request(desk.operations, 'POST', path, { body: { reason: 'Nobody we know' } });
    expect((await vote(back.body.approval.id)).status).toBe(200);
    expect((await vote(asked.body.approval.id)).body.code).toBe('statement_moved_on');
    await imported([{ amount: '1' }]);
    expect((await giveUp(statement.id)).body.code).toBe('statement_out_of_turn');
    expect((await vote(asked.body.approval.id)).body.code).toBe('statement_out_of_turn');
  });
});

describe('a file that is refused', () => {
  async function counts() {
    const { engine } = desk.deps.db;
    return {
      journals: (await engine.select().from(journals)).length,
      lines: (await engine.select().from(bankStatementLines)).length,
    };
  }

  test.each([
    ['statement_unreadable', 'unreadable', () => '<Document'],
    [
      'statement_wrong_account',
      'wrong_account',
      () => camt053({ iban: 'GB29NWBK60161331926819', entries: [{ amount: '1' }] }),
    ],
    [
      'statement_wrong_account',
      'wrong_currency',
      () => camt053({ currency: 'EUR', entries: [{ amount: '1' }] }),
    ],
    ['statement_totals_differ', 'totals_differ', () => camt053({ closing: '5', entries: [{ amount: '1' }] })],
    ['statement_unreadable', 'malformed_value', () => camt053({ entries: [{ amount: '1.001' }] })],
    ...['2126-01-31', '2026-02-10'].map(
      (day) =>
        [
          'statement_unreadable',
          'malformed_value',
          () => camt053({ entries: [{ amount: '1' }] }).replace(/<ValDt><Dt>[^<]*/, `<ValDt><Dt>${day}`),
        ] as const,
    ),
  ])('%s (%s) books nothing and is kept with its reason', async (code, refusalCode, file) => {
    const before = await counts();
    const { status, body } = await sendFile(file());
    expect([status, body.code]).toEqual([422, code]);
    expect(await counts()).toEqual(before);
    const { body: listed } = await desk.request(
      desk.operations,
      'GET',
      '/v1/bank-statements?status=refused&limit=1',
    );
    expect(listed.data).toMatchObject([{ status: 'refused', refusalCode }]);
    const [kept] = await desk.deps.db.engine
      .select()
      .from(bankStatements)
      .where(eq(bankStatements.id, listed.data[0].id));
    expect(kept?.content).not.toBeNull();
  });

  test('because it was imported already, by its bytes or by its number', async () => {
    const { paymentReference } = await announce();
    const entries = [{ amount: '100', reference: paymentReference, name: HOLDER }];
    const file = camt053({ id: 'ONCE', entries, opening: await nextOpening(desk.deps) });
    expect((await sendFile(file)).status).toBe(201);
    const again = [await sendFile(file), await sendFile(camt053({ id: 'ONCE', entries: [{ amount: '1' }] }))];
    expect(again.map(({ status, body }) => [status, body.code])).toEqual(
      Array(2).fill([409, 'statement_duplicate']),
    );
    expect(await total()).toBe('100');
  });

  test('the second of two at once', async () => {
    const { paymentReference } = await announce();
    const opening = await nextOpening(desk.deps);
    const file = camt053({
      opening,
      entries: [{ amount: '100', reference: paymentReference, name: HOLDER }],
    });
    const answers = await Promise.all([sendFile(file), sendFile(file)]);
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([201, 409]));
    expect(await total()).toBe('100');
  });

  test('of another content type, and from anybody but operations', async () => {
    const body = new Uint8Array(Buffer.from(camt053({})));
    const csv = { body, headers: { 'content-type': 'text/csv' } };
    expect((await desk.request(desk.operations, 'POST', '/v1/bank-statements', csv)).status).toBe(415);
    expect((await sendFile(camt053({}), desk.compliance)).status).toBe(403);
    expect((await sendFile(camt053({}), customer)).status).toBe(403);
  });
});

describe('evidence', () => {
  test('is not rewritten by the login that keeps it', async () => {
    const { body } = await imported([{ amount: '1' }]);
    const { engine } = desk.deps.db;
    const line = engine.delete(bankStatementLines).where(eq(bankStatementLines.id, body.lines[0].id));
    expect(
      await Promise.resolve(line).then(
        () => 'done',
        () => 'refused',
      ),
    ).toBe('refused');
    const file = engine.update(bankStatements).set({ refusal: 'x' }).where(eq(bankStatements.id, body.id));
    expect(
      await Promise.resolve(file).then(
        () => 'done',
        () => 'refused',
      ),
    ).toBe('refused');
  });

  test('names no payer in the clear', async () => {
    await imported([{ amount: '1', name: 'Very Private' }]);
    const rows = await desk.deps.db.engine.select().from(bankStatementLines);
    expect(rows.some((row) => Buffer.from(row.counterparty).includes('Private'))).toBe(false);
  });

  test('belongs to one deposit for good', async () => {
    const [first, second] = [await announce('9'), await announce('9')];
    const { body } = await imported([{ amount: '9', reference: first.paymentReference, name: HOLDER }]);
    const steal = desk.deps.db.engine
      .update(deposits)
      .set({ statementLineId: body.lines[0].id })
      .where(eq(deposits.id, second.id));
    expect(
      await Promise.resolve(steal).then(
        () => 'done',
        () => 'refused',
      ),
    ).toBe('refused');
  });
});

describe('a bank account', () => {
  test('is expected once another person agreed', async () => {
    const account = {
      iban: 'DE89370400440532013000',
      currency: 'EUR',
      houseReference: 'second',
      name: 'Euro',
    };
    const body = { ...account, reason: 'Opened for euro clients' };
    const ask = (said: object) => desk.request(desk.operations, 'POST', '/v1/bank-accounts', { body: said });
    const [asked, rival] = [await ask(body), await ask(body)];
    expect([asked.status, rival.status]).toEqual([202, 202]);
    const file = camt053({ iban: account.iban, currency: 'EUR', entries: [{ amount: '2' }] });
    expect((await sendFile(file)).body.code).toBe('statement_wrong_account');
    expect((await vote(asked.body.approval.id)).status).toBe(200);
    expect((await sendFile(file)).status).toBe(201);
    // Whoever asked in time is told by the vote, whoever asks now at once.
    expect((await vote(rival.body.approval.id)).body.code).toBe('bank_account_exists');
    const known = [body, { ...body, houseReference: 'third' }, { ...body, iban: 'GB29NWBK60161331926819' }];
    for (const again of known) {
      const { status, body: said } = await ask(again);
      expect([status, said.code]).toEqual([409, 'bank_account_exists']);
    }
    const coin = { ...body, currency: 'BTC' };
    expect((await ask(coin)).body.code).toBe('bank_account_not_fiat');
  });

  test('is of clients’ money or of the firm’s own, never of both and in no currency', async () => {
    const reason = 'Opened';
    const post = (body: object) => desk.request(desk.operations, 'POST', '/v1/bank-accounts', { body });
    const put = (use: string, more: object) =>
      desk.request(desk.operations, 'PUT', `/v1/${use}-accounts/USD`, {
        body: { holderName: 'Plimsoll', bic: 'BOMMMUPL', reason, ...more },
      });
    const iban = 'MU14BOMM0101101030300200002MUR';
    const firm = {
      iban,
      currency: 'USD',
      houseRole: 'firm_account',
      houseReference: 'main',
      name: 'Own',
      reason,
    };
    // The same words as of an account of clients' money: each role has a wallet of its own.
    const [asked, rival] = [await post(firm), await post({ ...firm, houseRole: undefined, currency: 'EUR' })];
    expect([asked.status, rival.status]).toEqual([202, 202]);
    expect(asked.body.approval.payload).toMatchObject({ houseRole: 'firm_account' });
    expect((await vote(asked.body.approval.id)).status).toBe(200);
    expect((await vote(rival.body.approval.id)).body.code).toBe('bank_account_exists');
    const { body: listed } = await desk.request(desk.operations, 'GET', '/v1/bank-accounts');
    expect(listed.data).toContainEqual(
      expect.objectContaining({ iban, houseRole: 'firm_account', houseReference: 'main' }),
    );
    expect(listed.data[0].houseRole).toBe('client_money_bank');

    const others = [
      { ...firm, iban: SAMPLE_IBAN, currency: 'EUR', houseReference: 'euro' },
      // What customers are paid from already.
      { ...firm, iban: 'DE89370400440532013000', currency: 'EUR', houseReference: 'payouts' },
      { ...firm, houseRole: 'client_money_bank', currency: 'EUR', houseReference: 'clients' },
    ];
    for (const body of others) {
      expect((await post(body)).body.code).toBe('bank_account_exists');
    }
    expect((await post({ ...firm, houseRole: 'custody' })).body.code).toBe('validation_failed');
    expect((await put('payout', { iban })).body.code).toBe('payout_account_unexpected');
    expect((await put('deposit', { iban, bankName: 'Bank One' })).body.code).toBe(
      'deposit_account_unexpected',
    );

    // Nor does anybody who writes to the tables.
    const { approvalId } = listed.data.find((each: { iban: string }) => each.iban === iban);
    const columns = sql`insert into bank_accounts (id, iban, currency, house_role, house_reference, name, approval_id,
      created_at) select gen_random_uuid()`;
    const forged = [
      sql`${columns}, ${iban}, 'EUR', 'client_money_bank', 'mine', 'Mine', null, now()`,
      sql`${columns}, ${SAMPLE_IBAN}, 'EUR', 'firm_account', 'mine', 'Mine', null, now()`,
      sql`${columns}, iban, currency, 'client_money_bank', house_reference, 'Mine', approval_id, now()
        from bank_accounts where approval_id = ${approvalId}`,
      sql`insert into payout_accounts (id, asset, holder_name, iban, bic, created_at)
        values (gen_random_uuid(), 'USD', 'Mine', ${iban}, 'BOMMMUPL', now())`,
    ];
    for (const statement of forged) {
      const ended = desk.deps.db.engine.execute(statement).then(() => 'written', sqlStateOf);
      expect(await ended).toBe('PL061');
    }
  });

  test('that its owner exchanges is found by what it booked, and by what two people agreed to', async () => {
    await imported([{ amount: '1', name: 'Somebody' }]);
    const iban = 'MU61BOMM0101101030300200003MUR';
    const asked = await desk.request(desk.operations, 'POST', '/v1/bank-accounts', {
      body: { iban, currency: 'EUR', houseReference: 'exchanged', name: 'Clients', reason: 'Opened' },
    });
    expect((await vote(asked.body.approval.id)).status).toBe(200);
    const exchange = () =>
      writeUnguarded(desk.database, 'bank_accounts', (tx) =>
        tx.execute(sql`update bank_accounts set house_role =
          case house_role when 'firm_account' then 'client_money_bank'::house_role else 'firm_account' end,
          house_reference = case when house_reference like 'x-%' then substr(house_reference, 3)
            else 'x-' || house_reference end
          where iban in (${iban}, ${SAMPLE_IBAN})`),
      );
    await exchange();
    const { checks } = await desk.reconcile();
    await exchange();
    expect(checks.filter(({ breaks }) => breaks.length > 0).map(({ name }) => name)).toEqual(
      expect.arrayContaining(['funding.statement_lines_are_somebodys', 'funding.terms_were_set_by_two']),
    );
  });
});
