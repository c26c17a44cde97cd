/**
 * A payout file as the bank gets it. Its payees stay where they are sealed: the bytes are made from the
 * rows each time, and the hash that was kept says whether they are still what was made first.
 */
import { eq } from 'drizzle-orm';
import { sumAmounts } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { refuseFunding } from './errors.ts';
import { peopleOfRepayments } from './payout-people.ts';
import { payoutFileRepayments } from './payouts/schema.ts';
import { manualPayouts } from './providers/manual-payouts.ts';
import type { PaymentInstruction, PaymentParty, PayoutProvider } from './providers/payout-provider.ts';
import { payeeOf } from './repayments/payee-of.ts';
import type { Repayment } from './repayments/repayment-status.ts';
import { payoutAccounts, payoutFileItems, type payoutFiles, withdrawals } from './schema.ts';
import { destinationOfWithdrawal, type Withdrawal } from './store.ts';
import { repayments } from './work/schema.ts';

export type PayoutFile = typeof payoutFiles.$inferSelect;
export type PayoutAccountRow = typeof payoutAccounts.$inferSelect;

/** What a file can hold: money a customer takes out, or money that goes back to whoever had paid it. */
export type Payment = Withdrawal | Repayment;

type Head = Pick<PayoutFile, 'messageId' | 'createdAt' | 'executionDate' | 'asset' | 'format'>;

/** How new files are written: the second form asks the bank to book each payment by itself. */
export const FILE_FORMAT = 2;

/** Who carries payouts to the bank: people. */
export const payoutProvider: PayoutProvider = manualPayouts;

/** Which of the two a payment is. */
export function isRepayment(payment: Payment): payment is Repayment {
  return 'payerHash' in payment;
}

/** Which of the two a payment is. */
export function isWithdrawal(payment: Payment): payment is Withdrawal {
  return !isRepayment(payment);
}

/** The bytes of a file with these payments, in this order. @errors payout_not_bank, destination_changed */
export async function payoutBytes(
  tx: Tx,
  ctx: Ctx,
  head: Head,
  account: PayoutAccountRow,
  paid: readonly Payment[],
): Promise<Uint8Array> {
  const payments: PaymentInstruction['payments'][number][] = [];
  for (const payment of paid) {
    payments.push({
      endToEndId: present(payment.payoutReference, 'a payout that began has its reference'),
      amount: payment.amount,
      creditor: await creditorOf(tx, ctx, payment),
    });
  }
  return payoutProvider.fileOf({
    messageId: head.messageId,
    createdAt: head.createdAt,
    firmName: ctx.deps.firmName,
    executionDate: head.executionDate,
    currency: head.asset,
    controlSum: sumAmounts(payments.map((payment) => payment.amount)),
    ...(head.format < 2 ? {} : { batchBooking: false }),
    debtor: { name: account.holderName, iban: account.iban, bic: account.bic },
    payments,
  });
}

async function creditorOf(tx: Tx, ctx: Ctx, payment: Payment): Promise<PaymentParty> {
  if (isRepayment(payment)) {
    return payeeOf(tx, ctx, payment);
  }
  const destination = await destinationOfWithdrawal(tx, ctx, payment);
  if (destination.kind !== 'bank') {
    throw refuseFunding('payout_not_bank');
  }
  return { name: destination.holderName, iban: destination.iban, bic: destination.bic };
}

/** What a file pays, in its order. */
export async function paidBy(tx: Tx, file: Pick<PayoutFile, 'id'>): Promise<readonly Payment[]> {
  const taken = await tx
    .select({ withdrawal: withdrawals })
    .from(payoutFileItems)
    .innerJoin(withdrawals, eq(withdrawals.id, payoutFileItems.withdrawalId))
    .where(eq(payoutFileItems.fileId, file.id))
    .orderBy(payoutFileItems.position);
  const back = await tx
    .select({ repayment: repayments })
    .from(payoutFileRepayments)
    .innerJoin(repayments, eq(repayments.id, payoutFileRepayments.repaymentId))
    .where(eq(payoutFileRepayments.fileId, file.id))
    .orderBy(payoutFileRepayments.position);
  return [...taken.map(({ withdrawal }) => withdrawal), ...back.map(({ repayment }) => repayment)];
}

/** The customers whose payments these are; money that was nobody's is left out. */
export async function ownersOf(tx: Tx, paid: readonly Payment[]): Promise<readonly Id[]> {
  const customers = paid.filter(isWithdrawal).map(({ userId }) => userId);
  const repaid = paid.filter(isRepayment).map(({ id }) => id);
  return [...new Set([...customers, ...(await peopleOfRepayments(tx, repaid))])];
}

/** The account a file is paid from. */
export async function accountOfFile(tx: Tx, file: PayoutFile): Promise<PayoutAccountRow> {
  const [account] = await tx.select().from(payoutAccounts).where(eq(payoutAccounts.id, file.payoutAccountId));
  return present(account, 'a file names its account');
}
