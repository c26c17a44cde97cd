import { eq } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { recordReads } from '../identity/index.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { bankStatementLines } from './evidence/schema.ts';
import { refuseOwnPayout, refuseOwnRepayment } from './refuse-own-evidence.ts';
import { counterpartyOf } from './statement-store.ts';
import { statementDebits } from './work/schema.ts';

/**
 * One debit with its line and what the bank told of whom the money went to: what those who explain it, and those who
 * agree, decide by.
 * @effects audit `statement_debit.read`
 * @errors not_found, self_action
 */
export async function getDebit(ctx: Ctx, debitId: Id) {
  return transact(ctx, 'staff', async (tx) => {
    const [debit] = await tx.select().from(statementDebits).where(eq(statementDebits.id, debitId));
    if (debit === undefined) {
      throw refuse('not_found');
    }
    await refuseOwnPayout(tx, ctx, debit.withdrawalId);
    await refuseOwnPayout(tx, ctx, debit.namedWithdrawalId);
    await refuseOwnRepayment(tx, ctx, debit.repaymentId ?? debit.namedRepaymentId);
    const [line] = await tx
      .select()
      .from(bankStatementLines)
      .where(eq(bankStatementLines.id, debit.statementLineId));
    const { statementId, bookingDate, valueDate, bankReference, endToEndId } = present(
      line,
      'a debit is a line',
    );
    const payee = await counterpartyOf(tx, ctx, debit.statementLineId);
    await recordReads(tx, ctx, [
      {
        event: FUNDING_EVENTS['statement_debit.read'],
        resource: { type: 'statement_debit', id: debit.id },
        subjectUserId: null,
        after: debit,
      },
    ]);
    return { ...debit, statementId, bookingDate, valueDate, bankReference, endToEndId, payee };
  });
}
