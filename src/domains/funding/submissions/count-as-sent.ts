import { isNull } from 'drizzle-orm';
import { recordMany } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { SUBMISSION_EVENTS } from './audit.ts';
import { payoutSubmissions } from './schema.ts';

/**
 * Counts every payout as told to its provider that never was as far as this table knows: what came back from elsewhere
 * may have lost that it was, so that nobody's word alone sets it free.
 * @effects rows of `payout_submissions`; audit `payout_submission.counted_as_sent`
 */
export async function countPayoutsAsSent(tx: Tx, ctx: Ctx): Promise<void> {
  const rows = await tx
    .update(payoutSubmissions)
    .set({ sentAt: ctx.deps.clock.now() })
    .where(isNull(payoutSubmissions.sentAt))
    .returning();
  await recordMany(
    tx,
    ctx,
    rows.map((after) => ({
      event: SUBMISSION_EVENTS['payout_submission.counted_as_sent'],
      resource: { type: 'payout_submission', id: after.id },
      subjectUserId: null,
      after,
    })),
  );
}
