import { eq } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { sealText } from '../../../platform/crypto/seal.ts';
import { transact } from '../../../platform/db/transact.ts';
import { WATCHLIST_EVENTS } from './audit.ts';
import type { NewWatchlist } from './create-watchlist.ts';
import { watchlists } from './schema.ts';
import {
  holdWatchlist,
  instrumentIdsOf,
  namePlace,
  ownerOf,
  refuseTakenName,
  shown,
  type Watchlist,
} from './store.ts';

export type WatchlistChange = { readonly [Name in keyof NewWatchlist]?: NewWatchlist[Name] | undefined };

/**
 * Renames a watchlist of the caller, or puts other instruments on it; what is not named stays.
 * @effects one row of `watchlists`; audit `watchlist.changed`
 * @errors not_found, version_mismatch, watchlist_name_taken, watchlist_symbol_repeated, unknown_symbol
 */
export async function changeWatchlist(ctx: Ctx, id: Id, change: WatchlistChange): Promise<Watchlist> {
  return transact(ctx, ctx.login, async (tx) => {
    const { row: before, others } = await holdWatchlist(tx, ctx, id);
    const key = await ctx.deps.personKeys.of(tx, ownerOf(ctx));
    if (change.name !== undefined) {
      await refuseTakenName(tx, ctx, others, change.name);
    }
    const [row] = await tx
      .update(watchlists)
      .set({
        ...(change.name === undefined ? {} : { name: sealText(key, namePlace(id), change.name) }),
        ...(change.symbols === undefined ? {} : { instrumentIds: await instrumentIdsOf(tx, change.symbols) }),
        version: before.version + 1,
        updatedAt: ctx.deps.clock.now(),
      })
      .where(eq(watchlists.id, id))
      .returning();
    const after = present(row, 'the watchlist was held');
    await record(tx, ctx, {
      event: WATCHLIST_EVENTS['watchlist.changed'],
      resource: { type: 'watchlist', id },
      subjectUserId: before.userId,
      before,
      after,
    });
    return present((await shown(tx, ctx, [after]))[0], 'it was just written');
  });
}

/**
 * Deletes a watchlist of the caller.
 * @effects one row of `watchlists`; audit `watchlist.deleted`
 * @errors not_found
 */
export async function deleteWatchlist(ctx: Ctx, id: Id): Promise<void> {
  await transact(ctx, ctx.login, async (tx) => {
    const { row: before } = await holdWatchlist(tx, ctx, id);
    await tx.delete(watchlists).where(eq(watchlists.id, id));
    await record(tx, ctx, {
      event: WATCHLIST_EVENTS['watchlist.deleted'],
      resource: { type: 'watchlist', id },
      subjectUserId: before.userId,
      before,
    });
  });
}
