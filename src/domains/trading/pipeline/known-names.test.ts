import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, eq, sql } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import { newId } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import { readerOf } from '../../../platform/db/transact-at-once.ts';
import { startTradingDesk, type Trader, type TradingDesk } from '../../../testing/trading-desk.ts';
import { accounts } from '../../accounts/schema.ts';
import { wallets } from '../../ledger/schema.ts';
import { instruments } from '../../markets/schema.ts';
import { nameTickets, nameWallets } from './known-names.ts';
import type { Ticket } from './ticket.ts';

let desk: TradingDesk;

beforeAll(async () => {
  desk = await startTradingDesk(import.meta.file);
  await desk.engine.start();
});

afterAll(async () => {
  await desk.engine.settled();
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

const engine = () => desk.deps.db.engine;

/** The status an order is answered with, and why where it was refused. */
async function outcomeOf(trader: Trader, words = 'buy 0.1 at 50000', more: object = {}): Promise<string> {
  const { status, body } = await desk.place(trader, words, more);
  return status === 201 ? (body.rejectionReason ?? body.status) : body.code;
}

describe('what this process remembers of an order before decides nothing', () => {
  test('of who may trade', async () => {
    const trader = await desk.newTrader({ USD: '100000' });
    const mine = eq(accounts.id, trader.accountId);
    const cash = and(eq(wallets.accountId, trader.accountId), eq(wallets.asset, 'USD'));
    const changes: readonly (readonly [string, () => Promise<unknown>, () => Promise<unknown>])[] = [
      [
        'account_restricted',
        () => desk.changeGate(trader, { restriction: 'frozen' }),
        () => desk.changeGate(trader, { restriction: 'none' }),
      ],
      [
        'account_not_active',
        () => engine().update(accounts).set({ status: 'frozen' }).where(mine),
        () => engine().update(accounts).set({ status: 'active' }).where(mine),
      ],
      [
        'wallet_not_active',
        () => engine().update(wallets).set({ status: 'suspended' }).where(cash),
        () => engine().update(wallets).set({ status: 'active' }).where(cash),
      ],
    ];
    for (const [reason, shut, open] of changes) {
      expect(await outcomeOf(trader)).toBe('open');
      await shut();
      expect(await outcomeOf(trader)).toBe(reason);
      await open();
    }
    expect(await outcomeOf(trader)).toBe('open');
  });

  test('of an instrument that halts, or whose terms are others', async () => {
    const trader = await desk.newTrader({ USD: '100000' });
    const [listed] = await engine().select().from(instruments).where(eq(instruments.symbol, 'BTC/USD'));
    const { spotBase: _generated, ...terms } = present(listed, 'the desk lists it');
    const symbol = 'ETH/USD';
    const proposal = {
      ...terms,
      id: newId(),
      symbol,
      baseAsset: 'ETH',
      status: 'active',
      listedAt: null,
    } as const;
    const mine = eq(instruments.id, proposal.id);
    await engine()
      .insert(instruments)
      .values({ ...proposal, status: 'halted' });
    const sale = async () => (await desk.place(trader, 'sell 0.1 at 50000', { symbol })).body;
    expect(await sale()).toMatchObject({ rejectionReason: 'instrument_halted', reservationAsset: 'ETH' });
    await engine().update(instruments).set({ baseAsset: 'EUR' }).where(mine);
    expect(await sale()).toMatchObject({ rejectionReason: 'instrument_halted', reservationAsset: 'EUR' });
    expect(await outcomeOf(trader)).toBe('open');
  });

  test('of an account: to everybody but its owner there is none', async () => {
    const [owner, stranger] = [await desk.newTrader({ USD: '100000' }), await desk.newTrader()];
    expect(await outcomeOf(owner)).toBe('open');
    expect(await outcomeOf(stranger, undefined, { accountId: owner.accountId })).toBe('not_found');
    expect(await outcomeOf(stranger, undefined, { accountId: newId() })).toBe('not_found');
  });

  test('of a symbol nobody lists: one that is listed later is found', async () => {
    const trader = await desk.newTrader({ USD: '100000' });
    expect(await outcomeOf(trader, undefined, { symbol: 'NEW/USD' })).toBe('unknown_symbol');
    expect(await outcomeOf(trader, undefined, { symbol: 'NEW/USD' })).toBe('unknown_symbol');
    const [listed] = await engine().select().from(instruments).where(eq(instruments.symbol, 'BTC/USD'));
    const { spotBase: _generated, ...terms } = present(listed, 'the desk lists it');
    await engine()
      .insert(instruments)
      .values({ ...terms, id: newId(), symbol: 'NEW/USD', status: 'halted', listedAt: null });
    expect(await outcomeOf(trader, undefined, { symbol: 'NEW/USD' })).toBe('instrument_halted');
  });

  test('of funds: a wallet that is made later is found, and what it holds is read each time', async () => {
    await desk.emptyTheBooks();
    const [poor, seller] = [await desk.newTrader({ USD: '100000' }), await desk.newTrader({ BTC: '1' })];
    expect(await outcomeOf(poor, 'sell 0.1 at 60000')).toBe('insufficient_funds');
    expect(await outcomeOf(seller, 'sell 0.1 at 60000')).toBe('open');
    expect(await outcomeOf(poor, 'buy 0.1 at 60000')).toBe('open');
    await desk.engine.settled();
    expect(await desk.balance(poor, 'BTC')).toBe('0.1 (0)');
    expect(await outcomeOf(poor, 'sell 0.1 at 61000')).toBe('open');
    expect(await outcomeOf(poor, 'sell 0.1 at 61000')).toBe('insufficient_funds');
  });
});

/** Until the settlement waits for a row that somebody else holds. */
async function settlementWaits(): Promise<void> {
  let waiting = 0;
  while (waiting === 0) {
    const rows = await engine().execute(
      sql`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    waiting = rows.length;
  }
}

test('a settlement asks for the wallet of a first purchase without waiting for a connection of the pool', async () => {
  await desk.emptyTheBooks();
  const [seller, buyer] = [await desk.newTrader({ BTC: '1' }), await desk.newTrader({ USD: '100000' })];
  const { id } = (await desk.place(seller, 'sell 0.1 at 60000')).body;
  await desk.engine.settled();
  const pool = desk.deps.db.engine;
  const held = Promise.withResolvers<void>();
  const row = Promise.withResolvers<void>();
  const taken = Promise.withResolvers<void>();
  const holder = pool.transaction(async (tx) => {
    await tx.execute(sql`select from orders where id = ${id} for update`);
    taken.resolve();
    await row.promise;
  });
  await taken.promise;
  const bought = await desk.place(buyer, 'buy 0.1 at 60000');
  await settlementWaits();
  let inside = 0;
  const rest = Array.from({ length: desk.deps.db.sizes.engine }, () =>
    pool.transaction(async (tx) => {
      await tx.execute(sql`select`);
      inside += 1;
      await held.promise;
    }),
  );
  while (inside < desk.deps.db.sizes.engine - 1) {
    await Bun.sleep(1);
  }
  row.resolve();
  await holder;
  let status = 'open';
  while (status !== 'filled') {
    ({ status } = (await desk.request(buyer, 'GET', `/v1/orders/${bought.body.id}`)).body);
  }
  held.resolve();
  await Promise.all(rest);
});

test('what is pushed out of memory by the batch that asks for it is still known to that batch', async () => {
  const traders = [await desk.newTrader({ USD: '1' }), await desk.newTrader({ USD: '1' })];
  // Another process as far as memory goes: it has met nobody.
  const deps = { ...desk.deps };
  const ctx = { ...desk.system, deps };
  const names = traders.flatMap(({ accountId }) => [
    { accountId, asset: 'USD' },
    { accountId, asset: 'BTC' },
  ]);
  for (let round = 0; round < 2; round += 1) {
    const walletId = await nameWallets(readerOf(ctx, 'engine'), deps, names, 1);
    expect(names.map((name) => walletId(name) !== undefined)).toEqual([true, false, true, false]);
    const tickets = traders.map((trader) => ticketOf(ctx, trader));
    const { named, accountIds } = await nameTickets(ctx, tickets, () => [], 1);
    expect([named.length, accountIds.length]).toEqual([2, 2]);
  }
});

test('what is not known to be of one’s own live account waits for room among play money; one nobody met is asked about first', async () => {
  const [owner, stranger] = [await desk.newTrader({ USD: '1' }), await desk.newTrader({ USD: '1' })];
  expect(await outcomeOf(owner)).toBe('insufficient_funds');
  const unlisted = (trader: Pick<Trader, 'userId' | 'accountId'>) =>
    ticketOf(desk.system, trader, 'NONE/USD');
  const submit = (trader: Pick<Trader, 'userId' | 'accountId'>) =>
    desk.engine.submit(unlisted(trader)).then(
      () => 'placed',
      ({ code }: { readonly code: string }) => code,
    );
  // In one go: nothing is accepted in between.
  const flood = [newId(), newId()].map((userId) =>
    desk.engine.submitMany(
      Array.from({ length: 1_024 }, () => unlisted({ userId, accountId: owner.accountId })),
    ),
  );
  const others = [
    submit({ userId: newId(), accountId: owner.accountId }),
    submit({ userId: owner.userId, accountId: owner.accountId }),
    submit({ userId: stranger.userId, accountId: stranger.accountId }),
  ];
  expect(await Promise.all(others)).toEqual(['busy', 'unknown_symbol', 'unknown_symbol']);
  expect((await Promise.all(flood)).map((answers) => answers.length)).toEqual([1_024, 1_024]);
});

function ticketOf(
  ctx: Ctx,
  { userId, accountId }: Pick<Trader, 'userId' | 'accountId'>,
  symbol = 'BTC/USD',
): Ticket {
  const order = { accountId, symbol, side: 'buy', type: 'market' } as Ticket['order'];
  return {
    ctx,
    userId,
    order,
    requestHash: new Uint8Array(),
    idempotencyKey: newId(),
    idempotencyIndex: 0,
    batchHash: null,
    replaces: null,
    companions: [],
  };
}
