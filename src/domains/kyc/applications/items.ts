import { and, eq, isNull } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { DeclarationInput } from '../api.ts';
import type { RiskLevel } from '../review/rules.ts';
import { dayOf } from '../rules.ts';
import { kycDocuments } from '../schema.ts';
import { documentsOf, type KycApplication } from '../store.ts';
import { isMissing, isUsable, requirementsFor, type ShownItem, shownItems } from './requirements.ts';
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
  reasonCode: kycItems.reasonCode,
  version: kycItems.version,
};

/** The version of the set of requirements in force. */
export async function activeSetVersion(tx: Tx): Promise<number> {
  const [set] = await tx
    .select({ version: kycRequirementSets.version })
    .from(kycRequirementSets)
    .where(eq(kycRequirementSets.status, 'active'));
  return present(set, 'one set of requirements is in force').version;
}

/** What an application has to show by the set in force, and what shows it now. */
export async function shownByNow(
  tx: Tx,
  ctx: Ctx,
  application: KycApplication,
  declaration: DeclarationInput,
  risk: RiskLevel | null,
): Promise<{ readonly set: number; readonly items: readonly ShownItem[] }> {
  const set = await activeSetVersion(tx);
  const rows = await tx
    .select()
    .from(kycRequirements)
    .where(and(eq(kycRequirements.setVersion, set), eq(kycRequirements.level, application.level)))
    .orderBy(kycRequirements.onlyPep, kycRequirements.item);
  const required = requirementsFor(rows, {
    level: application.level,
    applicantKind: application.applicantKind,
    nationality: declaration.nationality,
    risk,
    politicallyExposed: declaration.politicallyExposed,
  });
  const documents = await documentsOf(tx, application.id);
  const declarations = await tx
    .select({ id: kycDeclarations.id, kind: kycDeclarations.kind })
    .from(kycDeclarations)
    .where(eq(kycDeclarations.applicationId, application.id))
    .orderBy(kycDeclarations.revision);
  const today = dayOf(ctx.deps.clock.now());
  return { set, items: shownItems(required, documents, declarations, today) };
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
        documentId: shown.documentId as Id | null,
        declarationId: shown.declarationId as Id | null,
      });
    } else if (!staysDecided(before, usable)) {
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

async function usableDocuments(tx: Tx, ctx: Ctx, applicationId: Id): Promise<ReadonlySet<string>> {
  const documents = await tx
    .select()
    .from(kycDocuments)
    .where(and(eq(kycDocuments.applicationId, applicationId), isNull(kycDocuments.removedAt)));
  const today = dayOf(ctx.deps.clock.now());
  return new Set(documents.filter((one) => isUsable(one, null, today)).map(({ id }) => id));
}

function staysDecided(item: typeof kycItems.$inferSelect, usable: ReadonlySet<string>): boolean {
  if (item.status === 'waived') {
    return true;
  }
  return (
    item.status === 'accepted' &&
    (item.documentId === null ? item.declarationId !== null : usable.has(item.documentId))
  );
}
