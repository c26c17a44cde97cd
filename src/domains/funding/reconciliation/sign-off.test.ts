import { afterAll, beforeAll, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { parse } from 'csv-parse/sync';
import { and, eq, sql } from 'drizzle-orm';
import { parseAmount } from '../../../kernel/amount.ts';
import { newId } from '../../../kernel/id.ts';
import { openClient } from '../../../platform/db/client.ts';
import { sqlStateOf } from '../../../platform/db/errors.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { auditLogs } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import { bankBeneficiary, type Person } from '../../../testing/funding-desk.ts';
import { until } from '../../../testing/until.ts';
import { houseWallet, postJournals } from '../../ledger/index.ts';
import { journals, wallets } from '../../ledger/schema.ts';
import { camt053, SAMPLE_IBAN } from '../testing/camt-sample.ts';
import { quietStateOf } from './quiet-section.ts';
import { type ReconciliationDesk, startReconciliationDesk } from './testing/reconciliation-desk.ts';

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

const sign = (id: string, person: Person) =>
  desk.request(person, 'POST', `/v1/reconciliations/${id}/sign-off`, {
    body: { reason: 'Traced to the statements' },
  });

/** The file itself: a PDF is not text. */
async function report(id: string, format: string, person = desk.operations) {
  const token = Buffer.from(JSON.stringify(person.actor)).toString('base64url');
  const response = await desk.app.request(`/v1/reconciliations/${id}/report?format=${format}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return { status: response.status, bytes: Buffer.from(await response.arrayBuffer()) };
}

const codeOf = (bytes: Buffer) => JSON.parse(bytes.toString('utf8')).code;

/** A run without an open critical break: what is missing today is explained by two people. */
async function explainedRun(businessDate = desk.today()): Promise<string> {
  const { id, run } = await desk.run(businessDate);
  for (const each of run.breaks) {
    if (each.severity === 'critical' && each.status === 'open') {
      const path = `/v1/reconciliation-breaks/${each.id}/explain`;
      const { body } = await desk.request(desk.operations, 'POST', path, {
        body: { reason: 'The bank is late' },
      });
      expect((await desk.vote(body.approval.id)).status).toBe(200);
    }
  }
  return id;
}

test('a signed day takes no journal by hand any more, and what undoes one of it counts from today', async () => {
  const person = await desk.newCustomer();
  await desk.fund(person, 'USD', '100');
  const [wallet] = await desk.deps.db.engine
    .select()
    .from(wallets)
    .where(eq(wallets.accountId, person.accountId));
  const post = async (valueDate: string) => {
    const house = { role: 'fees_earned', reference: 'main', asset: 'USD' };
    const entries = [
      { walletId: wallet?.id, amount: '-3' },
      { house, amount: '3' },
    ];
    const body = { kind: 'fee', description: 'Account fee', valueDate, entries, reason: 'As agreed' };
    return (await desk.request(desk.operations, 'POST', '/v1/journals', { body, key: newId() })).body;
  };
  const day = desk.today();
  const posted = await post(day);
  // It opens the wallets that the others name.
  expect((await desk.vote(posted.approval.id)).status).toBe(200);
  const [late, waiting] = [await post(day), await post(day)];
  desk.advance(DAY_MS);
  const unseen = await explainedRun(day);
  expect((await desk.vote(late.approval.id)).status).toBe(200);
  expect((await sign(unseen, desk.operations)).body.code).toBe('reconciliation_changed');
  const seen = await explainedRun(day);
  await sign(seen, desk.operations);
  expect((await sign(seen, desk.compliance)).status).toBe(200);
  expect((await post(day)).code).toBe('value_date_closed');
  expect((await desk.vote(waiting.approval.id)).body.code).toBe('value_date_closed');
  expect((await desk.vote((await post(desk.today())).approval.id)).status).toBe(200);
  const path = `/v1/journals/${posted.approval.subjectId}/reverse`;
  const undone = await desk.request(desk.operations, 'POST', path, { body: { reason: 'Not agreed' } });
  expect((await desk.vote(undone.body.approval.id)).status).toBe(200);
  const [reversal] = await desk.deps.db.engine
    .select()
    .from(journals)
    .where(eq(journals.reversesId, posted.approval.subjectId));
  expect(reversal).toMatchObject({ valueDate: desk.today() });
});

test('a run looks once what is being posted by hand is written', async () => {
  const { reference } = await desk.newBank();
  const found = await transact(desk.system, 'engine', async (tx) => {
    await lockExclusive(tx, [`reconciliation:${desk.deps.firmName}`]);
    const run = desk.run();
    await until(async () => {
      const rows = await desk.deps.db.engine.execute(sql`
        select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`);
      return rows.length === 1;
    });
    const house = { role: 'client_money_bank', book: 'live', asset: 'USD' } as const;
    const main = await houseWallet(tx, desk.system, { ...house, reference: 'main' });
    const own = await houseWallet(tx, desk.system, { ...house, reference });
    const entries = [
      { walletId: own.id, amount: parseAmount('-4') },
      { walletId: main.id, amount: parseAmount('4') },
    ];
    const moved = { referenceType: 'test', referenceId: newId(), description: 'Between client accounts' };
    await postJournals(tx, desk.system, [{ ...moved, book: 'live', kind: 'transfer', entries }]);
    return { run };
  });
  const { run } = await found.run;
  expect(run.banks.find((each: { reference: string }) => each.reference === reference)).toMatchObject({
    perBooks: '4',
  });
});

test('a run is not signed once a statement it counted was given up', async () => {
  const bank = await desk.newBank();
  const statement = await desk.statement(bank, { opening: '0', day: desk.today() });
  const id = await explainedRun();
  expect((await sign(id, desk.operations)).status).toBe(202);
  const path = `/v1/bank-statements/${statement.id}/void`;
  const asked = await desk.request(desk.operations, 'POST', path, { body: { reason: 'Another day' } });
  expect((await desk.vote(asked.body.approval.id)).status).toBe(200);
  const refused = await sign(id, desk.compliance);
  expect([refused.status, refused.body.code]).toEqual([409, 'reconciliation_changed']);
});

test('nor once what a later statement had booked into its day was undone', async () => {
  const bank = await desk.newBank();
  desk.advance(DAY_MS);
  const day = desk.today();
  desk.advance(DAY_MS);
  const said = {
    iban: bank.iban,
    opening: '0',
    day: desk.today(),
    entries: [{ amount: '9', name: 'Nobody' }],
  };
  const late = camt053(said).replace(/<ValDt><Dt>.*?<\/Dt>/, `<ValDt><Dt>${day}</Dt>`);
  const { body: statement } = await desk.importFile(late);
  const id = await explainedRun(day);
  const path = `/v1/bank-statements/${statement.id}/void`;
  const asked = await desk.request(desk.operations, 'POST', path, { body: { reason: 'Another day' } });
  expect((await desk.vote(asked.body.approval.id)).status).toBe(200);
  expect((await sign(id, desk.operations)).body.code).toBe('reconciliation_changed');
});

test('a run with a critical break that nobody explained is not signed', async () => {
  await desk.newBank();
  const { id } = await desk.run();
  const refused = await sign(id, desk.operations);
  expect([refused.status, refused.body.code]).toEqual([409, 'breaks_unexplained']);
  expect((await desk.read(`/v1/reconciliations/${id}`)).signedAt).toBeNull();
});

test('two people sign, never one; it is signed once, and the signature is there for good', async () => {
  const id = await explainedRun();
  const prepared = await sign(id, desk.operations);
  expect([prepared.status, prepared.body.approval.status]).toEqual([202, 'pending']);
  const again = await sign(id, desk.operations);
  expect([again.status, again.body.code]).toEqual([409, 'approval_pending_exists']);
  const alone = await desk.vote(prepared.body.approval.id, desk.operations);
  expect([alone.status, alone.body.code]).toEqual([403, 'self_approval']);
  const signed = await sign(id, desk.compliance);
  expect([signed.status, signed.body.signOff]).toMatchObject([
    200,
    {
      preparerId: desk.operations.userId,
      reviewerId: desk.compliance.userId,
      resultHash: signed.body.run.resultHash,
    },
  ]);
  const third = await sign(id, desk.operations2);
  expect([third.status, third.body.code]).toEqual([409, 'reconciliation_signed']);
  const change = sql`update reconciliation_sign_offs set reviewer_id = ${desk.operations2.userId} where run_id = ${id}`;
  const state = await desk.deps.db.engine.execute(change).then(() => '', sqlStateOf);
  expect(state).toBe('42501');
});

test('a payout that was fetched is failed once signed statements of its days do not show it, and no earlier', async () => {
  const bank = await desk.newBank();
  const say = { reason: 'Looked at it' };
  const account = { holderName: 'Plimsoll clients', iban: bank.iban, bic: 'COBADEFF', ...say };
  const proposed = await desk.request(desk.operations, 'PUT', '/v1/payout-accounts/USD', { body: account });
  expect((await desk.vote(proposed.body.approval.id)).status).toBe(200);
  const person = await desk.newCustomer();
  await desk.fund(person, 'USD', '500');
  await transact(desk.system, 'engine', async (tx) => {
    const house = { role: 'client_money_bank', book: 'live', asset: 'USD' } as const;
    const main = await houseWallet(tx, desk.system, { ...house, reference: 'main' });
    const own = await houseWallet(tx, desk.system, { ...house, reference: bank.reference });
    const entries = [
      { walletId: main.id, amount: parseAmount('500') },
      { walletId: own.id, amount: parseAmount('-500') },
    ];
    const moved = { referenceType: 'test', referenceId: newId(), description: 'Between client accounts' };
    await postJournals(tx, desk.system, [{ ...moved, book: 'live', kind: 'transfer', entries }]);
  });
  const payee = await desk.request(person, 'POST', '/v1/beneficiaries', { body: bankBeneficiary() });
  const wish = { accountId: person.accountId, asset: 'USD', amount: '100', beneficiaryId: payee.body.id };
  const { body: asked } = await desk.request(person, 'POST', '/v1/withdrawals', { body: wish, key: newId() });
  await desk.request(desk.compliance, 'POST', `/v1/withdrawals/${asked.id}/approve`, { body: say });
  const made = await desk.request(desk.operations, 'POST', '/v1/payout-files', {
    body: { asset: 'USD', withdrawalIds: [asked.id], executionDate: desk.today() },
    key: newId(),
  });
  await desk.statement(bank, { opening: '500', day: desk.today() });
  const path = `/v1/payout-files/${made.body.id}/download`;
  expect((await desk.request(desk.operations, 'GET', path)).status).toBe(200);
  const fail = async () =>
    (await desk.request(desk.operations, 'POST', `/v1/withdrawals/${asked.id}/fail`, { body: say })).body;
  const closeDay = async () => {
    await desk.statement(bank, { opening: '500', day: desk.today() });
    expect((await fail()).code).toBe('payout_may_leave');
    const id = await explainedRun();
    await sign(id, desk.operations);
    expect((await sign(id, desk.compliance)).status).toBe(200);
  };
  const paysOn = desk.today();
  // The bank may still pay on the next working day.
  desk.advance(2 * DAY_MS);
  await closeDay();
  expect((await fail()).detail).toContain(`saw the statements of its account from ${paysOn} to `);
  desk.advance(DAY_MS);
  await closeDay();
  expect((await desk.vote((await fail()).approval.id)).status).toBe(200);
  expect(await desk.balance(person, 'USD')).toEqual({ total: '500', reserved: '0' });
});

test('one that opens again between the two signatures keeps the second one from signing', async () => {
  const custodian = 'reopening';
  const say = (quantity: string) =>
    desk.custodyReport(
      JSON.stringify({ custodian, asOf: desk.today(), holdings: [{ asset: 'BTC', quantity }] }),
    );
  await say('1');
  const id = await explainedRun();
  expect((await sign(id, desk.operations)).status).toBe(202);
  desk.advance(DAY_MS);
  await say('2');
  await desk.run();
  const refused = await sign(id, desk.operations2);
  expect([refused.status, refused.body.code]).toEqual([409, 'breaks_unexplained']);
});

test('a run that counted a custody report which two people gave up since is not signed', async () => {
  const report = { custodian: 'given-up', asOf: desk.today(), holdings: [{ asset: 'BTC', quantity: '1' }] };
  const taken = (await desk.custodyReport(JSON.stringify(report))).body;
  const id = await explainedRun();
  const path = `/v1/custody-reports/${taken.id}/void`;
  const asked = await desk.request(desk.operations, 'POST', path, { body: { reason: 'Of another firm' } });
  expect((await desk.vote(asked.body.approval.id)).status).toBe(200);
  const refused = await sign(id, desk.operations);
  expect([refused.status, refused.body.code]).toEqual([409, 'reconciliation_changed']);
});

test('what was changed behind the run’s back is not signed', async () => {
  const id = await explainedRun();
  const owner = openClient(desk.database.owner, 1);
  await owner.unsafe('ALTER TABLE reconciliation_runs NO FORCE ROW LEVEL SECURITY');
  await owner.unsafe('ALTER TABLE reconciliation_runs DISABLE TRIGGER append_only');
  await owner`update reconciliation_runs set results = jsonb_set(results, '{cutAt}', '"2020"') where id = ${id}`;
  await owner.unsafe('ALTER TABLE reconciliation_runs ENABLE ALWAYS TRIGGER append_only');
  await owner.unsafe('ALTER TABLE reconciliation_runs FORCE ROW LEVEL SECURITY');
  await owner.end({ timeout: 5 });
  const refused = await sign(id, desk.operations);
  expect([refused.status, refused.body.code]).toEqual([409, 'reconciliation_changed']);
});

test('a run of the books alone has no position to sign and no report', async () => {
  const { id } = await desk.reconcile();
  const codes = [(await sign(id, desk.operations)).body.code, codeOf((await report(id, 'csv')).bytes)];
  expect(codes).toEqual(['reconciliation_without_position', 'reconciliation_without_position']);
});

test('a day nobody signed is noticed after a while, once, and is closed by the signature', async () => {
  // A day of its own: one signed run of a day is enough.
  desk.advance(DAY_MS);
  const { id, businessDate } = await desk.run();
  desk.advance(4 * DAY_MS);
  const object = `business date ${businessDate}`;
  const later = await desk.run();
  const found = desk.breakIn(later, 'sign_off_overdue', object);
  expect(found).toMatchObject({ severity: 'warning', status: 'open' });
  await desk.run();
  const alarms = await desk.deps.db.engine
    .select()
    .from(auditLogs)
    .where(and(eq(auditLogs.resourceId, found?.id), eq(auditLogs.eventType, 'reconciliation_break.opened')));
  expect(alarms.map((row) => row.severity)).toEqual(['critical']);
  await explainedRun();
  expect((await sign(id, desk.operations)).status).toBe(202);
  expect((await sign(id, desk.operations2)).status).toBe(200);
  expect(desk.breakIn(await desk.run(), 'sign_off_overdue', object)).toBeUndefined();
});

test('a warning is settled by one person, with a note', async () => {
  desk.advance(DAY_MS);
  const { businessDate } = await desk.run();
  desk.advance(4 * DAY_MS);
  const { id } = desk.breakIn(await desk.run(), 'sign_off_overdue', `business date ${businessDate}`) ?? {};
  const body = { reason: 'The auditor was told' };
  const answer = await desk.request(desk.operations, 'POST', `/v1/reconciliation-breaks/${id}/explain`, {
    body,
  });
  expect([answer.status, answer.body.status, answer.body.notes.length]).toEqual([200, 'explained', 1]);
});

test('the report is the same bytes each time, in both formats, and the audit log has their hash', async () => {
  const { id } = await desk.run();
  for (const format of ['csv', 'pdf']) {
    const files = [await report(id, format), await report(id, format)].map((answer) => answer.bytes);
    expect(files[0]?.equals(files[1] ?? Buffer.alloc(0))).toBe(true);
    const rows = await desk.deps.db.engine
      .select()
      .from(auditLogs)
      .where(and(eq(auditLogs.resourceId, id), eq(auditLogs.eventType, 'reconciliation.report_downloaded')));
    const hash = createHash('sha256')
      .update(files[0] ?? '')
      .digest('hex');
    expect(rows.map((row) => (row.after as { sha256: string }).sha256)).toContain(hash);
  }
  const pdf = (await report(id, 'pdf')).bytes.toString('latin1');
  expect([pdf.slice(0, 5), pdf.trimEnd().slice(-5)]).toEqual(['%PDF-', '%%EOF']);
});

test('a signed report says who signed, and stays what it was when breaks move on', async () => {
  const id = await explainedRun();
  expect((await report(id, 'csv')).bytes.toString()).toContain('NOT SIGNED');
  await sign(id, desk.operations);
  await sign(id, desk.compliance);
  const first = (await report(id, 'csv')).bytes;
  expect(first.toString()).toContain(`Reviewed by,${desk.compliance.userId}`);
  desk.advance(DAY_MS);
  await desk.run();
  expect((await report(id, 'csv')).bytes.equals(first)).toBe(true);
});

test('what a spreadsheet would run is text, and a figure below zero stays a figure', async () => {
  const bank = await desk.newBank('=HYPERLINK("http://example.mu";"statement")');
  const entries = [{ amount: '3', direction: 'DBIT' as const, name: 'Bank charges' }];
  await desk.statement(bank, { opening: '1', day: desk.today(), entries });
  const { id } = await desk.run();
  const cells = (parse((await report(id, 'csv')).bytes, { relax_column_count: true }) as string[][]).flat();
  expect(cells).toContain('\'=HYPERLINK("http://example.mu";"statement")');
  expect(cells.filter((cell) => /^[=+@\t\r]/.test(cell))).toEqual([]);
  expect(cells).toContain('-3');
  expect(cells.filter((cell) => cell.startsWith('-') && !/^-\d/.test(cell))).toEqual([]);
});

test('only those who keep or check the books read the report', async () => {
  const { id } = await desk.run();
  const auditor = await desk.newStaff('auditor');
  const support = await desk.newStaff('support');
  const customer = await desk.newCustomer();
  const statuses = [];
  for (const person of [auditor, support, customer]) {
    statuses.push((await report(id, 'csv', person)).status);
  }
  expect(statuses).toEqual([200, 403, 403]);
});

test('a statement that is imported twice a day counts once: the latest closing balance is compared', async () => {
  const day = desk.today();
  await desk.statement({ iban: SAMPLE_IBAN }, { opening: '0', day });
  const { run } = await desk.run();
  const view = run.banks.find((each: { reference: string; currency: string }) => each.reference === 'main');
  expect([view.statementDate, view.perStatement]).toEqual([day, '0']);
});

test('balances are idle, then dormant, then unclaimed; interest is no movement of their customer’s', async () => {
  expect([364, 365, 729, 730, 2554, 2555].map(quietStateOf)).toEqual([
    null,
    'idle',
    'idle',
    'dormant',
    'dormant',
    'unclaimed',
  ]);
});

test('a day no run is about is noticed once its morning has passed, and is gone when it was reconciled', async () => {
  await desk.run();
  desk.advance(DAY_MS);
  const missed = desk.today();
  const object = `business date ${missed}`;
  desk.advance(DAY_MS);
  expect(desk.breakIn(await desk.run(desk.today()), 'sign_off_overdue', object)).toBeUndefined();
  desk.advance(DAY_MS);
  const found = desk.breakIn(await desk.run(), 'sign_off_overdue', object);
  expect(found).toMatchObject({ status: 'open', detail: `The books of ${missed} were never reconciled` });
  await desk.run(missed);
  expect(desk.breakIn(await desk.run(), 'sign_off_overdue', object)).toBeUndefined();
});
