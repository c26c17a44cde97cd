import { asc, eq, type InferSelectModel, inArray, sql } from 'drizzle-orm';
import { type Amount, formatAmount } from '../../kernel/amount.ts';
import { assert } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { instruments, quotes } from './schema.ts';

export type Instrument = InferSelectModel<typeof instruments>;
export type Quote = InferSelectModel<typeof quotes>;

/** An instrument with the price it last traded at; null where it never had one. */
export type PricedInstrument = Instrument & { readonly last: Amount | null };

/** What can be held. */
export async function listAssets(ctx: Ctx) {
  return transact(ctx, ctx.login, (tx) =>
    tx.execute(sql`select code, name, kind, scale, isin, cusip, chain from assets order by code`),
  );
}

/** What can be traded, by symbol. */
export async function listInstruments(ctx: Ctx): Promise<Instrument[]> {
  return transact(ctx, ctx.login, (tx) => tx.select().from(instruments).orderBy(asc(instruments.symbol)));
}

/** @errors not_found */
export async function getInstrument(ctx: Ctx, symbol: string): Promise<Instrument> {
  return transact(ctx, ctx.login, (tx) => instrumentOf(tx, symbol));
}

/** The latest price. @errors not_found, also where the instrument never had a price */
export async function getQuote(ctx: Ctx, symbol: string) {
  return transact(ctx, ctx.login, async (tx) => {
    const instrument = await instrumentOf(tx, symbol);
    const [quote] = await tx.select().from(quotes).where(eq(quotes.instrumentId, instrument.id));
    if (quote === undefined) {
      throw refuse('not_found');
    }
    return { ...quote, symbol: instrument.symbol, currency: instrument.quoteAsset };
  });
}

/** @errors not_found */
export async function instrumentOf(tx: Tx, symbol: string): Promise<Instrument> {
  const [instrument] = await tx.select().from(instruments).where(eq(instruments.symbol, symbol));
  if (instrument === undefined) {
    throw refuse('not_found');
  }
  return instrument;
}

/** Every instrument, for those who keep a book of each. */
export async function allInstruments(tx: Tx): Promise<Instrument[]> {
  return tx.select().from(instruments).orderBy(asc(instruments.id));
}

/** @shape by symbol; an unknown symbol is missing */
export async function instrumentsBySymbol(
  tx: Tx,
  symbols: readonly string[],
): Promise<ReadonlyMap<string, PricedInstrument>> {
  const wanted = [...new Set(symbols)];
  const rows = await tx
    .select({ instrument: instruments, last: quotes.last })
    .from(instruments)
    .leftJoin(quotes, eq(quotes.instrumentId, instruments.id))
    .where(inArray(instruments.symbol, wanted));
  return new Map(rows.map((row) => [row.instrument.symbol, { ...row.instrument, last: row.last }]));
}

/** What the book of an instrument shows now; what is null stays as it was known. */
export type MarketMove = {
  readonly instrumentId: Id;
  readonly last: Amount | null;
  readonly top: { readonly bid: Amount | null; readonly ask: Amount | null } | null;
};

/**
 * Keeps the prices that instruments' own books made. Market data follows from audited trades and
 * orders, so it has no audit rows of its own.
 * @effects rows of `quotes`; an instrument without a price gets none from a bid or an ask alone
 */
export async function keepMarketMoves(tx: Tx, ctx: Ctx, moves: readonly MarketMove[]): Promise<void> {
  if (moves.length === 0) {
    return;
  }
  assert(new Set(moves.map((move) => move.instrumentId)).size === moves.length, 'one move per instrument');
  const sorted = [...moves].sort((left, right) => (left.instrumentId < right.instrumentId ? -1 : 1));
  const column = (pick: (move: MarketMove) => bigint | string | null) =>
    sql`${sql.param(sorted.map((move) => textOf(pick(move))))}::text[]`;
  const moved = sql`unnest(${column((move) => move.instrumentId)}, ${column((move) => move.last)},
    ${column((move) => (move.top === null ? 'keep' : 'move'))}, ${column((move) => move.top?.bid ?? null)},
    ${column((move) => move.top?.ask ?? null)}) as move (instrument_id, last, top, bid, ask)`;
  const quotedAt = ctx.deps.clock.now();
  await tx.execute(sql`
    insert into quotes (instrument_id, last, bid, ask, source, quoted_at)
    select move.instrument_id::uuid, coalesce(move.last::numeric, q.last),
      case move.top when 'keep' then q.bid else move.bid::numeric end,
      case move.top when 'keep' then q.ask else move.ask::numeric end,
      case when move.last is null then q.source else 'trades' end, ${quotedAt}::timestamptz
    from ${moved} left join quotes q on q.instrument_id = move.instrument_id::uuid
    where coalesce(move.last::numeric, q.last) is not null
    on conflict (instrument_id) do update set last = excluded.last, bid = excluded.bid, ask = excluded.ask,
      source = excluded.source, quoted_at = excluded.quoted_at`);
}

function textOf(value: bigint | string | null): string | null {
  return typeof value === 'bigint' ? formatAmount(value) : value;
}
