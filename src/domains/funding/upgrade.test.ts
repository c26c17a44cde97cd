/** What the client-money migrations make of a database that was in use before them. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { drizzle } from 'drizzle-orm/postgres-js';
import { migrate } from 'drizzle-orm/postgres-js/migrator';
import type postgres from 'postgres';
import { newId } from '../../kernel/id.ts';
import { openClient } from '../../platform/db/client.ts';
import { applyMigrations, MIGRATIONS_FOLDER } from '../../platform/db/migrate.ts';
import { createEmptyDatabase, type TestDatabase } from '../../testing/postgres.ts';

/**
 * The last migration before client money, before files were known to be fetched, before the firm's own accounts were
 * known from those of clients' money, and before it was kept when a provider said last that it has a payout.
 */
const BEFORE = 6;
const BEFORE_DOWNLOADS = 18;
const BEFORE_ROLES = 28;
const BEFORE_WORDS = 30;

let database: TestDatabase;
let owner: postgres.Sql;
let unforced: readonly { readonly relname: string }[];

beforeAll(async () => {
  database = await createEmptyDatabase(import.meta.file);
  owner = openClient(database.owner, 1);
  await migrateUpTo(BEFORE);
  await plant();
  await migrateUpTo(BEFORE_DOWNLOADS);
  await plantPayout();
  await plantReports();
  await migrateUpTo(BEFORE_ROLES);
  await plantAccounts();
  await migrateUpTo(BEFORE_WORDS);
  await plantSubmissions();
  await applyMigrations(database.owner);
  unforced = await owner<{ relname: string }[]>`
    select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
      and relrowsecurity and not relforcerowsecurity`;
  await owner.unsafe('ALTER TABLE funding_limits NO FORCE ROW LEVEL SECURITY');
});

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

type Limit = readonly [asset: string, level: string, hours: number, maximum: string];

const LIMITS: readonly Limit[] = [
  ['USD', 'standard', 24, '50000'],
  ['USD', 'basic', 24, '999999999999'],
  ['BTC', 'standard', 24, '1.5'],
  ['EUR', 'standard', 24, '100'],
  ['EUR', 'standard', 720, '250'],
];

async function plant(): Promise<void> {
  await owner.unsafe('ALTER TABLE funding_limits NO FORCE ROW LEVEL SECURITY');
  for (const [code, kind] of [
    ['USD', 'fiat'],
    ['EUR', 'fiat'],
    ['BTC', 'crypto'],
  ] as const) {
    await owner`insert into assets (code, name, kind, scale, created_at)
      values (${code}, ${code}, ${kind}, 2, now())`;
  }
  for (const [asset, level, hours, maximum] of LIMITS) {
    await owner`insert into funding_limits (id, kyc_level, asset, direction, window_hours, maximum, created_at)
      values (${newId()}, ${level}, ${asset}, 'withdrawal', ${hours}, ${maximum}, now())`;
  }
  await owner.unsafe('ALTER TABLE funding_limits FORCE ROW LEVEL SECURITY');
}

const FILE = newId();
const PAYOUT = newId();

/** A file, and a debit that names its payout but has another amount; whose they are is of no matter here. */
async function plantPayout(): Promise<void> {
  const tables = [
    'payout_accounts',
    'payout_files',
    'withdrawals',
    'bank_statement_lines',
    'statement_debits',
  ];
  const keys = await owner<{ table: string; name: string }[]>`
    select conrelid::regclass::text as table, conname as name from pg_constraint
    where contype = 'f' and conrelid::regclass::text = any (${tables})`;
  for (const { table, name } of keys) {
    await owner`alter table ${owner(table)} drop constraint ${owner(name)}`;
  }
  for (const table of tables) {
    await owner`alter table ${owner(table)} no force row level security`;
  }
  const [account, line, seal] = [newId(), newId(), new Uint8Array([1])];
  await owner`insert into payout_accounts (id, asset, holder_name, iban, bic, created_at)
    values (${account}, 'USD', 'Clients', 'X', 'Y', now())`;
  await owner`insert into payout_files (id, message_id, provider, asset, payout_account_id, execution_date,
      transaction_count, control_sum, file_hash, created_by, created_at)
    values (${FILE}, 'M', 'manual', 'USD', ${account}, '2026-01-31', 1, 100, ${seal}, ${newId()}, now())`;
  await owner`insert into withdrawals (id, user_id, account_id, wallet_id, asset, amount, fee, beneficiary_id,
      destination, destination_hash, status, payout_reference, created_at)
    values (${PAYOUT}, ${newId()}, ${newId()}, ${newId()}, 'USD', 100, 0, ${newId()}, ${seal}, ${seal},
      'processing', 'E2E', now())`;
  await owner`insert into bank_statement_lines (id, statement_id, position, direction, amount, reversal,
      booking_date, value_date, end_to_end_id, counterparty)
    values (${line}, ${newId()}, 0, 'debit', 102, false, '2026-01-31', '2026-01-31', 'E2E', ${seal})`;
  await owner`insert into statement_debits (id, statement_line_id, wallet_id, asset, amount, reason, status, created_at)
    values (${newId()}, ${line}, ${newId()}, 'USD', 102, 'amount_differs', 'open', now())`;
  for (const table of tables) {
    await owner`alter table ${owner(table)} force row level security`;
  }
}

/** What a custodian said, and a file that was refused. */
async function plantReports(): Promise<void> {
  await owner`alter table custody_reports no force row level security`;
  const file = (byte: number) => new Uint8Array([byte]);
  await owner`insert into custody_reports (id, status, legal_entity, file_hash, custodian, as_of, line_count,
      imported_by, imported_at)
    values (${newId()}, 'imported', 'Firm', ${file(1)}, 'main', '2026-01-31', 0, 'somebody', now())`;
  await owner`insert into custody_reports (id, status, legal_entity, file_hash, line_count, refusal_code, refusal,
      imported_by, imported_at)
    values (${newId()}, 'refused', 'Firm', ${file(2)}, 0, 'custody_report_malformed', 'Not one', 'somebody', now())`;
  await owner`alter table custody_reports force row level security`;
}

/** An account whose statements are taken, and that customers are told to pay to. */
async function plantAccounts(): Promise<void> {
  const tables = ['bank_accounts', 'deposit_accounts'];
  await owner`alter table deposit_accounts drop constraint deposit_accounts_approval_id_approvals_id_fk`;
  for (const table of tables) {
    await owner`alter table ${owner(table)} no force row level security`;
    await owner`alter table ${owner(table)} disable trigger user`;
  }
  await owner`insert into bank_accounts (id, iban, currency, house_reference, name, created_at)
    values (${newId()}, 'X', 'USD', 'main', 'Clients', now())`;
  await owner`insert into deposit_accounts (id, asset, holder_name, iban, bic, bank_name, approval_id, created_at)
    values (${newId()}, 'USD', 'Clients', 'X', 'Y', 'Bank', ${newId()}, now())`;
  for (const table of tables) {
    await owner`alter table ${owner(table)} enable trigger user`;
    await owner`alter table ${owner(table)} force row level security`;
  }
}

const SAID_AT = '2026-02-03T00:00:00Z';
const FORGOTTEN = newId();

/** Of providers: one has its payout, one forgot what it had, one never knew it, one was never told. */
async function plantSubmissions(): Promise<void> {
  const tables = ['payout_submissions', 'inbound_events'];
  await owner`alter table payout_submissions drop constraint payout_submissions_withdrawal_id_withdrawals_id_fk`;
  for (const table of tables) {
    await owner`alter table ${owner(table)} no force row level security`;
    await owner`alter table ${owner(table)} disable trigger user`;
  }
  for (const [withdrawalId, provider, said] of [
    [newId(), 'has', 'accepted'],
    [FORGOTTEN, 'forgot', 'unknown'],
    [newId(), 'knows-not', 'unknown'],
    [newId(), 'untold', null],
  ] as const) {
    const saidAt = said === null ? null : SAID_AT;
    await owner`insert into payout_submissions (id, withdrawal_id, provider, sent_at, said, said_at, next_at, created_at)
      values (${newId()}, ${withdrawalId}, ${provider}, ${saidAt}, ${said}, ${saidAt}, now(), now())`;
  }
  await owner`insert into inbound_events (id, provider, event_id, type, payload, state, withdrawal_id, occurred_at, received_at)
    values (${newId()}, 'forgot', 'E', 'payout.accepted', ${new Uint8Array([1])}, 'processed', ${FORGOTTEN}, now(), now())`;
  for (const table of tables) {
    await owner`alter table ${owner(table)} enable trigger user`;
    await owner`alter table ${owner(table)} force row level security`;
  }
}

async function limitsOf(asset: string, level: string): Promise<Record<string, string[]>> {
  const rows = await owner<{ method: string; window_hours: number; maximum: string }[]>`
    select method, window_hours, trim_scale(maximum)::text as maximum from funding_limits
    where asset = ${asset} and kyc_level = ${level} order by method::text, window_hours`;
  const byMethod: Record<string, string[]> = {};
  for (const row of rows) {
    byMethod[row.method] = [...(byMethod[row.method] ?? []), `${row.window_hours} h ${row.maximum}`];
  }
  return byMethod;
}

test('a limit of the day holds for each way out there was, and for the week and month it implied', async () => {
  const windows = ['24 h 50000', '168 h 350000', '720 h 1500000'];
  expect(await limitsOf('USD', 'standard')).toEqual({
    bank_transfer: windows,
    mcb_juice: windows,
    mips: windows,
    mobile_money: windows,
  });
  expect(await limitsOf('BTC', 'standard')).toEqual({
    crypto: ['24 h 1.5', '168 h 10.5', '720 h 45'],
  });
});

test('a longer limit that was set stays, and none grows beyond what an amount can hold', async () => {
  expect((await limitsOf('EUR', 'standard')).bank_transfer).toEqual(['24 h 100', '168 h 700', '720 h 250']);
  const basic = await limitsOf('USD', 'basic');
  expect(basic.mips).toEqual([
    '24 h 999999999999',
    '168 h 999999999999.99999999',
    '720 h 999999999999.99999999',
  ]);
});

test('ways out that are new have no limit, which refuses them', async () => {
  const rows = await owner`select 1 from funding_limits where method in ('my_t_money', 'blink', 'other')`;
  expect([...rows]).toEqual([]);
});

test('a payout file of before counts as fetched, and a debit that names a payout keeps it from being freed', async () => {
  await owner`alter table payout_file_downloads no force row level security`;
  await owner`alter table statement_debits no force row level security`;
  const fetched = await owner`select downloaded_by from payout_file_downloads where file_id = ${FILE}`;
  expect([...fetched]).toEqual([{ downloaded_by: null }]);
  const named = await owner`select named_withdrawal_id as id from statement_debits`;
  expect([...named]).toEqual([{ id: PAYOUT }]);
});

test('a custody report of before counts as it did, and a refused file does not', async () => {
  await owner`alter table custody_reports no force row level security`;
  const rows =
    await owner`select status, standing, confirmation_id from custody_reports order by status::text`;
  expect([...rows]).toMatchObject([
    { status: 'imported', standing: 'confirmed', confirmation_id: null },
    { status: 'refused', standing: 'void', confirmation_id: null },
  ]);
});

test('an account of before is of clients’ money, and its instructions name no firm', async () => {
  await owner`alter table bank_accounts no force row level security`;
  await owner`alter table deposit_accounts no force row level security`;
  const rows =
    await owner`select b.house_role, d.legal_entity from bank_accounts b join deposit_accounts d using (iban)`;
  expect([...rows]).toEqual([{ house_role: 'client_money_bank', legal_entity: null }]);
});

test('a payout that its provider had counts as had until its last word of before', async () => {
  await owner`alter table payout_submissions no force row level security`;
  const rows =
    await owner`select provider, accepted_at = said_at as had from payout_submissions order by provider`;
  expect([...rows]).toEqual([
    { provider: 'forgot', had: true },
    { provider: 'has', had: true },
    { provider: 'knows-not', had: null },
    { provider: 'untold', had: null },
  ]);
});

test('row-level security is forced again wherever the upgrade wrote', () => {
  expect([...unforced]).toEqual([]);
});
