import { present } from '../../../kernel/assert.ts';
import { newId } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { sealText } from '../../../platform/crypto/seal.ts';
import { transact } from '../../../platform/db/transact.ts';
import { WATCHLIST_EVENTS } from './audit.ts';
import { refuseWatchlist } from './problems.ts';
import { watchlists } from './schema.ts';
import {
  holdWatchlists,
  instrumentIdsOf,
  namePlace,
  ownerOf,
  refuseTakenName,
  shown,
  type Watchlist,
} from './store.ts';

const MAX_WATCHLISTS = 50;

export type NewWatchlist = { readonly name: string; readonly symbols: readonly string[] };

/**
 * Makes a watchlist of the caller.
 * @effects one row of `watchlists`; audit `watchlist.created`
 * @errors watchlist_limit_reached, watchlist_name_taken, watchlist_symbol_repeated, unknown_symbol
 */
export async function createWatchlist(ctx: Ctx, input: NewWatchlist): Promise<Watchlist> {
  return transact(ctx, ctx.login, async (tx) => {
    const others = await holdWatchlists(tx, ctx);
    if (others.length >= MAX_WATCHLISTS) {
      throw refuseWatchlist('watchlist_limit_reached');
    }
    await refuseTakenName(tx, ctx, others, input.name);
    const instrumentIds = await instrumentIdsOf(tx, input.symbols);
    const [id, userId, now] = [newId(), ownerOf(ctx), ctx.deps.clock.now()];
    const name = sealText(await ctx.deps.personKeys.of(tx, userId), namePlace(id), input.name);
    const [row] = await tx
      .insert(watchlists)
      .values({ id, userId, name, instrumentIds, createdAt: now, updatedAt: now })
      .returning();
    const made = present(row, 'the watchlist was just written');
    await record(tx, ctx, {
      event: WATCHLIST_EVENTS['watchlist.created'],
      resource: { type: 'watchlist', id },
      subjectUserId: userId,
      after: made,
    });
    return present((await shown(tx, ctx, [made]))[0], 'it was just written');
  });
}
