import { sql } from 'drizzle-orm';
import { addMs } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { type Purge, purgeRows } from '../../../platform/jobs/purge-rows.ts';
import { MARKETS_EVENTS } from '../audit.ts';

/** What was held back is looked at within days. */
const QUARANTINE_MS = 90 * 24 * 3_600_000;

const oldQuarantine: Purge = {
  table: 'quarantined_ticks',
  remove: async (tx, { deps }, limit) => {
    const before = addMs(deps.clock.realNow(), -QUARANTINE_MS);
    const rows = await tx.execute(sql`
      delete from quarantined_ticks where id in (
        select id from quarantined_ticks where received_at < ${before}::timestamptz order by id limit ${limit})
      returning 1`);
    return rows.length;
  },
};

/**
 * Empties the months of ticks that nobody need keep: trades have their own price, and candles stay.
 * @effects months of `price_ticks`; rows of `quarantined_ticks`; audit `price_ticks.pruned`, `rows.purged`
 */
export async function pruneTicks(ctx: Ctx): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    const [pruned] = await tx.execute<{ months: number }>(
      sql`select prune_price_ticks(${ctx.deps.tickMonths}) as months`,
    );
    if (pruned !== undefined && pruned.months > 0) {
      await record(tx, ctx, {
        event: MARKETS_EVENTS['price_ticks.pruned'],
        resource: { type: 'database', id: 'price_ticks' },
        subjectUserId: null,
        after: pruned,
      });
    }
  });
  await purgeRows(ctx, [oldQuarantine]);
}
