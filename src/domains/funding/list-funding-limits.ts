import { sql } from 'drizzle-orm';
import { personOf } from '../../kernel/actor.ts';
import { AMOUNT_DECIMALS, type Amount, amountOf, maxAmount, parseAmount, ZERO } from '../../kernel/amount.ts';
import type { Id } from '../../kernel/id.ts';
import { divideRounded, roundToStep } from '../../kernel/rounding.ts';
import { sumShares } from '../../kernel/shares.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { readGates } from '../identity/index.ts';
import { type FundingMethod, VOID_WITHDRAWAL_STATUSES } from './rules.ts';

export type LimitInForce = {
  readonly kycLevel: string;
  readonly asset: string;
  readonly direction: string;
  readonly method: FundingMethod;
  readonly windowHours: number;
  readonly maximum: Amount;
  /** Null where no person's use was asked for. */
  readonly used: Amount | null;
  readonly remaining: Amount | null;
};

/**
 * A customer's limits with what is used of each; for staff those of a customer they name, or every row. What remains of
 * a limit on withdrawals is what the other assets of its method and window leave of it, too.
 * @errors not_found where there is no such person
 */
export async function listFundingLimits(
  ctx: Ctx,
  query: { readonly userId?: Id | undefined },
): Promise<readonly LimitInForce[]> {
  const userId = ctx.login === 'staff' ? (query.userId ?? null) : personOf(ctx.actor);
  return transact(ctx, ctx.login, async (tx) => {
    const gate = userId === null ? undefined : (await readGates(tx, [userId])).get(userId);
    if (userId !== null && gate === undefined) {
      throw refuse('not_found');
    }
    const rows = await tx.execute<Row>(sql`
      select l.kyc_level, l.asset, a.scale, l.direction, l.method, l.window_hours, l.maximum, coalesce((
        select sum(w.amount) from withdrawals w
        where w.user_id = ${userId} and w.asset = l.asset and w.method = l.method
          and l.direction = 'withdrawal'
          and w.created_at > ${ctx.deps.clock.now()}::timestamptz - make_interval(hours => l.window_hours)
          and w.status::text <> all (${sql.param([...VOID_WITHDRAWAL_STATUSES])}::text[])), 0) + coalesce((
        select sum(d.amount) from deposits d
        where d.user_id = ${userId} and d.asset = l.asset and d.method = l.method and d.status <> 'failed'
          and l.direction = 'deposit'
          and d.created_at > ${ctx.deps.clock.now()}::timestamptz - make_interval(hours => l.window_hours)
        ), 0) as used
      from funding_limits l join assets a on a.code = l.asset
      where ${gate === undefined ? sql`true` : sql`l.kyc_level = ${gate.kycLevel}`}
      order by l.kyc_level, l.asset, l.direction, l.method, l.window_hours`);
    return rows.map((row) => inForce(row, userId === null ? null : remainingOf(row, rows)));
  });
}

type Row = {
  kyc_level: string;
  asset: string;
  scale: number;
  direction: string;
  method: FundingMethod;
  window_hours: number;
  maximum: string;
  used: string;
};

/** @units the asset, rounded down to its smallest part, so that all of it can be asked for */
function remainingOf(row: Row, rows: readonly Row[]): Amount {
  const maximum = parseAmount(row.maximum);
  if (row.direction === 'deposit') {
    return maxAmount(ZERO, amountOf(maximum - parseAmount(row.used)));
  }
  const { part, whole } = sumShares(
    rows
      .filter((other) => other.direction === row.direction)
      .filter((other) => other.method === row.method && other.window_hours === row.window_hours)
      .filter((other) => other.asset === row.asset || parseAmount(other.maximum) > ZERO)
      .map((other) => ({ part: parseAmount(other.used), whole: parseAmount(other.maximum) })),
  );
  const left = part < whole ? divideRounded(maximum * (whole - part), whole, 'down') : 0n;
  return roundToStep(amountOf(left), amountOf(10n ** BigInt(AMOUNT_DECIMALS - row.scale)), 'down');
}

function inForce(row: Row, remaining: Amount | null): LimitInForce {
  return {
    kycLevel: row.kyc_level,
    asset: row.asset,
    direction: row.direction,
    method: row.method,
    windowHours: row.window_hours,
    maximum: parseAmount(row.maximum),
    used: remaining === null ? null : parseAmount(row.used),
    remaining,
  };
}
