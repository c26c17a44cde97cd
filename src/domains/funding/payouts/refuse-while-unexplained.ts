import { and, eq, inArray } from 'drizzle-orm';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { refuseFunding } from '../errors.ts';
import { isPaidToOne, paidElsewhere } from '../paid-to-another.ts';
import type { Withdrawal } from '../store.ts';
import { statementDebits } from '../work/schema.ts';
import { filesWith, isOfFiles } from './files-on-statement.ts';

/** What a bank may show otherwise than the books are told: to whom it paid, or how much. */
export const DIFFERING = ['account_differs', 'amount_differs'] as const;

/**
 * Keeps one person's word from booking a payout as it was asked for while the bank shows it otherwise: it went to another
 * account, or is of another amount, or its whole file went to the account of one, and nobody entitled to has said what
 * that was; or what went to another account was said to be something else, so that nothing shows the payout itself.
 * @errors payout_debit_open
 */
export async function refuseWhileUnexplained(tx: Tx, ctx: Ctx, withdrawal: Withdrawal): Promise<void> {
  const { id: withdrawalId } = withdrawal;
  const [open] = await tx
    .select({ id: statementDebits.id, reason: statementDebits.reason })
    .from(statementDebits)
    .where(
      and(
        eq(statementDebits.namedWithdrawalId, withdrawalId),
        eq(statementDebits.status, 'open'),
        inArray(statementDebits.reason, [...DIFFERING]),
      ),
    )
    .orderBy(statementDebits.id)
    .limit(1);
  if (open !== undefined) {
    const detail = `Debit ${open.id} says ${open.reason}: explain it as this payout, or as what it was, first.`;
    throw refuseFunding('payout_debit_open', { detail });
  }
  if ((await paidElsewhere(tx, ctx, withdrawal)) === 'explained') {
    const detail =
      'A debit of its reference went to another account and was said to be something else: say that the outcome is not ' +
      'known, and resolve it with compliance.';
    throw refuseFunding('payout_debit_open', { detail });
  }
  const ofFile = isOfFiles(await filesWith(tx, withdrawalId));
  if (ofFile === undefined) {
    return;
  }
  const whole = await tx
    .select({ id: statementDebits.id, lineId: statementDebits.statementLineId })
    .from(statementDebits)
    .where(and(ofFile, eq(statementDebits.status, 'open'), eq(statementDebits.reason, 'payout_file')))
    .orderBy(statementDebits.id);
  for (const { id, lineId } of whole) {
    if (await isPaidToOne(tx, ctx, lineId)) {
      const detail = `Debit ${id} bears the name of its file and went to one account: explain it first.`;
      throw refuseFunding('payout_debit_open', { detail });
    }
  }
}
