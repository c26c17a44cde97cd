import { and, eq, isNull, ne, notExists } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import type { Mail } from '../../platform/mail/mailer.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { emailIndexOf } from './create-user.ts';
import { createEmailToken, ownerOfEmailToken, spendEmailToken } from './email-tokens.ts';
import { refuseIdentity } from './errors.ts';
import { inEvenTime } from './even-time.ts';
import { hashPassword, type PasswordOwner, requireStrongPassword } from './passwords.ts';
import { type MailAnswer, mailAnswer } from './register.ts';
import { breakGlassSeals, users } from './schema.ts';
import { passwordOwner, setPassword } from './set-password.ts';
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
      const userId = await findResettable(tx, ctx, email);
      if (userId === undefined) {
        return undefined;
      }
      await record(tx, ctx, {
        event: IDENTITY_EVENTS['password.reset_requested'],
        resource: { type: 'user', id: userId },
        subjectUserId: userId,
      });
      return createEmailToken(tx, ctx, userId, 'reset_password');
    });
    if (token !== undefined) {
      ctx.deps.mail.send(resetMail(email, token));
    }
    return mailAnswer(ctx, token);
  });
}

/**
 * Sets a password with a token from the mail, a reset's or an invitation's; every session ends, and the
 * address counts as verified, since the mail was read. A second factor is still asked for at the next
 * sign-in.
 * @effects `credentials`, `sessions`; audit `password.changed`; a notice
 * @errors email_token_invalid, password_too_common
 */
export async function resetPassword(
  ctx: Ctx,
  input: { readonly token: string; readonly password: string },
): Promise<void> {
  const { userId, owner } = await readOwner(ctx, input.token);
  await requireStrongPassword(ctx, input.password, owner, '/password');
  // Hashed before the token is spent: the transaction does not wait for its turn to hash.
  const passwordHash = await hashPassword(input.password);
  await transact(ctx, 'engine', async (tx) => {
    await lockExclusive(tx, [`login:${userId}`]);
    if ((await spendEmailToken(tx, ctx, input.token, 'reset_password')) !== userId) {
      throw refuseIdentity('email_token_invalid');
    }
    await setPassword(tx, ctx, userId, { passwordHash, reason: 'reset' });
    await markVerified(tx, ctx, userId);
  });
}

async function readOwner(
  ctx: Ctx,
  token: string,
): Promise<{ readonly userId: Id; readonly owner: PasswordOwner }> {
  return transact(ctx, 'engine', async (tx) => {
    const userId = await ownerOfEmailToken(tx, ctx, token, 'reset_password');
    const owner = userId === undefined ? undefined : await passwordOwner(tx, ctx, userId);
    if (userId === undefined || owner === undefined) {
      throw refuseIdentity('email_token_invalid');
    }
    return { userId, owner };
  });
}

/** Someone whose password a mail may set: not who is closed, and nobody can get at a sealed login so. */
async function findResettable(tx: Tx, ctx: Ctx, email: string): Promise<Id | undefined> {
  const seals = tx
    .select({ id: breakGlassSeals.id })
    .from(breakGlassSeals)
    .where(eq(breakGlassSeals.userId, users.id));
  const [user] = await tx
    .select({ id: users.id })
    .from(users)
    .where(
      and(
        eq(users.emailIndex, emailIndexOf(ctx, email)),
        ne(users.status, 'closed'),
        isNull(users.deletedAt),
        notExists(seals),
      ),
    );
  return user?.id;
}

function resetMail(to: string, token: string): Mail {
  return {
    to,
    subject: 'Set a new password',
    text: `Set a new password with this token within 30 minutes:\r\n\r\n${token}\r\n\r\nIf you did not ask for it, ignore this.`,
  };
}
