import { eq } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import { canonicalJson, type Json } from '../../kernel/canonical-json.ts';
import type { Id } from '../../kernel/id.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { requestApproval } from '../../platform/approvals/request-approval.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { MARKETS_EVENTS } from './audit.ts';
import { writeInstrument } from './create-instrument.ts';
import { listingOf, type NewInstrument, shown } from './instrument-terms.ts';
import { termsOf } from './prices/propose-price-settings.ts';
import { requireFeed } from './prices/require-feed.ts';
import {
  checkPriceSettings,
  type NewPriceSettings,
  requireFreeSymbol,
  setPriceSettings,
} from './prices/set-price-settings.ts';
import { type PriceSettings, settingsOf } from './prices/settings.ts';
import { lockFeed } from './prices/take-ticks.ts';
import { instruments } from './schema.ts';
import type { Instrument } from './store.ts';

const ACTION = 'instrument.list';

type Proposal = NewInstrument & { readonly priceSettings?: NewPriceSettings | undefined };

/** Where its price is to come from, beside where it came from when that was asked for. */
type PricedBy = { readonly before: Json; readonly after: NewPriceSettings };

/**
 * Puts an instrument with its fees, sizes, collar and what prices it before another person. Until they approve it is
 * halted; refused or taken back, its symbol can be proposed again.
 * @effects one row of `instruments`, one of `approvals`; audit `instrument.created`, `approval.requested`
 * @errors feed_settings_incomplete, feed_not_for_production, those of `createInstrument`, contract_needs_feed,
 *   feed_symbol_taken, approval_pending_exists
 */
export async function proposeInstrument(
  ctx: Ctx,
  { priceSettings, ...input }: Proposal,
): Promise<ReturnType<typeof shown<Instrument>> & { readonly approvalId: Id }> {
  if (priceSettings !== undefined) {
    checkPriceSettings(ctx, priceSettings);
  }
  return transact(ctx, 'engine', async (tx) => {
    const instrument = await writeInstrument(tx, ctx, input, 'halted');
    const settings = await settingsOf(tx, instrument.id);
    requireFeed(instrument, priceSettings ?? settings);
    if (priceSettings !== undefined) {
      await requireFreeSymbol(tx, instrument.id, priceSettings);
    }
    const approval = await requestApproval(tx, ctx, {
      action: ACTION,
      subjectType: 'instrument',
      subjectId: instrument.id,
      subjectUserId: null,
      payload: {
        ...listingOf(instrument),
        ...(priceSettings === undefined
          ? {}
          : { priceSettings: { before: shownSettings(settings), after: termsOf(priceSettings) } }),
      },
      quorum: 1,
      checkerRoles: ['admin', 'risk_manager'],
      reason: `List ${instrument.symbol}`,
    });
    return { ...shown(instrument), approvalId: approval.id };
  });
}

/**
 * What the last approving vote does.
 * @errors conflict where the terms are not what the checkers saw; contract_needs_feed; those of `setPriceSettings`
 */
export const listInstrumentAction: ApprovalAction = {
  action: ACTION,
  execute: (ctx, { approvalId, subjectId, payload }) =>
    transact(ctx, 'engine', async (tx) => {
      const { priceSettings, ...listing } = payload as { readonly priceSettings?: PricedBy };
      const feed = priceSettings?.after?.feed ?? null;
      if (feed !== null) {
        // Before the row: what a feed brings holds its feed, and then names the instrument.
        await lockFeed(tx, feed);
      }
      const before = await lockRow(tx, instruments, subjectId);
      if (
        before === undefined ||
        before.listedAt !== null ||
        canonicalJson(listingOf(before)) !== canonicalJson(listing)
      ) {
        throw refuse('conflict');
      }
      await priceAsAgreed(tx, ctx, before, priceSettings);
      const [after] = await tx
        .update(instruments)
        .set({
          status: 'active',
          version: before.version + 1,
          listedAt: ctx.deps.clock.now(),
          changeApprovalId: approvalId,
        })
        .where(eq(instruments.id, subjectId))
        .returning();
      await record(tx, ctx, {
        event: MARKETS_EVENTS['instrument.activated'],
        resource: { type: 'instrument', id: subjectId },
        subjectUserId: null,
        before,
        after: present(after, 'the instrument was locked'),
      });
    }),
};

/** @errors conflict, contract_needs_feed; those of `setPriceSettings` */
async function priceAsAgreed(
  tx: Tx,
  ctx: Ctx,
  instrument: Instrument,
  pricedBy: PricedBy | undefined,
): Promise<void> {
  const settings = await settingsOf(tx, instrument.id);
  requireFeed(instrument, pricedBy?.after ?? settings);
  if (pricedBy === undefined) {
    return;
  }
  if (canonicalJson(shownSettings(settings)) !== canonicalJson(pricedBy.before)) {
    throw refuse('conflict');
  }
  await setPriceSettings({ ...ctx, tx }, instrument, pricedBy.after);
}

function shownSettings(settings: PriceSettings | undefined) {
  return settings === undefined ? null : termsOf(settings);
}
