import { randomBytes } from 'node:crypto';
import { and, eq, ne } from 'drizzle-orm';
import type { Role } from '../../kernel/actor.ts';
import { assert, present } from '../../kernel/assert.ts';
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
import { refuseHeld } from '../../platform/privacy/legal-holds.ts';
import { readKeptMonths } from '../../platform/privacy/retention-policies.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import type { User } from './create-user.ts';
import { endSessions } from './end-sessions.ts';
import { refuseIdentity } from './errors.ts';
import { lockGateExclusively } from './gates.ts';
import { personKeptUntil } from './kept-until.ts';
import { refuseObstructed } from './refuse-obstructed.ts';
import { users } from './schema.ts';
import { refuseSelfAction } from './signed-in.ts';

/** Who may ask for a person to be erased, and who decides: those who may know what restarted the clock. */
export const ERASERS = ['compliance_officer', 'mlro'] as const satisfies readonly Role[];

const ACTION = 'user.erase';

/**
 * Asks for a person to be erased once their records need no longer be kept; another person decides.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors self_action, not_found, user_erased, retention_running, closing_obstructed, legal_hold,
 *   approval_pending_exists
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
      payload: { userId, keptUntil: until },
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
 * Erases a person again whom a restore brought back without their key: it was destroyed after the backup was
 * taken, so what led to it was decided then.
 * @effects those of `eraseUser`
 */
export async function repeatErasure(ctx: Ctx, userId: Id): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    const keys = await tx.$count(personKeys, eq(personKeys.userId, userId));
    assert(keys === 0, 'only who has no key any more is erased again');
    await lockGateExclusively(tx, userId);
    const user = await lockRow(tx, users, userId);
    // Another node did it meanwhile.
    if (user?.deletedAt !== null) {
      return;
    }
    // Where the relationship, too, ended after the backup was taken.
    await endSessions(tx, ctx, userId, 'closed');
    await tx
      .update(users)
      .set({ status: 'closed', closedAt: ctx.deps.clock.now() })
      .where(and(eq(users.id, userId), ne(users.status, 'closed')));
    await destroy(tx, ctx, userId, 'erased before the restore, after the backup');
  });
}

/**
 * Destroys the person's data key, and with it all that was sealed under it; removes what could still be
 * read or found without it. Rows that are evidence stay as they are, so every proof stays valid.
 * @effects the row of `person_keys`; rows of `users` and of whatever domains hold on the person; audit
 *   `user.erased`; event `identity.user_erased`
 * @errors not_found, user_erased, retention_running, closing_obstructed, legal_hold
 */
export async function eraseUser(tx: Tx, ctx: Ctx, userId: Id, reason: string): Promise<void> {
  await lockGateExclusively(tx, userId);
  const before = await lockRow(tx, users, userId);
  await refuseUnerasable(tx, ctx, before);
  await destroy(tx, ctx, userId, reason);
}

async function destroy(tx: Tx, ctx: Ctx, userId: Id, reason: string): Promise<void> {
  const before = await lockRow(tx, users, userId);
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
 * @errors not_found, user_erased, retention_running with the date, closing_obstructed, legal_hold
 */
async function refuseUnerasable(tx: Tx, ctx: Ctx, user: User | undefined): Promise<Instant> {
  if (user === undefined) {
    throw refuse('not_found');
  }
  if (user.deletedAt !== null) {
    throw refuseIdentity('user_erased');
  }
  const now = ctx.deps.clock.now();
  const { until, lastFact } = await personKeptUntil(tx, ctx, user, await readKeptMonths(tx, ctx.deps));
  if (user.status !== 'closed' || until > now) {
    throw retentionRunning(until, user.status === 'closed');
  }
  // Money that came after the end has an owner as long as somebody can name them.
  await refuseObstructed(tx, ctx, user.id);
  await refuseHeld(tx, { userId: user.id, from: user.createdAt, to: lastFact });
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
