/** The platform's own repeated work. */
import { sql } from 'drizzle-orm';
import { expireApprovals } from '../approvals/expire-approvals.ts';
import { record } from '../audit/record.ts';
import type { Ctx } from '../context.ts';
import type { Tx } from '../db/client.ts';
import { MONTHS_AHEAD, PARTITIONED_BY } from '../db/partitions.ts';
import { transact } from '../db/transact.ts';
import type { Job } from '../domain.ts';
import { purgeRateCounters } from '../http/rate-limiter.ts';
import { JOB_EVENTS } from './audit.ts';

export const platformJobs: readonly Job[] = [
  { name: 'platform.ensure-partitions', cron: '7 2 * * *', run: ensurePartitions },
  { name: 'platform.expire-approvals', cron: '* * * * *', run: expireApprovals },
  { name: 'platform.purge-rate-counters', cron: '*/10 * * * *', run: ({ deps }) => purgeRateCounters(deps) },
];

/**
 * Keeps the months ahead and looks whether any row had to fall into a backstop.
 * @effects DDL by a function of the migrator's; audit `partitions.created`, `partitions.overflowed`
 */
export async function ensurePartitions(ctx: Ctx): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    const [made] = await tx.execute<{ count: number }>(
      sql`select ensure_partitions(${MONTHS_AHEAD}) as count`,
    );
    if (made !== undefined && made.count > 0) {
      await tell(tx, ctx, 'partitions.created', { count: made.count });
    }
    // The statistics know without reading tables this login has no grant on.
    const backstops = Object.keys(PARTITIONED_BY).map((table) => `${table}_default`);
    const filled = await tx.execute<{ name: string }>(sql`
      select relname::text as name from pg_stat_user_tables
      where schemaname = 'public' and n_live_tup > 0
        and relname = any(string_to_array(${backstops.join(',')}, ','))`);
    if (filled.length > 0) {
      await tell(tx, ctx, 'partitions.overflowed', { tables: filled.map((table) => table.name) });
    }
  });
}

function tell(
  tx: Tx,
  ctx: Ctx,
  type: 'partitions.created' | 'partitions.overflowed',
  after: object,
): Promise<void> {
  const resource = { type: 'database', id: 'partitions' };
  return record(tx, ctx, { event: JOB_EVENTS[type], resource, subjectUserId: null, after });
}
