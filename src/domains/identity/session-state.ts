/**
 * Whether a session and its user still may: revocation and suspension act within a second on every node
 * although access tokens live ten minutes (revocations.ts). Money paths read the gate in their own
 * transaction whatever this says (I8).
 */
import { sql } from 'drizzle-orm';
import { type Actor, isStaffRole, type Role } from '../../kernel/actor.ts';
import type { Id } from '../../kernel/id.ts';
import { msOfInstant } from '../../kernel/time.ts';
import { type Deps, perDeps } from '../../platform/context.ts';
import { readColumns } from '../../platform/db/read-columns.ts';
import { briefCache } from './brief-cache.ts';
import { revocations } from './revocations.ts';
import { sessions, users } from './schema.ts';

export type SessionState = {
  /** Who acts in it, made once for all requests. */
  readonly actor: Extract<Actor, { kind: 'customer' | 'staff' }>;
  readonly methods: readonly string[];
  readonly revoked: boolean;
  readonly userStatus: (typeof users.$inferSelect)['status'];
  readonly expiresAtMs: number;
  /** When it was asked from the database. */
  readonly loadedAtMs: number;
};

/** What a token says of its session. @units milliseconds, whole seconds */
export type SessionClaims = {
  readonly sessionId: Id;
  /** The second factor this token knew of. */
  readonly mfaAtMs: number | null;
  readonly issuedAtMs: number;
};

/** How far the clocks of two nodes may differ for a step-up on one to count at once on the other. */
const CLOCK_SKEW_MS = 1_000;

const states = perDeps((deps: Deps) => {
  const { listener, on } = revocations(deps);
  const cache = briefCache<SessionState>({
    listener,
    load: (sessionId) => loadState(deps, sessionId),
    ownerOf: (state) => state.actor.userId,
  });
  on('session', cache.forget);
  on('user', cache.forgetOwner);
  return cache;
});

/** The state of a session where it is known without waiting. */
export function knownSession(deps: Deps, claims: SessionClaims): SessionState | undefined {
  const state = states(deps).peek(claims.sessionId);
  return state === undefined || isBehind(state, claims) ? undefined : state;
}

/** The state of a session; undefined where there is none. */
export async function sessionState(deps: Deps, claims: SessionClaims): Promise<SessionState | undefined> {
  const state = await states(deps).get(claims.sessionId);
  if (state === undefined || !isBehind(state, claims)) {
    return state;
  }
  states(deps).forget(claims.sessionId);
  return states(deps).get(claims.sessionId);
}

/** A token that knows of a later second factor was made after this was read: the step-up counts at once. */
function isBehind(state: SessionState, claims: SessionClaims): boolean {
  return (
    claims.mfaAtMs !== null &&
    claims.mfaAtMs > (state.actor.mfaAtMs ?? 0) &&
    state.loadedAtMs <= claims.issuedAtMs + CLOCK_SKEW_MS
  );
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

const READ = ['userId', 'methods', 'mfaAt', 'revokedAt', 'absoluteExpiresAt'] as const;

type StoredUser = {
  readonly user_status: SessionState['userStatus'];
  readonly roles: readonly Role[];
};

async function loadState(deps: Deps, sessionId: Id): Promise<SessionState | undefined> {
  const loadedAtMs = deps.clock.realMs();
  // Prepared: whoever was not heard of for a minute waits for this.
  const [row] = await readColumns<typeof sessions, (typeof READ)[number], StoredUser>(
    deps.db.engine,
    sessions,
    READ,
    sql`${sessions} join ${users} on ${users.id} = ${sessions.userId} where ${sessions.id} = ${sessionId}`,
    sql`${users.status} as user_status, ${rolesColumn} as roles`,
  );
  if (row === undefined) {
    return undefined;
  }
  const mfaAtMs = row.mfaAt === null ? null : msOfInstant(row.mfaAt);
  const kind = row.roles.some(isStaffRole) ? 'staff' : 'customer';
  return {
    actor: { kind, userId: row.userId, roles: row.roles, sessionId, mfaAtMs },
    methods: row.methods,
    revoked: row.revokedAt !== null,
    userStatus: row.user_status,
    expiresAtMs: msOfInstant(row.absoluteExpiresAt),
    loadedAtMs,
  };
}
