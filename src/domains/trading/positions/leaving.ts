/**
 * What our own book asks of a contract order when it trades is asked of one that goes to a venue before it leaves: what
 * comes of it there is booked as a fact. So what it may open there is reserved as long as it is there, and what a
 * position no longer stands for, and no money either, is asked back. Pure.
 */
import { amountOf, maxAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { BPS_PER_ONE, divideRounded } from '../../../kernel/rounding.ts';
import type { PricedInstrument } from '../../markets/index.ts';
import { openOn } from '../notional.ts';
import { isClosed, type Plan, planned } from '../pipeline/settle-plan.ts';
import type { OrderRow } from '../pipeline/ticket.ts';
import { principalOf, worstFeeBps } from '../reservation.ts';
import { keyOf } from './moves.ts';
import { OrderUnfit } from './order-unfit.ts';
import type { State } from './plan-contracts.ts';
import { leverageOf, purseOf, spareOf } from './purse.ts';
import { closableBy, marginOf } from './rules.ts';
import { type Claiming, claimsOn } from './venue-claims.ts';

/** An order at a venue that nothing stands behind any more. */
export type Outgrown = {
  readonly order: Pick<OrderRow, 'id' | 'userId' | 'accountId'>;
  readonly reason: 'insufficient_margin' | 'margin_not_enabled' | 'nothing_to_reduce';
};

/** The event that says so. */
export const ORDER_OUTGROWN = 'trading.order_outgrown';

/** Rounding of an order's parts may leave it short of so much, and stops nobody. @units 1e-8 */
const DUST = 1_000n;

/** The contract orders that a plan sends to a venue. */
export function leavingIn(
  { venues }: Pick<Plan, 'venues'>,
  instruments: ReadonlyMap<string, Pick<PricedInstrument, 'kind'>>,
): readonly OrderRow[] {
  return venues.routed
    .map(({ order }) => order)
    .filter(({ symbol }) => instruments.get(symbol)?.kind === 'contract');
}

/**
 * Sends no contract order to a venue that goes beyond the position it may only reduce, or that may open one its account
 * may not have or cannot pay for; what it may open is reserved. The position is spoken for by what its owner has at the
 * venue already, but for what has reserved enough to open instead. What the firm closes is kept from it by nobody's order.
 * @errors OrderUnfit
 */
export function refuseLeaving(state: State, plan: Plan): void {
  const rooms = new Map<string, Room>();
  const unfit = leavingIn(plan, state.facts.instruments).flatMap((order) => {
    const key = sideKeyOf(order);
    const room = rooms.get(key) ?? roomBeside(state, plan, order);
    rooms.set(key, room);
    const quantity = openIn(plan, order);
    const own = ownPartOf(state, order, room);
    const closes = quantity === null || quantity > own ? own : quantity;
    take(room, 'ofAll', quantity);
    if (order.reduceOnly || shortOf(state, plan, order, quantity) > DUST) {
      take(room, 'ofUnbacked', closes);
    }
    const opens = quantity === null ? null : quantity - closes;
    const reason = opens === 0n ? null : whyNot(state, plan, order, opens);
    return reason === null ? [] : [new OrderUnfit(order.id, reason, closes)];
  });
  const [first, ...others] = unfit;
  if (first !== undefined) {
    throw new OrderUnfit(first.orderId, first.reason, first.keep, others);
  }
}

/**
 * Reserves what orders at a venue may open now that their positions have changed, as far as there is money.
 * @shape those to be asked back: they may open nothing, or there is too little
 */
export function backAway(state: State, plan: Plan): readonly Outgrown[] {
  const moved = new Set([...state.changed].map(({ after }) => keyOf(after.accountId, after.instrumentId)));
  const away = awayIn(state, plan).filter((order) => moved.has(keyOf(order.accountId, order.instrumentId)));
  return [...Map.groupBy(away, sideKeyOf).values()].flatMap((orders) => {
    const [one] = orders as [OrderRow];
    return outgrownAmong(state, plan, closableIn(state, one), orders, (order, opens) => {
      const short = shortOf(state, plan, order, opens);
      const spare = spareOf(purseOf(state, order, order.reservationAsset));
      reserve(state, plan, order, short < spare ? short : spare);
    });
  });
}

/**
 * Which orders of one account and side at a venue open what they may not, or what they have not reserved enough for:
 * those of customers that nobody has asked back. `cover` reserves for one what it can.
 */
export function outgrownAmong(
  terms: Terms,
  plan: Plan,
  closable: bigint,
  orders: readonly OrderRow[],
  cover: (order: OrderRow, opens: bigint | null) => void = () => undefined,
): readonly Outgrown[] {
  const { claims } = claimsOn(closable, claimingIn(terms, plan, orders));
  return claims.flatMap(({ order, opens }) => {
    if (opens === 0n || order.origin !== 'customer') {
      return [];
    }
    cover(order, opens);
    const isShort = shortOf(terms, plan, order, opens) > DUST;
    const reason = whyNever(terms, order) ?? (isShort ? ('insufficient_margin' as const) : null);
    return reason === null || order.cancelRequestedAt !== null ? [] : [{ order, reason }];
  });
}

/** On what terms orders open positions now. */
type Terms = { readonly facts: Pick<State['facts'], 'instruments' | 'accounts'> };

/** Why a leaving order may not open so much; where it may, that is reserved. */
function whyNot(
  state: State,
  plan: Plan,
  order: OrderRow,
  opens: bigint | null,
): OrderUnfit['reason'] | null {
  const never = whyNever(state, order);
  if (never !== null) {
    return never;
  }
  if (!instrumentOf(state, order).priceVouched) {
    return 'price_stale';
  }
  const short = shortOf(state, plan, order, opens);
  if (isTooMuch(short, spareOf(purseOf(state, order, order.reservationAsset)))) {
    return 'insufficient_margin';
  }
  reserve(state, plan, order, short);
  return null;
}

/** Why an order may open nothing, whatever its account has. */
function whyNever({ facts }: Terms, { accountId, reduceOnly }: OrderRow) {
  if (reduceOnly) {
    return 'nothing_to_reduce' as const;
  }
  return facts.accounts.get(accountId)?.marginEnabled === true ? null : ('margin_not_enabled' as const);
}

function isTooMuch(short: bigint, spare: bigint): boolean {
  return short > DUST && short > spare;
}

/**
 * What of a position is left to those that leave: when all that may trade at the venue has, and when what has not reserved
 * enough to open has.
 */
type Room = { ofAll: bigint; ofUnbacked: bigint };

function roomBeside(state: State, plan: Plan, order: OrderRow): Room {
  const key = sideKeyOf(order);
  const beside = claimingIn(
    state,
    plan,
    awayIn(state, plan).filter((one) => sideKeyOf(one) === key),
  );
  const closable = closableIn(state, order);
  const unbacked = beside.filter((one) => one.order.reduceOnly || !one.isBacked);
  return { ofAll: claimsOn(closable, beside).rest, ofUnbacked: claimsOn(closable, unbacked).rest };
}

/** What of it a leaving order may close. One that may only reduce never trades beyond it, whatever trades before. */
function ownPartOf(state: State, order: OrderRow, { ofAll, ofUnbacked }: Room): bigint {
  if (order.origin !== 'customer') {
    return closableIn(state, order);
  }
  return order.reduceOnly ? ofAll : ofUnbacked;
}

/** What a notional alone bounds may take all. */
function take(room: Room, which: keyof Room, quantity: bigint | null): void {
  const left = room[which];
  room[which] = quantity === null || quantity > left ? 0n : left - quantity;
}

/** What the firm closes, and exits, only reduce: they back nothing. */
function claimingIn(terms: Terms, plan: Plan, orders: readonly OrderRow[]): Claiming<OrderRow>[] {
  return orders.map((order) => {
    const open = openIn(plan, order);
    return {
      order,
      open,
      isBacked: order.origin === 'customer' && shortOf(terms, plan, order, open) <= DUST,
    };
  });
}

function closableIn(state: State, order: OrderRow): bigint {
  const { open } = purseOf(state, order, order.reservationAsset);
  return closableBy(order.side, open.get(order.instrumentId)?.after);
}

/** What is at a venue once the plan is written. */
function awayIn({ facts }: State, { orders }: Plan): readonly OrderRow[] {
  return facts.away.filter(({ id, closedAt }) => {
    const order = orders.get(id);
    return closedAt === null && !(order !== undefined && isClosed(order));
  });
}

/** What of an order is open once the plan is written; null where its notional alone bounds it. */
function openIn({ orders }: Plan, order: OrderRow): bigint | null {
  const { filledQuantity, reducedQuantity } = orders.get(order.id) ?? order;
  return order.quantity === null ? null : order.quantity - filledQuantity - reducedQuantity;
}

/**
 * What an order lacks of the margin for what it may open, of what that may have lost at once, and of the worst fee of it
 * all.
 * @units settlement asset, by the worst price it may trade at; of a sale by the market's where that is higher
 */
function shortOf(terms: Terms, plan: Plan, order: OrderRow, opens: bigint | null): bigint {
  const instrument = instrumentOf(terms, order);
  const worst = present(order.limitPrice ?? order.priceCap, 'an order has a limit or a cap');
  const last = instrument.last ?? worst;
  const price = order.side === 'buy' ? worst : maxAmount(worst, last);
  const beyond = order.side === 'buy' ? worst - last : last - worst;
  const { filledAmount, reservation } = plan.orders.get(order.id) ?? order;
  const { notional } = openOn({ ...order, filledAmount: amountOf(filledAmount) });
  const whole = principalOf({ quantity: openIn(plan, order), notional }, price);
  const opened = opens === null ? whole : principalOf({ quantity: opens, notional: null }, price);
  const fee = divideRounded(whole * BigInt(worstFeeBps(instrument)), BPS_PER_ONE, 'up');
  const lostAtOnce = beyond > 0n ? divideRounded(opened * beyond, price, 'up') : 0n;
  const margin = marginOf(opened, leverageOf(terms, order, instrument), instrument.initialMarginBps ?? 0);
  return margin + lostAtOnce + fee - reservation;
}

/** From then on the money is the order's: nobody moves it out while the venue may trade. What is dust stays free. */
function reserve(state: State, plan: Plan, order: OrderRow, more: bigint): void {
  if (more > DUST) {
    planned(plan, order.id, new Map<Id, OrderRow>([[order.id, order]])).reservation += more;
    purseOf(state, order, order.reservationAsset).other += more;
  }
}

function instrumentOf({ facts }: Terms, { symbol }: OrderRow): PricedInstrument {
  return present(facts.instruments.get(symbol), 'an instrument with orders exists');
}

function sideKeyOf({ accountId, instrumentId, side }: OrderRow): string {
  return `${keyOf(accountId, instrumentId)} ${side}`;
}
