import { z } from '@hono/zod-openapi';
import { rule } from '../rule.ts';
import { sizeBps } from '../sizes.ts';

/** Money from or to a country that the firm put on its list. */
export const highRiskCountry = rule({
  key: 'high_risk_country',
  looksFor: 'A payment from or to an account in a country of high risk',
  measures: 'basis points of the reference amount',
  kinds: ['deposit', 'withdrawal_requested'],
  parameters: z.strictObject({}),
  released: {
    typology: 'networks',
    parameters: {},
    bands: [
      { atLeast: 0, points: 40 },
      { atLeast: 5_000, points: 60 },
    ],
    addsEach: false,
  },
  evaluate: (activity, { reference }) => {
    const country = activity.counterpartyCountry;
    if (country === null || !reference.highRiskCountries.includes(country)) {
      return [];
    }
    const size = sizeBps(activity, reference);
    return [{ measure: size, facts: { country, sizeBps: size } }];
  },
});
