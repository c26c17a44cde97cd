import { z } from '@hono/zod-openapi';
import { addMs } from '../../../../kernel/time.ts';
import { MARKET_HOURS_MOST, PAST_ROWS } from '../past-window.ts';
import { rule } from '../rule.ts';
import { isSameHour } from '../said-this-hour.ts';
import { HOUR_MS } from '../sizes.ts';

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
  parameters: z.strictObject({ windowHours: z.number().int().min(1).max(MARKET_HOURS_MOST) }),
  released: {
    typology: 'market_abuse',
    parameters: { windowHours: 24 },
    bands: [{ atLeast: PAST_ROWS + 1, points: 40 }],
    addsEach: false,
  },
  evaluate: ({ occurredAt }, { crowd: { newest, fullSince, moreSince } }, { windowHours }) => {
    // Instants are texts of one form, so that their order is that of their letters.
    const since = addMs(occurredAt, -windowHours * HOUR_MS);
    if (fullSince === null || fullSince < since) {
      return [];
    }
    const isBehind = moreSince !== null && moreSince >= since;
    // What came about at once says nothing of which is the first.
    const isSaid = isBehind && newest !== null && newest < occurredAt && isSameHour(newest, occurredAt);
    const activities = PAST_ROWS + (isBehind ? 2 : 1);
    return isSaid ? [] : [{ measure: activities, facts: { activities } }];
  },
});
