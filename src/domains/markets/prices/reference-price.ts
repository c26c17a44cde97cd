import { type Amount, formatAmount, parseAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Json } from '../../../kernel/canonical-json.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import { requestApproval } from '../../../platform/approvals/request-approval.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { MARKETS_EVENTS } from '../audit.ts';
import { refuseMarkets } from '../errors.ts';
import { hasPositions } from '../open-positions.ts';
import { refuseHolder, refuseHolders } from '../refuse-holder.ts';
import { holdListed, type Instrument, instrumentOf, listed } from '../store.ts';
import { type KnownPrices, knownPrices } from './known-prices.ts';
import { referencePriceRefusal, votesForPrice } from './rules.ts';
import { type PriceSettings, settingsOf } from './settings.ts';
import { writeReferencePrice } from './write-reference-price.ts';

const ACTION = 'reference_price.set';
/** A price is of the moment at which it was asked for; those who agree do so while it says something of now. */
const EXPIRY_MAX_MS = 4 * 3_600_000;

export type ReferencePrice = {
  readonly price: Amount;
  /** Where the price was found, and why it is set by hand. */
  readonly reason: string;
};

/** What those who vote are shown. */
type Asked = {
  readonly symbol: string;
  readonly price: string;
  /** The price that stood then; null where there was none. */
  readonly before: { readonly last: string; readonly source: string; readonly pricedAt: Instant } | null;
  readonly askedAt: Instant;
  readonly staleAfterSeconds: number;
};

/**
 * Asks others to agree to a price of an instrument that no feed prices: its first, or one while nobody trades it. One
 * other agrees to a price near every one that is known of it; two to any other, and wherever a position is marked by it.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors not_found, instrument_not_listed, instrument_delisted, self_action, price_from_feed, price_age_missing,
 *   reference_price_off_tick, approval_pending_exists
 */
export async function proposeReferencePrice(
  ctx: Ctx,
  symbol: string,
  { price, reason }: ReferencePrice,
): Promise<{ readonly approvalId: Id; readonly status: 'pending' }> {
  return transact(ctx, 'engine', async (tx) => {
    const instrument = listed(await instrumentOf(tx, symbol));
    await refuseHolder(tx, ctx, instrument.id);
    const settings = await settingsOf(tx, instrument.id);
    const refusal = referencePriceRefusal(price, instrument.tick, settings);
    if (refusal !== null) {
      throw refuseMarkets(refusal);
    }
    const known = await knownPrices(tx, ctx, instrument);
    const staleAfterSeconds = present(settings?.staleAfterSeconds, 'it was just asked for');
    const askedAt = ctx.deps.clock.realNow();
    const approval = await requestApproval(tx, ctx, {
      action: ACTION,
      subjectType: 'instrument',
      subjectId: instrument.id,
      subjectUserId: null,
      payload: { symbol, price: formatAmount(price), before: standing(known), askedAt, staleAfterSeconds },
      quorum: await votesFor(tx, instrument, settings, price, known),
      checkerRoles: ['risk_manager', 'admin'],
      reason,
      expiresInMs: Math.min(staleAfterSeconds * 1_000, EXPIRY_MAX_MS),
    });
    return { approvalId: approval.id, status: 'pending' as const };
  });
}

/**
 * What the last approving vote does. The price is as old as the question.
 * @effects as `writeReferencePrice`; audit `quote.set`
 * @errors instrument_delisted, self_approval; conflict where a price was made since, a feed prices it, or more would have to agree by now
 */
export const referencePriceAction: ApprovalAction = {
  action: ACTION,
  refuseVoter: (ctx, { subjectId }, voterId) =>
    transact(ctx, 'engine', (tx) => refuseHolders(tx, subjectId, [voterId])),
  execute: (ctx, { approvalId, subjectId, payload, makerId, checkerIds }) =>
    transact(ctx, 'engine', async (tx) => {
      const asked = payload as unknown as Asked;
      const price = parseAmount(asked.price);
      const instrument = await holdListed(tx, subjectId);
      await refuseHolders(tx, subjectId, [makerId, ...checkerIds]);
      const settings = await settingsOf(tx, subjectId);
      const known = await knownPrices(tx, ctx, instrument);
      if (
        referencePriceRefusal(price, instrument.tick, settings) !== null ||
        (await votesFor(tx, instrument, settings, price, known)) > checkerIds.length
      ) {
        throw refuse('conflict');
      }
      const { symbol } = instrument;
      const set = await writeReferencePrice(tx, ctx, instrument, { ...asked, price });
      await record(tx, ctx, {
        event: MARKETS_EVENTS['quote.set'],
        resource: { type: 'instrument', id: instrument.id },
        subjectUserId: null,
        ...(asked.before === null ? {} : { before: { ...asked.before, symbol } }),
        after: { ...set, symbol, approvalId },
      });
    }),
};

async function votesFor(
  tx: Tx,
  { id, collarBps }: Instrument,
  settings: PriceSettings | undefined,
  price: Amount,
  { prices }: KnownPrices,
): Promise<1 | 2> {
  return votesForPrice(price, prices, settings?.maxJumpBps ?? collarBps, await hasPositions(tx, id));
}

function standing({ quote }: KnownPrices): { readonly [key: string]: Json } | null {
  return quote === null
    ? null
    : { last: formatAmount(quote.last), source: quote.source, pricedAt: quote.pricedAt ?? quote.quotedAt };
}
