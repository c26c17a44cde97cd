import { and, eq } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { lockOwnDraft } from '../applications/own-application.ts';
import { KYC_EVENTS } from '../audit.ts';
import { refuseKyc } from '../errors.ts';
import { kycDocuments } from '../schema.ts';

/**
 * Takes a document back before it is handed in; it counts for nothing and is kept as evidence.
 * @effects one row of `kyc_documents`; audit `kyc_document.removed`
 * @errors not_found, application_not_editable, document_accepted
 */
export async function removeDocument(ctx: Ctx, applicationId: Id, documentId: Id): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    const { userId } = await lockOwnDraft(tx, ctx, applicationId);
    const [before] = await tx
      .select()
      .from(kycDocuments)
      .where(and(eq(kycDocuments.id, documentId), eq(kycDocuments.applicationId, applicationId)));
    if (before === undefined || before.removedAt !== null) {
      throw refuse('not_found');
    }
    if (before.status === 'accepted') {
      throw refuseKyc('document_accepted');
    }
    const [row] = await tx
      .update(kycDocuments)
      .set({ removedAt: ctx.deps.clock.now() })
      .where(eq(kycDocuments.id, documentId))
      .returning();
    await record(tx, ctx, {
      event: KYC_EVENTS['kyc_document.removed'],
      resource: { type: 'kyc_document', id: documentId },
      subjectUserId: userId,
      before,
      after: present(row, 'the document was there'),
    });
  });
}
