/**
 * Positions in commit order: an event gets one once every transaction that could still commit an
 * earlier one is over, so that a reader who has seen a position has seen all before it.
 */
import { sql } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Tx } from '../db/client.ts';

const BATCH = 5_000;

export type Placement = {
  /** The last position there is; 0 where there is none. */
  readonly high: bigint;
  readonly placed: number;
  /** Events that still wait for an older transaction to end, or for the next batch. */
  readonly waiting: boolean;
};

/**
 * Gives the next positions to events whose transaction is older than every running one.
 * A visible row with a transaction id from the future was carried over by a logical restore, which
 * starts the counting anew; such rows go first.
 * @effects `outbox.position`
 */
export async function placeEvents(tx: Tx): Promise<Placement> {
  const [row] = await tx.execute<{ high: string; placed: number; waiting: boolean }>(sql`
    with horizon as (
      select pg_snapshot_xmin(s) as oldest, pg_snapshot_xmax(s) as next from pg_current_snapshot() s
    ), last as (
      select coalesce(max(position), 0) as high from outbox
    ), ready as (
      select o.id, row_number() over (order by (o.txid >= h.next) desc, o.txid, o.id) as place
      from outbox o, horizon h
      where o.position is null and (o.txid < h.oldest or o.txid >= h.next)
      order by place limit ${BATCH}
    ), placed as (
      update outbox o set position = last.high + ready.place
      from ready, last where o.id = ready.id
      returning 1
    )
    select (last.high + (select count(*) from placed))::text as high,
      (select count(*) from placed)::int as placed,
      (select count(*) from (select 1 from outbox where position is null limit ${BATCH + 1}) unplaced)
        > (select count(*) from placed) as waiting
    from last`);
  const found = present(row, 'an aggregate gives one row');
  return { high: BigInt(found.high), placed: found.placed, waiting: found.waiting };
}
