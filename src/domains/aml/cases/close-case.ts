import { and, eq, ne } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { ApprovalAction, ApprovedAction } from '../../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../../platform/approvals/request-approval.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import { restrictionsOf } from '../../identity/index.ts';
import { AML_EVENTS } from '../audit.ts';
import { refuseAml } from '../errors.ts';
import { amlAlerts } from '../schema.ts';
import { type AmlCase, addCaseStep, changeCase } from './case-events.ts';
import { isSubject, lockCase } from './lock-case.ts';
import { type CaseDisposition, closesCaseAlone } from './rules.ts';
import { amlCaseSubjects, amlCases } from './schema.ts';

export type CaseClosing = { readonly disposition: CaseDisposition; readonly reason: string };

/**
 * Closes a case that is neither grave nor suspicious, and asks a second person for any other.
 * @effects `aml_cases`, `aml_case_events`, perhaps one row of `approvals`; audit `aml_case.closed`, or
 *   `aml_case.closing_requested`; event `aml.case_closed`
 * @errors not_found, case_closed, case_closing, case_has_open_alerts, case_restricts,
 *   approval_pending_exists
 * @shape the case, or the approval that it waits for
 */
export async function closeCase(
  ctx: Ctx,
  caseId: Id,
  closing: CaseClosing,
): Promise<{ readonly found: AmlCase } | { readonly approval: Approval }> {
  const closerId = present(personOf(ctx.actor), 'a case is closed by a person');
  return transact(ctx, 'staff', async (tx) => {
    const before = await lockCase(tx, ctx, caseId);
    if (before.status === 'closing') {
      throw refuseAml('case_closing');
    }
    await refuseOpenAlerts(tx, caseId);
    await refuseStandingRestriction(tx, caseId);
    await addCaseStep(tx, ctx, before, { type: 'commented', body: closing.reason });
    if (closesCaseAlone(before, closing.disposition)) {
      return { found: await close(tx, ctx, before, closing.disposition, closerId) };
    }
    const approval = await requestApproval(tx, ctx, {
      action: closeCaseAction.action,
      subjectType: 'aml_case',
      subjectId: caseId,
      subjectUserId: before.userId,
      payload: { disposition: closing.disposition, severity: before.severity },
      quorum: 1,
      checkerRoles: ['compliance_officer', 'mlro'],
      reason: closing.reason,
    });
    const change = { status: 'closing', closeApprovalId: approval.id };
    await goOn(tx, ctx, before, change, 'closing_requested');
    return { approval };
  });
}

/** Runs when a second person, who is no part of the case, agrees that it is over. */
export const closeCaseAction: ApprovalAction = {
  action: 'aml_case.close',
  restricted: true,
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'approved actions run in the transaction of the vote');
    const before = await lockClosing(tx, approved);
    if (before === undefined) {
      throw refuseAml('case_closed');
    }
    for (const checkerId of approved.checkerIds) {
      if (await isSubject(tx, before.id, checkerId)) {
        throw refuseAml('self_review');
      }
    }
    await refuseOpenAlerts(tx, before.id);
    await refuseStandingRestriction(tx, before.id);
    const disposition = approved.payload.disposition as CaseDisposition;
    await close(tx, ctx, before, disposition, approved.makerId);
  },
  refused: async (ctx, approved) => {
    const tx = present(ctx.tx, 'an approval ends in a transaction');
    const before = await lockClosing(tx, approved);
    if (before !== undefined) {
      const status = before.suspicionAt === null ? 'investigating' : 'escalated';
      await goOn(tx, ctx, before, { status, closeApprovalId: null }, 'closing_refused');
    }
  },
};

async function lockClosing(tx: Tx, approved: ApprovedAction): Promise<AmlCase | undefined> {
  const locked = await lockRow(tx, amlCases, approved.subjectId);
  return locked?.closeApprovalId === approved.approvalId && locked.status === 'closing' ? locked : undefined;
}

async function goOn(
  tx: Tx,
  ctx: Ctx,
  before: AmlCase,
  change: Pick<AmlCase, 'status' | 'closeApprovalId'>,
  step: 'closing_requested' | 'closing_refused',
): Promise<void> {
  const after = await changeCase(tx, before, change);
  await addCaseStep(tx, ctx, after, { type: step });
  await record(tx, ctx, {
    event: AML_EVENTS[`aml_case.${step}`],
    resource: { type: 'aml_case', id: before.id },
    subjectUserId: before.userId,
    before,
    after,
  });
}

async function close(
  tx: Tx,
  ctx: Ctx,
  before: AmlCase,
  disposition: CaseDisposition,
  closedBy: Id,
): Promise<AmlCase> {
  const closedAt = ctx.deps.clock.now();
  const after = await changeCase(tx, before, { status: 'closed', disposition, closedAt, closedBy });
  await addCaseStep(tx, ctx, after, { type: 'closed', data: { disposition } });
  await record(tx, ctx, {
    event: AML_EVENTS['aml_case.closed'],
    resource: { type: 'aml_case', id: before.id },
    subjectUserId: before.userId,
    before,
    after,
  });
  const data = { caseId: before.id, kind: before.kind, disposition };
  await publish(tx, ctx, [{ type: 'aml.case_closed', userId: before.userId, customerVisible: false, data }]);
  return after;
}

/** What is part of a case is decided before the case is. @errors case_has_open_alerts */
async function refuseOpenAlerts(tx: Tx, caseId: Id): Promise<void> {
  const [open] = await tx
    .select({ id: amlAlerts.id })
    .from(amlAlerts)
    .where(and(eq(amlAlerts.caseId, caseId), ne(amlAlerts.status, 'resolved')))
    .limit(1);
  if (open !== undefined) {
    throw refuseAml('case_has_open_alerts');
  }
}

/** Whoever a case keeps from paying out is released before the case is over. @errors case_restricts */
async function refuseStandingRestriction(tx: Tx, caseId: Id): Promise<void> {
  const subjects = await tx
    .select({ userId: amlCaseSubjects.userId })
    .from(amlCaseSubjects)
    .where(eq(amlCaseSubjects.caseId, caseId));
  for (const { userId } of subjects) {
    const standing = await restrictionsOf(tx, userId);
    if (standing.some(({ cause, referenceId }) => cause === 'aml_case' && referenceId === caseId)) {
      throw refuseAml('case_restricts');
    }
  }
}
