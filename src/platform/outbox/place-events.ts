/**
 * Positions in commit order: an event gets one once every transaction that could still commit an
 * earlier one is over, so that a reader who has seen a position has seen all before it.
 */
import { sql } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Tx } from '../db/client.ts';
import { executePrepared } from '../db/prepared.ts';
import { PACKED } from './publish.ts';

const BATCH = 5_000;
/** What a row of many events counts for: as many as it mostly holds. */
const PACKED_WEIGHT = 100;

type Row = {
  readonly low: string;
  readonly high: string;
  readonly placed: number;
  readonly types: readonly string[];
  readonly waiting: boolean;
};

export type Placement = {
  /** The last position there was before; 0 where there was none. */
  readonly low: bigint;
  /** The last position there is. */
  readonly high: bigint;
  readonly placed: number;
  /** What the events behind `low` are. */
  readonly types: readonly string[];
  /** Events that still wait for an older transaction to end, or for the next batch. */
  readonly waiting: boolean;
};

/**
 * Gives the next positions to events whose transaction is older than every running one, and makes rows of those that
 * share one, each at its place. By their ids, which were made behind the locks of what they tell: a transaction that began
 * first and then waited for a row tells of it second. So none goes ahead of one that was made before it and is held.
 * A visible row with a transaction id from the future was carried over by a logical restore, which
 * starts the counting anew; such rows go first.
 * @effects `outbox.position`; rows of packed events, in place of theirs
 */
export async function placeEvents(tx: Tx): Promise<Placement> {
  const [row] = await executePrepared<Row>(tx, PLACE);
  const found = present(row, 'an aggregate gives one row');
  return { ...found, low: BigInt(found.low), high: BigInt(found.high) };
}

/**
 * Without parameters, so that a connection plans it once: planning it cost as much as placing a hundred events. The relay's
 * connection looks things up along indexes (relay.ts), whatever was in the table then.
 */
const PLACE = sql.raw(`
  with horizon as (
    select pg_snapshot_xmin(s) as oldest, pg_snapshot_xmax(s) as next from pg_current_snapshot() s
  ), last as (
    select coalesce(max(position), 0) as high from outbox
  ), held as (
    select o.id from outbox o, horizon h
    where o.position is null and o.txid >= h.oldest and o.txid < h.next order by o.id limit 1
  ), queue as (
    select o.id, o.type = '${PACKED}' as packed, row_number() over (order by (o.txid >= h.next) desc, o.id) as place
    from outbox o, horizon h
    where o.position is null and (o.txid < h.oldest or o.txid >= h.next)
      and (o.id < (select id from held)) is not false
    order by place limit ${BATCH}
  ), ready as (
    select * from (
      select *, sum(case when packed then ${PACKED_WEIGHT} else 1 end) over (order by place) as upto from queue
    ) weighed where place = 1 or upto <= ${BATCH}
  ), opened as (
    delete from outbox o using ready where ready.packed and o.id = ready.id
    returning ready.place, o.txid, o.occurred_at, o.data
  ), numbered as (
    select last.high + row_number() over (order by place, nth) as position, found.* from (
      select id, place, 0::bigint as nth, null::xid8 as txid, null::timestamptz as occurred_at, null::jsonb as event
      from ready where not packed
      union all
      select (event ->> 0)::uuid, o.place, nth, o.txid, o.occurred_at, event
      from opened o cross join lateral jsonb_array_elements(o.data) with ordinality as one (event, nth)
    ) found, last
  ), placed as (
    update outbox o set position = n.position from numbered n where n.event is null and o.id = n.id
    returning o.type
  ), unpacked as (
    insert into outbox (id, txid, position, type, user_id, account_id, customer_visible, data, request_id, occurred_at)
    select id, txid, position, event ->> 1, (event ->> 2)::uuid, (event ->> 3)::uuid, true, event -> 5, event ->> 4,
      occurred_at
    from numbered where event is not null
    returning type
  ), done as (
    select (select count(*) from placed) + (select count(*) from unpacked) as events, (select count(*) from ready) as rows
  )
  select last.high::text as low, (last.high + done.events)::text as high, done.events::int as placed,
    array(select type from placed union select type from unpacked) as types,
    (select count(*) from queue) > done.rows
      or (select count(*) from (select 1 from outbox where position is null and type <> '${PACKED}'
        limit ${BATCH + 1}) unplaced) > (select count(*) from placed) as waiting
  from last, done`);
