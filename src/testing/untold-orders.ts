/** What no event of an order tells, of all that happened to the orders of a database. */
import { sql } from 'drizzle-orm';
import { placeEvents } from '../platform/outbox/place-events.ts';
import { until } from './until.ts';
import type { World } from './world.ts';

/**
 * Orders of which a version has no row in their history, or is not in the feed once and in its turn. Nothing may be under
 * way, and no relay run.
 */
export async function untoldOrders({ deps }: Pick<World, 'deps'>): Promise<readonly unknown[]> {
  // A transaction of another database of the server may hold back what was written since it began.
  await until(async () => {
    await deps.db.engine.transaction((tx) => placeEvents(tx));
    const unplaced = await deps.db.engine.execute(sql`select from outbox where position is null limit 1`);
    return unplaced.length === 0;
  });
  return deps.db.engine.execute(sql`
    with feed as (
      select data ->> 'orderId' as id, array_agg((data ->> 'version')::int order by position) as versions
      from outbox where type like 'trading.order\\_%' and customer_visible and data ? 'version' group by 1
    ), kept as (
      select order_id::text as id, array_agg(distinct (data ->> 'version')::int) as versions
      from order_events where data ? 'version' group by 1
    )
    select o.id, o.status, o.version, k.versions as kept, f.versions as told
    from orders o left join feed f on f.id = o.id::text left join kept k on k.id = o.id::text
    cross join lateral (select array_agg(n) as versions from generate_series(1, o.version) n) due
    where f.versions is distinct from due.versions or k.versions is distinct from due.versions`);
}
