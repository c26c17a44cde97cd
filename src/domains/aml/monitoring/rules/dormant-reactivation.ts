import { z } from '@hono/zod-openapi';
import type { Instant } from '../../../../kernel/time.ts';
import { rule, type View } from '../rule.ts';
import { DAY_MS, FULL_BPS, hasMoved, msBetween, sizeBps } from '../sizes.ts';

/** Money that moves after nothing worth counting happened for long. */
export const dormantReactivation = rule({
  key: 'dormant_reactivation',
  looksFor: 'A payment of some size after nothing, or next to nothing, happened for long',
  measures:
    'days in which what money and units of the person moved was together worth less than `movedAtLeastBps`',
  kinds: ['deposit', 'withdrawal_requested'],
  parameters: z.strictObject({
    sizeAtLeastBps: z.number().int().min(0),
    movedAtLeastBps: z.number().int().min(0).max(FULL_BPS).default(500),
  }),
  released: {
    typology: 'pass_through',
    parameters: { sizeAtLeastBps: 2_000, movedAtLeastBps: 500 },
    bands: [
      { atLeast: 180, points: 25 },
      { atLeast: 365, points: 35 },
    ],
    addsEach: false,
  },
  evaluate: (activity, view, { sizeAtLeastBps, movedAtLeastBps }) => {
    const size = sizeBps(activity, view.reference);
    const activeAt = size < sizeAtLeastBps ? null : lastActiveAt(view, movedAtLeastBps);
    if (activeAt === null) {
      return [];
    }
    const days = Math.trunc(msBetween(activity.occurredAt, activeAt) / DAY_MS);
    return [{ measure: days, facts: { days, sizeBps: size } }];
  },
});

/**
 * Since when what moved is together worth something: a token payment before the large one is no activity, however many
 * there are. Of who never moved as much, since they first moved anything that is known of.
 */
function lastActiveAt({ past, movedBefore, reference }: View, atLeastBps: number): Instant | null {
  const moves = past.filter(hasMoved);
  let together = 0;
  for (const move of moves) {
    together += sizeBps(move, reference);
    if (together >= atLeastBps) {
      return move.occurredAt;
    }
  }
  return movedBefore ?? moves.at(-1)?.occurredAt ?? null;
}
