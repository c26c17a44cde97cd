import { and, eq } from 'drizzle-orm';
import { personOf } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { approvalVotes } from '../../platform/db/schema.ts';
import { refuseSelfAction } from '../identity/index.ts';
import { refuseFunding } from './errors.ts';
import { refuseIfChanged } from './refuse-if-changed.ts';
import type { Withdrawal } from './store.ts';

/**
 * Whether the acting person may pay out this withdrawal as it stands: it is not theirs, it is what was
 * approved, its approval took effect, and they were not among those who approved it.
 * @errors self_action, approved_request_changed, destination_changed, approval_not_granted,
 *   approver_cannot_pay_out
 */
export async function refusePayer(tx: Tx, ctx: Ctx, withdrawal: Withdrawal): Promise<void> {
  refuseSelfAction(ctx, withdrawal.userId);
  const approval = await refuseIfChanged(tx, ctx, withdrawal);
  if (approval.status !== 'executed') {
    throw refuseFunding('approval_not_granted', { detail: `The approval is ${approval.status}.` });
  }
  await refuseVoter(tx, ctx, approval.id);
}

/** Deciding and paying are two people, also where one vote is enough. @errors approver_cannot_pay_out */
export async function refuseVoter(tx: Tx, ctx: Ctx, approvalId: Id): Promise<void> {
  const payerId = present(personOf(ctx.actor), 'a payout is made by a person');
  const [vote] = await tx
    .select({ checkerId: approvalVotes.checkerId })
    .from(approvalVotes)
    .where(and(eq(approvalVotes.approvalId, approvalId), eq(approvalVotes.checkerId, payerId)));
  if (vote !== undefined) {
    throw refuseFunding('approver_cannot_pay_out');
  }
}
