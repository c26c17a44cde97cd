import { afterAll, beforeAll, expect, test } from 'bun:test';
import { asc, inArray } from 'drizzle-orm';
import { amountOf } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import { newId } from '../../../kernel/id.ts';
import { addMs, parseInstant } from '../../../kernel/time.ts';
import { type Activity, NO_ACTIVITY } from '../../../platform/activity.ts';
import { transact } from '../../../platform/db/transact.ts';
import { type FundingDesk, startFundingDesk } from '../../../testing/funding-desk.ts';
import { randomFrom } from '../../../testing/random.ts';
import { amlDomain } from '../index.ts';
import { startReplay } from './replay.ts';
import { ruleSetOf } from './rule-set.ts';
import { monitoredActivity, ruleHits } from './schema.ts';
import { keepActivities, watchActivities } from './watch-activity.ts';

let desk: FundingDesk;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file, [amlDomain]);
});

afterAll(async () => {
  await desk.close();
});

const SET = ruleSetOf([]);
const MINUTE_MS = 60_000;
const START = parseInstant('2026-01-05T08:00:00Z');

type Random = (below: number) => number;

/** What somebody might do: small numbers of everything, so that rules meet their edges. */
function activityOf(random: Random, people: readonly Id[], number: number): Activity {
  const userId = people[random(people.length)] ?? newId();
  const other = people.find((person) => person !== userId) ?? newId();
  const side = random(2) === 0 ? 'buy' : 'sell';
  const occurredAt = addMs(START, number * (random(6) + 1) * 40 * MINUTE_MS + number);
  const common = { ...NO_ACTIVITY, source: 'test', sourceId: newId(), userId, occurredAt };
  const money = { asset: 'USD', amount: amountOf(BigInt(random(24) + 1) * 50_000_000_000n) };
  const counterpartyIndex = random(3) === 0 ? null : new Uint8Array(32).fill(random(5));
  const market = {
    instrument: 'BTC/USD',
    side,
    asset: 'USD',
    price: amountOf(BigInt(random(3) + 9) * 100_000_000n),
  } as const;
  switch (random(6)) {
    case 0:
      return {
        ...common,
        ...money,
        kind: 'deposit',
        direction: 'in',
        data: { payer: random(9) === 0 ? 'other' : 'customer' },
      };
    case 1:
      return { ...common, ...money, kind: 'withdrawal_requested', direction: 'out', counterpartyIndex };
    case 2:
      return { ...common, kind: 'beneficiary_added', counterpartyIndex };
    case 3:
      return {
        ...common,
        ...market,
        kind: 'fill',
        quantity: amountOf(100_000_000n),
        amount: market.price,
        linkedUserId: other,
      };
    case 4:
      return { ...common, ...market, kind: 'order_placed', quantity: amountOf(10_000_000_000_000n) };
    default:
      return {
        ...common,
        ...market,
        kind: 'order_closed',
        quantity: amountOf(500_000_000n),
        data: {
          end: 'cancelled',
          reason: random(3) === 0 ? 'self_match' : 'requested',
          isUnfilled: true,
          placedAt: addMs(occurredAt, -1_000),
        },
      };
  }
}

/** Trades of one pair, some at one instant, and orders that end among them: more than rules see of either. */
function busyDay(random: Random, people: readonly Id[]): readonly Activity[] {
  return Array.from({ length: 1_400 }, (_unused, number) => {
    const activity = {
      ...activityOf(random, people.slice(0, 2), 0),
      occurredAt: addMs(START, Math.floor(number / 2) * 9_000),
    };
    return activity.kind === 'fill' || activity.kind === 'order_closed'
      ? activity
      : { ...activity, kind: 'fill' as const, instrument: 'BTC/USD', linkedUserId: people[2] ?? null };
  });
}

function quietDays(random: Random, people: readonly Id[]): readonly Activity[] {
  return Array.from({ length: 150 }, (_unused, number) => activityOf(random, people, number));
}

test('a simulation finds, of any history, exactly what was found on the day', async () => {
  for (const [seed, historyOf] of [
    [1, quietDays],
    [2, quietDays],
    [3, busyDay],
  ] as const) {
    const random = randomFrom(seed).below;
    const people = [
      (await desk.newCustomer()).userId,
      (await desk.newCustomer()).userId,
      (await desk.newCustomer()).userId,
    ];
    const told = historyOf(random, people).toSorted((left, right) =>
      left.occurredAt < right.occurredAt ? -1 : 1,
    );
    await transact(desk.system, 'engine', async (tx) => {
      await watchActivities(tx, desk.system, await keepActivities(tx, desk.system, told), SET);
    });
    const found = await desk.deps.db.engine.select().from(ruleHits).where(inArray(ruleHits.userId, people));
    const activities = await desk.deps.db.engine
      .select()
      .from(monitoredActivity)
      .where(inArray(monitoredActivity.userId, people))
      .orderBy(asc(monitoredActivity.occurredAt), asc(monitoredActivity.id));
    const replay = startReplay(SET, SET, () => null);
    for (const activity of activities) {
      replay.next(activity);
    }
    const nameOf = (hit: { activityId: Id; ruleKey: string; userId: Id; measure: number; points: number }) =>
      `${hit.activityId} ${hit.ruleKey} ${hit.userId} ${hit.measure} ${hit.points}`;
    const simulated = replay.after().hits.map(nameOf).toSorted();
    expect(simulated.length).toBeGreaterThan(30);
    expect(found.map(nameOf).toSorted()).toEqual(simulated);
    expect(replay.before().alerts).toEqual(replay.after().alerts);
    // The histories of the seeds share their payees; each starts from none of the others.
    await transact(desk.system, 'engine', (tx) =>
      tx
        .update(monitoredActivity)
        .set({ counterpartyIndex: null })
        .where(inArray(monitoredActivity.userId, people)),
    );
  }
});
