import { sql } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import { type Instant, readStoredInstant } from '../../../kernel/time.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import type { OrderRow } from '../pipeline/ticket.ts';

type Placed = {
  readonly step: number;
  readonly position_id: Id;
  readonly status: OrderRow['status'];
  readonly open: boolean;
  readonly placed_at: string;
};

/**
 * What a liquidation has placed, also where nobody came to say so. An order of an exit that went before it counts as
 * under way too: of two at a venue both may trade.
 * @effects `liquidation_orders.order_id` of orders that are found by their key
 * @shape how many steps ordered something that was not refused, and the positions an order is under way for, since when
 */
export async function placedOf(
  tx: Tx,
  liquidationId: Id,
): Promise<{ readonly taken: number; readonly underway: ReadonlyMap<Id, Instant> }> {
  await executePrepared(
    tx,
    sql`update liquidation_orders l set order_id = o.id from orders o
      where l.liquidation_id = ${liquidationId}::uuid and l.order_id is null and o.account_id = l.account_id
        and o.idempotency_key = 'liquidation-' || l.id`,
  );
  const rows = await executePrepared<Placed>(
    tx,
    sql`select l.step, l.position_id, o.status, o.closed_at is null as open, o.placed_at::text as placed_at
      from liquidation_orders l join orders o on o.id = l.order_id where l.liquidation_id = ${liquidationId}::uuid
      order by l.id`,
  );
  const exits = await executePrepared<Pick<Placed, 'position_id' | 'placed_at'>>(
    tx,
    sql`select e.position_id, o.placed_at::text as placed_at
      from liquidations l join position_exits x on x.wallet_id = l.wallet_id and x.ended_at is null
      join position_exit_orders e on e.position_id = x.position_id
      join orders o on o.id = e.order_id and o.closed_at is null where l.id = ${liquidationId}::uuid`,
  );
  const open = [...rows.filter((row) => row.open), ...exits];
  return {
    taken: new Set(rows.filter(({ status }) => status !== 'rejected').map(({ step }) => step)).size,
    underway: new Map(open.map(({ position_id, placed_at }) => [position_id, readStoredInstant(placed_at)])),
  };
}
