import { beforeAll, describe, expect, test } from 'bun:test';
import { desc, eq, sql } from 'drizzle-orm';
import { formatAmount, parseAmount } from '../../../kernel/amount.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { sqlStateOf } from '../../../platform/db/errors.ts';
import { approvals, auditLogs } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import type { Trader } from '../../../testing/trading-desk.ts';
import { becomeKeeper } from '../margin/fence.ts';
import { placeClosings } from '../margin/place-closings.ts';
import { liquidationOrders, liquidations } from '../margin/schema.ts';
import {
  alertsOf,
  keep,
  liquidatingOrders,
  liquidationsOf,
  listFollowed,
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
} from '../margin/testing/margin-desk.ts';
import { fills } from '../schema.ts';
import { liquidationTakeovers } from './schema.ts';

startMarginDesk(import.meta.file);

const FIVE_MINUTES = 5 * 60_000;

let maker: Trader;
let checker: Trader;

beforeAll(async () => {
  maker = await world.desk.newStaff('risk_manager');
  checker = await world.desk.newStaff('risk_manager');
});

describe('a takeover', () => {
  test('closes what the liquidation would, at the mark of the vote, once two people agreed', async () => {
    const trader = await opened('buy 1', '1000', '200');
    const before = await firm();
    await priceIs('851');
    await keep();
    expect(await asked(trader)).toMatchObject({ status: 409, body: { code: 'liquidation_finds_takers' } });
    world.desk.advance(FIVE_MINUTES);
    await keep(2);
    expect(await liquidationsOf(trader)).toMatchObject([{ heldBack: 'no_liquidity' }]);
    expect((await asked(trader, {}, trader)).status).toBe(403);
    expect(await asked(trader, { quantity: '0.9' })).toMatchObject({
      status: 422,
      body: { code: 'takeover_quantity_invalid' },
    });
    const { status, body } = await asked(trader);
    expect(status).toBe(202);
    expect(body).toMatchObject({ markPrice: '851', price: '851', status: 'pending' });
    expect(await vote(body.approvalId, maker)).toMatchObject({
      status: 403,
      body: { code: 'self_approval' },
    });
    // The mark of the vote, whichever way it went; and no more than was agreed on, though more would be needed by then.
    await priceIs('850');
    const steps = (await liquidationsOf(trader))[0]?.steps ?? 0;
    expect((await vote(body.approvalId)).status).toBe(200);
    const [position] = await positionsOf(trader);
    const rest = parseAmount('1') - parseAmount(body.quantity);
    expect(position).toMatchObject({ status: 'open', quantity: rest });
    const [closing] = (await liquidatingOrders(trader)).slice(-1);
    expect(closing).toMatchObject({ status: 'filled', reduceOnly: true, reservation: 0n });
    const [fill] = await fillsOf(closing?.id);
    expect(fill).toMatchObject({ price: parseAmount('850'), liquidity: 'taker', feeBps: 10 });
    expect(fill?.fee).toBeGreaterThan(0n);
    expect(await prints()).not.toContain(fill?.tradeId ?? '');
    // Evidence: the firm's own position, an audit row of who voted, an alert, and what the customer is told.
    expect(await takeoversOf(trader)).toMatchObject([
      { side: 'long', price: parseAmount('850'), mark: parseAmount('850'), approvalId: body.approvalId },
    ]);
    const held = await firm();
    expect(held.net - before.net).toBe(parseAmount(body.quantity));
    expect(held.takeovers).toBe(before.takeovers + 1);
    expect(await alertsOf(trader)).toContain('liquidation taken_over');
    expect(await toldTo(trader)).toContain('trading.liquidation_started');
    expect(await told(trader)).toContain('trading.position_taken_over');
    expect(await audited('liquidation.taken_over')).toBe(checker.userId);
    expect(await liquidationsOf(trader)).toMatchObject([{ steps: steps + 1, endedAt: null }]);
    await priceIs('880');
    expect((await firm()).result - held.result).toBe(held.net * 30n);
    await priceIs('850');
    await quote('buy', '1', '850');
    world.desk.advance(60_000);
    await keep(3);
    expect(await liquidationsOf(trader)).toMatchObject([{ heldBack: null }]);
  });

  test('bears openly what the customer does not have, and ends the position with its liquidation', async () => {
    const before = await firm();
    const trader = await stuck('sell 1', '1300');
    const { body } = await asked(trader);
    expect(body).toMatchObject({ quantity: '1', price: '1300' });
    expect((await vote(body.approvalId)).status).toBe(200);
    expect(await positionsOf(trader)).toMatchObject([
      { status: 'liquidated', realisedPnl: parseAmount('-300') },
    ]);
    expect((await positionsOf(trader))[0]?.lossBorne).toBeGreaterThan(parseAmount('100'));
    expect(await world.desk.balance(trader, 'USD')).toBe('0 (0)');
    expect(await alertsOf(trader)).toContain('loss_borne');
    const after = await firm();
    // A short taken over takes off what is long.
    expect([before.net - after.net, after.takeovers]).toEqual([parseAmount('1'), before.takeovers + 1]);
    // Nobody takes over twice what is gone.
    expect(await asked(trader)).toMatchObject({ status: 409, body: { code: 'position_closed' } });
    await keep();
    expect(await liquidationsOf(trader)).toMatchObject([{ outcome: 'closed_out' }]);
  });

  test('is refused at the vote by whatever is not so any more, and leaves nothing', async () => {
    const trader = await stuck('buy 1', '851');
    const { body } = await asked(trader);
    const refused = async (code: string) => {
      expect(await vote(body.approvalId)).toMatchObject({ body: { code } });
      expect(await statusOf(body.approvalId)).toBe('pending');
    };
    await priceIs('765');
    await refused('mark_moved');
    await priceIs('851');
    await priceIsStale();
    await refused('mark_not_vouched');
    await priceIs('1000');
    await refused('liquidation_not_running');
    await priceIs('851');
    await world.desk.changeGate(trader, { restriction: 'frozen' });
    await refused('account_restricted');
    await world.desk.changeGate(trader, { restriction: 'none' });
    const lift = await stopped();
    await refused('instrument_not_trading');
    await lift();
    world.desk.advance(FIVE_MINUTES + 60_000);
    await refused('liquidation_finds_takers');
    expect(await takeoversOf(trader)).toEqual([]);
    expect(await asked(trader)).toMatchObject({ status: 409, body: { code: 'approval_pending_exists' } });
    // Somebody takes it after all: the market goes first.
    await quote('buy', '2', '851');
    await keep();
    await refused('liquidation_not_running');
    const [{ quantity } = { quantity: parseAmount('0') }] = await positionsOf(trader);
    await order(trader, `sell ${formatAmount(quantity)}`, { reduceOnly: true });
    await world.desk.engine.settled();
    await refused('position_closed');
    await keep();
  });

  test('is neither asked for nor agreed to by who holds the instrument, or came to hold it since', async () => {
    // Members of staff are customers too.
    const as = (person: Trader) => ({
      ...person,
      actor: { ...checker.actor, userId: person.userId } as Trader['actor'],
    });
    const holder = await opened('buy 0.1', '1000', '200');
    const asker = await world.desk.newTrader({ USD: '1000' }, { leverage: '10' });
    const trader = await stuck('buy 1', '851');
    expect(await asked(trader, {}, as(holder))).toMatchObject({ status: 403, body: { code: 'self_action' } });
    const { body } = await asked(trader, {}, as(asker));
    for (const verb of ['approve', 'reject']) {
      const path = `/v1/approvals/${body.approvalId}/${verb}`;
      const voted = await world.desk.request(as(holder), 'POST', path, { body: { reason: 'Seen' } });
      expect(voted).toMatchObject({ status: 403, body: { code: 'self_approval' } });
      const [attempt] = await world.desk.deps.db.engine
        .select({ outcome: auditLogs.outcome, actorId: auditLogs.actorId })
        .from(auditLogs)
        .where(eq(auditLogs.requestId, voted.headers.get('x-request-id') ?? ''));
      expect(attempt).toEqual({ outcome: 'refused', actorId: holder.userId });
    }
    await order(world.maker, 'sell 0.1 at 851', { leverage: '20' });
    await order(asker, 'buy 0.1 at 851', { leverage: '10' });
    await world.desk.engine.settled();
    expect(await vote(body.approvalId)).toMatchObject({ status: 403, body: { code: 'self_approval' } });
    expect([await statusOf(body.approvalId), await takeoversOf(trader)]).toEqual(['pending', []]);
  });

  test('takes the place of an order of the liquidation that is not over, wherever it waits, through a restart', async () => {
    const trader = await stuck('buy 1', '851');
    const { body } = await asked(trader);
    await world.desk.engine.stop();
    // Accepted, and matched by nobody.
    await placeClosings(world.desk.system, 'liquidation', [await decidedStep(trader)]);
    expect((await liquidatingOrders(trader)).at(-1)).toMatchObject({ closedAt: null });
    // Placed just now, it may still find somebody; nobody has answered it for so long, and nobody will.
    expect(await vote(body.approvalId)).toMatchObject({ status: 409, body: { code: 'closing_under_way' } });
    world.desk.advance(10_000);
    expect((await vote(body.approvalId)).status).toBe(200);
    const [replaced, taking] = (await liquidatingOrders(trader)).slice(-2);
    expect(replaced).toMatchObject({ status: 'replaced', filledQuantity: 0n });
    expect(taking).toMatchObject({ status: 'filled', replacesId: replaced?.id });
    const shown = (await world.desk.request(trader, 'GET', `/v1/orders/${replaced?.id}`)).body;
    expect(shown).toMatchObject({ status: 'replaced', replacedById: taking?.id });
    // Somebody would have taken it: what was replaced meets nobody any more.
    await world.desk.engine.start();
    await quote('buy', '2', '851');
    expect((await liquidatingOrders(trader)).filter(({ status }) => status === 'filled')).toHaveLength(1);
    world.epoch = await becomeKeeper(world.desk.system);
    await keep(2);
  });

  test('and the engine close once between them what both would close at the same moment', async () => {
    for (let round = 0; round < 2; round += 1) {
      const trader = await stuck('buy 1', '851');
      const { body } = await asked(trader);
      const step = await decidedStep(trader);
      await order(world.maker, 'buy 2 at 851', { leverage: '20' });
      const [voted] = await Promise.all([
        vote(body.approvalId),
        placeClosings(world.desk.system, 'liquidation', [step]),
      ]);
      await world.desk.engine.settled();
      const [position] = await positionsOf(trader);
      const closed = parseAmount('1') - (position?.quantity ?? 0n);
      const taken = (await takeoversOf(trader)).reduce((sum, { quantity }) => sum + quantity, 0n);
      const traded = (await liquidatingOrders(trader)).reduce((sum, row) => sum + row.filledQuantity, 0n);
      expect(closed).toBe(traded);
      expect(taken > 0n).toBe(voted.status === 200);
      expect(closed <= parseAmount('1')).toBe(true);
      await world.desk.emptyTheBooks();
      await keep();
    }
  });

  test('is of what the liquidation would close first, and of nothing else where that is enough', async () => {
    const other = 'SIDE-PERP';
    await listFollowed(other);
    await priceIs('1000', other);
    const trader = await opened('buy 1', '1000', '200');
    await order(world.maker, 'sell 0.1 at 1000', { symbol: other, leverage: '10' });
    await order(trader, 'buy 0.1 at 1000', { symbol: other, leverage: '10' });
    await world.desk.engine.settled();
    await priceIs('800');
    await keep();
    world.desk.advance(FIVE_MINUTES);
    await keep(2);
    const tried = (await liquidatingOrders(trader)).map(({ symbol }) => symbol);
    expect(new Set(tried)).toEqual(new Set([SYMBOL, other]));
    await priceIs('851');
    expect(await asked(trader)).toMatchObject({ status: 422, body: { code: 'takeover_quantity_invalid' } });
    expect(await asked(trader, { quantity: '0.1' })).toMatchObject({ status: 422 });
    const [first] = await positionsOf(trader);
    const { status, body } = await askedOf(first?.id);
    expect([first?.symbol, status]).toEqual([SYMBOL, 202]);
    expect(parseAmount(body.quantity)).toBeLessThan(parseAmount('1'));
    expect((await vote(body.approvalId)).status).toBe(200);
  });

  test('leaves nothing of a step that was decided before it and is placed behind it', async () => {
    const trader = await stuck('buy 1', '851');
    const { body } = await asked(trader, { quantity: '0.1' });
    const step = await decidedStep(trader);
    expect((await vote(body.approvalId)).status).toBe(200);
    await quote('buy', '2', '851');
    const before = await liquidatingOrders(trader);
    await placeClosings(world.desk.system, 'liquidation', [step]);
    await world.desk.engine.settled();
    expect(await liquidatingOrders(trader)).toHaveLength(before.length);
    expect((await marginOf(trader)).positions).toMatchObject([{ quantity: '0.9' }]);
    await world.desk.emptyTheBooks();
    world.desk.advance(60_000);
    await keep();
    // Parts that people name never have the liquidation close all the rest.
    for (let part = 0; part < 2; part += 1) {
      const { body } = await asked(trader, { quantity: '0.01' });
      expect((await vote(body.approvalId)).status).toBe(200);
      world.desk.advance(60_000);
      await keep();
    }
    const last = (await liquidatingOrders(trader)).at(-1);
    expect(last).toMatchObject({ status: 'cancelled', cancelReason: 'no_liquidity' });
    expect(last?.quantity).toBeLessThan(parseAmount('0.5'));
  });
});

describe('the database', () => {
  test('knows no trade with the firm that nobody agreed to, and keeps what was taken over', async () => {
    const trader = await stuck('buy 1', '851');
    const { body } = await asked(trader, { quantity: '0.2' });
    expect((await vote(body.approvalId)).status).toBe(200);
    const said = (statement: ReturnType<typeof sql>) =>
      world.desk.deps.db.engine.execute(statement).then(
        () => 'accepted',
        (failure: unknown) => sqlStateOf(failure),
      );
    expect(
      await said(sql`insert into trades (id, instrument_id, symbol, book, price, quantity, taker_side, venue, executed_at)
        select ${newId()}::uuid, instrument_id, symbol, book, price, quantity, taker_side, 'firm', executed_at
        from trades where venue = 'firm' limit 1`),
    ).toBe('PL062');
    expect(
      await said(sql`insert into liquidation_takeovers
        select (jsonb_populate_record(t, jsonb_build_object('id', ${newId()}::text, 'approval_id', ${newId()}::text,
          'trade_id', ${newId()}::text, 'order_id', ${newId()}::text))).*
        from liquidation_takeovers t where t.account_id = ${trader.accountId}`),
    ).toBe('PL062');
    expect(await said(sql`update liquidation_takeovers set quantity = 1`)).toBe('42501');
    expect(await said(sql`delete from liquidation_takeovers`)).toBe('42501');
    await keep();
  });
});

/** An account at a price where it is liquidated, and nobody takes the other side for five minutes. */
async function stuck(words: string, price: string): Promise<Trader> {
  const trader = await opened(words, '1000', '200');
  await priceIs(price);
  await keep();
  world.desk.advance(FIVE_MINUTES);
  await keep(2);
  return trader;
}

async function asked(trader: Trader, more: object = {}, by = maker) {
  const [position] = (await positionsOf(trader)).slice(-1);
  return askedOf(position?.id, more, by);
}

function askedOf(positionId: Id | undefined, more: object = {}, by = maker) {
  const body = { reason: 'Nobody quotes', ...more };
  return world.desk.request(by, 'POST', `/v1/positions/${positionId}/take-over`, { body });
}

function vote(approvalId: string, by = checker) {
  return world.desk.request(by, 'POST', `/v1/approvals/${approvalId}/approve`, { body: { reason: 'Seen' } });
}

async function statusOf(approvalId: Id): Promise<string | undefined> {
  const [row] = await world.desk.deps.db.engine.select().from(approvals).where(eq(approvals.id, approvalId));
  return row?.status;
}

/** What the firm holds: below zero where it is short. */
async function firm(): Promise<{ net: bigint; result: bigint; takeovers: number }> {
  const { status, body } = await world.desk.request(maker, 'GET', '/v1/risk/firm-exposure');
  expect(status).toBe(200);
  const [held] = body.exposures;
  if (held === undefined) {
    return { net: 0n, result: 0n, takeovers: 0 };
  }
  const quantity = parseAmount(held.quantity);
  const net = held.side === 'short' ? -quantity : quantity;
  expect(held).toMatchObject({ symbol: SYMBOL, settlementAsset: 'USD', priceVouched: true });
  expect(held.side === 'flat').toBe(net === 0n);
  return { net, result: parseAmount(held.result), takeovers: held.takeovers };
}

function takeoversOf({ accountId }: Trader) {
  return world.desk.deps.db.engine
    .select()
    .from(liquidationTakeovers)
    .where(eq(liquidationTakeovers.accountId, accountId))
    .orderBy(liquidationTakeovers.id);
}

function fillsOf(orderId: Id | undefined) {
  return world.desk.deps.db.engine
    .select()
    .from(fills)
    .where(eq(fills.orderId, orderId ?? ''));
}

/** What the public reads of the book's trades. */
async function prints(): Promise<string[]> {
  const { body } = await world.desk.request(world.maker, 'GET', `/v1/instruments/${SYMBOL}/trades`);
  return (body.data as { id: string }[]).map(({ id }) => id);
}

async function told({ accountId }: Trader): Promise<string[]> {
  const rows = await world.desk.deps.db.engine.execute<{ type: string }>(
    sql`select type from outbox where account_id = ${accountId} order by id`,
  );
  return rows.map(({ type }) => type);
}

/** Who did it, as the log says. */
async function audited(event: string): Promise<string | null | undefined> {
  const [row] = await world.desk.deps.db.engine
    .select()
    .from(auditLogs)
    .where(eq(auditLogs.eventType, event))
    .orderBy(desc(auditLogs.id))
    .limit(1);
  return row?.actorId;
}

/** Has the instrument stopped by a breaker. @shape what has two people lift it */
async function stopped(): Promise<() => Promise<void>> {
  const breakers = '/v1/risk/circuit-breakers';
  const body = { reason: 'Looks wrong' };
  const tripped = await world.desk.request(maker, 'POST', breakers, { body: { ...body, symbol: SYMBOL } });
  return async () => {
    const lift = await world.desk.request(maker, 'POST', `${breakers}/${tripped.body.id}/lift`, { body });
    expect((await vote(lift.body.approvalId)).status).toBe(200);
  };
}

/** What a step of the liquidation decided, and has not placed yet. */
async function decidedStep({ userId, accountId }: Trader) {
  return transact(world.desk.system, 'engine', async (tx) => {
    const [position] = await tx.execute<{ id: Id; liquidation_id: Id; step: number }>(sql`
      select p.id, l.id as liquidation_id, l.steps + 1 as step from positions p
      join liquidations l on l.wallet_id = p.wallet_id and l.ended_at is null
      where p.account_id = ${accountId} and p.closed_at is null`);
    const { id = '' as Id, liquidation_id = '' as Id, step = 0 } = position ?? {};
    await tx.update(liquidations).set({ steps: step }).where(eq(liquidations.id, liquidation_id));
    const [row] = await tx
      .insert(liquidationOrders)
      .values({
        id: newId(),
        liquidationId: liquidation_id,
        positionId: id,
        userId,
        accountId,
        symbol: SYMBOL,
        side: 'sell',
        step,
        quantity: parseAmount('0.416'),
        createdAt: world.desk.deps.clock.now(),
      })
      .returning();
    if (row === undefined) {
      throw new Error('the step was just written');
    }
    return row;
  });
}
