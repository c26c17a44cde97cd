import { newId } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import { type Client, type Deps, machineCtx, perDeps } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import type { SignedParts } from '../../platform/http/authenticate.ts';
import { refuse } from '../../platform/http/refuse.ts';
import type { ApiKeyState } from './api-key-state.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { spendNonce } from './request-nonces.ts';
import { checkRequestSignature, isSigned, type SignatureFault } from './request-signature.ts';

const NOTE_EVERY_MS = 60_000;

const noted = perDeps(() => new Map<string, number>());

/**
 * Lets a request pass whose key was right and asks for signatures. Someone without the other half of
 * the signing key holds a stolen secret, so the refusal is recorded with the key it concerns.
 * @effects one row of `request_nonces`; audit `api_key.signature_refused`
 * @errors signature_required, signature_invalid (one code for every fault, replays included)
 */
export async function requireSignature(
  deps: Deps,
  key: ApiKeyState,
  publicKey: Uint8Array,
  client: Client,
  request: SignedParts,
): Promise<void> {
  if (!isSigned(request)) {
    await note(deps, key, client, 'missing');
    throw refuse('signature_required');
  }
  const checked = checkRequestSignature(request, {
    keyId: key.id,
    publicKey,
    nowMs: deps.clock.realMs(),
    publicUrl: deps.publicUrl,
  });
  if ('fault' in checked) {
    await note(deps, key, client, checked.fault);
    throw refuse('signature_invalid');
  }
  if (!(await spendNonce(deps, key.id, checked.nonce, checked.createdMs))) {
    await note(deps, key, client, 'replay');
    throw refuse('signature_invalid');
  }
}

/** The request itself is recorded as refused, without a name; this row says whose key it was. */
async function note(
  deps: Deps,
  key: ApiKeyState,
  client: Client,
  fault: SignatureFault | 'replay',
): Promise<void> {
  const nowMs = deps.clock.realMs();
  const name = `${key.id} ${fault}`;
  if (nowMs - (noted(deps).get(name) ?? 0) < NOTE_EVERY_MS) {
    return;
  }
  noted(deps).set(name, nowMs);
  const ctx = { ...machineCtx(deps, { kind: 'system', name: 'authentication' }, newId()), client };
  await transact(ctx, 'engine', (tx) =>
    record(tx, ctx, {
      event: IDENTITY_EVENTS['api_key.signature_refused'],
      resource: { type: 'api_key', id: key.id },
      subjectUserId: key.userId,
      after: { fault },
    }),
  );
}
