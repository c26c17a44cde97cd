import { and, eq, sql } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { users } from './schema.ts';

/**
 * Makes a user active once KYC approved them; one who is suspended stays so.
 * @effects perhaps one row of `users`; audit `user.activated`
 */
export async function activateUser(tx: Tx, ctx: Ctx, userId: Id): Promise<void> {
  const [activated] = await tx
    .update(users)
    .set({ status: 'active', version: sql`${users.version} + 1`, updatedAt: ctx.deps.clock.now() })
    .where(and(eq(users.id, userId), eq(users.status, 'pending_kyc')))
    .returning({ status: users.status, version: users.version });
  if (activated !== undefined) {
    await record(tx, ctx, {
      event: IDENTITY_EVENTS['user.activated'],
      resource: { type: 'user', id: userId },
      subjectUserId: userId,
      after: activated,
    });
  }
}
