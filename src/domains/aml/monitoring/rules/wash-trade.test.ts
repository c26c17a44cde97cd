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

function fill(side: 'buy' | 'sell', occurredAt: Instant): Activity {
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
    price: parseAmount('100'),
    quantity: parseAmount('1'),
  };
}

/** The points of each of so many trades, to and fro. */
function pointsOfEach(count: number, apartMs: number, from: Instant): readonly number[] {
  const fills = Array.from({ length: count }, (_unused, number) =>
    fill(number % 2 === 0 ? 'buy' : 'sell', addMs(from, number * apartMs)),
  );
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
