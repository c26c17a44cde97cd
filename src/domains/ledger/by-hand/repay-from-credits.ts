import { amountOf } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { repayDebt } from '../debts.ts';
import type { LockedWallet } from '../lock-wallets.ts';
import { receivableWallets } from '../receivables.ts';
import type { Holders } from './holders.ts';
import type { ManualJournal, PostedWallets } from './manual-journal.ts';

type Posted = Pick<ManualJournal, 'entries'>;

/** The wallets of the debts that the credits of a journal may repay, to be locked with those it moves. */
export async function debtsOfCredited(tx: Tx, journal: Posted, found: PostedWallets): Promise<readonly Id[]> {
  const owed: Id[] = [];
  for (const { userId, asset } of credited(journal, found).keys()) {
    owed.push(...(await receivableWallets(tx, userId === null ? [] : [userId], asset)));
  }
  return owed;
}

/**
 * Repays from what a journal by hand gave to customers what they owe, as a deposit would. Of who may be credited nothing but
 * what is due to them as holders it stays for the job.
 * @effects those of `repayDebt` for each wallet that was credited
 */
export async function repayFromCredits(
  tx: Tx,
  ctx: Ctx,
  journal: Posted,
  found: PostedWallets,
  holders: Holders,
): Promise<void> {
  for (const [wallet, amount] of credited(journal, found)) {
    if (wallet.userId !== null && !holders.isShut(wallet, 'money_in')) {
      const debtor = { userId: wallet.userId, walletId: wallet.id, asset: wallet.asset };
      const credit = { limit: amountOf(amount), referenceType: 'wallet', referenceId: wallet.id };
      await repayDebt(tx, ctx, debtor, credit);
    }
  }
}

/** What live customers got; nothing of an asset that they owe where the journal settles or corrects that debt itself. */
function credited({ entries }: Posted, found: PostedWallets): ReadonlyMap<LockedWallet, bigint> {
  const got = new Map<LockedWallet, bigint>();
  const isSettled = ({ userId, asset }: LockedWallet) =>
    [...found.values()].some(
      (debt) => debt.houseRole === 'receivable' && debt.houseReference === userId && debt.asset === asset,
    );
  for (const { walletId, amount } of entries) {
    const wallet = found.get(walletId);
    if (wallet !== undefined && wallet.userId !== null && wallet.book === 'live' && !isSettled(wallet)) {
      got.set(wallet, (got.get(wallet) ?? 0n) + amount);
    }
  }
  return new Map([...got].filter(([, amount]) => amount > 0n));
}
