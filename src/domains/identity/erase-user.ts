import { randomBytes } from 'node:crypto';
import { eq } from 'drizzle-orm';
import type { Role } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../platform/approvals/request-approval.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { personKeys } from '../../platform/db/schema.ts';
import { onCommit, transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { publish } from '../../platform/outbox/publish.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import type { User } from './create-user.ts';
import { refuseIdentity } from './errors.ts';
import { lockGateExclusively } from './gates.ts';
import { keptUntil } from './retention.ts';
import { users } from './schema.ts';
import { refuseSelfAction } from './signed-in.ts';

/** Who may ask for a person to be erased, and who decides: those who may know what restarted the clock. */
export const ERASERS = ['compliance_officer', 'mlro'] as const satisfies readonly Role[];

const ACTION = 'user.erase';

/**
 * Asks for a person to be erased once their records need no longer be kept; another person decides.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors self_action, not_found, user_erased, retention_running, approval_pending_exists
 */
export async function requestErasure(ctx: Ctx, userId: Id, reason: string): Promise<Approval> {
  refuseSelfAction(ctx, userId);
  return transact(ctx, ctx.login, async (tx) => {
    const [user] = await tx.select().from(users).where(eq(users.id, userId));
    const until = await refuseUnerasable(tx, ctx, user);
    return requestApproval(tx, ctx, {
      action: ACTION,
      subjectType: 'user',
      subjectId: userId,
      subjectUserId: userId,
      payload: { userId, keptUntil: until, years: ctx.deps.retentionYears },
      quorum: 1,
      checkerRoles: ERASERS,
      reason,
    });
  });
}

/** What the last approving vote does, after looking again; nothing brings the person back. */
export const eraseAction: ApprovalAction = {
  action: ACTION,
  execute: (ctx, { subjectId, approvalId }) =>
    transact(ctx, 'engine', (tx) => eraseUser(tx, ctx, subjectId, `approval ${approvalId}`)),
};

/**
 * Destroys the person's data key, and with it all that was sealed under it; removes what could still be
 * read or found without it. Rows that are evidence stay as they are, so every proof stays valid.
 * @effects the row of `person_keys`; rows of `users` and of whatever domains hold on the person; audit
 *   `user.erased`; event `identity.user_erased`
 */
async function eraseUser(tx: Tx, ctx: Ctx, userId: Id, reason: string): Promise<void> {
  await lockGateExclusively(tx, userId);
  const before = await lockRow(tx, users, userId);
  await refuseUnerasable(tx, ctx, before);
  for (const piece of ctx.deps.privacy.personalData) {
    await piece.erase?.(tx, ctx, userId);
  }
  await tx.delete(personKeys).where(eq(personKeys.userId, userId));
  onCommit(tx, () => ctx.deps.personKeys.forget(userId));
  const deletedAt = ctx.deps.clock.now();
  const [after] = await tx
    .update(users)
    .set({
      emailIndex: new Uint8Array(randomBytes(32)),
      phone: null,
      phoneIndex: null,
      riskProfile: null,
      deletedAt,
      version: (before?.version ?? 0) + 1,
      updatedAt: deletedAt,
    })
    .where(eq(users.id, userId))
    .returning();
  await record(tx, ctx, {
    event: IDENTITY_EVENTS['user.erased'],
    resource: { type: 'user', id: userId },
    subjectUserId: userId,
    before,
    after: { ...present(after, 'the user was locked'), reason },
  });
  await publish(tx, ctx, [
    { type: 'identity.user_erased', userId, customerVisible: false, data: { userId } },
  ]);
}

/**
 * Since when the person's records need no longer be kept.
 * @errors not_found, user_erased, retention_running with the date
 */
async function refuseUnerasable(tx: Tx, ctx: Ctx, user: User | undefined): Promise<Instant> {
  if (user === undefined) {
    throw refuse('not_found');
  }
  if (user.deletedAt !== null) {
    throw refuseIdentity('user_erased');
  }
  const now = ctx.deps.clock.now();
  const facts: [Instant, ...Instant[]] = [user.closedAt ?? now];
  for (const piece of ctx.deps.privacy.personalData) {
    const since = await piece.keptSince?.(tx, user.id);
    if (since !== null && since !== undefined) {
      facts.push(since);
    }
  }
  const until = keptUntil(facts, ctx.deps.retentionYears);
  if (user.status !== 'closed' || until > now) {
    throw retentionRunning(until, user.status === 'closed');
  }
  return until;
}

function retentionRunning(until: Instant, closed: boolean) {
  const day = until.slice(0, 10);
  return refuseIdentity('retention_running', {
    detail: closed
      ? `The records must be kept until ${day}`
      : `The relationship has not ended; were it to end now, the records must be kept until ${day}`,
    errors: [{ pointer: 'path/id', code: 'kept_until', detail: until }],
  });
}
