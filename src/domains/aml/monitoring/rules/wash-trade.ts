import { z } from '@hono/zod-openapi';
import type { Activity } from '../../../../platform/activity.ts';
import { rule } from '../rule.ts';
import { HOUR_MS, within } from '../sizes.ts';

/** Two people who sell to each other and buy back at about one price. */
export const washTrade = rule({
  key: 'wash_trade',
  looksFor: 'Two people who trade back and forth with each other at about one price',
  measures: 'trades that go back and forth, within the window',
  kinds: ['fill'],
  parameters: z.strictObject({
    windowHours: z.number().int().min(1).max(720),
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
    const between = [activity, ...within(past, activity.occurredAt, windowHours * HOUR_MS, ['fill'])].filter(
      (fill) =>
        fill.linkedUserId === activity.linkedUserId &&
        fill.instrument === activity.instrument &&
        isNear(fill, activity, priceBps),
    );
    const bought = between.filter(({ side }) => side === 'buy').length;
    const backAndForth = 2 * Math.min(bought, between.length - bought);
    return [{ measure: backAndForth, facts: { trades: between.length, backAndForth } }];
  },
});

function isNear(left: Activity, right: Activity, priceBps: number): boolean {
  if (left.price === null || right.price === null) {
    return false;
  }
  const apart = left.price > right.price ? left.price - right.price : right.price - left.price;
  return apart * 10_000n <= right.price * BigInt(priceBps);
}
