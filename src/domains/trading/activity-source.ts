import { and, asc, eq, gt, inArray, ne } from 'drizzle-orm';
import { alias } from 'drizzle-orm/pg-core';
import { formatAmount } from '../../kernel/amount.ts';
import { type ActivitySource, FIRST_ID, NO_ACTIVITY, positionById } from '../../platform/activity.ts';
import type { Tx } from '../../platform/db/client.ts';
import { instrumentsBySymbol } from '../markets/index.ts';
import { fills, orderEvents, orders, trades } from './schema.ts';

const CLOSING = ['order.filled', 'order.cancelled', 'order.expired', 'order.replaced'];

/** Executions of the live book, one for each side. */
const fillSource: ActivitySource = {
  name: 'trading.fills',
  read: async (tx, after, limit) => {
    const other = alias(fills, 'other');
    const rows = await tx
      .select({ fill: fills, otherUserId: other.userId, book: trades.book })
      .from(fills)
      .innerJoin(trades, eq(trades.id, fills.tradeId))
      .leftJoin(other, and(eq(other.tradeId, fills.tradeId), ne(other.id, fills.id)))
      .where(and(gt(fills.id, after === '' ? FIRST_ID : after), eq(trades.book, 'live')))
      .orderBy(asc(fills.id))
      .limit(limit);
    const paidIn = await payingAssets(
      tx,
      rows.map(({ fill }) => fill.symbol),
    );
    return rows.map(({ fill, otherUserId }) => ({
      activity: {
        ...NO_ACTIVITY,
        source: 'trading.fills',
        sourceId: fill.id,
        kind: 'fill',
        userId: fill.userId,
        accountId: fill.accountId,
        occurredAt: fill.executedAt,
        asset: paidIn(fill.symbol),
        amount: fill.amount,
        instrument: fill.symbol,
        side: fill.side,
        price: fill.price,
        quantity: fill.quantity,
        linkedUserId: otherUserId,
        data: { tradeId: fill.tradeId, orderId: fill.orderId, liquidity: fill.liquidity },
      },
      position: fill.id,
    }));
  },
  positionAt: positionById,
};

/** Orders of the live book, as they are accepted and as they end. */
const orderSource: ActivitySource = {
  name: 'trading.orders',
  read: async (tx, after, limit) => {
    const rows = await tx
      .select({ event: orderEvents, order: orders })
      .from(orderEvents)
      .innerJoin(orders, eq(orders.id, orderEvents.orderId))
      .where(
        and(
          gt(orderEvents.id, after === '' ? FIRST_ID : after),
          inArray(orderEvents.type, ['order.accepted', ...CLOSING]),
          eq(orders.book, 'live'),
        ),
      )
      .orderBy(asc(orderEvents.id))
      .limit(limit);
    const paidIn = await payingAssets(
      tx,
      rows.map(({ order }) => order.symbol),
    );
    return rows.map(({ event, order }) => ({
      activity: {
        ...NO_ACTIVITY,
        source: 'trading.orders',
        sourceId: event.id,
        kind: event.type === 'order.accepted' ? 'order_placed' : 'order_closed',
        userId: order.userId,
        accountId: order.accountId,
        occurredAt: event.occurredAt,
        asset: paidIn(order.symbol),
        instrument: order.symbol,
        side: order.side,
        price: order.limitPrice,
        quantity: order.quantity,
        amount: order.notional,
        data: { orderId: order.id, ...(event.type === 'order.accepted' ? {} : endOf(order, event.type)) },
      },
      position: event.id,
    }));
  },
  positionAt: positionById,
};

/** What trading tells of orders and trades; fills first, so that an order is read with what came before it. */
export const tradingActivity: readonly ActivitySource[] = [fillSource, orderSource];

/** What amounts of instruments are in: what a price is in, and of a contract what it settles in. */
async function payingAssets(tx: Tx, symbols: readonly string[]): Promise<(symbol: string) => string | null> {
  const instruments = await instrumentsBySymbol(tx, symbols);
  return (symbol) => {
    const instrument = instruments.get(symbol);
    return instrument?.settlementAsset ?? instrument?.quoteAsset ?? null;
  };
}

function endOf(order: typeof orders.$inferSelect, type: string) {
  return {
    end: type.slice('order.'.length),
    reason: order.cancelReason,
    placedAt: order.placedAt,
    isUnfilled: order.filledQuantity === 0n,
    filledQuantity: formatAmount(order.filledQuantity),
  };
}
