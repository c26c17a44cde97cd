import { and, gt, inArray, isNull } from 'drizzle-orm';
import { type Id, newId } from '../../../kernel/id.ts';
import type { Activity } from '../../../platform/activity.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import { askMonitoringVendorLater } from '../vendors/ask-monitoring-later.ts';
import { type Hit, hitsOf } from './evaluate.ts';
import { isMarket, loadView } from './load-view.ts';
import type { RuleSet } from './rule-set.ts';
import { monitoredActivity, ruleHits, ruleSnoozes } from './schema.ts';

type Stored = typeof monitoredActivity.$inferSelect;

/** Wakes whoever makes alerts of hits. */
export const ACTIVITY_HIT = 'aml.activity_hit';

/**
 * Keeps activities, each once however often it is told.
 * @effects rows of `monitored_activity`
 * @shape those that are new, in the order they came about
 */
export async function keepActivities(
  tx: Tx,
  ctx: Ctx,
  activities: readonly Activity[],
): Promise<readonly Stored[]> {
  if (activities.length === 0) {
    return [];
  }
  const collectedAt = ctx.deps.clock.now();
  const kept = await tx
    .insert(monitoredActivity)
    .values(
      activities.map((activity) => ({
        ...activity,
        id: newId(),
        isMarket: isMarket(activity),
        collectedAt,
      })),
    )
    .onConflictDoNothing({ target: [monitoredActivity.source, monitoredActivity.sourceId] })
    .returning();
  return kept.toSorted((left, right) =>
    left.occurredAt === right.occurredAt
      ? left.id < right.id
        ? -1
        : 1
      : left.occurredAt < right.occurredAt
        ? -1
        : 1,
  );
}

/**
 * Holds a kept activity against the rules. It locks nothing, so that the paths of money can call it wherever they
 * hold what they need; what its hits amount to is decided behind the outbox.
 * @effects rows of `rule_hits`, perhaps of `monitoring_vendor_requests`; event `aml.activity_hit` for each person hit
 */
export async function watchActivity(tx: Tx, ctx: Ctx, stored: Stored, set: RuleSet): Promise<void> {
  await askMonitoringVendorLater(tx, ctx, stored);
  const hits = hitsOf(stored, await loadView(tx, stored, set.reference), set);
  if (hits.length === 0) {
    return;
  }
  const snoozes = await snoozesOf(tx, ctx, hits);
  const at = ctx.deps.clock.now();
  await tx
    .insert(ruleHits)
    .values(
      hits.map((hit) => ({
        ...hit,
        id: newId(),
        activityId: stored.id,
        snoozeId: snoozes.get(`${hit.userId} ${hit.ruleKey}`) ?? null,
        at,
      })),
    )
    .onConflictDoNothing();
  const people = new Set(hits.map(({ userId }) => userId));
  await publish(
    tx,
    ctx,
    [...people].map((userId) => ({ type: ACTIVITY_HIT, userId, customerVisible: false, data: {} })),
  );
}

async function snoozesOf(tx: Tx, ctx: Ctx, hits: readonly Hit[]): Promise<ReadonlyMap<string, Id>> {
  const rows = await tx
    .select()
    .from(ruleSnoozes)
    .where(
      and(
        inArray(ruleSnoozes.userId, [...new Set(hits.map(({ userId }) => userId))]),
        isNull(ruleSnoozes.endedAt),
        gt(ruleSnoozes.until, ctx.deps.clock.now()),
      ),
    );
  return new Map(rows.map(({ id, userId, ruleKey }) => [`${userId} ${ruleKey}`, id]));
}
