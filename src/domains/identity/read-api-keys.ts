import { desc, eq } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { prefixOf } from './api-key-format.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import type { ApiKey } from './issue-api-key.ts';
import { apiKeys, users } from './schema.ts';
import { refuseSelfAction, signedIn } from './signed-in.ts';

export type ApiKeyView = Omit<ApiKey, 'secretHash' | 'signingKey'> & {
  readonly prefix: string;
  readonly signingPublicKey: string | null;
};

const MAX_LISTED = 200;

/** The keys of the person acting, newest first, revoked ones included. */
export async function listApiKeys(ctx: Ctx): Promise<readonly ApiKeyView[]> {
  const { userId } = signedIn(ctx);
  return transact(ctx, 'app', (tx) => keysOf(tx, userId));
}

/**
 * The keys of another person, for staff who may end them.
 * @effects audit `api_key.listed`
 * @errors self_action, not_found
 */
export async function listUserApiKeys(ctx: Ctx, userId: Id): Promise<readonly ApiKeyView[]> {
  refuseSelfAction(ctx, userId);
  return transact(ctx, ctx.login, async (tx) => {
    const [user] = await tx.select({ id: users.id }).from(users).where(eq(users.id, userId));
    if (user === undefined) {
      throw refuse('not_found');
    }
    const keys = await keysOf(tx, userId);
    await record(tx, ctx, {
      event: IDENTITY_EVENTS['api_key.listed'],
      resource: { type: 'user', id: userId },
      subjectUserId: userId,
      after: { count: keys.length },
    });
    return keys;
  });
}

/** A key as its owner sees it: recognisable, not usable. */
export function viewOfKey(key: ApiKey): ApiKeyView {
  const { secretHash: _secretHash, signingKey, ...shown } = key;
  return {
    ...shown,
    prefix: prefixOf(key.mode, key.id),
    signingPublicKey: signingKey === null ? null : Buffer.from(signingKey).toString('base64'),
  };
}

async function keysOf(tx: Tx, userId: Id): Promise<ApiKeyView[]> {
  const rows = await tx
    .select()
    .from(apiKeys)
    .where(eq(apiKeys.userId, userId))
    .orderBy(desc(apiKeys.id))
    .limit(MAX_LISTED);
  return rows.map(viewOfKey);
}
