import { amountOf } from '../../../kernel/amount.ts';
import { newId } from '../../../kernel/id.ts';
import { type Deps, machineCtx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { keepMarketMoves } from '../../markets/index.ts';
import { bestAsk, bestBid } from '../engine/order-book.ts';
import type { Desk } from './desk.ts';

/**
 * Tells markets the best bid and ask of the live books where they moved since they were last told. A book that collects
 * for an auction has neither: its orders may cross, and nobody trades at what they name.
 * @effects rows of `quotes`
 */
export async function tellTops(deps: Deps, desk: Desk): Promise<void> {
  const ctx = machineCtx(deps, { kind: 'system', name: 'trading.engine' }, newId());
  const moved = [...desk.books.values()].flatMap((book) => {
    // Whether it matches is what it was told last, and what it has carried out of that.
    const matches = book.phase === 'continuous' && book.matching.phase === 'continuous';
    const bid = matches ? bestBid(book.matching) : null;
    const ask = matches ? bestAsk(book.matching) : null;
    const top = `${bid} ${ask}`;
    return book.book === 'live' &&
      book.venue === null &&
      book.ready &&
      book.replaying === 0 &&
      book.told !== top
      ? [{ book, bid, ask, top }]
      : [];
  });
  if (moved.length === 0) {
    return;
  }
  await transact(ctx, 'engine', (tx) =>
    keepMarketMoves(
      tx,
      ctx,
      moved.map(({ book, bid, ask }) => ({
        instrumentId: book.instrumentId,
        last: null,
        top: { bid: bid === null ? null : amountOf(bid), ask: ask === null ? null : amountOf(ask) },
      })),
    ),
  );
  for (const { book, top } of moved) {
    book.told = top;
  }
}
