import { eq } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { FUNDING_EVENTS } from './audit.ts';
import type { StatementDebit } from './statement-debits.ts';
import { statementDebits } from './work/schema.ts';

type Ending = Pick<StatementDebit, 'explanation'> &
  Partial<
    Pick<StatementDebit, 'withdrawalId' | 'repaymentId' | 'payoutFileId' | 'journalId' | 'approvalId'>
  > & {
    readonly status: 'explained' | 'void';
  };

/**
 * Ends the work on a locked debit: it is explained, or given up with its statement.
 * @effects the debit's row; audit `statement_debit.explained` or `statement_debit.voided`
 */
export async function recordDebitEnd(
  tx: Tx,
  ctx: Ctx,
  before: StatementDebit,
  ending: Ending,
): Promise<void> {
  const [row] = await tx
    .update(statementDebits)
    .set({ ...ending, closedAt: ctx.deps.clock.now(), version: before.version + 1 })
    .where(eq(statementDebits.id, before.id))
    .returning();
  await record(tx, ctx, {
    event: FUNDING_EVENTS[ending.status === 'void' ? 'statement_debit.voided' : 'statement_debit.explained'],
    resource: { type: 'statement_debit', id: before.id },
    subjectUserId: null,
    before,
    after: present(row, 'the debit was locked'),
  });
}
