import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/postgres-js';
import { openClient, type Tx } from '../platform/db/client.ts';
import type { TestDatabase } from './postgres.ts';

/**
 * Writes what the triggers of a table refuse, as one who owns the database could: what reconcile and the verbs are
 * then held to find. The triggers are as they were afterwards.
 * @effects whatever is written, in a transaction of its own
 */
export async function writeUnguarded(
  database: TestDatabase,
  table: string,
  write: (tx: Tx) => Promise<unknown>,
): Promise<void> {
  const owner = openClient(database.owner, 1);
  const name = sql.identifier(table);
  try {
    await drizzle(owner).transaction(async (tx) => {
      const triggers = await tx.execute<{ tgname: string }>(
        sql`select tgname from pg_trigger where tgrelid = ${table}::regclass and tgenabled = 'A'`,
      );
      await tx.execute(sql`alter table ${name} disable trigger user, no force row level security`);
      await write(tx);
      await tx.execute(sql`alter table ${name} enable trigger user, force row level security`);
      for (const { tgname } of triggers) {
        await tx.execute(sql`alter table ${name} enable always trigger ${sql.identifier(tgname)}`);
      }
    });
  } finally {
    await owner.end();
  }
}
