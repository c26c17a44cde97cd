import { eq } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { raiseAlarm } from '../../platform/alarms/raise-alarm.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { publish } from '../../platform/outbox/publish.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { refuseFunding } from './errors.ts';
import { withdrawalEvent } from './funding-events.ts';
import { type WithdrawalStatus, withdrawalMayBecome } from './rules.ts';
import { withdrawals } from './schema.ts';
import type { Withdrawal } from './store.ts';

type NextStatus = Extract<
  WithdrawalStatus,
  'under_review' | 'approved' | 'processing' | 'completed' | 'rejected' | 'cancelled' | 'failed' | 'unknown'
>;

export type StatusChange = { readonly status: NextStatus } & Partial<
  Pick<
    Withdrawal,
    | 'approvalId'
    | 'journalId'
    | 'transactionReference'
    | 'payoutReference'
    | 'payoutReportId'
    | 'statementLineId'
    | 'resolutionId'
    | 'rejectionReason'
    | 'decidedAt'
    | 'completedAt'
  >
>;

/**
 * Locks a withdrawal that is about to change its status. Where more than one status leads there, `from`
 * names the one the caller may start from: settling what nobody knows needs other evidence.
 * @errors withdrawal_status_conflict when it may not become that
 */
export async function lockWithdrawal(
  tx: Tx,
  withdrawalId: Id,
  next: NextStatus,
  from?: WithdrawalStatus,
): Promise<Withdrawal> {
  const withdrawal = present(await lockRow(tx, withdrawals, withdrawalId), 'withdrawals are never deleted');
  if (!withdrawalMayBecome(withdrawal.status, next) || (from ?? withdrawal.status) !== withdrawal.status) {
    throw refuseFunding('withdrawal_status_conflict', { detail: `The withdrawal is ${withdrawal.status}.` });
  }
  return withdrawal;
}

/**
 * Gives a locked withdrawal its next status and tells it; the one place that does.
 * @effects one row of `withdrawals`; audit `withdrawal.<status>`, of `unknown` as an alarm; event
 *   `funding.withdrawal_<status>`
 */
export async function recordStatus(
  tx: Tx,
  ctx: Ctx,
  before: Withdrawal,
  change: StatusChange,
  reason?: string,
): Promise<Withdrawal> {
  const [row] = await tx
    .update(withdrawals)
    .set({ ...change, version: before.version + 1 })
    .where(eq(withdrawals.id, before.id))
    .returning();
  const after = present(row, 'the withdrawal was locked');
  // Money may have left of which nobody knows: somebody is called.
  const tell = change.status === 'unknown' ? raiseAlarm : record;
  await tell(tx, ctx, {
    event: FUNDING_EVENTS[`withdrawal.${change.status}`],
    resource: { type: 'withdrawal', id: after.id },
    subjectUserId: after.userId,
    before,
    after: reason === undefined ? after : { ...after, reason },
  });
  await publish(tx, ctx, [withdrawalEvent(`funding.withdrawal_${change.status}`, after)]);
  return after;
}
