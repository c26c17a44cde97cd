/**
 * Many clients on few accounts, with contracts: positions, margin that follows the price, margin calls and
 * liquidations between orders, deposits, withdrawals and transfers. Whatever the interleaving, the books add up.
 *
 * The seed decides what each client asks for; the database decides who comes first. PLIMSOLL_MODEL_SEED repeats a
 * seed, PLIMSOLL_MODEL_ACTIONS asks for more than a quick look.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { randomInt } from 'node:crypto';
import { inArray, sql } from 'drizzle-orm';
import { startMarginKeeper, type TradingEngine, tradingEngine } from '../domains/trading/index.ts';
import { positions } from '../domains/trading/positions/schema.ts';
import { fills } from '../domains/trading/schema.ts';
import { present } from '../kernel/assert.ts';
import type { Id } from '../kernel/id.ts';
import { bookFaults } from './book-faults.ts';
import { done } from './drivers/driver.ts';
import { deposit, newClient, transfer, withdrawal } from './money-actions.ts';
import { type MoneyModel, moneyModel } from './money-model.ts';
import { randomFrom } from './random.ts';
import {
  corner,
  gamble,
  grantMargin,
  jump,
  listPerp,
  movePrice,
  openMarket,
  PERP,
  type TradingScene,
  tradingActions,
} from './trading-actions.ts';
import { until } from './until.ts';
import { startWorld, type World } from './world.ts';

const SEED = Number.parseInt(process.env.PLIMSOLL_MODEL_SEED ?? String(randomInt(2 ** 31)), 10);
const ACTIONS = Number.parseInt(process.env.PLIMSOLL_MODEL_ACTIONS ?? '200', 10);
const CLIENTS = 32;
const FUNDS = { USD: '20000', BTC: '1' } as const;
const HALF = '10000';
const ROUNDS_MAX = 12;
/** First a margin call, then a liquidation of who is long. */
const FALL_PERMILLE = -10;
const ROUND = 40;
/** In which liquidations take their steps on a machine that has no time besides. */
const PAUSE_MS = 250;

let world: World;
let seed = SEED;

beforeAll(async () => {
  world = await startWorld(import.meta.file);
  await listPerp(world);
}, 60_000);

afterAll(() => world.close());

/** What a run must have seen: one in which nothing happened proves nothing. */
const ESSENTIAL = [
  'deposit',
  'withdrawal',
  'transfer',
  'spot',
  'spot bracket',
  'contract long',
  'contract short',
  'contract bracket',
  'contract held',
  'reduce',
  'cancelled',
  'replaced',
  'price',
];

/** And what of the database: a liquidation that traded. What is left to chance is made to come at the end. */
const LIQUIDATED = 'liquidating trade';

const ACTIONS_OF_ALL = [...tradingActions, deposit, deposit, withdrawal, withdrawal, transfer, transfer];

test(
  'thirty-two clients on ten accounts, with contracts, lose, make and misplace no money',
  async () => {
    await manyClients();
  },
  Math.max(400_000, ACTIONS * 1_000),
);

/** Thirty-two clients on ten accounts, mostly until margin was called and positions liquidated between their orders. */
async function manyClients(): Promise<void> {
  const scene = await newScene();
  const keeper = startMarginKeeper(world.deps);
  try {
    await gamble(scene);
    // Before the price moves: whoever is measured by another one may not be able to open it all.
    await tradingEngine(world.deps).settled();
    await hammer(scene, ACTIONS_OF_ALL, ACTIONS);
    const steady = ACTIONS_OF_ALL.filter((action) => action !== movePrice);
    for (let round = 0; round < ROUNDS_MAX && (await idle(scene.model)).length > 0; round += 1) {
      await jump(scene, FALL_PERMILLE);
      await hammer(scene, steady, ROUND);
      await Bun.sleep(PAUSE_MS);
    }
    const isLiquidated = async () => !(await idle(scene.model)).includes(LIQUIDATED);
    if (!(await isLiquidated())) {
      await corner(scene);
      await until(isLiquidated);
    }
  } finally {
    await keeper.stop();
  }
  await holds(scene, [tradingEngine(world.deps)]);
  const missing = (await idle(scene.model)).filter((what) => what === LIQUIDATED || ESSENTIAL.includes(what));
  expect({ seed: SEED, missing }).toEqual({ seed: SEED, missing: [] });
}

/** Five people with two accounts each; one of them whose money may be taken back after it was spent. */
async function newScene(): Promise<Omit<TradingScene, 'random'>> {
  const everybody = await Promise.all([1, 2, 3, 4, 5].map(() => newClient(world, FUNDS)));
  const [one, other, ...clients] = everybody;
  const gamblers = [present(one, 'there are five'), present(other, 'there are five')] as const;
  for (const as of everybody) {
    await grantMargin(world, as);
    const half = { fromAccountId: as.accountId, toAccountId: as.otherAccountId, asset: 'USD', amount: HALF };
    await done(world.call('createTransfer', { as, body: half }));
  }
  const careless = present(clients[2], 'there are three');
  const model = moneyModel(
    everybody.flatMap(({ accountId, otherAccountId }) => [
      { accountId, asset: 'USD', amount: HALF },
      { accountId, asset: 'BTC', amount: FUNDS.BTC },
      { accountId: otherAccountId, asset: 'USD', amount: HALF },
    ]),
  );
  model.mayOwe(careless.userId);
  const scene = { world, model, clients, gamblers, careless, placed: [], market: openMarket() };
  await jump(scene, 0);
  return scene;
}

async function hammer(
  scene: Omit<TradingScene, 'random'>,
  actions: readonly ((scene: TradingScene) => Promise<void>)[],
  count: number,
): Promise<void> {
  let left = count;
  const client = async () => {
    seed += 1;
    const mine = { ...scene, random: randomFrom(seed) };
    while (left > 0) {
      left -= 1;
      await mine.random.pick(actions)(mine);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
}

/** What has not happened yet. */
async function idle({ counts }: MoneyModel): Promise<readonly string[]> {
  const [found] = await world.deps.db.engine.execute<Record<string, boolean>>(sql`
    select exists (select from margin_calls) as "margin call",
      exists (select from liquidations where ended_at is not null) as "liquidation",
      exists (select from liquidation_orders l join fills f on f.order_id = l.order_id) as "liquidating trade",
      exists (select from positions where closed_at is not null and side = 'long') as "closed long",
      exists (select from positions where closed_at is not null and side = 'short') as "closed short",
      exists (select from orders where triggered_at is not null) as "triggered",
      exists (select from orders where group_role = 'take_profit' and filled_quantity > 0) as "taken profit",
      exists (select from fills where symbol <> ${PERP}) as "spot trade"`);
  const happened = Object.entries(found ?? {}).filter(([, is]) => !is);
  return [...ESSENTIAL.filter((what) => counts[what] === undefined), ...happened.map(([what]) => what)];
}

/** What must be true of the whole book once everything accepted is carried out. */
async function holds(scene: Omit<TradingScene, 'random'>, engines: readonly TradingEngine[]): Promise<void> {
  for (const engine of engines) {
    await engine.settled();
  }
  await world.settle();
  await tellTrades(scene);
  const seen = { seed: SEED, counts: scene.model.counts };
  const faults = await bookFaults(world, engines);
  const differences = await scene.model.differences(world);
  const report = await world.reconcile();
  const breaks = report.checks.flatMap((check) => check.breaks);
  expect({ ...seen, faults, differences, breaks }).toEqual({
    ...seen,
    faults: [],
    differences: [],
    breaks: [],
  });
}

/** What trades moved of wallets, and what of their losses the firm bore. */
async function tellTrades({ model, clients, gamblers }: Omit<TradingScene, 'random'>): Promise<void> {
  const accountIds = [...clients, ...gamblers].flatMap((client) => [
    client.accountId,
    client.otherAccountId as Id,
  ]);
  const { engine } = world.deps.db;
  for (const fill of await engine.select().from(fills).where(inArray(fills.accountId, accountIds))) {
    if (fill.symbol === PERP) {
      model.moved(fill.accountId, 'USD', (fill.realisedPnl ?? 0n) - fill.fee);
    } else {
      const [base = '', quote = ''] = fill.symbol.split('/');
      const sign = fill.side === 'buy' ? 1n : -1n;
      model.moved(fill.accountId, base, sign * fill.quantity);
      model.moved(fill.accountId, quote, -sign * fill.amount);
      model.moved(fill.accountId, fill.feeAsset, -fill.fee);
    }
  }
  for (const { accountId, lossBorne } of await engine
    .select()
    .from(positions)
    .where(inArray(positions.accountId, accountIds))) {
    model.moved(accountId, 'USD', lossBorne);
  }
}
