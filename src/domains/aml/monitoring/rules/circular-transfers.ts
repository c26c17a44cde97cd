import { z } from '@hono/zod-openapi';
import type { Activity } from '../../../../platform/activity.ts';
import { rule } from '../rule.ts';
import { wasSaidThisHour } from '../said-this-hour.ts';
import { DAY_MS, within } from '../sizes.ts';

/**
 * Money that goes to and fro between two accounts of one person, which no purpose of theirs explains. Where there are
 * more transfers than rules see, it finds the first of each clock hour between the two.
 */
export const circularTransfers = rule({
  key: 'circular_transfers',
  looksFor: 'Money moved to and fro between two accounts of the person',
  measures: 'transfers that go there and back, of one asset, within the window',
  kinds: ['transfer'],
  parameters: z.strictObject({ windowDays: z.number().int().min(1).max(90) }),
  released: {
    typology: 'pass_through',
    parameters: { windowDays: 7 },
    bands: [
      { atLeast: 10, points: 20 },
      { atLeast: 30, points: 40 },
    ],
    addsEach: false,
  },
  evaluate: (activity, { past }, { windowDays }) => {
    const earlier = within(past, activity.occurredAt, windowDays * DAY_MS, ['transfer']);
    const alike = earlier.filter(
      (transfer) => transfer.asset === activity.asset && pairOf(transfer) === pairOf(activity),
    );
    if (wasSaidThisHour(activity, earlier, alike)) {
      return [];
    }
    const between = [activity, ...alike];
    const there = between.filter(({ accountId }) => accountId === activity.accountId).length;
    const thereAndBack = 2 * Math.min(there, between.length - there);
    return [{ measure: thereAndBack, facts: { transfers: between.length, thereAndBack } }];
  },
});

/** The two accounts, whichever way it went. */
function pairOf({ accountId, data }: Activity): string {
  const { toAccountId } = data;
  return [accountId ?? '', typeof toAccountId === 'string' ? toAccountId : ''].toSorted().join(' ');
}
