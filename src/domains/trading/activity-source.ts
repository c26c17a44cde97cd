import { sql } from 'drizzle-orm';
import { formatAmount } from '../../kernel/amount.ts';
import type { Id } from '../../kernel/id.ts';
import { readStoredInstant } from '../../kernel/time.ts';
import { type ActivitySource, FIRST_ID, NO_ACTIVITY, positionById } from '../../platform/activity.ts';
import type { Tx } from '../../platform/db/client.ts';
import { arrayParameter } from '../../platform/db/insert-rows.ts';
import { readColumns } from '../../platform/db/read-columns.ts';
import { instrumentsBySymbol } from '../markets/index.ts';
import { fills, orderEvents, orders, trades } from './schema.ts';

const CLOSING = ['order.filled', 'order.cancelled', 'order.expired', 'order.replaced'];

/** What is told of a fill. */
const FILL_COLUMNS = [
  'id',
  'tradeId',
  'orderId',
  'userId',
  'accountId',
  'symbol',
  'side',
  'price',
  'quantity',
  'amount',
  'liquidity',
  'executedAt',
] as const;

/** What is told of an order. */
const ORDER_COLUMNS = [
  'id',
  'userId',
  'accountId',
  'symbol',
  'side',
  'quantity',
  'notional',
  'limitPrice',
  'cancelReason',
  'filledQuantity',
  'placedAt',
] as const;

/** Executions of the live book, one for each side. */
const fillSource: ActivitySource = {
  name: 'trading.fills',
  read: async (tx, after, limit, isKept) => {
    const rows = await readColumns<
      typeof fills,
      (typeof FILL_COLUMNS)[number],
      { readonly other_user_id: Id | null }
    >(
      tx,
      fills,
      FILL_COLUMNS,
      sql`${fills} join ${trades} on ${trades.id} = ${fills.tradeId}
        left join ${fills} other on other.trade_id = ${fills.tradeId} and other.id <> ${fills.id}
        where ${fills.id} > ${after === '' ? FIRST_ID : after}::uuid and ${trades.book} = 'live'
          and not ${isKept(sql`${fills.id}::text`)}
        order by ${fills.id} limit ${sql.raw(String(limit))}`,
      sql`other.user_id as other_user_id`,
    );
    const paidIn = await payingAssets(
      tx,
      rows.map(({ symbol }) => symbol),
    );
    return rows.map(({ other_user_id: otherUserId, ...fill }) => ({
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

type EventFacts = { readonly event_id: Id; readonly event_type: string; readonly event_at: string };

/** Orders of the live book, as they are accepted and as they end. */
const orderSource: ActivitySource = {
  name: 'trading.orders',
  read: async (tx, after, limit, isKept) => {
    const types = sql.param(arrayParameter('text', ['order.accepted', ...CLOSING]));
    const rows = await readColumns<typeof orders, (typeof ORDER_COLUMNS)[number], EventFacts>(
      tx,
      orders,
      ORDER_COLUMNS,
      // One look-up for each event, however many orders there are: never all of them joined with a page.
      sql`${orderEvents} cross join lateral (
          select * from ${orders} where ${orders.id} = ${orderEvents.orderId} and ${orders.book} = 'live' offset 0
        ) ${orders}
        where ${orderEvents.id} > ${after === '' ? FIRST_ID : after}::uuid
          and ${orderEvents.type} = any (${types}::text[]) and not ${isKept(sql`${orderEvents.id}::text`)}
        order by ${orderEvents.id} limit ${sql.raw(String(limit))}`,
      sql`${orderEvents.id} as event_id, ${orderEvents.type} as event_type, ${orderEvents.occurredAt} as event_at`,
    );
    const paidIn = await payingAssets(
      tx,
      rows.map(({ symbol }) => symbol),
    );
    return rows.map(({ event_id: eventId, event_type: type, event_at: at, ...order }) => ({
      activity: {
        ...NO_ACTIVITY,
        source: 'trading.orders',
        sourceId: eventId,
        kind: type === 'order.accepted' ? 'order_placed' : 'order_closed',
        userId: order.userId,
        accountId: order.accountId,
        occurredAt: readStoredInstant(at),
        asset: paidIn(order.symbol),
        instrument: order.symbol,
        side: order.side,
        price: order.limitPrice,
        quantity: order.quantity,
        amount: order.notional,
        data: { orderId: order.id, ...(type === 'order.accepted' ? {} : endOf(order, type)) },
      },
      position: eventId,
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

function endOf(order: Pick<typeof orders.$inferSelect, (typeof ORDER_COLUMNS)[number]>, type: string) {
  return {
    end: type.slice('order.'.length),
    reason: order.cancelReason,
    placedAt: order.placedAt,
    isUnfilled: order.filledQuantity === 0n,
    filledQuantity: formatAmount(order.filledQuantity),
  };
}
