import { newId } from '../../../kernel/id.ts';
import { type Ctx, type Deps, machineCtx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import {
  type FollowedInstrument,
  followedBySymbol,
  type MarketState,
  marketStates,
} from '../../markets/index.ts';
import type { Book, Desk } from './desk.ts';
import { heedsPrices, type Spans, spansFor, tellLast, tellSpans } from './feed-prices.ts';
import { forget, mayMatch } from './rebuild-book.ts';

/**
 * Tells the books what the markets say: the prices there were where others make them, and whether to match. A
 * book halts while its instrument is halted or its exchange closed, and resumes with an auction.
 * @effects work for the books; a book whose price comes from elsewhere by now is begun anew
 */
export async function followMarket(deps: Deps, desk: Desk): Promise<void> {
  const books = [...desk.books.values()].filter((book) => book.ready);
  if (books.length === 0) {
    return;
  }
  const ctx = machineCtx(deps, { kind: 'system', name: 'trading.engine' }, newId());
  const { instruments, markets, spans } = await transact(ctx, 'engine', (tx) => readMarkets(tx, ctx, books));
  for (const book of books) {
    const instrument = instruments.get(book.symbol);
    if (instrument !== undefined && book.ready) {
      follow(book, instrument, markets.get(instrument.exchange), spans);
    }
  }
}

async function readMarkets(tx: Tx, ctx: Ctx, books: readonly Book[]) {
  const instruments = await followedBySymbol(
    tx,
    books.map((book) => book.symbol),
  );
  const late = books.filter(
    (book) => heedsPrices(book) && book.spans < (instruments.get(book.symbol)?.priceSpans ?? 0n),
  );
  const spans = await spansFor(tx, late);
  return { instruments, markets: await marketStates(tx, ctx, instruments.values()), spans };
}

function follow(
  book: Book,
  instrument: FollowedInstrument,
  market: MarketState | undefined,
  spans: Spans,
): void {
  if (book.followsFeed !== (instrument.feed !== null)) {
    forget(book);
    return;
  }
  if (book.followsFeed) {
    tellSpans(book, spans);
    tellLast(book, instrument);
  } else {
    followOwn(book, instrument);
  }
  const matches = mayMatch(instrument, market);
  const phase = matches ? 'continuous' : 'halted';
  if (book.phase !== phase) {
    book.phase = phase;
    book.queue.push({ type: matches ? 'resume' : 'halt' });
  }
}

function followOwn(book: Book, { last }: FollowedInstrument): void {
  // Prices from while a breaker stands trigger nothing: the book is begun anew once it is lifted.
  if (last !== null && last !== book.marked && !book.tripped) {
    book.marked = last;
    // What the book traded itself it knows already.
    if (last !== book.matching.reference) {
      book.queue.push({ type: 'mark', price: last });
    }
  }
}
