import { and, gt, inArray, isNull, type SQL, sql } from 'drizzle-orm';
import { type Id, newId } from '../../../kernel/id.ts';
import type { Activity } from '../../../platform/activity.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayParameter, insertionOf } from '../../../platform/db/insert-rows.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import { inTurns } from '../screening/in-turns.ts';
import { askMonitoringVendorLater } from '../vendors/ask-monitoring-later.ts';
import { type Hit, hitsOf } from './evaluate.ts';
import { loadViews } from './load-view.ts';
import type { RuleSet } from './rule-set.ts';
import { monitoredActivity, ruleHits, ruleSnoozes } from './schema.ts';
import { inOrder, isMarket, type Watched } from './watched.ts';

/** Wakes whoever makes alerts of hits. */
export const ACTIVITY_HIT = 'aml.activity_hit';

/** What is kept of each activity; `collectedAt` is the same of all. */
const KEPT_COLUMNS = [
  'id',
  'source',
  'sourceId',
  'kind',
  'isMarket',
  'userId',
  'accountId',
  'occurredAt',
  'asset',
  'amount',
  'direction',
  'counterpartyIndex',
  'counterpartyCountry',
  'instrument',
  'side',
  'price',
  'quantity',
  'linkedUserId',
  'data',
] as const;

/**
 * Keeps activities, each once however often it is told.
 * @effects rows of `monitored_activity`
 * @shape those that are new, in the order they came about
 */
export async function keepActivities(
  tx: Tx,
  ctx: Ctx,
  activities: readonly Activity[],
): Promise<readonly Watched[]> {
  if (activities.length === 0) {
    return [];
  }
  const rows = activities.map((activity) => ({ ...activity, id: newId(), isMarket: isMarket(activity) }));
  const insertion = insertionOf(monitoredActivity, rows, { collectedAt: ctx.deps.clock.now() }, KEPT_COLUMNS);
  const stored = await executePrepared<{ readonly id: Id }>(
    tx,
    sql`${insertion} on conflict (source, source_id) do nothing returning id`,
  );
  const isNew = new Set(stored.map(({ id }) => id));
  return rows.filter(({ id }) => isNew.has(id)).toSorted(inOrder);
}

/** Whether an activity of a source is kept, one looked up at a time. */
export function isKept(source: string, sourceId: SQL): SQL {
  return sql`exists (
    select from monitored_activity where source = ${source} and source_id = ${sourceId} offset 0)`;
}

/** Those of one source that are not kept yet: what is read a second time is not sent a second time. */
export async function notKept(
  tx: Tx,
  source: string,
  activities: readonly Activity[],
): Promise<readonly Activity[]> {
  const ids = arrayParameter(
    'text',
    activities.map(({ sourceId }) => sourceId),
  );
  const rows = await executePrepared<{ readonly source_id: string }>(
    tx,
    sql`select source_id from monitored_activity
      where source = ${source} and source_id = any (${sql.param(ids)}::text[])`,
  );
  const kept = new Set(rows.map((row) => row.source_id));
  return activities.filter(({ sourceId }) => !kept.has(sourceId));
}

/**
 * Holds kept activities against the rules, each with what came before it, those among them included. It locks
 * nothing, so that the paths of money can call it wherever they hold what they need; what its hits amount to is
 * decided behind the outbox.
 * @effects rows of `rule_hits`, perhaps of `monitoring_vendor_requests`; event `aml.activity_hit` for each person hit
 */
export async function watchActivities(
  tx: Tx,
  ctx: Ctx,
  kept: readonly Watched[],
  set: RuleSet,
): Promise<void> {
  await askMonitoringVendorLater(tx, ctx, kept);
  const found = new Map<Id, readonly Hit[]>();
  for await (const some of loadViews(tx, kept, set)) {
    await inTurns(some, ([activity, view]) => found.set(activity.id, hitsOf(activity, view, set)));
  }
  const hits = kept.flatMap(({ id }) =>
    (found.get(id) ?? []).map((hit) => ({ ...hit, id: newId(), activityId: id })),
  );
  if (hits.length === 0) {
    return;
  }
  const snoozes = await snoozesOf(tx, ctx, hits);
  const rows = hits.map((hit) => ({ ...hit, snoozeId: snoozes.get(`${hit.userId} ${hit.ruleKey}`) ?? null }));
  const insertion = insertionOf(ruleHits, rows, { at: ctx.deps.clock.now() });
  await executePrepared(tx, sql`${insertion} on conflict do nothing`);
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
