import { and, asc, desc, eq, gt, lt } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../../platform/http/cursor.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { notAboutSelf } from '../not-about-self.ts';
import type { StoredRule } from './rule-store.ts';
import {
  monitoredActivity,
  monitoringRules,
  ruleHitAlerts,
  ruleHits,
  ruleSnoozes,
  simulatedAlerts,
} from './schema.ts';

export type RuleQuery = {
  readonly key?: string | undefined;
  readonly status?: StoredRule['status'] | undefined;
};

export type HitQuery = PageRequest & {
  readonly userId?: Id | undefined;
  readonly ruleKey?: string | undefined;
  readonly alertId?: Id | undefined;
};

/** Versions of rules, typologies and reference amounts; of each the newest first. */
export async function listRules(ctx: Ctx, { key, status }: RuleQuery): Promise<readonly StoredRule[]> {
  return transact(ctx, 'staff', (tx) =>
    tx
      .select()
      .from(monitoringRules)
      .where(
        and(
          key === undefined ? undefined : eq(monitoringRules.key, key),
          status === undefined ? undefined : eq(monitoringRules.status, status),
        ),
      )
      .orderBy(asc(monitoringRules.key), desc(monitoringRules.version))
      .limit(1_000),
  );
}

/**
 * The alerts that the newest simulation of a version found to differ from what is in force, in the order they
 * would come.
 * @errors not_found, invalid_cursor
 */
export async function listSimulatedAlerts(ctx: Ctx, ruleId: Id, query: PageRequest) {
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, 'staff', async (tx) => {
    const [rule] = await tx.select().from(monitoringRules).where(eq(monitoringRules.id, ruleId));
    if (rule === undefined) {
      throw refuse('not_found');
    }
    const simulationId = rule.simulation?.id;
    const listing = `simulatedAlerts:${ruleId}:${simulationId ?? ''}`;
    const [before] = query.cursor === undefined ? [] : readCursor(key, listing, query.cursor);
    const rows =
      simulationId === undefined
        ? []
        : await tx
            .select()
            .from(simulatedAlerts)
            .where(
              and(
                notAboutSelf(ctx, simulatedAlerts.userId),
                eq(simulatedAlerts.ruleId, ruleId),
                eq(simulatedAlerts.simulationId, simulationId),
                before === undefined ? undefined : gt(simulatedAlerts.id, before),
              ),
            )
            .orderBy(asc(simulatedAlerts.id))
            .limit(query.limit + 1);
    return cutPage(key, listing, rows, query.limit, (row) => [row.id]);
  });
}

/** What rules found, newest first, with the activity and the alert it went into. @errors invalid_cursor */
export async function listRuleHits(ctx: Ctx, query: HitQuery) {
  const key = ctx.deps.keyring.cursorKey;
  const { userId, ruleKey, alertId } = query;
  const listing = `ruleHits:${userId ?? ''}:${ruleKey ?? ''}:${alertId ?? ''}`;
  return transact(ctx, 'staff', async (tx) => {
    const [before] = query.cursor === undefined ? [] : readCursor(key, listing, query.cursor);
    const rows = await tx
      .select({ hit: ruleHits, activity: monitoredActivity, alertId: ruleHitAlerts.alertId })
      .from(ruleHits)
      .innerJoin(monitoredActivity, eq(monitoredActivity.id, ruleHits.activityId))
      .leftJoin(ruleHitAlerts, eq(ruleHitAlerts.hitId, ruleHits.id))
      .where(
        and(
          notAboutSelf(ctx, ruleHits.userId),
          userId === undefined ? undefined : eq(ruleHits.userId, userId),
          ruleKey === undefined ? undefined : eq(ruleHits.ruleKey, ruleKey),
          alertId === undefined ? undefined : eq(ruleHitAlerts.alertId, alertId),
          before === undefined ? undefined : lt(ruleHits.id, before),
        ),
      )
      .orderBy(desc(ruleHits.id))
      .limit(query.limit + 1);
    return cutPage(
      key,
      listing,
      rows.map(({ hit, activity, alertId: into }) => ({ ...hit, activity, alertId: into })),
      query.limit,
      (row) => [row.id],
    );
  });
}

/** Snoozes, newest first, those that are over included. @errors invalid_cursor */
export async function listSnoozes(ctx: Ctx, query: PageRequest & { readonly userId?: Id | undefined }) {
  const key = ctx.deps.keyring.cursorKey;
  const listing = `ruleSnoozes:${query.userId ?? ''}`;
  return transact(ctx, 'staff', async (tx) => {
    const [before] = query.cursor === undefined ? [] : readCursor(key, listing, query.cursor);
    const rows = await tx
      .select()
      .from(ruleSnoozes)
      .where(
        and(
          notAboutSelf(ctx, ruleSnoozes.userId),
          query.userId === undefined ? undefined : eq(ruleSnoozes.userId, query.userId),
          before === undefined ? undefined : lt(ruleSnoozes.id, before),
        ),
      )
      .orderBy(desc(ruleSnoozes.id))
      .limit(query.limit + 1);
    return cutPage(key, listing, rows, query.limit, (row) => [row.id]);
  });
}
