/**
 * What tests of orders that depend on each other start from: the trading desk, two who trade with everybody, and a look
 * at whether the book in memory is the one in the database.
 */
import { and, eq, inArray, sql } from 'drizzle-orm';
import { orders } from '../domains/trading/schema.ts';
import { formatAmount } from '../kernel/amount.ts';
import { newId } from '../kernel/id.ts';
import { auditLogs } from '../platform/db/schema.ts';
import type { Answer } from './send.ts';
import { startTradingDesk, type Trader, type TradingDesk } from './trading-desk.ts';

export type Order = Answer['body'];

export type GroupDesk = TradingDesk & {
  readonly makers: readonly [Trader, Trader];
  /** The makers trade at a price, which is the last price then. */
  readonly priceIs: (price: string) => Promise<void>;
  readonly batch: (trader: Trader, members: readonly unknown[], key?: string) => Promise<Answer>;
  readonly cancel: (trader: Trader, order: Order) => Promise<Answer>;
  readonly replace: (trader: Trader, orderId: string, change: object, key?: string) => Promise<Answer>;
  /** The orders as they are once everything accepted is settled. */
  readonly now: (trader: Trader, ids: readonly string[]) => Promise<Order[]>;
  /** What the audit log says an order reserved at each of its steps. */
  readonly reservations: (order: Order) => Promise<string[]>;
  readonly restart: () => Promise<void>;
  readonly quiet: () => Promise<void>;
  /** Everything that does not hold: of reconcile, and between the memory of the book and the database. */
  readonly faults: () => Promise<unknown[]>;
};

/** A desk with an empty book at 60000. */
export async function startGroupDesk(file: string): Promise<GroupDesk> {
  const desk = await startTradingDesk(file);
  const [instrument] = await desk.deps.db.engine.execute<{ id: string }>(
    sql`select id from instruments where symbol = 'BTC/USD'`,
  );
  const makers = [
    await desk.newTrader({ BTC: '1000', USD: '100000000' }),
    await desk.newTrader({ BTC: '1000', USD: '100000000' }),
  ] as const;
  const priceIs = async (price: string) => {
    await desk.place(makers[0], `sell 0.001 at ${price}`);
    await desk.place(makers[1], `buy 0.001 at ${price}`);
    await desk.engine.settled();
  };
  return {
    ...desk,
    makers,
    priceIs,
    batch: (trader, members, key = newId()) =>
      desk.request(trader, 'POST', '/v1/orders/batch', { key, body: { orders: members } }),
    replace: (trader, orderId, change, key = newId()) =>
      desk.request(trader, 'POST', `/v1/orders/${orderId}/replace`, { key, body: change }),
    cancel: (trader, { id }) => desk.request(trader, 'DELETE', `/v1/orders/${id}`),
    now: (trader, ids) => Promise.all(ids.map((id) => desk.later(trader, id))),
    reservations: async ({ id }) => {
      const steps = await desk.deps.db.engine
        .select({
          step: sql<string>`concat_ws(' ', ${auditLogs.eventType}, ${auditLogs.before}->>'reservation', '->',
            ${auditLogs.after}->>'reservation', ${auditLogs.after}->>'reservationAsset')`,
        })
        .from(auditLogs)
        .where(and(eq(auditLogs.resourceId, id), sql`${auditLogs.after} ? 'reservation'`))
        .orderBy(auditLogs.id);
      return steps.map(({ step }) => step);
    },
    restart: async () => {
      await desk.engine.stop();
      await desk.engine.start();
      await desk.engine.settled();
    },
    quiet: async () => {
      await desk.engine.start();
      await desk.emptyTheBooks();
      await priceIs('60000');
    },
    faults: async () => {
      await desk.engine.start();
      await desk.engine.settled();
      const { checks } = await desk.reconcile();
      const [inMemory, stored] = [memory(desk, instrument?.id ?? ''), await storedIn(desk)];
      const differs = JSON.stringify(inMemory) === JSON.stringify(stored) ? [] : [{ inMemory, stored }];
      return [...checks.flatMap((check) => check.breaks.map((found) => [check.name, found])), ...differs];
    },
  };
}

/** What has become of orders, in a word or two each. */
export function told(found: readonly Order[]): string[] {
  return found.map(({ status, cancelReason }) =>
    cancelReason === null ? status : `${status} ${cancelReason}`,
  );
}

function memory(desk: TradingDesk, instrumentId: string): string[] {
  const name = { instrumentId, book: 'live' } as const;
  const held = (desk.engine.held(name) ?? []).map(
    ({ bookSeq, side, quantity, triggerPrice }) =>
      `${bookSeq} held ${side} ${formatAmount(quantity ?? 0n)} at ${formatAmount(triggerPrice)}`,
  );
  const resting = (desk.engine.resting(name) ?? []).map(
    ({ bookSeq, side, remaining, price }) =>
      `${bookSeq} rests ${side} ${formatAmount(remaining)} at ${formatAmount(price)}`,
  );
  return [...held, ...resting].sort();
}

/** The same from the database. Exits that wait for their entry have no place in the book. */
async function storedIn(desk: TradingDesk): Promise<string[]> {
  const rows = await desk.deps.db.engine
    .select()
    .from(orders)
    .where(
      and(
        eq(orders.symbol, 'BTC/USD'),
        eq(orders.book, 'live'),
        inArray(orders.status, ['held', 'open', 'partially_filled']),
        sql`${orders.bookSeq} is not null`,
      ),
    );
  return rows
    .map((row) => {
      const left = formatAmount((row.quantity ?? 0n) - row.filledQuantity - row.reducedQuantity);
      return row.status === 'held'
        ? `${row.bookSeq} held ${row.side} ${left} at ${formatAmount(row.stopPrice ?? 0n)}`
        : `${row.bookSeq} rests ${row.side} ${left} at ${formatAmount(row.limitPrice ?? 0n)}`;
    })
    .sort();
}
