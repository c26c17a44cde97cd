import { eq } from 'drizzle-orm';
import { personOf } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { publish } from '../../platform/outbox/publish.ts';
import { changeGate, lockGateExclusively, lockGates } from '../identity/index.ts';
import { KYC_EVENTS } from './audit.ts';
import { refuseKyc } from './errors.ts';
import { dayOf, isEditable, missingDocuments, type Requirement, screeningAfterSubmission } from './rules.ts';
import { kycApplications, kycLevels } from './schema.ts';
import { documentsOf, type KycApplication } from './store.ts';

/**
 * Hands an application in. The gate closes for money until screening and review are done; screening
 * follows through the outbox. Whoever was found on a list before stays so, whatever they declare now.
 * @effects `kyc_applications`, `customer_gates`; audit; event `kyc.application_submitted`
 * @errors not_found, application_not_editable, documents_missing
 */
export async function submitApplication(ctx: Ctx, applicationId: Id): Promise<KycApplication> {
  const userId = present(personOf(ctx.actor), 'an applicant is a person');
  // The gate is not the customer's to write, so this runs with the engine's rights and checks the owner.
  return transact(ctx, 'engine', async (tx) => {
    const [known] = await tx.select().from(kycApplications).where(eq(kycApplications.id, applicationId));
    if (known?.userId !== userId) {
      throw refuse('not_found');
    }
    // The gate's lock comes before row locks, as everywhere.
    await lockGateExclusively(tx, userId);
    const application = present(await lockRow(tx, kycApplications, applicationId), 'the application exists');
    if (!isEditable(application.status)) {
      throw refuseKyc('application_not_editable');
    }
    await requireDocuments(tx, ctx, application);
    const gate = present((await lockGates(tx, [userId])).get(userId), 'every user has a gate');
    const screening = screeningAfterSubmission(gate.screening);
    await changeGate(tx, ctx, userId, { kycStatus: 'pending', screening });
    const [after] = await tx
      .update(kycApplications)
      .set({ status: 'submitted', submittedAt: ctx.deps.clock.now(), version: application.version + 1 })
      .where(eq(kycApplications.id, applicationId))
      .returning();
    const submitted = present(after, 'the application was locked');
    await record(tx, ctx, {
      event: KYC_EVENTS['kyc_application.submitted'],
      resource: { type: 'kyc_application', id: applicationId },
      subjectUserId: userId,
      before: application,
      after: submitted,
    });
    await publish(tx, ctx, [
      {
        type: 'kyc.application_submitted',
        userId,
        customerVisible: true,
        data: { applicationId, level: submitted.level },
      },
    ]);
    return submitted;
  });
}

async function requireDocuments(tx: Tx, ctx: Ctx, application: KycApplication): Promise<void> {
  const [level] = await tx.select().from(kycLevels).where(eq(kycLevels.level, application.level));
  const required = present(level, 'the level was checked at creation')
    .requiredDocuments as readonly Requirement[];
  const today = dayOf(ctx.deps.clock.now());
  const missing = missingDocuments(required, await documentsOf(tx, application.id), today);
  if (missing.length > 0) {
    throw refuseKyc('documents_missing', {
      detail: `Upload ${missing.map((alternatives) => alternatives.join(' or ')).join('; ')}.`,
    });
  }
}
