import { eq } from 'drizzle-orm';
import type { Ctx } from '../../platform/context.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { recordRefusedPasskey } from './login-lock.ts';
import { type OpenedSession, type Tokens, tokensOf } from './open-session.ts';
import {
  type Assertion,
  type AssertionAnswer,
  type NoAssertion,
  readAssertion,
  relyingParty,
} from './passkey-ceremony.ts';
import { CHALLENGE_MS, issueChallenge } from './passkey-challenges.ts';
import { type LoginOutcome, loginOutcome } from './rules.ts';
import { users } from './schema.ts';
import { type Candidate, findCandidate, letIn, refuseSignIn } from './sign-in.ts';
import { usePasskey } from './use-passkey.ts';

/**
 * What a browser needs for `navigator.credentials.get`. The same for everybody: whose passkey will answer
 * is not known, and no credential is named. Nothing is written, however often it is asked for.
 */
export function passkeyOptions(ctx: Ctx, purpose: 'sign_in' | 'step_up') {
  return {
    challenge: issueChallenge(ctx, purpose),
    rpId: relyingParty(ctx.deps).id,
    allowCredentials: [],
    userVerification: 'required',
    timeout: CHALLENGE_MS,
  };
}

/**
 * Signs a person in with a passkey alone. It was unlocked by finger, face or PIN, and so counts as two
 * factors. It is not held up by the lock on guessing, which stays for the password. One refusal for every
 * fault; only the holder of the passkey learns that the address is unverified or the account shut.
 * @effects one row of `sessions`; the challenge is spent; audit `session.opened`, `login.failed`
 * @errors login_failed, email_not_verified, account_restricted
 */
export async function loginWithPasskey(ctx: Ctx, answer: AssertionAnswer): Promise<Tokens> {
  const startedMs = ctx.deps.clock.realMs();
  // Who signs in is said by the passkey; the handle it keeps of its owner must say the same.
  const named = answer.response.userHandle != null;
  const assertion = await readAssertion(ctx, answer, 'sign_in');
  const candidate =
    assertion.userId === undefined || !named
      ? undefined
      : await findCandidate(ctx, eq(users.id, assertion.userId));
  const { outcome, session } =
    candidate === undefined
      ? { outcome: 'failed' as const, session: undefined }
      : await decide(ctx, candidate, assertion);
  if (session === undefined || candidate === undefined) {
    return refuseSignIn(ctx, startedMs, outcome);
  }
  return tokensOf(ctx.deps, session, candidate.roles);
}

async function decide(
  ctx: Ctx,
  candidate: Candidate,
  assertion: Assertion | NoAssertion,
): Promise<{ readonly outcome: LoginOutcome; readonly session?: OpenedSession }> {
  return transact(ctx, 'engine', async (tx) => {
    await lockExclusive(tx, [`login:${candidate.id}`]);
    const used = await usePasskey(tx, ctx, candidate.id, assertion);
    const { emailVerified, status } = candidate;
    const outcome = loginOutcome({
      locked: false,
      firstFactorRight: used,
      emailVerified,
      secondFactor: 'right',
      status,
    });
    if (outcome === 'failed') {
      await recordRefusedPasskey(tx, ctx, candidate.id);
    }
    return outcome === 'opened'
      ? {
          outcome,
          session: await letIn(tx, ctx, candidate.id, { methods: ['hwk'], secondFactor: true }),
        }
      : { outcome };
  });
}
