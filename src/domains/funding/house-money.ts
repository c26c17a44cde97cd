/** Received money that is the house's: where in the books it goes. */
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { findClearingWallet, houseWallet, lockWallets, type Wallet } from '../ledger/index.ts';
import { providerReference } from './credit-deposit.ts';
import { FIRM_AS_DEBTOR } from './debts.ts';
import { refuseFunding } from './errors.ts';
import type { Receipt } from './receipts.ts';

/**
 * `fees_earned`: income of the firm, such as interest of the bank, which a sweep takes out. `receivable`: a charge given
 * back, against what the firm owes. `dividends_payable`: income of holders, to be paid to them. `clearing`: what a venue
 * or the counterparty of contracts paid over.
 */
export const HOUSE_MONEY = ['fees_earned', 'receivable', 'dividends_payable', 'clearing'] as const;

export type HouseMoney = { readonly role: (typeof HOUSE_MONEY)[number]; readonly reference: string };

/**
 * The wallet that takes a receipt, locked with the receipt's own where asked for.
 * @effects perhaps a row of `wallets`
 * @errors receipt_not_explained where a customer's deposit is named, or less is owed than was received
 */
export async function houseMoneyWallet(
  tx: Tx,
  ctx: Ctx,
  receipt: Receipt,
  house: HouseMoney,
  { lock } = { lock: false },
): Promise<Id> {
  if (receipt.depositId !== null) {
    throw refuseFunding('receipt_not_explained', { detail: 'The money names a customer’s deposit.' });
  }
  const { id, total } = await namedWallet(tx, ctx, receipt, house);
  const now = lock ? (await lockWallets(tx, [id, receipt.walletId])).get(id)?.total : total;
  const isOwed = house.role === 'receivable' || house.role === 'clearing';
  if (isOwed && (now ?? total) + receipt.amount > 0n) {
    throw refuseFunding('receipt_not_explained', { detail: 'Less is owed there than was received.' });
  }
  return id;
}

async function namedWallet(
  tx: Tx,
  ctx: Ctx,
  { asset }: Receipt,
  { role, reference }: HouseMoney,
): Promise<Pick<Wallet, 'id' | 'total'>> {
  if (role === 'clearing') {
    const known = await findClearingWallet(tx, { reference, asset });
    // What a provider pays over, it pays for deposits.
    if (known === undefined || reference.startsWith(providerReference(''))) {
      throw refuseFunding('receipt_not_explained');
    }
    return known;
  }
  if (role === 'receivable' && reference !== FIRM_AS_DEBTOR) {
    throw refuseFunding('receipt_not_explained', {
      detail: 'A customer’s debt is repaid from their own money.',
    });
  }
  return houseWallet(tx, ctx, { role, reference, book: 'live', asset });
}
