import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'bun:test';
import { and, eq, isNull, ne, sql } from 'drizzle-orm';
import { formatAmount, parseAmount } from '../../../../kernel/amount.ts';
import { outbox } from '../../../../platform/db/schema.ts';
import { CONTRACT_MARGIN, listContract } from '../../../../testing/list-contract.ts';
import type { Answer } from '../../../../testing/send.ts';
import {
  startTradingDesk,
  type Trader,
  type TraderOptions,
  type TradingDesk,
} from '../../../../testing/trading-desk.ts';
import { setQuote } from '../../../markets/index.ts';
import { riskAlerts } from '../../../risk/schema.ts';
import { positions } from '../../positions/schema.ts';
import { orders } from '../../schema.ts';
import { becomeKeeper } from '../fence.ts';
import { keepMargin } from '../keeper.ts';
import { liquidations, marginCalls } from '../schema.ts';

/** The contract that margin is kept of. */
export const SYMBOL = 'BTC-PERP';

let desk: TradingDesk;
let maker: Trader;
let epoch: bigint;

/** A desk with a contract whose price tests set, and a maker who is always good for the other side. */
export const world = {
  get desk() {
    return desk;
  },
  get maker() {
    return maker;
  },
  get epoch() {
    return epoch;
  },
  set epoch(next) {
    epoch = next;
  },
};

/** Sets the desk up for a file, and leaves books that add up after each of its tests. */
export function startMarginDesk(file: string): void {
  beforeAll(async () => {
    desk = await startTradingDesk(file);
    await listFollowed(SYMBOL);
    maker = await desk.newTrader({ USD: '100000000' }, { leverage: '20' });
    await priceIs('1000');
  });

  beforeEach(async () => {
    await desk.engine.start();
    await desk.emptyTheBooks();
    epoch = await becomeKeeper(desk.system);
    await flatten();
  });

  afterEach(async () => {
    await desk.engine.settled();
    const report = await desk.reconcile();
    expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
  });

  afterAll(async () => {
    await desk.close();
  });
}

/** Lists a contract that follows a feed, whose price tests set. */
export async function listFollowed(symbol: string): Promise<void> {
  const terms = {
    symbol,
    type: 'crypto',
    baseAsset: 'BTC',
    tick: parseAmount('0.01'),
    lot: parseAmount('0.001'),
    minQuantity: parseAmount('0.001'),
    makerFeeBps: 0,
    margin: { ...CONTRACT_MARGIN, longRateBps: 1000, shortRateBps: -500, fundingHours: 8 },
  } as const;
  await listContract(desk.system, terms, { vouchedBy: null });
  await desk.deps.db.engine.execute(sql`
    insert into price_settings (instrument_id, feed, feed_symbol, max_jump_bps, stale_after_seconds, level_ticks, version, changed_at)
    select id, 'simulator', symbol, 10000, 3600, 5, 1, now() from instruments where symbol = ${symbol}`);
}

export async function priceIs(last: string, symbol = SYMBOL): Promise<void> {
  await setQuote(desk.system, { symbol, last: parseAmount(last), source: 'test' });
}

/** Nobody has confirmed the price of a contract for longer than it allows. */
export async function priceIsStale(symbol = SYMBOL): Promise<void> {
  await desk.deps.db.engine.execute(sql`
    update quotes set priced_at = now() - interval '2 hours'
    where instrument_id = (select id from instruments where symbol = ${symbol})`);
}

/** Everybody but the maker closes what an earlier test left open. */
async function flatten(): Promise<void> {
  await priceIs('1000');
  const open = await desk.deps.db.engine
    .select()
    .from(positions)
    .where(and(isNull(positions.closedAt), ne(positions.accountId, maker.accountId)))
    .orderBy(positions.id);
  for (const { userId, accountId, symbol, side, quantity } of open) {
    await priceIs('1000', symbol);
    const owner = { userId, accountId, actor: { ...maker.actor, userId } as Trader['actor'] };
    const [close, meet] = side === 'long' ? ['sell', 'buy'] : ['buy', 'sell'];
    await order(maker, `${meet} ${formatAmount(quantity)} at 1000`, { symbol });
    await order(owner, `${close} ${formatAmount(quantity)}`, { symbol, reduceOnly: true });
    await desk.engine.settled();
  }
  await keep();
  await desk.emptyTheBooks();
}

export function order(trader: Trader, words: string, more: object = {}): Promise<Answer> {
  return desk.place(trader, words, { symbol: SYMBOL, ...more });
}

/** Opens a position of so many units against the maker, at the price. */
export async function opened(
  words: string,
  price: string,
  usd: string,
  options: TraderOptions = {},
): Promise<Trader> {
  const trader = await desk.newTrader({ USD: usd }, { leverage: '10', ...options });
  await priceIs(price);
  const [side, quantity] = words.split(' ');
  await order(maker, `${side === 'buy' ? 'sell' : 'buy'} ${quantity} at ${price}`, { leverage: '10' });
  await order(trader, `${side} ${quantity} at ${price}`, { leverage: '10' });
  await desk.engine.settled();
  return trader;
}

/** Somebody takes whatever is closed, at the price. */
export async function quote(side: 'buy' | 'sell', quantity: string, price: string): Promise<void> {
  await order(maker, `${side} ${quantity} at ${price}`, { leverage: '20' });
  await desk.engine.settled();
}

/** Looks as often as it takes, as the keeper does by itself. */
export async function keep(looks = 1): Promise<void> {
  for (let look = 0; look < looks; look += 1) {
    await keepMargin(desk.system, epoch);
    await desk.engine.settled();
    desk.advance(1_100);
  }
}

export async function marginOf(trader: Trader): Promise<Answer['body']> {
  const { status, body } = await desk.request(trader, 'GET', `/v1/risk/margin/${trader.accountId}`);
  expect(status).toBe(200);
  return body.assets[0];
}

export async function callsOf({ accountId }: Trader) {
  return desk.deps.db.engine
    .select()
    .from(marginCalls)
    .where(eq(marginCalls.accountId, accountId))
    .orderBy(marginCalls.id);
}

export async function liquidationsOf({ accountId }: Trader) {
  return desk.deps.db.engine
    .select()
    .from(liquidations)
    .where(eq(liquidations.accountId, accountId))
    .orderBy(liquidations.id);
}

export async function liquidatingOrders({ accountId }: Trader) {
  return desk.deps.db.engine
    .select()
    .from(orders)
    .where(and(eq(orders.accountId, accountId), eq(orders.origin, 'liquidation')))
    .orderBy(orders.id);
}

export async function alertsOf({ accountId }: Trader): Promise<string[]> {
  const rows = await desk.deps.db.engine
    .select()
    .from(riskAlerts)
    .where(eq(riskAlerts.accountId, accountId))
    .orderBy(riskAlerts.id);
  return rows.map(({ kind, details }) => `${kind} ${(details as { what?: string }).what ?? ''}`.trim());
}

export async function toldTo({ accountId }: Trader): Promise<string[]> {
  const rows = await desk.deps.db.engine
    .select({ type: outbox.type })
    .from(outbox)
    .where(and(eq(outbox.accountId, accountId), sql`${outbox.type} ~ 'margin|liquidation'`))
    .orderBy(outbox.id);
  return rows.map(({ type }) => type);
}

export async function positionsOf({ accountId }: Trader) {
  return desk.deps.db.engine
    .select()
    .from(positions)
    .where(eq(positions.accountId, accountId))
    .orderBy(positions.id);
}
