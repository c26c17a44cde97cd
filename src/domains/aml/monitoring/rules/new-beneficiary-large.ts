import { z } from '@hono/zod-openapi';
import { parseInstant } from '../../../../kernel/time.ts';
import type { Activity } from '../../../../platform/activity.ts';
import { rule } from '../rule.ts';
import { DAY_MS, msBetween, sizeBps } from '../sizes.ts';

/** A large first payment to somebody who was added days ago. */
export const newBeneficiaryLarge = rule({
  key: 'new_beneficiary_large',
  looksFor: 'A large first payment to a payee who was added days ago',
  measures: 'basis points of the reference amount',
  kinds: ['withdrawal_requested'],
  parameters: z.strictObject({ newDays: z.number().int().min(1).max(90) }),
  released: {
    typology: 'pass_through',
    parameters: { newDays: 7 },
    bands: [
      { atLeast: 5_000, points: 25 },
      { atLeast: 10_000, points: 40 },
    ],
    addsEach: false,
  },
  evaluate: (activity, { past, reference }, { newDays }) => {
    const isPaidBefore = past.some(
      (earlier) => earlier.kind === 'withdrawal_requested' && isSamePlace(earlier, activity),
    );
    const { payeeAddedAt } = activity.data;
    if (isPaidBefore || typeof payeeAddedAt !== 'string') {
      return [];
    }
    const ageMs = msBetween(activity.occurredAt, parseInstant(payeeAddedAt));
    if (ageMs > newDays * DAY_MS) {
      return [];
    }
    const size = sizeBps(activity, reference);
    return [{ measure: size, facts: { sizeBps: size, payeeDays: Math.trunc(ageMs / DAY_MS) } }];
  },
});

function isSamePlace(left: Activity, right: Activity): boolean {
  return (
    left.counterpartyIndex !== null &&
    right.counterpartyIndex !== null &&
    Buffer.compare(left.counterpartyIndex, right.counterpartyIndex) === 0
  );
}
