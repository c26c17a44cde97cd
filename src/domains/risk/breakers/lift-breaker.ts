import { and, eq, isNull, lte, sql } from 'drizzle-orm';
import { actorIdOf } from '../../../kernel/actor.ts';
import { formatAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import { requestApproval } from '../../../platform/approvals/request-approval.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow, lockRows } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import { RISK_EVENTS } from '../audit.ts';
import { refuseRisk } from '../errors.ts';
import { breakerPrices, circuitBreakers } from '../schema.ts';
import type { CircuitBreaker } from './trip-breaker.ts';
import { lockBreakers, tellEngines } from './tripped.ts';

const ACTION = 'risk.lift_breaker';

/**
 * Asks another person to let trading go on before the time of a breaker is over.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors not_found, breaker_lifted, approval_pending_exists
 */
export async function requestBreakerLift(
  ctx: Ctx,
  { breakerId, reason }: { readonly breakerId: Id; readonly reason: string },
): Promise<{ readonly breakerId: Id; readonly approvalId: Id; readonly status: 'pending' }> {
  return transact(ctx, 'engine', async (tx) => {
    const breaker = await lockStanding(tx, breakerId);
    const { prices, ...seen } = whatStands(breaker);
    const approval = await requestApproval(tx, ctx, {
      action: ACTION,
      subjectType: 'circuit_breaker',
      subjectId: breakerId,
      subjectUserId: null,
      payload: { ...seen, ...prices, liftReason: reason },
      quorum: 1,
      checkerRoles: ['risk_manager', 'admin'],
      reason,
    });
    return { breakerId, approvalId: approval.id, status: 'pending' as const };
  });
}

/** What the last vote on lifting a breaker does. @errors breaker_lifted */
export const liftBreakerAction: ApprovalAction = {
  action: ACTION,
  execute: (ctx, { subjectId, payload, approvalId }) =>
    transact(ctx, 'engine', async (tx) => {
      // Whoever looks at prices now would trip it again by the move that is forgiven.
      await lockBreakers(tx);
      const breaker = await lockStanding(tx, subjectId);
      await lift(tx, ctx, breaker, {
        reason: (payload as { readonly liftReason: string }).liftReason,
        approvalId,
      });
    }),
};

/**
 * Lifts the breakers whose time is over.
 * @effects rows of `circuit_breakers`; audit `circuit_breaker.lifted`; event `risk.breaker_lifted`
 */
export async function liftBreakers(ctx: Ctx): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    const due = await tx
      .select({ id: circuitBreakers.id })
      .from(circuitBreakers)
      .where(and(isNull(circuitBreakers.liftedAt), lte(circuitBreakers.endsAt, ctx.deps.clock.now())));
    if (due.length === 0) {
      return;
    }
    await lockBreakers(tx);
    const locked = await lockRows(
      tx,
      circuitBreakers,
      due.map(({ id }) => id),
    );
    for (const breaker of locked.filter(({ liftedAt }) => liftedAt === null)) {
      await lift(tx, ctx, breaker, { reason: 'Its time was over', approvalId: null });
    }
  });
}

async function lift(
  tx: Tx,
  ctx: Ctx,
  breaker: CircuitBreaker,
  { reason, approvalId }: { readonly reason: string; readonly approvalId: Id | null },
): Promise<void> {
  const [lifted] = await tx
    .update(circuitBreakers)
    .set({
      liftedBy: actorIdOf(ctx.actor),
      liftedAt: ctx.deps.clock.now(),
      liftReason: reason,
      liftApprovalId: approvalId,
    })
    .where(eq(circuitBreakers.id, breaker.id))
    .returning();
  // What moved before is not held against what comes after.
  await tx
    .delete(breakerPrices)
    .where(breaker.instrumentId === null ? sql`true` : eq(breakerPrices.instrumentId, breaker.instrumentId));
  await record(tx, ctx, {
    event: RISK_EVENTS['circuit_breaker.lifted'],
    resource: { type: 'circuit_breaker', id: breaker.id },
    subjectUserId: null,
    before: breaker,
    after: present(lifted, 'the breaker was locked'),
  });
  await publish(tx, ctx, [
    {
      type: 'risk.breaker_lifted',
      userId: null,
      customerVisible: false,
      data: { breakerId: breaker.id, instrumentId: breaker.instrumentId },
    },
  ]);
  await tellEngines(tx);
}

/** @errors not_found, breaker_lifted */
async function lockStanding(tx: Tx, breakerId: Id): Promise<CircuitBreaker> {
  const breaker = await lockRow(tx, circuitBreakers, breakerId);
  if (breaker === undefined) {
    throw refuse('not_found');
  }
  if (breaker.liftedAt !== null) {
    throw refuseRisk('breaker_lifted');
  }
  return breaker;
}

function whatStands({
  scope,
  instrumentId,
  trigger,
  reason,
  fromPrice,
  toPrice,
  trippedAt,
  endsAt,
}: CircuitBreaker) {
  return {
    scope,
    instrumentId,
    trigger,
    reason,
    trippedAt,
    endsAt,
    prices:
      fromPrice === null || toPrice === null
        ? {}
        : { fromPrice: formatAmount(fromPrice), toPrice: formatAmount(toPrice) },
  };
}
