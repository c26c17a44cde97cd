import { and, desc, eq, lt } from 'drizzle-orm';
import type { Json } from '../../../kernel/canonical-json.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import { openJson } from '../../../platform/crypto/seal.ts';
import { transact } from '../../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../../platform/http/cursor.ts';
import { notAboutSelf } from '../not-about-self.ts';
import type { AssessmentVerdict } from './monitoring-vendor.ts';
import { monitoringVendorRequests, monitoringVendorResults } from './schema.ts';
import { assessmentPlace } from './settle-assessment.ts';

export type AssessmentQuery = PageRequest & {
  readonly userId?: Id | undefined;
  readonly activityId?: Id | undefined;
  readonly alertId?: Id | undefined;
  readonly verdict?: AssessmentVerdict | undefined;
};

/**
 * What outside vendors were asked about activities and said, newest first, without what was said where the person
 * was erased. @errors invalid_cursor
 */
export async function listAssessments(ctx: Ctx, query: AssessmentQuery) {
  const cursorKey = ctx.deps.keyring.cursorKey;
  const { userId, activityId, alertId, verdict } = query;
  const listing = `assessments:${userId ?? ''}:${activityId ?? ''}:${alertId ?? ''}:${verdict ?? ''}`;
  return transact(ctx, 'staff', async (tx) => {
    const [before] = query.cursor === undefined ? [] : readCursor(cursorKey, listing, query.cursor);
    const rows = await tx
      .select({ request: monitoringVendorRequests, result: monitoringVendorResults })
      .from(monitoringVendorRequests)
      .leftJoin(monitoringVendorResults, eq(monitoringVendorResults.requestId, monitoringVendorRequests.id))
      .where(
        and(
          notAboutSelf(ctx, monitoringVendorRequests.userId),
          userId === undefined ? undefined : eq(monitoringVendorRequests.userId, userId),
          activityId === undefined ? undefined : eq(monitoringVendorRequests.activityId, activityId),
          alertId === undefined ? undefined : eq(monitoringVendorRequests.alertId, alertId),
          verdict === undefined ? undefined : eq(monitoringVendorResults.verdict, verdict),
          before === undefined ? undefined : lt(monitoringVendorRequests.id, before),
        ),
      )
      .orderBy(desc(monitoringVendorRequests.id))
      .limit(query.limit + 1);
    const page = cutPage(cursorKey, listing, rows, query.limit, ({ request }) => [request.id]);
    const data = [];
    for (const { request, result } of page.data) {
      const key = result === null ? undefined : await ctx.deps.personKeys.find(tx, result.userId);
      const answer =
        result === null || key === undefined
          ? null
          : openJson<Json>(key, assessmentPlace(result.id), result.answer);
      data.push({ ...request, result: result === null ? null : { ...result, answer } });
    }
    return { ...page, data };
  });
}
