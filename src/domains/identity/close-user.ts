import { and, eq, isNull } from 'drizzle-orm';
import type { Role } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../platform/approvals/request-approval.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { publish } from '../../platform/outbox/publish.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import type { User } from './create-user.ts';
import { endSessions } from './end-sessions.ts';
import { refuseIdentity } from './errors.ts';
import { lockGateExclusively } from './gates.ts';
import { notifyUser } from './notify-user.ts';
import { refuseObstructed } from './refuse-obstructed.ts';
import { apiKeys, users } from './schema.ts';
import { refuseSelfAction } from './signed-in.ts';

/** Who may end a relationship, and who decides on it. */
export const CLOSERS = ['compliance_officer', 'admin'] as const satisfies readonly Role[];

const ACTION = 'user.close';

/**
 * Asks for a relationship to end. It starts the clock that ends in destruction and cannot be taken back,
 * so another person decides.
 * @effects one row of `approvals`; audit `restricted_approval.requested`
 * @errors self_action, not_found, user_closed, closing_obstructed, approval_pending_exists
 */
export async function requestClosing(ctx: Ctx, userId: Id, reason: string): Promise<Approval> {
  refuseSelfAction(ctx, userId);
  return transact(ctx, ctx.login, async (tx) => {
    const [user] = await tx.select().from(users).where(eq(users.id, userId));
    await refuseUnclosable(tx, ctx, user);
    return requestApproval(tx, ctx, {
      action: ACTION,
      subjectType: 'user',
      subjectId: userId,
      subjectUserId: userId,
      payload: { userId, to: 'closed' },
      quorum: 1,
      checkerRoles: CLOSERS,
      reason,
    });
  });
}

/** What the last approving vote does, after looking again. */
export const closeAction: ApprovalAction = {
  action: ACTION,
  restricted: true,
  execute: (ctx, { subjectId, approvalId }) =>
    transact(ctx, 'engine', (tx) => closeUser(tx, ctx, subjectId, `approval ${approvalId}`)),
};

/**
 * @effects rows of `users`, `sessions`, `api_keys`; audit `user.closed`; event `identity.user_closed`; a
 *   mail to the person
 */
async function closeUser(tx: Tx, ctx: Ctx, userId: Id, reason: string): Promise<void> {
  // Under the gate nothing can come between what is looked at and the end of the relationship.
  await lockGateExclusively(tx, userId);
  const before = await lockRow(tx, users, userId);
  await refuseUnclosable(tx, ctx, before);
  const closedAt = ctx.deps.clock.now();
  const ended = await endSessions(tx, ctx, userId, 'closed');
  const revoked = await tx
    .update(apiKeys)
    .set({ revokedAt: ctx.deps.clock.realNow() })
    .where(and(eq(apiKeys.userId, userId), isNull(apiKeys.revokedAt)))
    .returning({ id: apiKeys.id });
  const [after] = await tx
    .update(users)
    .set({ status: 'closed', closedAt, version: (before?.version ?? 0) + 1, updatedAt: closedAt })
    .where(eq(users.id, userId))
    .returning();
  await record(tx, ctx, {
    event: IDENTITY_EVENTS['user.closed'],
    resource: { type: 'user', id: userId },
    subjectUserId: userId,
    before,
    after: { ...present(after, 'the user was locked'), reason, ended, revokedKeys: revoked.length },
  });
  await publish(tx, ctx, [
    { type: 'identity.user_closed', userId, customerVisible: false, data: { userId, closedAt } },
  ]);
  await notifyUser(tx, ctx, userId, 'user_closed');
}

/** @errors not_found, user_closed, closing_obstructed with an entry for each obstacle */
async function refuseUnclosable(tx: Tx, ctx: Ctx, user: User | undefined): Promise<void> {
  if (user === undefined) {
    throw refuse('not_found');
  }
  if (user.status === 'closed') {
    throw refuseIdentity('user_closed');
  }
  await refuseObstructed(tx, ctx, user.id);
}
