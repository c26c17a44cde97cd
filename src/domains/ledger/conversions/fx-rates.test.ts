import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, eq, sql } from 'drizzle-orm';
import { parseAmount } from '../../../kernel/amount.ts';
import { newId } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import { sqlStateOf } from '../../../platform/db/errors.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { auditLogs } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import { type FundingDesk, type Person, startFundingDesk } from '../../../testing/funding-desk.ts';
import { until } from '../../../testing/until.ts';
import { createAsset } from '../create-asset.ts';
import { fxRates } from './schema.ts';
import { seedFxRates } from './seed-fx-rates.ts';
import { RATE_LIFE_MAX_MS } from './settings.ts';

const HOUR_MS = 3_600_000;

let desk: FundingDesk;
let risk: Person;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
  risk = await desk.newStaff('risk_manager');
});

afterAll(async () => {
  const report = await desk.reconcile();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
  await desk.close();
});

/** Verified, and with the agreements of the day. */
async function newCustomer(): Promise<Person> {
  const customer = await desk.newCustomer();
  await desk.changeGate(customer, { agreementsCurrent: true });
  return customer;
}

let coined = 0;

/** A currency of the test's own, so that no rate of another test counts. */
async function coin(): Promise<string> {
  coined += 1;
  const code = `X${coined}X`;
  await createAsset(desk.system, { code, name: code, kind: 'fiat', scale: 2 });
  return code;
}

function propose(person: Person, rate: Readonly<Record<string, unknown>>) {
  const validUntil = addMs(desk.deps.clock.now(), HOUR_MS);
  const told = { source: 'A page of rates', validUntil, reason: 'Rate of the day' };
  const terms = { spreadBps: 50, positionMax: '1000000', ...told };
  return desk.request(person, 'POST', '/v1/fx-rates', { body: { ...terms, ...rate } });
}

function vote(person: Person, approvalId: string) {
  const body = { reason: 'Read it too' };
  return desk.request(person, 'POST', `/v1/approvals/${approvalId}/approve`, { body });
}

/** Proposed by one, agreed to by another. */
async function set(rate: Readonly<Record<string, unknown>>) {
  const { status, body } = await propose(risk, rate);
  expect([status, body]).toEqual([202, body]);
  return vote(desk.operations, body.approval.id);
}

function quote(person: Person, fromAsset: string, toAsset: string, fromAmount = '100') {
  const body = { accountId: person.accountId, fromAsset, toAsset, fromAmount };
  return desk.request(person, 'POST', '/v1/conversions/quotes', { body });
}

/** Whether a transaction of this database waits for a lock by name. */
async function someoneWaits(): Promise<boolean> {
  const [waiting] = await desk.deps.db.engine.execute<{ locks: number }>(
    sql`select count(*)::int as locks from pg_locks l join pg_database d on d.oid = l.database
        where l.locktype = 'advisory' and not l.granted and d.datname = current_database()`,
  );
  return (waiting?.locks ?? 0) > 0;
}

describe('a rate', () => {
  test('counts only once another person agreed, and says who stands behind it', async () => {
    const [customer, code] = [await newCustomer(), await coin()];
    const asked = await propose(risk, { base: 'USD', quote: code, rate: '2' });
    expect(asked.body.approval).toMatchObject({
      action: 'fx_rate.set',
      status: 'pending',
      makerId: risk.userId,
      checkerRoles: ['risk_manager', 'operations'],
      payload: { base: 'USD', quote: code, rate: '2', spreadBps: 50, followsRate: null },
    });
    expect((await quote(customer, 'USD', code)).body.code).toBe('rate_missing');
    expect((await vote(risk, asked.body.approval.id)).body.code).toBe('self_approval');
    expect((await quote(customer, 'USD', code)).body.code).toBe('rate_missing');
    expect((await vote(desk.operations, asked.body.approval.id)).body.status).toBe('executed');
    const { body } = await quote(customer, 'USD', code);
    expect(body).toMatchObject({ toAmount: '199', rateSource: 'A page of rates', spreadBps: 50 });
    const [row] = await desk.deps.db.engine.select().from(fxRates).where(eq(fxRates.id, body.rateId));
    expect(row).toMatchObject({ approvalId: asked.body.approval.id, rate: '2.0000000000' });
    const [log] = await desk.deps.db.engine
      .select()
      .from(auditLogs)
      .where(and(eq(auditLogs.eventType, 'fx_rate.set'), eq(auditLogs.resourceId, body.rateId)));
    expect(log?.actorUserId).toBe(desk.operations.userId);
  });

  test('is proposed by those who may, with a second factor, and by nobody else', async () => {
    const rate = { base: 'USD', quote: 'EUR', rate: '0.9' };
    const [support, admin] = [await desk.newStaff('support'), await desk.newStaff('admin')];
    for (const person of [await newCustomer(), support, admin, desk.compliance]) {
      expect((await propose(person, rate)).status).toBe(403);
    }
    expect((await desk.request(await newCustomer(), 'GET', '/v1/fx-rates')).status).toBe(403);
  });

  test.each([
    [{ rate: '0' }, 'validation_failed', '/rate'],
    [{ rate: '-1' }, 'validation_failed', '/rate'],
    [{ rate: '1e2' }, 'validation_failed', '/rate'],
    [{ rate: '1.123456789' }, 'validation_failed', '/rate'],
    [{ rate: '10000001' }, 'validation_failed', '/rate'],
    [{ rate: '0.00000001' }, 'validation_failed', '/rate'],
    [{ spreadBps: 2001 }, 'validation_failed', '/spreadBps'],
    [{ spreadBps: -1 }, 'validation_failed', '/spreadBps'],
    [{ quote: 'USD' }, 'validation_failed', '/quote'],
    [{ source: 'Seed' }, 'validation_failed', '/source'],
    [{ quote: 'BTC' }, 'asset_not_convertible', '/quote'],
    [{ validUntil: 8 * 24 * HOUR_MS }, 'rate_window_invalid', '/validUntil'],
    [{ validUntil: -1 }, 'rate_window_invalid', '/validUntil'],
    [{ asOf: -25 * HOUR_MS }, 'rate_window_invalid', '/asOf'],
    [{ asOf: HOUR_MS }, 'rate_window_invalid', '/asOf'],
  ] as const)('of %j is refused with %s at %s', async (terms, code, pointer) => {
    const now = desk.deps.clock.now();
    const sent = Object.entries(terms).map(([name, value]) => [
      name,
      typeof value === 'number' && name !== 'spreadBps' ? addMs(now, value) : value,
    ]);
    const { status, body } = await propose(risk, {
      base: 'USD',
      quote: 'EUR',
      rate: '0.9',
      ...Object.fromEntries(sent),
    });
    expect([status, body.code, body.errors[0].pointer]).toEqual([422, code, pointer]);
  });

  test('that is over leaves its pair without one, though an older one would still count', async () => {
    const [customer, code] = [await newCustomer(), await coin()];
    const now = desk.deps.clock.now();
    await set({ base: 'USD', quote: code, rate: '2', validUntil: addMs(now, 3 * HOUR_MS) });
    await set({ base: code, quote: 'USD', rate: '0.25', validUntil: addMs(now, HOUR_MS) });
    expect((await quote(customer, 'USD', code)).body).toMatchObject({ midRate: '4' });
    desk.advance(2 * HOUR_MS);
    const { status, body } = await quote(customer, 'USD', code);
    expect([status, body.code]).toEqual([422, 'rate_stale']);
  });

  test('bounds how long or short the house may be by it, for conversions at once too; whoever brings it back may', async () => {
    const code = await coin();
    const terms = { base: code, quote: 'USD', rate: '2', spreadBps: 0 };
    expect((await set({ ...terms, positionMax: '100' })).body.status).toBe('executed');
    const [one, other] = [await newCustomer(), await newCustomer()];
    const convert = async (person: Person, from: string, to: string, amount: string) => {
      const { body } = await quote(person, from, to, amount);
      return desk.request(person, 'POST', '/v1/conversions', { body: { quoteId: body.id }, key: newId() });
    };
    for (const person of [one, other]) {
      await desk.fund(person, 'USD', '1000');
      await desk.fund(person, code, '1000');
    }
    // Each takes 60 of it from the house, which may be short of 100.
    const bought = await Promise.all([one, other].map((person) => convert(person, 'USD', code, '120')));
    expect(bought.map(({ status, body }) => `${status} ${body.code ?? 'done'}`).toSorted()).toEqual([
      '201 done',
      '409 fx_position_full',
    ]);
    expect((await convert(one, 'USD', code, '80')).status).toBe(201);
    expect((await convert(one, 'USD', code, '0.02')).body.code).toBe('fx_position_full');
    // From 100 short to 100 long, and no further.
    expect((await convert(one, code, 'USD', '200.01')).body.code).toBe('fx_position_full');
    expect((await convert(one, code, 'USD', '200')).status).toBe(201);
    expect((await convert(other, 'USD', code, '20')).status).toBe(201);
    // A narrower bound closes the way out, not the way back.
    desk.advance(1_000);
    expect((await set({ ...terms, positionMax: '10' })).body.status).toBe('executed');
    expect((await convert(other, code, 'USD', '1')).body.code).toBe('fx_position_full');
    // Nor past nothing to as much on the other side.
    expect((await convert(other, 'USD', code, '340')).body.code).toBe('fx_position_full');
    expect((await convert(other, 'USD', code, '20')).status).toBe(201);
    const [row] = await desk.deps.db.engine
      .select({ positionMax: fxRates.positionMax })
      .from(fxRates)
      .where(and(eq(fxRates.base, code), eq(fxRates.positionMax, parseAmount('10'))));
    expect(row).toBeDefined();
    const unbounded = await propose(desk.operations, { ...terms, positionMax: undefined });
    expect([unbounded.status, unbounded.body.errors?.[0]?.pointer]).toEqual([422, '/positionMax']);
  });

  test('that says no bound has the published one', async () => {
    const code = await coin();
    const validUntil = addMs(desk.deps.clock.now(), HOUR_MS);
    const rate = { base: code, quote: 'USD', rate: parseAmount('2'), spreadBps: 0, validUntil };
    await transact(desk.system, 'engine', (tx) => seedFxRates(tx, desk.system, [rate]));
    const person = await newCustomer();
    await desk.fund(person, code, '1000001');
    const convert = async (amount: string) => {
      const { body } = await quote(person, code, 'USD', amount);
      return desk.request(person, 'POST', '/v1/conversions', { body: { quoteId: body.id }, key: newId() });
    };
    expect((await convert('1000000.01')).body.code).toBe('fx_position_full');
    expect((await convert('1000000')).status).toBe(201);
  });

  test('that ends takes with it the quotes that were given on it', async () => {
    const [customer, code] = [await newCustomer(), await coin()];
    await desk.fund(customer, 'USD', '100');
    await set({ base: 'USD', quote: code, rate: '2', validUntil: addMs(desk.deps.clock.now(), 15_000) });
    const { body } = await quote(customer, 'USD', code);
    expect(body.expiresAt < addMs(body.createdAt, 15_001)).toBe(true);
    desk.advance(15_000);
    const late = await desk.request(customer, 'POST', '/v1/conversions', {
      body: { quoteId: body.id },
      key: newId(),
    });
    expect([late.status, late.body.code]).toEqual([422, 'rate_stale']);
  });

  test('changed after a quote does not change what was offered', async () => {
    const [customer, code] = [await newCustomer(), await coin()];
    await desk.fund(customer, 'USD', '100');
    await set({ base: 'USD', quote: code, rate: '2', spreadBps: 0 });
    const { body } = await quote(customer, 'USD', code);
    await set({ base: 'USD', quote: code, rate: '3', spreadBps: 0 });
    const done = await desk.request(customer, 'POST', '/v1/conversions', {
      body: { quoteId: body.id },
      key: newId(),
    });
    expect(done.body).toMatchObject({ toAmount: '200', rate: '2' });
  });

  test('that was read earlier than the one that counts is refused at the vote, as is one that is over', async () => {
    const code = await coin();
    const pair = { base: 'USD', quote: code };
    const early = await propose(risk, { ...pair, rate: '2' });
    desk.advance(1_000);
    expect((await set({ ...pair, rate: '2.1' })).status).toBe(200);
    const late = await vote(desk.operations, early.body.approval.id);
    expect([late.status, late.body.code]).toEqual([409, 'rate_superseded']);
    const short = await propose(risk, {
      ...pair,
      rate: '2.2',
      validUntil: addMs(desk.deps.clock.now(), 5_000),
    });
    expect(short.body.approval.payload).toMatchObject({ followsRate: '2.1000000000' });
    desk.advance(6_000);
    expect((await vote(desk.operations, short.body.approval.id)).body.code).toBe('rate_stale');
    const rates = await desk.request(risk, 'GET', `/v1/fx-rates?asset=${code}`);
    expect(rates.body.data).toMatchObject([{ rate: '2.1', inForce: true }]);
  });

  test('that would let anybody gain in a ring is refused at the vote', async () => {
    const [first, second] = [await coin(), await coin()];
    await set({ base: 'USD', quote: first, rate: '2', spreadBps: 10 });
    await set({ base: first, quote: second, rate: '3', spreadBps: 10 });
    const wrong = await set({ base: 'USD', quote: second, rate: '6.1', spreadBps: 10 });
    expect([wrong.status, wrong.body.code]).toEqual([409, 'rate_ring_gains']);
  });

  test('waits at the vote for another that is being set, and is then held against it', async () => {
    const [first, second] = [await coin(), await coin()];
    await set({ base: 'USD', quote: first, rate: '1', spreadBps: 0 });
    const { body } = await propose(risk, { base: first, quote: second, rate: '1', spreadBps: 0 });
    const validUntil = addMs(desk.deps.clock.now(), HOUR_MS);
    let voted: ReturnType<typeof vote> | undefined;
    await transact(desk.system, 'engine', async (tx) => {
      await lockExclusive(tx, ['fx_rate.set']);
      const rate = parseAmount('1.5');
      await seedFxRates(tx, desk.system, [{ base: second, quote: 'USD', rate, spreadBps: 0, validUntil }]);
      let settled = false;
      voted = vote(desk.operations, body.approval.id).finally(() => {
        settled = true;
      });
      await until(async () => settled || (await someoneWaits()));
    });
    expect((await voted)?.body.code).toBe('rate_ring_gains');
  });

  test('is stopped at once by one person, and with it what was offered on it', async () => {
    const [customer, code] = [await newCustomer(), await coin()];
    await desk.fund(customer, 'USD', '100');
    await set({ base: 'USD', quote: code, rate: '3' });
    desk.advance(1_000);
    await set({ base: 'USD', quote: code, rate: '300' });
    const { body: offered } = await quote(customer, 'USD', code);
    const path = `/v1/fx-rates/${offered.rateId}/withdraw`;
    const body = { reason: 'Two digits too many' };
    expect((await desk.request(customer, 'POST', path, { body })).status).toBe(403);
    const stopped = await desk.request(risk, 'POST', path, { body });
    expect([stopped.status, stopped.body.inForce]).toEqual([200, false]);
    expect((await desk.request(desk.operations, 'POST', path, { body })).body).toEqual(stopped.body);
    const late = await desk.request(customer, 'POST', '/v1/conversions', {
      body: { quoteId: offered.id },
      key: newId(),
    });
    expect(late.body.code).toBe('rate_stale');
    expect((await quote(customer, 'USD', code)).body.code).toBe('rate_stale');
    const { body: rates } = await desk.request(risk, 'GET', `/v1/fx-rates?asset=${code}`);
    expect(rates.data).toMatchObject([
      { rate: '300', inForce: false, withdrawnAt: stopped.body.withdrawnAt },
      { rate: '3', inForce: false, withdrawnAt: null },
    ]);
    desk.advance(1_000);
    await set({ base: 'USD', quote: code, rate: '3.1' });
    expect((await quote(customer, 'USD', code)).body.midRate).toBe('3.1');
    const unknown = await desk.request(risk, 'POST', `/v1/fx-rates/${newId()}/withdraw`, { body });
    expect(unknown.status).toBe(404);
  });

  test('is written by no login without its approval, and never changed', async () => {
    const { engine } = desk.deps.db;
    const now = desk.deps.clock.now();
    const row = { base: 'USD', quote: 'EUR', rate: '1', spreadBps: 0, asOf: now, createdAt: now };
    const validUntil = addMs(now, HOUR_MS);
    const planted = async (source: string, approvalId: string | null, pair = {}) =>
      engine
        .insert(fxRates)
        .values({ ...row, ...pair, id: newId(), validUntil, source, approvalId })
        .then(() => 'done', sqlStateOf);
    expect(await planted('Me', null)).toBe('23514');
    expect(await planted('Me', newId())).toBe('PL007');
    const code = await coin();
    const { body } = await set({ base: 'USD', quote: code, rate: '2' });
    expect(await planted('A page of rates', body.id)).toBe('PL007');
    expect(await planted('seed', null, { base: code, quote: 'USD' })).toBe('PL007');
    for (const change of [sql`update fx_rates set rate = 5`, sql`delete from fx_rates`]) {
      expect(await engine.execute(change).then(() => 'done', sqlStateOf)).toBe('42501');
    }
  });

  test('is seeded where a pair has none, and never changed by a seed', async () => {
    const code = await coin();
    const validUntil = addMs(desk.deps.clock.now(), RATE_LIFE_MAX_MS);
    const seed = (rate: string, pair: { base: string; quote: string }) =>
      transact(desk.system, 'engine', (tx) =>
        seedFxRates(tx, desk.system, [{ ...pair, rate: parseAmount(rate), spreadBps: 0, validUntil }]),
      );
    await seed('2', { base: 'USD', quote: code });
    await seed('3', { base: 'USD', quote: code });
    await seed('4', { base: code, quote: 'USD' });
    const rows = await desk.deps.db.engine.select().from(fxRates).where(eq(fxRates.quote, code));
    expect(rows.map(({ rate, source }) => [rate, source])).toEqual([['2.0000000000', 'seed']]);
  });
});

describe('the position', () => {
  test('shows what conversions left, valued in the middle, and what has no rate apart', async () => {
    const [customer, priced, unpriced] = [await newCustomer(), await coin(), await coin()];
    await desk.fund(customer, 'USD', '1000');
    const until = addMs(desk.deps.clock.now(), 2 * HOUR_MS);
    await set({ base: 'USD', quote: priced, rate: '4', spreadBps: 100, validUntil: until });
    await set({ base: 'USD', quote: unpriced, rate: '2', spreadBps: 0, validUntil: addMs(until, -HOUR_MS) });
    const positions = async (query = '') => {
      const { status, body } = await desk.request(risk, 'GET', `/v1/fx-positions${query}`);
      expect(status).toBe(200);
      const rows = body.positions as { asset: string; position: string }[];
      return { ...body, of: (asset: string) => rows.find((row) => row.asset === asset) };
    };
    const before = await positions();
    for (const code of [priced, unpriced]) {
      const { body } = await quote(customer, 'USD', code, '100');
      const key = newId();
      await desk.request(customer, 'POST', '/v1/conversions', { body: { quoteId: body.id }, key });
    }
    const after = await positions();
    const moved = parseAmount(after.of('USD').position) - parseAmount(before.of('USD')?.position ?? '0');
    expect(moved).toBe(parseAmount('200'));
    expect(after.of(priced)).toMatchObject({ position: '-396', priced: true, midRate: '0.25', value: '-99' });
    // What the spread left: a hundred taken, ninety-nine worth given.
    expect(parseAmount(after.totalValue) - parseAmount(before.totalValue)).toBe(parseAmount('1'));
    desk.advance(HOUR_MS);
    const later = await positions();
    expect(later.of(unpriced)).toEqual({
      asset: unpriced,
      position: '-200',
      priced: false,
      midRate: null,
      rateAt: null,
      value: null,
    });
    expect(later.unpriced).toContain(unpriced);
    const other = await positions(`?baseAsset=${priced}`);
    expect([other.baseAsset, other.of(priced)]).toEqual([
      priced,
      expect.objectContaining({ value: '-396', midRate: '1' }),
    ]);
    expect((await positions('?book=paper')).positions).toEqual([]);
  });

  test('is for staff, in a currency', async () => {
    expect((await desk.request(await newCustomer(), 'GET', '/v1/fx-positions')).status).toBe(403);
    const coins = await desk.request(risk, 'GET', '/v1/fx-positions?baseAsset=BTC');
    expect([coins.status, coins.body.code]).toEqual([422, 'asset_not_convertible']);
  });
});
