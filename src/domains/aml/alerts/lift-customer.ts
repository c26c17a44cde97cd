import { and, asc, eq, sql } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import { canonicalJson } from '../../../kernel/canonical-json.ts';
import type { Id } from '../../../kernel/id.ts';
import { raiseAlarm } from '../../../platform/alarms/raise-alarm.ts';
import type { ApprovalAction, ApprovedAction } from '../../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import type { Consumer } from '../../../platform/outbox/consumer.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import {
  changeGate,
  liftRestriction,
  lockGateExclusively,
  lockGates,
  refuseSelfAction,
  restrictionsOf,
} from '../../identity/index.ts';
import { AML_EVENTS } from '../audit.ts';
import { addCaseStep, findOpenCase } from '../cases/case-events.ts';
import { amlCases } from '../cases/schema.ts';
import { refuseAml } from '../errors.ts';
import { amlAlerts } from '../schema.ts';
import { screenUser } from '../screen.ts';
import { freezesWhenTrue, restrictsWhenTrue } from './rules.ts';
import { amlAlertEvents } from './schema.ts';

type LiftedCause = 'sanctions' | 'aml_case';

/**
 * Asks to end what stands against a customer for sanctions, or for a case. Two others have to agree, the MLRO among
 * them.
 * @effects one row of `approvals`; audit `restricted_approval.requested`
 * @errors not_found, self_action, customer_not_confirmed, customer_not_restricted, approval_pending_exists
 */
export async function requestLift(
  ctx: Ctx,
  userId: Id,
  { cause, reason }: { readonly cause: LiftedCause; readonly reason: string },
): Promise<Approval> {
  refuseSelfAction(ctx, userId);
  return transact(ctx, 'staff', async (tx) => {
    await lockStanding(tx, userId, cause);
    return requestApproval(tx, ctx, {
      action: cause === 'sanctions' ? liftCustomerAction.action : releaseCustomerAction.action,
      subjectType: 'user',
      subjectId: userId,
      subjectUserId: userId,
      payload: await standingOf(tx, userId, cause),
      quorum: 2,
      checkerRoles: ['compliance_officer', 'mlro'],
      reason,
    });
  });
}

/**
 * Runs when two others agreed: what was confirmed ends, and a new screening says how the person stands. What was
 * confirmed since they were asked is not what they agreed to end.
 */
export const liftCustomerAction: ApprovalAction = {
  action: 'aml_customer.lift',
  restricted: true,
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'approved actions run in the transaction of the vote');
    const userId = approved.subjectId;
    await endStanding(tx, ctx, approved, 'sanctions');
    await changeGate(tx, ctx, userId, { screening: 'none' });
    const open = await findOpenCase(tx, userId, 'sanctions');
    if (open !== undefined) {
      await addCaseStep(tx, ctx, open, { type: 'lifted', data: { approvalId: approved.approvalId } });
    }
    await raiseAlarm(tx, ctx, {
      event: AML_EVENTS['aml_customer.lifted'],
      resource: { type: 'user', id: userId },
      subjectUserId: userId,
      after: { caseId: open?.id ?? null, approvalId: approved.approvalId },
    });
    await publish(tx, ctx, [{ type: 'aml.customer_lifted', userId, customerVisible: false, data: {} }]);
  },
};

/** Runs when two others agreed that nothing of a case keeps the money of a customer in any more. */
export const releaseCustomerAction: ApprovalAction = {
  action: 'aml_customer.release',
  restricted: true,
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'approved actions run in the transaction of the vote');
    const { subjectId: userId, approvalId } = approved;
    const ended = await endStanding(tx, ctx, approved, 'aml_case');
    for (const { referenceId, referenceType } of ended) {
      const found = referenceType === 'aml_case' ? await lockRow(tx, amlCases, referenceId) : undefined;
      if (found !== undefined) {
        await addCaseStep(tx, ctx, found, { type: 'released', data: { approvalId } });
      }
    }
    await raiseAlarm(tx, ctx, {
      event: AML_EVENTS['aml_customer.released'],
      resource: { type: 'user', id: userId },
      subjectUserId: userId,
      after: { restrictions: ended.map(({ id }) => id), approvalId },
    });
  },
};

/** Screens whoever was lifted, also where an alert opened the gate meanwhile: its end would else go by the old hit. */
export const screenLifted: Consumer = {
  name: 'aml.screen_lifted',
  types: ['aml.customer_lifted'],
  handle: async (ctx, event) => {
    await screenUser(ctx, present(event.userId, 'what is lifted belongs to a person'), 'lifted');
  },
};

/** @errors not_found, customer_not_confirmed, customer_not_restricted */
async function lockStanding(tx: Tx, userId: Id, cause: LiftedCause): Promise<void> {
  await lockGateExclusively(tx, userId);
  const gate = (await lockGates(tx, [userId])).get(userId);
  if (gate === undefined) {
    throw refuse('not_found');
  }
  if (cause === 'sanctions' && gate.screening !== 'confirmed') {
    throw refuseAml('customer_not_confirmed');
  }
  if (cause === 'aml_case' && (await standingFor(tx, userId, cause)).length === 0) {
    throw refuseAml('customer_not_restricted');
  }
}

/**
 * Ends all that stands for a cause, as it stood when this was asked for.
 * @errors mlro_vote_required, not_found, customer_not_confirmed, customer_not_restricted, customer_confirmed_again
 */
async function endStanding(tx: Tx, ctx: Ctx, approved: ApprovedAction, cause: LiftedCause) {
  const { subjectId: userId, approvalId } = approved;
  await refuseWithoutMlro(tx, approved);
  await lockStanding(tx, userId, cause);
  const { restrictions, confirmations } = approved.payload;
  if (canonicalJson({ restrictions, confirmations }) !== canonicalJson(await standingOf(tx, userId, cause))) {
    throw refuseAml('customer_confirmed_again');
  }
  const standing = await standingFor(tx, userId, cause);
  for (const { referenceId } of standing) {
    await liftRestriction(tx, ctx, userId, { cause, referenceId, approvalId });
  }
  return standing;
}

/** What a vote is bound to: all that stands for a cause, and every time that somebody confirmed such an alert. */
async function standingOf(tx: Tx, userId: Id, cause: LiftedCause) {
  const steps = await tx
    .select({
      id: amlAlertEvents.id,
      kind: amlAlerts.kind,
      effect: amlAlerts.effect,
      severity: amlAlerts.severity,
    })
    .from(amlAlertEvents)
    .innerJoin(amlAlerts, eq(amlAlerts.id, amlAlertEvents.alertId))
    .where(
      and(
        eq(amlAlerts.userId, userId),
        eq(amlAlertEvents.type, 'closing_requested'),
        sql`${amlAlertEvents.data} ->> 'disposition' = 'true_match'`,
      ),
    )
    .orderBy(asc(amlAlertEvents.id));
  const weighs = cause === 'sanctions' ? freezesWhenTrue : restrictsWhenTrue;
  return {
    restrictions: (await standingFor(tx, userId, cause)).map(({ id }) => id),
    confirmations: steps.filter(weighs).map(({ id }) => id),
  };
}

async function standingFor(tx: Tx, userId: Id, cause: LiftedCause) {
  return (await restrictionsOf(tx, userId)).filter((standing) => standing.cause === cause);
}

/** One of those who approve has to be an MLRO now; otherwise the last vote rolls back. @errors mlro_vote_required */
async function refuseWithoutMlro(tx: Tx, { checkerIds }: ApprovedAction): Promise<void> {
  const [mlro] = await tx.execute(sql`
    select 1 from role_grants
    where role = 'mlro' and user_id = any (${sql.param([...checkerIds])}::uuid[]) limit 1`);
  if (mlro === undefined) {
    throw refuseAml('mlro_vote_required');
  }
}
