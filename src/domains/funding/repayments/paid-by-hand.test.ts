import { afterAll, beforeAll, expect, test } from 'bun:test';
import { desc, eq } from 'drizzle-orm';
import { type Id, newId } from '../../../kernel/id.ts';
import { HOLDER, type Person } from '../../../testing/funding-desk.ts';
import { writeUnguarded } from '../../../testing/unguarded.ts';
import { bankAccounts } from '../evidence/schema.ts';
import {
  type ReconciliationDesk,
  startReconciliationDesk,
} from '../reconciliation/testing/reconciliation-desk.ts';
import { deposits } from '../schema.ts';
import { payoutSubmissions } from '../submissions/schema.ts';
import { camt053, nextOpening, SAMPLE_IBAN, type SampleEntry } from '../testing/camt-sample.ts';
import { repayments } from '../work/schema.ts';

/** What no file pays: when it is known that nobody keyed it into the bank's portal. */

const DAY_MS = 86_400_000;

let desk: ReconciliationDesk;

beforeAll(async () => {
  desk = await startReconciliationDesk(import.meta.file);
});

afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

const REASON = { reason: 'Looked at it' };
const STRANGER = 'Ottoline Brackenbury';
const LATE = [409, 'payout_may_leave'];

type Asked = {
  readonly status: number;
  readonly body: { approval: { id: string }; code?: string; detail?: string };
};

const code = ({ status, body }: Asked) => [status, body.code];

function post(path: string, body: object, by: Person = desk.operations) {
  return desk.request(by, 'POST', path, { body: { ...body, ...REASON } });
}

async function agreed(asked: Asked, by = desk.compliance): Promise<void> {
  expect((await desk.vote(asked.body.approval.id, by)).status).toBe(200);
}

const resolve = (id: Id, outcome: string) => post(`/v1/repayments/${id}/resolve`, { outcome });

const giveUp = (id: Id) => post(`/v1/repayments/${id}/give-up`, {});

const read = async (id: Id) => (await desk.request(desk.operations, 'GET', `/v1/repayments/${id}`)).body;

async function sentBack(where: ReturnType<typeof eq>): Promise<Id> {
  const [row] = await desk.deps.db.engine.select().from(repayments).where(where).orderBy(desc(repayments.id));
  return row?.id as Id;
}

/** A debit that nobody's file asked for is said to be the repayment; then its statement is given up for another line of it. */
async function shownAndTakenBack(id: Id, statement: { id: string; lines: { debitId: Id }[] }): Promise<void> {
  const path = `/v1/statement-debits/${statement.lines[0]?.debitId}/explain`;
  await agreed(await post(path, { explanation: 'repayment', repaymentId: id }));
  await agreed(await post(`/v1/bank-statements/${statement.id}/void`, {}), desk.operations2);
  expect(await read(id)).toMatchObject({ status: 'unknown' });
}

/** Two people sign the day, with all that is missing of it explained. */
async function signed(day: string): Promise<void> {
  const { id, run } = await desk.run(day);
  for (const each of run.breaks) {
    if (each.severity === 'critical' && each.status === 'open') {
      await agreed(await post(`/v1/reconciliation-breaks/${each.id}/explain`, {}), desk.operations2);
    }
  }
  await post(`/v1/reconciliations/${id}/sign-off`, {});
  expect((await post(`/v1/reconciliations/${id}/sign-off`, {}, desk.compliance)).status).toBe(200);
}

test('is said to have failed, and is given up, only once signed days until yesterday do not show it', async () => {
  const bank = await desk.newBank();
  const day = (at: number) => Temporal.PlainDate.from(first).add({ days: at }).toString();
  const first = desk.today();
  const entries: SampleEntry[] = ['91', '92', '93'].map((amount) => ({ amount, name: STRANGER }));
  const { lines } = await desk.statement(bank, { opening: '0', day: first, entries });
  const ids: Id[] = [];
  for (const { receiptId } of lines) {
    await agreed(await post(`/v1/unallocated-receipts/${receiptId}/return`, {}));
    ids.push(await sentBack(eq(repayments.receiptId, receiptId)));
  }
  const [one, two, three] = ids as [Id, Id, Id];
  expect([(await read(one)).status, (await read(two)).status]).toEqual(['by_hand', 'by_hand']);
  expect(code(await giveUp(two))).toEqual(LATE);
  desk.advance(4 * DAY_MS);
  const paid: SampleEntry[] = [{ amount: '91', direction: 'DBIT', name: STRANGER }];
  await shownAndTakenBack(one, await desk.statement(bank, { opening: '276', day: day(3), entries: paid }));
  await desk.statement(bank, { opening: '276', day: day(3) });
  expect([code(await resolve(one, 'failed')), code(await giveUp(one))]).toEqual([
    LATE,
    [409, 'repayment_status_conflict'],
  ]);
  await signed(day(3));
  await agreed(await resolve(one, 'failed'), desk.operations2);
  // What was seen says nothing of the days since: somebody may key it in today.
  const asked = await giveUp(two);
  expect(asked.status).toBe(202);
  desk.advance(6 * DAY_MS);
  expect(code(await desk.vote(asked.body.approval.id, desk.compliance))).toEqual(LATE);
  const nameless: SampleEntry = { amount: '93', direction: 'DBIT', name: STRANGER };
  const shown = await desk.statement(bank, { opening: '276', day: day(9), entries: [nameless] });
  await signed(day(9));
  await agreed(asked);
  expect(await read(two)).toMatchObject({ status: 'given_up' });
  // Who keyed it in may have left the reference out.
  const { debitId } = shown.lines[0];
  const maybe = await giveUp(three);
  expect([...code(maybe), maybe.body.detail]).toEqual([
    409,
    'payout_on_statement',
    expect.stringContaining(debitId),
  ]);
  const charge = { explanation: 'bank_charge' };
  await agreed(await post(`/v1/statement-debits/${debitId}/explain`, charge), desk.operations2);
  await agreed(await giveUp(three));
});

test('is known not to be paid once the last day banks worked is signed: of weekends and holidays is no statement', async () => {
  const bank = await desk.newBank();
  const first = desk.today();
  const day = (at: number) => Temporal.PlainDate.from(first).add({ days: at });
  const entries = [{ amount: '94', name: STRANGER }];
  const { lines } = await desk.statement(bank, { opening: '0', day: first, entries });
  await agreed(await post(`/v1/unallocated-receipts/${lines[0].receiptId}/return`, {}));
  const id = await sentBack(eq(repayments.receiptId, lines[0].receiptId));
  const monday = [8, 9, 10, 11, 12, 13, 14].find((at) => day(at).dayOfWeek === 1) ?? 0;
  desk.advance(monday * DAY_MS);
  const [thursday, friday, sunday] = [4, 3, 1].map((before) => day(monday - before).toString());
  await desk.statement(bank, { opening: '94', day: thursday ?? '' });
  await signed(thursday ?? '');
  expect(code(await giveUp(id))).toEqual(LATE);
  expect(desk.breakIn(await desk.run(sunday), 'statement_missing', bank.object)).toBeDefined();
  const holiday = { currency: 'USD', day: friday, name: 'A day off', observed: true };
  const asked = await post('/v1/funding/bank-holidays', holiday, desk.compliance);
  await agreed(asked, await desk.newStaff('compliance_officer'));
  expect(desk.breakIn(await desk.run(sunday), 'statement_missing', bank.object)).toBeUndefined();
  await agreed(await giveUp(id));
});

test('since no line names its payer is by no file later, and its line is its own when it comes', async () => {
  const person = await desk.newCustomer();
  const body = { accountId: person.accountId, asset: 'USD', amount: '77', method: 'bank_transfer' };
  const deposit = (await desk.request(person, 'POST', '/v1/deposits', { body, key: newId() })).body;
  const path = `/v1/deposits/${deposit.id}`;
  await agreed(await post(`${path}/clear`, {}));
  await agreed(await post(`${path}/refund`, {}));
  const id = await sentBack(eq(repayments.depositId, deposit.id));
  const imported = async (entries: readonly SampleEntry[]) =>
    (await desk.importFile(camt053({ entries, opening: await nextOpening(desk.deps) }))).body;
  await shownAndTakenBack(id, await imported([{ amount: '77', direction: 'DBIT', name: STRANGER }]));
  expect(code(await resolve(id, 'failed'))).toEqual(LATE);
  // As once signed days did not show it.
  await writeUnguarded(desk.database, 'repayments', (tx) =>
    tx.update(repayments).set({ status: 'failed' }).where(eq(repayments.id, id)),
  );
  expect(code(await resolve(id, 'payable'))).toEqual([422, 'repayment_not_by_file']);
  const named = { name: HOLDER, amount: '77', reference: deposit.paymentReference };
  const { lines } = await imported([named, named]);
  const { journalId } = (await desk.request(desk.operations, 'GET', path)).body;
  const booked = (receiptId: string) =>
    post(`/v1/unallocated-receipts/${receiptId}/explain`, { explanation: 'booked', journalId });
  const [first, second] = [await booked(lines[0].receiptId), await booked(lines[1].receiptId)];
  await agreed(first);
  const [row] = await desk.deps.db.engine.select().from(deposits).where(eq(deposits.id, deposit.id));
  expect(row).toMatchObject({ status: 'refunded', statementLineId: lines[0].id });
  // A second line is another payment.
  const refused = [422, 'receipt_not_explained'];
  expect(code(await desk.vote(second.body.approval.id, desk.compliance))).toEqual(refused);
  expect(code(await booked(lines[1].receiptId))).toEqual(refused);
});

test('and what a provider was told of is set free by no statement of the firm’s own account', async () => {
  Object.assign(desk.deps, {
    payoutProviders: [{ name: 'test', url: 'http://127.0.0.1:1', methods: ['mcb_juice'] }],
  });
  const person = await desk.newCustomer();
  await desk.fund(person, 'USD', '100');
  const payee = { kind: 'mobile_money', holderName: HOLDER, method: 'mcb_juice', phone: '+23051234567' };
  const beneficiary = (await desk.request(person, 'POST', '/v1/beneficiaries', { body: payee })).body;
  const { accountId } = person;
  const body = { accountId, beneficiaryId: beneficiary.id, asset: 'USD', amount: '94' };
  const { id } = (await desk.request(person, 'POST', '/v1/withdrawals', { body, key: newId() })).body;
  const path = `/v1/withdrawals/${id}`;
  await post(`${path}/approve`, {}, desk.compliance);
  await desk.request(desk.operations, 'POST', `${path}/process`, {});
  const sentAt = desk.deps.clock.now();
  const its = eq(payoutSubmissions.withdrawalId, id);
  await desk.deps.db.engine.update(payoutSubmissions).set({ sentAt }).where(its);
  const own = { houseRole: 'firm_account', houseReference: 'main' } as const;
  const firms = await desk.newBank('The firm’s own', own);
  await desk.statement(firms, { opening: '0', day: desk.today() });
  desk.advance(4 * DAY_MS);
  const until = Temporal.PlainDate.from(desk.today()).subtract({ days: 1 }).toString();
  await desk.statement(firms, { opening: '0', day: until });
  await signed(until);
  // With the clients' `main` out of sight, so that whichever comes first of two is the firm's.
  const named = async (houseReference: string) =>
    writeUnguarded(desk.database, 'bank_accounts', (tx) =>
      tx.update(bankAccounts).set({ houseReference }).where(eq(bankAccounts.iban, SAMPLE_IBAN)),
    );
  await named('elsewhere');
  expect(code(await post(`${path}/fail`, {}))).toEqual(LATE);
  await named('main');
});
