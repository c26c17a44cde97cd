import { instrumentsBySymbol, setPriceSettings } from '../domains/markets/index.ts';
import { present } from '../kernel/assert.ts';
import type { Ctx } from '../platform/context.ts';
import { transact } from '../platform/db/transact.ts';

const SETTINGS = { maxJumpBps: 10_000, staleAfterSeconds: 86_400, levelTicks: 5 } as const;

/**
 * Lets somebody stand for the price of a contract: a feed that says nothing more, so that tests say it; or by hand
 * whoever set it last, until the instrument's own book trades.
 */
export async function vouchForPrice(ctx: Ctx, symbol: string, by: 'feed' | 'hand' = 'feed'): Promise<void> {
  const instruments = await transact(ctx, 'engine', (tx) => instrumentsBySymbol(tx, [symbol]));
  const instrument = present(instruments.get(symbol), 'the instrument is listed');
  if (instrument.feed === null) {
    const feed = by === 'feed' ? 'simulator' : null;
    await setPriceSettings(ctx, instrument, { ...SETTINGS, feed, feedSymbol: feed === null ? null : symbol });
  }
}
