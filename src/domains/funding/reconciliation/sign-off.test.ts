import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { parse } from 'csv-parse/sync';
import { and, eq, sql } from 'drizzle-orm';
import { formatAmount, parseAmount, sumAmounts } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { openClient } from '../../../platform/db/client.ts';
import { sqlStateOf } from '../../../platform/db/errors.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { auditLogs } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import { bankBeneficiary, HOLDER, type Person } from '../../../testing/funding-desk.ts';
import type { Answer } from '../../../testing/send.ts';
import { until } from '../../../testing/until.ts';
import { houseWallet, postJournals } from '../../ledger/index.ts';
import { journals, wallets } from '../../ledger/schema.ts';
import { camt053, SAMPLE_IBAN, type SampleEntry } from '../testing/camt-sample.ts';
import { quietStateOf } from './quiet-section.ts';
import { reportContent } from './report-content.ts';
import { reconciliationRuns } from './schema.ts';
import {
  type Bank,
  type ReconciliationDesk,
  startReconciliationDesk,
} from './testing/reconciliation-desk.ts';

type Body = Answer['body'];

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
  // Each page says which of how many it is, and of which run.
  const pages = pdf.split('/Type /Page\n').length - 1;
  const texts = [...pdf.matchAll(/\[(<.*)\] TJ/g)].map(([, parts = '']) =>
    [...parts.matchAll(/<([0-9a-f]+)>/g)]
      .map(([, hex = '']) => Buffer.from(hex, 'hex').toString('latin1'))
      .join(''),
  );
  expect(
    texts.filter((text) => text.includes(`run ${id}, page `)).map((text) => text.split('page ')[1]),
  ).toEqual(Array.from({ length: pages }, (_, place) => `${place + 1} of ${pages}`));
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
  const view = run.banks.find((each: Body) => each.reference === 'main' && each.currency === 'USD');
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

describe('the firm’s own account', () => {
  const FIRM = { houseRole: 'firm_account' as const };
  const firmIn = (run: Body, { reference }: Bank, currency = 'USD') =>
    run.run.firmAccounts.find((each: Body) => each.reference === reference && each.currency === currency);

  test('is compared with its statements, of which no line is ever taken for client money', async () => {
    const bank = await desk.newBank('The firm’s own', FIRM);
    const { customer, id, reference } = await announce('40');
    const before = await desk.run();
    expect(desk.breakIn(before, 'statement_missing', bank.object)).toMatchObject({ severity: 'critical' });
    const statement = await desk.statement(bank, {
      opening: '5',
      day: desk.today(),
      entries: [
        { amount: '40', reference, name: HOLDER },
        { amount: '2', direction: 'DBIT', name: 'Rent' },
      ],
    });
    // Nothing is left to be booked, and nothing was.
    expect([statement.standing, statement.bookedCount, typeof statement.bookedAt]).toEqual([
      'confirmed',
      0,
      'string',
    ]);
    expect(statement.lines.flatMap((each: Body) => [each.depositId, each.receiptId, each.debitId])).toEqual(
      Array.from({ length: 6 }, () => null),
    );
    const kept = await desk.request(customer, 'GET', `/v1/deposits/${id}`);
    expect(kept.body.status).toBe('pending');
    const after = await desk.run();
    expect(firmIn(after, bank)).toMatchObject({
      statementId: statement.id,
      statementNumber: statement.statementReference,
      perStatement: '43',
      perBooks: '0',
      difference: '5',
      itemCount: 2,
    });
    expect(after.run.banks.some((each: Body) => each.reference === bank.reference)).toBe(false);
    const [credit, debit] = statement.lines;
    expect(desk.breakIn(after, 'bank_difference', bank.object)).toMatchObject({ amount: '5' });
    for (const [line, amount] of [
      [credit, '40'],
      [debit, '-2'],
    ]) {
      const object = `statement line ${line.id}`;
      expect(desk.breakIn(after, 'statement_line_unbooked', object)).toMatchObject({ amount });
    }
    expect(desk.breakIn(after, 'statement_missing', bank.object)).toBeUndefined();
    const position = (run: Body) => run.run.positions.find((each: Body) => each.asset === 'USD');
    expect(position(after)).toEqual(position(before));
  });

  test('is no evidence of anything else, whoever writes it, and its statement is given up as any is', async () => {
    const bank = await desk.newBank('The firm’s own', FIRM);
    const { customer, id } = await announce('40');
    const statement = await desk.statement(bank, {
      opening: '0',
      day: desk.today(),
      entries: [
        { amount: '40', name: HOLDER },
        { amount: '2', direction: 'DBIT', name: 'Rent' },
      ],
    });
    const [credit, debit] = statement.lines;
    const path = `/v1/deposits/${id}/clear`;
    const body = { statementLineId: credit.id };
    const cleared = await desk.request(desk.operations, 'POST', path, { body });
    expect(cleared.body.code).toBe('statement_line_used');
    const { engine } = desk.deps.db;
    const [wallet] = await engine.select().from(wallets).where(eq(wallets.accountId, customer.accountId));
    const walletId = present(wallet, 'the announcement opened it').id;
    const forged = [
      sql`insert into unallocated_receipts (id, statement_line_id, wallet_id, asset, amount, reason, status, journal_id,
        created_at) values (gen_random_uuid(), ${credit.id}, ${walletId}, 'USD', 40, 'unknown_reference', 'open',
        gen_random_uuid(), now())`,
      sql`insert into statement_debits (id, statement_line_id, wallet_id, asset, amount, reason, status, created_at)
        values (gen_random_uuid(), ${debit.id}, ${walletId}, 'USD', 2, 'unknown', 'open', now())`,
      sql`update deposits set statement_line_id = ${credit.id}, version = version + 1
        where id = ${id}`,
    ];
    for (const change of forged) {
      const ended = engine.execute(change).then(() => 'written', sqlStateOf);
      expect(await ended).toBe('PL061');
    }

    // One that was wrong is given up like any other; the account has no statement again.
    const voided = await desk.request(desk.operations, 'POST', `/v1/bank-statements/${statement.id}/void`, {
      body: { reason: 'Of another firm' },
    });
    expect((await desk.vote(voided.body.approval.id)).status).toBe(200);
    expect(firmIn(await desk.run(), bank)).toMatchObject({ statementId: null, perStatement: null });
    await desk.statement(bank, { opening: '0', day: desk.today() });
    expect(firmIn(await desk.run(), bank)).toMatchObject({ perStatement: '0', difference: '0', items: [] });
  });

  test('shows fees that left the clients’ account and have not arrived, until they arrive', async () => {
    const more = { currency: 'EUR', houseReference: 'main' };
    const clients = await desk.newBank('Clients, euro', more);
    const own = await desk.newBank('The firm’s own, euro', { ...more, ...FIRM });
    const customer = await desk.newCustomer();
    await desk.fund(customer, 'EUR', '100');
    desk.advance(DAY_MS);
    const charge = [
      { walletId: await walletOf(customer, 'EUR'), amount: '-10' },
      { house: { role: 'fees_earned', reference: 'account', asset: 'EUR' }, amount: '10' },
    ];
    await agreed('/v1/journals', { kind: 'fee', description: 'Account fee', entries: charge });
    const swept = await agreed('/v1/fee-sweeps', { asset: 'EUR', amount: '10', feesReference: 'account' });
    const [journal] = await desk.deps.db.engine
      .select()
      .from(journals)
      .where(eq(journals.referenceId, swept));
    const journalId = present(journal, 'the sweep was posted').id;
    const day = async (opening: string, entries: readonly SampleEntry[], bank = clients) =>
      desk.statement(bank, { opening, day: desk.today(), currency: 'EUR', entries });
    const view = (run: Body) => firmIn(run, own, 'EUR');

    await day('100', []);
    await day('0', [], own);
    const [away] = view(await desk.run()).items;
    expect(away).toMatchObject({ kind: 'booking_not_on_statement', amount: '-10' });
    expect(view(await desk.run())).toMatchObject({ perStatement: '0', perBooks: '10', difference: '0' });

    desk.advance(DAY_MS);
    const { lines } = await day('100', [{ amount: '10', direction: 'DBIT', name: 'Plimsoll' }]);
    const path = `/v1/statement-debits/${lines[0].debitId}/explain`;
    await agreed(path, { explanation: 'booked', journalId });
    await day('0', [], own);
    const left = await desk.run();
    expect(view(left).items).toEqual([{ ...away, kind: 'sweep_not_arrived', ageDays: 1 }]);
    const held = left.run.banks.find((each: Body) => each.reference === 'main' && each.currency === 'EUR');
    // What left is not set against what has not come.
    expect(held.items.map((each: Body) => each.object)).not.toContain(away.object);
    expect([held.perStatement, held.difference]).toEqual(['90', '0']);
    expect(desk.breakIn(left, 'booking_not_on_statement', away.object)).toBeUndefined();

    desk.advance(3 * DAY_MS);
    await day('0', [], own);
    expect(desk.breakIn(await desk.run(), 'booking_not_on_statement', away.object)).toMatchObject({
      amount: '-10',
      severity: 'critical',
      detail: expect.stringContaining('left the clients’ account'),
    });
    await day('0', [{ amount: '10', name: 'Plimsoll, clients' }], own);
    const arrived = await desk.run();
    expect(view(arrived)).toMatchObject({ perStatement: '10', perBooks: '10', difference: '0', items: [] });
    expect(desk.breakIn(arrived, 'booking_not_on_statement', away.object)).toBeUndefined();
  });
});

test('the firm’s own units are held against a report of their own, and no report of clients’ is taken for it', async () => {
  const custodian = `own-${newId().slice(-12)}`;
  const firm = (asset: string, amount: string) => ({
    house: { role: 'firm_account', reference: custodian, asset },
    amount,
  });
  await agreed('/v1/journals', {
    kind: 'transfer',
    description: 'Units of the firm',
    entries: [
      firm('AAPL', '-3'),
      { house: { role: 'firm_money', reference: 'capital', asset: 'AAPL' }, amount: '3' },
    ],
  });
  const unitsIn = (run: Body, side: 'custody' | 'firmCustody') =>
    run.run[side].filter((each: Body) => each.custodian === custodian);
  const object = `firm custodian ${custodian}`;
  const before = await desk.run();
  expect(desk.breakIn(before, 'custody_report_missing', object)).toMatchObject({ severity: 'critical' });
  expect(before.run.firmAccounts.some((each: Body) => each.currency === 'AAPL')).toBe(false);
  const report = { custodian, asOf: desk.today(), holdings: [{ asset: 'AAPL', quantity: '3' }] };
  const clients = (await desk.custodyReport(JSON.stringify(report))).body;
  expect(clients.houseRole).toBe('custody');
  const csv = `custodian,asOf,asset,quantity,houseRole\n${custodian},${report.asOf},AAPL,2,firm_account\n`;
  const taken = await desk.custodyReport(csv, 'text/csv');
  expect([taken.status, taken.body.houseRole]).toEqual([201, 'firm_account']);
  const asked = await desk.request(desk.operations2, 'GET', `/v1/approvals/${taken.body.confirmationId}`);
  expect(asked.body.payload).toMatchObject({ houseRole: 'firm_account', custodian });
  const after = await desk.run();
  expect(unitsIn(after, 'custody')).toMatchObject([{ reportId: clients.id, perReport: '3', perBooks: '0' }]);
  expect(unitsIn(after, 'firmCustody')).toMatchObject([
    { reportId: taken.body.id, perReport: '2', perBooks: '3', difference: '-1' },
  ]);
  expect(desk.breakIn(after, 'custody_difference', `${object} AAPL`)).toMatchObject({ amount: '-1' });
  const mixed = `custodian,asOf,asset,quantity,houseRole\n${custodian},2026-01-01,AAPL,2,firm_account\n${custodian},2026-01-01,BTC,2,custody\n`;
  const other = JSON.stringify({ ...report, asOf: '2026-01-01', houseRole: 'clearing' });
  for (const [file, type] of [
    [mixed, 'text/csv'],
    [other, 'application/json'],
  ] as const) {
    expect((await desk.takeCustodyReport(file, type)).body.code).toBe('custody_report_malformed');
  }
});

test('money moved between two accounts of clients, each line explained by the one journal, agrees on both', async () => {
  const [from, to] = [await desk.newBank(), await desk.newBank()];
  const at = ({ reference }: Bank) => ({ role: 'client_money_bank', reference, asset: 'USD' });
  const move = (entries: readonly object[]) =>
    agreed('/v1/journals', { kind: 'transfer', description: 'Between banks', entries });
  const approvalId = await move([
    { house: at(from), amount: '8' },
    { house: at(to), amount: '-8' },
  ]);
  const [posted] = await desk.deps.db.engine
    .select()
    .from(journals)
    .where(eq(journals.approvalId, approvalId as Id));
  const explanation = { explanation: 'booked', journalId: posted?.id };
  const day = desk.today();
  const left = await desk.statement(from, {
    opening: '8',
    day,
    entries: [{ amount: '8', direction: 'DBIT', name: 'Plimsoll' }],
  });
  const came = await desk.statement(to, { opening: '0', day, entries: [{ amount: '8', name: 'Plimsoll' }] });
  await agreed(`/v1/statement-debits/${left.lines[0].debitId}/explain`, explanation);
  await agreed(`/v1/unallocated-receipts/${came.lines[0].receiptId}/explain`, explanation);
  const { run } = await desk.run();
  for (const { reference } of [from, to]) {
    expect(run.banks.find((each: Body) => each.reference === reference)?.items).toEqual([]);
  }
});

async function announce(amount: string) {
  const customer = await desk.newCustomer();
  const body = { accountId: customer.accountId, asset: 'USD', amount, method: 'bank_transfer' };
  const announced = await desk.request(customer, 'POST', '/v1/deposits', { body, key: newId() });
  return { customer, id: announced.body.id, reference: announced.body.paymentReference };
}

async function walletOf(person: Person, asset: string): Promise<string> {
  const found = await desk.deps.db.engine
    .select()
    .from(wallets)
    .where(and(eq(wallets.accountId, person.accountId), eq(wallets.asset, asset)));
  return present(found[0], 'the customer has one').id;
}

/** What another person agrees to. @shape the approval's id */
async function agreed(path: string, body: object): Promise<string> {
  const said = { ...body, reason: 'A test asks' };
  const asked = await desk.request(desk.operations, 'POST', path, { body: said, key: newId() });
  expect([asked.status, asked.body.detail]).toEqual([202, undefined]);
  const vote = await desk.vote(asked.body.approval.id);
  expect([vote.status, vote.body.detail]).toEqual([200, undefined]);
  return asked.body.approval.id;
}

test('the report says what was compared with what, why breaks were explained, and keeps what was signed before', async () => {
  const customer = await desk.newCustomer();
  await desk.fund(customer, 'USD', '6');
  const bank = await desk.newBank('The firm’s own', { houseRole: 'firm_account' });
  const { id: statementId } = await desk.statement(bank, { opening: '9', day: desk.today() });
  const asset = { custodian: `c-${newId().slice(-12)}`, asOf: desk.today(), holdings: [] };
  await desk.custodyReport(JSON.stringify(asset));
  const id = await explainedRun();
  const detail = await desk.run();
  const note = detail.run.breaks.find(({ object }: Body) => object === bank.object);
  expect(note).toMatchObject({
    status: 'explained',
    note: 'The bank is late',
    approvalId: expect.any(String),
  });
  await sign(id, desk.operations);
  expect((await sign(id, desk.compliance)).status).toBe(200);
  const rows = parse((await report(id, 'csv')).bytes, { relax_column_count: true }) as string[][];
  const tableOf = (title: string) => {
    const from = rows.findIndex((row) => row.length === 1 && row[0] === title) + 1;
    const until = rows.findIndex((row, at) => at > from && row.length === 1 && row[0] === '');
    const [columns = [], ...body] = rows.slice(from, until === -1 ? undefined : until);
    return body.map((row) => Object.fromEntries(columns.map((column, at) => [column, row[at]])));
  };
  expect(tableOf('The firm’s own accounts')).toContainEqual(
    expect.objectContaining({ Bank: bank.reference, Statement: statementId, 'Per statement': '9' }),
  );
  // Each figure of the position is the sum of wallets that are named.
  const wallets = tableOf('House wallets of the position, by the signs of the ledger');
  const [dollars] = tableOf('Client-money position').filter((row) => row.Asset === 'USD');
  const owed = wallets.filter((row) => row.Asset === 'USD' && row.Part === 'owed');
  expect(formatAmount(sumAmounts(owed.map((row) => parseAmount(row.Balance ?? ''))))).toBe(
    dollars?.['Owed to others'] ?? '',
  );
  expect(tableOf('Breaks')).toContainEqual(
    expect.objectContaining({ Object: bank.object, 'Last note': 'The bank is late', Break: note.id }),
  );
  expect(
    tableOf('How many balances are idle, dormant and unclaimed').map((row) => Object.values(row)[0]),
  ).toEqual(['idle', 'dormant', 'unclaimed']);

  const { engine } = desk.deps.db;
  const [run] = await engine
    .select()
    .from(reconciliationRuns)
    .where(eq(reconciliationRuns.id, id as Id));
  const ran = present(run, 'it ran');
  const {
    layout: _,
    firmAccounts: _own,
    houseWallets: _made,
    ...before
  } = ran.results as Record<string, unknown>;
  const old = reportContent({ ...ran, results: before }, [], undefined);
  expect([old.isPaged, old.facts.length]).toEqual([false, 9]);
  expect(old.tables.map(({ title, columns }) => `${title}: ${columns.length}`)).toEqual([
    'Client-money position: 13',
    'Banks: 8',
    'Reconciling items: 7',
    'Custodians: 6',
    'In transit: 6',
    'Breaks: 10',
    'Idle, dormant and unclaimed balances: 6',
    'Internal checks: 4',
  ]);
});

test('a release that changes the figures changes no report of before', async () => {
  const { id } = await desk.run();
  const [row] = await desk.deps.db.engine
    .select()
    .from(reconciliationRuns)
    .where(eq(reconciliationRuns.id, id));
  const ran = present(row, 'it ran');
  const kept = ran.results as { readonly figures: object };
  const said = (figures: object | undefined) =>
    JSON.stringify(reportContent({ ...ran, results: { ...kept, figures } }, [], undefined));
  expect(said(undefined)).toBe(said(kept.figures));
  const quietDays = { idle: 4001, dormant: 4002, unclaimed: 4003 };
  const others = { bookedDays: 4004, inTransitMaxDays: 4005, custodyReportMaxDays: 4006, maxKept: 4007 };
  const found = said({ ...others, quietDays }).match(/400[1-7] (days|are)/g);
  expect(new Set(found?.map((each) => Number(each.slice(0, 4))))).toEqual(
    new Set([...Object.values(quietDays), ...Object.values(others)]),
  );
});

test('runs and custody reports are listed by when they were', async () => {
  const { id, startedAt } = await desk.run();
  const custodian = { custodian: `l-${newId().slice(-12)}`, asOf: desk.today(), holdings: [] };
  const taken = await desk.custodyReport(JSON.stringify(custodian));
  expect(taken.status).toBe(201);
  const listings = [
    ['/v1/reconciliations', id, startedAt],
    ['/v1/custody-reports', taken.body.id, taken.body.importedAt],
  ];
  for (const [path, row, at] of listings) {
    const idsOf = async (query: string) =>
      (await desk.read(`${path}?limit=200&${query}`)).data.map((each: Body) => each.id);
    expect(await idsOf(`from=${at}`)).toContain(row);
    expect(await idsOf(`to=${at}`)).not.toContain(row);
    expect(await idsOf('to=2001-01-01T00:00:00Z')).toEqual([]);
    const { body } = await desk.request(desk.operations, 'GET', `${path}?from=${at}&to=${at}`);
    expect(body.code).toBe('validation_failed');
  }
});
