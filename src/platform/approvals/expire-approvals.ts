import { and, eq, lte } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Json } from '../../kernel/canonical-json.ts';
import type { Id } from '../../kernel/id.ts';
import { record } from '../audit/record.ts';
import type { Ctx } from '../context.ts';
import { lockRow } from '../db/locks.ts';
import { approvals } from '../db/schema.ts';
import { transact } from '../db/transact.ts';
import { approvalEvent } from './audit.ts';

const EXPIRED = 'not decided in time';

/**
 * Closes what nobody decided in time, so that what waits for it (a hold, a second request) goes on. Each
 * approval has a transaction of its own: one that cannot be closed keeps no other open.
 * @effects rows of `approvals`; audit `approval.expired`; whatever the action does when refused
 */
export async function expireApprovals(ctx: Ctx): Promise<void> {
  const overdue = await transact(ctx, 'engine', (tx) =>
    tx
      .select({ id: approvals.id })
      .from(approvals)
      .where(and(eq(approvals.status, 'pending'), lte(approvals.expiresAt, ctx.deps.clock.realNow())))
      .orderBy(approvals.id),
  );
  for (const { id } of overdue) {
    await expireApproval(ctx, id).catch((failure: unknown) => {
      const name = failure instanceof Error ? failure.name : 'unknown';
      ctx.deps.log.error({ object: id, failure: name }, 'an approval could not expire');
    });
  }
}

async function expireApproval(ctx: Ctx, approvalId: Id): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    const approval = await lockRow(tx, approvals, approvalId);
    if (approval?.status !== 'pending') {
      return;
    }
    const [expired] = await tx
      .update(approvals)
      .set({ status: 'expired', decidedAt: ctx.deps.clock.realNow() })
      .where(eq(approvals.id, approvalId))
      .returning();
    const action = ctx.deps.approvalActions.of(approval.action);
    await action.refused?.(
      { ...ctx, tx },
      {
        approvalId,
        subjectId: approval.subjectId,
        payload: approval.payload as { readonly [key: string]: Json },
        makerId: approval.makerId,
        checkerIds: [],
      },
      EXPIRED,
    );
    await record(tx, ctx, {
      event: approvalEvent(ctx.deps.approvalActions, 'expired', approval.action),
      resource: { type: 'approval', id: approvalId },
      subjectUserId: approval.subjectUserId,
      before: approval,
      after: present(expired, 'the approval was locked'),
    });
  });
}
