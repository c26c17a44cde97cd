import { eq } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import { cancelApprovals } from '../../platform/approvals/open-approvals.ts';
import type { Approval } from '../../platform/approvals/request-approval.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { publish } from '../../platform/outbox/publish.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { depositEvent } from './funding-events.ts';
import { deposits } from './schema.ts';
import type { Deposit } from './store.ts';

type Ending = {
  /** What the customer reads. */
  readonly word: 'not_received' | 'cancelled' | 'expired';
  /** What staff typed stays in the audit log. */
  readonly reason?: string;
  /** The locked approvals that would have credited it. */
  readonly open: readonly Approval[];
};

/**
 * Ends a locked deposit that was never credited. What is paid for it later waits as a receipt, or as an event that is kept.
 * @effects the deposit's row, its open approvals; audit `deposit.failed`; event `funding.deposit_failed`
 */
export async function recordDepositEnd(
  tx: Tx,
  ctx: Ctx,
  before: Deposit,
  { word, reason, open }: Ending,
): Promise<Deposit> {
  const [row] = await tx
    .update(deposits)
    .set({ status: 'failed', failureReason: word, version: before.version + 1 })
    .where(eq(deposits.id, before.id))
    .returning();
  const deposit = present(row, 'the deposit was locked');
  await cancelApprovals(tx, ctx, open);
  await record(tx, ctx, {
    event: FUNDING_EVENTS['deposit.failed'],
    resource: { type: 'deposit', id: deposit.id },
    subjectUserId: deposit.userId,
    before,
    after: { ...deposit, reason: reason ?? word },
  });
  await publish(tx, ctx, [depositEvent('funding.deposit_failed', deposit)]);
  return deposit;
}
