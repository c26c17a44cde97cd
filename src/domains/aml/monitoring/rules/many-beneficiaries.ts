import { z } from '@hono/zod-openapi';
import { rule } from '../rule.ts';
import { DAY_MS, within } from '../sizes.ts';

/** Money to, or payees at, many places within a short time. */
export const manyBeneficiaries = rule({
  key: 'many_beneficiaries',
  looksFor: 'Payees at many different places within a short time',
  measures: 'different accounts and addresses, within the window',
  kinds: ['beneficiary_added', 'withdrawal_requested'],
  parameters: z.strictObject({ windowDays: z.number().int().min(1).max(365) }),
  released: {
    typology: 'pass_through',
    parameters: { windowDays: 30 },
    bands: [
      { atLeast: 4, points: 20 },
      { atLeast: 8, points: 40 },
    ],
    addsEach: false,
  },
  evaluate: (activity, { past }, { windowDays }) => {
    const kinds = ['beneficiary_added', 'withdrawal_requested'] as const;
    const paid = [activity, ...within(past, activity.occurredAt, windowDays * DAY_MS, kinds)];
    const places = new Set(
      paid.flatMap(({ counterpartyIndex }) =>
        counterpartyIndex === null ? [] : [Buffer.from(counterpartyIndex).toString('hex')],
      ),
    );
    return [{ measure: places.size, facts: { places: places.size } }];
  },
});
