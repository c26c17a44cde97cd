import type { Actor } from '../../kernel/actor.ts';
import type { Client, Deps } from '../../platform/context.ts';
import { equalSecrets } from '../../platform/crypto/keyring.ts';
import type { SignedParts } from '../../platform/http/authenticate.ts';
import { isAllowedAddress } from './allowed-addresses.ts';
import { readApiKeyText } from './api-key-format.ts';
import { type ApiKeyState, apiKeyState, noteUse } from './api-key-state.ts';
import { requireSignature } from './require-signature.ts';

/** Compared with where there is no such key, so that an unknown id costs what a wrong secret costs. */
const NO_SECRET = new Uint8Array(32);

/**
 * Says who sends an API key; undefined for every fault of the key itself.
 * @effects perhaps the last use of the key, and what `requireSignature` does
 * @errors signature_required, signature_invalid
 */
export async function keyActor(
  deps: Deps,
  token: string,
  client: Client,
  request: SignedParts | null,
): Promise<Actor | undefined> {
  const text = readApiKeyText(token);
  if (text === undefined || (text.mode === 'test' && deps.mode !== 'sandbox')) {
    return undefined;
  }
  const state = await apiKeyState(deps, text.keyId);
  const secretRight = equalSecrets(state?.secretHash ?? NO_SECRET, text.secretHash);
  if (state === undefined || !secretRight || state.mode !== text.mode || !isUsable(deps, state, client)) {
    return undefined;
  }
  if (state.signingKey !== null && request !== null) {
    await requireSignature(deps, state, state.signingKey, client, request);
  }
  await noteUse(deps, state.id);
  return {
    kind: 'apiKey',
    userId: state.userId,
    roles: state.roles,
    keyId: state.id,
    scopes: state.scopes,
    service: state.service,
  };
}

function isUsable(deps: Deps, state: ApiKeyState, client: Client): boolean {
  return (
    state.activatedAt !== null &&
    state.revokedAt === null &&
    (state.expiresAt === null || state.expiresAt > deps.clock.realNow()) &&
    state.userStatus !== 'suspended' &&
    state.userStatus !== 'closed' &&
    isAllowedAddress(state.allowedCidrs, client.ip)
  );
}
