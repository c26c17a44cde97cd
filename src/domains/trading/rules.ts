/**
 * Whether an order is accepted, and what it reserves. Pure. Refusals have one order of precedence:
 * gate, account, instrument, price collar, tick and lot and size, risk limits, funds. The first that
 * applies is the reason the order is stored with. What it does not decide: whether the order trades.
 */
import {
  type Amount,
  amountOf,
  isMultipleOf,
  MAX_AMOUNT,
  maxAmount,
  ONE,
  ZERO,
} from '../../kernel/amount.ts';
import { BPS_PER_ONE, divideRounded } from '../../kernel/rounding.ts';

export type Instruction = {
  readonly side: 'buy' | 'sell';
  readonly type: 'market' | 'limit';
  readonly timeInForce: 'day' | 'gtc' | 'ioc' | 'fok';
  /** Exactly one of quantity and notional is set; a notional is for market buys. */
  readonly quantity: Amount | null;
  readonly notional: Amount | null;
  readonly limitPrice: Amount | null;
};

export type Terms = {
  readonly status: 'active' | 'halted' | 'delisted';
  readonly kind: 'spot' | 'contract';
  readonly execution: 'internal' | 'venue';
  readonly tick: Amount;
  readonly lot: Amount;
  readonly minQuantity: Amount;
  readonly maxQuantity: Amount;
  readonly collarBps: number;
  readonly makerFeeBps: number;
  readonly takerFeeBps: number;
};

export type Situation = {
  /** What the customer's gate says; null lets the order through. */
  readonly gate: 'kyc_not_approved' | 'account_restricted' | 'under_review' | 'agreements_outdated' | null;
  /** Whether the account's status allows new orders. */
  readonly accountTrades: boolean;
  readonly terms: Terms;
  /** The price the collar is measured from; null where there is none. */
  readonly last: Amount | null;
  /** Answers whether the order's worth keeps its limit. @units quote asset */
  readonly valueRefusal: (value: bigint) => LimitReason | null;
  /** Answers whether one more open order keeps its limit. */
  readonly openOrdersRefusal: (openOrders: number) => LimitReason | null;
  readonly openOrders: number;
  /** The wallet the reservation comes out of; null where the account has none in that asset. */
  readonly funds: { readonly status: string; readonly available: bigint } | null;
};

type LimitReason = 'limit_missing' | 'limit_exceeded';

/** Every reason an order can be stored as rejected with, highest precedence first. */
export const REJECTION_REASONS = [
  'kyc_not_approved',
  'account_restricted',
  'under_review',
  'agreements_outdated',
  'account_not_active',
  'instrument_delisted',
  'instrument_halted',
  'instrument_not_tradable',
  'price_unavailable',
  'price_outside_collar',
  'price_off_tick',
  'quantity_off_lot',
  'quantity_below_minimum',
  'quantity_above_maximum',
  'notional_too_small',
  'limit_missing',
  'limit_exceeded',
  'wallet_not_active',
  'insufficient_funds',
] as const;

export type RejectionReason = (typeof REJECTION_REASONS)[number];

export type Verdict =
  | {
      readonly accepted: true;
      /** @units quote asset for a buy, base asset for a sell */
      readonly reservation: Amount;
      /** The worst price a market order may trade at; null for a limit order. */
      readonly priceCap: Amount | null;
    }
  | { readonly accepted: false; readonly reason: RejectionReason };

/** Decides one order. */
export function decideOrder(order: Instruction, situation: Situation): Verdict {
  const { terms, last } = situation;
  const early = situation.gate ?? accountRefusal(situation) ?? instrumentRefusal(terms);
  if (early !== null) {
    return { accepted: false, reason: early };
  }
  if (last === null) {
    return { accepted: false, reason: 'price_unavailable' };
  }
  const worst = order.limitPrice ?? collarPrice(order.side, last, terms);
  const reason =
    priceRefusal(order, last, terms) ??
    sizeRefusal(order, worst, terms) ??
    limitsRefusal(order, worst, last, situation);
  if (reason !== null) {
    return { accepted: false, reason };
  }
  const reservation = reservationOf(order, worst, terms);
  const unfunded = fundsRefusal(reservation, situation.funds);
  if (unfunded !== null) {
    return { accepted: false, reason: unfunded };
  }
  return {
    accepted: true,
    reservation: amountOf(reservation),
    priceCap: order.type === 'market' ? worst : null,
  };
}

/**
 * The worst price a market order may trade at: the last price moved by the collar, on a tick, away
 * from the order.
 */
export function collarPrice(side: 'buy' | 'sell', last: Amount, terms: Terms): Amount {
  const away = BigInt(side === 'buy' ? terms.collarBps : -terms.collarBps);
  const moved = divideRounded(last * (BPS_PER_ONE + away), BPS_PER_ONE, side === 'buy' ? 'up' : 'down');
  const onTick = divideRounded(moved, terms.tick, side === 'buy' ? 'up' : 'down') * terms.tick;
  return onTick > MAX_AMOUNT ? MAX_AMOUNT : maxAmount(amountOf(onTick), terms.tick);
}

/**
 * What an order must have reserved while this much of it is open.
 * @units buys: quote asset, worst price times quantity plus the worst fee rounded up; sells: base asset
 */
export function reservedFor(
  side: 'buy' | 'sell',
  open: { readonly quantity: bigint | null; readonly notional: bigint | null },
  worst: bigint,
  feeBps: number,
): bigint {
  if (side === 'sell') {
    return open.quantity ?? 0n;
  }
  const principal = principalOf(open, worst);
  return principal + divideRounded(principal * BigInt(feeBps), BPS_PER_ONE, 'up');
}

/** What a buy pays at worst without fees. @units quote asset, rounded up */
export function principalOf(
  open: { readonly quantity: bigint | null; readonly notional: bigint | null },
  worst: bigint,
): bigint {
  return open.notional ?? divideRounded((open.quantity ?? 0n) * worst, ONE, 'up');
}

/** The higher of the two rates: what a reservation counts with. @units bps */
export function worstFeeBps(terms: Pick<Terms, 'makerFeeBps' | 'takerFeeBps'>): number {
  return Math.max(terms.makerFeeBps, terms.takerFeeBps);
}

/** True when an order may stay in the book, and so counts among the open orders. */
export function mayRest(order: Pick<Instruction, 'type' | 'timeInForce'>): boolean {
  return order.type === 'limit' && (order.timeInForce === 'day' || order.timeInForce === 'gtc');
}

function accountRefusal(situation: Situation): RejectionReason | null {
  return situation.accountTrades ? null : 'account_not_active';
}

function instrumentRefusal(terms: Terms): RejectionReason | null {
  switch (terms.status) {
    case 'delisted':
      return 'instrument_delisted';
    case 'halted':
      return 'instrument_halted';
    case 'active':
      return terms.kind === 'spot' && terms.execution === 'internal' ? null : 'instrument_not_tradable';
  }
}

/** A limit may lie any distance behind the market, never further than the collar beyond it. */
function priceRefusal(order: Instruction, last: Amount, terms: Terms): RejectionReason | null {
  if (order.limitPrice === null) {
    return null;
  }
  const collar = collarPrice(order.side, last, terms);
  const beyond = order.side === 'buy' ? order.limitPrice > collar : order.limitPrice < collar;
  if (beyond) {
    return 'price_outside_collar';
  }
  return isMultipleOf(order.limitPrice, terms.tick) ? null : 'price_off_tick';
}

function sizeRefusal(order: Instruction, worst: Amount, terms: Terms): RejectionReason | null {
  if (order.quantity === null) {
    const affordable = ((order.notional ?? ZERO) * ONE) / worst;
    if (affordable - (affordable % terms.lot) < terms.minQuantity) {
      return 'notional_too_small';
    }
    return affordable > terms.maxQuantity ? 'quantity_above_maximum' : null;
  }
  if (!isMultipleOf(order.quantity, terms.lot)) {
    return 'quantity_off_lot';
  }
  if (order.quantity < terms.minQuantity) {
    return 'quantity_below_minimum';
  }
  return order.quantity > terms.maxQuantity ? 'quantity_above_maximum' : null;
}

function limitsRefusal(
  order: Instruction,
  worst: Amount,
  last: Amount,
  situation: Situation,
): RejectionReason | null {
  // A sale far below the market is worth what the market pays, not what it asks at least.
  const price = order.side === 'sell' && last > worst ? last : worst;
  const value = principalOf(order, price);
  const reason = situation.valueRefusal(value);
  if (reason !== null) {
    return reason;
  }
  if (reservationOf(order, worst, situation.terms) > MAX_AMOUNT) {
    return 'limit_exceeded';
  }
  return mayRest(order) ? situation.openOrdersRefusal(situation.openOrders + 1) : null;
}

function reservationOf(order: Instruction, worst: Amount, terms: Terms): bigint {
  return reservedFor(order.side, order, worst, worstFeeBps(terms));
}

function fundsRefusal(reservation: bigint, funds: Situation['funds']): RejectionReason | null {
  if (funds !== null && funds.status !== 'active') {
    return 'wallet_not_active';
  }
  return funds === null || funds.available < reservation ? 'insufficient_funds' : null;
}

/** What an order is to a gate: whoever sells what they hold has less to lose than before. */
export function moveOf(side: 'buy' | 'sell'): 'trade' | 'reduce' {
  return side === 'sell' ? 'reduce' : 'trade';
}
