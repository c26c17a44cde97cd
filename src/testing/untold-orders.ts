/** What no event of an order tells, of all that happened to the orders of a database. */
import { sql } from 'drizzle-orm';
import { placeAllEvents } from './placed-events.ts';
import type { World } from './world.ts';

/**
 * Orders of which a version has no row in their history, or is not in the feed once and in its turn. Nothing may be under
 * way, and no relay run.
 */
export async function untoldOrders({ deps }: Pick<World, 'deps'>): Promise<readonly unknown[]> {
  await placeAllEvents({ deps });
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
