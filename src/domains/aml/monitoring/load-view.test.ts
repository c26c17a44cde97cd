import { afterAll, beforeAll, expect, test } from 'bun:test';
import { amountOf } from '../../../kernel/amount.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs, type Instant } from '../../../kernel/time.ts';
import { type Activity, type ActivityKind, NO_ACTIVITY } from '../../../platform/activity.ts';
import { transact } from '../../../platform/db/transact.ts';
import { type FundingDesk, startFundingDesk } from '../../../testing/funding-desk.ts';
import { randomFrom } from '../../../testing/random.ts';
import { amlDomain } from '../index.ts';
import { loadViews } from './load-view.ts';
import { PAST_ROWS, pastPartsOf } from './past-window.ts';
import type { Reference, View } from './rule.ts';
import { ruleSetOf } from './rule-set.ts';
import { DAY_MS, FULL_BPS, hasMoved, totalBps } from './sizes.ts';
import { keepActivities } from './watch-activity.ts';
import { isMarket, type Watched } from './watched.ts';

let desk: FundingDesk;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file, [amlDomain]);
});

afterAll(async () => {
  await desk.close();
});

const { reference } = ruleSetOf([]);

const KINDS: readonly ActivityKind[] = [
  'fill',
  'fill',
  'fill',
  'fill',
  'order_closed',
  'order_closed',
  'order_closed',
  'order_placed',
  'deposit',
  'withdrawal_requested',
  'withdrawal_ended',
  'beneficiary_added',
  'transfer',
];

/** Much at one instant, much within minutes, something a day before, and some of it longer ago than rules look. */
function historyOf(random: (below: number) => number, people: readonly Id[], now: Instant): Activity[] {
  return Array.from({ length: 3_000 }, () => {
    const kind = KINDS[random(KINDS.length)] ?? 'fill';
    const age = [random(60) * 1_000, random(900) * 1_000, DAY_MS, (395 + random(12)) * DAY_MS][
      [0, 0, 0, 0, 0, 1, 1, 1, 2, 3][random(10)] ?? 0
    ];
    const who = random(10);
    return {
      ...NO_ACTIVITY,
      source: 'test',
      sourceId: newId(),
      kind,
      // One does most of it, and one hardly anything.
      userId: people[who < 7 ? 0 : who < 9 ? 1 : 2] as Id,
      occurredAt: addMs(now, -(age ?? 0)),
      asset: 'USD',
      amount: who === 9 ? amountOf(1n) : amountOf(10_000_000_000n),
      instrument: isMarket({ kind }) ? (['BTC/USD', 'ETH/USD'][Math.floor(random(8) / 7)] ?? null) : null,
      counterpartyIndex: random(20) === 0 ? new Uint8Array(32).fill(random(3)) : null,
      data: kind === 'withdrawal_ended' ? { end: random(2) === 0 ? 'completed' : 'cancelled' } : {},
    };
  });
}

const newestFirst = (left: Watched, right: Watched) =>
  `${left.occurredAt} ${left.id}` < `${right.occurredAt} ${right.id}` ? 1 : -1;

/** What rules may look at, by the words of it: every row is asked. @shape `sorted` the newest first */
function viewIn(sorted: readonly Watched[], activity: Watched): Omit<View, 'peers' | 'reference'> {
  const { userId, occurredAt, kind, instrument } = activity;
  const since = (ms: number) => addMs(occurredAt, -ms);
  const own = sorted.filter(
    (row) =>
      row.userId === userId &&
      (row.occurredAt < occurredAt || (row.occurredAt === occurredAt && row.id < activity.id)),
  );
  const seen = own.filter((row) => row.occurredAt >= since(400 * DAY_MS));
  const past = pastPartsOf(isMarket(activity))
    .flatMap((part) => seen.filter((row) => row.kind === part.kind).slice(0, part.most))
    .toSorted(newestFirst);
  const isIdle = !isMarket(activity) && totalBps(past.filter(hasMoved), reference) < FULL_BPS;
  const moved = own.find((row) => hasMoved(row) && row.occurredAt < since(400 * DAY_MS));
  const strangers = sorted.filter((row) => row.userId !== userId && row.occurredAt <= occurredAt);
  const others = strangers.filter(
    (row) => row.kind === 'fill' && row.instrument === instrument && row.occurredAt >= since(600_000),
  );
  const index = activity.counterpartyIndex?.toHex();
  const sharers = strangers.filter(
    (row) => row.counterpartyIndex?.toHex() === index && row.occurredAt >= since(365 * DAY_MS),
  );
  return {
    past,
    movedBefore: isIdle ? (moved?.occurredAt ?? null) : null,
    others: kind === 'order_placed' ? others.slice(0, PAST_ROWS) : [],
    sharers: index === undefined ? 0 : new Set(sharers.map((row) => row.userId)).size,
  };
}

const told = (view: Omit<View, 'peers' | 'reference'>) => ({
  past: view.past.map((row) => (row as Watched).id),
  movedBefore: view.movedBefore,
  others: view.others.map((row) => (row as Watched).id),
  sharers: view.sharers,
});

async function viewsOf(activities: readonly Watched[], set: Reference) {
  return transact(desk.system, 'engine', async (tx) => {
    const views = await Array.fromAsync(loadViews(tx, activities, set));
    return new Map(views.flat().map(([{ id }, view]) => [id, view]));
  });
}

test('what is read for many activities at once is what each would have seen by itself', async () => {
  const random = randomFrom(7).below;
  const people = [await desk.newCustomer(), await desk.newCustomer(), await desk.newCustomer()];
  const history = historyOf(
    random,
    people.map(({ userId }) => userId),
    desk.deps.clock.now(),
  );
  const all = await transact(desk.system, 'engine', (tx) => keepActivities(tx, desk.system, history));
  expect(all).toHaveLength(history.length);
  // Of several people, kinds and times; many more lie between them than are read at first.
  const page = all.filter(({ kind }) => random(kind === 'order_placed' ? 8 : 60) === 0);
  const sorted = all.toSorted(newestFirst);
  const views = await viewsOf(page, reference);
  expect(views.size).toBe(page.length);
  const seen = page.map((activity) => {
    const view = views.get(activity.id) as View;
    const expected = viewIn(sorted, activity);
    expect(told(view)).toEqual(told(expected));
    return expected;
  });
  expect(seen.some(({ past }) => past.length > 2 * PAST_ROWS)).toBe(true);
  expect(seen.some(({ others }) => others.length === PAST_ROWS)).toBe(true);
  expect(seen.some(({ movedBefore }) => movedBefore !== null)).toBe(true);
  expect(seen.some(({ sharers }) => sharers === 2)).toBe(true);
  // Whole rows, and no more than one needs where it stands alone.
  const [one] = page;
  const alone = await viewsOf([one as Watched], reference);
  expect(alone.get(one?.id ?? '')).toEqual(views.get(one?.id ?? '') as View);
});

test('orders far apart with much between them, and little before the later one, are all answered', async () => {
  const [one, other] = [await desk.newCustomer(), await desk.newCustomer()];
  const now = desk.deps.clock.now();
  const activity = (userId: Id, kind: ActivityKind, minutes: number): Activity => ({
    ...NO_ACTIVITY,
    source: 'apart',
    sourceId: newId(),
    kind,
    userId,
    occurredAt: addMs(now, -minutes * 60_000),
    instrument: 'FAR/USD',
  });
  const fills = Array.from({ length: 1_250 }, () => activity(other.userId, 'fill', 20));
  const kept = await transact(desk.system, 'engine', (tx) =>
    keepActivities(tx, desk.system, [
      ...fills,
      activity(other.userId, 'fill', 5),
      activity(other.userId, 'fill', 32),
      activity(one.userId, 'order_placed', 30),
      activity(one.userId, 'order_placed', 0),
    ]),
  );
  const placed = kept.filter(({ kind }) => kind === 'order_placed');
  const views = await viewsOf(placed, reference);
  expect(placed.map(({ id }) => views.get(id)?.others.length)).toEqual([1, 1]);
});
