/**
 * What follows from any change of a person's second factors: the other sessions end, recovery codes come
 * with the first factor and go with the last, and staff keep one.
 */
import { eq } from 'drizzle-orm';
import { isStaff } from '../../kernel/actor.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { onCommit } from '../../platform/db/transact.ts';
import { endSessions } from './end-sessions.ts';
import { refuseIdentity } from './errors.ts';
import { noteSecondFactor, type SignInMethod } from './open-session.ts';
import { dropRecoveryCodes, makeRecoveryCodes } from './recovery-codes.ts';
import { sessions } from './schema.ts';
import { hasSecondFactor } from './second-factor.ts';
import { forgetSessions } from './session-state.ts';
import { signedIn } from './signed-in.ts';

/** What a person is shown once. */
export type ShownOnce = { readonly recoveryCodes?: readonly string[] };

/**
 * After a factor was added, which its first use proved: this session counts as proved by it.
 * @effects `sessions`, and rows of `recovery_codes` where it is the first factor; audit `recovery_codes.made`
 */
export async function afterFactorAdded(
  tx: Tx,
  ctx: Ctx,
  added: { readonly method: SignInMethod; readonly isFirst: boolean },
): Promise<ShownOnce & { readonly ended: number }> {
  const { userId, sessionId } = signedIn(ctx);
  await noteSecondFactor(tx, ctx, sessionId, added.method);
  const ended = await endSessions(tx, ctx, userId, 'factor_changed', sessionId);
  return added.isFirst ? { ended, recoveryCodes: await makeRecoveryCodes(tx, ctx, userId) } : { ended };
}

/**
 * After a factor was removed: without another one this session counts as proved by none.
 * @effects `sessions`, and rows of `recovery_codes` where it was the last factor
 * @errors last_second_factor where staff would be left without
 */
export async function afterFactorRemoved(tx: Tx, ctx: Ctx): Promise<{ readonly ended: number }> {
  const { userId, sessionId } = signedIn(ctx);
  if (!(await hasSecondFactor(tx, userId))) {
    if (isStaff(ctx.actor)) {
      throw refuseIdentity('last_second_factor');
    }
    await dropRecoveryCodes(tx, userId);
    await tx.update(sessions).set({ mfaAt: null }).where(eq(sessions.id, sessionId));
    onCommit(tx, () => forgetSessions(ctx.deps, [sessionId]));
  }
  return { ended: await endSessions(tx, ctx, userId, 'factor_changed', sessionId) };
}
