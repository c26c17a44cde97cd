import { eq } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { cancelApprovals, lockOpenApprovals } from '../../platform/approvals/open-approvals.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { publish } from '../../platform/outbox/publish.ts';
import { refuseSelfAction } from '../identity/index.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { refuseFunding } from './errors.ts';
import { depositEvent } from './funding-events.ts';
import { depositMayBecome } from './rules.ts';
import { deposits } from './schema.ts';
import { type Deposit, findDeposit } from './store.ts';

/** The word customers read; what staff typed stays in the audit log. */
const CUSTOMER_WORD = 'not_received';

/**
 * Closes a deposit that was never credited. One person may: no money exists yet, so no guard is
 * lowered, and what arrives later is credited through a new deposit.
 * @effects the deposit's row, its open approvals; audit `deposit.failed`; event `funding.deposit_failed`
 * @errors not_found, self_action, deposit_status_conflict
 */
export async function failDeposit(
  ctx: Ctx,
  input: { readonly depositId: Id; readonly reason: string },
): Promise<Deposit> {
  return transact(ctx, 'engine', async (tx) => {
    const { userId } = await findDeposit(tx, ctx, input.depositId);
    refuseSelfAction(ctx, userId);
    const open = await lockOpenApprovals(tx, input.depositId);
    const before = present(await lockRow(tx, deposits, input.depositId), 'deposits are never deleted');
    if (!depositMayBecome(before.status, 'failed')) {
      throw refuseFunding('deposit_status_conflict');
    }
    const [row] = await tx
      .update(deposits)
      .set({ status: 'failed', failureReason: CUSTOMER_WORD, version: before.version + 1 })
      .where(eq(deposits.id, before.id))
      .returning();
    const deposit = present(row, 'the deposit was locked');
    await cancelApprovals(tx, ctx, open);
    await record(tx, ctx, {
      event: FUNDING_EVENTS['deposit.failed'],
      resource: { type: 'deposit', id: deposit.id },
      subjectUserId: deposit.userId,
      before,
      after: { ...deposit, reason: input.reason },
    });
    await publish(tx, ctx, [depositEvent('funding.deposit_failed', deposit)]);
    return deposit;
  });
}
