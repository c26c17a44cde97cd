import { eq } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { voidEmailTokens } from './email-tokens.ts';
import { endSessions } from './end-sessions.ts';
import { refuseIdentity } from './errors.ts';
import { readLock, recordFailure } from './login-lock.ts';
import { notifyUser } from './notify-user.ts';
import { hashPassword, type PasswordOwner, requireStrongPassword, verifyPassword } from './passwords.ts';
import { openUser } from './profile.ts';
import { credentials, users } from './schema.ts';
import { signedIn } from './signed-in.ts';

/**
 * Changes one's own password; the other sessions end.
 * @effects `credentials`, `sessions`, or the count of failures; audit `password.changed`; a notice
 * @errors password_too_common, password_incorrect
 */
export async function changePassword(
  ctx: Ctx,
  input: { readonly currentPassword: string; readonly newPassword: string },
): Promise<void> {
  const { userId, sessionId } = signedIn(ctx);
  const [row] = await ctx.deps.db.engine
    .select({ passwordHash: credentials.passwordHash })
    .from(credentials)
    .where(eq(credentials.userId, userId));
  const owner = await transact(ctx, 'app', (tx) => passwordOwner(tx, ctx, userId));
  await requireStrongPassword(ctx, input.newPassword, owner ?? { email: '' }, '/newPassword');
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
    await setPassword(tx, ctx, userId, { passwordHash, reason: 'changed', keep: sessionId });
    return true;
  });
  if (!changed) {
    throw refuseIdentity('password_incorrect');
  }
}

type NewPassword = {
  readonly passwordHash: string;
  readonly reason: 'reset' | 'changed';
  /** The session that goes on. */
  readonly keep?: Id;
};

/**
 * Writes a password with all that follows from it; the caller holds the lock `login:<id>`.
 * @effects `credentials`, `sessions`, `email_tokens`; audit `password.changed`; a notice
 */
export async function setPassword(tx: Tx, ctx: Ctx, userId: Id, set: NewPassword): Promise<void> {
  const changedAt = ctx.deps.clock.realNow();
  const fresh = { passwordHash: set.passwordHash, changedAt, failedAttempts: 0, lockedUntil: null };
  await tx
    .insert(credentials)
    .values({ userId, ...fresh })
    .onConflictDoUpdate({ target: credentials.userId, set: fresh });
  await voidEmailTokens(tx, ctx, userId, 'reset_password');
  const ended = await endSessions(tx, ctx, userId, 'password_changed', set.keep);
  await record(tx, ctx, {
    event: IDENTITY_EVENTS['password.changed'],
    resource: { type: 'user', id: userId },
    subjectUserId: userId,
    after: { reason: set.reason, ended },
  });
  await notifyUser(tx, ctx, userId, set.reason === 'reset' ? 'password_reset' : 'password_changed');
}

/** What a guesser may know of a person; undefined where there is no such person any more. */
export async function passwordOwner(tx: Tx, ctx: Ctx, userId: Id): Promise<PasswordOwner | undefined> {
  const [user] = await tx.select().from(users).where(eq(users.id, userId));
  if (user === undefined || user.deletedAt !== null || user.status === 'closed') {
    return undefined;
  }
  const { email, profile } = openUser(await ctx.deps.personKeys.of(tx, userId), user);
  return { email, firstName: profile.firstName, lastName: profile.lastName };
}
