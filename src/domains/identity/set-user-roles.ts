import { and, eq, inArray, sql } from 'drizzle-orm';
import type { Role } from '../../kernel/actor.ts';
import type { Id } from '../../kernel/id.ts';
import type { ApprovalAction, ApprovedAction } from '../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../platform/approvals/request-approval.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { publish } from '../../platform/outbox/publish.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { refuseIdentity } from './errors.ts';
import { rolesOf } from './roles-of.ts';
import { roleGrants, users } from './schema.ts';
import { refuseSelfAction } from './signed-in.ts';

const ACTION = 'user.set_roles';

/**
 * Asks for a person to hold exactly these roles; another admin decides.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors self_action, not_found, roles_unchanged, approval_pending_exists
 */
export async function requestUserRoles(
  ctx: Ctx,
  userId: Id,
  wanted: { readonly roles: readonly Role[]; readonly reason: string },
): Promise<Approval> {
  refuseSelfAction(ctx, userId);
  const to = [...new Set(wanted.roles)].sort();
  return transact(ctx, ctx.login, async (tx) => {
    const [user] = await tx.select({ id: users.id }).from(users).where(eq(users.id, userId));
    if (user === undefined) {
      throw refuse('not_found');
    }
    const from = await rolesOf(tx, userId);
    if (from.join() === to.join()) {
      throw refuseIdentity('roles_unchanged');
    }
    return requestApproval(tx, ctx, {
      action: ACTION,
      subjectType: 'user',
      subjectId: userId,
      subjectUserId: userId,
      payload: { userId, from, to },
      quorum: 1,
      checkerRoles: ['admin'],
      reason: wanted.reason,
    });
  });
}

/** What the last approving vote does; the roles act within a second, sessions stay. */
export const setRolesAction: ApprovalAction = {
  action: ACTION,
  execute: (ctx, approved) => transact(ctx, 'engine', (tx) => setRoles(tx, ctx, approved)),
};

/** @errors conflict where the roles are no longer what the checkers saw */
async function setRoles(tx: Tx, ctx: Ctx, approved: ApprovedAction): Promise<void> {
  const userId = approved.subjectId;
  const to = approved.payload.to as readonly Role[];
  const user = await lockRow(tx, users, userId);
  const from = await rolesOf(tx, userId);
  if (user === undefined || from.join() !== (approved.payload.from as readonly Role[]).join()) {
    throw refuse('conflict');
  }
  const dropped = from.filter((role) => !to.includes(role));
  const added = to.filter((role) => !from.includes(role));
  if (dropped.length > 0) {
    await tx.delete(roleGrants).where(and(eq(roleGrants.userId, userId), inArray(roleGrants.role, dropped)));
  }
  if (added.length > 0) {
    const grant = {
      userId,
      grantedBy: approved.makerId,
      approvalId: approved.approvalId,
      grantedAt: ctx.deps.clock.now(),
    };
    await tx.insert(roleGrants).values(added.map((role) => ({ ...grant, role })));
  }
  await tx
    .update(users)
    .set({ version: sql`${users.version} + 1`, updatedAt: ctx.deps.clock.now() })
    .where(eq(users.id, userId));
  await record(tx, ctx, {
    event: IDENTITY_EVENTS['user.roles_changed'],
    resource: { type: 'user', id: userId },
    subjectUserId: userId,
    before: { roles: from, version: user.version },
    after: { roles: to, version: user.version + 1, reason: `approval ${approved.approvalId}` },
  });
  await publish(tx, ctx, [
    { type: 'identity.roles_changed', userId, customerVisible: false, data: { userId, roles: to } },
  ]);
}
