import { sql } from 'drizzle-orm';
import { placeEvents } from '../platform/outbox/place-events.ts';
import { until } from './until.ts';
import type { World } from './world.ts';

/**
 * Gives every event that is committed its place, as the relay does; none runs. A transaction of another database of the
 * server may hold back what was written since it began.
 */
export async function placeAllEvents({ deps }: Pick<World, 'deps'>): Promise<void> {
  await until(async () => {
    await deps.db.engine.transaction((tx) => placeEvents(tx));
    const unplaced = await deps.db.engine.execute(sql`select from outbox where position is null limit 1`);
    return unplaced.length === 0;
  });
}
