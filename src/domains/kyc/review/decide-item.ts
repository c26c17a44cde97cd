import { and, eq, isNull } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { lockOpenApprovals } from '../../../platform/approvals/open-approvals.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { addApplicationStep } from '../applications/application-events.ts';
import { itemsOf, type KycItem } from '../applications/items.ts';
import { KYC_EVENTS } from '../audit.ts';
import { refuseKyc } from '../errors.ts';
import { isDecidable } from '../rules.ts';
import { kycApplications, kycDocuments } from '../schema.ts';
import { findApplication } from '../store.ts';
import type { ItemDecisionInput } from './api.ts';
import { settleItem } from './settle-items.ts';

const STATUS = { accept: 'accepted', resubmit: 'resubmit', waive: 'waived' } as const;

/**
 * A reviewer's word on one item. What is let pass makes the whole application one for a senior person.
 * @effects `kyc_items`, `kyc_documents`, perhaps `kyc_applications`; `kyc_application_events`; audit
 *   `kyc_item.decided`
 * @errors not_found, self_review, application_awaits_senior, application_not_submitted, expiry_known
 */
export async function decideItem(
  ctx: Ctx,
  applicationId: Id,
  itemId: Id,
  { decision, reasonCode, note, expiresOn }: ItemDecisionInput,
): Promise<KycItem> {
  const reviewerId = present(personOf(ctx.actor), 'a reviewer is a person');
  return transact(ctx, 'staff', async (tx) => {
    const { userId } = await findApplication(tx, applicationId);
    if (userId === reviewerId) {
      throw refuseKyc('self_review');
    }
    if ((await lockOpenApprovals(tx, applicationId)).length > 0) {
      throw refuseKyc('application_awaits_senior');
    }
    const application = present(await lockRow(tx, kycApplications, applicationId), 'the application exists');
    // What its applicant was asked for anew may be let pass while they look for it.
    const isAskedFor = decision === 'waive' && application.status === 'resubmission_required';
    if (!isDecidable(application.status) && !isAskedFor) {
      throw refuseKyc('application_not_submitted');
    }
    const before = (await itemsOf(tx, applicationId)).find(({ id }) => id === itemId);
    if (before === undefined) {
      throw refuse('not_found');
    }
    if (expiresOn !== undefined) {
      await fillExpiry(tx, before, expiresOn);
    }
    const verdict = { status: STATUS[decision], reasonCode: reasonCode ?? null };
    await settleItem(tx, ctx, before, verdict, reviewerId);
    if (decision === 'waive' && !application.needsSenior) {
      await tx
        .update(kycApplications)
        .set({ needsSenior: true })
        .where(eq(kycApplications.id, applicationId));
    }
    const after = { ...before, ...verdict, version: before.version + 1 };
    await addApplicationStep(tx, ctx, application, {
      type: 'item_decided',
      detail: { item: before.item, ...verdict, expiryRead: expiresOn !== undefined },
      ...(note === undefined ? {} : { note }),
    });
    await record(tx, ctx, {
      event: KYC_EVENTS['kyc_item.decided'],
      resource: { type: 'kyc_item', id: itemId },
      subjectUserId: userId,
      before,
      after,
    });
    return after;
  });
}

/** What a document says already is not a reviewer's to change. @errors expiry_known */
async function fillExpiry(tx: Tx, { documentId }: KycItem, expiresOn: string): Promise<void> {
  const filled =
    documentId === null
      ? []
      : await tx
          .update(kycDocuments)
          .set({ expiresOn })
          .where(and(eq(kycDocuments.id, documentId), isNull(kycDocuments.expiresOn)))
          .returning({ id: kycDocuments.id });
  if (filled.length === 0) {
    throw refuseKyc('expiry_known');
  }
}
