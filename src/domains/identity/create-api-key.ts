import { and, eq, isNull } from 'drizzle-orm';
import { assert, present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { ANY_SCOPE, API_SCOPES, type ApiKeyMode, type ApiScope, newApiKeyText } from './api-key-format.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { refuseIdentity } from './errors.ts';
import { apiKeys } from './schema.ts';

export type ApiKey = typeof apiKeys.$inferSelect;

export type NewApiKey = {
  readonly userId: Id;
  readonly name: string;
  readonly scopes: readonly string[];
  /** `test` in the sandbox and `live` elsewhere, unless given. */
  readonly mode?: ApiKeyMode | undefined;
  /** Networks the key may be used from; none means everywhere. */
  readonly allowedCidrs?: readonly string[] | undefined;
  readonly expiresAt?: Instant | undefined;
};

const MAX_KEYS = 20;

/**
 * Makes an API key; its text is answered this once and never stored. Test keys exist in the sandbox only.
 * @effects one row of `api_keys`; audit `api_key.created`
 * @errors scope_unknown, api_key_limit_reached
 */
export async function createApiKey(
  ctx: Ctx,
  input: NewApiKey,
): Promise<{ readonly apiKey: ApiKey; readonly secret: string }> {
  const sandbox = ctx.deps.mode === 'sandbox';
  if (!input.scopes.every((scope) => isScope(scope) || (sandbox && scope === ANY_SCOPE))) {
    throw refuseIdentity('scope_unknown');
  }
  const id = newId();
  const mode = input.mode ?? (sandbox ? 'test' : 'live');
  assert(mode === 'live' || sandbox, 'test keys exist in the sandbox only');
  const { text, secretHash } = newApiKeyText(mode, id);
  return transact(ctx, 'engine', async (tx) => {
    await lockExclusive(tx, [`api-keys:${input.userId}`]);
    const live = await tx
      .select({ id: apiKeys.id })
      .from(apiKeys)
      .where(and(eq(apiKeys.userId, input.userId), isNull(apiKeys.revokedAt)));
    if (live.length >= MAX_KEYS) {
      throw refuseIdentity('api_key_limit_reached');
    }
    const [apiKey] = await tx
      .insert(apiKeys)
      .values({
        id,
        userId: input.userId,
        name: input.name,
        mode,
        secretHash,
        scopes: [...new Set(input.scopes)].sort(),
        allowedCidrs: [...(input.allowedCidrs ?? [])],
        createdAt: ctx.deps.clock.realNow(),
        expiresAt: input.expiresAt ?? null,
      })
      .returning();
    await record(tx, ctx, {
      event: IDENTITY_EVENTS['api_key.created'],
      resource: { type: 'api_key', id },
      subjectUserId: input.userId,
      after: apiKey,
    });
    return { apiKey: present(apiKey, 'the key was inserted'), secret: text };
  });
}

function isScope(text: string): text is ApiScope {
  return (API_SCOPES as readonly string[]).includes(text);
}
