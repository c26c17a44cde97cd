import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq, sql } from 'drizzle-orm';
import { parseAmount } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import { newId } from '../../kernel/id.ts';
import { addMs, type Instant } from '../../kernel/time.ts';
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
