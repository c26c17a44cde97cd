import type { Id } from '../../../kernel/id.ts';

/** An order at a venue, or about to go there. */
export type Claiming<Order> = {
  readonly order: Order;
  /** What of it is open; null where its notional alone bounds it, so that it may be any number of units. */
  readonly open: bigint | null;
  /** It has reserved enough to open all of it. */
  readonly isBacked: boolean;
};

type Named = { readonly id: Id; readonly reduceOnly: boolean };

/**
 * How the orders that one account has at a venue on one side share the position they would close: first what may only
 * reduce, last what could as well open, the older one before the younger one. Pure.
 * @shape what each opens beyond its part, null for all that its notional buys; and what is left of the position
 */
export function claimsOn<Order extends Named>(
  closable: bigint,
  orders: readonly Claiming<Order>[],
): {
  readonly claims: readonly { readonly order: Order; readonly opens: bigint | null }[];
  readonly rest: bigint;
} {
  let rest = closable;
  const claims = orders.toSorted(leastFreeFirst).map(({ order, open }) => {
    const closes = open === null || open > rest ? rest : open;
    rest -= closes;
    return { order, opens: open === null ? null : open - closes };
  });
  return { claims, rest };
}

function leastFreeFirst<Order extends Named>(left: Claiming<Order>, right: Claiming<Order>): number {
  const rank = ({ order, isBacked }: Claiming<Order>) => (order.reduceOnly ? 0 : isBacked ? 2 : 1);
  return rank(left) - rank(right) || (left.order.id < right.order.id ? -1 : 1);
}
