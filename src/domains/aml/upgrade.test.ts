/** What the migrations of this release make of gates and alerts that were there before them. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { drizzle } from 'drizzle-orm/postgres-js';
import { migrate } from 'drizzle-orm/postgres-js/migrator';
import type postgres from 'postgres';
import { type Id, newId } from '../../kernel/id.ts';
import { openClient } from '../../platform/db/client.ts';
import { applyMigrations, MIGRATIONS_FOLDER } from '../../platform/db/migrate.ts';
import { createEmptyDatabase, type TestDatabase } from '../../testing/postgres.ts';

/** The last migration before restrictions had causes and alerts had kinds. */
const BEFORE = 10;

const TABLES = ['users', 'customer_gates', 'screenings', 'aml_alerts', 'gate_restrictions'] as const;

let database: TestDatabase;
let owner: postgres.Sql;
let unforced: readonly { readonly relname: string }[];

type Person = { readonly id: Id; readonly screening: string; readonly restriction: string };

const PEOPLE: Readonly<Record<string, Person>> = {
  clear: { id: newId(), screening: 'clear', restriction: 'none' },
  open: { id: newId(), screening: 'open', restriction: 'none' },
  confirmed: { id: newId(), screening: 'confirmed', restriction: 'frozen' },
  confirmedOnly: { id: newId(), screening: 'confirmed', restriction: 'none' },
  restricted: { id: newId(), screening: 'clear', restriction: 'no_out' },
};

const ALERTS = [
  { id: newId(), trigger: 'kyc_application', result: 'alert', kind: 'sanctions' },
  { id: newId(), trigger: 'third_party_payer', result: 'alert', kind: 'third_party' },
  { id: newId(), trigger: 'kyc_application', result: 'error', kind: 'screening_error' },
  { id: newId(), trigger: 'kyc_application', result: 'alert', kind: 'sanctions' },
] as const;

beforeAll(async () => {
  database = await createEmptyDatabase(import.meta.file);
  owner = openClient(database.owner, 1);
  await migrateUpTo(BEFORE);
  await plant();
  await applyMigrations(database.owner);
  unforced = await owner<{ relname: string }[]>`
    select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
      and relrowsecurity and not relforcerowsecurity`;
  await force(TABLES, false);
}, 60_000);

afterAll(async () => {
  await owner.end();
  await database.drop();
});

/** The same migrations, fewer of them. */
async function migrateUpTo(last: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'plimsoll-upgrade-'));
  try {
    cpSync(MIGRATIONS_FOLDER, folder, { recursive: true });
    const path = join(folder, 'meta', '_journal.json');
    const journal = JSON.parse(readFileSync(path, 'utf8')) as { entries: { idx: number }[] };
    const entries = journal.entries.filter((entry) => entry.idx <= last);
    writeFileSync(path, JSON.stringify({ ...journal, entries }));
    await migrate(drizzle(owner), { migrationsFolder: folder });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function force(tables: readonly string[], forced: boolean): Promise<void> {
  for (const table of tables) {
    await owner.unsafe(`ALTER TABLE ${table} ${forced ? '' : 'NO '}FORCE ROW LEVEL SECURITY`);
  }
}

async function plant(): Promise<void> {
  const there = TABLES.filter((table) => table !== 'gate_restrictions');
  await force(there, false);
  for (const { id, screening, restriction } of Object.values(PEOPLE)) {
    await owner`insert into users (id, email, email_index, profile, status, created_at, updated_at)
      values (${id}, '\\x00', ${Buffer.from(id)}, '\\x00', 'active', now(), now())`;
    await owner`insert into customer_gates
        (user_id, kyc_status, kyc_level, screening, restriction, agreements_current, changed_by, changed_at)
      values (${id}, 'approved', 'basic', ${screening}, ${restriction}, true, 'somebody', now())`;
  }
  const userId = PEOPLE.open?.id as Id;
  for (const { id, trigger, result } of ALERTS) {
    await owner`insert into screenings (id, user_id, check_type, trigger, provider, subject, result, risk_score,
        list_versions, algorithm_version, config_hash, match_count, requested_by, checked_at)
      values (${id}, ${userId}, 'sanctions_screening', ${trigger}, 'built_in', '\\x00', ${result}, 90, '{}', 'x', '', 1,
        'test', now())`;
    await owner`insert into aml_alerts (id, user_id, screening_id, status, severity, created_at)
      values (${id}, ${userId}, ${id}, 'open', 'high', now())`;
  }
  await force(there, true);
}

test('what restricted people goes on, with its cause; whoever was confirmed is frozen, and nobody else is touched', async () => {
  const rows = await owner<{ user_id: Id; restriction: string; cause: string; gate: string }[]>`
    select r.user_id, r.restriction::text, r.cause, g.restriction::text as gate
    from gate_restrictions r join customer_gates g on g.user_id = r.user_id where r.lifted_at is null`;
  const found = new Map(rows.map((row) => [row.user_id, [row.gate, row.restriction, row.cause]]));
  const of = (name: string) => found.get(PEOPLE[name]?.id as Id);
  expect(of('confirmed')).toEqual(['frozen', 'frozen', 'sanctions']);
  expect(of('confirmedOnly')).toEqual(['frozen', 'frozen', 'sanctions']);
  expect(of('restricted')).toEqual(['no_out', 'no_out', 'aml_case']);
  expect([of('clear'), of('open'), rows.length]).toEqual([undefined, undefined, 3]);
});

test('alerts say of what kind they are, stop as they did, and stay open', async () => {
  const rows = await owner<{ id: Id; kind: string; effect: string; status: string; occurrences: number }[]>`
    select id, kind, effect, status::text, occurrences from aml_alerts`;
  for (const { id, kind } of ALERTS) {
    expect(rows.find((row) => row.id === id)).toEqual({
      id,
      kind,
      effect: 'stop',
      status: 'open',
      occurrences: 1,
    });
  }
});

test('every table with policies forces them again', () => {
  expect(unforced).toEqual([]);
});

test('of the alerts that were open, the newest of a kind takes in what is found again', async () => {
  const rows = await owner<{ id: Id; dedup_key: string | null }[]>`select id, dedup_key from aml_alerts`;
  const keyOf = (at: number) => rows.find(({ id }) => id === ALERTS[at]?.id)?.dedup_key;
  expect([0, 1, 2, 3].map(keyOf)).toEqual([null, null, 'screen:error', 'screen:sanctions']);
});
