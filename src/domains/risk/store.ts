import { and, desc, eq, type InferSelectModel, lt } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Page } from '../../kernel/page.ts';
import type { Instant } from '../../kernel/time.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../platform/http/cursor.ts';
import type { LimitScope, LimitType } from './rules.ts';
import { riskLimits, riskLimitWithdrawals } from './schema.ts';

export type RiskLimit = InferSelectModel<typeof riskLimits>;

/** A limit with what ended it before its time, if anything did. */
export type ShownLimit = RiskLimit & {
  readonly withdrawnBy: Id | null;
  readonly withdrawnAt: Instant | null;
  readonly withdrawalReason: string | null;
};

export type LimitFilter = PageRequest & {
  readonly scope?: LimitScope | undefined;
  readonly scopeId?: string | undefined;
  readonly type?: LimitType | undefined;
};

/** Limits, newest first; staff only. @errors invalid_cursor */
export async function listRiskLimits(ctx: Ctx, filter: LimitFilter): Promise<Page<ShownLimit>> {
  const listing = `risk-limits ${filter.scope ?? ''} ${filter.scopeId ?? ''} ${filter.type ?? ''}`;
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, 'staff', async (tx) => {
    const [before] = filter.cursor === undefined ? [] : readCursor(key, listing, filter.cursor);
    const rows = await tx
      .select({ limit: riskLimits, withdrawal: riskLimitWithdrawals })
      .from(riskLimits)
      .leftJoin(riskLimitWithdrawals, eq(riskLimitWithdrawals.limitId, riskLimits.id))
      .where(
        and(
          filter.scope === undefined ? undefined : eq(riskLimits.scope, filter.scope),
          filter.scopeId === undefined ? undefined : eq(riskLimits.scopeId, filter.scopeId),
          filter.type === undefined ? undefined : eq(riskLimits.type, filter.type),
          before === undefined ? undefined : lt(riskLimits.id, before as Id),
        ),
      )
      .orderBy(desc(riskLimits.id))
      .limit(filter.limit + 1);
    const shown = rows.map(({ limit, withdrawal }) => ({
      ...limit,
      active: limit.active && withdrawal === null,
      withdrawnBy: withdrawal?.withdrawnBy ?? null,
      withdrawnAt: withdrawal?.withdrawnAt ?? null,
      withdrawalReason: withdrawal?.reason ?? null,
    }));
    return cutPage(key, listing, shown, filter.limit, (row) => [row.id]);
  });
}
