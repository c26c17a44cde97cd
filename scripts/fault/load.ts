/**
 * The load: a few accounts that many connections deposit into, withdraw from, transfer between and trade
 * with at once, also by orders that wait for a price and orders that depend on each other, in contracts and on paper,
 * by hand and through files.
 * Each scenario goes on only from what was answered.
 */
import { type Api, apiFor, ok } from '../../src/demo/client.ts';
import { DEMO_PEOPLE, type DemoCredentials, type DemoName } from '../../src/demo/credentials.ts';
import { type Id, isId, newId } from '../../src/kernel/id.ts';
import type { Connection } from '../../src/platform/db/client.ts';
import type { Random } from '../../src/testing/random.ts';
import { payoutFile, statement } from './bank.ts';
import { clearance, hold, journal } from './by-hand.ts';
import { type ClientBook, type Made, neverDone, type Step } from './client-book.ts';
import { contract, paper, squeeze } from './contracts.ts';
import { bookStatements, fundPaper, openMarket } from './market.ts';
import {
  amountOf,
  type Client,
  type Firm,
  keyed,
  REASON,
  type Scenario,
  takeOutSometimes,
} from './scenario.ts';
import { type Person, personOf, type Wire } from './sender.ts';

/** Of the registry's own examples. */
const BANK = { kind: 'bank', iban: 'MU17BOMM0101101030300200000MUR', bic: 'BOMMMUPL' } as const;
const PRICE = '60000';

/** Opens what the load needs besides the demo firm: second accounts and beneficiaries. */
export async function openFirm(
  url: () => string,
  credentials: DemoCredentials,
  owner: () => Connection,
  dataDir: string,
): Promise<Firm> {
  const person = (name: DemoName) => personOf(url, credentials[name]);
  const [maker, operations, compliance, operations2, compliance2] = [
    person('marketMaker'),
    person('operations'),
    person('compliance'),
    person('operations2'),
    person('compliance2'),
  ];
  const clients = [
    await openClient(url, person('customer'), 'customer'),
    await openClient(url, person('customer2'), 'customer2'),
  ] as const;
  const makerAccount = credentials.marketMaker.accountId ?? '';
  const papers = await Promise.all(
    clients.map(async (client) => ({
      person: client.person,
      accountId: await openPaper(url, client.person, owner(), dataDir),
    })),
  );
  const stakeAccountId = await openStake(url, maker, person('risk'));
  const staff = [operations, compliance, operations2, compliance2];
  const everybody = [...clients.map((client) => client.person), maker, ...staff];
  return {
    clients,
    maker: { person: maker, accountId: makerAccount },
    checkers: [operations, compliance],
    payer: operations2,
    reviewers: [compliance, compliance2],
    papers,
    stakeAccountId,
    squeezing: { is: false, staked: false },
    market: await openMarket(owner, dataDir),
    banking: { is: false },
    bookStatements: () => bookStatements(owner, dataDir),
    url,
    accountIds: [
      ...clients.flatMap((client) => [client.accountId, client.otherAccountId]),
      ...papers.map(({ accountId }) => accountId),
      makerAccount,
      stakeAccountId,
    ],
    signIn: async () => {
      await Promise.all(everybody.map((each) => each.signIn()));
    },
  };
}

/** Runs scenarios on so many connections until told to stop, and waits for what is under way. */
export async function runLoad(
  firm: Firm,
  book: ClientBook,
  random: Random,
  connections: number,
  stopped: () => boolean,
): Promise<void> {
  const first = [...new Set([...FIRST, ...neverDone(book.entries).map((what) => BRINGING[what])])];
  const connection = async (_: unknown, place: number) => {
    let next = first[place] ?? random.pick(SCENARIOS);
    while (!stopped()) {
      const before = book.entries.length;
      await next(firm, book, random);
      next = random.pick(SCENARIOS);
      // Nobody answers: the client waits a little before it tries something else.
      if (book.entries.slice(before).some((entry) => entry.state === 'unanswered')) {
        await Bun.sleep(50);
      }
    }
  };
  await Promise.all(Array.from({ length: connections }, connection));
}

async function openClient(
  url: () => string,
  person: Person,
  name: keyof typeof DEMO_PEOPLE,
): Promise<Client> {
  await person.signIn();
  const api: Api = apiFor(url(), person.token());
  const { firstName, lastName } = DEMO_PEOPLE[name];
  const holderName = `${firstName} ${lastName}`;
  const other = await ok(api.POST('/v1/accounts', { body: { type: 'live', baseCurrency: 'USD' } }));
  const beneficiary = await ok(api.POST('/v1/beneficiaries', { body: { ...BANK, holderName } }));
  return {
    person,
    name: holderName,
    accountId: person.login.accountId ?? '',
    otherAccountId: other.id,
    beneficiaryId: beneficiary.id,
  };
}

async function openPaper(
  url: () => string,
  person: Person,
  owner: Connection,
  dataDir: string,
): Promise<string> {
  const api = apiFor(url(), person.token());
  const { id } = await ok(api.POST('/v1/accounts', { body: { type: 'paper', baseCurrency: 'USD' } }));
  await fundPaper(owner, dataDir, { userId: idOf(person.login.userId), accountId: idOf(id) });
  return id;
}

function idOf(text: string): Id {
  if (!isId(text)) {
    throw new Error('the server answered with something that is no id');
  }
  return text;
}

/** An account of its owner that may hold positions, as somebody else of the firm decides. */
async function openStake(url: () => string, person: Person, risk: Person): Promise<string> {
  await Promise.all([person.signIn(), risk.signIn()]);
  const api = apiFor(url(), person.token());
  const { id } = await ok(api.POST('/v1/accounts', { body: { type: 'live', baseCurrency: 'USD' } }));
  const path = { id };
  const body = { marginEnabled: true, maxLeverage: '5', ...REASON };
  const { approvalId } = await ok(api.POST('/v1/accounts/{id}/margin', { params: { path }, body }));
  const vote = { params: { path: { id: approvalId ?? '' } }, body: REASON };
  await ok(apiFor(url(), risk.token()).POST('/v1/approvals/{id}/approve', vote));
  return id;
}

const deposit: Scenario = async ({ clients }, book, random) => {
  const { person, name, accountId, otherAccountId } = random.pick(clients);
  const amount = amountOf(random, 5_000);
  const body = { accountId: random.pick([accountId, otherAccountId]), asset: 'USD', amount, method: 'card' };
  const announced = await book.ask('deposit', keyed(person, '/v1/deposits', body));
  if (announced.state !== 'acknowledged') {
    return;
  }
  const { id, paymentReference } = JSON.parse(announced.text) as { id: string; paymentReference: string };
  const event = {
    id: newId(),
    type: 'payment.cleared',
    occurredAt: new Date(Date.now()).toISOString(),
    data: {
      paymentReference,
      providerReference: `pay_${id}`,
      amount,
      currency: 'USD',
      method: 'card',
      payerName: name,
    },
  };
  const wire: Wire = { method: 'POST', path: '/v1/webhooks/payments/test', as: 'provider', body: event };
  // Providers send twice at once what they are not sure of.
  await Promise.all(Array.from({ length: 1 + random.below(2) }, () => book.ask('pay', wire, id)));
};

const withdrawal: Scenario = async ({ clients, checkers, payer }, book, random) => {
  const { person, accountId, beneficiaryId } = random.pick(clients);
  const body = {
    accountId,
    beneficiaryId,
    asset: 'USD',
    amount: amountOf(random, 300),
    confirmDuplicate: true,
  };
  const asked = await book.insist('withdrawal', keyed(person, '/v1/withdrawals', body));
  if (asked.state !== 'acknowledged' || asked.id === null) {
    return;
  }
  const { id } = asked;
  const path = `/v1/withdrawals/${id}`;
  const step = (as: Person, name: string, sent?: unknown): Wire => ({
    method: 'POST',
    path: `${path}/${name}`,
    as,
    ...(sent === undefined ? {} : { body: sent }),
  });
  const way = random.below(4);
  if (way === 0) {
    await book.insist('cancel', step(person, 'cancel'), id);
    return;
  }
  const steps = [
    ['approve', step(checkers[0], 'approve', REASON)],
    ['approve', step(checkers[1], 'approve', REASON)],
    ['process', step(payer, 'process')],
    ['complete', step(payer, 'complete', { transactionReference: `FT${id}` })],
  ] as const;
  for (const [what, wire] of steps.slice(0, way === 1 ? random.below(3) : steps.length)) {
    const done = await book.insist(what, wire, id);
    if (done.state !== 'acknowledged') {
      return;
    }
  }
};

const order: Scenario = async ({ clients, maker }, book, random) => {
  const client = random.pick(clients);
  const common = { symbol: 'BTC/USD', type: 'limit', timeInForce: 'gtc', limitPrice: PRICE };
  const quantity = random.pick(['0.0001', '0.0002']);
  const buy = { ...common, accountId: client.accountId, side: 'buy', quantity };
  const sell = { ...common, accountId: maker.accountId, side: 'sell', quantity };
  await Promise.all([
    book.ask('order', keyed(client.person, '/v1/orders', buy)),
    book.ask('order', keyed(maker.person, '/v1/orders', sell)),
  ]);
};

/** Prices around that of the orders above, so that what waits is reached. */
function near(random: Random, spread: number): string {
  return String(60_000 - spread + random.below(2 * spread + 1));
}

/** Two trade at a price, which reaches what waits for it. */
const move: Scenario = async ({ clients, maker }, book, random) => {
  const common = { symbol: 'BTC/USD', type: 'limit', timeInForce: 'ioc', quantity: '0.0001' };
  const limitPrice = near(random, 90);
  const [buyer, seller] = [random.pick(clients), maker];
  const sell = { ...common, accountId: seller.accountId, side: 'sell', limitPrice, timeInForce: 'gtc' };
  const sold = await book.ask('order', keyed(seller.person, '/v1/orders', sell));
  if (sold.state === 'acknowledged') {
    const buy = { ...common, accountId: buyer.accountId, side: 'buy', limitPrice };
    await book.ask('order', keyed(buyer.person, '/v1/orders', buy));
  }
};

const held: Scenario = async ({ clients, maker }, book, random) => {
  const { person, accountId } = random.pick([clients[0], clients[1], maker, maker]);
  const side = person === maker.person ? 'sell' : 'buy';
  const common = { accountId, symbol: 'BTC/USD', side, quantity: '0.0001', timeInForce: 'gtc' };
  const away = side === 'buy' ? 60_100 : 59_900;
  const waits = random.pick([
    { type: 'stop', stopPrice: String(away) },
    { type: 'stop_limit', stopPrice: String(away), limitPrice: String(away) },
    { type: 'trailing_stop', trailAmount: '40' },
    { type: 'trailing_stop', trailPercent: '0.1' },
  ]);
  const asked = await book.ask('held', keyed(person, '/v1/orders', { ...common, ...waits }));
  await takeOutSometimes(person, asked, book, random);
};

const bracket: Scenario = async ({ clients, maker }, book, random) => {
  const { person, accountId } = random.pick(clients);
  const common = { symbol: 'BTC/USD', type: 'limit', timeInForce: 'gtc', limitPrice: PRICE };
  const exits = { takeProfit: { limitPrice: '60050' }, stopLoss: { stopPrice: '59950' } };
  const entry = { ...common, accountId, side: 'buy', quantity: '0.0002', ...exits };
  const sell = {
    ...common,
    accountId: maker.accountId,
    side: 'sell',
    quantity: random.pick(['0.0001', '0.0002']),
  };
  const [asked] = await Promise.all([
    book.ask('bracket', keyed(person, '/v1/orders', entry)),
    book.ask('order', keyed(maker.person, '/v1/orders', sell)),
  ]);
  await takeOutSometimes(person, asked, book, random);
};

const pair: Scenario = async ({ maker: { person, accountId } }, book, random) => {
  const common = { accountId, symbol: 'BTC/USD', side: 'sell', quantity: '0.0003', ocoGroup: 'exit' };
  const members = [
    { ...common, type: 'limit', limitPrice: '60060' },
    { ...common, type: 'stop', stopPrice: '59940' },
  ];
  const asked = await book.ask('pair', keyed(person, '/v1/orders/batch', { orders: members }));
  await takeOutSometimes(person, asked, book, random);
};

const transfer: Scenario = async ({ clients }, book, random) => {
  const { person, accountId, otherAccountId } = random.pick(clients);
  const [fromAccountId, toAccountId] = random.pick([
    [accountId, otherAccountId],
    [otherAccountId, accountId],
  ]);
  const body = { fromAccountId, toAccountId, asset: 'USD', amount: amountOf(random, 200) };
  await book.ask('transfer', keyed(person, '/v1/transfers', body));
};

/** A quote is an offer; what was promised is the conversion. */
const conversion: Scenario = async ({ clients, url }, book, random) => {
  const { person, accountId } = random.pick(clients);
  const [fromAsset = '', toAsset = ''] = random.pick([
    ['USD', 'EUR'],
    ['USD', 'EUR'],
    ['EUR', 'USD'],
  ]);
  const body = { accountId, fromAsset, toAsset, fromAmount: amountOf(random, 1_000) };
  const quoted = await apiFor(url(), person.token())
    .POST('/v1/conversions/quotes', { body })
    .catch(() => undefined);
  if (quoted?.data !== undefined) {
    await book.ask('conversion', keyed(person, '/v1/conversions', { quoteId: quoted.data.id }));
  }
};

/** What takes several steps or its time, as a liquidation does: each round begins with it, so that kills come between. */
const FIRST: readonly Scenario[] = [squeeze, statement, payoutFile, journal, hold];

/** What brings each answer: asked for at once where no round has seen it. */
const BRINGING: Readonly<Record<Made | Step, Scenario>> = {
  deposit,
  pay: deposit,
  withdrawal,
  cancel: withdrawal,
  approve: withdrawal,
  process: withdrawal,
  complete: withdrawal,
  order,
  takeOut: pair,
  held,
  bracket,
  pair,
  contract,
  paper,
  transfer,
  conversion,
  hold,
  request: hold,
  release: hold,
  capture: hold,
  post: journal,
  reverse: journal,
  clear: clearance,
  import: statement,
  confirm: statement,
  payoutFile,
  report: payoutFile,
};

/** As often as they come. */
const SCENARIOS: readonly Scenario[] = [
  deposit,
  withdrawal,
  withdrawal,
  order,
  move,
  move,
  held,
  bracket,
  pair,
  transfer,
  contract,
  contract,
  paper,
  paper,
  squeeze,
  conversion,
  hold,
  hold,
  journal,
  clearance,
  statement,
  statement,
  payoutFile,
];
