import { afterAll, beforeAll, expect, test } from 'bun:test';
import { amountOf } from '../../../kernel/amount.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs, type Instant } from '../../../kernel/time.ts';
import { type Activity, type ActivityKind, NO_ACTIVITY } from '../../../platform/activity.ts';
import { transact } from '../../../platform/db/transact.ts';
import { type FundingDesk, startFundingDesk } from '../../../testing/funding-desk.ts';
import { randomFrom } from '../../../testing/random.ts';
import { amlDomain } from '../index.ts';
import { looksAtOthers } from './evaluate.ts';
import { loadViews } from './load-view.ts';
import { crowdOf, isCrowding, NO_CROWD, PAST_ROWS, pastPartsOf } from './past-window.ts';
import type { View } from './rule.ts';
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

const SET = ruleSetOf([]);
const { reference } = SET;

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
function historyOf(random: Random, people: readonly Id[], now: Instant): Activity[] {
  return Array.from({ length: 4_500 }, () => {
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
      ...sizeOf(kind, random, who),
      linkedUserId:
        kind === 'fill' && random(5) > 0
          ? (people.filter((id) => id !== people[who < 7 ? 0 : 1])[random(2)] as Id)
          : null,
      instrument: isMarket({ kind }) ? (['BTC/USD', 'ETH/USD'][Math.floor(random(8) / 7)] ?? null) : null,
      counterpartyIndex: random(20) === 0 ? new Uint8Array(32).fill(random(3)) : null,
      data: endOf(kind, random),
    };
  });
}

type Random = (below: number) => number;

/** Of an order at the market nobody knows how large it is. */
function sizeOf(kind: ActivityKind, random: Random, who: number): Partial<Activity> {
  return kind === 'order_placed' && random(2) === 0
    ? { amount: null, quantity: amountOf(100_000_000n) }
    : { amount: amountOf(who === 9 ? 1n : 10_000_000_000n) };
}

function endOf(kind: ActivityKind, random: Random): Activity['data'] {
  switch (kind) {
    case 'withdrawal_ended':
      return { end: random(2) === 0 ? 'completed' : 'cancelled' };
    case 'order_closed':
      return { end: random(3) === 0 ? 'filled' : 'cancelled', reason: 'requested' };
    default:
      return {};
  }
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
  const isSame = (row: Watched) =>
    row.linkedUserId === activity.linkedUserId && row.instrument === instrument;
  const past = pastPartsOf(activity)
    .flatMap((part) =>
      own
        .filter(
          (row) =>
            row.kind === part.kind && row.occurredAt >= since(part.ms) && (!part.isWithSame || isSame(row)),
        )
        .slice(0, part.most),
    )
    .toSorted(newestFirst);
  const crowd = own
    .filter((row) => row.kind === kind && row.occurredAt >= since(30 * DAY_MS))
    .map((row) => row.occurredAt);
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
    crowd: isCrowding(activity) ? crowdOf(crowd) : NO_CROWD,
    movedBefore: isIdle ? (moved?.occurredAt ?? null) : null,
    others: looksAtOthers(activity, SET) ? others.slice(0, PAST_ROWS) : [],
    sharers: index === undefined ? 0 : new Set(sharers.map((row) => row.userId)).size,
  };
}

const told = (view: Omit<View, 'peers' | 'reference'>) => ({
  past: view.past.map((row) => (row as Watched).id),
  crowd: view.crowd,
  movedBefore: view.movedBefore,
  others: view.others.map((row) => (row as Watched).id),
  sharers: view.sharers,
});

async function viewsOf(activities: readonly Watched[]) {
  return transact(desk.system, 'engine', async (tx) => {
    const views = await Array.fromAsync(loadViews(tx, activities, SET));
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
  const page = all.filter(({ kind }) => random(kind === 'order_placed' ? 3 : 60) === 0);
  const sorted = all.toSorted(newestFirst);
  const views = await viewsOf(page);
  expect(views.size).toBe(page.length);
  const seen = page.map((activity) => {
    const view = views.get(activity.id) as View;
    const expected = viewIn(sorted, activity);
    expect(told(view)).toEqual(told(expected));
    return expected;
  });
  expect(seen.some(({ past }) => past.length > 2 * PAST_ROWS)).toBe(true);
  expect(seen.some(({ crowd }) => crowd.moreSince !== null)).toBe(true);
  const kindsOf = (kind: ActivityKind) =>
    page.flatMap((row, place) => (row.kind === kind ? (seen[place] ?? []) : []));
  // Trades with another or elsewhere are not among them, nor is anything of an order that traded whole.
  expect(kindsOf('fill').some(({ past }) => past.length > PAST_ROWS / 4)).toBe(true);
  expect(kindsOf('order_closed').some(({ past }) => past.length === 0)).toBe(true);
  expect(kindsOf('order_placed').every(({ past }) => past.length === 0)).toBe(true);
  expect(seen.some(({ others }) => others.length === PAST_ROWS)).toBe(true);
  expect(seen.some(({ movedBefore }) => movedBefore !== null)).toBe(true);
  expect(seen.some(({ sharers }) => sharers === 2)).toBe(true);
  // Whole rows, and no more than one needs where it stands alone.
  const [one] = page;
  const alone = await viewsOf([one as Watched]);
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
    quantity: amountOf(100_000_000n),
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
  const views = await viewsOf(placed);
  expect(placed.map(({ id }) => views.get(id)?.others.length)).toEqual([1, 1]);
});

test('whoever trades much with very many is read in parts, as many rows at a time as memory is meant to hold', async () => {
  const [maker, other] = [await desk.newCustomer(), await desk.newCustomer()];
  const now = desk.deps.clock.now();
  const fill = (number: number, secondsAgo: number): Activity => ({
    ...NO_ACTIVITY,
    source: 'hub',
    sourceId: newId(),
    kind: 'fill',
    userId: maker.userId,
    linkedUserId: other.userId,
    occurredAt: addMs(now, -secondsAgo * 1_000),
    instrument: `HUB${number}/USD`,
  });
  const numbers = Array.from({ length: 120 }, (_unused, number) => number);
  const before = (count: number) =>
    numbers.flatMap((number) => Array.from({ length: count }, (_unused, place) => fill(number, 60 + place)));
  const fills = numbers.map((number) => ({ ...fill(number, 0), id: newId() }));
  const orders = fills.map((one) => ({
    ...one,
    id: newId(),
    kind: 'order_placed' as const,
    quantity: amountOf(1n),
  }));
  const seenWith = (activities: readonly Activity[]) =>
    transact(desk.system, 'engine', async (tx) => {
      await keepActivities(tx, desk.system, activities);
      return Array.fromAsync(loadViews(tx, [...fills, ...orders], SET));
    });
  const sizesOf = (groups: Awaited<ReturnType<typeof seenWith>>) => groups.map((group) => group.length);
  const pastsOf = (groups: Awaited<ReturnType<typeof seenWith>>) =>
    groups.flat().flatMap(([{ kind }, { past }]) => (kind === 'fill' ? past.length : []));
  // Of little with each, all are read together; each order may bring some four hundred rows.
  const little = await seenWith(before(2));
  expect(sizesOf(little).reduce((total, size) => total + size, 0)).toBe(240);
  expect(sizesOf(little)).toHaveLength(Math.ceil((120 * PAST_ROWS) / 20_000));
  expect(pastsOf(little)).toEqual(numbers.map(() => 2));
  // Each fill may bring as many again.
  const much = await seenWith(before(16));
  expect(sizesOf(much).reduce((total, size) => total + size, 0)).toBe(240);
  expect(sizesOf(much).length).toBeGreaterThanOrEqual((240 * PAST_ROWS) / 20_000);
  expect(pastsOf(much)).toEqual(numbers.map(() => 18));
});
