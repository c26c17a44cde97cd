import { and, asc, eq, sql } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import { canonicalJson } from '../../../kernel/canonical-json.ts';
import type { Id } from '../../../kernel/id.ts';
import { raiseAlarm } from '../../../platform/alarms/raise-alarm.ts';
import type { ApprovalAction, ApprovedAction } from '../../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import type { Consumer } from '../../../platform/outbox/consumer.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import {
  changeGate,
  type Gate,
  liftRestriction,
  lockGateExclusively,
  lockGates,
  refuseSelfAction,
  restrictionsOf,
} from '../../identity/index.ts';
import { AML_EVENTS } from '../audit.ts';
import { addCaseStep, findOpenCase } from '../cases/case-events.ts';
import { refuseAml } from '../errors.ts';
import { amlAlerts } from '../schema.ts';
import { screenUser } from '../screen.ts';
import { freezesWhenTrue } from './rules.ts';
import { amlAlertEvents } from './schema.ts';

/**
 * Asks to end what stands against a customer for sanctions. Two others have to agree, the MLRO among them.
 * @effects one row of `approvals`; audit `restricted_approval.requested`
 * @errors not_found, self_action, customer_not_confirmed, approval_pending_exists
 */
export async function requestLift(ctx: Ctx, userId: Id, reason: string): Promise<Approval> {
  refuseSelfAction(ctx, userId);
  return transact(ctx, 'staff', async (tx) => {
    await lockConfirmed(tx, userId);
    return requestApproval(tx, ctx, {
      action: liftCustomerAction.action,
      subjectType: 'user',
      subjectId: userId,
      subjectUserId: userId,
      payload: await standingOf(tx, userId),
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
    await refuseWithoutMlro(tx, approved);
    await lockConfirmed(tx, userId);
    const { restrictions, confirmations } = approved.payload;
    if (canonicalJson({ restrictions, confirmations }) !== canonicalJson(await standingOf(tx, userId))) {
      throw refuseAml('customer_confirmed_again');
    }
    for (const { referenceId } of await sanctionsOn(tx, userId)) {
      const { approvalId } = approved;
      await liftRestriction(tx, ctx, userId, { cause: 'sanctions', referenceId, approvalId });
    }
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

/** Screens whoever was lifted, also where an alert opened the gate meanwhile: its end would else go by the old hit. */
export const screenLifted: Consumer = {
  name: 'aml.screen_lifted',
  types: ['aml.customer_lifted'],
  handle: async (ctx, event) => {
    await screenUser(ctx, present(event.userId, 'what is lifted belongs to a person'), 'lifted');
  },
};

/** @errors not_found, customer_not_confirmed */
async function lockConfirmed(tx: Tx, userId: Id): Promise<Gate> {
  await lockGateExclusively(tx, userId);
  const gate = (await lockGates(tx, [userId])).get(userId);
  if (gate === undefined) {
    throw refuse('not_found');
  }
  if (gate.screening !== 'confirmed') {
    throw refuseAml('customer_not_confirmed');
  }
  return gate;
}

/** What a vote is bound to: all that stands for sanctions, and every time that somebody confirmed a match. */
async function standingOf(tx: Tx, userId: Id) {
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
  return {
    restrictions: (await sanctionsOn(tx, userId)).map(({ id }) => id),
    confirmations: steps.filter(freezesWhenTrue).map(({ id }) => id),
  };
}

async function sanctionsOn(tx: Tx, userId: Id) {
  return (await restrictionsOf(tx, userId)).filter(({ cause }) => cause === 'sanctions');
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
