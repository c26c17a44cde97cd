import { eq } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { emailIndexOf } from './create-user.ts';
import { refuseIdentity } from './errors.ts';
import { inEvenTime } from './even-time.ts';
import { readLock, recordFailure } from './login-lock.ts';
import { type OpenedSession, openSession, type Tokens, tokensOf } from './open-session.ts';
import { verifyPassword } from './passwords.ts';
import { type LoginFacts, type LoginOutcome, loginOutcome } from './rules.ts';
import { credentials, users } from './schema.ts';
import { rolesColumn } from './session-state.ts';
import { hasTotp, spendCode } from './totp.ts';

export type LoginInput = {
  readonly email: string;
  readonly password: string;
  readonly totp?: string | undefined;
};

/** Tokens, or the word that a code of the second factor is needed as well. */
export type LoginResult = (Tokens & { readonly mfaRequired: false }) | { readonly mfaRequired: true };

type Outcome = { readonly outcome: LoginOutcome; readonly session?: OpenedSession };
type Candidate = {
  readonly id: Id;
  readonly status: LoginFacts['status'];
  readonly emailVerified: boolean;
  readonly passwordHash: string | null;
  readonly roles: readonly string[];
};

const REFUSAL_STEP_MS = 100;

/**
 * Signs a person in. Nothing in content or time tells an unknown e-mail from a wrong password, and a
 * locked sign-in answers as a wrong password does.
 * @effects one row of `sessions`, or the count of failures; audit `session.opened`, `login.failed`,
 *   `login.locked`
 * @errors login_failed, email_not_verified, account_restricted, busy
 */
export async function login(ctx: Ctx, input: LoginInput): Promise<LoginResult> {
  const startedMs = ctx.deps.clock.realMs();
  const candidate = await findCandidate(ctx, input.email);
  const passwordRight = await verifyPassword(candidate?.passwordHash ?? undefined, input.password);
  const { outcome, session } =
    candidate === undefined
      ? { outcome: 'failed' as const, session: undefined }
      : await decide(ctx, candidate, passwordRight, input.totp);
  if (outcome === 'mfa_required') {
    return { mfaRequired: true };
  }
  if (session === undefined || candidate === undefined) {
    return inEvenTime(ctx.deps.clock, REFUSAL_STEP_MS, startedMs, () => refuseLogin(outcome));
  }
  return { ...(await tokensOf(ctx.deps, session, candidate.roles)), mfaRequired: false };
}

async function findCandidate(ctx: Ctx, email: string): Promise<Candidate | undefined> {
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
    .where(eq(users.emailIndex, emailIndexOf(ctx, email)));
  return row === undefined ? undefined : { ...row, emailVerified: row.emailVerifiedAt !== null };
}

/** The outcome is decided under the user's lock, so that parallel guesses count one after another. */
async function decide(
  ctx: Ctx,
  candidate: Candidate,
  passwordRight: boolean,
  code: string | undefined,
): Promise<Outcome> {
  return transact(ctx, 'engine', async (tx) => {
    const lock = await readLock(tx, ctx, candidate.id);
    // A password that was changed while this one was being checked no longer counts as right.
    const stillRight = passwordRight && lock.passwordHash === candidate.passwordHash;
    const outcome = loginOutcome({
      locked: lock.locked,
      passwordRight: stillRight,
      emailVerified: candidate.emailVerified,
      secondFactor: await secondFactorOf(tx, ctx, candidate.id, stillRight && !lock.locked, code),
      status: candidate.status,
    });
    if (outcome === 'failed') {
      await recordFailure(tx, ctx, candidate.id, lock, stillRight ? 'second_factor' : 'password');
    }
    return outcome === 'opened' ? { outcome, session: await open(tx, ctx, candidate, code) } : { outcome };
  });
}

async function secondFactorOf(
  tx: Tx,
  ctx: Ctx,
  userId: Id,
  passwordRight: boolean,
  code: string | undefined,
): Promise<LoginFacts['secondFactor']> {
  if (!(await hasTotp(tx, userId))) {
    return 'none';
  }
  if (code === undefined) {
    return 'missing';
  }
  // A code is spent only by someone who knows the password.
  return passwordRight && (await spendCode(tx, ctx, userId, code)) ? 'right' : 'wrong';
}

async function open(tx: Tx, ctx: Ctx, candidate: Candidate, code: string | undefined) {
  const factorChecked = code !== undefined && (await hasTotp(tx, candidate.id));
  await tx
    .update(credentials)
    .set({ failedAttempts: 0, lockedUntil: null })
    .where(eq(credentials.userId, candidate.id));
  await tx.update(users).set({ lastLoginAt: ctx.deps.clock.now() }).where(eq(users.id, candidate.id));
  return openSession(tx, ctx, candidate.id, factorChecked);
}

async function refuseLogin(outcome: LoginOutcome): Promise<never> {
  throw refuseIdentity(
    outcome === 'email_not_verified' || outcome === 'account_restricted' ? outcome : 'login_failed',
  );
}
