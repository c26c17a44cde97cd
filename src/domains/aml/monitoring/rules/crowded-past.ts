import { z } from '@hono/zod-openapi';
import { PAST_ROWS } from '../past-window.ts';
import { rule } from '../rule.ts';
import { wasSaidThisHour } from '../said-this-hour.ts';
import { DAY_MS, within } from '../sizes.ts';

/**
 * So much of one kind that rules no longer see all of it: whoever hides among it is looked at for that. Of transfers,
 * which cost nothing, it finds the one that fills the window, and from then on the first of each clock hour.
 */
export const crowdedPast = rule({
  key: 'crowded_past',
  looksFor: 'So many activities of one kind that rules no longer see all of them',
  measures:
    'activities of the kind, within the window and as far as rules see; of transfers the first of each hour',
  kinds: ['deposit', 'withdrawal_requested', 'beneficiary_added', 'transfer'],
  parameters: z.strictObject({ windowDays: z.number().int().min(1).max(365) }),
  released: {
    typology: 'structuring',
    parameters: { windowDays: 90 },
    bands: [{ atLeast: PAST_ROWS + 1, points: 40 }],
    addsEach: false,
  },
  evaluate: (activity, { past }, { windowDays }) => {
    const earlier = within(past, activity.occurredAt, windowDays * DAY_MS, [activity.kind]);
    if (activity.kind === 'transfer' && wasSaidThisHour(activity, earlier)) {
      return [];
    }
    return [{ measure: earlier.length + 1, facts: { activities: earlier.length + 1 } }];
  },
});
