import { eq } from 'drizzle-orm';
import { personOf } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { publish } from '../../platform/outbox/publish.ts';
import { activateUser, changeGate, type Gate, lockGateExclusively, lockGates } from '../identity/index.ts';
import { KYC_EVENTS } from './audit.ts';
import { refuseKyc } from './errors.ts';
import { reviewNotices } from './review-notices.ts';
import { approvalWaitsFor, isDecidable } from './rules.ts';
import { kycApplications, kycDecisions } from './schema.ts';
import { declarationOf, documentsOf, findApplication, type KycApplication } from './store.ts';

export type KycOutcome = 'approved' | 'rejected' | 'resubmission_required';

/**
 * A reviewer's decision. Approval needs a clear screening; the gate changes in the same transaction,
 * so that the next money transaction obeys it.
 * @effects `kyc_applications`, `kyc_decisions`, `customer_gates`; audit; event `kyc.application_decided`
 * @errors not_found, self_review, application_not_submitted, screening_not_clear
 */
export async function decideApplication(
  ctx: Ctx,
  applicationId: Id,
  outcome: KycOutcome,
  reason: string,
): Promise<KycApplication> {
  const reviewerId = present(personOf(ctx.actor), 'a reviewer is a person');
  return transact(ctx, 'staff', async (tx) => {
    const { userId } = await findApplication(tx, applicationId);
    if (userId === reviewerId) {
      throw refuseKyc('self_review');
    }
    await lockGateExclusively(tx, userId);
    const application = present(await lockRow(tx, kycApplications, applicationId), 'the application exists');
    if (!isDecidable(application.status)) {
      throw refuseKyc('application_not_submitted');
    }
    const gate = present((await lockGates(tx, [userId])).get(userId), 'every user has a gate');
    const waitsFor = outcome === 'approved' ? approvalWaitsFor(gate) : null;
    if (waitsFor !== null) {
      throw refuseKyc(waitsFor);
    }
    const level = outcome === 'approved' ? { kycLevel: application.level } : {};
    await changeGate(tx, ctx, userId, { kycStatus: outcome, ...level });
    if (outcome === 'approved') {
      await activateUser(tx, ctx, userId);
    }
    return writeDecision(tx, ctx, application, { outcome, reason, reviewerId, gate });
  });
}

type Decision = {
  readonly outcome: KycOutcome;
  readonly reason: string;
  readonly reviewerId: Id;
  readonly gate: Gate;
};

async function writeDecision(
  tx: Tx,
  ctx: Ctx,
  application: KycApplication,
  { outcome, reason, reviewerId, gate }: Decision,
): Promise<KycApplication> {
  const decidedAt = ctx.deps.clock.now();
  const documents = await documentsOf(tx, application.id);
  // Nobody is closed, let alone erased, while an application waits for its decision.
  const declaration = present(await declarationOf(tx, ctx, application), 'the applicant is not erased');
  await tx.insert(kycDecisions).values({
    id: newId(),
    applicationId: application.id,
    userId: application.userId,
    outcome,
    reason,
    evidence: {
      level: application.level,
      screening: gate.screening,
      documents: documents.map(({ id, type }) => ({ id, type })),
      notices: await reviewNotices(tx, ctx, application, declaration, documents),
    },
    decidedBy: reviewerId,
    decidedAt,
  });
  const [after] = await tx
    .update(kycApplications)
    .set({ status: outcome, decidedAt, version: application.version + 1 })
    .where(eq(kycApplications.id, application.id))
    .returning();
  const decided = present(after, 'the application was locked');
  await record(tx, ctx, {
    event: KYC_EVENTS['kyc_application.decided'],
    resource: { type: 'kyc_application', id: application.id },
    subjectUserId: application.userId,
    before: application,
    after: { ...decided, outcome },
  });
  await publish(tx, ctx, [
    {
      type: 'kyc.application_decided',
      userId: application.userId,
      customerVisible: true,
      data: { applicationId: application.id, status: outcome },
    },
  ]);
  return decided;
}
