/**
 * What rules may look at besides an activity: a bounded read, whatever the person did. Many activities are read
 * together: what lies behind those of one person is nearly the same rows, so they are read once and cut for each.
 */
import { type SQL, sql } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { addMs, type Instant, readStoredInstant } from '../../../kernel/time.ts';
import type { Activity } from '../../../platform/activity.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayParameter } from '../../../platform/db/insert-rows.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { readGates } from '../../identity/index.ts';
import { looksAtOthers } from './evaluate.ts';
import { loadCrowds } from './load-crowds.ts';
import { loadOthers } from './load-others.ts';
import { keyOf, loadFewPasts, loadPasts, pastRowsAtMost } from './load-past.ts';
import { NO_CROWD, PAST_MS, PAST_ROWS } from './past-window.ts';
import type { Peers, Reference, View } from './rule.ts';
import type { RuleSet } from './rule-set.ts';
import { peerFigures } from './schema.ts';
import { DAY_MS, FULL_BPS, hasMoved, totalBps } from './sizes.ts';
import { isMarket, type Watched } from './watched.ts';

export const SHARED_MS = 365 * DAY_MS;
const SHARERS_MOST = 50;

/** How many rows of the past are in memory at a time, besides the few of pairs: some ten megabytes. */
const ROWS_AT_ONCE = 20_000;

/** An activity and what rules may look at besides it. */
type Seen = readonly [Watched, View];

/**
 * The view of each activity, as it is by itself: those that were kept together see each other in their order. Some
 * after the others, and never more rows at a time than memory is meant to hold.
 */
export async function* loadViews(
  tx: Tx,
  activities: readonly Watched[],
  set: RuleSet,
): AsyncGenerator<readonly Seen[]> {
  const { reference } = set;
  const crowds = await loadCrowds(tx, activities);
  const few = await loadFewPasts(tx, activities);
  for (const group of groupsOf(activities, few, set)) {
    const more = await loadPasts(
      tx,
      group.filter(({ id }) => !few.has(id)),
    );
    const pastOf = ({ id }: Watched) => present(few.get(id) ?? more.get(id), 'each has a past');
    const others = await loadOthers(
      tx,
      group.filter((activity) => looksAtOthers(activity, set)),
    );
    const money = group.filter((activity) => !isMarket(activity));
    const idle = money.filter((activity) => !isActive(pastOf(activity), reference));
    const moved = await movedBefore(tx, idle);
    const sharers = await sharersOf(
      tx,
      group.filter(({ counterpartyIndex }) => counterpartyIndex !== null),
    );
    const peers = await peersOf(tx, money);
    yield group.map((activity): Seen => {
      const { id, userId } = activity;
      return [
        activity,
        {
          past: pastOf(activity),
          crowd: crowds.get(id) ?? NO_CROWD,
          movedBefore: moved.get(id) ?? null,
          others: others.get(id) ?? [],
          sharers: sharers.get(id) ?? 0,
          peers: peers.get(userId) ?? null,
          reference,
        },
      ];
    });
  }
}

/** Those that look at the same rows one after the other; of those whose past is known only others' trades are read. */
function groupsOf(
  activities: readonly Watched[],
  known: ReadonlyMap<Id, unknown>,
  set: RuleSet,
): readonly (readonly Watched[])[] {
  const groups: Watched[][] = [];
  let rows = Number.POSITIVE_INFINITY;
  const put = (alike: readonly Watched[], pastRows: number) => {
    const others = alike.filter((activity) => looksAtOthers(activity, set));
    const more = pastRows + others.length * PAST_ROWS;
    if (rows + more > ROWS_AT_ONCE) {
      groups.push([]);
      rows = 0;
    }
    rows += more;
    groups.at(-1)?.push(...alike);
  };
  for (const activity of activities) {
    if (known.has(activity.id)) {
      put([activity], 0);
    }
  }
  const unknown = activities.filter(({ id }) => !known.has(id));
  for (const alike of Map.groupBy(unknown, keyOf).values()) {
    put(alike, pastRowsAtMost(alike));
  }
  return groups;
}

/** Whether what moved is together worth so much that no rule asks what moved before. */
function isActive(past: readonly Activity[], reference: Reference): boolean {
  return totalBps(past.filter(hasMoved), reference) >= FULL_BPS;
}

type Found = { readonly place: number; readonly found: string | null };

/** However long ago it was: whoever did nothing for years has nothing in their past that rules look at. */
async function movedBefore(tx: Tx, activities: readonly Watched[]): Promise<ReadonlyMap<Id, Instant>> {
  if (activities.length === 0) {
    return new Map();
  }
  const newest = (kind: SQL, market: SQL, more = sql``) => sql`(select m.occurred_at from monitored_activity m
    where m.user_id = asked.user_id and m.is_market = ${market} and m.kind = ${kind}
      and m.occurred_at < asked.at ${more} order by m.occurred_at desc limit 1)`;
  const rows = await executePrepared<Found>(
    tx,
    sql`select asked.place::int as place, greatest(${newest(sql`'deposit'`, sql`false`)},
        ${newest(sql`'fill'`, sql`true`)},
        ${newest(sql`'withdrawal_ended'`, sql`false`, sql`and m.data ->> 'end' = 'completed'`)}) as found
      from unnest(${arrayOf(
        'uuid',
        activities.map(({ userId }) => userId),
      )}::uuid[],
        ${arrayOf(
          'timestamptz',
          activities.map(({ occurredAt }) => addMs(occurredAt, -PAST_MS)),
        )}::timestamptz[]) with ordinality as asked (user_id, at, place)`,
  );
  return foundBy(activities, rows, readStoredInstant);
}

/** How many other people used the same account, address or payer within a year. */
async function sharersOf(tx: Tx, activities: readonly Watched[]): Promise<ReadonlyMap<Id, number>> {
  if (activities.length === 0) {
    return new Map();
  }
  const hexes = activities.map(({ counterpartyIndex }) => counterpartyIndex?.toHex() ?? '');
  const rows = await executePrepared<Found>(
    tx,
    sql`select asked.place::int as place, (select count(*)::text from (select distinct m.user_id
        from monitored_activity m where m.counterparty_index = decode(asked.hex, 'hex')
          and m.user_id <> asked.user_id and m.occurred_at <= asked.at
          and m.occurred_at >= asked.since limit ${sql.raw(String(SHARERS_MOST))}) people) as found
      from unnest(${arrayOf('text', hexes)}::text[], ${arrayOf(
        'uuid',
        activities.map(({ userId }) => userId),
      )}::uuid[], ${arrayOf(
        'timestamptz',
        activities.map(({ occurredAt }) => occurredAt),
      )}::timestamptz[],
        ${arrayOf(
          'timestamptz',
          activities.map(({ occurredAt }) => addMs(occurredAt, -SHARED_MS)),
        )}::timestamptz[]) with ordinality as asked (hex, user_id, at, since, place)`,
  );
  return foundBy(activities, rows, (text) => Number.parseInt(text, 10));
}

function arrayOf(type: string, texts: readonly string[]) {
  return sql.param(arrayParameter(type, texts));
}

function foundBy<Value>(
  activities: readonly Watched[],
  rows: readonly Found[],
  read: (text: string) => Value,
): ReadonlyMap<Id, Value> {
  return new Map(
    rows.flatMap(({ place, found }) =>
      found === null
        ? []
        : [[present(activities[place - 1], 'each is asked about in its place').id, read(found)] as const],
    ),
  );
}

async function peersOf(tx: Tx, activities: readonly Watched[]): Promise<ReadonlyMap<Id, Peers | null>> {
  if (activities.length === 0) {
    return new Map();
  }
  const gates = await readGates(
    tx,
    activities.map(({ userId }) => userId),
  );
  const figures = await tx.select().from(peerFigures);
  const groups = Map.groupBy(figures, ({ peerGroup }) => peerGroup);
  return new Map(
    [...gates].map(([userId, { kycLevel }]) => [userId, peersOfFigures(groups.get(kycLevel ?? '') ?? [])]),
  );
}

/** The figures of one group; null where one of the two is not there. */
export function peersOfFigures(figures: readonly (typeof peerFigures.$inferSelect)[]): Peers | null {
  const came = figures.find(({ direction }) => direction === 'in');
  const left = figures.find(({ direction }) => direction === 'out');
  return came === undefined || left === undefined
    ? null
    : { people: Math.min(came.people, left.people), inBps: came.highBps, outBps: left.highBps };
}
