import { z } from '@hono/zod-openapi';
import { rule } from '../rule.ts';
import { DAY_MS, totalBps, within } from '../sizes.ts';

/** More in thirty days than nearly all people of the same KYC level move. */
export const velocityPeer = rule({
  key: 'velocity_peer',
  looksFor: 'More in thirty days than nearly all people of the same KYC level move that way',
  measures: 'per cent of what ninety-nine of a hundred peers stay below',
  kinds: ['deposit', 'withdrawal_requested'],
  parameters: z.strictObject({ peersAtLeast: z.number().int().min(2) }),
  released: {
    typology: 'pass_through',
    parameters: { peersAtLeast: 20 },
    bands: [
      { atLeast: 150, points: 15 },
      { atLeast: 300, points: 25 },
      { atLeast: 1_000, points: 40 },
    ],
    addsEach: false,
  },
  evaluate: (activity, { past, peers, reference }, { peersAtLeast }) => {
    if (peers === null || peers.people < peersAtLeast) {
      return [];
    }
    const moved = totalBps(
      [activity, ...within(past, activity.occurredAt, 30 * DAY_MS, [activity.kind])],
      reference,
    );
    const high = Math.max(1, activity.direction === 'in' ? peers.inBps : peers.outBps);
    return [{ measure: Math.trunc((moved * 100) / high), facts: { movedBps: moved, peersBps: high } }];
  },
});
