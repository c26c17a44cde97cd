import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq, type SQL, sql } from 'drizzle-orm';
import { PgDialect } from 'drizzle-orm/pg-core';
import postgres from 'postgres';
import { formatAmount, parseAmount } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import { newId } from '../../kernel/id.ts';
import { parseInstant } from '../../kernel/time.ts';
import type { Tx } from '../../platform/db/client.ts';
import { sqlStateOf } from '../../platform/db/errors.ts';
import { executePrepared } from '../../platform/db/prepared.ts';
import { transact } from '../../platform/db/transact.ts';
import { readerOf } from '../../platform/db/transact-at-once.ts';
import { type Foundation, startFoundation } from '../../testing/foundation.ts';
import { ledgerChecks } from './checks.ts';
import { expireHolds } from './expire-holds.ts';
import { createHold } from './holds.ts';
import { consumeLots, openLots } from './lots.ts';
import { type NewJournal, postJournals, prepareJournals } from './post-journals.ts';
import { reconcile } from './reconcile.ts';
import { holds, journals, lotDisposals, lots, wallets } from './schema.ts';
import { type LedgerTable, startLedgerTable } from './testing/ledger-table.ts';

let base: Foundation;
let ledger: LedgerTable;

beforeAll(async () => {
  base = await startFoundation(import.meta.file, []);
  ledger = await startLedgerTable(base.system);
  await ledger.run(`
    post  deposit  zoe.USD  +100  bank.USD     -100
    post  deposit  zoe.BTC  +2    custody.BTC  -2
    hold  zoe.USD  10       kept
  `);
  const { id } = await ledger.wallet('zoe.BTC');
  const owner = await ledger.accountOf('zoe');
  const lot = {
    ...owner,
    walletId: id,
    asset: 'BTC',
    quantity: parseAmount('2'),
    cost: { amount: parseAmount('100'), currency: 'USD' },
  };
  await transact(base.system, 'engine', (tx) =>
    openLots(tx, base.system, [{ ...lot, source: 'deposit', referenceId: newId() }]),
  );
});

afterAll(async () => {
  const report = await reconcile(base.system, ledgerChecks);
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
  await base.close();
});

describe('postings', () => {
  test('move balances on both sides and sum to zero', async () => {
    await ledger.run(`
      post    deposit      ann.USD     +100    bank-a.USD  -100
      wallet  ann.USD      100         0       100
      wallet  bank-a.USD   -100        0       -100
      post    trade        ann.USD     -40.25  bob.USD     +40     fees-a.USD  +0.25
      wallet  ann.USD      59.75       0       59.75
      wallet  bob.USD      40          0       40
      wallet  fees-a.USD   0.25        0       0.25
      post    withdrawal   bob.USD     -40     bank-a.USD  +40
      wallet  bank-a.USD   -60         0       -60
    `);
  });

  test('refuse what a customer does not have, and write nothing', async () => {
    await ledger.run(`
      post    deposit   cat.USD  +10      bank.USD  -10
      hold    cat.USD   8        h1
      wallet  cat.USD   10       8        2
      refuse  insufficient_funds  post  transfer  cat.USD  -3  dan.USD  +3
      wallet  cat.USD   10       8        2
      wallet  dan.USD   0        0        0
      post    transfer  cat.USD  -2       dan.USD   +2
      wallet  cat.USD   8        8        0
    `);
  });

  test('that do not balance are refused by the database itself', async () => {
    await ledger.run('refuse  PL001  post  deposit  eve.USD  +100  bank.USD  -99');
    await ledger.run('refuse  PL001  post  deposit  eve.USD  +1    bank.BTC  -1');
    await ledger.run('wallet  eve.USD  0  0  0');
  });

  test('in one batch see each other in the order given', async () => {
    const [rich, poor] = [await ledger.wallet('fay.USD'), await ledger.wallet('gus.USD')];
    const bank = await ledger.wallet('bank.USD');
    const ids = await transact(base.system, 'engine', (tx) =>
      postJournals(tx, base.system, [
        journal('deposit', [rich.id, '5'], [bank.id, '-5']),
        journal('transfer', [rich.id, '-5'], [poor.id, '5']),
        journal('transfer', [poor.id, '-2'], [rich.id, '2']),
      ]),
    );
    expect(ids).toHaveLength(3);
    await ledger.run(`
      wallet  fay.USD  2  0  2
      wallet  gus.USD  3  0  3
    `);
  });

  test('add up on the way to more than any balance may be, and leave one that may', async () => {
    const [one, other] = [await ledger.wallet('great-a.USD'), await ledger.wallet('great-b.USD')];
    const [bank, second] = [await ledger.wallet('bank-g.USD'), await ledger.wallet('bank-h.USD')];
    const great = '600000000000';
    const into = (to: string, from: string) => journal('deposit', [to, great], [from, `-${great}`]);
    const out = (from: string, to: string) => journal('withdrawal', [from, `-${great}`], [to, great]);
    await transact(base.system, 'engine', async (tx) => {
      await postJournals(tx, base.system, [into(one.id, bank.id), into(other.id, second.id)]);
      // The bank's wallet gets twice as much in one batch, which is more than it could hold.
      await postJournals(tx, base.system, [out(one.id, bank.id), out(other.id, bank.id)]);
      await postJournals(tx, base.system, [into(other.id, bank.id), out(other.id, second.id)]);
    });
    await ledger.run(`
      wallet  great-a.USD  0  0  0
      wallet  great-b.USD  0  0  0
      wallet  bank-g.USD   0  0  0
      wallet  bank-h.USD   0  0  0
    `);
    const rows = await base.system.deps.db.engine.execute<{ version: string; after: string }>(sql`
      select wallet_version::text as version, balance_after::text as after from ledger_entries
      where wallet_id = ${bank.id} order by id`);
    // Entries are named in the order in which they were booked.
    expect(rows.map(({ version, after }) => `${version} ${after}`)).toEqual([
      `1 -${great}.00000000`,
      '2 0.00000000',
      `3 ${great}.00000000`,
      '4 0.00000000',
    ]);
  });

  test('to a wallet that nobody can lock leave nothing, neither journal nor entry', async () => {
    const [from, to] = [await ledger.wallet('bank-n.USD'), await ledger.wallet('nan.USD')];
    const posting = journal('deposit', [to.id, '5'], [from.id, '-5']);
    const { deps } = base.system;
    const tx = readerOf(base.system, 'engine');
    const { statement } = await prepareJournals(tx, base.system, [posting], {
      held: sql`false`,
      writes: [],
    });
    const refused = await executePrepared(tx, statement).then(
      () => 'posted',
      (error: unknown) => sqlStateOf(error),
    );
    const [left] = await deps.db.engine.execute<{ journals: number }>(
      sql`select count(*)::int as journals from journals where reference_id = ${posting.referenceId}`,
    );
    expect([refused, left?.journals]).toEqual(['23502', 0]);
  });

  test('count from the day it is where the firm is', async () => {
    const now = () => parseInstant('2026-03-31T20:30:00Z');
    const { deps } = base;
    const abroad = { ...deps, timeZone: 'Indian/Mauritius', clock: { ...deps.clock, now } };
    const [bank, customer] = [await ledger.wallet('bank.USD'), await ledger.wallet('early.USD')];
    const [id] = await transact(base.system, 'engine', (tx) =>
      postJournals(tx, { ...base.system, deps: abroad }, [
        journal('deposit', [customer.id, '5'], [bank.id, '-5']),
      ]),
    );
    const [row] = await deps.db.engine
      .select({ valueDate: journals.valueDate })
      .from(journals)
      .where(eq(journals.id, present(id, 'it was posted')));
    expect(row?.valueDate).toBe('2026-04-01');
  });

  test('from many connections on few wallets lose no money', async () => {
    await ledger.run('post  deposit  hal.USD  +1000  bank.USD  -1000');
    const names = ['hal.USD', 'ida.USD', 'jon.USD'];
    const ids = await Promise.all(names.map(async (name) => (await ledger.wallet(name)).id));
    const transfers = Array.from({ length: 120 }, (_, index) => {
      const [from, to] = [ids[index % 3] ?? '', ids[(index + 1 + (index % 2)) % 3] ?? ''];
      return transact(base.system, 'engine', (tx) =>
        postJournals(tx, base.system, [journal('transfer', [from, '-7.01'], [to, '7.01'])]),
      ).catch((error: unknown) => error);
    });
    await Promise.all(transfers);
    const rows = await base.deps.db.engine.select().from(wallets);
    const total = rows.filter((row) => ids.includes(row.id)).reduce((sum, row) => sum + row.total, 0n);
    expect(formatAmount(total)).toBe('1000');
  });
});

describe('the database', () => {
  test('lets no runtime login touch a balance', async () => {
    const { id } = await ledger.wallet('ann.USD');
    for (const login of ['app', 'staff', 'engine'] as const) {
      const refused = await base.deps.db[login]
        .execute(sql`update wallets set total = total + 1 where id = ${id}`)
        .catch(sqlStateOf);
      expect(refused).toBe('42501');
    }
  });

  test('refuses to change or remove an entry, even to its owner, on the parent and on each partition', async () => {
    const owner = postgres({ ...base.database.owner, max: 1, onnotice: () => {} });
    const tables = await owner<{ name: string }[]>`
      select inhrelid::regclass::text as name from pg_inherits
      where inhparent in ('ledger_entries'::regclass, 'journals'::regclass)
      union all values ('ledger_entries'), ('journals')`;
    expect(tables.length).toBeGreaterThan(26);
    for (const { name } of tables) {
      for (const change of [`update ${name} set id = id`, `delete from ${name}`, `truncate ${name}`]) {
        expect(await owner.unsafe(change).catch(sqlStateOf)).toBe('PL004');
      }
    }
    await owner.end();
  });

  test('refuses entries whose balances do not follow, and entries of another book or owner', async () => {
    const [mine, bank] = [await ledger.wallet('ann.USD'), await ledger.wallet('bank.USD')];
    const plant = (column: string, value: string) =>
      base.deps.db.engine.transaction(async (tx) => {
        await postJournals(tx, base.system, [journal('deposit', [mine.id, '1'], [bank.id, '-1'])]);
        await tx.execute(sql`insert into ledger_entries
          select gen_random_uuid(), e.booked_at, e.journal_id, e.wallet_id, e.user_id, e.account_id,
            ${sql.raw(column === 'book' ? value : 'e.book')}, e.asset, -e.amount,
            e.balance_after - e.amount + ${sql.raw(column === 'balance' ? value : '0')}, e.wallet_version + 1,
            e.kind, e.reference_type, e.reference_id
          from ledger_entries e where e.journal_id = (select id from journals order by booked_at desc, id desc limit 1)`);
      });
    expect(await plant('balance', '1').catch(sqlStateOf)).toBe('PL003');
    expect(await plant('book', `'paper'::book`).catch(sqlStateOf)).toBe('PL013');
  });
});

describe('holds', () => {
  test('reserve, release and capture', async () => {
    await ledger.run(`
      post     deposit     kim.USD  +50   bank.USD  -50
      hold     kim.USD     20       a
      hold     kim.USD     30       b
      refuse   insufficient_funds   hold  kim.USD  0.01  c
      wallet   kim.USD     50       50    0
      release  a
      release  a
      wallet   kim.USD     50       30    20
      capture  b           10
      wallet   kim.USD     50       20    30
      capture  b
      wallet   kim.USD     50       0     50
    `);
  });

  test('that are over are released before the wallet is asked again', async () => {
    await ledger.run('post  deposit  leo.USD  +5  bank.USD  -5');
    const { id } = await ledger.wallet('leo.USD');
    const request = {
      walletId: id,
      amount: parseAmount('5'),
      reason: 'payment' as const,
      referenceType: 'test',
    };
    const now = base.deps.clock.now();
    await transact(base.system, 'engine', (tx) =>
      createHold(tx, base.system, { ...request, referenceId: newId(), expiresAt: now }),
    );
    await transact(base.system, 'engine', (tx) =>
      createHold(tx, base.system, { ...request, referenceId: newId() }),
    );
    await ledger.run('wallet  leo.USD  5  5  0');
    expect(await expireHolds(base.system)).toBe(0);
  });

  test('are made once per reference', async () => {
    await ledger.run('post  deposit  mia.USD  +9  bank.USD  -9');
    const { id } = await ledger.wallet('mia.USD');
    const request = {
      walletId: id,
      amount: parseAmount('4'),
      reason: 'escrow' as const,
      referenceType: 'test',
      referenceId: newId(),
    };
    const made = await Promise.all(
      [1, 2, 3].map(() => transact(base.system, 'engine', (tx) => createHold(tx, base.system, request))),
    );
    expect(new Set(made.map((hold) => hold.id)).size).toBe(1);
    await ledger.run('wallet  mia.USD  9  4  5');
  });
});

describe('lots', () => {
  test('are consumed oldest first, with cost and proceeds to the last decimal', async () => {
    const { id } = await ledger.wallet('ned.BTC');
    const owner = await ledger.accountOf('ned');
    await ledger.run('post  deposit  ned.BTC  +3  custody.BTC  -3');
    const buy = (quantity: string, cost: string) => ({
      walletId: id,
      ...owner,
      asset: 'BTC',
      quantity: parseAmount(quantity),
      cost: { amount: parseAmount(cost), currency: 'USD' },
      source: 'trade' as const,
      referenceId: newId(),
    });
    const sale = newId();
    const [realised] = await transact(base.system, 'engine', async (tx) => {
      await openLots(tx, base.system, [buy('1', '100.00000001')]);
      await openLots(tx, base.system, [buy('2', '300')]);
      return consumeLots(tx, base.system, [
        {
          walletId: id,
          quantity: parseAmount('1.5'),
          proceeds: { amount: parseAmount('240'), currency: 'USD' },
          referenceType: 'trade',
          referenceId: sale,
        },
      ]);
    });
    await ledger.run('post  withdrawal  ned.BTC  -1.5  custody.BTC  +1.5');
    // 1 BTC at 100.00000001 and half of the second lot at 75.
    expect(formatAmount(realised?.pnl ?? 0n)).toBe('64.99999999');
    const left = await base.deps.db.engine.select().from(lots).where(eq(lots.walletId, id)).orderBy(lots.id);
    expect(left.map((lot) => formatAmount(lot.quantityOpen))).toEqual(['0', '1.5']);
    const gone = await base.deps.db.engine
      .select()
      .from(lotDisposals)
      .where(eq(lotDisposals.referenceId, sale));
    expect(gone).toHaveLength(2);
  });
});

describe('reconcile', () => {
  test.each([
    [
      'ledger.totals_follow_entries',
      `update wallets set total = total + 1 where house_role = 'client_money_bank'`,
    ],
    [
      'ledger.reserved_is_explained',
      `update wallets set reserved = reserved + 1 where total - reserved > 1 and house_role is null`,
    ],
    [
      'ledger.balances_follow_each_other',
      `update ledger_entries set balance_after = balance_after + 1 where wallet_version = 1`,
    ],
    ['ledger.journals_balance', `update ledger_entries set amount = amount + 1 where wallet_version = 1`],
    ['ledger.journals_have_entries', `delete from ledger_entries where wallet_version = 1`],
    [
      'ledger.books_sum_to_zero',
      `update wallets set book = 'paper' where id = (select id from wallets where total > 0 limit 1)`,
    ],
    ['ledger.lots_add_up', `update lots set quantity_open = quantity_open - 0.5 where quantity_open > 1`],
    ['ledger.lot_costs_add_up', `update lots set cost_open = cost_open + 0.00000001 where quantity_open > 1`],
  ])('finds a planted break: %s', async (check, plant) => {
    const found = await withoutGuards(async (tx) => {
      await tx.unsafe(plant);
      const report = await runOn(tx, check);
      return report;
    });
    expect(found).toBeGreaterThan(0);
  });

  test('of a login that sees nothing is a break', async () => {
    const blind = {
      ...base.system,
      deps: { ...base.deps, db: { ...base.deps.db, engine: base.deps.db.app } },
    };
    const report = await reconcile(blind, []).catch((error: unknown) => error);
    expect(report).toBeInstanceOf(Error);
  });

  test('counts what it saw', async () => {
    const report = await reconcile(base.system, ledgerChecks);
    const [held] = await base.deps.db.engine.select({ count: sql<number>`count(*)::int` }).from(wallets);
    expect(report.checks.find((check) => check.name === 'ledger.totals_follow_entries')?.seen).toBe(
      held?.count ?? -1,
    );
    expect((await base.deps.db.engine.select().from(holds)).length).toBeGreaterThan(0);
  });
});

function journal(kind: NewJournal['kind'], ...legs: readonly (readonly [string, string])[]): NewJournal {
  return {
    book: 'live',
    kind,
    referenceType: 'test',
    referenceId: newId(),
    description: 'A posting of a test',
    entries: legs.map(([walletId, amount]) => ({ walletId, amount: parseAmount(amount) })),
  };
}

class RollBack extends Error {}

/** Runs as the owner with triggers off and row-level security open, and undoes everything. */
async function withoutGuards(work: (tx: postgres.TransactionSql) => Promise<number>): Promise<number> {
  const owner = postgres({ ...base.database.owner, max: 1, onnotice: () => {} });
  let found = 0;
  try {
    await owner.begin(async (tx) => {
      for (const table of [
        'wallets',
        'journals',
        'ledger_entries',
        'lots',
        'holds',
        'orders',
        'lot_disposals',
      ]) {
        await tx.unsafe(`alter table ${table} no force row level security`);
        await tx.unsafe(`alter table ${table} disable trigger user`);
      }
      found = await work(tx);
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

/** The number of breaks a check finds inside a transaction of the owner's client. */
async function runOn(tx: postgres.TransactionSql, name: string): Promise<number> {
  const check = present(
    ledgerChecks.find((candidate) => candidate.name === name),
    'the check exists',
  );
  const dialect = new PgDialect();
  const report = await check.run({
    execute: async (query: SQL) => {
      const { sql: text, params } = dialect.sqlToQuery(query);
      return tx.unsafe(text, params as never[]);
    },
  } as unknown as Tx);
  return report.breaks.length;
}
