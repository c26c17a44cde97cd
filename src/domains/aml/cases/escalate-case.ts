import { asc, eq } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import { graver } from '../alerts/rules.ts';
import { AML_EVENTS } from '../audit.ts';
import { refuseAml } from '../errors.ts';
import { draftReport } from '../reports/draft-report.ts';
import type { SuspiciousReport } from '../reports/report-store.ts';
import { amlAlerts } from '../schema.ts';
import { type AmlCase, addCaseStep, changeCase } from './case-events.ts';
import { lockCase } from './lock-case.ts';

export type Suspicion = {
  readonly reason: string;
  /** When it was formed, where that was earlier than now: the time to report runs from there. */
  readonly suspicionAt?: Instant | undefined;
};

/** A case that is suspicious, and the report that was begun with it. */
export type Escalated = { readonly found: AmlCase; readonly report: SuspiciousReport };

/**
 * Takes a case to the MLRO as suspicious. When suspicion was formed is written down once: its report is begun with
 * it, and the time to report runs from there.
 * @effects `aml_cases`, `aml_case_events`; `suspicious_reports`; audit `aml_case.escalated`,
 *   `aml_report.drafted`; event `aml.suspicion_recorded`
 * @errors not_found, case_closed, case_escalated, case_closing, suspicion_at_invalid
 */
export async function escalateCase(
  ctx: Ctx,
  caseId: Id,
  { reason, suspicionAt: said }: Suspicion,
): Promise<Escalated> {
  return transact(ctx, 'staff', async (tx) => {
    const before = await lockCase(tx, ctx, caseId);
    if (before.suspicionAt !== null) {
      throw refuseAml('case_escalated');
    }
    if (before.status === 'closing') {
      throw refuseAml('case_closing');
    }
    const now = ctx.deps.clock.now();
    const suspicionAt = said ?? now;
    if (suspicionAt > now || suspicionAt < (await begunAt(tx, before))) {
      throw refuseAml('suspicion_at_invalid');
    }
    const severity = graver(before.severity, 'high');
    const after = await changeCase(tx, before, { status: 'escalated', severity, suspicionAt });
    await addCaseStep(tx, ctx, after, { type: 'escalated', data: { suspicionAt }, body: reason });
    await record(tx, ctx, {
      event: AML_EVENTS['aml_case.escalated'],
      resource: { type: 'aml_case', id: caseId },
      subjectUserId: before.userId,
      before,
      after,
    });
    const report = await draftReport(tx, ctx, after);
    const { userId } = before;
    await publish(tx, ctx, [
      { type: 'aml.suspicion_recorded', userId, customerVisible: false, data: { caseId } },
    ]);
    return { found: after, report };
  });
}

/** When there was first something to suspect: the case was opened, or an alert of it was raised before. */
async function begunAt(tx: Tx, { id, openedAt }: AmlCase): Promise<Instant> {
  const [first] = await tx
    .select({ at: amlAlerts.createdAt })
    .from(amlAlerts)
    .where(eq(amlAlerts.caseId, id))
    .orderBy(asc(amlAlerts.createdAt))
    .limit(1);
  return first !== undefined && first.at < openedAt ? first.at : openedAt;
}
