import { type Amount, amountOf, formatAmount } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import type { NewJournal } from '../../ledger/index.ts';
import { fillsOf, type PlannedFill, type PlannedTrade } from './settle-plan.ts';

export type Pair = { readonly base: string; readonly quote: string };

/** The wallets that a trade in units moves. */
export type TradeWallets = {
  readonly of: (accountId: Id, asset: string) => { readonly id: Id };
  readonly fees: (book: PlannedTrade['book'], asset: string) => Id;
  readonly clearing: (book: PlannedTrade['book'], venue: string, asset: string) => Id;
};

/**
 * Buyer and seller exchange base and quote; each pays its fee to the house in the quote asset. Where a venue
 * traded, the house's clearing wallets stand on the other side until the firm settles with it: each customer is
 * against the house alone, so that no debt of one is ever set against another's money.
 */
export function journalOf(trade: PlannedTrade, pair: Pair, wallets: TradeWallets): NewJournal {
  const fees = fillsOf(trade).reduce((sum, side) => sum + side.fee, 0n);
  const entries = [
    ...sideOf(trade.buy, trade, pair, wallets, 1n),
    ...sideOf(trade.sell, trade, pair, wallets, -1n),
    { walletId: wallets.fees(trade.book, pair.quote), amount: amountOf(fees) },
  ];
  return {
    book: trade.book,
    kind: 'trade',
    referenceType: 'trade',
    referenceId: trade.id,
    description: `${trade.symbol} ${formatAmount(trade.quantity)} at ${formatAmount(trade.price)}`,
    entries: entries.filter((entry) => entry.amount !== 0n),
  };
}

type Entry = { readonly walletId: Id; readonly amount: Amount };

/** @units way: 1 receives the base, -1 gives it */
function sideOf(
  fill: PlannedFill | null,
  trade: PlannedTrade,
  { base, quote }: Pair,
  wallets: TradeWallets,
  way: 1n | -1n,
): Entry[] {
  const walletOf = (asset: string): Id =>
    fill !== null
      ? wallets.of(fill.order.accountId, asset).id
      : wallets.clearing(trade.book, trade.venue?.name ?? '', asset);
  return [
    { walletId: walletOf(base), amount: amountOf(way * trade.quantity) },
    { walletId: walletOf(quote), amount: amountOf(-way * trade.amount) },
    ...(fill === null ? [] : [{ walletId: walletOf(quote), amount: amountOf(-fill.fee) }]),
  ];
}
