/**
 * Row-level security by what it does, on a world where two customers have rows in every table: each sees
 * their own, nothing without a context, and no condition in a query has to be there for that (I12).
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type postgres from 'postgres';
import { publishPersonKeys } from '../platform/crypto/rotate-person-keys.ts';
import { openClient } from '../platform/db/client.ts';
import { sqlStateOf } from '../platform/db/errors.ts';
import { startTwoCustomers, type TwoCustomers } from './two-customers.ts';

const REFUSED = '42501';

/** Their owners may delete them: they are notes to oneself, and evidence of nothing. */
const DELETABLE = new Set(['price_alerts', 'watchlists']);

/** What the firm grants later, as it stands in a row that a customer writes. */
const BEGINS: Readonly<Record<string, object>> = {
  accounts: {
    margin_enabled: false,
    max_leverage: '1',
    margin_call_threshold: '0.8',
    liquidation_threshold: '0.5',
    auto_liquidation: true,
    margin_approval_id: null,
  },
};

/** What is true for everybody: customers read all of it, and write none of it. */
const REFERENCE = ['agreements', 'assets', 'instruments', 'kyc_levels', 'quotes', 'system_marks', 'trades'];

/** What the firm tells every customer: its prices and limits. No row of them is about a person. */
const PUBLISHED = [
  'candles',
  'deposit_accounts',
  'fee_schedules',
  'fee_tier_schedules',
  'fee_tiers',
  'feed_positions',
  'funding_fees',
  'funding_limits',
  'kyc_requirement_sets',
  'kyc_requirements',
  'market_calendars',
  'market_holidays',
  'portfolio_days',
  'price_settings',
  'price_ticks',
  'trading_halts',
  'trading_sessions',
  'trail_marks',
];

/** A table a customer's login reads, and the column that says whose a row is. */
type Owned = { readonly table: string; readonly owner: string };

let people: TwoCustomers;
let app: postgres.Sql;
let engine: postgres.Sql;
let owner: postgres.Sql;
let every: readonly string[];
let owned: readonly Owned[];

beforeAll(async () => {
  people = await startTwoCustomers(import.meta.file);
  const { database } = people.world;
  for (const { userId } of [people.own, people.other]) {
    await publishPersonKeys(people.world.system, userId, () => {});
  }
  app = openClient(database.connections.app, 1);
  engine = openClient(database.connections.engine, 1);
  owner = openClient(database.owner, 1);
  every = (
    await engine<{ name: string }[]>`
      select relname as name from pg_class
      where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') order by 1`
  ).map((row) => row.name);
  owned = await ownedTables();
}, 120_000);

afterAll(async () => {
  await Promise.all([app, engine, owner].map((client) => client.end()));
  const report = await people.world.reconcile();
  await people.world.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

/** From the catalogue: tables with a policy for customers that they have any column of. */
async function ownedTables(): Promise<Owned[]> {
  const rows = await engine<{ table: string; qual: string }[]>`
    select c.relname as table, pg_get_expr(p.polqual, p.polrelid) as qual
    from pg_policy p join pg_class c on c.oid = p.polrelid and c.relnamespace = 'public'::regnamespace
    where 'plimsoll_app'::regrole = any(p.polroles) and p.polcmd in ('*', 'r')
      and has_any_column_privilege('plimsoll_app', c.oid, 'SELECT') order by 1`;
  const published = rows.filter(({ qual }) => qual === 'true').map(({ table }) => table);
  expect(published).toEqual(PUBLISHED);
  return rows
    .filter(({ table }) => !published.includes(table))
    .map(({ table, qual }) => {
      const column = /^\(+(\w+) = \( SELECT \(?NULLIF/.exec(qual)?.[1];
      expect({ table, qual, column }).toEqual({ table, qual, column: expect.any(String) });
      return { table, owner: column ?? '' };
    });
}

/** Work as a customer's login with the context a request would set, taken back at the end. */
async function asCustomer<Result>(
  userId: string | null,
  work: (tx: postgres.TransactionSql) => Promise<Result>,
): Promise<Result> {
  const outcome: { result?: Result } = {};
  const undone = new Error('undone');
  await app
    .begin(async (tx) => {
      if (userId !== null) {
        await tx`select set_config('plimsoll.user_id', ${userId}, true)`;
      }
      outcome.result = await work(tx);
      throw undone;
    })
    .catch((error: unknown) => {
      if (error !== undone) {
        throw error;
      }
    });
  return outcome.result as Result;
}

async function stateOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'accepted',
    (error: unknown) => sqlStateOf(error) ?? String(error),
  );
}

async function columnsOf(table: string, privilege: 'INSERT' | 'UPDATE'): Promise<string[]> {
  const rows = await engine<{ name: string }[]>`
    select attname as name from pg_attribute
    where attrelid = ${table}::regclass and attnum > 0 and not attisdropped and attgenerated = ''
      and has_column_privilege('plimsoll_app', attrelid, attnum, ${privilege})`;
  return rows.map((row) => row.name);
}

describe('every table', () => {
  test('is reference data, or has row-level security enabled and forced, each partition too', async () => {
    const rows = await engine<{ name: string }[]>`
      select relname as name from pg_class
      where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
        and not (relrowsecurity and relforcerowsecurity) order by 1`;
    expect(rows.map((row) => row.name)).toEqual([...REFERENCE, 'guard_baseline'].toSorted());
    expect(every.length).toBeGreaterThan(70);
  });

  test('shows its owner nothing without a context', async () => {
    const seen: string[] = [];
    for (const table of every.filter((name) => !REFERENCE.includes(name) && name !== 'guard_baseline')) {
      if ((await owner`select 1 from ${owner(table)} limit 1`).length > 0) {
        seen.push(table);
      }
    }
    // To hand the functions that count over, the owner belongs to plimsoll_ledger, which reads these.
    expect(seen).toEqual([
      'journals',
      'margin_holds',
      'positions',
      'risk_exposures',
      'risk_turnovers',
      'wallets',
    ]);
  });

  test("that is neither a customer's own nor reference data is closed to a customer's login", async () => {
    const open: string[] = [];
    const closed = every.filter(
      (name) => ![...REFERENCE, ...PUBLISHED].includes(name) && !owned.some(({ table }) => table === name),
    );
    for (const table of closed) {
      const state = await stateOf(
        asCustomer(people.own.userId, (tx) => tx`select 1 from ${tx(table)} limit 1`),
      );
      if (state !== REFUSED) {
        open.push(`${table}: ${state}`);
      }
    }
    expect(open).toEqual([]);
    for (const never of [
      'aml_alerts',
      'aml_alert_events',
      'aml_cases',
      'aml_case_files',
      'gate_restrictions',
      'sanctions_notices',
      'whitelist_entries',
      'screenings',
      'screening_matches',
      'list_entities',
      'kyc_decisions',
      'credentials',
      'email_tokens',
      'recovery_codes',
      'passkey_challenges',
      'break_glass_seals',
      'request_nonces',
      'rate_counters',
      'token_keys',
      'approvals',
      'approval_votes',
      'audit_logs',
      'audit_exports',
      'journals',
      'risk_limits',
    ]) {
      expect(closed).toContain(never);
    }
  });

  test('of reference data takes no write from a customer', async () => {
    for (const table of [...REFERENCE, ...PUBLISHED]) {
      expect([table, await columnsOf(table, 'INSERT'), await columnsOf(table, 'UPDATE')]).toEqual([
        table,
        [],
        [],
      ]);
    }
  });
});

describe("a table of customers' rows", () => {
  test('has rows of both customers here: one that the world does not fill proves nothing', async () => {
    const empty: string[] = [];
    for (const { table, owner: column } of owned) {
      for (const { userId } of [people.own, people.other]) {
        const [row] =
          await engine`select 1 from ${engine(table)} where ${engine(column)} = ${userId} limit 1`;
        if (row === undefined) {
          empty.push(`${table} of ${userId === people.own.userId ? 'own' : 'other'}`);
        }
      }
    }
    expect(empty).toEqual([]);
    expect(owned.length).toBeGreaterThan(25);
  });

  test('shows a customer their own rows and no others, and nothing without a context', async () => {
    const nobody = '01890000-0000-7000-8000-000000000000';
    for (const { table, owner: column } of owned) {
      const seenBy = (userId: string | null) =>
        asCustomer(userId, async (tx) => {
          const rows = await tx<
            { owner: string }[]
          >`select distinct ${tx(column)} as owner from ${tx(table)}`;
          return rows.map((row) => row.owner);
        });
      const seen = {
        own: await seenBy(people.own.userId),
        other: await seenBy(people.other.userId),
        nobody: await seenBy(nobody),
        empty: await seenBy(''),
        none: await seenBy(null),
      };
      expect({ table, ...seen }).toEqual({
        table,
        own: [people.own.userId],
        other: [people.other.userId],
        nobody: [],
        empty: [],
        none: [],
      });
    }
  });

  test('lets a customer change no row of another, whatever the query says', async () => {
    const tried: string[] = [];
    for (const { table, owner: column } of owned) {
      for (const name of await columnsOf(table, 'UPDATE')) {
        const changed = await asCustomer(people.own.userId, async (tx) => {
          const all =
            await tx`update ${tx(table)} set ${tx(name)} = ${tx(name)} returning ${tx(column)} as owner`;
          return [...new Set(all.map((row) => row.owner))];
        });
        expect([table, name, changed]).toEqual([table, name, [people.own.userId]]);
        tried.push(`${table}.${name}`);
      }
    }
    expect(tried.length).toBeGreaterThan(5);
  });

  test('lets a customer give no row to another and delete none of theirs', async () => {
    for (const { table, owner: column } of owned) {
      const { userId } = people.other;
      const given = stateOf(
        asCustomer(people.own.userId, (tx) => tx`update ${tx(table)} set ${tx(column)} = ${userId}`),
      );
      expect([table, await given]).toEqual([table, REFUSED]);
      const before = await rowsOf(table, column, userId);
      const deleted = await stateOf(
        asCustomer(people.own.userId, (tx) => tx`delete from ${tx(table)} where ${tx(column)} = ${userId}`),
      );
      // Where customers may delete what is theirs, nobody else's is there for them.
      expect([table, DELETABLE.has(table) ? REFUSED : deleted]).toEqual([table, REFUSED]);
      expect([table, await rowsOf(table, column, userId)]).toEqual([table, before]);
      expect([table, before > 0 || !DELETABLE.has(table)]).toEqual([table, true]);
    }
  });

  test('takes no row of another from a customer, and their own where they may write', async () => {
    const tried: string[] = [];
    for (const table of await writableTables()) {
      const columns = await columnsOf(table, 'INSERT');
      const column = owned.find((each) => each.table === table)?.owner ?? 'actor_user_id';
      const [sample] = await engine<{ row: object }[]>`
        select to_jsonb(t) as row from ${engine(table)} t where ${engine(column)} = ${people.other.userId} limit 1`;
      const insert = (userId: string) =>
        stateOf(
          asCustomer(
            userId,
            (tx) => tx`insert into ${tx(table)} (${tx(columns)})
              select ${tx(columns)} from jsonb_populate_record(null::${tx(table)}, ${tx.json({ ...sample?.row, ...BEGINS[table] } as never)})`,
          ),
        );
      expect([table, sample === undefined]).toEqual([table, false]);
      expect([table, await insert(people.own.userId)]).toEqual([table, REFUSED]);
      // The same row as the customer it belongs to gets as far as the key that it has already.
      expect([table, await insert(people.other.userId)]).toEqual([table, '23505']);
      tried.push(table);
    }
    expect(tried.length).toBeGreaterThan(5);
  });
});

async function rowsOf(table: string, column: string, userId: string): Promise<number> {
  const [row] = await engine<{ count: number }[]>`
    select count(*)::int as count from ${engine(table)} where ${engine(column)} = ${userId}`;
  return row?.count ?? 0;
}

async function writableTables(): Promise<string[]> {
  const rows = await engine<{ name: string }[]>`
    select relname as name from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
      and has_any_column_privilege('plimsoll_app', oid, 'INSERT') order by 1`;
  return rows.map((row) => row.name);
}

test('a context ends with its transaction and is not there for the next on the connection', async () => {
  await app.begin(async (tx) => {
    await tx`select set_config('plimsoll.user_id', ${people.own.userId}, true)`;
    expect(await tx`select 1 from accounts`).not.toBeEmpty();
  });
  expect([...(await app`select 1 from accounts`)]).toEqual([]);
});
