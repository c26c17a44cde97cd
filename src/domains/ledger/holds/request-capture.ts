import type { Role } from '../../../kernel/actor.ts';
import { type Amount, formatAmount, parseAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Json } from '../../../kernel/canonical-json.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuseSelfAction } from '../../identity/index.ts';
import { votesByHand } from '../by-hand/hand-votes.ts';
import { refuseLedger } from '../errors.ts';
import type { Hold } from '../holds.ts';
import { requireAsset } from '../wallets.ts';
import { findDestination } from './capture-destination.ts';
import { captureFunds, captureMoves } from './capture-funds.ts';
import { findHoldById } from './read-hold.ts';
import { type CaptureDestination, captureRefusal, fitsScale } from './rules.ts';

/** Who decides on captures and releases. The maker, the customer and whoever gets the funds are excluded (I7). */
export const HOLD_CHECKERS = ['operations', 'compliance_officer'] as const satisfies readonly Role[];

const CAPTURE = 'hold.capture';

export type CaptureRequest = {
  readonly holdId: Id;
  /** All that remains unless given. */
  readonly amount?: Amount | undefined;
  readonly destination: CaptureDestination;
  readonly reason: string;
};

/**
 * Puts a capture before another person: it moves a customer's money, whatever their system says was agreed.
 * Any number of captures of one hold may wait; each is checked again when its vote takes effect.
 * @effects one row of `approvals`; audit `restricted_approval.requested`
 * @errors not_found, self_action, hold_not_by_hand, hold_expired, hold_not_active, hold_remainder_exceeded,
 *   amount_too_precise, hold_destination_unsuitable
 */
export async function requestCapture(ctx: Ctx, request: CaptureRequest): Promise<Approval> {
  return transact(ctx, 'staff', async (tx) => {
    const hold = await findHoldById(tx, ctx, request.holdId);
    refuseSelfAction(ctx, hold.userId);
    const amount = request.amount ?? hold.remaining;
    const refusal = captureRefusal(hold, ctx.deps.clock.now(), amount);
    if (refusal !== null) {
      throw refuseLedger(refusal);
    }
    if (!fitsScale(amount, (await requireAsset(tx, hold.asset)).scale)) {
      throw refuseLedger('amount_too_precise');
    }
    const found = await findDestination(tx, hold, request.destination);
    if ('account' in found) {
      refuseSelfAction(ctx, found.account.userId);
    }
    const votes = await votesByHand(tx, ctx, captureMoves(hold, amount, found));
    return requestApproval(tx, ctx, {
      action: CAPTURE,
      subjectType: 'hold_capture',
      subjectId: newId(),
      subjectUserId: hold.userId,
      payload: capturePayload(hold, amount, request.destination),
      quorum: votes.quorum,
      checkerRoles: votes.mlro ? [...HOLD_CHECKERS, 'mlro'] : HOLD_CHECKERS,
      reason: request.reason,
    });
  });
}

/** What the vote on a capture does. */
export const holdCapture: ApprovalAction = {
  action: CAPTURE,
  restricted: true,
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const { holdId, amount, destination } = approved.payload as unknown as CapturePayload;
    const capture = { id: approved.subjectId, holdId, amount: parseAmount(amount), destination };
    const { approvalId, checkerIds } = approved;
    await captureFunds(tx, ctx, capture, { approvalId, checkerIds });
  },
};

type CapturePayload = {
  readonly holdId: Id;
  readonly amount: string;
  readonly destination: CaptureDestination;
};

function capturePayload(
  hold: Hold,
  amount: Amount,
  destination: CaptureDestination,
): { readonly [key: string]: Json } {
  const { id, walletId, asset, reason, reference } = hold;
  return {
    holdId: id,
    walletId,
    asset,
    amount: formatAmount(amount),
    destination,
    holdReason: reason,
    holdReference: reference,
  };
}
