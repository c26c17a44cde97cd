import { and, asc, eq, gt, gte, lte, or } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { ActivityKind } from '../../../platform/activity.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { insertRows } from '../../../platform/db/insert-rows.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { kycLevels } from '../../identity/index.ts';
import { AML_EVENTS } from '../audit.ts';
import { refuseAml } from '../errors.ts';
import { inTurns } from '../screening/in-turns.ts';
import { peersOfFigures } from './load-view.ts';
import { type Replay, type Replayed, type ReplayedAlert, type ReplayTally, startReplay } from './replay.ts';
import type { Peers } from './rule.ts';
import { kindsLookedAt, type RuleContent, ruleSetOf } from './rule-set.ts';
import { activeRows, type StoredRule } from './rule-store.ts';
import { monitoredActivity, monitoringRules, peerFigures, simulatedAlerts } from './schema.ts';
import type { Simulation } from './simulation.ts';

const PAGE_ROWS = 1_000;

/** What one simulation replays at most; from the beginning of its time. */
const ACTIVITIES_MOST = 25_000;
const SAMPLE_MOST = 20;
/** How many alerts are named of those that would come, and of those that would not come any more. */
const NAMED_MOST = 1_000;

export type SimulatedTime = { readonly from: Instant; readonly to: Instant };

/**
 * Replays what people did with a draft and with what is in force, and keeps with the draft what that counts and which
 * alerts differ. Nobody's hits, alerts or gate change.
 * @effects one row of `monitoring_rules`, rows of `simulated_alerts`; audit `monitoring_rule.simulated`
 * @errors not_found, rule_not_draft
 */
export async function simulateRule(ctx: Ctx, ruleId: Id, { from, to }: SimulatedTime): Promise<StoredRule> {
  const { draft, active, peers } = await transact(ctx, 'staff', async (tx) => {
    const [found] = await tx.select().from(monitoringRules).where(eq(monitoringRules.id, ruleId));
    if (found === undefined) {
      throw refuse('not_found');
    }
    refuseDecided(found);
    return { draft: found, active: await activeRows(tx), peers: await readPeers(tx) };
  });
  const others = active.filter(({ key }) => key !== draft.key);
  const drafted = ruleSetOf([...others, draft]);
  const replay = startReplay(ruleSetOf(active), drafted, peers);
  const read = await replayAll(ctx, { from, to }, replay, new Set(kindsLookedAt(draft.key, drafted)));
  const { contentHash } = draft;
  const activeHash = active.find(({ key }) => key === draft.key)?.contentHash ?? null;
  const alerts = differingAlerts(replay);
  const simulation = {
    id: newId(),
    at: ctx.deps.clock.now(),
    from,
    to,
    contentHash,
    activeHash,
    ...read,
    ...counts(draft, replay),
    namedAlerts: alerts.length,
  };
  return keep(ctx, ruleId, simulation, alerts);
}

/** @errors rule_not_draft */
export function refuseDecided(rule: StoredRule): void {
  if (rule.status !== 'draft') {
    throw refuseAml('rule_not_draft');
  }
}

async function keep(
  ctx: Ctx,
  ruleId: Id,
  simulation: Simulation,
  alerts: readonly DifferingAlert[],
): Promise<StoredRule> {
  return transact(ctx, 'staff', async (tx) => {
    const before = present(await lockRow(tx, monitoringRules, ruleId), 'a draft is not deleted');
    refuseDecided(before);
    const [updated] = await tx
      .update(monitoringRules)
      .set({ simulation })
      .where(eq(monitoringRules.id, ruleId))
      .returning();
    const after = present(updated, 'the draft was locked');
    const rows = alerts.map((alert) => ({ ...alert, id: newId() }));
    await insertRows(tx, simulatedAlerts, rows, { ruleId, simulationId: simulation.id });
    await record(tx, ctx, {
      event: AML_EVENTS['monitoring_rule.simulated'],
      resource: { type: 'monitoring_rule', id: ruleId },
      subjectUserId: null,
      before,
      after,
    });
    return after;
  });
}

async function readPeers(tx: Tx): Promise<(userId: Id) => Peers | null> {
  const figures = await tx.select().from(peerFigures);
  const levels = await kycLevels(tx);
  const groups = new Map(
    [...new Set(figures.map(({ peerGroup }) => peerGroup))].map((group) => [
      group,
      peersOfFigures(figures.filter(({ peerGroup }) => peerGroup === group)),
    ]),
  );
  return (userId) => groups.get(levels.get(userId) ?? '') ?? null;
}

async function replayAll(ctx: Ctx, time: SimulatedTime, replay: Replay, kinds: ReadonlySet<ActivityKind>) {
  const people = new Set<Id>();
  let activities = 0;
  let activitiesLookedAt = 0;
  let last: Replayed | undefined;
  for (;;) {
    const page = await readPage(ctx, time, last);
    const taken = page.slice(0, ACTIVITIES_MOST - activities);
    await inTurns(taken, (activity) => {
      people.add(activity.userId);
      activitiesLookedAt += kinds.has(activity.kind) ? 1 : 0;
      replay.next(activity);
    });
    activities += taken.length;
    last = taken.at(-1);
    if (page.length < PAGE_ROWS || taken.length < page.length) {
      return { activities, activitiesLookedAt, people: people.size, isCut: taken.length < page.length };
    }
  }
}

async function readPage(ctx: Ctx, { from, to }: SimulatedTime, last: Replayed | undefined) {
  return transact(ctx, 'staff', (tx) =>
    tx
      .select()
      .from(monitoredActivity)
      .where(
        and(
          gte(monitoredActivity.occurredAt, last?.occurredAt ?? from),
          lte(monitoredActivity.occurredAt, to),
          last === undefined
            ? undefined
            : or(
                gt(monitoredActivity.occurredAt, last.occurredAt),
                and(eq(monitoredActivity.occurredAt, last.occurredAt), gt(monitoredActivity.id, last.id)),
              ),
        ),
      )
      .orderBy(asc(monitoredActivity.occurredAt), asc(monitoredActivity.id))
      .limit(PAGE_ROWS),
  );
}

function counts(draft: StoredRule, replay: Replay) {
  const before = replay.before();
  const after = replay.after();
  const bands = (draft.content as Partial<RuleContent>).bands ?? [];
  const byBand = Object.fromEntries(bands.map(({ atLeast }) => [`${atLeast}`, 0]));
  for (const hit of after.hits.filter(({ ruleKey }) => ruleKey === draft.key)) {
    const band = bands.findLast(({ atLeast }) => hit.measure >= atLeast);
    byBand[`${band?.atLeast ?? 0}`] = (byBand[`${band?.atLeast ?? 0}`] ?? 0) + 1;
  }
  return {
    hitsBefore: before.hits.length,
    hitsAfter: after.hits.length,
    alertsBefore: before.alerts.size,
    alertsAfter: after.alerts.size,
    newAlerts: onlyIn(after.alerts, before.alerts),
    lostAlerts: onlyIn(before.alerts, after.alerts),
    holdsBefore: before.holds.size,
    holdsAfter: after.holds.size,
    byBand,
    sample: sampleOf(before, after),
  };
}

type DifferingAlert = ReplayedAlert & { readonly change: 'new' | 'lost' };

/** The alerts that only one of the two would raise, the earliest first and so many of each at most. */
function differingAlerts(replay: Replay): readonly DifferingAlert[] {
  const [before, after] = [replay.before().alerts, replay.after().alerts];
  const only = (left: ReplayTally['alerts'], right: ReplayTally['alerts'], change: 'new' | 'lost') =>
    [...left]
      .filter(([name]) => !right.has(name))
      .slice(0, NAMED_MOST)
      .map(([, alert]) => ({ ...alert, change }));
  return [...only(after, before, 'new'), ...only(before, after, 'lost')];
}

function onlyIn(left: ReplayTally['alerts'], right: ReplayTally['alerts']): number {
  return [...left.keys()].filter((name) => !right.has(name)).length;
}

function sampleOf(before: ReplayTally, after: ReplayTally): readonly string[] {
  const named = (tally: ReplayTally) =>
    new Map(tally.hits.map((hit) => [`${hit.activityId} ${hit.ruleKey} ${hit.userId}`, hit.activityId]));
  const [was, is] = [named(before), named(after)];
  const differing = [...was, ...is].filter(([name]) => was.has(name) !== is.has(name));
  return [...new Set(differing.map(([, activityId]) => activityId))].slice(0, SAMPLE_MOST);
}
