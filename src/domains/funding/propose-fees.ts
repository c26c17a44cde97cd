import { formatAmount, parseAmount, scaleOf } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import type { Json } from '../../kernel/canonical-json.ts';
import { newId } from '../../kernel/id.ts';
import { type Instant, parseInstant } from '../../kernel/time.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { requireAsset } from '../ledger/index.ts';
import { refuseFunding } from './errors.ts';
import { type FeeRateRow, insertFeeSchedule, newestSchedule } from './fee-schedules.ts';
import { TERM_ROLES } from './propose-funding-limit.ts';
import { type FeeTier, methodSuits } from './rules.ts';

const SET_FEES = 'fee_schedule.set';

export type FeeProposal = {
  readonly tier: FeeTier;
  readonly fees: readonly FeeRateRow[];
  /** Never before the vote; the vote itself without one. */
  readonly effectiveFrom?: Instant | undefined;
  readonly reason: string;
};

/**
 * Puts all fees of a tier before another person; what it does not name costs nothing from then on.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors unknown_asset, fee_repeated, fee_does_not_fit, approval_pending_exists
 */
export async function proposeFees(ctx: Ctx, proposal: FeeProposal): Promise<Approval> {
  const { tier, effectiveFrom, reason } = proposal;
  const fees = proposal.fees.toSorted((left, right) => (placeOf(left) < placeOf(right) ? -1 : 1));
  if (new Set(fees.map(placeOf)).size !== fees.length) {
    throw refuseFunding('fee_repeated');
  }
  return transact(ctx, 'staff', async (tx) => {
    await refuseUnfit(tx, fees);
    const replaces = await newestSchedule(tx, tier);
    return requestApproval(tx, ctx, {
      action: SET_FEES,
      subjectType: 'fee_schedule',
      // The version it replaces: so a tier has one proposal at a time.
      subjectId: replaces ?? newId(),
      subjectUserId: null,
      payload: {
        tier,
        effectiveFrom: effectiveFrom ?? null,
        replaces: replaces ?? null,
        fees: fees.map(written),
      },
      quorum: 1,
      checkerRoles: TERM_ROLES,
      reason,
    });
  });
}

/** What the vote on a tier's fees does. */
export const feeChange: ApprovalAction = {
  action: SET_FEES,
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const payload = approved.payload as unknown as {
      readonly tier: FeeTier;
      readonly effectiveFrom: string | null;
      readonly replaces: string | null;
      readonly fees: readonly WrittenFee[];
    };
    await lockExclusive(tx, [`${SET_FEES}:${payload.tier}`]);
    if (((await newestSchedule(tx, payload.tier)) ?? null) !== payload.replaces) {
      throw refuseFunding('fee_schedule_changed');
    }
    const now = ctx.deps.clock.now();
    const asked = payload.effectiveFrom === null ? now : parseInstant(payload.effectiveFrom);
    await insertFeeSchedule(tx, ctx, {
      id: newId(),
      tier: payload.tier,
      // What is past keeps the fee it was asked.
      effectiveFrom: asked > now ? asked : now,
      approvalId: approved.approvalId,
      rates: payload.fees.map(read),
      event: 'fee_schedule.changed',
    });
  },
};

async function refuseUnfit(tx: Tx, fees: readonly FeeRateRow[]): Promise<void> {
  for (const fee of fees) {
    const asset = await requireAsset(tx, fee.asset);
    const parts = [fee.fixed, fee.minimum, ...(fee.maximum === null ? [] : [fee.maximum])];
    const isOrdered = fee.maximum === null || fee.minimum <= fee.maximum;
    if (!methodSuits(fee.method, asset) || !isOrdered || parts.some((part) => scaleOf(part) > asset.scale)) {
      throw refuseFunding('fee_does_not_fit', { detail: `It is the fee of ${placeOf(fee)}.` });
    }
  }
}

function placeOf({ direction, method, asset }: FeeRateRow): string {
  return `${direction} ${method} ${asset}`;
}

type WrittenFee = Omit<FeeRateRow, 'fixed' | 'minimum' | 'maximum'> & {
  readonly fixed: string;
  readonly minimum: string;
  readonly maximum: string | null;
};

function written(fee: FeeRateRow): { readonly [key: string]: Json } {
  const { direction, method, asset, rateBps, maximum } = fee;
  return {
    direction,
    method,
    asset,
    rateBps,
    fixed: formatAmount(fee.fixed),
    minimum: formatAmount(fee.minimum),
    maximum: maximum === null ? null : formatAmount(maximum),
  };
}

function read(fee: WrittenFee): FeeRateRow {
  return {
    ...fee,
    fixed: parseAmount(fee.fixed),
    minimum: parseAmount(fee.minimum),
    maximum: fee.maximum === null ? null : parseAmount(fee.maximum),
  };
}
