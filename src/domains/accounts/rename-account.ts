import { eq } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { ACCOUNT_EVENTS } from './audit.ts';
import { accounts } from './schema.ts';
import { type Account, lockAccount } from './store.ts';

/**
 * Gives an account of one's own another name.
 * @effects one row of `accounts`; audit `account.renamed`
 * @errors not_found, version_mismatch
 */
export async function renameAccount(ctx: Ctx, accountId: Id, name: string): Promise<Account> {
  return transact(ctx, ctx.login, async (tx) => {
    const before = await lockAccount(tx, ctx, accountId);
    if (before.version !== ctx.ifMatch) {
      throw refuse('version_mismatch');
    }
    const [after] = await tx
      .update(accounts)
      .set({ name, version: before.version + 1, updatedAt: ctx.deps.clock.now() })
      .where(eq(accounts.id, accountId))
      .returning();
    await record(tx, ctx, {
      event: ACCOUNT_EVENTS['account.renamed'],
      resource: { type: 'account', id: accountId },
      subjectUserId: before.userId,
      before,
      after,
    });
    return present(after, 'the account was locked');
  });
}
