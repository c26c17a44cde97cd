import { type SQL, sql } from 'drizzle-orm';
import type { Tx } from '../../platform/db/client.ts';
import type { Check, CheckResult } from '../../platform/domain.ts';

export const accountChecks: readonly Check[] = [
  {
    name: 'accounts.one_default_per_type',
    invariant: 'I12',
    run: (tx) =>
      look(
        tx,
        sql`select user_id || ' ' || type as object, count(*) filter (where is_default) || ' defaults' as detail
            from accounts group by user_id, type having count(*) filter (where is_default) <> 1`,
      ),
  },
  {
    name: 'accounts.closed_say_when',
    invariant: 'I2',
    run: (tx) =>
      look(
        tx,
        sql`select 'account ' || id as object, 'status ' || status || ', closed at ' || coalesce(closed_at::text, 'never')
              as detail
            from accounts where (status = 'closed') <> (closed_at is not null)`,
      ),
  },
];

async function look(tx: Tx, breaks: SQL): Promise<CheckResult> {
  const [counted] = await tx.execute<{ seen: number }>(sql`select count(*)::int as seen from accounts`);
  const rows = await tx.execute<{ object: string; detail: string }>(breaks);
  return { seen: counted?.seen ?? 0, breaks: rows.map(({ object, detail }) => ({ object, detail })) };
}
