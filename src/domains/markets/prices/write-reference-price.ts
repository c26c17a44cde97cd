import { sql } from 'drizzle-orm';
import { type Amount, storedAmount, ZERO } from '../../../kernel/amount.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import type { Instrument } from '../store.ts';
import { tellPrices } from './price-changes.ts';
import { storeTicks } from './store-ticks.ts';

export type AgreedPrice = {
  readonly price: Amount;
  readonly before: { readonly last: string; readonly source: string; readonly pricedAt: Instant } | null;
  readonly askedAt: Instant;
};

/** What a quote and a tick say of where they are from where people set the price. */
const SOURCE = 'staff';

/**
 * Puts a price that was agreed to in the place of the one that stood when it was asked for, and keeps it as a tick, so
 * that past prices have it. The statement itself looks whether that one still stands and no feed prices the instrument:
 * whoever makes a price meanwhile has made a newer one.
 * @shape what stands now
 * @effects one row of `quotes`, one of `price_ticks`, rows of `candles`
 * @errors conflict
 */
export async function writeReferencePrice(
  tx: Tx,
  ctx: Ctx,
  { id, execution }: Instrument,
  { price, before, askedAt }: AgreedPrice,
) {
  const now = ctx.deps.clock.now();
  // Candles before the quote, as those write them whom the market tells.
  const sequence = BigInt(ctx.deps.clock.realMs()) * 1_000n;
  const tick = { instrumentId: id, source: SOURCE, sequence, price, size: ZERO, occurredAt: now };
  await storeTicks(tx, [tick], now);
  // The own book's best bid and ask stay what they are; a venue's were told with another price.
  const tops = execution === 'internal' ? sql`quotes` : sql`excluded`;
  const written = await tx.execute(sql`
    insert into quotes (instrument_id, last, source, quoted_at, priced_at)
    select s.instrument_id, ${storedAmount(price)}::numeric, ${SOURCE}, ${now}::timestamptz, ${askedAt}::timestamptz
    from price_settings s where s.instrument_id = ${id} and s.feed is null and s.stale_after_seconds is not null
    on conflict (instrument_id) do update set last = excluded.last, source = excluded.source, bid = ${tops}.bid,
      ask = ${tops}.ask, quoted_at = excluded.quoted_at, priced_at = excluded.priced_at, stale_told_at = null
    where quotes.last = ${before?.last ?? null}::numeric
      and coalesce(quotes.priced_at, quotes.quoted_at) = ${before?.pricedAt ?? null}::timestamptz
    returning 1`);
  if (written.length === 0) {
    throw refuse('conflict');
  }
  tellPrices(tx, ctx, [id]);
  return { last: price, source: SOURCE, quotedAt: now, pricedAt: askedAt };
}
