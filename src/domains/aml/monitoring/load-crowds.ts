import { sql } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { addMs, type Instant, readStoredInstant } from '../../../kernel/time.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayParameter } from '../../../platform/db/insert-rows.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { type Crowd, isCrowding, MARKET_HOURS_MOST, PAST_ROWS } from './past-window.ts';
import { HOUR_MS } from './sizes.ts';
import type { Watched } from './watched.ts';

const CROWD_MS = MARKET_HOURS_MOST * HOUR_MS;

type Row = {
  readonly place: number;
  readonly newest: string | null;
  readonly full_since: string | null;
  readonly more_since: string | null;
};

/** What stood before each trade and ended order, of its person and kind: instants alone, along the index. */
export async function loadCrowds(tx: Tx, activities: readonly Watched[]): Promise<ReadonlyMap<Id, Crowd>> {
  const asked = activities.filter(isCrowding);
  if (asked.length === 0) {
    return new Map();
  }
  const column = (type: string, pick: (activity: Watched) => string) =>
    sql`${sql.param(arrayParameter(type, asked.map(pick)))}::${sql.raw(type)}[]`;
  const before = sql`from monitored_activity m where m.user_id = asked.user_id and m.is_market and m.kind = asked.kind
    and (m.occurred_at, m.id) < (asked.at, asked.id) and m.occurred_at >= asked.since
    order by m.occurred_at desc, m.id desc`;
  const rows = await executePrepared<Row>(
    tx,
    sql`select asked.place::int as place, (select m.occurred_at ${before} limit 1) as newest,
        behind.full_since, behind.more_since
      from unnest(${column('uuid', ({ id }) => id)}, ${column('uuid', ({ userId }) => userId)},
          ${column('text', ({ kind }) => kind)}, ${column('timestamptz', ({ occurredAt }) => occurredAt)},
          ${column('timestamptz', ({ occurredAt }) => addMs(occurredAt, -CROWD_MS))})
          with ordinality as asked (id, user_id, kind, at, since, place)
        cross join lateral (select max(nth.occurred_at) as full_since,
            case when count(*) > 1 then min(nth.occurred_at) end as more_since
          from (select m.occurred_at ${before} offset ${sql.raw(String(PAST_ROWS - 1))} limit 2) nth) behind`,
  );
  return new Map(
    rows.map((row) => [
      present(asked[row.place - 1], 'each is asked about in its place').id,
      {
        newest: instantOf(row.newest),
        fullSince: instantOf(row.full_since),
        moreSince: instantOf(row.more_since),
      },
    ]),
  );
}

function instantOf(stored: string | null): Instant | null {
  return stored === null ? null : readStoredInstant(stored);
}
