/** Payouts that the bank paid otherwise than they were told: of another amount, to another account, or as a whole file. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, desc, eq, inArray, sql } from 'drizzle-orm';
import type { Actor } from '../../../kernel/actor.ts';
import { parseAmount } from '../../../kernel/amount.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { sqlStateOf } from '../../../platform/db/errors.ts';
import { auditLogs } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import { statusReport } from '../../../testing/drivers/payouts.ts';
import {
  bankBeneficiary,
  type FundingDesk,
  HOLDER,
  type Person,
  startFundingDesk,
} from '../../../testing/funding-desk.ts';
import { writeUnguarded } from '../../../testing/unguarded.ts';
import { journals } from '../../ledger/schema.ts';
import { withdrawals } from '../schema.ts';
import { isDebited, isNamedByWaiting } from '../statement-debits.ts';
import { camt053, nextOpening, SAMPLE_IBAN, type SampleEntry } from '../testing/camt-sample.ts';
import { executionDay } from '../testing/execution-day.ts';
import { repayments, statementDebits, unallocatedReceipts } from '../work/schema.ts';

let desk: FundingDesk;
let mlro: Person;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
  mlro = await desk.newStaff('mlro');
  const body = { holderName: 'Plimsoll clients', iban: SAMPLE_IBAN, bic: 'BOMMMUPL', ...REASON };
  const asked = await desk.request(desk.operations, 'PUT', '/v1/payout-accounts/USD', { body });
  expect((await vote(asked, desk.operations2)).status).toBe(200);
});

afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

const REASON = { reason: 'Looked at it' };
const STRANGER = { name: 'Somebody', iban: 'GB29NWBK60161331926819' };

type Answer = { readonly status: number; readonly body: { readonly code?: string } };
type Payout = { readonly id: string; readonly person: Person; readonly reference: string };

const code = ({ status, body }: Answer) => body.code ?? status;

async function approved(amount = '100'): Promise<Payout> {
  const person = await desk.newCustomer();
  await desk.fund(person, 'USD', '1000');
  const bank = await desk.request(person, 'POST', '/v1/beneficiaries', { body: bankBeneficiary() });
  const body = { accountId: person.accountId, asset: 'USD', amount, beneficiaryId: bank.body.id };
  const { id } = (await desk.request(person, 'POST', '/v1/withdrawals', { body, key: newId() })).body;
  await act(desk.compliance, id, 'approve', REASON);
  return { id, person, reference: id.replaceAll('-', '').toUpperCase() };
}

async function processing(): Promise<Payout> {
  const payout = await approved();
  expect((await act(desk.operations, payout.id, 'process')).body.status).toBe('processing');
  return payout;
}

function act(person: Person, id: string, step: string, body: object = {}) {
  return desk.request(person, 'POST', `/v1/withdrawals/${id}/${step}`, { body });
}

function vote(asked: { body: { approval: { id: string } } }, person = desk.compliance) {
  const path = `/v1/approvals/${asked.body.approval.id}/approve`;
  return desk.request(person, 'POST', path, { body: REASON });
}

async function imported(...entries: readonly SampleEntry[]) {
  const answer = await desk.importFile(camt053({ entries, opening: await nextOpening(desk.deps) }));
  expect(answer.status).toBe(201);
  return answer.body as {
    readonly id: string;
    readonly lines: readonly { id: Id; debitId: Id; receiptId: Id }[];
  };
}

/** The debit of a statement that shows one entry. */
async function debited(entry: SampleEntry): Promise<typeof statementDebits.$inferSelect> {
  const [line] = (await imported({ direction: 'DBIT', ...entry })).lines;
  return debitOf(line?.debitId as Id);
}

async function debitOf(id: Id) {
  const [row] = await desk.deps.db.engine.select().from(statementDebits).where(eq(statementDebits.id, id));
  return row as typeof statementDebits.$inferSelect;
}

function explain(debit: { readonly id: string }, what: object, by = desk.operations) {
  const path = `/v1/statement-debits/${debit.id}/explain`;
  return desk.request(by, 'POST', path, { body: { ...what, ...REASON } });
}

const asPayout = ({ id }: Payout, more: object = {}) => ({
  explanation: 'payout',
  withdrawalId: id,
  ...more,
});

async function seen({ id }: Payout) {
  return (await desk.request(desk.operations, 'GET', `/v1/withdrawals/${id}`)).body;
}

async function house(role: 'client_money_bank' | 'receivable', reference: string): Promise<number> {
  const rows = await desk.deps.db.engine.execute<{ total: string }>(sql`
    select total::text as total from wallets
    where house_role = ${role} and house_reference = ${reference} and asset = 'USD' and book = 'live'`);
  return Number(rows[0]?.total ?? '0');
}

/** A deposit of the bank that two people refunded. */
async function refunded(amount: string) {
  const person = await desk.newCustomer();
  const body = { accountId: person.accountId, asset: 'USD', amount, method: 'bank_transfer' };
  const deposit = (await desk.request(person, 'POST', '/v1/deposits', { body, key: newId() })).body;
  const bank = { iban: 'DE89370400440532013000', bic: 'COBADEFF' };
  await imported({ amount, reference: deposit.paymentReference, name: HOLDER, ...bank });
  const path = `/v1/deposits/${deposit.id}/refund`;
  expect(code(await vote(await desk.request(desk.operations, 'POST', path, { body: REASON })))).toBe(200);
  const [row] = await desk.deps.db.engine
    .select()
    .from(repayments)
    .where(eq(repayments.depositId, deposit.id))
    .orderBy(desc(repayments.id));
  const { paymentReference: reference } = deposit;
  return { id: row?.id as Id, person, reference };
}

/** What a reconciliation finds of a debit and of what was booked by it: nothing, where the books have it as the bank does. */
async function itemsOf(debit: { readonly id: Id; readonly statementLineId: Id }) {
  const body = { businessDate: '2026-01-31' };
  const made = await desk.request(desk.operations, 'POST', '/v1/reconciliations', { body, key: newId() });
  expect(made.status).toBe(201);
  const { banks } = made.body.run as { banks: { items: { object: string }[] }[] };
  expect(banks.length).toBeGreaterThan(0);
  const rows = await desk.deps.db.engine.execute<{ id: string }>(sql`
    select e.id from ledger_entries e
      join journals j on j.id = e.journal_id
      left join withdrawals w on w.journal_id = j.id
      left join repayments r on r.journal_id = j.id
    where j.reference_type = 'statement_debit' and j.reference_id = ${debit.id}
      or ${debit.statementLineId} in (w.statement_line_id, r.paid_line_id)`);
  const own = [debit.statementLineId, ...rows.map(({ id }) => id)];
  expect(own.length).toBeGreaterThan(1);
  return banks.flatMap(({ items }) => items).filter(({ object }) => own.some((id) => object.endsWith(id)));
}

describe('a payout of which the bank paid another amount', () => {
  test('less, though nobody had begun it, is completed with compliance, and the rest is the customer’s again', async () => {
    const payout = await approved();
    const debit = await debited({ amount: '60', endToEndId: payout.reference });
    expect(debit).toMatchObject({ reason: 'amount_differs', namedWithdrawalId: payout.id as Id });
    const stuck = [
      await act(desk.operations, payout.id, 'process'),
      await act(payout.person, payout.id, 'cancel'),
    ];
    expect(stuck.map(code)).toEqual(['payout_on_statement', 'payout_on_statement']);
    expect(code(await explain(debit, asPayout(payout, { excess: 'firm' })))).toBe('debit_not_explained');
    const before = await house('client_money_bank', 'main');
    const asked = await explain(debit, asPayout(payout));
    expect(asked.body.approval.payload).toMatchObject({ amount: '60', asked: '100' });
    expect(code(await vote(asked, desk.operations2))).toBe('not_found');
    expect(code(await vote(asked))).toBe(200);
    expect(await seen(payout)).toMatchObject({ status: 'completed', amount: '100', paidAmount: '60' });
    expect(await desk.balance(payout.person, 'USD')).toEqual({ total: '940', reserved: '0' });
    expect(await house('client_money_bank', 'main')).toBe(before + 60);
    expect(await itemsOf(debit)).toEqual([]);
    expect(await debitOf(debit.id)).toMatchObject({ status: 'explained', withdrawalId: payout.id as Id });
    const mine = (await desk.request(payout.person, 'GET', `/v1/withdrawals/${payout.id}`)).body;
    expect(mine.paidAmount).toBe('60');
    // What was booked by it is not undone with the statement.
    const [line] = await desk.deps.db.engine.execute<{ statement_id: string }>(
      sql`select statement_id from bank_statement_lines where id = ${debit.statementLineId}`,
    );
    const voiding = `/v1/bank-statements/${line?.statement_id}/void`;
    expect(code(await desk.request(desk.operations, 'POST', voiding, { body: REASON }))).toBe(
      'statement_moved_on',
    );
  });

  test('more, is owed by whom two people name, and no wallet of the customer pays for it by itself', async () => {
    const [one, two] = [await processing(), await processing()];
    await act(desk.operations, two.id, 'unknown', REASON);
    const [first, second] = [
      await debited({ amount: '130', endToEndId: one.reference }),
      await debited({ amount: '110.5', endToEndId: two.reference }),
    ];
    const unsaid = await explain(first, asPayout(one));
    expect([code(unsaid), (unsaid.body as { detail?: string }).detail]).toEqual([
      'debit_not_explained',
      expect.stringContaining('excess'),
    ]);
    const firm = await house('receivable', 'firm');
    expect(code(await vote(await explain(first, asPayout(one, { excess: 'firm' }))))).toBe(200);
    expect(await house('receivable', 'firm')).toBe(firm - 30);
    expect(await desk.balance(one.person, 'USD')).toEqual({ total: '900', reserved: '0' });
    expect(code(await vote(await explain(second, asPayout(two, { excess: 'customer' }))))).toBe(200);
    expect(await seen(two)).toMatchObject({ status: 'completed', paidAmount: '110.5' });
    expect(await desk.balance(two.person, 'USD')).toEqual({ total: '900', reserved: '0' });
    const { data } = (await desk.request(two.person, 'GET', '/v1/debts')).body;
    expect(data).toMatchObject([{ debtor: two.person.userId, asset: 'USD', amount: '10.5' }]);
  });

  test('after it was completed on people’s word, is corrected once; by no other debit, and for the MLRO where it went elsewhere', async () => {
    const [payout, away, other] = [await processing(), await approved(), await approved()];
    const transactionReference = 'FT 1';
    expect(code(await act(desk.operations, payout.id, 'complete', { transactionReference }))).toBe(200);
    const debit = await debited({ amount: '90', endToEndId: payout.reference });
    const nameless = await debited({ amount: '91' });
    expect(code(await explain(nameless, asPayout(payout)))).toBe('debit_not_explained');
    expect(code(await explain(debit, asPayout(other)))).toBe('debit_not_explained');
    expect(code(await vote(await explain(debit, asPayout(payout))))).toBe(200);
    expect(await desk.balance(payout.person, 'USD')).toEqual({ total: '910', reserved: '0' });
    const again = await debited({ amount: '80', endToEndId: payout.reference });
    expect(code(await explain(again, asPayout(payout)))).toBe('debit_not_explained');
    const gone = await debited({ amount: '70', endToEndId: away.reference, ...STRANGER });
    const asked = await explain(gone, asPayout(away));
    expect(code(await vote(asked))).toBe('forbidden');
    expect(code(await vote(asked, mlro))).toBe(200);
    for (const left of [nameless, again]) {
      expect(code(await vote(await explain(left, { explanation: 'bank_charge' })))).toBe(200);
    }
  });

  test('is not said by one login: the row keeps it to the explained debit, and a line to one payment', async () => {
    const { engine } = desk.deps.db;
    const [one, two] = [await processing(), await processing()];
    for (const { id } of [one, two]) {
      await act(desk.operations, id, 'complete', { transactionReference: 'FT 2' });
    }
    const change = (set: object, { id }: Payout) =>
      engine
        .update(withdrawals)
        .set({ ...set, version: sql`version + 1` })
        .where(eq(withdrawals.id, id as Id))
        .then(() => '', sqlStateOf);
    expect(await change({ paidAmount: 1n }, one)).toBe('PL060');
    const [settled, open] = [await processing(), await processing()];
    const { statementLineId } = await debited({ amount: '100', endToEndId: settled.reference });
    const byLine = { outcome: 'completed', statementLineId };
    expect((await act(desk.operations, settled.id, 'resolve', byLine)).body.status).toBe('completed');
    expect(await change({ statementLineId, status: 'unknown' }, open)).toBe('PL060');
  });
});

test('one person, or two past compliance, complete no payout while an open debit says that it went elsewhere', async () => {
  const payout = await processing();
  const debit = await debited({ amount: '100', endToEndId: payout.reference, ...STRANGER });
  expect(debit.reason).toBe('account_differs');
  const complete = () => act(desk.operations, payout.id, 'complete', { transactionReference: 'FT 3' });
  const refused = await complete();
  expect([refused.status, code(refused)]).toEqual([409, 'payout_debit_open']);
  expect((refused.body as { detail?: string }).detail).toContain(debit.id);
  expect((await seen(payout)).status).toBe('processing');
  await act(desk.operations, payout.id, 'unknown', REASON);
  const said = { outcome: 'completed', transactionReference: 'FT 3', ...REASON };
  expect(code(await act(desk.operations, payout.id, 'resolve', said))).toBe('payout_debit_open');
  expect(code(await vote(await explain(debit, asPayout(payout))))).toBe(200);
  const byLine = { outcome: 'completed', statementLineId: debit.statementLineId };
  expect((await act(desk.operations, payout.id, 'resolve', byLine)).body.status).toBe('completed');
  const less = await processing();
  const part = await debited({ amount: '99', endToEndId: less.reference });
  expect(code(await act(desk.operations, less.id, 'complete', { transactionReference: 'FT 4' }))).toBe(
    'payout_debit_open',
  );
  expect(code(await vote(await explain(part, asPayout(less))))).toBe(200);
});

describe('what comes back of a payout of which the bank paid too much', () => {
  const FIRM = { explanation: 'house', house: { role: 'receivable', reference: 'firm' } };

  async function returned(amount: string, { reference }: Payout) {
    const { lines } = await imported({ amount, endToEndId: reference, name: HOLDER });
    return `/v1/unallocated-receipts/${(lines[0] as { receiptId?: Id }).receiptId}`;
  }

  function on(path: string, verb: string, what: object) {
    return desk.request(desk.operations, 'POST', `${path}/${verb}`, { body: { ...what, ...REASON } });
  }

  /** A payout of 100 of which the bank paid 150 at the firm's expense. */
  async function overpaid(): Promise<Payout> {
    const payout = await processing();
    const debit = await debited({ amount: '150', endToEndId: payout.reference });
    expect(code(await vote(await explain(debit, asPayout(payout, { excess: 'firm' }))))).toBe(200);
    return payout;
  }

  /** What the firm's share left open of a receipt. */
  async function restOf(path: string): Promise<string> {
    const id = path.slice(path.lastIndexOf('/') + 1) as Id;
    const [row] = await desk.deps.db.engine
      .select()
      .from(unallocatedReceipts)
      .where(eq(unallocatedReceipts.restOf, id));
    expect(row).toMatchObject({ status: 'open', reason: 'returned_payout' });
    return `/v1/unallocated-receipts/${row?.id}`;
  }

  test('is the firm’s first where that owes it, and the customer’s beyond', async () => {
    const owed = await house('receivable', 'firm');
    const payout = await overpaid();
    const { accountId } = payout.person;
    const part = await returned('20', payout);
    expect(code(await on(part, 'allocate', { accountId }))).toBe('receipt_does_not_fit');
    const asked = await on(part, 'explain', FIRM);
    expect(asked.body.approval.payload).toMatchObject({ firms: '20', customers: '0' });
    expect(code(await vote(asked, desk.operations2))).toBe('not_found');
    expect(code(await vote(asked))).toBe(200);
    const rest = await returned('130', payout);
    expect(code(await on(rest, 'allocate', { accountId }))).toBe('receipt_does_not_fit');
    const last = await on(rest, 'explain', FIRM);
    expect(last.body.approval.payload).toMatchObject({ firms: '30', customers: '100' });
    expect(code(await vote(last))).toBe(200);
    expect(await house('receivable', 'firm')).toBe(owed);
    const open = await restOf(rest);
    const other = await desk.newCustomer();
    expect(code(await on(open, 'allocate', { accountId: other.accountId }))).toBe('receipt_does_not_fit');
    expect(code(await on(open, 'explain', FIRM))).toBe('receipt_does_not_fit');
    expect(code(await vote(await on(open, 'allocate', { accountId })))).toBe(200);
    expect(await desk.balance(payout.person, 'USD')).toEqual({ total: '1000', reserved: '0' });
  });

  test('is not sent back to whoever returned it while a part is the firm’s', async () => {
    const payout = await overpaid();
    const path = await returned('150', payout);
    expect(code(await on(path, 'return', {}))).toBe('receipt_does_not_fit');
    expect(code(await vote(await on(path, 'explain', FIRM)))).toBe(200);
    expect(code(await vote(await on(await restOf(path), 'return', {}), desk.operations2))).toBe(200);
    expect(await desk.balance(payout.person, 'USD')).toEqual({ total: '900', reserved: '0' });
  });

  test.each([
    ['an account', 'frozen'],
    ['an account', 'closed'],
    ['a person', 'frozen'],
  ] as const)('is the firm’s, and waits as a receipt for %s that is %s', async (what, status) => {
    const payout = await overpaid();
    const { accountId } = payout.person;
    const path = await returned('150', payout);
    const asked = await on(path, 'explain', FIRM);
    const set = (to: string) =>
      writeUnguarded(desk.database, 'accounts', (tx) =>
        tx.execute(sql`update accounts set status = ${to}::account_status,
          closed_at = case when ${to} = 'closed' then now() end where id = ${accountId}`),
      );
    if (what === 'an account') {
      await set(status);
    } else {
      await desk.changeGate(payout.person, { restriction: 'frozen' });
    }
    expect(code(await vote(asked))).toBe(200);
    expect(await desk.balance(payout.person, 'USD')).toEqual({ total: '900', reserved: '0' });
    const open = await restOf(path);
    const allocated = await on(open, 'allocate', { accountId });
    const refused = allocated.status === 202 ? await vote(allocated) : allocated;
    expect(code(refused)).toBe(what === 'an account' ? 'account_not_active' : 'account_restricted');
    if (status === 'closed') {
      expect(code(await vote(await on(open, 'return', {}), desk.operations2))).toBe(200);
    } else {
      await desk.changeGate(payout.person, { restriction: 'none' });
      await set('active');
      const again = allocated.status === 202 ? allocated : await on(open, 'allocate', { accountId });
      expect(code(await vote(again))).toBe(200);
      expect(await desk.balance(payout.person, 'USD')).toEqual({ total: '1000', reserved: '0' });
    }
  });

  test('is nothing that staff whose deposit its line names besides ask for or decide', async () => {
    const payout = await processing();
    const debit = await debited({ amount: '90', endToEndId: payout.reference });
    expect(code(await vote(await explain(debit, asPayout(payout))))).toBe(200);
    const named = await desk.newCustomer();
    const body = { accountId: named.accountId, asset: 'USD', amount: '90', method: 'bank_transfer' };
    const { paymentReference } = (await desk.request(named, 'POST', '/v1/deposits', { body, key: newId() }))
      .body;
    const [line] = (
      await imported({
        ...STRANGER,
        amount: '90',
        endToEndId: payout.reference,
        reference: paymentReference,
      })
    ).lines;
    const path = `/v1/unallocated-receipts/${line?.receiptId}`;
    const actor = { ...desk.operations2.actor, userId: named.userId } as Actor;
    const self = { ...desk.operations2, userId: named.userId, actor } as Person;
    for (const [verb, what] of [
      ['return', {}],
      ['allocate', { accountId: payout.person.accountId }],
      ['explain', FIRM],
    ] as const) {
      const sent = await desk.request(self, 'POST', `${path}/${verb}`, { body: { ...what, ...REASON } });
      expect(code(sent)).toBe('self_action');
    }
    const asked = await on(path, 'return', {});
    expect(
      code(
        await vote(asked, { ...self, actor: { ...actor, roles: ['compliance_officer'] } as Actor } as Person),
      ),
    ).toBe('self_approval');
    const reject = `/v1/approvals/${asked.body.approval.id}/reject`;
    expect(code(await desk.request(desk.compliance, 'POST', reject, { body: REASON }))).toBe(200);
  });

  test('is credited to no deposit that its line or somebody names besides', async () => {
    const payout = await overpaid();
    const body = { accountId: payout.person.accountId, asset: 'USD', amount: '150', method: 'bank_transfer' };
    const announce = async () =>
      (await desk.request(payout.person, 'POST', '/v1/deposits', { body, key: newId() })).body;
    const [named, other] = [await announce(), await announce()];
    const back = { amount: '150', endToEndId: payout.reference, name: HOLDER };
    const [line] = (await imported({ ...back, reference: named.paymentReference })).lines;
    const path = `/v1/unallocated-receipts/${line?.receiptId}`;
    const seenAs = (await desk.request(desk.operations, 'GET', path)).body;
    expect(seenAs).toMatchObject({
      reason: 'returned_payout',
      depositId: named.id,
      returns: { withdrawalId: payout.id },
    });
    for (const deposit of [named, other]) {
      const clear = { statementLineId: line?.id };
      const sent = await desk.request(desk.operations, 'POST', `/v1/deposits/${deposit.id}/clear`, {
        body: clear,
      });
      expect(code(sent)).toBe('receipt_does_not_fit');
    }
    expect(code(await vote(await on(path, 'explain', FIRM)))).toBe(200);
    const clear = { statementLineId: line?.id };
    const sent = await desk.request(desk.operations, 'POST', `/v1/deposits/${named.id}/clear`, {
      body: clear,
    });
    expect(code(sent)).toBe('statement_line_used');
    expect(await desk.balance(payout.person, 'USD')).toEqual({ total: '900', reserved: '0' });
    // Nor on people's word, until the rest of what names it went where the payout came from.
    const deposit = `/v1/deposits/${named.id}`;
    expect(code(await desk.request(desk.operations, 'POST', `${deposit}/clear`, { body: REASON }))).toBe(
      'deposit_has_receipt',
    );
    const rest = await restOf(path);
    const { accountId } = payout.person;
    expect(code(await on(rest, 'allocate', { accountId }))).toBe('deposit_status_conflict');
    expect(code(await desk.request(desk.operations, 'POST', `${deposit}/fail`, { body: REASON }))).toBe(200);
    expect(code(await vote(await on(rest, 'allocate', { accountId })))).toBe(200);
    expect(await desk.balance(payout.person, 'USD')).toEqual({ total: '1000', reserved: '0' });
  });

  test('and names a deposit, paid back by somebody else, is for compliance, who were told', async () => {
    const payout = await overpaid();
    const other = await desk.newCustomer();
    const body = { accountId: other.accountId, asset: 'USD', amount: '150', method: 'bank_transfer' };
    const named = (await desk.request(other, 'POST', '/v1/deposits', { body, key: newId() })).body;
    const back = { amount: '150', endToEndId: payout.reference, name: 'Somebody Else' };
    const [line] = (await imported({ ...back, reference: named.paymentReference })).lines;
    const path = `/v1/unallocated-receipts/${line?.receiptId}`;
    const alerts = await desk.deps.db.engine.execute(
      sql`select id from aml_alerts where user_id = ${other.userId} and status = 'open'`,
    );
    expect(alerts).toHaveLength(1);
    expect(code(await vote(await on(path, 'explain', FIRM)))).toBe(200);
    const asked = await on(await restOf(path), 'return', {});
    expect(code(await vote(asked, desk.operations2))).toBe('not_found');
    expect(code(await vote(asked))).toBe(200);
  });

  test('waits until the debit says how much that was', async () => {
    const payout = await processing();
    expect(code(await act(desk.operations, payout.id, 'complete', { transactionReference: 'FT 5' }))).toBe(
      200,
    );
    const debit = await debited({ amount: '150', endToEndId: payout.reference });
    const other = await desk.newCustomer();
    const path = await returned('150', payout);
    for (const { accountId } of [other, payout.person]) {
      expect(code(await on(path, 'allocate', { accountId }))).toBe('receipt_does_not_fit');
    }
    expect(code(await on(path, 'return', {}))).toBe('receipt_does_not_fit');
    expect(code(await on(path, 'explain', FIRM))).toBe('receipt_does_not_fit');
    expect(code(await vote(await explain(debit, asPayout(payout, { excess: 'customer' }))))).toBe(200);
    expect(code(await vote(await on(path, 'allocate', { accountId: payout.person.accountId })))).toBe(200);
    expect(await desk.balance(payout.person, 'USD')).toEqual({ total: '1000', reserved: '0' });
  });
});

describe('a payout file that the bank books in one line', () => {
  type Made = { readonly id: string; readonly messageId: string };

  async function file(ids: readonly string[], repaymentIds: readonly string[] = []): Promise<Made> {
    const body = { asset: 'USD', withdrawalIds: ids, repaymentIds, executionDate: executionDay(desk.deps) };
    const made = await desk.request(desk.operations, 'POST', '/v1/payout-files', { body, key: newId() });
    expect(made.status).toBe(201);
    return made.body;
  }

  const fetched = async (made: Made) => {
    const path = `/v1/payout-files/${made.id}/download`;
    expect((await desk.request(desk.operations, 'GET', path)).status).toBe(200);
    return made;
  };

  function report({ id, messageId }: Made, said: readonly (readonly [string, string])[], name: string) {
    const body = new Uint8Array(Buffer.from(statusReport(messageId, said, name)));
    const headers = { 'content-type': 'application/xml' };
    return desk.request(desk.operations2, 'POST', `/v1/payout-files/${id}/status-report`, { body, headers });
  }

  const asFile = ({ id }: Made) => ({ explanation: 'payout_file', payoutFileId: id });

  test('is no end of it until two people say so, of whom none is paid by it or approved it, and frees nothing', async () => {
    const [one, two] = [await approved('16'), await approved('17')];
    const made = await fetched(await file([one.id, two.id]));
    const debit = await debited({ amount: '33', order: made.messageId });
    const named = { reason: 'payout_file', namedPayoutFileId: made.id as Id, payoutFileId: null };
    expect(debit).toMatchObject({ status: 'open', ...named });
    expect(code(await act(desk.operations, one.id, 'fail', REASON))).toBe('payout_on_statement');
    expect(code(await report(made, [[two.reference, 'RJCT']], 'F1'))).toBe(201);
    expect((await seen(two)).status).toBe('processing');
    const conflicts = `/v1/payout-conflicts?withdrawalId=${two.id}`;
    const found = await desk.request(desk.operations, 'GET', conflicts);
    expect(found.body.data).toMatchObject([{ said: 'failed', status: 'open' }]);
    const as = (person: Person, change: object) =>
      ({ ...person, actor: { ...person.actor, ...change } as Actor }) as Person;
    const owner = as(desk.operations2, { userId: one.person.userId });
    expect(code(await explain(debit, asFile(made), owner))).toBe('self_action');
    const checker = as(desk.compliance, { roles: ['operations'] });
    expect(code(await explain(debit, asFile(made), checker))).toBe('approver_cannot_pay_out');
    expect(code(await vote(await explain(debit, asFile(made))))).toBe(200);
    expect([(await seen(one)).status, (await seen(two)).status]).toEqual(['completed', 'completed']);
  });

  test('is said to be that, or anything else, by nobody whose returned money it pays', async () => {
    const person = await desk.newCustomer();
    const wish = { accountId: person.accountId, asset: 'USD', amount: '41', method: 'bank_transfer' };
    const { body } = await desk.request(person, 'POST', '/v1/deposits', { body: wish, key: newId() });
    await desk.changeGate(person, { restriction: 'frozen' });
    const bank = { iban: 'DE89370400440532013000', bic: 'COBADEFF', name: HOLDER };
    const { lines } = await imported({ amount: '41', reference: body.paymentReference, ...bank });
    const receiptId = lines[0]?.receiptId as Id;
    const path = `/v1/unallocated-receipts/${receiptId}/return`;
    const asked = await desk.request(desk.operations, 'POST', path, { body: REASON });
    expect(code(await vote(asked, desk.operations2))).toBe(200);
    await desk.changeGate(person, { restriction: 'none' });
    const engine = desk.deps.db.engine;
    const [sent] = await engine.select().from(repayments).where(eq(repayments.receiptId, receiptId));
    const made = await fetched(await file([], [sent?.id as string]));
    const debit = await debited({ amount: '41', order: made.messageId });
    const actor = { ...desk.operations2.actor, userId: person.userId } as Actor;
    const owner = { ...person, actor };
    expect(code(await explain(debit, { explanation: 'bank_charge' }, owner))).toBe('self_action');
    // Nor read where a refused statement writes its reference.
    const entries = [{ amount: '41', direction: 'DBIT', endToEndId: sent?.payoutReference ?? '' }] as const;
    const wrong = camt053({ entries, opening: await nextOpening(desk.deps), closing: '4' });
    expect(code(await desk.importFile(wrong))).toBe('statement_totals_differ');
    const listed = await desk.request(owner, 'GET', '/v1/bank-statements?status=refused&limit=1');
    const refused = `/v1/bank-statements/${listed.body.data[0].id}/file`;
    expect(code(await desk.request(owner, 'GET', refused))).toBe('self_action');
    const whole = await explain(debit, asFile(made));
    expect(code(await vote(whole, owner))).toBe('self_action');
    expect(code(await vote(whole, desk.operations2))).toBe(200);
  });

  test('is paid as a whole, each payment by itself and once, whatever is told later', async () => {
    const payouts = [await approved('100'), await approved('20.5'), await approved('3')] as const;
    const ids = payouts.map(({ id }) => id as Id);
    const { id: back } = await refunded('40');
    const made = await fetched(await file(ids, [back]));
    await act(desk.operations, payouts[1].id, 'unknown', REASON);
    const before = await house('client_money_bank', 'main');
    const debit = await debited({ amount: '163.5', order: made.messageId });
    const asked = await explain(debit, asFile(made));
    expect(asked.body.approval.payload).toMatchObject({ messageId: made.messageId, transactionCount: 4 });
    expect(code(await vote(asked, desk.operations2))).toBe(200);
    const { engine } = desk.deps.db;
    const rows = await engine.select().from(withdrawals).where(inArray(withdrawals.id, ids));
    expect(rows.map(({ status, statementLineId }) => [status, statementLineId])).toEqual(
      payouts.map(() => ['completed', debit.statementLineId]),
    );
    const posted = rows.flatMap(({ journalId }) => journalId ?? []);
    const booked = await engine.select().from(journals).where(inArray(journals.id, posted));
    expect(booked.map(({ valueDate }) => valueDate)).toEqual(payouts.map(() => '2026-01-31'));
    expect(await house('client_money_bank', 'main')).toBe(before + 123.5);
    const [sent] = await engine.select().from(repayments).where(eq(repayments.id, back));
    expect(sent).toMatchObject({ status: 'completed', paidLineId: debit.statementLineId });
    expect(await desk.balance(payouts[1].person, 'USD')).toEqual({ total: '979.5', reserved: '0' });
    expect(await itemsOf(debit)).toEqual([]);
    const said = payouts.map(({ reference }) => [reference, 'ACSC'] as const);
    expect(code(await report(made, said, 'F2'))).toBe(201);
    const single = await debited({ amount: '100', endToEndId: payouts[0].reference });
    const twice = await debited({ amount: '163.5', order: made.messageId });
    expect([single.reason, twice.reason]).toEqual(['paid_already', 'paid_already']);
    expect(code(await explain(single, asPayout(payouts[0])))).toBe('debit_not_explained');
    expect(code(await explain(twice, asFile(made)))).toBe('debit_not_explained');
    const byLine = { outcome: 'completed', statementLineId: single.statementLineId };
    const resolved = await act(desk.operations2, payouts[0].id, 'resolve', byLine);
    expect(code(resolved)).toBe('withdrawal_status_conflict');
    expect(await house('client_money_bank', 'main')).toBe(before + 123.5);
    for (const left of [single, twice]) {
      expect(code(await vote(await explain(left, { explanation: 'bank_charge' })))).toBe(200);
    }
  });

  test('that was settled by its report before explains itself, and is not moved by it', async () => {
    const [one, two] = [await approved('10'), await approved('11')];
    const made = await fetched(await file([one.id, two.id]));
    const said = [one, two].map(({ reference }) => [reference, 'ACSC'] as const);
    expect(code(await report(made, said, 'F3'))).toBe(201);
    const before = await house('client_money_bank', 'main');
    const whole = { amount: '21', direction: 'DBIT', endToEndId: made.messageId } as const;
    const parts = await imported(whole, { amount: '10', direction: 'DBIT', endToEndId: one.reference });
    const both = await Promise.all(parts.lines.map(({ debitId }) => debitOf(debitId)));
    expect(both.map(({ status }) => status)).toEqual(['open', 'explained']);
    const undone = `/v1/bank-statements/${parts.id}/void`;
    expect(code(await vote(await desk.request(desk.operations, 'POST', undone, { body: REASON })))).toBe(200);
    const { id, lines } = await imported(whole, whole);
    const [first, second] = await Promise.all(lines.map(({ debitId }) => debitOf(debitId)));
    expect(first).toMatchObject({
      status: 'explained',
      explanation: 'payout_file',
      payoutFileId: made.id as Id,
    });
    expect(second).toMatchObject({ status: 'open', reason: 'paid_already' });
    expect(await house('client_money_bank', 'main')).toBe(before);
    const path = `/v1/bank-statements/${id}/void`;
    expect(code(await vote(await desk.request(desk.operations, 'POST', path, { body: REASON })))).toBe(200);
    expect(await debitOf(first?.id as Id)).toMatchObject({ status: 'void', payoutFileId: null });
    expect(await seen(one)).toMatchObject({ status: 'completed' });
  });

  test('and says whose account it went to is for compliance, whatever was settled before', async () => {
    const one = await approved('71');
    const made = await fetched(await file([one.id]));
    expect(code(await act(desk.operations, one.id, 'complete', { transactionReference: 'FT 71' }))).toBe(200);
    const debit = await debited({ amount: '71', endToEndId: made.messageId, ...STRANGER });
    expect([debit.status, debit.reason, debit.payoutFileId]).toEqual(['open', 'payout_file', null]);
    const its = and(eq(auditLogs.resourceId, debit.id), eq(auditLogs.severity, 'critical'));
    const alarms = () => desk.deps.db.engine.select().from(auditLogs).where(its);
    expect((await alarms()).map(({ eventType }) => eventType)).toEqual(['statement_debit.paid_elsewhere']);
    const asked = await explain(debit, asFile(made));
    expect(asked.body.approval.payload).toMatchObject({ elsewhere: true });
    expect(await alarms()).toHaveLength(2);
    expect(code(await vote(asked, desk.operations2))).toBe('not_found');
    expect(code(await vote(asked))).toBe(200);
    const two = await approved('72');
    const { messageId, id } = await fetched(await file([two.id]));
    const early = await debited({ amount: '72', endToEndId: messageId, ...STRANGER });
    const late = await act(desk.operations, two.id, 'complete', { transactionReference: 'FT 72' });
    expect(code(late)).toBe('payout_debit_open');
    expect(code(await vote(await explain(early, asFile({ id, messageId }))))).toBe(200);
    expect((await seen(two)).status).toBe('completed');
  });

  test('is none in parts: refused, shown one by one, of another sum or account, or never fetched', async () => {
    const [one, two, three] = [await approved('12'), await approved('13'), await approved('14')];
    const made = await file([one.id, two.id]);
    const debit = await debited({ amount: '25' });
    expect(debit.reason).toBe('no_reference');
    expect(code(await explain(debit, asFile(made)))).toBe('payout_file_not_fetched');
    await fetched(made);
    const asked = await explain(debit, asFile(made));
    const shown = await debited({ amount: '12', endToEndId: one.reference });
    const partly = await vote(asked);
    expect([partly.status, code(partly)]).toEqual([409, 'payout_file_partly_settled']);
    const path = `/v1/approvals/${asked.body.approval.id}/reject`;
    expect(code(await desk.request(desk.compliance, 'POST', path, { body: REASON }))).toBe(200);
    expect((await seen(two)).status).toBe('processing');
    const byLine = { outcome: 'completed', statementLineId: shown.statementLineId };
    expect((await act(desk.operations2, one.id, 'resolve', byLine)).body.status).toBe('completed');
    expect(code(await explain(debit, asFile(made)))).toBe('payout_file_partly_settled');
    const single = await fetched(await file([three.id]));
    expect(code(await explain(debit, asFile(single)))).toBe('debit_not_explained');
    expect(code(await explain(debit, asFile({ ...made, id: newId() })))).toBe('debit_not_explained');
    expect(code(await report(single, [[three.reference, 'RJCT']], 'F4'))).toBe(201);
    const late = await debited({ amount: '14', order: single.messageId });
    const refused = await explain(late, asFile(single));
    expect([code(refused), (refused.body as { detail?: string }).detail]).toEqual([
      'payout_file_partly_settled',
      expect.stringContaining(three.id),
    ]);
    expect(await desk.balance(three.person, 'USD')).toEqual({ total: '1000', reserved: '0' });
    for (const left of [debit, late]) {
      expect(code(await vote(await explain(left, { explanation: 'bank_charge' })))).toBe(200);
    }
  });
});

test('whether a payout was debited is asked by indexes, however many debits there are', async () => {
  const payout = await approved('18');
  const body = {
    asset: 'USD',
    withdrawalIds: [payout.id],
    repaymentIds: [],
    executionDate: executionDay(desk.deps),
  };
  const made = await desk.request(desk.operations, 'POST', '/v1/payout-files', { body, key: newId() });
  expect(made.status).toBe(201);
  const paid = { id: payout.id as Id, amount: parseAmount('18'), payoutReference: payout.reference };
  const read = await transact(desk.system, 'engine', async (tx) => {
    // What the connection read before and did not report yet is counted too.
    const soFar = async () => {
      const [row] = await tx.execute<{ rows: number }>(sql`
        select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int as rows from pg_stat_xact_user_tables
        where relname in ('bank_statement_lines', 'statement_debits')`);
      return row?.rows ?? Number.NaN;
    };
    // Tables as small as these are read whole, where nothing keeps the planner from it.
    for (const way of ['seqscan', 'hashjoin', 'mergejoin']) {
      await tx.execute(sql.raw(`set local enable_${way} = off`));
    }
    const before = await soFar();
    expect([await isDebited(tx, paid, 'bank'), await isNamedByWaiting(tx, paid)]).toEqual([false, false]);
    return (await soFar()) - before;
  });
  expect(read).toBe(0);
});
