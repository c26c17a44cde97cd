import { and, count, eq, gt, isNull } from 'drizzle-orm';
import { type Amount, scaleOf } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs, type Instant } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { findAccount } from '../../accounts/index.ts';
import { LEDGER_EVENTS } from '../audit.ts';
import { refuseLedger } from '../errors.ts';
import { lockConversionPath } from './lock-conversion-path.ts';
import { approvedRates, counts, type FxRate } from './rate-source.ts';
import type { ConversionQuote } from './read-conversions.ts';
import { requireMoney } from './require-money.ts';
import { convert, midPrice, priceAfter, rateOf, type Wish } from './rules.ts';
import { conversionQuotes } from './schema.ts';
import { MAX_OPEN_QUOTES, QUOTE_LIFE_MS } from './settings.ts';

export type QuoteRequest = {
  readonly accountId: Id;
  readonly fromAsset: string;
  readonly toAsset: string;
  /** One of the two. */
  readonly fromAmount?: Amount | undefined;
  readonly toAmount?: Amount | undefined;
};

/**
 * Offers a price for a moment. Nothing is reserved: the wallet decides when the quote is executed.
 * @effects one row of `conversion_quotes`; audit `conversion.quoted`
 * @errors not_found, the gate's, account_not_active, unknown_asset, asset_not_convertible,
 *   amount_too_precise, rate_missing, rate_stale, conversion_too_small, conversion_too_large,
 *   quote_limit_reached
 */
export async function quoteConversion(ctx: Ctx, request: QuoteRequest): Promise<ConversionQuote> {
  return transact(ctx, 'engine', async (tx) => {
    const { userId } = await findAccount(tx, ctx, request.accountId);
    const owner = { userId, accountId: request.accountId };
    await lockConversionPath(tx, owner);
    await lockExclusive(tx, [`conversion-quotes:${owner.accountId}`]);
    const now = ctx.deps.clock.now();
    const offer = await offerOf(tx, request, now);
    await refuseTooMany(tx, owner.accountId, now);
    const [row] = await tx
      .insert(conversionQuotes)
      .values({ ...owner, ...offer, id: newId(), createdAt: now })
      .returning();
    const quote = present(row, 'the quote was inserted');
    await record(tx, ctx, {
      event: LEDGER_EVENTS['conversion.quoted'],
      resource: { type: 'conversion_quote', id: quote.id },
      subjectUserId: quote.userId,
      after: quote,
    });
    return quote;
  });
}

async function offerOf(tx: Tx, request: QuoteRequest, now: Instant) {
  const { fromAsset, toAsset } = request;
  const from = await requireMoney(tx, fromAsset, '/fromAsset');
  const to = await requireMoney(tx, toAsset, '/toAsset');
  const wish = wishOf(request);
  const { scale } = wish.named === 'fromAmount' ? from : to;
  if (scaleOf(wish.amount) > scale) {
    throw amountRefusal('amount_too_precise', wish, `must have at most ${scale} decimals`);
  }
  const known = await rateOfPair(tx, request, now);
  const mid = midPrice(known, fromAsset);
  const price = priceAfter(mid, known.spreadBps);
  const converted = convert(wish, price, { from: from.scale, to: to.scale });
  if (typeof converted === 'string') {
    const small = converted === 'conversion_too_small';
    throw amountRefusal(
      converted,
      wish,
      small ? 'is worth nothing in the other' : 'is worth too much in the other',
    );
  }
  const ends = addMs(now, QUOTE_LIFE_MS);
  return {
    fromAsset,
    toAsset,
    ...converted,
    rate: rateOf(price),
    midRate: rateOf(mid),
    spreadBps: known.spreadBps,
    rateId: known.id,
    rateSource: known.source,
    rateAt: known.asOf,
    rateValidUntil: known.validUntil,
    expiresAt: ends < known.validUntil ? ends : known.validUntil,
  };
}

/** Fails closed: without a rate that still counts there is no price. @errors rate_missing, rate_stale */
async function rateOfPair(tx: Tx, request: QuoteRequest, now: Instant): Promise<FxRate> {
  const known = await approvedRates.newestOf(tx, { from: request.fromAsset, to: request.toAsset });
  if (known === undefined) {
    throw refuseLedger('rate_missing');
  }
  if (!counts(known, now)) {
    throw refuseLedger('rate_stale');
  }
  return known;
}

/** @errors quote_limit_reached */
async function refuseTooMany(tx: Tx, accountId: Id, now: Instant): Promise<void> {
  const [open] = await tx
    .select({ quotes: count() })
    .from(conversionQuotes)
    .where(
      and(
        eq(conversionQuotes.accountId, accountId),
        isNull(conversionQuotes.executedAt),
        gt(conversionQuotes.expiresAt, now),
      ),
    );
  if ((open?.quotes ?? 0) >= MAX_OPEN_QUOTES) {
    throw refuseLedger('quote_limit_reached');
  }
}

function wishOf({ fromAmount, toAmount }: QuoteRequest): Wish {
  return fromAmount === undefined
    ? { named: 'toAmount', amount: present(toAmount, 'a request names one amount') }
    : { named: 'fromAmount', amount: fromAmount };
}

function amountRefusal(
  code: 'amount_too_precise' | 'conversion_too_small' | 'conversion_too_large',
  { named }: Wish,
  detail: string,
) {
  return refuseLedger(code, { errors: [{ pointer: `/${named}`, code, detail }] });
}
