/**
 * A payout of which the bank paid another amount than the withdrawal is of. What was approved is booked as it was approved,
 * and corrected to what the bank really paid in the same transaction: what it paid less is the customer's again, what it
 * paid more somebody owes, whom two people name. No wallet of a customer pays for it by itself (I1).
 */
import { eq } from 'drizzle-orm';
import { amountOf, formatAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockGateExclusively } from '../../identity/index.ts';
import { findEntry, houseWallet, lockWallets, postJournals } from '../../ledger/index.ts';
import { debtWallet, FIRM_AS_DEBTOR } from '../debts.ts';
import { refuseFunding } from '../errors.ts';
import { withdrawals } from '../schema.ts';
import { debitOf, settleByDebit } from '../settle-by-line.ts';
import { houseWallets } from '../settle-payout.ts';
import type { StatementDebit } from '../statement-debits.ts';
import type { Withdrawal } from '../store.ts';
import { PAYOUT_FILE_EVENTS } from './audit.ts';

/** Who owes what a bank paid too much. */
export type ExcessBearer = 'customer' | 'firm';

/** A debt shuts the way out, as whoever looked under the gate has to see. Before the withdrawal is locked. */
export async function lockDebtor(tx: Tx, withdrawalId: Id): Promise<void> {
  const [row] = await tx
    .select({ userId: withdrawals.userId })
    .from(withdrawals)
    .where(eq(withdrawals.id, withdrawalId));
  await lockGateExclusively(tx, present(row, 'withdrawals are never deleted').userId);
}

/**
 * Keeps a debit of another amount from being a payout whose reference it does not bear, or that was booked out of another
 * account; and asks who owes what was paid too much, and of nothing else.
 * @errors debit_not_explained
 */
export async function refuseOtherAmount(
  tx: Tx,
  debit: StatementDebit,
  payout: Withdrawal,
  excess: ExcessBearer | undefined,
): Promise<void> {
  const { amount } = payout;
  if (amount !== debit.amount && (debit.namedWithdrawalId !== payout.id || debit.reason === 'reversal')) {
    throw refuseFunding('debit_not_explained', {
      detail: `It is not of ${formatAmount(amount)}, and does not bear the reference of that payout.`,
    });
  }
  if (debit.amount > amount !== (excess !== undefined)) {
    const detail =
      excess === undefined
        ? `The bank paid more than ${formatAmount(amount)}: say in excess who owes the rest, customer or firm.`
        : 'The bank paid no more than was asked: nobody owes anything.';
    throw refuseFunding('debit_not_explained', { detail });
  }
  if (amount !== debit.amount && payout.journalId !== null) {
    const { journalId } = payout;
    if ((await findEntry(tx, { journalId, walletId: debit.walletId, amount })) === undefined) {
      const detail = 'The payout was booked out of another account than the debit left.';
      throw refuseFunding('debit_not_explained', { detail });
    }
  }
}

/**
 * Books a locked withdrawal as the bank paid it. The debit says how much that was, and is explained as it.
 * @effects those of `bookPayout` where it was not booked; journal `adjustment` of the difference, the withdrawal's paid
 *   amount; audit `withdrawal.paid_otherwise`
 * @errors statement_line_unknown, approved_request_changed, destination_changed
 */
export async function bookPaidAmount(
  tx: Tx,
  ctx: Ctx,
  withdrawal: Withdrawal,
  debit: StatementDebit,
  by: { readonly excess: ExcessBearer | undefined; readonly approvalId: Id },
): Promise<void> {
  const { line, account } = await debitOf(tx, debit.statementLineId);
  const { fees } = await houseWallets(tx, ctx, debit.asset, account.houseReference);
  const other = await otherSide(tx, ctx, withdrawal, by.excess);
  // All of them at once and in order: one after the other they would be taken as the two journals have them.
  await lockWallets(tx, [withdrawal.walletId, debit.walletId, fees.id, other]);
  const paid =
    withdrawal.status === 'completed'
      ? withdrawal
      : await settleByDebit(tx, ctx, withdrawal, debit.statementLineId);
  const less = amountOf(withdrawal.amount - debit.amount);
  await postJournals(tx, ctx, [
    {
      book: 'live',
      kind: 'adjustment',
      referenceType: 'statement_debit',
      referenceId: debit.id,
      // The day the bank took it, as the payout: else that day's books would show another sum than the bank.
      valueDate: line.valueDate,
      description: `The bank paid ${formatAmount(debit.amount)} of a withdrawal of ${formatAmount(withdrawal.amount)}`,
      metadata: { withdrawalId: withdrawal.id, approvalId: by.approvalId },
      entries: [
        { walletId: debit.walletId, amount: amountOf(-less) },
        { walletId: other, amount: less },
      ],
    },
  ]);
  await keepPaidAmount(tx, ctx, paid, debit);
}

/** Whose the difference is: the customer's own wallet, or that of whoever owes it. */
async function otherSide(
  tx: Tx,
  ctx: Ctx,
  { walletId, userId, asset }: Withdrawal,
  excess: ExcessBearer | undefined,
): Promise<Id> {
  switch (excess) {
    case undefined:
      return walletId;
    case 'customer':
      return debtWallet(tx, ctx, userId, asset);
    case 'firm': {
      const firm = { role: 'receivable', reference: FIRM_AS_DEBTOR, book: 'live', asset } as const;
      return (await houseWallet(tx, ctx, firm)).id;
    }
  }
}

async function keepPaidAmount(
  tx: Tx,
  ctx: Ctx,
  before: Withdrawal,
  { amount }: StatementDebit,
): Promise<void> {
  const [row] = await tx
    .update(withdrawals)
    .set({ paidAmount: amount, version: before.version + 1 })
    .where(eq(withdrawals.id, before.id))
    .returning();
  const after = present(row, 'the withdrawal was locked');
  await record(tx, ctx, {
    event: PAYOUT_FILE_EVENTS['withdrawal.paid_otherwise'],
    resource: { type: 'withdrawal', id: after.id },
    subjectUserId: after.userId,
    before,
    after,
  });
}
