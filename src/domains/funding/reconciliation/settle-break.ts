import { formatAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Json } from '../../../kernel/canonical-json.ts';
import { canonicalJson } from '../../../kernel/canonical-json.ts';
import type { Id } from '../../../kernel/id.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import { lockOpenApprovals } from '../../../platform/approvals/open-approvals.ts';
import { type Approval, requestApproval } from '../../../platform/approvals/request-approval.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuseFunding } from '../errors.ts';
import { RECONCILIATION_EVENTS } from './audit.ts';
import { addNote, BREAK_OWNERS, lockOpenBreak, updateBreak } from './change-break.ts';
import type { BreakRow } from './plan-breaks.ts';

export type Settlement = 'explained' | 'resolved';

const ACTIONS = {
  explained: 'reconciliation_break.explain',
  resolved: 'reconciliation_break.resolve',
} as const;

/**
 * Explains a break, so that runs with it can be signed, or ends it by hand. A critical one lowers a guard:
 * another person decides. What is explained stays so until its amount moves; what was resolved and is still
 * there comes back with its age.
 * @effects a note and audit `reconciliation_break.changed`; for a critical break a row of `approvals` and audit `approval.requested`, else the break
 *   and audit `reconciliation_break.settled`
 * @errors not_found, break_resolved, approval_pending_exists
 */
export async function settleBreak(
  ctx: Ctx,
  input: { readonly breakId: Id; readonly as: Settlement; readonly reason: string },
): Promise<{ readonly approval: Approval } | { readonly settled: true }> {
  return transact(ctx, 'engine', async (tx) => {
    // Before the break: a vote holds its approval while it locks what it is about.
    await lockOpenApprovals(tx, input.breakId);
    const row = await lockOpenBreak(tx, input.breakId);
    await addNote(tx, ctx, row.id, input.reason);
    await record(tx, ctx, {
      event: RECONCILIATION_EVENTS['reconciliation_break.changed'],
      resource: { type: 'reconciliation_break', id: row.id },
      subjectUserId: null,
      before: row,
      after: { ...row, noted: true },
    });
    if (row.severity !== 'critical') {
      await settle(tx, ctx, row, input.as, null);
      return { settled: true };
    }
    const approval = await requestApproval(tx, ctx, {
      action: ACTIONS[input.as],
      subjectType: 'reconciliation_break',
      subjectId: row.id,
      subjectUserId: null,
      payload: payloadOf(row),
      quorum: 1,
      checkerRoles: BREAK_OWNERS,
      reason: input.reason,
    });
    return { approval };
  });
}

/** What the votes on a critical break do. */
export const breakSettlements: readonly ApprovalAction[] = (['explained', 'resolved'] as const).map((as) => ({
  action: ACTIONS[as],
  inRecovery: true as const,
  execute: async (ctx, { approvalId, subjectId, payload }) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const row = await lockOpenBreak(tx, subjectId);
    if (canonicalJson(payloadOf(row)) !== canonicalJson(payload as Json)) {
      throw refuseFunding('break_changed');
    }
    await settle(tx, ctx, row, as, approvalId);
  },
}));

async function settle(
  tx: Tx,
  ctx: Ctx,
  before: BreakRow,
  as: Settlement,
  approvalId: Id | null,
): Promise<void> {
  const after = await updateBreak(tx, before, {
    status: as,
    approvalId,
    ...(as === 'resolved' ? { resolution: 'by_hand', resolvedAt: ctx.deps.clock.now() } : {}),
  });
  await record(tx, ctx, {
    event: RECONCILIATION_EVENTS['reconciliation_break.settled'],
    resource: { type: 'reconciliation_break', id: before.id },
    subjectUserId: null,
    before,
    after,
  });
}

/** What the second person decides on; a break whose amount moved since is another one. */
function payloadOf({ kind, object, amount, currency, legalEntity }: BreakRow): {
  readonly [key: string]: Json;
} {
  return { kind, object, amount: amount === null ? null : formatAmount(amount), currency, legalEntity };
}
