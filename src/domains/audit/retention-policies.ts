import type { z } from '@hono/zod-openapi';
import { asc, eq } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../platform/approvals/request-approval.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import type { RecordClass } from '../../platform/privacy/record-classes.ts';
import { monthsOf } from '../../platform/privacy/retention-policies.ts';
import { retentionPolicies } from '../../platform/privacy/schema.ts';
import { KEEPERS } from './legal-holds.ts';
import type { RetentionPolicyView, SetRetentionPolicy } from './retention-api.ts';
import { RETENTION_EVENTS } from './retention-events.ts';

const ACTION = 'retention_policy.set';

type PolicyView = z.output<typeof RetentionPolicyView>;

/** How long each class of records is kept. */
export async function listPolicies(ctx: Ctx): Promise<readonly PolicyView[]> {
  return transact(ctx, ctx.login, async (tx) => {
    const rows = await tx.select().from(retentionPolicies).orderBy(asc(retentionPolicies.recordClass));
    return rows.map((policy) => ({
      ...policy,
      months: monthsOf(policy, ctx.deps),
      source: policy.months === null ? 'setting' : 'policy',
    }));
  });
}

/**
 * Puts a policy before another person, whether it keeps longer or shorter.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors approval_pending_exists
 */
export async function proposePolicy(
  ctx: Ctx,
  recordClass: RecordClass,
  input: z.output<typeof SetRetentionPolicy>,
): Promise<Approval> {
  return transact(ctx, 'engine', async (tx) => {
    const [policy] = await tx
      .select()
      .from(retentionPolicies)
      .where(eq(retentionPolicies.recordClass, recordClass));
    const known = present(policy, 'each class has its policy');
    return requestApproval(tx, ctx, {
      action: ACTION,
      subjectType: 'retention_policy',
      subjectId: known.id,
      subjectUserId: null,
      payload: {
        recordClass,
        monthsBefore: monthsOf(known, ctx.deps),
        months: input.months,
        basis: input.basis,
      },
      quorum: 1,
      checkerRoles: KEEPERS,
      reason: input.reason,
    });
  });
}

/** What the vote on a policy does; it holds for everything that is looked at from then on. */
export const policyChange: ApprovalAction = {
  action: ACTION,
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const { months, basis } = approved.payload as { readonly months: number | null; readonly basis: string };
    const before = present(await lockRow(tx, retentionPolicies, approved.subjectId), 'policies stay');
    const [after] = await tx
      .update(retentionPolicies)
      .set({
        months,
        basis,
        approvalId: approved.approvalId,
        version: before.version + 1,
        changedAt: ctx.deps.clock.realNow(),
      })
      .where(eq(retentionPolicies.id, before.id))
      .returning();
    await record(tx, ctx, {
      event: RETENTION_EVENTS['retention_policy.changed'],
      resource: { type: 'retention_policy', id: before.id },
      subjectUserId: null,
      before,
      after: present(after, 'the policy was locked'),
    });
  },
};
