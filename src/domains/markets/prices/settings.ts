import { eq, type InferSelectModel } from 'drizzle-orm';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { instrumentOf } from '../store.ts';
import { feedName, feedPositions, priceSettings } from './schema.ts';

export type FeedName = (typeof feedName.enumValues)[number];

export const FEED_NAMES = feedName.enumValues;

/** Feeds that price nothing anybody pays for: refused where money is real. */
export const SANDBOX_FEEDS: readonly FeedName[] = ['simulator', 'replay'];

export type PriceSettings = InferSelectModel<typeof priceSettings>;

/** What holds where nobody set anything: own trades price it, at whatever age. */
const UNSET = {
  feed: null,
  feedSymbol: null,
  maxJumpBps: null,
  staleAfterSeconds: null,
  levelTicks: 5,
  version: 0,
  changedAt: null,
} as const;

/** Where an instrument's price comes from, how far its feed has come, and a level that waits. @errors not_found */
export async function getPriceSettings(ctx: Ctx, symbol: string) {
  return transact(ctx, ctx.login, async (tx) => {
    const instrument = await instrumentOf(tx, symbol);
    const settings = await settingsOf(tx, instrument.id);
    const positions = await tx
      .select()
      .from(feedPositions)
      .where(eq(feedPositions.instrumentId, instrument.id));
    const position = positions.find(({ feed }) => feed === settings?.feed);
    return {
      ...(settings ?? UNSET),
      symbol: instrument.symbol,
      price: position?.price ?? null,
      levelPrice: position?.levelPrice ?? null,
      levelCount: position?.levelCount ?? 0,
      lastTickAt: position?.occurredAt ?? null,
    };
  });
}

/** The settings of an instrument; undefined where nobody made any. */
export async function settingsOf(tx: Tx, instrumentId: string): Promise<PriceSettings | undefined> {
  const [settings] = await tx
    .select()
    .from(priceSettings)
    .where(eq(priceSettings.instrumentId, instrumentId));
  return settings;
}
