/**
 * Orders that are asked for together: an entry with the orders that leave it again, and pairs of which one cancels the
 * other. Pure. Exits take the other side of their entry, for as much of it as trades.
 */
import { type Amount, formatAmount } from '../../kernel/amount.ts';
import { requestHash } from '../../platform/http/idempotency.ts';
import { hashOf } from './instruction-hash.ts';
import type { Companion, NewOrder } from './pipeline/ticket.ts';

/** Where an exit stops a loss: at a price, or so far behind the best one since its entry ended. */
type StopLoss = {
  readonly stopPrice?: Amount | undefined;
  readonly limitPrice?: Amount | undefined;
  readonly trailAmount?: Amount | undefined;
  /** @units per cent */
  readonly trailPercent?: Amount | undefined;
};

/** What an order is bound to, as it is asked for. */
export type Bonds = {
  readonly takeProfit?: { readonly limitPrice: Amount } | undefined;
  readonly stopLoss?: StopLoss | undefined;
  /** The name that the two orders of a pair share in their batch. */
  readonly ocoGroup?: string | undefined;
};

/** An order with what it is bound to. */
export type BoundOrder = { readonly order: NewOrder; readonly bonds: Bonds };

/** What was asked, in one spelling, with what it is bound to. */
export function boundHashOf({ order, bonds }: BoundOrder): Uint8Array {
  const { takeProfit, stopLoss, ocoGroup } = bonds;
  if (takeProfit === undefined && stopLoss === undefined && ocoGroup === undefined) {
    return hashOf(order);
  }
  const text = (amount: Amount | undefined) => (amount === undefined ? null : formatAmount(amount));
  return hashOf(order, {
    ...(takeProfit === undefined ? {} : { takeProfit: text(takeProfit.limitPrice) }),
    ...(stopLoss === undefined ? {} : { stopLoss: spelt(stopLoss).map(text) }),
    ...(ocoGroup === undefined ? {} : { ocoGroup }),
  });
}

/** The exits that an entry asks for, its take-profit first. They are good till they are cancelled. */
export function exitsOf(bound: BoundOrder): readonly Companion[] {
  const { takeProfit, stopLoss } = bound.bonds;
  if (takeProfit === undefined && stopLoss === undefined) {
    return [];
  }
  const entry = Buffer.from(boundHashOf(bound)).toString('hex');
  const exit = (role: Companion['role'], prices: Partial<NewOrder>): Companion => ({
    role,
    order: { ...leaving(bound.order), ...prices },
    requestHash: requestHash({ entry, role }),
    idempotencyIndex: null,
  });
  return [
    ...(takeProfit === undefined ? [] : [exit('take_profit', { limitPrice: takeProfit.limitPrice })]),
    ...(stopLoss === undefined
      ? []
      : [
          exit('stop_loss', {
            type: isTrailing(stopLoss)
              ? 'trailing_stop'
              : stopLoss.limitPrice === undefined
                ? 'stop'
                : 'stop_limit',
            stopPrice: stopLoss.stopPrice ?? null,
            limitPrice: stopLoss.limitPrice ?? null,
            trailAmount: stopLoss.trailAmount ?? null,
            trailPercent: stopLoss.trailPercent ?? null,
          }),
        ]),
  ];
}

function isTrailing({ trailAmount, trailPercent }: StopLoss): boolean {
  return trailAmount !== undefined || trailPercent !== undefined;
}

/** Its prices; a trail is only said where there is one, so that what was asked for before is spelt as it was. */
function spelt(stopLoss: StopLoss): readonly (Amount | undefined)[] {
  const { stopPrice, limitPrice, trailAmount, trailPercent } = stopLoss;
  return [stopPrice, limitPrice, ...(isTrailing(stopLoss) ? [trailAmount, trailPercent] : [])];
}

/** Why two orders are no pair; null where one may cancel the other. */
export function pairFault(one: NewOrder, other: NewOrder): string | null {
  if (one.symbol !== other.symbol || one.side !== other.side || one.quantity !== other.quantity) {
    return 'the two orders of a pair are of one symbol, side and quantity';
  }
  if (one.type === 'limit' && other.type === 'limit') {
    return 'at most one order of a pair is a limit order: the other waits for its trigger';
  }
  return one.clientOrderId !== null && one.clientOrderId === other.clientOrderId
    ? 'each order of a pair has a client order id of its own'
    : null;
}

/**
 * Why an instruction cannot take the place of one of a group, which stays what it is; null where it can.
 * @units left: what that one has yet to trade
 */
export function legFault(
  role: Companion['role'],
  left: Amount,
  { quantity, type, timeInForce, postOnly, lots }: NewOrder,
): readonly [member: string, detail: string] | null {
  if (quantity !== left) {
    return ['quantity', 'the orders of a group stay of one quantity: what is left of them'];
  }
  if (role === 'oco') {
    const tradesAtOnce = type === 'limit' && (timeInForce === 'ioc' || timeInForce === 'fok');
    return tradesAtOnce ? ['timeInForce', 'an order of a pair rests or waits for a price'] : null;
  }
  if (timeInForce !== 'gtc') {
    return ['timeInForce', 'an exit is good till it is cancelled'];
  }
  if (postOnly) {
    return ['postOnly', 'an exit leaves whatever it meets'];
  }
  return lots === null ? null : ['lots', 'an exit leaves what its entry brought'];
}

function leaving(entry: NewOrder): NewOrder {
  return {
    ...entry,
    side: entry.side === 'buy' ? 'sell' : 'buy',
    type: 'limit',
    timeInForce: 'gtc',
    stopPrice: null,
    trailAmount: null,
    trailPercent: null,
    postOnly: false,
    reduceOnly: false,
    expiresAt: null,
    clientOrderId: null,
    lots: null,
  };
}
