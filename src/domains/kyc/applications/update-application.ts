import { eq } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { sealJson } from '../../../platform/crypto/seal.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import type { DeclarationInput } from '../api.ts';
import { KYC_EVENTS } from '../audit.ts';
import { identityIndexOf } from '../create-application.ts';
import { refuseKyc } from '../errors.ts';
import { dayOf, isPlausibleBirthDate } from '../rules.ts';
import { kycApplications } from '../schema.ts';
import { declarationPlace, type KycApplication } from '../store.ts';
import { addApplicationStep } from './application-events.ts';
import type { CompanyInput } from './company.ts';
import { lockOwnDraft } from './own-application.ts';
import { companyPlace } from './parties-of.ts';

export type ApplicationChange = {
  readonly level?: 'basic' | 'standard' | 'enhanced' | undefined;
  readonly declaration?: DeclarationInput | undefined;
  readonly company?: CompanyInput | undefined;
};

/**
 * Changes what is declared in an application that is not handed in, or was sent back.
 * @effects `kyc_applications`, `kyc_application_events`; audit `kyc_application.edited`
 * @errors birth_date_implausible, not_found, application_not_editable, version_mismatch, not_a_legal_person
 */
export async function updateApplication(
  ctx: Ctx,
  applicationId: Id,
  { level, declaration, company }: ApplicationChange,
): Promise<KycApplication> {
  if (
    declaration !== undefined &&
    !isPlausibleBirthDate(declaration.birthDate, dayOf(ctx.deps.clock.now()))
  ) {
    throw refuseKyc('birth_date_implausible');
  }
  return transact(ctx, 'engine', async (tx) => {
    const before = await lockOwnDraft(tx, ctx, applicationId);
    if (before.version !== ctx.ifMatch) {
      throw refuse('version_mismatch');
    }
    if (company !== undefined && before.applicantKind !== 'legal') {
      throw refuseKyc('not_a_legal_person');
    }
    const key = await ctx.deps.personKeys.of(tx, before.userId);
    const [row] = await tx
      .update(kycApplications)
      .set({
        version: before.version + 1,
        ...(level === undefined ? {} : { level }),
        ...(declaration === undefined
          ? {}
          : {
              declaration: sealJson(key, declarationPlace(applicationId), declaration),
              identityIndex: identityIndexOf(ctx, declaration),
            }),
        ...(company === undefined ? {} : { company: sealJson(key, companyPlace(applicationId), company) }),
      })
      .where(eq(kycApplications.id, applicationId))
      .returning();
    const after = present(row, 'the application was locked');
    const changed = Object.entries({ level, declaration, company }).flatMap(([member, said]) =>
      said === undefined ? [] : [member],
    );
    await addApplicationStep(tx, ctx, after, { type: 'edited', detail: { changed } });
    await record(tx, ctx, {
      event: KYC_EVENTS['kyc_application.edited'],
      resource: { type: 'kyc_application', id: applicationId },
      subjectUserId: before.userId,
      before,
      after,
    });
    return after;
  });
}
