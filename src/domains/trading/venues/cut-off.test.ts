import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { and, eq, sql } from 'drizzle-orm';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { auditLogs } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import { startTradingDesk, type Trader, type TradingDesk } from '../../../testing/trading-desk.ts';
import { until } from '../../../testing/until.ts';
import type { AwayOrder } from '../engine/away.ts';
import { tellOrders } from '../order-news.ts';
import { type Book, emptyBook } from '../pipeline/desk.ts';
import { emptyPlan } from '../pipeline/settle-plan.ts';
import { orders } from '../schema.ts';
import {
  dueLookUps,
  findingOf,
  LOOK_UPS_WAITING_MAX,
  LOOKED_UP_FOR_MS,
  pursue,
  TAKEN_WITHIN_MS,
} from './cut-off.ts';
import { venueOrders } from './schema.ts';
import { SIMULATED } from './simulated/simulated-venue.ts';
import { quoteEtherAway } from './testing/ether-away.ts';
import { type MemoryVenue, memoryVenue } from './testing/memory-venue.ts';
import type { LookUp, Venue, VenueOrder } from './venue.ts';
import { venuesOf } from './venues.ts';
import { writeVenueSteps } from './write-venue-steps.ts';

const NOT_THERE: LookUp = { known: false, why: 'not_there' };

describe('when a venue’s "not there" is final', () => {
  const orderId = newId();

  /** A book that was taken over so long ago, with one order that is with its venue. */
  function bookOwnedFor(ms: number, recalled: AwayOrder['recalled'] = null): Book {
    const name = { instrumentId: newId(), book: 'live' } as const;
    const empty = emptyBook(name, { symbol: 'ETH/USD', lot: 1n, venue: 'elsewhere' }, 1n);
    const book = { ...empty, ownedSinceMs: performance.now() - ms };
    const away = { remaining: 1n, notional: null, executed: 0n, routed: true, recalled, ends: null };
    book.matching.away.set(orderId, {
      ...away,
      order: { orderId, orderType: 'limit', timeInForce: 'gtc' } as AwayOrder['order'],
    });
    return book;
  }

  function found(book: Book, answer: LookUp | null, settleMs: number | null = 0): string {
    return findingOf(book, { settleMs }, orderId, answer, performance.now());
  }

  /** What a look-up finds that is begun a second after the one before. */
  function foundLater(book: Book, answer: LookUp | null): string {
    const cutOff = book.cutOff.get(orderId)!;
    cutOff.saidMs -= 1_001;
    return found(book, answer);
  }

  test('nothing is final while whoever owned the book before may still be sending', () => {
    const fresh = bookOwnedFor(TAKEN_WITHIN_MS - 1_000);
    pursue(fresh, orderId, { sendAgain: false });
    expect([1, 2, 3].map(() => found(fresh, NOT_THERE))).toEqual(['early', 'early', 'early']);
    const old = bookOwnedFor(TAKEN_WITHIN_MS);
    pursue(old, orderId, { sendAgain: false });
    expect([1, 2].map(() => foundLater(old, NOT_THERE))).toEqual(['said', 'never_received']);
  });

  test('it is said twice in a row, a second apart: look-ups that waited behind each other say it once', () => {
    const book = bookOwnedFor(60_000);
    pursue(book, orderId, { sendAgain: false });
    expect([1, 2, 3].map(() => found(book, NOT_THERE))).toEqual(['said', 'said', 'said']);
    expect([foundLater(book, null), foundLater(book, NOT_THERE)]).toEqual(['unclear', 'said']);
    expect(foundLater(book, NOT_THERE)).toBe('never_received');
  });

  test('however many there are, few look-ups wait at a time, the oldest first and none twice', () => {
    const book = bookOwnedFor(60_000);
    const present = book.matching.away.get(orderId)!;
    const ids = Array.from({ length: 2 * LOOK_UPS_WAITING_MAX }, () => newId());
    for (const [place, id] of ids.entries()) {
      book.matching.away.set(id, present);
      pursue(book, id, { sendAgain: false });
      book.cutOff.get(id)!.dueMs = -place;
    }
    const oldest = ids.toReversed();
    expect(dueLookUps(book)).toEqual(oldest.slice(0, LOOK_UPS_WAITING_MAX));
    for (const cutOff of book.cutOff.values()) {
      cutOff.dueMs -= 600_000;
    }
    expect(dueLookUps(book)).toEqual([]);
    findingOf(book, { settleMs: 0 }, oldest[0]!, null, performance.now());
    expect(dueLookUps(book)).toHaveLength(1);
  });

  test('what may be sent again is not while its book is stopped', () => {
    const book = bookOwnedFor(60_000);
    pursue(book, orderId, { sendAgain: true });
    book.tripped = true;
    expect(found(book, NOT_THERE)).toBe('held');
    book.tripped = false;
    book.phase = 'halted';
    expect(found(book, NOT_THERE)).toBe('held');
    book.phase = 'continuous';
    expect(found(book, NOT_THERE)).toBe('send_again');
    // What cannot rest does not wait for the end of a halt.
    const away = book.matching.away.get(orderId)!;
    book.matching.away.set(orderId, { ...away, order: { ...away.order, timeInForce: 'ioc' } });
    book.phase = 'halted';
    expect([foundLater(book, NOT_THERE), foundLater(book, NOT_THERE)]).toEqual(['said', 'never_received']);
  });

  test('nor while what this process sent may be taken, or its venue needs time to show it', () => {
    const book = bookOwnedFor(60_000);
    pursue(book, orderId, { sendAgain: true });
    book.takenUntilMs.set(orderId, performance.now() + 1_000);
    expect(found(book, NOT_THERE)).toBe('early');
    book.takenUntilMs.set(orderId, performance.now() - 1_000);
    expect(found(book, NOT_THERE, 5_000)).toBe('early');
    expect(found(book, NOT_THERE, 500)).toBe('send_again');
  });

  test('a look-up counts from when it was begun, not from when it was answered', () => {
    const book = bookOwnedFor(TAKEN_WITHIN_MS);
    pursue(book, orderId, { sendAgain: true });
    const begunMs = performance.now() - 10;
    expect(findingOf(book, { settleMs: 0 }, orderId, NOT_THERE, begunMs)).toBe('early');
  });

  test('never at a venue that takes what is late, or does not say clearly', () => {
    const book = bookOwnedFor(60_000);
    pursue(book, orderId, { sendAgain: false });
    expect([found(book, NOT_THERE, null), found(book, null)]).toEqual(['unclear', 'unclear']);
    expect(found(book, { known: false, why: 'unknown' })).toBe('unclear');
    expect(found(book, { known: true, reports: [] })).toBe('known');
  });

  test('what was asked back is not sent again, and neither is what people were told of', () => {
    const recalled = bookOwnedFor(60_000, 'requested');
    pursue(recalled, orderId, { sendAgain: true });
    expect(found(recalled, NOT_THERE)).toBe('said');
    const told = bookOwnedFor(60_000);
    pursue(told, orderId, { sendAgain: true });
    pursue(told, orderId, { sendAgain: false });
    pursue(told, orderId, { sendAgain: true });
    expect(found(told, NOT_THERE)).toBe('said');
  });

  test('it is looked up ever more slowly, and no longer than its time', () => {
    const book = bookOwnedFor(60_000);
    pursue(book, orderId, { sendAgain: false });
    const cutOff = book.cutOff.get(orderId)!;
    expect(cutOff.endsMs).toBeGreaterThan(performance.now() + LOOKED_UP_FOR_MS - 60_000);
    expect(dueLookUps(book)).toEqual([]);
    const pauses = Array.from({ length: 9 }, () => {
      [cutOff.dueMs, cutOff.waits] = [0, false];
      expect(dueLookUps(book)).toEqual([orderId]);
      return Math.round((cutOff.dueMs - performance.now()) / 1_000);
    });
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
    book.cutOff.clear();
    pursue(book, orderId, { sendAgain: false, forMs: -1 });
    book.cutOff.get(orderId)!.dueMs = 0;
    expect(dueLookUps(book)).toEqual([]);
    expect(book.cutOff.size).toBe(0);
  });
});

describe('an order whose sending was cut off', () => {
  let desk: TradingDesk;
  let simulated: Venue;
  let venue: MemoryVenue;

  beforeAll(async () => {
    desk = await startTradingDesk(import.meta.file);
    simulated = venuesOf(desk.deps).get(SIMULATED)!;
    await quoteEtherAway(desk.system);
    await desk.engine.start();
  });

  beforeEach(() => {
    venue = memoryVenue();
    venuesOf(desk.deps).set(SIMULATED, venue);
  });

  afterEach(async () => {
    await desk.engine.start();
    await desk.engine.settled();
    const report = await desk.reconcile();
    expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
  });

  afterAll(async () => {
    await desk.close();
  });

  async function atVenue(trader: Trader): Promise<Id> {
    const { status, body } = await desk.place(trader, 'buy 2 at 2000', { symbol: 'ETH/USD' });
    expect([status, body.rejectionReason]).toEqual([201, null]);
    await desk.engine.settled();
    return body.id;
  }

  /** Sent on a connection that breaks before the request is there, as is that of the look-up behind it. */
  async function lostOnItsWay(trader: Trader): Promise<Id> {
    venue.lose('send', 'request');
    venue.lose('lookUp', 'request');
    const id = await atVenue(trader);
    expect(await stateOf(id)).toBe('unknown');
    return id;
  }

  /** As a process leaves it that dies before it sends; `more` is what its row says besides. */
  async function leftBehind(
    trader: Trader,
    more: Partial<typeof venueOrders.$inferInsert> = {},
  ): Promise<Id> {
    await desk.engine.stop();
    const { body } = await desk.place(trader, 'buy 2 at 2000', { symbol: 'ETH/USD' });
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
      ...more,
    });
    return body.id;
  }

  async function stateOf(orderId: Id): Promise<string | undefined> {
    const [row] = await desk.deps.db.engine
      .select()
      .from(venueOrders)
      .where(eq(venueOrders.orderId, orderId));
    return row?.state;
  }

  async function recorded(orderId: Id, event: string): Promise<number> {
    const rows = await desk.deps.db.engine
      .select({ id: auditLogs.id })
      .from(auditLogs)
      .where(and(eq(auditLogs.resourceId, orderId), eq(auditLogs.eventType, event)));
    return rows.length;
  }

  /** What a venue that has forgotten an order does: it never says so of what it has told of. */
  function forgetful(): MemoryVenue {
    venue = memoryVenue();
    venuesOf(desk.deps).set(SIMULATED, venue);
    return venue;
  }

  test('and which its venue has goes on by itself, with what it executed, and is sent once', async () => {
    const buyer = await desk.newTrader({ USD: '10000' });
    // All it says it says when it is asked about this order.
    const collect: Venue['collect'] = async () => ({ reports: [], againInMs: null });
    venuesOf(desk.deps).set(SIMULATED, { ...venue, collect });
    venue.lose('send', 'answer');
    venue.lose('lookUp', 'request');
    const id = await atVenue(buyer);
    expect(await stateOf(id)).toBe('unknown');
    await until(async () => (await stateOf(id)) === 'working');
    venuesOf(desk.deps).set(SIMULATED, venue);
    expect([venue.sent.get(id), await recorded(id, 'venue_order.found')]).toEqual([1, 1]);
    venue.fill(id, '2', '2000');
    expect(await desk.later(buyer, id)).toMatchObject({ status: 'filled', filledQuantity: '2' });
  });

  test('and which its venue never had ends once that is certain, also through a restart, and once', async () => {
    const buyer = await desk.newTrader({ USD: '10000' });
    venue.settleMs = 60_000;
    const id = await lostOnItsWay(buyer);
    await until(async () => (venue.lookedUp.get(id) ?? 0) >= 2);
    // Asked, and answered that it is not there; but it may still come.
    expect([await stateOf(id), await desk.balance(buyer, 'USD')]).toEqual(['unknown', '10000 (4008)']);
    await desk.engine.stop();
    venue.settleMs = 0;
    const againMs = performance.now();
    await desk.engine.start();
    await until(async () => (await stateOf(id)) === 'done');
    // Whoever had the book before might have been sending until just now.
    expect(performance.now() - againMs).toBeGreaterThan(TAKEN_WITHIN_MS);
    expect(await desk.later(buyer, id)).toMatchObject({
      status: 'cancelled',
      cancelReason: 'venue_never_received',
      filledQuantity: '0',
      reservation: '0',
    });
    expect(await desk.balance(buyer, 'USD')).toBe('10000 (0)');
    expect(venue.sent.has(id)).toBe(false);
    const audited = ['venue_order.unknown', 'venue_order.never_received', 'order.closed'];
    expect(await Promise.all(audited.map((event) => recorded(id, event)))).toEqual([1, 1, 1]);
    const [{ transactions } = { transactions: 0 }] = await desk.deps.db.engine.execute<{
      transactions: number;
    }>(sql`select count(distinct xmin::text)::int as transactions from (
      select xmin from audit_logs where resource_id = ${id} and event_type = 'venue_order.never_received'
      union all select xmin from orders where id = ${id}
      union all select xmin from venue_orders where order_id = ${id}) written`);
    expect(transactions).toBe(1);
  });

  test('but is still on its way is waited for: nothing is let go, and it is sent once', async () => {
    const buyer = await desk.newTrader({ USD: '10000' });
    let arrival: Promise<unknown> = Promise.resolve();
    const travels = async (order: VenueOrder): Promise<never> => {
      arrival = Bun.sleep(TAKEN_WITHIN_MS - 2_000).then(() => venue.send(order));
      throw new Error('the connection broke');
    };
    venuesOf(desk.deps).set(SIMULATED, { ...venue, send: travels });
    const id = await atVenue(buyer);
    await arrival;
    expect(venue.lookedUp.get(id)).toBeGreaterThan(0);
    await until(async () => (await stateOf(id)) === 'working');
    expect([venue.sent.get(id), await recorded(id, 'venue_order.never_received')]).toEqual([1, 0]);
    await desk.request(buyer, 'DELETE', `/v1/orders/${id}`);
    expect(await desk.later(buyer, id)).toMatchObject({ status: 'cancelled', cancelReason: 'requested' });
  });

  test('or that its venue once had is not let go because the venue says now that it never did', async () => {
    const buyer = await desk.newTrader({ USD: '10000' });
    const id = await atVenue(buyer);
    expect(await stateOf(id)).toBe('working');
    await desk.engine.stop();
    const kept = venue;
    const other = forgetful();
    await desk.engine.start();
    await until(async () => (await stateOf(id)) === 'unknown');
    await Bun.sleep(TAKEN_WITHIN_MS);
    await desk.engine.rebuild();
    const before = other.lookedUp.get(id) ?? 0;
    // Said for good twice, which is when another one ends.
    await until(async () => (other.lookedUp.get(id) ?? 0) > before);
    await desk.engine.settled();
    expect([await stateOf(id), await desk.balance(buyer, 'USD')]).toEqual(['unknown', '10000 (4008)']);
    venuesOf(desk.deps).set(SIMULATED, kept);
    await desk.engine.rebuild();
    await until(async () => (await stateOf(id)) === 'working');
    await desk.request(buyer, 'DELETE', `/v1/orders/${id}`);
    expect(await desk.later(buyer, id)).toMatchObject({ status: 'cancelled' });
  });

  test('or that its venue had, without a report, is not let go because it says later that it never did', async () => {
    const buyer = await desk.newTrader({ USD: '10000' });
    let lost: VenueOrder | undefined;
    const send = async (order: VenueOrder): Promise<never> => {
      lost = order;
      throw new Error('the connection broke');
    };
    const lookUp = async (): Promise<LookUp> => ({ known: true, reports: [] });
    venue.lose('lookUp', 'request');
    venuesOf(desk.deps).set(SIMULATED, { ...venue, send });
    const id = await atVenue(buyer);
    venuesOf(desk.deps).set(SIMULATED, { ...venue, send, lookUp });
    await until(async () => (await stateOf(id)) === 'working');
    await desk.engine.stop();
    venuesOf(desk.deps).set(SIMULATED, venue);
    await desk.engine.start();
    await until(async () => (await stateOf(id)) === 'unknown');
    await Bun.sleep(TAKEN_WITHIN_MS + 4_000);
    expect([await stateOf(id), await desk.balance(buyer, 'USD')]).toEqual(['unknown', '10000 (4008)']);
    await venue.send({ ...lost!, takeUntil: addMs(desk.deps.clock.realNow(), 60_000) });
    await until(async () => (await stateOf(id)) === 'working');
    await desk.request(buyer, 'DELETE', `/v1/orders/${id}`);
    expect(await desk.later(buyer, id)).toMatchObject({ status: 'cancelled' });
  });

  test('without its last moment, by a version that told none, is let go by people alone', async () => {
    const buyer = await desk.newTrader({ USD: '10000' });
    const id = await leftBehind(buyer, {
      state: 'unknown',
      unknownReason: 'send_unanswered',
      unknownSince: desk.deps.clock.now(),
    });
    await desk.engine.start();
    await Bun.sleep(TAKEN_WITHIN_MS + 4_000);
    expect(venue.lookedUp.get(id)).toBeGreaterThan(2);
    expect([await stateOf(id), await desk.balance(buyer, 'USD')]).toEqual(['unknown', '10000 (4008)']);
    // That is all that keeps it.
    const [order] = await desk.deps.db.engine.select().from(orders).where(eq(orders.id, id));
    await transact(desk.system, 'engine', (tx) =>
      tellOrders(tx, desk.system, [{ order: order!, what: 'routed', data: {}, kept: { takenWithinMs: 1 } }]),
    );
    await desk.engine.rebuild();
    await until(async () => (await stateOf(id)) === 'done');
  });

  test('by such a version, and was asked back, is told of once nobody can send it any more', async () => {
    const buyer = await desk.newTrader({ USD: '10000' });
    const id = await leftBehind(buyer);
    await desk.elsewhere.request(buyer, 'DELETE', `/v1/orders/${id}`);
    await desk.engine.start();
    await until(async () => (await stateOf(id)) === 'unknown');
    expect([venue.sent.has(id), await recorded(id, 'venue_order.unknown')]).toEqual([false, 1]);
    expect(await desk.balance(buyer, 'USD')).toBe('10000 (4008)');
  });

  test('is not sent while a breaker stands, and once it is lifted', async () => {
    const [buyer, maker, checker] = [
      await desk.newTrader({ USD: '10000' }),
      await desk.newStaff('risk_manager'),
      await desk.newStaff('admin'),
    ];
    const id = await leftBehind(buyer);
    const body = { reason: 'Looks wrong', symbol: 'ETH/USD' };
    const tripped = await desk.request(maker, 'POST', '/v1/risk/circuit-breakers', { body });
    expect(tripped.status).toBe(201);
    await desk.engine.start();
    await Bun.sleep(TAKEN_WITHIN_MS + 2_000);
    expect([await stateOf(id), venue.sent.has(id)]).toEqual(['sending', false]);
    const path = `/v1/risk/circuit-breakers/${tripped.body.id}/lift`;
    const { approvalId } = (await desk.request(maker, 'POST', path, { body: { reason: 'Checked' } })).body;
    const seen = { body: { reason: 'Seen' } };
    await desk.request(checker, 'POST', `/v1/approvals/${approvalId}/approve`, seen);
    await until(async () => (await stateOf(id)) === 'working');
    expect(venue.sent.get(id)).toBe(1);
    await desk.request(buyer, 'DELETE', `/v1/orders/${id}`);
    expect(await desk.later(buyer, id)).toMatchObject({ status: 'cancelled' });
  });

  test('and arrives after its cancel is asked back again', async () => {
    const buyer = await desk.newTrader({ USD: '10000' });
    let arrival: Promise<unknown> = Promise.resolve();
    const send = async (order: VenueOrder): Promise<never> => {
      arrival = Bun.sleep(1_500).then(() => venue.send(order));
      throw new Error('the connection broke');
    };
    // As the simulation answers that it has nothing to take out.
    const cancel: Venue['cancel'] = async (reference) =>
      venue.sent.has(reference) ? venue.cancel(reference) : { reports: [], againInMs: null };
    venue.lose('lookUp', 'request');
    venuesOf(desk.deps).set(SIMULATED, { ...venue, send, cancel });
    const id = await atVenue(buyer);
    const cancelling = desk.request(buyer, 'DELETE', `/v1/orders/${id}`);
    await arrival;
    await until(async () => (await stateOf(id)) === 'done');
    await cancelling;
    expect(await desk.later(buyer, id)).toMatchObject({ status: 'cancelled', cancelReason: 'requested' });
    expect(venue.reportsOf(id).at(-1)).toMatchObject({ type: 'cancelled' });
  });

  test('ends by no settlement while its venue has spoken of it, whoever asks for that', async () => {
    const buyer = await desk.newTrader({ USD: '10000' });
    const id = await atVenue(buyer);
    const [order] = await desk.deps.db.engine.select().from(orders).where(eq(orders.id, id));
    const plan = emptyPlan();
    plan.venues.neverReceived.push({ order: order!, venue: SIMULATED });
    const writing = transact(desk.system, 'engine', (tx) =>
      writeVenueSteps(tx, desk.system, plan, desk.deps.clock.now()),
    );
    expect(
      await writing.then(
        () => 'written',
        (error: Error) => error.name,
      ),
    ).toBe('AssertionError');
    await desk.request(buyer, 'DELETE', `/v1/orders/${id}`);
    expect(await desk.later(buyer, id)).toMatchObject({ status: 'cancelled', cancelReason: 'requested' });
  });

  test('and was asked back meanwhile ends as what its owner asked for', async () => {
    const buyer = await desk.newTrader({ USD: '10000' });
    const id = await lostOnItsWay(buyer);
    await desk.request(buyer, 'DELETE', `/v1/orders/${id}`);
    await until(async () => (await stateOf(id)) === 'done');
    expect(await desk.later(buyer, id)).toMatchObject({ status: 'cancelled', cancelReason: 'requested' });
    expect(venue.sent.has(id)).toBe(false);
  });

  test('waits for two people at a venue that promises nothing of what is late', async () => {
    const buyer = await desk.newTrader({ USD: '10000' });
    venue.settleMs = null;
    const id = await lostOnItsWay(buyer);
    await Bun.sleep(TAKEN_WITHIN_MS);
    await desk.engine.rebuild();
    const before = venue.lookedUp.get(id) ?? 0;
    await until(async () => (venue.lookedUp.get(id) ?? 0) > before);
    await desk.engine.settled();
    expect([await stateOf(id), await desk.balance(buyer, 'USD')]).toEqual(['unknown', '10000 (4008)']);
    venue.settleMs = 0;
    await desk.engine.rebuild();
    await until(async () => (await stateOf(id)) === 'done');
  });

  test('is not said to be missing by the simulation while it is being received', async () => {
    const reference = newId();
    let answered = false;
    let looking: Promise<LookUp> | undefined;
    await transact(desk.system, 'engine', async (tx) => {
      // As `send` holds it until what it wrote is there for everybody.
      await lockExclusive(tx, [`simulated-order:${reference}`]);
      looking = simulated.lookUp(reference).finally(() => {
        answered = true;
      });
      await Bun.sleep(200);
      expect(answered).toBe(false);
    });
    expect(await looking).toEqual(NOT_THERE);
  });
});
