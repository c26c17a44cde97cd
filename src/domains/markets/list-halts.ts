import { and, desc, eq, type InferSelectModel, lt } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Page } from '../../kernel/page.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../platform/http/cursor.ts';
import { tradingHalts } from './schema.ts';
import { instrumentOf } from './store.ts';

/** The halts of an instrument and their ends, newest first. @errors not_found, invalid_cursor */
export async function listHalts(
  ctx: Ctx,
  symbol: string,
  { limit, cursor }: PageRequest,
): Promise<Page<InferSelectModel<typeof tradingHalts>>> {
  const listing = `trading-halts ${symbol}`;
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, ctx.login, async (tx) => {
    const instrument = await instrumentOf(tx, symbol);
    const [before] = cursor === undefined ? [] : readCursor(key, listing, cursor);
    const rows = await tx
      .select()
      .from(tradingHalts)
      .where(
        and(
          eq(tradingHalts.instrumentId, instrument.id),
          before === undefined ? undefined : lt(tradingHalts.id, before as Id),
        ),
      )
      .orderBy(desc(tradingHalts.id))
      .limit(limit + 1);
    return cutPage(key, listing, rows, limit, (row) => [row.id]);
  });
}
