import { sql } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import { type Instant, readStoredInstant } from '../../../kernel/time.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayParameter } from '../../../platform/db/insert-rows.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';

type Placed = {
  readonly liquidation_id: Id;
  readonly step: number;
  readonly position_id: Id;
  readonly traded: boolean;
  readonly refused: boolean;
  readonly reason: string | null;
  readonly open: boolean;
  /** Its position is still open. */
  readonly held: boolean;
  /** The firm itself traded it. */
  readonly taken_over: boolean;
  readonly placed_at: string;
};

export type PlacedSteps = {
  readonly taken: number;
  readonly sized: number;
  readonly underway: ReadonlyMap<Id, Instant>;
  readonly unfilled: string | null;
  readonly since: Instant | null;
};

/**
 * What liquidations have placed, also where nobody came to say so. An order of an exit that went before it counts as
 * under way too: of two at a venue both may trade.
 * @effects `liquidation_orders.order_id` of orders that are found by their key
 * @shape by liquidation, one for each: how many steps traded something, and how many of them as much as the liquidation asked
 *   for: people name what the firm takes over; the positions an order is under way for, since when; why the last order that
 *   is over of a position traded nothing, null where that of each did; and when the first was placed
 */
export async function placedOf(tx: Tx, liquidationIds: readonly Id[]): Promise<ReadonlyMap<Id, PlacedSteps>> {
  const ids = sql.param(arrayParameter('uuid', liquidationIds));
  await executePrepared(
    tx,
    sql`update liquidation_orders l set order_id = o.id from orders o
      where l.liquidation_id = any (${ids}::uuid[]) and l.order_id is null and o.account_id = l.account_id
        and o.idempotency_key = 'liquidation-' || l.id`,
  );
  const rows = await executePrepared<Placed>(
    tx,
    sql`select l.liquidation_id, l.step, l.position_id, o.filled_quantity > 0 as traded, o.status = 'rejected' as refused,
        o.cancel_reason as reason, o.closed_at is null as open, o.placed_at::text as placed_at,
        p.closed_at is null as held,
        exists (select from liquidation_takeovers k where k.order_id = o.id) as taken_over
      from liquidation_orders l join orders o on o.id = l.order_id join positions p on p.id = l.position_id
      where l.liquidation_id = any (${ids}::uuid[])
      order by l.id`,
  );
  const exits = await executePrepared<Pick<Placed, 'liquidation_id' | 'position_id' | 'placed_at'>>(
    tx,
    sql`select l.id as liquidation_id, e.position_id, o.placed_at::text as placed_at
      from liquidations l join position_exits x on x.wallet_id = l.wallet_id and x.ended_at is null
      join position_exit_orders e on e.position_id = x.position_id
      join orders o on o.id = e.order_id and o.closed_at is null where l.id = any (${ids}::uuid[])`,
  );
  const [rowsOf, exitsOf] = [
    Map.groupBy(rows, (row) => row.liquidation_id),
    Map.groupBy(exits, (row) => row.liquidation_id),
  ];
  return new Map(
    liquidationIds.map((id): [Id, PlacedSteps] => [id, stepsIn(rowsOf.get(id) ?? [], exitsOf.get(id) ?? [])]),
  );
}

function stepsIn(
  rows: readonly Placed[],
  exits: readonly Pick<Placed, 'position_id' | 'placed_at'>[],
): PlacedSteps {
  const open = [...rows.filter((row) => row.open), ...exits];
  return {
    taken: stepsOf(rows.filter(({ traded }) => traded)),
    sized: stepsOf(rows.filter(({ traded, taken_over }) => traded && !taken_over)),
    underway: new Map(open.map(({ position_id, placed_at }) => [position_id, readStoredInstant(placed_at)])),
    unfilled: unfilledBy(rows),
    since: rows[0] === undefined ? null : readStoredInstant(rows[0].placed_at),
  };
}

function stepsOf(rows: readonly Placed[]): number {
  return new Set(rows.map(({ step }) => step)).size;
}

/** What was refused is told of as it is placed. One position that never trades is not hidden by another that does. */
function unfilledBy(rows: readonly Placed[]): string | null {
  const over = rows.filter(({ refused, open, held }) => !refused && !open && held);
  const last = new Map(over.map((row) => [row.position_id, row]));
  return [...last.values()].find(({ traded }) => !traded)?.reason ?? null;
}
