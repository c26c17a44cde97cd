import { eq } from 'drizzle-orm';
import type { Role } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import { canonicalJson, type Json } from '../../kernel/canonical-json.ts';
import type { ApprovalAction, ApprovedAction } from '../../platform/approvals/actions.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { onCommit, transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { forgetApiKey } from './api-key-state.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import type { ApiKey } from './issue-api-key.ts';
import { recordRevocation } from './revoke-api-key.ts';
import { apiKeys, users } from './schema.ts';
import { rolesColumn } from './session-state.ts';

export const ACTIVATE_KEY = 'api_key.activate';

type Terms = Pick<
  ApiKey,
  'id' | 'userId' | 'name' | 'mode' | 'scopes' | 'allowedCidrs' | 'expiresAt' | 'signingKey'
>;

/** What the checkers see of a service key, and what is compared with the key when it starts to work. */
export function activationPayload(key: Terms, ownerRoles: readonly Role[]): { readonly [key: string]: Json } {
  return {
    keyId: key.id,
    ownerId: key.userId,
    ownerRoles: [...ownerRoles].sort(),
    name: key.name,
    mode: key.mode,
    scopes: key.scopes,
    allowedCidrs: key.allowedCidrs,
    expiresAt: key.expiresAt,
    signed: key.signingKey !== null,
  };
}

/** The vote lets the key work as it was shown, for as long as its owner has the same roles; a refusal ends it. */
export const activateKeyAction: ApprovalAction = {
  action: ACTIVATE_KEY,
  execute: (ctx, approved) => transact(ctx, 'engine', (tx) => activate(tx, ctx, approved)),
  refused: (ctx, { subjectId }, reason) =>
    transact(ctx, 'engine', async (tx) => {
      const key = await lockRow(tx, apiKeys, subjectId);
      if (key !== undefined && key.revokedAt === null) {
        await recordRevocation(tx, ctx, key, reason);
      }
    }),
};

/** @errors conflict where key or owner are no longer what the checkers saw */
async function activate(tx: Tx, ctx: Ctx, { subjectId, approvalId, payload }: ApprovedAction): Promise<void> {
  const key = present(await lockRow(tx, apiKeys, subjectId), 'a key outlives its approval');
  const [owner] = await tx
    .select({ status: users.status, roles: rolesColumn })
    .from(users)
    .where(eq(users.id, key.userId));
  const { status, roles } = present(owner, 'the owner of a key is a user');
  const now = ctx.deps.clock.realNow();
  if (
    key.activatedAt !== null ||
    key.revokedAt !== null ||
    key.approvalId !== approvalId ||
    (key.expiresAt !== null && key.expiresAt <= now) ||
    status === 'suspended' ||
    status === 'closed' ||
    canonicalJson(activationPayload(key, roles)) !== canonicalJson(payload)
  ) {
    throw refuse('conflict', { detail: 'The key or its owner is no longer what was asked for.' });
  }
  const [active] = await tx
    .update(apiKeys)
    .set({ activatedAt: now })
    .where(eq(apiKeys.id, key.id))
    .returning();
  onCommit(tx, () => forgetApiKey(ctx.deps, key.id));
  await record(tx, ctx, {
    event: IDENTITY_EVENTS['api_key.activated'],
    resource: { type: 'api_key', id: key.id },
    subjectUserId: key.userId,
    before: key,
    after: { ...active, reason: `approval ${approvalId}` },
  });
}
