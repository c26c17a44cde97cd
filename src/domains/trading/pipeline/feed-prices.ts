/**
 * Books of instruments that a feed prices are told where the price went, batch by batch: what waits for a price is
 * reached by each price there was, and a price that only passed by trails and triggers as one that stayed. An order knows
 * the prices from when it entered its book: those of before are told first, whoever puts it there.
 */
import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { type PricedInstrument, type PriceSpan, spansSince } from '../../markets/index.ts';
import { waitsForPrice } from '../held-orders.ts';
import type { Book } from './desk.ts';
import type { OrderRow } from './ticket.ts';

/** By instrument, in their order. */
export type Spans = ReadonlyMap<Id, readonly PriceSpan[]>;

/** What feeds said since books were last told, as far as it is committed. */
export async function spansFor(tx: Tx, books: Iterable<Book>): Promise<Spans> {
  const told = new Map<Id, bigint>();
  for (const { instrumentId, followsFeed, spans } of books) {
    const known = told.get(instrumentId);
    if (followsFeed && (known === undefined || spans < known)) {
      told.set(instrumentId, spans);
    }
  }
  return spansSince(tx, told);
}

/** Tells a book of what was read and it does not know yet; while a breaker stands nothing of it counts. */
export function tellSpans(book: Book, spans: Spans): void {
  for (const span of spans.get(book.instrumentId) ?? []) {
    if (span.number > book.spans) {
      book.spans = span.number;
      for (const price of span.way) {
        tellPrice(book, price);
      }
    }
  }
}

/** Tells a book the price of now, unless it has been told of a later one since that was read. */
export function tellLast(
  book: Book,
  { last, priceSpans }: Pick<PricedInstrument, 'last' | 'priceSpans'>,
): void {
  if (last !== null && priceSpans >= book.spans) {
    book.spans = priceSpans;
    tellPrice(book, last);
  }
}

/** Whether a book has, or is about to have, orders that a price reaches or moves. */
export function heedsPrices({ matching, queue }: Book): boolean {
  return matching.triggers.held.size > 0 || queue.length > 0;
}

/** Whether an order that enters the book is held for a price: at a venue also the limit of one that has a sibling. */
export function isHeldIn({ venue }: Book, { type, triggeredAt, groupId }: OrderRow): boolean {
  return triggeredAt === null && (waitsForPrice(type) || (venue !== null && groupId !== null));
}

function tellPrice(book: Book, price: bigint): void {
  if (price !== book.marked && !book.tripped) {
    book.marked = price;
    book.queue.push({ type: 'mark', price });
  }
}
