import type { Role } from '../../../kernel/actor.ts';
import { type Amount, formatAmount, parseAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { newId } from '../../../kernel/id.ts';
import { addMs, type Instant, msOfInstant } from '../../../kernel/time.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../../platform/approvals/request-approval.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { LEDGER_EVENTS } from '../audit.ts';
import { refuseLedger } from '../errors.ts';
import { approvedRates } from './rate-source.ts';
import { requireMoney } from './require-money.ts';
import { midPrice, rateOf, ringGains } from './rules.ts';
import { fxRates } from './schema.ts';
import { RATE_AGE_MAX_MS, RATE_AHEAD_MAX_MS, RATE_LIFE_MAX_MS } from './settings.ts';

/** Who proposes rates of exchange, and who decides on them. */
export const RATE_ROLES = ['risk_manager', 'operations'] as const satisfies readonly Role[];

export type FxRateProposal = {
  readonly base: string;
  readonly quote: string;
  readonly rate: Amount;
  readonly spreadBps: number;
  /** What the house may be long or short in of the base. */
  readonly positionMax: Amount;
  readonly source: string;
  /** When it was read; now unless given. */
  readonly asOf?: Instant | undefined;
  readonly validUntil: Instant;
  readonly reason: string;
};

const SET_RATE = 'fx_rate.set';

/**
 * Puts a rate before another person, who also sees the one it follows.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors unknown_asset, asset_not_convertible, rate_window_invalid
 */
export async function proposeFxRate(ctx: Ctx, proposal: FxRateProposal): Promise<Approval> {
  const { reason, rate, ...pair } = proposal;
  const now = ctx.deps.clock.now();
  const asOf = pair.asOf ?? now;
  refuseWindow(now, asOf, pair.validUntil);
  return transact(ctx, 'staff', async (tx) => {
    await requireMoney(tx, pair.base, '/base');
    await requireMoney(tx, pair.quote, '/quote');
    const known = await approvedRates.newestOf(tx, { from: pair.base, to: pair.quote });
    return requestApproval(tx, ctx, {
      action: SET_RATE,
      subjectType: 'fx_rate',
      subjectId: newId(),
      subjectUserId: null,
      payload: {
        base: pair.base,
        quote: pair.quote,
        rate: formatAmount(rate),
        spreadBps: pair.spreadBps,
        positionMax: formatAmount(pair.positionMax),
        source: pair.source,
        asOf,
        validUntil: pair.validUntil,
        followsRate: known === undefined ? null : rateOf(midPrice(known, pair.base)),
        followsAsOf: known?.asOf ?? null,
        followsPositionMax: known?.positionMax == null ? null : formatAmount(known.positionMax),
      },
      quorum: 1,
      checkerRoles: RATE_ROLES,
      reason,
      expiresInMs: msOfInstant(pair.validUntil) - msOfInstant(now),
    });
  });
}

/**
 * What the vote on a rate does. One rate at a time: each is held against all that are in force.
 * @errors rate_stale, rate_superseded, rate_ring_gains
 */
export const rateSetting: ApprovalAction = {
  action: SET_RATE,
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const { positionMax, rate, base, quote, spreadBps, source, asOf, validUntil } =
      approved.payload as unknown as Payload;
    const proposed = { base, quote, rate, spreadBps, source, asOf, validUntil };
    await lockExclusive(tx, [SET_RATE]);
    const now = ctx.deps.clock.now();
    if (proposed.validUntil <= now) {
      throw refuseLedger('rate_stale');
    }
    const known = await approvedRates.newestOf(tx, { from: proposed.base, to: proposed.quote });
    if (known !== undefined && known.asOf > proposed.asOf) {
      throw refuseLedger('rate_superseded');
    }
    if (ringGains(await approvedRates.inForce(tx, now), proposed)) {
      throw refuseLedger('rate_ring_gains');
    }
    const [row] = await tx
      .insert(fxRates)
      .values({
        ...proposed,
        positionMax: positionMax == null ? null : parseAmount(positionMax),
        id: approved.subjectId,
        approvalId: approved.approvalId,
        createdAt: now,
      })
      .returning();
    const added = present(row, 'the rate was inserted');
    await record(tx, ctx, {
      event: LEDGER_EVENTS['fx_rate.set'],
      resource: { type: 'fx_rate', id: added.id },
      subjectUserId: null,
      ...(known === undefined ? {} : { before: known }),
      after: added,
    });
  },
};

type Payload = {
  readonly base: string;
  readonly quote: string;
  readonly rate: string;
  readonly spreadBps: number;
  /** Missing in what was asked for before rates had to bound a position. */
  readonly positionMax?: string | null;
  readonly source: string;
  readonly asOf: Instant;
  readonly validUntil: Instant;
};

/** @errors rate_window_invalid */
function refuseWindow(now: Instant, asOf: Instant, validUntil: Instant): void {
  if (asOf < addMs(now, -RATE_AGE_MAX_MS) || asOf > addMs(now, RATE_AHEAD_MAX_MS)) {
    throw windowRefusal('/asOf', 'must lie within the last day');
  }
  if (validUntil <= now || validUntil <= asOf || validUntil > addMs(now, RATE_LIFE_MAX_MS)) {
    throw windowRefusal('/validUntil', 'must lie within the next seven days');
  }
}

function windowRefusal(pointer: string, detail: string) {
  return refuseLedger('rate_window_invalid', { errors: [{ pointer, code: 'invalid_window', detail }] });
}
