import { eq } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { publish } from '../../platform/outbox/publish.ts';
import { changeGate, lockGates } from '../identity/index.ts';
import type { DeclarationInput } from './api.ts';
import { addApplicationStep } from './applications/application-events.ts';
import { type Forms, formsOf, isExposed } from './applications/forms-of.ts';
import { activeSet, missingItems, shownByNow, writeItems } from './applications/items.ts';
import { lockOwnApplication } from './applications/own-application.ts';
import { refuseIncompleteParties } from './applications/party-rules.ts';
import { missingInWords } from './applications/requirements.ts';
import { keepsGate } from './applications/upgrade.ts';
import { KYC_EVENTS } from './audit.ts';
import { keepDeclared } from './declared.ts';
import { refuseKyc } from './errors.ts';
import { dueAfterWorkingDays, priorityOf } from './review/due.ts';
import { exposuresOf } from './review/exposures-of.ts';
import { rateSubmitted } from './review/risk-of.ts';
import { type RiskLevel, requiresSenior, type SeniorReason } from './review/rules.ts';
import { isEditable, screeningAfterSubmission } from './rules.ts';
import { kycApplications } from './schema.ts';
import { declarationOf, type KycApplication } from './store.ts';

/** How soon a reviewer should have decided. @units working days */
const REVIEW_DAYS = 2;

/**
 * Hands an application in. The gate closes for money until screening and review are done; screening
 * follows through the outbox. Whoever was found on a list before stays so, whatever they declare now. Who is
 * approved and asks for more as the same person keeps what they have meanwhile.
 * @effects `kyc_applications`, `kyc_items`, `kyc_application_events`, `customer_gates`; audit; event
 *   `kyc.application_submitted`
 * @errors not_found, application_not_editable, parties_incomplete, documents_missing
 */
export async function submitApplication(ctx: Ctx, applicationId: Id): Promise<KycApplication> {
  // The gate is not the customer's to write, so this runs with the engine's rights and checks the owner.
  return transact(ctx, 'engine', async (tx) => {
    const application = await lockOwnApplication(tx, ctx, applicationId);
    if (!isEditable(application.status)) {
      throw refuseKyc('application_not_editable');
    }
    const declaration = present(await declarationOf(tx, ctx, application), 'the applicant is not erased');
    const submittedAt = await markSubmitted(tx, ctx, application, declaration);
    const forms = await formsOf(tx, ctx, application);
    const risk = await rateSubmitted(tx, ctx, application.userId);
    // What is refused from here on undoes all of it.
    const requirementSet = await requireAll(tx, ctx, application, declaration, forms, risk);
    const isUpgrade = await keepsGate(tx, ctx, application, declaration);
    if (!isUpgrade) {
      await closeGate(tx, ctx, application.userId);
    }
    const senior = requiresSenior({
      level: application.level,
      politicallyExposed: await isExposed(tx, application, declaration, forms),
      risk,
      isLegalPerson: application.applicantKind === 'legal',
      // As far as it is known before anybody has looked; the decision asks again.
      itemsWaived: 0,
      criticalNotices: 0,
      exposures: await exposuresOf(tx, ctx, application.userId),
    });
    return handIn(tx, ctx, application, { submittedAt, requirementSet, isUpgrade, senior });
  });
}

async function markSubmitted(
  tx: Tx,
  ctx: Ctx,
  application: KycApplication,
  declaration: DeclarationInput,
): Promise<Instant> {
  const submittedAt = ctx.deps.clock.now();
  await tx
    .update(kycApplications)
    .set({
      status: 'submitted',
      submittedAt,
      handedIn: await keepDeclared(tx, ctx, application, declaration),
      version: application.version + 1,
      needsSenior: false,
      reasonCode: null,
    })
    .where(eq(kycApplications.id, application.id));
  return submittedAt;
}

/** @errors parties_incomplete, documents_missing */
async function requireAll(
  tx: Tx,
  ctx: Ctx,
  application: KycApplication,
  declaration: DeclarationInput,
  forms: Forms,
  risk: RiskLevel | null,
): Promise<number> {
  const { version, beneficialOwnerBps } = await activeSet(tx);
  // Before what is missing: who has to be identified depends on who is named.
  await refuseIncompleteParties(tx, ctx, application, forms, beneficialOwnerBps);
  const { items } = await shownByNow(tx, ctx, application, declaration, risk);
  const missing = await missingItems(tx, application.id, items);
  if (missing.length > 0) {
    throw refuseKyc('documents_missing', { detail: missingInWords(missing) });
  }
  await writeItems(tx, ctx, application, items);
  return version;
}

async function closeGate(tx: Tx, ctx: Ctx, userId: Id): Promise<void> {
  const gate = present((await lockGates(tx, [userId])).get(userId), 'every user has a gate');
  const screening = screeningAfterSubmission(gate.screening);
  await changeGate(tx, ctx, userId, { kycStatus: 'pending', screening });
}

type HandedIn = {
  readonly submittedAt: Instant;
  readonly requirementSet: number;
  readonly isUpgrade: boolean;
  readonly senior: readonly SeniorReason[];
};

async function handIn(
  tx: Tx,
  ctx: Ctx,
  application: KycApplication,
  { submittedAt, requirementSet, isUpgrade, senior }: HandedIn,
): Promise<KycApplication> {
  const [after] = await tx
    .update(kycApplications)
    .set({
      requirementSet,
      isUpgrade,
      needsSenior: senior.length > 0,
      priority: priorityOf(senior),
      dueAt: dueAfterWorkingDays(submittedAt, REVIEW_DAYS, ctx.deps.timeZone),
    })
    .where(eq(kycApplications.id, application.id))
    .returning();
  const submitted = present(after, 'the application was locked');
  await addApplicationStep(tx, ctx, submitted, {
    type: 'submitted',
    from: application.status,
    detail: { level: submitted.level, requirementSet },
  });
  await record(tx, ctx, {
    event: KYC_EVENTS['kyc_application.submitted'],
    resource: { type: 'kyc_application', id: application.id },
    subjectUserId: application.userId,
    before: application,
    after: submitted,
  });
  await publish(tx, ctx, [
    {
      type: 'kyc.application_submitted',
      userId: application.userId,
      customerVisible: true,
      data: { applicationId: application.id, level: submitted.level },
    },
  ]);
  return submitted;
}
