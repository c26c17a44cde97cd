/** Statements are taken whole and booked line by line: nobody waits for another's line, and nothing is booked twice. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, eq, inArray, sql } from 'drizzle-orm';
import type { Actor } from '../../kernel/actor.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { addMs } from '../../kernel/time.ts';
import { decideApproval } from '../../platform/approvals/decide-approval.ts';
import type { Ctx } from '../../platform/context.ts';
import { auditLogs } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import {
  bankBeneficiary,
  type FundingDesk,
  HOLDER,
  type Person,
  startFundingDesk,
} from '../../testing/funding-desk.ts';
import { until } from '../../testing/until.ts';
import { lockGates } from '../identity/index.ts';
import { journals } from '../ledger/schema.ts';
import { bookStatements } from './book-statement.ts';
import { bankStatementBookings, bankStatements } from './evidence/schema.ts';
import { evidenceChecks } from './evidence-checks.ts';
import { importStatement } from './import-statement.ts';
import { runReconciliation } from './reconciliation/run-reconciliation.ts';
import { seedBankAccounts } from './set-bank-account.ts';
import { camt053, nextOpening, type SampleEntry } from './testing/camt-sample.ts';
import { unallocatedReceipts } from './work/schema.ts';

let desk: FundingDesk;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
});

afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

const engine = () => desk.deps.db.engine;

type Announced = { readonly person: Person; readonly id: Id; readonly entry: SampleEntry };

/** Customers, each with a deposit and the line that pays it, in the order of their ids. */
async function announced(count: number, amount = '100'): Promise<Announced[]> {
  const found: Announced[] = [];
  for (let number = 0; number < count; number += 1) {
    found.push(await announce(await desk.newCustomer(), amount));
  }
  return found.toSorted((left, right) => (left.person.userId < right.person.userId ? -1 : 1));
}

async function announce(person: Person, amount: string): Promise<Announced> {
  const body = { accountId: person.accountId, asset: 'USD', amount, method: 'bank_transfer' };
  const { body: deposit } = await desk.request(person, 'POST', '/v1/deposits', { body, key: newId() });
  return { person, id: deposit.id, entry: { amount, reference: deposit.paymentReference, name: HOLDER } };
}

async function fileOf(entries: readonly SampleEntry[]): Promise<Uint8Array> {
  return new Uint8Array(Buffer.from(camt053({ entries, opening: await nextOpening(desk.deps) })));
}

const send = async (entries: readonly SampleEntry[]) => desk.importFile(await fileOf(entries));

/** A statement is taken and confirmed, and booked as far as this process gets. */
async function stopping(
  ctx: Ctx,
  bytes: Uint8Array,
  { hoursAgo = 0, by = desk.operations2.userId } = {},
): Promise<{ readonly id: Id }> {
  const statement = await importStatement(ctx, bytes);
  const checker = { ...desk.operations2.ctx(), actor: { ...desk.operations2.actor, userId: by } as Actor };
  const { clock } = checker.deps;
  const earlier = { ...clock, realNow: () => addMs(clock.realNow(), -hoursAgo * 3_600_000) };
  await decideApproval(
    { ...checker, deps: { ...checker.deps, clock: earlier } },
    { approvalId: statement.confirmationId ?? '', vote: 'approve', reason: 'It is the bank’s' },
  );
  await bookStatements(ctx).catch(() => undefined);
  return statement;
}

const read = (statementId: string) =>
  desk.request(desk.operations, 'GET', `/v1/bank-statements/${statementId}`);

/** Somebody of operations whose process cannot read what is sealed for these people. */
function failingFor(people: readonly Person[]): Ctx {
  const { personKeys } = desk.deps;
  const unreadable = new Set(people.map(({ userId }) => userId));
  const failing = Object.create(personKeys) as typeof personKeys;
  for (const name of ['of', 'find'] as const) {
    Object.defineProperty(failing, name, {
      value: (tx: never, userId: Id) => {
        if (unreadable.has(userId)) {
          throw new Error('the process stops here');
        }
        return personKeys[name](tx, userId);
      },
    });
  }
  const ctx = desk.operations.ctx();
  return { ...ctx, deps: { ...ctx.deps, personKeys: failing } };
}

const totals = (all: readonly Announced[]) =>
  Promise.all(all.map(async ({ person }) => (await desk.balance(person, 'USD')).total));

async function creditsOf(all: readonly Announced[]): Promise<number> {
  const ids = all.map(({ id }) => id);
  const rows = await engine()
    .select()
    .from(journals)
    .where(and(eq(journals.kind, 'deposit'), inArray(journals.referenceId, ids)));
  return rows.length;
}

describe('while one line waits', () => {
  test('everybody else of the statement pays out and trades, whether credited or still to be', async () => {
    const all = await announced(3);
    const [first, second, third] = all.map(({ person }) => person) as [Person, Person, Person];
    for (const { person } of all) {
      await desk.fund(person, 'USD', '50');
    }
    const payee = { body: bankBeneficiary() };
    const { body: beneficiary } = await desk.request(first, 'POST', '/v1/beneficiaries', payee);
    let sent: ReturnType<typeof send> | undefined;
    await transact(desk.system, 'engine', async (tx) => {
      await lockGates(tx, [second.userId]);
      sent = send(all.map(({ entry }) => entry));
      await until(async () => (await isWaitedFor(tx)) === true);
      for (const free of [first, third]) {
        await transact(desk.system, 'engine', async (other) => {
          await other.execute(sql`set local lock_timeout = '5s'`);
          expect((await lockGates(other, [free.userId])).size).toBe(1);
        });
      }
      const { accountId } = first;
      const body = { accountId, beneficiaryId: beneficiary.id, asset: 'USD', amount: '120' };
      const call = { body, key: newId() };
      const asked = await desk.request(first, 'POST', '/v1/withdrawals', call);
      expect([asked.status, asked.body.code]).toEqual([201, undefined]);
    });
    const answer = await sent;
    expect([answer?.status, answer?.body.bookedCount]).toEqual([201, 3]);
    expect(await totals(all)).toEqual(['150', '150', '150']);
  }, 30_000);

  /** Whether somebody waits for a gate in the database of this file. */
  async function isWaitedFor(tx: Parameters<typeof lockGates>[0]): Promise<boolean> {
    const [waiting] = await tx.execute(sql`
      select 1 from pg_locks l join pg_database d on d.oid = l.database
      where l.locktype = 'advisory' and not l.granted and d.datname = current_database() limit 1`);
    return waiting !== undefined;
  }
});

describe('a statement that stops in the middle', () => {
  test('says how far it is, and goes on with each line exactly once', async () => {
    const all = await announced(4);
    const stopped = all.slice(1, 3);
    const bytes = await fileOf(all.map(({ entry }) => entry));
    const failing = failingFor(stopped.map(({ person }) => person));
    const { id } = await stopping(failing, bytes);
    // Nor does it keep the day from being reconciled.
    expect(typeof (await runReconciliation(failing)).id).toBe('string');
    expect((await read(id)).body).toMatchObject({ entryCount: 4, bookedCount: 2, bookedAt: null });
    expect(await totals(all)).toEqual(['100', '0', '0', '100']);

    await bookStatements(desk.system);
    await bookStatements(desk.system);
    const { body } = await read(id);
    expect([body.bookedCount, typeof body.bookedAt]).toEqual([4, 'string']);
    expect(await totals(all)).toEqual(['100', '100', '100', '100']);
    expect(await creditsOf(all)).toBe(4);
    const events = await engine()
      .select({ event: auditLogs.eventType })
      .from(auditLogs)
      .where(eq(auditLogs.resourceId, id))
      .orderBy(auditLogs.id);
    expect(events.map(({ event }) => event)).toEqual([
      'bank_statement.imported',
      'bank_statement.confirmed',
      'bank_statement.booked',
    ]);
  });

  test('is given up by two people, with the lines that could not be booked and those that were', async () => {
    const all = await announced(2);
    const [one] = all as [Announced];
    const opening = await nextOpening(desk.deps);
    const { id } = await stopping(failingFor([one.person]), await fileOf(all.map(({ entry }) => entry)));
    expect(await totals(all)).toEqual(['0', '100']);
    const body = { reason: 'It is of another bank' };
    const asked = await desk.request(desk.operations, 'POST', `/v1/bank-statements/${id}/void`, { body });
    const path = `/v1/approvals/${asked.body.approval.id}/approve`;
    expect((await desk.request(desk.operations2, 'POST', path, { body })).status).toBe(200);
    await bookStatements(desk.system);
    expect((await read(id)).body).toMatchObject({ standing: 'void', bookedAt: null });
    expect([await totals(all), await nextOpening(desk.deps)]).toEqual([['0', '0'], opening]);
    expect(await faults()).toEqual([]);
  });

  test.each([
    ['no fault of the books for an hour', 0, false],
    ['a fault of the books after that', 2, true],
  ])('is %s', async (_what, hoursAgo, isFault) => {
    const all = await announced(1);
    const ctx = failingFor(all.map(({ person }) => person));
    const { id } = await stopping(ctx, await fileOf(all.map(({ entry }) => entry)), { hoursAgo });
    expect((await faults()).includes(`statement ${id}`)).toBe(isFault);
    await bookStatements(desk.system);
    expect(await faults()).toEqual([]);
  });

  /** What reconcile says of statement lines. */
  async function faults(): Promise<readonly string[]> {
    const check = evidenceChecks.find(({ name }) => name === 'funding.statement_lines_are_somebodys');
    return transact(desk.system, 'engine', async (tx) =>
      ((await check?.run(tx))?.breaks ?? []).map(({ object }) => object),
    );
  }

  test.each(['imported', 'confirmed'])(
    'credits whoever %s it nothing, whoever goes on with it',
    async (did) => {
      const [own] = await announced(1);
      const { person, entry, id } = own as Announced;
      const bytes = await fileOf([entry]);
      const failing = failingFor([person]);
      const importer = { ...failing, actor: { ...desk.operations.actor, userId: person.userId } as Actor };
      const statement =
        did === 'imported'
          ? await stopping(importer, bytes)
          : await stopping(failing, bytes, { by: person.userId });
      expect((await read(statement.id)).body.bookedCount).toBe(0);
      await bookStatements(desk.system);
      const receipts = await engine()
        .select()
        .from(unallocatedReceipts)
        .where(eq(unallocatedReceipts.depositId, id));
      expect(receipts).toMatchObject([{ reason: 'own_deposit', status: 'open' }]);
      expect(await totals([own as Announced])).toEqual(['0']);
    },
  );

  test('is booked once where two go on with it at once', async () => {
    const all = await announced(4);
    const bytes = await fileOf(all.map(({ entry }) => entry));
    const { id } = await stopping(failingFor(all.map(({ person }) => person)), bytes);
    await Promise.all([
      bookStatements(desk.system),
      bookStatements(desk.system),
      bookStatements(desk.system),
    ]);
    expect((await read(id)).body).toMatchObject({ bookedCount: 4 });
    expect([await creditsOf(all), await totals(all)]).toEqual([4, ['100', '100', '100', '100']]);
    const told = await engine()
      .select()
      .from(auditLogs)
      .where(and(eq(auditLogs.resourceId, id), eq(auditLogs.eventType, 'bank_statement.booked')));
    expect(told).toHaveLength(1);
  });
});

describe('two imports at once', () => {
  test('of one file with people in the other order book it once', async () => {
    const all = await announced(4);
    const entries = all.map(({ entry }) => entry);
    const [bytes, backwards] = [await fileOf(entries), await fileOf(entries.toReversed())];
    const answers = await Promise.allSettled(
      [bytes, backwards].map((each) => stopping(desk.operations.ctx(), each)),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect([await creditsOf(all), await totals(all)]).toEqual([4, ['100', '100', '100', '100']]);
  });

  test('of two accounts, about the same people in the other order, end and credit each once', async () => {
    const all = await announced(3);
    const others = await announcedBy(all);
    const iban = await secondAccount();
    const first = await fileOf(all.map(({ entry }) => entry));
    const second = new Uint8Array(
      Buffer.from(camt053({ iban, entries: others.map(({ entry }) => entry).toReversed() })),
    );
    const ctx = desk.operations.ctx();
    await Promise.all([stopping(ctx, first), stopping(ctx, second)]);
    await bookStatements(ctx);
    expect(await totals(all)).toEqual(['200', '200', '200']);
  });

  /** Another deposit of each of them. */
  async function announcedBy(all: readonly Announced[]): Promise<Announced[]> {
    return Promise.all(all.map(({ person }) => announce(person, '100')));
  }

  async function secondAccount(): Promise<string> {
    const iban = 'DE75512108001245126199';
    const account = { iban, currency: 'USD', houseReference: 'second', name: 'Client money, second bank' };
    await transact(desk.system, 'engine', (tx) => seedBankAccounts(tx, desk.system, [account]));
    return iban;
  }
});

describe('what the books do not hold', () => {
  test('refuses the file as a whole where the lines of deposits are too much together', async () => {
    const all = await announced(2, '600000000000');
    const [one, two] = all.map(({ entry }) => entry) as [SampleEntry, SampleEntry];
    const opening = await nextOpening(desk.deps);
    // Each balance is one a column holds; the debit is work for people, so that the bank's wallet would hold both.
    const entries = [one, { amount: '600000000000', direction: 'DBIT' as const }, two];
    const file = camt053({ entries, opening }).replace(/<Sum>.*?<\/Sum>/, '');
    const answer = await desk.importFile(file);
    expect([answer.status, answer.body.code]).toEqual([422, 'statement_not_bookable']);
    expect(await totals(all)).toEqual(['0', '0']);
    const statements = await engine()
      .select()
      .from(bankStatements)
      .where(eq(bankStatements.status, 'refused'));
    expect(statements.map(({ refusal }) => refusal)).toContain('balance_out_of_range');
  });
});

test('a booking is written once and never changed', async () => {
  const { body } = await send([{ amount: '1' }]);
  expect(typeof body.bookedAt).toBe('string');
  const row = engine()
    .update(bankStatementBookings)
    .set({ bookedAt: desk.deps.clock.now() })
    .where(eq(bankStatementBookings.statementId, body.id));
  const refused = await Promise.resolve(row).then(
    () => 'done',
    () => 'refused',
  );
  expect(refused).toBe('refused');
});
