import { eq } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../platform/approvals/request-approval.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { legalHolds } from '../../platform/privacy/schema.ts';
import { refuseAudit } from './errors.ts';
import { findHold, KEEPERS } from './legal-holds.ts';
import { RETENTION_EVENTS } from './retention-events.ts';

const ACTION = 'legal_hold.release';

/**
 * Asks for a hold to be released; it lowers a guard, so another person decides. The approval is one that the
 * person the hold is about never sees.
 * @effects one row of `approvals`; audit `restricted_approval.requested`
 * @errors not_found, hold_released, approval_pending_exists
 */
export async function requestRelease(ctx: Ctx, holdId: Id, reason: string): Promise<Approval> {
  return transact(ctx, 'engine', async (tx) => {
    const hold = await findHold(tx, ctx, holdId);
    if (hold.releasedAt !== null) {
      throw refuseAudit('hold_released');
    }
    return requestApproval(tx, ctx, {
      action: ACTION,
      subjectType: 'legal_hold',
      subjectId: holdId,
      subjectUserId: hold.userId,
      payload: { holdId, scope: hold.scope },
      quorum: 1,
      checkerRoles: KEEPERS,
      reason,
    });
  });
}

/** What the last approving vote does. */
export const releaseAction: ApprovalAction = {
  action: ACTION,
  restricted: true,
  execute: async (ctx, { approvalId, subjectId, checkerIds }) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const before = present(await lockRow(tx, legalHolds, subjectId), 'holds are never deleted');
    if (before.userId !== null && checkerIds.includes(before.userId)) {
      throw refuse('self_approval');
    }
    if (before.releasedAt !== null) {
      throw refuseAudit('hold_released');
    }
    const [after] = await tx
      .update(legalHolds)
      .set({ releasedAt: ctx.deps.clock.realNow(), releaseApprovalId: approvalId })
      .where(eq(legalHolds.id, subjectId))
      .returning();
    await record(tx, ctx, {
      event: RETENTION_EVENTS['legal_hold.released'],
      resource: { type: 'legal_hold', id: subjectId },
      subjectUserId: before.userId,
      before,
      after: present(after, 'the hold was locked'),
    });
  },
};
