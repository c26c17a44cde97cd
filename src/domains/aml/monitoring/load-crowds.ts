import { sql } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { addMs, type Instant, readStoredInstant } from '../../../kernel/time.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayParameter } from '../../../platform/db/insert-rows.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { type Crowd, isCrowding, MARKET_HOURS_MOST, PAST_ROWS } from './past-window.ts';
import { HOUR_MS } from './sizes.ts';
import { inOrder, type Watched } from './watched.ts';

const CROWD_MS = MARKET_HOURS_MOST * HOUR_MS;

/** For each further activity of a person, so many more instants are read, which may lie between theirs. */
const BETWEEN_EACH = 2;

/** Activities of one person and kind, in their order; the first of them is asked about in place `from`. */
type Group = { readonly all: readonly Watched[]; readonly from: number; readonly limit: number };

/** What an activity found in the instants of its group. */
type Found = {
  readonly place: number;
  /** How many instants were read. */
  readonly count: number;
  /** How many of those are of the activity itself and what came about after it; null where it is not among them. */
  readonly behind: number | null;
  readonly newest: string | null;
  readonly full_since: string | null;
  readonly more_since: string | null;
};

/**
 * What stood before each trade and ended order, of its person and kind: instants alone, along the index, read once for
 * all of a person and a kind. Where more lies between those than was read, the earlier are counted by themselves.
 */
export async function loadCrowds(tx: Tx, activities: readonly Watched[]): Promise<ReadonlyMap<Id, Crowd>> {
  const crowds = new Map<Id, Crowd>();
  const asked = activities.filter(isCrowding);
  const alike = Map.groupBy(asked, ({ userId, kind }) => `${userId} ${kind}`);
  await countGroups(tx, crowds, [...alike.values()]);
  const left = asked.filter(({ id }) => !crowds.has(id));
  await countGroups(
    tx,
    crowds,
    left.map((activity) => [activity]),
  );
  return crowds;
}

/** Takes the crowds that a read was enough for: that of the last of each group always is. */
async function countGroups(
  tx: Tx,
  crowds: Map<Id, Crowd>,
  alike: readonly (readonly Watched[])[],
): Promise<void> {
  if (alike.length === 0) {
    return;
  }
  const groups: Group[] = [];
  const ordered: Watched[] = [];
  const limits: number[] = [];
  for (const some of alike) {
    const limit = PAST_ROWS + 1 + (some.length - 1) * BETWEEN_EACH;
    groups.push({ all: some.toSorted(inOrder), from: ordered.length + 1, limit });
    ordered.push(...present(groups.at(-1), 'it was put there').all);
    limits.push(...some.map(() => limit));
  }
  for (const found of await readInstants(tx, groups, ordered)) {
    const { place, count, behind } = found;
    const limit = present(limits[place - 1], 'each has the limit of its group');
    if (behind !== null && (count < limit || behind + PAST_ROWS < limit)) {
      const activity = present(ordered[place - 1], 'each is asked about in its place');
      crowds.set(activity.id, crowdIn(found, addMs(activity.occurredAt, -CROWD_MS)));
    }
  }
}

function readInstants(
  tx: Tx,
  groups: readonly Group[],
  ordered: readonly Watched[],
): Promise<readonly Found[]> {
  const column = (type: string, pick: (first: Watched, last: Watched, group: Group) => string) =>
    arrayOf(
      type,
      groups.map((group) =>
        pick(present(group.all[0], 'a group has one'), present(group.all.at(-1), 'a group has one'), group),
      ),
    );
  const ids = arrayOf(
    'uuid',
    ordered.map(({ id }) => id),
  );
  const nth = (more: number) => sql`read.instants[at.behind + ${sql.raw(String(more))}]`;
  return executePrepared<Found>(
    tx,
    sql`select here.place::int as place, coalesce(cardinality(read.instants), 0) as count, at.behind,
        ${nth(1)} as newest, ${nth(PAST_ROWS)} as full_since, ${nth(PAST_ROWS + 1)} as more_since
      from unnest(${column('uuid', (_first, last) => last.userId)},
          ${column('text', (_first, last) => last.kind)},
          ${column('timestamptz', (_first, last) => last.occurredAt)},
          ${column('uuid', (_first, last) => last.id)},
          ${column('timestamptz', (first) => addMs(first.occurredAt, -CROWD_MS))},
          ${column('integer', (_first, _last, { limit }) => String(limit))},
          ${column('integer', (_first, _last, { from }) => String(from))},
          ${column('integer', (_first, _last, { from, all }) => String(from + all.length - 1))})
          as asked (user_id, kind, at, id, since, most, first_place, last_place)
        cross join lateral (select array_agg(before.occurred_at) as instants,
            array_agg(before.id) filter (where asked.last_place > asked.first_place) as ids
          from (select m.occurred_at, m.id from monitored_activity m
            where m.user_id = asked.user_id and m.is_market and m.kind = asked.kind
              and (m.occurred_at, m.id) < (asked.at, asked.id) and m.occurred_at >= asked.since
            order by m.occurred_at desc, m.id desc limit asked.most) before) read
        cross join lateral generate_series(asked.first_place, asked.last_place) as here (place)
        cross join lateral (select case when here.place = asked.last_place then 0
          else array_position(read.ids, (${ids})[here.place]) end as behind offset 0) at`,
  );
}

function arrayOf(type: string, texts: readonly string[]) {
  return sql`${sql.param(arrayParameter(type, texts))}::${sql.raw(type)}[]`;
}

/** The instants are those of a whole group: an activity looks no farther back than its own time. */
function crowdIn(found: Found, since: Instant): Crowd {
  const instantOf = (stored: string | null): Instant | null => {
    const instant = stored === null ? null : readStoredInstant(stored);
    return instant === null || instant < since ? null : instant;
  };
  return {
    newest: instantOf(found.newest),
    fullSince: instantOf(found.full_since),
    moreSince: instantOf(found.more_since),
  };
}
