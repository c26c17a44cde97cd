import { hasRole, isStaffRole, type Role } from '../../kernel/actor.ts';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { type EndReason, endSessions } from './end-sessions.ts';
import { notifyUser } from './notify-user.ts';
import { rolesOf } from './roles-of.ts';
import { users } from './schema.ts';
import { refuseSelfAction, signedIn } from './signed-in.ts';

/** Who may end the sessions of others; it takes nothing from anybody but a sign-in. */
export const SESSION_ENDERS = [
  'support',
  'compliance_officer',
  'mlro',
  'admin',
] as const satisfies readonly Role[];

/** Who may end those of staff too: otherwise support could keep an admin out for as long as it liked. */
const STAFF_SESSION_ENDERS = ['compliance_officer', 'admin'] as const satisfies readonly Role[];

/** Why staff ended someone's sessions: closed words, so that no name gets into an address or a log. */
export const STAFF_END_REASONS = [
  'asked_by_person',
  'lost_device',
  'suspected_takeover',
  'left_firm',
  'other',
] as const;

export type Ended = { readonly ended: number };

/**
 * Ends every session of a person's own but the one that asks.
 * @effects rows of `sessions`; audit `user.sessions_ended`
 * @errors forbidden
 */
export async function endOtherSessions(ctx: Ctx): Promise<Ended> {
  const { userId, sessionId } = signedIn(ctx);
  return transact(ctx, 'engine', async (tx) => {
    const ended = await endSessions(tx, ctx, userId, 'others_ended', sessionId);
    await recordEnded(tx, ctx, userId, { ended, revokedReason: 'others_ended' });
    return { ended };
  });
}

/**
 * Ends every session of someone else; they can sign in again, unless they are suspended as well. Those of
 * staff end at the word of an admin or a compliance officer only.
 * @effects rows of `sessions`; audit `user.sessions_ended`; a mail to the person
 * @errors self_action, not_found, forbidden
 */
export async function endUserSessions(
  ctx: Ctx,
  userId: Id,
  reason: (typeof STAFF_END_REASONS)[number],
): Promise<Ended> {
  refuseSelfAction(ctx, userId);
  return transact(ctx, 'engine', async (tx) => {
    const user = await lockRow(tx, users, userId);
    if (user === undefined) {
      throw refuse('not_found');
    }
    if (!hasRole(ctx.actor, ...STAFF_SESSION_ENDERS) && (await isOfStaff(tx, userId))) {
      throw refuse('forbidden');
    }
    const ended = await endSessions(tx, ctx, userId, 'ended_by_staff');
    await recordEnded(tx, ctx, userId, { ended, revokedReason: 'ended_by_staff', reason });
    if (ended > 0) {
      await notifyUser(tx, ctx, userId, 'sessions_ended');
    }
    return { ended };
  });
}

async function isOfStaff(tx: Tx, userId: Id): Promise<boolean> {
  return (await rolesOf(tx, userId)).some(isStaffRole);
}

async function recordEnded(
  tx: Tx,
  ctx: Ctx,
  userId: Id,
  after: Ended & { readonly revokedReason: EndReason; readonly reason?: string },
): Promise<void> {
  await record(tx, ctx, {
    event: IDENTITY_EVENTS['user.sessions_ended'],
    resource: { type: 'user', id: userId },
    subjectUserId: userId,
    after,
  });
}
