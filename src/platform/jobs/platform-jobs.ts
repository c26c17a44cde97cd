/** The platform's own repeated work. */
import { sql } from 'drizzle-orm';
import { raiseAlarm } from '../alarms/raise-alarm.ts';
import { expireApprovals } from '../approvals/expire-approvals.ts';
import { record } from '../audit/record.ts';
import type { Ctx } from '../context.ts';
import type { Tx } from '../db/client.ts';
import { MONTHS_AHEAD } from '../db/partitions.ts';
import { transact } from '../db/transact.ts';
import type { Job } from '../domain.ts';
import { purgeKeptAnswers } from '../http/purge-answers.ts';
import { purgeRateCounters } from '../http/rate-limiter.ts';
import { purgeOutbox } from '../outbox/purge-outbox.ts';
import { JOB_EVENTS } from './audit.ts';

export const platformJobs: readonly Job[] = [
  { name: 'platform.ensure-partitions', cron: '7 * * * *', run: ensurePartitions },
  { name: 'platform.expire-approvals', cron: '* * * * *', run: expireApprovals },
  { name: 'platform.purge-rate-counters', cron: '*/10 * * * *', run: ({ deps }) => purgeRateCounters(deps) },
  { name: 'platform.purge-kept-answers', cron: '40 1 * * *', run: purgeKeptAnswers },
  { name: 'platform.purge-outbox', cron: '25 * * * *', run: purgeOutbox },
];

/**
 * Keeps the months ahead and looks whether any row had to fall into a backstop; what did is moved into
 * months of its own.
 * @effects DDL by functions of the migrator's; audit `partitions.created`, `partitions.rescued`; the alarm
 *   `partitions.overflowed`
 */
export async function ensurePartitions(ctx: Ctx): Promise<void> {
  const filled = await transact(ctx, 'engine', async (tx) => {
    const [made] = await tx.execute<{ count: number }>(
      sql`select ensure_partitions(${MONTHS_AHEAD}) as count`,
    );
    if (made !== undefined && made.count > 0) {
      await tell(tx, ctx, 'partitions.created', { count: made.count });
    }
    const found = await tx.execute<{ name: string }>(sql`select name from overflowed_tables()`);
    const tables = found.map((table) => table.name);
    if (tables.length > 0) {
      const event = JOB_EVENTS['partitions.overflowed'];
      await raiseAlarm(tx, ctx, { event, resource: PARTITIONS, subjectUserId: null, after: { tables } });
    }
    return tables;
  });
  // Each by itself, after the alarm is on record: one that fails keeps no other from it.
  for (const table of filled) {
    await transact(ctx, 'engine', async (tx) => {
      const [moved] = await tx.execute<{ rows: string }>(sql`select rescue_default(${table})::text as rows`);
      await tell(tx, ctx, 'partitions.rescued', { table, rows: moved?.rows ?? '0' });
    });
  }
}

const PARTITIONS = { type: 'database', id: 'partitions' };

function tell(
  tx: Tx,
  ctx: Ctx,
  type: 'partitions.created' | 'partitions.rescued',
  after: object,
): Promise<void> {
  return record(tx, ctx, { event: JOB_EVENTS[type], resource: PARTITIONS, subjectUserId: null, after });
}
