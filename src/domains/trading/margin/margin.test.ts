import { describe, expect, test } from 'bun:test';
import { and, eq, sql } from 'drizzle-orm';
import { ONE, parseAmount } from '../../../kernel/amount.ts';
import { newId } from '../../../kernel/id.ts';
import { addMs, type Instant } from '../../../kernel/time.ts';
import { sqlStateOf } from '../../../platform/db/errors.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { auditLogs } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import { feedTells } from '../../../testing/feed-says.ts';
import { mailsTo } from '../../../testing/mails.ts';
import type { Trader } from '../../../testing/trading-desk.ts';
import { until } from '../../../testing/until.ts';
import { accounts } from '../../accounts/schema.ts';
import { gateLockName } from '../../identity/index.ts';
import { wallets } from '../../ledger/schema.ts';
import { setQuote } from '../../markets/index.ts';
import { liftBreakers, setRiskLimit } from '../../risk/index.ts';
import { riskAlerts } from '../../risk/schema.ts';
import { hashOf } from '../instruction-hash.ts';
import { positions } from '../positions/schema.ts';
import { becomeKeeper, KeeperReplaced } from './fence.ts';
import { judgeMargin } from './judge-margin.ts';
import { keepMargin, startMarginKeeper } from './keeper.ts';
import { markPositions } from './mark-positions.ts';
import { liquidationOrders, liquidations } from './schema.ts';

import {
  alertsOf,
  callsOf,
  keep,
  liquidatingOrders,
  liquidationsOf,
  marginOf,
  opened,
  order,
  positionsOf,
  priceIs,
  priceIsStale,
  quote,
  SYMBOL,
  startMarginDesk,
  toldTo,
  world,
} from './testing/margin-desk.ts';

startMarginDesk(import.meta.file);

async function mailedTo({ userId }: Trader): Promise<readonly string[]> {
  await world.desk.settle();
  const mails = await mailsTo(world.desk.deps, `${userId}@example.mu`);
  return mails.map(({ subject }) => subject);
}

describe('a mark', () => {
  test('follows the price, and holds what a position has lost so that nobody can take it', async () => {
    const trader = await opened('buy 1', '1000', '200');
    // 1000 at ten times, and a fee of 1.
    expect(await world.desk.balance(trader, 'USD')).toBe('199 (100)');
    await priceIs('950');
    await keep();
    expect(await world.desk.balance(trader, 'USD')).toBe('199 (150)');
    expect(await marginOf(trader)).toMatchObject({
      standing: 'sound',
      equity: '149',
      unrealisedPnl: '-50',
      initialMargin: '100',
      maintenanceMargin: '23.75',
      held: '150',
      available: '49',
      marginLevel: '1.49',
      callAt: '80',
      liquidateAt: '50',
      cureAt: '85',
      positions: [{ markPrice: '950', unrealisedPnl: '-50', liquidationPrice: '851' }],
    });
    // What is won is not held, and pays for nothing.
    await priceIs('1100');
    await keep();
    expect(await world.desk.balance(trader, 'USD')).toBe('199 (100)');
  });
});

describe('a margin call', () => {
  test('comes once per crossing, with a deadline and a notice, and ends when there is enough again', async () => {
    const trader = await opened('buy 1', '1000', '200');
    await priceIs('881.01');
    await keep();
    expect(await callsOf(trader)).toEqual([]);
    await priceIs('881');
    await keep(3);
    for (const price of ['883', '880', '884.99', '879']) {
      // It trembles about the threshold.
      await priceIs(price);
      await keep();
    }
    const [call, ...others] = await callsOf(trader);
    expect(others).toEqual([]);
    expect(call).toMatchObject({
      equity: parseAmount('80'),
      initialMargin: parseAmount('100'),
      shortBy: parseAmount('5'),
      endedAt: null,
    });
    expect(Date.parse(call?.deadlineAt ?? '') - Date.parse(call?.calledAt ?? '')).toBe(24 * 3_600_000);
    expect((await marginOf(trader)).call).toMatchObject({ id: call?.id });
    expect(await alertsOf(trader)).toEqual(['margin_call called']);
    expect(await toldTo(trader)).toEqual(['trading.margin_called']);
    expect(await mailedTo(trader)).toEqual(['Your account needs more margin']);
    await priceIs('886');
    await keep(2);
    expect(await callsOf(trader)).toMatchObject([{ outcome: 'cured' }]);
    expect(await toldTo(trader)).toEqual(['trading.margin_called', 'trading.margin_call_ended']);
    await priceIs('870');
    await keep();
    expect(await callsOf(trader)).toHaveLength(2);
  });

  test('is recalled before its deadline, told to a person when that is over, and closes nothing unless the firm set that', async () => {
    const trader = await opened('buy 1', '1000', '200');
    await priceIs('870');
    await keep();
    // A quarter of the time before, and once.
    world.desk.advance(18 * 3_600_000 - 60_000);
    await keep();
    expect(await toldTo(trader)).toEqual(['trading.margin_called']);
    world.desk.advance(60_000);
    await keep(3);
    const reminded = ['trading.margin_called', 'trading.margin_call_reminded'];
    expect(await toldTo(trader)).toEqual(reminded);
    const mailed = ['Your account needs more margin', 'The time to add margin ends soon'];
    expect(await mailedTo(trader)).toEqual(mailed);
    world.desk.advance(6 * 3_600_000);
    await keep(2);
    expect(await alertsOf(trader)).toEqual(['margin_call called', 'margin_call overdue']);
    expect(await toldTo(trader)).toEqual([...reminded, 'trading.margin_call_overdue']);
    expect(await mailedTo(trader)).toEqual([...mailed, 'The time to add margin is over']);
    expect(await liquidationsOf(trader)).toEqual([]);
    const enforcing = {
      ...world.desk.system,
      deps: { ...world.desk.deps, marginCall: { hours: 24, remindMinutes: 360, liquidates: true } },
    };
    await judgeMargin(enforcing, world.epoch);
    expect(await liquidationsOf(trader)).toMatchObject([{ cause: 'deadline', endedAt: null }]);
    await quote('buy', '1', '870');
    await keep(2);
    expect(await liquidationsOf(trader)).toMatchObject([{ outcome: 'restored', steps: 1 }]);
    expect(await callsOf(trader)).toMatchObject([{ outcome: 'liquidated' }]);
  });

  test('of an account that is not liquidated by itself asks a person to', async () => {
    const trader = await opened('buy 1', '1000', '200', { account: { autoLiquidation: false } });
    await priceIs('840');
    await keep(3);
    expect(await liquidationsOf(trader)).toEqual([]);
    expect(await alertsOf(trader)).toEqual(['margin_call called', 'margin_call not_liquidated']);
  });
});

describe('a liquidation', () => {
  test('takes out other orders, closes no more than restores the account, and leaves a trail', async () => {
    const trader = await opened('buy 1', '1000', '200');
    const resting = await order(trader, 'buy 0.1 at 900', { leverage: '10' });
    expect(resting.body.status).toBe('open');
    await quote('buy', '1', '851');
    await priceIs('851');
    await keep(4);
    const [liquidation, ...others] = await liquidationsOf(trader);
    expect(others).toEqual([]);
    expect(liquidation).toMatchObject({ cause: 'threshold', steps: 1, outcome: 'restored', heldBack: null });
    expect(await world.desk.later(trader, resting.body.id)).toMatchObject({
      status: 'cancelled',
      cancelReason: 'liquidation',
    });
    const [placed, ...more] = await liquidatingOrders(trader);
    expect(more).toEqual([]);
    // 50 less 0.000851 a lot against 85 less 0.085 a lot.
    expect(placed).toMatchObject({
      status: 'filled',
      reduceOnly: true,
      side: 'sell',
      quantity: parseAmount('0.416'),
    });
    expect(await marginOf(trader)).toMatchObject({
      standing: 'sound',
      initialMargin: '58.4',
      liquidation: null,
    });
    expect(await alertsOf(trader)).toEqual(['liquidation started', 'liquidation ended']);
    expect(await toldTo(trader)).toEqual(['trading.liquidation_started', 'trading.liquidation_ended']);
    const events = await world.desk.request(trader, 'GET', `/v1/orders/${placed?.id}`);
    expect(events.body).toMatchObject({ origin: 'liquidation', status: 'filled' });
  });

  test('through a gap closes everything, and what the account cannot pay the firm bears openly', async () => {
    const trader = await opened('buy 1', '1000', '200');
    // More than they need: whoever an earlier test left with a position is closed out at this price too.
    await quote('buy', '20', '700');
    await priceIs('700');
    await keep(3);
    expect(await world.desk.balance(trader, 'USD')).toBe('0 (0)');
    const [position] = await positionsOf(trader);
    expect(position).toMatchObject({
      status: 'liquidated',
      realisedPnl: parseAmount('-300'),
      lossBorne: parseAmount('101'),
    });
    expect(await liquidationsOf(trader)).toMatchObject([{ outcome: 'closed_out' }]);
    expect(await alertsOf(trader)).toEqual(['liquidation started', 'loss_borne', 'liquidation ended']);
  });

  test('trades no further from the mark than the maintenance margin; what it cannot close is told of and tried again', async () => {
    const trader = await opened('buy 1', '1000', '200');
    // Within the collar, and a tick beyond 851 less 2.5 per cent.
    await quote('buy', '2', '829.72');
    await priceIs('851');
    await keep(4);
    const tried = await liquidatingOrders(trader);
    expect(tried.map(({ status, cancelReason, priceCap }) => [status, cancelReason, priceCap])).toEqual(
      tried.map(() => ['cancelled', 'price_cap', parseAmount('829.73')]),
    );
    expect(tried.length).toBeGreaterThan(2);
    expect(await liquidationsOf(trader)).toMatchObject([{ heldBack: 'price_cap', endedAt: null }]);
    expect(await alertsOf(trader)).toEqual(['liquidation started', 'liquidation price_cap']);
    // Tries that closed nothing are no reason to close more than it takes, however many there were.
    await quote('buy', '2', '851');
    world.desk.advance(60_000);
    await keep(6);
    expect(await liquidationsOf(trader)).toMatchObject([{ outcome: 'restored', heldBack: null }]);
    expect(await positionsOf(trader)).toMatchObject([{ status: 'open' }]);
  });

  test('trades no further from the mark of then either, where what it placed had to wait', async () => {
    const trader = await opened('buy 1', '1000', '200');
    await priceIs('851');
    await markPositions(world.desk.system, world.epoch);
    await judgeMargin(world.desk.system, world.epoch);
    await quote('buy', '1', '830');
    const step = await interruptedStep(trader);
    await world.desk.engine.stop();
    await liquidatingTicket(trader, step, world.desk.elsewhere.engine);
    await priceIs('853');
    await world.desk.engine.start();
    await world.desk.engine.settled();
    expect(await liquidatingOrders(trader)).toMatchObject([
      { priceCap: parseAmount('829.73'), filledQuantity: 0n, cancelReason: 'price_cap' },
    ]);
    expect(await positionsOf(trader)).toMatchObject([{ quantity: parseAmount('1') }]);
  });

  test('closes everything where three steps were not enough, with longer and longer pauses', async () => {
    const trader = await opened('sell 1', '1000', '200');
    await priceIs('1149');
    // Each time the market has moved on before it trades.
    for (const [price, next] of [
      ['1149', '1170'],
      ['1170', '1185'],
      ['1185', '1195'],
    ] as const) {
      await quote('sell', '0.1', price);
      await keep(2);
      await world.desk.emptyTheBooks();
      await priceIs(next);
    }
    await quote('sell', '1', '1195');
    world.desk.advance(400_000);
    await keep(2);
    expect(await liquidationsOf(trader)).toMatchObject([{ outcome: 'closed_out' }]);
    expect(await positionsOf(trader)).toMatchObject([{ status: 'liquidated' }]);
  });

  test('is held back visibly while nobody stands for the price, and goes on afterwards', async () => {
    const trader = await opened('buy 1', '1000', '200');
    await priceIs('840');
    await priceIsStale();
    await keep(2);
    expect(await liquidationsOf(trader)).toEqual([]);
    expect((await marginOf(trader)).positions).toMatchObject([{ priceStale: true, markPrice: '1000' }]);
    expect(await staleMarksTold('stale')).toBe(1);
    await priceIs('840');
    await keep();
    await quote('buy', '1', '840');
    await priceIsStale();
    await keep(2);
    expect(await liquidationsOf(trader)).toMatchObject([{ heldBack: 'price_stale', steps: 1 }]);
    await priceIs('840');
    await keep(3);
    expect(await liquidationsOf(trader)).toMatchObject([{ heldBack: null, outcome: 'restored' }]);
  });

  test('begins by no price of hours ago, however late its feed tells it: it is held back and somebody is called', async () => {
    const trader = await opened('buy 1', '1000', '200');
    const { system, deps } = world.desk;
    const ago = () => addMs(deps.clock.realNow(), -6 * 3_600_000);
    const late = (sequence: bigint, retold: object = {}) => ({
      symbol: SYMBOL,
      price: '840',
      size: '1',
      sequence,
      occurredAt: ago(),
      ...retold,
    });
    const told = (ticks: Parameters<typeof feedTells>[1]['ticks'], at: Instant | null = null) =>
      feedTells(system, {
        ticks,
        gaps: [],
        alive: at === null ? [] : [{ symbol: SYMBOL, occurredAt: at }],
        quotes: [{ symbol: SYMBOL, bid: '839', ask: '841', occurredAt: ago() }],
      });
    await quote('buy', '1', '840');
    await priceIsStale();
    expect(await told([late(1n), late(2n)], deps.clock.now())).toEqual({ accepted: 0, quarantined: 3 });
    await keep(2);
    expect((await marginOf(trader)).positions).toMatchObject([{ priceStale: true, markPrice: '1000' }]);
    const staff = await world.desk.newStaff('risk_manager');
    const held = await world.desk.request(staff, 'GET', '/v1/market/quarantined-ticks?reason=too_old');
    expect(held.body.data).toHaveLength(3);
    const alarms = await deps.db.engine
      .select()
      .from(auditLogs)
      .where(
        and(eq(auditLogs.eventType, 'ticks.quarantined'), sql`${auditLogs.after}->>'reason' = 'too_old'`),
      );
    expect(alarms).toHaveLength(1);
    // Told again at the beginning of a connection it is history, and no price as long as its feed does not stand by it.
    expect(await told([late(3n, { retold: true })], ago())).toMatchObject({
      accepted: 1,
    });
    await keep(2);
    expect((await marginOf(trader)).positions).toMatchObject([{ priceStale: true, markPrice: '1000' }]);
    expect([await callsOf(trader), await liquidationsOf(trader)]).toEqual([[], []]);
  });

  test('works on whom a restriction lets only reduce, and does nothing to whom it freezes', async () => {
    const reducing = await opened('buy 1', '1000', '200');
    const frozen = await opened('buy 1', '1000', '200');
    await world.desk.changeGate(reducing, { restriction: 'reduce_only', agreementsCurrent: false });
    await world.desk.changeGate(frozen, { restriction: 'frozen' });
    await quote('buy', '2', '851');
    await priceIs('851');
    await keep(4);
    expect(await liquidationsOf(reducing)).toMatchObject([{ outcome: 'restored' }]);
    expect(await liquidationsOf(frozen)).toMatchObject([{ heldBack: 'account_restricted', endedAt: null }]);
    expect(await liquidatingOrders(frozen)).toEqual([]);
    expect(await positionsOf(frozen)).toMatchObject([{ status: 'open', quantity: parseAmount('1') }]);
    expect(await alertsOf(frozen)).toEqual(['liquidation started', 'liquidation account_restricted']);
    await world.desk.changeGate(frozen, { restriction: 'none' });
    await keep(4);
    expect(await liquidationsOf(frozen)).toMatchObject([{ outcome: 'restored' }]);
    await world.desk.changeGate(reducing, { restriction: 'none', agreementsCurrent: true });
  });

  test('waits out a circuit breaker', async () => {
    const trader = await opened('buy 1', '1000', '200');
    await quote('buy', '1', '851');
    const officer = await world.desk.newStaff('risk_manager');
    const tripped = await world.desk.request(officer, 'POST', '/v1/risk/circuit-breakers', {
      body: { reason: 'Looks wrong', symbol: SYMBOL, endsAt: addMs(world.desk.deps.clock.now(), 60_000) },
    });
    expect(tripped.status).toBe(201);
    await priceIs('851');
    await keep(2);
    expect(await liquidationsOf(trader)).toMatchObject([{ heldBack: 'circuit_breaker_active', steps: 0 }]);
    world.desk.advance(61_000);
    await liftBreakers(world.desk.system);
    await keep(3);
    expect(await liquidationsOf(trader)).toMatchObject([{ outcome: 'restored', heldBack: null }]);
  });

  test('is not kept off by what its owner rests on the other side from another account', async () => {
    const trader = await opened('buy 1', '1000', '700');
    const second = await secondAccountOf(trader, '500');
    await priceIs('851');
    const shield = await order(second, 'buy 0.5 at 851', { leverage: '10' });
    expect(shield.body.status).toBe('open');
    await quote('buy', '1', '850.99');
    await keep(4);
    expect(await world.desk.later(second, shield.body.id)).toMatchObject({ cancelReason: 'liquidation' });
    expect(await liquidationsOf(trader)).toMatchObject([{ outcome: 'restored' }]);
  });

  test('that races its owner never flips the position', async () => {
    for (const size of ['1', '0.8']) {
      const trader = await opened('buy 1', '1000', '200');
      await quote('buy', '3', '851');
      await priceIs('851');
      await Promise.all([
        keepMargin(world.desk.system, world.epoch),
        order(trader, `sell ${size}`, { type: 'market', reduceOnly: true }),
        order(trader, `sell ${size}`, { type: 'market', reduceOnly: true }),
      ]);
      await world.desk.engine.settled();
      await keep(3);
      const rows = await positionsOf(trader);
      expect(rows.map(({ side }) => side)).toEqual(['long']);
      expect(rows[0]?.quantity).toBeLessThanOrEqual(parseAmount('0.2'));
      await world.desk.emptyTheBooks();
    }
  });

  test('goes on where an interrupted step stopped, and orders nothing twice', async () => {
    const [unplaced, placed] = [await opened('buy 1', '1000', '200'), await opened('buy 1', '1000', '200')];
    await priceIs('851');
    await markPositions(world.desk.system, world.epoch);
    await judgeMargin(world.desk.system, world.epoch);
    await quote('buy', '2', '851');
    const steps = [await interruptedStep(unplaced), await interruptedStep(placed)];
    // The second was placed, and its keeper died before it could say so.
    await liquidatingTicket(placed, steps[1] ?? '');
    await world.desk.engine.settled();
    world.epoch = await becomeKeeper(world.desk.system);
    await keep(3);
    for (const [trader, step, taken] of [
      [unplaced, steps[0], 2],
      [placed, steps[1], 1],
    ] as const) {
      const found = await liquidatingOrders(trader);
      const rows = await world.desk.deps.db.engine
        .select()
        .from(liquidationOrders)
        .where(eq(liquidationOrders.accountId, trader.accountId))
        .orderBy(liquidationOrders.step);
      expect(found).toHaveLength(1);
      // What was not placed is decided anew: its prices are over.
      expect(rows.map(({ id, orderId }) => [id === step, orderId])).toEqual(
        taken === 1
          ? [[true, found[0]?.id ?? '']]
          : [
              [true, null],
              [false, found[0]?.id ?? ''],
            ],
      );
      expect(await liquidationsOf(trader)).toMatchObject([{ outcome: 'restored', steps: taken }]);
    }
  });

  test('places nothing of a step whose position is closed by now, or that nobody decided: the database refuses', async () => {
    const trader = await opened('buy 1', '1000', '200');
    await priceIs('851');
    await markPositions(world.desk.system, world.epoch);
    await judgeMargin(world.desk.system, world.epoch);
    const step = await interruptedStep(trader);
    await quote('buy', '1', '851');
    const placing = (of: string) => stateOf(() => liquidatingTicket(trader, of));
    expect(await placing(newId())).toBe('PL050');
    expect(await insertedFor(trader, step)).toBe('accepted');
    // Closed in the moment between: what acceptance read of the position is over when it writes.
    await order(trader, 'sell 1', { type: 'market', reduceOnly: true });
    await world.desk.engine.settled();
    expect(await positionsOf(trader)).toMatchObject([{ status: 'closed' }]);
    expect(await insertedFor(trader, step)).toBe('PL050');
    expect(await liquidatingOrders(trader)).toEqual([]);
    await keep(2);
  });

  test('places nothing of an interrupted step once the account is well again', async () => {
    const trader = await opened('buy 1', '1000', '200');
    await priceIs('851');
    await markPositions(world.desk.system, world.epoch);
    await judgeMargin(world.desk.system, world.epoch);
    await interruptedStep(trader);
    await priceIs('1000');
    await quote('buy', '1', '1000');
    world.epoch = await becomeKeeper(world.desk.system);
    await keep(3);
    expect(await liquidatingOrders(trader)).toEqual([]);
    expect(await liquidationsOf(trader)).toMatchObject([{ outcome: 'restored' }]);
  });

  test('waits for an order that nobody has answered, says so after ten seconds, and orders nothing beside it', async () => {
    const trader = await opened('buy 1', '1000', '200');
    await priceIs('851');
    await markPositions(world.desk.system, world.epoch);
    await judgeMargin(world.desk.system, world.epoch);
    await quote('buy', '1', '851');
    const step = await interruptedStep(trader);
    // Accepted where nobody matches: it stays open, as at a venue that keeps silent.
    await world.desk.engine.stop();
    await liquidatingTicket(trader, step, world.desk.elsewhere.engine);
    world.desk.advance(9_000);
    await keepMargin(world.desk.system, world.epoch);
    expect(await liquidationsOf(trader)).toMatchObject([{ heldBack: null }]);
    world.desk.advance(2_000);
    await keepMargin(world.desk.system, world.epoch);
    expect(await liquidationsOf(trader)).toMatchObject([{ heldBack: 'order_unanswered', endedAt: null }]);
    expect(await alertsOf(trader)).toEqual(['liquidation started', 'liquidation order_unanswered']);
    await world.desk.engine.start();
    await world.desk.engine.settled();
    await keep(2);
    expect(await liquidatingOrders(trader)).toMatchObject([{ status: 'filled' }]);
    expect(await liquidationsOf(trader)).toMatchObject([{ heldBack: null, outcome: 'restored' }]);
  });

  test('is kept off neither by orders that only reduce nor by the limits of its owner', async () => {
    const trader = await opened('buy 1', '1000', '200');
    const exit = await order(trader, 'sell 1 at 1080', { reduceOnly: true });
    expect(exit.body.status).toBe('open');
    await setRiskLimit(world.desk.system, {
      scope: 'account',
      scopeId: trader.accountId,
      type: 'max_order_value',
      value: parseAmount('1'),
      currency: 'USD',
      effectiveFrom: world.desk.deps.clock.now(),
      effectiveUntil: null,
      setBy: 'seed',
      approvalId: null,
      reason: 'Test',
      subjectUserId: trader.userId,
    });
    await quote('buy', '1', '851');
    await priceIs('851');
    await keep(3);
    expect(await liquidatingOrders(trader)).toMatchObject([{ status: 'filled', rejectionReason: null }]);
    expect(await liquidationsOf(trader)).toMatchObject([{ outcome: 'restored', heldBack: null }]);
  });

  test('says so where its orders are refused, and counts none of them as a step', async () => {
    const trader = await opened('buy 1', '1000', '200');
    await quote('buy', '1', '851');
    await priceIs('851');
    await usdWallet(trader, 'suspended');
    await keep(5);
    world.desk.advance(60_000);
    await keep(2);
    const refused = await liquidatingOrders(trader);
    expect(refused.length).toBeGreaterThan(3);
    expect(new Set(refused.map(({ rejectionReason }) => rejectionReason))).toEqual(
      new Set(['wallet_not_active'] as const),
    );
    expect(await liquidationsOf(trader)).toMatchObject([{ heldBack: 'wallet_not_active', endedAt: null }]);
    expect(await alertsOf(trader)).toEqual(['liquidation started', 'liquidation wallet_not_active']);
    await usdWallet(trader, 'active');
    world.desk.advance(300_000);
    await priceIs('851');
    await keep(3);
    // No more than restores it: the three steps are still to come.
    expect((await liquidatingOrders(trader)).at(-1)).toMatchObject({
      status: 'filled',
      quantity: parseAmount('0.416'),
    });
    expect(await liquidationsOf(trader)).toMatchObject([{ outcome: 'restored', heldBack: null }]);
  });

  test('is not kept off by orders that keep coming, and its owner opens nothing meanwhile', async () => {
    const trader = await opened('buy 1', '1000', '900');
    const second = await secondAccountOf(trader, '700');
    await priceIs('851');
    for (let look = 0; look < 8; look += 1) {
      await world.desk.place(trader, 'buy 0.0001 at 1000');
      await keep();
      if (look === 2) {
        const reasonOf = async (by: Trader, words: string, more: object) =>
          (await order(by, words, more)).body.rejectionReason;
        expect(await reasonOf(trader, 'buy 0.001 at 800', { leverage: '10' })).toBe('liquidation_open');
        expect(await reasonOf(second, 'buy 0.001 at 800', { leverage: '10' })).toBe('liquidation_open');
        expect(await reasonOf(trader, 'sell 0.001', { type: 'market', reduceOnly: true })).toBeNull();
      }
    }
    expect((await liquidationsOf(trader))[0]?.steps).toBeGreaterThan(0);
    await quote('buy', '1', '851');
    world.desk.advance(400_000);
    await keep(3);
    expect((await liquidationsOf(trader))[0]?.endedAt).not.toBeNull();
  });

  test('begins on no price that only trades of its own book or no age stands for, and says so', async () => {
    const trader = await opened('buy 1', '1000', '200');
    await quote('buy', '1', '840');
    const settings = (feed: string | null, seconds: number | null) =>
      world.desk.deps.db.engine.execute(sql`update price_settings set feed = ${feed}::feed_name, stale_after_seconds = ${seconds}
        where instrument_id = (select id from instruments where symbol = ${SYMBOL})`);
    await settings(null, null);
    try {
      await priceIs('840');
      await keep(2);
      expect(await positionsOf(trader)).toMatchObject([{ markPrice: parseAmount('840') }]);
      expect(await liquidationsOf(trader)).toEqual([]);
      await settings(null, 3_600);
      await setQuote(world.desk.system, { symbol: SYMBOL, last: parseAmount('840'), source: 'trades' });
      await keep(2);
      expect(await liquidationsOf(trader)).toEqual([]);
      expect(await staleMarksTold('not_vouched_for')).toBe(1);
      // One that people agreed to is good for as long as it may be old.
      const path = `/v1/instruments/${SYMBOL}/reference-price`;
      const { body: asked } = await world.desk.request(await world.desk.newStaff('admin'), 'POST', path, {
        body: { price: '840', reason: 'As other exchanges have it' },
      });
      for (const status of ['pending', 'executed']) {
        await keep(2);
        expect(await liquidationsOf(trader)).toEqual([]);
        const checker = await world.desk.newStaff('risk_manager');
        const vote = `/v1/approvals/${asked.approvalId}/approve`;
        expect(
          (await world.desk.request(checker, 'POST', vote, { body: { reason: 'Seen' } })).body.status,
        ).toBe(status);
      }
      await keep(4);
      expect(await liquidationsOf(trader)).toMatchObject([{ outcome: 'restored' }]);
    } finally {
      await settings('simulator', 3_600);
    }
  });
});

describe('whoever keeps margin', () => {
  test('writes nothing any more once another took over', async () => {
    const trader = await opened('buy 1', '1000', '200');
    const former = world.epoch;
    world.epoch = await becomeKeeper(world.desk.system);
    await priceIs('840');
    expect(keepMargin(world.desk.system, former)).rejects.toThrow(KeeperReplaced);
    expect(await positionsOf(trader)).toMatchObject([{ markPrice: parseAmount('1000') }]);
    expect(await liquidationsOf(trader)).toEqual([]);
  });

  test('marks positions while a liquidation waits', async () => {
    const [stuck, other] = [await opened('buy 1', '1000', '200'), await opened('buy 1', '1000', '2000')];
    await priceIs('851');
    await markPositions(world.desk.system, world.epoch);
    await judgeMargin(world.desk.system, world.epoch);
    expect(await liquidationsOf(stuck)).toHaveLength(1);
    const keeper = startMarginKeeper(world.desk.deps);
    await transact(world.desk.system, 'engine', async (tx) => {
      // Whoever takes a step of it waits for this.
      await lockExclusive(tx, [gateLockName(stuck.userId)]);
      for (const price of ['850', '849']) {
        await priceIs(price);
        await until(async () => (await positionsOf(other))[0]?.markPrice === parseAmount(price));
      }
    });
    await keeper.stop();
  });

  test('is one process of two, which follows prices by itself', async () => {
    const trader = await opened('buy 1', '1000', '200');
    const keepers = [startMarginKeeper(world.desk.deps), startMarginKeeper(world.desk.deps)];
    await priceIs('950');
    await until(async () => (await positionsOf(trader))[0]?.markPrice === parseAmount('950'));
    await Promise.all(keepers.map(({ stop }) => stop()));
    expect(await world.desk.balance(trader, 'USD')).toBe('199 (150)');
  });
});

test('reconcile finds a mark that its price does not make, and funding that no period explains', async () => {
  const trader = await opened('buy 1', '1000', '200');
  const [position] = await positionsOf(trader);
  for (const [check, planted] of [
    ['trading.marks_follow_their_price', { unrealisedPnl: parseAmount('5') }],
    ['trading.funding_is_booked_once', { fundingPaid: parseAmount('1') }],
  ] as const) {
    const plant = (values: object) =>
      world.desk.deps.db.engine
        .update(positions)
        .set(values)
        .where(eq(positions.id, position?.id ?? ''));
    await plant(planted);
    const { checks } = await world.desk.reconcile();
    expect(checks.filter(({ breaks }) => breaks.length > 0).map(({ name }) => name)).toEqual([check]);
    await plant({ unrealisedPnl: position?.unrealisedPnl, fundingPaid: position?.fundingPaid });
  }
});

/** Another account of the same person, with so much of the money of the first. */
async function secondAccountOf(trader: Trader, amount: string): Promise<Trader> {
  const second = { ...trader, accountId: newId() };
  const at = world.desk.deps.clock.now();
  await world.desk.deps.db.engine.insert(accounts).values({
    id: second.accountId,
    userId: trader.userId,
    type: 'live',
    name: 'Second',
    baseCurrency: 'USD',
    status: 'active',
    marginEnabled: true,
    maxLeverage: '10',
    createdAt: at,
    updatedAt: at,
  });
  const body = { fromAccountId: trader.accountId, toAccountId: second.accountId, asset: 'USD', amount };
  expect((await world.desk.request(trader, 'POST', '/v1/transfers', { body, key: newId() })).status).toBe(
    201,
  );
  return second;
}

/** How often on one day at most somebody was told that nobody stands for the price, and why. */
async function staleMarksTold(why: string): Promise<number> {
  const told = await world.desk.deps.db.engine
    .select()
    .from(riskAlerts)
    .where(and(eq(riskAlerts.kind, 'stale_mark'), sql`details ->> 'why' = ${why}`));
  const perDay = Map.groupBy(told, ({ raisedAt }) => raisedAt.slice(0, 10));
  return Math.max(0, ...[...perDay.values()].map(({ length }) => length));
}

async function usdWallet({ accountId }: Trader, status: 'active' | 'suspended'): Promise<void> {
  await world.desk.deps.db.engine
    .update(wallets)
    .set({ status })
    .where(and(eq(wallets.accountId, accountId), eq(wallets.asset, 'USD')));
}

/** A step as it is decided, of which nothing was placed. @shape its id */
async function interruptedStep(trader: Trader): Promise<string> {
  const [liquidation] = await liquidationsOf(trader);
  const [position] = await positionsOf(trader);
  const id = newId();
  await transact(world.desk.system, 'engine', async (tx) => {
    await tx.insert(liquidationOrders).values({
      id,
      liquidationId: liquidation?.id ?? '',
      positionId: position?.id ?? '',
      userId: trader.userId,
      accountId: trader.accountId,
      symbol: SYMBOL,
      side: 'sell',
      step: 1,
      quantity: parseAmount('0.416'),
      createdAt: world.desk.deps.clock.now(),
    });
    await tx
      .update(liquidations)
      .set({ steps: 1 })
      .where(eq(liquidations.id, liquidation?.id ?? ''));
  });
  return id;
}

async function stateOf(work: () => Promise<unknown>): Promise<string> {
  return work().then(
    () => 'accepted',
    (error: unknown) => sqlStateOf(error) ?? String(error),
  );
}

/** What the database says to the order of a step, whatever acceptance would; nothing of it stays. */
function insertedFor({ accountId }: Trader, step: string): Promise<string> {
  const gone = new Error('accepted');
  return stateOf(() =>
    world.desk.deps.db.engine.transaction(async (tx) => {
      await tx.execute(sql`
        insert into orders select (jsonb_populate_record(o, jsonb_build_object('id', ${newId()}::text, 'side', 'sell',
          'type', 'market', 'time_in_force', 'ioc', 'quantity', '0.416', 'limit_price', null, 'price_cap', '1',
          'reduce_only', true, 'origin', 'liquidation', 'idempotency_key', 'liquidation-' || ${step}::text,
          'status', 'pending', 'book_seq', null, 'closed_at', null, 'filled_quantity', '0', 'filled_amount', '0',
          'fees', '0', 'reservation', '0'))).*
        from orders o where o.account_id = ${accountId} order by o.id limit 1`);
      throw gone;
    }),
  ).then((said) => (said === String(gone) ? 'accepted' : said));
}

/** The order of a step, as its keeper hands it in. */
async function liquidatingTicket(
  { userId, accountId }: Trader,
  step: string,
  engine = world.desk.engine,
): Promise<void> {
  const closing = {
    accountId,
    symbol: SYMBOL,
    side: 'sell',
    type: 'market',
    timeInForce: 'ioc',
    quantity: parseAmount('0.416'),
    notional: null,
    limitPrice: null,
    stopPrice: null,
    trailAmount: null,
    trailPercent: null,
    leverage: ONE,
    postOnly: false,
    reduceOnly: true,
    lots: null,
    expiresAt: null,
    clientOrderId: null,
  } as const;
  await engine.submit({
    ctx: world.desk.system,
    userId,
    order: closing,
    requestHash: hashOf(closing),
    idempotencyKey: `liquidation-${step}`,
    idempotencyIndex: 0,
    batchHash: null,
    replaces: null,
    companions: [],
    origin: 'liquidation',
  });
}
