import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { and, eq, sql } from 'drizzle-orm';
import { ONE, parseAmount, ZERO } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { newId } from '../../../kernel/id.ts';
import { addMs, msOfInstant } from '../../../kernel/time.ts';
import { sqlStateOf } from '../../../platform/db/errors.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { auditLogs, outbox } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import { startTradingDesk, type Trader, type TradingDesk } from '../../../testing/trading-desk.ts';
import { until } from '../../../testing/until.ts';
import { accounts } from '../../accounts/schema.ts';
import { customerWallet } from '../../ledger/index.ts';
import { ledgerEntries, wallets } from '../../ledger/schema.ts';
import { setQuote } from '../../markets/index.ts';
import { instruments, quotes } from '../../markets/schema.ts';
import { trades } from '../schema.ts';
import { venueReports } from './schema.ts';
import { SIMULATED, simulatedVenue } from './simulated/simulated-venue.ts';
import { memoryVenue } from './testing/memory-venue.ts';
import type { Venue } from './venue.ts';
import { venuesOf } from './venues.ts';

let desk: TradingDesk;

beforeAll(async () => {
  desk = await startTradingDesk(import.meta.file);
  await desk.engine.start();
});

afterEach(async () => {
  await desk.engine.settled();
  const report = await desk.reconcile();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

afterAll(async () => {
  await desk.close();
});

describe('a paper account', () => {
  test('buys and sells at the quote without anybody on the other side', async () => {
    const paper = await desk.newTrader({ USD: '100000' }, { book: 'paper', gate: {} });
    const { body } = await desk.place(paper, 'buy 1');
    const bought = await desk.later(paper, body.id);
    expect(bought).toMatchObject({ status: 'filled', filledQuantity: '1', book: 'paper' });
    // Half the spread of five basis points above the last price.
    expect(bought.averageFillPrice).toBe('60030');
    const sold = await desk.place(paper, 'sell 0.5 at 59000');
    expect(await desk.later(paper, sold.body.id)).toMatchObject({
      status: 'filled',
      averageFillPrice: '59970',
    });
    const [trade] = await desk.deps.db.engine
      .select({ venue: trades.venue })
      .from(trades)
      .where(eq(trades.book, 'paper'));
    expect(trade).toEqual({ venue: SIMULATED });
  });

  test('pays for many small orders what one large one pays, until the quote is another or a minute has passed', async () => {
    const rich = { BTC: '1000' };
    const [whole, parts] = [
      await desk.newTrader(rich, { book: 'paper', gate: {} }),
      await desk.newTrader(rich, { book: 'paper', gate: {} }),
    ];
    const bought = async (trader: Trader, units: string) => {
      const { body } = await desk.place(trader, `buy ${units}`, { symbol: 'ETH/BTC' });
      expect(body.rejectionReason).toBeNull();
      const { filledQuantity, filledAmount } = await desk.later(trader, body.id);
      return [parseAmount(filledQuantity), parseAmount(filledAmount)] as const;
    };
    // At the beginning of a minute.
    desk.advance(60_000 - (msOfInstant(desk.deps.clock.now()) % 60_000));
    const [units, paid] = await bought(whole, '1000');
    const [first, paidFirst] = await bought(parts, '500');
    // A feed that confirms its price fills nothing, nor does a restart of whoever matches.
    await desk.deps.db.engine.update(quotes).set({ pricedAt: desk.deps.clock.now() });
    await desk.engine.stop();
    await desk.engine.start();
    const [second, paidSecond] = await bought(parts, '500');
    expect([first + second, paidFirst + paidSecond]).toEqual([units, paid]);
    expect(paid * first).toBeGreaterThan(paidFirst * units);
    await desk.place(parts, 'buy 1000', { symbol: 'ETH/BTC' });
    await desk.engine.settled();
    expect((await bought(parts, '500'))[0]).toBe(ZERO);
    desk.advance(60_000);
    expect((await bought(parts, '1'))[0]).toBe(ONE);
  });

  test('sells by notional there too, no more units than it reserves and for no more than it says', async () => {
    const paper = await desk.newTrader({ BTC: '0.02' }, { book: 'paper', gate: {} });
    const { body } = await desk.place(paper, 'sell 0', { quantity: undefined, notional: '1000' });
    expect(body).toMatchObject({ quantity: '0.0185', reservation: '0.0185' });
    const sold = await desk.later(paper, body.id);
    // 0.0166 at 59970.
    expect(sold).toMatchObject({ status: 'filled', filledQuantity: '0.0166', filledAmount: '995.502' });
    expect(await desk.balance(paper, 'BTC')).toBe('0.0034 (0)');
  });

  test('rests a limit order at the venue until the market comes to it, at its own price', async () => {
    const paper = await desk.newTrader({ USD: '100000' }, { book: 'paper', gate: {} });
    const { body } = await desk.place(paper, 'buy 1 at 59000');
    expect(await desk.later(paper, body.id)).toMatchObject({ status: 'open' });
    await setQuote(desk.system, { symbol: 'BTC/USD', last: parseAmount('58900'), source: 'test' });
    const filled = await desk.later(paper, body.id);
    expect(filled).toMatchObject({ status: 'filled', averageFillPrice: '59000', fees: '59' });
    await setQuote(desk.system, { symbol: 'BTC/USD', last: parseAmount('60000'), source: 'test' });
  });

  test('has its stop held by our own book and sent when it is triggered', async () => {
    const paper = await desk.newTrader({ BTC: '1' }, { book: 'paper', gate: {} });
    const { body } = await desk.place(paper, 'sell 1', { type: 'stop', stopPrice: '59500' });
    expect(await desk.later(paper, body.id)).toMatchObject({ status: 'held' });
    const sent = () =>
      desk.deps.db.engine.select().from(venueReports).where(eq(venueReports.orderId, body.id));
    expect(await sent()).toEqual([]);
    await setQuote(desk.system, { symbol: 'BTC/USD', last: parseAmount('59400'), source: 'test' });
    expect(await desk.later(paper, body.id)).toMatchObject({ status: 'filled', triggerPrice: '59400' });
    await setQuote(desk.system, { symbol: 'BTC/USD', last: parseAmount('60000'), source: 'test' });
  });

  test('leaves with the exit that the market reaches first, and the other one ends', async () => {
    const paper = await desk.newTrader({ USD: '100000' }, { book: 'paper', gate: {} });
    const { body } = await desk.place(paper, 'buy 1', {
      takeProfit: { limitPrice: '61000' },
      stopLoss: { stopPrice: '59000' },
    });
    expect(await desk.later(paper, body.id)).toMatchObject({ status: 'filled' });
    await setQuote(desk.system, { symbol: 'BTC/USD', last: parseAmount('61100'), source: 'test' });
    await desk.engine.settled();
    const { data } = (await desk.request(paper, 'GET', `/v1/orders?accountId=${paper.accountId}`)).body;
    const ends = data.map((order: { groupRole: string; status: string; cancelReason: string | null }) => [
      order.groupRole,
      order.status,
      order.cancelReason,
    ]);
    expect(ends.sort()).toEqual([
      ['parent', 'filled', null],
      ['stop_loss', 'cancelled', 'group'],
      ['take_profit', 'filled', null],
    ]);
    expect(await desk.balance(paper, 'BTC')).toBe('0 (0)');
    await setQuote(desk.system, { symbol: 'BTC/USD', last: parseAmount('60000'), source: 'test' });
  });
});

describe('a venue', () => {
  test('that says all in one answer is told of in the order in which it said it', async () => {
    const real = venuesOf(desk.deps).get(SIMULATED);
    const venue = memoryVenue(SIMULATED);
    const atOnce: Venue = {
      ...venue,
      send: async (order) => {
        await venue.send(order);
        venue.fill(order.reference, '0.4', '60000');
        venue.fill(order.reference, '0.6', '59999');
        return venue.send(order);
      },
    };
    venuesOf(desk.deps).set(SIMULATED, atOnce);
    try {
      const paper = await desk.newTrader({ USD: '100000' }, { book: 'paper', gate: {} });
      const { body } = await desk.place(paper, 'buy 1 at 60000');
      expect(await desk.later(paper, body.id)).toMatchObject({ status: 'filled' });
      const events = (await desk.request(paper, 'GET', `/v1/orders/${body.id}/events`)).body.data;
      const told = events.map(({ type, data }: { type: string; data: { price?: string } }) =>
        type === 'order.traded' ? data.price : type,
      );
      expect(told.join(' ')).toBe('order.accepted order.routed order.acknowledged 60000 59999 order.filled');
    } finally {
      venuesOf(desk.deps).set(SIMULATED, present(real, 'paper accounts have a venue'));
    }
  });

  test('that is simulated meets the quote of when it executes, however long it waited to', async () => {
    const [found] = await desk.deps.db.engine
      .select({ id: instruments.id })
      .from(instruments)
      .where(eq(instruments.symbol, 'BTC/USD'));
    const { id: instrumentId } = present(found, 'it is listed');
    const venue = simulatedVenue(desk.deps);
    const reference = newId();
    await venue.send({
      reference,
      client: newId(),
      instrumentId,
      symbol: 'BTC/USD',
      side: 'buy',
      timeInForce: 'ioc',
      isMarket: true,
      limit: null,
      quantity: parseAmount('0.1'),
      notional: null,
      postOnly: false,
      takeUntil: addMs(desk.deps.clock.realNow(), 60_000),
    });
    desk.advance(60_000);
    let collecting: ReturnType<typeof venue.collect> | undefined;
    await transact(desk.system, 'engine', async (tx) => {
      await lockExclusive(tx, [`simulated:${instrumentId}`]);
      collecting = venue.collect([reference], { trading: true });
      await until(async () => {
        const waiting = await tx.execute(sql`select from pg_locks where locktype = 'advisory' and not granted
          and database = (select oid from pg_database where datname = current_database())`);
        return waiting.length > 0;
      });
      await setQuote(desk.system, { symbol: 'BTC/USD', last: parseAmount('50000'), source: 'test' });
    });
    const answer = await collecting;
    await setQuote(desk.system, { symbol: 'BTC/USD', last: parseAmount('60000'), source: 'test' });
    const fills = answer?.reports.flatMap((report) => (report.type === 'fill' ? [report.price] : []));
    expect(fills?.length).toBeGreaterThan(0);
    expect(fills?.every((price) => price < parseAmount('51000'))).toBe(true);
  });
});

describe('play money', () => {
  const give = (trader: Trader, amount: unknown, accountId = trader.accountId, key: string = newId()) =>
    desk.request(trader, 'POST', `/v1/paper/accounts/${accountId}/funds`, { body: { amount }, key });
  const entriesOf = (trader: Trader) =>
    desk.deps.db.engine.select().from(ledgerEntries).where(eq(ledgerEntries.userId, trader.userId));

  test('is given to a paper account, recorded and told, and can be traded at once', async () => {
    const paper = await desk.newTrader({}, { book: 'paper', gate: { kycStatus: 'rejected' } });
    const key = newId();
    const given = await give(paper, '100000', paper.accountId, key);
    expect([given.status, given.body]).toMatchObject([
      201,
      { accountId: paper.accountId, book: 'paper', asset: 'USD', amount: '100000', total: '100000' },
    ]);
    const again = await give(paper, '100000', paper.accountId, key);
    expect([again.status, again.body]).toEqual([201, given.body]);
    expect(await desk.balance(paper, 'USD')).toBe('100000 (0)');
    const log = await desk.deps.db.engine
      .select({ type: auditLogs.eventType, after: auditLogs.after })
      .from(auditLogs)
      .where(and(eq(auditLogs.subjectUserId, paper.userId), eq(auditLogs.eventType, 'paper_account.funded')));
    expect(log).toMatchObject([
      { after: { amount: '100000', book: 'paper', journalId: given.body.journalId } },
    ]);
    const told = await desk.deps.db.engine
      .select({ type: outbox.type, visible: outbox.customerVisible })
      .from(outbox)
      .where(and(eq(outbox.userId, paper.userId), eq(outbox.type, 'ledger.paper_account_funded')));
    expect(told).toEqual([{ type: 'ledger.paper_account_funded', visible: true }]);
    const { body } = await desk.place(paper, 'buy 1');
    expect(await desk.later(paper, body.id)).toMatchObject({ status: 'filled', book: 'paper' });
  });

  test('is bounded by what the wallet holds and by how often in a day, and refused without a trace', async () => {
    const paper = await desk.newTrader({}, { book: 'paper' });
    expect((await give(paper, '1000000.01')).body.code).toBe('play_money_exceeded');
    expect((await give(paper, '0.001')).body.code).toBe('amount_too_precise');
    expect((await give(paper, '0')).body.code).toBe('validation_failed');
    expect(await entriesOf(paper)).toEqual([]);
    expect((await give(paper, '999999')).status).toBe(201);
    expect((await give(paper, '1.01')).body.code).toBe('play_money_exceeded');
    const [one, two, three] = await Promise.all([give(paper, '0.5'), give(paper, '0.2'), give(paper, '0.1')]);
    expect([one, two, three].map(({ status }) => String(status)).sort()).toEqual(['201', '201', '409']);
    const often = await give(paper, '0.01');
    expect([often.status, often.body.code]).toEqual([409, 'play_money_given_often']);
    desk.advance(86_400_000);
    expect((await give(paper, '0.01')).status).toBe(201);
  });

  test('is given to no live account, to nobody else’s, and to nobody who is suspended or frozen', async () => {
    const live = await desk.newTrader({ USD: '10' });
    const paper = await desk.newTrader({}, { book: 'paper' });
    const refused = await give(live, '1');
    expect([refused.status, refused.body.code]).toEqual([422, 'account_not_paper']);
    const foreign = await give(live, '1', paper.accountId);
    const missing = await give(live, '1', newId());
    expect([foreign.status, foreign.body.code]).toEqual([404, 'not_found']);
    expect({ ...foreign.body, instance: '', requestId: '' }).toEqual({
      ...missing.body,
      instance: '',
      requestId: '',
    });
    const staff = await desk.newStaff('operations', 'admin');
    expect((await give(staff, '1', paper.accountId)).status).toBe(403);
    expect((await desk.request(null, 'POST', `/v1/paper/accounts/${paper.accountId}/funds`, {})).status).toBe(
      401,
    );
    await desk.deps.db.engine
      .update(accounts)
      .set({ status: 'frozen' })
      .where(eq(accounts.id, paper.accountId));
    expect((await give(paper, '1')).body.code).toBe('account_not_active');
    expect(await desk.balance(live, 'USD')).toBe('10 (0)');
    expect(await entriesOf(paper)).toEqual([]);
  });

  test('never reaches a live account, and the database holds to that', async () => {
    const trader = await desk.newTrader({ USD: '10' });
    const id = newId();
    const at = desk.deps.clock.now();
    const { userId } = trader;
    await desk.deps.db.engine.insert(accounts).values({
      id,
      userId,
      type: 'paper',
      name: 'Paper',
      baseCurrency: 'USD',
      status: 'active',
      createdAt: at,
      updatedAt: at,
    });
    expect((await give(trader, '500', id)).status).toBe(201);
    const transfer = { fromAccountId: id, toAccountId: trader.accountId, asset: 'USD', amount: '1' };
    const moved = await desk.request(trader, 'POST', '/v1/transfers', { body: transfer, key: newId() });
    expect(moved.body.code).toBe('transfer_books_differ');
    expect(await desk.balance(trader, 'USD')).toBe('10 (0)');
    // A wallet is of the book of its account, whoever opens it.
    const owner = { userId, accountId: id, book: 'live' } as const;
    const opened = transact(desk.system, 'engine', (tx) => customerWallet(tx, desk.system, owner, 'EUR'));
    expect(await opened.then(() => 'opened', sqlStateOf)).toBe('PL013');
    // No journal makes money in the live book.
    const { engine } = desk.deps.db;
    const made = engine.execute(sql`
      insert into journals (id, booked_at, book, kind, reference_type, reference_id, description, metadata, value_date,
        request_id)
      values (${newId()}, ${at}, 'live', 'reset', 'account', ${id}, '', '{}', '2026-01-01', 'r')`);
    expect(await made.then(() => 'made', sqlStateOf)).toBe('23514');
    const [wallet] = await engine.select().from(wallets).where(eq(wallets.accountId, id));
    const entries = await engine
      .select({ role: wallets.houseRole, book: wallets.book, amount: ledgerEntries.amount })
      .from(ledgerEntries)
      .innerJoin(wallets, eq(wallets.id, ledgerEntries.walletId))
      .where(and(eq(ledgerEntries.kind, 'reset'), eq(ledgerEntries.referenceId, id)))
      .orderBy(ledgerEntries.amount);
    expect(entries).toEqual([
      { role: 'clearing', book: 'paper', amount: parseAmount('-500') },
      { role: null, book: 'paper', amount: parseAmount('500') },
    ]);
    const hold = { amount: '1', reason: 'payment', reference: newId(), expiresAt: null };
    const operations = await desk.newStaff('operations');
    const held = await desk.request(operations, 'POST', `/v1/wallets/${wallet?.id}/holds`, { body: hold });
    expect(held.status).toBe(422);
  });
});
