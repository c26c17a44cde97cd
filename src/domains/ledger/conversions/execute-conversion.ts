import { eq } from 'drizzle-orm';
import { amountOf } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import { LEDGER_EVENTS } from '../audit.ts';
import { refuseLedger } from '../errors.ts';
import { type Book, postJournals } from '../post-journals.ts';
import { lockSpendable } from '../release-expired.ts';
import { settledFunds } from '../settled-funds.ts';
import { customerWallet, houseWallet } from '../wallets.ts';
import { lockConversionPath } from './lock-conversion-path.ts';
import { type ConversionQuote, findOwnQuote } from './read-conversions.ts';
import { overfillsPosition, quoteRefusal } from './rules.ts';
import { conversionQuotes, fxRates } from './schema.ts';
import { FX_DESK, POSITION_MAX_UNSAID } from './settings.ts';
import { isWithdrawn } from './withdraw-fx-rate.ts';

export type Execution = {
  readonly conversion: ConversionQuote;
  /** The quote had been executed before; nothing happened now. */
  readonly replayed: boolean;
};

/**
 * Executes a quote of the person's own, once: asking again answers the same conversion. Only settled money is
 * converted, so that what is got for it can be withdrawn.
 * @effects journal `conversion` against the house's position; the quote's row, perhaps wallets; audit
 *   `conversion.executed`; event `ledger.conversion_executed`
 * @errors not_found, the gate's, account_not_active, rate_stale, quote_expired, wallet_not_active,
 *   margin_unknown, insufficient_funds, fx_position_full, balance_out_of_range
 */
export async function executeConversion(ctx: Ctx, quoteId: Id): Promise<Execution> {
  return transact(ctx, 'engine', async (tx) => {
    const known = await findOwnQuote(tx, ctx, quoteId);
    if (known.executedAt !== null) {
      return { conversion: known, replayed: true };
    }
    const account = await lockConversionPath(tx, known);
    const quote = present(await lockRow(tx, conversionQuotes, known.id), 'a quote outlives its end');
    if (quote.executedAt !== null) {
      return { conversion: quote, replayed: true };
    }
    const now = ctx.deps.clock.now();
    const refusal = (await isWithdrawn(tx, quote.rateId)) ? 'rate_stale' : quoteRefusal(quote, now);
    if (refusal !== null) {
      throw refuseLedger(refusal);
    }
    const journalId = await exchange(tx, ctx, quote, account.type);
    const [row] = await tx
      .update(conversionQuotes)
      .set({ executedAt: now, journalId })
      .where(eq(conversionQuotes.id, quote.id))
      .returning();
    const conversion = present(row, 'the quote was locked');
    await record(tx, ctx, {
      event: LEDGER_EVENTS['conversion.executed'],
      resource: { type: 'conversion', id: conversion.id },
      subjectUserId: conversion.userId,
      after: conversion,
    });
    await publish(tx, ctx, [executedEvent(conversion)]);
    return { conversion, replayed: false };
  });
}

/** The house takes what the customer sells and gives what they buy; each asset sums to zero by itself. */
async function exchange(tx: Tx, ctx: Ctx, quote: ConversionQuote, book: Book): Promise<Id> {
  const { fromAsset, toAsset, fromAmount, toAmount } = quote;
  const owner = { userId: quote.userId, accountId: quote.accountId, book };
  const position = { role: 'fx_position', reference: FX_DESK, book } as const;
  const sold = await customerWallet(tx, ctx, owner, fromAsset);
  const bought = await customerWallet(tx, ctx, owner, toAsset);
  const takes = await houseWallet(tx, ctx, { ...position, asset: fromAsset });
  const gives = await houseWallet(tx, ctx, { ...position, asset: toAsset });
  const walletIds = [sold, bought, takes, gives].map((wallet) => wallet.id);
  const wallets = await lockSpendable(tx, ctx, walletIds);
  const locked = present(wallets.get(sold.id), 'it was just found');
  if (locked.marginUnknown) {
    throw refuseLedger('margin_unknown');
  }
  if (settledFunds(locked) < fromAmount) {
    throw refuseLedger('insufficient_funds');
  }
  if (book === 'live') {
    await refuseFullPosition(
      tx,
      quote,
      wallets.get(takes.id)?.total ?? 0n,
      wallets.get(gives.id)?.total ?? 0n,
    );
  }
  const [journalId] = await postJournals(tx, ctx, [
    {
      book,
      kind: 'conversion',
      referenceType: 'conversion',
      referenceId: quote.id,
      description: `Conversion of ${fromAsset} to ${toAsset}`,
      rate: { value: quote.rate, source: quote.rateSource, at: quote.rateAt },
      metadata: { midRate: quote.midRate, spreadBps: quote.spreadBps, rateId: quote.rateId },
      entries: [
        { walletId: sold.id, amount: amountOf(-fromAmount) },
        { walletId: takes.id, amount: fromAmount },
        { walletId: gives.id, amount: amountOf(-toAmount) },
        { walletId: bought.id, amount: toAmount },
      ],
    },
  ]);
  return present(journalId, 'one journal was posted');
}

/** The house's position is locked, so that conversions at once cannot pass its bound together. @errors fx_position_full */
async function refuseFullPosition(
  tx: Tx,
  { rateId, fromAsset, fromAmount, toAmount }: ConversionQuote,
  taken: bigint,
  given: bigint,
): Promise<void> {
  const [rate] = await tx.select().from(fxRates).where(eq(fxRates.id, rateId));
  const { base, positionMax } = present(rate, 'a quote cites its rate');
  const [before, after] = base === fromAsset ? [taken, taken + fromAmount] : [given, given - toAmount];
  if (overfillsPosition(positionMax ?? POSITION_MAX_UNSAID, before, after)) {
    throw refuseLedger('fx_position_full');
  }
}

function executedEvent(conversion: ConversionQuote) {
  const { id, userId, accountId, fromAsset, fromAmount, toAsset, toAmount, journalId } = conversion;
  return {
    type: 'ledger.conversion_executed',
    userId,
    accountId,
    customerVisible: true,
    data: { conversionId: id, fromAsset, fromAmount, toAsset, toAmount, journalId },
  };
}
