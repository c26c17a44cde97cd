import { z } from '@hono/zod-openapi';
import type { Activity } from '../../../../platform/activity.ts';
import { MARKET_HOURS_MOST } from '../past-window.ts';
import { rule } from '../rule.ts';
import { HOUR_MS, within } from '../sizes.ts';

/** Two people who sell to each other and buy back at about one price. */
export const washTrade = rule({
  key: 'wash_trade',
  looksFor: 'Two people who trade back and forth with each other at about one price',
  measures: 'trades that go back and forth, within the window; each band once in an hour',
  kinds: ['fill'],
  parameters: z.strictObject({
    windowHours: z.number().int().min(1).max(MARKET_HOURS_MOST),
    priceBps: z.number().int().min(0).max(10_000),
  }),
  released: {
    typology: 'market_abuse',
    parameters: { windowHours: 24, priceBps: 100 },
    bands: [
      { atLeast: 4, points: 40 },
      { atLeast: 8, points: 60 },
    ],
    addsEach: false,
  },
  evaluate: (activity, { past }, { windowHours, priceBps }) => {
    if (activity.linkedUserId === null || activity.linkedUserId === activity.userId) {
      return [];
    }
    const between = (fill: Activity, before: readonly Activity[]) => [
      fill,
      ...within(before, fill.occurredAt, windowHours * HOUR_MS, ['fill']).filter(
        (other) =>
          other.linkedUserId === fill.linkedUserId &&
          other.instrument === fill.instrument &&
          isNear(other, fill, priceBps),
      ),
    ];
    const all = between(activity, past);
    const measure = backAndForth(all);
    // Whoever makes a market trades with the same people all day. The one before is measured as it was by itself, at
    // its own price: only what was a hit is said.
    const last = all.find(({ occurredAt }) => occurredAt < activity.occurredAt);
    return [
      {
        measure,
        facts: { trades: all.length, backAndForth: measure },
        ...(last === undefined
          ? {}
          : {
              before: {
                measure: backAndForth(between(last, past.slice(past.indexOf(last) + 1))),
                at: last.occurredAt,
              },
            }),
      },
    ];
  },
});

function backAndForth(fills: readonly Activity[]): number {
  const bought = fills.filter(({ side }) => side === 'buy').length;
  return 2 * Math.min(bought, fills.length - bought);
}

function isNear(left: Activity, right: Activity, priceBps: number): boolean {
  if (left.price === null || right.price === null) {
    return false;
  }
  const apart = left.price > right.price ? left.price - right.price : right.price - left.price;
  return apart * 10_000n <= right.price * BigInt(priceBps);
}
