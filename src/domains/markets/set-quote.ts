import type { Amount } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { MARKETS_EVENTS } from './audit.ts';
import { tellPrices } from './prices/price-changes.ts';
import { quotes } from './schema.ts';
import { instrumentOf, type Quote } from './store.ts';

export type NewQuote = {
  readonly symbol: string;
  readonly last: Amount;
  readonly bid?: Amount | undefined;
  readonly ask?: Amount | undefined;
  /** Where the price comes from: `seed`, a feed, a person. */
  readonly source: string;
};

/**
 * Sets the price of an instrument that its own book has not made: the first, or a feed's.
 * @effects one row of `quotes`; audit `quote.set`
 * @errors not_found
 */
export async function setQuote(ctx: Ctx, input: NewQuote): Promise<Quote> {
  return transact(ctx, 'engine', async (tx) => {
    const instrument = await instrumentOf(tx, input.symbol);
    const price = {
      last: input.last,
      bid: input.bid ?? null,
      ask: input.ask ?? null,
      source: input.source,
      quotedAt: ctx.deps.clock.now(),
      pricedAt: ctx.deps.clock.realNow(),
      staleToldAt: null,
    };
    const [row] = await tx
      .insert(quotes)
      .values({ instrumentId: instrument.id, ...price })
      .onConflictDoUpdate({ target: quotes.instrumentId, set: price })
      .returning();
    const quote = present(row, 'the quote was just written');
    await record(tx, ctx, {
      event: MARKETS_EVENTS['quote.set'],
      resource: { type: 'instrument', id: instrument.id },
      subjectUserId: null,
      after: { ...quote, symbol: instrument.symbol },
    });
    tellPrices(tx, ctx, [instrument.id]);
    return quote;
  });
}
