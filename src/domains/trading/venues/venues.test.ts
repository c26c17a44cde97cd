import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { and, eq, inArray, sql } from 'drizzle-orm';
import { formatAmount, parseAmount, ZERO } from '../../../kernel/amount.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import { sqlStateOf } from '../../../platform/db/errors.ts';
import { transact } from '../../../platform/db/transact.ts';
import { startTradingDesk, type Trader, type TradingDesk } from '../../../testing/trading-desk.ts';
import { until } from '../../../testing/until.ts';
import { wallets } from '../../ledger/schema.ts';
import { instrumentOf, setQuote } from '../../markets/index.ts';
import { riskAlerts } from '../../risk/schema.ts';
import type { NewOrder } from '../engine/command.ts';
import { instructionAgain } from '../instruction-of.ts';
import { bookKey, createDesk, emptyBook } from '../pipeline/desk.ts';
import { commandOf } from '../pipeline/engine-commands.ts';
import type { BookLost } from '../pipeline/fence.ts';
import { collectCancels } from '../pipeline/rebuild-book.ts';
import type { Ticket } from '../pipeline/ticket.ts';
import { bookOwners, fills, orders } from '../schema.ts';
import { type StoredResolution, venueOrders, venueReports } from './schema.ts';
import { SIMULATED } from './simulated/simulated-venue.ts';
import { quoteEtherAway } from './testing/ether-away.ts';
import { type MemoryVenue, memoryVenue } from './testing/memory-venue.ts';
import { describeVenue } from './testing/venue-contract.ts';
import type { Venue, VenueOrder } from './venue.ts';
import { createVenueLane } from './venue-lane.ts';
import { venuesOf } from './venues.ts';

let desk: TradingDesk;
let simulated: Venue;
let venue: MemoryVenue;
let operations: Trader;
let risk: Trader;
let btc: Id;

beforeAll(async () => {
  desk = await startTradingDesk(import.meta.file);
  simulated = venuesOf(desk.deps).get(SIMULATED)!;
  operations = await desk.newStaff('operations');
  risk = await desk.newStaff('risk_manager');
  await quoteEtherAway(desk.system);
  btc = (await transact(desk.system, 'engine', (tx) => instrumentOf(tx, 'BTC/USD'))).id;
  await desk.engine.start();
});

beforeEach(() => {
  venue = memoryVenue();
  venuesOf(desk.deps).set(SIMULATED, venue);
});

afterAll(async () => {
  await desk.close();
});

/** Every test of a group leaves books that add up. */
function leavesNoBreaks(): void {
  afterEach(async () => {
    await desk.engine.start();
    await desk.engine.settled();
    const report = await desk.reconcile();
    expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
  });
}

/** `'buy 2 at 2000'` in ETH/USD, whose orders go to the venue. */
async function atVenue(trader: Trader, words: string, more: object = {}): Promise<Id> {
  const { status, body } = await desk.place(trader, words, { symbol: 'ETH/USD', ...more });
  expect([status, body.rejectionReason]).toEqual([201, null]);
  await desk.engine.settled();
  return body.id;
}

async function stateOf(orderId: Id): Promise<string | undefined> {
  const [row] = await desk.deps.db.engine.select().from(venueOrders).where(eq(venueOrders.orderId, orderId));
  return row?.state;
}

function cancel(trader: Trader, orderId: Id) {
  return desk.request(trader, 'DELETE', `/v1/orders/${orderId}`);
}

async function clearing(asset: string): Promise<string> {
  const [row] = await desk.deps.db.engine
    .select({ total: wallets.total })
    .from(wallets)
    .where(
      sql`house_role = 'clearing' and house_reference = 'venue:simulated' and book = 'live' and asset = ${asset}`,
    );
  return formatAmount(row?.total ?? ZERO);
}

const instruction = { symbol: 'BTC/USD', side: 'buy', timeInForce: 'gtc', isMarket: false } as const;

describe('the contract of venues', () => {
  const resting = () => ({
    ...instruction,
    client: btc,
    instrumentId: btc,
    limit: parseAmount('59000'),
    quantity: parseAmount('0.5'),
    notional: null,
    postOnly: false,
  });

  describe('as a test keeps it', () => {
    describeVenue({
      venue: () => venue,
      resting,
      execute: async ({ reference }: VenueOrder) => venue.fill(reference, '0.2', '59000'),
    });
  });

  describe('as the simulation keeps it', () => {
    describeVenue({
      venue: () => simulated,
      resting,
      execute: async ({ reference }) => {
        // On its way for some milliseconds, then it rests, then the market comes to it.
        await until(async () => {
          const { againInMs } = await simulated.collect([reference], { trading: true });
          return againInMs === null;
        });
        await setQuote(desk.system, { symbol: 'BTC/USD', last: parseAmount('58000'), source: 'test' });
        await simulated.collect([reference], { trading: true });
        await setQuote(desk.system, { symbol: 'BTC/USD', last: parseAmount('60000'), source: 'test' });
      },
    });
  });
});

describe('an order of an instrument that a venue executes', () => {
  leavesNoBreaks();

  test('is sent once it is durable, and trades in parts against the house alone', async () => {
    const [eth, usd] = [await clearing('ETH'), await clearing('USD')];
    const buyer = await desk.newTrader({ USD: '10000' });
    const id = await atVenue(buyer, 'buy 2 at 2000');
    expect(venue.sent.get(id)).toBe(1);
    expect(await stateOf(id)).toBe('working');
    expect(await desk.balance(buyer, 'USD')).toBe('10000 (4008)');
    venue.fill(id, '0.5', '1990');
    expect(await desk.later(buyer, id)).toMatchObject({
      status: 'partially_filled',
      filledQuantity: '0.5',
      filledAmount: '995',
      fees: '1.99',
    });
    venue.fill(id, '1.5', '2000');
    expect(await desk.later(buyer, id)).toMatchObject({ status: 'filled', averageFillPrice: '1997.5' });
    expect(await stateOf(id)).toBe('done');
    expect(await desk.balance(buyer, 'ETH')).toBe('2 (0)');
    expect(await desk.balance(buyer, 'USD')).toBe('5997.01 (0)');
    // The venue owes the house two units, and the house owes it what they cost.
    expect([parseAmount(eth) - 200_000_000n, parseAmount(usd) + 399_500_000_000n]).toEqual([
      parseAmount(await clearing('ETH')),
      parseAmount(await clearing('USD')),
    ]);
    const events = (await desk.request(buyer, 'GET', `/v1/orders/${id}/events`)).body.data;
    expect(events.map(({ type }: { type: string }) => type).join(' ')).toBe(
      'order.accepted order.routed order.acknowledged order.traded order.traded order.filled',
    );
  });

  test('makes neither a price nor a public print of our own, and meets nobody in our book', async () => {
    const [buyer, seller] = [await desk.newTrader({ USD: '10000' }), await desk.newTrader({ ETH: '5' })];
    const [buy, sell] = [await atVenue(buyer, 'buy 1 at 2010'), await atVenue(seller, 'sell 1 at 2000')];
    expect([(await desk.later(buyer, buy)).status, (await desk.later(seller, sell)).status]).toEqual([
      'open',
      'open',
    ]);
    venue.fill(sell, '1', '2005');
    expect(await desk.later(seller, sell)).toMatchObject({ status: 'filled' });
    const quote = (await desk.request(buyer, 'GET', '/v1/instruments/ETH%2FUSD/quote')).body;
    expect(quote).toMatchObject({ last: '2000', source: 'test' });
    const prints = (await desk.request(buyer, 'GET', '/v1/instruments/ETH%2FUSD/trades')).body.data;
    expect(prints).toEqual([]);
    await cancel(buyer, buy);
    expect((await desk.later(buyer, buy)).status).toBe('cancelled');
  });

  test('that the venue will not have ends and frees what it reserved', async () => {
    venue.onArrival = () => 'venue_rejected';
    const buyer = await desk.newTrader({ USD: '10000' });
    const id = await atVenue(buyer, 'buy 2 at 2000');
    expect(await desk.later(buyer, id)).toMatchObject({
      status: 'cancelled',
      cancelReason: 'venue_rejected',
      reservation: '0',
    });
    expect(await desk.balance(buyer, 'USD')).toBe('10000 (0)');
  });

  test('is not accepted where no venue is named', async () => {
    const named = desk.deps.liveVenue;
    Object.assign(desk.deps, { liveVenue: null });
    try {
      const buyer = await desk.newTrader({ USD: '10000' });
      const { body } = await desk.place(buyer, 'buy 2 at 2000', { symbol: 'ETH/USD' });
      expect(body).toMatchObject({ status: 'rejected', rejectionReason: 'instrument_not_tradable' });
    } finally {
      Object.assign(desk.deps, { liveVenue: named });
    }
  });

  test('is not replaced while the venue may be executing it', async () => {
    const buyer = await desk.newTrader({ USD: '10000' });
    const id = await atVenue(buyer, 'buy 1 at 2000');
    const answer = await desk.request(buyer, 'POST', `/v1/orders/${id}/replace`, {
      key: newId(),
      body: { limitPrice: '1990' },
    });
    expect([answer.status, answer.body.code]).toEqual([409, 'order_not_replaceable']);
    expect(await desk.later(buyer, id)).toMatchObject({ status: 'open' });
    await cancel(buyer, id);
  });

  test('fails nobody else’s order when somebody would replace it', async () => {
    const trader = await desk.newTrader({ USD: '10000' });
    const id = await atVenue(trader, 'buy 1 at 2000');
    const [old] = await desk.deps.db.engine.select().from(orders).where(eq(orders.id, id));
    const ticket = (replaces: Ticket['replaces']): Ticket => ({
      ctx: desk.system,
      userId: trader.userId,
      order: { ...instructionAgain(old!), limitPrice: parseAmount('1990') },
      requestHash: new Uint8Array(32),
      idempotencyKey: newId(),
      idempotencyIndex: 0,
      batchHash: null,
      replaces,
      companions: [],
    });
    const { instrumentId, book } = old!;
    const [before, refused, after] = await desk.engine.submitMany([
      ticket(null),
      ticket({
        orderId: id,
        instrumentId,
        book,
        groupId: null,
        filledQuantity: null,
        isTriggered: false,
        reducedQuantity: ZERO,
      }),
      ticket(null),
    ]);
    expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'order_not_replaceable' } });
    const placed = [before, after].map((answer) =>
      answer?.status === 'fulfilled' ? answer.value.order.id : null,
    );
    const [{ transactions } = { transactions: 0 }] = await desk.deps.db.engine.execute<{
      transactions: number;
    }>(
      sql`select count(distinct xmin::text)::int as transactions from order_events
        where type = 'order.accepted' and order_id = any (${sql.param(placed)}::uuid[])`,
    );
    expect(transactions).toBe(1);
    await desk.engine.settled();
    for (const open of [id, ...placed]) {
      await cancel(trader, open as Id);
    }
  });

  test('is not sent while a circuit breaker stands, and is once it is lifted', async () => {
    const buyer = await desk.newTrader({ USD: '10000' });
    const resting = await atVenue(buyer, 'buy 1 at 2000');
    const stop = await desk.place(buyer, 'buy 1', { symbol: 'ETH/USD', type: 'stop', stopPrice: '2050' });
    await desk.engine.settled();
    const body = { symbol: 'ETH/USD', reason: 'Looks wrong' };
    const tripped = (await desk.request(risk, 'POST', '/v1/risk/circuit-breakers', { body })).body;
    await setQuote(desk.system, { symbol: 'ETH/USD', last: parseAmount('2060'), source: 'test' });
    // What the venue did is a fact all the same.
    venue.fill(resting, '1', '2000');
    expect(await desk.later(buyer, resting)).toMatchObject({ status: 'filled' });
    expect(venue.sent.has(stop.body.id)).toBe(false);
    const lift = await desk.request(risk, 'POST', `/v1/risk/circuit-breakers/${tripped.id}/lift`, {
      body: { reason: 'Checked' },
    });
    await desk.request(
      await desk.newStaff('admin'),
      'POST',
      `/v1/approvals/${lift.body.approvalId}/approve`,
      {
        body: { reason: 'Seen' },
      },
    );
    await desk.engine.settled();
    expect(venue.sent.get(stop.body.id)).toBe(1);
    await setQuote(desk.system, { symbol: 'ETH/USD', last: parseAmount('2000'), source: 'test' });
    await cancel(buyer, stop.body.id);
  });
});

describe('what a venue reports', () => {
  leavesNoBreaks();

  test('has one effect, twice and in any order', async () => {
    const seller = await desk.newTrader({ ETH: '5' });
    const id = await atVenue(seller, 'sell 2 at 2000');
    venue.silent = true;
    venue.fill(id, '0.5', '2000');
    venue.end(id, 'venue_cancelled');
    const [, fill, end] = venue.reportsOf(id);
    // Its end first: an execution that it counts is still to come.
    venue.say(end!, end!);
    expect(await desk.later(seller, id)).toMatchObject({ status: 'open', filledQuantity: '0' });
    venue.say(fill!, fill!, end!);
    expect(await desk.later(seller, id)).toMatchObject({ status: 'cancelled', filledQuantity: '0.5' });
    venue.say(fill!, end!);
    expect(await desk.later(seller, id)).toMatchObject({ status: 'cancelled', filledQuantity: '0.5' });
    const booked = await desk.deps.db.engine.select().from(fills).where(eq(fills.orderId, id));
    expect(booked).toHaveLength(1);
    expect(await desk.balance(seller, 'ETH')).toBe('4.5 (0)');
  });

  test('may cross a cancel: what was executed first has traded', async () => {
    const buyer = await desk.newTrader({ USD: '10000' });
    const id = await atVenue(buyer, 'buy 1 at 2000');
    venue.silent = true;
    venue.fill(id, '1', '2000');
    const answer = await cancel(buyer, id);
    expect(answer.status).toBe(200);
    expect(await desk.later(buyer, id)).toMatchObject({ status: 'filled', filledQuantity: '1' });
    const part = await atVenue(buyer, 'buy 1 at 2000');
    venue.fill(part, '0.4', '2000');
    await cancel(buyer, part);
    expect(await desk.later(buyer, part)).toMatchObject({
      status: 'cancelled',
      cancelReason: 'requested',
      filledQuantity: '0.4',
    });
    expect(await desk.balance(buyer, 'USD')).toBe('7194.4 (0)');
  });

  test('books nothing that the order does not cover, and waits for two people', async () => {
    const buyer = await desk.newTrader({ USD: '10000' });
    const id = await atVenue(buyer, 'buy 1 at 2000');
    venue.fill(id, '0.5', '2001');
    expect(await desk.later(buyer, id)).toMatchObject({ status: 'open', filledQuantity: '0' });
    expect(await stateOf(id)).toBe('unknown');
    const [alert] = await desk.deps.db.engine
      .select()
      .from(riskAlerts)
      .where(eq(riskAlerts.userId, buyer.userId));
    expect(alert).toMatchObject({ kind: 'venue_unknown', severity: 'critical' });
    await resolve(id, []);
    expect(await desk.later(buyer, id)).toMatchObject({
      status: 'cancelled',
      cancelReason: 'venue_resolved',
    });
    expect(await desk.balance(buyer, 'USD')).toBe('10000 (0)');
  });
});

/** Two people agree on what the venue did. */
async function resolve(id: Id, executions: readonly object[]): Promise<void> {
  const asked = await ask(id, executions);
  expect(asked.status).toBe(202);
  const vote = await desk.request(risk, 'POST', `/v1/approvals/${asked.body.approvalId}/approve`, {
    body: { reason: 'Seen' },
  });
  expect(vote.status).toBe(200);
  await desk.engine.settled();
}

function ask(id: Id, executions: readonly object[], by: Trader = operations) {
  return desk.request(by, 'POST', `/v1/venue-orders/${id}/resolve`, {
    body: { executions, evidence: 'Confirmation of the venue', reason: 'It did not answer' },
  });
}

describe('an order nobody knows the fate of', () => {
  leavesNoBreaks();

  test('is looked up where the answer was lost, and never sent again', async () => {
    const buyer = await desk.newTrader({ USD: '10000' });
    venue.lose('send', 'answer');
    const id = await atVenue(buyer, 'buy 1 at 2000');
    expect([await stateOf(id), venue.sent.get(id)]).toEqual(['working', 1]);
    await cancel(buyer, id);
  });

  test('is named to the staff as its venue calls it, once the venue has said so', async () => {
    const buyer = await desk.newTrader({ USD: '10000' });
    const id = await atVenue(buyer, 'buy 2 at 1500');
    const { body } = await desk.request(operations, 'GET', '/v1/venue-orders?state=working');
    expect(body.data).toContainEqual(expect.objectContaining({ orderId: id, venueOrderId: `M-${id}` }));
    await desk.later(buyer, (await desk.request(buyer, 'DELETE', `/v1/orders/${id}`)).body.id);
  });

  test('keeps its reservation until two people say what happened', async () => {
    const buyer = await desk.newTrader({ USD: '10000' });
    venue.lose('send', 'answer');
    venue.silent = true;
    const id = await atVenue(buyer, 'buy 2 at 2000');
    expect(await stateOf(id)).toBe('unknown');
    expect(venue.sent.get(id)).toBe(1);
    expect(await desk.balance(buyer, 'USD')).toBe('10000 (4008)');
    const listed = await desk.request(operations, 'GET', '/v1/venue-orders?state=unknown');
    expect(listed.body.data).toMatchObject([
      {
        orderId: id,
        symbol: 'ETH/USD',
        unknownReason: 'send_unanswered',
        userId: buyer.userId,
        venueOrderId: null,
      },
    ]);
    const execution = { executionId: `${id}/2`, price: '1995', quantity: '0.5' };
    const beyond = await ask(id, [{ ...execution, price: '2005' }]);
    expect([beyond.status, beyond.body.code]).toEqual([422, 'venue_execution_not_covered']);
    const asked = await ask(id, [execution]);
    const alone = await desk.request(operations, 'POST', `/v1/approvals/${asked.body.approvalId}/approve`, {
      body: { reason: 'Mine' },
    });
    expect([alone.status, alone.body.code]).toEqual([403, 'self_approval']);
    await desk.engine.settled();
    expect(await desk.balance(buyer, 'USD')).toBe('10000 (4008)');
    await desk.request(risk, 'POST', `/v1/approvals/${asked.body.approvalId}/approve`, {
      body: { reason: 'Seen' },
    });
    expect(await desk.later(buyer, id)).toMatchObject({
      status: 'cancelled',
      cancelReason: 'venue_resolved',
      filledQuantity: '0.5',
    });
    expect(await desk.balance(buyer, 'ETH')).toBe('0.5 (0)');
    const again = await ask(id, []);
    expect([again.status, again.body.code]).toEqual([409, 'venue_order_not_unknown']);
  });

  async function unknownOrder(): Promise<{ readonly buyer: Trader; readonly id: Id }> {
    const buyer = await desk.newTrader({ USD: '10000' });
    venue.lose('send', 'answer');
    venue.silent = true;
    return { buyer, id: await atVenue(buyer, 'buy 1 at 2000') };
  }

  function agree(approvalId: Id) {
    return desk.request(risk, 'POST', `/v1/approvals/${approvalId}/approve`, { body: { reason: 'Seen' } });
  }

  function setResolution(id: Id, resolution: unknown, approvalId: Id | null): Promise<unknown> {
    return desk.deps.db.engine
      .update(venueOrders)
      .set({ resolution: resolution as StoredResolution, resolutionId: approvalId })
      .where(eq(venueOrders.orderId, id))
      .then(
        () => null,
        (error) => sqlStateOf(error),
      );
  }

  test('is resolved by nobody alone, whoever writes to the database', async () => {
    const { buyer, id } = await unknownOrder();
    const resolution = { executions: [], evidence: 'Confirmation of the venue' };
    const first = (await ask(id, [])).body.approvalId;
    expect(await setResolution(id, resolution, first)).toBe('PL052');
    await desk.engine.stop();
    expect((await agree(first)).status).toBe(200);
    expect(await setResolution(id, null, null)).toBeNull();
    const second = (await ask(id, [])).body.approvalId;
    expect((await agree(second)).status).toBe(200);
    expect(await setResolution(id, resolution, first)).toBe('PL052');
    await desk.engine.start();
    expect(await desk.later(buyer, id)).toMatchObject({ status: 'cancelled' });
  });

  test('books nothing twice that the venue has said meanwhile', async () => {
    const { buyer, id } = await unknownOrder();
    const execution = { executionId: `${id}/2`, price: '2000', quantity: '0.5' };
    const asked = await ask(id, [execution, { ...execution, executionId: `${id}/3` }]);
    await desk.engine.stop();
    expect((await agree(asked.body.approvalId)).status).toBe(200);
    await desk.deps.db.engine.insert(venueReports).values({
      id: newId(),
      orderId: id,
      venue: SIMULATED,
      reportKey: execution.executionId,
      type: 'accepted',
      standing: 'noted',
      receivedAt: desk.deps.clock.now(),
    });
    await desk.engine.start();
    expect(await desk.later(buyer, id)).toMatchObject({ status: 'cancelled', filledQuantity: '0.5' });
  });

  test('is asked about again where what was agreed cannot be carried out', async () => {
    const { buyer, id } = await unknownOrder();
    const other = await desk.newTrader({ USD: '10000' });
    const resting = await atVenue(other, 'buy 1 at 2000');
    const executionId = `${resting}/2`;
    const asked = await ask(id, [{ executionId, price: '2000', quantity: '1' }]);
    venue.silent = false;
    venue.fill(resting, '0.4', '2000');
    venue.silent = true;
    venue.say(venue.reportsOf(resting)[1]!);
    expect(await desk.later(other, resting)).toMatchObject({ filledQuantity: '0.4' });
    // Nor does the venue know more when the book is read again.
    venuesOf(desk.deps).set(SIMULATED, { ...venue, lookUp: async () => ({ known: false, why: 'unknown' }) });
    expect((await agree(asked.body.approvalId)).status).toBe(200);
    expect(await desk.later(buyer, id)).toMatchObject({ status: 'open', filledQuantity: '0' });
    const [row] = await desk.deps.db.engine.select().from(venueOrders).where(eq(venueOrders.orderId, id));
    expect(row).toMatchObject({ state: 'unknown', resolution: null, resolutionId: null });
    const alerts = await desk.deps.db.engine
      .select({ details: riskAlerts.details })
      .from(riskAlerts)
      .where(eq(riskAlerts.userId, buyer.userId))
      .orderBy(riskAlerts.raisedAt, riskAlerts.id);
    expect(alerts.map(({ details }) => (details as { readonly reason: string }).reason).sort()).toEqual([
      'resolution_failed',
      'send_unanswered',
    ]);
    await resolve(id, []);
    expect(await desk.later(buyer, id)).toMatchObject({ status: 'cancelled' });
    await cancel(other, resting);
  });

  test('goes on by the venue’s own report', async () => {
    const buyer = await desk.newTrader({ USD: '10000' });
    venue.lose('send', 'answer');
    venue.silent = true;
    const id = await atVenue(buyer, 'buy 1 at 2000');
    expect(await stateOf(id)).toBe('unknown');
    venue.silent = false;
    venue.fill(id, '1', '2000');
    expect(await desk.later(buyer, id)).toMatchObject({ status: 'filled' });
    expect(await stateOf(id)).toBe('done');
  });
});

describe('after a kill', () => {
  leavesNoBreaks();

  /** What a process leaves that was killed between making an order durable and the answer of the venue. */
  async function killedWhileSending(buyer: Trader): Promise<Id> {
    await desk.engine.stop();
    const { body } = await desk.place(buyer, 'buy 1 at 2000', { symbol: 'ETH/USD' });
    const [order] = await desk.deps.db.engine.select().from(orders).where(eq(orders.id, body.id));
    await desk.deps.db.engine.execute(sql`update orders set status = 'open', book_seq = (
      select coalesce(max(book_seq), 0) + 1 from orders o
      where o.instrument_id = orders.instrument_id and o.book = orders.book) where id = ${body.id}`);
    await desk.deps.db.engine.insert(venueOrders).values({
      orderId: body.id,
      instrumentId: order!.instrumentId,
      book: 'live',
      venue: SIMULATED,
      state: 'sending',
      routedAt: desk.deps.clock.now(),
    });
    return body.id;
  }

  test('an order that was being sent is looked up before anything is sent, and sent only if it never arrived', async () => {
    const buyer = await desk.newTrader({ USD: '10000' });
    const lost = await killedWhileSending(buyer);
    await desk.engine.start();
    await until(async () => (await stateOf(lost)) === 'working');
    expect(venue.sent.get(lost)).toBe(1);
    await cancel(buyer, lost);
    const arrived = await killedWhileSending(buyer);
    await venue.send({
      ...instruction,
      reference: arrived,
      client: buyer.accountId,
      instrumentId: btc,
      limit: parseAmount('2000'),
      quantity: parseAmount('1'),
      notional: null,
      postOnly: false,
      takeUntil: addMs(desk.deps.clock.realNow(), 60_000),
    });
    venue.fill(arrived, '0.25', '2000');
    await desk.engine.start();
    expect(await desk.later(buyer, arrived)).toMatchObject({ filledQuantity: '0.25' });
    expect(venue.sent.get(arrived)).toBe(1);
    await cancel(buyer, arrived);
  });

  test('one that cannot be looked up is not sent and waits for people', async () => {
    const buyer = await desk.newTrader({ USD: '10000' });
    const id = await killedWhileSending(buyer);
    venue.silent = true;
    await desk.engine.start();
    await desk.engine.settled();
    expect([await stateOf(id), venue.sent.has(id)]).toEqual(['unknown', false]);
    expect(await desk.balance(buyer, 'USD')).toBe('10000 (2004)');
    await resolve(id, []);
    expect(await desk.balance(buyer, 'USD')).toBe('10000 (0)');
  });

  test('what the venue did meanwhile is booked, and a cancel that was asked for is carried out', async () => {
    const buyer = await desk.newTrader({ USD: '10000' });
    const [filled, recalled] = [await atVenue(buyer, 'buy 1 at 2000'), await atVenue(buyer, 'buy 2 at 1990')];
    await desk.engine.stop();
    venue.fill(filled, '1', '1999');
    await desk.elsewhere.request(buyer, 'DELETE', `/v1/orders/${recalled}`);
    await desk.engine.start();
    expect(await desk.later(buyer, filled)).toMatchObject({ status: 'filled' });
    expect(await desk.later(buyer, recalled)).toMatchObject({
      status: 'cancelled',
      cancelReason: 'requested',
    });
  });
});

test('an owner that was replaced sends nothing more', async () => {
  const { id, symbol, lot } = await transact(desk.system, 'engine', (tx) => instrumentOf(tx, 'ETH/USD'));
  const book = emptyBook({ instrumentId: id, book: 'live' }, { symbol, lot, venue: SIMULATED }, 0n);
  const order = {
    type: 'new',
    orderId: newId(),
    accountId: newId(),
    personId: newId(),
    side: 'buy',
    orderType: 'limit',
    timeInForce: 'gtc',
    price: parseAmount('2000'),
    quantity: parseAmount('1'),
    notional: null,
    priceCap: null,
    postOnly: false,
    bookSeq: 1n,
  } as const;
  const away = { order, remaining: order.quantity, notional: null, executed: 0n, routed: true };
  book.matching.away.set(order.orderId, { ...away, recalled: null, ends: null });
  const lost: BookLost[] = [];
  const lane = createVenueLane(
    desk.deps,
    () => {},
    (error) => lost.push(error),
  );
  lane.call(book, [{ kind: 'send', orderId: order.orderId }]);
  await until(async () => !lane.busy());
  expect(venue.sent.size).toBe(0);
  expect(lost).toHaveLength(1);
});

describe('a venue that does not answer', () => {
  leavesNoBreaks();

  /** The lane of a book of its own, with the orders that are at the venue, while the engine stands. */
  async function laneOf(ids: readonly Id[], answerMs: number, roundMs: number) {
    await desk.engine.stop();
    const { id, symbol, lot } = await transact(desk.system, 'engine', (tx) => instrumentOf(tx, 'ETH/USD'));
    const [owner] = await desk.deps.db.engine
      .select()
      .from(bookOwners)
      .where(and(eq(bookOwners.instrumentId, id), eq(bookOwners.book, 'live')));
    const name = { instrumentId: id, book: 'live' } as const;
    const book = emptyBook(name, { symbol, lot, venue: SIMULATED }, owner!.epoch);
    const rows = await desk.deps.db.engine
      .select()
      .from(orders)
      .where(inArray(orders.id, [...ids]));
    for (const row of rows) {
      const order = commandOf(row, 1n) as NewOrder;
      const away = { order, remaining: order.quantity, notional: null, executed: 0n, routed: true };
      book.matching.away.set(row.id, { ...away, recalled: null, ends: null });
    }
    let rounds = 0;
    const lane = createVenueLane(
      desk.deps,
      () => {
        rounds += 1;
      },
      () => {},
      { answerMs, roundMs },
    );
    return { book, lane, rounds: () => rounds };
  }

  async function working(count: number): Promise<{ readonly buyer: Trader; readonly ids: readonly Id[] }> {
    const buyer = await desk.newTrader({ USD: '100000' });
    const ids: Id[] = [];
    for (let place = 0; place < count; place += 1) {
      ids.push(await atVenue(buyer, 'buy 1 at 2000'));
    }
    return { buyer, ids };
  }

  test('is called in rounds that end in time, and each order becomes unknown', async () => {
    const { buyer, ids } = await working(9);
    const { book, lane, rounds } = await laneOf(ids, 5, 1);
    venue.mute = true;
    lane.call(
      book,
      ids.map((orderId) => ({ kind: 'cancel', orderId })),
    );
    await until(async () => !lane.busy());
    expect(await Promise.all(ids.map(stateOf))).toEqual(ids.map(() => 'unknown'));
    // Four at once, and each of the nine has a call and a look-up: one round does not do.
    expect(rounds()).toBeGreaterThan(4);
    venue.mute = false;
    await desk.engine.start();
    for (const id of ids) {
      await cancel(buyer, id);
    }
    expect(await desk.later(buyer, ids[0]!)).toMatchObject({ status: 'cancelled' });
  });

  test('has what was answered kept though the transaction of the round has died', async () => {
    const { buyer, ids } = await working(2);
    const [answering, lost] = ids as [Id, Id];
    const { book, lane } = await laneOf(ids, 1_000, 60_000);
    book.ready = true;
    let kills = 0;
    venuesOf(desk.deps).set(SIMULATED, {
      ...venue,
      lookUp: async (reference) => {
        const [killed] = await desk.deps.db.engine.execute<{
          n: number;
        }>(sql`select count(pg_terminate_backend(pid))::int as n
          from pg_stat_activity where state = 'idle in transaction' and usename = current_user
            and datname = current_database() and pid <> pg_backend_pid()`);
        kills += killed?.n ?? 0;
        if (reference === lost) {
          throw new Error('the connection broke');
        }
        venue.fill(reference, '1', '2000');
        return venue.lookUp(reference);
      },
    });
    lane.call(
      book,
      ids.map((orderId) => ({ kind: 'look_up', orderId })),
    );
    await until(async () => (await stateOf(lost)) === 'unknown' && book.queue.length > 0);
    expect(book.ready).toBe(true);
    expect(kills).toBeGreaterThan(0);
    expect(new Set(book.queue.map((work) => (work.type === 'report' ? work.orderId : null)))).toEqual(
      new Set([answering]),
    );
    lane.forget();
    venuesOf(desk.deps).set(SIMULATED, venue);
    await desk.engine.start();
    await cancel(buyer, lost);
    expect(await desk.later(buyer, answering)).toMatchObject({ status: 'filled' });
  });

  test('is asked again for what it did not give back', async () => {
    const { buyer, ids } = await working(1);
    venue.lose('cancel', 'request');
    await cancel(buyer, ids[0]!);
    expect(await desk.later(buyer, ids[0]!)).toMatchObject({
      status: 'cancelled',
      cancelReason: 'requested',
    });
    const { data } = (await desk.request(buyer, 'GET', `/v1/orders/${ids[0]}/events`)).body;
    expect(data.filter(({ type }: { type: string }) => type === 'order.recalled')).toHaveLength(1);
  });

  test('keeps no other cancel waiting behind what it does not give back', async () => {
    const { buyer, ids } = await working(2);
    const [stuck, free] = ids as [Id, Id];
    const elsewhere = await desk.place(buyer, 'buy 0.1 at 59000');
    await desk.engine.settled();
    await desk.engine.stop();
    for (const id of [stuck, elsewhere.body.id, free]) {
      await desk.elsewhere.request(buyer, 'DELETE', `/v1/orders/${id}`);
    }
    await desk.deps.db.engine
      .update(venueOrders)
      .set({ recalledAt: desk.deps.clock.now() })
      .where(eq(venueOrders.orderId, stuck));
    const [row] = await desk.deps.db.engine.select().from(orders).where(eq(orders.id, free));
    const other = createDesk();
    const name = { instrumentId: row!.instrumentId, book: 'live' } as const;
    const book = emptyBook(name, { symbol: 'ETH/USD', lot: 1n, venue: SIMULATED }, 0n);
    book.ready = true;
    other.books.set(bookKey(book), book);
    await collectCancels(desk.deps, other, 1);
    expect(book.queue).toEqual([{ type: 'cancel', orderId: free, reason: 'requested' }]);
    await desk.engine.start();
    for (const id of [...ids, elsewhere.body.id]) {
      expect(await desk.later(buyer, id)).toMatchObject({ status: 'cancelled' });
    }
  });
});
