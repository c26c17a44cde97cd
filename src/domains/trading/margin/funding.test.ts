import { describe, expect, spyOn, test } from 'bun:test';
import { eq, sql } from 'drizzle-orm';
import { formatAmount, parseAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { addMs } from '../../../kernel/time.ts';
import { openClient } from '../../../platform/db/client.ts';
import { auditLogs } from '../../../platform/db/schema.ts';
import { randomFrom } from '../../../testing/random.ts';
import type { Trader } from '../../../testing/trading-desk.ts';
import { until } from '../../../testing/until.ts';
import { wallets } from '../../ledger/schema.ts';
import { type FeedName, repairTicks } from '../../markets/index.ts';
import { riskAlerts } from '../../risk/schema.ts';
import { tradingEngine } from '../pipeline/trading-engine.ts';
import { orders } from '../schema.ts';
import { chargeFunding } from './charge-funding.ts';
import { periodsBetween } from './funding-periods.ts';
import { positionFunding } from './schema.ts';

import {
  alertsOf,
  keep,
  marginOf,
  opened,
  order,
  positionsOf,
  priceIs,
  quote,
  SYMBOL,
  startMarginDesk,
  world,
} from './testing/margin-desk.ts';

startMarginDesk(import.meta.file);

describe('funding', () => {
  test('is charged once to whoever holds a position as its period ends, at the price and quantity of then', async () => {
    const long = await opened('buy 1', '1000', '200');
    const short = await opened('sell 2', '1000', '400');
    await toNextPeriod();
    // What happens after the end of the period changes nothing of it.
    await order(world.maker, 'buy 0.5 at 1000');
    await order(long, 'sell 0.5', { type: 'market', reduceOnly: true });
    await order(world.maker, 'sell 2 at 1000');
    await order(short, 'buy 2', { type: 'market', reduceOnly: true });
    await world.desk.engine.settled();
    world.desk.advance(30_000);
    await Promise.allSettled([chargeFunding(world.desk.system), chargeFunding(world.desk.system)]);
    await chargeFunding(world.desk.system);
    // 1000 at 10 % a year for 8 of 8760 hours, up; 2000 at 5 % received, down.
    expect(await fundingOf(long)).toEqual(['1 at 1000: 0.09132421']);
    expect(await fundingOf(short)).toEqual(['-2 at 1000: -0.0913242']);
    expect(await positionsOf(long)).toMatchObject([
      { status: 'open', fundingPaid: parseAmount('0.09132421') },
    ]);
    expect(await positionsOf(short)).toMatchObject([
      { status: 'closed', fundingPaid: parseAmount('-0.0913242') },
    ]);
    expect(await world.desk.balance(long, 'USD')).toBe('198.40867579 (50)');
    expect((await marginOf(long)).positions[0].fundingPaid).toBe('0.09132421');
  });

  test('catches up with every period that was missed, and waives what it cannot take from whom is frozen', async () => {
    const trader = await opened('buy 1', '1000', '200');
    const frozen = await opened('buy 1', '1000', '200');
    await world.desk.changeGate(frozen, { restriction: 'frozen' });
    await toNextPeriod();
    world.desk.advance(2 * 24 * 3_600_000 + 30_000);
    await priceIs('1000');
    await chargeFunding(world.desk.system);
    expect(await fundingOf(trader)).toEqual(Array.from({ length: 7 }, () => '1 at 1000: 0.09132421'));
    expect(await fundingOf(frozen)).toEqual(Array.from({ length: 7 }, () => '1 at 1000: 0'));
    expect(await world.desk.balance(frozen, 'USD')).toBe('199 (100)');
    await world.desk.changeGate(frozen, { restriction: 'none' });
  });

  test('goes by terms that nobody changes while somebody holds a position', async () => {
    await opened('buy 1', '1000', '200');
    const officer = await world.desk.newStaff('risk_manager', 'admin');
    const { body } = await world.desk.request(officer, 'GET', `/v1/instruments/${SYMBOL}`);
    for (const change of [{ longRateBps: 900 }, { fundingHours: 24 }]) {
      const answer = await world.desk.request(officer, 'PATCH', `/v1/instruments/${SYMBOL}`, {
        body: { margin: { ...body.margin, ...change } },
        ifMatch: `"${body.version}"`,
      });
      expect(answer).toMatchObject({ status: 409, body: { code: 'instrument_has_positions' } });
    }
  });

  test('is paid by what open orders tie: they end first, and nothing placed before the next run has the firm bear it', async () => {
    const others = await opened('buy 1', '1000', '200');
    const trader = await opened('buy 1', '1000', '200');
    await toNextPeriod();
    await order(world.maker, 'buy 1 at 1000');
    await order(trader, 'sell 1', { type: 'market', reduceOnly: true });
    await world.desk.engine.settled();
    expect(await world.desk.balance(trader, 'USD')).toBe('198 (0)');
    const hide = async (quantity = '197.6') => {
      const { body } = await world.desk.place(trader, `buy ${quantity} at 1`);
      expect(body.rejectionReason).toBeNull();
      return body.id;
    };
    const hidden = await hide();
    world.desk.advance(30_000);
    // Nobody matches: what is asked to end cannot yet.
    await world.desk.engine.stop();
    await chargeFunding(world.desk.system);
    // However long ago they were asked to.
    world.desk.advance(60_000);
    await chargeFunding(world.desk.system);
    expect(await fundingOf(trader)).toEqual([]);
    expect(await fundingOf(others)).toEqual(['1 at 1000: 0.09132421']);
    await world.desk.engine.start();
    expect(await world.desk.later(trader, hidden)).toMatchObject({
      status: 'cancelled',
      cancelReason: 'insufficient_margin',
    });
    world.desk.advance(60_000);
    const [spared, again] = [await hide('100'), await hide('97.6')];
    await chargeFunding(world.desk.system);
    expect((await world.desk.later(trader, again)).status).toBe('cancelled');
    // The latest is enough.
    const [open] = await world.desk.deps.db.engine.select().from(orders).where(eq(orders.id, spared));
    expect(open).toMatchObject({ cancelRequestedAt: null, closedAt: null });
    expect(await fundingOf(trader)).toEqual(['1 at 1000: 0.09132421']);
    expect(await positionsOf(trader)).toMatchObject([{ lossBorne: 0n, status: 'closed' }]);
    expect(await alertsOf(trader)).toEqual([]);
    expect(await world.desk.balance(trader, 'USD')).toBe(
      `197.90867579 (${formatAmount(open?.reservation ?? 0n)})`,
    );
    await chargeFunding(world.desk.system);
    expect(await fundingOf(others)).toHaveLength(1);
  });

  test('of others does not wait for a wallet that somebody holds, nor does the house meanwhile', async () => {
    const [held, other] = [await opened('buy 1', '1000', '200'), await opened('buy 1', '1000', '200')];
    await toNextPeriod();
    world.desk.advance(30_000);
    let charging: Promise<void> | undefined;
    await world.desk.deps.db.engine.transaction(async (tx) => {
      await tx.execute(sql`select 1 from wallets where account_id = ${held.accountId}::uuid for update`);
      charging = chargeFunding(world.desk.system);
      await until(async () => (await fundingOf(other)).length === 1);
      // While the one that is held is waited for.
      await order(world.maker, 'buy 0.5 at 1000');
      await order(other, 'sell 0.5', { type: 'market', reduceOnly: true });
      await until(async () => (await positionsOf(other))[0]?.quantity === parseAmount('0.5'));
    });
    await charging;
    // On a busy machine it may have waited for longer than a run waits.
    await chargeFunding(world.desk.system);
    expect(await fundingOf(held)).toEqual(['1 at 1000: 0.09132421']);
  });

  test('is charged in the end though an order that ties what would pay cannot be asked to end', async () => {
    const trader = await opened('buy 1', '1000', '200');
    await toNextPeriod();
    await order(world.maker, 'buy 1 at 1000');
    await order(trader, 'sell 1', { type: 'market', reduceOnly: true });
    await world.desk.engine.settled();
    world.desk.advance(11 * 60_000);
    const { body } = await world.desk.place(trader, 'buy 197.6 at 1');
    expect(body.rejectionReason).toBeNull();
    await world.desk.engine.settled();
    await world.desk.deps.db.engine.transaction(async (tx) => {
      await tx.execute(sql`select 1 from orders where id = ${body.id}::uuid for update`);
      const charging = chargeFunding(world.desk.system);
      await until(async () => (await fundingOf(trader)).length === 1);
      await charging;
    });
    expect(await positionsOf(trader)).toMatchObject([
      { fundingPaid: parseAmount('0.09132421'), lossBorne: parseAmount('0.08652421') },
    ]);
  });

  test('goes on for others though nothing is booked to a wallet that is not active: what it owes is waived, openly', async () => {
    const [barred, other] = [await opened('buy 1', '1000', '200'), await opened('buy 1', '1000', '200')];
    await toNextPeriod();
    await walletOf(barred, 'suspended');
    world.desk.advance(30_000);
    await chargeFunding(world.desk.system);
    // It may be active again soon.
    expect(await fundingOf(barred)).toEqual([]);
    expect(await fundingOf(other)).toEqual(['1 at 1000: 0.09132421']);
    world.desk.advance(8 * 3_600_000);
    await priceIs('1000');
    await chargeFunding(world.desk.system);
    expect(await fundingOf(barred)).toEqual(['1 at 1000: 0']);
    expect(await fundingOf(other)).toHaveLength(2);
    expect(await world.desk.balance(barred, 'USD')).toBe('199 (100)');
    expect(await positionsOf(barred)).toMatchObject([{ fundingPaid: 0n, lossBorne: 0n }]);
    const [alert] = await world.desk.deps.db.engine
      .select()
      .from(riskAlerts)
      .where(eq(riskAlerts.accountId, barred.accountId));
    expect(alert).toMatchObject({
      kind: 'loss_borne',
      details: { amount: '0.09132421', asset: 'USD', why: 'wallet_not_active' },
    });
    await walletOf(barred, 'active');
    await chargeFunding(world.desk.system);
    expect(await fundingOf(barred)).toEqual(['1 at 1000: 0', '1 at 1000: 0.09132421']);
  });

  test('that was missed for long is not waived for a wallet that is not active for a moment, and what the firm gains is no loss', async () => {
    const payer = await opened('buy 1', '1000', '200');
    const receiver = await opened('sell 1', '1000', '200');
    await toNextPeriod();
    world.desk.advance(16 * 3_600_000);
    await priceIs('1000');
    await walletOf(payer, 'suspended');
    await walletOf(receiver, 'suspended');
    await chargeFunding(world.desk.system);
    expect(await fundingOf(payer)).toEqual([]);
    await walletOf(payer, 'active');
    world.desk.advance(11 * 60_000);
    await chargeFunding(world.desk.system);
    await walletOf(receiver, 'active');
    expect(await fundingOf(payer)).toEqual(Array.from({ length: 3 }, () => '1 at 1000: 0.09132421'));
    expect(await fundingOf(receiver)).toEqual(Array.from({ length: 3 }, () => '-1 at 1000: 0'));
    expect([await alertsOf(payer), await alertsOf(receiver)]).toEqual([[], []]);
  });

  test('goes on for others though somebody holds a wallet at every look: it is waived, openly, yet nobody where none can be charged', async () => {
    const [stuck, other] = [await opened('buy 1', '1000', '200'), await opened('buy 1', '1000', '200')];
    await toNextPeriod();
    world.desk.advance(11 * 60_000);
    const looked = async (whom: readonly Trader[]) => {
      await world.desk.deps.db.engine.transaction(async (tx) => {
        const accountIds = sql.param(whom.map(({ accountId }) => accountId));
        await tx.execute(
          sql`select 1 from wallets where account_id = any (${accountIds}::uuid[]) for update`,
        );
        await chargeFunding(world.desk.system);
      });
      world.desk.advance(11 * 60_000);
    };
    const everybody = [stuck, other, world.maker];
    await looked(everybody);
    await looked(everybody);
    expect([await fundingOf(stuck), await fundingOf(other)]).toEqual([[], []]);
    await looked([stuck]);
    expect(await fundingOf(stuck)).toEqual(['1 at 1000: 0']);
    expect(await fundingOf(other)).toEqual(['1 at 1000: 0.09132421']);
    const [alert] = await world.desk.deps.db.engine
      .select()
      .from(riskAlerts)
      .where(eq(riskAlerts.accountId, stuck.accountId));
    expect(alert).toMatchObject({
      kind: 'loss_borne',
      details: { amount: '0.09132421', why: 'wallet_not_chargeable' },
    });
    world.desk.advance(8 * 3_600_000);
    await priceIs('1000');
    await chargeFunding(world.desk.system);
    expect(await fundingOf(stuck)).toEqual(['1 at 1000: 0', '1 at 1000: 0.09132421']);
  });

  test('that waits for good with a period raises an alarm, once for each', async () => {
    const trader = await opened('buy 1', '1000', '200');
    const { desk } = world;
    const raised = async () =>
      desk.deps.db.engine.$count(auditLogs, eq(auditLogs.eventType, 'funding.stalled'));
    const before = await raised();
    const owner = openClient(desk.database.owner, 1);
    const looked = async (times: number) => {
      await owner`alter table position_funding add constraint nobody check (false) not valid`;
      for (let time = 0; time < times; time += 1) {
        await chargeFunding(desk.system);
        desk.advance(6 * 60_000);
      }
      await owner`alter table position_funding drop constraint nobody`;
      return (await raised()) - before;
    };
    for (const told of [1, 2]) {
      await toNextPeriod();
      desk.advance(60_000);
      expect(await looked(3)).toBe(told - 1);
      expect(await looked(3)).toBe(told);
      await chargeFunding(desk.system);
      expect(await fundingOf(trader)).toHaveLength(told);
    }
    const last = eq(auditLogs.eventType, 'funding.stalled');
    const [row] = await desk.deps.db.engine.select().from(auditLogs).where(last);
    expect(row?.after).toMatchObject({ symbol: SYMBOL });
    await owner.end();
  });

  test('is not put off for good by whoever ties their cash anew', async () => {
    const trader = await opened('buy 1', '1000', '200');
    await toNextPeriod();
    await order(world.maker, 'buy 1 at 1000');
    await order(trader, 'sell 1', { type: 'market', reduceOnly: true });
    await world.desk.engine.settled();
    await world.desk.engine.stop();
    world.desk.advance(11 * 60_000);
    const { body } = await world.desk.place(trader, 'buy 197.6 at 1');
    expect(body.rejectionReason).toBeNull();
    await chargeFunding(world.desk.system);
    // 0.0048 is beside the order.
    expect(await positionsOf(trader)).toMatchObject([
      { fundingPaid: parseAmount('0.09132421'), lossBorne: parseAmount('0.08652421') },
    ]);
    expect(await alertsOf(trader)).toEqual(['loss_borne']);
    await world.desk.engine.start();
  });

  test('is borne though nobody can be asked to carry out the end of what ties what would pay', async () => {
    const trader = await opened('buy 1', '1000', '200');
    await toNextPeriod();
    await order(world.maker, 'buy 1 at 1000');
    await order(trader, 'sell 1', { type: 'market', reduceOnly: true });
    await world.desk.engine.settled();
    world.desk.advance(11 * 60_000);
    await world.desk.place(trader, 'buy 197.6 at 1');
    await world.desk.engine.settled();
    const carrying = spyOn(tradingEngine(world.desk.deps), 'carryOutCancels');
    carrying.mockRejectedValueOnce(new Error('no book answers'));
    await chargeFunding(world.desk.system);
    expect(carrying).toHaveBeenCalledTimes(1);
    carrying.mockRestore();
    expect(await positionsOf(trader)).toMatchObject([{ lossBorne: parseAmount('0.08652421') }]);
  });

  test('beyond what a wallet has is borne by the firm, openly', async () => {
    const trader = await opened('buy 1', '1000', '101.8');
    await feedSays('1000');
    await toNextPeriod();
    await priceIs('900.01');
    await quote('buy', '1', '900.01');
    await order(trader, 'sell 0.999', { type: 'market', reduceOnly: true });
    await world.desk.engine.settled();
    world.desk.advance(30_000);
    // 100.8 less 99.89001 lost and a fee of 0.89910999: of 0.09132421 so much is there.
    expect(await world.desk.balance(trader, 'USD')).toBe('0.01088001 (0.01088001)');
    await chargeFunding(world.desk.system);
    expect(await world.desk.balance(trader, 'USD')).toBe('0 (0)');
    expect(await positionsOf(trader)).toMatchObject([
      { fundingPaid: parseAmount('0.09132421'), lossBorne: parseAmount('0.0804442') },
    ]);
    expect(await alertsOf(trader)).toContain('loss_borne');
  });
});

async function walletOf({ accountId }: Trader, status: 'active' | 'suspended'): Promise<void> {
  await world.desk.deps.db.engine.update(wallets).set({ status }).where(eq(wallets.accountId, accountId));
}

/** A price of the feed as it is kept: what an instrument with a feed cost then is what its feed said. */
async function feedSays(price: string): Promise<void> {
  const { system, deps } = world.desk;
  const [priced] = await deps.db.engine.execute<{ feed: FeedName; symbol: string }>(
    sql`select s.feed, s.feed_symbol as symbol from price_settings s join instruments i on i.id = s.instrument_id
        where i.symbol = ${SYMBOL}`,
  );
  const { feed, symbol } = present(priced, 'the contract has a feed');
  const tick = { symbol, sequence: 1n, price, size: '0', occurredAt: deps.clock.now() };
  expect((await repairTicks(system, feed, [tick])).kept).toBe(1);
}

/** Just past the end of a period of the contract. */
async function toNextPeriod(): Promise<void> {
  await chargeFunding(world.desk.system);
  const now = world.desk.deps.clock.now();
  const [next] = periodsBetween(now, addMs(now, 24 * 3_600_000), 8, world.desk.deps.timeZone, 1);
  world.desk.advance(Date.parse(next?.end ?? '') - Date.parse(now) + 1);
}

async function fundingOf({ accountId }: Trader): Promise<string[]> {
  const rows = await world.desk.deps.db.engine
    .select()
    .from(positionFunding)
    .where(eq(positionFunding.accountId, accountId))
    .orderBy(positionFunding.periodEnd);
  return rows.map(
    ({ quantity, price, amount }) =>
      `${formatAmount(quantity)} at ${formatAmount(price)}: ${formatAmount(amount)}`,
  );
}

test('over a walk of prices every figure is that of a plain model, to the last decimal', async () => {
  const random = randomFrom(7);
  const held = new Map<Trader, { side: string; quantity: bigint }>();
  for (const words of ['buy 0.123', 'sell 0.777', 'buy 0.001']) {
    const [side = '', quantity = ''] = words.split(' ');
    held.set(await opened(words, '1000', '5000'), { side, quantity: parseAmount(quantity) });
  }
  for (let step = 0; step < 8; step += 1) {
    // A feed is finer than the tick: what a position is worth has to be rounded.
    const price = 90_000_000_000n + BigInt(random.below(2_000_000_000)) * 10n + BigInt(random.below(10));
    await priceIs(formatAmount(price));
    await keep();
    for (const [trader, { side, quantity }] of held) {
      const exact = price * quantity;
      const value = halfEven(exact, 10n ** 8n);
      const entry = (1000n * quantity * 10n ** 8n) / 10n ** 8n;
      const unrealised = side === 'buy' ? value - entry : entry - value;
      const maintenance = ceiling(value * 250n, 10_000n);
      const initial = ceiling(entry, 10n);
      const loss = unrealised < 0n ? -unrealised : 0n;
      const cash = parseAmount((await world.desk.balance(trader, 'USD')).split(' ')[0] ?? '');
      const spare = cash - ceiling(initial, 2n);
      const liquidation =
        side === 'buy'
          ? ceiling((entry - spare) * 10n ** 8n, quantity)
          : ((entry + spare) * 10n ** 8n) / quantity;
      const moving =
        side === 'buy'
          ? ceiling((entry - cash) * 10n ** 12n, quantity * 9_750n)
          : ((entry + cash) * 10n ** 12n) / (quantity * 10_250n);
      const first = side === 'buy' ? [liquidation, moving].reduce(max) : [liquidation, moving].reduce(min);
      expect(await marginOf(trader)).toMatchObject({
        equity: formatAmount(cash + unrealised),
        held: formatAmount(initial + loss),
        positions: [
          {
            unrealisedPnl: formatAmount(unrealised),
            initialMargin: formatAmount(initial),
            maintenanceMargin: formatAmount(maintenance),
            liquidationPrice: first <= 0n ? null : formatAmount(first),
          },
        ],
      });
      expect((await positionsOf(trader))[0]).toMatchObject({
        unrealisedPnl: unrealised,
        maintenanceMargin: maintenance,
      });
    }
  }
});

function halfEven(dividend: bigint, divisor: bigint): bigint {
  const [whole, rest] = [dividend / divisor, dividend % divisor];
  const up = rest * 2n > divisor || (rest * 2n === divisor && whole % 2n === 1n);
  return up ? whole + 1n : whole;
}

function ceiling(dividend: bigint, divisor: bigint): bigint {
  const whole = dividend / divisor;
  return dividend % divisor > 0n ? whole + 1n : whole;
}

function max(left: bigint, right: bigint): bigint {
  return left > right ? left : right;
}

function min(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}
