import { eq } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { openText } from '../../platform/crypto/seal.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { emailIndexOf } from './create-user.ts';
import { createEmailToken, spendEmailToken } from './email-tokens.ts';
import { endSessions } from './end-sessions.ts';
import { refuseIdentity } from './errors.ts';
import { inEvenTime } from './even-time.ts';
import { readLock, recordFailure } from './login-lock.ts';
import { hashPassword, requireStrongPassword, verifyPassword } from './passwords.ts';
import { userPlace } from './profile.ts';
import { type MailAnswer, mailAnswer } from './register.ts';
import { credentials, users } from './schema.ts';
import { sendMail } from './send-mail.ts';
import { signedIn } from './signed-in.ts';
import { markVerified } from './verify-email.ts';

const STEP_MS = 200;

/**
 * Mails a token that sets a new password, where the address is known; content and time of the answer
 * are the same where it is not.
 * @effects one row of `email_tokens`; audit `password.reset_requested`; a mail
 */
export async function forgotPassword(ctx: Ctx, email: string): Promise<MailAnswer> {
  return inEvenTime(ctx.deps.clock, STEP_MS, ctx.deps.clock.realMs(), async () => {
    const token = await transact(ctx, 'engine', async (tx) => {
      const [user] = await tx
        .select({ id: users.id })
        .from(users)
        .where(eq(users.emailIndex, emailIndexOf(ctx, email)));
      if (user === undefined) {
        return undefined;
      }
      await record(tx, ctx, {
        event: IDENTITY_EVENTS['password.reset_requested'],
        resource: { type: 'user', id: user.id },
        subjectUserId: user.id,
      });
      return createEmailToken(tx, ctx, user.id, 'reset_password');
    });
    if (token !== undefined) {
      const text = `Set a new password with this token within 30 minutes:\r\n\r\n${token}`;
      await sendMail(ctx, { to: email, subject: 'Set a new password', text });
    }
    return mailAnswer(ctx, token);
  });
}

/**
 * Sets a new password with a token from the mail; every session ends, and the address counts as
 * verified, since the mail was read. A second factor is still asked for at the next sign-in.
 * @effects `credentials`, `sessions`; audit `password.changed`
 * @errors password_too_common, email_token_invalid
 */
export async function resetPassword(
  ctx: Ctx,
  input: { readonly token: string; readonly password: string },
): Promise<void> {
  requireStrongPassword(input.password, '');
  const passwordHash = await hashPassword(input.password);
  await transact(ctx, 'engine', async (tx) => {
    const userId = await spendEmailToken(tx, ctx, input.token, 'reset_password');
    if (userId === undefined) {
      throw refuseIdentity('email_token_invalid');
    }
    await lockExclusive(tx, [`login:${userId}`]);
    await setPassword(tx, ctx, userId, passwordHash, 'reset');
    await markVerified(tx, ctx, userId);
  });
}

/**
 * Changes one's own password; the other sessions end.
 * @effects `credentials`, `sessions`, or the count of failures; audit `password.changed`
 * @errors password_too_common, password_incorrect
 */
export async function changePassword(
  ctx: Ctx,
  input: { readonly currentPassword: string; readonly newPassword: string },
): Promise<void> {
  const { userId } = signedIn(ctx);
  const [row] = await ctx.deps.db.engine
    .select({ passwordHash: credentials.passwordHash })
    .from(credentials)
    .where(eq(credentials.userId, userId));
  requireStrongPassword(input.newPassword, await ownEmail(ctx, userId));
  const right = await verifyPassword(row?.passwordHash, input.currentPassword);
  const passwordHash = await hashPassword(input.newPassword);
  const changed = await transact(ctx, 'engine', async (tx) => {
    const lock = await readLock(tx, ctx, userId);
    if (!right || lock.locked || lock.passwordHash !== row?.passwordHash) {
      if (!lock.locked) {
        await recordFailure(tx, ctx, userId, lock, 'password');
      }
      return false;
    }
    await setPassword(tx, ctx, userId, passwordHash, 'changed');
    return true;
  });
  if (!changed) {
    throw refuseIdentity('password_incorrect');
  }
}

async function ownEmail(ctx: Ctx, userId: Id): Promise<string> {
  return transact(ctx, 'app', async (tx) => {
    const [user] = await tx.select({ email: users.email }).from(users).where(eq(users.id, userId));
    const key = await ctx.deps.personKeys.of(tx, userId);
    return user === undefined ? '' : openText(key, userPlace('email', userId), user.email);
  });
}

async function setPassword(
  tx: Tx,
  ctx: Ctx,
  userId: Id,
  passwordHash: string,
  reason: 'reset' | 'changed',
): Promise<void> {
  const changedAt = ctx.deps.clock.realNow();
  const fresh = { passwordHash, changedAt, failedAttempts: 0, lockedUntil: null };
  await tx
    .insert(credentials)
    .values({ userId, ...fresh })
    .onConflictDoUpdate({ target: credentials.userId, set: fresh });
  const keep = reason === 'changed' ? signedIn(ctx).sessionId : undefined;
  const ended = await endSessions(tx, ctx, userId, 'password_changed', keep);
  await record(tx, ctx, {
    event: IDENTITY_EVENTS['password.changed'],
    resource: { type: 'user', id: userId },
    subjectUserId: userId,
    after: { reason, ended },
  });
}
