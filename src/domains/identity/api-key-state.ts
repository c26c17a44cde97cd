/**
 * What a node believes of an API key and its owner: revocation, activation and suspension act within a
 * second on every node (revocations.ts).
 */
import { and, eq, isNull, lt, or, sql } from 'drizzle-orm';
import type { Role } from '../../kernel/actor.ts';
import type { Id } from '../../kernel/id.ts';
import { addMs } from '../../kernel/time.ts';
import { type Deps, perDeps } from '../../platform/context.ts';
import { briefCache } from './brief-cache.ts';
import { revocations } from './revocations.ts';
import { apiKeys, users } from './schema.ts';
import { rolesColumn } from './session-state.ts';

export type ApiKeyState = typeof apiKeys.$inferSelect & {
  readonly userStatus: (typeof users.$inferSelect)['status'];
  readonly roles: readonly Role[];
};

const LAST_USE_STEP_MS = 60_000;

const states = perDeps((deps: Deps) => {
  const { listener, on } = revocations(deps);
  const cache = briefCache<ApiKeyState>({
    listener,
    load: (keyId) => loadState(deps, keyId),
    ownerOf: (key) => key.userId,
  });
  on('key', cache.forget);
  on('user', cache.forgetOwner);
  return cache;
});
const noted = perDeps(() => new Map<Id, number>());

/** A key with its owner's status and roles; undefined where there is none. */
export function apiKeyState(deps: Deps, keyId: Id): Promise<ApiKeyState | undefined> {
  return states(deps).get(keyId);
}

/** Drops what this node believes of a key, after a commit that changed it. */
export function forgetApiKey(deps: Deps, keyId: Id): void {
  states(deps).forget(keyId);
  noted(deps).delete(keyId);
}

/** Notes the use of a key, to the minute. @effects perhaps one row of `api_keys` */
export async function noteUse(deps: Deps, keyId: Id): Promise<void> {
  const nowMs = deps.clock.realMs();
  if (nowMs - (noted(deps).get(keyId) ?? 0) < LAST_USE_STEP_MS) {
    return;
  }
  noted(deps).set(keyId, nowMs);
  const now = deps.clock.realNow();
  const stale = or(isNull(apiKeys.lastUsedAt), lt(apiKeys.lastUsedAt, addMs(now, -LAST_USE_STEP_MS)));
  await deps.db.engine
    .update(apiKeys)
    .set({ lastUsedAt: now })
    .where(and(eq(apiKeys.id, keyId), stale));
}

async function loadState(deps: Deps, keyId: Id): Promise<ApiKeyState | undefined> {
  const [row] = await deps.db.engine
    .select({ key: apiKeys, userStatus: users.status, roles: sql<readonly Role[]>`${rolesColumn}` })
    .from(apiKeys)
    .innerJoin(users, eq(users.id, apiKeys.userId))
    .where(eq(apiKeys.id, keyId));
  return row === undefined ? undefined : { ...row.key, userStatus: row.userStatus, roles: row.roles };
}
