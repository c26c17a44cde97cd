import { z } from '@hono/zod-openapi';
import { rule } from '../rule.ts';
import { DAY_MS, endedAs, sizeBps, within } from '../sizes.ts';

/** A payment far above what the person usually moves. */
export const velocitySelf = rule({
  key: 'velocity_self',
  looksFor: 'A payment far above what the person usually moves that way',
  measures: 'per cent of the median of the person’s own payments',
  kinds: ['deposit', 'withdrawal_requested'],
  parameters: z.strictObject({
    windowDays: z.number().int().min(1).max(365),
    historyAtLeast: z.number().int().min(1).max(100),
    sizeAtLeastBps: z.number().int().min(0),
  }),
  released: {
    typology: 'pass_through',
    parameters: { windowDays: 90, historyAtLeast: 5, sizeAtLeastBps: 1_000 },
    bands: [
      { atLeast: 500, points: 20 },
      { atLeast: 1_000, points: 35 },
    ],
    addsEach: false,
  },
  evaluate: (activity, { past, reference }, { windowDays, historyAtLeast, sizeAtLeastBps }) => {
    const size = sizeBps(activity, reference);
    // What was asked for and taken back is nothing that the person usually moves.
    const moved = past.filter((earlier) =>
      activity.kind === 'deposit' ? earlier.kind === 'deposit' : endedAs(earlier, 'completed'),
    );
    const usual = within(moved, activity.occurredAt, windowDays * DAY_MS, ['deposit', 'withdrawal_ended'])
      .map((earlier) => sizeBps(earlier, reference))
      .toSorted((left, right) => left - right);
    if (size < sizeAtLeastBps || usual.length < historyAtLeast) {
      return [];
    }
    const median = Math.max(1, usual[Math.floor(usual.length / 2)] ?? 1);
    const measure = Math.trunc((size * 100) / median);
    return [{ measure, facts: { sizeBps: size, medianBps: median, history: usual.length } }];
  },
});
