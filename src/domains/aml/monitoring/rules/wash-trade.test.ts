import { expect, test } from 'bun:test';
import { parseAmount } from '../../../../kernel/amount.ts';
import { newId } from '../../../../kernel/id.ts';
import { addMs, type Instant, parseInstant } from '../../../../kernel/time.ts';
import { type Activity, NO_ACTIVITY } from '../../../../platform/activity.ts';
import { hitsOf } from '../evaluate.ts';
import { NO_CROWD } from '../past-window.ts';
import { ruleSetOf } from '../rule-set.ts';

const SET = ruleSetOf([]);
const PERSON = newId();
const OTHER = newId();
const NOON = parseInstant('2026-03-10T12:00:00Z');

function fill(side: 'buy' | 'sell', occurredAt: Instant, price = '100'): Activity {
  return {
    ...NO_ACTIVITY,
    source: 'test',
    sourceId: newId(),
    kind: 'fill',
    userId: PERSON,
    linkedUserId: OTHER,
    occurredAt,
    instrument: 'BTC/USD',
    side,
    price: parseAmount(price),
    quantity: parseAmount('1'),
  };
}

/** The points of each of so many trades, to and fro. */
function pointsOfEach(count: number, apartMs: number, from: Instant): readonly number[] {
  return pointsOf(
    Array.from({ length: count }, (_unused, number) =>
      fill(number % 2 === 0 ? 'buy' : 'sell', addMs(from, number * apartMs)),
    ),
  );
}

/** The points of each of trades that come one after the other. */
function pointsOf(fills: readonly Activity[]): readonly number[] {
  return fills.map((activity, place) => {
    const view = {
      past: fills.slice(0, place).toReversed(),
      crowd: NO_CROWD,
      movedBefore: null,
      others: [],
      sharers: 0,
      peers: null,
      reference: SET.reference,
    };
    return hitsOf(activity, view, SET).find(({ ruleKey }) => ruleKey === 'wash_trade')?.points ?? 0;
  });
}

test('whoever trades with one person all day is a hit as each band is reached, and then in each hour', () => {
  expect(pointsOfEach(12, 60_000, NOON)).toEqual([0, 0, 0, 40, 0, 0, 0, 60, 0, 0, 0, 0]);
  // The tenth is the first of the next hour.
  expect(pointsOfEach(12, 60_000, addMs(NOON, -9 * 60_000))).toEqual([0, 0, 0, 40, 0, 0, 0, 60, 0, 60, 0, 0]);
});

test('of trades at one instant none is the one before', () => {
  expect(pointsOfEach(6, 0, NOON)).toEqual([0, 0, 0, 40, 40, 40]);
});

test('trades a little apart in price, none of which was a hit, hide none that is', () => {
  const at = (minute: number) => addMs(NOON, minute * 60_000);
  const apart = [
    ...Array.from({ length: 5 }, (_unused, minute) => fill('buy', at(minute), '99')),
    ...Array.from({ length: 5 }, (_unused, minute) => fill('sell', at(5 + minute), '101')),
  ];
  const hour = [fill('buy', at(10)), fill('sell', at(11))];
  const nextHour = [fill('buy', at(60), '99'), fill('sell', at(61)), fill('buy', at(62))];
  const points = pointsOf([...apart, ...hour, ...nextHour]);
  expect(points.slice(0, 10)).toEqual(apart.map(() => 0));
  expect(points.slice(10)).toEqual([60, 0, 0, 60, 0]);
});
