/**
 * What every kind of sign-in shares: whom it is about, what a success writes, and one refusal, in even
 * time, for all that must not be told apart.
 */
import { eq, type SQL } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { refuseIdentity } from './errors.ts';
import { inEvenTime } from './even-time.ts';
import { notifyUser } from './notify-user.ts';
import { type OpenedSession, openSession, type SignIn } from './open-session.ts';
import { type LoginFacts, type LoginOutcome, TELLING_FAILURES } from './rules.ts';
import { credentials, users } from './schema.ts';
import { rolesColumn } from './session-state.ts';

export type Candidate = {
  readonly id: Id;
  readonly status: LoginFacts['status'];
  readonly emailVerified: boolean;
  readonly passwordHash: string | null;
  readonly roles: readonly string[];
};

/** @units milliseconds */
const REFUSAL_STEP_MS = 100;

/** The one user a condition names, as far as a sign-in needs to know them. */
export async function findCandidate(ctx: Ctx, condition: SQL): Promise<Candidate | undefined> {
  const [row] = await ctx.deps.db.engine
    .select({
      id: users.id,
      status: users.status,
      emailVerifiedAt: users.emailVerifiedAt,
      passwordHash: credentials.passwordHash,
      roles: rolesColumn,
    })
    .from(users)
    .leftJoin(credentials, eq(credentials.userId, users.id))
    .where(condition);
  return row === undefined ? undefined : { ...row, emailVerified: row.emailVerifiedAt !== null };
}

/**
 * Lets somebody in who has proved who they are. Failures are forgotten, and told, where the password was
 * right; a passkey says nothing of who guesses at it, and leaves the lock to the guesser.
 * @effects one row of `sessions`, `users.last_login_at`, perhaps `credentials.failed_attempts`; audit
 *   `session.opened`; a notice where failures came before it
 */
export async function letIn(tx: Tx, ctx: Ctx, userId: Id, signIn: SignIn): Promise<OpenedSession> {
  if (signIn.methods.includes('pwd')) {
    await forgetFailures(tx, ctx, userId);
  }
  await tx.update(users).set({ lastLoginAt: ctx.deps.clock.now() }).where(eq(users.id, userId));
  return openSession(tx, ctx, userId, signIn);
}

/**
 * Refuses, at a moment that does not tell how far the sign-in came.
 * @errors login_failed, email_not_verified, account_restricted
 */
export async function refuseSignIn(ctx: Ctx, startedMs: number, outcome: LoginOutcome): Promise<never> {
  return inEvenTime(ctx.deps.clock, REFUSAL_STEP_MS, startedMs, async () => {
    throw refuseIdentity(
      outcome === 'email_not_verified' || outcome === 'account_restricted' ? outcome : 'login_failed',
    );
  });
}

async function forgetFailures(tx: Tx, ctx: Ctx, userId: Id): Promise<void> {
  const mine = eq(credentials.userId, userId);
  const [before] = await tx.select({ failed: credentials.failedAttempts }).from(credentials).where(mine);
  await tx.update(credentials).set({ failedAttempts: 0, lockedUntil: null }).where(mine);
  if ((before?.failed ?? 0) >= TELLING_FAILURES) {
    await notifyUser(tx, ctx, userId, 'signed_in_after_failures');
  }
}
