import { and, desc, eq } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { sealJson } from '../../../platform/crypto/seal.ts';
import { transact } from '../../../platform/db/transact.ts';
import { KYC_EVENTS } from '../audit.ts';
import { refuseKyc } from '../errors.ts';
import { declarationContentPlace } from './declaration-place.ts';
import type { DeclarationKind } from './declarations-api.ts';
import { lockOwnDraft } from './own-application.ts';
import { kycDeclarations } from './schema.ts';

export type Declared = Pick<
  typeof kycDeclarations.$inferSelect,
  'id' | 'applicationId' | 'kind' | 'revision' | 'declaredAt'
>;

/**
 * Declares something in a form of its own; a new revision takes the place of the one before, which is kept.
 * @effects one row of `kyc_declarations`; audit `kyc_declaration.made`
 * @errors not_found, application_not_editable, declaration_unsuitable
 */
export async function declare(
  ctx: Ctx,
  applicationId: Id,
  kind: DeclarationKind,
  content: object,
): Promise<Declared> {
  return transact(ctx, 'engine', async (tx) => {
    const { userId, applicantKind } = await lockOwnDraft(tx, ctx, applicationId);
    if (!suits(kind, content, applicantKind)) {
      throw refuseKyc('declaration_unsuitable');
    }
    const [last] = await tx
      .select({ revision: kycDeclarations.revision })
      .from(kycDeclarations)
      .where(and(eq(kycDeclarations.applicationId, applicationId), eq(kycDeclarations.kind, kind)))
      .orderBy(desc(kycDeclarations.revision))
      .limit(1);
    const id = newId();
    const key = await ctx.deps.personKeys.of(tx, userId);
    const [row] = await tx
      .insert(kycDeclarations)
      .values({
        id,
        applicationId,
        userId,
        kind,
        revision: (last?.revision ?? 0) + 1,
        content: sealJson(key, declarationContentPlace(id), content),
        declaredAt: ctx.deps.clock.now(),
      })
      .returning();
    const declared = present(row, 'the declaration was inserted');
    await record(tx, ctx, {
      event: KYC_EVENTS['kyc_declaration.made'],
      resource: { type: 'kyc_declaration', id },
      subjectUserId: userId,
      after: declared,
    });
    return declared;
  });
}

/** An individual certifies as one, and a legal person as what it is. */
function suits(kind: DeclarationKind, content: object, applicantKind: string): boolean {
  const isIndividual = 'entityType' in content && content.entityType === 'individual';
  return kind !== 'fatca_crs' || isIndividual === (applicantKind === 'natural');
}
