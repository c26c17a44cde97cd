import { afterAll, beforeAll, expect, test } from 'bun:test';
import { eq, sql } from 'drizzle-orm';
import { formatAmount, parseAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { openClient } from '../../../platform/db/client.ts';
import { requestHash } from '../../../platform/http/idempotency.ts';
import { startTradingDesk, type Trader, type TradingDesk } from '../../../testing/trading-desk.ts';
import { accounts } from '../../accounts/schema.ts';
import { transfers } from '../schema.ts';
import { carryOut } from './carry-out.ts';

let desk: TradingDesk;

beforeAll(async () => {
  desk = await startTradingDesk(import.meta.file);
});
afterAll(() => desk.close());

type Pair = { readonly trader: Trader; readonly to: Id };

async function pair(): Promise<Pair> {
  const trader = await desk.newTrader({ USD: '100' });
  const { engine } = desk.deps.db;
  const [of] = await engine.select().from(accounts).where(eq(accounts.id, trader.accountId));
  const account = { ...present(of, 'the account of a trader'), id: newId(), name: 'Other' };
  await engine.insert(accounts).values(account);
  return { trader, to: account.id };
}

function move(of: Pair, key: string, amount = '1') {
  const body = { fromAccountId: of.trader.accountId, toAccountId: of.to, asset: 'USD', amount };
  return desk.request(of.trader, 'POST', '/v1/transfers', { body, key });
}

async function countOf(of: Pair): Promise<number> {
  const rows = await desk.deps.db.engine
    .select()
    .from(transfers)
    .where(eq(transfers.userId, of.trader.userId));
  return rows.length;
}

/** Sessions that wait for another’s transaction to end. */
async function waiting(): Promise<number> {
  const [row] = await desk.deps.db.engine.execute<{ n: number }>(sql`select count(*)::int as n
    from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`);
  return row?.n ?? 0;
}

/** What a process that was killed left behind: a session that has written a key and not committed yet. */
async function orphan(of: Pair, key: string, amount = '1') {
  const client = openClient(desk.database.connections.engine, 1);
  const session = await client.reserve();
  const transfer = { fromAccountId: of.trader.accountId, toAccountId: of.to, asset: 'USD', amount };
  const id = newId();
  await session`begin`;
  await session`insert into transfers (id, user_id, from_account_id, to_account_id, asset, amount, journal_id,
      idempotency_key, request_hash, created_at)
    values (${id}, ${of.trader.userId}, ${of.trader.accountId}, ${of.to}, 'USD', ${amount}, ${newId()}, ${key},
      ${Buffer.from(requestHash({ ...transfer, amount: formatAmount(parseAmount(amount)) }))}, now())`;
  const end = async (how: 'commit' | 'rollback') => {
    await session.unsafe(how);
    session.release();
    await client.end();
  };
  return { id, end };
}

test('a retry waits for the process that was killed over it, and answers what became of it', async () => {
  const of = await pair();
  await move(of, newId());
  for (const how of ['commit', 'rollback'] as const) {
    const key = newId();
    const left = await orphan(of, key);
    const before = await waiting();
    const retried = move(of, key);
    while ((await waiting()) <= before) {
      await Bun.sleep(5);
    }
    await left.end(how);
    const { status, body, headers } = await retried;
    expect([status, headers.get('idempotent-replayed')]).toEqual([201, how === 'commit' ? 'true' : null]);
    expect(body.id === left.id).toBe(how === 'commit');
  }
  expect(await countOf(of)).toBe(3);
});

test('many retries in one batch, each of another killed process, are all answered', async () => {
  const people = await Promise.all(Array.from({ length: 9 }, pair));
  await Promise.all(people.map((of) => move(of, newId())));
  const keys = people.map(() => newId());
  const lefts = await Promise.all(people.map((of, index) => orphan(of, keys[index] ?? '')));
  const answers = Promise.all(people.map((of, index) => move(of, keys[index] ?? '')));
  for (const left of lefts) {
    await Bun.sleep(30);
    await left.end('commit');
  }
  const all = await answers;
  expect(all.map(({ status }) => status)).toEqual(people.map(() => 201));
  expect(all.map(({ body }) => body.id)).toEqual(lefts.map(({ id }) => id));
  expect(await Promise.all(people.map(countOf))).toEqual(people.map(() => 2));
});

test('whoever gets no answer in time hears that it is unknown, and the key tells what became of it', async () => {
  const of = await pair();
  await move(of, newId());
  const idempotencyKey = newId();
  const left = await orphan(of, idempotencyKey);
  const transfer = {
    fromAccountId: of.trader.accountId,
    toAccountId: of.to,
    asset: 'USD',
    amount: parseAmount('1'),
  };
  const ticket = {
    ctx: { ...desk.ctx(of.trader.actor), idempotencyKey },
    userId: of.trader.userId,
    transfer,
    idempotencyKey,
    requestHash: requestHash({ ...transfer, amount: '1' }),
  };
  const [outcome] = await carryOut(desk.deps, [ticket], 100);
  expect(outcome).toMatchObject({ ticket: { idempotencyKey }, error: { code: 'unavailable' } });
  await left.end('commit');
  expect((await move(of, idempotencyKey)).body.id).toBe(left.id);
  expect(await countOf(of)).toBe(2);
});
