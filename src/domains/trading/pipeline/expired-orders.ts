import type { Id } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { BookEvents } from './record-settlement.ts';
import type { OrderRow } from './ticket.ts';

/** Thrown where the time of an order was over before what it did was settled; nothing was written. */
export class OrdersExpired extends Error {
  override readonly name = 'OrdersExpired';
  readonly orderIds: readonly Id[];

  constructor(orderIds: readonly Id[]) {
    super('the time of an order is over');
    this.orderIds = orderIds;
  }
}

/**
 * Holds every order that would trade, be triggered or leave for a venue against its time: a book knows no clock, and
 * may hold an order a moment longer than it lasts. What a venue has executed is a fact.
 * @errors OrdersExpired
 */
export function refuseExpired(
  batch: readonly BookEvents[],
  rows: ReadonlyMap<Id, OrderRow>,
  now: Instant,
): void {
  const expired = new Set<Id>();
  const look = (orderId: Id): void => {
    const expiresAt = rows.get(orderId)?.expiresAt ?? null;
    if (expiresAt !== null && expiresAt <= now) {
      expired.add(orderId);
    }
  };
  for (const { events } of batch) {
    for (const event of events) {
      if (event.type === 'trade') {
        look(event.makerOrderId);
        look(event.takerOrderId);
      } else if (event.type === 'triggered' || event.type === 'routed') {
        look(event.orderId);
      }
    }
  }
  if (expired.size > 0) {
    throw new OrdersExpired([...expired]);
  }
}
