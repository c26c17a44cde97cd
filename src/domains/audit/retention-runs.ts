import type { z } from '@hono/zod-openapi';
import { and, asc, desc, eq, gt, lt } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { Page } from '../../kernel/page.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../platform/approvals/request-approval.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../platform/http/cursor.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { retentionItems, retentionOutcomes, retentionRuns } from '../../platform/privacy/schema.ts';
import { refuseAudit } from './errors.ts';
import { KEEPERS } from './legal-holds.ts';
import { reportDue, storedHash } from './report-due.ts';
import type { RetentionItem, RetentionRun } from './retention-api.ts';
import { RETENTION_EVENTS } from './retention-events.ts';

export type StoredRun = typeof retentionRuns.$inferSelect;

type RunView = z.output<typeof RetentionRun>;

const ACTION = 'retention.destroy';

/** @effects what `reportDue` writes */
export async function startRun(ctx: Ctx): Promise<RunView> {
  return getRun(ctx, await reportDue(ctx));
}

/** @errors not_found */
export async function getRun(ctx: Ctx, runId: Id): Promise<RunView> {
  return transact(ctx, ctx.login, async (tx) => viewOf(await findRun(tx, runId)));
}

/** Newest first. @errors invalid_cursor */
export async function listRuns(ctx: Ctx, { limit, cursor }: PageRequest): Promise<Page<RunView>> {
  const key = ctx.deps.keyring.cursorKey;
  const [after] = cursor === undefined ? [] : readCursor(key, 'retention-runs', cursor);
  return transact(ctx, ctx.login, async (tx) => {
    const rows = await tx
      .select()
      .from(retentionRuns)
      .where(after === undefined ? undefined : lt(retentionRuns.id, after as Id))
      .orderBy(desc(retentionRuns.id))
      .limit(limit + 1);
    const page = cutPage(key, 'retention-runs', rows, limit, (run) => [run.id]);
    return { ...page, data: page.data.map(viewOf) };
  });
}

/** What a run found, and what became of it. @errors not_found, invalid_cursor */
export async function listItems(
  ctx: Ctx,
  runId: Id,
  { limit, cursor }: PageRequest,
): Promise<Page<z.output<typeof RetentionItem>>> {
  const key = ctx.deps.keyring.cursorKey;
  const listing = `retention-items ${runId}`;
  const [after] = cursor === undefined ? [] : readCursor(key, listing, cursor);
  return transact(ctx, ctx.login, async (tx) => {
    await findRun(tx, runId);
    const rows = await tx
      .select({ item: retentionItems, outcome: retentionOutcomes })
      .from(retentionItems)
      .leftJoin(retentionOutcomes, eq(retentionOutcomes.itemId, retentionItems.id))
      .where(
        and(
          eq(retentionItems.runId, runId),
          after === undefined ? undefined : gt(retentionItems.id, after as Id),
        ),
      )
      .orderBy(asc(retentionItems.id))
      .limit(limit + 1);
    const page = cutPage(key, listing, rows, limit, ({ item }) => [item.id]);
    const data = page.data.map(({ item, outcome }) => ({
      ...item,
      outcome: outcome?.outcome ?? null,
      reason: outcome?.reason ?? null,
      decidedAt: outcome?.decidedAt ?? null,
    }));
    return { ...page, data };
  });
}

/**
 * Puts the destruction of what a run found before another person, bound to the hash of its items.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors not_found, run_not_open, nothing_due, approval_pending_exists
 */
export async function requestDestruction(ctx: Ctx, runId: Id, reason: string): Promise<Approval> {
  return transact(ctx, 'engine', async (tx) => {
    const run = await findRun(tx, runId);
    refuseNotOpen(run);
    if (run.dueCount === 0) {
      throw refuseAudit('nothing_due');
    }
    return requestApproval(tx, ctx, {
      action: ACTION,
      subjectType: 'retention_run',
      subjectId: runId,
      subjectUserId: null,
      payload: { runId, items: run.dueCount, sha256: Buffer.from(run.hash).toString('hex') },
      quorum: 1,
      checkerRoles: KEEPERS,
      reason,
    });
  });
}

/** What the vote does: from then on a job destroys item by item, looking again at each. */
export const destructionAction: ApprovalAction = {
  action: ACTION,
  restricted: true,
  execute: async (ctx, { approvalId, subjectId, payload }) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const before = present(await lockRow(tx, retentionRuns, subjectId), 'runs are never deleted');
    refuseNotOpen(before);
    const stored = Buffer.from(await storedHash(tx, subjectId)).toString('hex');
    if (stored !== (payload as { readonly sha256: string }).sha256) {
      throw refuseAudit('run_changed');
    }
    const [after] = await tx
      .update(retentionRuns)
      .set({ status: 'approved', approvalId })
      .where(eq(retentionRuns.id, subjectId))
      .returning();
    await record(tx, ctx, {
      event: RETENTION_EVENTS['retention_run.approved'],
      resource: { type: 'retention_run', id: subjectId },
      subjectUserId: null,
      before,
      after: present(after, 'the run was locked'),
    });
  },
};

async function findRun(tx: Tx, runId: Id): Promise<StoredRun> {
  const [run] = await tx.select().from(retentionRuns).where(eq(retentionRuns.id, runId));
  if (run === undefined) {
    throw refuse('not_found');
  }
  return run;
}

function refuseNotOpen(run: StoredRun): void {
  if (run.status !== 'reported') {
    throw refuseAudit('run_not_open');
  }
}

function viewOf(run: StoredRun): RunView {
  return { ...run, sha256: Buffer.from(run.hash).toString('hex') };
}
