import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/postgres-js';
import { parseAmount } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import { newId } from '../../kernel/id.ts';
import { addMs, type Instant } from '../../kernel/time.ts';
import { openClient } from '../../platform/db/client.ts';
import { sqlStateOf } from '../../platform/db/errors.ts';
import { transact } from '../../platform/db/transact.ts';
import { type FundingDesk, type Person, startFundingDesk } from '../../testing/funding-desk.ts';
import { wallets } from './schema.ts';
import { changeReserved } from './wallets.ts';

let desk: FundingDesk;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
});

afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

const walletsAt = (person: Person, at: string) =>
  desk.request(person, 'GET', `/v1/accounts/${person.accountId}/wallets?at=${encodeURIComponent(at)}`);

async function rowOf(person: Person, asset = 'USD') {
  const rows = await desk.deps.db.engine
    .select()
    .from(wallets)
    .where(eq(wallets.accountId, person.accountId));
  return present(
    rows.find((row) => row.asset === asset),
    'the wallet is there',
  );
}

describe('the past', () => {
  test('is what was booked by then: to the instant, in any spelling of it, on each wallet', async () => {
    const customer = await desk.newCustomer();
    const instants: Instant[] = [];
    for (const amount of ['10', '20', '30']) {
      desk.advance(3_600_000);
      await desk.fund(customer, 'USD', amount);
      instants.push(present((await rowOf(customer)).lastEntryAt, 'it has an entry'));
    }
    await desk.fund(customer, 'BTC', '1');
    const totals: (string | undefined)[] = [];
    for (const at of instants) {
      for (const moment of [addMs(at, -1), at]) {
        totals.push((await walletsAt(customer, moment)).body.data[0]?.total);
      }
    }
    // Before its first entry the wallet held nothing, if it was there.
    expect([totals[0] ?? '0', ...totals.slice(1)]).toEqual(['0', '10', '10', '30', '30', '60']);
    const first = present(instants[0], 'there were three');
    const moved = first.replace('Z', '+00:00');
    const { body } = await walletsAt(customer, moved);
    expect(body.data).toEqual([
      {
        id: (await rowOf(customer)).id,
        accountId: customer.accountId,
        asset: 'USD',
        total: '10',
        version: 1,
        lastEntryAt: first,
      },
    ]);
    expect(body.at).toBe(first);
    expect(Object.keys(body.data[0])).not.toContain('reserved');
  });

  test('of the house is known likewise', async () => {
    const customer = await desk.newCustomer();
    await desk.fund(customer, 'USD', '5');
    const at = present((await rowOf(customer)).lastEntryAt, 'it has an entry');
    const totalsAt = async (moment: string): Promise<bigint> => {
      const path = `/v1/house-wallets?limit=100&at=${encodeURIComponent(moment)}`;
      const { body } = await desk.request(desk.operations, 'GET', path);
      return body.data.reduce(
        (sum: bigint, row: { asset: string; total: string }) =>
          row.asset === 'USD' ? sum + parseAmount(row.total) : sum,
        0n,
      );
    };
    desk.advance(1_000);
    await desk.fund(customer, 'USD', '7');
    // What the house holds is what it owes: whatever one has more, the other has less.
    expect((await totalsAt(at)) - (await totalsAt(addMs(at, -1)))).toBe(-parseAmount('5'));
    expect((await totalsAt(desk.deps.clock.now())) - (await totalsAt(at))).toBe(-parseAmount('7'));
    const later = encodeURIComponent(addMs(desk.deps.clock.now(), 60_000));
    const future = await desk.request(desk.operations, 'GET', `/v1/house-wallets?at=${later}`);
    expect([future.status, future.body.code]).toEqual([422, 'instant_in_future']);
  });

  test('says nothing of the future, of no instant, or of another’s account', async () => {
    const [customer, other] = [await desk.newCustomer(), await desk.newCustomer()];
    const later = addMs(desk.deps.clock.now(), 60_000);
    const future = await walletsAt(customer, later);
    expect([future.status, future.body.code]).toEqual([422, 'instant_in_future']);
    const nonsense = await walletsAt(customer, 'yesterday');
    expect([nonsense.status, nonsense.body.code]).toEqual([422, 'validation_failed']);
    const path = `/v1/accounts/${customer.accountId}/wallets?at=2026-01-01T00:00:00Z`;
    expect((await desk.request(other, 'GET', path)).status).toBe(404);
  });

  test('is one step into the index of each wallet, not a scan of its history', async () => {
    const customer = await desk.newCustomer();
    await desk.fund(customer, 'USD', '1');
    const { id } = await rowOf(customer);
    const plan = await desk.deps.db.engine.transaction(async (tx) => {
      await tx.execute(sql`set local enable_seqscan = off`);
      return tx.execute<{ 'QUERY PLAN': string }>(sql`explain select balance_after from ledger_entries
        where wallet_id = ${id} and booked_at <= now() order by booked_at desc, wallet_version desc limit 1`);
    });
    const lines = plan.map((row) => row['QUERY PLAN']).join('\n');
    expect(lines).toContain('Index Scan Backward');
    expect(lines).not.toContain('Sort  (');
  });
});

/** How the database would find what requests ask of the ledger, page by page. */
async function plansOf(work: () => Promise<void>): Promise<readonly string[]> {
  const { db } = desk.deps;
  const asked: (readonly [string, unknown[]])[] = [];
  const logger = {
    logQuery: (query: string, parameters: unknown[]) => {
      if (/from "(?:journals|ledger_entries)".* limit /s.test(query)) {
        asked.push([query, parameters]);
      }
    },
  };
  const [app, staff] = [openClient(db.connections.app, 1), openClient(db.connections.staff, 1)];
  const real = { app: db.app, staff: db.staff };
  // The dependencies are read-only to the product; the test listens to what it asks its database.
  Object.assign(db, { app: drizzle(app, { logger }), staff: drizzle(staff, { logger }) });
  try {
    await work();
    return await staff.begin(async (tx) => {
      await tx`set local enable_seqscan = off`;
      const plans: string[] = [];
      for (const [query, parameters] of asked) {
        const rows = await tx.unsafe(`explain ${query}`, parameters as never[]);
        plans.push(rows.map((row) => row['QUERY PLAN'] as string).join('\n'));
      }
      return plans;
    });
  } finally {
    Object.assign(db, real);
    await Promise.all([app.end(), staff.end()]);
  }
}

/** A wallet of the house that only this test's journals move, and the journals, oldest first. */
async function chargedFees(reference: string, amounts: readonly string[]) {
  const customer = await desk.newCustomer();
  await desk.fund(customer, 'USD', '100');
  const journals: string[] = [];
  for (const amount of amounts) {
    desk.advance(60_000);
    const entries = [
      { walletId: (await rowOf(customer)).id, amount: `-${amount}` },
      { house: { role: 'fees_earned', reference, asset: 'USD' }, amount },
    ];
    const description = `Fee of ${amount}`;
    const body = { kind: 'fee', description, valueDate: '2026-01-31', entries, reason: 'A test asks' };
    const asked = await desk.request(desk.operations, 'POST', '/v1/journals', { body, key: newId() });
    const { id, subjectId } = asked.body.approval;
    await desk.request(desk.operations2, 'POST', `/v1/approvals/${id}/approve`, { body: { reason: 'Seen' } });
    journals.push(subjectId);
  }
  const houses = await desk.request(desk.operations, 'GET', '/v1/house-wallets?role=fees_earned&limit=100');
  const house = houses.body.data.find((row: { houseReference: string }) => row.houseReference === reference);
  return { customer, journals, houseId: house.id as string };
}

describe('the history of a wallet of the house', () => {
  const read = (path: string, person = desk.operations) => desk.request(person, 'GET', path);
  type Row = { journalId: string; amount: string; balanceAfter: string; number: number; bookedAt: string };

  test('is there entry by entry, gapless, with what each was for and the day it counts from', async () => {
    const { journals, houseId } = await chargedFees('history', ['1', '2', '4']);
    const pages: Row[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const more: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const { body } = await read(`/v1/wallets/${houseId}/entries?limit=1${more}`);
      pages.push(...body.data);
      cursor = body.nextCursor;
    }
    expect(pages.map(({ number, amount, balanceAfter }) => [number, amount, balanceAfter])).toEqual([
      [3, '4', '7'],
      [2, '2', '3'],
      [1, '1', '1'],
    ]);
    expect(pages.map(({ journalId }) => journalId)).toEqual(journals.toReversed());
    expect(pages[0]).toMatchObject({ kind: 'fee', valueDate: '2026-01-31', description: 'Fee of 4' });
  });

  test('is found by kind, by what it was booked for and by when', async () => {
    const { customer, journals, houseId } = await chargedFees('found', ['1', '2', '4']);
    const { data } = (await read(`/v1/wallets/${houseId}/entries`)).body as { data: Row[] };
    const middle = present(data[1], 'there are three');
    const amounts = async (filter: string, walletId = houseId) =>
      (await read(`/v1/wallets/${walletId}/entries?${filter}`)).body.data.map(({ amount }: Row) => amount);
    const from = `from=${middle.bookedAt}`;
    expect(await amounts(from)).toEqual(['4', '2']);
    expect(await amounts(`${from}&to=${data[0]?.bookedAt}`)).toEqual(['2']);
    expect(await amounts('kind=deposit')).toEqual([]);
    const mine = (await rowOf(customer)).id;
    expect(await amounts('kind=deposit', mine)).toEqual(['100']);
    const { referenceId } = (await read(`/v1/journals/${journals[1]}`)).body;
    expect(await amounts(`referenceId=${referenceId}`, mine)).toEqual(['-2']);
    const listed = await read(`/v1/journals?kind=fee&${from}&limit=100`);
    expect(listed.body.data.map(({ id }: { id: string }) => id)).toEqual([journals[2], journals[1]]);
  });

  test('is for bookkeepers alone, and a cursor for what it was made for', async () => {
    const { customer, houseId } = await chargedFees('closed', ['1', '2']);
    const path = `/v1/wallets/${houseId}/entries`;
    const support = await desk.newStaff('support');
    const refused = [await read(path, customer), await read(path, support)];
    expect(refused.map(({ status }) => status)).toEqual([403, 403]);
    expect((await read(`/v1/wallets/${newId()}/entries`)).status).toBe(404);
    const { nextCursor } = (await read(`${path}?limit=1`)).body;
    for (const other of [
      `${path}?kind=fee&limit=1`,
      `/v1/wallets/${(await rowOf(customer)).id}/entries?limit=1`,
    ]) {
      expect((await read(`${other}&cursor=${nextCursor}`)).body.code).toBe('invalid_cursor');
    }
    const turned = 'from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z';
    for (const each of [path, '/v1/journals']) {
      expect((await read(`${each}?${turned}`)).body.code).toBe('validation_failed');
    }
  });

  test('is read along its index, page by page, and journals and accounts along theirs', async () => {
    const { customer, houseId } = await chargedFees('planned', ['1', '2']);
    const plans = await plansOf(async () => {
      const { nextCursor } = (await read(`/v1/wallets/${houseId}/entries?limit=1`)).body;
      await read(`/v1/wallets/${houseId}/entries?limit=1&cursor=${nextCursor}`);
      await read('/v1/journals?limit=1');
      await desk.request(customer, 'GET', `/v1/accounts/${customer.accountId}/entries`);
    });
    expect(plans).toHaveLength(4);
    expect(plans.filter((plan) => /Seq Scan on (journals|ledger_entries)/.test(plan))).toEqual([]);
    for (const plan of [plans[0], plans[1], plans[3]]) {
      expect(plan).toMatch(/Index Cond: .*wallet_id = /);
    }
    // An account has several wallets, whose entries are put in one order.
    expect(plans.filter((plan) => plan.includes('Sort  ('))).toHaveLength(1);
  });
});

describe('a wallet’s revision', () => {
  test('grows with postings, reservations, status and labels alike, and no login may set it', async () => {
    const customer = await desk.newCustomer();
    await desk.fund(customer, 'USD', '5');
    const { id, revision } = await rowOf(customer);
    const { engine } = desk.deps.db;
    await desk.fund(customer, 'USD', '5');
    const steps = [(await rowOf(customer)).revision];
    await transact(desk.system, 'engine', (tx) =>
      changeReserved(tx, [{ walletId: id, delta: parseAmount('1') }]),
    );
    steps.push((await rowOf(customer)).revision);
    await transact(desk.system, 'engine', (tx) =>
      changeReserved(tx, [{ walletId: id, delta: parseAmount('-1') }]),
    );
    await engine.execute(sql`update wallets set status = 'suspended' where id = ${id}`);
    await engine.execute(sql`update wallets set status = 'active' where id = ${id}`);
    steps.push((await rowOf(customer)).revision);
    expect(steps.map((step) => step - revision)).toEqual([1, 2, 5]);
    const set = await engine.execute(sql`update wallets set revision = 0 where id = ${id}`).catch(sqlStateOf);
    expect(set).toBe('42501');
  });

  test('lets one of two writers who read the same wallet write', async () => {
    const customer = await desk.newCustomer();
    await desk.fund(customer, 'USD', '5');
    const { id } = await rowOf(customer);
    const read = await desk.request(desk.operations, 'GET', `/v1/wallets/${id}`);
    const etag = present(read.headers.get('etag'), 'a wallet has its ETag');
    const label = (ledger: string, match = etag, person = desk.operations) =>
      desk.request(person, 'PATCH', `/v1/wallets/${id}`, {
        body: { metadata: { ledger } },
        headers: { 'if-match': match },
      });
    const both = await Promise.all([label('2100-1'), label('2100-2', etag, desk.operations2)]);
    expect(both.map(({ status }) => status).toSorted((left, right) => left - right)).toEqual([200, 412]);
    const after = await desk.request(desk.operations, 'GET', `/v1/wallets/${id}`);
    await desk.fund(customer, 'USD', '5');
    const stale = await label('2100-3', present(after.headers.get('etag'), 'a wallet has its ETag'));
    expect([stale.status, stale.body.code]).toEqual([412, 'version_mismatch']);
    expect((await label(newId().repeat(2), '"1"')).body.code).toBe('validation_failed');
    expect((await label('Anaïs Ramgoolam', '"1"')).body.code).toBe('validation_failed');
  });
});
