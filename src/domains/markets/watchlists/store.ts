import { asc, eq, inArray } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import { openText, type Place } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { ownRows } from '../../../platform/db/own-rows.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { refuseMarkets } from '../errors.ts';
import { instruments } from '../schema.ts';
import { refuseWatchlist } from './problems.ts';
import { watchlists } from './schema.ts';

type Row = typeof watchlists.$inferSelect;

/** A watchlist as its owner reads it. */
export type Watchlist = Omit<Row, 'name' | 'userId' | 'instrumentIds'> & {
  readonly name: string;
  readonly symbols: readonly string[];
};

/** The caller's watchlists, oldest first. */
export async function listWatchlists(ctx: Ctx): Promise<Watchlist[]> {
  return transact(ctx, ctx.login, async (tx) => shown(tx, ctx, await ownWatchlists(tx, ctx)));
}

/** @errors not_found */
export async function getWatchlist(ctx: Ctx, id: Id): Promise<Watchlist> {
  return transact(ctx, ctx.login, async (tx) => {
    const rows = (await ownWatchlists(tx, ctx)).filter((row) => row.id === id);
    return present((await shown(tx, ctx, rows))[0] ?? notFound(), 'it was found');
  });
}

/** All of the caller's, held until the transaction ends: their number and their names are among themselves. */
export async function holdWatchlists(tx: Tx, ctx: Ctx): Promise<readonly Row[]> {
  await lockExclusive(tx, [`watchlists:${ownerOf(ctx)}`]);
  return ownWatchlists(tx, ctx);
}

/** One of the caller's, held, with the others. @errors not_found, version_mismatch where `If-Match` was sent */
export async function holdWatchlist(
  tx: Tx,
  ctx: Ctx,
  id: Id,
): Promise<{ readonly row: Row; readonly others: readonly Row[] }> {
  const rows = await holdWatchlists(tx, ctx);
  const row = rows.find((each) => each.id === id) ?? notFound();
  if (ctx.ifMatch !== undefined && row.version !== ctx.ifMatch) {
    throw refuse('version_mismatch');
  }
  return { row, others: rows.filter((each) => each.id !== id) };
}

/** @errors watchlist_name_taken: case and accents apart, the same name */
export async function refuseTakenName(tx: Tx, ctx: Ctx, others: readonly Row[], name: string): Promise<void> {
  const taken = (await shown(tx, ctx, others)).map((list) => list.name);
  const same = new Intl.Collator('en', { sensitivity: 'base' });
  if (taken.some((other) => same.compare(other, name) === 0)) {
    throw refuseWatchlist('watchlist_name_taken');
  }
}

/** The instruments of symbols, in their order. @errors watchlist_symbol_repeated, unknown_symbol */
export async function instrumentIdsOf(tx: Tx, symbols: readonly string[]): Promise<Id[]> {
  if (new Set(symbols).size < symbols.length) {
    throw refuseWatchlist('watchlist_symbol_repeated');
  }
  const rows = await tx
    .select({ id: instruments.id, symbol: instruments.symbol })
    .from(instruments)
    .where(inArray(instruments.symbol, [...symbols]));
  const ids = new Map(rows.map(({ id, symbol }) => [symbol, id]));
  return symbols.map((symbol) => {
    const id = ids.get(symbol);
    if (id === undefined) {
      throw refuseMarkets('unknown_symbol', { detail: `No instrument has the symbol ${symbol}.` });
    }
    return id;
  });
}

/** Opens names and turns instruments into symbols. */
export async function shown(tx: Tx, ctx: Ctx, rows: readonly Row[]): Promise<Watchlist[]> {
  if (rows.length === 0) {
    return [];
  }
  const key = await ctx.deps.personKeys.of(tx, ownerOf(ctx));
  const found = await tx
    .select({ id: instruments.id, symbol: instruments.symbol })
    .from(instruments)
    .where(inArray(instruments.id, [...new Set(rows.flatMap((row) => row.instrumentIds))]));
  const symbols = new Map(found.map(({ id, symbol }) => [id, symbol]));
  return rows.map(({ id, name, instrumentIds, version, createdAt, updatedAt }) => ({
    id,
    name: openText(key, namePlace(id), name),
    symbols: instrumentIds.map((each) => present(symbols.get(each), 'an instrument is never gone')),
    version,
    createdAt,
    updatedAt,
  }));
}

/** Where the sealed name of a watchlist lives. */
export function namePlace(id: Id): Place {
  return { table: 'watchlists', column: 'name', rowId: id };
}

/** Whose watchlists the caller reads and writes: their own. */
export function ownerOf(ctx: Ctx): Id {
  return present(personOf(ctx.actor), 'a watchlist belongs to a person');
}

async function ownWatchlists(tx: Tx, ctx: Ctx): Promise<Row[]> {
  return tx
    .select()
    .from(watchlists)
    .where(ownRows(ctx, watchlists.userId) ?? eq(watchlists.userId, ownerOf(ctx)))
    .orderBy(asc(watchlists.id));
}

function notFound(): never {
  throw refuse('not_found');
}
