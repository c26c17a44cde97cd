import { z } from '@hono/zod-openapi';
import { MARKET_HOURS_MOST } from '../past-window.ts';
import { rule } from '../rule.ts';
import { HOUR_MS, within } from '../sizes.ts';

/** Orders that would have traded with the person's own; the book refuses each. */
export const selfMatch = rule({
  key: 'self_match',
  looksFor: 'Orders that were cancelled because they would have traded with the person’s own',
  measures: 'such orders, within the window',
  kinds: ['order_closed'],
  parameters: z.strictObject({ windowHours: z.number().int().min(1).max(MARKET_HOURS_MOST) }),
  released: {
    typology: 'market_abuse',
    parameters: { windowHours: 24 },
    bands: [
      { atLeast: 3, points: 25 },
      { atLeast: 10, points: 45 },
    ],
    addsEach: false,
  },
  evaluate: (activity, { past }, { windowHours }) => {
    if (activity.data.reason !== 'self_match') {
      return [];
    }
    const earlier = within(past, activity.occurredAt, windowHours * HOUR_MS, ['order_closed']).filter(
      ({ data }) => data.reason === 'self_match',
    );
    return [{ measure: earlier.length + 1, facts: { orders: earlier.length + 1 } }];
  },
});
