/**
 * Whether a session and its user still may, at most 0.9 seconds old on every node: revocation and
 * suspension act within a second although access tokens live ten minutes. Money paths read the gate
 * in their own transaction whatever this says (I8).
 */
import { eq, sql } from 'drizzle-orm';
import type { Role } from '../../kernel/actor.ts';
import type { Id } from '../../kernel/id.ts';
import { msOfInstant } from '../../kernel/time.ts';
import { type Deps, perDeps } from '../../platform/context.ts';
import { briefCache } from './brief-cache.ts';
import { sessions, users } from './schema.ts';

export type SessionState = {
  readonly userId: Id;
  readonly userStatus: (typeof users.$inferSelect)['status'];
  readonly roles: readonly Role[];
  readonly mfaAtMs: number | null;
  readonly revoked: boolean;
  readonly expiresAtMs: number;
};

/** How old what a node believes of a credential may be. */
export const STATE_MAX_AGE_MS = 900;

const states = perDeps((deps: Deps) =>
  briefCache(deps.clock, STATE_MAX_AGE_MS, (sessionId) => loadState(deps, sessionId)),
);

/**
 * The state of a session; a token that knows of a later second factor than the cached state makes it
 * read afresh, so that a step-up on one node counts at once on all.
 */
export async function sessionState(
  deps: Deps,
  sessionId: Id,
  mfaAtMs: number | null,
): Promise<SessionState | undefined> {
  const state = await states(deps).get(sessionId);
  if (mfaAtMs === null || state === undefined || mfaAtMs <= (state.mfaAtMs ?? 0)) {
    return state;
  }
  states(deps).forget(sessionId);
  return states(deps).get(sessionId);
}

/** Drops what this node believes of sessions, after a commit that changed them. */
export function forgetSessions(deps: Deps, sessionIds: readonly Id[]): void {
  for (const sessionId of sessionIds) {
    states(deps).forget(sessionId);
  }
}

/** The roles of a user as an SQL value, for queries that select from `users`. */
export const rolesColumn = sql<readonly Role[]>`array(
  select granted.role::text from role_grants granted where granted.user_id = users.id order by granted.role)`;

async function loadState(deps: Deps, sessionId: Id): Promise<SessionState | undefined> {
  const [row] = await deps.db.engine
    .select({
      userId: sessions.userId,
      userStatus: users.status,
      roles: rolesColumn,
      mfaAt: sessions.mfaAt,
      revokedAt: sessions.revokedAt,
      absoluteExpiresAt: sessions.absoluteExpiresAt,
    })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(eq(sessions.id, sessionId));
  return row === undefined
    ? undefined
    : {
        userId: row.userId,
        userStatus: row.userStatus,
        roles: row.roles,
        mfaAtMs: row.mfaAt === null ? null : msOfInstant(row.mfaAt),
        revoked: row.revokedAt !== null,
        expiresAtMs: msOfInstant(row.absoluteExpiresAt),
      };
}
