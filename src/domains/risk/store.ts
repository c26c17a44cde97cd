import { and, desc, eq, gt, type InferSelectModel, inArray, isNull, lt, lte, or } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Page } from '../../kernel/page.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../platform/http/cursor.ts';
import type { LimitRow, LimitScope, LimitSubject, LimitType } from './rules.ts';
import { riskLimits } from './schema.ts';

export type RiskLimit = InferSelectModel<typeof riskLimits>;

export type LimitFilter = PageRequest & {
  readonly scope?: LimitScope | undefined;
  readonly scopeId?: string | undefined;
  readonly type?: LimitType | undefined;
};

/**
 * The limits in force that could bind any of the subjects; `bindingLimit` picks.
 * @shape rows of the given types, in no order
 */
export async function loadRiskLimits(
  tx: Tx,
  ctx: Ctx,
  types: readonly LimitType[],
  subjects: readonly Omit<LimitSubject, 'currency'>[],
): Promise<LimitRow[]> {
  const scopeIds = new Set(['']);
  for (const subject of subjects) {
    scopeIds.add(subject.accountId).add(subject.userId).add(subject.instrumentId).add(subject.asset);
  }
  const now = ctx.deps.clock.now();
  return tx
    .select()
    .from(riskLimits)
    .where(
      and(
        eq(riskLimits.active, true),
        inArray(riskLimits.type, [...types]),
        inArray(riskLimits.scopeId, [...scopeIds]),
        lte(riskLimits.effectiveFrom, now),
        or(isNull(riskLimits.effectiveUntil), gt(riskLimits.effectiveUntil, now)),
      ),
    );
}

/** Limits, newest first; staff only. @errors invalid_cursor */
export async function listRiskLimits(ctx: Ctx, filter: LimitFilter): Promise<Page<RiskLimit>> {
  const listing = `risk-limits ${filter.scope ?? ''} ${filter.scopeId ?? ''} ${filter.type ?? ''}`;
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, 'staff', async (tx) => {
    const [before] = filter.cursor === undefined ? [] : readCursor(key, listing, filter.cursor);
    const rows = await tx
      .select()
      .from(riskLimits)
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
    return cutPage(key, listing, rows, filter.limit, (row) => [row.id]);
  });
}
