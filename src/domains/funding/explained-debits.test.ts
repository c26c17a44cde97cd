/** What may explain a debit, and what people may say of a payout beside it. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq, sql } from 'drizzle-orm';
import { type Id, newId } from '../../kernel/id.ts';
import { lockRows } from '../../platform/db/locks.ts';
import { approvals } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { statusReport } from '../../testing/drivers/payouts.ts';
import {
  bankBeneficiary,
  type FundingDesk,
  HOLDER,
  type Person,
  startFundingDesk,
} from '../../testing/funding-desk.ts';
import { writeUnguarded } from '../../testing/unguarded.ts';
import { until } from '../../testing/until.ts';
import { lockGateExclusively } from '../identity/index.ts';
import { lockWallets } from '../ledger/index.ts';
import { journalReversals } from '../ledger/schema.ts';
import { fundingObstacles } from './closing-obstacles.ts';
import { refusedBy } from './payouts/files-on-statement.ts';
import { withdrawals } from './schema.ts';
import { seedBankAccounts } from './set-bank-account.ts';
import { camt053, nextOpening, SAMPLE_IBAN, type SampleEntry } from './testing/camt-sample.ts';
import { executionDay } from './testing/execution-day.ts';
import { repayments, statementDebits } from './work/schema.ts';

let desk: FundingDesk;
let mlro: Person;

const FIRMS_IBAN = 'MU14BOMM0101101030300200002MUR';
const FIRMS_EUROS_IBAN = 'GB82WEST12345698765432';

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
  mlro = await desk.newStaff('mlro');
  const own = {
    iban: FIRMS_IBAN,
    currency: 'USD',
    houseRole: 'firm_account',
    houseReference: 'main',
  } as const;
  await transact(desk.system, 'engine', (tx) =>
    seedBankAccounts(tx, desk.system, [
      { ...own, name: 'The firm’s own' },
      { ...own, iban: FIRMS_EUROS_IBAN, currency: 'EUR', name: 'The firm’s own euros' },
    ]),
  );
  const body = { holderName: 'Plimsoll clients', iban: SAMPLE_IBAN, bic: 'BOMMMUPL', ...REASON };
  const asked = await desk.request(desk.operations, 'PUT', '/v1/payout-accounts/USD', { body });
  expect(code(await vote(asked, desk.operations2))).toBe(200);
});

afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

const REASON = { reason: 'Looked at it' };
const PAYER = { name: HOLDER, iban: 'DE89370400440532013000', bic: 'COBADEFF' };
const STRANGER = { name: 'Somebody', iban: 'GB29NWBK60161331926819' };
const BANK = { role: 'client_money_bank', reference: 'main', asset: 'USD' };
const SUSPENSE = { role: 'suspense', reference: 'differences', asset: 'USD' };
const CHARGE = { explanation: 'bank_charge' };
const COMPLETED = { outcome: 'completed', transactionReference: 'FT 8', ...REASON };

type Answer = {
  readonly status: number;
  readonly body: { readonly code?: string; readonly detail?: string };
};
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

async function imported(entries: readonly SampleEntry[], iban = SAMPLE_IBAN, currency = 'USD') {
  const opening = await nextOpening(desk.deps, iban);
  const answer = await desk.importFile(camt053({ entries, opening, iban, currency }));
  expect(answer.status).toBe(201);
  return answer.body.lines as readonly { id: Id; debitId: Id }[];
}

/** What the firm's own bank shows as paid. */
function firms(...entries: readonly SampleEntry[]) {
  return imported(
    entries.map((entry) => ({ direction: 'DBIT', ...entry })),
    FIRMS_IBAN,
  );
}

/** The debits of a statement that shows these entries. */
async function debited(...entries: readonly SampleEntry[]) {
  const lines = await imported(entries.map((entry) => ({ direction: 'DBIT', ...entry })));
  return Promise.all(lines.map(({ debitId }) => debitOf(debitId)));
}

async function debitOf(id: Id) {
  const [row] = await desk.deps.db.engine.select().from(statementDebits).where(eq(statementDebits.id, id));
  return row as typeof statementDebits.$inferSelect;
}

function explain(debit: { readonly id: string } | undefined, what: object) {
  const path = `/v1/statement-debits/${debit?.id}/explain`;
  return desk.request(desk.operations, 'POST', path, { body: { ...what, ...REASON } });
}

/** Two people say what it was, one of them of compliance. */
async function explained(debit: { readonly id: string } | undefined, what: object): Promise<void> {
  const asked = await explain(debit, what);
  expect(code(asked)).toBe(202);
  expect(code(await vote(asked))).toBe(200);
}

const asPayout = ({ id }: Payout, more: object = {}) => ({
  explanation: 'payout',
  withdrawalId: id,
  ...more,
});

async function seen({ id }: Payout) {
  return (await desk.request(desk.operations, 'GET', `/v1/withdrawals/${id}`)).body;
}

async function house(role: string, reference: string): Promise<number> {
  const rows = await desk.deps.db.engine.execute<{ total: string }>(sql`
    select total::text as total from wallets
    where house_role = ${role}::house_role and house_reference = ${reference} and asset = 'USD' and book = 'live'`);
  return Number(rows[0]?.total ?? '0');
}

/** What a reconciliation finds of a line. */
async function itemsOf(lineId: Id): Promise<readonly string[]> {
  const body = { businessDate: '2026-01-31' };
  const made = await desk.request(desk.operations, 'POST', '/v1/reconciliations', { body, key: newId() });
  expect(made.status).toBe(201);
  const { banks } = made.body.run as { banks: { items: { object: string; kind: string }[] }[] };
  return banks.flatMap(({ items }) =>
    items.filter(({ object }) => object.endsWith(lineId)).map(({ kind }) => kind),
  );
}

async function waitingNow(): Promise<number> {
  const rows = await desk.deps.db.engine.execute(sql`
    select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`);
  return rows.length;
}

/** A journal that people posted; its number. */
async function posted(from: object, to: object, amount: string): Promise<string> {
  const entries = [
    { house: from, amount: `-${amount}` },
    { house: to, amount },
  ];
  const body = { kind: 'adjustment', description: 'By hand', entries, ...REASON };
  const asked = await desk.request(desk.operations, 'POST', '/v1/journals', { body, key: newId() });
  expect([asked.body.code, code(await vote(asked))]).toEqual([undefined, 200]);
  return asked.body.approval.subjectId;
}

type Made = { readonly id: string; readonly messageId: string };

async function fetched(ids: readonly string[], repaymentIds: readonly string[] = []): Promise<Made> {
  const body = { asset: 'USD', withdrawalIds: ids, repaymentIds, executionDate: executionDay(desk.deps) };
  const made = await desk.request(desk.operations, 'POST', '/v1/payout-files', { body, key: newId() });
  expect(made.status).toBe(201);
  const path = `/v1/payout-files/${made.body.id}/download`;
  expect(code(await desk.request(desk.operations, 'GET', path))).toBe(200);
  return made.body;
}

/** A deposit of the bank that two people refunded. */
async function refunded(amount: string) {
  const person = await desk.newCustomer();
  const body = { accountId: person.accountId, asset: 'USD', amount, method: 'bank_transfer' };
  const deposit = (await desk.request(person, 'POST', '/v1/deposits', { body, key: newId() })).body;
  await imported([{ amount, reference: deposit.paymentReference, ...PAYER }]);
  const path = `/v1/deposits/${deposit.id}/refund`;
  expect(code(await vote(await desk.request(desk.operations, 'POST', path, { body: REASON })))).toBe(200);
  const its = eq(repayments.depositId, deposit.id);
  const [row] = await desk.deps.db.engine.select().from(repayments).where(its);
  return row as typeof repayments.$inferSelect;
}

describe('the journal that explains a debit', () => {
  test('is not undone, whoever asks, so that the same money does not leave again', async () => {
    await posted(BANK, SUSPENSE, '12');
    const [journalId, spare] = [await posted(SUSPENSE, BANK, '5'), await posted(SUSPENSE, BANK, '7')];
    const undo = (id: string) =>
      desk.request(desk.operations, 'POST', `/v1/journals/${id}/reverse`, { body: REASON });
    const early = await undo(journalId);
    const [debit] = await debited({ amount: '5' });
    await explained(debit, { explanation: 'booked', journalId });
    expect(code(await vote(early))).toBe('journal_not_reversible');
    expect(code(await undo(journalId))).toBe('journal_not_reversible');
    const forged = desk.deps.db.engine
      .execute(sql`insert into journal_reversals (journal_id, reversal_id) values (${journalId}, ${newId()})`)
      .then(
        () => 'written',
        (error) => String(error.cause ?? error),
      );
    expect(await forged).toContain('bank statement shows');
    // Whoever owns the tables can write it all the same: reconcile finds that.
    const reversedAt = desk.deps.clock.now();
    const reversal = { journalId: journalId as Id, reversalId: newId(), reversedAt };
    const listed = eq(journalReversals.journalId, reversal.journalId);
    await writeUnguarded(desk.database, 'journal_reversals', (tx) =>
      tx.insert(journalReversals).values(reversal),
    );
    const found = (await desk.reconcile()).checks.find(
      ({ name }) => name === 'funding.statement_debits_are_explained',
    );
    expect(found?.breaks.map(({ object }) => object)).toEqual([`debit ${debit?.id}`]);
    await writeUnguarded(desk.database, 'journal_reversals', (tx) =>
      tx.delete(journalReversals).where(listed),
    );
    // What no statement shows is undone as before.
    expect(code(await vote(await undo(spare)))).toBe(200);
  });

  test('is not looked at while somebody undoes it', async () => {
    await posted(BANK, SUSPENSE, '6');
    const journalId = await posted(SUSPENSE, BANK, '6');
    const [debit] = await debited({ amount: '6' });
    const asked = await explain(debit, { explanation: 'booked', journalId });
    let agreed: ReturnType<typeof vote> | undefined;
    await transact(desk.system, 'engine', async (tx) => {
      await lockWallets(tx, [debit?.walletId as Id]);
      agreed = vote(asked);
      await until(async () => (await waitingNow()) === 1);
    });
    expect((await agreed)?.status).toBe(200);
  });

  test('has a reason of its own: what corrected another debit is none', async () => {
    const payout = await processing();
    const [more] = await debited({ amount: '130', endToEndId: payout.reference });
    await explained(more, asPayout(payout, { excess: 'firm' }));
    const [correction] = await desk.deps.db.engine.execute<{ id: string }>(sql`
      select id from journals where reference_type = 'statement_debit' and reference_id = ${more?.id}`);
    const [debit] = await debited({ amount: '30' });
    const asked = await explain(debit, { explanation: 'booked', journalId: correction?.id });
    expect(code(asked)).toBe('debit_not_explained');
    await explained(debit, CHARGE);
  });
});

describe('a payout that the bank made in several debits', () => {
  test('is none of them alone, also while one waits: their sum is what was paid', async () => {
    const payout = await processing();
    const before = await house('client_money_bank', 'main');
    const [sixty, forty] = await debited(
      { amount: '60', endToEndId: payout.reference },
      { amount: '40', endToEndId: payout.reference },
    );
    for (const [one, other] of [
      [sixty, forty],
      [forty, sixty],
    ]) {
      const alone = await explain(one, asPayout(payout));
      expect([code(alone), alone.body.detail]).toEqual([
        'debit_not_explained',
        expect.stringContaining(`${other?.id}`),
      ]);
    }
    const asked = await explain(sixty, asPayout(payout, { parts: [forty?.id] }));
    expect(asked.body.approval.payload).toMatchObject({ asked: '100', paid: '100' });
    expect(code(await vote(asked, desk.operations2))).toBe('not_found');
    expect(code(await vote(asked))).toBe(200);
    expect(await seen(payout)).toMatchObject({ status: 'completed', paidAmount: null });
    expect(await desk.balance(payout.person, 'USD')).toEqual({ total: '900', reserved: '0' });
    expect(await house('client_money_bank', 'main')).toBe(before + 100);
    const ends = await Promise.all([sixty, forty].map((each) => debitOf(each?.id as Id)));
    expect(ends.map(({ status, explanation }) => [status, explanation])).toEqual([
      ['explained', 'payout'],
      ['explained', 'booked'],
    ]);
    for (const { statementLineId } of ends) {
      expect(await itemsOf(statementLineId)).toEqual([]);
    }
  });

  test('of less or more than was asked is booked as that, and a part is taken once', async () => {
    const [less, more] = [await processing(), await processing()];
    expect(code(await act(desk.operations, less.id, 'complete', { transactionReference: 'FT 1' }))).toBe(200);
    const owed = await house('receivable', 'firm');
    const named = await debited(
      ...(['50', '20', '5'] as const).map((amount) => ({ amount, endToEndId: less.reference })),
      ...(['70', '80'] as const).map((amount) => ({ amount, endToEndId: more.reference })),
    );
    const [a, b, c, d, e] = named.map(({ id }) => ({ id }));
    const parts = [b?.id, c?.id];
    const wrong = [
      await explain(a, asPayout(less, { parts: [b?.id] })),
      await explain(a, asPayout(less, { parts: [...parts, d?.id] })),
      await explain(a, asPayout(less, { parts: [a?.id, ...parts] })),
      await explain(d, asPayout(more, { parts: [e?.id] })),
    ];
    expect(wrong.map(code)).toEqual(wrong.map(() => 'debit_not_explained'));
    const rival = await explain(b, CHARGE);
    await explained(a, asPayout(less, { parts }));
    expect(code(await vote(rival))).toBe('debit_closed');
    expect(await seen(less)).toMatchObject({ paidAmount: '75' });
    expect(await desk.balance(less.person, 'USD')).toEqual({ total: '925', reserved: '0' });
    await explained(d, asPayout(more, { excess: 'firm', parts: [e?.id] }));
    expect(await seen(more)).toMatchObject({ status: 'completed', paidAmount: '150' });
    expect(await desk.balance(more.person, 'USD')).toEqual({ total: '900', reserved: '0' });
    expect(await house('receivable', 'firm')).toBe(owed - 50);
  });

  test('keeps one debit from being it while a statement that waits shows another', async () => {
    const payout = await processing();
    const [part] = await debited({ amount: '60', endToEndId: payout.reference });
    const entries = [{ amount: '40', direction: 'DBIT', endToEndId: payout.reference }] as const;
    const file = camt053({ entries, opening: await nextOpening(desk.deps) });
    const headers = { 'content-type': 'application/xml' };
    const body = new Uint8Array(Buffer.from(file));
    const taken = await desk.request(desk.operations, 'POST', '/v1/bank-statements', { body, headers });
    expect(code(await explain(part, asPayout(payout)))).toBe('debit_not_explained');
    const shown = (await desk.confirmStatement(taken.body)).body.lines[0];
    await explained(part, asPayout(payout, { parts: [shown.debitId] }));
    expect(await seen(payout)).toMatchObject({ status: 'completed', paidAmount: null });
  });
});

describe('a debit of another amount than its withdrawal', () => {
  test('keeps the relationship open until it is explained, by whoever holds the gate of its customer', async () => {
    const payout = await processing();
    const { userId } = payout.person;
    expect(code(await act(desk.operations, payout.id, 'complete', { transactionReference: 'FT 2' }))).toBe(
      200,
    );
    const obstacles = () =>
      transact(desk.system, 'engine', async (tx) =>
        (await fundingObstacles(tx, userId)).map((obstacle) => obstacle.code),
      );
    expect(await obstacles()).toEqual([]);
    const [debit] = await debited({ amount: '60', endToEndId: payout.reference });
    expect(await obstacles()).toEqual(['debits_open']);
    const asked = await explain(debit, asPayout(payout));
    let agreed: ReturnType<typeof vote> | undefined;
    await transact(desk.system, 'engine', async (tx) => {
      await lockGateExclusively(tx, userId);
      agreed = vote(asked);
      await until(async () => (await waitingNow()) === 1);
    });
    expect((await agreed)?.status).toBe(200);
    expect(await obstacles()).toEqual([]);
  });
});

describe('a payout file of which the bank refused a part', () => {
  async function refused({ id, messageId }: Made, references: readonly string[]): Promise<void> {
    const said = references.map((reference) => [reference, 'RJCT'] as const);
    const body = new Uint8Array(Buffer.from(statusReport(messageId, said, newId().slice(0, 30))));
    const headers = { 'content-type': 'application/xml' };
    const path = `/v1/payout-files/${id}/status-report`;
    expect(code(await desk.request(desk.operations2, 'POST', path, { body, headers }))).toBe(201);
  }

  test('is in one line what it paid of the rest, each payment once, and keeps that money while the line waits', async () => {
    const [one, two] = [await approved('10'), await approved('20')];
    const [kept, back] = [await refunded('30'), await refunded('40')];
    const made = await fetched([one.id, two.id], [kept.id, back.id]);
    await refused(made, [one.reference, back.payoutReference]);
    expect((await seen(one)).status).toBe('failed');
    const before = await house('client_money_bank', 'main');
    const [debit, whole] = await debited(
      { amount: '50', order: made.messageId },
      { amount: '100', order: made.messageId },
    );
    expect(debit).toMatchObject({ status: 'open', reason: 'payout_file', namedPayoutFileId: made.id as Id });
    expect(code(await act(desk.operations, two.id, 'fail', REASON))).toBe('payout_on_statement');
    const asFile = { explanation: 'payout_file', payoutFileId: made.id };
    expect(code(await explain(whole, asFile))).toBe('payout_file_partly_settled');
    const asked = await explain(debit, asFile);
    expect(asked.body.approval.payload.refused.toSorted()).toEqual([one.id, back.id].toSorted());
    expect(code(await vote(asked))).toBe(200);
    expect((await seen(two)).status).toBe('completed');
    expect((await seen(one)).status).toBe('failed');
    const rows = await desk.deps.db.engine.select().from(repayments).orderBy(repayments.id);
    const statusOf = ({ id }: { readonly id: Id }) => rows.find((row) => row.id === id)?.status;
    expect([statusOf(kept), statusOf(back)]).toEqual(['completed', 'failed']);
    expect(await house('client_money_bank', 'main')).toBe(before + 20);
    expect(await itemsOf(debit?.statementLineId as Id)).toEqual([]);
    await explained(whole, CHARGE);
  });

  test('is that sum also where what was refused was paid since, by another file or by hand', async () => {
    const [kept, again, byHand] = [await refunded('31'), await refunded('32'), await refunded('33')];
    const made = await fetched([], [kept.id, again.id, byHand.id]);
    await refused(made, [again.payoutReference, byHand.payoutReference]);
    const resolve = async (repayment: { readonly id: Id }, body: object) => {
      const path = `/v1/repayments/${repayment.id}/resolve`;
      const asked = await desk.request(desk.operations, 'POST', path, { body: { ...body, ...REASON } });
      expect(code(await vote(asked))).toBe(200);
    };
    await resolve(again, { outcome: 'payable' });
    await refused(await fetched([], [again.id]), [again.payoutReference]);
    await resolve(again, { outcome: 'payable' });
    await fetched([], [again.id]);
    await resolve(byHand, { outcome: 'by_hand' });
    await resolve(byHand, { outcome: 'completed', transactionReference: 'FT 9' });
    const [own] = await debited({ amount: '32', endToEndId: again.payoutReference, ...PAYER });
    expect(own).toMatchObject({ status: 'explained', repaymentId: again.id });
    const [debit] = await debited({ amount: '31', order: made.messageId });
    expect(debit).toMatchObject({ reason: 'payout_file', namedPayoutFileId: made.id as Id });
    await explained(debit, { explanation: 'payout_file', payoutFileId: made.id });
    const [row] = await desk.deps.db.engine.select().from(repayments).where(eq(repayments.id, kept.id));
    expect(row?.status).toBe('completed');
  });

  test('has in its sum what people alone said had failed, whatever report it bears', async () => {
    const [one, two] = [await approved('12'), await approved('23')];
    const made = await fetched([one.id, two.id]);
    await refused(made, [one.reference]);
    const found: unknown[] = [];
    const ended = writeUnguarded(desk.database, 'withdrawals', async (tx) => {
      await tx.execute(sql`alter table approvals disable trigger user`);
      for (const table of ['approvals', 'payout_file_items', 'payout_reports']) {
        await tx.execute(sql`alter table ${sql.identifier(table)} no force row level security`);
      }
      // The same report said of it that nobody knows.
      await tx.execute(sql`
        update withdrawals set status = 'failed', payout_report_id = (
          select payout_report_id from withdrawals where id = ${one.id})
        where id = ${two.id}`);
      found.push((await refusedBy(tx, made.id as Id)).length);
      await tx.execute(sql`
        update approvals set action = 'withdrawal.resolve', payload = '{"outcome": "failed"}'
        where subject_id = ${two.id}`);
      found.push((await refusedBy(tx, made.id as Id)).map(({ id }) => id));
      throw new Error('taken back');
    });
    const how = await ended.then(
      () => 'kept',
      (error) => String(error),
    );
    expect(how).toContain('taken back');
    expect(found).toEqual([2, [one.id]]);
  });

  test('is not that sum before the bank’s report said so', async () => {
    const [one, two] = [await approved('11'), await approved('22')];
    const made = await fetched([one.id, two.id]);
    const [debit] = await debited({ amount: '22', order: made.messageId });
    const asFile = { explanation: 'payout_file', payoutFileId: made.id };
    expect(code(await explain(debit, asFile))).toBe('debit_not_explained');
    await refused(made, [one.reference]);
    await explained(debit, asFile);
    expect((await seen(two)).status).toBe('completed');
  });
});

test('a repayment that an open debit shows otherwise is said to be paid with compliance', async () => {
  const [less, away, plain] = [await refunded('51'), await refunded('52'), await refunded('53')];
  await fetched([], [less.id, away.id, plain.id]);
  const complete = ({ id }: { readonly id: Id }) =>
    desk.request(desk.operations, 'POST', `/v1/repayments/${id}/resolve`, {
      body: { outcome: 'completed', transactionReference: 'FT 7', ...REASON },
    });
  const early = await complete(less);
  const debits = await debited(
    { amount: '50', endToEndId: less.payoutReference },
    { amount: '52', endToEndId: away.payoutReference, ...STRANGER },
  );
  expect(debits.map(({ reason }) => reason)).toEqual(['amount_differs', 'account_differs']);
  expect(code(await vote(early, desk.operations2))).toBe('approved_request_changed');
  const path = `/v1/approvals/${early.body.approval.id}/cancel`;
  expect(code(await desk.request(desk.operations, 'POST', path))).toBe(200);
  for (const repayment of [less, away]) {
    const asked = await complete(repayment);
    expect(asked.body.approval.payload).toMatchObject({ differs: true });
    expect(code(await vote(asked, desk.operations2))).toBe('not_found');
    expect(code(await vote(asked))).toBe(200);
  }
  expect(code(await vote(await complete(plain), desk.operations2))).toBe(200);
  for (const debit of debits) {
    await explained(debit, CHARGE);
  }
});

describe('a payout whose debit went to a stranger', () => {
  test('is completed by no one person, though that debit was said to be something else', async () => {
    const payout = await processing();
    const [debit] = await debited({ amount: '9', endToEndId: payout.reference, ...STRANGER });
    await explained(debit, CHARGE);
    const transactionReference = 'FT 3';
    const alone = await act(desk.operations, payout.id, 'complete', { transactionReference });
    expect(code(alone)).toBe('payout_debit_open');
    const said = { outcome: 'completed', transactionReference, ...REASON };
    expect(code(await act(desk.operations, payout.id, 'unknown', REASON))).toBe(200);
    const asked = await act(desk.operations, payout.id, 'resolve', said);
    expect(code(await vote(asked, desk.operations2))).toBe('not_found');
    expect(code(await vote(asked))).toBe(200);
  });
});

describe('a withdrawal that was paid out of the firm’s own account', () => {
  test('though nobody had begun it, is completed with compliance, and by nothing else', async () => {
    const payout = await approved();
    const said = { outcome: 'completed', transactionReference: 'FT 5', ...REASON };
    expect(code(await act(desk.operations, payout.id, 'resolve', said))).toBe('withdrawal_status_conflict');
    const entry = { amount: '100', direction: 'DBIT', endToEndId: payout.reference } as const;
    const [line] = await imported([entry], FIRMS_IBAN);
    const stuck = [
      await act(desk.operations, payout.id, 'process'),
      await act(payout.person, payout.id, 'cancel'),
    ];
    expect(stuck.map(code)).toEqual(['payout_on_statement', 'payout_on_statement']);
    expect(code(await act(desk.operations, payout.id, 'resolve', { ...said, outcome: 'failed' }))).toBe(
      'withdrawal_status_conflict',
    );
    const asked = await act(desk.operations, payout.id, 'resolve', said);
    expect(asked.body.approval.payload).toMatchObject({
      byFirm: [{ statementLineId: line?.id, amount: '100', asset: 'USD', reversal: false }],
    });
    expect(code(await vote(asked, desk.operations2))).toBe('not_found');
    expect(code(await vote(asked, mlro))).toBe(200);
    expect(await seen(payout)).toMatchObject({ status: 'completed', payoutReference: payout.reference });
    expect(await desk.balance(payout.person, 'USD')).toEqual({ total: '900', reserved: '0' });
    // What it was completed by is not given up any more.
    const [shown] = await desk.deps.db.engine.execute<{ statement_id: string }>(
      sql`select statement_id from bank_statement_lines where id = ${line?.id as Id}`,
    );
    const voiding = `/v1/bank-statements/${shown?.statement_id}/void`;
    expect(code(await desk.request(desk.operations, 'POST', voiding, { body: REASON }))).toBe(
      'statement_moved_on',
    );
  });

  test('in part is not given back to whom it was paid, and is completed whole by two people', async () => {
    const payout = await processing();
    const [line] = await firms({ amount: '40', endToEndId: payout.reference });
    const [debit] = await debited({ amount: '60', endToEndId: payout.reference });
    const asked = await explain(debit, asPayout(payout));
    expect([code(asked), asked.body.detail]).toEqual([
      'debit_not_explained',
      expect.stringContaining(`${line?.id}`),
    ]);
    expect(code(await act(desk.operations, payout.id, 'unknown', REASON))).toBe(200);
    expect(code(await vote(await act(desk.operations, payout.id, 'resolve', COMPLETED)))).toBe(200);
    await posted(BANK, SUSPENSE, '60');
    await explained(debit, { explanation: 'booked', journalId: await posted(SUSPENSE, BANK, '60') });
    expect(await desk.balance(payout.person, 'USD')).toEqual({ total: '900', reserved: '0' });
  });

  test('is never stuck: whatever keeps it, the MLRO sees each line where they are not this one payment', async () => {
    const [part, two, back, away, euros] = [
      await approved(),
      await approved(),
      await approved(),
      await approved(),
      await approved(),
    ];
    const [debit] = await debited({ amount: '60', endToEndId: part.reference });
    await firms({ amount: '40', endToEndId: part.reference });
    await firms(
      { amount: '60', endToEndId: two.reference },
      { amount: '40', endToEndId: two.reference },
      { amount: '100', endToEndId: back.reference, reversal: true },
      { amount: '100', endToEndId: away.reference, ...STRANGER },
    );
    await imported(
      [{ amount: '90', direction: 'DBIT', endToEndId: euros.reference }],
      FIRMS_EUROS_IBAN,
      'EUR',
    );
    // What clients' money shows of it is explained first, and then stands in nobody's way, whatever it was.
    expect(code(await act(desk.operations, part.id, 'resolve', COMPLETED))).toBe(
      'withdrawal_status_conflict',
    );
    await explained(debit, CHARGE);
    for (const [payout, shown, more] of [
      [part, [{ amount: '40' }], { differs: true }],
      [two, [{ amount: '60' }, { amount: '40' }], { differs: true }],
      [back, [{ reversal: true }], { differs: true }],
      [away, [{ amount: '100' }], { elsewhere: true }],
      [euros, [{ amount: '90', asset: 'EUR' }], { differs: true }],
    ] as const) {
      const asked = await act(desk.operations, payout.id, 'resolve', COMPLETED);
      expect(asked.body.approval.payload).toMatchObject(more);
      const { byFirm } = asked.body.approval.payload;
      expect(byFirm).toHaveLength(shown.length);
      expect(byFirm).toEqual(expect.arrayContaining(shown.map((line) => expect.objectContaining(line))));
      expect(code(await vote(asked))).toBe('forbidden');
      expect(code(await vote(asked, mlro))).toBe(200);
      expect((await seen(payout)).status).toBe('completed');
    }
  });

  test('with its whole file, which was given up here, is completed too', async () => {
    const payout = await approved('17');
    const body = {
      asset: 'USD',
      withdrawalIds: [payout.id],
      repaymentIds: [],
      executionDate: executionDay(desk.deps),
    };
    const made = (await desk.request(desk.operations, 'POST', '/v1/payout-files', { body, key: newId() }))
      .body;
    const voided = await desk.request(desk.operations, 'POST', `/v1/payout-files/${made.id}/void`, {
      body: REASON,
    });
    expect(code(await vote(voided))).toBe(200);
    await firms({ amount: '17', order: made.messageId });
    expect(code(await act(desk.operations, payout.id, 'process'))).toBe('payout_on_statement');
    expect(code(await vote(await act(desk.operations, payout.id, 'resolve', COMPLETED)))).toBe(200);
    expect((await seen(payout)).status).toBe('completed');
  });
});

describe('whoever settles by a line', () => {
  test('waits for whoever else does, and locks nobody’s approvals for a line of another name', async () => {
    const [one, two] = [await processing(), await processing()];
    const [its] = await debited({ amount: '100', endToEndId: one.reference });
    const { engine } = desk.deps.db;
    let ended: Promise<string> | undefined;
    await transact(desk.system, 'engine', async (tx) => {
      await lockRows(tx, statementDebits, [its?.id as Id]);
      ended = engine
        .update(withdrawals)
        .set({ statementLineId: its?.statementLineId as Id, status: 'completed', version: sql`version + 1` })
        .where(eq(withdrawals.id, two.id as Id))
        .then(
          () => 'written',
          () => 'refused',
        );
      await until(async () => (await waitingNow()) === 1);
    });
    expect(await ended).toBe('refused');
    await act(desk.operations, two.id, 'unknown', REASON);
    const said = { outcome: 'completed', transactionReference: 'FT 6', ...REASON };
    const asked = await act(desk.operations, two.id, 'resolve', said);
    await transact(desk.system, 'engine', async (tx) => {
      await lockRows(tx, approvals, [asked.body.approval.id]);
      const byLine = { outcome: 'completed', statementLineId: its?.statementLineId };
      expect(code(await act(desk.operations, two.id, 'resolve', byLine))).toBe('payout_line_differs');
    });
  });
});
