import { and, eq, inArray } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import { canonicalJson, type Json } from '../../../kernel/canonical-json.ts';
import type { Id } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import type { ActivityKind } from '../../../platform/activity.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../../platform/approvals/request-approval.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { sha256 } from '../../../platform/crypto/keyring.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockExclusive, lockRow } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { AML_EVENTS } from '../audit.ts';
import { refuseAml } from '../errors.ts';
import { OFFICERS } from '../operation.ts';
import { kindsLookedAt, ruleSetOf } from './rule-set.ts';
import { activeRows, type StoredRule } from './rule-store.ts';
import { monitoredActivity, monitoringRules } from './schema.ts';
import { refuseDecided } from './simulate-rule.ts';
import { DAY_MS } from './sizes.ts';

/**
 * Asks for a draft to be put into force. What is found, and what stops money, follows from it, so another person
 * decides, on what a simulation said.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors not_found, rule_not_draft, rule_not_simulated, rule_simulation_cut, rule_simulation_old,
 *   rule_simulation_empty, approval_pending_exists
 */
export async function activateRule(ctx: Ctx, ruleId: Id): Promise<Approval> {
  return transact(ctx, 'staff', async (tx) => {
    const [draft] = await tx.select().from(monitoringRules).where(eq(monitoringRules.id, ruleId));
    if (draft === undefined) {
      throw refuse('not_found');
    }
    const history = await refuseUnsimulated(tx, ctx, draft);
    return requestApproval(tx, ctx, {
      action: activateRuleAction.action,
      subjectType: 'monitoring_rule',
      subjectId: draft.id,
      subjectUserId: null,
      payload: payloadOf(draft, history),
      quorum: 1,
      checkerRoles: OFFICERS,
      reason: draft.reason,
    });
  });
}

/** Runs when a second person agrees to a version. */
export const activateRuleAction: ApprovalAction = {
  action: 'monitoring_rule.activate',
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'approved actions run in the transaction of the vote');
    await lockExclusive(tx, ['aml.monitoring_rules']);
    const before = present(await lockRow(tx, monitoringRules, approved.subjectId), 'a draft is not deleted');
    const history = await refuseUnsimulated(tx, ctx, before);
    if (canonicalJson(payloadOf(before, history)) !== canonicalJson(approved.payload as Json)) {
      throw refuseAml('rule_not_simulated');
    }
    const at = ctx.deps.clock.now();
    await tx
      .update(monitoringRules)
      .set({ status: 'retired', retiredAt: at })
      .where(and(eq(monitoringRules.key, before.key), eq(monitoringRules.status, 'active')));
    const [updated] = await tx
      .update(monitoringRules)
      .set({ status: 'active', approvalId: approved.approvalId, activatedAt: at })
      .where(eq(monitoringRules.id, before.id))
      .returning();
    await record(tx, ctx, {
      event: AML_EVENTS['monitoring_rule.activated'],
      resource: { type: 'monitoring_rule', id: before.id },
      subjectUserId: null,
      before,
      after: present(updated, 'the draft was locked'),
    });
  },
};

/** For how long a simulation says what people do. @units ms */
const SIMULATION_MS = 7 * DAY_MS;

/** What a simulation rests on, as those who decide see it. */
type History = {
  readonly activitiesLookedAt: number;
  /** Nothing of what the draft looks at was ever seen, so that no simulation says anything. */
  readonly isHistoryEmpty: boolean;
};

/**
 * A simulation speaks for the version it replaces and for no other, for the whole of its time, and for a week; where
 * anything of the kind was ever seen, it has to be over some of it.
 * @errors rule_not_draft, rule_not_simulated, rule_simulation_cut, rule_simulation_old, rule_simulation_empty
 */
async function refuseUnsimulated(tx: Tx, ctx: Ctx, draft: StoredRule): Promise<History> {
  refuseDecided(draft);
  const rows = await activeRows(tx);
  const active = rows.find(({ key }) => key === draft.key);
  const { simulation } = draft;
  if (
    simulation === null ||
    simulation.contentHash !== draft.contentHash ||
    simulation.activeHash !== (active?.contentHash ?? null)
  ) {
    throw refuseAml('rule_not_simulated');
  }
  if (simulation.isCut) {
    throw refuseAml('rule_simulation_cut');
  }
  if (simulation.at < addMs(ctx.deps.clock.now(), -SIMULATION_MS)) {
    throw refuseAml('rule_simulation_old');
  }
  const { activitiesLookedAt = 0 } = simulation;
  const drafted = ruleSetOf([...rows.filter(({ key }) => key !== draft.key), draft]);
  const isHistoryEmpty =
    activitiesLookedAt === 0 && !(await wasAnySeen(tx, kindsLookedAt(draft.key, drafted)));
  if (activitiesLookedAt === 0 && !isHistoryEmpty) {
    throw refuseAml('rule_simulation_empty');
  }
  return { activitiesLookedAt, isHistoryEmpty };
}

async function wasAnySeen(tx: Tx, kinds: readonly ActivityKind[]): Promise<boolean> {
  const [seen] = await tx
    .select({ id: monitoredActivity.id })
    .from(monitoredActivity)
    .where(inArray(monitoredActivity.kind, [...kinds]))
    .limit(1);
  return seen !== undefined;
}

function payloadOf({ key, version, contentHash, simulation }: StoredRule, history: History) {
  const simulationHash = Buffer.from(sha256(canonicalJson(simulation as Json))).toString('hex');
  return { key, version, contentHash, simulationHash, ...history };
}
