import { getTableColumns } from 'drizzle-orm';
import { formatAmount, ZERO } from '../../../kernel/amount.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { insertRows } from '../../../platform/db/insert-rows.ts';
import { orders } from '../schema.ts';
import type { OrderRow } from './ticket.ts';

type Name = keyof OrderRow;

/** What an order that was just placed has of every kind, unless something happened to it already. */
const AT_FIRST: Partial<OrderRow> = {
  filledQuantity: ZERO,
  reducedQuantity: ZERO,
  filledAmount: ZERO,
  fees: ZERO,
  version: 1,
};

/** Columns that may be null and mostly are not. */
const COMMON: readonly Name[] = [
  'quantity',
  'limitPrice',
  'idempotencyKey',
  'idempotencyIndex',
  'walletId',
  'bookSeq',
];

const ALL = Object.keys(getTableColumns(orders)) as Name[];
const COLUMNS = getTableColumns(orders);
const RARE = ALL.filter((name) => !COLUMNS[name].notNull && !COMMON.includes(name));
const PLAIN = ALL.filter((name) => !RARE.includes(name) && !Object.hasOwn(AT_FIRST, name));

/**
 * Stores orders that were just decided. A batch of plain limit orders sends half of the columns: those that hold
 * something; any other sends all. Two texts and no more, since a connection keeps the plan of each.
 * @effects rows of `orders`
 */
export function insertOrders(tx: Tx, rows: readonly OrderRow[]): Promise<void> {
  return insertRows(tx, orders, rows, {}, rows.every(isPlain) ? PLAIN : ALL);
}

/** What the first event of an order keeps, so that its first answer can be given again. */
export function firstEventData(order: OrderRow, batchHash: string | null) {
  return {
    ...(batchHash === null ? {} : { batchHash }),
    ...(order.replacesId === null ? {} : { replacesId: order.replacesId }),
    status: order.status,
    version: order.version,
    reservation: formatAmount(order.reservation),
    ...(order.rejectionReason === null ? {} : { reason: order.rejectionReason }),
    ...(order.exceededLimit === null ? {} : { limit: order.exceededLimit }),
  };
}

function isPlain(row: OrderRow): boolean {
  return (
    RARE.every((name) => row[name] === null) &&
    (Object.keys(AT_FIRST) as Name[]).every((name) => row[name] === AT_FIRST[name])
  );
}
