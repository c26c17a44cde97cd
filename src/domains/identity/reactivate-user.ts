import { eq } from 'drizzle-orm';
import type { Role } from '../../kernel/actor.ts';
import type { Id } from '../../kernel/id.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../platform/context.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { refuseIdentity } from './errors.ts';
import { lockGateExclusively } from './gates.ts';
import { customerGates, users } from './schema.ts';
import { refuseSelfAction } from './signed-in.ts';
import { recordUserStatus } from './suspend-user.ts';

/** Who may shut a person out, and who decides on letting them in again. */
export const SUSPENDERS = ['compliance_officer', 'mlro', 'admin'] as const satisfies readonly Role[];

const ACTION = 'user.reactivate';

/**
 * Asks for a suspended person to be let in again: it lowers a guard, so another person decides.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors self_action, not_found, user_not_suspended, approval_pending_exists
 */
export async function requestReactivation(ctx: Ctx, userId: Id, reason: string): Promise<Approval> {
  refuseSelfAction(ctx, userId);
  return transact(ctx, ctx.login, async (tx) => {
    const [user] = await tx.select({ status: users.status }).from(users).where(eq(users.id, userId));
    if (user === undefined) {
      throw refuse('not_found');
    }
    if (user.status !== 'suspended') {
      throw refuseIdentity('user_not_suspended');
    }
    return requestApproval(tx, ctx, {
      action: ACTION,
      subjectType: 'user',
      subjectId: userId,
      subjectUserId: userId,
      payload: { userId, from: 'suspended', to: 'active' },
      quorum: 1,
      checkerRoles: SUSPENDERS,
      reason,
    });
  });
}

/** What the last approving vote does: active where KYC approved them, else where they stood. */
export const reactivateAction: ApprovalAction = {
  action: ACTION,
  execute: (ctx, { subjectId, approvalId }) =>
    transact(ctx, 'engine', async (tx) => {
      await lockGateExclusively(tx, subjectId);
      const user = await lockRow(tx, users, subjectId);
      if (user?.status !== 'suspended') {
        throw refuseIdentity('user_not_suspended');
      }
      const [gate] = await tx.select().from(customerGates).where(eq(customerGates.userId, subjectId));
      const status = gate?.kycStatus === 'approved' ? 'active' : 'pending_kyc';
      await recordUserStatus(tx, ctx, user, status, `approval ${approvalId}`);
    }),
};
