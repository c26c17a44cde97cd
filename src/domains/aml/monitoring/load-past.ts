import { sql } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayParameter } from '../../../platform/db/insert-rows.ts';
import { namesOf, readColumns, readTogether } from '../../../platform/db/read-columns.ts';
import { inTurns } from '../screening/in-turns.ts';
import { PAST_ROWS, type PastPart, pastPartsOf } from './past-window.ts';
import { monitoredActivity } from './schema.ts';
import { inOrder, isBefore, type Watched } from './watched.ts';

/** An activity as it was kept; when that was and what its kind says anyway is nothing rules look at. */
export const ACTIVITY_COLUMNS = namesOf(monitoredActivity).filter(
  (name) => name !== 'collectedAt' && name !== 'isMarket',
);

/** What the trades of a pair have in common is known before they are read. */
const COLUMNS_OF_PAIR = ACTIVITY_COLUMNS.filter(
  (name) => name !== 'kind' && name !== 'userId' && name !== 'linkedUserId' && name !== 'instrument',
);

/** For each further activity of a person, so many more rows are read, which may lie between theirs. */
const BETWEEN_EACH = 2;

/** So many rows of a pair are read at first: most people trade seldom with one other. */
const FEW_ROWS = 16;

/** What is read of one kind for activities of one person: enough for the last of them, and some more. */
type Window = PastPart & {
  readonly key: string;
  readonly first: Watched;
  readonly last: Watched;
  readonly limit: number;
};

/** How many rows a read for activities that look at the same brings at most. */
export function pastRowsAtMost(own: readonly Watched[]): number {
  return windowsOf('', own, PAST_ROWS + 1).reduce((rows, { limit }) => rows + limit, 0);
}

/**
 * The pasts of those that look at nothing, or at what one pair did, where that is little: few rows, however many
 * activities there are. Of the others nothing is said.
 */
export async function loadFewPasts(
  tx: Tx,
  activities: readonly Watched[],
): Promise<ReadonlyMap<Id, readonly Watched[]>> {
  const pasts = new Map<Id, readonly Watched[]>();
  const ofPairs = activities.filter((activity) =>
    pastPartsOf(activity).every(({ isWithSame }) => isWithSame),
  );
  await loadSome(tx, pasts, ofPairs, FEW_ROWS);
  return pasts;
}

/**
 * The past of each activity, newest first: of each kind the newest rows. Where more lies between the activities of a
 * person than was read, the earlier of them are read again by themselves; each read is enough for one of them at least.
 */
export async function loadPasts(
  tx: Tx,
  activities: readonly Watched[],
): Promise<ReadonlyMap<Id, readonly Watched[]>> {
  const pasts = new Map<Id, readonly Watched[]>();
  let left = activities;
  while (left.length > 0) {
    await loadSome(tx, pasts, left, PAST_ROWS + 1);
    left = left.filter(({ id }) => !pasts.has(id));
  }
  return pasts;
}

/** Takes the pasts that a read of so many rows was enough for, and what may lie between. */
async function loadSome(
  tx: Tx,
  pasts: Map<Id, readonly Watched[]>,
  activities: readonly Watched[],
  most: number,
): Promise<void> {
  const groups = Map.groupBy(activities, keyOf);
  const windows = [...groups].flatMap(([key, alike]) => windowsOf(key, alike, most));
  const [ofPairs, ofOne] = [
    windows.filter(({ isWithSame }) => isWithSame),
    windows.filter(({ isWithSame }) => !isWithSame),
  ];
  const read = [...(await readWindows(tx, ofOne)), ...(await readPairs(tx, ofPairs))];
  const byKey = Map.groupBy(read, ({ key }) => key);
  await inTurns([...groups], ([key, alike]) => {
    const rows = byKey.get(key) ?? [];
    for (const activity of alike) {
      const past = pastIn(rows, activity);
      if (past !== null) {
        pasts.set(activity.id, past);
      }
    }
  });
}

/** What activities that look at the same rows have in common; one that looks at none stands alone. */
export function keyOf(activity: Watched): string {
  const parts = pastPartsOf(activity).map(({ kind, isWithSame }) =>
    isWithSame ? `${kind} ${activity.linkedUserId} ${activity.instrument}` : kind,
  );
  return parts.length === 0 ? activity.id : [activity.userId, ...parts].join(' ');
}

/** The windows of activities that look at the same. */
function windowsOf(key: string, alike: readonly Watched[], atMost: number): readonly Window[] {
  const sorted = alike.toSorted(inOrder);
  const [first, last] = [present(sorted[0], 'a group has one'), present(sorted.at(-1), 'a group has one')];
  const between = (alike.length - 1) * BETWEEN_EACH;
  return pastPartsOf(first).map((part) => ({
    ...part,
    key,
    first,
    last,
    limit: Math.min(part.most, atMost) + between,
  }));
}

/** Read from its own end of the index. What came about in one settlement bears one instant. */
function fromOf({ first, last, kind, isMarket: market, limit, ms }: Window) {
  return sql`${monitoredActivity} where user_id = ${last.userId}::uuid and is_market = ${sql.raw(String(market))}
    and kind = ${kind} and occurred_at <= ${last.occurredAt}::timestamptz
    and occurred_at >= ${addMs(first.occurredAt, -ms)}::timestamptz
    and (occurred_at < ${last.occurredAt}::timestamptz or id < ${last.id}::uuid)
    order by occurred_at desc, id desc limit ${sql.raw(String(limit))}`;
}

type Read = Window & { readonly rows: readonly Watched[] };

/** Planned for the very people, who hold very different numbers of rows. */
async function readWindows(tx: Tx, windows: readonly Window[]): Promise<readonly Read[]> {
  const rows = await readTogether(tx, monitoredActivity, ACTIVITY_COLUMNS, windows.map(fromOf));
  return windows.map((window, place) => ({ ...window, rows: present(rows[place], 'each was read') }));
}

/** Two people in one instrument have an index of their own, whoever they are: planned once. */
async function readPairs(tx: Tx, windows: readonly Window[]): Promise<readonly Read[]> {
  if (windows.length === 0) {
    return [];
  }
  const column = (type: string, pick: (window: Window) => string | null) =>
    sql`${sql.param(arrayParameter(type, windows.map(pick)))}::${sql.raw(type)}[]`;
  const rows = await readColumns<typeof monitoredActivity, (typeof COLUMNS_OF_PAIR)[number], Placed>(
    tx,
    monitoredActivity,
    COLUMNS_OF_PAIR,
    sql`unnest(${column('uuid', ({ last }) => last.userId)}, ${column('uuid', ({ last }) => last.linkedUserId)},
        ${column('text', ({ last }) => last.instrument)}, ${column('timestamptz', ({ last }) => last.occurredAt)},
        ${column('uuid', ({ last }) => last.id)},
        ${column('timestamptz', ({ first, ms }) => addMs(first.occurredAt, -ms))},
        ${column('integer', ({ limit }) => String(limit))})
        with ordinality as asked (user_id, linked_user_id, instrument, at, id, since, most, place)
      cross join lateral (select * from ${monitoredActivity} m where m.kind = 'fill' and m.user_id = asked.user_id
        and m.linked_user_id = asked.linked_user_id and m.instrument = asked.instrument
        and (m.occurred_at, m.id) < (asked.at, asked.id) and m.occurred_at >= asked.since
        order by m.occurred_at desc, m.id desc limit asked.most) as ${monitoredActivity}
      order by asked.place, ${monitoredActivity.occurredAt} desc, ${monitoredActivity.id} desc`,
    sql`asked.place::int as place`,
  );
  const read = windows.map((window) => ({ ...window, rows: [] as Watched[] }));
  for (const { place, ...row } of rows) {
    const { rows: own, last } = present(read[place - 1], 'each is asked about in its place');
    const { kind, userId, linkedUserId, instrument } = last;
    own.push({ ...row, kind, userId, linkedUserId, instrument });
  }
  return read;
}

type Placed = { readonly place: number };

/** @shape null where more would have to be read to know */
function pastIn(read: readonly Read[], activity: Watched): readonly Watched[] | null {
  let past: readonly Watched[] = [];
  for (const { rows, most, limit, ms } of read) {
    const start = firstBefore(rows, activity);
    const window = rows.slice(start, start + most);
    if (window.length < most && rows.length === limit) {
      return null;
    }
    const since = addMs(activity.occurredAt, -ms);
    const end = window.findIndex(({ occurredAt }) => occurredAt < since);
    past = merged(past, end === -1 ? window : window.slice(0, end));
  }
  return past;
}

/** Both newest first, and so are they together; sorting anew would be most of what a view costs. */
function merged(left: readonly Watched[], right: readonly Watched[]): readonly Watched[] {
  const all: Watched[] = [];
  let [at, of] = [0, 0];
  for (let [one, other] = [left[at], right[of]]; one !== undefined && other !== undefined; ) {
    if (isBefore(one, other)) {
      all.push(other);
      of += 1;
      other = right[of];
    } else {
      all.push(one);
      at += 1;
      one = left[at];
    }
  }
  return [...all, ...left.slice(at), ...right.slice(of)];
}

/** Where what came before an activity begins in rows that stand newest first. */
function firstBefore(rows: readonly Watched[], activity: Watched): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBefore(present(rows[middle], 'within the rows'), activity)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}
