import { z } from '@hono/zod-openapi';
import { addMs, parseInstant } from '../../../../kernel/time.ts';
import type { Activity } from '../../../../platform/activity.ts';
import { rule } from '../rule.ts';
import { DAY_MS, endedAs, msBetween, totalBps, within } from '../sizes.ts';

/** Large payments, in one or in several, to somebody who was added days ago. */
export const newBeneficiaryLarge = rule({
  key: 'new_beneficiary_large',
  looksFor: 'Large payments, in one or in several, to a payee who was added days ago',
  measures: 'basis points of the reference amount that go to the place, within the days',
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
    const { payeeAddedAt } = activity.data;
    const there = past.filter((earlier) => isSamePlace(earlier, activity));
    if (typeof payeeAddedAt !== 'string' || isKnownPlace(activity, there, newDays)) {
      return [];
    }
    const ageMs = msBetween(activity.occurredAt, parseInstant(payeeAddedAt));
    if (ageMs > newDays * DAY_MS) {
      return [];
    }
    const recent = within(there, activity.occurredAt, newDays * DAY_MS, ['withdrawal_requested']);
    const moved = [activity, ...recent.filter((earlier) => !isTakenBack(earlier, there))];
    const size = totalBps(moved, reference);
    const facts = { sizeBps: size, payments: moved.length, payeeDays: Math.trunc(ageMs / DAY_MS) };
    return [{ measure: size, facts }];
  },
});

/** Money of theirs went there before, and not just now: a payee who is added again is no new one. */
function isKnownPlace({ occurredAt }: Activity, there: readonly Activity[], newDays: number): boolean {
  const since = addMs(occurredAt, -newDays * DAY_MS);
  return there.some((earlier) => endedAs(earlier, 'completed') && earlier.occurredAt < since);
}

/** Of a request that was taken back or refused nothing went anywhere. */
function isTakenBack(request: Activity, there: readonly Activity[]): boolean {
  return there.some(
    (end) => end.sourceId === request.sourceId && (endedAs(end, 'cancelled') || endedAs(end, 'rejected')),
  );
}

function isSamePlace(left: Activity, right: Activity): boolean {
  return (
    left.counterpartyIndex !== null &&
    right.counterpartyIndex !== null &&
    Buffer.compare(left.counterpartyIndex, right.counterpartyIndex) === 0
  );
}
