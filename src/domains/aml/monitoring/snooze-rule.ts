import { eq } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs, type Instant } from '../../../kernel/time.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../../platform/approvals/request-approval.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { readGates } from '../../identity/index.ts';
import { AML_EVENTS } from '../audit.ts';
import { refuseAml } from '../errors.ts';
import { OFFICERS } from '../operation.ts';
import { RULE_TABLE } from './rule-table.ts';
import { ruleSnoozes } from './schema.ts';
import { DAY_MS } from './sizes.ts';

const MOST_DAYS = 90;

export type Snooze = typeof ruleSnoozes.$inferSelect;

export type NewSnooze = {
  readonly userId: Id;
  readonly ruleKey: string;
  readonly until: Instant;
  readonly reason: string;
};

/**
 * Asks that a rule does not count for a customer until a day; another person decides. What it finds is kept all
 * the same, and screening against lists knows no snooze.
 * @effects one row of `approvals`; audit `restricted_approval.requested`
 * @errors self_review, rule_unknown, snooze_too_long, not_found, approval_pending_exists
 */
export async function snoozeRule(ctx: Ctx, { userId, ruleKey, until, reason }: NewSnooze): Promise<Approval> {
  if (userId === personOf(ctx.actor)) {
    throw refuseAml('self_review');
  }
  if (!RULE_TABLE.some(({ key }) => key === ruleKey)) {
    throw refuseAml('rule_unknown');
  }
  refuseUnlikely(ctx, until);
  return transact(ctx, 'staff', async (tx) => {
    if (!(await readGates(tx, [userId])).has(userId)) {
      throw refuse('not_found');
    }
    return requestApproval(tx, ctx, {
      action: snoozeRuleAction.action,
      subjectType: 'user',
      subjectId: userId,
      subjectUserId: userId,
      payload: { userId, ruleKey, until },
      quorum: 1,
      checkerRoles: OFFICERS,
      reason,
    });
  });
}

/** Runs when a second person agrees to a snooze. */
export const snoozeRuleAction: ApprovalAction = {
  action: 'monitoring_rule.snooze',
  restricted: true,
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'approved actions run in the transaction of the vote');
    const { ruleKey, until } = approved.payload as { ruleKey: string; until: Instant };
    refuseUnlikely(ctx, until);
    const [inserted] = await tx
      .insert(ruleSnoozes)
      .values({
        id: newId(),
        userId: approved.subjectId,
        ruleKey,
        until,
        approvalId: approved.approvalId,
        createdBy: approved.makerId,
        createdAt: ctx.deps.clock.now(),
      })
      .returning();
    const snooze = present(inserted, 'the snooze was inserted');
    await record(tx, ctx, {
      event: AML_EVENTS['rule_snooze.placed'],
      resource: { type: 'rule_snooze', id: snooze.id },
      subjectUserId: snooze.userId,
      after: snooze,
    });
  },
};

/**
 * Ends a snooze before its day: the rule counts again. It only raises a guard, so one person does.
 * @effects one row of `rule_snoozes`; audit `rule_snooze.ended`
 * @errors not_found, self_review, snooze_ended
 */
export async function endSnooze(ctx: Ctx, snoozeId: Id): Promise<Snooze> {
  const personId = present(personOf(ctx.actor), 'staff end a snooze');
  return transact(ctx, 'staff', async (tx) => {
    const before = await lockRow(tx, ruleSnoozes, snoozeId);
    if (before === undefined) {
      throw refuse('not_found');
    }
    if (before.userId === personId) {
      throw refuseAml('self_review');
    }
    if (before.endedAt !== null || before.until <= ctx.deps.clock.now()) {
      throw refuseAml('snooze_ended');
    }
    const [updated] = await tx
      .update(ruleSnoozes)
      .set({ endedAt: ctx.deps.clock.now(), endedBy: personId })
      .where(eq(ruleSnoozes.id, snoozeId))
      .returning();
    const after = present(updated, 'the snooze was locked');
    await record(tx, ctx, {
      event: AML_EVENTS['rule_snooze.ended'],
      resource: { type: 'rule_snooze', id: snoozeId },
      subjectUserId: after.userId,
      before,
      after,
    });
    return after;
  });
}

/** @errors snooze_too_long, also for a day that is over */
function refuseUnlikely(ctx: Ctx, until: Instant): void {
  const now = ctx.deps.clock.now();
  if (until <= now || until > addMs(now, MOST_DAYS * DAY_MS)) {
    throw refuseAml('snooze_too_long');
  }
}
