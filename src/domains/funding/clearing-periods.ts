import { asc, eq } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import { newId } from '../../kernel/id.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../platform/approvals/request-approval.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { TERM_ROLES } from './propose-funding-limit.ts';
import type { FundingMethod } from './rules.ts';
import { clearingPeriods } from './schema.ts';

export type ClearingPeriod = typeof clearingPeriods.$inferSelect;

type Terms = { readonly method: FundingMethod; readonly days: number };

const SET = 'clearing_period.set';

/** How long each way of paying in can be called back; a way that is not listed is refused. */
export async function listClearingPeriods(ctx: Ctx): Promise<readonly ClearingPeriod[]> {
  return transact(ctx, 'staff', (tx) =>
    tx.select().from(clearingPeriods).orderBy(asc(clearingPeriods.method)),
  );
}

/**
 * Puts a clearing period before another person. Deposits that are credited already keep theirs.
 * @units bank days from the value date; of coins days of the calendar
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors approval_pending_exists
 */
export async function proposeClearingPeriod(
  ctx: Ctx,
  { method, days, reason }: Terms & { readonly reason: string },
): Promise<Approval> {
  return transact(ctx, 'staff', (tx) =>
    requestApproval(tx, ctx, {
      action: SET,
      subjectType: 'clearing_period',
      subjectId: newId(),
      subjectUserId: null,
      payload: { method, days },
      quorum: 1,
      checkerRoles: TERM_ROLES,
      reason,
    }),
  );
}

/** What the vote on a clearing period does. */
export const clearingPeriodChange: ApprovalAction = {
  action: SET,
  execute: async (ctx, { approvalId, subjectId, payload }) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const { method, days } = payload as Terms;
    await lockExclusive(tx, [`${SET}:${method}`]);
    const [before] = await tx.select().from(clearingPeriods).where(eq(clearingPeriods.method, method));
    const [after] =
      before === undefined
        ? await tx
            .insert(clearingPeriods)
            .values({ method, days, approvalId, createdAt: ctx.deps.clock.now() })
            .returning()
        : await tx
            .update(clearingPeriods)
            .set({ days, approvalId })
            .where(eq(clearingPeriods.method, method))
            .returning();
    await record(tx, ctx, {
      event: FUNDING_EVENTS['clearing_period.changed'],
      resource: { type: 'clearing_period', id: subjectId },
      subjectUserId: null,
      ...(before === undefined ? {} : { before }),
      after: present(after, 'the period was written'),
    });
  },
};
