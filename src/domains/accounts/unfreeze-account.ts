import type { Role } from '../../kernel/actor.ts';
import type { Id } from '../../kernel/id.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { lockGateExclusively, refuseSelfAction } from '../identity/index.ts';
import { refuseAccount } from './errors.ts';
import { recordStatus } from './freeze-account.ts';
import { findAccount, lockAccount } from './store.ts';

/** Who may stop an account, and who decides on letting it go again. */
export const FREEZERS = [
  'compliance_officer',
  'operations',
  'risk_manager',
] as const satisfies readonly Role[];

const ACTION = 'account.unfreeze';

/**
 * Asks for a frozen account to be made active: it lowers a guard, so another person decides.
 * @effects one row of `approvals`; audit `restricted_approval.requested`
 * @errors not_found, self_action, account_not_frozen, approval_pending_exists
 */
export async function requestUnfreeze(ctx: Ctx, accountId: Id, reason: string): Promise<Approval> {
  return transact(ctx, ctx.login, async (tx) => {
    const account = await findAccount(tx, ctx, accountId);
    refuseSelfAction(ctx, account.userId);
    if (account.status !== 'frozen') {
      throw refuseAccount('account_not_frozen');
    }
    return requestApproval(tx, ctx, {
      action: ACTION,
      subjectType: 'account',
      subjectId: accountId,
      subjectUserId: account.userId,
      payload: { accountId, from: 'frozen', to: 'active' },
      quorum: 1,
      checkerRoles: FREEZERS,
      reason,
    });
  });
}

/** What the last approving vote does. @errors account_not_frozen */
export const unfreezeAction: ApprovalAction = {
  action: ACTION,
  restricted: true,
  execute: (ctx, { subjectId, approvalId }) =>
    transact(ctx, 'engine', async (tx) => {
      const staffCtx: Ctx = { ...ctx, login: 'staff' };
      const { userId } = await findAccount(tx, staffCtx, subjectId);
      await lockGateExclusively(tx, userId);
      const account = await lockAccount(tx, staffCtx, subjectId);
      if (account.status !== 'frozen') {
        throw refuseAccount('account_not_frozen');
      }
      await recordStatus(tx, ctx, account, 'active', `approval ${approvalId}`);
    }),
};
