/**
 * A payout of which the bank paid another amount than the withdrawal is of. What was approved is booked as it was approved,
 * and corrected to what the bank really paid in the same transaction: what it paid less is the customer's again, what it
 * paid more somebody owes, whom two people name. No wallet of a customer pays for it by itself (I1). What it paid by several
 * debits is their sum, each of them booked by itself.
 */
import { and, eq, inArray, ne, notInArray } from 'drizzle-orm';
import { type Amount, amountOf, formatAmount, sumAmounts, ZERO } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockGateExclusively } from '../../identity/index.ts';
import { findEntry, houseWallet, lockWallets, postJournals } from '../../ledger/index.ts';
import { debtWallet, FIRM_AS_DEBTOR } from '../debts.ts';
import { refuseFunding } from '../errors.ts';
import { firmsLines } from '../paid-by-firm.ts';
import { recordDebitEnd } from '../record-debit-end.ts';
import { withdrawals } from '../schema.ts';
import { debitOf, settleByDebit } from '../settle-by-line.ts';
import { houseWallets } from '../settle-payout.ts';
import { isNamedByWaiting, type StatementDebit } from '../statement-debits.ts';
import type { Withdrawal } from '../store.ts';
import { statementDebits } from '../work/schema.ts';
import { PAYOUT_FILE_EVENTS } from './audit.ts';

/** Who owes what a bank paid too much. */
export type ExcessBearer = 'customer' | 'firm';

/**
 * What the bank paid otherwise is their money or their debt: whoever closes the relationship or lets money leave under the
 * gate has to see it. Of the same amount nobody is locked. Before the withdrawal is locked.
 */
export async function lockWhoseDiffers(
  tx: Tx,
  debitId: Id,
  { withdrawalId, parts = [] }: { readonly withdrawalId: Id; readonly parts?: readonly Id[] },
): Promise<void> {
  const differs = parts.length > 0 ? undefined : ne(statementDebits.amount, withdrawals.amount);
  const [row] = await tx
    .select({ userId: withdrawals.userId })
    .from(withdrawals)
    .innerJoin(statementDebits, eq(statementDebits.id, debitId))
    .where(and(eq(withdrawals.id, withdrawalId), differs));
  if (row !== undefined) {
    await lockGateExclusively(tx, row.userId);
  }
}

/** A payout of which the bank paid another amount, or that it made by several debits. */
export type PaidOtherwise = {
  /** What the bank was to pay. */
  readonly asked: Amount;
  readonly paid: Amount;
  /** The further debits that it was paid by. */
  readonly parts: readonly StatementDebit[];
};

type Said = {
  readonly excess?: ExcessBearer;
  /** Further debits that bear the reference, by which the bank paid the rest. */
  readonly parts?: readonly Id[];
};

/**
 * Keeps debits of another amount from being a payout whose reference they do not bear, or that was booked out of another
 * account, or while yet another says that more of it was paid; and asks who owes what was paid too much, and of nothing
 * else. Undefined where a debit is the payout as it was asked for.
 * @errors debit_not_explained
 */
export async function paidOtherwise(
  tx: Tx,
  debit: StatementDebit,
  payout: Withdrawal,
  { excess, parts: ids = [] }: Said,
): Promise<PaidOtherwise | undefined> {
  const { amount } = payout;
  const parts = await partsOf(tx, debit, payout, ids);
  const paid = sumAmounts([debit, ...parts].map((each) => each.amount));
  const isOtherwise = parts.length > 0 || debit.amount !== amount;
  if (isOtherwise && (debit.namedWithdrawalId !== payout.id || debit.reason === 'reversal')) {
    throw refuseFunding('debit_not_explained', {
      detail: `It is not of ${formatAmount(amount)}, and does not bear the reference of that payout.`,
    });
  }
  if (paid > amount !== (excess !== undefined)) {
    const detail =
      excess === undefined
        ? `The bank paid more than ${formatAmount(amount)}: say in excess who owes the rest, customer or firm.`
        : 'The bank paid no more than was asked: nobody owes anything.';
    throw refuseFunding('debit_not_explained', { detail });
  }
  if (!isOtherwise) {
    return undefined;
  }
  if (payout.journalId !== null) {
    const { journalId } = payout;
    if ((await findEntry(tx, { journalId, walletId: debit.walletId, amount })) === undefined) {
      const detail = 'The payout was booked out of another account than the debit left.';
      throw refuseFunding('debit_not_explained', { detail });
    }
  }
  await refuseWhileMoreIsShown(tx, payout, [debit.id, ...ids]);
  return { asked: amount, paid, parts };
}

/** @errors debit_not_explained */
async function partsOf(
  tx: Tx,
  debit: StatementDebit,
  payout: Withdrawal,
  ids: readonly Id[],
): Promise<readonly StatementDebit[]> {
  if (ids.length === 0) {
    return [];
  }
  const { id, status, reason, namedWithdrawalId, walletId } = statementDebits;
  const rows = await tx
    .select()
    .from(statementDebits)
    .where(
      and(
        inArray(id, [...ids]),
        ne(id, debit.id),
        eq(status, 'open'),
        ne(reason, 'reversal'),
        eq(namedWithdrawalId, payout.id),
        eq(walletId, debit.walletId),
      ),
    )
    .orderBy(id);
  if (rows.length !== ids.length) {
    const detail = 'Parts are other open debits of the same account that bear the reference of that payout.';
    throw refuseFunding('debit_not_explained', { detail });
  }
  return rows;
}

/** What a bank paid by several debits is not less than was asked because only one of them was looked at. */
async function refuseWhileMoreIsShown(tx: Tx, payout: Withdrawal, looked: readonly Id[]): Promise<void> {
  const { id, status, namedWithdrawalId } = statementDebits;
  const [other] = await tx
    .select({ id })
    .from(statementDebits)
    .where(and(eq(namedWithdrawalId, payout.id), eq(status, 'open'), notInArray(id, [...looked])))
    .orderBy(id)
    .limit(1);
  if (other !== undefined) {
    const detail = `Debit ${other.id} bears its reference too: name it in parts, or say first what else it was.`;
    throw refuseFunding('debit_not_explained', { detail });
  }
  const [firms] = await firmsLines(tx, payout);
  if (firms !== undefined) {
    const detail =
      `Line ${firms.statementLineId} of the firm's own account bears its reference too, and what that paid is not the ` +
      'customer’s again: have the payout completed whole by two people, and this debit explained by a journal by hand.';
    throw refuseFunding('debit_not_explained', { detail });
  }
  if (await isNamedByWaiting(tx, payout)) {
    const detail = 'Another line bears its reference, on a statement that nobody confirmed yet.';
    throw refuseFunding('debit_not_explained', { detail });
  }
}

/**
 * Books a locked withdrawal as the bank paid it. The debit says that it was, and is explained as it; so do its parts,
 * which are locked too.
 * @effects those of `bookPayout` where it was not booked; journals `adjustment` of what each debit differs by, the parts'
 *   rows, the withdrawal's paid amount; audit `statement_debit.explained`, `withdrawal.paid_otherwise`
 * @errors statement_line_unknown, approved_request_changed, destination_changed
 */
export async function bookPaidAmount(
  tx: Tx,
  ctx: Ctx,
  withdrawal: Withdrawal,
  debit: StatementDebit,
  by: Omit<PaidOtherwise, 'asked'> & {
    readonly excess: ExcessBearer | undefined;
    readonly approvalId: Id;
  },
): Promise<void> {
  const { account } = await debitOf(tx, debit.statementLineId);
  const { fees } = await houseWallets(tx, ctx, debit.asset, account.houseReference);
  const owing = await owingWallet(tx, ctx, withdrawal, by.excess);
  const { walletId } = withdrawal;
  // All of them at once and in order: one after the other they would be taken as the journals have them.
  await lockWallets(tx, [walletId, debit.walletId, fees.id, ...(owing === undefined ? [] : [owing])]);
  const booked =
    withdrawal.status === 'completed'
      ? withdrawal
      : await settleByDebit(tx, ctx, withdrawal, debit.statementLineId);
  await postCorrections(tx, ctx, withdrawal, debit, { ...by, owing });
  if (by.paid !== withdrawal.amount) {
    await keepPaidAmount(tx, ctx, booked, by.paid);
  }
}

/**
 * The withdrawal was booked whole, as the one debit: the customer has again what others were paid by and what was not paid
 * at all, and each other debit takes its own of that. What is beyond all of it somebody owes, by a journal of its own: none
 * settles what the firm owes and is a customer's at once.
 */
async function postCorrections(
  tx: Tx,
  ctx: Ctx,
  { id: withdrawalId, amount, walletId }: Withdrawal,
  debit: StatementDebit,
  by: Omit<PaidOtherwise, 'asked'> & { readonly owing: Id | undefined; readonly approvalId: Id },
): Promise<void> {
  const post = async (each: StatementDebit, againstId: Id, leaves: Amount): Promise<Id> => {
    const { line } = await debitOf(tx, each.statementLineId);
    const [journalId] = await postJournals(tx, ctx, [
      {
        book: 'live',
        kind: 'adjustment',
        referenceType: 'statement_debit',
        referenceId: each.id,
        // The day the bank took it, as the payout: else that day's books would show another sum than the bank.
        valueDate: line.valueDate,
        description: `The bank paid ${formatAmount(each.amount)} of a withdrawal of ${formatAmount(amount)}`,
        metadata: { withdrawalId, approvalId: by.approvalId },
        entries: [
          { walletId: each.walletId, amount: leaves },
          { walletId: againstId, amount: amountOf(-leaves) },
        ],
      },
    ]);
    return present(journalId, 'one journal was posted');
  };
  const unpaid = by.paid < amount ? amountOf(amount - by.paid) : ZERO;
  const back = sumAmounts([unpaid, ...by.parts.map((part) => part.amount)]);
  if (back > 0n) {
    await post(debit, walletId, amountOf(-back));
  }
  if (by.owing !== undefined) {
    await post(debit, by.owing, amountOf(by.paid - amount));
  }
  for (const part of by.parts) {
    const journalId = await post(part, walletId, part.amount);
    const { approvalId } = by;
    await recordDebitEnd(tx, ctx, part, {
      status: 'explained',
      explanation: 'booked',
      journalId,
      approvalId,
    });
  }
}

/** Who owes what the bank paid too much. */
async function owingWallet(
  tx: Tx,
  ctx: Ctx,
  { userId, asset }: Withdrawal,
  excess: ExcessBearer | undefined,
): Promise<Id | undefined> {
  switch (excess) {
    case undefined:
      return undefined;
    case 'customer':
      return debtWallet(tx, ctx, userId, asset);
    case 'firm': {
      const firm = { role: 'receivable', reference: FIRM_AS_DEBTOR, book: 'live', asset } as const;
      return (await houseWallet(tx, ctx, firm)).id;
    }
  }
}

async function keepPaidAmount(tx: Tx, ctx: Ctx, before: Withdrawal, paid: Amount): Promise<void> {
  const [row] = await tx
    .update(withdrawals)
    .set({ paidAmount: paid, version: before.version + 1 })
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
