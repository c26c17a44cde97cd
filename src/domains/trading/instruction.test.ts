import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type SQL, sql } from 'drizzle-orm';
import { PgDialect } from 'drizzle-orm/pg-core';
import postgres from 'postgres';
import { present } from '../../kernel/assert.ts';
import { newId } from '../../kernel/id.ts';
import type { Tx } from '../../platform/db/client.ts';
import { sqlStateOf } from '../../platform/db/errors.ts';
import { startTradingDesk, type TradingDesk } from '../../testing/trading-desk.ts';
import { tradingChecks } from './checks.ts';

let desk: TradingDesk;

beforeAll(async () => {
  desk = await startTradingDesk(import.meta.file);
  await desk.engine.start();
});

afterAll(async () => {
  await desk.close();
});

describe('an order’s instruction (I14)', () => {
  test.each([
    'side',
    'quantity',
    'limit_price',
    'time_in_force',
    'account_id',
    'client_order_id',
    'placed_at',
  ])('cannot change its %s, whoever asks the database', async (column) => {
    const trader = await desk.newTrader({ USD: '1000' });
    const { body } = await desk.place(trader, 'buy 0.01 at 10000');
    const change: Readonly<Record<string, string>> = {
      side: `'sell'`,
      quantity: `quantity + 1`,
      limit_price: `limit_price + 1`,
      time_in_force: `'ioc'`,
      account_id: `gen_random_uuid()`,
      client_order_id: `'another'`,
      placed_at: `placed_at + interval '1 second'`,
    };
    const refused = await desk.deps.db.engine
      .execute(sql`update orders set ${sql.raw(`${column} = ${change[column]}`)} where id = ${body.id}`)
      .catch(sqlStateOf);
    expect(refused).toBe('PL014');
  });

  test('stays as it was once the order is closed, its state too', async () => {
    const trader = await desk.newTrader({ USD: '1000' });
    const { body } = await desk.place(trader, 'buy 0.01 at 10000');
    await desk.request(trader, 'DELETE', `/v1/orders/${body.id}`);
    await desk.engine.settled();
    const refused = await desk.deps.db.engine
      .execute(sql`update orders set fees = fees + 1 where id = ${body.id}`)
      .catch(sqlStateOf);
    expect(refused).toBe('PL014');
  });
});

describe('what an order and what comes of it name', () => {
  type Change = Readonly<Record<string, string>>;
  const copy = (table: string, id: string, change: Change) =>
    desk.deps.db.engine
      .execute(
        sql`insert into ${sql.identifier(table)} select (jsonb_populate_record(t, ${JSON.stringify({ id: newId(), ...change })}::text::jsonb)).*
          from ${sql.identifier(table)} t where t.id = ${id}`,
      )
      .then(() => 'stored', sqlStateOf);
  const key = () => ({ idempotency_key: newId() });
  const FOREIGN_KEY = '23503';

  test('is there and belongs together, whoever writes it', async () => {
    const [buyer, seller] = [await desk.newTrader({ USD: '9000' }), await desk.newTrader({ BTC: '1' })];
    const other = await desk.newTrader({ USD: '9000' });
    const sold = (await desk.place(seller, 'sell 0.1 at 60000')).body;
    const bought = (await desk.place(buyer, 'buy 0.1 at 60000')).body;
    const resting = (await desk.place(buyer, 'buy 0.01 at 59000')).body;
    const strange = (await desk.place(other, 'buy 0.01 at 59000')).body;
    await desk.engine.settled();
    const one = async (query: ReturnType<typeof sql>) =>
      present((await desk.deps.db.engine.execute<{ id: string }>(query))[0], 'there is one').id;
    const wallet = await one(sql`select wallet_id as id from orders where id = ${strange.id}`);
    const event = await one(sql`select id from order_events where order_id = ${resting.id}`);
    const fill = await one(sql`select id from fills where order_id = ${bought.id}`);
    const trade = await one(sql`select trade_id as id from fills where id = ${fill}`);
    const seq = { book_seq: '900001', client_order_id: newId() };
    const wrongOrders: readonly Change[] = [
      { account_id: other.accountId },
      { user_id: other.userId },
      { book: 'paper' },
      { instrument_id: newId() },
      { symbol: 'ETH/BTC' },
      { wallet_id: newId() },
      { wallet_id: wallet },
      { reservation_asset: 'BTC' },
    ];
    for (const wrong of wrongOrders) {
      expect([wrong, await copy('orders', resting.id, { ...seq, ...key(), ...wrong })]).toEqual([
        wrong,
        FOREIGN_KEY,
      ]);
    }
    for (const wrong of [{ order_id: newId() }, { order_id: strange.id }, { account_id: other.accountId }]) {
      expect([wrong, await copy('order_events', event, wrong)]).toEqual([wrong, FOREIGN_KEY]);
    }
    for (const wrong of [{ instrument_id: newId() }, { symbol: 'ETH/BTC' }]) {
      expect([wrong, await copy('trades', trade, wrong)]).toEqual([wrong, FOREIGN_KEY]);
    }
    const seen = await desk.reconcile();
    expect(seen.checks.flatMap(({ breaks }) => breaks)).toEqual([]);
    // One that has no fills yet.
    const bare = newId();
    expect(await copy('trades', trade, { id: bare })).toBe('stored');
    const wrongFills: readonly Change[] = [
      { trade_id: newId() },
      { order_id: newId() },
      { order_id: sold.id },
      { account_id: other.accountId },
      { price: '60001' },
    ];
    for (const wrong of wrongFills) {
      expect([wrong, await copy('fills', fill, { trade_id: bare, ...wrong })]).toEqual([wrong, FOREIGN_KEY]);
    }
    const moved = await desk.deps.db.engine
      .execute(sql`update orders set wallet_id = ${wallet} where id = ${resting.id}`)
      .catch(sqlStateOf);
    expect(moved).toBe(FOREIGN_KEY);
  });

  test.each([
    'update orders set wallet_id = gen_random_uuid() where wallet_id is not null',
    `update orders set symbol = 'NONE'`,
    'update orders set account_id = gen_random_uuid()',
    'update order_events set order_id = gen_random_uuid()',
  ])('is looked at by reconcile: %s', async (plant) => {
    const trader = await desk.newTrader({ USD: '1000' });
    await desk.place(trader, 'buy 0.01 at 10000');
    const check = present(
      tradingChecks.find(({ name }) => name === 'trading.names_exist'),
      'the check exists',
    );
    const owner = postgres({ ...desk.database.owner, max: 1, onnotice: () => {} });
    const dialect = new PgDialect();
    const found: number[] = [];
    await owner
      .begin(async (tx) => {
        for (const table of [
          'orders',
          'order_events',
          'trades',
          'fills',
          'accounts',
          'wallets',
          'instruments',
        ]) {
          await tx.unsafe(`alter table ${table} no force row level security`);
          await tx.unsafe(`alter table ${table} disable trigger user`);
        }
        const execute = async (query: SQL) => {
          const { sql: text, params } = dialect.sqlToQuery(query);
          return tx.unsafe(text, params as never[]);
        };
        found.push((await check.run({ execute } as unknown as Tx)).breaks.length);
        await tx.unsafe(plant);
        found.push((await check.run({ execute } as unknown as Tx)).breaks.length);
        throw new Error('rolled back');
      })
      .catch((error: Error) => expect(error.message).toBe('rolled back'));
    await owner.end({ timeout: 5 });
    expect(found[0]).toBe(0);
    expect(found[1]).toBeGreaterThan(0);
  });

  test.each(['orders', 'order_events', 'trades', 'fills', 'accounts', 'wallets', 'instruments'])(
    'cannot be taken away: %s',
    async (table) => {
      const refused = await desk.deps.db.engine
        .execute(sql`delete from ${sql.identifier(table)} where false`)
        .catch(sqlStateOf);
      expect(refused).toBe('42501');
    },
  );
});
