import { z } from '@hono/zod-openapi';
import { rule } from '../rule.ts';
import { DAY_MS, within } from '../sizes.ts';

/** Somebody else pays for the person; each such payment also has an alert of its own before it is credited. */
export const thirdPartyDeposit = rule({
  key: 'third_party_deposit',
  looksFor: 'Deposits that came under another name than the person’s',
  measures: 'such deposits, within the window',
  kinds: ['deposit'],
  parameters: z.strictObject({ windowDays: z.number().int().min(1).max(365) }),
  released: {
    typology: 'structuring',
    parameters: { windowDays: 90 },
    bands: [
      { atLeast: 1, points: 30 },
      { atLeast: 3, points: 50 },
    ],
    addsEach: false,
  },
  evaluate: (activity, { past }, { windowDays }) => {
    if (activity.data.payer !== 'other') {
      return [];
    }
    const others = within(past, activity.occurredAt, windowDays * DAY_MS, ['deposit']).filter(
      ({ data }) => data.payer === 'other',
    );
    return [{ measure: others.length + 1, facts: { deposits: others.length + 1 } }];
  },
});
