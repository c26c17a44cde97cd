import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { and, asc, eq } from 'drizzle-orm';
import fc from 'fast-check';
import { amountOf, formatAmount, parseAmount } from '../../../kernel/amount.ts';
import { addDays, dayOf } from '../../../kernel/business-date.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs, parseInstant } from '../../../kernel/time.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { sqlStateOf } from '../../../platform/db/errors.ts';
import { transact } from '../../../platform/db/transact.ts';
import { startTradingDesk, type Trader, type TradingDesk } from '../../../testing/trading-desk.ts';
import { accounts } from '../../accounts/schema.ts';
import { customerWallet, houseWallet, postJournals, runChecks } from '../../ledger/index.ts';
import { fills } from '../schema.ts';
import { feeChecks } from './checks.ts';
import { countVolume } from './count-volume.ts';
import { chargedBps, earliestDay, isOrdered, scheduleOn, tierAt } from './rules.ts';
import { feeStandings, feeTierSchedules, feeTiers, tradingVolumes } from './schema.ts';

const ZONE = 'Indian/Mauritius';
const DAY_MS = 86_400_000;

let desk: TradingDesk;
let proposer: Trader;
let checker: Trader;
let seller: Trader;
let beforeTiers: { readonly trader: Trader; readonly orderId: string };

/** The instruments of the desk charge 10 and 20 bps. */
const TIERS = [
  { name: 'Silver', minVolume: '1000', makerFeeBps: 8, takerFeeBps: 15 },
  { name: 'Gold', minVolume: '50000', makerFeeBps: 0, takerFeeBps: 5 },
];

beforeAll(async () => {
  desk = await startTradingDesk(import.meta.file);
  proposer = await desk.newStaff('compliance_officer');
  checker = await desk.newStaff('admin');
  seller = await desk.newTrader({ BTC: '500', ETH: '500' });
  await desk.engine.start();
  goToTime('12:00');
  const trader = await desk.newTrader({ USD: '100000' });
  beforeTiers = { trader, orderId: await take(trader, '1') };
  const answer = await propose({ tiers: TIERS });
  expect(answer.status).toBe(202);
  expect((await decide(answer.body.approval.id)).status).toBe(200);
  // In force from tomorrow.
  desk.advance(DAY_MS);
});

afterEach(() => desk.emptyTheBooks());

afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

/** The next time the firm's clock shows this. */
function goToTime(time: string): void {
  const now = Temporal.Instant.from(desk.deps.clock.now()).toZonedDateTimeISO(ZONE);
  const wanted = now.withPlainTime(time);
  const next = Temporal.ZonedDateTime.compare(wanted, now) > 0 ? wanted : wanted.add({ days: 1 });
  desk.advance(next.epochMilliseconds - now.epochMilliseconds);
}

function today(): string {
  return dayOf(desk.deps.clock.now(), ZONE);
}

function propose(change: object, by: Trader = proposer) {
  const body = { currency: 'USD', tiers: [], reason: 'Reviewed', ...change };
  return desk.request(by, 'PUT', '/v1/trading-fees', { body });
}

function decide(approvalId: string, vote: 'approve' | 'reject' = 'approve', by: Trader = checker) {
  return desk.request(by, 'POST', `/v1/approvals/${approvalId}/${vote}`, { body: { reason: 'Seen' } });
}

/** Buys what the seller offers, at 60000. */
async function take(buyer: Trader, quantity: string): Promise<string> {
  const rested = await desk.place(seller, `sell ${quantity} at 60000`);
  const { body } = await desk.place(buyer, `buy ${quantity} at 60000`);
  expect([rested.body.rejectionReason, body.rejectionReason]).toEqual([null, null]);
  expect((await desk.later(buyer, body.id)).status).toBe('filled');
  return body.id;
}

async function fillOf(orderId: string) {
  const [fill] = await desk.deps.db.engine
    .select()
    .from(fills)
    .where(eq(fills.orderId, orderId as Id));
  expect(fill).toBeDefined();
  return fill as typeof fills.$inferSelect;
}

/** What a fill was charged. */
async function charged(orderId: string): Promise<string> {
  const { liquidity, feeBps, fee } = await fillOf(orderId);
  return `${liquidity} ${feeBps} bps: ${formatAmount(fee)}`;
}

async function tierOf(trader: Trader, more = '') {
  const { status, body } = await desk.request(
    trader,
    'GET',
    `/v1/accounts/${trader.accountId}/fee-tier${more}`,
  );
  expect(status).toBe(200);
  return body;
}

async function volumesOf({ userId }: Trader): Promise<string[]> {
  const rows = await desk.deps.db.engine
    .select()
    .from(tradingVolumes)
    .where(eq(tradingVolumes.userId, userId))
    .orderBy(asc(tradingVolumes.day));
  return rows.map(({ day, volume }) => `${day} ${formatAmount(volume)}`);
}

describe('a tier', () => {
  test('does not exist before two people set the first, nor is volume counted', async () => {
    const { trader, orderId } = beforeTiers;
    expect(await charged(orderId)).toBe('taker 20 bps: 120');
    expect(await volumesOf(trader)).toEqual([]);
    expect(await tierOf(trader)).toMatchObject({ currency: 'USD', volume: '0', tier: null });
  });

  test('holds from the day after its volume was reached, and is told before an order is placed', async () => {
    const trader = await desk.newTrader({ USD: '100000' });
    const first = await take(trader, '0.5');
    expect([await charged(first), await charged(await take(trader, '0.5'))]).toEqual([
      'taker 20 bps: 60',
      'taker 20 bps: 60',
    ]);
    const told = await tierOf(trader, '?symbol=BTC%2FUSD');
    expect(told).toMatchObject({ day: today(), volume: '0', volumeToday: '60000', tier: null });
    expect(told.nextTier.name).toBe('Silver');
    expect(told.fees).toMatchObject({ listedTakerFeeBps: 20, takerFeeBps: 20 });
    desk.advance(DAY_MS);
    const gold = await tierOf(trader, '?symbol=BTC%2FUSD');
    expect(gold).toMatchObject({ volume: '60000', volumeToday: '0', tier: { name: 'Gold' }, nextTier: null });
    expect(gold.fees).toEqual({
      symbol: 'BTC/USD',
      listedMakerFeeBps: 10,
      listedTakerFeeBps: 20,
      makerFeeBps: 0,
      takerFeeBps: 5,
    });
    expect(await charged(await take(trader, '0.1'))).toBe('taker 5 bps: 3');
    // The volume of one day counts on the thirty after it.
    desk.advance(28 * DAY_MS);
    expect((await tierOf(trader)).tier.name).toBe('Gold');
    desk.advance(DAY_MS);
    expect(await charged(await take(trader, '0.01'))).toBe('taker 5 bps: 0.3');
    desk.advance(DAY_MS);
    expect(await tierOf(trader)).toMatchObject({ volume: '6600', tier: { name: 'Silver' } });
  });

  test('that comes while an order rests lowers its fee; what it reserved for the higher one is free again', async () => {
    const trader = await desk.newTrader({ USD: '100000' });
    const resting = await desk.place(trader, 'buy 1 at 55000');
    expect(resting.body.reservation).toBe('55110');
    await take(trader, '0.05');
    desk.advance(DAY_MS);
    await desk.place(seller, 'sell 0.4 at 55000');
    const partly = await desk.later(trader, resting.body.id);
    expect([await charged(resting.body.id), partly.reservation]).toEqual(['maker 8 bps: 17.6', '33066']);
    await desk.place(seller, 'sell 0.6 at 55000');
    expect((await desk.later(trader, resting.body.id)).fees).toBe('44');
    expect(await desk.balance(trader, 'USD')).toBe(`${100_000 - 3000 - 6 - 55_000 - 44} (0)`);
  });

  test('is of the person, whichever of both sides they take', async () => {
    const maker = await desk.newTrader({ USD: '100000' });
    await take(maker, '0.1');
    desk.advance(DAY_MS);
    const resting = await desk.place(maker, 'buy 0.1 at 60000');
    const sale = await desk.place(seller, 'sell 0.1 at 60000');
    await desk.engine.settled();
    expect(await charged(resting.body.id)).toBe('maker 8 bps: 4.8');
    expect((await fillOf(sale.body.id)).listedFeeBps).toBe(20);
    const standings = await desk.deps.db.engine
      .select()
      .from(feeStandings)
      .where(and(eq(feeStandings.userId, maker.userId), eq(feeStandings.day, today())));
    expect(standings).toMatchObject([{ volume: parseAmount('6000') }]);
  });
});

describe('a paper account', () => {
  test('is charged by the tier of its owner, and counts as nobody’s volume', async () => {
    const owner = await desk.newTrader({ USD: '100000' });
    await take(owner, '0.1');
    desk.advance(DAY_MS);
    const paper = await paperAccount(owner);
    const { body } = await desk.place(paper, 'buy 0.1');
    expect((await desk.later(paper, body.id)).status).toBe('filled');
    const fill = await fillOf(body.id);
    expect([fill.feeBps, fill.listedFeeBps, fill.volume]).toEqual([15, 20, null]);
    expect(await volumesOf(owner)).toEqual([`${addDays(today(), -1)} 6000`]);
  });

  async function paperAccount({ userId, actor }: Trader): Promise<Trader> {
    const account = { userId, accountId: newId(), book: 'paper' as const };
    const at = desk.deps.clock.now();
    const amount = parseAmount('50000');
    await transact(desk.system, 'engine', async (tx) => {
      await tx.insert(accounts).values({
        id: account.accountId,
        userId,
        type: 'paper',
        name: 'Practice',
        baseCurrency: 'USD',
        status: 'active',
        createdAt: at,
        updatedAt: at,
      });
      const wallet = await customerWallet(tx, desk.system, account, 'USD');
      const house = { role: 'client_money_bank', reference: 'test', book: 'paper', asset: 'USD' } as const;
      const bank = await houseWallet(tx, desk.system, house);
      const reference = { referenceType: 'test', referenceId: newId(), description: 'Funds of a test' };
      const entries = [
        { walletId: wallet.id, amount },
        { walletId: bank.id, amount: amountOf(-amount) },
      ];
      await postJournals(tx, desk.system, [{ book: 'paper', kind: 'deposit', ...reference, entries }]);
    });
    return { userId, accountId: account.accountId, actor };
  }
});

describe('volume', () => {
  test('is of the day of the firm, which ends at its midnight', async () => {
    const trader = await desk.newTrader({ USD: '100000' });
    goToTime('23:50');
    const day = today();
    await take(trader, '0.01');
    desk.advance(15 * 60_000);
    expect(today()).toBe(addDays(day, 1));
    await take(trader, '0.02');
    expect(await volumesOf(trader)).toEqual([`${day} 600`, `${addDays(day, 1)} 1200`]);
    goToTime('12:00');
  });

  test('is counted at the rate of the trade, rounded down', async () => {
    const trader = await desk.newTrader({ BTC: '1', USD: '100' });
    await take(trader, '0.001');
    await desk.place(seller, 'sell 2 at 0.05', { symbol: 'ETH/BTC' });
    const bought = await desk.place(trader, 'buy 2 at 0.05', { symbol: 'ETH/BTC' });
    expect((await desk.later(trader, bought.body.id)).status).toBe('filled');
    expect(await volumesOf(trader)).toEqual([`${today()} 6060`]);
    expect((await fillOf(bought.body.id)).volume).toBe(parseAmount('6000'));
  });

  test('counts nothing where no rate leads to its currency, and caps what no column holds', async () => {
    const count = (asset: string, amount: string) =>
      rolledBack(async (tx) => {
        const turnover = { fillId: newId(), userId: newId(), asset, amount: parseAmount(amount) };
        const counted = await countVolume(tx, desk.system, { day: today(), currency: 'USD' }, [turnover]);
        return [...counted.values()].map((worth) => formatAmount(worth));
      });
    expect(await count('EUR', '100')).toEqual([]);
    expect(await count('BTC', '999999999')).toEqual(['999999999999.99999999']);
  });
});

describe('setting the tiers', () => {
  test('takes two people, and never changes the day it is decided on', async () => {
    const customer = await desk.newTrader();
    expect((await propose({ tiers: TIERS }, customer)).status).toBe(403);
    const { body } = await propose({ tiers: TIERS, effectiveOn: '2020-01-01' });
    expect((await propose({ tiers: [] })).body.code).toBe('approval_pending_exists');
    expect((await decide(body.approval.id, 'approve', proposer)).status).toBe(403);
    expect((await decide(body.approval.id)).status).toBe(200);
    const fees = await desk.request(customer, 'GET', '/v1/trading-fees');
    expect(fees.body.data).toHaveLength(2);
    expect(fees.body.data[1]).toMatchObject({ effectiveOn: addDays(today(), 1), tiers: TIERS });
    expect(fees.body.data[0].effectiveOn <= today()).toBe(true);
    desk.advance(DAY_MS);
  });

  test('refuses tiers that contradict each other, another currency and what is no asset', async () => {
    const [silver, gold] = TIERS;
    const cases = [
      [{ tiers: [silver, { ...gold, name: 'Silver' }] }, 422, 'fee_tiers_disordered'],
      [{ tiers: [silver, { ...silver, name: 'Twin' }] }, 422, 'fee_tiers_disordered'],
      [{ tiers: [silver, { ...gold, takerFeeBps: 16 }] }, 422, 'fee_tiers_disordered'],
      [{ currency: 'EUR', tiers: TIERS }, 409, 'fee_tier_currency_fixed'],
      [{ currency: 'XXX', tiers: TIERS }, 422, 'unknown_asset'],
      [{ tiers: [{ ...silver, minVolume: '0' }] }, 422, 'validation_failed'],
      [{ tiers: [{ ...silver, makerFeeBps: 1001 }] }, 422, 'validation_failed'],
    ] as const;
    for (const [change, status, code] of cases) {
      const answer = await propose(change);
      expect([answer.status, answer.body.code]).toEqual([status, code]);
    }
  });

  test('is held to the decision by the database', async () => {
    const [known] = await desk.deps.db.engine.select().from(feeTierSchedules).limit(1);
    const schedule = known as typeof feeTierSchedules.$inferSelect;
    const states = [
      (tx: Tx) => tx.insert(feeTierSchedules).values({ ...schedule, id: newId(), approvalId: newId() }),
      (tx: Tx) =>
        tx.insert(feeTiers).values({
          id: newId(),
          scheduleId: schedule.id,
          name: 'Friends',
          minVolume: parseAmount('1'),
          makerFeeBps: 0,
          takerFeeBps: 0,
        }),
      (tx: Tx) => tx.update(feeTierSchedules).set({ effectiveOn: today() }),
      (tx: Tx) => tx.update(feeStandings).set({ tierId: null }),
      (tx: Tx) => tx.delete(feeTiers),
    ];
    const refused: unknown[] = [];
    for (const write of states) {
      refused.push(await rolledBack(write).catch((error: unknown) => sqlStateOf(error)));
    }
    expect(refused.slice(0, 2)).toEqual(['PL046', 'PL046']);
    expect(refused.slice(2).every((state) => state === 'PL004' || state === '42501')).toBe(true);
  });
});

describe('reconcile', () => {
  test('finds volume, standings and fills that do not belong to each other', async () => {
    const trader = await desk.newTrader({ USD: '100000' });
    await take(trader, '0.1');
    const plant = async (tx: Tx) => {
      await tx
        .update(tradingVolumes)
        .set({ volume: amountOf(1n) })
        .where(eq(tradingVolumes.userId, trader.userId));
      const [schedule] = await tx.select().from(feeTierSchedules).orderBy(asc(feeTierSchedules.id)).limit(1);
      await tx.insert(feeStandings).values({
        userId: trader.userId,
        day: addDays(today(), 1),
        scheduleId: schedule?.id ?? newId(),
        tierId: null,
        volume: parseAmount('5000'),
        createdAt: addMs(desk.deps.clock.now(), DAY_MS),
      });
      const reports = await runChecks(tx, feeChecks);
      return reports.map(({ name, breaks }) => [
        name,
        breaks.filter(({ object }) => object.includes(trader.userId)).length > 0,
      ]);
    };
    const found = await rolledBack(plant);
    expect(found).toEqual(expect.arrayContaining(feeChecks.map(({ name }) => [name, true])));
  });
});

/** Does something that must not stay. */
async function rolledBack<Result>(work: (tx: Tx) => PromiseLike<Result>): Promise<Result> {
  let result: Result | undefined;
  const undo = new Error('undo');
  await desk.deps.db.engine
    .transaction(async (tx) => {
      result = await work(tx);
      throw undo;
    })
    .catch((error: unknown) => {
      if (error !== undo) {
        throw error;
      }
    });
  return result as Result;
}

describe('the rules', () => {
  const tier = (name: string, minVolume: bigint, bps: number) => ({
    id: name as Id,
    name,
    minVolume: amountOf(minVolume),
    makerFeeBps: bps,
    takerFeeBps: bps,
  });

  test('never charge more than the instrument says, and less only by a tier', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.nat(1000), fc.constantFrom('maker', 'taker'), (listed, bps, liquidity) => {
        const own = { makerFeeBps: listed, takerFeeBps: listed };
        const lowered = chargedBps(own, tier('one', 1n, bps), liquidity as 'maker' | 'taker');
        return lowered === Math.min(listed, bps) && chargedBps(own, null, liquidity as 'maker') === listed;
      }),
    );
  });

  test('take the highest tier that is reached', () => {
    const tiers = [tier('a', 10n, 9), tier('b', 20n, 8)];
    expect([9n, 10n, 19n, 20n, 99n].map((volume) => tierAt(tiers, volume)?.name ?? null)).toEqual([
      null,
      'a',
      'a',
      'b',
      'b',
    ]);
    expect(isOrdered(tiers.toReversed())).toBe(true);
  });

  test('know no schedule before its day, and the later made of two of one day', () => {
    const schedule = (id: string, effectiveOn: string) => ({ id: id as Id, effectiveOn });
    const all = [schedule('1', '2026-01-05'), schedule('3', '2026-01-03'), schedule('2', '2026-01-05')];
    const found = ['2026-01-02', '2026-01-03', '2026-01-04', '2026-01-05'].map(
      (day) => scheduleOn(all, day)?.id,
    );
    expect(found).toEqual([undefined, '3' as Id, '3' as Id, '2' as Id]);
  });

  test('leave five minutes before a day that is decided on', () => {
    const at = (time: string) => parseInstant(`2026-03-10T${time}:00+04:00`);
    expect(earliestDay(at('23:54'), ZONE)).toBe('2026-03-11');
    expect(earliestDay(at('23:56'), ZONE)).toBe('2026-03-12');
  });
});
