import { eq } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
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
import { users } from './schema.ts';
import { refuseSelfAction } from './signed-in.ts';

/**
 * Shuts a person out at once: sessions end, keys are refused, and the next money transaction obeys.
 * @effects rows of `users` and `sessions`; audit `user.suspended`; event `identity.user_suspended`
 * @errors self_action, not_found, user_not_active
 */
export async function suspendUser(ctx: Ctx, userId: Id, reason: string): Promise<User> {
  refuseSelfAction(ctx, userId);
  return transact(ctx, 'engine', async (tx) => {
    await lockGateExclusively(tx, userId);
    const before = await lockRow(tx, users, userId);
    if (before === undefined) {
      throw refuse('not_found');
    }
    if (before.status === 'suspended' || before.status === 'closed') {
      throw refuseIdentity('user_not_active');
    }
    await endSessions(tx, ctx, userId, 'suspended');
    return recordUserStatus(tx, ctx, before, 'suspended', reason);
  });
}

/** Writes a status with its evidence; the caller has locked gate and user. */
export async function recordUserStatus(
  tx: Tx,
  ctx: Ctx,
  before: User,
  status: 'suspended' | 'active' | 'pending_kyc',
  reason: string,
): Promise<User> {
  const [after] = await tx
    .update(users)
    .set({ status, version: before.version + 1, updatedAt: ctx.deps.clock.now() })
    .where(eq(users.id, before.id))
    .returning();
  const word = status === 'suspended' ? 'suspended' : 'reactivated';
  await record(tx, ctx, {
    event: IDENTITY_EVENTS[`user.${word}`],
    resource: { type: 'user', id: before.id },
    subjectUserId: before.id,
    before,
    after: { ...after, reason },
  });
  await publish(tx, ctx, [
    {
      type: `identity.user_${word}`,
      userId: before.id,
      customerVisible: false,
      data: { userId: before.id, status },
    },
  ]);
  return present(after, 'the user was locked');
}
