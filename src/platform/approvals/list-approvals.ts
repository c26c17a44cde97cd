import { and, desc, eq, inArray, lt } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Page } from '../../kernel/page.ts';
import type { Ctx } from '../context.ts';
import type { Tx } from '../db/client.ts';
import { approvals, approvalVotes } from '../db/schema.ts';
import { transact } from '../db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../http/cursor.ts';
import { refuse } from '../http/refuse.ts';
import type { Approval } from './request-approval.ts';
import { visibleTo } from './visibility.ts';

export type ApprovalQuery = PageRequest & {
  readonly status?: Approval['status'] | undefined;
  readonly action?: string | undefined;
};

export type DecidedApproval = Approval & {
  readonly votes: readonly (typeof approvalVotes.$inferSelect)[];
};

/** Approvals the caller may see, newest first. @errors invalid_cursor */
export async function listApprovals(ctx: Ctx, query: ApprovalQuery): Promise<Page<DecidedApproval>> {
  const listing = `approvals ${query.status ?? 'all'} ${query.action ?? 'all'}`;
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, 'staff', async (tx) => {
    const [before] = query.cursor === undefined ? [] : readCursor(key, listing, query.cursor);
    const rows = await tx
      .select()
      .from(approvals)
      .where(
        and(
          await visibleTo(tx, ctx),
          query.status === undefined ? undefined : eq(approvals.status, query.status),
          query.action === undefined ? undefined : eq(approvals.action, query.action),
          before === undefined ? undefined : lt(approvals.id, before),
        ),
      )
      .orderBy(desc(approvals.id))
      .limit(query.limit + 1);
    const page = cutPage(key, listing, rows, query.limit, (row) => [row.id]);
    return { ...page, data: await withVotes(tx, page.data) };
  });
}

/** One approval the caller may see. @errors not_found */
export async function getApproval(ctx: Ctx, approvalId: Id): Promise<DecidedApproval> {
  return transact(ctx, 'staff', async (tx) => {
    const rows = await tx
      .select()
      .from(approvals)
      .where(and(await visibleTo(tx, ctx), eq(approvals.id, approvalId)));
    const [approval] = await withVotes(tx, rows);
    if (approval === undefined) {
      throw refuse('not_found');
    }
    return approval;
  });
}

async function withVotes(tx: Tx, rows: readonly Approval[]): Promise<DecidedApproval[]> {
  const ids = rows.map((row) => row.id);
  const votes =
    ids.length === 0
      ? []
      : await tx
          .select()
          .from(approvalVotes)
          .where(inArray(approvalVotes.approvalId, ids))
          .orderBy(approvalVotes.votedAt);
  return rows.map((row) => ({ ...row, votes: votes.filter((vote) => vote.approvalId === row.id) }));
}
