import type { Amount } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { RISK_EVENTS } from './audit.ts';
import type { LimitScope, LimitType } from './rules.ts';
import { riskLimits } from './schema.ts';
import type { RiskLimit } from './store.ts';

export type NewRiskLimit = {
  readonly id?: Id;
  readonly scope: LimitScope;
  /** Empty for the platform. */
  readonly scopeId: string;
  readonly type: LimitType;
  /** @units the currency, or a plain count for `max_open_orders`; inclusive */
  readonly value: Amount;
  readonly currency: string | null;
  readonly effectiveFrom: Instant;
  readonly effectiveUntil: Instant | null;
  /** Whose midnight ends its day; the firm's unless said. @units IANA time zone */
  readonly dayZone?: string | null;
  /** From how much of it on somebody is told; 80 unless said. @units percent */
  readonly alertPercent?: number;
  readonly setBy: string;
  readonly approvalId: Id | null;
  readonly reason: string;
  /** Whose limit it is, where it is a person's. */
  readonly subjectUserId: Id | null;
};

/**
 * Puts a limit in force. Only an executed approval and the seeding of a new installation call this;
 * the row of the same scope that takes effect last counts, so nothing is overwritten.
 * @effects one row of `risk_limits`; audit `risk_limit.set`
 */
export async function setRiskLimit(ctx: Ctx, limit: NewRiskLimit): Promise<RiskLimit> {
  return transact(ctx, 'engine', async (tx) => {
    const { subjectUserId, ...columns } = limit;
    const [row] = await tx
      .insert(riskLimits)
      .values({ ...columns, id: limit.id ?? newId(), active: true, createdAt: ctx.deps.clock.now() })
      .returning();
    const set = present(row, 'the limit was just inserted');
    await record(tx, ctx, {
      event: RISK_EVENTS['risk_limit.set'],
      resource: { type: 'risk_limit', id: set.id },
      subjectUserId,
      after: set,
    });
    return set;
  });
}
