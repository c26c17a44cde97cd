/** A crowd is read once for all of a person and kind, and is for each of them what it would be by itself. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs, type Instant } from '../../../kernel/time.ts';
import { type Activity, NO_ACTIVITY } from '../../../platform/activity.ts';
import { transact } from '../../../platform/db/transact.ts';
import { type FundingDesk, startFundingDesk } from '../../../testing/funding-desk.ts';
import { randomFrom } from '../../../testing/random.ts';
import { amlDomain } from '../index.ts';
import { loadCrowds } from './load-crowds.ts';
import { type Crowd, crowdOf, isCrowding, PAST_ROWS } from './past-window.ts';
import { DAY_MS } from './sizes.ts';
import { keepActivities } from './watch-activity.ts';
import { inOrder, isBefore, type Watched } from './watched.ts';

let desk: FundingDesk;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file, [amlDomain]);
});

afterAll(async () => {
  await desk.close();
});

const KINDS = ['fill', 'fill', 'order_closed', 'order_placed'] as const;

type Random = (below: number) => number;

/** Few instants for many activities, and some of them as long ago as a crowd goes back. */
function historyOf(random: Random, people: readonly Id[], now: Instant): Activity[] {
  return Array.from({ length: 6_000 }, () => ({
    ...NO_ACTIVITY,
    source: 'test',
    sourceId: newId(),
    kind: KINDS[random(KINDS.length)] ?? 'fill',
    // One does most of it, and the last next to nothing.
    userId: people[[0, 0, 0, 0, 0, 1, 1, 1, 2][random(9)] ?? 0] as Id,
    occurredAt: addMs(now, -(random(40) * 1_000 + (random(2) === 0 ? 30 * DAY_MS - 20_000 : 0))),
  }));
}

/** By the words of it: every activity is asked. @shape `all` the newest first */
function crowdIn(all: readonly Watched[], activity: Watched): Crowd {
  const { userId, kind, occurredAt } = activity;
  const since = addMs(occurredAt, -30 * DAY_MS);
  const before = all.filter(
    (one) => one.userId === userId && one.kind === kind && isBefore(one, activity) && one.occurredAt >= since,
  );
  return crowdOf(before.map((one) => one.occurredAt));
}

test('of each activity, whoever else is asked about and however much lies between them', async () => {
  const random = randomFrom(19).below;
  const people = await Promise.all([desk.newCustomer(), desk.newCustomer(), desk.newCustomer()]);
  const history = historyOf(
    random,
    people.map(({ userId }) => userId),
    desk.deps.clock.now(),
  );
  const kept = await transact(desk.system, 'engine', (tx) => keepActivities(tx, desk.system, history));
  const all = kept.toSorted((left, right) => inOrder(right, left));
  const unkept = all.slice(0, 9).map((activity) => ({ ...activity, id: newId() }));
  const pages: readonly (readonly Watched[])[] = [
    // As they are read, one behind the other; then here and there, in no order; alone; and of what is not kept.
    all.slice(0, 900),
    all.slice(-600),
    all.filter(() => random(90) === 0).toSorted((left, right) => (left.id < right.id ? 1 : -1)),
    all.slice(0, 1),
    [...all.slice(0, 9), ...unkept],
    [],
  ];
  const seen: Crowd[] = [];
  for (const page of pages) {
    const crowds = await transact(desk.system, 'engine', (tx) => loadCrowds(tx, page));
    const asked = page.filter(isCrowding);
    expect(crowds.size).toBe(asked.length);
    for (const activity of asked) {
      const expected = crowdIn(all, activity);
      expect(crowds.get(activity.id)).toEqual(expected);
      seen.push(expected);
    }
  }
  // Windows that are full, full to the row, not full, and empty; and some that what is too old would have filled.
  expect(seen.some(({ moreSince }) => moreSince !== null)).toBe(true);
  expect(seen.some(({ newest, fullSince }) => newest !== null && fullSince === null)).toBe(true);
  expect(seen.some(({ newest }) => newest === null)).toBe(true);
  expect(all.length).toBeGreaterThan(10 * PAST_ROWS);
});
