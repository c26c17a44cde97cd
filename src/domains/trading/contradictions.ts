import type { OrderType } from './held-orders.ts';
import { namingFault } from './named-lots.ts';
import { NOTIONAL_NEEDS_A_PRICE } from './notional.ts';

type Given = bigint | null | undefined;

type StopLossMember = 'stopPrice' | 'limitPrice' | 'trailAmount' | 'trailPercent';

/** An order as it is asked for; what is absent is null or left out. */
export type Asked = {
  readonly side: 'buy' | 'sell';
  readonly type: OrderType;
  readonly timeInForce?: 'day' | 'gtc' | 'ioc' | 'fok' | 'gtd' | undefined;
  readonly quantity?: Given;
  readonly notional?: Given;
  readonly limitPrice?: Given;
  readonly stopPrice?: Given;
  readonly trailAmount?: Given;
  readonly trailPercent?: Given;
  readonly postOnly: boolean;
  readonly expiresAt?: string | null | undefined;
  readonly takeProfit?: { readonly limitPrice: bigint } | undefined;
  readonly stopLoss?: Readonly<Partial<Record<StopLossMember, Given>>> | undefined;
  readonly ocoGroup?: string | undefined;
  readonly lots?: readonly { readonly lotId: string; readonly quantity: bigint }[] | null | undefined;
};

type Fault = readonly [member: string, detail: string];

/** What each type says of a member: it must be there, may be, or has no meaning. */
const MEMBERS: Readonly<
  Record<OrderType, Readonly<Record<'limitPrice' | 'stopPrice', 'must' | 'may' | 'never'>>>
> = {
  market: { limitPrice: 'never', stopPrice: 'never' },
  limit: { limitPrice: 'must', stopPrice: 'never' },
  stop: { limitPrice: 'never', stopPrice: 'must' },
  stop_limit: { limitPrice: 'must', stopPrice: 'must' },
  take_profit: { limitPrice: 'may', stopPrice: 'must' },
  trailing_stop: { limitPrice: 'never', stopPrice: 'never' },
};

/** Instructions no market condition could make sense of. @shape the member at fault, and why */
export function contradictions(order: Asked): Fault[] {
  const naming = namingFault(order);
  return [
    ...sizeFaults(order),
    ...priceFaults(order),
    ...trailFaults(order),
    ...timeFaults(order),
    ...groupFaults(order),
    ...(naming === null ? [] : [['lots', naming] as const]),
  ];
}

/** What depends on another order can wait for it. */
function groupFaults(order: Asked): Fault[] {
  const { type, timeInForce, side, takeProfit, stopLoss, ocoGroup } = order;
  const faults: Fault[] = [];
  const exit = takeProfit === undefined ? 'stopLoss' : 'takeProfit';
  const hasExit = takeProfit !== undefined || stopLoss !== undefined;
  if (hasExit && !isGiven(order.quantity) && !isGiven(order.limitPrice)) {
    faults.push([exit, 'is for orders sized by quantity, or by a notional at a limitPrice']);
  }
  if (stopLoss !== undefined) {
    faults.push(...stopLossFaults(stopLoss));
  }
  const stop = stopLoss?.stopPrice ?? null;
  if (takeProfit !== undefined && stop !== null) {
    const gain = side === 'buy' ? takeProfit.limitPrice > stop : takeProfit.limitPrice < stop;
    if (!gain) {
      faults.push(['takeProfit', 'must gain where the stop-loss loses']);
    }
  }
  if (ocoGroup !== undefined) {
    const tradesAtOnce =
      type === 'market' || (type === 'limit' && (timeInForce === 'ioc' || timeInForce === 'fok'));
    if (tradesAtOnce) {
      faults.push(['ocoGroup', 'is for orders that rest or wait for a price']);
    }
    if (isGiven(order.notional)) {
      faults.push(['ocoGroup', 'is for orders sized by quantity: the two of a pair are of one']);
    }
    if (hasExit) {
      faults.push(['ocoGroup', 'contradicts exits: an order belongs to one group']);
    }
  }
  return faults;
}

/** A stop-loss stands at a price, or trails. */
function stopLossFaults({
  stopPrice,
  limitPrice,
  trailAmount,
  trailPercent,
}: NonNullable<Asked['stopLoss']>) {
  const faults: Fault[] = [];
  if ([stopPrice, trailAmount, trailPercent].filter(isGiven).length !== 1) {
    faults.push(['stopLoss', 'names a stopPrice, a trailAmount or a trailPercent, and only one of them']);
  }
  if (isGiven(limitPrice) && !isGiven(stopPrice)) {
    faults.push(['stopLoss', 'has a limitPrice only beside a stopPrice: what trails trades at the market']);
  }
  return faults;
}

function isGiven(value: Given | string): boolean {
  return value !== undefined && value !== null;
}

function sizeFaults({ quantity, notional, type, limitPrice }: Asked): Fault[] {
  const faults: Fault[] = [];
  if (isGiven(quantity) === isGiven(notional)) {
    const sized = isGiven(quantity) ? 'must not be given beside notional' : 'is required';
    faults.push(['quantity', `${sized}: an order gives one of the two`]);
  }
  if (isGiven(notional) && type !== 'market' && !isGiven(limitPrice)) {
    faults.push(['notional', NOTIONAL_NEEDS_A_PRICE]);
  }
  return faults;
}

function priceFaults(order: Asked): Fault[] {
  const named = order.type.replace('_', '-');
  return (['limitPrice', 'stopPrice'] as const).flatMap((member): Fault[] => {
    const rule = MEMBERS[order.type][member];
    if (rule === 'must' && !isGiven(order[member])) {
      return [[member, `is required for a ${named} order`]];
    }
    return rule === 'never' && isGiven(order[member])
      ? [[member, `has no meaning for a ${named} order`]]
      : [];
  });
}

function trailFaults({ type, trailAmount, trailPercent }: Asked): Fault[] {
  const both = [trailAmount, trailPercent].filter(isGiven).length;
  if (type === 'trailing_stop') {
    return both === 1 ? [] : [['trailAmount', 'either trailAmount or trailPercent must be given, not both']];
  }
  return both === 0
    ? []
    : [[isGiven(trailAmount) ? 'trailAmount' : 'trailPercent', 'is for trailing-stop orders']];
}

function timeFaults(order: Asked): Fault[] {
  const faults: Fault[] = [];
  const atOnce = order.timeInForce === 'ioc' || order.timeInForce === 'fok';
  if (order.postOnly && (!isGiven(order.limitPrice) || atOnce)) {
    faults.push(['postOnly', 'contradicts an order that must trade at once']);
  }
  if ((order.timeInForce === 'gtd') !== isGiven(order.expiresAt)) {
    faults.push(['expiresAt', 'is for gtd orders, which require it']);
  }
  if (order.timeInForce === 'gtd' && order.type === 'market') {
    faults.push(['timeInForce', 'a market order trades at once']);
  }
  return faults;
}
