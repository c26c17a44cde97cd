import { and, eq, isNull, sql } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { spendEmailToken } from './email-tokens.ts';
import { refuseIdentity } from './errors.ts';
import { users } from './schema.ts';

/**
 * Proves an e-mail address with the token that was sent to it.
 * @effects one row each of `email_tokens` and `users`; audit `user.email_verified`
 * @errors email_token_invalid
 */
export async function verifyEmail(ctx: Ctx, token: string): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    const userId = await spendEmailToken(tx, ctx, token, 'verify_email');
    if (userId === undefined) {
      throw refuseIdentity('email_token_invalid');
    }
    await markVerified(tx, ctx, userId);
  });
}

/**
 * Notes that a person has read a mail of ours, unless that was known.
 * @effects perhaps one row of `users`; audit `user.email_verified`
 */
export async function markVerified(tx: Tx, ctx: Ctx, userId: Id): Promise<void> {
  const verified = await tx
    .update(users)
    .set({ emailVerifiedAt: ctx.deps.clock.now(), version: sql`${users.version} + 1` })
    .where(and(eq(users.id, userId), isNull(users.emailVerifiedAt)))
    .returning({ id: users.id });
  if (verified.length > 0) {
    await record(tx, ctx, {
      event: IDENTITY_EVENTS['user.email_verified'],
      resource: { type: 'user', id: userId },
      subjectUserId: userId,
    });
  }
}
