import { and, asc, eq, gt, ilike, or } from 'drizzle-orm';
import type { Page } from '../../kernel/page.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../platform/http/cursor.ts';
import { shown } from './instrument-terms.ts';
import { instruments } from './schema.ts';
import type { Instrument } from './store.ts';

export type InstrumentFilter = PageRequest & {
  readonly type?: Instrument['type'] | undefined;
  readonly kind?: Instrument['kind'] | undefined;
  readonly exchange?: Instrument['exchange'] | undefined;
  readonly status?: Instrument['status'] | undefined;
  /** Part of the symbol or the name, in any case. */
  readonly text?: string | undefined;
};

/** What can be traded, or could be, by symbol. @errors invalid_cursor */
export async function listInstruments(
  ctx: Ctx,
  filter: InstrumentFilter,
): Promise<Page<ReturnType<typeof shown<Instrument>>>> {
  const { type, kind, exchange, status, text } = filter;
  const listing = `instruments ${JSON.stringify([type, kind, exchange, status, text])}`;
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, ctx.login, async (tx) => {
    const [after] = filter.cursor === undefined ? [] : readCursor(key, listing, filter.cursor);
    const like = text === undefined ? undefined : `%${text.replace(/[\\%_]/g, '\\$&')}%`;
    const rows = await tx
      .select()
      .from(instruments)
      .where(
        and(
          type === undefined ? undefined : eq(instruments.type, type),
          kind === undefined ? undefined : eq(instruments.kind, kind),
          exchange === undefined ? undefined : eq(instruments.exchange, exchange),
          status === undefined ? undefined : eq(instruments.status, status),
          like === undefined ? undefined : or(ilike(instruments.symbol, like), ilike(instruments.name, like)),
          after === undefined ? undefined : gt(instruments.symbol, after),
        ),
      )
      .orderBy(asc(instruments.symbol))
      .limit(filter.limit + 1);
    return cutPage(key, listing, rows.map(shown), filter.limit, (row) => [row.symbol]);
  });
}
