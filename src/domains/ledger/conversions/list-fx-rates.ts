import { and, desc, eq, lt, or } from 'drizzle-orm';
import type { Page } from '../../../kernel/page.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../../platform/http/cursor.ts';
import { approvedRates, FX_RATE, type FxRate } from './rate-source.ts';
import { fxRates, fxRateWithdrawals } from './schema.ts';

export type FxRateInTime = FxRate & { readonly inForce: boolean };

/**
 * The rates that were ever set, newest first, and which of them count now.
 * @units asset: either side of the pair
 * @errors invalid_cursor
 */
export async function listFxRates(
  ctx: Ctx,
  page: PageRequest & { readonly asset?: string | undefined },
): Promise<Page<FxRateInTime>> {
  const listing = `fx rates ${page.asset ?? 'all'}`;
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, 'staff', async (tx) => {
    const [before] = page.cursor === undefined ? [] : readCursor(key, listing, page.cursor);
    const rows = await tx
      .select(FX_RATE)
      .from(fxRates)
      .leftJoin(fxRateWithdrawals, eq(fxRateWithdrawals.rateId, fxRates.id))
      .where(
        and(
          page.asset === undefined
            ? undefined
            : or(eq(fxRates.base, page.asset), eq(fxRates.quote, page.asset)),
          before === undefined ? undefined : lt(fxRates.id, before),
        ),
      )
      .orderBy(desc(fxRates.id))
      .limit(page.limit + 1);
    const counting = new Set((await approvedRates.inForce(tx, ctx.deps.clock.now())).map((rate) => rate.id));
    const cut = cutPage(key, listing, rows, page.limit, (row) => [row.id]);
    return { ...cut, data: cut.data.map((row) => ({ ...row, inForce: counting.has(row.id) })) };
  });
}
