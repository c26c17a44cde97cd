import { z } from '@hono/zod-openapi';
import { PAST_ROWS } from '../past-window.ts';
import { rule } from '../rule.ts';
import { wasSaidThisHour } from '../said-this-hour.ts';
import { HOUR_MS, within } from '../sizes.ts';

/**
 * So many trades or ended orders that rules no longer see all of them: whoever hides among them is looked at for
 * that. It finds the one that fills the window, and from then on the first of each clock hour: a market maker leaves
 * a hit in the hour, and not one for each trade.
 */
export const crowdedMarket = rule({
  key: 'crowded_market',
  looksFor: 'So many trades or ended orders that rules no longer see all of them',
  measures: 'activities of the kind, within the window and as far as rules see; the first of each hour',
  kinds: ['fill', 'order_closed'],
  parameters: z.strictObject({ windowHours: z.number().int().min(1).max(720) }),
  released: {
    typology: 'market_abuse',
    parameters: { windowHours: 24 },
    bands: [{ atLeast: PAST_ROWS + 1, points: 40 }],
    addsEach: false,
  },
  evaluate: (activity, { past }, { windowHours }) => {
    const earlier = within(past, activity.occurredAt, windowHours * HOUR_MS, [activity.kind]);
    if (earlier.length < PAST_ROWS || wasSaidThisHour(activity, earlier)) {
      return [];
    }
    return [{ measure: earlier.length + 1, facts: { activities: earlier.length + 1 } }];
  },
});
