import { and, eq, inArray, isNull, or, type SQL, sql } from 'drizzle-orm';
import { raiseAlarm } from '../../../platform/alarms/raise-alarm.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { MARKETS_EVENTS } from '../audit.ts';
import { instruments, quotes } from '../schema.ts';
import { priceSettings } from './schema.ts';
import { isBacked, isSilent } from './staleness.ts';

/**
 * Calls somebody for each price that went stale in silence, or by which contracts are held though nobody stands for it,
 * once until there is another, of such a contract once a day; a jump that nobody believes calls by itself. Market orders are refused from the moment it
 * is stale, whether or not this has run.
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
    .leftJoin(priceSettings, eq(priceSettings.instrumentId, quotes.instrumentId))
    .where(or(and(isSilent, isNull(quotes.staleToldAt)), and(isForsaken, isUntoldToday)));
}

/** Contracts are not listed without a feed, nor does one lose it; who was held before that was so is told of here. */
const isForsaken: SQL = sql`(${instruments.kind} = 'contract' and ${priceSettings.feed} is null and not ${isBacked}
  and exists (select from positions p where p.instrument_id = ${quotes.instrumentId} and p.closed_at is null))`;

/** Trades of its own book make it a new price all the time, for which nobody stands either. */
const isUntoldToday: SQL = sql`not exists (select from audit_logs a
  where a.event_type = ${MARKETS_EVENTS['price.went_stale'].type} and a.resource_id = ${quotes.instrumentId}::text
    and a.recorded_at > clock_timestamp() - interval '1 day')`;
