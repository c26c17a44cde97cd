/**
 * What must hold once nothing is under way, asked of the engines' memory and of the rows themselves, beside what
 * reconcile asks: each book has one owner that holds what the database holds, and no money of a position is free.
 */
import { sql } from 'drizzle-orm';
import type { TradingEngine } from '../domains/trading/index.ts';
import { formatAmount, parseAmount } from '../kernel/amount.ts';
import type { Id } from '../kernel/id.ts';
import type { World } from './world.ts';

/** Where memory and database differ, orders that are stuck, and margin that a withdrawal could take. */
export async function bookFaults(
  { deps }: Pick<World, 'deps'>,
  engines: readonly TradingEngine[],
): Promise<readonly string[]> {
  const stuck = await deps.db.engine.execute<{ fault: string }>(sql`
    select 'order ' || id || ' is ' || status || ' and was to be cancelled' as fault
      from orders where cancel_requested_at is not null and closed_at is null
    union all
    select 'order ' || id || ' was never numbered' from orders where status = 'pending' and parent_id is null
    union all
    select 'wallet ' || w.id || ' holds ' || h.held || ' of ' || h.initial_margin + h.unrealised_loss ||
        ' as margin while ' || w.available || ' are free'
      from margin_holds h join wallets w on w.id = h.wallet_id
      where h.held < h.initial_margin + h.unrealised_loss and w.available > 0`);
  const books = await deps.db.engine.execute<{ id: Id; book: 'live' | 'paper'; symbol: string }>(sql`
    select i.id, o.book::text, i.symbol from book_owners o join instruments i on i.id = o.instrument_id order by i.symbol, o.book`);
  const differs = await Promise.all(books.map((name) => memoryFaults({ deps }, engines, name)));
  return [...stuck.map(({ fault }) => fault), ...differs.flat()];
}

type Name = { readonly id: Id; readonly book: 'live' | 'paper'; readonly symbol: string };

async function memoryFaults(
  { deps }: Pick<World, 'deps'>,
  engines: readonly TradingEngine[],
  { id: instrumentId, book, symbol }: Name,
): Promise<readonly string[]> {
  const name = { instrumentId, book };
  const owners = engines.filter((engine) => engine.resting(name) !== null);
  const [owner] = owners;
  if (owner === undefined || owners.length > 1) {
    return [`${book} ${symbol} has ${owners.length} owners`];
  }
  const rows = await deps.db.engine.execute<{ id: string; status: string; left: string | null }>(sql`
    select o.id, o.status::text, (o.quantity - o.filled_quantity - o.reduced_quantity)::text as left from orders o
    where o.instrument_id = ${instrumentId} and o.book = ${book} and o.closed_at is null and o.book_seq is not null
      and not exists (select from venue_orders v where v.order_id = o.id and v.state <> 'done')`);
  const stored = rows.map(
    (row) =>
      `${row.status === 'held' ? 'held' : 'rests'} ${row.id} ${formatAmount(parseAmount(row.left ?? '0'))}`,
  );
  const resting = owner.resting(name) ?? [];
  const held = owner.held(name) ?? [];
  const remembered = [
    ...resting.map((order) => `rests ${order.orderId} ${formatAmount(order.remaining as never)}`),
    ...held.map((order) => `held ${order.orderId} ${formatAmount((order.quantity ?? 0n) as never)}`),
  ];
  const [inMemory, inRows] = [new Set(remembered), new Set(stored)];
  return [
    ...remembered.filter((line) => !inRows.has(line)).map((line) => `${symbol}: only memory ${line}`),
    ...stored.filter((line) => !inMemory.has(line)).map((line) => `${symbol}: only the database ${line}`),
  ];
}
