import { expect, test } from 'bun:test';
import { amountOf } from '../../../kernel/amount.ts';
import { newId } from '../../../kernel/id.ts';
import { addMs, parseInstant } from '../../../kernel/time.ts';
import { type Activity, NO_ACTIVITY } from '../../../platform/activity.ts';
import { randomFrom } from '../../../testing/random.ts';
import { hitsOf } from './evaluate.ts';
import { NO_CROWD, pastPartsOf } from './past-window.ts';
import type { View } from './rule.ts';
import { ruleSetOf } from './rule-set.ts';

const SET = ruleSetOf([]);
const START = parseInstant('2026-03-10T12:00:00Z');
const [PERSON, ...OTHERS] = [newId(), newId(), newId()];

type Random = (below: number) => number;

/** Seconds apart and at few prices, so that every rule of the market finds something now and then. */
function activityOf(random: Random, number: number): Activity {
  const occurredAt = addMs(START, number * 1_000);
  const common = {
    ...NO_ACTIVITY,
    source: 'test',
    sourceId: newId(),
    userId: PERSON as Activity['userId'],
    occurredAt,
    asset: 'USD',
    instrument: ['BTC/USD', 'ETH/USD'][random(2)] ?? null,
    side: random(2) === 0 ? ('buy' as const) : ('sell' as const),
    price: amountOf(BigInt(100 + random(4)) * 100_000_000n),
    quantity: amountOf(BigInt(1 + random(20)) * 100_000_000n),
  };
  switch (random(5)) {
    case 0:
      return { ...common, kind: 'order_placed' };
    case 1:
    case 2:
      return { ...common, kind: 'fill', linkedUserId: [PERSON, ...OTHERS, null][random(4)] ?? null };
    default:
      return {
        ...common,
        kind: 'order_closed',
        data: {
          end: random(3) === 0 ? 'filled' : 'cancelled',
          reason: ['requested', 'requested', 'self_match', null][random(4)] ?? null,
          isUnfilled: random(3) > 0,
          filledQuantity: '0.1',
          placedAt: addMs(occurredAt, -5_000),
        },
      };
  }
}

/** The rows of a past that are read for an activity. */
function readOf(past: readonly Activity[], activity: Activity): readonly Activity[] {
  const parts = pastPartsOf(activity);
  return past.filter((row) =>
    parts.some(
      ({ kind, isWithSame }) =>
        row.kind === kind &&
        (!isWithSame ||
          (row.linkedUserId === activity.linkedUserId && row.instrument === activity.instrument)),
    ),
  );
}

test('rules of the market find in what is read of a past what they would find in all of it', () => {
  const random = randomFrom(11).below;
  const found = new Set<string>();
  for (let history = 0; history < 300; history += 1) {
    const told = Array.from({ length: 40 }, (_unused, number) => activityOf(random, number));
    const [activity, ...past] = told.toReversed();
    const view: Omit<View, 'past'> = {
      crowd: NO_CROWD,
      movedBefore: null,
      others: [],
      sharers: 0,
      peers: null,
      reference: SET.reference,
    };
    const whole = hitsOf(activity as Activity, { ...view, past }, SET);
    expect(hitsOf(activity as Activity, { ...view, past: readOf(past, activity as Activity) }, SET)).toEqual(
      whole,
    );
    for (const { ruleKey } of whole) {
      found.add(ruleKey);
    }
  }
  expect([...found].toSorted()).toEqual(['layering', 'self_match', 'spoofing', 'wash_trade']);
});
