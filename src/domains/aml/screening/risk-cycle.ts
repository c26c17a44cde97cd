import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { ratingsOf } from '../../kyc/index.ts';
import type { CYCLE_DAYS } from './standings.ts';

export type RiskCycle = keyof typeof CYCLE_DAYS;

/**
 * By which cycle people are screened anew, whatever the lists do: by their rating; whoever has none, or one of a
 * matrix that is no longer in force, is not taken for low.
 */
export async function riskCyclesOf(tx: Tx, userIds: readonly Id[]): Promise<ReadonlyMap<Id, RiskCycle>> {
  const ratings = await ratingsOf(tx, userIds);
  return new Map(
    userIds.map((userId) => {
      const rating = ratings.get(userId);
      const isLow = rating?.level === 'low' && rating.isCurrent;
      const isHigh = rating?.level === 'high' || rating?.level === 'prohibited';
      return [userId, isHigh ? 'high' : isLow ? 'low' : 'medium'];
    }),
  );
}

/** The same for one person. */
export async function riskCycleOf(tx: Tx, userId: Id): Promise<RiskCycle> {
  return (await riskCyclesOf(tx, [userId])).get(userId) ?? 'medium';
}
