import { and, eq } from 'drizzle-orm';
import { hasRole, personOf, type Role } from '../../kernel/actor.ts';
import { assert, present } from '../../kernel/assert.ts';
import type { Json } from '../../kernel/canonical-json.ts';
import { DomainError } from '../../kernel/error.ts';
import type { Id } from '../../kernel/id.ts';
import { record } from '../audit/record.ts';
import type { Ctx } from '../context.ts';
import { equalSecrets } from '../crypto/keyring.ts';
import type { Tx } from '../db/client.ts';
import { lockRow } from '../db/locks.ts';
import { approvals, approvalVotes } from '../db/schema.ts';
import { transact } from '../db/transact.ts';
import { refuse } from '../http/refuse.ts';
import { refuseInRecovery } from '../recovery/mode.ts';
import type { ApprovedAction } from './actions.ts';
import { approvalEvent } from './audit.ts';
import { type Approval, payloadHash } from './request-approval.ts';
import { isVisible } from './visibility.ts';

export type Decision = {
  readonly approvalId: Id;
  readonly vote: 'approve' | 'reject';
  readonly reason: string;
};

/**
 * One person's vote. The last approving vote executes the action in the same transaction; one
 * rejection ends it.
 * @effects rows of `approval_votes` and `approvals`; audit; whatever the action does
 * @errors not_found (also where the caller may not see it), forbidden, self_approval,
 *   approval_not_pending, approval_expired, approval_already_voted, recovery_mode, and the action's own
 */
export async function decideApproval(ctx: Ctx, decision: Decision): Promise<Approval> {
  return transact(ctx, 'engine', async (tx) => {
    const approval = await lockRow(tx, approvals, decision.approvalId);
    const checkerId = present(personOf(ctx.actor), 'a vote is cast by a person');
    const cast = castVote(tx, ctx, approval, checkerId, decision);
    return approval !== undefined && ctx.deps.approvalActions.isRestricted(approval.action)
      ? cast.catch(rethrowRestricted)
      : cast;
  });
}

async function castVote(
  tx: Tx,
  ctx: Ctx,
  approval: Approval | undefined,
  checkerId: Id,
  decision: Decision,
): Promise<Approval> {
  if (approval === undefined || !(await isVisible(tx, ctx, approval.id))) {
    throw refuse('not_found');
  }
  refuseVote(ctx, approval, checkerId);
  const { refuseVoter } = ctx.deps.approvalActions.of(approval.action);
  await refuseVoter?.({ ...ctx, tx }, approvedAction(approval, []), checkerId);
  const [vote] = await tx
    .insert(approvalVotes)
    .values({
      approvalId: approval.id,
      checkerId,
      vote: decision.vote,
      reason: decision.reason,
      votedAt: ctx.deps.clock.realNow(),
    })
    .onConflictDoNothing()
    .returning();
  if (vote === undefined) {
    throw refuse('approval_already_voted');
  }
  await recordStep(tx, ctx, 'voted', { ...approval, ...vote });
  if (decision.vote === 'reject') {
    return close(tx, { ...ctx, tx }, approval, decision.reason);
  }
  const votes = await approvingCheckers(tx, approval.id);
  return votes.length < approval.quorum ? approval : execute(tx, { ...ctx, tx }, approval, votes);
}

/** Why a vote on what few may know of was refused is not for more to know either. */
function rethrowRestricted(thrown: unknown): never {
  throw thrown instanceof DomainError
    ? new DomainError(thrown.code, { ...thrown.definition, restricted: true }, thrown.extras)
    : thrown;
}

function refuseVote(ctx: Ctx, approval: Approval, checkerId: Id): void {
  if (!hasRole(ctx.actor, ...(approval.checkerRoles as readonly Role[]))) {
    throw refuse('forbidden');
  }
  if (approval.makerId === checkerId || approval.subjectUserId === checkerId) {
    throw refuse('self_approval');
  }
  if (approval.status !== 'pending') {
    throw refuse('approval_not_pending');
  }
  if (approval.expiresAt <= ctx.deps.clock.realNow()) {
    throw refuse('approval_expired');
  }
}

async function execute(tx: Tx, ctx: Ctx, approval: Approval, checkerIds: readonly Id[]): Promise<Approval> {
  const payload = approval.payload as { readonly [key: string]: Json };
  assert(equalSecrets(payloadHash(payload), approval.payloadHash), 'the payload is what the checkers saw');
  const now = ctx.deps.clock.realNow();
  const [executed] = await tx
    .update(approvals)
    .set({ status: 'executed', decidedAt: now, executedAt: now })
    .where(eq(approvals.id, approval.id))
    .returning();
  const action = ctx.deps.approvalActions.of(approval.action);
  if (action.inRecovery !== true) {
    refuseInRecovery(ctx.deps);
  }
  await action.execute(ctx, approvedAction(approval, checkerIds));
  await recordStep(tx, ctx, 'executed', present(executed, 'the approval was locked'));
  return present(executed, 'the approval was locked');
}

async function close(tx: Tx, ctx: Ctx, approval: Approval, reason: string): Promise<Approval> {
  const [rejected] = await tx
    .update(approvals)
    .set({ status: 'rejected', decidedAt: ctx.deps.clock.realNow() })
    .where(eq(approvals.id, approval.id))
    .returning();
  const action = ctx.deps.approvalActions.of(approval.action);
  if (action.refused !== undefined) {
    if (action.inRecovery !== true) {
      // It gives back what waited, money as well, and that moves in recovery as little as anything.
      refuseInRecovery(ctx.deps);
    }
    await action.refused(ctx, approvedAction(approval, []), reason);
  }
  await recordStep(tx, ctx, 'rejected', present(rejected, 'the approval was locked'));
  return present(rejected, 'the approval was locked');
}

async function approvingCheckers(tx: Tx, approvalId: Id): Promise<readonly Id[]> {
  const rows = await tx
    .select({ checkerId: approvalVotes.checkerId })
    .from(approvalVotes)
    .where(and(eq(approvalVotes.approvalId, approvalId), eq(approvalVotes.vote, 'approve')));
  return rows.map((row) => row.checkerId);
}

function approvedAction(approval: Approval, checkerIds: readonly Id[]): ApprovedAction {
  return {
    approvalId: approval.id,
    subjectId: approval.subjectId,
    payload: approval.payload as { readonly [key: string]: Json },
    makerId: approval.makerId,
    checkerIds,
  };
}

async function recordStep(
  tx: Tx,
  ctx: Ctx,
  step: 'voted' | 'executed' | 'rejected',
  after: Approval & { readonly vote?: string },
): Promise<void> {
  await record(tx, ctx, {
    event: approvalEvent(ctx.deps.approvalActions, step, after.action),
    resource: { type: 'approval', id: after.id },
    subjectUserId: after.subjectUserId,
    after,
  });
}
