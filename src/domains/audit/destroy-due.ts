/**
 * Works off what two people agreed to destroy. Each item goes in a transaction of its own, after it was
 * looked at again under the locks of its domain: a hold placed since, or a fact that restarted the clock,
 * keeps it. Killed at any point, the next run of the job goes on where this one stopped.
 */
import { and, asc, eq, isNull, sql } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import { DomainError } from '../../kernel/error.ts';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockExclusive, lockRow } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { retentionItems, retentionOutcomes, retentionRuns } from '../../platform/privacy/schema.ts';
import { RETENTION_EVENTS } from './retention-events.ts';
import type { StoredRun } from './retention-runs.ts';

const BATCH = 100;

type Item = typeof retentionItems.$inferSelect;

type Outcome = { readonly outcome: 'destroyed' | 'kept'; readonly reason: string | null };

/**
 * @effects what the pieces destroy; rows of `retention_outcomes` and `retention_runs`; audit
 *   `retention_item.destroyed`, `retention_item.kept`, `retention_run.finished`
 */
export async function destroyDue(ctx: Ctx): Promise<void> {
  const runs = await transact(ctx, 'engine', (tx) =>
    tx
      .select()
      .from(retentionRuns)
      .where(eq(retentionRuns.status, 'approved'))
      .orderBy(asc(retentionRuns.id)),
  );
  for (const run of runs) {
    if (await destroyItems(ctx, run)) {
      await finish(ctx, run.id);
    }
  }
}

/** @shape whether every item has its outcome; one that fails is left for the next time */
async function destroyItems(ctx: Ctx, run: StoredRun): Promise<boolean> {
  let failures = 0;
  let after: Id | null = null;
  for (;;) {
    const start: Id | null = after;
    const items: readonly Item[] = await transact(ctx, 'engine', (tx) => openItems(tx, run.id, start));
    for (const item of items) {
      failures += (await settle(ctx, run, item)) ? 0 : 1;
    }
    after = items.at(-1)?.id ?? null;
    if (after === null) {
      return failures === 0;
    }
  }
}

async function openItems(tx: Tx, runId: Id, after: Id | null): Promise<readonly Item[]> {
  const rows = await tx
    .select({ item: retentionItems })
    .from(retentionItems)
    .leftJoin(retentionOutcomes, eq(retentionOutcomes.itemId, retentionItems.id))
    .where(
      and(
        eq(retentionItems.runId, runId),
        eq(retentionItems.action, 'destroy'),
        eq(retentionItems.held, false),
        isNull(retentionOutcomes.itemId),
        after === null ? undefined : sql`${retentionItems.id} > ${after}`,
      ),
    )
    .orderBy(asc(retentionItems.id))
    .limit(BATCH);
  return rows.map(({ item }) => item);
}

async function settle(ctx: Ctx, run: StoredRun, item: Item): Promise<boolean> {
  try {
    await transact(ctx, 'engine', (tx) => destroyItem(tx, ctx, run, item));
    return true;
  } catch (error) {
    if (error instanceof DomainError && error.definition.status === 409) {
      const kept: Outcome = { outcome: 'kept', reason: error.code };
      await transact(ctx, 'engine', async (tx) => {
        if (await isOpen(tx, item)) {
          await decide(tx, ctx, item, kept);
        }
      });
      return true;
    }
    const failure = error instanceof Error ? error.name : 'unknown';
    ctx.deps.log.error({ object: item.id, failure }, 'what is due could not be destroyed');
    return false;
  }
}

async function destroyItem(tx: Tx, ctx: Ctx, run: StoredRun, item: Item): Promise<void> {
  if (await isOpen(tx, item)) {
    const piece = ctx.deps.privacy.retention.find(
      ({ recordClass, destroy }) => recordClass === item.recordClass && destroy !== undefined,
    );
    const destroy = present(piece?.destroy, `something destroys ${item.recordClass}`);
    await destroy(tx, ctx, item.subject, `retention run ${run.id}, approval ${run.approvalId}`);
    await decide(tx, ctx, item, { outcome: 'destroyed', reason: null });
  }
}

/** Two nodes may work off the same run: the second waits, and finds the outcome. */
async function isOpen(tx: Tx, item: Item): Promise<boolean> {
  await lockExclusive(tx, [`retention_item:${item.id}`]);
  const decided = await tx.select().from(retentionOutcomes).where(eq(retentionOutcomes.itemId, item.id));
  return decided.length === 0;
}

async function decide(tx: Tx, ctx: Ctx, item: Item, outcome: Outcome): Promise<void> {
  await tx
    .insert(retentionOutcomes)
    .values({ itemId: item.id, ...outcome, decidedAt: ctx.deps.clock.realNow() });
  await record(tx, ctx, {
    event: RETENTION_EVENTS[`retention_item.${outcome.outcome}`],
    resource: { type: 'retention_item', id: item.id },
    subjectUserId: item.userId,
    after: { ...item, ...outcome },
  });
}

async function finish(ctx: Ctx, runId: Id): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    const before = present(await lockRow(tx, retentionRuns, runId), 'runs are never deleted');
    if (before.status !== 'approved') {
      return;
    }
    const [after] = await tx
      .update(retentionRuns)
      .set({ status: 'done', finishedAt: ctx.deps.clock.realNow() })
      .where(eq(retentionRuns.id, runId))
      .returning();
    const [counts] = await tx
      .select({
        destroyed: sql<number>`count(*) filter (where ${retentionOutcomes.outcome} = 'destroyed')::int`,
        kept: sql<number>`count(*) filter (where ${retentionOutcomes.outcome} = 'kept')::int`,
      })
      .from(retentionOutcomes)
      .innerJoin(retentionItems, eq(retentionItems.id, retentionOutcomes.itemId))
      .where(eq(retentionItems.runId, runId));
    await record(tx, ctx, {
      event: RETENTION_EVENTS['retention_run.finished'],
      resource: { type: 'retention_run', id: runId },
      subjectUserId: null,
      before,
      after: { ...present(after, 'the run was locked'), ...counts },
    });
  });
}
