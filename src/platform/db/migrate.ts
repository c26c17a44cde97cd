/**
 * Brings a database up to the code's migrations, as its owner, under an advisory lock so that
 * several nodes may start at once; then records what the guard compares with.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { drizzle } from 'drizzle-orm/postgres-js';
import { migrate } from 'drizzle-orm/postgres-js/migrator';
import type postgres from 'postgres';
import { type Connection, openClient } from './client.ts';

export const MIGRATIONS_FOLDER = join(import.meta.dir, '..', '..', '..', 'migrations');

/** Any fixed number: "PLIMSOLL" in ASCII, folded. */
const MIGRATION_LOCK = 5_786_021_774;

export type MigrationStatus = {
  readonly known: readonly { readonly name: string; readonly hash: string; readonly applied: boolean }[];
  /** Hashes the database has and this code does not. */
  readonly foreign: readonly string[];
};

export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

/**
 * Applies what is missing.
 * @effects DDL; rows of `guard_baseline`
 * @errors MigrationError when the database is newer than the code or was migrated by other code
 */
export async function applyMigrations(owner: Connection): Promise<{ readonly applied: number }> {
  const client = openClient(owner, 1);
  try {
    await client`select set_config('statement_timeout', '0', false)`;
    await client`select pg_advisory_lock(${MIGRATION_LOCK})`;
    const before = await statusOf(client);
    refuseForeign(before);
    const missing = before.known.filter((migration) => !migration.applied).length;
    if (missing > 0) {
      await migrate(drizzle(client), { migrationsFolder: MIGRATIONS_FOLDER });
      await recordBaseline(client);
    }
    return { applied: missing };
  } finally {
    await client.end({ timeout: 5 });
  }
}

/** Compares the migrations of the code with those of the database. */
export async function migrationStatus(connection: Connection): Promise<MigrationStatus> {
  const client = openClient(connection, 1);
  try {
    return await statusOf(client);
  } finally {
    await client.end({ timeout: 5 });
  }
}

/** @errors MigrationError when the database holds migrations this code does not know */
export function refuseForeign(status: MigrationStatus): void {
  if (status.foreign.length > 0) {
    throw new MigrationError(
      `The database holds ${status.foreign.length} migration(s) this version does not know: it was migrated by a newer or different version. Start that version, or restore a backup made before it.`,
    );
  }
}

/** The code's migrations in order, with the hash drizzle records for each. */
export function knownMigrations(): readonly { readonly name: string; readonly hash: string }[] {
  const journal = JSON.parse(readFileSync(join(MIGRATIONS_FOLDER, 'meta', '_journal.json'), 'utf8')) as {
    readonly entries: readonly { readonly tag: string }[];
  };
  return journal.entries.map(({ tag }) => {
    const text = readFileSync(join(MIGRATIONS_FOLDER, `${tag}.sql`), 'utf8');
    return { name: tag, hash: createHash('sha256').update(text).digest('hex') };
  });
}

async function statusOf(client: postgres.Sql): Promise<MigrationStatus> {
  const [table] = await client`select to_regclass('drizzle.__drizzle_migrations') as name`;
  const rows = table?.name === null ? [] : await client`select hash from drizzle.__drizzle_migrations`;
  const applied = new Set(rows.map((row) => String(row.hash)));
  const known = knownMigrations().map((migration) => ({
    ...migration,
    applied: applied.has(migration.hash),
  }));
  const hashes = new Set(known.map((migration) => migration.hash));
  return { known, foreign: [...applied].filter((hash) => !hashes.has(hash)) };
}

/** The catalogue as the migrations left it is what the guard holds the database to. */
async function recordBaseline(client: postgres.Sql): Promise<void> {
  await client.begin(async (tx) => {
    await tx`delete from guard_baseline`;
    await tx`insert into guard_baseline (kind, object, state) select kind, object, state from public.guard_state()`;
  });
}
