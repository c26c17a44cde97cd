import { and, desc, eq, inArray } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { cancelApprovals, lockOpenApprovals } from '../../../platform/approvals/open-approvals.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import { changeGate, lockGates } from '../../identity/index.ts';
import { KYC_EVENTS } from '../audit.ts';
import { refuseKyc } from '../errors.ts';
import { isDecidable, isEditable } from '../rules.ts';
import { kycApplications } from '../schema.ts';
import type { KycApplication } from '../store.ts';
import { addApplicationStep } from './application-events.ts';
import { lockOwnApplication } from './own-application.ts';

/**
 * Takes back an application that nobody has decided on. Who was never approved begins anew; who asked for a higher
 * level keeps what they have.
 * @effects `kyc_applications`, `kyc_application_events`, perhaps `customer_gates` and `approvals`; audit; event
 *   `kyc.application_withdrawn`
 * @errors not_found, application_not_withdrawable
 */
export async function withdrawApplication(ctx: Ctx, applicationId: Id): Promise<KycApplication> {
  return transact(ctx, 'engine', async (tx) => {
    // Approvals come before the gate, since a vote holds its approval while it locks what it is about.
    const waiting = await lockOpenApprovals(tx, applicationId);
    const before = await lockOwnApplication(tx, ctx, applicationId);
    if (!isEditable(before.status) && !isDecidable(before.status)) {
      throw refuseKyc('application_not_withdrawable');
    }
    await cancelApprovals(tx, ctx, waiting);
    const gate = present((await lockGates(tx, [before.userId])).get(before.userId), 'every user has a gate');
    if (before.status !== 'draft' && !before.isUpgrade && gate.kycStatus !== 'approved') {
      await changeGate(tx, ctx, before.userId, { kycStatus: await statusBefore(tx, before.userId) });
    }
    const [row] = await tx
      .update(kycApplications)
      .set({ status: 'withdrawn', decidedAt: ctx.deps.clock.now(), version: before.version + 1 })
      .where(eq(kycApplications.id, applicationId))
      .returning();
    const after = present(row, 'the application was locked');
    await addApplicationStep(tx, ctx, after, { type: 'withdrawn', from: before.status });
    await record(tx, ctx, {
      event: KYC_EVENTS['kyc_application.withdrawn'],
      resource: { type: 'kyc_application', id: applicationId },
      subjectUserId: before.userId,
      before,
      after,
    });
    await publish(tx, ctx, [
      {
        type: 'kyc.application_withdrawn',
        userId: before.userId,
        customerVisible: true,
        data: { applicationId },
      },
    ]);
    return after;
  });
}

/** Whom the firm rejected stays so; everybody else begins anew. */
async function statusBefore(tx: Tx, userId: Id): Promise<'rejected' | 'not_started'> {
  const [last] = await tx
    .select({ status: kycApplications.status })
    .from(kycApplications)
    .where(and(eq(kycApplications.userId, userId), inArray(kycApplications.status, ['approved', 'rejected'])))
    .orderBy(desc(kycApplications.decidedAt), desc(kycApplications.id))
    .limit(1);
  return last?.status === 'rejected' ? 'rejected' : 'not_started';
}
