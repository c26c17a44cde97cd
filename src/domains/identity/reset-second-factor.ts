import { eq } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { ApprovalAction, ApprovedAction } from '../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../platform/approvals/request-approval.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { endSessions } from './end-sessions.ts';
import { refuseIdentity } from './errors.ts';
import { notifyUser } from './notify-user.ts';
import { dropRecoveryCodes } from './recovery-codes.ts';
import { passkeys, totpSecrets, users } from './schema.ts';
import { hasSecondFactor } from './second-factor.ts';
import { refuseSelfAction } from './signed-in.ts';

const ACTION = 'user.reset_second_factor';

/**
 * Asks for every second factor of a person to be removed, who lost them all: it lowers a guard, so another
 * admin decides. The password stays; the person signs in with it and enrols anew.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors self_action, not_found, second_factor_not_enrolled, approval_pending_exists
 */
export async function requestSecondFactorReset(ctx: Ctx, userId: Id, reason: string): Promise<Approval> {
  refuseSelfAction(ctx, userId);
  return transact(ctx, 'engine', async (tx) => {
    const [user] = await tx.select({ id: users.id }).from(users).where(eq(users.id, userId));
    if (user === undefined) {
      throw refuse('not_found');
    }
    if (!(await hasSecondFactor(tx, userId))) {
      throw refuseIdentity('second_factor_not_enrolled');
    }
    return requestApproval(tx, ctx, {
      action: ACTION,
      subjectType: 'user',
      subjectId: userId,
      subjectUserId: userId,
      payload: { userId },
      quorum: 1,
      // Where both admins are locked out, the emergency login asks and a compliance officer decides.
      checkerRoles: ['admin', 'compliance_officer'],
      reason,
    });
  });
}

/** What the last approving vote does; every session of the person ends. */
export const resetSecondFactorAction: ApprovalAction = {
  action: ACTION,
  execute: (ctx, approved) => transact(ctx, 'engine', (tx) => resetSecondFactor(tx, ctx, approved)),
};

/** @errors second_factor_not_enrolled where the person has removed them in the meantime */
async function resetSecondFactor(tx: Tx, ctx: Ctx, approved: ApprovedAction): Promise<void> {
  const userId = approved.subjectId;
  await lockExclusive(tx, [`login:${userId}`]);
  if (!(await hasSecondFactor(tx, userId))) {
    throw refuseIdentity('second_factor_not_enrolled');
  }
  const apps = await tx
    .delete(totpSecrets)
    .where(eq(totpSecrets.userId, userId))
    .returning({ confirmedAt: totpSecrets.confirmedAt });
  const keys = await tx.delete(passkeys).where(eq(passkeys.userId, userId)).returning({ id: passkeys.id });
  await dropRecoveryCodes(tx, userId);
  const ended = await endSessions(tx, ctx, userId, 'factor_changed');
  await record(tx, ctx, {
    event: IDENTITY_EVENTS['user.second_factor_reset'],
    resource: { type: 'user', id: userId },
    subjectUserId: userId,
    before: { totp: apps.some((app) => app.confirmedAt !== null), passkeys: keys.length },
    after: { ended, reason: `approval ${approved.approvalId}` },
  });
  await notifyUser(tx, ctx, userId, 'second_factor_reset');
}
