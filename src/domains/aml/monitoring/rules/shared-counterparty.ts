import { z } from '@hono/zod-openapi';
import { rule } from '../rule.ts';

/** One account, address or payer behind several people. */
export const sharedCounterparty = rule({
  key: 'shared_counterparty',
  looksFor: 'One account, address or payer that several people use',
  measures: 'people who used it within a year',
  kinds: ['deposit', 'beneficiary_added', 'withdrawal_requested'],
  parameters: z.strictObject({}),
  released: {
    typology: 'networks',
    parameters: {},
    bands: [
      { atLeast: 3, points: 40 },
      { atLeast: 5, points: 50 },
    ],
    addsEach: false,
  },
  evaluate: (activity, { sharers }) =>
    activity.counterpartyIndex === null ? [] : [{ measure: sharers + 1, facts: { people: sharers + 1 } }],
});
