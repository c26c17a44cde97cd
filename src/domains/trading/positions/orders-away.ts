import { sql } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayParameter } from '../../../platform/db/insert-rows.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';

/**
 * What those who trade with these orders have at a venue of the same contracts and sides, where such a trade may take of a
 * position that they would close: only there is something to share, so that what merely opens locks nothing beside it.
 */
export async function ordersAwayBeside(tx: Tx, orderIds: readonly Id[]): Promise<readonly Id[]> {
  if (orderIds.length === 0) {
    return [];
  }
  const ids = sql.param(arrayParameter('uuid', [...orderIds]));
  const rows = await executePrepared<{ readonly id: Id }>(
    tx,
    sql`select distinct other.id from orders one
      join orders other on other.account_id = one.account_id and other.instrument_id = one.instrument_id
        and other.side = one.side and other.closed_at is null
      join venue_orders v on v.order_id = other.id and v.state <> 'done'
      where one.id = any (${ids}::uuid[]) and (
        exists (select from positions p where p.account_id = one.account_id and p.instrument_id = one.instrument_id
          and p.closed_at is null and (p.side = 'long') = (one.side = 'sell'))
        or exists (select from orders opening where opening.id = any (${ids}::uuid[])
          and opening.account_id = one.account_id and opening.instrument_id = one.instrument_id
          and opening.side <> one.side))`,
  );
  return rows.map(({ id }) => id);
}
