import { and, asc, eq } from 'drizzle-orm';
import type { Json } from '../../../kernel/canonical-json.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import { openJson } from '../../../platform/crypto/seal.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { recordReads } from '../../identity/index.ts';
import { AML_EVENTS } from '../audit.ts';
import { notAboutSelf } from '../not-about-self.ts';
import { screenings } from '../schema.ts';
import { vendorRequests, vendorResults } from './schema.ts';
import { vendorAnswerPlace } from './settle-request.ts';

/**
 * What outside vendors were asked about a screening and said, without what was said where the person was erased.
 * @effects audit `vendor_result.read`
 * @errors not_found
 */
export async function listVendorResults(ctx: Ctx, screeningId: Id) {
  return transact(ctx, 'staff', async (tx) => {
    const [screening] = await tx
      .select({ userId: screenings.userId, result: screenings.result })
      .from(screenings)
      .where(and(notAboutSelf(ctx, screenings.userId), eq(screenings.id, screeningId)));
    if (screening === undefined) {
      throw refuse('not_found');
    }
    const { userId } = screening;
    const rows = await tx
      .select({ request: vendorRequests, result: vendorResults })
      .from(vendorRequests)
      .leftJoin(vendorResults, eq(vendorResults.requestId, vendorRequests.id))
      .where(eq(vendorRequests.screeningId, screeningId))
      .orderBy(asc(vendorRequests.id));
    const key = userId === null ? ctx.deps.keyring.house : await ctx.deps.personKeys.find(tx, userId);
    await recordReads(tx, ctx, [
      {
        event: AML_EVENTS['vendor_result.read'],
        resource: { type: 'screening', id: screeningId },
        subjectUserId: userId,
        after: { screeningId, ...rows[0]?.result },
      },
    ]);
    return rows.map(({ request, result }) => ({
      ...request,
      result:
        result === null
          ? null
          : {
              ...result,
              answer:
                key === undefined ? null : openJson<Json[]>(key, vendorAnswerPlace(result.id), result.answer),
            },
    }));
  });
}
