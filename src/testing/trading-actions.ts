/**
 * What a random client asks of the order path: spot and contracts, long and short, with leverage, brackets, orders that
 * wait for a price, replacements and cancels, while the price of the contract jumps about. Amounts are in cents.
 */
import { eq, sql } from 'drizzle-orm';
import { users } from '../domains/identity/schema.ts';
import { createInstrument, setQuote } from '../domains/markets/index.ts';
import { parseAmount } from '../kernel/amount.ts';
import { transact } from '../platform/db/transact.ts';
import { done } from './drivers/driver.ts';
import { ask, type Client, REASON, type Scene } from './money-actions.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

/** The contract; its price is the firm's, not that of its trades. */
export const PERP = 'BTC-PERP';
const SPOT = 'BTC/USD';
const SPOT_PRICE = 6_000_000;
const START_PRICE = 100_000;
const LOWEST = 60_000;
const HIGHEST = 160_000;
/** Units, at twenty times most of what an account begins with. */
const GAMBLED = '170';
export type TradingScene = Scene & {
  readonly gamblers: readonly [Client, Client];
  /** Orders that were answered as accepted; whoever likes cancels or replaces one. */
  readonly placed: { readonly as: Client; readonly id: string }[];
  /** The price of the contract as it was last set. */
  readonly market: { price: number };
};

type TradingAction = (scene: TradingScene) => Promise<void>;

/** A contract of up to twenty times its margin, at 1,000. */
export async function listPerp({ system, deps }: World): Promise<void> {
  await createInstrument(system, {
    symbol: PERP,
    name: PERP,
    type: 'crypto',
    kind: 'contract',
    exchange: 'CRYPTO',
    baseAsset: 'BTC',
    quoteAsset: 'USD',
    tick: parseAmount('0.01'),
    lot: parseAmount('0.001'),
    minQuantity: parseAmount('0.001'),
    maxQuantity: parseAmount('1000'),
    collarBps: 1000,
    makerFeeBps: 2,
    takerFeeBps: 7,
    fractional: true,
    settlementCycle: 'T+0',
    margin: {
      settlementAsset: 'USD',
      maxLeverage: parseAmount('20'),
      initialMarginBps: 500,
      maintenanceMarginBps: 250,
      longRateBps: 1000,
      shortRateBps: -500,
      dayCount: 'actual_365',
      fundingHours: 8,
    },
    description: '',
  });
  await deps.db.engine.execute(sql`
    insert into price_settings (instrument_id, feed, feed_symbol, max_jump_bps, stale_after_seconds, level_ticks, version, changed_at)
    select id, 'simulator', symbol, 10000, 86400, 5, 1, now() from instruments where symbol = ${PERP}`);
  await setPrice(system, START_PRICE);
}

/** Each account of theirs may trade contracts, at up to twenty times: they ask, and the firm grants it. */
export async function grantMargin(world: World, as: Client): Promise<void> {
  await transact(world.system, 'engine', (tx) =>
    tx.update(users).set({ riskProfile: 'aggressive' }).where(eq(users.id, as.userId)),
  );
  for (const id of [as.accountId, as.otherAccountId]) {
    const body = { marginEnabled: true, maxLeverage: '20', ...REASON };
    const { approvalId } = await done(world.call('setAccountMargin', { as, params: { id }, body }));
    const vote = { as: world.people.risk_manager, params: { id: approvalId }, body: REASON };
    await done(world.call('approveApproval', vote));
  }
}

/** A market at the price the contract begins with. */
export function openMarket(): TradingScene['market'] {
  return { price: START_PRICE };
}

async function setPrice(system: World['system'], cents: number): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await setQuote(system, { symbol: PERP, last: parseAmount(text(cents)), source: 'test' });
      return;
    } catch (failure) {
      // Its session may be one that is cut.
      if (attempt === 20) {
        throw failure;
      }
      await Bun.sleep(50);
    }
  }
}

async function place(scene: TradingScene, as: Client, terms: object, what: string): Promise<void> {
  const { world, model, random, placed } = scene;
  const accountId = random.pick([as.accountId, as.otherAccountId]);
  const answer = await ask(world, 'placeOrder', { as, body: { accountId, ...terms } });
  if (answer.status !== 201 || answer.body.status === 'rejected') {
    model.count(`${what} refused`);
    return;
  }
  model.count(what);
  placed.push(...[answer.body.id, ...(answer.body.exitIds ?? [])].map((id: string) => ({ as, id })));
}

const spot: TradingAction = async (scene) => {
  const { random } = scene;
  const side = random.pick(['buy', 'sell']);
  const common = { symbol: SPOT, side, quantity: random.pick(['0.0005', '0.001', '0.002']) };
  const limitPrice = text(SPOT_PRICE + (random.below(5) - 2) * 500);
  const exits = {
    takeProfit: { limitPrice: text(SPOT_PRICE + (side === 'buy' ? 4_000 : -4_000)) },
    stopLoss: { stopPrice: text(SPOT_PRICE + (side === 'buy' ? -4_000 : 4_000)) },
  };
  const kinds = [
    ['spot', { type: 'limit', limitPrice, timeInForce: random.pick(['gtc', 'ioc', 'fok']) }],
    ['spot market', { type: 'market' }],
    ['spot bracket', { type: 'limit', limitPrice, ...exits }],
    ['spot held', { type: 'stop', stopPrice: text(SPOT_PRICE + (side === 'buy' ? 1_000 : -1_000)) }],
  ] as const;
  const [what, terms] = random.pick([...kinds, kinds[0]]);
  await place(scene, random.pick(scene.clients), { ...common, ...terms }, what);
};

const contract: TradingAction = async (scene) => {
  const { random } = scene;
  const side = random.pick(['buy', 'sell']);
  const leverage = random.pick([1, 3, 10, 20]);
  const quantity = units(random, 1_000 * leverage);
  const common = { symbol: PERP, side, quantity, leverage: String(leverage) };
  const timeInForce = random.pick(['gtc', 'gtc', 'ioc']);
  const terms = random.below(4) === 0 ? { type: 'market' } : { type: 'limit', timeInForce, ...near(scene) };
  await place(
    scene,
    random.pick(scene.clients),
    { ...common, ...terms },
    side === 'buy' ? 'contract long' : 'contract short',
  );
};

/** The two who do nothing else take both sides of so much that every per cent against them is a fifth of their margin. */
export async function gamble({ world, gamblers, market }: Omit<TradingScene, 'random'>): Promise<void> {
  const terms = {
    symbol: PERP,
    type: 'limit',
    leverage: '20',
    quantity: GAMBLED,
    limitPrice: text(market.price),
  };
  for (const [index, as] of gamblers.entries()) {
    const body = { accountId: as.accountId, side: index === 0 ? 'sell' : 'buy', ...terms };
    await done(ask(world, 'placeOrder', { as, body }));
  }
}

/**
 * Has one of the two who gambled lose nearly all of it, with the other alone in the book to take it: whoever keeps margin
 * cannot but liquidate them. For a time when nobody else acts, and while both still hold what they gambled.
 */
export async function corner({
  world,
  clients,
  gamblers,
  market,
}: Omit<TradingScene, 'random'>): Promise<void> {
  for (const as of [...clients, ...gamblers]) {
    for (const accountId of [as.accountId, as.otherAccountId]) {
      await done(ask(world, 'cancelOrders', { as, query: { accountId } }));
    }
  }
  market.price = permille(START_PRICE, -50);
  await setPrice(world.system, market.price);
  const [as] = gamblers;
  const terms = { symbol: PERP, type: 'limit', quantity: GAMBLED, limitPrice: text(market.price) };
  const body = { accountId: as.accountId, side: 'buy', reduceOnly: true, ...terms };
  await done(ask(world, 'placeOrder', { as, body }));
}

const reduce: TradingAction = async (scene) => {
  const { random } = scene;
  const side = random.pick(['buy', 'sell']);
  const terms = random.below(2) === 0 ? { type: 'market' } : { type: 'limit', ...near(scene) };
  const common = { symbol: PERP, side, quantity: units(random, 3_000), reduceOnly: true };
  await place(scene, random.pick(scene.clients), { ...common, ...terms }, 'reduce');
};

const contractBracket: TradingAction = async (scene) => {
  const { random, market } = scene;
  const side = random.pick(['buy', 'sell']);
  const [gain, loss] = side === 'buy' ? [15, -15] : [-15, 15];
  const terms = {
    symbol: PERP,
    side,
    type: 'limit',
    quantity: units(random, 4_000),
    leverage: '10',
    ...near(scene),
    takeProfit: { limitPrice: text(permille(market.price, gain)) },
    stopLoss: { stopPrice: text(permille(market.price, loss)) },
  };
  await place(scene, random.pick(scene.clients), terms, 'contract bracket');
};

const contractHeld: TradingAction = async (scene) => {
  const { random, market } = scene;
  const side = random.pick(['buy', 'sell']);
  const away = permille(market.price, side === 'buy' ? 10 : -10);
  const terms = random.pick([
    { type: 'stop', stopPrice: text(away) },
    { type: 'stop', stopPrice: text(away), reduceOnly: true },
    { type: 'stop_limit', stopPrice: text(away), limitPrice: text(away) },
    { type: 'trailing_stop', trailPercent: '1' },
  ]);
  const common = { symbol: PERP, side, quantity: units(random, 4_000), leverage: '5' };
  await place(scene, random.pick(scene.clients), { ...common, ...terms }, 'contract held');
};

/** Steps, and now and then more. */
export const movePrice: TradingAction = async (scene) => {
  const most = scene.random.below(2) === 0 ? 60 : 12;
  await jump(scene, scene.random.below(2 * most + 1) - most);
  scene.model.count('price');
};

/** The price of the contract from now on. @units thousandths of what it was */
export async function jump({ world, market }: Omit<TradingScene, 'random'>, part: number): Promise<void> {
  market.price = Math.min(Math.max(permille(market.price, part), LOWEST), HIGHEST);
  await setPrice(world.system, market.price);
}

const cancel: TradingAction = async (scene) => {
  const { world, model, random, placed } = scene;
  if (placed.length === 0) {
    return;
  }
  if (random.below(10) === 0) {
    const as = random.pick(scene.clients);
    await ask(world, 'cancelOrders', { as, query: { accountId: as.accountId } });
    model.count('all cancelled');
    return;
  }
  const { as, id } = recent(scene);
  const { status } = await ask(world, 'cancelOrder', { as, params: { id } });
  model.count(status === 200 ? 'cancelled' : 'cancel refused');
};

const replace: TradingAction = async (scene) => {
  const { world, model, placed } = scene;
  if (placed.length === 0) {
    return;
  }
  const { as, id } = recent(scene);
  const { body: old } = await ask(world, 'getOrder', { as, params: { id } });
  if (old.type !== 'limit') {
    return;
  }
  const changed = old.symbol === PERP ? near(scene) : { limitPrice: text(SPOT_PRICE) };
  const body = { ...changed, filledQuantity: old.filledQuantity };
  const answer = await ask(world, 'replaceOrder', { as, params: { id }, body });
  if (answer.status === 201) {
    placed.push({ as, id: answer.body.id });
  }
  model.count(answer.status === 201 && answer.body.status !== 'rejected' ? 'replaced' : 'replace refused');
};

const BY_WEIGHT: readonly (readonly [number, TradingAction])[] = [
  [4, spot],
  [6, contract],
  [2, reduce],
  [2, contractBracket],
  [2, contractHeld],
  [2, movePrice],
  [2, cancel],
  [2, replace],
];

/** As often as they come. */
export const tradingActions = BY_WEIGHT.flatMap(([weight, action]) =>
  Array.from({ length: weight }, () => action),
);

/** One of the last that were placed: most of the others have ended. */
function recent({ random, placed }: TradingScene) {
  return random.pick(placed.slice(-40));
}

/** A limit price within one per cent of the contract's. */
function near({ random, market }: TradingScene): { readonly limitPrice: string } {
  return { limitPrice: text(permille(market.price, random.below(21) - 10)) };
}

function permille(cents: number, part: number): number {
  return Math.round((cents * (1_000 + part)) / 1_000);
}

/** Units with three decimals, up to so many thousandths. */
function units(random: Random, below: number): string {
  return thousandths(1 + random.below(below));
}

function thousandths(amount: number): string {
  return `${Math.floor(amount / 1_000)}.${String(amount % 1_000).padStart(3, '0')}`;
}

function text(cents: number): string {
  return `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
}
