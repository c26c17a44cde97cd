import { eq } from 'drizzle-orm';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { onCommit, transact } from '../../platform/db/transact.ts';
import { ACCESS_TOKEN_SECONDS } from './access-tokens.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { refuseIdentity } from './errors.ts';
import { readLock, recordFailure } from './login-lock.ts';
import { accessTokenOf, type Tokens } from './open-session.ts';
import { sessions } from './schema.ts';
import { forgetSessions } from './session-state.ts';
import { signedIn } from './signed-in.ts';
import { hasTotp, spendCode } from './totp.ts';

/**
 * Checks a second factor within a session. The access token it answers counts at once on every node;
 * the one that asked does within a second.
 * @effects `sessions.mfa_at`, or the count of failures; audit `session.stepped_up`, `login.failed`
 * @errors second_factor_not_enrolled, second_factor_invalid
 */
export async function stepUp(ctx: Ctx, code: string): Promise<Omit<Tokens, 'refreshToken'>> {
  const { userId, sessionId } = signedIn(ctx);
  // A failure must be counted although the request is refused.
  const mfaAt = await transact(ctx, 'engine', async (tx) => {
    if (!(await hasTotp(tx, userId))) {
      throw refuseIdentity('second_factor_not_enrolled');
    }
    const lock = await readLock(tx, ctx, userId);
    if (lock.locked || !(await spendCode(tx, ctx, userId, code))) {
      if (!lock.locked) {
        await recordFailure(tx, ctx, userId, lock, 'second_factor');
      }
      return undefined;
    }
    const now = ctx.deps.clock.realNow();
    await tx.update(sessions).set({ mfaAt: now }).where(eq(sessions.id, sessionId));
    onCommit(tx, () => forgetSessions(ctx.deps, [sessionId]));
    await record(tx, ctx, {
      event: IDENTITY_EVENTS['session.stepped_up'],
      resource: { type: 'session', id: sessionId },
      subjectUserId: userId,
      after: { secondFactor: true },
    });
    return now;
  });
  if (mfaAt === undefined) {
    throw refuseIdentity('second_factor_invalid');
  }
  const roles = 'roles' in ctx.actor ? ctx.actor.roles : [];
  return {
    accessToken: await accessTokenOf(ctx.deps, { id: sessionId, userId, mfaAt }, roles),
    expiresIn: ACCESS_TOKEN_SECONDS,
    tokenType: 'Bearer',
  };
}
