/**
 * Random interleavings of everything that moves money, on few wallets from many connections at once. What
 * every interleaving must end with: no break, books that sum to zero, wallets that hold what the answers said.
 *
 * The seed decides what each connection asks for, in which order; the database decides who comes first.
 * PLIMSOLL_MODEL_SEED repeats a seed, PLIMSOLL_MODEL_ACTIONS asks for more than a quick look.
 */

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { randomInt } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { fills } from '../domains/trading/schema.ts';
import { allDomains } from '../domains.ts';
import { parseAmount } from '../kernel/amount.ts';
import { present } from '../kernel/assert.ts';
import { newId } from '../kernel/id.ts';
import { addMs } from '../kernel/time.ts';
import { done } from './drivers/driver.ts';
import {
  type Action,
  ask,
  askEagerly,
  type Client,
  cents,
  deposit,
  newClient,
  REASON,
  type Scene,
  transfer,
  withdrawal,
} from './money-actions.ts';
import { type MoneyModel, moneyModel } from './money-model.ts';
import { randomFrom } from './random.ts';
import type { Answer } from './send.ts';
import { startWorld, type World } from './world.ts';

const SEED = Number.parseInt(process.env.PLIMSOLL_MODEL_SEED ?? String(randomInt(2 ** 31)), 10);
const ACTIONS = Number.parseInt(process.env.PLIMSOLL_MODEL_ACTIONS ?? '240', 10);
const CONNECTIONS = 16;
/** What chance left out is asked for in rounds of so many actions. */
const ROUND = 32;
const ROUNDS_MAX = 12;
const PAUSE_MS = 50;

const FUNDS = { USD: '4000', BTC: '2' } as const;

let world: World;
let seed = SEED;

beforeAll(async () => {
  world = await startWorld(import.meta.file);
}, 60_000);

afterAll(() => world.close());

test(
  'whatever the interleaving, no money is lost, made or owed to the wrong wallet',
  async () => {
    const clients = await Promise.all([1, 2, 3].map(() => newClient(world, FUNDS)));
    const careless = present(clients[2], 'there are three');
    const model = moneyModel(
      clients.flatMap(({ accountId, otherAccountId }) => [
        { accountId, asset: 'USD', amount: FUNDS.USD },
        { accountId, asset: 'BTC', amount: FUNDS.BTC },
        { accountId: otherAccountId, asset: 'USD', amount: '0' },
      ]),
    );
    model.mayOwe(careless.userId);
    const scene = { world, model, clients, careless };
    await hammer(scene, actions, ACTIONS);
    for (let round = 0; round < ROUNDS_MAX && (await idle(model)).length > 0; round += 1) {
      await hammer(scene, await bringing(model), ROUND);
      // Holds that are to run out need a moment for it.
      await Bun.sleep(PAUSE_MS);
    }
    await settled(clients, model);
    const seen = { seed: SEED, again: `PLIMSOLL_MODEL_SEED=${SEED}`, counts: model.counts };
    expect({ ...seen, differences: await model.differences(world) }).toEqual({ ...seen, differences: [] });
    const report = await world.reconcile();
    const breaks = report.checks.flatMap((check) => check.breaks);
    expect({ ...seen, breaks }).toEqual({ ...seen, breaks: [] });
    expect({ ...seen, idle: await idle(model) }).toEqual({ ...seen, idle: [] });
  },
  Math.max(60_000, ACTIONS * 500),
);

/** So many actions on all connections at once. */
async function hammer(scene: Omit<Scene, 'random'>, choice: readonly Action[], count: number): Promise<void> {
  let left = count;
  const connection = async () => {
    seed += 1;
    const mine = { ...scene, random: randomFrom(seed) };
    while (left > 0) {
      left -= 1;
      await mine.random.pick(choice)(mine);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
}

/** What has not happened yet. */
async function idle({ counts }: MoneyModel): Promise<readonly string[]> {
  const [found] = await world.deps.db.engine.execute<Record<string, boolean>>(sql`
    select exists (select from fills) as "trade", exists (select from holds where status = 'expired') as "expired hold"`);
  return Object.keys(ESSENTIAL).filter((what) => counts[what] === undefined && found?.[what] !== true);
}

/** Of which some are asked for again until each has happened. */
async function bringing(model: MoneyModel): Promise<readonly Action[]> {
  return (await idle(model)).flatMap((what) => ESSENTIAL[what] ?? []);
}

/** Everything accepted is carried out, and what trades moved is told to the model. */
async function settled(clients: readonly Client[], model: MoneyModel): Promise<void> {
  await world.settle();
  for (const as of clients) {
    await world.call('cancelOrders', { as, query: { accountId: as.accountId } });
  }
  await world.settle();
  for (const fill of await world.deps.db.engine.select().from(fills)) {
    const [base = '', quote = ''] = fill.symbol.split('/');
    const sign = fill.side === 'buy' ? 1n : -1n;
    model.moved(fill.accountId, base, sign * fill.quantity);
    model.moved(fill.accountId, quote, -sign * fill.amount);
    model.moved(fill.accountId, fill.feeAsset, -fill.fee);
  }
}

const depositByHand: Action = async (scene) => {
  const { world, model, random, clients } = scene;
  const as = random.pick(clients);
  const amount = cents(random, 20_000);
  const body = { accountId: as.accountId, asset: 'USD', amount, method: 'other' };
  const { id } = await done(ask(world, 'createDeposit', { as, body }));
  const params = { id };
  const asked = await ask(world, 'clearDeposit', { as: world.people.operations, params, body: REASON });
  const approval = { id: asked.body.approval.id as string };
  if (asked.body.approval.quorum === 2) {
    // The coins a client began with count along.
    await done(ask(world, 'approveApproval', { as: world.people.mlro, params: approval, body: REASON }));
  }
  const vote = await askEagerly(scene, 'approveApproval', {
    as: world.second.operations,
    params: approval,
    body: REASON,
  });
  expect(vote.status).toBe(200);
  model.moved(as.accountId, 'USD', parseAmount(amount));
  model.booked('deposit', id);
  model.count('depositByHand');
};

const order: Action = async (scene) => {
  const { world, model, random, clients } = scene;
  const as = random.pick(clients);
  const body = {
    accountId: as.accountId,
    symbol: 'BTC/USD',
    type: 'limit',
    timeInForce: random.pick(['gtc', 'ioc']),
    side: random.pick(['buy', 'sell']),
    quantity: random.pick(['0.0005', '0.001', '0.002']),
    limitPrice: random.pick(['59990', '60000', '60010']),
  };
  const placed = await ask(world, 'placeOrder', { as, body });
  model.count('order');
  if (placed.status === 201 && random.below(3) === 0) {
    await ask(world, 'cancelOrder', { as, params: { id: placed.body.id } });
  }
};

const conversion: Action = async (scene) => {
  const { world, model, random, clients } = scene;
  const as = random.pick(clients);
  const { accountId } = as;
  const [fromAsset = '', toAsset = ''] = random.below(3) > 0 ? ['USD', 'EUR'] : ['EUR', 'USD'];
  const body = { accountId, fromAsset, toAsset, fromAmount: cents(random, 10_000) };
  const quoted = await ask(world, 'createConversionQuote', { as, body });
  if (quoted.status !== 201) {
    model.count('conversionRefused');
    return;
  }
  const quoteId = quoted.body.id as string;
  const done = await askEagerly(scene, 'createConversion', { as, body: { quoteId } });
  if (done.status >= 300) {
    model.count('conversionRefused');
    return;
  }
  model.moved(accountId, fromAsset, -parseAmount(done.body.fromAmount));
  model.moved(accountId, toAsset, parseAmount(done.body.toAmount));
  model.booked('conversion', quoteId);
  model.count('conversion');
};

/** A hold that is taken in part, given to somebody, set free, or runs out while others reach for it. */
const hold: Action = async (scene) => {
  const { world, model, random, clients } = scene;
  const from = random.pick(clients);
  const to = random.pick(clients.filter((client) => client !== from));
  const as = world.people.operations;
  const lasts =
    random.below(3) === 0 ? { expiresAt: addMs(world.deps.clock.now(), 50 + random.below(2_000)) } : {};
  const body = { amount: cents(random, 20_000), reason: 'payment', reference: `order-${newId()}`, ...lasts };
  const placed = await askEagerly(scene, 'placeHold', { as, params: { id: from.walletId }, body });
  if (placed.status >= 300) {
    model.count('holdRefused');
    return;
  }
  model.count('hold');
  const params = { id: placed.body.id as string };
  const way = random.below(4);
  if (way === 0) {
    return;
  }
  if (way === 1) {
    const asked = await ask(world, 'releaseHold', { as, params, body: REASON });
    await decided(scene, asked, () => model.count('holdReleased'));
    return;
  }
  const taken = cents(random, way === 2 ? 5_000 : 30_000);
  const toCustomer = { accountId: to.accountId };
  const destination = way === 2 ? toCustomer : { house: { role: 'client_money_bank', reference: 'main' } };
  const asked = await ask(world, 'captureHold', {
    as,
    params,
    body: { amount: taken, destination, ...REASON },
  });
  await decided(scene, asked, () => {
    model.moved(from.accountId, 'USD', -parseAmount(taken));
    if (way === 2) {
      model.moved(to.accountId, 'USD', parseAmount(taken));
    }
    model.count('holdCaptured');
  });
};

/** A posting by hand, which is perhaps undone again. */
const byHand: Action = async (scene) => {
  const { world, model, random, clients } = scene;
  const { walletId, accountId } = random.pick(clients);
  const amount = cents(random, 1_000);
  const entries = [
    { walletId, amount: `-${amount}` },
    { house: { role: 'fees_earned', reference: 'main', asset: 'USD' }, amount },
  ];
  const as = world.people.operations;
  const body = { kind: 'fee', description: 'Account fee', entries, ...REASON };
  const asked = await ask(world, 'requestJournal', { as, body });
  const journalId = asked.body.approval?.subjectId as string | undefined;
  const posted = await decided(scene, asked, () => {
    model.moved(accountId, 'USD', -parseAmount(amount));
    model.count('byHand');
  });
  if (!posted || journalId === undefined || random.below(2) === 0) {
    return;
  }
  const undoing = await askEagerly(scene, 'reverseJournal', { as, params: { id: journalId }, body: REASON });
  await decided(scene, undoing, () => {
    model.moved(accountId, 'USD', parseAmount(amount));
    model.booked('reversal', journalId);
    model.count('reversed');
  });
};

const expiry: Action = async (scene) => {
  const { world, model } = scene;
  const jobs = allDomains.flatMap((domain) => domain.jobs);
  const job = present(
    jobs.find(({ name }) => name === 'ledger.expire-holds'),
    'holds expire by job',
  );
  await job.run(world.system);
  model.count('expiry');
};

/** Another person agrees, perhaps with several hands at once; `then` is what their vote did. */
async function decided(scene: Scene, asked: Answer, then: () => void): Promise<boolean> {
  const { world } = scene;
  if (asked.status !== 202) {
    return false;
  }
  const { id, quorum, checkerRoles } = asked.body.approval as Asked;
  // What was cleared by hand within the day counts along: of more than that asks for one person, others look too.
  const senior = checkerRoles.includes('mlro') ? world.people.mlro : world.people.compliance_officer;
  const votes: Answer[] = [];
  for (const as of [world.second.operations, senior].slice(0, quorum)) {
    votes.push(await askEagerly(scene, 'approveApproval', { as, params: { id }, body: REASON }));
  }
  const done = votes.every(({ status }) => status === 200);
  if (done) {
    then();
  }
  return done;
}

type Asked = { readonly id: string; readonly quorum: number; readonly checkerRoles: readonly string[] };

const ACTIONS_BY_WEIGHT: readonly (readonly [number, Action])[] = [
  [3, deposit],
  [1, depositByHand],
  [3, withdrawal],
  [3, order],
  [3, transfer],
  [2, conversion],
  [3, hold],
  [1, byHand],
  [1, expiry],
];

const actions = ACTIONS_BY_WEIGHT.flatMap(([weight, action]) => Array.from({ length: weight }, () => action));

/** What a run must have seen, and what brings it: a run in which nothing happened proves nothing. */
const ESSENTIAL: Readonly<Record<string, readonly Action[]>> = {
  deposit: [deposit],
  takenBack: [deposit],
  depositByHand: [depositByHand],
  withdrawal: [withdrawal],
  withdrawalContested: [withdrawal],
  withdrawalUnknown: [withdrawal],
  withdrawalFailed: [withdrawal],
  order: [order],
  trade: [order],
  transfer: [transfer],
  conversion: [conversion],
  hold: [hold],
  holdReleased: [hold],
  holdCaptured: [hold],
  'expired hold': [hold, expiry],
  byHand: [byHand],
  reversed: [byHand],
};
