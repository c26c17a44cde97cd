/** What migrations make of wallets and lots that were there before them. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { drizzle } from 'drizzle-orm/postgres-js';
import { migrate } from 'drizzle-orm/postgres-js/migrator';
import type postgres from 'postgres';
import { newId } from '../../kernel/id.ts';
import { openClient } from '../../platform/db/client.ts';
import { sqlStateOf } from '../../platform/db/errors.ts';
import { applyMigrations, MIGRATIONS_FOLDER } from '../../platform/db/migrate.ts';
import { createEmptyDatabase, type TestDatabase } from '../../testing/postgres.ts';

/** The last migration before lots bore an open cost. */
const BEFORE = 16;

/** The last one before wallets said whether positions settle in them. */
const BEFORE_CLAIMS = 18;

const TABLES = ['users', 'accounts', 'wallets', 'lots', 'lot_disposals'];

let database: TestDatabase;
let owner: postgres.Sql;

beforeAll(async () => {
  database = await createEmptyDatabase(import.meta.file);
  owner = openClient(database.owner, 1);
  await migrateUpTo(BEFORE);
  await forceRowSecurity(false);
  await plant();
  await forceRowSecurity(true);
  await migrateUpTo(BEFORE_CLAIMS);
  await plantMargin();
  await applyMigrations(database.owner);
  await forceRowSecurity(false);
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

async function forceRowSecurity(forced: boolean): Promise<void> {
  for (const table of TABLES) {
    await owner.unsafe(`ALTER TABLE ${table} ${forced ? 'FORCE' : 'NO FORCE'} ROW LEVEL SECURITY`);
  }
}

/** Lots: untouched, sold in part, all gone, and without a cost. */
async function plant(): Promise<void> {
  const [userId, accountId, walletId] = [newId(), newId(), newId()];
  await owner`insert into assets (code, name, kind, scale, created_at) values ('BTC', 'BTC', 'crypto', 8, now())`;
  await owner`insert into users (id, email, email_index, profile, status, created_at, updated_at)
    values (${userId}, '\\x00', '\\x00', '\\x00', 'active', now(), now())`;
  await owner`insert into accounts (id, user_id, type, name, base_currency, status, created_at, updated_at)
    values (${accountId}, ${userId}, 'live', 'Live', 'USD', 'active', now(), now())`;
  await owner`insert into wallets (id, user_id, account_id, book, asset, status, created_at)
    values (${walletId}, ${userId}, ${accountId}, 'live', 'BTC', 'active', now())`;
  for (const [quantity, open, cost, taken] of [
    ['1', '1', '100.00000001', []],
    ['3', '1', '100', ['33.33333333', '33.33333334']],
    ['2', '0', '70', ['70']],
    ['5', '4', null, [null]],
  ] as const) {
    const id = newId();
    await owner`insert into lots (id, wallet_id, user_id, account_id, asset, quantity, quantity_open, cost, cost_currency,
        source, reference_id, acquired_at)
      values (${id}, ${walletId}, ${userId}, ${accountId}, 'BTC', ${quantity}, ${open}, ${cost},
        ${cost === null ? null : 'USD'}, 'trade', ${newId()}, now())`;
    for (const part of taken) {
      await owner`insert into lot_disposals (id, lot_id, user_id, account_id, quantity, cost, reference_type,
          reference_id, disposed_at)
        values (${newId()}, ${id}, ${userId}, ${accountId}, 1, ${part}, 'fill', ${newId()}, now())`;
    }
  }
}

/** One wallet whose positions are open. */
async function plantMargin(): Promise<void> {
  await forceRowSecurity(false);
  await owner`alter table margin_holds no force row level security`;
  await owner`insert into margin_holds (wallet_id, user_id, account_id, book, asset, held, initial_margin, maintenance_margin,
      unrealised_pnl, unrealised_loss, updated_at)
    select id, user_id, account_id, book, asset, 0, 10, 5, 0, 0, now() from wallets`;
  await owner`alter table margin_holds force row level security`;
  await forceRowSecurity(true);
}

test('a wallet that holds margin says that positions settle in it', async () => {
  expect([...(await owner`select has_positions from wallets`)]).toEqual([{ has_positions: true }]);
});

test('what is open of a lot bears what its disposals did not take, and went by fifo', async () => {
  const lots = await owner<{ cost_open: string | null }[]>`
    select trim_scale(cost_open)::text as cost_open from lots order by quantity`;
  expect(lots.map((lot) => lot.cost_open)).toEqual(['100.00000001', '0', '33.33333333', null]);
  const methods = await owner`select distinct method::text as method from lot_disposals`;
  expect([...methods]).toEqual([{ method: 'fifo' }]);
  expect([...(await owner`select lot_method::text as method from accounts`)]).toEqual([{ method: 'fifo' }]);
});

test('a lot with a cost cannot lose what its open part bears', async () => {
  const state = await owner`update lots set cost_open = null where cost is not null`.then(
    () => 'updated',
    (error: unknown) => sqlStateOf(error),
  );
  expect(state).toBe('23514');
});
