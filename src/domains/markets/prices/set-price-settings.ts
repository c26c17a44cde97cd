import { eq, sql } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { MARKETS_EVENTS } from '../audit.ts';
import { refuseMarkets } from '../errors.ts';
import { feedPositions, priceSettings } from './schema.ts';
import { type FeedName, SANDBOX_FEEDS, settingsOf } from './settings.ts';
import { lockFeed } from './take-ticks.ts';

export type NewPriceSettings = {
  readonly feed: FeedName | null;
  readonly feedSymbol: string | null;
  readonly maxJumpBps: number | null;
  readonly staleAfterSeconds: number | null;
  readonly levelTicks: number;
  /** Whether the feed begins anew although it stays the same: its source counts from elsewhere. */
  readonly beginAnew?: boolean;
};

/**
 * Decides where an instrument's price comes from and what is believed of it. Another feed, or another symbol of it,
 * begins anew, as does one of which people say so: it may count from elsewhere, but the next price is still measured from the last one believed. Where
 * neither changes the feed goes on where it was: what came is not counted twice, and what was doubted stays in doubt.
 * @effects one row of `price_settings`; rows of `feed_positions`; audit `price_settings.changed`
 * @errors feed_settings_incomplete, feed_not_for_production, feed_symbol_taken
 */
export async function setPriceSettings(
  ctx: Ctx,
  instrument: { readonly id: Id; readonly symbol: string },
  { beginAnew: mayCountAnew = false, ...wanted }: NewPriceSettings,
): Promise<void> {
  checkPriceSettings(ctx, wanted);
  await transact(ctx, 'engine', async (tx) => {
    if (wanted.feed !== null) {
      await lockFeed(tx, wanted.feed);
    }
    const before = await settingsOf(tx, instrument.id);
    await requireFreeSymbol(tx, instrument.id, wanted);
    const after = {
      ...wanted,
      instrumentId: instrument.id,
      version: (before?.version ?? 0) + 1,
      changedAt: ctx.deps.clock.now(),
    };
    await tx
      .insert(priceSettings)
      .values(after)
      .onConflictDoUpdate({ target: priceSettings.instrumentId, set: after });
    if (mayCountAnew || before?.feed !== wanted.feed || before?.feedSymbol !== wanted.feedSymbol) {
      await beginAnew(tx, instrument.id);
    }
    await record(tx, ctx, {
      event: MARKETS_EVENTS['price_settings.changed'],
      resource: { type: 'instrument', id: instrument.id },
      subjectUserId: null,
      ...(before === undefined ? {} : { before: { ...before, symbol: instrument.symbol } }),
      after: { ...after, symbol: instrument.symbol, beginAnew: mayCountAnew },
    });
  });
}

async function beginAnew(tx: Tx, instrumentId: Id): Promise<void> {
  await tx
    .update(feedPositions)
    .set({
      sequence: null,
      occurredAt: null,
      price: sql`(select q.last from quotes q where q.instrument_id = ${instrumentId})`,
      // What it stayed at may have been another symbol's, or of long ago.
      levelPrice: null,
      levelCount: 0,
      unsettled: false,
    })
    .where(eq(feedPositions.instrumentId, instrumentId));
}

/** @errors feed_symbol_taken */
export async function requireFreeSymbol(
  tx: Tx,
  instrumentId: Id,
  { feed, feedSymbol }: NewPriceSettings,
): Promise<void> {
  const taken = await tx.execute(sql`
    select from price_settings
    where feed = ${feed} and feed_symbol = ${feedSymbol} and instrument_id <> ${instrumentId}`);
  if (taken.length > 0) {
    throw refuseMarkets('feed_symbol_taken');
  }
}

/** @errors feed_settings_incomplete, feed_not_for_production */
export function checkPriceSettings(ctx: Ctx, wanted: NewPriceSettings): void {
  const { feed, feedSymbol, maxJumpBps, staleAfterSeconds } = wanted;
  const complete = feedSymbol !== null && maxJumpBps !== null && staleAfterSeconds !== null;
  if (feed === null ? feedSymbol !== null : !complete) {
    throw refuseMarkets('feed_settings_incomplete');
  }
  if (feed !== null && ctx.deps.mode === 'production' && SANDBOX_FEEDS.includes(feed)) {
    throw refuseMarkets('feed_not_for_production');
  }
}
