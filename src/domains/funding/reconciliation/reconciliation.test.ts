import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, eq, type SQL, sql } from 'drizzle-orm';
import fc from 'fast-check';
import { amountOf, formatAmount, parseAmount } from '../../../kernel/amount.ts';
import { endOfDay } from '../../../kernel/business-date.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { sqlStateOf } from '../../../platform/db/errors.ts';
import { auditLogs } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import { bankBeneficiary, type Person } from '../../../testing/funding-desk.ts';
import { customerWallet, lockWallets, postJournals } from '../../ledger/index.ts';
import { inboundEvents } from '../evidence/schema.ts';
import { deposits, withdrawals } from '../schema.ts';
import { SAMPLE_IBAN } from '../testing/camt-sample.ts';
import { unallocatedReceipts } from '../work/schema.ts';
import { readPositions } from './client-money.ts';
import { type ReconciliationDesk, startReconciliationDesk } from './testing/reconciliation-desk.ts';

const DAY_MS = 86_400_000;

let desk: ReconciliationDesk;

beforeAll(async () => {
  desk = await startReconciliationDesk(import.meta.file);
});
afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

const alarmsOf = (breakId: string) =>
  desk.deps.db.engine
    .select()
    .from(auditLogs)
    .where(and(eq(auditLogs.resourceId, breakId), eq(auditLogs.eventType, 'reconciliation_break.opened')));

/** Moves money between two customers, as a payment would. */
async function pay(from: Person, to: Person, asset: string, amount: string): Promise<void> {
  await transact(desk.system, 'engine', async (tx) => {
    const owner = (person: Person) => ({
      userId: person.userId,
      accountId: person.accountId,
      book: 'live' as const,
    });
    const source = await customerWallet(tx, desk.system, owner(from), asset);
    const target = await customerWallet(tx, desk.system, owner(to), asset);
    await lockWallets(tx, [source.id, target.id]);
    await postJournals(tx, desk.system, [
      {
        book: 'live',
        kind: 'transfer',
        referenceType: 'test',
        referenceId: newId(),
        description: 'A payment',
        entries: [
          { walletId: source.id, amount: amountOf(-parseAmount(amount)) },
          { walletId: target.id, amount: parseAmount(amount) },
        ],
      },
    ]);
  });
}

async function chargeBack(person: Person): Promise<void> {
  const [deposit] = await desk.deps.db.engine
    .select()
    .from(deposits)
    .where(eq(deposits.userId, person.userId));
  const path = `/v1/deposits/${deposit?.id}/charge-back`;
  const { body } = await desk.request(desk.operations, 'POST', path, {
    body: { reason: 'The card was stolen' },
  });
  const vote = await desk.vote(body.approval.id);
  expect([vote.status, vote.body]).toEqual([200, vote.body]);
}

describe('the bank', () => {
  test('a closing balance the books do not have is a break, and its alarm is raised once', async () => {
    const bank = await desk.newBank();
    await desk.statement(bank, { opening: '100', day: desk.today() });
    const first = await desk.run();
    expect(desk.breakIn(first, 'bank_difference', bank.object)).toMatchObject({
      amount: '100',
      currency: 'USD',
      severity: 'critical',
      status: 'open',
      ageDays: 0,
    });
    const again = await desk.run();
    const found = desk.breakIn(again, 'bank_difference', bank.object);
    expect(found?.id).toBe(desk.breakIn(first, 'bank_difference', bank.object)?.id);
    expect((await alarmsOf(found?.id)).map((row) => row.severity)).toEqual(['critical']);
  });

  test('a line that nobody booked is an item and a break of its own, and no other difference', async () => {
    const bank = await desk.newBank();
    const entries = [{ amount: '3', direction: 'DBIT' as const, name: 'Bank charges' }];
    const { lines } = await desk.statement(bank, { opening: '3', day: desk.today(), entries });
    const run = await desk.run();
    const object = `statement line ${lines[0].id}`;
    expect(desk.breakIn(run, 'statement_line_unbooked', object)).toMatchObject({ amount: '-3' });
    const view = run.run.banks.find((each: { reference: string }) => each.reference === bank.reference);
    expect(view.items).toMatchObject([{ kind: 'statement_line_unbooked', object, amount: '-3', ageDays: 0 }]);
    expect([view.perStatement, view.perBooks, view.difference]).toEqual(['0', '0', '3']);
  });

  test('a booking on the way is an item; once it is late it is a break', async () => {
    const customer = await desk.newCustomer();
    await desk.statement({ iban: SAMPLE_IBAN }, { opening: '0', day: desk.today() });
    await desk.fund(customer, 'USD', '77');
    const { rows } = await entryOf(customer, 'USD');
    const object = `entry ${rows[0]?.id}`;
    const fresh = await desk.run();
    const view = fresh.run.banks.find(
      (each: { reference: string; currency: string }) => each.reference === 'main' && each.currency === 'USD',
    );
    expect(view.items).toContainEqual(
      expect.objectContaining({ kind: 'booking_not_on_statement', object, amount: '-77' }),
    );
    expect(desk.breakIn(fresh, 'booking_not_on_statement', object)).toBeUndefined();
    desk.advance(5 * DAY_MS);
    const late = await desk.run();
    expect(desk.breakIn(late, 'booking_not_on_statement', object)).toMatchObject({
      amount: '-77',
      currency: 'USD',
    });
  });

  test('what is booked past midnight of the firm is of its day, whatever day it is elsewhere', async () => {
    const customer = await desk.newCustomer();
    const msOfDay = Date.parse(desk.deps.clock.now()) % DAY_MS;
    // Eight in the evening of UTC is midnight in Mauritius.
    desk.advance(20.5 * 3_600_000 - msOfDay + DAY_MS);
    await desk.fund(customer, 'USD', '78');
    const rows = await desk.deps.db.engine.execute<{ day: string; settles: string }>(sql`
      select j.value_date as day, d.settlement_date as settles
      from deposits d join journals j on j.id = d.journal_id where d.user_id = ${customer.userId}`);
    expect([...rows]).toEqual([{ day: desk.today(), settles: desk.today() }]);
    expect(desk.deps.clock.now() < desk.today()).toBe(true);
  });

  test('an account without a statement is a break, and the run that sees one closes it', async () => {
    const bank = await desk.newBank();
    const before = desk.breakIn(await desk.run(), 'statement_missing', bank.object);
    expect(before).toMatchObject({ severity: 'critical', amount: null });
    await desk.statement(bank, { opening: '0', day: desk.today() });
    const run = await desk.run();
    expect(desk.breakIn(run, 'statement_missing', bank.object)).toBeUndefined();
    expect(await desk.read(`/v1/reconciliation-breaks/${before?.id}`)).toMatchObject({
      status: 'resolved',
      resolution: 'gone',
      lastRunId: before?.firstRunId ?? expect.any(String),
    });
  });

  test('an account below zero is a break', async () => {
    const bank = await desk.newBank();
    await desk.statement(bank, { opening: '-40', day: desk.today() });
    expect(desk.breakIn(await desk.run(), 'bank_overdrawn', bank.object)).toMatchObject({ amount: '-40' });
  });

  async function entryOf(person: Person, asset: string) {
    const rows = await desk.deps.db.engine.execute<{ id: Id }>(sql`
      select h.id from ledger_entries e join ledger_entries h on h.journal_id = e.journal_id
        join wallets w on w.id = h.wallet_id
      where e.account_id = ${person.accountId} and e.asset = ${asset} and w.house_role = 'client_money_bank'`);
    return { rows };
  }
});

describe('a break', () => {
  test('that is seen again keeps its age, whatever becomes of it in between', async () => {
    const bank = await desk.newBank();
    const first = desk.breakIn(await desk.run(), 'statement_missing', bank.object);
    desk.advance(2 * DAY_MS);
    const second = desk.breakIn(await desk.run(), 'statement_missing', bank.object);
    expect([second?.id, second?.ageDays]).toEqual([first?.id, 2]);
    const asked = await desk.request(
      desk.operations,
      'POST',
      `/v1/reconciliation-breaks/${first?.id}/resolve`,
      {
        body: { reason: 'The account was closed' },
      },
    );
    expect(asked.status).toBe(202);
    expect((await desk.vote(asked.body.approval.id)).status).toBe(200);
    desk.advance(DAY_MS);
    const third = desk.breakIn(await desk.run(), 'statement_missing', bank.object);
    expect([third?.id === first?.id, third?.ageDays, third?.status]).toEqual([false, 3, 'open']);
  });

  test('is closed by no run about an earlier day', async () => {
    const bank = await desk.newBank();
    const yesterday = new Date(Date.parse(`${desk.today()}T00:00:00Z`) - DAY_MS).toISOString().slice(0, 10);
    await desk.statement(bank, { opening: '0', day: yesterday });
    const entries = [{ amount: '3', direction: 'DBIT' as const, name: 'Bank charges' }];
    const { lines } = await desk.statement(bank, { opening: '0', day: desk.today(), entries });
    const object = `statement line ${lines[0].id}`;
    const { id } = desk.breakIn(await desk.run(), 'statement_line_unbooked', object) ?? {};
    const earlier = await desk.run(yesterday);
    expect(desk.breakIn(earlier, 'statement_line_unbooked', object)).toBeUndefined();
    expect((await desk.read(`/v1/reconciliation-breaks/${id}`)).status).toBe('open');
  });

  test('is given to staff who may look after it and noted on, under the version that was read', async () => {
    const bank = await desk.newBank();
    const { id } = desk.breakIn(await desk.run(), 'statement_missing', bank.object) ?? {};
    const path = `/v1/reconciliation-breaks/${id}`;
    const change = (body: object, version?: string) =>
      desk.request(desk.operations, 'PATCH', path, {
        body,
        headers: version === undefined ? {} : { 'if-match': version },
      });
    const ownerId = desk.operations2.userId;
    expect((await change({ ownerId })).status).toBe(428);
    expect((await change({ ownerId }, '"99"')).status).toBe(412);
    const support = await desk.newStaff('support');
    const { version } = await desk.read(path);
    expect((await change({ ownerId: support.userId }, `"${version}"`)).body.code).toBe(
      'break_owner_unsuitable',
    );
    const taken = await change({ ownerId, note: 'The bank was called' }, `"${version}"`);
    expect([taken.status, taken.body.ownerId, taken.body.version]).toEqual([200, ownerId, version + 1]);
    expect(taken.body.notes).toMatchObject([
      { note: 'The bank was called', authorId: desk.operations.userId },
    ]);
    expect(desk.breakIn(await desk.run(), 'statement_missing', bank.object)?.ownerId).toBe(ownerId);
  });

  test('an explained one is open again, and calls somebody again, when its amount moves', async () => {
    const custodian = `c-${newId().slice(-8)}`;
    const object = `custodian ${custodian} BTC`;
    const reports = (quantity: string) =>
      desk.custodyReport(
        JSON.stringify({ custodian, asOf: desk.today(), holdings: [{ asset: 'BTC', quantity }] }),
      );
    await reports('10');
    const { id } = desk.breakIn(await desk.run(), 'custody_difference', object) ?? {};
    const path = `/v1/reconciliation-breaks/${id}/explain`;
    const { body } = await desk.request(desk.operations, 'POST', path, {
      body: { reason: 'Opening entry follows' },
    });
    const own = await desk.vote(body.approval.id, desk.operations);
    expect([own.status, own.body.code]).toEqual([403, 'self_approval']);
    expect((await desk.vote(body.approval.id)).status).toBe(200);
    expect(desk.breakIn(await desk.run(), 'custody_difference', object)).toMatchObject({
      id,
      status: 'explained',
    });
    desk.advance(DAY_MS);
    await reports('11');
    expect(desk.breakIn(await desk.run(), 'custody_difference', object)).toMatchObject({
      id,
      status: 'open',
      amount: '11',
    });
    expect(await alarmsOf(id)).toHaveLength(2);
  });
});

describe('custody', () => {
  test('a missing report, a quantity that differs and an asset it leaves out are breaks, and agree in the end', async () => {
    const customer = await desk.newCustomer();
    await desk.fund(customer, 'BTC', '1.5');
    const custody = (await desk.run()).run.custody as readonly {
      custodian: string;
      asset: string;
      perBooks: string;
    }[];
    const held = custody.find((each) => each.custodian === 'main' && each.asset === 'BTC')?.perBooks ?? '';
    expect(desk.breakIn(await desk.run(), 'custody_report_missing', 'custodian main')).toBeDefined();
    const report = (quantity: string) =>
      JSON.stringify({ custodian: 'main', asOf: desk.today(), holdings: [{ asset: 'BTC', quantity }] });
    const less = formatAmount(parseAmount(held) - parseAmount('0.25'));
    const sent = await desk.custodyReport(report(less));
    expect([sent.status, sent.body]).toEqual([201, sent.body]);
    const run = await desk.run();
    expect(desk.breakIn(run, 'custody_difference', 'custodian main BTC')).toMatchObject({ amount: '-0.25' });
    expect(desk.breakIn(run, 'custody_report_missing', 'custodian main')).toBeUndefined();
    desk.advance(DAY_MS);
    const csv = `custodian,asOf,asset,quantity\nmain,${desk.today()},BTC,${held}\n`;
    expect((await desk.custodyReport(csv, 'text/csv')).body).toMatchObject({
      lineCount: 1,
      holdings: [{ quantity: held }],
    });
    expect(desk.breakIn(await desk.run(), 'custody_difference', 'custodian main BTC')).toBeUndefined();
    desk.advance(DAY_MS);
    expect(
      (await desk.custodyReport(JSON.stringify({ custodian: 'main', asOf: desk.today(), holdings: [] })))
        .status,
    ).toBe(201);
    expect(desk.breakIn(await desk.run(), 'custody_difference', 'custodian main BTC')?.amount).toBe(
      `-${held}`,
    );
  });

  const good = { custodian: 'bad-files', asOf: '2026-01-31', holdings: [{ asset: 'BTC', quantity: '1' }] };
  test.each([
    ['no JSON', '{', undefined],
    ['an unknown member', JSON.stringify({ ...good, extra: 1 }), undefined],
    ['no such day', JSON.stringify({ ...good, asOf: '2026-02-30' }), undefined],
    ['a day to come', JSON.stringify({ ...good, asOf: '2999-01-01' }), undefined],
    [
      'an unknown asset',
      JSON.stringify({ ...good, holdings: [{ asset: 'NOPE', quantity: '1' }] }),
      undefined,
    ],
    [
      'an asset twice',
      JSON.stringify({ ...good, holdings: [...good.holdings, ...good.holdings] }),
      undefined,
    ],
    [
      'nine decimals',
      JSON.stringify({ ...good, holdings: [{ asset: 'BTC', quantity: '1.123456789' }] }),
      undefined,
    ],
    [
      'finer than the asset',
      JSON.stringify({ ...good, holdings: [{ asset: 'USD', quantity: '1.123' }] }),
      undefined,
    ],
    [
      'a negative quantity',
      JSON.stringify({ ...good, holdings: [{ asset: 'BTC', quantity: '-1' }] }),
      undefined,
    ],
    [
      'scientific notation',
      JSON.stringify({ ...good, holdings: [{ asset: 'BTC', quantity: '1e3' }] }),
      undefined,
    ],
    ['another header', 'custodian,asset,quantity\nmain,BTC,1\n', 'text/csv'],
    ['a ragged row', 'custodian,asOf,asset,quantity\nmain,2026-01-31,BTC\n', 'text/csv'],
    ['two custodians', 'custodian,asOf,asset,quantity\na,2026-01-31,BTC,1\nb,2026-01-31,ETH,1\n', 'text/csv'],
    ['nothing', '', 'text/csv'],
  ])('a file with %s is refused whole, and kept with its reason', async (_what, file, type) => {
    const { status, body } = await desk.custodyReport(file, type);
    expect([status, body.code]).toEqual(
      file === '' ? [status, body.code] : [422, 'custody_report_malformed'],
    );
    expect(status).toBeGreaterThanOrEqual(400);
    const { data } = await desk.read('/v1/custody-reports?limit=1');
    if (body.code === 'custody_report_malformed') {
      expect(data).toMatchObject([
        { status: 'refused', refusalCode: 'custody_report_malformed', refusal: body.detail },
      ]);
    }
  });

  test('a report is held against the books once a second person confirmed it, and no more once two gave it up', async () => {
    const custodian = `c-${newId().slice(-8)}`;
    const object = `custodian ${custodian} BTC`;
    const file = (quantity: string) =>
      JSON.stringify({ custodian, asOf: desk.today(), holdings: [{ asset: 'BTC', quantity }] });
    const seen = async () => desk.breakIn(await desk.run(), 'custody_difference', object)?.amount;
    const standing = async (id: string) => (await desk.read(`/v1/custody-reports/${id}`)).standing;

    const declined = (await desk.takeCustodyReport(file('5'))).body;
    expect([declined.standing, await seen()]).toEqual(['waiting', undefined]);
    expect((await desk.vote(declined.confirmationId, desk.operations)).body.code).toBe('self_approval');
    const reject = `/v1/approvals/${declined.confirmationId}/reject`;
    await desk.request(desk.operations2, 'POST', reject, { body: { reason: 'Not what they show' } });
    expect(await standing(declined.id)).toBe('void');
    const giveUp = (id: string) =>
      desk.request(desk.operations, 'POST', `/v1/custody-reports/${id}/void`, { body: { reason: 'Wrong' } });
    expect((await giveUp(declined.id)).body.code).toBe('custody_report_not_counted');

    const { id } = (await desk.custodyReport(file('5'))).body;
    const run = await desk.run();
    expect(desk.breakIn(run, 'custody_difference', object)).toMatchObject({ amount: '5' });
    expect(run.run.custodyReports).toContain(id);
    const asked = await giveUp(id);
    expect([asked.status, await standing(id)]).toEqual([202, 'confirmed']);
    expect((await desk.vote(asked.body.approval.id, desk.operations)).body.code).toBe('self_approval');
    expect((await desk.vote(asked.body.approval.id)).status).toBe(200);
    expect([await standing(id), await seen()]).toEqual(['void', undefined]);
    // The true one of that day takes its place.
    expect((await desk.custodyReport(file('6'))).body).toMatchObject({ standing: 'confirmed' });
    const events = await desk.deps.db.engine.execute<{ event_type: string }>(sql`
      select event_type from audit_logs where resource_type = 'custody_report'
        and resource_id in (${id}, ${declined.id}) order by event_type`);
    expect(events.map((row) => row.event_type)).toEqual([
      'custody_report.confirmed',
      'custody_report.imported',
      'custody_report.imported',
      'custody_report.voided',
      'custody_report.voided',
    ]);
  });

  test('no login has a report count, or adds to one, that nobody confirmed', async () => {
    const custodian = `c-${newId().slice(-8)}`;
    const file = JSON.stringify({ ...good, custodian });
    const { id } = (await desk.takeCustodyReport(file)).body;
    const { engine } = desk.deps.db;
    const stateOf = (change: SQL) => engine.execute(change).then(() => 'done', sqlStateOf);
    const another = (of: string) =>
      sql`insert into custody_report_lines (id, report_id, asset, quantity) values (${newId()}, ${of}, 'USD', 7)`;
    expect(await stateOf(sql`update custody_reports set standing = 'confirmed' where id = ${id}`)).toBe(
      'PL057',
    );
    expect(await stateOf(sql`update custody_reports set standing = 'void' where id = ${id}`)).toBe('PL057');
    expect(await stateOf(sql`update custody_reports set as_of = '2026-01-30' where id = ${id}`)).toBe(
      '42501',
    );
    expect(await stateOf(sql`delete from custody_reports where id = ${id}`)).toBe('42501');
    const counted = (await desk.custodyReport(JSON.stringify({ ...good, asOf: '2026-01-30', custodian })))
      .body;
    expect(await stateOf(another(counted.id))).toBe('PL057');
    // What was added before the vote is not what the second person was shown.
    expect(await stateOf(another(id))).toBe('done');
    const { confirmationId } = await desk.read(`/v1/custody-reports/${id}`);
    expect((await desk.vote(confirmationId)).body.code).toBe('approved_request_changed');
  });

  test('the same report, and a second one of a day, are refused', async () => {
    const custodian = `c-${newId().slice(-8)}`;
    const file = JSON.stringify({ ...good, custodian, holdings: [] });
    const twice = await Promise.all([desk.custodyReport(file), desk.custodyReport(file)]);
    expect(twice.map((answer) => answer.status).toSorted((a, b) => a - b)).toEqual([201, 409]);
    const { data } = await desk.read('/v1/custody-reports?limit=2');
    expect(data.map((each: { readonly status: string }) => each.status).toSorted()).toEqual([
      'imported',
      'refused',
    ]);
    for (const { id } of data) {
      const kept = await desk.request(desk.operations, 'GET', `/v1/custody-reports/${id}/file`);
      expect([kept.status, kept.body]).toEqual([200, file]);
    }
    const other = await desk.custodyReport(JSON.stringify({ ...good, custodian }));
    expect([other.status, other.body.code]).toEqual([409, 'custody_report_duplicate']);
  });
});

describe('the client-money position', () => {
  test('a debt of one client is a shortfall the firm has to fund, and nobody else’s money makes it smaller', async () => {
    const [debtor, rich] = [await desk.newCustomer(), await desk.newCustomer()];
    await desk.fund(rich, 'EUR', '1000');
    await desk.fund(debtor, 'EUR', '100');
    await pay(debtor, rich, 'EUR', '80');
    const euro = async () => {
      const run = await desk.run();
      const position = run.run.positions.find((each: { asset: string }) => each.asset === 'EUR');
      return { run, position };
    };
    const before = await euro();
    expect(before.position).toMatchObject({
      shortfall: '0',
      debts: '0',
      unexplained: '0',
      legalEntity: 'Plimsoll',
    });
    await chargeBack(debtor);
    const after = await euro();
    expect(after.position).toMatchObject({ shortfall: '80', debts: '80', unexplained: '0', surplus: '0' });
    const { owedToClients, held } = after.position;
    expect(parseAmount(owedToClients) - parseAmount(held)).toBe(parseAmount('80'));
    const found = desk.breakIn(after.run, 'client_money_shortfall', 'client money EUR');
    expect(found).toMatchObject({ amount: '80', currency: 'EUR', severity: 'critical' });
    expect(await alarmsOf(found?.id)).toHaveLength(1);
  });

  test('what is owed to clients equals their wallets, and every unit has a name, whatever happened', async () => {
    const people = await Promise.all([1, 2, 3].map(() => desk.newCustomer()));
    const step = fc.record({
      kind: fc.constantFrom('fund', 'pay', 'chargeBack' as const),
      who: fc.nat({ max: 2 }),
      to: fc.nat({ max: 2 }),
      amount: fc.integer({ min: 1, max: 500 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 6 }), async (steps) => {
        for (const { kind, who, to, amount } of steps) {
          await act(kind, people[who] as Person, people[to] as Person, String(amount));
        }
        await agree();
      }),
      { numRuns: 4 },
    );
  }, 60_000);

  async function act(kind: string, who: Person, to: Person, amount: string): Promise<void> {
    if (kind === 'fund') {
      await desk.fund(who, 'USD', amount);
      return;
    }
    const [cleared] = await desk.deps.db.engine
      .select()
      .from(deposits)
      .where(and(eq(deposits.userId, who.userId), eq(deposits.status, 'cleared')));
    const { total } = await desk.balance(who, 'USD');
    if (kind === 'pay' && who !== to && parseAmount(total) > parseAmount('1')) {
      await pay(who, to, 'USD', '1');
    } else if (kind === 'chargeBack' && cleared !== undefined) {
      const path = `/v1/deposits/${cleared.id}/charge-back`;
      const { body } = await desk.request(desk.operations, 'POST', path, { body: { reason: 'Disputed' } });
      await desk.vote(body.approval.id);
    }
  }

  async function agree(): Promise<void> {
    const until = endOfDay(desk.today(), desk.deps.timeZone);
    const { positions } = await transact(desk.system, 'engine', (tx) => readPositions(tx, until, new Map()));
    const rows = await desk.deps.db.engine.execute<{ asset: string; total: string }>(sql`
      select asset, sum(total)::text as total from wallets
      where account_id is not null and book = 'live' group by asset`);
    for (const { asset, total } of rows) {
      const position = positions.find((each) => each.asset === asset);
      expect([asset, formatAmount(position?.owedToClients ?? amountOf(0n))]).toEqual([asset, trimmed(total)]);
    }
    expect(positions.filter((each) => each.unexplained !== 0n)).toEqual([]);
  }

  function trimmed(stored: string): string {
    return stored.includes('.') ? stored.replace(/0+$/, '').replace(/\.$/, '') : stored;
  }
});

describe('a run', () => {
  test('about a day to come is refused and leaves nothing', async () => {
    const answer = await desk.request(desk.operations, 'POST', '/v1/reconciliations', {
      body: { businessDate: '2999-01-01' },
    });
    expect([answer.status, answer.body.code]).toEqual([422, 'business_date_in_future']);
  });

  test('keeps what it found for good, and stays in one list with those of the books alone', async () => {
    const { id } = await desk.run();
    const books = await desk.reconcile();
    const { data } = await desk.read('/v1/reconciliations?limit=2');
    expect(data.map((row: { id: string }) => row.id)).toEqual([books.id, id]);
    expect(data.map((row: { businessDate: string | null }) => row.businessDate)).toEqual([
      null,
      desk.today(),
    ]);
    expect(await desk.read(`/v1/reconciliations/${books.id}`)).toMatchObject({ run: null, signOff: null });
    const change = sql`update reconciliation_runs set business_date = '2020-01-01' where id = ${id}`;
    expect(await refusalOf(change)).toBe('42501');
    const drop = sql`delete from reconciliations where id = ${id}`;
    expect(await refusalOf(drop)).toBe('PL004');
  });

  async function refusalOf(statement: SQL): Promise<string | undefined> {
    try {
      await desk.deps.db.engine.execute(statement);
      return undefined;
    } catch (error) {
      return sqlStateOf(error);
    }
  }

  test('two at once see the same breaks once each', async () => {
    const bank = await desk.newBank();
    const both = await Promise.all([desk.run(), desk.run()]);
    const ids = both.map((run) => desk.breakIn(run, 'statement_missing', bank.object)?.id);
    expect(new Set(ids).size).toBe(1);
    expect(await alarmsOf(ids[0])).toHaveLength(1);
  });
});

test('work that nobody ended ages, has an owner and calls somebody, once, until it is done', async () => {
  const bank = await desk.newBank();
  const entries = [
    { amount: '7', name: 'Somebody' },
    { amount: '3', direction: 'DBIT' as const, name: 'Bank charges' },
  ];
  const { lines } = await desk.statement(bank, { opening: '3', day: desk.today(), entries });
  const eventId = newId();
  await desk.deps.db.engine.insert(inboundEvents).values({
    id: eventId,
    provider: 'test',
    eventId,
    type: 'payment.cleared',
    payload: new Uint8Array([1]) as never,
    state: 'kept',
    reason: 'unknown_reference',
    occurredAt: desk.deps.clock.now(),
    receivedAt: desk.deps.clock.now(),
  });
  const rows = await desk.deps.db.engine.select().from(unallocatedReceipts);
  const receipt = rows.find(({ statementLineId }) =>
    lines.some(({ id }: { id: Id }) => id === statementLineId),
  );
  const payout = `/v1/withdrawals/${await begunPayout()}`;
  await desk.request(desk.operations, 'POST', `${payout}/unknown`, {
    body: { reason: 'The bank is silent' },
  });
  const objects = [
    `unallocated receipt ${receipt?.id}`,
    `payment event ${eventId}`,
    payout.replace('/v1/withdrawals/', 'withdrawal '),
  ];
  const seen = async () => {
    const run = await desk.run();
    return objects.map((object) => desk.breakIn(run, 'work_overdue', object));
  };
  expect(await seen()).toEqual([undefined, undefined, undefined]);
  desk.advance(3 * DAY_MS + 1000);
  const found = await seen();
  expect(found).toMatchObject([
    { amount: '7', currency: 'USD', severity: 'warning', status: 'open', ownerId: null },
    { amount: null, severity: 'warning', status: 'open', ownerId: null },
    { amount: '11', severity: 'warning', status: 'open', ownerId: null },
  ]);
  await seen();
  for (const { id } of found) {
    expect(await alarmsOf(id)).toHaveLength(1);
  }
  const path = `/v1/reconciliation-breaks/${found[1].id}`;
  const { headers } = await desk.request(desk.operations, 'GET', path);
  const given = await desk.request(desk.operations, 'PATCH', path, {
    body: { ownerId: desk.operations2.userId },
    headers: { 'if-match': headers.get('etag') ?? '' },
  });
  expect([given.status, given.body.ownerId]).toEqual([200, desk.operations2.userId]);
  desk.advance(2 * DAY_MS);
  expect((await seen())[1]).toMatchObject({ ownerId: desk.operations2.userId, ageDays: 2 });
  await desk.request(desk.operations, 'POST', `/v1/inbound-events/${eventId}/close`, {
    body: { reason: 'Of a shop that is not ours' },
  });
  expect((await seen())[1]).toBeUndefined();
  const known = { outcome: 'completed', transactionReference: 'FT 1', reason: 'The bank found it' };
  const asked = await desk.request(desk.operations, 'POST', `${payout}/resolve`, { body: known });
  expect((await desk.vote(asked.body.approval.id)).status).toBe(200);
  expect((await seen())[2]).toBeUndefined();
});

test('a payout that the firm’s own account shows as made is set free by nobody, and the line is a break', async () => {
  const bank = await desk.newBank('The firm’s own', { houseRole: 'firm_account' });
  const id = await begunPayout();
  const [row] = await desk.deps.db.engine
    .select()
    .from(withdrawals)
    .where(eq(withdrawals.id, id as Id));
  const paid = { amount: '11', direction: 'DBIT' as const, endToEndId: row?.payoutReference ?? '' };
  const fail = () =>
    desk.request(desk.operations, 'POST', `/v1/withdrawals/${id}/fail`, { body: { reason: 'Not paid' } });
  const { lines } = await desk.statement(bank, { opening: '11', day: desk.today(), entries: [paid] });
  expect((await fail()).body.code).toBe('payout_on_statement');
  const found = desk.breakIn(await desk.run(), 'statement_line_unbooked', `statement line ${lines[0].id}`);
  expect(found).toMatchObject({ amount: '-11', severity: 'critical' });
  const own = { outcome: 'completed', statementLineId: lines[0].id, reason: 'Seen' };
  const resolved = await desk.request(desk.operations, 'POST', `/v1/withdrawals/${id}/resolve`, {
    body: own,
  });
  expect(resolved.body.code).toBe('statement_line_unknown');
  const known = { outcome: 'completed', transactionReference: 'FT 2', reason: 'The firm paid it' };
  await desk.request(desk.operations, 'POST', `/v1/withdrawals/${id}/unknown`, { body: { reason: 'Odd' } });
  const asked = await desk.request(desk.operations, 'POST', `/v1/withdrawals/${id}/resolve`, { body: known });
  expect((await desk.vote(asked.body.approval.id)).status).toBe(200);
});

/** A withdrawal that people began to pay by hand. */
async function begunPayout(): Promise<string> {
  const person = await desk.newCustomer();
  await desk.fund(person, 'USD', '11');
  const payee = await desk.request(person, 'POST', '/v1/beneficiaries', { body: bankBeneficiary() });
  const body = { accountId: person.accountId, asset: 'USD', amount: '11', beneficiaryId: payee.body.id };
  const { id } = (await desk.request(person, 'POST', '/v1/withdrawals', { body, key: newId() })).body;
  const path = `/v1/withdrawals/${id}`;
  await desk.request(desk.compliance, 'POST', `${path}/approve`, { body: { reason: 'Looked at it' } });
  expect((await desk.request(desk.operations, 'POST', `${path}/process`)).body.status).toBe('processing');
  return id;
}
