import { and, eq } from 'drizzle-orm';
import type { Role } from '../../kernel/actor.ts';
import { formatAmount, parseAmount } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import { newId } from '../../kernel/id.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../platform/approvals/request-approval.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { requireAsset } from '../ledger/index.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { fundingLimits } from './schema.ts';
import type { FundingLimit } from './seed-funding-limits.ts';

/** Who proposes limits and fees, and who decides on them. */
export const TERM_ROLES = ['compliance_officer', 'mlro', 'admin'] as const satisfies readonly Role[];

const SET_LIMIT = 'funding_limit.set';

/**
 * Puts a limit before another person. A limit is found by what it is for, so that proposing one that is
 * there changes it.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors unknown_asset, approval_pending_exists
 */
export async function proposeFundingLimit(
  ctx: Ctx,
  limit: FundingLimit & { readonly reason: string },
): Promise<Approval> {
  const { reason, maximum, ...key } = limit;
  return transact(ctx, 'staff', async (tx) => {
    await requireAsset(tx, key.asset);
    const [known] = await tx.select({ id: fundingLimits.id }).from(fundingLimits).where(sameLimit(key));
    return requestApproval(tx, ctx, {
      action: SET_LIMIT,
      subjectType: 'funding_limit',
      subjectId: known?.id ?? newId(),
      subjectUserId: null,
      payload: { ...key, maximum: formatAmount(maximum) },
      quorum: 1,
      checkerRoles: TERM_ROLES,
      reason,
    });
  });
}

/** What the vote on a limit does. */
export const limitChange: ApprovalAction = {
  action: SET_LIMIT,
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const { maximum, ...key } = approved.payload as unknown as LimitKey & { readonly maximum: string };
    // Two votes on a limit that is not there yet would both insert it.
    await lockExclusive(tx, [`${SET_LIMIT}:${Object.values(key).join(':')}`]);
    const [before] = await tx.select().from(fundingLimits).where(sameLimit(key));
    const set = { maximum: parseAmount(maximum), approvalId: approved.approvalId };
    const [after] =
      before === undefined
        ? await tx
            .insert(fundingLimits)
            .values({ ...key, ...set, id: approved.subjectId, createdAt: ctx.deps.clock.now() })
            .returning()
        : await tx.update(fundingLimits).set(set).where(eq(fundingLimits.id, before.id)).returning();
    await record(tx, ctx, {
      event: FUNDING_EVENTS['funding_limit.changed'],
      resource: { type: 'funding_limit', id: before?.id ?? approved.subjectId },
      subjectUserId: null,
      ...(before === undefined ? {} : { before }),
      after: present(after, 'the limit was written'),
    });
  },
};

type LimitKey = Omit<FundingLimit, 'maximum'>;

function sameLimit(key: LimitKey) {
  return and(
    eq(fundingLimits.asset, key.asset),
    eq(fundingLimits.kycLevel, key.kycLevel),
    eq(fundingLimits.direction, key.direction),
    eq(fundingLimits.method, key.method),
    eq(fundingLimits.windowHours, key.windowHours),
  );
}
