import type { Actor } from '../../kernel/actor.ts';
import type { Client, Deps } from '../../platform/context.ts';
import { INVALID_TOKEN, type SignedParts } from '../../platform/http/authenticate.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { type AccessClaims, knownToken, readAccessToken } from './access-tokens.ts';
import { actsAsLoneAdmin, knownAsLoneAdmin } from './admins.ts';
import { keyActor } from './authenticate-key.ts';
import { knownSession, type SessionState, sessionState } from './session-state.ts';

/**
 * Says who sends an access token or an API key; for a token that was seen before, without waiting.
 * @errors credential_invalid (one code for every fault: malformed, forged, revoked, suspended, sent from an address
 *   the key does not allow, a test key outside the sandbox), token_expired (an access token of ours whose time is over)
 */
export function authenticate(
  deps: Deps,
  bearer: string,
  client: Client,
  request: SignedParts | null,
): Actor | Promise<Actor> {
  if (bearer.startsWith('pk_')) {
    return keyHolder(deps, bearer, client, request);
  }
  return knownPerson(deps, bearer) ?? person(deps, bearer);
}

async function keyHolder(
  deps: Deps,
  bearer: string,
  client: Client,
  request: SignedParts | null,
): Promise<Actor> {
  const actor = await keyActor(deps, bearer, client, request);
  if (actor === undefined) {
    throw refuse('credential_invalid', INVALID_TOKEN);
  }
  const lone = 'roles' in actor && (await actsAsLoneAdmin(deps, actor.roles, []));
  return lone ? withoutAdmin(actor) : actor;
}

/** Who sends a token, where token, session and all else are known and may be believed. */
function knownPerson(deps: Deps, token: string): Actor | undefined {
  const claims = knownToken(deps, token);
  const state = claims === undefined ? undefined : knownSession(deps, claims);
  if (claims === undefined || state === undefined || !isOpen(deps, state, claims)) {
    return undefined;
  }
  switch (knownAsLoneAdmin(deps, state.actor.roles, state.methods)) {
    case undefined:
      return undefined;
    case true:
      return withoutAdmin(state.actor);
    case false:
      return state.actor;
  }
}

async function person(deps: Deps, token: string): Promise<Actor> {
  const claims = await readAccessToken(deps, token);
  // Whether its session still stands is not asked: who only has a token of before learns nothing of today.
  if (claims === 'expired') {
    throw refuse('token_expired', INVALID_TOKEN);
  }
  const state = claims === undefined ? undefined : await sessionState(deps, claims);
  if (claims === undefined || state === undefined || !isOpen(deps, state, claims)) {
    throw refuse('credential_invalid', INVALID_TOKEN);
  }
  return (await actsAsLoneAdmin(deps, state.actor.roles, state.methods))
    ? withoutAdmin(state.actor)
    : state.actor;
}

function isOpen(deps: Deps, state: SessionState, claims: AccessClaims): boolean {
  return (
    state.actor.userId === claims.userId &&
    !state.revoked &&
    state.userStatus !== 'suspended' &&
    state.userStatus !== 'closed' &&
    state.expiresAtMs > deps.clock.realMs()
  );
}

function withoutAdmin(actor: Extract<Actor, { readonly roles: unknown }>): Actor {
  return { ...actor, roles: actor.roles.filter((role) => role !== 'admin'), loneAdmin: true };
}
