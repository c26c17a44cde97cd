import { eq } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { rolesOf } from '../identity/index.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { refuseFunding } from './errors.ts';
import type { Receipt } from './receipts.ts';
import type { StatementDebit } from './statement-debits.ts';
import { statementDebits, unallocatedReceipts } from './work/schema.ts';

/**
 * Gives the work on a receipt to somebody of operations. Nothing moves by it.
 * @effects the receipt's row; audit `unallocated_receipt.assigned`
 * @errors not_found, receipt_closed, assignee_unsuitable
 */
export async function assignReceipt(ctx: Ctx, receiptId: Id, assigneeId: Id): Promise<Receipt> {
  return transact(ctx, 'engine', async (tx) => {
    const before = await lockRow(tx, unallocatedReceipts, receiptId);
    if (before === undefined) {
      throw refuse('not_found');
    }
    if (before.status !== 'open') {
      throw refuseFunding('receipt_closed');
    }
    await refuseUnlessOperations(tx, assigneeId);
    const [row] = await tx
      .update(unallocatedReceipts)
      .set({ assigneeId, version: before.version + 1 })
      .where(eq(unallocatedReceipts.id, receiptId))
      .returning();
    const after = present(row, 'the receipt was locked');
    await record(tx, ctx, {
      event: FUNDING_EVENTS['unallocated_receipt.assigned'],
      resource: { type: 'unallocated_receipt', id: receiptId },
      subjectUserId: null,
      before,
      after,
    });
    return after;
  });
}

/**
 * Gives the work on a debit to somebody of operations. Nothing moves by it.
 * @effects the debit's row; audit `statement_debit.assigned`
 * @errors not_found, debit_closed, assignee_unsuitable
 */
export async function assignDebit(ctx: Ctx, debitId: Id, assigneeId: Id): Promise<StatementDebit> {
  return transact(ctx, 'engine', async (tx) => {
    const before = await lockRow(tx, statementDebits, debitId);
    if (before === undefined) {
      throw refuse('not_found');
    }
    if (before.status !== 'open') {
      throw refuseFunding('debit_closed');
    }
    await refuseUnlessOperations(tx, assigneeId);
    const [row] = await tx
      .update(statementDebits)
      .set({ assigneeId, version: before.version + 1 })
      .where(eq(statementDebits.id, debitId))
      .returning();
    const after = present(row, 'the debit was locked');
    await record(tx, ctx, {
      event: FUNDING_EVENTS['statement_debit.assigned'],
      resource: { type: 'statement_debit', id: debitId },
      subjectUserId: null,
      before,
      after,
    });
    return after;
  });
}

async function refuseUnlessOperations(tx: Tx, assigneeId: Id): Promise<void> {
  if (!(await rolesOf(tx, assigneeId)).includes('operations')) {
    throw refuseFunding('assignee_unsuitable');
  }
}
