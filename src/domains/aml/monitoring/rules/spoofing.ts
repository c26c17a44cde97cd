import { z } from '@hono/zod-openapi';
import { parseAmount } from '../../../../kernel/amount.ts';
import { type Instant, parseInstant } from '../../../../kernel/time.ts';
import type { Activity } from '../../../../platform/activity.ts';
import { MARKET_HOURS_MOST } from '../past-window.ts';
import { rule } from '../rule.ts';
import { FULL_BPS, HOUR_MS, msBetween, within } from '../sizes.ts';

/** Large orders that are taken away soon after the person traded on the other side. */
export const spoofing = rule({
  key: 'spoofing',
  looksFor: 'Large orders cancelled hardly filled within seconds of a trade on the other side',
  measures: 'such orders, within the window',
  kinds: ['order_closed'],
  parameters: z.strictObject({
    windowHours: z.number().int().min(1).max(MARKET_HOURS_MOST),
    seconds: z.number().int().min(1).max(3_600),
    lifeSeconds: z.number().int().min(1).max(86_400),
    timesTraded: z.number().int().min(1).max(1_000),
    filledAtMostBps: z.number().int().min(0).max(9_999),
  }),
  released: {
    typology: 'market_abuse',
    parameters: { windowHours: 24, seconds: 10, lifeSeconds: 60, timesTraded: 3, filledAtMostBps: 2_000 },
    bands: [
      { atLeast: 1, points: 15 },
      { atLeast: 3, points: 40 },
    ],
    addsEach: false,
  },
  evaluate: (activity, { past }, { windowHours, seconds, timesTraded, ...left }) => {
    const fills = past.filter(({ kind }) => kind === 'fill');
    const isSpoof = (order: Activity) =>
      wasTakenAway(order, left) &&
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

/** Cancelled by the person, most of it not traded, soon after it was placed. */
export function wasTakenAway(
  order: Activity,
  { lifeSeconds, filledAtMostBps }: { readonly lifeSeconds: number; readonly filledAtMostBps: number },
): boolean {
  const { kind, data, occurredAt } = order;
  return (
    kind === 'order_closed' &&
    data.end === 'cancelled' &&
    data.reason === 'requested' &&
    isHardlyFilled(order, filledAtMostBps) &&
    typeof data.placedAt === 'string' &&
    msBetween(occurredAt, parseInstant(data.placedAt) as Instant) <= lifeSeconds * 1_000
  );
}

/** One lot that was traded makes no honest order of the rest. */
function isHardlyFilled({ data, quantity }: Activity, atMostBps: number): boolean {
  if (data.isUnfilled === true || typeof data.filledQuantity !== 'string' || quantity === null) {
    return data.isUnfilled === true;
  }
  return parseAmount(data.filledQuantity) * BigInt(FULL_BPS) <= quantity * BigInt(atMostBps);
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
