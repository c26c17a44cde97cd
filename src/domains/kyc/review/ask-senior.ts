import { eq } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../../platform/approvals/request-approval.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { lockGateExclusively } from '../../identity/index.ts';
import { addApplicationStep } from '../applications/application-events.ts';
import { KYC_EVENTS } from '../audit.ts';
import { refuseKyc } from '../errors.ts';
import { isDecidable } from '../rules.ts';
import { kycApplications } from '../schema.ts';
import { findApplication, type KycApplication } from '../store.ts';
import { type Judgement, judge } from './judge.ts';
import { approveLocked } from './write-decision.ts';

/** Who is senior here: the officer who answers for it by name. */
const SENIOR_ROLES = ['mlro'] as const;

/**
 * Puts an approval before a senior person; until they vote nothing about the application changes.
 * @effects one row of `approvals`, `kyc_applications`, `kyc_application_events`; audit
 * @errors approval_pending_exists
 */
export async function askSenior(
  tx: Tx,
  ctx: Ctx,
  application: KycApplication,
  { senior, critical }: Judgement,
  reason: string,
): Promise<Approval> {
  const [after] = await tx
    .update(kycApplications)
    .set({ status: 'under_review', needsSenior: true, version: application.version + 1 })
    .where(eq(kycApplications.id, application.id))
    .returning();
  const asked = present(after, 'the application was locked');
  const approval = await requestApproval(tx, ctx, {
    action: approveApplicationAction.action,
    subjectType: 'kyc_application',
    subjectId: application.id,
    subjectUserId: application.userId,
    payload: {
      version: asked.version,
      level: asked.level,
      reasons: [...senior],
      notices: [...critical],
    },
    quorum: 1,
    checkerRoles: SENIOR_ROLES,
    reason,
  });
  await addApplicationStep(tx, ctx, asked, {
    type: 'senior_asked',
    from: application.status,
    detail: { reasons: senior, approvalId: approval.id },
  });
  await record(tx, ctx, {
    event: KYC_EVENTS['kyc_application.senior_asked'],
    resource: { type: 'kyc_application', id: application.id },
    subjectUserId: application.userId,
    before: application,
    after: asked,
  });
  return approval;
}

/** Runs when a senior person agrees: all is looked at again, as it is now. */
export const approveApplicationAction: ApprovalAction = {
  action: 'kyc_application.approve',
  restricted: true,
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'approved actions run in the transaction of the vote');
    const { userId } = await findApplication(tx, approved.subjectId);
    await lockGateExclusively(tx, userId);
    const application = present(
      await lockRow(tx, kycApplications, approved.subjectId),
      'the application exists',
    );
    if (!isDecidable(application.status) || application.version !== approved.payload.version) {
      throw refuseKyc('application_changed');
    }
    const judgement = await judge(tx, ctx, application);
    if (judgement.blocked !== null) {
      throw refuseKyc(judgement.blocked);
    }
    const { reasons, notices } = approved.payload;
    if (!isAllIn(judgement.senior, reasons) || !isAllIn(judgement.critical, notices)) {
      throw refuseKyc('application_changed');
    }
    await approveLocked(tx, ctx, application, {
      reason: 'Agreed by a senior person',
      reviewerId: approved.makerId,
      approvalId: approved.approvalId,
      judgement,
    });
  },
  refused: async (ctx, approved) => {
    const tx = present(ctx.tx, 'an approval ends in a transaction');
    const application = await lockRow(tx, kycApplications, approved.subjectId);
    if (application === undefined || !isDecidable(application.status)) {
      return;
    }
    await addApplicationStep(tx, ctx, application, {
      type: 'senior_refused',
      detail: { approvalId: approved.approvalId },
    });
  },
};

/** Whether nothing speaks against it that the senior person was not asked about. */
function isAllIn(found: readonly string[], seen: unknown): boolean {
  return Array.isArray(seen) && found.every((code) => seen.includes(code));
}
