import type { Activity } from '../../../platform/activity.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { activeRules } from './rule-store.ts';
import { standingsOf } from './totals.ts';
import { keepActivities, watchActivity } from './watch-activity.ts';

/**
 * Watches money that moves in the caller's transaction and says whether it may go on by itself, or waits for
 * people: `hold` while what stands against the person reaches what a typology holds money at, alerts that are not
 * raised yet included. It takes no lock and opens no alert: the event it leaves does, a moment later.
 * @effects rows of `monitored_activity` and `rule_hits`; event `aml.activity_hit`
 */
export async function monitorMoney(tx: Tx, ctx: Ctx, activity: Activity): Promise<'allow' | 'hold'> {
  const set = await activeRules(tx);
  for (const stored of await keepActivities(tx, ctx, [activity])) {
    await watchActivity(tx, ctx, stored, set);
  }
  const standings = await standingsOf(tx, activity.userId, ctx.deps.clock.now(), set);
  return standings.some(({ isHold }) => isHold) ? 'hold' : 'allow';
}
