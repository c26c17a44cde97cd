import { and, eq, inArray } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { record } from '../audit/record.ts';
import type { Ctx } from '../context.ts';
import type { Tx } from '../db/client.ts';
import { lockRows } from '../db/locks.ts';
import { approvals } from '../db/schema.ts';
import { approvalEvent } from './audit.ts';
import type { Approval } from './request-approval.ts';

/**
 * Locks the approvals a subject waits for. Taken before the gate and every other row, since a vote
 * holds its approval while it locks what the approval is about.
 */
export async function lockOpenApprovals(tx: Tx, subjectId: Id): Promise<readonly Approval[]> {
  const open = await tx
    .select({ id: approvals.id })
    .from(approvals)
    .where(and(eq(approvals.subjectId, subjectId), eq(approvals.status, 'pending')));
  const locked = await lockRows(
    tx,
    approvals,
    open.map((row) => row.id),
  );
  return locked.filter((approval) => approval.status === 'pending');
}

/**
 * Closes approvals nobody need decide any more; the caller has locked them.
 * @effects rows of `approvals`; audit `approval.cancelled`
 */
export async function cancelApprovals(tx: Tx, ctx: Ctx, open: readonly Approval[]): Promise<void> {
  const cancelled =
    open.length === 0
      ? []
      : await tx
          .update(approvals)
          .set({ status: 'cancelled', decidedAt: ctx.deps.clock.realNow() })
          .where(
            inArray(
              approvals.id,
              open.map((approval) => approval.id),
            ),
          )
          .returning();
  for (const approval of cancelled) {
    await record(tx, ctx, {
      event: approvalEvent(ctx.deps.approvalActions, 'cancelled', approval.action),
      resource: { type: 'approval', id: approval.id },
      subjectUserId: approval.subjectUserId,
      before: present(
        open.find((before) => before.id === approval.id),
        'only locked approvals were closed',
      ),
      after: approval,
    });
  }
}
