import { personOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import { sealJson } from '../../../platform/crypto/seal.ts';
import { transact } from '../../../platform/db/transact.ts';
import { caseKey } from '../cases/case-events.ts';
import { refuseAml } from '../errors.ts';
import {
  changeReport,
  lockReport,
  openContent,
  type ReportContent,
  reportPlace,
  type Selection,
  type SuspiciousReport,
} from './report-store.ts';

/** What may be changed of a report; each member as a whole, what is left out stays. */
export type ReportPatch = {
  readonly reportCode?: 'STR' | 'SAR' | undefined;
  readonly reasons?: readonly string[] | undefined;
  readonly indicators?: readonly string[] | undefined;
  readonly selection?: Selection | undefined;
  readonly narrative?: string | undefined;
  readonly action?: string | undefined;
  readonly localAmounts?: Readonly<Record<string, string>> | undefined;
};

/**
 * Changes what a report says; what was found whole before has to be found so again.
 * @effects `suspicious_reports`, `suspicious_report_events`; audit `aml_report.edited`
 * @errors not_found, report_decided
 */
export async function editReport(ctx: Ctx, reportId: Id, patch: ReportPatch): Promise<SuspiciousReport> {
  const writerId = present(personOf(ctx.actor), 'a report is written by a person');
  return transact(ctx, 'staff', async (tx) => {
    const before = await lockReport(tx, ctx, reportId);
    if (before.status !== 'draft' && before.status !== 'ready') {
      throw refuseAml('report_decided');
    }
    const key = await caseKey(tx, ctx, before.userId);
    const said = openContent(key, before);
    const content: ReportContent = {
      narrative: patch.narrative ?? said.narrative,
      action: patch.action ?? said.action,
      localAmounts: patch.localAmounts ?? said.localAmounts,
    };
    return changeReport(tx, ctx, before, {
      set: {
        status: 'draft',
        reportCode: patch.reportCode ?? before.reportCode,
        reasons: patch.reasons ?? before.reasons,
        indicators: patch.indicators ?? before.indicators,
        selection: { ...(patch.selection ?? before.selection) } as SuspiciousReport['selection'],
        content: sealJson(key, reportPlace(reportId, 'content'), content),
        editedBy: writerId,
        editedAt: ctx.deps.clock.now(),
        validatedAt: null,
        transactionCount: null,
      },
      step: 'edited',
      data: { members: Object.keys(patch).sort() },
    });
  });
}
