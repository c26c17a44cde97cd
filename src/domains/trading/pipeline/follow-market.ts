import { newId } from '../../../kernel/id.ts';
import { type Ctx, type Deps, machineCtx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import {
  instrumentsBySymbol,
  type MarketState,
  marketStates,
  type PricedInstrument,
} from '../../markets/index.ts';
import type { Book, Desk } from './desk.ts';
import { forget, mayMatch } from './rebuild-book.ts';

/**
 * Tells the books what the markets say: the last price where others make it, and whether to match. A
 * book halts while its instrument is halted or its exchange closed, and resumes with an auction.
 * @effects work for the books; a book whose price comes from elsewhere by now is begun anew
 */
export async function followMarket(deps: Deps, desk: Desk): Promise<void> {
  const books = [...desk.books.values()].filter((book) => book.ready);
  if (books.length === 0) {
    return;
  }
  const ctx = machineCtx(deps, { kind: 'system', name: 'trading.engine' }, newId());
  const { instruments, markets } = await transact(ctx, 'engine', (tx) => readMarkets(tx, ctx, books));
  for (const book of books) {
    const instrument = instruments.get(book.symbol);
    if (instrument !== undefined) {
      follow(book, instrument, markets.get(instrument.exchange));
    }
  }
}

async function readMarkets(tx: Tx, ctx: Ctx, books: readonly Book[]) {
  const instruments = await instrumentsBySymbol(
    tx,
    books.map((book) => book.symbol),
  );
  return { instruments, markets: await marketStates(tx, ctx, instruments.values()) };
}

function follow(book: Book, instrument: PricedInstrument, market: MarketState | undefined): void {
  if (book.followsFeed !== (instrument.feed !== null)) {
    forget(book);
    return;
  }
  const { last } = instrument;
  // Prices from while a breaker stands trigger nothing: the book is begun anew once it is lifted.
  if (last !== null && last !== book.marked && !book.tripped) {
    book.marked = last;
    // What the book traded itself it knows already.
    if (last !== book.matching.reference) {
      book.queue.push({ type: 'mark', price: last });
    }
  }
  const matches = mayMatch(instrument, market);
  const phase = matches ? 'continuous' : 'halted';
  if (book.phase !== phase) {
    book.phase = phase;
    book.queue.push({ type: matches ? 'resume' : 'halt' });
  }
}
