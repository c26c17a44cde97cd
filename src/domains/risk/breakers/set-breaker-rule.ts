import { desc, eq, type InferSelectModel } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import { requestApproval } from '../../../platform/approvals/request-approval.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { instrumentOf } from '../../markets/index.ts';
import { RISK_EVENTS } from '../audit.ts';
import { refuseRisk } from '../errors.ts';
import { breakerRules } from '../schema.ts';
import { isLooser, type RuleTerms } from './rule-terms.ts';

export type BreakerRule = InferSelectModel<typeof breakerRules>;

export type BreakerRuleOrder = RuleTerms & { readonly symbol: string; readonly reason: string };

export type SetRule = {
  readonly rule: BreakerRule | null;
  readonly ruleId: Id;
  readonly approvalId: Id | null;
};

const ACTION = 'risk.set_breaker_rule';

/**
 * Sets when the breaker of an instrument trips by itself: at once where the rule is no looser than the one
 * before, else when another person agrees.
 * @effects one row of `breaker_rules`, audit `breaker_rule.set`; or one of `approvals`, audit
 *   `approval.requested`
 * @errors not_found, breaker_terms_invalid
 */
export async function setBreakerRule(ctx: Ctx, order: BreakerRuleOrder): Promise<SetRule> {
  const { symbol, reason, ...terms } = order;
  if (terms.alertBps > terms.moveBps || (terms.platformMoveBps ?? terms.moveBps) < terms.moveBps) {
    throw refuseRisk('breaker_terms_invalid');
  }
  const ruleId = newId();
  const setBy = present(personOf(ctx.actor), 'rules are set by people');
  return transact(ctx, 'engine', async (tx) => {
    const { id: instrumentId } = await instrumentOf(tx, symbol);
    const before = await lockRule(tx, instrumentId);
    if (!isLooser(terms, before)) {
      const row = { ...terms, id: ruleId, instrumentId, reason, setBy, approvalId: null };
      return { rule: await write(tx, ctx, row), ruleId, approvalId: null };
    }
    const approval = await requestApproval(tx, ctx, {
      action: ACTION,
      subjectType: 'breaker_rule',
      subjectId: ruleId,
      subjectUserId: null,
      payload: { ...terms, instrumentId, symbol, reason, follows: before?.id ?? null },
      quorum: 1,
      checkerRoles: ['risk_manager', 'admin'],
      reason,
    });
    return { rule: null, ruleId, approvalId: approval.id };
  });
}

/** What the last vote on a looser rule does. @errors conflict where another rule was set meanwhile */
export const setBreakerRuleAction: ApprovalAction = {
  action: ACTION,
  execute: (ctx, { subjectId, payload, makerId, approvalId }) =>
    transact(ctx, 'engine', async (tx) => {
      const seen = payload as Omit<BreakerRuleOrder, 'symbol' | 'platformMoveBps'> & {
        instrumentId: Id;
        follows: Id | null;
        platformMoveBps?: number | null;
      };
      const { instrumentId, reason, active, moveBps, windowSeconds, pauseSeconds, alertBps } = seen;
      // What was asked before there was such a term has none.
      const platformMoveBps = seen.platformMoveBps ?? null;
      const before = await lockRule(tx, instrumentId);
      if ((before?.id ?? null) !== seen.follows) {
        throw refuse('conflict');
      }
      const terms = { active, moveBps, windowSeconds, pauseSeconds, alertBps, platformMoveBps };
      await write(tx, ctx, { ...terms, id: subjectId, instrumentId, reason, setBy: makerId, approvalId });
    }),
};

async function lockRule(tx: Tx, instrumentId: Id): Promise<BreakerRule | null> {
  await lockExclusive(tx, [`breaker-rule:${instrumentId}`]);
  const [rule] = await tx
    .select()
    .from(breakerRules)
    .where(eq(breakerRules.instrumentId, instrumentId))
    .orderBy(desc(breakerRules.id))
    .limit(1);
  return rule ?? null;
}

async function write(tx: Tx, ctx: Ctx, rule: Omit<BreakerRule, 'createdAt'>): Promise<BreakerRule> {
  const [row] = await tx
    .insert(breakerRules)
    .values({ ...rule, createdAt: ctx.deps.clock.now() })
    .returning();
  const set = present(row, 'the rule was just inserted');
  await record(tx, ctx, {
    event: RISK_EVENTS['breaker_rule.set'],
    resource: { type: 'breaker_rule', id: set.id },
    subjectUserId: null,
    after: set,
  });
  return set;
}
