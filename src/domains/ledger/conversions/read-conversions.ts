import { and, desc, eq, gte, isNotNull, lt } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Page } from '../../../kernel/page.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../../platform/http/cursor.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { conversionQuotes } from './schema.ts';

export type ConversionQuote = typeof conversionQuotes.$inferSelect;

/** A quote of the acting person; another's answers as one that does not exist. @errors not_found */
export async function findOwnQuote(tx: Tx, ctx: Ctx, quoteId: Id): Promise<ConversionQuote> {
  const userId = present(personOf(ctx.actor), 'conversions are asked for by people');
  const [quote] = await tx
    .select()
    .from(conversionQuotes)
    .where(and(eq(conversionQuotes.id, quoteId), eq(conversionQuotes.userId, userId)));
  if (quote === undefined) {
    throw refuse('not_found');
  }
  return quote;
}

export type ConversionPage = PageRequest & {
  readonly accountId?: Id | undefined;
  /** Staff only: the conversions of one customer. */
  readonly userId?: Id | undefined;
  /** @units `to` exclusive */
  readonly from?: Instant | undefined;
  readonly to?: Instant | undefined;
};

/** The caller's conversions, or everybody's for staff, newest first. @errors invalid_cursor */
export async function listConversions(ctx: Ctx, page: ConversionPage): Promise<Page<ConversionQuote>> {
  const owner = ownerOf(ctx, page.userId);
  const { from, to } = page;
  const listing = `conversions ${owner ?? 'all'} ${page.accountId ?? 'all'} ${from ?? ''} ${to ?? ''}`;
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, ctx.login, async (tx) => {
    const [before] = page.cursor === undefined ? [] : readCursor(key, listing, page.cursor);
    const rows = await tx
      .select()
      .from(conversionQuotes)
      .where(
        and(
          isNotNull(conversionQuotes.executedAt),
          owner === undefined ? undefined : eq(conversionQuotes.userId, owner),
          page.accountId === undefined ? undefined : eq(conversionQuotes.accountId, page.accountId),
          from === undefined ? undefined : gte(conversionQuotes.executedAt, from),
          to === undefined ? undefined : lt(conversionQuotes.executedAt, to),
          before === undefined ? undefined : lt(conversionQuotes.id, before),
        ),
      )
      .orderBy(desc(conversionQuotes.id))
      .limit(page.limit + 1);
    return cutPage(key, listing, rows, page.limit, (row) => [row.id]);
  });
}

/** One conversion; a quote that was not executed is none. @errors not_found */
export async function getConversion(ctx: Ctx, conversionId: Id): Promise<ConversionQuote> {
  const owner = ownerOf(ctx, undefined);
  return transact(ctx, ctx.login, async (tx) => {
    const [conversion] = await tx
      .select()
      .from(conversionQuotes)
      .where(
        and(
          eq(conversionQuotes.id, conversionId),
          isNotNull(conversionQuotes.executedAt),
          owner === undefined ? undefined : eq(conversionQuotes.userId, owner),
        ),
      );
    if (conversion === undefined) {
      throw refuse('not_found');
    }
    return conversion;
  });
}

function ownerOf(ctx: Ctx, asked: Id | undefined): Id | undefined {
  return ctx.login === 'staff' ? asked : present(personOf(ctx.actor), 'customers are people');
}
