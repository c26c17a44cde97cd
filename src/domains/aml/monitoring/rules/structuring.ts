import { z } from '@hono/zod-openapi';
import { rule } from '../rule.ts';
import { DAY_MS, sizeBps, totalBps, within } from '../sizes.ts';

/** Several payments that each stay just below what would be looked at. */
export const structuring = rule({
  key: 'structuring',
  looksFor: 'Several payments one way, each just below the reference amount',
  measures: 'payments just below, within the window',
  kinds: ['deposit', 'withdrawal_requested'],
  parameters: z.strictObject({
    windowDays: z.number().int().min(1).max(90),
    fromBps: z.number().int().min(1).max(9_999),
    untilBps: z.number().int().min(2).max(10_000),
  }),
  released: {
    typology: 'structuring',
    parameters: { windowDays: 7, fromBps: 8_000, untilBps: 10_000 },
    bands: [
      { atLeast: 3, points: 40 },
      { atLeast: 5, points: 60 },
    ],
    addsEach: false,
  },
  evaluate: (activity, { past, reference }, { windowDays, fromBps, untilBps }) => {
    const isBelow = (size: number) => size >= fromBps && size < untilBps;
    if (!isBelow(sizeBps(activity, reference))) {
      return [];
    }
    const alike = within(past, activity.occurredAt, windowDays * DAY_MS, [activity.kind]).filter((earlier) =>
      isBelow(sizeBps(earlier, reference)),
    );
    const totalSize = totalBps([activity, ...alike], reference);
    return [{ measure: alike.length + 1, facts: { payments: alike.length + 1, totalBps: totalSize } }];
  },
});
