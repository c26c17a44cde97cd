/** What a bank statement settles of payouts, and the account money is paid from. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, eq, sql } from 'drizzle-orm';
import type { Actor } from '../../kernel/actor.ts';
import { amountOf, formatAmount, parseAmount } from '../../kernel/amount.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { expireApprovals } from '../../platform/approvals/expire-approvals.ts';
import { lockRows } from '../../platform/db/locks.ts';
import { auditLogs } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { lookForRecovery } from '../../platform/recovery/mode.ts';
import { enterRecovery } from '../../start/recovery.ts';
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
import { houseWallet, postJournals } from '../ledger/index.ts';
import { journals, wallets } from '../ledger/schema.ts';
import { bankStatementLines } from './evidence/schema.ts';
import { countFilesAsFetched } from './payouts/count-as-fetched.ts';
import { payoutAccounts } from './schema.ts';
import { seedBankAccounts } from './set-bank-account.ts';
import { camt053, nextOpening, type SampleEntry } from './testing/camt-sample.ts';
import { executionDay } from './testing/execution-day.ts';
import { statementDebits } from './work/schema.ts';

let desk: FundingDesk;

const SECOND_IBAN = 'MU17BOMM0101101030300200000MUR';

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
  const account = { iban: SECOND_IBAN, currency: 'USD', houseReference: 'second', name: 'Second bank' };
  await transact(desk.system, 'engine', (tx) => seedBankAccounts(tx, desk.system, [account]));
});

afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

const REASON = { reason: 'Looked at it' };

type Payout = { readonly id: string; readonly person: Person; readonly reference: string };

async function approved(amount = '100'): Promise<Payout> {
  const person = await desk.newCustomer();
  await desk.fund(person, 'USD', '1000');
  const bank = await desk.request(person, 'POST', '/v1/beneficiaries', { body: bankBeneficiary() });
  const body = { accountId: person.accountId, asset: 'USD', amount, beneficiaryId: bank.body.id };
  const { id } = (await desk.request(person, 'POST', '/v1/withdrawals', { body, key: newId() })).body;
  await act(desk.compliance, id, 'approve', REASON);
  return { id, person, reference: id.replaceAll('-', '').toUpperCase() };
}

async function processing(amount?: string): Promise<Payout> {
  const payout = await approved(amount);
  expect((await act(desk.operations, payout.id, 'process')).body.status).toBe('processing');
  return payout;
}

function act(person: Person, id: string, step: string, body?: object) {
  const path = `/v1/withdrawals/${id}/${step}`;
  return desk.request(person, 'POST', path, body === undefined ? {} : { body });
}

function resolve(payout: Payout, statementLineId: string, by = desk.operations2) {
  return act(by, payout.id, 'resolve', { outcome: 'completed', statementLineId });
}

function vote(person: Person, approvalId: string) {
  return desk.request(person, 'POST', `/v1/approvals/${approvalId}/approve`, { body: REASON });
}

/** The lines of a statement that shows these entries. */
async function lines(entries: readonly SampleEntry[], iban?: string): Promise<readonly string[]> {
  const opening = await nextOpening(desk.deps, iban);
  const text = camt053({ entries, opening, ...(iban === undefined ? {} : { iban }) });
  const answer = await desk.importFile(text);
  expect(answer.status).toBe(201);
  return answer.body.lines.map((line: { id: string }) => line.id);
}

async function line(entry: SampleEntry, iban?: string): Promise<string> {
  return (await lines([entry], iban))[0] ?? '';
}

const debit = (payout: Payout, changes: Partial<SampleEntry> = {}): SampleEntry => ({
  amount: '100',
  direction: 'DBIT',
  name: 'The payee',
  endToEndId: payout.reference,
  bankReference: newId().slice(0, 30),
  ...changes,
});

function file(ids: readonly string[]) {
  const body = { asset: 'USD', withdrawalIds: ids, executionDate: executionDay(desk.deps) };
  return desk.request(desk.operations, 'POST', '/v1/payout-files', { body, key: newId() });
}

async function report(fileId: string, xml: string) {
  await desk.request(desk.operations, 'GET', `/v1/payout-files/${fileId}/download`);
  const headers = { 'content-type': 'application/xml' };
  const body = new Uint8Array(Buffer.from(xml));
  const path = `/v1/payout-files/${fileId}/status-report`;
  return (await desk.request(desk.operations2, 'POST', path, { body, headers })).body;
}

const HOUSE = { book: 'live', asset: 'USD' } as const;
const SECOND = { ...HOUSE, role: 'client_money_bank', reference: 'second' } as const;

/** Money of the main account lies in the second one now. */
const moveToSecond = (amount: string) => moveFromMain(amount, SECOND);

async function moveFromMain(amount: string, to: Parameters<typeof houseWallet>[2]): Promise<void> {
  const moved = parseAmount(amount);
  if (moved === 0n) {
    return;
  }
  await transact(desk.system, 'engine', async (tx) => {
    const main = await houseWallet(tx, desk.system, { ...SECOND, reference: 'main' });
    const other = await houseWallet(tx, desk.system, to);
    await postJournals(tx, desk.system, [
      {
        book: 'live',
        kind: to.role === 'suspense' ? 'adjustment' : 'transfer',
        referenceType: 'test',
        referenceId: newId(),
        description: 'Out of the main account',
        entries: [
          { walletId: main.id, amount: moved },
          { walletId: other.id, amount: amountOf(-moved) },
        ],
      },
    ]);
  });
}

async function bank(reference: string): Promise<bigint> {
  const [row] = await desk.deps.db.engine
    .select({ total: wallets.total })
    .from(wallets)
    .where(
      and(
        eq(wallets.houseRole, 'client_money_bank'),
        eq(wallets.asset, 'USD'),
        eq(wallets.houseReference, reference),
      ),
    );
  return row?.total ?? 0n;
}

test('what a bank returns of a completed payout names it, and goes to the account it left and no other', async () => {
  const [payout, other] = [await processing(), await desk.newCustomer()];
  await line(debit(payout));
  expect((await act(desk.operations, payout.id, 'complete', { transactionReference: 'FT-1' })).status).toBe(
    200,
  );
  const back: SampleEntry = { amount: '95', direction: 'CRDT', name: HOLDER, endToEndId: payout.reference };
  const opening = await nextOpening(desk.deps);
  const { body: statement } = await desk.importFile(camt053({ entries: [back], opening }));
  const path = `/v1/unallocated-receipts/${statement.lines[0].receiptId}`;
  const { body: receipt } = await desk.request(desk.operations, 'GET', path);
  const { accountId } = payout.person;
  expect(receipt.returns).toEqual({ withdrawalId: payout.id, accountId });
  const allocate = (target: object) =>
    desk.request(desk.operations, 'POST', `${path}/allocate`, { body: { ...target, ...REASON } });
  const elsewhere = await allocate({ accountId: other.accountId });
  expect([elsewhere.status, elsewhere.body.code]).toEqual([422, 'receipt_does_not_fit']);
  const asked = await allocate({ accountId });
  expect(asked.body.approval.payload).toMatchObject({ accountId, returnsWithdrawalId: payout.id });
  const before = (await desk.balance(payout.person, 'USD')).total;
  expect((await vote(desk.compliance, asked.body.approval.id)).status).toBe(200);
  expect([before, (await desk.balance(payout.person, 'USD')).total]).toEqual(['900', '995']);
  const seen = await desk.request(payout.person, 'GET', `/v1/withdrawals/${payout.id}`);
  expect(seen.body).toMatchObject({ status: 'completed' });
});

describe('a debit of the bank', () => {
  test('settles a payout whose outcome nobody knew, alone, on the bank’s own date', async () => {
    const payout = await processing();
    await act(desk.operations, payout.id, 'unknown', { reason: 'The bank is silent' });
    const before = await bank('main');
    const shown = debit(payout, { bankReference: 'BANKREF-1' });
    const statementLineId = await line(shown);
    const settled = await resolve(payout, statementLineId);
    expect(settled.body).toMatchObject({ status: 'completed', transactionReference: 'BANKREF-1' });
    expect(await bank('main')).toBe(before + 10_000_000_000n);
    expect(await desk.balance(payout.person, 'USD')).toEqual({ total: '900', reserved: '0' });
    const { engine } = desk.deps.db;
    const [journal] = await engine.select().from(journals).where(eq(journals.id, settled.body.journalId));
    expect(journal?.valueDate).toBe('2026-01-31');
    const [found] = await engine
      .select()
      .from(statementDebits)
      .where(eq(statementDebits.statementLineId, statementLineId as never));
    expect(found).toMatchObject({ status: 'explained', withdrawalId: payout.id });
    expect((await resolve(payout, statementLineId)).body).toEqual(settled.body);
  });

  test('settles one that is under way, ten at once only once', async () => {
    const payout = await processing();
    const statementLineId = await line(debit(payout));
    const answers = await Promise.all(Array.from({ length: 10 }, () => resolve(payout, statementLineId)));
    expect(answers.every((answer) => [200, 409].includes(answer.status))).toBe(true);
    expect(answers.filter((answer) => answer.status === 200).length).toBeGreaterThan(0);
    expect(await desk.balance(payout.person, 'USD')).toEqual({ total: '900', reserved: '0' });
  });

  test('that fits in all but one respect settles nothing and needs a second person', async () => {
    const payout = await processing();
    const other = await processing();
    const misfits = [
      await line(debit(payout, { amount: '100.01' })),
      await line({ ...debit(payout), endToEndId: `${payout.reference}X` }),
      await line({ amount: '100', direction: 'DBIT', name: 'No reference' }),
      await line(debit(other)),
      await line(debit(payout, { reversal: true })),
    ];
    for (const misfit of misfits) {
      expect((await resolve(payout, misfit)).body.code).toMatch(/^payout_line_(differs|used)$/);
    }
    const credit = await line({ amount: '100', name: 'Somebody', endToEndId: payout.reference });
    expect((await resolve(payout, credit)).body.code).toBe('statement_line_unknown');
    expect((await resolve(payout, newId())).body.code).toBe('statement_line_unknown');
    expect(await desk.balance(payout.person, 'USD')).toEqual({ total: '1000', reserved: '100' });
    await act(desk.operations, payout.id, 'unknown', REASON);
    const said = { outcome: 'completed', transactionReference: 'FT 1' };
    const asked = await act(desk.operations, payout.id, 'resolve', said);
    expect(asked.status).toBe(202);
    expect((await vote(desk.operations2, asked.body.approval.id)).status).toBe(200);
    expect((await desk.balance(payout.person, 'USD')).total).toBe('900');
  });

  test('is no evidence in the hands of the customer or of who approved', async () => {
    const payout = await processing();
    const statementLineId = await line(debit(payout));
    const second = await approved();
    expect((await resolve(payout, statementLineId, payout.person)).status).toBe(403);
    const alsoChecker = {
      ...desk.compliance,
      actor: { ...desk.compliance.actor, roles: ['operations'] },
    } as Person;
    expect((await resolve(payout, statementLineId, alsoChecker)).body.code).toBe('approver_cannot_pay_out');
    expect((await resolve(second, statementLineId)).body.code).toBe('withdrawal_status_conflict');
    expect((await resolve(payout, statementLineId)).status).toBe(200);
  });

  test('shuts the work that others began on the same payout', async () => {
    const payout = await processing();
    const asked = await act(desk.operations, payout.id, 'fail', {});
    const statementLineId = await line(debit(payout));
    expect((await resolve(payout, statementLineId)).status).toBe(200);
    expect((await vote(desk.operations2, asked.body.approval.id)).body.code).toBe('approval_not_pending');
    expect((await desk.balance(payout.person, 'USD')).total).toBe('900');
  });

  test('keeps the money from being set free, whoever asked before it and whoever agrees', async () => {
    const [payout, unknown] = [await processing(), await processing()];
    await act(desk.operations, unknown.id, 'unknown', REASON);
    const failed = { outcome: 'failed', ...REASON };
    const asked = [
      await act(desk.operations, payout.id, 'fail', REASON),
      await act(desk.operations, unknown.id, 'resolve', failed),
    ];
    await lines([debit(payout), debit(unknown)]);
    for (const { body } of asked) {
      expect((await vote(desk.operations2, body.approval.id)).body.code).toBe('payout_on_statement');
    }
    const again = [
      await act(desk.operations2, payout.id, 'fail', REASON),
      await act(desk.operations2, unknown.id, 'resolve', failed),
    ];
    expect(again.map((answer) => answer.body.code)).toEqual(['payout_on_statement', 'payout_on_statement']);
    const reference = { transactionReference: 'FT 3' };
    expect((await act(desk.operations, payout.id, 'complete', reference)).body.status).toBe('completed');
    for (const { person } of [payout, unknown]) {
      expect((await desk.balance(person, 'USD')).reserved).toBe(person === payout.person ? '0' : '100');
    }
  });

  test('that nobody confirmed yet settles nothing, and still keeps the money; one that was given up does neither', async () => {
    const payout = await processing();
    const text = camt053({ entries: [debit(payout)], opening: await nextOpening(desk.deps) });
    const body = new Uint8Array(Buffer.from(text));
    const headers = { 'content-type': 'application/xml' };
    const taken = await desk.request(desk.operations, 'POST', '/v1/bank-statements', { body, headers });
    expect((await resolve(payout, taken.body.lines[0].id)).body.code).toBe('statement_line_unknown');
    expect(await isShown(payout, taken.body.lines[0].id)).toBe(false);
    const fail = () => act(desk.operations, payout.id, 'fail', REASON);
    expect((await fail()).body.code).toBe('payout_on_statement');
    const { body: confirmed } = await desk.confirmStatement(taken.body);
    expect(await isShown(payout, taken.body.lines[0].id)).toBe(true);
    expect((await fail()).body.code).toBe('payout_on_statement');
    const path = `/v1/bank-statements/${confirmed.id}/void`;
    const asked = await desk.request(desk.operations, 'POST', path, { body: REASON });
    expect((await vote(desk.operations2, asked.body.approval.id)).status).toBe(200);
    expect((await resolve(payout, taken.body.lines[0].id)).body.code).toBe('statement_line_unknown');
    expect(await isShown(payout, taken.body.lines[0].id)).toBe(false);
    expect((await fail()).status).toBe(202);
  });

  /** Whether the database takes the line for what completes the payout. */
  async function isShown({ id }: Payout, lineId: string): Promise<unknown> {
    const [row] = await desk.deps.db.engine.execute(sql`
      select payout_outcome_shown(w, jsonb_populate_record(w, jsonb_build_object('statement_line_id', ${lineId}::uuid)),
        'completed') as shown from withdrawals w where id = ${id}`);
    return row?.shown;
  }

  test('that nobody confirmed yet keeps the bank’s own refusal waiting, and contradicts it no longer once it is rejected', async () => {
    await moveToSecond('100');
    const payout = await approved();
    const made = await file([payout.id]);
    await desk.request(desk.operations, 'GET', `/v1/payout-files/${made.body.id}/download`);
    const text = camt053({ entries: [debit(payout)], opening: await nextOpening(desk.deps) });
    const body = new Uint8Array(Buffer.from(text));
    const headers = { 'content-type': 'application/xml' };
    const taken = await desk.request(desk.operations, 'POST', '/v1/bank-statements', { body, headers });
    const refusal = statusReport(made.body.messageId, [[payout.reference, 'RJCT']], 'E1');
    expect((await report(made.body.id, refusal)).code).toBe('payout_on_statement');
    const path = `/v1/approvals/${taken.body.confirmationId}/reject`;
    expect((await desk.request(desk.operations2, 'POST', path, { body: REASON })).status).toBe(200);
    expect(await report(made.body.id, refusal)).toMatchObject({ failedCount: 1, conflictCount: 0 });
    expect(await desk.balance(payout.person, 'USD')).toEqual({ total: '1000', reserved: '0' });
  });

  test.each([
    ['given up', 'statement_line_unknown', '1000'],
    ['cited', 'statement_moved_on', '900'],
  ])('that is %s while it waits to be the other settles nothing twice', async (first, code, left) => {
    const payout = await processing();
    const statementLineId = await line(debit(payout));
    const [its] = await desk.deps.db.engine
      .select({ id: statementDebits.id, statementId: bankStatementLines.statementId })
      .from(statementDebits)
      .innerJoin(bankStatementLines, eq(bankStatementLines.id, statementDebits.statementLineId))
      .where(eq(statementDebits.statementLineId, statementLineId as Id));
    const path = `/v1/bank-statements/${its?.statementId}/void`;
    const asked = await desk.request(desk.operations, 'POST', path, { body: REASON });
    const steps = [
      () => vote(desk.operations2, asked.body.approval.id),
      () => resolve(payout, statementLineId),
    ];
    const begun: ReturnType<typeof vote>[] = [];
    await transact(desk.system, 'engine', async (tx) => {
      await lockRows(tx, statementDebits, [its?.id as Id]);
      for (const step of first === 'cited' ? steps.toReversed() : steps) {
        begun.push(step());
        await until(async () => (await waitingNow()) === begun.length);
      }
    });
    const [done, refused] = await Promise.all(begun);
    expect([done?.status, refused?.body.code]).toEqual([200, code]);
    expect((await desk.balance(payout.person, 'USD')).total).toBe(left);
  });

  test('of another amount keeps the money too, explained or not, against people and against the bank’s own report', async () => {
    const [alone, filed, other] = [await processing(), await approved(), await approved()];
    const asked = await act(desk.operations, alone.id, 'fail', REASON);
    // Whichever of the two accounts money is paid from by now.
    await moveToSecond('1000');
    const made = await file([filed.id, other.id]);
    expect(made.status).toBe(201);
    const shown = await line(debit(alone, { amount: '102' }));
    const [named] = await desk.deps.db.engine
      .select()
      .from(statementDebits)
      .where(eq(statementDebits.statementLineId, shown as never));
    expect(named).toMatchObject({ status: 'open', reason: 'amount_differs', withdrawalId: null });
    expect(named?.namedWithdrawalId).toBe(alone.id as Id);
    expect((await vote(desk.operations2, asked.body.approval.id)).body.code).toBe('payout_on_statement');
    expect((await act(desk.operations, alone.id, 'fail', REASON)).body.code).toBe('payout_on_statement');

    await desk.request(desk.operations, 'GET', `/v1/payout-files/${made.body.id}/download`);
    const charged = await line(debit(filed, { amount: '98' }));
    const said = [filed, other].map(({ reference }) => [reference, 'RJCT'] as const);
    const told = await report(made.body.id, statusReport(made.body.messageId, said, 'D1'));
    expect(told).toMatchObject({ failedCount: 1, conflictCount: 1 });
    expect(await desk.balance(filed.person, 'USD')).toEqual({ total: '1000', reserved: '100' });
    expect(await desk.balance(other.person, 'USD')).toEqual({ total: '1000', reserved: '0' });

    const charge = { explanation: 'bank_charge', ...REASON };
    const [ofFile] = await desk.deps.db.engine
      .select()
      .from(statementDebits)
      .where(eq(statementDebits.statementLineId, charged as never));
    for (const each of [named, ofFile]) {
      const path = `/v1/statement-debits/${each?.id}/explain`;
      const { body } = await desk.request(desk.operations, 'POST', path, { body: charge });
      expect((await vote(desk.operations2, body.approval.id)).status).toBe(404);
      expect((await vote(desk.compliance, body.approval.id)).status).toBe(200);
    }
    for (const payout of [alone, filed]) {
      expect((await act(desk.operations, payout.id, 'fail', REASON)).body.code).toBe('payout_on_statement');
      expect(await desk.balance(payout.person, 'USD')).toEqual({ total: '1000', reserved: '100' });
    }
    // What the bank took for refusing it is no payout: its own word frees the money then, and nobody else's.
    const refusal = statusReport(made.body.messageId, [[filed.reference, 'RJCT']], 'D2');
    expect(await report(made.body.id, refusal)).toMatchObject({ failedCount: 1, conflictCount: 0 });
    expect(await desk.balance(filed.person, 'USD')).toEqual({ total: '1000', reserved: '0' });
  });

  test('shown while two people set the money free leaves one of the two', async () => {
    for (let round = 0; round < 5; round += 1) {
      const payout = await processing();
      const { body } = await act(desk.operations, payout.id, 'fail', REASON);
      const [voted] = await Promise.all([vote(desk.operations2, body.approval.id), line(debit(payout))]);
      expect([200, 409]).toContain(voted.status);
      const [found] = await desk.deps.db.engine
        .select()
        .from(statementDebits)
        .where(eq(statementDebits.withdrawalId, payout.id as never));
      expect(found === undefined).toBe(voted.status === 200);
    }
  });

  test('and completing by hand at once book the payout once', async () => {
    const payout = await processing();
    const statementLineId = await line(debit(payout));
    const answers = await Promise.all([
      resolve(payout, statementLineId),
      act(desk.operations, payout.id, 'complete', { transactionReference: 'FT 2' }),
      act(desk.operations, payout.id, 'unknown', REASON),
    ]);
    expect(answers.filter((answer) => answer.status === 200).length).toBeGreaterThan(0);
    if ((await act(desk.operations, payout.id, 'complete', { transactionReference: 'x' })).status === 200) {
      throw new Error('a payout was completed twice');
    }
    await resolve(payout, statementLineId);
    expect(await desk.balance(payout.person, 'USD')).toEqual({ total: '900', reserved: '0' });
  });

  test('moves the money out of the wallet of the account it was paid from', async () => {
    const payout = await processing();
    const [main, second] = [await bank('main'), await bank('second')];
    const statementLineId = await line(debit(payout), SECOND_IBAN);
    expect((await resolve(payout, statementLineId)).status).toBe(200);
    expect([await bank('main'), await bank('second')]).toEqual([main, second + 10_000_000_000n]);
  });
});

describe('a withdrawal that a statement shows as paid', () => {
  type Made = { readonly body: { readonly id: string; readonly messageId: string } };

  const PAID = 'payout_on_statement';
  const STRANGER = { name: 'Somebody', iban: 'GB29NWBK60161331926819' };
  const code = ({ status, body }: { readonly status: number; readonly body: { readonly code?: string } }) =>
    body.code ?? status;
  const download = ({ body }: Made) =>
    desk.request(desk.operations, 'GET', `/v1/payout-files/${body.id}/download`);
  const statusOf = async ({ id }: Payout) =>
    (await desk.request(desk.operations, 'GET', `/v1/withdrawals/${id}`)).body.status;

  async function giveUp({ body }: Made) {
    const asked = await desk.request(desk.operations, 'POST', `/v1/payout-files/${body.id}/void`, {
      body: REASON,
    });
    return asked.status === 202 ? vote(desk.operations2, asked.body.approval.id) : asked;
  }

  async function debitAt(lineId: string) {
    const [row] = await desk.deps.db.engine
      .select()
      .from(statementDebits)
      .where(eq(statementDebits.statementLineId, lineId as never));
    return row;
  }

  async function explain(lineId: string, withdrawalId: string) {
    const path = `/v1/statement-debits/${(await debitAt(lineId))?.id}/explain`;
    const body = { explanation: 'payout', withdrawalId, ...REASON };
    return desk.request(desk.operations, 'POST', path, { body });
  }

  const alarms = async (resourceId: string) => {
    const rows = await desk.deps.db.engine
      .select({ type: auditLogs.eventType, severity: auditLogs.severity })
      .from(auditLogs)
      .where(and(eq(auditLogs.resourceId, resourceId), eq(auditLogs.severity, 'critical')));
    return rows.map(({ type }) => type);
  };

  test('is not handed out, not given up and not paid by another file, and ends by that debit', async () => {
    const payout = await approved();
    const made = await file([payout.id]);
    const shown = await line(debit(payout));
    expect([code(await download(made)), code(await giveUp(made))]).toEqual([PAID, PAID]);
    expect((await resolve(payout, shown)).body.status).toBe('completed');
    expect(code(await giveUp(made))).toBe(200);
  });

  test('after its file was given up, or before it was begun, waits for compliance to say so, who complete it', async () => {
    const [given, restored] = [await approved(), await approved()];
    expect(code(await giveUp(await file([given.id])))).toBe(200);
    for (const payout of [given, restored]) {
      const shown = await line(debit(payout));
      expect(await debitAt(shown)).toMatchObject({
        status: 'open',
        reason: 'payout_not_expected',
        namedWithdrawalId: payout.id as Id,
      });
      const refused = [
        await file([payout.id]),
        await act(desk.operations, payout.id, 'process'),
        await act(payout.person, payout.id, 'cancel'),
      ];
      expect(refused.map(code)).toEqual([PAID, PAID, PAID]);
      const before = await bank('main');
      const path = `/v1/statement-debits/${(await debitAt(shown))?.id}/explain`;
      const body = { explanation: 'bank_charge', ...REASON };
      expect(code(await desk.request(desk.operations, 'POST', path, { body }))).toBe('debit_not_explained');
      const asked = await explain(shown, payout.id);
      expect(code(await vote(desk.operations2, asked.body.approval.id))).toBe('not_found');
      expect(code(await vote(desk.compliance, asked.body.approval.id))).toBe(200);
      expect(await statusOf(payout)).toBe('completed');
      expect(await bank('main')).toBe(before + 10_000_000_000n);
      expect(await desk.balance(payout.person, 'USD')).toEqual({ total: '900', reserved: '0' });
      expect((await debitAt(shown))?.status).toBe('explained');
    }
  });

  test('less a fee, which two people called a charge, is paid and set free by nobody', async () => {
    const [filed, waiting] = [await approved(), await approved()];
    const made = await file([filed.id]);
    const own = ({ person }: Payout): Person => ({
      ...person,
      actor: {
        ...desk.operations.actor,
        roles: ['operations', 'compliance_officer'],
        userId: person.userId,
      } as Actor,
    });
    for (const payout of [filed, waiting]) {
      const shown = await line(debit(payout, { amount: '98' }));
      const path = `/v1/statement-debits/${(await debitAt(shown))?.id}/explain`;
      const body = { explanation: 'bank_charge', ...REASON };
      expect(code(await desk.request(own(payout), 'POST', path, { body }))).toBe('self_action');
      const asked = await desk.request(desk.operations, 'POST', path, { body });
      expect((await vote(own(payout), asked.body.approval.id)).status).not.toBe(200);
      expect(code(await vote(desk.compliance, asked.body.approval.id))).toBe(200);
    }
    const refused = [
      await download(made),
      await giveUp(made),
      await file([waiting.id]),
      await act(desk.operations, waiting.id, 'process'),
      await act(waiting.person, waiting.id, 'cancel'),
    ];
    expect(refused.map(code)).toEqual(refused.map(() => PAID));
  });

  test('keeps its money while people refuse it, or nobody decides in time', async () => {
    const person = await desk.newCustomer();
    await desk.fund(person, 'USD', '1000');
    const payee = await desk.request(person, 'POST', '/v1/beneficiaries', { body: bankBeneficiary() });
    const wish = { accountId: person.accountId, asset: 'USD', amount: '100', beneficiaryId: payee.body.id };
    const { id } = (await desk.request(person, 'POST', '/v1/withdrawals', { body: wish, key: newId() })).body;
    const payout = { id, person, reference: id.replaceAll('-', '').toUpperCase() };
    const shown = await line(debit(payout));
    expect(code(await act(desk.compliance, id, 'reject', REASON))).toBe(PAID);
    const realNow = () => '2999-01-01T00:00:00.000000Z' as never;
    await expireApprovals({ ...desk.system, deps: { ...desk.deps, clock: { ...desk.deps.clock, realNow } } });
    expect(await statusOf(payout)).toBe('under_review');
    expect((await desk.balance(person, 'USD')).reserved).toBe('100');
    const mlro = await desk.newStaff('mlro');
    // The money has left: whatever they may do by now, the books come to say so.
    await desk.changeGate(person, { restriction: 'no_out' });
    for (const by of [desk.compliance, mlro]) {
      expect(code(await act(by, id, 'approve', REASON))).toBe(200);
    }
    const asked = await explain(shown, id);
    expect(code(await vote(desk.compliance, asked.body.approval.id))).toBe(200);
    expect(await statusOf(payout)).toBe('completed');
  });

  test('at another account than was approved calls somebody, and is settled once compliance agreed', async () => {
    const payout = await approved();
    const made = await file([payout.id]);
    expect(code(await download(made))).toBe(200);
    const shown = await line(debit(payout, STRANGER));
    const found = await debitAt(shown);
    expect(found).toMatchObject({ status: 'open', reason: 'account_differs' });
    expect(await alarms(found?.id ?? '')).toEqual(['statement_debit.paid_elsewhere']);
    expect(code(await resolve(payout, shown))).toBe('payout_line_differs');
    const asked = await explain(shown, payout.id);
    expect(code(await vote(desk.operations2, asked.body.approval.id))).toBe('not_found');
    expect(code(await vote(desk.compliance, asked.body.approval.id))).toBe(200);
    expect((await resolve(payout, shown)).body.status).toBe('completed');
    const own = await processing();
    const { iban } = bankBeneficiary();
    expect(await debitAt(await line(debit(own, { iban })))).toMatchObject({ explanation: 'payout' });
    // Within a country banks name the number that is part of the IBAN; one that is not is another.
    for (const [account, reason] of [
      [iban.slice(8, 20), 'payout'],
      ['999999999999', 'account_differs'],
    ] as const) {
      const domestic = await processing();
      expect(await debitAt(await line(debit(domestic, { account })))).toMatchObject({ reason });
    }
  });

  test('while two people set it free is one of the two, also where another names it', async () => {
    const payout = await processing();
    const shown = await line(debit(payout, { endToEndId: 'Somebody’s own' }));
    const fail = await act(desk.operations, payout.id, 'fail', REASON);
    const explained = await explain(shown, payout.id);
    const [wallet] = await desk.deps.db.engine
      .select({ id: wallets.id })
      .from(wallets)
      .where(and(eq(wallets.accountId, payout.person.accountId as Id), eq(wallets.asset, 'USD')));
    const votes: Promise<{ status: number }>[] = [];
    await transact(desk.system, 'engine', async (tx) => {
      await lockRows(tx, wallets, [wallet?.id as Id]);
      votes.push(vote(desk.operations2, fail.body.approval.id));
      await until(async () => (await waitingNow()) >= 1);
      const other = vote(desk.compliance, explained.body.approval.id);
      votes.push(other);
      await Promise.race([other, until(async () => (await waitingNow()) >= 2)]);
    });
    expect((await Promise.all(votes)).map(({ status }) => status)).toEqual([200, 422]);
    expect(await statusOf(payout)).toBe('failed');
  });

  test('twice, or by another debit than its own, is a break until somebody says what the other was', async () => {
    const payout = await processing();
    const [first = '', second = ''] = await lines([debit(payout), debit(payout)]);
    const broken = async () =>
      (await desk.reconcile()).checks.flatMap(({ breaks }) => breaks.map(({ object }) => object));
    expect((await resolve(payout, first)).body.status).toBe('completed');
    expect(await broken()).toEqual([`withdrawal ${payout.id}`]);
    const told = (await desk.reconcile()).checks.flatMap(({ breaks }) => breaks.map(({ detail }) => detail));
    expect(told).toEqual([expect.stringContaining('paid twice')]);
    const path = `/v1/statement-debits/${(await debitAt(second))?.id}/explain`;
    const body = { explanation: 'bank_charge', ...REASON };
    const asked = await desk.request(desk.operations, 'POST', path, { body });
    expect(code(await vote(desk.compliance, asked.body.approval.id))).toBe(200);
    expect(await broken()).toEqual([]);
  });

  test('or said to be, of a file that nobody fetched, is believed of no person', async () => {
    const payout = await approved();
    const made = await file([payout.id]);
    const said = [
      await act(desk.operations, payout.id, 'complete', { transactionReference: 'Invented' }),
      await act(desk.operations, payout.id, 'unknown', REASON),
    ];
    expect(said.map(code)).toEqual(['payout_file_not_fetched', 'payout_file_not_fetched']);
    expect(code(await download(made))).toBe(200);
    expect(code(await act(desk.operations, payout.id, 'unknown', REASON))).toBe(200);
    expect(await alarms(payout.id)).toEqual(['withdrawal.unknown']);
    // As one that was said to be unknown before that was refused.
    await writeUnguarded(desk.database, 'payout_file_downloads', (tx) =>
      tx.execute(sql`delete from payout_file_downloads where file_id = ${made.body.id}`),
    );
    const told = { outcome: 'completed', transactionReference: 'Of the bank', ...REASON };
    const asked = await act(desk.operations, payout.id, 'resolve', told);
    expect(code(await vote(desk.operations2, asked.body.approval.id))).toBe(200);
    expect(await statusOf(payout)).toBe('completed');
  });

  test('by a file that counts as fetched after a restore is not paid by another, and the bank’s report calls somebody before', async () => {
    const payout = await approved();
    const made = await file([payout.id]);
    const told = statusReport(made.body.messageId, [[payout.reference, 'ACSC']], 'Z1');
    const headers = { 'content-type': 'application/xml' };
    const path = `/v1/payout-files/${made.body.id}/status-report`;
    const send = () =>
      desk.request(desk.operations2, 'POST', path, { body: new Uint8Array(Buffer.from(told)), headers });
    expect(code(await send())).toBe('payout_file_not_fetched');
    expect(await alarms(made.body.id)).toEqual(['payout_report.refused']);
    await enterRecovery(desk.deps, { recovery: true });
    expect(await countFilesAsFetched(desk.system)).toEqual([]);
    await writeUnguarded(desk.database, 'recoveries', (tx) => tx.execute(sql`delete from recoveries`));
    await lookForRecovery(desk.deps);
    expect(code(await giveUp(made))).toBe('payout_file_downloaded');
    expect(code(await send())).toBe(201);
    expect(await statusOf(payout)).toBe('completed');
  });
});

/** How many sessions of this database wait for a lock. */
async function waitingNow(): Promise<number> {
  const rows = await desk.deps.db.engine.execute(sql`
    select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`);
  return rows.length;
}

test('a payout begins by hand from what the firm’s accounts hold together, and no more', async () => {
  const payout = await approved();
  const { id } = await approved();
  const held = formatAmount(-(await bank('main')));
  await moveToSecond(held);
  expect((await act(desk.operations, payout.id, 'process')).body.status).toBe('processing');
  const all = formatAmount(-(await bank('second')));
  const away = { ...HOUSE, role: 'suspense', reference: 'away' } as const;
  await moveToSecond(`-${all}`);
  await moveFromMain(all, away);
  const refused = await act(desk.operations, id, 'process');
  expect([refused.status, refused.body.code]).toEqual([409, 'payout_beyond_held']);
  await moveFromMain(`-${all}`, away);
  expect((await act(desk.operations, id, 'process')).body.status).toBe('processing');
  await moveToSecond(formatAmount(amountOf(parseAmount(all) - parseAmount(held))));
});

describe('the account a currency is paid from', () => {
  const account = { holderName: 'Plimsoll clients', iban: SECOND_IBAN, bic: 'BOMMMUPL', ...REASON };
  const propose = (body: object = account, by = desk.operations, asset = 'USD') =>
    desk.request(by, 'PUT', `/v1/payout-accounts/${asset}`, { body });

  test('changes by two people, and files made before keep theirs', async () => {
    const before = await approved();
    const download = async (id: string) =>
      (await desk.request(desk.operations, 'GET', `/v1/payout-files/${id}/download`)).body as string;
    const old = (await file([before.id])).body;
    const bytes = await download(old.id);
    expect(bytes).toContain('DE89370400440532013000');

    const asked = await propose();
    expect(asked.status).toBe(202);
    expect((await propose()).body.code).toBe('approval_pending_exists');
    expect((await vote(desk.operations, asked.body.approval.id)).body.code).toBe('self_approval');
    expect((await vote(desk.operations2, asked.body.approval.id)).status).toBe(200);
    const listed = await desk.request(desk.operations, 'GET', '/v1/payout-accounts');
    expect(listed.body.data).toMatchObject([
      { asset: 'USD', iban: 'MU17…0MUR', current: true, approvalId: asked.body.approval.id },
      { asset: 'USD', iban: 'DE89…3000', current: false, approvalId: null },
    ]);
    expect(JSON.stringify(listed.body)).not.toContain(SECOND_IBAN);

    const [after, more, third] = [await approved(), await approved(), await approved()];
    const held = -(await bank('second'));
    await moveToSecond(formatAmount(20_000_000_000n - held));
    // It holds two payouts of a hundred, with what is on its way already.
    const whole = await file([after.id, more.id, third.id]);
    expect([whole.status, whole.body.code]).toEqual([409, 'payout_beyond_held']);
    const made = (await file([after.id])).body;
    const both = await Promise.all([file([more.id]), file([third.id])]);
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409]);
    expect(both.map(({ body }) => body.code)).toContain('payout_beyond_held');
    expect(await download(made.id)).toContain(SECOND_IBAN);
    expect(await download(old.id)).toBe(bytes);
    // Its file says from where it was to be paid: the debit of another account is not its.
    const elsewhere = await line(debit(after));
    expect((await resolve(after, elsewhere)).body.code).toBe('payout_line_differs');
    const [main, second] = [await bank('main'), await bank('second')];
    const done = await act(desk.operations, after.id, 'complete', { transactionReference: 'FT 3' });
    expect(done.body.status).toBe('completed');
    expect([await bank('main'), await bank('second')]).toEqual([main, second + 10_000_000_000n]);
  });

  test('is one whose statements are expected, with a bank of its country, proposed by operations', async () => {
    const cases = [
      [{ ...account, iban: 'DE89370400440532013000', bic: 'COBADEFF' }, 'payout_account_unexpected'],
      [{ ...account, bic: 'COBADEFF' }, 'validation_failed'],
      [{ ...account, iban: 'MU17BOMM0101101030300200001MUR' }, 'validation_failed'],
    ] as const;
    for (const [body, code] of cases) {
      expect((await propose(body)).body.code).toBe(code);
    }
    expect((await propose(account, desk.operations, 'EUR')).body.code).toBe('payout_account_unexpected');
    expect((await propose(account, desk.compliance)).status).toBe(403);
    const rows = await desk.deps.db.engine
      .select()
      .from(payoutAccounts)
      .where(eq(payoutAccounts.asset, 'EUR'));
    expect(rows).toEqual([]);
  });
});
