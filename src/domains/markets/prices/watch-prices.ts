import { and, eq, inArray, isNull } from 'drizzle-orm';
import { raiseAlarm } from '../../../platform/alarms/raise-alarm.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { MARKETS_EVENTS } from '../audit.ts';
import { instruments, quotes } from '../schema.ts';
import { priceSettings } from './schema.ts';
import { isSilent } from './staleness.ts';

/**
 * Calls somebody for each price that went stale in silence, once until it is confirmed again; a jump that nobody
 * believes calls by itself. Market orders are refused from the moment it is stale, whether or not this has run.
 * @effects `quotes.stale_told_at`; alarm `price.went_stale`
 */
export async function watchPrices(ctx: Ctx): Promise<void> {
  const staleToldAt = ctx.deps.clock.realNow();
  await transact(ctx, 'engine', async (tx) => {
    const stale = await untoldPrices(tx);
    for (const { symbol, quote, staleAfterSeconds } of stale) {
      await raiseAlarm(tx, ctx, {
        event: MARKETS_EVENTS['price.went_stale'],
        resource: { type: 'instrument', id: quote.instrumentId },
        subjectUserId: null,
        after: { ...quote, symbol, staleAfterSeconds },
      });
    }
    const ids = stale.map(({ quote }) => quote.instrumentId).sort();
    await tx.update(quotes).set({ staleToldAt }).where(inArray(quotes.instrumentId, ids));
  });
}

function untoldPrices(tx: Tx) {
  return tx
    .select({
      symbol: instruments.symbol,
      quote: quotes,
      staleAfterSeconds: priceSettings.staleAfterSeconds,
    })
    .from(quotes)
    .innerJoin(instruments, eq(instruments.id, quotes.instrumentId))
    .innerJoin(priceSettings, eq(priceSettings.instrumentId, quotes.instrumentId))
    .where(and(isSilent, isNull(quotes.staleToldAt)));
}
