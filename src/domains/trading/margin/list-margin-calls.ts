import { and, desc, eq, gte, isNotNull, isNull, lt } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Page } from '../../../kernel/page.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import { ownRows } from '../../../platform/db/own-rows.ts';
import { transact } from '../../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../../platform/http/cursor.ts';
import type { MarginCall } from './margin-calls.ts';
import { marginCalls } from './schema.ts';

type CallFilter = PageRequest & {
  readonly accountId?: Id | undefined;
  readonly status?: 'open' | 'ended' | undefined;
  /** When they were made: `from` inclusive, `to` not. */
  readonly from?: Instant | undefined;
  readonly to?: Instant | undefined;
};

/** Margin calls the caller may see, newest first. @errors invalid_cursor */
export async function listMarginCalls(ctx: Ctx, filter: CallFilter): Promise<Page<MarginCall>> {
  const { accountId, status, from, to } = filter;
  const listing = `margin-calls ${[accountId, status, from, to].map((part) => part ?? '').join(' ')}`;
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, ctx.login, async (tx) => {
    const [before] = filter.cursor === undefined ? [] : readCursor(key, listing, filter.cursor);
    const rows = await tx
      .select()
      .from(marginCalls)
      .where(
        and(
          ownRows(ctx, marginCalls.userId),
          accountId === undefined ? undefined : eq(marginCalls.accountId, accountId),
          status === undefined ? undefined : (status === 'open' ? isNull : isNotNull)(marginCalls.endedAt),
          from === undefined ? undefined : gte(marginCalls.calledAt, from),
          to === undefined ? undefined : lt(marginCalls.calledAt, to),
          before === undefined ? undefined : lt(marginCalls.id, before),
        ),
      )
      .orderBy(desc(marginCalls.id))
      .limit(filter.limit + 1);
    const page = cutPage(key, listing, rows, filter.limit, (row) => [row.id]);
    return { ...page, data: page.data.map((call) => ({ ...call, status: statusOf(call) })) };
  });
}

function statusOf({ endedAt }: MarginCall): 'open' | 'ended' {
  return endedAt === null ? 'open' : 'ended';
}
