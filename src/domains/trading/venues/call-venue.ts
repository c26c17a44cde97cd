import type { Book, Desk, Work } from '../pipeline/desk.ts';
import type { BookEvent } from '../pipeline/settle-plan.ts';
import { dueLookUps } from './cut-off.ts';
import type { Call } from './venue-calls.ts';
import type { VenueLane } from './venue-lane.ts';

/**
 * Hands what a settled batch means for a venue to its lane: what was routed is sent, what was asked back is cancelled,
 * what was read from the database is looked up. Who waits for an order to come back is told once it has.
 */
export function callVenue(
  lane: VenueLane,
  book: Book,
  works: readonly Work[],
  events: readonly BookEvent[],
): void {
  // A batch that failed has dropped the book's memory: nothing of it is durable, and nothing is sent.
  if (book.ready) {
    const calls = [...works.flatMap(callsOf), ...events.flatMap(callOf)];
    if (calls.length > 0) {
      lane.call(book, calls);
    }
    for (const event of events) {
      if (event.type === 'done' || event.type === 'cancelled') {
        book.cutOff.delete(event.orderId);
        book.takenUntilMs.delete(event.orderId);
      }
    }
  }
  for (const work of works) {
    if (work.type === 'report') {
      book.reporting.delete(work.report.reportId);
    }
  }
  for (const [orderId, waiting] of book.awaiting) {
    if (!book.matching.away.has(orderId)) {
      book.awaiting.delete(orderId);
      for (const settled of waiting) {
        settled();
      }
    }
  }
}

/** Whether whoever cancels has to wait until the venue gives the order back; they are told then. */
export function awaitsVenue(book: Book, { orderId, settled }: Extract<Work, { type: 'cancel' }>): boolean {
  if (!book.matching.away.has(orderId) || settled === undefined) {
    return false;
  }
  book.awaiting.set(orderId, [...(book.awaiting.get(orderId) ?? []), settled]);
  return true;
}

/**
 * Asks every venue what has happened to what is there, again for what it did not answer whether it gives back, and again
 * for what it has not said clearly that it has.
 */
export function collectFromVenues(lane: VenueLane, desk: Desk): void {
  for (const book of desk.books.values()) {
    if (book.ready && book.matching.away.size > 0) {
      if (book.unrecalled.size > 0) {
        lane.call(
          book,
          [...book.unrecalled].map((orderId) => ({ kind: 'cancel' as const, orderId })),
        );
        book.unrecalled.clear();
      }
      const due = dueLookUps(book);
      if (due.length > 0) {
        lane.call(
          book,
          due.map((orderId) => ({ kind: 'look_up' as const, orderId })),
        );
      }
      lane.collect(book);
    }
  }
}

function callsOf(work: Work): Call[] {
  if (work.type !== 'restore') {
    return [];
  }
  const { orderId } = work.order;
  const again: Call[] = work.recalled === null ? [] : [{ kind: 'cancel', orderId }];
  return [{ kind: 'look_up', orderId }, ...again];
}

function callOf(event: BookEvent): Call[] {
  switch (event.type) {
    case 'routed':
      return [{ kind: 'send', orderId: event.orderId }];
    case 'recalled':
      return [{ kind: 'cancel', orderId: event.orderId }];
    default:
      return [];
  }
}
