import { present } from '../../kernel/assert.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { ACCESS_TOKEN_SECONDS } from './access-tokens.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { checkFactor, type FactorProof, methodOf } from './check-factor.ts';
import { refuseIdentity } from './errors.ts';
import { readLock, recordFailure, recordRefusedPasskey } from './login-lock.ts';
import { accessTokenOf, noteSecondFactor, type Tokens } from './open-session.ts';
import { type AssertionAnswer, readAssertion } from './passkey-ceremony.ts';
import { hasSecondFactor } from './second-factor.ts';
import { signedIn } from './signed-in.ts';

/** One of the two. */
export type StepUpInput = {
  readonly totp?: string | undefined;
  readonly passkey?: AssertionAnswer | undefined;
};

/**
 * Checks a second factor within a session. The access token it answers counts at once on every node;
 * the one that asked does within a second. The lock on guessing holds up codes, not passkeys.
 * @effects `sessions.mfa_at`, or the count of failures; a passkey's challenge is spent; audit
 *   `session.stepped_up`, `login.failed`, `login.locked`
 * @errors second_factor_not_enrolled, second_factor_invalid
 */
export async function stepUp(ctx: Ctx, input: StepUpInput): Promise<Omit<Tokens, 'refreshToken'>> {
  const { userId, sessionId } = signedIn(ctx);
  const proof: FactorProof =
    input.passkey === undefined
      ? { kind: 'totp', code: present(input.totp, 'one of the two was sent') }
      : { kind: 'passkey', assertion: await readAssertion(ctx, input.passkey, 'step_up') };
  // A failure must be counted although the request is refused.
  const session = await transact(ctx, 'engine', async (tx) => {
    const lock = await readLock(tx, ctx, userId);
    if (!(await hasSecondFactor(tx, userId))) {
      throw refuseIdentity('second_factor_not_enrolled');
    }
    if (proof.kind !== 'passkey' && lock.locked) {
      return undefined;
    }
    if (!(await checkFactor(tx, ctx, userId, proof))) {
      await (proof.kind === 'passkey'
        ? recordRefusedPasskey(tx, ctx, userId)
        : recordFailure(tx, ctx, userId, lock, 'second_factor'));
      return undefined;
    }
    const proven = await noteSecondFactor(tx, ctx, sessionId, methodOf(proof));
    await record(tx, ctx, {
      event: IDENTITY_EVENTS['session.stepped_up'],
      resource: { type: 'session', id: sessionId },
      subjectUserId: userId,
      after: { secondFactor: true, methods: proven.methods },
    });
    return proven;
  });
  if (session === undefined) {
    throw refuseIdentity('second_factor_invalid');
  }
  const roles = 'roles' in ctx.actor ? ctx.actor.roles : [];
  return {
    accessToken: await accessTokenOf(ctx.deps, session, roles),
    expiresIn: ACCESS_TOKEN_SECONDS,
    tokenType: 'Bearer',
  };
}
