/**
 * A week of accounts under every lot method against a slow model that keeps lots, money and prices by itself: it
 * knows the equity, and what was realised, and works out by the lots how their unrealised profit changed. Trades are
 * orders that meet; their commissions are fees, and in neither profit.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/postgres-js';
import { type Amount, amountOf, formatAmount, ONE, parseAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { addDays, dayOf, endOfDay } from '../../../kernel/business-date.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { bpsOf } from '../../../kernel/rounding.ts';
import { msOfInstant } from '../../../kernel/time.ts';
import { openClient, type Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { listContract } from '../../../testing/list-contract.ts';
import { randomFrom } from '../../../testing/random.ts';
import { SlowLots } from '../../../testing/slow-lots.ts';
import { startTradingDesk, type Trader, type TradingDesk } from '../../../testing/trading-desk.ts';
import {
  consumeLots,
  customerWallet,
  houseWallet,
  type NewJournal,
  openLots,
  postJournals,
} from '../../ledger/index.ts';
import {
  createInstrument,
  instrumentOf,
  keepMarketMoves,
  keepTradePrints,
  setQuote,
} from '../../markets/index.ts';
import { historyChecks } from './checks.ts';
import { takeSnapshots } from './take-snapshots.ts';

const METHODS = ['fifo', 'lifo', 'hifo', 'average'] as const;
const HOUR_MS = 3_600_000;

/** A trader as the model knows them; what happened today is counted until the day ends. */
class Member {
  readonly trader: Trader;
  readonly btc = new SlowLots();
  /** What was paid to buy each lot, and how many of its units have gone. */
  readonly commissions = new Map<string, { readonly paid: bigint; readonly units: bigint; gone: bigint }>();
  cash = 0n;
  euros = 0n;
  today = newToday();
  /** Of the last day that ended. */
  last = { equity: 0n, gain: 0n, euroValue: 0n };
  readonly days = new Map<string, Record<string, string>>();

  constructor(trader: Trader) {
    this.trader = trader;
  }

  /** Adds a lot that was bought with a commission. */
  buy(units: bigint, cost: bigint, paid: bigint): void {
    const id = `bought ${this.commissions.size}`;
    this.btc.add(units, cost + paid, id);
    this.commissions.set(id, { paid, units, gone: 0n });
  }

  /** Takes units out. @shape what they cost without commissions */
  take(units: bigint): bigint {
    let cost = 0n;
    for (const part of this.btc.take(units)) {
      cost += part.cost ?? 0n;
      const lot = this.commissions.get(part.id);
      if (lot !== undefined) {
        const before = commissionOf(lot);
        lot.gone += part.quantity;
        cost -= commissionOf(lot) - before;
      }
    }
    return cost;
  }

  /** What the open lots cost without commissions. */
  get cost(): bigint {
    const kept = [...this.commissions.values()].reduce((sum, lot) => sum + lot.paid - commissionOf(lot), 0n);
    return this.btc.cost - kept;
  }

  /** What the day made of the account, worked out by lots. */
  endDay(day: string, prices: { readonly btc: bigint; readonly eur: bigint }): void {
    const at = (units: bigint, price: bigint) => {
      expect((units * price) % ONE).toBe(0n);
      return (units * price) / ONE;
    };
    const { today, last } = this;
    const gain = at(this.btc.quantity, prices.btc) - this.cost;
    const euroValue = at(this.euros, prices.eur);
    const equity = this.cash + euroValue + at(this.btc.quantity, prices.btc);
    // What came in or went out unsold counts at the value of the day's end, whatever it had cost.
    const carried = at(today.unitsIn, prices.btc) - today.costIn;
    const unrealised = gain - last.gain - carried + (euroValue - last.euroValue) + today.converted;
    const transfers = today.transfers + at(today.unitsIn, prices.btc);
    this.days.set(day, {
      opening: formatAmount(last.equity),
      equity: formatAmount(equity),
      change: formatAmount(equity - last.equity),
      realised: formatAmount(today.realised + today.income),
      income: formatAmount(today.income),
      unrealised: formatAmount(unrealised),
      fees: formatAmount(today.fees),
      transfers: formatAmount(transfers),
    });
    this.last = { equity, gain, euroValue };
    this.today = newToday();
  }
}

/** What of a commission has gone with the units it was paid for, rounded half up. */
function commissionOf({
  paid,
  units,
  gone,
}: {
  readonly paid: bigint;
  readonly units: bigint;
  gone: bigint;
}) {
  return (2n * paid * gone + units) / (2n * units);
}

/** @units US dollars; units in bitcoin, less than nothing where more went out */
function newToday() {
  return { realised: 0n, income: 0n, fees: 0n, transfers: 0n, unitsIn: 0n, costIn: 0n, converted: 0n };
}

let desk: TradingDesk;
/** Who had something before history began. */
let firstComer: Trader;
const random = randomFrom(20_261_122);
const prices = { btc: parseAmount('60000'), eur: parseAmount('1.1') };

beforeAll(async () => {
  desk = await startTradingDesk(import.meta.file);
  for (const [base, last] of [
    ['EUR', '1.1'],
    ['ETH', '3000'],
  ] as const) {
    await createInstrument(desk.system, {
      symbol: `${base}/USD`,
      name: base,
      type: base === 'EUR' ? 'forex' : 'crypto',
      exchange: base === 'EUR' ? 'FOREX' : 'CRYPTO',
      baseAsset: base,
      quoteAsset: 'USD',
      tick: parseAmount('0.0001'),
      lot: parseAmount('0.01'),
      minQuantity: parseAmount('0.01'),
      maxQuantity: parseAmount('1000000'),
      collarBps: 1000,
      makerFeeBps: 10,
      takerFeeBps: 20,
      fractional: true,
      settlementCycle: 'T+0',
      description: '',
    });
    await setQuote(desk.system, { symbol: `${base}/USD`, last: parseAmount(last), source: 'test' });
  }
  // An hour after midnight, so that no day ends while something is done.
  await nextDay();
  firstComer = await desk.newTrader({ USD: '12' });
  await nextDay();
  await takeSnapshots(desk.system);
});

afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  // Nobody quoted the conversions of these tests.
  const others = report.checks.filter(({ name }) => name !== 'ledger.conversions_match_journals');
  expect(others.flatMap((check) => check.breaks)).toEqual([]);
});

function today(): string {
  return dayOf(desk.deps.clock.now(), desk.deps.timeZone);
}

async function nextDay(): Promise<void> {
  const { clock, timeZone } = desk.deps;
  desk.advance(msOfInstant(endOfDay(today(), timeZone)) + HOUR_MS - msOfInstant(clock.now()));
}

async function work<Done>(what: (tx: Tx) => Promise<Done>): Promise<Done> {
  return transact(desk.system, 'engine', what);
}

async function walletOf({ userId, accountId }: Trader, asset: string, tx: Tx): Promise<Id> {
  return (await customerWallet(tx, desk.system, { userId, accountId, book: 'live' }, asset)).id;
}

type Legs = Readonly<Record<string, bigint>>;

/** Posts a journal between the wallets of a trader and of the house: `{ USD: -5n, 'fees_earned USD': 5n }`. */
async function post(
  tx: Tx,
  kind: NewJournal['kind'],
  all: readonly (readonly [Trader | null, Legs])[],
): Promise<Id> {
  const entries: { walletId: Id; amount: Amount }[] = [];
  for (const [trader, legs] of all) {
    for (const [name, amount] of Object.entries(legs)) {
      const [role = '', asset = ''] = name.split(' ');
      const walletId =
        trader === null
          ? (
              await houseWallet(tx, desk.system, {
                role: role as 'custody',
                reference: 'test',
                book: 'live',
                asset,
              })
            ).id
          : await walletOf(trader, name, tx);
      entries.push({ walletId, amount: amountOf(amount) });
    }
  }
  const referenceId = newId();
  const journal = { book: 'live', kind, referenceType: 'test', referenceId, description: 'Test' } as const;
  await postJournals(tx, desk.system, [
    { ...journal, entries: entries.filter(({ amount }) => amount !== 0n) },
  ]);
  return referenceId;
}

/** A trade happens at a price, which candles keep. */
async function print(tx: Tx, symbol: string, price: Amount): Promise<void> {
  const { id: instrumentId } = await instrumentOf(tx, symbol);
  await keepTradePrints(tx, desk.system, [{ instrumentId, price, size: ONE, feed: null }]);
  await keepMarketMoves(tx, desk.system, [{ instrumentId, last: price, top: null }]);
}

/** The seller waits in the book and the buyer takes. */
async function trade(buyer: Member, seller: Member, quantity: Amount, price: Amount): Promise<void> {
  const amount = amountOf((quantity * price) / ONE);
  const [buyFee, sellFee] = [bpsOf(amount, 20n, 'up'), bpsOf(amount, 10n, 'up')];
  await work((tx) => print(tx, 'BTC/USD', price));
  const words = `${formatAmount(quantity)} at ${formatAmount(price)}`;
  const sale = await desk.place(seller.trader, `sell ${words}`);
  const purchase = await desk.place(buyer.trader, `buy ${words}`);
  expect(await desk.later(seller.trader, sale.body.id)).toMatchObject({ fees: formatAmount(sellFee) });
  expect(await desk.later(buyer.trader, purchase.body.id)).toMatchObject({ fees: formatAmount(buyFee) });
  buyer.cash -= amount + buyFee;
  buyer.today.fees -= buyFee;
  buyer.buy(quantity, amount, buyFee);
  seller.cash += amount - sellFee;
  seller.today.fees -= sellFee;
  seller.today.realised += amount - seller.take(quantity);
  prices.btc = price;
}

/** Units come in at a known cost, or go out unsold. */
async function moveUnits(member: Member, quantity: Amount, cost: Amount): Promise<void> {
  const { trader, btc } = member;
  const out = quantity < 0n;
  await work(async (tx) => {
    const legs: Legs = { 'custody BTC': -quantity };
    const referenceId = await post(tx, out ? 'withdrawal' : 'deposit', [
      [trader, { BTC: quantity }],
      [null, legs],
    ]);
    const walletId = await walletOf(trader, 'BTC', tx);
    if (out) {
      const units = { walletId, quantity: amountOf(-quantity), proceeds: null };
      await consumeLots(tx, desk.system, [{ ...units, referenceType: 'withdrawal', referenceId }]);
    } else {
      const { userId, accountId } = trader;
      const known = { amount: cost, currency: 'USD' };
      const lot = { walletId, userId, accountId, asset: 'BTC', quantity, cost: known, referenceId };
      await openLots(tx, desk.system, [{ ...lot, source: 'deposit' }]);
    }
  });
  member.today.unitsIn += quantity;
  if (out) {
    member.today.costIn -= member.take(-quantity);
  } else {
    btc.add(quantity, cost);
    member.today.costIn += cost;
  }
}

/** Money in (with what the house keeps of it), out, charged, earned, or changed into euros. */
async function moveMoney(member: Member): Promise<void> {
  const { trader, today: counts } = member;
  const amount = BigInt(1 + random.below(90_000)) * (ONE / 100n);
  const fee = BigInt(random.below(500)) * (ONE / 100n);
  const way = random.below(5);
  const euros = BigInt(random.below(40_000)) * (ONE / 100n);
  await work(
    (tx) =>
      [
        () =>
          post(tx, 'deposit', [
            [trader, { USD: amount }],
            [null, { 'client_money_bank USD': -amount - fee, 'fees_earned USD': fee }],
          ]),
        () =>
          post(tx, 'withdrawal', [
            [trader, { USD: -amount - fee }],
            [null, { 'client_money_bank USD': amount, 'fees_earned USD': fee }],
          ]),
        () =>
          post(tx, 'fee', [
            [trader, { USD: -fee - 1n }],
            [null, { 'fees_earned USD': fee + 1n }],
          ]),
        () =>
          post(tx, 'interest', [
            [trader, { USD: fee + 1n }],
            [null, { 'client_money_bank USD': -fee - 1n }],
          ]),
        () =>
          post(tx, 'conversion', [
            [trader, { USD: -amount, EUR: euros + ONE }],
            [null, { 'fx_position USD': amount, 'fx_position EUR': -euros - ONE }],
          ]),
      ][way]?.() ?? Promise.resolve(newId()),
  );
  const charged = way === 2 ? fee + 1n : 0n;
  const earned = way === 3 ? fee + 1n : 0n;
  const moved = [amount, -amount - fee, -charged, earned, -amount][way] ?? 0n;
  member.cash += moved;
  counts.transfers += [amount + fee, -amount][way] ?? 0n;
  counts.fees -= way < 2 ? fee : charged;
  counts.income += earned;
  counts.converted -= way === 4 ? amount : 0n;
  member.euros += way === 4 ? euros + ONE : 0n;
}

async function choose(member: Member, method: (typeof METHODS)[number]): Promise<void> {
  await desk.deps.db.engine.execute(
    sql`update accounts set lot_method = ${method} where id = ${member.trader.accountId}`,
  );
  member.btc.method = method;
}

async function newMember(method: (typeof METHODS)[number], units: string): Promise<Member> {
  const member = new Member(
    await desk.newTrader({ USD: '100000', ...(units === '0' ? {} : { BTC: units }) }),
  );
  member.cash = parseAmount('100000');
  member.today.transfers = member.cash;
  if (units !== '0') {
    const quantity = parseAmount(units);
    member.btc.add(quantity, quantity * 50_000n);
    member.today.unitsIn = quantity;
    member.today.costIn = quantity * 50_000n;
  }
  await choose(member, method);
  return member;
}

async function liveThroughDay(members: readonly Member[]): Promise<void> {
  for (let step = 0; step < 8; step += 1) {
    const member = random.pick(members);
    const other = random.pick(members.filter((one) => one !== member));
    const quantity = amountOf(BigInt(1 + random.below(3_000)) * (ONE / 10_000n));
    const price = amountOf(BigInt(5_500_000 + random.below(1_000_000)) * (ONE / 100n));
    const way = random.below(6);
    if (way < 3 && other.btc.quantity > quantity) {
      await trade(member, other, quantity, price);
    } else if (way === 3) {
      await moveUnits(member, quantity, amountOf(BigInt(random.below(2_000_000)) * (ONE / 100n)));
    } else if (way === 4 && member.btc.quantity > quantity) {
      await moveUnits(member, amountOf(-quantity), amountOf(0n));
    } else {
      await moveMoney(member);
    }
  }
  prices.eur = amountOf(BigInt(10_500 + random.below(1_000)) * (ONE / 10_000n));
  await work((tx) => print(tx, 'EUR/USD', prices.eur));
}

async function historyOf(trader: Trader, range = '', as = trader) {
  return desk.request(as, 'GET', `/v1/accounts/${trader.accountId}/portfolio/history${range}`);
}

async function rowsNow(): Promise<unknown> {
  return [
    ...(await desk.deps.db.engine.execute(sql`select * from portfolio_snapshots order by account_id, day`)),
  ];
}

test('a week under every method, as the model has it, day by day and caught up after three days, to the last decimal', async () => {
  const members: Member[] = [];
  await desk.engine.start();
  for (const method of METHODS) {
    members.push(await newMember(method, '2'));
  }
  const started = today();
  for (const member of members) {
    member.endDay(started, prices);
  }
  await nextDay();
  await takeSnapshots(desk.system);
  for (let day = 1; day <= 7; day += 1) {
    if (day === 2) {
      members.push(await newMember('fifo', '0'));
    }
    if (day === 3) {
      for (const [place, member] of members.entries()) {
        await choose(member, present(METHODS[(place + 1) % METHODS.length], 'there are four'));
      }
    }
    await liveThroughDay(members);
    for (const member of members) {
      member.endDay(today(), prices);
    }
    await nextDay();
    // From the fifth day on nothing runs, until all is caught up at once.
    if (day < 5 || day === 7) {
      await takeSnapshots(desk.system);
    }
  }
  for (const { trader, days } of members) {
    const { body } = await historyOf(trader);
    const told = new Map(body.days.map((row: { day: string }) => [row.day, row]));
    for (const [day, expected] of days) {
      expect({ day, ...(told.get(day) as object) }).toMatchObject({ day, ...expected, missing: [] });
    }
    expect([...told.keys()].at(-1)).toBe([...days.keys()].at(-1) as never);
    await expectRunsAddUp(trader, [...days.keys()]);
  }
  await desk.engine.stop();
  const rows = await rowsNow();
  await takeSnapshots(desk.system);
  expect(await rowsNow()).toEqual(rows);
}, 60_000);

/** Any run of days: what its days say adds up to what it says. */
async function expectRunsAddUp(trader: Trader, days: readonly string[]): Promise<void> {
  for (const [from, to] of [
    [1, 7],
    [2, 5],
    [4, 4],
  ] as const) {
    const { body } = await historyOf(trader, `?from=${days[from] ?? days[1]}&to=${days[to] ?? days.at(-1)}`);
    const parts = ['change', 'realised', 'income', 'unrealised', 'fees', 'transfers'] as const;
    const total = Object.fromEntries(parts.map((part) => [part, parseAmount(body.total[part])]));
    for (const part of parts) {
      const sum = body.days.reduce(
        (added: bigint, row: Record<string, string>) => added + parseAmount(row[part] ?? ''),
        0n,
      );
      expect(formatAmount(total[part] ?? 0n)).toBe(formatAmount(sum));
    }
    const { change = 0n, realised = 0n, unrealised = 0n, fees = 0n, transfers = 0n } = total;
    expect(change).toBe(realised + unrealised + fees + transfers);
  }
}

test('a day without a price is a gap that names what had none, and the days around it add up all the same', async () => {
  const [holder, receiver] = [await desk.newTrader({ ETH: '2' }), await desk.newTrader({ USD: '5' })];
  await setQuote(desk.system, { symbol: 'ETH/USD', last: parseAmount('3000'), source: 'test' });
  await nextDay();
  await takeSnapshots(desk.system);
  const before = addDays(today(), -1);
  await work((tx) =>
    post(tx, 'deposit', [
      [receiver, { EUR: ONE }],
      [null, { 'client_money_bank EUR': -ONE }],
    ]),
  );
  await nextDay();
  // A quote that no tick was kept of says nothing of the day before it.
  for (const [symbol, last] of [['ETH/USD', '3500']] as const) {
    await setQuote(desk.system, { symbol, last: parseAmount(last), source: 'test' });
  }
  await takeSnapshots(desk.system);
  await nextDay();
  await takeSnapshots(desk.system);
  const { body } = await historyOf(holder, `?from=${before}`);
  expect(body.days).toMatchObject([
    { equity: '6000', missing: [] },
    { equity: null, change: null, unrealised: null, transfers: '0', missing: ['ETH'] },
    { opening: null, equity: '7000', unrealised: null, missing: [] },
  ]);
  expect(body.total).toMatchObject({
    opening: '0',
    equity: '7000',
    realised: '0',
    unrealised: '1000',
    transfers: '6000',
  });
  expect((await historyOf(receiver, `?from=${before}`)).body.days[1]).toMatchObject({ missing: [] });
});

test('open contracts count at the price of the day’s end, and what was closed is realised, also when caught up', async () => {
  await listContract(desk.system, { makerFeeBps: 0 }, { vouchedBy: 'hand' });
  await desk.engine.start();
  const [long, short] = [
    await desk.newTrader({ USD: '1000' }, { leverage: '20' }),
    await desk.newTrader({ USD: '1000' }, { leverage: '20' }),
  ];
  const terms = { symbol: 'US500/USD', leverage: '20' };
  for (const [maker, taker, price, side, quantity] of [
    [short, long, '5000', 'buy', '2'],
    [short, long, '5020', 'sell', '1'],
    [short, long, '5050', 'sell', '1'],
  ] as const) {
    await setQuote(desk.system, { symbol: 'US500/USD', last: parseAmount(price), source: 'test' });
    await desk.place(maker, `${side === 'buy' ? 'sell' : 'buy'} ${quantity} at ${price}`, terms);
    const { body } = await desk.place(taker, `${side} ${quantity} at ${price}`, terms);
    expect(await desk.later(taker, body.id)).toMatchObject({ status: 'filled' });
    await nextDay();
  }
  await desk.engine.stop();
  await takeSnapshots(desk.system);
  const from = addDays(today(), -3);
  expect((await historyOf(long, `?from=${from}`)).body.days).toMatchObject([
    { equity: '990', contractsValue: '0', transfers: '1000', fees: '-10', realised: '0', unrealised: '0' },
    { equity: '1024.98', contractsValue: '20', fees: '-5.02', realised: '20', unrealised: '20' },
    { equity: '1049.93', contractsValue: '0', fees: '-5.05', realised: '50', unrealised: '-20' },
  ]);
  expect((await historyOf(short, `?from=${from}`)).body.days).toMatchObject([
    { equity: '1000', contractsValue: '0', unrealised: '0' },
    { equity: '960', contractsValue: '-20', realised: '-20', unrealised: '-20' },
    { equity: '930', contractsValue: '0', realised: '-50', unrealised: '20' },
  ]);
});

test('the first day ever tells what there was, and not why', async () => {
  const { body } = await historyOf(firstComer);
  expect(body.days[0]).toMatchObject({ opening: null, equity: '12', change: null, unrealised: null });
});

test('history is its owner’s and the staff’s, and asks for a range that makes sense', async () => {
  const [one, other] = [await desk.newTrader(), await desk.newTrader()];
  expect((await historyOf(one, '', other)).status).toBe(404);
  expect((await historyOf(one, '', await desk.newStaff('auditor'))).status).toBe(200);
  expect((await historyOf(one, '?from=2026-02-02&to=2026-02-01')).body.code).toBe('validation_failed');
  for (const range of ['?from=2024-01-01&to=2026-02-01', '?from=2024-01-01']) {
    expect((await historyOf(one, range)).body.code).toBe('history_range_too_long');
  }
  const { body } = await historyOf(one, `?from=${addDays(today(), -1)}`);
  expect(body.days).toMatchObject([{ equity: '0', change: '0', unrealised: '0', transfers: '0' }]);
});

test('a snapshot stays as it is, and reconcile finds one that its entries do not make, or that is missing', async () => {
  const update = desk.deps.db.engine.execute(sql`update portfolio_snapshots set equity = 1`);
  expect(
    await update.then(
      () => 'updated',
      () => 'refused',
    ),
  ).toBe('refused');
  const trader = await desk.newTrader({ USD: '70' });
  const [buyer, seller] = [await desk.newTrader({ USD: '10000' }), await desk.newTrader({ BTC: '1' })];
  await desk.engine.start();
  await work((tx) => print(tx, 'BTC/USD', parseAmount('60000')));
  await desk.place(seller, 'sell 0.1 at 60000');
  await desk.place(buyer, 'buy 0.1 at 60000');
  await desk.engine.settled();
  await desk.engine.stop();
  await nextDay();
  await takeSnapshots(desk.system);
  expect((await historyOf(trader)).body.days.at(-1)).toMatchObject({
    opening: '0',
    transfers: '70',
    equity: '70',
  });
  expect((await historyOf(buyer)).body.days.at(-1)).toMatchObject({
    equity: '9988',
    realised: '0',
    unrealised: '0',
    fees: '-12',
  });
  // 6000 less what they had cost, 50000 each; the commission of 6 is in no profit.
  expect((await historyOf(seller)).body.days.at(-1)).toMatchObject({ realised: '1000', fees: '-6' });
  const own = `account_id = '${trader.accountId}'`;
  // As it was written before commissions were fees.
  const before = `update portfolio_snapshots set unrealised = unrealised + fees, fees = 0, basis = jsonb_set(basis, '{assets}',
    (select jsonb_agg(a.asset - 'commissions' order by a.place) from jsonb_array_elements(basis -> 'assets') with ordinality a (asset, place)))
    where account_id = '${buyer.accountId}'`;
  expect(await breaksAfter(before, 'reports.snapshots_recompute')).toBe(0);
  const plants = [
    [
      `update portfolio_snapshots set realised = realised + 1, transfers = transfers - 1 where ${own}`,
      'recompute',
    ],
    [`delete from portfolio_snapshots where ${own}`, 'recompute'],
    [
      `update portfolio_snapshots set opening = 1, transfers = transfers - 1 where ${own}`,
      'follow_each_other',
    ],
  ] as const;
  for (const [plant, name] of plants) {
    expect(await breaksAfter(plant, `reports.snapshots_${name}`)).toBe(1);
  }
});

/** How many breaks a check finds once its owner has done what nobody else can; it is undone again. */
async function breaksAfter(plant: string, name: string): Promise<number> {
  const owner = drizzle(openClient(desk.database.owner, 1));
  const check = present(
    historyChecks.find((one) => one.name === name),
    'the check exists',
  );
  let found = 0;
  const planted = owner.transaction(async (tx) => {
    for (const table of [
      'portfolio_snapshots',
      'portfolio_days',
      'accounts',
      'wallets',
      'ledger_entries',
      'journals',
    ]) {
      await tx.execute(sql.raw(`alter table ${table} no force row level security`));
    }
    for (const table of ['lots', 'lot_disposals', 'positions', 'fills']) {
      await tx.execute(sql.raw(`alter table ${table} no force row level security`));
    }
    await tx.execute(sql.raw('alter table portfolio_snapshots disable trigger user'));
    await tx.execute(sql.raw(plant));
    found = (await check.run(tx as unknown as Tx)).breaks.length;
    tx.rollback();
  });
  await planted.catch(() => undefined);
  await owner.$client.end();
  return found;
}
