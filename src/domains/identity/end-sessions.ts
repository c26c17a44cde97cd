import { and, eq, isNull, ne } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { onCommit, transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { sessions } from './schema.ts';
import { forgetSessions } from './session-state.ts';
import { signedIn } from './signed-in.ts';

export type EndReason =
  | 'logout'
  | 'revoked'
  | 'refresh_reused'
  | 'password_changed'
  | 'factor_changed'
  | 'suspended'
  | 'closed'
  | 'others_ended'
  | 'ended_by_staff';

/**
 * Ends the live sessions of a user, all or all but one, and answers how many there were.
 * @effects rows of `sessions`; other nodes notice within a second
 */
export async function endSessions(
  tx: Tx,
  ctx: Ctx,
  userId: Id,
  reason: EndReason,
  keep?: Id,
): Promise<number> {
  const ended = await tx
    .update(sessions)
    .set({ revokedAt: ctx.deps.clock.realNow(), revokedReason: reason })
    .where(
      and(
        eq(sessions.userId, userId),
        isNull(sessions.revokedAt),
        keep === undefined ? undefined : ne(sessions.id, keep),
      ),
    )
    .returning({ id: sessions.id });
  onCommit(tx, () =>
    forgetSessions(
      ctx.deps,
      ended.map((session) => session.id),
    ),
  );
  return ended.length;
}

/** Ends the session that asks. @effects as `endSession` */
export async function logout(ctx: Ctx): Promise<void> {
  await endOwn(ctx, signedIn(ctx).sessionId, 'logout');
}

/**
 * Ends one session of the person's own.
 * @effects one row of `sessions`; audit `session.revoked`
 * @errors not_found
 */
export async function endSession(ctx: Ctx, sessionId: Id): Promise<void> {
  await endOwn(ctx, sessionId, 'revoked');
}

async function endOwn(ctx: Ctx, sessionId: Id, reason: EndReason): Promise<void> {
  const { userId } = signedIn(ctx);
  await transact(ctx, 'engine', async (tx) => {
    const own = and(eq(sessions.userId, userId), eq(sessions.id, sessionId), isNull(sessions.revokedAt));
    const [ended] = await tx
      .update(sessions)
      .set({ revokedAt: ctx.deps.clock.realNow(), revokedReason: reason })
      .where(own)
      .returning({ id: sessions.id });
    if (ended === undefined) {
      throw refuse('not_found');
    }
    onCommit(tx, () => forgetSessions(ctx.deps, [sessionId]));
    await record(tx, ctx, {
      event: IDENTITY_EVENTS['session.revoked'],
      resource: { type: 'session', id: sessionId },
      subjectUserId: userId,
      after: { revokedReason: reason },
    });
  });
}
