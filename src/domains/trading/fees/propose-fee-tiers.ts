import type { Role } from '../../../kernel/actor.ts';
import { formatAmount, parseAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { newId } from '../../../kernel/id.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../../platform/approvals/request-approval.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { requireAsset } from '../../ledger/index.ts';
import { TRADING_EVENTS } from '../audit.ts';
import { refuseTrading } from '../errors.ts';
import { earliestDay, type FeeTier, isOrdered } from './rules.ts';
import { feeTierSchedules, feeTiers } from './schema.ts';
import { readSchedules } from './store.ts';

/** Who proposes what trading costs, and who decides on it. */
export const FEE_ROLES = ['compliance_officer', 'mlro', 'admin'] as const satisfies readonly Role[];

const SET_TIERS = 'fee_tiers.set';

export type FeeTierProposal = {
  readonly currency: string;
  readonly tiers: readonly Omit<FeeTier, 'id'>[];
  /** Never before the day after the vote; that day without one. */
  readonly effectiveOn?: string | undefined;
  readonly reason: string;
};

/**
 * Puts all tiers of trading fees before another person; those in force end where the new ones begin.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors fee_tiers_disordered, unknown_asset, fee_tier_currency_fixed, approval_pending_exists
 */
export async function proposeFeeTiers(ctx: Ctx, proposal: FeeTierProposal): Promise<Approval> {
  const { currency, effectiveOn, reason } = proposal;
  if (!isOrdered(proposal.tiers)) {
    throw refuseTrading('fee_tiers_disordered');
  }
  const tiers = proposal.tiers.toSorted((left, right) => (left.minVolume < right.minVolume ? -1 : 1));
  return transact(ctx, 'staff', async (tx) => {
    await requireAsset(tx, currency);
    const replaces = (await readSchedules(tx)).at(-1);
    refuseOtherCurrency(replaces, currency);
    return requestApproval(tx, ctx, {
      action: SET_TIERS,
      subjectType: 'fee_tiers',
      // The version it replaces, so that there is one proposal at a time.
      subjectId: replaces?.id ?? newId(),
      subjectUserId: null,
      payload: {
        currency,
        effectiveOn: effectiveOn ?? null,
        replaces: replaces?.id ?? null,
        tiers: tiers.map(({ minVolume, ...tier }) => ({ ...tier, minVolume: formatAmount(minVolume) })),
      },
      quorum: 1,
      checkerRoles: FEE_ROLES,
      reason,
    });
  });
}

/** What was turned over is counted in one currency. */
function refuseOtherCurrency(replaces: { readonly currency: string } | undefined, currency: string): void {
  if (replaces !== undefined && replaces.currency !== currency) {
    throw refuseTrading('fee_tier_currency_fixed', { detail: `It is ${replaces.currency}.` });
  }
}

type Payload = {
  readonly currency: string;
  readonly effectiveOn: string | null;
  readonly replaces: string | null;
  readonly tiers: readonly (Omit<FeeTier, 'id' | 'minVolume'> & { readonly minVolume: string })[];
};

/** What the vote on the tiers does. */
export const feeTierChange: ApprovalAction = {
  action: SET_TIERS,
  execute: async (ctx, { approvalId, payload }) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const proposed = payload as unknown as Payload;
    await lockExclusive(tx, [SET_TIERS]);
    const newest = (await readSchedules(tx)).at(-1);
    if ((newest?.id ?? null) !== proposed.replaces) {
      throw refuseTrading('fee_tiers_changed');
    }
    refuseOtherCurrency(newest, proposed.currency);
    await insertSchedule(tx, ctx, approvalId, proposed);
  },
};

async function insertSchedule(tx: Tx, ctx: Ctx, approvalId: string, proposed: Payload): Promise<void> {
  const now = ctx.deps.clock.now();
  const earliest = earliestDay(now, ctx.deps.timeZone);
  const asked = proposed.effectiveOn ?? earliest;
  const schedule = {
    id: newId(),
    currency: proposed.currency,
    effectiveOn: asked > earliest ? asked : earliest,
    approvalId,
    createdAt: now,
  };
  await tx.insert(feeTierSchedules).values(schedule);
  if (proposed.tiers.length > 0) {
    await tx.insert(feeTiers).values(
      proposed.tiers.map(({ minVolume, ...tier }) => ({
        ...tier,
        id: newId(),
        scheduleId: schedule.id,
        minVolume: parseAmount(minVolume),
      })),
    );
  }
  await record(tx, ctx, {
    event: TRADING_EVENTS['fee_tiers.changed'],
    resource: { type: 'fee_tiers', id: schedule.id },
    subjectUserId: null,
    after: { ...schedule, tiers: proposed.tiers.map(tierLine) },
  });
}

/** A tier in the words of the audit log. */
function tierLine({ name, minVolume, makerFeeBps, takerFeeBps }: Payload['tiers'][number]): string {
  return `${name}: from ${minVolume}, maker ${makerFeeBps} bps, taker ${takerFeeBps} bps`;
}
