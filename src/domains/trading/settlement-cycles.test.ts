import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { and, eq } from 'drizzle-orm';
import fc from 'fast-check';
import { type Amount, amountOf, parseAmount } from '../../kernel/amount.ts';
import { addDays, dayOf } from '../../kernel/business-date.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { msOfInstant } from '../../kernel/time.ts';
import { sqlStateOf } from '../../platform/db/errors.ts';
import { auditLogs, outbox } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { startTradingDesk, type Trader, type TradingDesk } from '../../testing/trading-desk.ts';
import { accounts } from '../accounts/schema.ts';
import { fundingDomain } from '../funding/index.ts';
import { createHold, ledgerDomain, reconcile, releaseHold } from '../ledger/index.ts';
import { journals, wallets } from '../ledger/schema.ts';
import { settlementObligations } from '../ledger/settlements/schema.ts';
import { createInstrument, setQuote } from '../markets/index.ts';

const ZONE = 'Indian/Mauritius';
const UNSETTLED = 'funding.unsettled_is_of_deposits_and_trades';

/** One unit for one dollar and no fee, so that amounts are easily followed; three cycles over the same assets. */
const SYMBOLS = ['ETH/USD.T0', 'ETH/USD.T1', 'ETH/USD.T2'] as const;
const [AT_ONCE, NEXT_DAY, IN_TWO] = SYMBOLS;

let desk: TradingDesk;

/** What the job does. */
function settleDue(): Promise<void> {
  return present(ledgerDomain.jobs.find(({ name }) => name === 'ledger.settle-trades')).run(desk.system);
}

function present<Value>(value: Value | undefined): Value {
  expect(value).toBeDefined();
  return value as Value;
}

beforeAll(async () => {
  desk = await startTradingDesk(import.meta.file);
  for (const [place, symbol] of SYMBOLS.entries()) {
    await list(symbol, place);
  }
  await desk.engine.start();
  // Noon in Mauritius, where the firm's day and that of the exchange are the same.
  const now = msOfInstant(desk.deps.clock.now());
  const noon = Temporal.PlainDate.from(addDays(today(), 1)).toZonedDateTime({
    timeZone: ZONE,
    plainTime: '12:00',
  });
  desk.advance(noon.epochMilliseconds - now);
});

afterEach(async () => {
  await desk.emptyTheBooks();
});

afterAll(async () => {
  const own = fundingDomain.checks.filter(({ name }) => name === UNSETTLED);
  expect(own).toHaveLength(1);
  const reports = [await desk.reconcile(), await reconcile(desk.system, own)];
  await desk.close();
  expect(reports.flatMap(({ checks }) => checks.flatMap((check) => check.breaks))).toEqual([]);
});

async function list(symbol: string, days: number): Promise<void> {
  const one = parseAmount('1');
  await createInstrument(desk.system, {
    symbol,
    name: symbol,
    type: 'crypto',
    exchange: 'CRYPTO',
    baseAsset: 'ETH',
    quoteAsset: 'USD',
    tick: one,
    lot: one,
    minQuantity: one,
    maxQuantity: parseAmount('1000'),
    collarBps: 1000,
    makerFeeBps: 0,
    takerFeeBps: 0,
    fractional: true,
    settlementCycle: `T+${days}`,
    description: '',
  });
  await setQuote(desk.system, { symbol, last: one, source: 'test' });
}

function today(): string {
  return dayOf(desk.deps.clock.now(), ZONE);
}

async function nextDay(days = 1): Promise<void> {
  desk.advance(days * 86_400_000);
  await settleDue();
}

async function trade(
  buyer: Trader,
  seller: Trader,
  quantity: number | string,
  symbol: string,
): Promise<string> {
  await desk.place(seller, `sell ${quantity} at 1`, { symbol });
  const { body } = await desk.place(buyer, `buy ${quantity} at 1`, { symbol });
  expect(body.rejectionReason).toBeNull();
  expect((await desk.later(buyer, body.id)).status).toBe('filled');
  return body.id;
}

/** Total, unsettled and withdrawable of one wallet, and what settles when. */
async function walletOf(trader: Trader, asset: string) {
  const { body } = await desk.request(trader, 'GET', `/v1/accounts/${trader.accountId}/wallets`);
  const { id, total, unsettled, withdrawable, settling } = body.data.find(
    (wallet: { asset: string }) => wallet.asset === asset,
  );
  return { id: id as Id, shown: `${total} / ${unsettled} / ${withdrawable}`, settling };
}

async function secondAccount({ userId }: Trader): Promise<Id> {
  const id = newId();
  const at = desk.deps.clock.now();
  const account = {
    id,
    userId,
    type: 'live',
    name: 'Second',
    baseCurrency: 'USD',
    status: 'active',
  } as const;
  await desk.deps.db.engine.insert(accounts).values({ ...account, createdAt: at, updatedAt: at });
  return id;
}

function withdraw(walletId: Id, amount: Amount): Promise<Id> {
  return transact(desk.system, 'engine', async (tx) => {
    const common = { reason: 'withdrawal', referenceType: 'test', referenceId: newId() } as const;
    return (await createHold(tx, desk.system, { ...common, walletId, amount })).id;
  });
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    (error: { code?: string }) => error.code ?? sqlStateOf(error) ?? 'failed',
  );
}

describe('what a trade brought', () => {
  test('is unsettled on both sides until its value date, and is traded on but never withdrawn', async () => {
    const [buyer, seller] = [await desk.newTrader({ USD: '100' }), await desk.newTrader({ ETH: '50' })];
    const orderId = await trade(buyer, seller, 30, IN_TWO);
    const day = addDays(today(), 2);
    const bought = await walletOf(buyer, 'ETH');
    const sold = await walletOf(seller, 'USD');
    for (const { shown, settling } of [bought, sold]) {
      expect([shown, settling]).toEqual(['30 / 30 / 0', [{ settlesOn: day, amount: '30' }]]);
    }
    expect((await walletOf(buyer, 'USD')).shown).toBe('70 / 0 / 70');
    expect((await walletOf(seller, 'ETH')).shown).toBe('20 / 0 / 20');
    expect(await codeOf(withdraw(bought.id, parseAmount('1')))).toBe('insufficient_funds');
    const transfer = {
      fromAccountId: buyer.accountId,
      toAccountId: await secondAccount(buyer),
      asset: 'ETH',
      amount: '1',
    };
    const moved = await desk.request(buyer, 'POST', '/v1/transfers', { body: transfer, key: newId() });
    expect([moved.status, moved.body.code]).toEqual([422, 'insufficient_funds']);
    const fills = await desk.request(buyer, 'GET', `/v1/fills?orderId=${orderId}`);
    expect(fills.body.data[0].settlesOn).toBe(day);
    const [journal] = await desk.deps.db.engine
      .select({ valueDate: journals.valueDate })
      .from(journals)
      .where(eq(journals.referenceId, fills.body.data[0].tradeId));
    expect(journal?.valueDate).toBe(day);
    const held = await desk.request(buyer, 'GET', `/v1/accounts/${buyer.accountId}/holdings`);
    expect(held.body.data).toMatchObject([{ asset: 'ETH', unsettled: '30', settling: bought.settling }]);
    // The units can be sold and the money spent at once.
    await trade(seller, buyer, 10, IN_TWO);
    expect((await walletOf(buyer, 'ETH')).settling).toEqual([{ settlesOn: day, amount: '20' }]);
    await nextDay();
    expect((await walletOf(buyer, 'ETH')).shown).toBe('20 / 20 / 0');
    await nextDay();
    expect((await walletOf(buyer, 'ETH')).shown).toBe('20 / 0 / 20');
    expect(await codeOf(withdraw(bought.id, parseAmount('20')))).toBe('done');
  });

  test('is listed for its owner and nobody else', async () => {
    const [buyer, seller] = [await desk.newTrader({ USD: '10' }), await desk.newTrader({ ETH: '10' })];
    await trade(buyer, seller, 10, NEXT_DAY);
    const path = `/v1/accounts/${buyer.accountId}/settlements`;
    const open = await desk.request(buyer, 'GET', `${path}?state=open`);
    expect(open.body.data).toMatchObject([
      {
        asset: 'ETH',
        amount: '10',
        used: '0',
        unsettled: '10',
        settlesOn: addDays(today(), 1),
        settledAt: null,
      },
    ]);
    expect((await desk.request(seller, 'GET', path)).status).toBe(404);
    await nextDay();
    expect((await desk.request(buyer, 'GET', `${path}?state=open`)).body.data).toEqual([]);
    const settled = await desk.request(buyer, 'GET', path);
    expect(settled.body.data).toMatchObject([
      { amount: '10', unsettled: '0', settledAt: expect.any(String) },
    ]);
  });
});

describe('a wallet with more obligations than are looked at first', () => {
  test('uses them in their order all the same, and as many as it takes', async () => {
    const [one, other] = [
      await desk.newTrader({ ETH: '60' }),
      await desk.newTrader({ USD: '60', ETH: '70' }),
    ];
    // Sixty fills of one unit each, out of one order in the book.
    await desk.place(one, 'sell 60 at 1', { symbol: IN_TWO });
    const orders = Array.from({ length: 60 }, () => ({
      accountId: other.accountId,
      symbol: IN_TWO,
      side: 'buy',
      type: 'limit',
      timeInForce: 'gtc',
      quantity: '1',
      limitPrice: '1',
    }));
    await desk.request(other, 'POST', '/v1/orders/batch', { body: { orders }, key: newId() });
    await desk.engine.settled();
    const day = addDays(today(), 2);
    expect((await walletOf(one, 'USD')).settling).toEqual([{ settlesOn: day, amount: '60' }]);
    await trade(one, other, 3, AT_ONCE);
    expect((await walletOf(one, 'USD')).settling).toEqual([{ settlesOn: day, amount: '57' }]);
    await trade(one, other, 55, AT_ONCE);
    expect((await walletOf(one, 'USD')).shown).toBe('2 / 2 / 0');
    expect((await walletOf(one, 'ETH')).settling).toEqual([{ settlesOn: day, amount: '58' }]);
  });
});

describe('a paper account', () => {
  test('settles as a live one does, though only one side of its trades is there', async () => {
    const paper = await desk.newTrader({ USD: '100' }, { book: 'paper', gate: {} });
    const { body } = await desk.place(paper, 'buy 20', { symbol: NEXT_DAY });
    expect(await desk.later(paper, body.id)).toMatchObject({ status: 'filled', book: 'paper' });
    const bought = await walletOf(paper, 'ETH');
    expect([bought.shown, bought.settling]).toEqual([
      '20 / 20 / 0',
      [{ settlesOn: addDays(today(), 1), amount: '20' }],
    ]);
    await nextDay();
    expect((await walletOf(paper, 'ETH')).shown).toBe('20 / 0 / 20');
  });
});

describe('what is bought with something unsettled', () => {
  test('settles no earlier, so that trading makes nothing withdrawable', async () => {
    const [one, other] = [
      await desk.newTrader({ ETH: '40' }),
      await desk.newTrader({ USD: '100', ETH: '40' }),
    ];
    await trade(other, one, 40, IN_TWO);
    const day = addDays(today(), 2);
    // Coins that settle at once, for money that does not yet.
    await trade(one, other, 25, AT_ONCE);
    const coins = await walletOf(one, 'ETH');
    expect([coins.shown, coins.settling]).toEqual(['25 / 25 / 0', [{ settlesOn: day, amount: '25' }]]);
    expect((await walletOf(one, 'USD')).settling).toEqual([{ settlesOn: day, amount: '15' }]);
    await nextDay();
    expect((await walletOf(one, 'ETH')).shown).toBe('25 / 25 / 0');
    await nextDay();
    expect((await walletOf(one, 'ETH')).shown).toBe('25 / 0 / 25');
  });

  test('takes the unsettled first and leaves what is settled withdrawable, held for a withdrawal or not', async () => {
    const [one, other] = [
      await desk.newTrader({ ETH: '10', USD: '50' }),
      await desk.newTrader({ USD: '50', ETH: '99' }),
    ];
    await trade(other, one, 10, NEXT_DAY);
    const wallet = await walletOf(one, 'USD');
    expect(wallet.shown).toBe('60 / 10 / 50');
    const hold = await withdraw(wallet.id, parseAmount('50'));
    expect(await codeOf(withdraw(wallet.id, parseAmount('1')))).toBe('insufficient_funds');
    await trade(one, other, 8, AT_ONCE);
    expect((await walletOf(one, 'USD')).shown).toBe('52 / 2 / 0');
    await transact(desk.system, 'engine', (tx) => releaseHold(tx, desk.system, hold));
    expect((await walletOf(one, 'USD')).shown).toBe('52 / 2 / 50');
    await trade(one, other, 5, AT_ONCE);
    expect((await walletOf(one, 'USD')).shown).toBe('47 / 0 / 47');
  });

  test('counts as reserved before it is used: an order in the book uses nothing up', async () => {
    const [one, other] = [await desk.newTrader({ ETH: '10' }), await desk.newTrader({ USD: '50' })];
    await trade(other, one, 10, NEXT_DAY);
    const resting = await desk.place(one, 'buy 10 at 1', { symbol: AT_ONCE });
    expect((await walletOf(one, 'USD')).shown).toBe('10 / 0 / 0');
    await desk.request(one, 'DELETE', `/v1/orders/${resting.body.id}`);
    await desk.engine.settled();
    expect((await walletOf(one, 'USD')).shown).toBe('10 / 10 / 0');
  });
});

describe('the job', () => {
  test('settles what is due once, however often and late it runs, and says so', async () => {
    const [buyer, seller] = [await desk.newTrader({ USD: '10' }), await desk.newTrader({ ETH: '10' })];
    await trade(buyer, seller, 10, NEXT_DAY);
    desk.advance(5 * 86_400_000);
    await Promise.all([settleDue(), settleDue()]);
    await settleDue();
    expect((await walletOf(buyer, 'ETH')).shown).toBe('10 / 0 / 10');
    const told = await desk.deps.db.engine
      .select({ data: outbox.data })
      .from(outbox)
      .where(and(eq(outbox.type, 'ledger.trade_settled'), eq(outbox.userId, buyer.userId)));
    expect(told).toMatchObject([{ data: { asset: 'ETH', amount: '10', settled: '10' } }]);
    const evidence = await desk.deps.db.engine
      .select({ id: auditLogs.id })
      .from(auditLogs)
      .where(and(eq(auditLogs.eventType, 'obligation.settled'), eq(auditLogs.subjectUserId, buyer.userId)));
    expect(evidence).toHaveLength(1);
  });

  test('settles for those who are frozen too', async () => {
    const [buyer, seller] = [await desk.newTrader({ USD: '10' }), await desk.newTrader({ ETH: '10' })];
    await trade(buyer, seller, 10, NEXT_DAY);
    await desk.changeGate(buyer, { restriction: 'frozen' });
    await nextDay();
    expect((await walletOf(buyer, 'ETH')).shown).toBe('10 / 0 / 10');
  });
});

describe('a withdrawal beside a sale', () => {
  test('never takes what the sale brings', async () => {
    const buyer = await desk.newTrader({ USD: '1000' });
    for (let round = 0; round < 3; round += 1) {
      const seller = await desk.newTrader({ ETH: '10', USD: '5' });
      const { id } = await walletOf(seller, 'USD');
      const sale = trade(buyer, seller, 10, NEXT_DAY);
      const attempts = Array.from({ length: 5 }, () => codeOf(withdraw(id, parseAmount('3'))));
      const answers = await Promise.all(attempts);
      await sale;
      expect(answers.filter((answer) => answer === 'done')).toHaveLength(1);
      expect((await walletOf(seller, 'USD')).shown).toBe('15 / 10 / 2');
    }
  });
});

describe('against a model of single coins', () => {
  const step = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        verb: fc.constant('trade' as const),
        buyer: fc.nat(1),
        cycle: fc.nat(2),
        coins: fc.integer({ min: 1, max: 12 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        verb: fc.constant('withdraw' as const),
        who: fc.nat(1),
        asset: fc.constantFrom('USD', 'ETH'),
        coins: fc.integer({ min: 1, max: 9 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ verb: fc.constant('day' as const), days: fc.integer({ min: 1, max: 2 }) }),
    },
  );

  /** Each coin bears the day it settles on; none is settled. */
  type Purse = { coins: string[]; held: number };

  /** Coins that settle first go first, settled ones last. */
  function takeOut(purse: Purse, count: number): string {
    const order = (day: string) => (day === '' ? '9999' : day);
    purse.coins.sort((left, right) => (order(left) < order(right) ? -1 : 1));
    return purse.coins.splice(0, count).reduce((latest, day) => (day > latest ? day : latest), '');
  }

  test('random trades, withdrawals and days leave every wallet as the model has it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 14 }), async (steps) => {
        const traders = [
          await desk.newTrader({ USD: '40', ETH: '40' }),
          await desk.newTrader({ USD: '40', ETH: '40' }),
        ];
        const purses = traders.map(() => ({
          USD: { coins: Array<string>(40).fill(''), held: 0 },
          ETH: { coins: Array<string>(40).fill(''), held: 0 },
        })) as Record<'USD' | 'ETH', Purse>[];
        for (const taken of steps) {
          if (taken.verb === 'day') {
            await nextDay(taken.days);
            for (const purse of purses.flatMap((each) => Object.values(each))) {
              purse.coins = purse.coins.map((day) => (day <= today() ? '' : day));
            }
          } else if (taken.verb === 'trade') {
            const [buyer, seller] = [taken.buyer, 1 - taken.buyer];
            const money = present(purses[buyer]).USD;
            const units = present(purses[seller]).ETH;
            if (money.coins.length < taken.coins || units.coins.length < taken.coins) {
              continue;
            }
            await trade(
              present(traders[buyer]),
              present(traders[seller]),
              taken.coins,
              present(SYMBOLS[taken.cycle]),
            );
            const own = taken.cycle === 0 ? '' : addDays(today(), taken.cycle);
            const [paid, given] = [takeOut(money, taken.coins), takeOut(units, taken.coins)];
            present(purses[buyer]).ETH.coins.push(
              ...Array<string>(taken.coins).fill(paid > own ? paid : own),
            );
            present(purses[seller]).USD.coins.push(
              ...Array<string>(taken.coins).fill(given > own ? given : own),
            );
          } else {
            const purse = present(purses[taken.who])[taken.asset as 'USD' | 'ETH'];
            const settled = purse.coins.filter((day) => day === '').length;
            const { id } = await walletOf(present(traders[taken.who]), taken.asset);
            const answer = await codeOf(withdraw(id, parseAmount(String(taken.coins))));
            expect(answer).toBe(settled >= taken.coins ? 'done' : 'insufficient_funds');
            if (answer === 'done') {
              purse.coins = [
                ...purse.coins.filter((day) => day !== ''),
                ...Array<string>(settled - taken.coins).fill(''),
              ];
              purse.held += taken.coins;
            }
          }
        }
        for (const [place, trader] of traders.entries()) {
          for (const asset of ['USD', 'ETH'] as const) {
            expect(await walletOf(trader, asset)).toMatchObject(expected(present(purses[place])[asset]));
          }
        }
      }),
      { numRuns: 3 },
    );
  });

  function expected({ coins, held }: Purse) {
    const open = coins.filter((day) => day !== '');
    const byDay = Map.groupBy(open, (day) => day);
    return {
      shown: `${coins.length + held} / ${open.length} / ${coins.length - open.length}`,
      settling: [...byDay]
        .sort(([left], [right]) => (left < right ? -1 : 1))
        .map(([settlesOn, each]) => ({ settlesOn, amount: String(each.length) })),
    };
  }
});

describe('the database itself', () => {
  test('keeps an obligation as it was made and its wallet as it says', async () => {
    const [buyer, seller] = [await desk.newTrader({ USD: '10' }), await desk.newTrader({ ETH: '10' })];
    await trade(buyer, seller, 10, NEXT_DAY);
    const { engine } = desk.deps.db;
    const mine = eq(settlementObligations.userId, buyer.userId);
    const change = (values: object) =>
      codeOf(engine.update(settlementObligations).set(values).where(mine).execute());
    expect(await change({ settlesOn: today() })).toBe('42501');
    expect(await change({ used: amountOf(-1n) })).toBe('PL044');
    expect(await codeOf(engine.delete(settlementObligations).where(mine).execute())).toBe('42501');
    const [row] = await engine.select().from(settlementObligations).where(mine);
    const made = {
      ...row,
      fillId: newId(),
      accountId: seller.accountId,
    } as typeof settlementObligations.$inferInsert;
    expect(await codeOf(engine.insert(settlementObligations).values(made).execute())).toBe('23503');
  });

  test('and reconcile find a wallet that says something else', async () => {
    const trader = await desk.newTrader({ USD: '10' });
    const { id } = await walletOf(trader, 'USD');
    const plant = (amount: string) =>
      desk.deps.db.engine
        .update(wallets)
        .set({ unsettled: parseAmount(amount) })
        .where(eq(wallets.id, id));
    const own = [...ledgerDomain.checks, ...fundingDomain.checks].filter(({ name }) => name === UNSETTLED);
    await plant('3');
    const { checks } = await reconcile(desk.system, own);
    expect(checks.flatMap(({ breaks }) => breaks)).toMatchObject([{ object: `wallet ${id}` }]);
    await plant('0');
  });
});
