import { eq, sql } from 'drizzle-orm';
import { personOf } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import { newId } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { sealJson } from '../../platform/crypto/seal.ts';
import { transact } from '../../platform/db/transact.ts';
import type { DeclarationInput } from './api.ts';
import { addApplicationStep } from './applications/application-events.ts';
import type { CompanyInput } from './applications/company.ts';
import { companyPlace } from './applications/parties-of.ts';
import { KYC_EVENTS } from './audit.ts';
import { refuseKyc } from './errors.ts';
import { companyIndexOf, personIndexOf } from './identity-index.ts';
import { dayOf, isPlausibleBirthDate } from './rules.ts';
import { kycApplications, kycLevels } from './schema.ts';
import { declarationPlace, type KycApplication } from './store.ts';

export type NewApplicationInput = {
  readonly level: 'basic' | 'standard' | 'enhanced';
  readonly declaration: DeclarationInput;
  readonly company?: CompanyInput | undefined;
};

/**
 * Begins an application as a draft.
 * @effects rows of `kyc_applications` and `kyc_application_events`; audit `kyc_application.created`
 * @errors birth_date_implausible, level_unknown, application_open
 */
export async function createApplication(ctx: Ctx, input: NewApplicationInput): Promise<KycApplication> {
  const userId = present(personOf(ctx.actor), 'an applicant is a person');
  if (!isPlausibleBirthDate(input.declaration.birthDate, dayOf(ctx.deps.clock.now()))) {
    throw refuseKyc('birth_date_implausible');
  }
  return transact(ctx, 'app', async (tx) => {
    const [level] = await tx.select().from(kycLevels).where(eq(kycLevels.level, input.level));
    if (level === undefined) {
      throw refuseKyc('level_unknown');
    }
    const id = newId();
    const key = await ctx.deps.personKeys.of(tx, userId);
    const [application] = await tx
      .insert(kycApplications)
      .values({
        id,
        userId,
        level: input.level,
        status: 'draft',
        declaration: sealJson(key, declarationPlace(id), input.declaration),
        ...(input.company === undefined
          ? {}
          : {
              applicantKind: 'legal',
              company: sealJson(key, companyPlace(id), input.company),
              companyIndex: companyIndexOf(ctx, input.company),
            }),
        identityIndex: personIndexOf(ctx, input.declaration),
        provider: 'manual',
        createdAt: ctx.deps.clock.now(),
      })
      .onConflictDoNothing({
        target: kycApplications.userId,
        where: sql`${kycApplications.status} in ('draft', 'submitted', 'under_review', 'resubmission_required')`,
      })
      .returning();
    if (application === undefined) {
      throw refuseKyc('application_open');
    }
    await addApplicationStep(tx, ctx, application, { type: 'created', detail: { level: input.level } });
    await record(tx, ctx, {
      event: KYC_EVENTS['kyc_application.created'],
      resource: { type: 'kyc_application', id },
      subjectUserId: userId,
      after: application,
    });
    return application;
  });
}
