import type { Id } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import { graver } from '../alerts/rules.ts';
import { AML_EVENTS } from '../audit.ts';
import { refuseAml } from '../errors.ts';
import { draftReport } from '../reports/draft-report.ts';
import { type AmlCase, addCaseStep, changeCase } from './case-events.ts';
import { lockCase } from './lock-case.ts';

/**
 * Takes a case to the MLRO as suspicious. When suspicion was formed is written down once: its report is begun with
 * it, and the time to report runs from there.
 * @effects `aml_cases`, `aml_case_events`; `suspicious_reports`; audit `aml_case.escalated`,
 *   `aml_report.drafted`; event `aml.suspicion_recorded`
 * @errors not_found, case_closed, case_escalated, case_closing
 */
export async function escalateCase(ctx: Ctx, caseId: Id, reason: string): Promise<AmlCase> {
  return transact(ctx, 'staff', async (tx) => {
    const before = await lockCase(tx, ctx, caseId);
    if (before.suspicionAt !== null) {
      throw refuseAml('case_escalated');
    }
    if (before.status === 'closing') {
      throw refuseAml('case_closing');
    }
    const suspicionAt = ctx.deps.clock.now();
    const severity = graver(before.severity, 'high');
    const after = await changeCase(tx, before, { status: 'escalated', severity, suspicionAt });
    await addCaseStep(tx, ctx, after, { type: 'escalated', body: reason });
    await record(tx, ctx, {
      event: AML_EVENTS['aml_case.escalated'],
      resource: { type: 'aml_case', id: caseId },
      subjectUserId: before.userId,
      before,
      after,
    });
    await draftReport(tx, ctx, after);
    const { userId } = before;
    await publish(tx, ctx, [
      { type: 'aml.suspicion_recorded', userId, customerVisible: false, data: { caseId } },
    ]);
    return after;
  });
}
