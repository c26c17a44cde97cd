import { eq } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { publish } from '../../platform/outbox/publish.ts';
import { lockGateExclusively, refuseSelfAction } from '../identity/index.ts';
import { ACCOUNT_EVENTS } from './audit.ts';
import { refuseAccount } from './errors.ts';
import { accounts } from './schema.ts';
import { type Account, findAccount, lockAccount } from './store.ts';

/**
 * Stops an account at once: money paths that hold its owner's gate finish first, the next ones obey.
 * @effects one row of `accounts`; audit `account.frozen`; event `accounts.account_frozen`
 * @errors not_found, self_action, account_not_active
 */
export async function freezeAccount(ctx: Ctx, accountId: Id, reason: string): Promise<Account> {
  return transact(ctx, 'engine', async (tx) => {
    const { userId } = await findAccount(tx, ctx, accountId);
    refuseSelfAction(ctx, userId);
    await lockGateExclusively(tx, userId);
    const before = await lockAccount(tx, ctx, accountId);
    if (before.status !== 'active') {
      throw refuseAccount('account_not_active');
    }
    return recordStatus(tx, ctx, before, 'frozen', reason);
  });
}

/** Writes a status with its evidence; the caller has locked gate and account. */
export async function recordStatus(
  tx: Tx,
  ctx: Ctx,
  before: Account,
  status: 'active' | 'frozen',
  reason: string,
): Promise<Account> {
  const [after] = await tx
    .update(accounts)
    .set({ status, version: before.version + 1, updatedAt: ctx.deps.clock.now() })
    .where(eq(accounts.id, before.id))
    .returning();
  const word = status === 'frozen' ? 'frozen' : 'unfrozen';
  await record(tx, ctx, {
    event: ACCOUNT_EVENTS[`account.${word}`],
    resource: { type: 'account', id: before.id },
    subjectUserId: before.userId,
    before,
    after: { ...after, reason },
  });
  await publish(tx, ctx, [
    {
      type: `accounts.account_${word}`,
      userId: before.userId,
      accountId: before.id,
      customerVisible: true,
      data: { accountId: before.id, status },
    },
  ]);
  return present(after, 'the account was locked');
}
