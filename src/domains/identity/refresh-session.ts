import { eq } from 'drizzle-orm';
import type { Role } from '../../kernel/actor.ts';
import { addMs, type Instant } from '../../kernel/time.ts';
import { raiseAlarm } from '../../platform/alarms/raise-alarm.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { equalSecrets } from '../../platform/crypto/keyring.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { onCommit, transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import type { EndReason } from './end-sessions.ts';
import { notifyUser } from './notify-user.ts';
import { type OpenedSession, type Tokens, tokensOf } from './open-session.ts';
import { newRefreshToken, readRefreshToken } from './refresh-tokens.ts';
import { sessions, users } from './schema.ts';
import { sessionLimitsOf } from './session-limits.ts';
import { forgetSessions, rolesColumn } from './session-state.ts';

type Session = typeof sessions.$inferSelect;
type Continued = { readonly session: OpenedSession; readonly roles: readonly Role[] };

/**
 * Continues a session: the token is spent and replaced. A token that was spent before ends the
 * session, since either its owner or a thief is using a copy.
 * @effects one row of `sessions`; audit `session.refreshed`, or the alarm `session.refresh_reused` and a
 *   mail to the person
 * @errors credential_invalid (one code for every fault)
 */
export async function refreshSession(ctx: Ctx, token: string): Promise<Tokens> {
  const known = readRefreshToken(ctx.deps.keyring, token);
  if (known === undefined) {
    throw refuse('credential_invalid');
  }
  // The end of a reused session must be committed although the request is refused.
  const continued = await transact(ctx, 'engine', async (tx) => {
    const session = await lockRow(tx, sessions, known.sessionId);
    if (session === undefined || !isLive(session, ctx.deps.clock.realNow())) {
      return undefined;
    }
    return equalSecrets(session.refreshHash, known.hash)
      ? rotate(tx, ctx, session)
      : endReused(tx, ctx, session);
  });
  if (continued === undefined) {
    throw refuse('credential_invalid');
  }
  return tokensOf(ctx.deps, continued.session, continued.roles);
}

function isLive(session: Session, now: Instant): boolean {
  return session.revokedAt === null && session.idleExpiresAt > now && session.absoluteExpiresAt > now;
}

async function rotate(tx: Tx, ctx: Ctx, session: Session): Promise<Continued | undefined> {
  const [user] = await tx
    .select({ status: users.status, roles: rolesColumn })
    .from(users)
    .where(eq(users.id, session.userId));
  if (user === undefined || user.status === 'suspended' || user.status === 'closed') {
    return undefined;
  }
  const now = ctx.deps.clock.realNow();
  // Whoever joined the staff since signing in has the limits of staff from here on.
  const limits = sessionLimitsOf(user.roles);
  const absoluteExpiresAt = earlier(session.absoluteExpiresAt, addMs(session.loggedInAt, limits.absoluteMs));
  if (absoluteExpiresAt <= now || addMs(session.lastActiveAt, limits.idleMs) <= now) {
    return undefined;
  }
  const idleExpiresAt = earlier(addMs(now, limits.idleMs), absoluteExpiresAt);
  const next = newRefreshToken(ctx.deps.keyring, session.id);
  await tx
    .update(sessions)
    .set({
      refreshHash: next.hash,
      previousRefreshHash: session.refreshHash,
      lastActiveAt: now,
      idleExpiresAt,
      absoluteExpiresAt,
    })
    .where(eq(sessions.id, session.id));
  await record(tx, ctx, {
    event: IDENTITY_EVENTS['session.refreshed'],
    resource: { type: 'session', id: session.id },
    subjectUserId: session.userId,
    after: { idleExpiresAt, absoluteExpiresAt },
  });
  return { session: { ...session, refreshToken: next.token }, roles: user.roles };
}

function earlier(left: Instant, right: Instant): Instant {
  return left < right ? left : right;
}

async function endReused(tx: Tx, ctx: Ctx, session: Session): Promise<undefined> {
  const revokedReason: EndReason = 'refresh_reused';
  await tx
    .update(sessions)
    .set({ revokedAt: ctx.deps.clock.realNow(), revokedReason })
    .where(eq(sessions.id, session.id));
  onCommit(tx, () => forgetSessions(ctx.deps, [session.id]));
  await notifyUser(tx, ctx, session.userId, 'refresh_token_reused');
  await raiseAlarm(tx, ctx, {
    event: IDENTITY_EVENTS['session.refresh_reused'],
    resource: { type: 'session', id: session.id },
    subjectUserId: session.userId,
    after: { revokedReason },
  });
}
