/**
 * The schemas the code declares, held against the database the migrations made: the same statements that
 * would create it afresh are run beside it, and the catalogue must tell the two apart nowhere but where
 * migrations add by hand what drizzle cannot say.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateDrizzleJson, generateMigration } from 'drizzle-kit/api';
import type postgres from 'postgres';
import { newId } from '../kernel/id.ts';
import { openClient } from '../platform/db/client.ts';
import { MIGRATIONS_FOLDER } from '../platform/db/migrate.ts';
import { PARTITIONED_BY } from '../platform/db/partitions.ts';
import { createTestDatabase, type TestDatabase } from './postgres.ts';

/** Foreign keys that follow no import, bounds that older rows are moved into first, and policies of the one role that drizzle does not know. */
const ADDED_BY_HAND = [
  'constraint instruments.instruments_quote_asset_fkey',
  'constraint instruments.instruments_settlement_asset_fkey',
  'constraint instruments.instruments_spot_base_fkey',
  'constraint kyc_documents.kyc_documents_days_check',
  'constraint kyc_documents.kyc_documents_party_id_fkey',
  'constraint lots.lots_cost_known_check',
  'index circuit_breakers.circuit_breakers_standing_key',
  'policy audit_archives.audit_archives_owner',
  'policy journals.journals_ledger',
  'policy legal_holds.legal_holds_owner',
  'policy margin_holds.margin_holds_ledger',
  'policy positions.positions_ledger',
  'policy risk_exposures.risk_exposures_ledger',
  'policy risk_turnovers.risk_turnovers_ledger',
  'policy wallets.wallets_ledger',
];

/** Read by every login, written by none of the customers': their policy lets every row through. */
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

/** Tables without row-level security: what is true for everybody, or what no customer's login may touch. */
const WITHOUT_ROW_SECURITY = [
  'agreements',
  'assets',
  'guard_baseline',
  'instruments',
  'kyc_levels',
  'quotes',
  'system_marks',
  'trades',
];

type Row = Record<string, unknown>;

let database: TestDatabase;
let owner: postgres.Sql;
/** Of the database that is taken apart. */
let torn: postgres.Sql;

beforeAll(async () => {
  database = await createTestDatabase(import.meta.file);
  owner = openClient(database.owner, 1);
});
afterAll(async () => {
  await owner.end();
  await database.drop();
});

async function declared(): Promise<Record<string, unknown>> {
  const source = join(import.meta.dir, '..');
  const modules = await Promise.all(
    [...new Bun.Glob('**/schema.ts').scanSync(source)].map((path) => import(join(source, path))),
  );
  return Object.assign({}, ...modules) as Record<string, unknown>;
}

describe('the declared schema', () => {
  test('is the one the last migration was generated from', async () => {
    const meta = join(MIGRATIONS_FOLDER, 'meta');
    const snapshots = readdirSync(meta).filter((name) => name.endsWith('_snapshot.json'));
    const last = JSON.parse(readFileSync(join(meta, snapshots.toSorted().at(-1) ?? ''), 'utf8'));
    expect(await generateMigration(last, generateDrizzleJson(await declared()))).toEqual([]);
  });

  test('made afresh has the catalogue of the migrated one', async () => {
    await makeAfresh();
    const fresh = await catalogue('fresh');
    const migrated = await catalogue('public');
    expect(fresh.size).toBeGreaterThan(500);
    const added = [...migrated.keys()].filter((object) => !fresh.has(object));
    expect(added.toSorted()).toEqual(ADDED_BY_HAND);
    const differing = [...fresh]
      .filter(([object, definition]) => migrated.get(object) !== definition)
      .map(([object, definition]) => ({ object, declared: definition, migrated: migrated.get(object) }));
    expect(differing).toEqual([]);
    await owner`drop schema fresh cascade`;
  });
});

/** The statements drizzle-kit would write for an empty database, run in a schema of their own. */
async function makeAfresh(): Promise<void> {
  const statements = await generateMigration(generateDrizzleJson({}), generateDrizzleJson(await declared()));
  await owner`create schema fresh`;
  await owner`set search_path = fresh`;
  for (const statement of statements) {
    await owner.unsafe(partitioned(statement.replaceAll('"public".', '"fresh".')));
  }
}

function partitioned(statement: string): string {
  const table = /^CREATE TABLE "(\w+)"/.exec(statement)?.[1] ?? '';
  const column = PARTITIONED_BY[table];
  return column === undefined ? statement : statement.replace(/;\s*$/, ` PARTITION BY RANGE ("${column}");`);
}

/** Columns, constraints, indexes, policies and types of a schema, spelt without its name. */
async function catalogue(schema: 'public' | 'fresh'): Promise<Map<string, string>> {
  await owner`select set_config('search_path', ${schema}, false)`;
  const rows = await owner<{ object: string; definition: string }[]>`
    with relations as (
      select c.oid, c.relname from pg_class c
      where c.relnamespace = ${schema}::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
    )
    select 'column ' || r.relname || '.' || a.attname as object,
        format_type(a.atttypid, a.atttypmod) || case when a.attnotnull then ' not null' else '' end
        || ' ' || a.attgenerated::text || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '') as definition
      from relations r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
      left join pg_attrdef d on d.adrelid = r.oid and d.adnum = a.attnum
    union all
    select 'constraint ' || r.relname || '.' || c.conname, pg_get_constraintdef(c.oid)
      from relations r join pg_constraint c on c.conrelid = r.oid and c.contype in ('c', 'f', 'p', 'u', 'x')
    union all
    select 'index ' || r.relname || '.' || i.indexrelid::regclass::text,
        replace(replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON '), ${schema} || '.', '')
      from relations r join pg_index i on i.indrelid = r.oid
    union all
    select 'policy ' || p.tablename || '.' || p.policyname,
        concat_ws(' ', p.permissive, p.cmd, p.roles::text, 'using', p.qual, 'check', p.with_check)
      from pg_policies p where p.schemaname = ${schema}
    union all
    select 'row security ' || relname, relrowsecurity::text
      from pg_class where oid in (select oid from relations)
    union all
    select 'enum ' || t.typname, string_agg(e.enumlabel, ',' order by e.enumsortorder)
      from pg_type t join pg_enum e on e.enumtypid = t.oid
      where t.typnamespace = ${schema}::regnamespace group by t.typname`;
  await owner`set search_path = public`;
  return new Map(rows.map((row) => [row.object, row.definition]));
}

describe('the migrated database', () => {
  test('forces row-level security on every table and partition but the few that all may read', async () => {
    const rows = await owner<{ name: string; guarded: boolean }[]>`
      select relname as name, relrowsecurity and relforcerowsecurity as guarded from pg_class
      where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')`;
    expect(rows.length).toBeGreaterThan(60);
    const open = rows.filter((row) => !row.guarded).map((row) => row.name);
    expect(open.toSorted()).toEqual(WITHOUT_ROW_SECURITY);
  });

  test('lets no partition hold up the clearing away of old rows, in months to come either', async () => {
    const settings = [
      'autovacuum_analyze_scale_factor=0.5',
      'autovacuum_vacuum_cost_delay=0',
      'autovacuum_vacuum_insert_scale_factor=0.5',
    ];
    await owner
      .begin(async (tx) => {
        const [later] = await tx<{ made: number }[]>`select ensure_partitions(30) as made`;
        expect(later?.made).toBeGreaterThan(0);
        const rows = await tx<{ name: string; settings: string[] }[]>`
        select c.relname as name, array(select unnest(c.reloptions) order by 1) as settings from pg_inherits
        join pg_class c on c.oid = inhrelid and c.relkind = 'r' where c.relnamespace = 'public'::regnamespace`;
        expect(rows.length).toBeGreaterThan(100);
        expect(rows.filter((row) => row.settings.join(' ') !== settings.join(' '))).toEqual([]);
        throw new Error('undone');
      })
      .catch((error: unknown) => expect((error as Error).message).toBe('undone'));
  });

  test('keeps nothing of a person in a table without it, and lets customers write to none of them', async () => {
    const columns = await owner`
      select table_name, column_name from information_schema.columns
      where table_schema = 'public' and table_name = any(${WITHOUT_ROW_SECURITY})
        and column_name ~ '(user|account|customer|person)_id$'`;
    expect([...columns]).toEqual([]);
    const grants = await owner`
      select distinct table_name, privilege_type from information_schema.column_privileges
      where table_schema = 'public' and table_name = any(${WITHOUT_ROW_SECURITY})
        and grantee = 'plimsoll_app' and privilege_type <> 'SELECT'`;
    expect([...grants]).toEqual([]);
  });

  test('has an index that begins with a column of each foreign key', async () => {
    const rows = await owner<{ key: string }[]>`
      select c.conrelid::regclass || '.' || c.conname as key from pg_constraint c
      join pg_class r on r.oid = c.conrelid and not r.relispartition
      where c.contype = 'f' and c.connamespace = 'public'::regnamespace and not exists (
        select 1 from pg_index i where i.indrelid = c.conrelid and i.indkey[0] = any(c.conkey)
      )`;
    expect(rows.map((row) => row.key).toSorted()).toEqual([]);
  });

  test('has a column for every enum', async () => {
    const rows = await owner<{ name: string }[]>`
      select t.typname as name from pg_type t
      where t.typnamespace = 'public'::regnamespace and t.typtype = 'e' and not exists (
        select 1 from pg_attribute a join pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p')
        where a.atttypid in (t.oid, t.typarray) and not a.attisdropped
      )`;
    expect(rows.map((row) => row.name)).toEqual([]);
  });
});

describe("a customer's login", () => {
  // It is taken apart to plant rows, and the other tests look at a whole one.
  let apart: TestDatabase;

  beforeAll(async () => {
    apart = await createTestDatabase(`${import.meta.file} apart`);
    torn = openClient(apart.owner, 1);
  });
  afterAll(async () => {
    await torn.end();
    await apart.drop();
  });

  test('sees its own rows in each table it may read, none of another, and nothing without a context', async () => {
    const [mine, theirs] = [newId(), newId()];
    const tables = await ownedTables();
    expect(tables.length).toBeGreaterThan(20);
    for (const { name, column } of tables) {
      await plantRows(name, column, [mine, theirs]);
    }
    const app = openClient(apart.connections.app, 1);
    const seen = async (userId: string, { name, column }: OwnedTable): Promise<unknown[]> =>
      app.begin(async (tx) => {
        await tx`select set_config('plimsoll.user_id', ${userId}, true)`;
        return (await tx`select ${tx(column)} as owner from ${tx(name)}`).map((row) => row.owner);
      });
    for (const table of tables) {
      const views = {
        own: await seen(mine, table),
        stranger: await seen(newId(), table),
        none: await seen('', table),
      };
      expect({ table: table.name, ...views }).toEqual({
        table: table.name,
        own: [mine],
        stranger: [],
        none: [],
      });
    }
    await app.end();
  });

  test('has no grant at all on the tables that are not for customers', async () => {
    const rows = await torn<{ name: string }[]>`
      select c.relname as name from pg_class c
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
        and has_any_column_privilege('plimsoll_app', c.oid, 'SELECT')
        and c.relname <> all(${WITHOUT_ROW_SECURITY})`;
    const owned = (await ownedTables()).map((table) => table.name);
    expect(rows.map((row) => row.name).toSorted()).toEqual([...owned, ...PUBLISHED].toSorted());
    const forbidden = await torn<{ name: string }[]>`
      select c.relname as name from pg_class c
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
        and c.relname ~ '^(aml_|screening|list_|approval|journals|risk_limits|audit_|credentials|email_tokens)'
        and has_any_column_privilege('plimsoll_app', c.oid, 'SELECT')`;
    expect(forbidden.map((row) => row.name)).toEqual([]);
  });
});

type OwnedTable = { readonly name: string; readonly column: string };

/** Tables a customer may read, with the column their policy compares with the context. */
async function ownedTables(): Promise<OwnedTable[]> {
  const rows = await torn<{ name: string; qual: string }[]>`
    select c.relname as name, pg_get_expr(p.polqual, p.polrelid) as qual
    from pg_policy p join pg_class c on c.oid = p.polrelid and c.relnamespace = 'public'::regnamespace
    where 'plimsoll_app'::regrole = any(p.polroles) and p.polcmd in ('*', 'r')
      and has_any_column_privilege('plimsoll_app', c.oid, 'SELECT')`;
  const published = rows.filter(({ qual }) => qual === 'true').map(({ name }) => name);
  expect(published.toSorted()).toEqual(PUBLISHED);
  const owned = rows.filter(({ name }) => !published.includes(name));
  return owned.map(({ name, qual }) => {
    const column = /^\(+(\w+) = \( SELECT \(?NULLIF/.exec(qual)?.[1];
    expect({ name, qual, column }).toEqual({ name, qual, column: expect.any(String) });
    return { name, column: column ?? '' };
  });
}

/** One row for each owner; constraints and triggers are of no matter here and go away with the database. */
async function plantRows(table: string, column: string, owners: readonly string[]): Promise<void> {
  const [row] = await torn<{ partitions: string[] }[]>`
    select coalesce(array_agg(inhrelid::regclass::text), '{}') as partitions
    from pg_inherits where inhparent = ${table}::regclass`;
  await dropConstraints(table);
  for (const each of [table, ...(row?.partitions ?? [])]) {
    const triggers = await torn<{ name: string }[]>`
      select tgname as name from pg_trigger where tgrelid = ${each}::regclass and not tgisinternal and tgparentid = 0`;
    for (const { name } of triggers) {
      await torn`drop trigger ${torn(name)} on ${torn(each)}`;
    }
  }
  const needed = await torn<{ name: string; type: string; label: string | null }[]>`
    select a.attname as name, format_type(a.atttypid, null) as type,
      (select enumlabel from pg_enum e where e.enumtypid = a.atttypid order by enumsortorder limit 1) as label
    from pg_attribute a
    where a.attrelid = ${table}::regclass and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
      and (a.attnotnull or a.attname like '%visible%')`;
  await torn`alter table ${torn(table)} no force row level security`;
  for (const userId of owners) {
    const row: Row = Object.fromEntries(
      needed.map(({ name, type, label }) => [name, label ?? sampleOf(type)]),
    );
    await torn`insert into ${torn(table)} ${torn({ ...row, [column]: userId } as Record<string, string>)}`;
  }
  await torn`alter table ${torn(table)} force row level security`;
}

async function dropConstraints(table: string): Promise<void> {
  const rows = await torn<{ name: string }[]>`
    select conname as name from pg_constraint
    where conrelid = ${table}::regclass and contype in ('f', 'c') and coninhcount = 0`;
  for (const { name } of rows) {
    await torn`alter table ${torn(table)} drop constraint if exists ${torn(name)} cascade`;
  }
}

function sampleOf(type: string): unknown {
  const values: Record<string, unknown> = {
    uuid: newId(),
    text: newId(),
    bytea: Buffer.from(newId()),
    jsonb: '{}',
    boolean: true,
    'timestamp with time zone': '2026-01-01T00:00:00Z',
    xid8: '1',
    date: '2026-01-01',
    'text[]': '{}',
    'uuid[]': '{}',
  };
  return values[type] ?? '1';
}
