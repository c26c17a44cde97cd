import { and, eq } from 'drizzle-orm';
import { personOf } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import { newId } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { publish } from '../../platform/outbox/publish.ts';
import { ACCOUNT_EVENTS } from './audit.ts';
import { refuseAccount } from './errors.ts';
import { isCurrency, MAX_ACCOUNTS_PER_TYPE } from './rules.ts';
import { accounts } from './schema.ts';
import type { Account } from './store.ts';

export type NewAccount = {
  readonly type: Account['type'];
  readonly baseCurrency: string;
  readonly name?: string | undefined;
};

/**
 * Opens an account of the person acting; the first of a type is the default. A live one may be opened
 * before KYC: no money path works until the gate opens.
 * @effects one row of `accounts`; audit `account.opened`; event `accounts.account_opened`
 * @errors currency_unknown, account_limit_reached
 */
export async function createAccount(ctx: Ctx, input: NewAccount): Promise<Account> {
  const userId = present(personOf(ctx.actor), 'an account is opened by its owner');
  if (!isCurrency(input.baseCurrency)) {
    throw refuseAccount('currency_unknown');
  }
  return transact(ctx, ctx.login, async (tx) => {
    await lockExclusive(tx, [`accounts:${userId}`]);
    const existing = await tx
      .select({ id: accounts.id, isDefault: accounts.isDefault })
      .from(accounts)
      .where(and(eq(accounts.userId, userId), eq(accounts.type, input.type)));
    if (existing.length >= MAX_ACCOUNTS_PER_TYPE) {
      throw refuseAccount('account_limit_reached');
    }
    const now = ctx.deps.clock.now();
    const [account] = await tx
      .insert(accounts)
      .values({
        id: newId(),
        userId,
        type: input.type,
        name: input.name ?? `${input.type === 'live' ? 'Live' : 'Paper'} ${existing.length + 1}`,
        baseCurrency: input.baseCurrency,
        status: 'active',
        isDefault: !existing.some((other) => other.isDefault),
        createdAt: now,
        updatedAt: now,
      })
      .returning();
    const opened = present(account, 'the account was inserted');
    await record(tx, ctx, {
      event: ACCOUNT_EVENTS['account.opened'],
      resource: { type: 'account', id: opened.id },
      subjectUserId: userId,
      after: opened,
    });
    await publish(tx, ctx, [
      {
        type: 'accounts.account_opened',
        userId,
        accountId: opened.id,
        customerVisible: true,
        data: { accountId: opened.id, type: opened.type, baseCurrency: opened.baseCurrency },
      },
    ]);
    return opened;
  });
}
