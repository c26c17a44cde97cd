import { personOf } from '../../kernel/actor.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { recordReads } from '../identity/index.ts';
import { itemViews } from './applications/item-views.ts';
import { companyOf } from './applications/parties-of.ts';
import { KYC_EVENTS } from './audit.ts';
import { reviewNotices } from './review-notices.ts';
import { declarationOf, documentsOf, findApplication } from './store.ts';

/**
 * An application with its declaration, items and documents; for staff also what to look at, but on their own.
 * @effects audit `kyc_application.read` when staff read it
 * @errors not_found
 */
export async function getApplicationFile(ctx: Ctx, applicationId: Id) {
  return transact(ctx, ctx.login, async (tx) => {
    const application = await findApplication(tx, applicationId);
    const documents = await documentsOf(tx, applicationId);
    const declaration = await declarationOf(tx, ctx, application);
    const company = await companyOf(tx, ctx, application);
    const items = await itemViews(tx, ctx, application, declaration);
    const file = { ...application, declaration, company, items, documents };
    if (ctx.login !== 'staff') {
      return { ...file, notices: [] };
    }
    await recordReads(tx, ctx, [
      {
        event: KYC_EVENTS['kyc_application.read'],
        resource: { type: 'kyc_application', id: applicationId },
        subjectUserId: application.userId,
        after: application,
      },
    ]);
    const isOwn = application.userId === personOf(ctx.actor);
    const notices =
      isOwn || declaration === null ? [] : await reviewNotices(tx, ctx, application, declaration, documents);
    return { ...file, notices };
  });
}
