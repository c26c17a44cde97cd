/** What a provider pays for with one line: deposits it cleared, less what it took back, less its fee. */
import { inArray } from 'drizzle-orm';
import { type Amount, amountOf, sumAmounts } from '../../kernel/amount.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { findClearingWallet, houseWallet, lockWallets } from '../ledger/index.ts';
import { providerReference } from './credit-deposit.ts';
import { FIRM_AS_DEBTOR } from './debts.ts';
import { refuseFunding } from './errors.ts';
import { openClaims } from './provider-claims.ts';
import type { Receipt } from './receipts.ts';
import { deposits } from './schema.ts';

export type Settlement = {
  readonly provider: string;
  /** All of what is open of each: what it cleared and has not paid over, or took back after it had. */
  readonly depositIds: readonly Id[];
  /** What it kept for itself. */
  readonly fee: Amount;
  /** What it paid for none of them: nobody knows yet for whom, and it stays open. */
  readonly rest: Amount;
};

type SettledPart = { readonly depositId: Id; readonly amount: Amount };

/**
 * What of each deposit a receipt pays for.
 * @errors receipt_not_explained unless what is open of them, less the fee, with the rest is the receipt
 */
export async function readSettlement(
  tx: Tx,
  receipt: Receipt,
  { provider, depositIds, fee, rest }: Settlement,
): Promise<{ readonly clearing: Id; readonly parts: readonly SettledPart[] }> {
  const { asset } = receipt;
  const clearing = await findClearingWallet(tx, { reference: providerReference(provider), asset });
  if (clearing === undefined) {
    throw refuseFunding('receipt_not_explained', {
      detail: 'The provider has cleared nothing of this currency.',
    });
  }
  const open = await openClaims(tx, clearing.id, depositIds);
  const theirs = await tx
    .select({ id: deposits.id, provider: deposits.provider })
    .from(deposits)
    .where(inArray(deposits.id, [...depositIds]));
  const parts = depositIds.toSorted().flatMap((depositId) => {
    const amount = open.get(depositId);
    return amount === undefined ? [] : [{ depositId, amount }];
  });
  const isTheirs = theirs.every((deposit) => deposit.provider === provider);
  const sum = sumAmounts(parts.map(({ amount }) => amount));
  const isAll = sum - fee + rest === receipt.amount && rest < receipt.amount;
  if (!isTheirs || parts.length !== depositIds.length || !isAll) {
    const detail = 'What is open of these deposits, less the fee, with the rest is not what was received.';
    throw refuseFunding('receipt_not_explained', { detail });
  }
  return { clearing: clearing.id, parts };
}

/** Where the money of a receipt goes: what the provider kept is the firm's debt to its clients' money. */
export async function settlementLegs(tx: Tx, ctx: Ctx, receipt: Receipt, settlement: Settlement) {
  const { asset, walletId } = receipt;
  const { clearing, parts } = await readSettlement(tx, receipt, settlement);
  const firm = { role: 'receivable', reference: FIRM_AS_DEBTOR, book: 'live', asset } as const;
  const owed = await houseWallet(tx, ctx, firm);
  await lockWallets(tx, [walletId, clearing, owed.id]);
  const legs = [
    { walletId: clearing, amount: amountOf(receipt.amount - settlement.rest + settlement.fee) },
    { walletId, amount: settlement.rest },
    { walletId: owed.id, amount: amountOf(-settlement.fee) },
  ].filter(({ amount }) => amount !== 0n);
  return { parts, legs };
}
