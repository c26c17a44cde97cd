import { eq } from 'drizzle-orm';
import { cancelApprovals } from '../../platform/approvals/open-approvals.ts';
import { type Approval, requestApproval } from '../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { approvals } from '../../platform/db/schema.ts';
import { CHECKERS, CHECKERS_WITH_MLRO } from './checkers.ts';
import type { Withdrawal } from './store.ts';
import { type AlsoAsked, APPROVE_WITHDRAWAL, alsoAskedIn, approvalPayload } from './withdrawal-payload.ts';
import { recordStatus } from './withdrawal-status.ts';

export type MoreCheckers = {
  /** The approvals it waits for, locked. */
  readonly open: readonly Approval[];
  readonly mlro: boolean;
  readonly reason: string;
};

/**
 * Puts a locked withdrawal before two people, whoever had approved it.
 * @effects the withdrawal and its approvals; audit `withdrawal.under_review`, event
 *   `funding.withdrawal_under_review`
 */
export async function askMoreCheckers(
  tx: Tx,
  ctx: Ctx,
  withdrawal: Withdrawal,
  { open, mlro, reason }: MoreCheckers,
): Promise<void> {
  await cancelApprovals(tx, ctx, open);
  const approval = await requestApproval(tx, ctx, {
    action: APPROVE_WITHDRAWAL,
    subjectType: 'withdrawal',
    subjectId: withdrawal.id,
    subjectUserId: withdrawal.userId,
    // The customer asked for it; nobody of the firm did.
    makerId: withdrawal.userId,
    payload: approvalPayload(withdrawal, await askedBefore(tx, withdrawal)),
    quorum: 2,
    checkerRoles: mlro ? CHECKERS_WITH_MLRO : CHECKERS,
    reason,
  });
  await recordStatus(tx, ctx, withdrawal, {
    status: 'under_review',
    approvalId: approval.id,
    decidedAt: null,
  });
}

/** As it was first put before people: what the row holds now is looked at when they vote. */
async function askedBefore(tx: Tx, { approvalId }: Withdrawal): Promise<AlsoAsked> {
  const [asked] =
    approvalId === null
      ? []
      : await tx.select({ payload: approvals.payload }).from(approvals).where(eq(approvals.id, approvalId));
  return alsoAskedIn(asked?.payload ?? {});
}
