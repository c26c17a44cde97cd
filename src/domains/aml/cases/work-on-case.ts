import { personOf } from '../../../kernel/actor.ts';
import type { Id } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { lockGateExclusively, lockGates } from '../../identity/index.ts';
import { lockOpenAlert } from '../alerts/lock-alert.ts';
import { refuseUnsuitable } from '../alerts/refuse-unsuitable.ts';
import { AML_EVENTS } from '../audit.ts';
import { refuseAml } from '../errors.ts';
import { addSubject } from './add-subject.ts';
import { type AmlCase, addCaseStep, changeCase } from './case-events.ts';
import { findCase, isSubject, lockCase } from './lock-case.ts';
import { linkAlert } from './open-case.ts';

/**
 * Gives a case to somebody of compliance.
 * @effects `aml_cases`, `aml_case_events`; audit `aml_case.changed`
 * @errors not_found, case_closed, assignee_unsuitable, self_review
 */
export async function assignCase(ctx: Ctx, caseId: Id, assigneeId: Id): Promise<AmlCase> {
  return transact(ctx, 'staff', async (tx) => {
    const before = await lockCase(tx, ctx, caseId);
    if (await isSubject(tx, caseId, assigneeId)) {
      throw refuseAml('self_review');
    }
    await refuseUnsuitable(tx, assigneeId);
    const after = await changeCase(tx, before, { assigneeId });
    await addCaseStep(tx, ctx, after, { type: 'assigned', data: { assigneeId } });
    await record(tx, ctx, {
      event: AML_EVENTS['aml_case.changed'],
      resource: { type: 'aml_case', id: caseId },
      subjectUserId: before.userId,
      before,
      after: { ...after, step: 'assigned' },
    });
    return after;
  });
}

type Progress = 'investigating' | 'awaiting_information';

/**
 * Writes something to a case, which one that is closed takes as well, or says how far the work on it is.
 * @effects `aml_case_events`, perhaps `aml_cases`; audit `aml_case.commented` or `aml_case.changed`
 * @errors not_found; for what is no comment case_closed, case_closing
 */
export async function addCaseEvent(
  ctx: Ctx,
  caseId: Id,
  event:
    | { readonly type: 'comment'; readonly text: string }
    | { readonly type: 'status'; readonly status: Progress },
): Promise<AmlCase> {
  return event.type === 'comment'
    ? commentCase(ctx, caseId, event.text)
    : setCaseStatus(ctx, caseId, event.status);
}

/**
 * Makes an open alert, and whom it is about, part of a case.
 * @effects as `linkAlert` and `addSubject`
 * @errors not_found, alert_resolved, self_review, case_closed
 */
export async function addCaseAlert(ctx: Ctx, caseId: Id, alertId: Id): Promise<AmlCase> {
  return transact(ctx, 'staff', async (tx) => {
    const { alert } = await lockOpenAlert(tx, alertId);
    if (alert.userId !== null && alert.userId === personOf(ctx.actor)) {
      throw refuseAml('self_review');
    }
    const into = await lockCase(tx, ctx, caseId);
    await linkAlert(tx, ctx, into, alert);
    if (alert.userId !== null) {
      await addSubject(tx, ctx, into, alert.userId);
    }
    return into;
  });
}

/**
 * Makes somebody one of those a case is about.
 * @effects as `addSubject`
 * @errors not_found, self_review, case_closed
 */
export async function addCaseSubject(ctx: Ctx, caseId: Id, userId: Id): Promise<AmlCase> {
  if (userId === personOf(ctx.actor)) {
    throw refuseAml('self_review');
  }
  return transact(ctx, 'staff', async (tx) => {
    await lockGateExclusively(tx, userId);
    if (!(await lockGates(tx, [userId])).has(userId)) {
      throw refuse('not_found');
    }
    const into = await lockCase(tx, ctx, caseId);
    await addSubject(tx, ctx, into, userId);
    return into;
  });
}

async function setCaseStatus(ctx: Ctx, caseId: Id, status: Progress): Promise<AmlCase> {
  return transact(ctx, 'staff', async (tx) => {
    const before = await lockCase(tx, ctx, caseId);
    if (before.status === 'closing') {
      throw refuseAml('case_closing');
    }
    const after = await changeCase(tx, before, { status });
    await addCaseStep(tx, ctx, after, { type: 'status', data: { from: before.status, to: status } });
    await record(tx, ctx, {
      event: AML_EVENTS['aml_case.changed'],
      resource: { type: 'aml_case', id: caseId },
      subjectUserId: before.userId,
      before,
      after: { ...after, step: 'status' },
    });
    return after;
  });
}

async function commentCase(ctx: Ctx, caseId: Id, body: string): Promise<AmlCase> {
  return transact(ctx, 'staff', async (tx) => {
    const found = await findCase(tx, ctx, caseId);
    await addCaseStep(tx, ctx, found, { type: 'commented', body });
    await record(tx, ctx, {
      event: AML_EVENTS['aml_case.commented'],
      resource: { type: 'aml_case', id: caseId },
      subjectUserId: found.userId,
      after: found,
    });
    return found;
  });
}
