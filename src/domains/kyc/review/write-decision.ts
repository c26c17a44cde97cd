import { eq } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import { activateUser, changeGate } from '../../identity/index.ts';
import { addApplicationStep } from '../applications/application-events.ts';
import { KYC_EVENTS } from '../audit.ts';
import { kycApplications, kycDecisions } from '../schema.ts';
import type { KycApplication } from '../store.ts';
import type { Judgement } from './judge.ts';
import { acceptProvided } from './settle-items.ts';

export type KycOutcome = 'approved' | 'rejected' | 'resubmission_required';

/** What an applicant may be told; every cause they must not learn of is `not_eligible`, and ordinary ones too. */
export const APPLICANT_REASONS = [
  'identity_not_verified',
  'document_unreadable',
  'document_expired',
  'information_incomplete',
  'not_eligible',
] as const;

export type ApplicantReason = (typeof APPLICANT_REASONS)[number];

type Approved = Pick<Decision, 'reason' | 'reviewerId' | 'approvalId' | 'judgement'>;

/**
 * Approves an application whose gate and row the caller has locked and whose judgement lets it.
 * @effects `customer_gates`, `users`, `kyc_items`, and as `writeDecision`
 */
export async function approveLocked(
  tx: Tx,
  ctx: Ctx,
  application: KycApplication,
  approved: Approved,
): Promise<KycApplication> {
  const { userId, level } = application;
  await changeGate(tx, ctx, userId, { kycStatus: 'approved', kycLevel: level });
  await activateUser(tx, ctx, userId);
  await acceptProvided(tx, ctx, application, approved.reviewerId);
  return writeDecision(tx, ctx, application, { ...approved, outcome: 'approved', reasonCode: null });
}

type Decision = {
  readonly outcome: KycOutcome;
  readonly reason: string;
  readonly reasonCode: ApplicantReason | null;
  readonly reviewerId: Id;
  readonly approvalId: Id | null;
  readonly judgement: Judgement;
};

/**
 * Writes a decision and what it makes of the application; the caller has locked both and seen to the gate.
 * @effects `kyc_decisions`, `kyc_applications`, `kyc_application_events`; audit; event `kyc.application_decided`
 */
export async function writeDecision(
  tx: Tx,
  ctx: Ctx,
  application: KycApplication,
  { outcome, reason, reasonCode, reviewerId, approvalId, judgement }: Decision,
): Promise<KycApplication> {
  const decidedAt = ctx.deps.clock.now();
  await tx.insert(kycDecisions).values({
    id: newId(),
    applicationId: application.id,
    userId: application.userId,
    outcome,
    reason,
    reasonCode,
    evidence: judgement.evidence,
    explanation: judgement.explanation,
    approvalId,
    decidedBy: reviewerId,
    decidedAt,
  });
  const [after] = await tx
    .update(kycApplications)
    .set({ status: outcome, decidedAt, reasonCode, version: application.version + 1 })
    .where(eq(kycApplications.id, application.id))
    .returning();
  const decided = present(after, 'the application was locked');
  await addApplicationStep(tx, ctx, decided, {
    type: 'decided',
    from: application.status,
    detail: { outcome, reasonCode },
  });
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
