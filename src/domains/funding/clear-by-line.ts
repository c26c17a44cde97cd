import { and, eq, isNull } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { cancelApprovals, lockOpenApprovals } from '../../platform/approvals/open-approvals.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { creditDeposit } from './credit-deposit.ts';
import { customerNameOf } from './customer-name.ts';
import { refuseFunding } from './errors.ts';
import { bankStatementLines } from './evidence/schema.ts';
import { isSameHolder } from './holder-name.ts';
import { lockCreditPathOf } from './lock-money-path.ts';
import { closeReceipt, lockOpenReceipt } from './receipts.ts';
import { refuseOtherAccount, returnedPayout } from './returned-payout.ts';
import { depositMayBecome } from './rules.ts';
import { deposits } from './schema.ts';
import { counterpartyOf } from './statement-store.ts';
import type { Deposit } from './store.ts';
import { unallocatedReceipts } from './work/schema.ts';

/**
 * Clears a deposit on the evidence of a statement line whose money is not allocated yet. One person may
 * where the bank itself says everything but the reference: amount, currency and the customer's name.
 * Anything less is an allocation, which another person approves.
 * @effects those of `creditDeposit`, the receipt's row, the deposit's open approvals
 * @errors statement_line_unknown, statement_line_used, deposit_status_conflict, receipt_does_not_fit,
 *   statement_line_differs, the gate's
 */
export async function clearByLine(tx: Tx, ctx: Ctx, known: Deposit, statementLineId: Id): Promise<Deposit> {
  if (known.statementLineId === statementLineId) {
    return known;
  }
  const [line] = await tx.select().from(bankStatementLines).where(eq(bankStatementLines.id, statementLineId));
  if (line?.direction !== 'credit') {
    throw refuseFunding('statement_line_unknown');
  }
  const open = await lockOpenApprovals(tx, known.id);
  await lockCreditPathOf(tx, known);
  const deposit = present(await lockRow(tx, deposits, known.id), 'deposits are never deleted');
  if (!depositMayBecome(deposit.status, 'cleared')) {
    throw refuseFunding('deposit_status_conflict');
  }
  const [found] = await tx
    .select()
    .from(unallocatedReceipts)
    .where(and(eq(unallocatedReceipts.statementLineId, statementLineId), isNull(unallocatedReceipts.restOf)));
  if (found?.status !== 'open') {
    throw refuseFunding('statement_line_used');
  }
  const receipt = await lockOpenReceipt(tx, found.id);
  if (receipt.asset !== deposit.asset || receipt.amount !== deposit.amount) {
    throw refuseFunding('receipt_does_not_fit');
  }
  // Of what brings a payout back a part may be the firm's, and none of it is what was announced.
  const returned = await returnedPayout(tx, receipt);
  await refuseOtherAccount(tx, receipt, returned, { accountId: null, depositId: deposit.id });
  const payer = (await counterpartyOf(tx, ctx, statementLineId))?.name ?? '';
  if (line.reversal || !isSameHolder(payer, await customerNameOf(tx, ctx, deposit.userId))) {
    throw refuseFunding('statement_line_differs');
  }
  await cancelApprovals(tx, ctx, open);
  const credit = { from: receipt.walletId, valueDate: line.valueDate, evidence: { statementLineId } };
  const cleared = await creditDeposit(tx, ctx, deposit, credit);
  await closeReceipt(tx, ctx, receipt, { closingJournalId: cleared.journalId, depositId: deposit.id });
  return cleared;
}
