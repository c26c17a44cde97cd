import { eq } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { rolesOf } from '../../identity/index.ts';
import { addApplicationStep } from '../applications/application-events.ts';
import { KYC_EVENTS } from '../audit.ts';
import { refuseKyc } from '../errors.ts';
import { REVIEWERS } from '../operation.ts';
import { isDecidable } from '../rules.ts';
import { kycApplications } from '../schema.ts';
import { findApplication, type KycApplication } from '../store.ts';

/**
 * Gives an application that waits to a reviewer.
 * @effects `kyc_applications`, `kyc_application_events`; audit `kyc_application.assigned`
 * @errors not_found, self_review, assignee_unsuitable, application_not_submitted
 */
export async function assignApplication(
  ctx: Ctx,
  applicationId: Id,
  assigneeId: Id,
): Promise<KycApplication> {
  return transact(ctx, 'staff', async (tx) => {
    const { userId } = await findApplication(tx, applicationId);
    if (userId === assigneeId || userId === personOf(ctx.actor)) {
      throw refuseKyc('self_review');
    }
    const roles = await rolesOf(tx, assigneeId);
    if (!REVIEWERS.some((role) => roles.includes(role))) {
      throw refuseKyc('assignee_unsuitable');
    }
    const application = present(await lockRow(tx, kycApplications, applicationId), 'the application exists');
    if (!isDecidable(application.status)) {
      throw refuseKyc('application_not_submitted');
    }
    const begins = application.status === 'submitted';
    const [after] = await tx
      .update(kycApplications)
      .set({
        assigneeId,
        assignedAt: ctx.deps.clock.now(),
        ...(begins ? { status: 'under_review' as const, version: application.version + 1 } : {}),
      })
      .where(eq(kycApplications.id, applicationId))
      .returning();
    const assigned = present(after, 'the application was locked');
    await addApplicationStep(tx, ctx, assigned, {
      type: 'assigned',
      from: application.status,
      detail: { assigneeId },
    });
    await record(tx, ctx, {
      event: KYC_EVENTS['kyc_application.assigned'],
      resource: { type: 'kyc_application', id: applicationId },
      subjectUserId: userId,
      before: application,
      after: assigned,
    });
    return assigned;
  });
}
