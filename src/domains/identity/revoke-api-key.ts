import { and, eq, isNull } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { onCommit, transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { forgetApiKey } from './api-key-state.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { apiKeys } from './schema.ts';
import { signedIn } from './signed-in.ts';

/**
 * Ends a key of one's own; it is refused everywhere within a second.
 * @effects one row of `api_keys`; audit `api_key.revoked`
 * @errors not_found
 */
export async function revokeApiKey(ctx: Ctx, keyId: Id): Promise<void> {
  const { userId } = signedIn(ctx);
  await transact(ctx, 'engine', async (tx) => {
    const [revoked] = await tx
      .update(apiKeys)
      .set({ revokedAt: ctx.deps.clock.realNow() })
      .where(and(eq(apiKeys.id, keyId), eq(apiKeys.userId, userId), isNull(apiKeys.revokedAt)))
      .returning();
    if (revoked === undefined) {
      throw refuse('not_found');
    }
    onCommit(tx, () => forgetApiKey(ctx.deps, keyId));
    await record(tx, ctx, {
      event: IDENTITY_EVENTS['api_key.revoked'],
      resource: { type: 'api_key', id: keyId },
      subjectUserId: userId,
      after: revoked,
    });
  });
}
