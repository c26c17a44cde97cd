import { and, eq, gt, isNull, ne, or } from 'drizzle-orm';
import { assert, present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { type ApiKeyMode, newApiKeyText } from './api-key-format.ts';
import { refuseIdentity } from './errors.ts';
import { apiKeys } from './schema.ts';

export type ApiKey = typeof apiKeys.$inferSelect;

/** A key and, this once, its text. */
export type IssuedApiKey = { readonly apiKey: ApiKey; readonly secret: string };

const MAX_KEYS = 20;

/**
 * Keeps other changes to the set of a person's keys out, and refuses one more than allowed. A key
 * that is being replaced does not count.
 * @errors api_key_limit_reached
 */
export async function lockKeysOf(tx: Tx, ctx: Ctx, userId: Id, replaced?: Id): Promise<void> {
  await lockExclusive(tx, [`api-keys:${userId}`]);
  const live = await tx
    .select({ id: apiKeys.id })
    .from(apiKeys)
    .where(
      and(
        eq(apiKeys.userId, userId),
        isNull(apiKeys.revokedAt),
        or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, ctx.deps.clock.realNow())),
        replaced === undefined ? undefined : ne(apiKeys.id, replaced),
      ),
    );
  if (live.length >= MAX_KEYS) {
    throw refuseIdentity('api_key_limit_reached');
  }
}

/**
 * Makes the secret of a key and stores its hash; the caller has decided everything and records it.
 * @effects one row of `api_keys`
 */
export async function issueApiKey(
  tx: Tx,
  ctx: Ctx,
  terms: Omit<typeof apiKeys.$inferInsert, 'secretHash' | 'createdAt'>,
): Promise<IssuedApiKey> {
  const mode: ApiKeyMode = terms.mode;
  assert(mode === 'live' || ctx.deps.mode === 'sandbox', 'test keys exist in the sandbox only');
  const { text, secretHash } = newApiKeyText(mode, terms.id as Id);
  const [apiKey] = await tx
    .insert(apiKeys)
    .values({ ...terms, secretHash, createdAt: ctx.deps.clock.realNow() })
    .returning();
  return { apiKey: present(apiKey, 'the key was inserted'), secret: text };
}
