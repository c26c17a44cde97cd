import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { sql } from 'drizzle-orm';
import { sqlStateOf } from '../../platform/db/errors.ts';
import { startTradingDesk, type TradingDesk } from '../../testing/trading-desk.ts';

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
