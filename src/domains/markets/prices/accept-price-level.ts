import { and, eq, sql } from 'drizzle-orm';
import { formatAmount, parseAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import { requestApproval } from '../../../platform/approvals/request-approval.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { MARKETS_EVENTS } from '../audit.ts';
import { refuseMarkets } from '../errors.ts';
import { refuseHolder, refuseHolders } from '../refuse-holder.ts';
import { quotes } from '../schema.ts';
import { type Instrument, instrumentOf } from '../store.ts';
import { tellPrices } from './price-changes.ts';
import { jumps } from './rules.ts';
import { feedPositions } from './schema.ts';
import { type PriceSettings, settingsOf } from './settings.ts';
import { lockFeed } from './take-ticks.ts';

const ACTION = 'price_level.accept';

/**
 * Asks another person to believe the level at which a feed has stayed beyond a jump: it moves every collar
 * of the instrument.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors not_found, self_action, price_level_unsettled, approval_pending_exists
 */
export async function acceptPriceLevel(
  ctx: Ctx,
  symbol: string,
  reason: string,
): Promise<{ readonly approvalId: Id; readonly status: 'pending' }> {
  return transact(ctx, 'staff', async (tx) => {
    const instrument = await instrumentOf(tx, symbol);
    await refuseHolder(tx, ctx, instrument.id);
    const waiting = await waitingLevel(tx, instrument);
    if (waiting === undefined) {
      throw refuseMarkets('price_level_unsettled');
    }
    const approval = await requestApproval(tx, ctx, {
      action: ACTION,
      subjectType: 'instrument',
      subjectId: instrument.id,
      subjectUserId: null,
      payload: {
        symbol,
        feed: waiting.feed,
        from: waiting.price === null ? null : formatAmount(waiting.price),
        level: formatAmount(waiting.level),
        ticks: waiting.count,
      },
      quorum: 1,
      checkerRoles: ['risk_manager', 'admin'],
      reason,
    });
    return { approvalId: approval.id, status: 'pending' as const };
  });
}

/** What the last approving vote does. @errors self_approval; conflict where the feed left the level that was approved */
export const acceptLevelAction: ApprovalAction = {
  action: ACTION,
  refuseVoter: (ctx, { subjectId }, voterId) =>
    transact(ctx, 'engine', (tx) => refuseHolders(tx, subjectId, [voterId])),
  execute: async (ctx, { payload, makerId, checkerIds }) => {
    const tx = present(ctx.tx, 'an approval executes in the transaction of its last vote');
    const { symbol, feed, level } = payload as Readonly<Record<'symbol' | 'feed' | 'level', string>>;
    const instrument = await instrumentOf(tx, symbol);
    await refuseHolders(tx, instrument.id, [makerId, ...checkerIds]);
    const approved = parseAmount(level);
    const settings = await settingsOf(tx, instrument.id);
    if (settings?.feed == null || settings.feed !== feed) {
      throw refuse('conflict');
    }
    await lockFeed(tx, settings.feed);
    const waiting = await waitingLevel(tx, instrument);
    if (waiting === undefined || jumps(approved, waiting.level, settings.maxJumpBps ?? 0)) {
      throw refuse('conflict');
    }
    await believe(tx, ctx, instrument, settings, waiting.level);
    await record(tx, ctx, {
      event: MARKETS_EVENTS['price_level.accepted'],
      resource: { type: 'instrument', id: instrument.id },
      subjectUserId: null,
      before: { symbol: instrument.symbol, price: waiting.price },
      after: { symbol: instrument.symbol, feed: settings.feed, price: waiting.level },
    });
    tellPrices(tx, ctx, [instrument.id]);
  },
};

/** The level a feed has stayed at for long enough; undefined where there is none. */
async function waitingLevel(tx: Tx, instrument: Instrument) {
  const settings = await settingsOf(tx, instrument.id);
  if (settings?.feed == null) {
    return undefined;
  }
  const [position] = await tx
    .select()
    .from(feedPositions)
    .where(and(eq(feedPositions.instrumentId, instrument.id), eq(feedPositions.feed, settings.feed)));
  if (position === undefined || position.levelPrice === null || position.levelCount < settings.levelTicks) {
    return undefined;
  }
  const { price, levelPrice: level, levelCount: count } = position;
  return { feed: settings.feed, price, level, count };
}

async function believe(
  tx: Tx,
  ctx: Ctx,
  { id }: Instrument,
  { feed }: PriceSettings,
  price: (typeof quotes.$inferInsert)['last'],
): Promise<void> {
  await tx
    .update(feedPositions)
    .set({ price, levelPrice: null, levelCount: 0, unsettled: false })
    .where(and(eq(feedPositions.instrumentId, id), eq(feedPositions.feed, present(feed, 'it has a feed'))));
  await tx
    .update(quotes)
    .set({
      last: price,
      source: present(feed, 'it has a feed'),
      quotedAt: ctx.deps.clock.now(),
      pricedAt: sql`clock_timestamp()`,
      staleToldAt: null,
    })
    .where(eq(quotes.instrumentId, id));
}
