import { eq } from 'drizzle-orm';
import { personOf } from '../../kernel/actor.ts';
import { formatAmount } from '../../kernel/amount.ts';
import type { Id } from '../../kernel/id.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { requestApproval } from '../../platform/approvals/request-approval.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { RISK_EVENTS } from './audit.ts';
import { refuseRisk } from './errors.ts';
import { subjectOf } from './propose-risk-limit.ts';
import { riskLimits, riskLimitWithdrawals } from './schema.ts';
import type { RiskLimit } from './store.ts';

const ACTION = 'risk.withdraw_limit';

/**
 * Puts before another person that a limit binds no longer. Always: whether that loosens anything depends on
 * the wider limit, which may change meanwhile.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors not_found, limit_withdrawn, self_approval (I7: nobody acts on themselves), approval_pending_exists
 */
export async function proposeLimitWithdrawal(
  ctx: Ctx,
  { limitId, reason }: { readonly limitId: Id; readonly reason: string },
): Promise<{ readonly limitId: Id; readonly approvalId: Id; readonly status: 'pending' }> {
  return transact(ctx, 'staff', async (tx) => {
    const limit = await standingLimit(tx, limitId);
    const subjectUserId = await subjectOf(tx, limit.scope, limit.scopeId);
    if (subjectUserId !== null && subjectUserId === personOf(ctx.actor)) {
      throw refuse('self_approval');
    }
    const approval = await requestApproval(tx, ctx, {
      action: ACTION,
      subjectType: 'risk_limit',
      subjectId: limitId,
      subjectUserId,
      payload: {
        scope: limit.scope,
        scopeId: limit.scopeId,
        type: limit.type,
        value: formatAmount(limit.value),
        currency: limit.currency,
        reason,
      },
      quorum: 1,
      checkerRoles: ['risk_manager', 'admin'],
      reason,
    });
    return { limitId, approvalId: approval.id, status: 'pending' as const };
  });
}

/** What the last vote on taking a limit back does. @errors limit_withdrawn */
export const withdrawLimitAction: ApprovalAction = {
  action: ACTION,
  execute: (ctx, { subjectId, payload, makerId, approvalId }) =>
    transact(ctx, 'engine', async (tx) => {
      await lockExclusive(tx, [`risk-limit:${subjectId}`]);
      const limit = await standingLimit(tx, subjectId);
      const { reason } = payload as { readonly reason: string };
      await tx.insert(riskLimitWithdrawals).values({
        limitId: subjectId,
        withdrawnBy: makerId,
        approvalId,
        reason,
        withdrawnAt: ctx.deps.clock.now(),
      });
      await record(tx, ctx, {
        event: RISK_EVENTS['risk_limit.withdrawn'],
        resource: { type: 'risk_limit', id: subjectId },
        subjectUserId: await subjectOf(tx, limit.scope, limit.scopeId),
        before: limit,
        after: { ...limit, approvalId, reason },
      });
    }),
};

/** @errors not_found, limit_withdrawn */
async function standingLimit(tx: Tx, limitId: Id): Promise<RiskLimit> {
  const [found] = await tx
    .select({ limit: riskLimits, withdrawnAt: riskLimitWithdrawals.withdrawnAt })
    .from(riskLimits)
    .leftJoin(riskLimitWithdrawals, eq(riskLimitWithdrawals.limitId, riskLimits.id))
    .where(eq(riskLimits.id, limitId));
  if (found === undefined) {
    throw refuse('not_found');
  }
  if (found.withdrawnAt !== null) {
    throw refuseRisk('limit_withdrawn');
  }
  return found.limit;
}
