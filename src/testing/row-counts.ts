import { sql } from 'drizzle-orm';
import type { World } from './world.ts';

/**
 * What requests leave whatever comes of them: attempts, tokens of the rate, the order of the log; and the books
 * of instruments listed before, which an engine takes in its own time.
 */
const BESIDE_EFFECTS = /^(audit_|rate_|pgboss|book_owners$)/;

/**
 * Rows in every table that a request's effect could be in, once everything that follows from earlier
 * requests is done: equal counts before and after say that nothing was written.
 */
export async function rowCounts(world: World): Promise<Readonly<Record<string, number>>> {
  await world.settle();
  const { engine } = world.deps.db;
  const tables = await engine.execute<{ name: string }>(
    sql`select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
      and not relispartition and has_table_privilege(oid, 'select') order by relname`,
  );
  const counts: Record<string, number> = {};
  for (const { name } of tables) {
    if (!BESIDE_EFFECTS.test(name)) {
      const [row] = await engine.execute<{ n: number }>(
        sql`select count(*)::int as n from ${sql.identifier(name)}`,
      );
      counts[name] = row?.n ?? 0;
    }
  }
  return counts;
}
