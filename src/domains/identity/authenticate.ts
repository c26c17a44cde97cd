import type { Actor } from '../../kernel/actor.ts';
import { isStaff } from '../../kernel/actor.ts';
import type { Client, Deps } from '../../platform/context.ts';
import { equalSecrets } from '../../platform/crypto/keyring.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { readAccessToken } from './access-tokens.ts';
import { isAllowedAddress } from './allowed-addresses.ts';
import { readApiKeyText } from './api-key-format.ts';
import { apiKeyState, noteUse } from './api-key-state.ts';
import { sessionState } from './session-state.ts';

/**
 * Says who sends an access token or an API key.
 * @errors credential_invalid (one code for every fault: malformed, forged, expired, revoked,
 *   suspended, sent from an address the key does not allow, a test key outside the sandbox)
 */
export async function authenticate(deps: Deps, bearer: string, client: Client): Promise<Actor> {
  const actor = bearer.startsWith('pk_')
    ? await keyActor(deps, bearer, client)
    : await sessionActor(deps, bearer);
  if (actor === undefined) {
    throw refuse('credential_invalid');
  }
  return actor;
}

async function sessionActor(deps: Deps, token: string): Promise<Actor | undefined> {
  const claims = await readAccessToken(deps, token);
  if (claims === undefined) {
    return undefined;
  }
  const state = await sessionState(deps, claims.sessionId, claims.mfaAtMs);
  if (
    state === undefined ||
    state.userId !== claims.userId ||
    state.revoked ||
    state.expiresAtMs <= deps.clock.realMs() ||
    isShutOut(state.userStatus)
  ) {
    return undefined;
  }
  const person = {
    userId: state.userId,
    roles: state.roles,
    sessionId: claims.sessionId,
    mfaAtMs: state.mfaAtMs,
  };
  return isStaff({ kind: 'staff', ...person })
    ? { kind: 'staff', ...person }
    : { kind: 'customer', ...person };
}

async function keyActor(deps: Deps, token: string, client: Client): Promise<Actor | undefined> {
  const text = readApiKeyText(token);
  if (text === undefined || (text.mode === 'test' && deps.mode !== 'sandbox')) {
    return undefined;
  }
  const state = await apiKeyState(deps, text.keyId);
  if (
    state === undefined ||
    !equalSecrets(state.secretHash, text.secretHash) ||
    state.mode !== text.mode ||
    state.revokedAt !== null ||
    (state.expiresAt !== null && state.expiresAt <= deps.clock.realNow()) ||
    isShutOut(state.userStatus) ||
    !isAllowedAddress(state.allowedCidrs, client.ip)
  ) {
    return undefined;
  }
  await noteUse(deps, state.id);
  return { kind: 'apiKey', userId: state.userId, roles: state.roles, keyId: state.id, scopes: state.scopes };
}

function isShutOut(status: string): boolean {
  return status === 'suspended' || status === 'closed';
}
