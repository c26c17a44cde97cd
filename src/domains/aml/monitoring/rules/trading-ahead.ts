import { z } from '@hono/zod-openapi';
import type { Id } from '../../../../kernel/id.ts';
import type { Activity } from '../../../../platform/activity.ts';
import { type Finding, rule } from '../rule.ts';
import { countOf, FULL_BPS, sizeBps, within } from '../sizes.ts';

/** Others who traded the same way just before a large order came. */
export const tradingAhead = rule({
  key: 'trading_ahead',
  looksFor: 'Trades of one person just before a large order of another on the same side',
  measures: 'basis points of the large order’s quantity; each time counts',
  kinds: ['order_placed'],
  parameters: z.strictObject({
    seconds: z.number().int().min(1).max(600),
    largeBps: z.number().int().min(1),
  }),
  released: {
    typology: 'market_abuse',
    parameters: { seconds: 60, largeBps: 50_000 },
    bands: [
      { atLeast: 0, points: 10 },
      { atLeast: 1_000, points: 15 },
    ],
    addsEach: true,
  },
  // Of an order at the market only what others paid says how large it is.
  looksAtOthers: (activity, reference, { largeBps }) =>
    isSized(activity) ? sizeBps(activity, reference) >= largeBps : activity.quantity !== null,
  evaluate: (activity, { others, reference }, { seconds, largeBps }) => {
    const price = activity.price ?? others[0]?.price ?? null;
    const order = { ...activity, price };
    if (!isSized(order) || sizeBps(order, reference) < largeBps) {
      return [];
    }
    const ahead = within(others, activity.occurredAt, seconds * 1_000, ['fill']).filter(
      (fill) =>
        fill.side === activity.side &&
        fill.instrument === activity.instrument &&
        fill.userId !== activity.userId,
    );
    return [...byPerson(ahead)].map(([userId, fills]) => findingOn(userId, fills, activity));
  },
});

function isSized({ amount, price, quantity }: Activity): boolean {
  return amount !== null || (price !== null && quantity !== null);
}

function findingOn(userId: Id, fills: readonly Activity[], order: Activity): Finding {
  const traded = fills.reduce((total, fill) => total + (fill.quantity ?? 0n), 0n);
  const share =
    order.quantity === null || order.quantity === 0n
      ? FULL_BPS
      : countOf((traded * BigInt(FULL_BPS)) / order.quantity);
  return { userId, measure: share, facts: { trades: fills.length, shareBps: share } };
}

function byPerson(fills: readonly Activity[]): ReadonlyMap<Id, readonly Activity[]> {
  const people = new Map<Id, Activity[]>();
  for (const fill of fills) {
    people.set(fill.userId, [...(people.get(fill.userId) ?? []), fill]);
  }
  return people;
}
