import { sql } from 'drizzle-orm';
import { type Amount, parseAmount } from '../../kernel/amount.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { refuseFunding } from './errors.ts';
import type { FundingMethod } from './rules.ts';

type Announced = {
  readonly userId: Id;
  readonly kycLevel: string;
  readonly asset: string;
  readonly method: FundingMethod;
  readonly amount: Amount;
};

/**
 * Holds an announced deposit to the limits that are set for it, counting all that was announced in each rolling
 * window and did not fail. Money in has a limit only where two people set one; only what was announced is
 * credited without a person, so that a limit on announcing is one on paying in.
 * @errors limit_exceeded
 */
export async function refuseBeyondDepositLimits(tx: Tx, ctx: Ctx, deposit: Announced): Promise<void> {
  const { userId, kycLevel, asset, method, amount } = deposit;
  // One at a time per person: each counts what the others of this moment announced.
  await lockExclusive(tx, [`deposits:${userId}`]);
  const uses = await tx.execute<{ maximum: string; used: string }>(sql`
    select l.maximum, coalesce((
      select sum(d.amount) from deposits d
      where d.user_id = ${userId} and d.asset = l.asset and d.method = l.method and d.status <> 'failed'
        and d.created_at > ${ctx.deps.clock.now()}::timestamptz - make_interval(hours => l.window_hours)), 0) as used
    from funding_limits l
    where l.kyc_level = ${kycLevel} and l.asset = ${asset} and l.method = ${method} and l.direction = 'deposit'`);
  if (uses.some(({ maximum, used }) => parseAmount(used) + amount > parseAmount(maximum))) {
    throw refuseFunding('limit_exceeded');
  }
}
