/**
 * What our own book asks of a contract order when it trades is asked of one that goes to a venue before it leaves: what
 * comes of it there is booked as a fact.
 */
import { type SQL, sql } from 'drizzle-orm';
import { readStoredAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayParameter } from '../../../platform/db/insert-rows.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { together } from '../../../platform/db/transact.ts';
import { accountsByIds } from '../../accounts/index.ts';
import type { PricedInstrument } from '../../markets/index.ts';
import { openOn } from '../notional.ts';
import { fillsOf, type Plan } from '../pipeline/settle-plan.ts';
import type { OrderRow } from '../pipeline/ticket.ts';
import { keyOf, openOf } from './moves.ts';
import { OrderUnfit } from './order-unfit.ts';
import { closableBy, type PositionSide } from './rules.ts';

type Instruments = ReadonlyMap<string, PricedInstrument>;

/**
 * Sends no contract order to a venue that its account may not have, or that goes beyond the position it may only reduce.
 * Asks for nothing where none leaves. @errors OrderUnfit
 */
export async function refuseLeaving(tx: Tx, plan: Plan, instruments: Instruments): Promise<void> {
  const leaving = plan.venues.routed
    .map(({ order }) => order)
    .filter(({ symbol }) => instruments.get(symbol)?.kind === 'contract');
  if (leaving.length === 0) {
    return;
  }
  const opening = leaving.filter(({ reduceOnly }) => !reduceOnly);
  const reducing = leaving.filter(({ reduceOnly }) => reduceOnly);
  const [ungranted, beyond] = await together(
    withoutGrant(tx, opening, instruments),
    beyondPosition(tx, plan, reducing),
  );
  const [first, ...others] = [...ungranted, ...beyond];
  if (first !== undefined) {
    throw new OrderUnfit(first.orderId, first.reason, first.keep, others);
  }
}

/** What may open a position leaves neither for an account without margin nor while nobody stands for the price. */
async function withoutGrant(
  tx: Tx,
  opening: readonly OrderRow[],
  instruments: Instruments,
): Promise<readonly OrderUnfit[]> {
  const accounts = await accountsByIds(
    tx,
    opening.map(({ accountId }) => accountId),
  );
  return opening.flatMap(({ id, accountId, symbol }) => {
    if (accounts.get(accountId)?.marginEnabled !== true) {
      return [new OrderUnfit(id, 'margin_not_enabled', 0n)];
    }
    return instruments.get(symbol)?.priceVouched === true ? [] : [new OrderUnfit(id, 'price_stale', 0n)];
  });
}

/**
 * Reduce-only orders that ask for more than is left to reduce: the position, less what others like them may still
 * execute at the venue. What the firm closes is kept from it by nobody's order.
 */
async function beyondPosition(
  tx: Tx,
  plan: Plan,
  reducing: readonly OrderRow[],
): Promise<readonly OrderUnfit[]> {
  if (reducing.length === 0) {
    return [];
  }
  const [standing, sent] = await together(openOf(tx, reducing), sentToReduce(tx, reducing));
  const position = (order: Key) => keyOf(order.accountId, order.instrumentId);
  const open = new Map([...standing].map(([key, { side, quantity }]) => [key, signed(side, quantity)]));
  for (const { buy, sell, quantity } of plan.trades) {
    for (const { order } of fillsOf({ buy, sell })) {
      const key = position(order);
      open.set(key, (open.get(key) ?? 0n) + (order.side === 'buy' ? quantity : -quantity));
    }
  }
  const spokenFor = new Map<string, bigint>();
  const speakFor = (order: Key, quantity: bigint) => {
    const key = `${position(order)} ${order.side}`;
    spokenFor.set(key, (spokenFor.get(key) ?? 0n) + quantity);
  };
  for (const order of sent) {
    speakFor(order, leftOf(plan, order));
  }
  return reducing.flatMap((order) => {
    const asked = present(openOn(order).quantity, 'what may only reduce a position is of so many units');
    const closable = closableBy(order.side, standingAt(open.get(position(order)) ?? 0n));
    const others =
      order.origin === 'customer' ? (spokenFor.get(`${position(order)} ${order.side}`) ?? 0n) : 0n;
    const room = closable > others ? closable - others : 0n;
    speakFor(order, asked < room ? asked : room);
    return asked > room ? [new OrderUnfit(order.id, 'nothing_to_reduce', room)] : [];
  });
}

type Key = Pick<OrderRow, 'accountId' | 'instrumentId' | 'side'>;

type Sent = Key & { readonly id: Id; readonly open: bigint };

/** What is left of an order once the plan is written. */
function leftOf(plan: Plan, { id, open }: Sent): bigint {
  const planned = plan.orders.get(id);
  if (planned === undefined) {
    return open;
  }
  const { status, filledQuantity, reducedQuantity, row } = planned;
  const goesOn = status === 'open' || status === 'partially_filled';
  return goesOn ? (row.quantity ?? 0n) - filledQuantity - reducedQuantity : 0n;
}

function signed(side: PositionSide, quantity: bigint): bigint {
  return side === 'long' ? quantity : -quantity;
}

function standingAt(open: bigint) {
  return open < 0n
    ? ({ side: 'short', quantity: -open } as const)
    : ({ side: 'long', quantity: open } as const);
}

/** The reduce-only orders that accounts have at a venue. */
async function sentToReduce(tx: Tx, reducing: readonly Key[]): Promise<readonly Sent[]> {
  const rows = await executePrepared<{
    readonly id: Id;
    readonly account_id: Id;
    readonly instrument_id: Id;
    readonly side: OrderRow['side'];
    readonly open: string;
  }>(
    tx,
    sql`select o.id, o.account_id, o.instrument_id, o.side, o.quantity - o.filled_quantity - o.reduced_quantity as open
      from orders o join venue_orders v on v.order_id = o.id and v.state <> 'done'
      where o.account_id = any (${idsOf(reducing.map(({ accountId }) => accountId))}::uuid[])
        and o.instrument_id = any (${idsOf(reducing.map(({ instrumentId }) => instrumentId))}::uuid[])
        and o.reduce_only and o.closed_at is null`,
  );
  return rows.map(({ id, account_id: accountId, instrument_id: instrumentId, side, open }) => ({
    id,
    accountId,
    instrumentId,
    side,
    open: readStoredAmount(open),
  }));
}

function idsOf(ids: readonly Id[]): SQL | ReturnType<typeof sql.param> {
  return sql.param(arrayParameter('uuid', [...new Set(ids)]));
}
