/** What a bank statement settles of payouts, and the account money is paid from. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, eq, sql } from 'drizzle-orm';
import { amountOf, formatAmount, parseAmount } from '../../kernel/amount.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { lockRows } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { statusReport } from '../../testing/drivers/payouts.ts';
import {
  bankBeneficiary,
  type FundingDesk,
  type Person,
  startFundingDesk,
} from '../../testing/funding-desk.ts';
import { until } from '../../testing/until.ts';
import { houseWallet, postJournals } from '../ledger/index.ts';
import { journals, wallets } from '../ledger/schema.ts';
import { bankStatementLines } from './evidence/schema.ts';
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

  /** How many sessions of this database wait for a lock. */
  async function waitingNow(): Promise<number> {
    const rows = await desk.deps.db.engine.execute(sql`
      select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`);
    return rows.length;
  }

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
      expect((await vote(desk.operations2, body.approval.id)).status).toBe(200);
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
