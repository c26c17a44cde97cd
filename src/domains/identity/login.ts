import { eq } from 'drizzle-orm';
import { assert } from '../../kernel/assert.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { checkFactor, type FactorProof, methodOf } from './check-factor.ts';
import { emailIndexOf } from './create-user.ts';
import { readLock, recordFailure } from './login-lock.ts';
import { type OpenedSession, type Tokens, tokensOf } from './open-session.ts';
import { type AssertionAnswer, readAssertion } from './passkey-ceremony.ts';
import { verifyPassword } from './passwords.ts';
import { type LoginFacts, type LoginOutcome, loginOutcome } from './rules.ts';
import { users } from './schema.ts';
import { factorsOf } from './second-factor.ts';
import { type Candidate, findCandidate, letIn, refuseSignIn } from './sign-in.ts';

/** At most one of the three stands beside the password. */
export type LoginInput = {
  readonly email: string;
  readonly password: string;
  readonly totp?: string | undefined;
  readonly passkey?: AssertionAnswer | undefined;
  readonly recoveryCode?: string | undefined;
};

export type FactorKind = FactorProof['kind'];

/** Tokens, or the word that a second factor is needed as well, and which ones there are. */
export type LoginResult =
  | (Tokens & { readonly mfaRequired: false })
  | { readonly mfaRequired: true; readonly factors: readonly FactorKind[] };

type Outcome = {
  readonly outcome: LoginOutcome;
  readonly session?: OpenedSession;
  readonly factors: readonly FactorKind[];
};

/**
 * Signs a person in. Nothing in content or time tells an unknown e-mail from a wrong password, and a
 * locked sign-in answers as a wrong password does.
 * @effects one row of `sessions`, or the count of failures; a passkey's challenge is spent; audit
 *   `session.opened`, `login.failed`, `login.locked`
 * @errors login_failed, email_not_verified, account_restricted, busy
 */
export async function login(ctx: Ctx, input: LoginInput): Promise<LoginResult> {
  const startedMs = ctx.deps.clock.realMs();
  const proof = await proofOf(ctx, input);
  const candidate = await findCandidate(ctx, eq(users.emailIndex, emailIndexOf(ctx, input.email)));
  const passwordRight = await verifyPassword(candidate?.passwordHash ?? undefined, input.password);
  const { outcome, session, factors } =
    candidate === undefined
      ? { outcome: 'failed' as const, session: undefined, factors: [] }
      : await decide(ctx, candidate, passwordRight, proof);
  if (outcome === 'mfa_required') {
    return { mfaRequired: true, factors };
  }
  if (session === undefined || candidate === undefined) {
    return refuseSignIn(ctx, startedMs, outcome);
  }
  return { ...(await tokensOf(ctx.deps, session, candidate.roles)), mfaRequired: false };
}

/**
 * Signs a person in who lost their second factor: the password and a recovery code, which is spent.
 * @effects as `login`; audit `recovery_code.used`; a notice
 * @errors as `login`
 */
export async function loginWithRecoveryCode(
  ctx: Ctx,
  input: Pick<LoginInput, 'email' | 'password'> & { readonly recoveryCode: string },
): Promise<Tokens> {
  const result = await login(ctx, input);
  assert(!result.mfaRequired, 'a code was sent');
  return result;
}

/** A passkey's challenge is spent whoever the sign-in turns out to be of. */
async function proofOf(ctx: Ctx, input: LoginInput): Promise<FactorProof | undefined> {
  if (input.passkey !== undefined) {
    return { kind: 'passkey', assertion: await readAssertion(ctx, input.passkey, 'sign_in') };
  }
  if (input.recoveryCode !== undefined) {
    return { kind: 'recovery_code', code: input.recoveryCode };
  }
  return input.totp === undefined ? undefined : { kind: 'totp', code: input.totp };
}

/** The outcome is decided under the user's lock, so that parallel guesses count one after another. */
async function decide(
  ctx: Ctx,
  candidate: Candidate,
  passwordRight: boolean,
  proof: FactorProof | undefined,
): Promise<Outcome> {
  return transact(ctx, 'engine', async (tx) => {
    const lock = await readLock(tx, ctx, candidate.id);
    // A password that was changed while this one was being checked no longer counts as right.
    const stillRight = passwordRight && lock.passwordHash === candidate.passwordHash;
    const factors = await enrolledKinds(tx, candidate);
    const secondFactor = await secondFactorOf(tx, ctx, candidate, factors, {
      trusted: stillRight && !lock.locked,
      proof,
    });
    const { emailVerified, status } = candidate;
    const outcome = loginOutcome({
      locked: lock.locked,
      firstFactorRight: stillRight,
      emailVerified,
      secondFactor,
      status,
    });
    if (outcome === 'failed') {
      await recordFailure(tx, ctx, candidate.id, lock, stillRight ? 'second_factor' : 'password');
    }
    if (outcome !== 'opened') {
      return { outcome, factors };
    }
    const proved = secondFactor === 'right' && proof !== undefined;
    const session = await letIn(tx, ctx, candidate.id, {
      methods: proved ? ['pwd', methodOf(proof)] : ['pwd'],
      secondFactor: proved,
    });
    return { outcome, factors, session };
  });
}

async function enrolledKinds(tx: Tx, candidate: Candidate): Promise<FactorKind[]> {
  const { totp, passkeys, recoveryCodes } = await factorsOf(tx, candidate.id);
  const kinds: FactorKind[] = [];
  if (totp) {
    kinds.push('totp');
  }
  if (passkeys > 0) {
    kinds.push('passkey');
  }
  // Without a factor to stand in for, codes stand in for nothing.
  return kinds.length > 0 && recoveryCodes > 0 ? [...kinds, 'recovery_code'] : kinds;
}

async function secondFactorOf(
  tx: Tx,
  ctx: Ctx,
  candidate: Candidate,
  factors: readonly FactorKind[],
  { trusted, proof }: { readonly trusted: boolean; readonly proof: FactorProof | undefined },
): Promise<LoginFacts['secondFactor']> {
  if (factors.length === 0 && proof?.kind !== 'recovery_code') {
    return 'none';
  }
  if (proof === undefined) {
    return 'missing';
  }
  // A code is spent only by someone who knows the password.
  return trusted && (await checkFactor(tx, ctx, candidate.id, proof)) ? 'right' : 'wrong';
}
