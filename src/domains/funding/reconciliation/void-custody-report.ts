import { eq } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import type { Approval } from '../../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../../platform/context.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { askAboutFile, fileVote, stand } from '../confirm-file.ts';
import { refuseFunding } from '../errors.ts';
import { CUSTODY_FILES, custodyPayload, holdingsOf, lockReport } from './confirm-custody-report.ts';
import { custodyReports } from './schema.ts';

type ReportRow = typeof custodyReports.$inferSelect;

/**
 * Asks another person to agree that a report which counts was wrong. It has booked nothing: the one before it counts
 * again, and the true one of that day can be imported.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors not_found, custody_report_not_counted, approval_pending_exists
 */
export async function voidCustodyReport(
  ctx: Ctx,
  input: { readonly reportId: Id; readonly reason: string },
): Promise<Approval> {
  return transact(ctx, 'staff', async (tx) => {
    const [report] = await tx.select().from(custodyReports).where(eq(custodyReports.id, input.reportId));
    if (report === undefined) {
      throw refuse('not_found');
    }
    refuseUncounted(report);
    return askAboutFile(tx, ctx, CUSTODY_FILES, {
      to: 'void',
      id: report.id,
      payload: custodyPayload({ report, holdings: await holdingsOf(tx, report.id) }),
      reason: input.reason,
    });
  });
}

/** What the vote on giving up a report does. */
export const custodyVoiding: ApprovalAction = fileVote(CUSTODY_FILES, {
  to: 'void',
  lock: async (tx, ctx, reportId) => {
    const held = await lockReport(tx, reportId);
    // Nobody looks at the books to sign them meanwhile.
    await lockExclusive(tx, [`reconciliation:${ctx.deps.firmName}`]);
    refuseUncounted(held.report);
    return held;
  },
  payloadOf: custodyPayload,
  agreed: (tx, ctx, { report }, approvalId) => stand(tx, ctx, CUSTODY_FILES, report, 'void', approvalId),
});

/** @errors custody_report_not_counted */
function refuseUncounted({ standing }: ReportRow): void {
  if (standing !== 'confirmed') {
    throw refuseFunding('custody_report_not_counted');
  }
}
