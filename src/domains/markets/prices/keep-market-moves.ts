import { sql } from 'drizzle-orm';
import { type Amount, formatAmount } from '../../../kernel/amount.ts';
import { assert } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayParameter } from '../../../platform/db/insert-rows.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { tellPrices } from './price-changes.ts';

/** What the book of an instrument shows now: the price it last traded at, or its best bid and ask. */
export type MarketMove = {
  readonly instrumentId: Id;
  readonly last: Amount | null;
  readonly top: { readonly bid: Amount | null; readonly ask: Amount | null } | null;
};

/**
 * Keeps the prices that instruments' own books made. Market data follows from audited trades and
 * orders, so it has no audit rows of its own. Where a feed prices an instrument its own trades do not.
 * @effects rows of `quotes`; an instrument without a price gets none from a bid or an ask alone
 */
export async function keepMarketMoves(tx: Tx, ctx: Ctx, moves: readonly MarketMove[]): Promise<void> {
  if (moves.length === 0) {
    return;
  }
  assert(new Set(moves.map((move) => move.instrumentId)).size === moves.length, 'one move per instrument');
  assert(
    moves.every((move) => (move.last === null) !== (move.top === null)),
    'a move is of the price or of the top',
  );
  const sorted = [...moves].sort((left, right) => (left.instrumentId < right.instrumentId ? -1 : 1));
  const column = (pick: (move: MarketMove) => bigint | string | null) =>
    sql`${sql.param(
      arrayParameter(
        'text',
        sorted.map((move) => textOf(pick(move))),
      ),
    )}::text[]`;
  const moved = sql`unnest(${column((move) => move.instrumentId)}, ${column((move) => move.last)},
    ${column((move) => move.top?.bid ?? null)}, ${column((move) => move.top?.ask ?? null)})
    as move (instrument_id, last, bid, ask)`;
  const quotedAt = ctx.deps.clock.now();
  // What did not move is taken from the row as it is then, which somebody else may be moving just now.
  await executePrepared(
    tx,
    sql`
    insert into quotes (instrument_id, last, bid, ask, source, quoted_at, priced_at)
    select move.instrument_id::uuid, coalesce(move.last::numeric, q.last), move.bid::numeric, move.ask::numeric,
      'trades', ${quotedAt}::timestamptz, case when move.last is null then null else clock_timestamp() end
    from ${moved} left join quotes q on q.instrument_id = move.instrument_id::uuid
    where coalesce(move.last::numeric, q.last) is not null and (move.last is null or not exists (
      select from price_settings s where s.instrument_id = move.instrument_id::uuid and s.feed is not null))
    on conflict (instrument_id) do update set
      last = case when excluded.priced_at is null then quotes.last else excluded.last end,
      source = case when excluded.priced_at is null then quotes.source else excluded.source end,
      bid = case when excluded.priced_at is null then excluded.bid else quotes.bid end,
      ask = case when excluded.priced_at is null then excluded.ask else quotes.ask end,
      priced_at = coalesce(excluded.priced_at, quotes.priced_at, quotes.quoted_at),
      quoted_at = excluded.quoted_at,
      stale_told_at = case when excluded.priced_at is null then quotes.stale_told_at end`,
  );
  tellPrices(
    tx,
    ctx,
    sorted.map((move) => move.instrumentId),
  );
}

function textOf(value: bigint | string | null): string | null {
  return typeof value === 'bigint' ? formatAmount(value) : value;
}
