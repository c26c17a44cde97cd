import { eq } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { ACCOUNT_EVENTS } from './audit.ts';
import { refuseAccount } from './errors.ts';
import { type AccountLotMethod, accountAllows } from './rules.ts';
import { accounts } from './schema.ts';
import { type Account, lockAccount } from './store.ts';

/**
 * Chooses by which method units leave an account of one's own. It binds what leaves after it is committed: no lot
 * and no disposal of before is touched.
 * @effects one row of `accounts`; audit `account.lot_method_changed`
 * @errors not_found, version_mismatch, account_not_active (closed)
 */
export async function changeLotMethod(
  ctx: Ctx,
  accountId: Id,
  lotMethod: AccountLotMethod,
): Promise<Account> {
  return transact(ctx, ctx.login, async (tx) => {
    const before = await lockAccount(tx, ctx, accountId);
    if (before.version !== ctx.ifMatch) {
      throw refuse('version_mismatch');
    }
    if (!accountAllows(before.status, 'cancel')) {
      throw refuseAccount('account_not_active');
    }
    const [after] = await tx
      .update(accounts)
      .set({ lotMethod, version: before.version + 1, updatedAt: ctx.deps.clock.now() })
      .where(eq(accounts.id, accountId))
      .returning();
    await record(tx, ctx, {
      event: ACCOUNT_EVENTS['account.lot_method_changed'],
      resource: { type: 'account', id: accountId },
      subjectUserId: before.userId,
      before,
      after,
    });
    return present(after, 'the account was locked');
  });
}
