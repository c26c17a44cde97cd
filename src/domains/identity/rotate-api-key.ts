import { eq } from 'drizzle-orm';
import { type Id, newId } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { onCommit, transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { endOfOverlap } from './api-key-rules.ts';
import { forgetApiKey } from './api-key-state.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { refuseIdentity } from './errors.ts';
import { type ApiKey, type IssuedApiKey, issueApiKey, lockKeysOf } from './issue-api-key.ts';
import { notifyUser } from './notify-user.ts';
import { apiKeys } from './schema.ts';
import { signedIn } from './signed-in.ts';

export type Rotation = {
  /** How long the replaced key goes on working. @units s */
  readonly overlapSeconds: number;
  /** Replaces the signing key, or asks for signatures from now on; without one, signing stays as it was. */
  readonly signingPublicKey?: Uint8Array | undefined;
};

/**
 * Replaces a key of one's own by one with another secret; the old one ends after the overlap. A service
 * key keeps its approval and works at once: name, scopes, networks, owner and expiry are those that two
 * people agreed to, so nothing widens, and a leaked secret must not have to wait for a second person.
 * @effects two rows of `api_keys`; audit `api_key.rotated`; a mail
 * @errors not_found, api_key_not_active, api_key_rotated, api_key_limit_reached
 */
export async function rotateApiKey(ctx: Ctx, keyId: Id, rotation: Rotation): Promise<IssuedApiKey> {
  const { userId } = signedIn(ctx);
  return transact(ctx, 'engine', async (tx) => {
    const [known] = await tx.select({ userId: apiKeys.userId }).from(apiKeys).where(eq(apiKeys.id, keyId));
    if (known?.userId !== userId) {
      throw refuse('not_found');
    }
    await lockKeysOf(tx, ctx, userId, keyId);
    const old = await lockReplaceable(tx, ctx, keyId);
    const now = ctx.deps.clock.realNow();
    const issued = await issueApiKey(tx, ctx, {
      id: newId(),
      userId,
      name: old.name,
      mode: old.mode,
      scopes: old.scopes,
      allowedCidrs: old.allowedCidrs,
      expiresAt: old.expiresAt,
      signingKey: rotation.signingPublicKey ?? old.signingKey,
      service: old.service,
      approvalId: old.approvalId,
      rotatedFromId: old.id,
      activatedAt: now,
    });
    const expiresAt = endOfOverlap(old.expiresAt, now, rotation.overlapSeconds);
    await tx.update(apiKeys).set({ expiresAt }).where(eq(apiKeys.id, old.id));
    onCommit(tx, () => forgetApiKey(ctx.deps, old.id));
    await record(tx, ctx, {
      event: IDENTITY_EVENTS['api_key.rotated'],
      resource: { type: 'api_key', id: old.id },
      subjectUserId: userId,
      before: { ...old, signed: old.signingKey !== null },
      after: {
        ...old,
        expiresAt,
        rotatedToId: issued.apiKey.id,
        signed: issued.apiKey.signingKey !== null,
      },
    });
    await notifyUser(tx, ctx, userId, 'api_key_rotated');
    return issued;
  });
}

async function lockReplaceable(tx: Tx, ctx: Ctx, keyId: Id): Promise<ApiKey> {
  const key = await lockRow(tx, apiKeys, keyId);
  const now = ctx.deps.clock.realNow();
  if (
    key === undefined ||
    key.activatedAt === null ||
    key.revokedAt !== null ||
    (key.expiresAt !== null && key.expiresAt <= now)
  ) {
    throw refuseIdentity('api_key_not_active');
  }
  const [successor] = await tx
    .select({ id: apiKeys.id })
    .from(apiKeys)
    .where(eq(apiKeys.rotatedFromId, keyId));
  if (successor !== undefined) {
    throw refuseIdentity('api_key_rotated');
  }
  return key;
}
