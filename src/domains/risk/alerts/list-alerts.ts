import { and, desc, eq, isNotNull, isNull, lt } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Page } from '../../../kernel/page.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../../platform/http/cursor.ts';
import { riskAlerts } from '../schema.ts';
import type { RiskAlert } from './acknowledge-alert.ts';

export type AlertFilter = PageRequest & {
  readonly kind?: RiskAlert['kind'] | undefined;
  readonly severity?: RiskAlert['severity'] | undefined;
  readonly acknowledged?: boolean | undefined;
  readonly userId?: Id | undefined;
};

/** Alerts, newest first. @errors invalid_cursor */
export async function listAlerts(ctx: Ctx, filter: AlertFilter): Promise<Page<RiskAlert>> {
  const { kind, severity, acknowledged, userId } = filter;
  const listing = `risk-alerts ${kind ?? ''} ${severity ?? ''} ${acknowledged ?? ''} ${userId ?? ''}`;
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, 'staff', async (tx) => {
    const [before] = filter.cursor === undefined ? [] : readCursor(key, listing, filter.cursor);
    const rows = await tx
      .select()
      .from(riskAlerts)
      .where(
        and(
          kind === undefined ? undefined : eq(riskAlerts.kind, kind),
          severity === undefined ? undefined : eq(riskAlerts.severity, severity),
          userId === undefined ? undefined : eq(riskAlerts.userId, userId),
          acknowledged === undefined
            ? undefined
            : acknowledged
              ? isNotNull(riskAlerts.acknowledgedAt)
              : isNull(riskAlerts.acknowledgedAt),
          before === undefined ? undefined : lt(riskAlerts.id, before as Id),
        ),
      )
      .orderBy(desc(riskAlerts.id))
      .limit(filter.limit + 1);
    return cutPage(key, listing, rows, filter.limit, (row) => [row.id]);
  });
}
