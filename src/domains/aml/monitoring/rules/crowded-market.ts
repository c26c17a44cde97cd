import { z } from '@hono/zod-openapi';
import type { Activity } from '../../../../platform/activity.ts';
import { PAST_ROWS } from '../past-window.ts';
import { rule } from '../rule.ts';
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
    if (earlier.length < PAST_ROWS || wasSaid(activity, earlier)) {
      return [];
    }
    return [{ measure: earlier.length + 1, facts: { activities: earlier.length + 1 } }];
  },
});

/** The one before it, of the same hour, found the window full as well. What came about at once says nothing. */
function wasSaid(activity: Activity, earlier: readonly Activity[]): boolean {
  const before = earlier.filter(({ occurredAt }) => occurredAt < activity.occurredAt);
  const last = before[0];
  return last !== undefined && before.length > PAST_ROWS && hourOf(last) === hourOf(activity);
}

/** @shape the instant's letters down to the hour */
function hourOf({ occurredAt }: Activity): string {
  return occurredAt.slice(0, 13);
}
