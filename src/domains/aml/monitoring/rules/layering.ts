import { z } from '@hono/zod-openapi';
import { rule } from '../rule.ts';
import { within } from '../sizes.ts';
import { isAgainst, wasTakenAway } from './spoofing.ts';

/** Orders at several prices that all go once the person traded on the other side. */
export const layering = rule({
  key: 'layering',
  looksFor: 'Orders at several prices, cancelled hardly filled together after a trade on the other side',
  measures: 'different prices whose orders went within seconds',
  kinds: ['order_closed'],
  parameters: z.strictObject({
    seconds: z.number().int().min(1).max(3_600),
    lifeSeconds: z.number().int().min(1).max(86_400),
    filledAtMostBps: z.number().int().min(0).max(9_999),
  }),
  released: {
    typology: 'market_abuse',
    parameters: { seconds: 30, lifeSeconds: 300, filledAtMostBps: 2_000 },
    bands: [
      { atLeast: 3, points: 30 },
      { atLeast: 5, points: 45 },
    ],
    addsEach: false,
  },
  evaluate: (activity, { past }, { seconds, ...left }) => {
    const traded = past.some((fill) => isAgainst(fill, activity, seconds));
    if (!traded || !wasTakenAway(activity, left)) {
      return [];
    }
    const together = within(past, activity.occurredAt, seconds * 1_000, ['order_closed']).filter(
      (order) =>
        order.instrument === activity.instrument && order.side === activity.side && wasTakenAway(order, left),
    );
    const prices = new Set([activity, ...together].map(({ price }) => price));
    return [{ measure: prices.size, facts: { prices: prices.size, orders: together.length + 1 } }];
  },
});
