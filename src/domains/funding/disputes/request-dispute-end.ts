import { eq } from 'drizzle-orm';
import { formatAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { canonicalJson, type Json } from '../../../kernel/canonical-json.ts';
import type { Id } from '../../../kernel/id.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { refuseSelfAction } from '../../identity/index.ts';
import { FLAGGED_RETURNERS } from '../allocate-receipt.ts';
import { refuseFunding } from '../errors.ts';
import type { InboundEvent } from '../evidence/keep-event.ts';
import { inboundEvents } from '../evidence/schema.ts';
import { deposits } from '../schema.ts';
import { type Deposit, findDeposit } from '../store.ts';
import { endDisputes, freedByEnd, isOpenDispute } from './disputes.ts';

const END = 'inbound_event.end_dispute';

/**
 * Asks compliance, who were told of it, to agree that a dispute is over though its provider did not say so: what is held
 * for it is then free.
 * @effects one row of `approvals`; audit `restricted_approval.requested`
 * @errors not_found, self_action, dispute_not_open, approval_pending_exists
 */
export async function requestDisputeEnd(
  ctx: Ctx,
  input: { readonly id: Id; readonly reason: string },
): Promise<Approval> {
  return transact(ctx, 'staff', async (tx) => {
    const [event] = await tx.select().from(inboundEvents).where(eq(inboundEvents.id, input.id));
    if (event === undefined) {
      throw refuse('not_found');
    }
    const depositId = refuseEnded(event);
    const deposit = await findDeposit(tx, ctx, depositId);
    const { userId } = deposit;
    refuseSelfAction(ctx, userId);
    return requestApproval(tx, ctx, {
      action: END,
      subjectType: 'inbound_event',
      subjectId: event.id,
      subjectUserId: userId,
      payload: await payloadOf(tx, ctx, deposit, event),
      quorum: 1,
      checkerRoles: FLAGGED_RETURNERS,
      reason: input.reason,
    });
  });
}

/** What the vote on the end of a dispute does. */
export const disputeEnding: ApprovalAction = {
  action: END,
  // It says that compliance was told.
  restricted: true,
  execute: async (ctx, { approvalId, subjectId, payload }) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const [known] = await tx.select().from(inboundEvents).where(eq(inboundEvents.id, subjectId));
    const depositId = refuseEnded(present(known, 'events are never deleted'));
    const deposit = present(await lockRow(tx, deposits, depositId), 'deposits are never deleted');
    const event = present(await lockRow(tx, inboundEvents, subjectId), 'events are never deleted');
    refuseEnded(event);
    if (canonicalJson(await payloadOf(tx, ctx, deposit, event)) !== canonicalJson(payload as Json)) {
      throw refuseFunding('approved_request_changed');
    }
    await endDisputes(tx, ctx, deposit, [{ event, reason: 'ended_by_people', approvalId }]);
  },
};

/** @shape the deposit that is disputed */
function refuseEnded(event: InboundEvent): Id {
  if (!isOpenDispute(event)) {
    throw refuseFunding('dispute_not_open');
  }
  return present(event.depositId, 'a dispute is of a deposit');
}

/** What becomes free. */
async function payloadOf(
  tx: Tx,
  ctx: Ctx,
  deposit: Deposit,
  event: InboundEvent,
): Promise<{ readonly [key: string]: Json }> {
  const { id: depositId, asset } = deposit;
  const { provider, eventId } = event;
  const held = formatAmount(await freedByEnd(tx, ctx, deposit, event));
  return { depositId, provider, eventId, asset, held };
}
