import { and, desc, eq, type InferSelectModel, inArray, isNotNull, isNull, lt, lte } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Page } from '../../kernel/page.ts';
import type { Instant } from '../../kernel/time.ts';
import type { Ctx } from '../../platform/context.ts';
import { openJson } from '../../platform/crypto/seal.ts';
import type { Tx } from '../../platform/db/client.ts';
import { ownRows } from '../../platform/db/own-rows.ts';
import { transact } from '../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../platform/http/cursor.ts';
import { refuse } from '../../platform/http/refuse.ts';
import type { DeclarationInput } from './api.ts';
import { kycRequirementSets, kycRequirements } from './applications/schema.ts';
import type { ApplicationStatus } from './rules.ts';
import { kycApplications, kycDocuments, kycLevels } from './schema.ts';

export type KycApplication = InferSelectModel<typeof kycApplications>;
export type KycDocument = InferSelectModel<typeof kycDocuments>;

export type ApplicationFilter = PageRequest & { readonly status?: ApplicationStatus | undefined };

/** Applications the caller may see, newest first. @errors invalid_cursor */
export async function listApplications(ctx: Ctx, filter: ApplicationFilter): Promise<Page<KycApplication>> {
  const listing = `kyc_applications ${filter.status ?? ''}`;
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, ctx.login, async (tx) => {
    const [before] = filter.cursor === undefined ? [] : readCursor(key, listing, filter.cursor);
    const rows = await tx
      .select()
      .from(kycApplications)
      .where(
        and(
          ownRows(ctx, kycApplications.userId),
          filter.status === undefined ? undefined : eq(kycApplications.status, filter.status),
          before === undefined ? undefined : lt(kycApplications.id, before),
        ),
      )
      .orderBy(desc(kycApplications.id))
      .limit(filter.limit + 1);
    return cutPage(key, listing, rows, filter.limit, (row) => [row.id]);
  });
}

/** @errors not_found, also for what row-level security hides */
export async function findApplication(tx: Tx, applicationId: Id): Promise<KycApplication> {
  const [application] = await tx.select().from(kycApplications).where(eq(kycApplications.id, applicationId));
  if (application === undefined) {
    throw refuse('not_found');
  }
  return application;
}

/** The documents of an application that were not taken back, oldest first. */
export async function documentsOf(tx: Tx, applicationId: Id): Promise<KycDocument[]> {
  return tx
    .select()
    .from(kycDocuments)
    .where(and(eq(kycDocuments.applicationId, applicationId), isNull(kycDocuments.removedAt)))
    .orderBy(kycDocuments.id);
}

/** Opens what the applicant declared; null where they were erased. */
export async function declarationOf(
  tx: Tx,
  ctx: Ctx,
  application: KycApplication,
): Promise<DeclarationInput | null> {
  const key = await ctx.deps.personKeys.find(tx, application.userId);
  return key === undefined
    ? null
    : openJson<DeclarationInput>(key, declarationPlace(application.id), application.declaration);
}

/** What an application's sealed declaration is bound to. */
export function declarationPlace(applicationId: Id) {
  return { table: 'kyc_applications', column: 'declaration', rowId: applicationId };
}

/** When a person last handed something in; null where they never did. */
export async function lastSubmittedAt(tx: Tx, userId: Id): Promise<Instant | null> {
  const [last] = await tx
    .select({ submittedAt: kycApplications.submittedAt })
    .from(kycApplications)
    .where(and(eq(kycApplications.userId, userId), isNotNull(kycApplications.submittedAt)))
    .orderBy(desc(kycApplications.submittedAt))
    .limit(1);
  return last?.submittedAt ?? null;
}

/**
 * Notes that what somebody handed in was held against the lists; the caller holds their gate exclusively. What they
 * hand in next has to be held against them again.
 * @effects perhaps `kyc_applications`
 */
export async function noteScreened(tx: Tx, userId: Id, at: Instant): Promise<void> {
  await tx
    .update(kycApplications)
    .set({ screenedAt: at })
    .where(
      and(
        eq(kycApplications.userId, userId),
        inArray(kycApplications.status, ['submitted', 'under_review']),
        lte(kycApplications.submittedAt, at),
      ),
    );
}

/** The levels a firm offers, and what each asks of every natural person. */
export async function listLevels(ctx: Ctx) {
  return transact(ctx, ctx.login, async (tx) => {
    const levels = await tx.select().from(kycLevels).orderBy(kycLevels.level);
    const rows = await tx
      .select({ level: kycRequirements.level, alternatives: kycRequirements.alternatives })
      .from(kycRequirements)
      .innerJoin(kycRequirementSets, eq(kycRequirementSets.version, kycRequirements.setVersion))
      .where(
        and(
          eq(kycRequirementSets.status, 'active'),
          eq(kycRequirements.applicantKind, 'natural'),
          isNull(kycRequirements.nationality),
          isNull(kycRequirements.riskLevel),
          eq(kycRequirements.onlyPep, false),
        ),
      )
      .orderBy(kycRequirements.item);
    return levels.map(({ level, name, description }) => ({
      level,
      name,
      description,
      requiredDocuments: rows
        .filter(
          (row) => row.level === level && row.alternatives.some((one) => !one.startsWith('declaration:')),
        )
        .map(({ alternatives }) => alternatives),
    }));
  });
}
