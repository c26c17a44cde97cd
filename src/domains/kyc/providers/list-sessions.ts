import { asc, inArray } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { recordReads, refuseSelfAction } from '../../identity/index.ts';
import { KYC_EVENTS } from '../audit.ts';
import { declarationOf, findApplication } from '../store.ts';
import { answeredSessions } from './answered-sessions.ts';
import { kycProviderImages } from './schema.ts';

/**
 * What the provider said of an application, held against what is declared now; each look is recorded.
 * @effects audit `kyc_provider_session.read`
 * @errors not_found, self_action
 */
export async function listSessions(ctx: Ctx, applicationId: Id) {
  return transact(ctx, ctx.login, async (tx) => {
    const application = await findApplication(tx, applicationId);
    const { userId } = application;
    refuseSelfAction(ctx, userId);
    const declared = await declarationOf(tx, ctx, application);
    const answered = await answeredSessions(tx, ctx, application, declared);
    const sessions = answered.map(({ session, findings }) => ({ ...session, findings }));
    const ids = sessions.map(({ id }) => id);
    const images =
      ids.length === 0
        ? []
        : await tx
            .select()
            .from(kycProviderImages)
            .where(inArray(kycProviderImages.sessionId, ids))
            .orderBy(asc(kycProviderImages.id));
    await recordReads(
      tx,
      ctx,
      sessions.map((session) => ({
        event: KYC_EVENTS['kyc_provider_session.read'],
        resource: { type: 'kyc_provider_session', id: session.id },
        subjectUserId: userId,
        after: session,
      })),
    );
    return sessions.map((session) => ({
      ...session,
      images: images.filter(({ sessionId }) => sessionId === session.id),
    }));
  });
}
