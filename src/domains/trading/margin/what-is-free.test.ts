/** What an account may take away beside its positions, and what it is closed out by, where prices move or fall silent. */
import { beforeAll, describe, expect, test } from 'bun:test';
import { and, eq, sql } from 'drizzle-orm';
import { parseAmount } from '../../../kernel/amount.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import { transact } from '../../../platform/db/transact.ts';
import type { Answer } from '../../../testing/send.ts';
import type { Process, Trader } from '../../../testing/trading-desk.ts';
import { accounts } from '../../accounts/schema.ts';
import { createHold, releaseHold, seedFxRates } from '../../ledger/index.ts';
import { wallets } from '../../ledger/schema.ts';
import { setQuote } from '../../markets/index.ts';
import { marginHolds } from '../positions/schema.ts';
import {
  alertsOf,
  callsOf,
  keep,
  liquidatingOrders,
  liquidationsOf,
  listFollowed,
  opened,
  order,
  positionsOf,
  priceIs,
  priceIsStale,
  quote,
  SYMBOL,
  startMarginDesk,
  world,
} from './testing/margin-desk.ts';

/** A contract of an exchange that closes, beside the one that always trades. */
const INDEX = 'IDX-PERP';

startMarginDesk(import.meta.file);

beforeAll(async () => {
  await listFollowed(INDEX);
  await priceIs('1000', INDEX);
  const at = world.desk.deps.clock.now();
  const rate = { base: 'USD', quote: 'EUR', rate: parseAmount('0.9'), spreadBps: 0 };
  await transact(world.desk.system, 'engine', (tx) =>
    seedFxRates(tx, world.desk.system, [{ ...rate, validUntil: addMs(at, 86_400_000) }]),
  );
});

describe('a position whose price nobody stands for', () => {
  test('keeps no other one from being closed, and is closed itself once its price is back', async () => {
    const trader = await opened('buy 1', '1000', '200');
    await adds(trader, 'buy 0.01');
    await priceIsStale(INDEX);
    await quote('buy', '1', '700');
    await priceIs('700');
    await keep(3);
    expect(await bySymbol(trader)).toMatchObject({ [SYMBOL]: 'liquidated', [INDEX]: 'open' });
    expect(await liquidationsOf(trader)).toMatchObject([{ heldBack: 'price_stale', endedAt: null }]);
    expect((await alertsOf(trader)).at(-1)).toBe('liquidation price_stale');
    await priceIs('1000', INDEX);
    await order(world.maker, 'buy 0.01 at 1000', { symbol: INDEX, leverage: '20' });
    world.desk.advance(400_000);
    await keep(3);
    expect(await bySymbol(trader)).toMatchObject({ [INDEX]: 'liquidated' });
    expect(await liquidationsOf(trader)).toMatchObject([{ outcome: 'closed_out', heldBack: null }]);
  });

  test('counts at its last mark: silence alone calls and closes nobody', async () => {
    const trader = await opened('buy 1', '1000', '220');
    await adds(trader, 'buy 1');
    await priceIs('1100', INDEX);
    await priceIs('870');
    await keep();
    // 218 without the fees, 100 won and 130 lost: above 100 by the gain alone, which stays what it was in the silence.
    await priceIsStale(INDEX);
    await keep(3);
    expect([await callsOf(trader), await liquidationsOf(trader)]).toEqual([[], []]);
    await quote('buy', '2', '780');
    await priceIs('780');
    await keep(3);
    expect(await liquidationsOf(trader)).toHaveLength(1);
    expect(new Set((await liquidatingOrders(trader)).map(({ symbol }) => symbol))).toEqual(new Set([SYMBOL]));
    expect(await bySymbol(trader)).toMatchObject({ [INDEX]: 'open' });
  });

  test('shields nobody by a gain that trades of its own book made, and closes nobody by such a loss', async () => {
    const shielded = await opened('buy 1', '1000', '310');
    const struck = await opened('buy 1', '1000', '310');
    await adds(shielded, 'buy 1');
    await adds(struck, 'sell 1');
    await pricedByTrades(async () => {
      await tradedAt('1200', INDEX);
      await keep(2);
      // By the mark the second has lost 200 of 308, and nobody stands for that: it is called, and no more.
      expect(await liquidationsOf(struck)).toEqual([]);
      expect(await callsOf(struck)).toHaveLength(1);
      await quote('buy', '2', '785');
      await priceIs('785');
      await keep(3);
      for (const trader of [shielded, struck]) {
        expect(await liquidationsOf(trader)).toHaveLength(1);
        expect(await bySymbol(trader)).toMatchObject({ [INDEX]: 'open' });
      }
    });
  });

  test('is the one excuse for closing nothing of an account below its threshold', async () => {
    const trader = await opened('buy 1', '1000', '200');
    await priceIs('840');
    await transact(world.desk.system, 'engine', (tx) =>
      tx.execute(sql`update positions set mark_price = 840, unrealised_pnl = -160, maintenance_margin = 21,
        updated_at = now() - interval '10 minutes' where account_id = ${trader.accountId}`),
    );
    const told = async () => {
      const { checks } = await world.desk.reconcile();
      const found = checks.find(({ name }) => name === 'trading.too_little_margin_is_seen_to');
      return found?.breaks.map(({ detail }) => detail.split(' and ')[1]);
    };
    expect(await told()).toEqual(['nobody was told', 'nothing of it is closed']);
    await priceIsStale();
    expect(await told()).toEqual(['nobody was told']);
    await priceIs('1000');
    await keep();
  });
});

describe('what a position has lost', () => {
  test('leaves by no way before it is marked, whoever keeps margin', async () => {
    const trader = await opened('buy 1', '1000', '200');
    const second = await secondAccountOf(trader);
    expect((await transfer(trader, second, '1')).status).toBe(201);
    await priceIs('950');
    // 98 are free by the mark. A process that has not met the wallet transfers in haste, and is refused by its lock.
    const elsewhere = transfer(trader, second, '49', world.desk.elsewhere);
    expect(await refusalOf(elsewhere)).toBe('insufficient_funds');
    expect(await refusalOf(transfer(trader, second, '49'))).toBe('insufficient_funds');
    expect(await refusalOf(convert(trader, '49'))).toBe('insufficient_funds');
    expect(await holdFor(trader, '49')).toBe('insufficient_funds');
    expect(await rejectionOf(trader, 'buy 0.001 at 48950')).toBe('insufficient_funds');
    // Nothing of it was kept: each asks the price of its own moment, and what is free then leaves.
    expect(await world.desk.balance(trader, 'USD')).toMatch(/^198 \(1[05]0\)$/);
    expect((await transfer(trader, second, '48')).status).toBe(201);
    expect(await world.desk.balance(trader, 'USD')).toBe('150 (150)');
    expect(await positionsOf(trader)).toMatchObject([{ markPrice: parseAmount('950') }]);
  });

  test('is not known while the price is stale, so nothing leaves; what comes in and closes does', async () => {
    const trader = await opened('buy 1', '1000', '300');
    const second = await secondAccountOf(trader);
    expect((await transfer(trader, second, '50')).status).toBe(201);
    await priceIsStale();
    for (const leaving of [transfer(trader, second, '1'), convert(trader, '1')]) {
      expect(await refusalOf(leaving)).toBe('margin_unknown');
    }
    expect(await holdFor(trader, '1')).toBe('margin_unknown');
    expect(await rejectionOf(trader, 'buy 0.0001 at 50000')).toBe('margin_unknown');
    // Nothing more is opened at such a price either.
    expect(await rejectionOf(trader, 'buy 0.1 at 990', { symbol: SYMBOL, leverage: '10' })).toBe(
      'price_stale',
    );
    expect((await transfer(second, trader, '10')).status).toBe(201);
    await priceIs('1000');
    expect((await transfer(trader, second, '1')).status).toBe(201);
  });

  test('is taken by no journal of the firm either while nobody knows what is free', async () => {
    const trader = await opened('buy 1', '1000', '300');
    const { desk } = world;
    const [maker, checker] = [await desk.newStaff('operations'), await desk.newStaff('operations')];
    const [wallet] = await desk.deps.db.engine
      .select()
      .from(wallets)
      .where(and(eq(wallets.accountId, trader.accountId), eq(wallets.asset, 'USD')));
    const entries = [
      { walletId: wallet?.id, amount: '-1' },
      { house: { role: 'fees_earned', reference: 'main', asset: 'USD' }, amount: '1' },
    ];
    const body = { kind: 'fee', description: 'A fee', reason: 'Agreed', entries };
    const asked = await desk.request(maker, 'POST', '/v1/journals', { body, key: newId() });
    const vote = () =>
      desk.request(checker, 'POST', `/v1/approvals/${asked.body.approval.id}/approve`, {
        body: { reason: 'Seen' },
      });
    await priceIsStale();
    expect((await vote()).body.code).toBe('margin_unknown');
    await priceIs('1000');
    expect((await vote()).body.status).toBe('executed');
  });

  test('is asked of no wallet that settles no position any more', async () => {
    const trader = await opened('buy 1', '1000', '300');
    expect(await carries(trader)).toBe(true);
    await quote('buy', '1', '1000');
    await order(trader, 'sell 1', { type: 'market', reduceOnly: true });
    await world.desk.engine.settled();
    expect(await carries(trader)).toBe(false);
    await priceIsStale();
    expect((await transfer(trader, await secondAccountOf(trader), '298')).status).toBe(201);
  });
});

describe('what waits to be withdrawn', () => {
  test('goes back behind the positions before any of them is closed', async () => {
    const trader = await opened('buy 1', '1000', '300');
    const hold = await holdOf(trader, '100');
    await quote('buy', '1', '851');
    await priceIs('851');
    await keep(2);
    expect(await liquidationsOf(trader)).toMatchObject([{ steps: 0, endedAt: null }]);
    await transact(world.desk.system, 'engine', (tx) => releaseHold(tx, world.desk.system, hold.id));
    await keep(2);
    expect(await liquidationsOf(trader)).toMatchObject([{ outcome: 'restored' }]);
    expect(await liquidatingOrders(trader)).toEqual([]);
    expect(await world.desk.balance(trader, 'USD')).toBe('299 (249)');
  });

  test('keeps nothing open for long where it cannot be stopped any more', async () => {
    const trader = await opened('buy 1', '1000', '300');
    const hold = await holdOf(trader, '100');
    await quote('buy', '1', '851');
    await priceIs('851');
    await keep(8);
    expect(await liquidationsOf(trader)).toMatchObject([{ outcome: 'restored' }]);
    expect(await liquidatingOrders(trader)).toHaveLength(1);
    await transact(world.desk.system, 'engine', (tx) => releaseHold(tx, world.desk.system, hold.id));
  });
});

/** Adds to what somebody has a position in the contract of the other exchange, at 1,000. */
async function adds(trader: Trader, words: string): Promise<void> {
  const [side, quantity] = words.split(' ');
  const more = { symbol: INDEX, leverage: '10' };
  await priceIs('1000', INDEX);
  await order(world.maker, `${side === 'buy' ? 'sell' : 'buy'} ${quantity} at 1000`, more);
  await order(trader, `${side} ${quantity} at 1000`, more);
  await world.desk.engine.settled();
}

async function bySymbol(trader: Trader): Promise<Record<string, string>> {
  return Object.fromEntries((await positionsOf(trader)).map(({ symbol, status }) => [symbol, status]));
}

async function tradedAt(last: string, symbol: string): Promise<void> {
  await setQuote(world.desk.system, { symbol, last: parseAmount(last), source: 'trades' });
}

/** While this runs, trades of its own book make the price of the contract, which may be of any age. */
async function pricedByTrades(work: () => Promise<void>): Promise<void> {
  const follow = (feed: string | null, seconds: number | null) =>
    world.desk.deps.db.engine.execute(sql`update price_settings set feed = ${feed}::feed_name,
      stale_after_seconds = ${seconds} where instrument_id = (select id from instruments where symbol = ${INDEX})`);
  await follow(null, null);
  try {
    await work();
  } finally {
    await follow('simulator', 3_600);
  }
}

async function secondAccountOf({ userId, actor }: Trader): Promise<Trader> {
  const second = { userId, accountId: newId(), actor };
  const at = world.desk.deps.clock.now();
  await world.desk.deps.db.engine.insert(accounts).values({
    id: second.accountId,
    userId,
    type: 'live',
    name: 'Second',
    baseCurrency: 'USD',
    status: 'active',
    createdAt: at,
    updatedAt: at,
  });
  return second;
}

function transfer(
  from: Trader,
  to: Trader,
  amount: string,
  { request }: Pick<Process, 'request'> = world.desk,
): Promise<Answer> {
  const body = { fromAccountId: from.accountId, toAccountId: to.accountId, asset: 'USD', amount };
  return request(from, 'POST', '/v1/transfers', { body, key: newId() });
}

async function convert(trader: Trader, fromAmount: string): Promise<Answer> {
  const body = { accountId: trader.accountId, fromAsset: 'USD', toAsset: 'EUR', fromAmount };
  const offered = await world.desk.request(trader, 'POST', '/v1/conversions/quotes', { body });
  expect(offered.status).toBe(201);
  return world.desk.request(trader, 'POST', '/v1/conversions', {
    body: { quoteId: offered.body.id },
    key: newId(),
  });
}

async function refusalOf(asked: Promise<Answer>): Promise<string> {
  const { status, body } = await asked;
  expect(status).toBe(422);
  return body.code;
}

async function rejectionOf(trader: Trader, words: string, more: object = {}): Promise<string | null> {
  return (await world.desk.place(trader, words, more)).body.rejectionReason;
}

/** What a withdrawal reserves. */
async function holdOf(trader: Trader, amount: string): ReturnType<typeof createHold> {
  const { id } = await usdWallet(trader);
  const hold = {
    walletId: id,
    amount: parseAmount(amount),
    reason: 'withdrawal',
    referenceType: 'test',
    referenceId: newId(),
  } as const;
  return transact(world.desk.system, 'engine', (tx) => createHold(tx, world.desk.system, hold));
}

/** What that is refused with. */
async function holdFor(trader: Trader, amount: string): Promise<string | null> {
  return holdOf(trader, amount).then(
    () => null,
    ({ code }: { readonly code: string }) => code,
  );
}

async function carries(trader: Trader): Promise<boolean | undefined> {
  return (await usdWallet(trader)).hasPositions;
}

async function usdWallet({
  accountId,
}: Trader): Promise<{ readonly id: Id; readonly hasPositions: boolean }> {
  const [wallet] = await world.desk.deps.db.engine
    .select()
    .from(wallets)
    .where(and(eq(wallets.accountId, accountId), eq(wallets.asset, 'USD')));
  return { id: wallet?.id ?? '', hasPositions: wallet?.hasPositions === true };
}

test('what leaves a wallet and a mark never both take the same money', async () => {
  for (let round = 0; round < 2; round += 1) {
    const trader = await opened('buy 1', '1000', '200');
    const [hold] = await world.desk.deps.db.engine
      .select()
      .from(marginHolds)
      .where(eq(marginHolds.accountId, trader.accountId));
    await priceIs('950');
    const take = transact(world.desk.system, 'engine', (tx) =>
      createHold(tx, world.desk.system, {
        walletId: hold?.walletId ?? '',
        amount: parseAmount('60'),
        reason: 'withdrawal',
        referenceType: 'test',
        referenceId: newId(),
      }),
    );
    // Whoever comes first, what was lost is held before anything is taken.
    const [taken] = await Promise.allSettled([take, keep()]);
    expect(taken).toMatchObject({ status: 'rejected', reason: { code: 'insufficient_funds' } });
    expect(await world.desk.balance(trader, 'USD')).toBe('199 (150)');
  }
});
