import { z } from '@hono/zod-openapi';
import { rule } from '../rule.ts';
import { DAY_MS, msBetween, sizeBps } from '../sizes.ts';

/** Money that moves after nothing happened for long. */
export const dormantReactivation = rule({
  key: 'dormant_reactivation',
  looksFor: 'A payment of some size after nothing happened for long',
  measures: 'days since money or units of the person last moved',
  kinds: ['deposit', 'withdrawal_requested'],
  parameters: z.strictObject({ sizeAtLeastBps: z.number().int().min(0) }),
  released: {
    typology: 'pass_through',
    parameters: { sizeAtLeastBps: 2_000 },
    bands: [
      { atLeast: 180, points: 25 },
      { atLeast: 365, points: 35 },
    ],
    addsEach: false,
  },
  evaluate: (activity, { lastMovedAt, reference }, { sizeAtLeastBps }) => {
    const size = sizeBps(activity, reference);
    if (lastMovedAt === null || size < sizeAtLeastBps) {
      return [];
    }
    const days = Math.trunc(msBetween(activity.occurredAt, lastMovedAt) / DAY_MS);
    return [{ measure: days, facts: { days, sizeBps: size } }];
  },
});
