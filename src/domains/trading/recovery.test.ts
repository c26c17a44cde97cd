import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { randomInt } from 'node:crypto';
import { and, asc, eq, inArray, sql } from 'drizzle-orm';
import { formatAmount } from '../../kernel/amount.ts';
import { newId } from '../../kernel/id.ts';
import { transact } from '../../platform/db/transact.ts';
import { randomFrom } from '../../testing/random.ts';
import type { Answer } from '../../testing/send.ts';
import { startTradingDesk, type Trader, type TradingDesk } from '../../testing/trading-desk.ts';
import { until } from '../../testing/until.ts';
import { untoldOrders } from '../../testing/untold-orders.ts';
import { accounts } from '../accounts/schema.ts';
import { wallets } from '../ledger/schema.ts';
import { bookOwners, orders } from './schema.ts';

let desk: TradingDesk;
let instrumentId: string;

beforeAll(async () => {
  desk = await startTradingDesk(import.meta.file);
  const [row] = await desk.deps.db.engine.execute<{ id: string }>(
    sql`select id from instruments where symbol = 'BTC/USD'`,
  );
  instrumentId = row?.id ?? '';
});

beforeEach(async () => {
  await desk.engine.start();
  await desk.emptyTheBooks();
});

afterEach(async () => {
  await desk.engine.start();
  await desk.engine.settled();
  expect(await memory()).toEqual(await stored());
  const report = await desk.reconcile();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

afterAll(async () => {
  await desk.close();
});

/** What rests in the live book in memory, in the order it would trade within a side. */
async function memory(): Promise<string[]> {
  await desk.engine.settled();
  const resting = desk.engine.resting({ instrumentId, book: 'live' }) ?? [];
  return resting
    .map(
      (order) =>
        `${order.bookSeq} ${order.side} ${formatAmount(order.remaining)} ${formatAmount(order.price)}`,
    )
    .sort();
}

/** The same from the database. */
async function stored(): Promise<string[]> {
  const rows = await desk.deps.db.engine
    .select()
    .from(orders)
    .where(
      and(
        eq(orders.instrumentId, instrumentId),
        eq(orders.book, 'live'),
        inArray(orders.status, ['open', 'partially_filled']),
      ),
    );
  return rows
    .map((order) => {
      const remaining = formatAmount((order.quantity ?? 0n) - order.filledQuantity);
      return `${order.bookSeq} ${order.side} ${remaining} ${formatAmount(order.limitPrice ?? 0n)}`;
    })
    .sort();
}

async function statusOf(trader: Trader, orderId: string): Promise<string> {
  return (await desk.request(trader, 'GET', `/v1/orders/${orderId}`)).body.status;
}

/** Nothing is matched meanwhile; orders come in through another process and wait in the database. */
async function withoutEngine(work: () => Promise<void>): Promise<void> {
  await desk.engine.stop();
  await work();
}

describe('orders accepted where nobody matches', () => {
  test('wait as pending and trade once an engine starts', async () => {
    const seller = await desk.newTrader({ BTC: '1' });
    const buyer = await desk.newTrader({ USD: '100000' });
    let ids: string[] = [];
    await withoutEngine(async () => {
      const sell = await desk.elsewhere.place(seller, 'sell 0.5 at 60000');
      const buy = await desk.elsewhere.place(buyer, 'buy 0.5 at 60000');
      expect([sell.body.status, buy.body.status]).toEqual(['pending', 'pending']);
      expect(await desk.balance(buyer, 'USD')).toBe('100000 (30060)');
      ids = [sell.body.id, buy.body.id];
    });
    await desk.engine.start();
    await desk.engine.settled();
    expect(await statusOf(seller, ids[0]!)).toBe('filled');
    expect(await statusOf(buyer, ids[1]!)).toBe('filled');
  });

  test('and cancelled there never enter a book', async () => {
    const buyer = await desk.newTrader({ USD: '100000' });
    let id = '';
    await withoutEngine(async () => {
      id = (await desk.elsewhere.place(buyer, 'buy 0.5 at 60000')).body.id;
      const answer = await desk.elsewhere.request(buyer, 'DELETE', `/v1/orders/${id}`);
      expect(answer.body).toMatchObject({ status: 'pending', cancelReason: 'requested' });
    });
    await desk.engine.start();
    await desk.engine.settled();
    expect(await statusOf(buyer, id)).toBe('cancelled');
    expect(await desk.balance(buyer, 'USD')).toBe('100000 (0)');
  });
});

describe('two processes', () => {
  test('share the work: one takes orders, the other matches them when it is told', async () => {
    await desk.engine.start();
    const seller = await desk.newTrader({ BTC: '1' });
    const buyer = await desk.newTrader({ USD: '100000' });
    const sell = await desk.elsewhere.place(seller, 'sell 0.1 at 60000');
    const buy = await desk.elsewhere.place(buyer, 'buy 0.1 at 60000');
    expect([sell.body.status, buy.body.status]).toEqual(['pending', 'pending']);
    await desk.engine.settled();
    expect(await statusOf(seller, sell.body.id)).toBe('filled');
    expect(await statusOf(buyer, buy.body.id)).toBe('filled');
  });

  test('contend for no book: the second matches only after the first has stopped', async () => {
    await desk.engine.start();
    await desk.elsewhere.engine.start();
    const name = { instrumentId, book: 'live' } as const;
    expect(desk.elsewhere.engine.resting(name)).toBeNull();
    const seller = await desk.newTrader({ BTC: '1' });
    const buyer = await desk.newTrader({ USD: '100000' });
    const sell = await desk.place(seller, 'sell 0.1 at 60000');
    await desk.engine.stop();
    await desk.elsewhere.engine.settled();
    expect(desk.elsewhere.engine.resting(name)).toHaveLength((await stored()).length);
    const buy = await desk.elsewhere.place(buyer, 'buy 0.1 at 60000');
    expect(buy.body.status).toBe('open');
    await desk.elsewhere.engine.settled();
    expect(await statusOf(seller, sell.body.id)).toBe('filled');
    await desk.elsewhere.engine.stop();
  });
});

describe('two processes that both try to match a book', () => {
  const SEED = Number.parseInt(process.env.PLIMSOLL_MODEL_SEED ?? String(randomInt(2 ** 31)), 10);
  const ROUNDS = 6;
  const EACH = 8;

  /** Ends the session that owns the book, or all that the engines have, whatever they are about. */
  async function cut(what: 'owner' | 'everything'): Promise<void> {
    const owner = sql`pid in (select l.pid from pg_locks l where l.locktype = 'advisory' and l.granted
      and ((l.classid::bigint << 32) | l.objid::bigint) = hashtextextended(${`owner:book:${instrumentId}:live`}, 0))`;
    await desk.deps.db.engine.execute(sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and usename = current_user and pid <> pg_backend_pid()
        and ${what === 'owner' ? owner : sql`true`}`);
  }

  /** What a test asks over connections that are cut as well: until one answers. */
  async function asking<Value>(work: () => Promise<Value>): Promise<Value> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await work();
      } catch (failure) {
        if (tries === 20) {
          throw failure;
        }
        await Bun.sleep(20);
      }
    }
  }

  /** Until it is answered: what was lost on the way is asked again with its key. */
  async function placed(through: Pick<TradingDesk, 'place'>, trader: Trader, words: string): Promise<string> {
    const key = newId();
    for (;;) {
      const answer = await through.place(trader, words, {}, key);
      if (answer.status < 500) {
        expect({ seed: SEED, body: answer.body }).toMatchObject({ body: { rejectionReason: null } });
        return answer.body.id;
      }
    }
  }

  test('settle every trade once, whichever sessions are cut meanwhile', async () => {
    const { below, pick } = randomFrom(SEED);
    await desk.engine.start();
    await desk.elsewhere.engine.start();
    const traders = await Promise.all(
      Array.from({ length: 4 }, () => desk.newTrader({ BTC: '100', USD: '10000000' })),
    );
    const epochBefore = await epochOf();
    const ids: string[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const placing = Array.from({ length: EACH }, () =>
        placed(
          pick([desk, desk.elsewhere]),
          pick(traders),
          `${pick(['buy', 'sell'])} 0.${1 + below(9)} at ${59_990 + below(21)}`,
        ),
      );
      const cutting = Bun.sleep(below(60)).then(() => cut(round % 3 === 2 ? 'everything' : 'owner'));
      ids.push(...(await Promise.all(placing)));
      await cutting.catch(() => undefined);
      // Whoever lost the book, one of the two takes it again.
      await until(async () => (await epochOf()) > epochBefore + round);
    }
    await until(async () => {
      const [row] = await asking(() =>
        desk.deps.db.engine.execute<{ waiting: number }>(
          sql`select count(*)::int as waiting from orders where status = 'pending'`,
        ),
      );
      return row?.waiting === 0;
    });
    await Promise.all([desk.engine.settled(), desk.elsewhere.engine.settled()]);
    const name = { instrumentId, book: 'live' } as const;
    const owners = [desk.engine, desk.elsewhere.engine].filter((engine) => engine.resting(name) !== null);
    expect({ seed: SEED, owners: owners.length }).toEqual({ seed: SEED, owners: 1 });
    await desk.elsewhere.engine.stop();
    await desk.engine.settled();

    expect({ seed: SEED, faults: await asking(() => faultsOf(ids, traders)) }).toEqual({
      seed: SEED,
      faults: [],
    });
    await asking(() => desk.emptyTheBooks());
  }, 60_000);

  async function epochOf(): Promise<number> {
    const [row] = await asking(() =>
      desk.deps.db.engine
        .select()
        .from(bookOwners)
        .where(and(eq(bookOwners.instrumentId, instrumentId), eq(bookOwners.book, 'live'))),
    );
    return Number(row?.epoch);
  }

  /** Trades without two sides, orders that traded other than their fills say, and units or money made or lost. */
  async function faultsOf(ids: readonly string[], traders: readonly Trader[]): Promise<string[]> {
    const named = sql`any (${sql.param(ids)}::uuid[])`;
    const accountIds = sql`any (${sql.param(traders.map(({ accountId }) => accountId))}::uuid[])`;
    const rows = await desk.deps.db.engine.execute<{ fault: string }>(sql`
      select 'trade ' || trade_id || ' has ' || count(*) || ' sides' as fault from fills
        where order_id = ${named} group by trade_id having count(*) <> 2
      union all
      select 'order ' || o.id || ' traded ' || o.filled_quantity from orders o where o.id = ${named}
        and o.filled_quantity <> (select coalesce(sum(f.quantity), 0) from fills f where f.order_id = o.id)
      union all
      select 'nothing was traded' where not exists (select from fills where order_id = ${named})
      union all
      select w.asset || ' ' || sum(w.total) from wallets w where w.account_id = ${accountIds} group by w.asset
        having sum(w.total) <> case w.asset when 'BTC' then 400 else 40000000 end
          - (select coalesce(sum(f.fee), 0) from fills f where f.account_id = ${accountIds} and f.fee_asset = w.asset)`);
    return rows.map(({ fault }) => fault);
  }
});

describe('a process killed between accepting and settling', () => {
  test('loses nothing: numbered orders match on the next start, in the order of their numbers', async () => {
    const early = await desk.newTrader({ BTC: '1' });
    const late = await desk.newTrader({ BTC: '1' });
    const buyer = await desk.newTrader({ USD: '100000' });
    await desk.engine.start();
    const first = await desk.place(early, 'sell 0.5 at 60000');
    await desk.engine.settled();
    const placed: Answer[] = [];
    const byNotional = { quantity: undefined, notional: '6000' };
    await withoutEngine(async () => {
      placed.push(
        await desk.elsewhere.place(late, 'sell 0.5 at 60000'),
        await desk.elsewhere.place(buyer, 'buy 0.7 at 60000'),
        await desk.elsewhere.place(buyer, 'buy 0 at 59500', byNotional),
        await desk.elsewhere.place(early, 'sell 0', byNotional),
      );
      // What the accept insert leaves when this process owns the book, and then dies.
      await desk.deps.db.engine.execute(sql`
        update orders o set status = 'open', book_seq = n.seq from (
          select id, (select max(book_seq) from orders) + row_number() over (order by id) as seq
          from orders where status = 'pending') n
        where n.id = o.id`);
    });
    await desk.engine.start();
    await desk.engine.settled();
    expect(await statusOf(early, first.body.id)).toBe('filled');
    expect(await statusOf(late, placed[0]!.body.id)).toBe('partially_filled');
    expect(await statusOf(buyer, placed[1]!.body.id)).toBe('filled');
    // It might have taken 0.1111, at 54000 each.
    expect(await desk.later(early, placed[3]!.body.id)).toMatchObject({
      status: 'filled',
      quantity: '0.1111',
      filledQuantity: '0.1008',
      filledAmount: '5997.6',
    });
  });

  test('carries out a cancel that was durable before', async () => {
    const seller = await desk.newTrader({ BTC: '1' });
    const buyer = await desk.newTrader({ USD: '100000' });
    await desk.engine.start();
    const sell = await desk.place(seller, 'sell 0.5 at 60000');
    await desk.engine.settled();
    let buyId = '';
    await withoutEngine(async () => {
      await desk.elsewhere.request(seller, 'DELETE', `/v1/orders/${sell.body.id}`);
      buyId = (await desk.elsewhere.place(buyer, 'buy 0.5 at 60000')).body.id;
    });
    await desk.engine.start();
    await desk.engine.settled();
    expect(await statusOf(seller, sell.body.id)).toBe('cancelled');
    expect(await statusOf(buyer, buyId)).toBe('open');
  });
});

describe('an accept whose commit was not answered', () => {
  test('is read from the database: what is durable enters its book, and the same key finds it', async () => {
    const seller = await desk.newTrader({ BTC: '1' });
    const buyer = await desk.newTrader({ USD: '100000' });
    const lane = desk.deps.db.lane('accept');
    const open = lane.transaction.bind(lane);
    let lost = 0;
    lane.transaction = async (work, config) => {
      const result = await open(work, config);
      if (lost === 0 && isAccepted(result)) {
        lost += 1;
        throw Object.assign(new Error('the connection is gone'), { code: 'CONNECTION_CLOSED' });
      }
      return result;
    };
    const key = newId();
    try {
      expect((await desk.place(seller, 'sell 0.1 at 60000', {}, key)).status).toBeGreaterThanOrEqual(500);
    } finally {
      lane.transaction = open;
    }
    expect(lost).toBe(1);
    expect(await memory()).toEqual(await stored());
    const again = await desk.place(seller, 'sell 0.1 at 60000', {}, key);
    const buy = await desk.place(buyer, 'buy 0.1 at 60000');
    await desk.engine.settled();
    expect(await statusOf(seller, again.body.id)).toBe('filled');
    expect(await statusOf(buyer, buy.body.id)).toBe('filled');
  });
});

describe('an admission whose commit was not answered', () => {
  test('is read from the database: what was numbered enters its book and trades', async () => {
    const seller = await desk.newTrader({ BTC: '1' });
    const buyer = await desk.newTrader({ USD: '100000' });
    const pool = desk.deps.db.engine;
    const open = pool.transaction.bind(pool);
    let lost = 0;
    pool.transaction = async (work, config) => {
      const result = await open(work, config);
      const { admitted = [] } = (result ?? {}) as { readonly admitted?: readonly unknown[] };
      if (lost === 0 && admitted.length > 0) {
        lost += 1;
        throw Object.assign(new Error('the connection is gone'), { code: 'CONNECTION_CLOSED' });
      }
      return result;
    };
    try {
      const sell = await desk.elsewhere.place(seller, 'sell 0.1 at 60000');
      expect(sell.body.status).toBe('pending');
      await desk.engine.settled();
      expect(lost).toBe(1);
      expect(await statusOf(seller, sell.body.id)).toBe('open');
      expect(await memory()).toEqual(await stored());
      await desk.place(buyer, 'buy 0.1 at 60000');
      await desk.engine.settled();
      expect(await statusOf(seller, sell.body.id)).toBe('filled');
    } finally {
      pool.transaction = open;
    }
  });
});

function isAccepted(result: unknown): boolean {
  const { decided } = (result ?? {}) as { readonly decided?: readonly unknown[] };
  return decided !== undefined && decided.length > 0;
}

describe('a rebuilt book', () => {
  test('is what it was: same orders, same remainders, same places', async () => {
    await desk.engine.start();
    const makers = await Promise.all([1, 2, 3].map(() => desk.newTrader({ BTC: '1', USD: '100000' })));
    const taker = await desk.newTrader({ USD: '100000' });
    for (const [index, maker] of makers.entries()) {
      await desk.place(maker, `sell 0.2 at ${60_500 + index}`);
      await desk.place(maker, `buy 0.1 at ${59_500 - index}`);
    }
    await desk.place(taker, 'buy 0.3 at 60502');
    const before = await memory();
    await desk.engine.rebuild();
    expect(await memory()).toEqual(before);
    expect(before.length).toBeGreaterThanOrEqual(5);
  });
});

describe('a party that may not trade any more', () => {
  test('frozen after its order was accepted is taken out of the book instead of trading', async () => {
    await desk.engine.start();
    const frozen = await desk.newTrader({ BTC: '1' });
    const buyer = await desk.newTrader({ USD: '100000' });
    const sell = await desk.place(frozen, 'sell 0.1 at 59000');
    const elsewhere = await desk.place(frozen, 'sell 0.1 at 64000');
    await desk.engine.settled();
    await desk.changeGate(frozen, { restriction: 'frozen' });
    const buy = await desk.place(buyer, 'buy 0.1 at 59000', { timeInForce: 'ioc' });
    await desk.engine.settled();
    for (const id of [sell.body.id, elsewhere.body.id]) {
      const order = (await desk.request(frozen, 'GET', `/v1/orders/${id}`)).body;
      expect(order).toMatchObject({ status: 'cancelled', cancelReason: 'restricted', filledQuantity: '0' });
    }
    expect(await desk.balance(frozen, 'BTC')).toBe('1 (0)');
    expect(await statusOf(buyer, buy.body.id)).toBe('cancelled');
  });

  test('with a suspended account or wallet is taken out as well', async () => {
    await desk.engine.start();
    const [byAccount, byWallet] = [await desk.newTrader({ BTC: '1' }), await desk.newTrader({ BTC: '1' })];
    const buyer = await desk.newTrader({ USD: '100000' });
    const sells = [
      await desk.place(byAccount, 'sell 0.1 at 59000'),
      await desk.place(byWallet, 'sell 0.1 at 59000'),
    ];
    await desk.engine.settled();
    await transact(desk.system, 'engine', async (tx) => {
      await tx.update(accounts).set({ status: 'suspended' }).where(eq(accounts.id, byAccount.accountId));
      await tx.update(wallets).set({ status: 'suspended' }).where(eq(wallets.accountId, byWallet.accountId));
    });
    const buy = await desk.place(buyer, 'buy 0.2 at 59000');
    await desk.engine.settled();
    expect(await statusOf(byAccount, sells[0]!.body.id)).toBe('cancelled');
    expect(await statusOf(byWallet, sells[1]!.body.id)).toBe('cancelled');
    expect(await statusOf(buyer, buy.body.id)).toBe('open');
    await desk.request(buyer, 'DELETE', `/v1/orders?accountId=${buyer.accountId}`);
  });
});

describe('an owner that was replaced', () => {
  test('settles nothing under its old epoch; it takes the books again and nothing is lost', async () => {
    await desk.engine.start();
    const seller = await desk.newTrader({ BTC: '1' });
    const buyer = await desk.newTrader({ USD: '100000' });
    const sell = await desk.place(seller, 'sell 0.1 at 59000');
    await desk.engine.settled();
    await desk.deps.db.engine.update(bookOwners).set({ epoch: sql`${bookOwners.epoch} + 10` });
    const buy = await desk.place(buyer, 'buy 0.1 at 59000');
    expect(buy.body.status).toBe('pending');
    await desk.engine.settled();
    expect(await statusOf(buyer, buy.body.id)).toBe('filled');
    expect(await statusOf(seller, sell.body.id)).toBe('filled');
    const owners = await desk.deps.db.engine.select().from(bookOwners).orderBy(asc(bookOwners.epoch));
    expect(owners[0]?.epoch).toBeGreaterThan(10n);
  });
});

describe('an order that cannot be settled', () => {
  test('is taken out alone, after the others were settled', async () => {
    await desk.engine.start();
    const seller = await desk.newTrader({ BTC: '1' });
    const unlucky = await desk.newTrader({ USD: '100000' });
    const buyer = await desk.newTrader({ USD: '100000' });
    const sell = await desk.place(seller, 'sell 0.3 at 59000');
    await desk.engine.settled();
    // A reservation that fell below what the order pays: the books would not balance, so it must not trade.
    const placed: Answer[] = [];
    await withoutEngine(async () => {
      placed.push(
        await desk.elsewhere.place(unlucky, 'buy 0.1 at 59000'),
        await desk.elsewhere.place(buyer, 'buy 0.1 at 59000'),
      );
      await transact(desk.system, 'engine', async (tx) => {
        await tx.execute(sql`update orders set reservation = 1 where id = ${placed[0]!.body.id}`);
        await tx.execute(
          sql`update wallets set reserved = 1 where account_id = ${unlucky.accountId} and asset = 'USD'`,
        );
      });
    });
    await desk.engine.start();
    await desk.engine.settled();
    expect(await statusOf(unlucky, placed[0]!.body.id)).toBe('cancelled');
    expect(await statusOf(buyer, placed[1]!.body.id)).toBe('filled');
    expect(await statusOf(seller, sell.body.id)).toBe('partially_filled');
    await desk.request(seller, 'DELETE', `/v1/orders?accountId=${seller.accountId}`);
  });
});

test('whatever was cut off above, each version of each order has its event, and the feed has it once and in order', async () => {
  const opened = await desk.deps.db.engine.execute(
    sql`select 1 from order_events where type = 'order.opened' limit 1`,
  );
  expect(opened).toHaveLength(1);
  expect(await untoldOrders(desk)).toEqual([]);
});
