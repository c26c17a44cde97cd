import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, asc, eq, isNull } from 'drizzle-orm';
import { parseAmount } from '../../../kernel/amount.ts';
import { newId } from '../../../kernel/id.ts';
import { addMs, type Instant, msOfInstant } from '../../../kernel/time.ts';
import { sqlStateOf } from '../../../platform/db/errors.ts';
import { auditLogs } from '../../../platform/db/schema.ts';
import { startTradingDesk, type Trader, type TradingDesk } from '../../../testing/trading-desk.ts';
import { tradingDomain } from '../../trading/index.ts';
import { createInstrument, setQuote } from '../index.ts';
import { keepRuleHolidays } from './add-holidays.ts';
import { nyseHolidays } from './nyse-holidays.ts';
import { marketCalendars, marketHolidays, tradingSessions } from './schema.ts';
import { watchHolidays } from './watch-holidays.ts';

const STOCK = 'BTC/USD.NQ';
const STOCK_PATH = `/v1/instruments/${encodeURIComponent(STOCK)}`;
const MINUTE_MS = 60_000;
const STOCK_TERMS = {
  symbol: STOCK,
  name: 'A stock',
  type: 'stock',
  exchange: 'NASDAQ',
  baseAsset: 'BTC',
  quoteAsset: 'USD',
  tick: parseAmount('0.01'),
  lot: parseAmount('0.0001'),
  minQuantity: parseAmount('0.0001'),
  maxQuantity: parseAmount('1000'),
  collarBps: 1000,
  makerFeeBps: 10,
  takerFeeBps: 20,
  fractional: true,
  settlementCycle: 'T+0',
  description: '',
} as const;

let desk: TradingDesk;
let buyer: Trader;
let operations: Trader;
let risk: Trader;

beforeAll(async () => {
  desk = await startTradingDesk(import.meta.file);
  await desk.engine.start();
  buyer = await desk.newTrader({ USD: '100000' });
  operations = await desk.newStaff('operations');
  risk = await desk.newStaff('risk_manager');
  await createInstrument(desk.system, STOCK_TERMS);
  await setQuote(desk.system, { symbol: STOCK, last: parseAmount('100'), source: 'test' });
});

afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

async function clockOf(exchange: string) {
  const { body } = await desk.request(buyer, 'GET', `/v1/market/clock?exchange=${exchange}`);
  return body.exchanges[0] as {
    open: boolean;
    nextOpen: Instant;
    nextClose: Instant;
    session: string | null;
    preOpen: boolean;
  };
}

/** Moves business time to an instant, if it is not past it. */
function goTo(instant: Instant): void {
  desk.advance(Math.max(0, msOfInstant(instant) - msOfInstant(desk.deps.clock.now())));
}

/** A minute after NASDAQ opened for at least another hour. */
async function whileOpen(): Promise<void> {
  const { nextOpen } = await clockOf('NASDAQ');
  goTo(addMs(nextOpen, MINUTE_MS));
  expect((await clockOf('NASDAQ')).open).toBe(true);
}

async function whileClosed(): Promise<void> {
  const { open, nextClose } = await clockOf('NASDAQ');
  if (open) {
    goTo(addMs(nextClose, MINUTE_MS));
  }
  expect((await clockOf('NASDAQ')).open).toBe(false);
}

function place(more: object = {}, through: Pick<TradingDesk, 'place'> = desk) {
  return through.place(buyer, 'buy 1 at 100', { symbol: STOCK, ...more });
}

function decide(person: Trader, approvalId: string, vote: 'approve' | 'reject' = 'approve') {
  return desk.request(person, 'POST', `/v1/approvals/${approvalId}/${vote}`, { body: { reason: 'Seen' } });
}

/** The trading day it is on NASDAQ. */
function today(): string {
  return Temporal.Instant.from(desk.deps.clock.now())
    .toZonedDateTimeISO('America/New_York')
    .toPlainDate()
    .toString();
}

async function stateOf(work: PromiseLike<unknown>): Promise<string> {
  return work.then(
    () => 'accepted',
    (error: unknown) => sqlStateOf(error) ?? String(error),
  );
}

describe('what came with the program', () => {
  test('is a calendar for every exchange, each saying where its hours are from', async () => {
    const { body } = await desk.request(buyer, 'GET', '/v1/market/calendars');
    const told = body.data.map(({ exchange, timeZone, dayEndsAt, sessions }: Record<string, unknown>) => [
      exchange,
      timeZone,
      dayEndsAt,
      (sessions as unknown[]).length,
    ]);
    // Another test sets the hours of SEM.
    expect(told.filter(([exchange]: unknown[]) => exchange !== 'SEM')).toEqual([
      ['NYSE', 'America/New_York', '00:00', 15],
      ['NASDAQ', 'America/New_York', '00:00', 15],
      ['LSE', 'Europe/London', '00:00', 10],
      ['FOREX', 'America/New_York', '17:00', 1],
      ['CRYPTO', 'UTC', '00:00', 1],
      ['COMMODITY', 'America/Chicago', '17:00', 5],
    ]);
    expect(body.data.every(({ source }: { source: string }) => source.length > 20)).toBe(true);
  });

  test('is what NYSE and Nasdaq publish for 2026 and 2027, day by day', async () => {
    const expected = [...nyseHolidays(2026), ...nyseHolidays(2027)];
    for (const exchange of ['NYSE', 'NASDAQ'] as const) {
      const rows = await desk.deps.db.engine
        .select({ day: marketHolidays.day, closesAt: marketHolidays.closesAt, name: marketHolidays.name })
        .from(marketHolidays)
        .innerJoin(marketCalendars, eq(marketCalendars.id, marketHolidays.calendarId))
        .where(and(eq(marketCalendars.exchange, exchange), eq(marketHolidays.source, 'release')))
        .orderBy(asc(marketHolidays.day));
      expect(rows).toEqual(expected.map(({ day, closesAt, name }) => ({ day, closesAt, name })));
    }
  });
});

describe('an order on an exchange with hours', () => {
  test('is refused outside of the regular session, also before and after it', async () => {
    await whileClosed();
    const order = await place();
    expect([order.status, order.body.status, order.body.rejectionReason]).toEqual([
      201,
      'rejected',
      'market_closed',
    ]);
    const { nextOpen } = await clockOf('NASDAQ');
    goTo(addMs(nextOpen, -MINUTE_MS));
    expect((await clockOf('NASDAQ')).session).toBe('pre');
    expect((await place()).body.rejectionReason).toBe('market_closed');
    goTo(nextOpen);
    expect((await place()).body.rejectionReason).toBeNull();
    await desk.emptyTheBooks();
  });

  test('of the day ends with the session; one that is good till cancelled rests on, and can be cancelled', async () => {
    await whileOpen();
    const { nextClose } = await clockOf('NASDAQ');
    const ofDay = await place({ timeInForce: 'day' });
    const lasting = await place();
    expect(ofDay.body).toMatchObject({ rejectionReason: null, expiresAt: nextClose });
    goTo(nextClose);
    const expire = tradingDomain.jobs.find(({ name }) => name === 'trading.expire-orders');
    await expire?.run(desk.system);
    expect((await desk.later(buyer, ofDay.body.id)).status).toBe('expired');
    expect((await desk.later(buyer, lasting.body.id)).status).toBe('open');
    expect((await place()).body.rejectionReason).toBe('market_closed');
    await desk.request(buyer, 'DELETE', `/v1/orders/${lasting.body.id}`);
    expect((await desk.later(buyer, lasting.body.id)).status).toBe('cancelled');
  });

  test('is taken at any hour where the exchange never closes, and its day ends at midnight UTC', async () => {
    await whileClosed();
    const order = await desk.place(buyer, 'buy 0.001 at 60000', { timeInForce: 'day' });
    const midnight = `${addMs(desk.deps.clock.now(), 86_400_000).slice(0, 10)}T00:00:00.000000Z`;
    expect(order.body).toMatchObject({ rejectionReason: null, expiresAt: midnight });
    expect(await clockOf('CRYPTO')).toMatchObject({ open: true, nextOpen: null, nextClose: null });
    await desk.emptyTheBooks();
  });
});

describe('the minutes before an opening', () => {
  /** Asks that NASDAQ sets aside so many, all else as it is. @shape the approval that waits */
  async function setAside(preOpenMinutes: number): Promise<string> {
    const { body } = await desk.request(buyer, 'GET', '/v1/market/calendars');
    const found = body.data.find(({ exchange }: { exchange: string }) => exchange === 'NASDAQ');
    const { timeZone, dayEndsAt, source, sessions } = found;
    const asked = await desk.request(risk, 'PUT', '/v1/market/calendars/NASDAQ', {
      body: { timeZone, dayEndsAt, source, sessions, preOpenMinutes, reason: 'An opening auction' },
    });
    return asked.body.approvalId;
  }

  test('collect limit orders, once two people set them aside, that trade at one price in the auction', async () => {
    const asked = await setAside(30);
    const seller = await desk.newTrader({ BTC: '10' });
    const sell = (words: string, more: object = {}) => desk.place(seller, words, { symbol: STOCK, ...more });
    await whileClosed();
    await desk.engine.settled();
    const { nextOpen } = await clockOf('NASDAQ');
    goTo(addMs(nextOpen, -20 * MINUTE_MS));
    expect((await place()).body.rejectionReason).toBe('market_closed');
    await decide(await desk.newStaff('admin'), asked);
    // Hours that just changed may have closed the market: its books have a minute to halt.
    expect(await clockOf('NASDAQ')).toMatchObject({ open: false, preOpen: false, session: 'pre' });
    expect((await place()).body.rejectionReason).toBe('market_closed');
    goTo(addMs(nextOpen, -18 * MINUTE_MS));
    expect(await clockOf('NASDAQ')).toMatchObject({ open: false, preOpen: true, session: 'pre' });

    const bid = await place({ limitPrice: '102', timeInForce: 'day' }, desk.elsewhere);
    const offer = await sell('sell 1 at 100');
    const late = await sell('sell 1 at 103');
    const gone = await sell('sell 1 at 99');
    expect(bid.body).toMatchObject({ rejectionReason: null, expiresAt: (await clockOf('NASDAQ')).nextClose });
    for (const more of [
      { timeInForce: 'ioc' },
      { type: 'market', limitPrice: undefined, timeInForce: 'ioc' },
    ]) {
      expect((await place(more)).body.rejectionReason).toBe('market_closed');
    }
    expect((await desk.request(seller, 'DELETE', `/v1/orders/${gone.body.id}`)).status).toBe(200);
    // They cross, and rest: also in a book that is read anew.
    await desk.engine.settled();
    await desk.engine.rebuild();
    for (const [who, { body: resting }] of [
      [buyer, bid],
      [seller, offer],
      [seller, late],
    ] as const) {
      expect(await desk.later(who, resting.id)).toMatchObject({ status: 'open', filledQuantity: '0' });
    }
    goTo(nextOpen);
    await desk.engine.settled();
    expect(await desk.later(buyer, bid.body.id)).toMatchObject({ status: 'filled', filledAmount: '100' });
    expect(await desk.later(seller, offer.body.id)).toMatchObject({ status: 'filled' });
    expect(await desk.later(seller, late.body.id)).toMatchObject({ status: 'open' });
    expect(await desk.later(seller, gone.body.id)).toMatchObject({ status: 'cancelled' });
    await desk.emptyTheBooks();
    await decide(await desk.newStaff('admin'), await setAside(0));
  });
});

describe('a holiday', () => {
  const enter = (person: Trader, exchange: string, holidays: readonly object[]) =>
    desk.request(person, 'POST', '/v1/market/holidays', { body: { exchange, holidays } });

  test('closes a market at once for every process, by one person; two open it again', async () => {
    await whileOpen();
    for (const process of [desk, desk.elsewhere]) {
      expect((await place({}, process)).body.rejectionReason).toBeNull();
    }
    const added = await enter(operations, 'NASDAQ', [{ day: today(), name: 'A day of mourning' }]);
    expect(added.body.data).toMatchObject([
      { exchange: 'NASDAQ', day: today(), closesAt: null, source: 'staff' },
    ]);
    for (const process of [desk, desk.elsewhere]) {
      expect((await place({}, process)).body.rejectionReason).toBe('market_closed');
    }
    const again = await enter(operations, 'NASDAQ', [{ day: today(), name: 'The same' }]);
    expect([again.status, again.body.code]).toEqual([409, 'holiday_exists']);

    const id = added.body.data[0].id;
    const asked = await desk.request(operations, 'POST', `/v1/market/holidays/${id}/remove`, {
      body: { reason: 'It was another day' },
    });
    expect((await place()).body.rejectionReason).toBe('market_closed');
    expect((await decide(operations, asked.body.approvalId)).body.code).toBe('self_approval');
    expect((await decide(risk, asked.body.approvalId)).body.status).toBe('executed');
    for (const process of [desk, desk.elsewhere]) {
      expect((await place({}, process)).body.rejectionReason).toBeNull();
    }
    const gone = await desk.request(operations, 'POST', `/v1/market/holidays/${id}/remove`, {
      body: { reason: 'Once more' },
    });
    expect([gone.status, gone.body.code]).toEqual([404, 'not_found']);
    await desk.emptyTheBooks();
  });

  test('that ends a day early counts beside a later one, the earliest of all', async () => {
    const day = '2041-01-07';
    await enter(operations, 'SEM', [{ day, name: 'Half', closesAt: '13:00' }]);
    const both = await enter(operations, 'SEM', [
      { day, name: 'Half', closesAt: '13:00' },
      { day, name: 'Shorter', closesAt: '12:00' },
    ]);
    expect(both.body.data).toMatchObject([{ name: 'Shorter' }]);
    const { body } = await desk.request(
      buyer,
      'GET',
      `/v1/market/holidays?exchange=SEM&from=${day}&to=${day}`,
    );
    expect(body.data.map(({ closesAt }: { closesAt: string }) => closesAt).toSorted()).toEqual([
      '12:00',
      '13:00',
    ]);
  });

  test('that would end early is refused where the trading day is over by then', async () => {
    for (const closesAt of ['17:00', '17:30']) {
      const late = await enter(operations, 'FOREX', [{ day: '2041-12-24', name: 'Half', closesAt }]);
      expect([late.status, late.body.code]).toEqual([422, 'half_day_too_late']);
    }
    for (const [exchange, closesAt] of [
      ['FOREX', '16:59'],
      ['SEM', '23:59'],
    ] as const) {
      const early = await enter(operations, exchange, [{ day: '2041-12-24', name: 'Half', closesAt }]);
      expect(early.status).toBe(201);
    }
  });

  test('is refused with a bad day, time or exchange, and from a customer', async () => {
    const bad = [
      ['SEM', { day: '2041-02-30', name: 'None' }, 422],
      ['SEM', { day: '2041-02-03', name: 'None', closesAt: '24:00' }, 422],
      ['MOON', { day: '2041-02-03', name: 'None' }, 422],
    ] as const;
    for (const [exchange, holiday, status] of bad) {
      expect((await enter(operations, exchange, [holiday])).status).toBe(status);
    }
    expect((await enter(buyer, 'SEM', [{ day: '2041-02-03', name: 'Mine' }])).status).toBe(403);
    const { body } = await desk.request(buyer, 'GET', '/v1/market/holidays?from=2041-02-01&to=2041-02-28');
    expect(body.data).toEqual([]);
  });

  test('by rule is entered for this year and the next, once, and stays away where two people took it', async () => {
    const [gone] = await desk.deps.db.engine
      .select({ id: marketHolidays.id, day: marketHolidays.day })
      .from(marketHolidays)
      .where(and(eq(marketHolidays.source, 'release'), isNull(marketHolidays.removedAt)))
      .orderBy(asc(marketHolidays.day), asc(marketHolidays.id));
    const asked = await desk.request(operations, 'POST', `/v1/market/holidays/${gone?.id}/remove`, {
      body: { reason: 'Open on that day' },
    });
    await decide(risk, asked.body.approvalId);
    const count = async () => (await desk.deps.db.engine.select().from(marketHolidays)).length;
    await keepRuleHolidays(desk.system);
    const before = await count();
    desk.advance(2 * 366 * 86_400_000);
    await Promise.all([keepRuleHolidays(desk.system), keepRuleHolidays(desk.system)]);
    const year = Number.parseInt(desk.deps.clock.now().slice(0, 4), 10);
    const due = [year, year + 1].flatMap(nyseHolidays).filter(({ day }) => day >= '2028');
    expect(await count()).toBe(before + 2 * due.length);
    const again = await desk.deps.db.engine
      .select()
      .from(marketHolidays)
      .where(and(eq(marketHolidays.day, gone?.day ?? ''), isNull(marketHolidays.removedAt)));
    expect(again.length).toBe(1);
  });
});

describe('an exchange without holidays', () => {
  /** The exchanges and years that somebody is called for. */
  async function calledFor(): Promise<readonly string[]> {
    const alarms = () =>
      desk.deps.db.engine
        .select()
        .from(auditLogs)
        .where(eq(auditLogs.eventType, 'market_holidays.missing'))
        .orderBy(asc(auditLogs.id));
    const before = (await alarms()).length;
    await watchHolidays(desk.system);
    return (await alarms()).slice(before).map(({ after }) => {
      const { exchange, year } = after as { readonly exchange: string; readonly year: number };
      return `${exchange} ${year}`;
    });
  }

  test('has somebody called each day until they are entered, where it is traded and closes at times', async () => {
    // Only NASDAQ and CRYPTO have instruments; the latter never closes.
    await keepRuleHolidays(desk.system);
    expect(await calledFor()).toEqual([]);
    await createInstrument(desk.system, { ...STOCK_TERMS, symbol: 'BTC/USD.LS', exchange: 'LSE' });
    const toMonth = (year: number, month: string) => goTo(`${year}-${month}-05T00:00:00.000000Z` as Instant);
    const year = Number.parseInt(desk.deps.clock.now().slice(0, 4), 10) + 1;
    toMonth(year, '03');
    await keepRuleHolidays(desk.system);
    expect(await calledFor()).toEqual([`LSE ${year}`]);
    expect(await calledFor()).toEqual([`LSE ${year}`]);
    const holiday = { day: `${year}-12-25`, name: 'Christmas Day' };
    await desk.request(operations, 'POST', '/v1/market/holidays', {
      body: { exchange: 'LSE', holidays: [holiday] },
    });
    expect(await calledFor()).toEqual([]);
    // What is near has to be there: value dates reach into it.
    toMonth(year, '11');
    expect(await calledFor()).toEqual([`LSE ${year + 1}`]);
  });
});

describe('the hours of an exchange', () => {
  const propose = (body: object, exchange = 'SEM') =>
    desk.request(risk, 'PUT', `/v1/market/calendars/${exchange}`, { body });
  const session = { kind: 'regular', opensOn: 3, opensAt: '11:00', closesOn: 3, closesAt: '12:00' };
  const hours = {
    timeZone: 'Indian/Mauritius',
    dayEndsAt: '00:00',
    source: 'The exchange’s notice of today',
    sessions: [session],
    reason: 'New hours',
  };
  const calendar = async () => {
    const { body } = await desk.request(buyer, 'GET', '/v1/market/calendars');
    return body.data.find(({ exchange }: { exchange: string }) => exchange === 'SEM');
  };

  /** Hours of its own, approved. */
  async function hoursApproved(): Promise<string> {
    const asked = await propose({ ...hours, source: newId() });
    await decide(await desk.newStaff('admin'), asked.body.approvalId);
    return asked.body.approvalId;
  }

  test('change when another person agrees, and are what sessions are then', async () => {
    const before = await calendar();
    const asked = await propose(hours);
    expect(asked.status).toBe(202);
    expect(await calendar()).toEqual(before);
    expect((await decide(risk, asked.body.approvalId)).body.code).toBe('self_approval');
    await decide(await desk.newStaff('admin'), asked.body.approvalId);
    expect(await calendar()).toMatchObject({
      source: hours.source,
      sessions: [session],
      version: before.version + 1,
    });
    const { code } = (await propose(hours)).body;
    expect(code).toBe('market_hours_unchanged');
  });

  test('are refused where they make no sense', async () => {
    for (const wrong of [
      { sessions: [session, { ...session, opensAt: '11:30' }] },
      { sessions: [{ ...session, kind: 'pre' }] },
      { timeZone: 'Indian/Nowhere' },
      { timeZone: '+04:00' },
    ]) {
      const answer = await propose({ ...hours, ...wrong });
      expect([wrong, answer.status, answer.body.code]).toEqual([wrong, 422, 'market_hours_invalid']);
    }
    expect((await propose({ ...hours, dayEndsAt: '25:00' })).body.code).toBe('validation_failed');
    expect((await propose(hours, 'MOON')).status).toBe(404);
  });

  test('and holidays cannot be changed behind two people: the database refuses', async () => {
    const { engine } = desk.deps.db;
    await hoursApproved();
    const [sem] = await engine.select().from(marketCalendars).where(eq(marketCalendars.exchange, 'SEM'));
    const id = sem?.id ?? '';
    const version = (sem?.version ?? 0) + 1;
    const mine = eq(marketCalendars.id, id);
    const zone = engine.update(marketCalendars).set({ timeZone: 'UTC', version }).where(mine);
    expect(await stateOf(zone)).toBe('PL041');
    const early = engine.update(marketCalendars).set({ preOpenMinutes: 60, version }).where(mine);
    expect(await stateOf(early)).toBe('PL041');
    expect(
      await stateOf(
        engine
          .update(marketCalendars)
          .set({ version: version - 1 })
          .where(mine),
      ),
    ).toBe('PL041');
    // Nor with what they once agreed to.
    const approvalId = await hoursApproved();
    const again = engine
      .update(marketCalendars)
      .set({ timeZone: 'UTC', version: version + 10, changeApprovalId: approvalId });
    expect(await stateOf(again.where(mine))).toBe('PL041');
    for (const cited of [null, approvalId]) {
      const other = { ...session, kind: 'regular' as const, closesAt: '23:00' };
      const row = { ...other, id: newId(), calendarId: id, approvalId: cited };
      expect(await stateOf(engine.insert(tradingSessions).values(row))).toBe('PL041');
    }
    const removal = { removedAt: desk.deps.clock.now(), removeApprovalId: newId() };
    expect(await stateOf(engine.update(marketHolidays).set(removal))).toBe('PL041');
    expect(await stateOf(engine.delete(marketHolidays))).toBe('42501');
  });
});

describe('reading', () => {
  test('gives the sessions of a period as they are, and refuses one that is too long or backwards', async () => {
    const get = (query: string) => desk.request(buyer, 'GET', `${STOCK_PATH}/sessions${query}`);
    const { body } = await get('?from=2026-11-26T00:00:00Z&to=2026-11-28T00:00:00Z');
    expect(body).toMatchObject({ symbol: STOCK, exchange: 'NASDAQ', timeZone: 'America/New_York' });
    expect(body.data).toEqual([
      { kind: 'post', opensAt: '2026-11-25T21:00:00.000000Z', closesAt: '2026-11-26T01:00:00.000000Z' },
      { kind: 'pre', opensAt: '2026-11-27T09:00:00.000000Z', closesAt: '2026-11-27T14:30:00.000000Z' },
      { kind: 'regular', opensAt: '2026-11-27T14:30:00.000000Z', closesAt: '2026-11-27T18:00:00.000000Z' },
    ]);
    expect((await get('')).status).toBe(200);
    for (const query of [
      '?from=2026-11-26T00:00:00Z&to=2026-11-26T00:00:00Z',
      '?from=2026-01-01T00:00:00Z&to=2026-04-04T00:00:00Z',
    ]) {
      expect((await get(query)).body.code).toBe('sessions_period_invalid');
    }
    expect((await desk.request(buyer, 'GET', '/v1/instruments/NO%2FPE/sessions')).status).toBe(404);
  });

  test('tells of every exchange by the clock where it is asked, and of none where not', async () => {
    const all = await desk.request(buyer, 'GET', '/v1/market/clock?exchange=all');
    expect(all.body.exchanges.map(({ exchange }: { exchange: string }) => exchange)).toHaveLength(7);
    expect((await desk.request(buyer, 'GET', '/v1/market/clock')).body.exchanges).toBeUndefined();
    expect((await desk.request(buyer, 'GET', '/v1/market/clock?exchange=MOON')).status).toBe(422);
  });
});
