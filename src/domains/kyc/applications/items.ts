import { and, eq, inArray, isNull, sql } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { DeclarationInput } from '../api.ts';
import type { RiskLevel } from '../review/rules.ts';
import { dayOf } from '../rules.ts';
import { kycDocuments } from '../schema.ts';
import { documentsOf, type KycApplication } from '../store.ts';
import { formsOf, isExposed, saysExposed } from './forms-of.ts';
import { peopleToIdentify } from './people-behind.ts';
import {
  type ApplicantFacts,
  isMissing,
  isUsable,
  type RequiredItem,
  requirementsFor,
  requirementsOfPeople,
  type ShownItem,
  shownItems,
} from './requirements.ts';
import { kycDeclarations, kycItems, kycRequirementSets, kycRequirements } from './schema.ts';

export type KycItem = Pick<
  typeof kycItems.$inferSelect,
  | 'id'
  | 'applicationId'
  | 'item'
  | 'alternatives'
  | 'status'
  | 'documentId'
  | 'declarationId'
  | 'partyId'
  | 'reasonCode'
  | 'version'
>;

const SHOWN = {
  id: kycItems.id,
  applicationId: kycItems.applicationId,
  item: kycItems.item,
  alternatives: kycItems.alternatives,
  status: kycItems.status,
  documentId: kycItems.documentId,
  declarationId: kycItems.declarationId,
  partyId: kycItems.partyId,
  reasonCode: kycItems.reasonCode,
  version: kycItems.version,
};

/** The set of requirements in force. */
export async function activeSet(tx: Tx): Promise<typeof kycRequirementSets.$inferSelect> {
  const [set] = await tx.select().from(kycRequirementSets).where(eq(kycRequirementSets.status, 'active'));
  return present(set, 'one set of requirements is in force');
}

/**
 * What an application has to show by the set in force, and what shows it now. Where the risk is null, as for the
 * applicant's own login, nothing counts that the firm knows and they may not.
 * @units day YYYY-MM-DD, by which documents are too old
 */
export async function shownByNow(
  tx: Tx,
  ctx: Ctx,
  application: KycApplication,
  declaration: DeclarationInput,
  risk: RiskLevel | null,
  handedIn?: { readonly set: number; readonly day: string },
): Promise<{ readonly set: number; readonly items: readonly ShownItem[] }> {
  const { version: set, beneficialOwnerBps } = await setOf(tx, handedIn?.set);
  const rows = await tx
    .select()
    .from(kycRequirements)
    .where(and(eq(kycRequirements.setVersion, set), eq(kycRequirements.level, application.level)))
    .orderBy(kycRequirements.onlyPep, kycRequirements.item);
  const forms = await formsOf(tx, ctx, application);
  const facts: ApplicantFacts = {
    level: application.level,
    applicantKind: application.applicantKind,
    nationality: declaration.nationality,
    risk,
    politicallyExposed:
      risk === null ? saysExposed(declaration, forms) : await isExposed(tx, application, declaration, forms),
  };
  const people = await peopleToIdentify(tx, ctx, application, beneficialOwnerBps);
  const required = [...requirementsFor(rows, facts), ...requirementsOfPeople(rows, facts, people)];
  const day = handedIn?.day ?? dayOf(ctx.deps.clock.now());
  return { set, items: await shownOf(tx, application.id, required, day) };
}

/** What shows these items in an application. @units day YYYY-MM-DD, by which documents are too old */
export async function shownOf(
  tx: Tx,
  applicationId: Id,
  required: readonly RequiredItem[],
  day: string,
): Promise<readonly ShownItem[]> {
  const documents = await documentsOf(tx, applicationId);
  const declarations = await tx
    .select({ id: kycDeclarations.id, kind: kycDeclarations.kind })
    .from(kycDeclarations)
    .where(eq(kycDeclarations.applicationId, applicationId))
    .orderBy(kycDeclarations.revision);
  return shownItems(required, documents, declarations, day);
}

/**
 * What somebody of this risk has to show, by the set they handed in under, and nobody asked for or nothing shows: a
 * risk that rose since asks for more, and a paper that merely lies there was never looked at. A document that was good
 * when it was handed in is a matter of notices.
 */
export async function missingAtRisk(
  tx: Tx,
  ctx: Ctx,
  application: KycApplication,
  declaration: DeclarationInput,
  risk: RiskLevel | null,
): Promise<readonly ShownItem[]> {
  const { requirementSet: set, submittedAt } = application;
  if (set === null || submittedAt === null) {
    return [];
  }
  const handedIn = { set, day: dayOf(submittedAt) };
  const { items } = await shownByNow(tx, ctx, application, declaration, risk, handedIn);
  const asked = new Set((await itemsOf(tx, application.id)).map(({ item }) => item));
  const missing = new Set(await missingItems(tx, application.id, items));
  return items.filter((shown) => missing.has(shown) || !asked.has(shown.item));
}

/** The items of an application as they stand, those it no longer needs left out. */
export async function itemsOf(tx: Tx, applicationId: Id): Promise<KycItem[]> {
  const rows = await tx
    .select(SHOWN)
    .from(kycItems)
    .where(eq(kycItems.applicationId, applicationId))
    .orderBy(kycItems.item);
  return rows.filter(({ status }) => status !== 'dropped');
}

/** What nothing shows yet; what was let pass is not missing, and what was sent back has to be shown anew. */
export async function missingItems(
  tx: Tx,
  applicationId: Id,
  items: readonly ShownItem[],
): Promise<readonly ShownItem[]> {
  const known = new Map((await itemsOf(tx, applicationId)).map((item) => [item.item, item]));
  return items.filter((shown) => {
    const before = known.get(shown.item);
    const sentBack = before?.status === 'resubmit' && before.declarationId !== null;
    const sameAgain = sentBack && before.declarationId === shown.declarationId && shown.documentId === null;
    return before?.status !== 'waived' && (isMissing(shown) || sameAgain);
  });
}

/**
 * Writes what is handed in. What a reviewer has accepted or let pass stays so while it is still what they saw.
 * @effects rows of `kyc_items`
 */
export async function writeItems(
  tx: Tx,
  ctx: Ctx,
  application: KycApplication,
  items: readonly ShownItem[],
): Promise<void> {
  const known = await tx.select().from(kycItems).where(eq(kycItems.applicationId, application.id));
  const usable = await usableDocuments(tx, ctx, application.id);
  for (const shown of items) {
    const before = known.find(({ item }) => item === shown.item);
    if (before === undefined) {
      await tx.insert(kycItems).values({
        id: newId(),
        applicationId: application.id,
        userId: application.userId,
        item: shown.item,
        alternatives: shown.alternatives,
        status: 'provided',
        partyId: (shown.of[0] ?? null) as Id | null,
        documentId: shown.documentId as Id | null,
        declarationId: shown.declarationId as Id | null,
      });
    } else if (!staysDecided(before, shown, usable)) {
      await tx
        .update(kycItems)
        .set({
          alternatives: shown.alternatives,
          status: 'provided',
          documentId: shown.documentId as Id | null,
          declarationId: shown.declarationId as Id | null,
          reasonCode: null,
          decidedBy: null,
          decidedAt: null,
          version: before.version + 1,
        })
        .where(eq(kycItems.id, before.id));
    }
  }
  const names = new Set(items.map(({ item }) => item));
  for (const gone of known.filter(({ item, status }) => !names.has(item) && status !== 'dropped')) {
    await tx
      .update(kycItems)
      .set({ status: 'dropped', version: gone.version + 1 })
      .where(eq(kycItems.id, gone.id));
  }
}

/**
 * Takes back what a reviewer said of items, because the one they said it of is declared to be somebody else: of all,
 * or of those that a type of document shows.
 * @effects rows of `kyc_items`
 */
export async function reopenItems(tx: Tx, applicationId: Id, shownBy?: string): Promise<void> {
  const decided = and(
    eq(kycItems.applicationId, applicationId),
    inArray(kycItems.status, ['accepted', 'waived']),
  );
  await tx
    .update(kycItems)
    .set({
      status: 'provided',
      reasonCode: null,
      decidedBy: null,
      decidedAt: null,
      version: sql`${kycItems.version} + 1`,
    })
    .where(
      shownBy === undefined
        ? decided
        : and(decided, sql`${kycItems.alternatives} @> ${JSON.stringify([shownBy])}::jsonb`),
    );
}

async function setOf(tx: Tx, version: number | undefined) {
  if (version === undefined) {
    return activeSet(tx);
  }
  const [set] = await tx.select().from(kycRequirementSets).where(eq(kycRequirementSets.version, version));
  return present(set, 'sets of requirements stay');
}

async function usableDocuments(tx: Tx, ctx: Ctx, applicationId: Id): Promise<ReadonlySet<string>> {
  const documents = await tx
    .select()
    .from(kycDocuments)
    .where(and(eq(kycDocuments.applicationId, applicationId), isNull(kycDocuments.removedAt)));
  const today = dayOf(ctx.deps.clock.now());
  return new Set(documents.filter((one) => isUsable(one, documents, null, today)).map(({ id }) => id));
}

function staysDecided(
  item: typeof kycItems.$inferSelect,
  shown: ShownItem,
  usable: ReadonlySet<string>,
): boolean {
  if (item.status === 'waived') {
    return true;
  }
  // What was declared anew is not what was accepted.
  const isSameForm = item.declarationId !== null && item.declarationId === shown.declarationId;
  return item.status === 'accepted' && (item.documentId === null ? isSameForm : usable.has(item.documentId));
}
