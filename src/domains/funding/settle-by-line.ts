import { and, eq, or } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { cancelApprovals, lockOpenApprovals } from '../../platform/approvals/open-approvals.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow, lockRows } from '../../platform/db/locks.ts';
import { refuseFunding } from './errors.ts';
import { bankAccounts, bankStatementLines, bankStatements } from './evidence/schema.ts';
import { isPaidToAnother } from './paid-to-another.ts';
import { bankAccountOfPayout } from './payout-accounts.ts';
import { payoutReferenceOf } from './payout-reference.ts';
import { recordDebitEnd } from './record-debit-end.ts';
import { refuseIfChanged } from './refuse-if-changed.ts';
import { refusePayer } from './refuse-payer.ts';
import { withdrawals } from './schema.ts';
import { bookPayout } from './settle-payout.ts';
import type { StatementDebit } from './statement-debits.ts';
import type { Withdrawal } from './store.ts';
import { recordStatus } from './withdrawal-status.ts';
import { statementDebits } from './work/schema.ts';

/**
 * Books a payout on the evidence of the debit the bank shows for it: its amount, its currency, the
 * reference the bank was given, and the account the money was to be paid from. One person may, since the
 * bank says it; anything less is for two, and one that the bank says went to another account than was approved for
 * compliance, who explain its debit first. The money leaves the wallet of the statement's account.
 * @effects those of `bookPayout`, the debit's row, open approvals of both; audit `statement_debit.explained`
 * @errors statement_line_unknown, withdrawal_status_conflict, payout_line_differs, payout_line_used, and
 *   those of who may pay out
 */
export async function settleByLine(
  tx: Tx,
  ctx: Ctx,
  known: Withdrawal,
  statementLineId: Id,
): Promise<Withdrawal> {
  if (known.statementLineId === statementLineId) {
    return known;
  }
  const { line, account, debitId } = await debitOf(tx, statementLineId);
  refuseOtherStatus(known);
  // Before any approval is locked: whoever explains the debit of a file holds that one, and takes those of its payments.
  if (line.endToEndId !== (known.payoutReference ?? payoutReferenceOf(known.id))) {
    throw refuseFunding('payout_line_differs');
  }
  const open = [
    ...(await lockOpenApprovals(tx, known.id)),
    ...(debitId === null ? [] : await lockOpenApprovals(tx, debitId)),
  ];
  const withdrawal = present(await lockRow(tx, withdrawals, known.id), 'withdrawals are never deleted');
  refuseOtherStatus(withdrawal);
  await refusePayer(tx, ctx, withdrawal);
  const debits = await lockDebits(tx, withdrawal.id, statementLineId);
  refuseGivenUp(debits, statementLineId);
  refuseUsedLine(debits, withdrawal.id, statementLineId);
  const paidFrom = await bankAccountOfPayout(tx, withdrawal.id);
  const fits =
    !line.reversal &&
    line.amount === withdrawal.amount &&
    account.currency === withdrawal.asset &&
    line.endToEndId === withdrawal.payoutReference &&
    (paidFrom === undefined || paidFrom.id === account.id);
  if (!fits) {
    throw refuseFunding('payout_line_differs');
  }
  const isAgreed = debits.some(
    (each) => each.statementLineId === statementLineId && each.approvalId !== null,
  );
  if (!isAgreed && (await isPaidToAnother(tx, ctx, withdrawal, statementLineId))) {
    const detail = 'The bank says that it went to another account: its debit is explained first.';
    throw refuseFunding('payout_line_differs', { detail });
  }
  await cancelApprovals(tx, ctx, open);
  for (const debit of debits.filter(({ status }) => status === 'open')) {
    await recordDebitEnd(tx, ctx, debit, {
      status: 'explained',
      explanation: 'payout',
      withdrawalId: withdrawal.id,
    });
  }
  const evidence = {
    statementLineId,
    transactionReference: line.bankReference ?? line.endToEndId,
  };
  return bookPayout(tx, ctx, withdrawal, evidence, {
    houseReference: account.houseReference,
    valueDate: line.valueDate,
  });
}

/**
 * Completes a locked withdrawal, also one that nobody had begun, on the debit of its reference that two people said it was.
 * @effects those of `bookPayout`; audit and event `withdrawal.processing` of one that was not begun
 * @errors statement_line_unknown, approved_request_changed, destination_changed
 */
export async function settleByDebit(
  tx: Tx,
  ctx: Ctx,
  withdrawal: Withdrawal,
  statementLineId: Id,
): Promise<Withdrawal> {
  const { line, account } = await debitOf(tx, statementLineId);
  await refuseIfChanged(tx, ctx, withdrawal);
  const payoutReference = payoutReferenceOf(withdrawal.id);
  const begun =
    withdrawal.status === 'approved'
      ? await recordStatus(tx, ctx, withdrawal, { status: 'processing', payoutReference })
      : withdrawal;
  const transactionReference = line.bankReference ?? payoutReference;
  return bookPayout(
    tx,
    ctx,
    begun,
    { statementLineId, transactionReference },
    { houseReference: account.houseReference, valueDate: line.valueDate },
  );
}

/** A debit of a statement that counts, with the account it left. @errors statement_line_unknown */
export async function debitOf(tx: Tx, statementLineId: Id) {
  const [debit] = await tx
    .select({ line: bankStatementLines, account: bankAccounts, debitId: statementDebits.id })
    .from(bankStatementLines)
    .innerJoin(bankStatements, eq(bankStatements.id, bankStatementLines.statementId))
    .innerJoin(bankAccounts, eq(bankAccounts.id, bankStatements.bankAccountId))
    .leftJoin(statementDebits, eq(statementDebits.statementLineId, bankStatementLines.id))
    .where(
      and(
        eq(bankStatementLines.id, statementLineId),
        eq(bankStatements.standing, 'confirmed'),
        eq(bankAccounts.houseRole, 'client_money_bank'),
      ),
    );
  if (debit?.line.direction !== 'debit') {
    throw refuseFunding('statement_line_unknown');
  }
  return debit;
}

function refuseOtherStatus({ status }: Withdrawal): void {
  if (status !== 'processing' && status !== 'unknown') {
    throw refuseFunding('withdrawal_status_conflict', { detail: `The withdrawal is ${status}.` });
  }
}

/** The statement may have been given up before its debit was locked; with it the debit is void. */
function refuseGivenUp(debits: readonly StatementDebit[], statementLineId: Id): void {
  const its = debits.find((debit) => debit.statementLineId === statementLineId);
  if (its === undefined || its.status === 'void') {
    throw refuseFunding('statement_line_unknown');
  }
}

/** A debit that was said to be something else, or a payout that another debit already was. */
function refuseUsedLine(debits: readonly StatementDebit[], withdrawalId: Id, statementLineId: Id): void {
  const [its, others] = [
    debits.find((debit) => debit.statementLineId === statementLineId),
    debits.filter((debit) => debit.statementLineId !== statementLineId),
  ];
  if (its?.status === 'explained' && its.withdrawalId !== withdrawalId) {
    throw refuseFunding('payout_line_used');
  }
  if (others.some((debit) => debit.status === 'explained')) {
    throw refuseFunding('payout_line_differs', { detail: 'Another debit is this payout.' });
  }
}

/** The work on the line, and on any other debit that was found to be this payout. */
async function lockDebits(tx: Tx, withdrawalId: Id, statementLineId: Id): Promise<readonly StatementDebit[]> {
  const found = await tx
    .select({ id: statementDebits.id })
    .from(statementDebits)
    .where(
      or(
        eq(statementDebits.statementLineId, statementLineId),
        eq(statementDebits.withdrawalId, withdrawalId),
      ),
    );
  const ids = found.map((debit) => debit.id);
  return lockRows(tx, statementDebits, ids);
}
