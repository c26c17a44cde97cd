import { and, eq, type InferSelectModel, isNull } from 'drizzle-orm';
import { actorIdOf } from '../../../kernel/actor.ts';
import { type Amount, formatAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs, type Instant } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import { instrumentOf } from '../../markets/index.ts';
import { raiseAlerts } from '../alerts/raise-alerts.ts';
import { RISK_EVENTS } from '../audit.ts';
import { refuseRisk } from '../errors.ts';
import { circuitBreakers } from '../schema.ts';
import { lockBreakers, tellEngines } from './tripped.ts';

export type CircuitBreaker = InferSelectModel<typeof circuitBreakers>;

export type BreakerOrder = {
  /** What it stops; everything where absent. */
  readonly symbol?: string | undefined;
  readonly endsAt?: Instant | undefined;
  readonly reason: string;
};

/**
 * Stops trading by hand, at once and by one person: once it answers, no order is accepted and no trade
 * settled, in any process. Lifting it takes two, or its time. One of the same target that ends sooner gives way to it.
 * @effects one row of `circuit_breakers`, one of `risk_alerts`; audit `circuit_breaker.tripped`, perhaps
 *   `circuit_breaker.superseded`; event `risk.breaker_tripped`
 * @errors breaker_end_past, not_found, breaker_stands
 */
export async function tripBreaker(
  ctx: Ctx,
  order: BreakerOrder,
): Promise<CircuitBreaker & { readonly symbol: string | null }> {
  return transact(ctx, 'engine', async (tx) => {
    const { symbol, endsAt, reason } = order;
    if (endsAt !== undefined && endsAt <= ctx.deps.clock.now()) {
      throw refuseRisk('breaker_end_past');
    }
    const instrumentId = symbol === undefined ? null : (await instrumentOf(tx, symbol)).id;
    await lockBreakers(tx);
    const id = newId();
    await supersede(tx, ctx, { id, instrumentId, endsAt: endsAt ?? null });
    const trip = { id, instrumentId, reason, endsAt: endsAt ?? null };
    const breaker = await writeBreaker(tx, ctx, { ...trip, trigger: 'manual', prices: null });
    return { ...present(breaker, 'nobody trips another meanwhile'), symbol: symbol ?? null };
  });
}

/** What stands for the target gives way where it ends sooner. @errors breaker_stands */
async function supersede(
  tx: Tx,
  ctx: Ctx,
  { id, instrumentId, endsAt }: Pick<CircuitBreaker, 'id' | 'instrumentId' | 'endsAt'>,
): Promise<void> {
  const before = await lockStandingOf(tx, instrumentId);
  if (before === undefined) {
    return;
  }
  if (before.endsAt === null || (endsAt !== null && endsAt <= before.endsAt)) {
    throw refuseRisk('breaker_stands', { detail: `Breaker ${before.id} stands already.` });
  }
  await giveWay(tx, ctx, before, id);
}

/**
 * Makes room for a breaker that a rule trips: one that was meant to be shorter gives way, so that nobody keeps a long
 * stop away by a short one. Lengths are compared, not ends: the move that tripped it holds on, and trips it once.
 * @shape whether nothing stands for the target any more
 */
export async function makeRoom(
  tx: Tx,
  ctx: Ctx,
  {
    id,
    instrumentId,
    pauseMs,
  }: { readonly id: Id; readonly instrumentId: Id | null; readonly pauseMs: number },
): Promise<boolean> {
  const before = await lockStandingOf(tx, instrumentId);
  if (before === undefined) {
    return true;
  }
  if (before.endsAt === null || before.endsAt >= addMs(before.trippedAt, pauseMs)) {
    return false;
  }
  await giveWay(tx, ctx, before, id);
  return true;
}

async function lockStandingOf(tx: Tx, instrumentId: Id | null): Promise<CircuitBreaker | undefined> {
  const target =
    instrumentId === null
      ? isNull(circuitBreakers.instrumentId)
      : eq(circuitBreakers.instrumentId, instrumentId);
  const [standing] = await tx
    .select({ id: circuitBreakers.id })
    .from(circuitBreakers)
    .where(and(target, isNull(circuitBreakers.liftedAt)));
  const locked = standing === undefined ? undefined : await lockRow(tx, circuitBreakers, standing.id);
  return locked?.liftedAt === null ? locked : undefined;
}

async function giveWay(tx: Tx, ctx: Ctx, before: CircuitBreaker, supersededBy: Id): Promise<void> {
  const [after] = await tx
    .update(circuitBreakers)
    .set({
      liftedBy: actorIdOf(ctx.actor),
      liftedAt: ctx.deps.clock.now(),
      liftReason: 'Another one that lasts longer took its place',
      supersededBy,
    })
    .where(eq(circuitBreakers.id, before.id))
    .returning();
  await record(tx, ctx, {
    event: RISK_EVENTS['circuit_breaker.superseded'],
    resource: { type: 'circuit_breaker', id: before.id },
    subjectUserId: null,
    before,
    after: present(after, 'it is locked'),
  });
}

export type Trip = {
  readonly id: Id;
  readonly instrumentId: Id | null;
  readonly trigger: CircuitBreaker['trigger'];
  readonly reason: string;
  readonly endsAt: Instant | null;
  readonly prices: { readonly from: Amount; readonly to: Amount } | null;
};

/**
 * Writes a breaker that nobody has to be asked about.
 * @effects as `tripBreaker`
 * @shape undefined, and nothing written, where one stands for the target already
 */
export async function writeBreaker(tx: Tx, ctx: Ctx, trip: Trip): Promise<CircuitBreaker | undefined> {
  const { id, instrumentId, trigger, reason, endsAt, prices } = trip;
  const [breaker] = await tx
    .insert(circuitBreakers)
    .values({
      id,
      scope: instrumentId === null ? 'platform' : 'instrument',
      instrumentId,
      trigger,
      reason,
      fromPrice: prices?.from ?? null,
      toPrice: prices?.to ?? null,
      trippedBy: actorIdOf(ctx.actor),
      trippedAt: ctx.deps.clock.now(),
      endsAt,
    })
    .onConflictDoNothing()
    .returning();
  if (breaker === undefined) {
    return undefined;
  }
  await record(tx, ctx, {
    event: RISK_EVENTS['circuit_breaker.tripped'],
    resource: { type: 'circuit_breaker', id: breaker.id },
    subjectUserId: null,
    after: breaker,
  });
  await publish(tx, ctx, [
    {
      type: 'risk.breaker_tripped',
      userId: null,
      customerVisible: false,
      data: { breakerId: breaker.id, instrumentId, trigger },
    },
  ]);
  await raiseAlerts(tx, ctx, [
    {
      kind: 'breaker_tripped',
      severity: 'critical',
      condition: `breaker_tripped ${breaker.id}`,
      userId: null,
      accountId: null,
      instrumentId,
      details: {
        breakerId: breaker.id,
        trigger,
        ...(prices === null ? {} : { from: formatAmount(prices.from), to: formatAmount(prices.to) }),
      },
    },
  ]);
  await tellEngines(tx);
  return breaker;
}
