import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, eq, type SQL, sql } from 'drizzle-orm';
import { PgDialect } from 'drizzle-orm/pg-core';
import postgres from 'postgres';
import { formatAmount, parseAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { newId } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { sqlStateOf } from '../../../platform/db/errors.ts';
import { auditLogs, outbox } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import { legalHolds } from '../../../platform/privacy/schema.ts';
import { type FundingDesk, type Person, startFundingDesk } from '../../../testing/funding-desk.ts';
import { writeUnguarded } from '../../../testing/unguarded.ts';
import { createAccount } from '../../accounts/index.ts';
import { fundingDomain } from '../../funding/index.ts';
import { createAsset } from '../create-asset.ts';
import { createHold, releaseHold } from '../holds.ts';
import { postJournals } from '../post-journals.ts';
import { journals, ledgerEntries, wallets } from '../schema.ts';
import { customerWallet, houseWallet } from '../wallets.ts';
import { conversionChecks } from './checks.ts';
import { purgeQuotes } from './purge-quotes.ts';
import { seedFxRates } from './seed-fx-rates.ts';
import { MAX_OPEN_QUOTES, QUOTE_LIFE_MS } from './settings.ts';

let desk: FundingDesk;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
  for (const [code, scale] of [
    ['MUR', 2],
    ['JPY', 0],
    ['KWD', 3],
  ] as const) {
    await createAsset(desk.system, { code, name: code, kind: 'fiat', scale });
  }
  const validUntil = addMs(desk.deps.clock.now(), 3650 * 86_400_000);
  await transact(desk.system, 'engine', (tx) =>
    seedFxRates(tx, desk.system, [
      { base: 'EUR', quote: 'USD', rate: parseAmount('1.1'), spreadBps: 50, validUntil },
      { base: 'USD', quote: 'MUR', rate: parseAmount('46.05'), spreadBps: 50, validUntil },
      { base: 'USD', quote: 'JPY', rate: parseAmount('149.37'), spreadBps: 0, validUntil },
    ]),
  );
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

async function rich(usd = '1000'): Promise<Person> {
  const customer = await newCustomer();
  await desk.fund(customer, 'USD', usd);
  return customer;
}

type Wish = Readonly<Record<string, string>>;

function quote(person: Person, wish: Wish, accountId = person.accountId) {
  const body = { accountId, fromAsset: 'USD', toAsset: 'MUR', ...wish };
  return desk.request(person, 'POST', '/v1/conversions/quotes', { body });
}

function execute(person: Person, quoteId: string, key: string = newId()) {
  return desk.request(person, 'POST', '/v1/conversions', { body: { quoteId }, key });
}

async function convert(person: Person, wish: Wish) {
  return execute(person, (await quote(person, wish)).body.id);
}

async function totals(person: Person): Promise<Record<string, string>> {
  const answer = await desk.request(person, 'GET', `/v1/accounts/${person.accountId}/wallets`);
  const rows = answer.body.data as { asset: string; total: string }[];
  return Object.fromEntries(rows.map(({ asset, total }) => [asset, total]));
}

async function walletOf(person: Person, asset: string) {
  const answer = await desk.request(person, 'GET', `/v1/accounts/${person.accountId}/wallets`);
  const rows = answer.body.data as Record<string, string>[];
  const { total, reserved, available, unsettled, withdrawable } =
    rows.find((row) => row.asset === asset) ?? {};
  return { total, reserved, available, unsettled, withdrawable };
}

async function position(asset: string): Promise<bigint> {
  const [row] = await desk.deps.db.engine
    .select()
    .from(wallets)
    .where(and(eq(wallets.houseRole, 'fx_position'), eq(wallets.asset, asset), eq(wallets.book, 'live')));
  return row?.total ?? 0n;
}

/** A deposit that can be called back for three days. */
async function fundByCard(person: Person, amount: string): Promise<void> {
  const { accountId } = person;
  const body = { accountId, asset: 'USD', amount, method: 'card' };
  const deposit = await desk.request(person, 'POST', '/v1/deposits', { body, key: newId() });
  const asked = await desk.request(desk.operations, 'POST', `/v1/deposits/${deposit.body.id}/clear`, {
    body: { reason: 'Seen' },
  });
  const vote = `/v1/approvals/${asked.body.approval.id}/approve`;
  const { status, body: voted } = await desk.request(desk.operations2, 'POST', vote, {
    body: { reason: 'Seen' },
  });
  expect([status, voted.status]).toEqual([200, 'executed']);
}

describe('a quote', () => {
  test('names both amounts, the rate with its source and time, the spread, the rounding and its end', async () => {
    const customer = await newCustomer();
    const sold = await quote(customer, { fromAmount: '100' });
    expect([sold.status, sold.body]).toEqual([201, sold.body]);
    expect(sold.body).toMatchObject({
      accountId: customer.accountId,
      fromAsset: 'USD',
      toAsset: 'MUR',
      fromAmount: '100',
      toAmount: '4581.97',
      rate: '45.81975',
      midRate: '46.05',
      spreadBps: 50,
      rateSource: 'seed',
      rounding: 'to_amount_down',
    });
    expect(addMs(sold.body.createdAt, QUOTE_LIFE_MS)).toBe(sold.body.expiresAt);
    const bought = await quote(customer, { fromAsset: 'MUR', toAsset: 'USD', toAmount: '100' });
    expect(bought.body).toMatchObject({
      fromAmount: '4628.15',
      toAmount: '100',
      midRate: '0.02171552',
      rounding: 'from_amount_up',
    });
    const yen = await quote(customer, { toAsset: 'JPY', fromAmount: '1.01' });
    expect(yen.body).toMatchObject({ toAmount: '150', rate: '149.37' });
  });

  test('reserves nothing, is audited, and is no conversion yet', async () => {
    const customer = await rich();
    const { body } = await quote(customer, { fromAmount: '900' });
    expect(await walletOf(customer, 'USD')).toMatchObject({ reserved: '0', available: '1000' });
    const [row] = await desk.deps.db.engine
      .select()
      .from(auditLogs)
      .where(and(eq(auditLogs.eventType, 'conversion.quoted'), eq(auditLogs.resourceId, body.id)));
    expect(row).toMatchObject({ subjectUserId: customer.userId, outcome: 'success' });
    const found = await desk.request(customer, 'GET', `/v1/conversions/${body.id}`);
    expect([found.status, found.body.code]).toEqual([404, 'not_found']);
  });

  test.each([
    [{ fromAmount: '1.123456789' }, 'validation_failed', '/fromAmount'],
    [{ fromAmount: '0' }, 'validation_failed', '/fromAmount'],
    [{ toAmount: '-5' }, 'validation_failed', '/toAmount'],
    [{ toAmount: '1e3' }, 'validation_failed', '/toAmount'],
    [{ fromAmount: '1000000000000' }, 'validation_failed', '/fromAmount'],
    [{ fromAmount: '1.005' }, 'amount_too_precise', '/fromAmount'],
    [{ toAsset: 'JPY', toAmount: '1.5' }, 'amount_too_precise', '/toAmount'],
    [{ fromAmount: '999999999999' }, 'conversion_too_large', '/fromAmount'],
    [{ fromAsset: 'MUR', toAsset: 'USD', fromAmount: '0.01' }, 'conversion_too_small', '/fromAmount'],
    [{}, 'validation_failed', '/fromAmount'],
    [{ fromAmount: '1', toAmount: '1' }, 'validation_failed', '/fromAmount'],
    [{ toAsset: 'USD', fromAmount: '1' }, 'validation_failed', '/toAsset'],
    [{ toAsset: 'BTC', fromAmount: '1' }, 'asset_not_convertible', '/toAsset'],
    [{ fromAsset: 'AAPL', fromAmount: '1' }, 'asset_not_convertible', '/fromAsset'],
  ])('for %j is refused with %s at %s', async (wish, code, pointer) => {
    const customer = await newCustomer();
    const { status, body } = await quote(customer, wish as unknown as Wish);
    expect([status, body.code, body.errors[0].pointer]).toEqual([422, code, pointer]);
  });

  test('without a rate, or after its end, there is none', async () => {
    const customer = await newCustomer();
    const missing = await quote(customer, { toAsset: 'KWD', fromAmount: '10' });
    expect([missing.status, missing.body.code]).toEqual([422, 'rate_missing']);
    // EUR and MUR both have a rate to the dollar: none is made from the two.
    const across = await quote(customer, { fromAsset: 'EUR', fromAmount: '10' });
    expect(across.body.code).toBe('rate_missing');
    expect((await quote(customer, { toAsset: 'XYZ', fromAmount: '10' })).body.code).toBe('unknown_asset');
  });

  test('of another account is one of nobody', async () => {
    const [customer, other] = [await rich(), await rich()];
    const foreign = await quote(other, { fromAmount: '10' }, customer.accountId);
    expect([foreign.status, foreign.body.code]).toEqual([404, 'not_found']);
  });

  test('is given to few at once per account, in a burst too, and again once others are over', async () => {
    const customer = await rich();
    const burst = await Promise.all(
      Array.from({ length: MAX_OPEN_QUOTES + 6 }, () => quote(customer, { fromAmount: '1' })),
    );
    const given = burst.filter(({ status }) => status === 201);
    expect(given).toHaveLength(MAX_OPEN_QUOTES);
    expect(burst.filter(({ body }) => body.code === 'quote_limit_reached')).toHaveLength(6);
    expect((await execute(customer, given[0]?.body.id)).status).toBe(201);
    expect((await quote(customer, { fromAmount: '1' })).status).toBe(201);
    expect((await quote(customer, { fromAmount: '1' })).status).toBe(422);
    desk.advance(QUOTE_LIFE_MS);
    expect((await quote(customer, { fromAmount: '1' })).status).toBe(201);
  });
});

describe('a conversion', () => {
  test('is one journal of four legs, against the position of the house, with its rate', async () => {
    const customer = await rich();
    const before = { USD: await position('USD'), MUR: await position('MUR') };
    const offered = await quote(customer, { fromAmount: '100' });
    const { status, body } = await execute(customer, offered.body.id);
    expect([status, body.id]).toEqual([201, offered.body.id]);
    expect(await totals(customer)).toEqual({ USD: '900', MUR: '4581.97' });
    const [journal] = await desk.deps.db.engine
      .select()
      .from(journals)
      .where(eq(journals.id, body.journalId));
    expect(journal).toMatchObject({
      kind: 'conversion',
      referenceType: 'conversion',
      referenceId: body.id,
      rate: '45.8197500000',
      rateSource: 'seed',
      rateAt: body.rateAt,
    });
    const legs = await desk.deps.db.engine
      .select()
      .from(ledgerEntries)
      .where(eq(ledgerEntries.journalId, body.journalId));
    const sums = Object.fromEntries(
      ['USD', 'MUR'].map((asset) => [
        asset,
        legs
          .filter((leg) => leg.asset === asset)
          .map((leg) => formatAmount(leg.amount))
          .toSorted(),
      ]),
    );
    expect(sums).toEqual({ USD: ['-100', '100'], MUR: ['-4581.97', '4581.97'] });
    expect([(await position('USD')) - before.USD, (await position('MUR')) - before.MUR]).toEqual([
      parseAmount('100'),
      parseAmount('-4581.97'),
    ]);
  });

  test('is audited, told to its customer, listed and read by them and by staff', async () => {
    const customer = await rich();
    const { body } = await convert(customer, { fromAmount: '100' });
    const [row] = await desk.deps.db.engine
      .select()
      .from(auditLogs)
      .where(and(eq(auditLogs.eventType, 'conversion.executed'), eq(auditLogs.resourceId, body.id)));
    expect(row?.subjectUserId).toBe(customer.userId);
    const told = await desk.deps.db.engine.select().from(outbox).where(eq(outbox.userId, customer.userId));
    expect(told.find(({ type }) => type === 'ledger.conversion_executed')).toMatchObject({
      accountId: customer.accountId,
      customerVisible: true,
      data: { conversionId: body.id, fromAmount: '100', toAmount: '4581.97' },
    });
    const own = await desk.request(customer, 'GET', '/v1/conversions');
    expect(own.body.data.map((one: { id: string }) => one.id)).toEqual([body.id]);
    const auditor = await desk.newStaff('auditor');
    const query = `?userId=${customer.userId}&accountId=${customer.accountId}`;
    const seen = await desk.request(auditor, 'GET', `/v1/conversions${query}`);
    expect(seen.body).toEqual(own.body);
    const within = async (period: string) =>
      (await desk.request(customer, 'GET', `/v1/conversions?${period}`)).body.data;
    expect(await within(`from=${body.executedAt}`)).toEqual(own.body.data);
    expect(await within(`to=${body.executedAt}`)).toEqual([]);
    const backwards = `/v1/conversions?from=${body.executedAt}&to=${body.executedAt}`;
    expect((await desk.request(customer, 'GET', backwards)).body.code).toBe('validation_failed');
    expect((await desk.request(auditor, 'GET', `/v1/conversions/${body.id}`)).body).toEqual(own.body.data[0]);
    const journal = await desk.request(auditor, 'GET', `/v1/journals/${body.journalId}`);
    expect(journal.body).toMatchObject({ kind: 'conversion', rate: '45.81975', rateSource: 'seed' });
  });

  test('happens once, however often and with whatever keys it is asked for at once', async () => {
    const customer = await rich();
    const { body: offered } = await quote(customer, { fromAmount: '100' });
    const key = newId();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => execute(customer, offered.id, index < 12 ? newId() : key)),
    );
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 201]));
    expect(
      answers.filter((one) => one.status === 201 && !one.headers.has('idempotent-replayed')),
    ).toHaveLength(1);
    expect(await totals(customer)).toEqual({ USD: '900', MUR: '4581.97' });
    const later = await execute(customer, offered.id);
    expect([later.status, later.body]).toEqual([200, answers[0]?.body]);
  });

  test('of two quotes at once takes no more than there is', async () => {
    const customer = await rich('100');
    const offers = await Promise.all([1, 2, 3, 4].map(() => quote(customer, { fromAmount: '60' })));
    const answers = await Promise.all(offers.map(({ body }) => execute(customer, body.id)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.find(({ status }) => status === 422)?.body.code).toBe('insufficient_funds');
    expect(await walletOf(customer, 'USD')).toMatchObject({ total: '40' });
  });

  test('of a quote of somebody else is of none', async () => {
    const [customer, other] = [await rich(), await rich()];
    const { body } = await quote(customer, { fromAmount: '10' });
    const stolen = await execute(other, body.id);
    expect([stolen.status, stolen.body.code]).toEqual([404, 'not_found']);
    await execute(customer, body.id);
    expect((await execute(other, body.id)).status).toBe(404);
    expect((await desk.request(other, 'GET', `/v1/conversions/${body.id}`)).status).toBe(404);
    expect(
      (await desk.request(other, 'GET', `/v1/conversions?accountId=${customer.accountId}`)).body.data,
    ).toEqual([]);
    expect((await execute(other, newId())).status).toBe(404);
  });

  test('waits for no quote that is over', async () => {
    const customer = await rich();
    const { body } = await quote(customer, { fromAmount: '10' });
    desk.advance(QUOTE_LIFE_MS);
    const late = await execute(customer, body.id);
    expect([late.status, late.body.code]).toEqual([409, 'quote_expired']);
    expect(await totals(customer)).toEqual({ USD: '1000' });
  });

  test('needs money that is there, not on hold, and keeps nothing of an attempt', async () => {
    const customer = await rich('100');
    const poor = await convert(customer, { fromAmount: '100.01' });
    expect([poor.status, poor.body.code]).toEqual([422, 'insufficient_funds']);
    const { hold } = await holdOn(customer, 'USD', '60');
    const { body: offered } = await quote(customer, { fromAmount: '60' });
    expect((await execute(customer, offered.id)).body.code).toBe('insufficient_funds');
    await transact(desk.system, 'engine', (tx) => releaseHold(tx, desk.system, hold.id));
    expect((await execute(customer, offered.id)).status).toBe(201);
    expect(await walletOf(customer, 'USD')).toMatchObject({ total: '40', reserved: '0' });
  });

  test('is not held up by a hold whose end came and that no job has released', async () => {
    const customer = await rich('100');
    await holdOn(customer, 'USD', '60', { endsInMs: 10_000 });
    const { body: offered } = await quote(customer, { fromAmount: '60' });
    expect((await execute(customer, offered.id)).body.code).toBe('insufficient_funds');
    desk.advance(11_000);
    expect((await execute(customer, offered.id)).status).toBe(201);
  });

  test('that its account or its gate forbids is refused, also after the quote', async () => {
    for (const [change, code] of [
      [{ restriction: 'frozen' }, 'account_restricted'],
      [{ restriction: 'reduce_only' }, 'account_restricted'],
      [{ screening: 'open' }, 'under_review'],
      [{ kycStatus: 'pending' }, 'kyc_not_approved'],
      [{ agreementsCurrent: false }, 'agreements_outdated'],
    ] as const) {
      const customer = await rich();
      const { body } = await quote(customer, { fromAmount: '10' });
      await desk.changeGate(customer, change);
      expect((await execute(customer, body.id)).body.code).toBe(code);
      expect((await quote(customer, { fromAmount: '10' })).body.code).toBe(code);
      expect(await totals(customer)).toEqual({ USD: '1000' });
    }
    const customer = await rich();
    const { body } = await quote(customer, { fromAmount: '10' });
    const path = `/v1/accounts/${customer.accountId}/freeze`;
    const frozen = await desk.request(desk.compliance, 'POST', path, { body: { reason: 'Looked at it' } });
    expect(frozen.status).toBe(200);
    const late = await execute(customer, body.id);
    expect([late.status, late.body.code]).toEqual([409, 'account_not_active']);
  });

  test('of paper money obeys no gate and stays in its book', async () => {
    const stranger = await desk.newCustomer({});
    const paper = await createAccount(stranger.ctx(), { type: 'paper', baseCurrency: 'USD' });
    await onPaper(stranger, paper.id, '500');
    const live = await position('USD');
    const { body } = await quote(stranger, { fromAmount: '100' }, paper.id);
    expect((await execute(stranger, body.id)).status).toBe(201);
    expect(await position('USD')).toBe(live);
    const [journal] = await desk.deps.db.engine
      .select()
      .from(journals)
      .where(eq(journals.referenceId, body.id));
    expect(journal?.book).toBe('paper');
    expect((await quote(stranger, { fromAmount: '10' })).body.code).toBe('kyc_not_approved');
  });

  test('touches no wallet that is suspended', async () => {
    const customer = await rich();
    const { body } = await quote(customer, { fromAmount: '10' });
    const walletId = await walletNamed(customer, 'MUR');
    await desk.deps.db.engine.update(wallets).set({ status: 'suspended' }).where(eq(wallets.id, walletId));
    expect((await execute(customer, body.id)).body.code).toBe('wallet_not_active');
    expect(await totals(customer)).toEqual({ USD: '1000', MUR: '0' });
    await desk.deps.db.engine.update(wallets).set({ status: 'active' }).where(eq(wallets.id, walletId));
    expect((await execute(customer, body.id)).status).toBe(201);
  });

  test('stays for good; what nobody took goes after its time, unless a hold keeps it', async () => {
    const [customer, held] = [await rich(), await newCustomer()];
    const wish = { fromAmount: '1' };
    const taken = (await quote(customer, wish)).body.id;
    expect((await execute(customer, taken)).status).toBe(201);
    const untaken = [(await quote(customer, wish)).body.id, (await quote(held, wish)).body.id];
    await desk.deps.db.engine.insert(legalHolds).values({
      id: newId(),
      scope: 'user',
      userId: held.userId,
      reference: new Uint8Array(40) as never,
      reason: new Uint8Array(40) as never,
      placedBy: newId(),
      placedAt: desk.deps.clock.realNow(),
    });
    const left = async () => {
      const ids = sql.param([taken, ...untaken]);
      const rows = await desk.deps.db.engine.execute<{ id: string }>(
        sql`select id from conversion_quotes where id = any (${ids}::uuid[])`,
      );
      return new Set(rows.map(({ id }) => id));
    };
    const ended = (days: number) =>
      writeUnguarded(desk.database, 'conversion_quotes', (tx) =>
        tx.execute(sql`update conversion_quotes set expires_at = now() - make_interval(days => ${days}),
          executed_at = case when executed_at is null then null else expires_at - interval '1 year' end
          where id = any (${sql.param([taken, ...untaken])}::uuid[])`),
      );
    await ended(89);
    await purgeQuotes(desk.system);
    expect(await left()).toEqual(new Set([taken, ...untaken]));
    await ended(91);
    await purgeQuotes(desk.system);
    expect(await left()).toEqual(new Set([taken, untaken[1]]));
    // Not even the login that purges removes a conversion.
    const removed = desk.deps.db.engine.execute(sql`delete from conversion_quotes where id = ${taken}`);
    expect(await removed.then(() => 'removed', sqlStateOf)).toBe('PL004');
  });

  test('cannot be changed or done again, by no login of the server', async () => {
    const customer = await rich();
    const { body } = await convert(customer, { fromAmount: '100' });
    const { body: open } = await quote(customer, { fromAmount: '100' });
    const { engine } = desk.deps.db;
    const state = (change: Promise<unknown>) => change.then(() => 'done', sqlStateOf);
    expect(
      await state(engine.execute(sql`update conversion_quotes set to_amount = 1 where id = ${open.id}`)),
    ).toBe('42501');
    expect(await state(engine.execute(sql`delete from conversion_quotes where id = ${open.id}`))).toBe(
      'PL004',
    );
    const again = sql`update conversion_quotes set executed_at = now(), journal_id = ${newId()} where id = ${body.id}`;
    expect(await state(engine.execute(again))).toBe('PL007');
  });
});

describe('unsettled money', () => {
  test('is shown apart, cannot be converted, and can once it is settled', async () => {
    const customer = await rich('100');
    await fundByCard(customer, '40');
    expect(await walletOf(customer, 'USD')).toEqual({
      total: '140',
      reserved: '0',
      available: '140',
      unsettled: '40',
      withdrawable: '100',
    });
    const { body: offered } = await quote(customer, { fromAmount: '100.01' });
    expect((await execute(customer, offered.id)).body.code).toBe('insufficient_funds');
    expect((await convert(customer, { fromAmount: '100' })).status).toBe(201);
    expect(await walletOf(customer, 'USD')).toMatchObject({ unsettled: '40', withdrawable: '0' });
    expect(await walletOf(customer, 'MUR')).toMatchObject({ unsettled: '0', withdrawable: '4581.97' });
    desk.advance(8 * 86_400_000);
    const job = fundingDomain.jobs.find(({ name }) => name === 'funding.settle-deposits');
    await present(job, 'a job settles deposits').run(desk.system);
    expect(await walletOf(customer, 'USD')).toMatchObject({ unsettled: '0', withdrawable: '40' });
    expect((await convert(customer, { fromAmount: '40' })).status).toBe(201);
  });

  test('shown is never more than what is available, whatever is reserved or spent of it', async () => {
    const customer = await newCustomer();
    await fundByCard(customer, '100');
    // What an order reserves, and a fill spends: settled money first, so nothing becomes withdrawable by it.
    const { hold, walletId } = await holdOn(customer, 'USD', '70', { reason: 'margin' });
    expect(await walletOf(customer, 'USD')).toEqual({
      total: '100',
      reserved: '70',
      available: '30',
      unsettled: '30',
      withdrawable: '0',
    });
    await transact(desk.system, 'engine', async (tx) => {
      await releaseHold(tx, desk.system, hold.id);
      const bank = { role: 'client_money_bank', reference: 'main', book: 'live', asset: 'USD' } as const;
      const house = await houseWallet(tx, desk.system, bank);
      await postJournals(tx, desk.system, [
        {
          book: 'live',
          kind: 'adjustment',
          referenceType: 'test',
          referenceId: newId(),
          description: 'Spent',
          entries: [
            { walletId, amount: parseAmount('-70') },
            { walletId: house.id, amount: parseAmount('70') },
          ].map(({ walletId: id, amount }) => ({ walletId: id, amount: amount })),
        },
      ]);
    });
    expect(await walletOf(customer, 'USD')).toEqual({
      total: '30',
      reserved: '0',
      available: '30',
      unsettled: '30',
      withdrawable: '0',
    });
    const [stored] = await desk.deps.db.engine.select().from(wallets).where(eq(wallets.id, walletId));
    expect(stored?.unsettled).toBe(parseAmount('100'));
    const seen = await desk.request(desk.operations, 'GET', `/v1/accounts/${customer.accountId}/wallets`);
    expect(seen.body.data[0]).toMatchObject({ unsettled: '30', withdrawable: '0' });
    const detail = await desk.request(desk.operations, 'GET', `/v1/wallets/${walletId}`);
    expect(detail.body).toMatchObject({ unsettled: '30', withdrawable: '0' });
    expect((await convert(customer, { fromAmount: '0.01', toAsset: 'JPY' })).body.code).toBe(
      'insufficient_funds',
    );
  });
});

describe('the book', () => {
  test('holds nothing more in any currency after many conversions at once, and nobody has gained', async () => {
    const customers = await Promise.all([1, 2, 3].map(() => rich('300')));
    const held = async () => {
      const rows = await desk.deps.db.engine
        .select({ asset: wallets.asset, total: wallets.total })
        .from(wallets)
        .where(eq(wallets.book, 'live'));
      return Map.groupBy(rows, (row) => row.asset);
    };
    const steps = customers.flatMap((customer, index) =>
      Array.from({ length: 8 }, (_, turn) => ({ customer, place: index * 8 + turn })),
    );
    await Promise.all(
      steps.map(async ({ customer, place }) => {
        const there = place % 3 === 0 ? 'EUR' : place % 3 === 1 ? 'MUR' : 'JPY';
        const out = await convert(customer, { toAsset: there, fromAmount: '7.77' });
        expect(out.status).toBe(201);
        const back = { fromAsset: there, toAsset: 'USD', fromAmount: out.body.toAmount };
        expect((await convert(customer, back)).status).toBe(201);
      }),
    );
    for (const customer of customers) {
      const { USD = '0', ...others } = await totals(customer);
      expect(parseAmount(USD) < parseAmount('300')).toBe(true);
      expect(Object.values(others)).toEqual(Object.values(others).map(() => '0'));
    }
    for (const [asset, rows] of await held()) {
      expect([asset, rows.reduce((sum, row) => sum + row.total, 0n)]).toEqual([asset, 0n]);
    }
  });

  test('shows a conversion that is not what was quoted, and one that nobody quoted', async () => {
    const customer = await rich();
    const { body } = await convert(customer, { fromAmount: '100' });
    const at = `where id = '${body.id}'`;
    const [journals, rates] = ['ledger.conversions_match_journals', 'ledger.conversions_follow_rates'];
    expect(await foundAfter(`update conversion_quotes set to_amount = to_amount + 1 ${at}`)).toEqual([
      journals,
      rates,
    ]);
    expect(await foundAfter(`update conversion_quotes set to_amount = to_amount - 0.01 ${at}`)).toEqual([
      journals,
      rates,
    ]);
    expect(await foundAfter(`update conversion_quotes set rate = rate - 1 ${at}`)).toEqual([journals]);
    expect(
      await foundAfter(`update conversion_quotes set journal_id = null, executed_at = null ${at}`),
    ).toEqual([journals]);
    expect(
      await foundAfter(`update ledger_entries set amount = amount + 0.01 where wallet_version = 1
      and journal_id = '${body.journalId}' and asset = 'MUR' and amount > 0`),
    ).toEqual([journals]);
    expect(
      await foundAfter(`delete from ledger_entries where journal_id = '${body.journalId}'
      and asset = 'MUR' and amount > 0`),
    ).toEqual([journals]);
    expect(
      await foundAfter(
        `update fx_rates set source = 'nobody', approval_id = '${newId()}' where base = 'EUR'`,
      ),
    ).toContain('ledger.rates_were_approved');
  });

  test('counts what it looked at', async () => {
    await quote(await newCustomer(), { fromAmount: '1' });
    const report = await desk.reconcile();
    const ours = report.checks.filter(({ name }) => /conversion|rates_were/.test(name));
    expect(ours.map(({ seen }) => seen > 0)).toEqual([true, true, true]);
  });
});

async function walletNamed(person: Person, asset: string) {
  const owner = { userId: person.userId, accountId: person.accountId, book: 'live' } as const;
  const wallet = await transact(desk.system, 'engine', (tx) => customerWallet(tx, desk.system, owner, asset));
  return wallet.id;
}

type HeldHow = { readonly reason?: 'other' | 'margin'; readonly endsInMs?: number };

async function holdOn(person: Person, asset: string, amount: string, how: HeldHow = {}) {
  const { reason = 'other', endsInMs } = how;
  const walletId = await walletNamed(person, asset);
  return transact(desk.system, 'engine', async (tx) => {
    const hold = await createHold(tx, desk.system, {
      walletId,
      amount: parseAmount(amount),
      reason,
      referenceType: 'test',
      referenceId: newId(),
      ...(endsInMs === undefined ? {} : { expiresAt: addMs(desk.deps.clock.now(), endsInMs) }),
    });
    return { hold, walletId };
  });
}

async function onPaper(person: Person, accountId: string, amount: string): Promise<void> {
  await transact(desk.system, 'engine', async (tx) => {
    const owner = { userId: person.userId, accountId, book: 'paper' } as const;
    const own = await customerWallet(tx, desk.system, owner, 'USD');
    const source = { role: 'clearing', reference: 'paper', book: 'paper', asset: 'USD' } as const;
    const house = await houseWallet(tx, desk.system, source);
    const entries = [
      { walletId: own.id, amount: parseAmount(amount) },
      { walletId: house.id, amount: parseAmount(`-${amount}`) },
    ];
    const reference = { referenceType: 'test', referenceId: newId() };
    await postJournals(tx, desk.system, [
      { book: 'paper', kind: 'deposit', ...reference, description: 'Paper money', entries },
    ]);
  });
}

class RollBack extends Error {}

/** The checks that see a change which no login of the server could make; it is undone. */
async function foundAfter(plant: string): Promise<readonly string[]> {
  const owner = postgres({ ...desk.database.owner, max: 1, onnotice: () => {} });
  const found: string[] = [];
  try {
    await owner.begin(async (tx) => {
      for (const table of [
        'conversion_quotes',
        'fx_rates',
        'journals',
        'ledger_entries',
        'wallets',
        'accounts',
      ]) {
        await tx.unsafe(`alter table ${table} no force row level security`);
        await tx.unsafe(`alter table ${table} disable trigger user`);
      }
      await tx.unsafe('alter table approvals no force row level security');
      expect((await tx.unsafe(plant)).count).toBe(1);
      const dialect = new PgDialect();
      const execute = (query: SQL) => {
        const { sql: text, params } = dialect.sqlToQuery(query);
        return tx.unsafe(text, params as never[]);
      };
      for (const check of conversionChecks) {
        const { breaks } = await check.run({ execute } as unknown as Tx);
        found.push(...(breaks.length === 0 ? [] : [check.name]));
      }
      throw new RollBack();
    });
  } catch (error) {
    if (!(error instanceof RollBack)) {
      throw error;
    }
  } finally {
    await owner.end();
  }
  return found;
}
