/**
 * A payout file as the bank gets it. Its payees stay where they are sealed: the bytes are made from the
 * rows each time, and the hash that was kept says whether they are still what was made first.
 */
import { eq } from 'drizzle-orm';
import { sumAmounts } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { refuseFunding } from './errors.ts';
import { manualPayouts } from './providers/manual-payouts.ts';
import type { PaymentInstruction, PayoutProvider } from './providers/payout-provider.ts';
import { payoutAccounts, payoutFileItems, type payoutFiles, withdrawals } from './schema.ts';
import { destinationOfWithdrawal, type Withdrawal } from './store.ts';

export type PayoutFile = typeof payoutFiles.$inferSelect;
export type PayoutAccountRow = typeof payoutAccounts.$inferSelect;

type Head = Pick<PayoutFile, 'messageId' | 'createdAt' | 'executionDate' | 'asset'>;

/** Who carries payouts to the bank: people. */
export const payoutProvider: PayoutProvider = manualPayouts;

/** The bytes of a file with these withdrawals, in this order. @errors payout_not_bank */
export async function payoutBytes(
  tx: Tx,
  ctx: Ctx,
  head: Head,
  account: PayoutAccountRow,
  paid: readonly Withdrawal[],
): Promise<Uint8Array> {
  const payments: PaymentInstruction['payments'][number][] = [];
  for (const withdrawal of paid) {
    const destination = await destinationOfWithdrawal(tx, ctx, withdrawal);
    if (destination.kind !== 'bank') {
      throw refuseFunding('payout_not_bank');
    }
    payments.push({
      endToEndId: present(withdrawal.payoutReference, 'a payout that began has its reference'),
      amount: withdrawal.amount,
      creditor: { name: destination.holderName, iban: destination.iban, bic: destination.bic },
    });
  }
  return payoutProvider.fileOf({
    messageId: head.messageId,
    createdAt: head.createdAt,
    firmName: ctx.deps.firmName,
    executionDate: head.executionDate,
    currency: head.asset,
    controlSum: sumAmounts(payments.map((payment) => payment.amount)),
    debtor: { name: account.holderName, iban: account.iban, bic: account.bic },
    payments,
  });
}

/** The withdrawals a file pays, in its order. */
export async function paidBy(tx: Tx, file: PayoutFile): Promise<readonly Withdrawal[]> {
  const rows = await tx
    .select({ withdrawal: withdrawals })
    .from(payoutFileItems)
    .innerJoin(withdrawals, eq(withdrawals.id, payoutFileItems.withdrawalId))
    .where(eq(payoutFileItems.fileId, file.id))
    .orderBy(payoutFileItems.position);
  return rows.map((row) => row.withdrawal);
}

/** The account a file is paid from. */
export async function accountOfFile(tx: Tx, file: PayoutFile): Promise<PayoutAccountRow> {
  const [account] = await tx.select().from(payoutAccounts).where(eq(payoutAccounts.id, file.payoutAccountId));
  return present(account, 'a file names its account');
}
