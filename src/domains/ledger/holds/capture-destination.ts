import { and, eq } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { type Account, accountsByIds } from '../../accounts/index.ts';
import { refuseLedger } from '../errors.ts';
import type { Hold } from '../holds.ts';
import { assets, wallets } from '../schema.ts';
import { type CaptureDestination, roleSuits } from './rules.ts';

/** A destination that is there: a wallet of the house, or the account whose wallet is made on first use. */
export type FoundDestination = { readonly walletId: Id } | { readonly account: Account };

/**
 * Where captured funds would go. A wallet of the house must be there already, so that a mistyped name opens
 * none; an account must be another customer's, since one's own funds are released and transferred.
 * @errors hold_destination_unsuitable
 */
export async function findDestination(
  tx: Tx,
  hold: Hold,
  destination: CaptureDestination,
): Promise<FoundDestination> {
  if ('accountId' in destination) {
    const account = (await accountsByIds(tx, [destination.accountId])).get(destination.accountId);
    if (account === undefined || account.type !== 'live') {
      throw unsuitable('No live account has this id.');
    }
    if (account.userId === hold.userId) {
      throw unsuitable('The account is the same customer’s: release the hold and transfer.');
    }
    return { account };
  }
  const { role, reference } = destination.house;
  const [asset] = await tx.select({ kind: assets.kind }).from(assets).where(eq(assets.code, hold.asset));
  if (asset === undefined || !roleSuits(role, asset.kind)) {
    throw unsuitable(`${hold.asset} does not lie in wallets of this role.`);
  }
  const [wallet] = await tx
    .select({ id: wallets.id })
    .from(wallets)
    .where(
      and(
        eq(wallets.book, 'live'),
        eq(wallets.houseRole, role),
        eq(wallets.asset, hold.asset),
        eq(wallets.houseReference, reference),
      ),
    );
  if (wallet === undefined) {
    throw unsuitable('The house has no wallet of this role, reference and asset.');
  }
  return { walletId: wallet.id };
}

function unsuitable(detail: string): Error {
  return refuseLedger('hold_destination_unsuitable', { detail });
}
