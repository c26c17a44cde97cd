import type { Activity } from '../../../platform/activity.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { raiseHeld } from './judge-hits.ts';
import type { RuleSet } from './rule-set.ts';
import { activeRules } from './rule-store.ts';
import { standingsOf } from './totals.ts';
import { keepActivities, watchActivities } from './watch-activity.ts';

/**
 * Watches money that moves in the caller's transaction and says whether it may go on by itself, or waits for
 * people: `hold` while what stands against the person reaches what a typology holds money at, alerts that are not
 * raised yet included. It takes no lock and opens no alert: the event it leaves does, a moment later.
 * @effects rows of `monitored_activity` and `rule_hits`; event `aml.activity_hit`
 */
export async function monitorMoney(tx: Tx, ctx: Ctx, activity: Activity): Promise<'allow' | 'hold'> {
  const set = await activeRules(tx);
  await watch(tx, ctx, activity, set);
  const standings = await standingsOf(tx, activity.userId, ctx.deps.clock.now(), set);
  return standings.some(({ isHold }) => isHold) ? 'hold' : 'allow';
}

/**
 * Watches money that is being credited. It is the customer's and stays credited; where the rules find enough to hold
 * money at, the alert is raised and the gate is shut in the same transaction, so that nothing is traded with it and
 * nothing leaves before anybody looked. The caller holds the gate exclusively, since before it locked any row.
 * @effects rows of `monitored_activity` and `rule_hits`, perhaps an alert and `customer_gates`; event
 *   `aml.activity_hit`
 */
export async function monitorCredit(tx: Tx, ctx: Ctx, activity: Activity): Promise<void> {
  const set = await activeRules(tx);
  await watch(tx, ctx, activity, set);
  await raiseHeld(tx, ctx, activity.userId, set);
}

async function watch(tx: Tx, ctx: Ctx, activity: Activity, set: RuleSet): Promise<void> {
  await watchActivities(tx, ctx, await keepActivities(tx, ctx, [activity]), set);
}
