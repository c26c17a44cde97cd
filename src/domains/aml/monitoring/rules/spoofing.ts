import { z } from '@hono/zod-openapi';
import { type Instant, parseInstant } from '../../../../kernel/time.ts';
import type { Activity } from '../../../../platform/activity.ts';
import { rule } from '../rule.ts';
import { HOUR_MS, msBetween, within } from '../sizes.ts';

/** Large orders that are taken away soon after the person traded on the other side. */
export const spoofing = rule({
  key: 'spoofing',
  looksFor: 'Large orders cancelled unfilled within seconds of a trade on the other side',
  measures: 'such orders, within the window',
  kinds: ['order_closed'],
  parameters: z.strictObject({
    windowHours: z.number().int().min(1).max(720),
    seconds: z.number().int().min(1).max(3_600),
    lifeSeconds: z.number().int().min(1).max(86_400),
    timesTraded: z.number().int().min(1).max(1_000),
  }),
  released: {
    typology: 'market_abuse',
    parameters: { windowHours: 24, seconds: 10, lifeSeconds: 60, timesTraded: 3 },
    bands: [
      { atLeast: 1, points: 15 },
      { atLeast: 3, points: 40 },
    ],
    addsEach: false,
  },
  evaluate: (activity, { past }, { windowHours, seconds, lifeSeconds, timesTraded }) => {
    const fills = past.filter(({ kind }) => kind === 'fill');
    const isSpoof = (order: Activity) =>
      wasTakenAway(order, lifeSeconds) &&
      fills.some((fill) => isAgainst(fill, order, seconds) && isSmall(fill, order, timesTraded));
    if (!isSpoof(activity)) {
      return [];
    }
    const earlier = within(past, activity.occurredAt, windowHours * HOUR_MS, ['order_closed']).filter(
      isSpoof,
    );
    return [{ measure: earlier.length + 1, facts: { orders: earlier.length + 1 } }];
  },
});

/** Cancelled by the person without having traded, soon after it was placed. @units seconds */
export function wasTakenAway({ kind, data, occurredAt }: Activity, lifeSeconds: number): boolean {
  return (
    kind === 'order_closed' &&
    data.end === 'cancelled' &&
    data.reason === 'requested' &&
    data.isUnfilled === true &&
    typeof data.placedAt === 'string' &&
    msBetween(occurredAt, parseInstant(data.placedAt) as Instant) <= lifeSeconds * 1_000
  );
}

/** A trade on the other side of the same instrument, while the order stood or seconds before it went. */
export function isAgainst(fill: Activity, order: Activity, seconds: number): boolean {
  return (
    fill.kind === 'fill' &&
    fill.instrument === order.instrument &&
    fill.side !== order.side &&
    fill.occurredAt <= order.occurredAt &&
    msBetween(fill.occurredAt, order.occurredAt) <= seconds * 1_000
  );
}

function isSmall(fill: Activity, order: Activity, times: number): boolean {
  return fill.quantity !== null && order.quantity !== null && order.quantity >= fill.quantity * BigInt(times);
}
