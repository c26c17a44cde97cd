import { eq } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import { cancelApprovals, lockOpenApprovals } from '../../platform/approvals/open-approvals.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { onCommit, transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { forgetApiKey } from './api-key-state.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import type { ApiKey } from './issue-api-key.ts';
import { apiKeys } from './schema.ts';
import { refuseSelfAction, signedIn } from './signed-in.ts';

/**
 * Ends a key of one's own; it is refused everywhere within a second. A service key that still waits
 * takes its approval with it.
 * @effects one row of `api_keys`, perhaps one of `approvals`; audit `api_key.revoked`
 * @errors not_found
 */
export async function revokeApiKey(ctx: Ctx, keyId: Id): Promise<void> {
  const { userId } = signedIn(ctx);
  await transact(ctx, 'engine', (tx) => revoke(tx, ctx, userId, keyId, 'revoked by its owner'));
}

/**
 * Ends a key of another person, as staff.
 * @effects as `revokeApiKey`
 * @errors self_action, not_found
 */
export async function revokeUserApiKey(ctx: Ctx, userId: Id, keyId: Id): Promise<void> {
  refuseSelfAction(ctx, userId);
  await transact(ctx, 'engine', (tx) => revoke(tx, ctx, userId, keyId, 'revoked by staff'));
}

/** Ends a key that the caller has locked. @effects one row of `api_keys`; audit `api_key.revoked` */
export async function recordRevocation(tx: Tx, ctx: Ctx, key: ApiKey, reason: string): Promise<void> {
  const [revoked] = await tx
    .update(apiKeys)
    .set({ revokedAt: ctx.deps.clock.realNow() })
    .where(eq(apiKeys.id, key.id))
    .returning();
  onCommit(tx, () => forgetApiKey(ctx.deps, key.id));
  await record(tx, ctx, {
    event: IDENTITY_EVENTS['api_key.revoked'],
    resource: { type: 'api_key', id: key.id },
    subjectUserId: key.userId,
    before: key,
    after: { ...revoked, reason },
  });
}

async function revoke(tx: Tx, ctx: Ctx, userId: Id, keyId: Id, reason: string): Promise<void> {
  const open = await lockOpenApprovals(tx, keyId);
  const key = await lockRow(tx, apiKeys, keyId);
  if (key?.userId !== userId || key.revokedAt !== null) {
    throw refuse('not_found');
  }
  await cancelApprovals(tx, ctx, open);
  await recordRevocation(tx, ctx, key, reason);
}
