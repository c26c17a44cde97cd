/**
 * Random interleavings of everything that moves money, on few wallets from many connections at once. What
 * every interleaving must end with: no break, books that sum to zero, wallets that hold what the answers said.
 *
 * The seed decides what each connection asks for, in which order; the database decides who comes first.
 * PLIMSOLL_MODEL_SEED repeats a seed, PLIMSOLL_MODEL_ACTIONS asks for more than a quick look.
 */

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { randomInt } from 'node:crypto';
import { signPayment, TEST_PROVIDER } from '../domains/funding/payment-providers.ts';
import { fills } from '../domains/trading/schema.ts';
import { allDomains } from '../domains.ts';
import { parseAmount } from '../kernel/amount.ts';
import { present } from '../kernel/assert.ts';
import { newId } from '../kernel/id.ts';
import { addMs } from '../kernel/time.ts';
import { done } from './drivers/driver.ts';
import { bankBeneficiary } from './funding-desk.ts';
import { type MoneyModel, moneyModel } from './money-model.ts';
import { type Random, randomFrom } from './random.ts';
import type { Answer } from './send.ts';
import { type Member, type OperationCall, startWorld, type World } from './world.ts';

const SEED = Number.parseInt(process.env.PLIMSOLL_MODEL_SEED ?? String(randomInt(2 ** 31)), 10);
const ACTIONS = Number.parseInt(process.env.PLIMSOLL_MODEL_ACTIONS ?? '240', 10);
const CONNECTIONS = 16;

const FUNDS = { USD: '4000', BTC: '2' } as const;
const HOLDER = 'Anjali Ramgoolam';
const REASON = { reason: 'Looked at it' };
/** What a rule refuses when others were faster; anything else is no answer a client should get. */
const REFUSALS = new Set([200, 201, 202, 409, 422]);

let world: World;

beforeAll(async () => {
  world = await startWorld(import.meta.file);
}, 60_000);

afterAll(() => world.close());

type Client = Member & {
  readonly otherAccountId: string;
  readonly beneficiaryId: string;
  /** That of US dollars in the first account. */
  readonly walletId: string;
};

type Scene = {
  readonly model: MoneyModel;
  readonly random: Random;
  readonly clients: readonly Client[];
  /** Whose money is taken back after it was spent, too. */
  readonly careless: Client;
};

type Action = (scene: Scene) => Promise<void>;

test(
  'whatever the interleaving, no money is lost, made or owed to the wrong wallet',
  async () => {
    const clients = await Promise.all([newClient(), newClient(), newClient()]);
    const careless = present(clients[2], 'there are three');
    const model = moneyModel(
      clients.flatMap(({ accountId, otherAccountId }) => [
        { accountId, asset: 'USD', amount: FUNDS.USD },
        { accountId, asset: 'BTC', amount: FUNDS.BTC },
        { accountId: otherAccountId, asset: 'USD', amount: '0' },
      ]),
    );
    model.mayOwe(careless.userId);
    let left = ACTIONS;
    const connection = async (number: number) => {
      const scene = { model, random: randomFrom(SEED + number), clients, careless };
      while (left > 0) {
        left -= 1;
        await scene.random.pick(actions)(scene);
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, (_, number) => connection(number)));
    await settled(clients, model);
    const seen = { seed: SEED, again: `PLIMSOLL_MODEL_SEED=${SEED}`, counts: model.counts };
    expect({ ...seen, differences: await model.differences(world) }).toEqual({ ...seen, differences: [] });
    const report = await world.reconcile();
    const breaks = report.checks.flatMap((check) => check.breaks);
    expect({ ...seen, breaks }).toEqual({ ...seen, breaks: [] });
    expect({ ...seen, idle: ESSENTIAL.filter((what) => model.counts[what] === undefined) }).toEqual({
      ...seen,
      idle: [],
    });
  },
  Math.max(60_000, ACTIONS * 500),
);

async function newClient(): Promise<Client> {
  const as = await world.newCustomer(FUNDS);
  const other = await done(world.call('createAccount', { as, body: { type: 'live', baseCurrency: 'USD' } }));
  const bank = { ...bankBeneficiary(), holderName: HOLDER };
  const beneficiary = await done(world.call('createBeneficiary', { as, body: bank }));
  const { data } = await done(world.call('listWallets', { as, params: { id: as.accountId } }));
  const wallet = (data as { id: string; asset: string }[]).find(({ asset }) => asset === 'USD');
  return {
    ...as,
    otherAccountId: other.id,
    beneficiaryId: beneficiary.id,
    walletId: present(wallet, 'the account has US dollars').id,
  };
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
    model.count('fill');
  }
}

/** Asks, with patience where the system is busy, and accepts what a race may end in. */
async function ask(operationId: string, call: OperationCall): Promise<Answer> {
  const key = newId();
  const headers = world.operation(operationId).idempotency === undefined ? {} : { 'idempotency-key': key };
  for (let attempt = 1; ; attempt += 1) {
    const answer = await world.call(operationId, { ...call, headers: { ...call.headers, ...headers } });
    if (answer.status !== 503 || attempt === 20) {
      expect({
        operationId,
        status: answer.status,
        body: answer.body,
        taken: REFUSALS.has(answer.status),
      }).toEqual({ operationId, status: answer.status, body: answer.body, taken: true });
      return answer;
    }
    await Bun.sleep(20);
  }
}

/** Once, or as often at once as somebody nervous would. */
async function askEagerly(random: Random, operationId: string, call: OperationCall): Promise<Answer> {
  const answers = await Promise.all(
    Array.from({ length: 1 + random.below(3) }, () => ask(operationId, call)),
  );
  return answers.find((answer) => answer.status < 300) ?? present(answers[0], 'one was asked');
}

const deposit: Action = async ({ model, random, clients, careless }) => {
  const as = random.pick(clients);
  const accountId = random.pick([as.accountId, as.otherAccountId]);
  const amount = cents(random, 20_000);
  const body = { accountId, asset: 'USD', amount, method: 'card' };
  const { id, paymentReference } = await done(ask('createDeposit', { as, body }));
  const told = { paymentReference, amount };
  const { body: state } = await tell(random, told, 'payment.cleared');
  expect(state.state).not.toBe('kept');
  model.moved(accountId, 'USD', parseAmount(amount));
  model.booked('deposit', id);
  model.count('deposit');
  if (as === careless && random.below(2) === 0) {
    const type = random.pick(['payment.refunded', 'payment.charged_back']);
    const back = await tell(random, told, type);
    if (back.body.state === 'processed' || back.body.state === 'ignored') {
      model.moved(accountId, 'USD', -parseAmount(amount));
      model.count('takenBack');
    }
  }
};

/** The provider tells it once or several times at once: the same event, signed. */
async function tell(
  random: Random,
  { paymentReference, amount }: { readonly paymentReference: string; readonly amount: string },
  type: string,
): Promise<Answer> {
  const data = {
    paymentReference,
    providerReference: `pay_${paymentReference}`,
    amount,
    currency: 'USD',
    method: 'card',
    payerName: HOLDER,
  };
  const event = { id: newId(), type, occurredAt: world.deps.clock.realNow(), data };
  const body = new Uint8Array(Buffer.from(JSON.stringify(event), 'utf8'));
  const timestamp = String(Math.floor(world.deps.clock.realMs() / 1_000));
  return askEagerly(random, 'receivePaymentEvent', {
    params: { provider: 'test' },
    body,
    headers: {
      'content-type': 'application/json',
      'webhook-timestamp': timestamp,
      'webhook-signature': signPayment(TEST_PROVIDER, timestamp, body),
    },
  });
}

const depositByHand: Action = async ({ model, random, clients }) => {
  const as = random.pick(clients);
  const amount = cents(random, 20_000);
  const body = { accountId: as.accountId, asset: 'USD', amount, method: 'other' };
  const { id } = await done(ask('createDeposit', { as, body }));
  const params = { id };
  const asked = await ask('clearDeposit', { as: world.people.operations, params, body: REASON });
  const approval = { id: asked.body.approval.id as string };
  const vote = await askEagerly(random, 'approveApproval', {
    as: world.second.operations,
    params: approval,
    body: REASON,
  });
  expect(vote.status).toBe(200);
  model.moved(as.accountId, 'USD', parseAmount(amount));
  model.booked('deposit', id);
  model.count('depositByHand');
};

const withdrawal: Action = async ({ model, random, clients }) => {
  const as = random.pick(clients);
  const { accountId, beneficiaryId } = as;
  const amount = cents(random, 60_000);
  const body = { accountId, beneficiaryId, asset: 'USD', amount, confirmDuplicate: true };
  const asked = await ask('createWithdrawal', { as, body });
  if (asked.status !== 201) {
    model.count('withdrawalRefused');
    return;
  }
  const params = { id: asked.body.id as string };
  const { people } = world;
  const officer = { as: people.compliance_officer, params, body: REASON };
  const operations = { as: people.operations, params };
  // Whoever is first decides: all of them are asked at once.
  const way = random.below(5);
  if (way === 0) {
    await Promise.all([
      ask('cancelWithdrawal', { as, params }),
      ask('approveWithdrawal', officer),
      ask('rejectWithdrawal', { ...officer, as: world.second.compliance_officer }),
    ]);
    model.count('withdrawalContested');
    return;
  }
  await askEagerly(random, 'approveWithdrawal', officer);
  await askEagerly(random, 'processWithdrawal', operations);
  if (way === 1) {
    await ask('markWithdrawalUnknown', { ...operations, body: REASON });
    model.count('withdrawalUnknown');
    return;
  }
  if (way === 2) {
    const failing = await ask('failWithdrawal', { ...operations, body: REASON });
    const approval = { id: failing.body.approval.id as string };
    await askEagerly(random, 'approveApproval', {
      as: world.second.operations,
      params: approval,
      body: REASON,
    });
    model.count('withdrawalFailed');
    return;
  }
  const completed = await askEagerly(random, 'completeWithdrawal', {
    ...operations,
    body: { transactionReference: `FT${params.id}` },
  });
  expect([completed.status, completed.body.status]).toEqual([200, 'completed']);
  model.moved(accountId, 'USD', -(parseAmount(amount) + parseAmount(completed.body.fee ?? '0')));
  model.booked('withdrawal', params.id);
  model.count('withdrawal');
};

const order: Action = async ({ model, random, clients }) => {
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
  const placed = await ask('placeOrder', { as, body });
  model.count('order');
  if (placed.status === 201 && random.below(3) === 0) {
    await ask('cancelOrder', { as, params: { id: placed.body.id } });
  }
};

const transfer: Action = async ({ model, random, clients }) => {
  const as = random.pick(clients);
  const both = [as.accountId, as.otherAccountId];
  const [fromAccountId = '', toAccountId = ''] = random.below(2) === 0 ? both : both.toReversed();
  const amount = cents(random, 30_000);
  const body = { fromAccountId, toAccountId, asset: 'USD', amount };
  const answer = await ask('createTransfer', { as, body });
  if (answer.status !== 201) {
    model.count('transferRefused');
    return;
  }
  model.moved(fromAccountId, 'USD', -parseAmount(amount));
  model.moved(toAccountId, 'USD', parseAmount(amount));
  model.booked('transfer', answer.body.id);
  model.count('transfer');
};

const conversion: Action = async ({ model, random, clients }) => {
  const as = random.pick(clients);
  const { accountId } = as;
  const [fromAsset = '', toAsset = ''] = random.below(3) > 0 ? ['USD', 'EUR'] : ['EUR', 'USD'];
  const body = { accountId, fromAsset, toAsset, fromAmount: cents(random, 10_000) };
  const quoted = await ask('createConversionQuote', { as, body });
  if (quoted.status !== 201) {
    model.count('conversionRefused');
    return;
  }
  const quoteId = quoted.body.id as string;
  const done = await askEagerly(random, 'createConversion', { as, body: { quoteId } });
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
const hold: Action = async ({ model, random, clients }) => {
  const from = random.pick(clients);
  const to = random.pick(clients.filter((client) => client !== from));
  const as = world.people.operations;
  const lasts =
    random.below(3) === 0 ? { expiresAt: addMs(world.deps.clock.now(), 50 + random.below(2_000)) } : {};
  const body = { amount: cents(random, 20_000), reason: 'payment', reference: `order-${newId()}`, ...lasts };
  const placed = await askEagerly(random, 'placeHold', { as, params: { id: from.walletId }, body });
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
    const asked = await ask('releaseHold', { as, params, body: REASON });
    await decided(random, asked, () => model.count('holdReleased'));
    return;
  }
  const taken = cents(random, way === 2 ? 5_000 : 30_000);
  const toCustomer = { accountId: to.accountId };
  const destination = way === 2 ? toCustomer : { house: { role: 'client_money_bank', reference: 'main' } };
  const asked = await ask('captureHold', { as, params, body: { amount: taken, destination, ...REASON } });
  await decided(random, asked, () => {
    model.moved(from.accountId, 'USD', -parseAmount(taken));
    if (way === 2) {
      model.moved(to.accountId, 'USD', parseAmount(taken));
    }
    model.count('holdCaptured');
  });
};

/** A posting by hand, which is perhaps undone again. */
const byHand: Action = async ({ model, random, clients }) => {
  const { walletId, accountId } = random.pick(clients);
  const amount = cents(random, 1_000);
  const entries = [
    { walletId, amount: `-${amount}` },
    { house: { role: 'fees_earned', reference: 'main', asset: 'USD' }, amount },
  ];
  const as = world.people.operations;
  const body = { kind: 'fee', description: 'Account fee', entries, ...REASON };
  const asked = await ask('requestJournal', { as, body });
  const journalId = asked.body.approval?.subjectId as string | undefined;
  const posted = await decided(random, asked, () => {
    model.moved(accountId, 'USD', -parseAmount(amount));
    model.count('byHand');
  });
  if (!posted || journalId === undefined || random.below(2) === 0) {
    return;
  }
  const undoing = await askEagerly(random, 'reverseJournal', { as, params: { id: journalId }, body: REASON });
  await decided(random, undoing, () => {
    model.moved(accountId, 'USD', parseAmount(amount));
    model.booked('reversal', journalId);
    model.count('reversed');
  });
};

const expiry: Action = async ({ model }) => {
  const jobs = allDomains.flatMap((domain) => domain.jobs);
  const job = present(
    jobs.find(({ name }) => name === 'ledger.expire-holds'),
    'holds expire by job',
  );
  await job.run(world.system);
  model.count('expiry');
};

/** Another person agrees, perhaps with several hands at once; `then` is what their vote did. */
async function decided(random: Random, asked: Answer, then: () => void): Promise<boolean> {
  if (asked.status !== 202) {
    return false;
  }
  const params = { id: asked.body.approval.id as string };
  const vote = await askEagerly(random, 'approveApproval', {
    as: world.second.operations,
    params,
    body: REASON,
  });
  if (vote.status === 200) {
    then();
  }
  return vote.status === 200;
}

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

/** What a run must have seen: one in which nothing happened proves nothing. */
const ESSENTIAL = ['deposit', 'withdrawal', 'order', 'fill', 'transfer', 'conversion', 'hold', 'byHand'];

/** @units cents up to `below` */
function cents(random: Random, below: number): string {
  const amount = 1 + random.below(below);
  return `${Math.floor(amount / 100)}.${String(amount % 100).padStart(2, '0')}`;
}
