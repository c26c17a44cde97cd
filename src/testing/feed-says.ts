import { eq } from 'drizzle-orm';
import { setPriceSettings } from '../domains/markets/index.ts';
import { type FeedBatch, type Taken, takeTicks } from '../domains/markets/prices/take-ticks.ts';
import { instruments } from '../domains/markets/schema.ts';
import { present } from '../kernel/assert.ts';
import type { Ctx } from '../platform/context.ts';
import { transact } from '../platform/db/transact.ts';

const FEED = 'simulator';
const SETTINGS = { maxJumpBps: 1_000, staleAfterSeconds: 3_600, levelTicks: 2 } as const;

let sequence = 0n;

/** Has a feed price an instrument, which it calls by its symbol; with `false` its own trades do again. */
export async function followFeed(ctx: Ctx, symbol: string, follows = true): Promise<void> {
  const [row] = await ctx.deps.db.engine
    .select({ id: instruments.id })
    .from(instruments)
    .where(eq(instruments.symbol, symbol));
  const { id } = present(row, 'it is listed');
  const feed = follows ? FEED : null;
  await setPriceSettings(ctx, { id, symbol }, { ...SETTINGS, feed, feedSymbol: follows ? symbol : null });
}

/** What the feed says, word for word: also what nobody should believe. */
export function feedTells(ctx: Ctx, batch: FeedBatch): Promise<Taken> {
  return takeTicks(ctx, FEED, batch);
}

/** What the feed says of an instrument, a batch of prices each, of which nobody hears before the last one. */
export async function feedSays(
  ctx: Ctx,
  symbol: string,
  ...batches: readonly (readonly string[])[]
): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    for (const prices of batches) {
      const ticks = prices.map((price) => {
        sequence += 1n;
        return { symbol, price, size: '1', sequence, occurredAt: ctx.deps.clock.now() };
      });
      await takeTicks({ ...ctx, tx }, FEED, { ticks, quotes: [], alive: [], gaps: [] });
    }
  });
}
