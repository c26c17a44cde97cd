import type { Id } from '../../../kernel/id.ts';
import { refuseLedger } from '../errors.ts';
import type { LockedWallet } from '../lock-wallets.ts';
import type { SpendableWallet } from '../release-expired.ts';
import { type Votes, votesForAll } from '../votes.ts';
import type { ManualJournal, PostedWallets } from './manual-journal.ts';

/** The customers' wallets of the live book that a journal takes from, all its entries of one together. */
export function debitedWallets(
  { entries }: Pick<ManualJournal, 'entries'>,
  found: PostedWallets,
): ReadonlyMap<LockedWallet, bigint> {
  const taken = new Map<LockedWallet, bigint>();
  for (const { walletId, amount } of entries) {
    const wallet = found.get(walletId);
    if (wallet !== undefined && wallet.userId !== null && wallet.book === 'live' && amount < 0n) {
      taken.set(wallet, (taken.get(wallet) ?? 0n) - amount);
    }
  }
  return taken;
}

/** How many people look at a journal by hand: by what it takes from customers of all assets, as for withdrawals. */
export function votesForJournal(journal: Pick<ManualJournal, 'entries'>, found: PostedWallets): Votes {
  const perAsset = new Map<string, bigint>();
  for (const [{ asset }, amount] of debitedWallets(journal, found)) {
    perAsset.set(asset, amount + (perAsset.get(asset) ?? 0n));
  }
  return votesForAll(perAsset);
}

/**
 * Keeps a hand from taking what nobody knows to be free: it would come out of what open positions have lost.
 * @errors margin_unknown
 */
export function refuseUnknownMargin(
  journal: Pick<ManualJournal, 'entries'>,
  found: ReadonlyMap<Id, SpendableWallet>,
): void {
  if ([...debitedWallets(journal, found).keys()].some(({ id }) => found.get(id)?.marginUnknown)) {
    throw refuseLedger('margin_unknown');
  }
}
