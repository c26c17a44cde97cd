import { isDeepStrictEqual } from 'node:util';
import { eq } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { sealJson } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import type { DeclarationInput } from '../api.ts';
import { KYC_EVENTS } from '../audit.ts';
import { refuseKyc } from '../errors.ts';
import { companyIndexOf, personIndexOf } from '../identity-index.ts';
import { dayOf, isPlausibleBirthDate } from '../rules.ts';
import { kycApplications } from '../schema.ts';
import { declarationOf, declarationPlace, type KycApplication } from '../store.ts';
import { addApplicationStep } from './application-events.ts';
import type { CompanyInput } from './company.ts';
import { reopenItems } from './items.ts';
import { lockOwnDraft } from './own-application.ts';
import { companyOf, companyPlace } from './parties-of.ts';

export type ApplicationChange = {
  readonly level?: 'basic' | 'standard' | 'enhanced' | undefined;
  readonly declaration?: DeclarationInput | undefined;
  readonly company?: CompanyInput | undefined;
};

/**
 * Changes what is declared in an application that is not handed in, or was sent back. What a reviewer said of items
 * goes, where it is now another person or company, or another address.
 * @effects `kyc_applications`, `kyc_items`, `kyc_application_events`; audit `kyc_application.edited`
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
    const members = await changedMembers(tx, ctx, before, { declaration, company });
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
              identityIndex: personIndexOf(ctx, declaration),
            }),
        ...(company === undefined
          ? {}
          : {
              company: sealJson(key, companyPlace(applicationId), company),
              companyIndex: companyIndexOf(ctx, company),
            }),
      })
      .where(eq(kycApplications.id, applicationId))
      .returning();
    const after = present(row, 'the application was locked');
    const changed = Object.entries({ level, declaration, company }).flatMap(([member, said]) =>
      said === undefined ? [] : [member],
    );
    await reopenWhatShows(tx, applicationId, members);
    await addApplicationStep(tx, ctx, after, { type: 'edited', detail: { changed, members } });
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

/** What says who somebody is; documents that were accepted were held against it. */
const IDENTITY = ['firstName', 'lastName', 'birthDate', 'nationality', 'gender'];

/** The members of the declaration and of the company that are said otherwise now: their names only. */
async function changedMembers(
  tx: Tx,
  ctx: Ctx,
  application: KycApplication,
  { declaration, company }: Pick<ApplicationChange, 'declaration' | 'company'>,
): Promise<readonly string[]> {
  const declared = declaration && (await declarationOf(tx, ctx, application));
  const known = company && (await companyOf(tx, ctx, application));
  return [
    ...differing(declared ?? {}, declaration ?? {}),
    ...differing(known ?? {}, company ?? {}).map((member) => `company.${member}`),
  ];
}

function differing(before: object, after: object): readonly string[] {
  const [left, right] = [new Map(Object.entries(before)), new Map(Object.entries(after))];
  const members = [...new Set([...left.keys(), ...right.keys()])].sort();
  return members.filter((member) => !isDeepStrictEqual(left.get(member), right.get(member)));
}

async function reopenWhatShows(tx: Tx, applicationId: Id, members: readonly string[]): Promise<void> {
  if (members.some((member) => IDENTITY.includes(member) || member.startsWith('company.'))) {
    await reopenItems(tx, applicationId);
  } else if (members.includes('address')) {
    await reopenItems(tx, applicationId, 'proof_of_address');
  }
}
