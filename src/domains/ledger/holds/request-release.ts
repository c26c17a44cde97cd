import type { Actor } from '../../../kernel/actor.ts';
import { formatAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Json } from '../../../kernel/canonical-json.ts';
import type { Id } from '../../../kernel/id.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuseSelfAction } from '../../identity/index.ts';
import { refuseLedger } from '../errors.ts';
import { type Hold, releaseHold } from '../holds.ts';
import { lockSpendable } from '../release-expired.ts';
import { describeHold, findHoldById } from './read-hold.ts';
import { HOLD_CHECKERS } from './request-capture.ts';
import { endRefusal } from './rules.ts';

const RELEASE = 'hold.release';

type HoldFile = Awaited<ReturnType<typeof describeHold>>;

/**
 * Sets free what a hold by hand reserves. That frees money, so another person decides; only what a service
 * key placed, a service key of the same person may take back at once: two people gave it this right when the
 * key was made, and it gives back no more than it took. Releasing again answers the hold.
 * @effects one row of `approvals` and audit `restricted_approval.requested`, or those of `releaseHold`
 * @errors not_found, self_action, hold_not_by_hand, hold_expired, hold_not_active, approval_pending_exists
 */
export async function requestRelease(
  ctx: Ctx,
  input: { readonly holdId: Id; readonly reason: string },
): Promise<{ readonly hold: HoldFile } | { readonly approval: Approval }> {
  return transact(ctx, 'engine', async (tx) => {
    const known = await findHoldById(tx, ctx, input.holdId);
    refuseSelfAction(ctx, known.userId);
    if (known.byHand && known.status === 'released') {
      return { hold: await describeHold(tx, ctx, known) };
    }
    refuseEnded(ctx, known);
    if (mayTakeBack(ctx.actor, known)) {
      const hold = await release(tx, ctx, known, { why: input.reason });
      return { hold: await describeHold(tx, ctx, hold) };
    }
    const approval = await requestApproval(tx, ctx, {
      action: RELEASE,
      subjectType: 'hold',
      subjectId: known.id,
      subjectUserId: known.userId,
      payload: releasePayload(known),
      quorum: 1,
      checkerRoles: HOLD_CHECKERS,
      reason: input.reason,
    });
    return { approval };
  });
}

/** What the vote on a release does: what remains by then is the customer's to use again. */
export const holdRelease: ApprovalAction = {
  action: RELEASE,
  restricted: true,
  execute: async (ctx, { approvalId, subjectId }) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    await release(tx, ctx, await findHoldById(tx, ctx, subjectId), { approvalId });
  },
};

async function release(tx: Tx, ctx: Ctx, known: Hold, shown: object): Promise<Hold> {
  await lockSpendable(tx, ctx, [known.walletId]);
  const hold = await findHoldById(tx, ctx, known.id);
  if (hold.status === 'released') {
    return hold;
  }
  refuseEnded(ctx, hold);
  return releaseHold(tx, ctx, hold.id, shown);
}

function refuseEnded(ctx: Ctx, hold: Hold): void {
  const refusal = endRefusal(hold, ctx.deps.clock.now());
  if (refusal !== null) {
    throw refuseLedger(refusal);
  }
}

function mayTakeBack(actor: Actor, hold: Hold): boolean {
  return (
    actor.kind === 'apiKey' && actor.service && hold.placedByKey !== null && hold.placedBy === actor.userId
  );
}

function releasePayload(hold: Hold): { readonly [key: string]: Json } {
  const { walletId, asset, amount, reason, reference } = hold;
  const holdNames = { holdReason: reason, holdReference: reference };
  return { walletId, asset, amount: formatAmount(amount), ...holdNames };
}
