/** Received money that is the house's: where in the books it goes. */
import { type Amount, ZERO } from '../../kernel/amount.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { findClearingWallet, findHouseWallet, houseWallet, lockWallets } from '../ledger/index.ts';
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
 * Asks whether a receipt may go to a wallet of the house, before anybody agreed: where there is none yet, none is opened.
 * @errors receipt_not_explained where a customer's deposit is named, or less is owed than was received
 */
export async function refuseHouseMoney(tx: Tx, receipt: Receipt, house: HouseMoney): Promise<void> {
  await refuseMisnamed(tx, receipt, house);
  const known = await findHouseWallet(tx, nameOf(receipt, house));
  refuseBeyondOwed(receipt, house, known?.total ?? ZERO);
}

/**
 * The wallet that takes a receipt, locked with the receipt's own.
 * @effects perhaps a row of `wallets`
 * @errors as `refuseHouseMoney`
 */
export async function houseMoneyWallet(tx: Tx, ctx: Ctx, receipt: Receipt, house: HouseMoney): Promise<Id> {
  await refuseMisnamed(tx, receipt, house);
  const { id } = await houseWallet(tx, ctx, nameOf(receipt, house));
  const locked = await lockWallets(tx, [id, receipt.walletId]);
  refuseBeyondOwed(receipt, house, locked.get(id)?.total ?? ZERO);
  return id;
}

function nameOf({ asset }: Receipt, { role, reference }: HouseMoney) {
  return { role, reference, book: 'live', asset } as const;
}

function refuseBeyondOwed({ amount }: Receipt, { role }: HouseMoney, total: Amount): void {
  const isOwed = role === 'receivable' || role === 'clearing';
  if (isOwed && total + amount > 0n) {
    throw refuseFunding('receipt_not_explained', { detail: 'Less is owed there than was received.' });
  }
}

async function refuseMisnamed(
  tx: Tx,
  { asset, depositId }: Receipt,
  { role, reference }: HouseMoney,
): Promise<void> {
  if (depositId !== null) {
    throw refuseFunding('receipt_not_explained', { detail: 'The money names a customer’s deposit.' });
  }
  if (role === 'clearing') {
    const known = await findClearingWallet(tx, { reference, asset });
    // What a provider pays over, it pays for deposits.
    if (known === undefined || reference.startsWith(providerReference(''))) {
      throw refuseFunding('receipt_not_explained');
    }
  }
  if (role === 'receivable' && reference !== FIRM_AS_DEBTOR) {
    throw refuseFunding('receipt_not_explained', {
      detail: 'A customer’s debt is repaid from their own money.',
    });
  }
}
