import { z } from '@hono/zod-openapi';
import { rule } from '../rule.ts';
import { FULL_BPS, HOUR_MS, totalBps, within } from '../sizes.ts';

/** Money that leaves soon after it came, and was hardly traded with. */
export const rapidInOut = rule({
  key: 'rapid_in_out',
  looksFor: 'Money that leaves within hours of coming in, and was hardly traded with',
  measures: 'basis points of what came in that leave again',
  kinds: ['withdrawal_requested'],
  parameters: z.strictObject({
    windowHours: z.number().int().min(1).max(720),
    inAtLeastBps: z.number().int().min(1),
    tradedBelowBps: z.number().int().min(0).max(10_000),
  }),
  released: {
    typology: 'pass_through',
    parameters: { windowHours: 48, inAtLeastBps: 2_000, tradedBelowBps: 1_000 },
    bands: [
      { atLeast: 8_000, points: 40 },
      { atLeast: 9_500, points: 45 },
    ],
    addsEach: false,
  },
  evaluate: (activity, { past, reference }, { windowHours, inAtLeastBps, tradedBelowBps }) => {
    const inTime = (kind: 'deposit' | 'withdrawal_requested' | 'fill') =>
      within(past, activity.occurredAt, windowHours * HOUR_MS, [kind]);
    const came = totalBps(inTime('deposit'), reference);
    if (came < inAtLeastBps) {
      return [];
    }
    const leaves = totalBps([activity, ...inTime('withdrawal_requested')], reference);
    const traded = totalBps(inTime('fill'), reference);
    if (traded * FULL_BPS >= came * tradedBelowBps) {
      return [];
    }
    const measure = Math.trunc((leaves * FULL_BPS) / came);
    return [{ measure, facts: { inBps: came, outBps: leaves, tradedBps: traded } }];
  },
});
