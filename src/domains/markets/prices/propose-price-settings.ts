import { present } from '../../../kernel/assert.ts';
import { canonicalJson, type Json } from '../../../kernel/canonical-json.ts';
import type { Id } from '../../../kernel/id.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import { requestApproval } from '../../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../../platform/context.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { instruments } from '../schema.ts';
import { instrumentOf } from '../store.ts';
import { requireFeed } from './require-feed.ts';
import {
  checkPriceSettings,
  type NewPriceSettings,
  requireFreeSymbol,
  setPriceSettings,
} from './set-price-settings.ts';
import { settingsOf } from './settings.ts';
import { lockFeed } from './take-ticks.ts';

const ACTION = 'price_settings.change';

/**
 * Puts before another person where an instrument's price is to come from and what is to be believed of it:
 * collars and market orders go by that price.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors feed_settings_incomplete, feed_not_for_production, not_found, contract_needs_feed, feed_symbol_taken,
 *   approval_pending_exists
 */
export async function proposePriceSettings(
  ctx: Ctx,
  symbol: string,
  { reason, ...wanted }: NewPriceSettings & { readonly reason: string },
): Promise<{ readonly approvalId: Id; readonly status: 'pending' }> {
  checkPriceSettings(ctx, wanted);
  return transact(ctx, 'staff', async (tx) => {
    const instrument = await instrumentOf(tx, symbol);
    requireFeed(instrument, wanted);
    await requireFreeSymbol(tx, instrument.id, wanted);
    const before = await settingsOf(tx, instrument.id);
    const approval = await requestApproval(tx, ctx, {
      action: ACTION,
      subjectType: 'instrument',
      subjectId: instrument.id,
      subjectUserId: null,
      payload: {
        symbol,
        before: before === undefined ? null : termsOf(before),
        after: { ...termsOf(wanted), beginAnew: wanted.beginAnew ?? false },
      },
      quorum: 1,
      checkerRoles: ['risk_manager', 'admin'],
      reason,
    });
    return { approvalId: approval.id, status: 'pending' as const };
  });
}

/** What the last approving vote does. @errors contract_needs_feed; conflict where the settings changed meanwhile */
export const priceSettingsAction: ApprovalAction = {
  action: ACTION,
  execute: async (ctx, { payload }) => {
    const tx = present(ctx.tx, 'an approval executes in the transaction of its last vote');
    const { symbol, before, after } = payload as {
      readonly symbol: string;
      readonly before: Json;
      readonly after: NewPriceSettings;
    };
    // Held against whoever lists it at this moment: it may be a contract by then.
    const { id } = await instrumentOf(tx, symbol);
    if (after.feed !== null) {
      // Before the row: what a feed brings holds its feed, and then names the instrument.
      await lockFeed(tx, after.feed);
    }
    const instrument = present(await lockRow(tx, instruments, id), 'an instrument is never gone');
    requireFeed(instrument, after);
    const settings = await settingsOf(tx, instrument.id);
    if (canonicalJson(settings === undefined ? null : termsOf(settings)) !== canonicalJson(before)) {
      throw refuse('conflict');
    }
    await setPriceSettings(ctx, instrument, after);
  },
};

/** Settings as checkers see them. */
export function termsOf({ feed, feedSymbol, maxJumpBps, staleAfterSeconds, levelTicks }: NewPriceSettings) {
  return { feed, feedSymbol, maxJumpBps, staleAfterSeconds, levelTicks };
}
