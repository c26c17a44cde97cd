/** The orders by which triggered exits close their position. */
import { and, inArray, isNull, sql } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import { type Instant, readStoredInstant } from '../../../kernel/time.ts';
import { recordMany } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayLiteral, arrayParameter } from '../../../platform/db/insert-rows.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { TRADING_EVENTS } from '../audit.ts';
import type { OrderRow } from '../pipeline/ticket.ts';
import { positionExitOrders, type positionExits } from './schema.ts';

export type Exits = typeof positionExits.$inferSelect;

/** What was tried to close a position since its exits were triggered. */
export type ExitTrail = {
  /** When the order was placed that is under way; null where none is. */
  readonly underwaySince: Instant | null;
  /** The newest tries in a row that closed nothing; no more are counted than matter. */
  readonly fruitless: number;
  /** How the newest order came to its end without closing anything; null where it did not. */
  readonly lastEnd: string | null;
  /** Of all tries the position ever had, and when the newest was decided. */
  readonly attempts: number;
  readonly lastAt: Instant | null;
};

/** As many tries in a row as tell anything. */
const LOOKED_AT = 12;

type Tried = {
  readonly position_id: Id;
  readonly attempt: number;
  readonly status: OrderRow['status'] | null;
  readonly open: boolean;
  readonly filled: boolean;
  readonly abandoned: boolean;
  readonly placed_at: string | null;
  readonly reason: string | null;
};

type Last = { readonly position_id: Id; readonly attempt: number; readonly at: string };

/**
 * What exits ordered; with the wallets of their positions locked nothing else is placed for them meanwhile.
 * @shape by position, one for each
 */
export async function exitTrails(tx: Tx, exits: readonly Exits[]): Promise<ReadonlyMap<Id, ExitTrail>> {
  if (exits.length === 0) {
    return new Map();
  }
  const ids = sql.param(
    arrayParameter(
      'uuid',
      exits.map(({ positionId }) => positionId),
    ),
  );
  const since = sql.param(arrayLiteral(exits.map(({ triggeredAt }) => triggeredAt)));
  const tried = await executePrepared<Tried>(
    tx,
    sql`select x.id as position_id, t.* from unnest(${ids}::uuid[], ${since}::timestamptz[]) as x (id, triggered_at)
      cross join lateral (
        select e.attempt, o.status, coalesce(o.closed_at is null, false) and o.id is not null as open,
          coalesce(o.filled_quantity > 0, false) as filled, o.placed_at::text as placed_at,
          coalesce(o.rejection_reason, o.cancel_reason, o.status::text, 'not_placed') as reason,
          o.id is null and e.abandoned_at is not null as abandoned
        from position_exit_orders e left join orders o on o.id = e.order_id
        where e.position_id = x.id
          and (e.created_at >= x.triggered_at or (o.id is not null and o.closed_at is null))
        order by e.attempt desc limit ${sql.param(LOOKED_AT)}::int
      ) t order by x.id, t.attempt desc`,
  );
  const newest = await executePrepared<Last>(
    tx,
    sql`select x.id as position_id, l.* from unnest(${ids}::uuid[]) as x (id) cross join lateral (
        select attempt, created_at::text as at from position_exit_orders
        where position_id = x.id order by attempt desc limit 1
      ) l`,
  );
  const triedOf = Map.groupBy(tried, (row) => row.position_id);
  const lastOf = new Map(newest.map((row) => [row.position_id, row]));
  return new Map(
    exits.map(({ positionId }) => [
      positionId,
      trailOf(triedOf.get(positionId) ?? [], lastOf.get(positionId)),
    ]),
  );
}

function trailOf(rows: readonly Tried[], last: Last | undefined): ExitTrail {
  const underway = rows.find(({ open }) => open);
  // What was planned last may still be placed; what was given up closed nothing.
  const ended = rows.filter(({ status, open, abandoned }) => abandoned || (status !== null && !open));
  const fruitful = ended.findIndex(({ filled }) => filled);
  const fruitless = fruitful === -1 ? ended.length : fruitful;
  return {
    underwaySince: underway?.placed_at ? readStoredInstant(underway.placed_at) : null,
    fruitless,
    lastEnd: fruitless === 0 ? null : (ended[0]?.reason ?? null),
    attempts: last?.attempt ?? 0,
    lastAt: last === undefined ? null : readStoredInstant(last.at),
  };
}

/**
 * Gives up what was planned and not placed: by trigger no order is stored for it any more.
 * @effects `position_exit_orders`; audit `position.exit_abandoned`
 */
export async function abandonUnplaced(tx: Tx, ctx: Ctx, positionIds: readonly Id[]): Promise<void> {
  const abandoned = await tx
    .update(positionExitOrders)
    .set({ abandonedAt: ctx.deps.clock.now() })
    .where(
      and(
        inArray(positionExitOrders.positionId, [...positionIds]),
        isNull(positionExitOrders.orderId),
        isNull(positionExitOrders.abandonedAt),
      ),
    )
    .returning();
  await recordMany(
    tx,
    ctx,
    abandoned.map((order) => ({
      event: TRADING_EVENTS['position.exit_abandoned'],
      resource: { type: 'position', id: order.positionId },
      subjectUserId: order.userId,
      after: order,
    })),
  );
}
