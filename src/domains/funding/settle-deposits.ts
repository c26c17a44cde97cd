import { and, eq, gt, lte } from 'drizzle-orm';
import { amountOf } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import { dayOf } from '../../kernel/business-date.ts';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { lockWallets } from '../ledger/index.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { changeUnsettled } from './credit-deposit.ts';
import { deposits } from './schema.ts';

/**
 * Lets customers withdraw what can no longer be called back: deposits whose settlement date has come.
 * @effects `wallets.unsettled` and deposits, each in a transaction of its own; audit `deposit.settled`
 */
export async function settleDeposits(ctx: Ctx): Promise<void> {
  const today = dayOf(ctx.deps.clock.now(), ctx.deps.timeZone);
  const due = await transact(ctx, 'engine', (tx) =>
    tx
      .select({ id: deposits.id })
      .from(deposits)
      .where(and(gt(deposits.unsettled, amountOf(0n)), lte(deposits.settlementDate, today)))
      .orderBy(deposits.id),
  );
  for (const { id } of due) {
    await settle(ctx, id);
  }
}

/** Another run, or a refund, may have been there first. */
async function settle(ctx: Ctx, depositId: Id): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    const before = present(await lockRow(tx, deposits, depositId), 'deposits are never deleted');
    if (before.unsettled === 0n) {
      return;
    }
    await lockWallets(tx, [before.walletId]);
    await changeUnsettled(tx, before.walletId, -before.unsettled);
    const [row] = await tx
      .update(deposits)
      .set({ unsettled: amountOf(0n), version: before.version + 1 })
      .where(eq(deposits.id, depositId))
      .returning();
    await record(tx, ctx, {
      event: FUNDING_EVENTS['deposit.settled'],
      resource: { type: 'deposit', id: depositId },
      subjectUserId: before.userId,
      before,
      after: present(row, 'the deposit was locked'),
    });
  });
}
