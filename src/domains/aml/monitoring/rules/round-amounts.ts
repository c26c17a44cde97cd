import { z } from '@hono/zod-openapi';
import { parseAmount } from '../../../../kernel/amount.ts';
import type { Activity } from '../../../../platform/activity.ts';
import { type Reference, rule } from '../rule.ts';
import { DAY_MS, within } from '../sizes.ts';

/** Payments of round amounts, again and again. */
export const roundAmounts = rule({
  key: 'round_amounts',
  looksFor: 'Payments of round amounts, again and again',
  measures: 'round payments one way, within the window',
  kinds: ['deposit', 'withdrawal_requested'],
  parameters: z.strictObject({
    windowDays: z.number().int().min(1).max(90),
    stepBps: z.number().int().min(1).max(10_000),
  }),
  released: {
    typology: 'structuring',
    parameters: { windowDays: 30, stepBps: 1_000 },
    bands: [
      { atLeast: 3, points: 15 },
      { atLeast: 6, points: 25 },
    ],
    addsEach: false,
  },
  evaluate: (activity, { past, reference }, { windowDays, stepBps }) => {
    if (!isRound(activity, reference, stepBps)) {
      return [];
    }
    const round = within(past, activity.occurredAt, windowDays * DAY_MS, [activity.kind]).filter((earlier) =>
      isRound(earlier, reference, stepBps),
    );
    return [{ measure: round.length + 1, facts: { payments: round.length + 1 } }];
  },
});

/** A multiple of a share of the reference amount; an asset without one has no round amounts. */
function isRound({ asset, amount }: Activity, reference: Reference, stepBps: number): boolean {
  const text = asset === null ? undefined : reference.amounts[asset];
  if (text === undefined || amount === null) {
    return false;
  }
  return (amount * 10_000n) % (parseAmount(text) * BigInt(stepBps)) === 0n;
}
