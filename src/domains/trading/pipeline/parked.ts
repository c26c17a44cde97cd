/**
 * Orders that stay out of their book for a moment, until money of theirs is free. Others come meanwhile, and may come to
 * rest through the price of one that is out. When it is back they enter behind it, as if it had stood there: it keeps
 * its place in time and its price, and nobody pays more than it asked for.
 */
import type { Id } from '../../../kernel/id.ts';
import { restingThrough } from '../engine/take-back.ts';
import { waitsForPrice } from '../held-orders.ts';
import { type Book, nobodyParked } from './desk.ts';
import type { OrderRow } from './ticket.ts';

/** Keeps orders out of their book until it is woken for them. */
export function stayOut({ parked }: Book, rows: readonly OrderRow[]): void {
  for (const row of rows) {
    parked.orderIds.add(row.id);
    if (rests(row) && row.limitPrice !== null && row.bookSeq !== null) {
      parked.limits.set(row.id, { side: row.side, price: row.limitPrice, bookSeq: row.bookSeq });
    }
  }
}

/** Ends the wait. @shape who comes back, and who came later and rests where one of them will trade */
export function comingBack(book: Book): readonly Id[] {
  const { orderIds, limits } = book.parked;
  book.parked = nobodyParked();
  const later = [...limits.values()].flatMap((limit) => restingThrough(book.matching, limit));
  return [...new Set([...orderIds, ...later])];
}

function rests({ type, triggeredAt, timeInForce }: OrderRow): boolean {
  const waits = waitsForPrice(type) && triggeredAt === null;
  return !waits && timeInForce !== 'ioc' && timeInForce !== 'fok';
}
