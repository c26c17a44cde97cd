import { sql } from 'drizzle-orm';
import { firstIdAt } from '../../kernel/id.ts';
import type { Ctx } from '../context.ts';
import { type Purge, purgeRows } from '../jobs/purge-rows.ts';

/** How long events can be read again after they were delivered; business time may be moved, ids bear the real one. */
const KEPT_MS = 90 * 24 * 3_600_000;

/**
 * Delivered events go from the oldest on, so that the rest stays without a gap: up to the first that is not old
 * enough, that some consumer has not read, or that waits to be tried again or for somebody. The last one stays,
 * since places are counted on from it.
 */
const deliveredEvents: Purge = {
  table: 'outbox',
  remove: async (tx, { deps }, limit) => {
    const rows = await tx.execute(sql`
      with head as (
        select id, position from outbox where position is not null order by position limit ${limit}
      ), stop as (
        select least(
          (select min(position) from head where id >= ${firstIdAt(deps.clock.realMs() - KEPT_MS)}::uuid),
          (select max(position) from outbox),
          (select min(position) from outbox_retries),
          coalesce((select min(position) + 1 from outbox_consumers), 0)) as position
      )
      delete from outbox using head, stop
      where outbox.id = head.id and head.position < stop.position
      returning 1`);
    return rows.length;
  },
};

/** @effects rows of `outbox`; audit `rows.purged` */
export async function purgeOutbox(ctx: Ctx): Promise<void> {
  await purgeRows(ctx, [deliveredEvents]);
}
