import { eq, sql } from 'drizzle-orm';
import { personOf } from '../../kernel/actor.ts';
import { type Amount, formatAmount, parseAmount } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { type Instant, parseInstant } from '../../kernel/time.ts';
import type { ApprovalAction, ApprovedAction } from '../../platform/approvals/actions.ts';
import { requestApproval } from '../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { approvals } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { refuseRisk } from './errors.ts';
import type { LimitScope, LimitType } from './rules.ts';
import { setRiskLimit } from './set-risk-limit.ts';

export type RiskLimitProposal = {
  readonly scope: LimitScope;
  readonly scopeId?: string;
  readonly type: LimitType;
  readonly value: bigint;
  readonly currency?: string | undefined;
  readonly effectiveFrom?: Instant | undefined;
  readonly effectiveUntil?: Instant | undefined;
  readonly dayZone?: string | undefined;
  readonly alertPercent?: number | undefined;
  readonly reason: string;
};

const ACTION = 'risk.set_limit';

/** From how much of a limit on somebody is told, unless the limit says otherwise. */
const ALERT_PERCENT = 80;

/**
 * Puts a limit before another person; it takes effect when they approve.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors limit_period_invalid, limit_zone_unknown, limit_scope_unknown, self_approval (I7: nobody acts on themselves)
 */
export async function proposeRiskLimit(
  ctx: Ctx,
  proposal: RiskLimitProposal,
): Promise<{ readonly limitId: Id; readonly approvalId: Id; readonly status: 'pending' }> {
  periodOf(ctx, proposal.effectiveFrom, proposal.effectiveUntil);
  if (proposal.dayZone !== undefined && !isTimeZone(proposal.dayZone)) {
    throw refuseRisk('limit_zone_unknown');
  }
  const limitId = newId();
  return transact(ctx, 'staff', async (tx) => {
    const subjectUserId = await subjectOf(tx, proposal.scope, proposal.scopeId ?? '');
    if (subjectUserId !== null && subjectUserId === personOf(ctx.actor)) {
      throw refuse('self_approval');
    }
    const approval = await requestApproval(tx, ctx, {
      action: ACTION,
      subjectType: 'risk_limit',
      subjectId: limitId,
      subjectUserId,
      payload: {
        scope: proposal.scope,
        scopeId: proposal.scopeId ?? '',
        type: proposal.type,
        value: formatAmount(proposal.value),
        currency: proposal.currency ?? null,
        effectiveFrom: proposal.effectiveFrom ?? null,
        effectiveUntil: proposal.effectiveUntil ?? null,
        dayZone: proposal.dayZone ?? null,
        alertPercent: proposal.alertPercent ?? ALERT_PERCENT,
        reason: proposal.reason,
      },
      quorum: 1,
      checkerRoles: ['risk_manager', 'admin'],
      reason: proposal.reason,
    });
    return { limitId, approvalId: approval.id, status: 'pending' as const };
  });
}

/** What the approval of a limit does. */
export const setLimitAction: ApprovalAction = {
  action: ACTION,
  execute: async (ctx, approved) => {
    const payload = payloadOf(approved);
    const effectiveFrom = periodOf(ctx, payload.effectiveFrom, payload.effectiveUntil);
    const tx = present(ctx.tx, 'an approval executes in the transaction of its last vote');
    const [approval] = await tx
      .select({ subjectUserId: approvals.subjectUserId })
      .from(approvals)
      .where(eq(approvals.id, approved.approvalId));
    await setRiskLimit(ctx, {
      ...payload,
      id: approved.subjectId,
      effectiveFrom,
      setBy: approved.makerId,
      approvalId: approved.approvalId,
      subjectUserId: approval?.subjectUserId ?? null,
    });
  },
};

/**
 * From when a limit binds: never before it is agreed to. One that began in the past would give way to whatever took
 * effect since, and say of orders of then that it bound them.
 * @errors limit_period_invalid
 */
function periodOf(
  ctx: Ctx,
  effectiveFrom: Instant | null | undefined,
  effectiveUntil: Instant | null | undefined,
): Instant {
  const now = ctx.deps.clock.now();
  const from = effectiveFrom != null && effectiveFrom > now ? effectiveFrom : now;
  if (effectiveUntil != null && effectiveUntil <= from) {
    throw refuseRisk('limit_period_invalid');
  }
  return from;
}

function payloadOf(approved: ApprovedAction) {
  const { alertPercent, ...rest } = approved.payload;
  const payload = rest as Record<string, string | null>;
  const instantOf = (text: string | null | undefined): Instant | null =>
    text === null || text === undefined ? null : parseInstant(text);
  return {
    scope: payload.scope as LimitScope,
    scopeId: payload.scopeId ?? '',
    type: payload.type as LimitType,
    value: parseAmount(present(payload.value, 'a proposal has a value')) as Amount,
    currency: payload.currency ?? null,
    effectiveFrom: instantOf(payload.effectiveFrom),
    effectiveUntil: instantOf(payload.effectiveUntil),
    dayZone: payload.dayZone ?? null,
    // A proposal of the release before says nothing of it.
    alertPercent: typeof alertPercent === 'number' ? alertPercent : ALERT_PERCENT,
    reason: present(payload.reason, 'a proposal has a reason'),
  };
}

/** Zones off the quarter of an hour are none that days are counted in today. */
function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** The person a limit concerns, who may never be its checker. @errors limit_scope_unknown */
export async function subjectOf(tx: Tx, scope: LimitScope, scopeId: string): Promise<Id | null> {
  const [found] = await tx.execute<{ user_id: Id | null }>(scopeQuery(scope, scopeId));
  if (found === undefined) {
    throw refuseRisk('limit_scope_unknown');
  }
  return found.user_id;
}

function scopeQuery(scope: LimitScope, scopeId: string) {
  switch (scope) {
    case 'platform':
      return sql`select null::uuid as user_id`;
    case 'user':
      return sql`select id as user_id from users where id = ${scopeId}`;
    case 'account':
      return sql`select user_id from accounts where id = ${scopeId}`;
    case 'instrument':
      return sql`select null::uuid as user_id from instruments where id = ${scopeId}`;
    case 'asset':
      return sql`select null::uuid as user_id from assets where code = ${scopeId}`;
  }
}
